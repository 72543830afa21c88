"""What each mode of recordings does with a request that has one, and with one that has none."""
import json
import os
import time

import pytest

from quipu import SLOW
from upstream import DONE, chunk, completion

KNOWN = {"model": "openai/m1", "messages": [{"role": "user", "content": "known"}]}
UNKNOWN = {"model": "openai/m1", "messages": [{"role": "user", "content": "unknown"}]}
KEY = "sk-test-0123456789abcdef"
MODES = ("off", "record", "auto", "replay", "spy", "refresh", "verify")

# For a recorded request and one that is not: is it played, live or refused; is a file written?
HIT = {"off": ("live", False), "record": ("live", True), "auto": ("played", False),
       "replay": ("played", False), "spy": ("played", False), "refresh": ("played", False),
       "verify": ("live", False)}
MISS = {"off": ("live", False), "record": ("live", True), "auto": ("live", True),
        "replay": ("refused", False), "spy": ("live", False), "refresh": ("live", True),
        "verify": ("live", False)}
STATUS = {("live", True): "recorded", ("live", False): "live", ("played", False): "hit",
          ("refused", False): "miss"}


def handler(call):
    text = f"answer {len(call.request.json['messages'])} at {time.monotonic()}"
    call.json(200, completion(content=text))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "recordings"


@pytest.fixture
def serve(start, upstream, folder):
    def go(mode, *flags, env=None):
        return start("--record-mode", mode, "--recordings", folder, *flags,
                     env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY, **(env or {})})
    return go


@pytest.fixture
def recorded(serve, upstream):
    upstream.handler = handler
    q = serve("record")
    status, _, body = q.chat(KNOWN, headers={"x-replay-session": "s"})
    assert status == 200
    q.stop()
    return body


def chats(folder):
    """The recordings of chats: path to text."""
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.json") if "models" not in p.name}


def ask(q, upstream, folder, body, headers):
    """(what happened, was a file written), the status header, the answer."""
    asked, before = len(upstream.chat_requests()), chats(folder)
    status, got, answer = q.chat(body, headers={"x-replay-session": "s", **headers})
    live = len(upstream.chat_requests()) > asked
    deadline = time.monotonic() + (5 * SLOW if got.get("x-replay-status") == "recorded" else 0.1)
    while chats(folder) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    how = "live" if live else "played" if status == 200 else "refused"
    return (how, chats(folder) != before), got.get("x-replay-status"), answer


@pytest.mark.parametrize("how", ["configured", "header"])
@pytest.mark.parametrize("mode", MODES)
def test_what_a_mode_does(serve, upstream, folder, recorded, mode, how):
    q = serve(mode) if how == "configured" else serve("off")
    headers = {"x-replay-mode": mode} if how == "header" else {}
    did, status, body = ask(q, upstream, folder, KNOWN, headers)
    want = STATUS[HIT[mode]]
    if mode == "verify":
        want = "verified"
    assert (did, status) == (HIT[mode], want if mode != "off" else None)
    assert (body == recorded) == (did[0] == "played")
    did, status, body = ask(q, upstream, folder, UNKNOWN, headers)
    assert (did, status) == (MISS[mode], STATUS[MISS[mode]] if mode != "off" else None)


@pytest.mark.parametrize("mode", MODES)
def test_a_replaying_server_only_replays(serve, upstream, folder, recorded, mode):
    q = serve("replay")
    did, _, body = ask(q, upstream, folder, KNOWN, {"x-replay-mode": mode})
    assert did == ("played" if mode == "replay" else "refused", False), body
    did, _, _ = ask(q, upstream, folder, KNOWN, {"x-replay-skip": "true"})
    assert did == ("refused", False)
    status, _, body = q.request("GET", "/v1/passthrough/openai/anything")
    assert status == 422 and json.loads(body)["error"]["code"] == "replay_miss"


def test_headers_may_be_switched_off(serve, upstream, folder, recorded):
    q = serve("replay", "--no-record-overrides")
    assert ask(q, upstream, folder, KNOWN, {"x-replay-mode": "record"})[0] == ("played", False)


@pytest.mark.parametrize("mode", ["auto", "spy", "refresh", "verify", "record"])
def test_skip_leaves_the_recordings_alone(serve, upstream, folder, recorded, mode):
    did, status, _ = ask(serve(mode), upstream, folder, KNOWN, {"x-replay-skip": "true"})
    assert (did, status) == (("live", False), "live")


def test_auto_records_nothing_in_ci(serve, upstream, folder, recorded):
    q = serve("auto", env={"CI": "true"})
    assert ask(q, upstream, folder, KNOWN, {})[0] == ("played", False)
    did, status, body = ask(q, upstream, folder, UNKNOWN, {})
    assert (did, status) == (("refused", False), "miss")
    assert "recordings.in_ci" in json.loads(body)["error"]["message"]
    q.stop()
    q = serve("auto", "--record-in-ci", env={"CI": "true"})
    assert ask(q, upstream, folder, UNKNOWN, {})[0] == ("live", True)


def the_file(folder):
    (name,) = chats(folder)
    return folder / name


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def make_old(path):
    data = json.loads(path.read_text())
    edit(path, data["meta"]["recorded_at"], "2001-02-03T04:05:06Z")


def test_refresh_records_anew_what_is_old(serve, upstream, folder, recorded):
    make_old(the_file(folder))
    q = serve("refresh", "--record-max-age", "30d")
    assert ask(q, upstream, folder, KNOWN, {})[:2] == (("live", True), "recorded")
    assert len(chats(folder)) == 1 and "2001-02-03" not in the_file(folder).read_text()
    assert ask(q, upstream, folder, KNOWN, {})[:2] == (("played", False), "hit")


def test_what_is_old_is_played_and_said(serve, upstream, folder, recorded):
    make_old(the_file(folder))
    q = serve("replay", "--record-max-age", "30d")
    status, headers, body = q.chat(KNOWN, headers={"x-replay-session": "s"})
    assert (status, headers["x-replay-status"], body) == (200, "stale", recorded)
    assert int(headers["x-replay-age"]) > 20 * 365 * 24 * 3600
    # Without a limit nothing is too old.
    q.stop()
    assert serve("replay").chat(KNOWN, headers={"x-replay-session": "s"})[1]["x-replay-status"] == "hit"


def test_refresh_records_anew_what_was_edited(serve, upstream, folder, recorded):
    edit(the_file(folder), "answer 1", "an edited answer")
    q = serve("refresh")
    assert ask(q, upstream, folder, KNOWN, {})[:2] == (("live", True), "recorded")
    assert "an edited answer" not in the_file(folder).read_text()


def test_what_was_edited_is_played_unless_strict(serve, upstream, folder, recorded):
    edit(the_file(folder), "answer 1", "an edited answer")
    q = serve("replay")
    did, status, body = ask(q, upstream, folder, KNOWN, {})
    assert (did, status) == (("played", False), "edited") and b"an edited answer" in body
    did, status, body = ask(q, upstream, folder, KNOWN, {"x-replay-strict": "true"})
    assert (did, status) == (("refused", False), "miss")
    assert "edited after it was recorded" in json.loads(body)["error"]["message"]


def test_the_one_of_a_header_is_recorded_anew(serve, upstream, folder):
    upstream.handler = handler
    q = serve("record")
    first, second = (q.chat(KNOWN, headers={"x-replay-session": "s"})[2] for _ in range(2))
    q.stop()
    assert len(chats(folder)) == 2
    q = serve("refresh")
    did, status, new = ask(q, upstream, folder, KNOWN, {"x-replay-mode": "record", "x-replay-occurrence": "2"})
    assert (did, status) == (("live", True), "recorded") and len(chats(folder)) == 2
    q.stop()
    q = serve("replay")
    assert [ask(q, upstream, folder, KNOWN, {})[2] for _ in range(2)] == [first, new]
    assert new != second


def test_auto_records_the_repeats_that_are_missing(serve, upstream, folder, recorded):
    q = serve("auto", "--on-exhausted", "error")
    assert ask(q, upstream, folder, KNOWN, {})[:2] == (("played", False), "hit")
    did, status, second = ask(q, upstream, folder, KNOWN, {})
    assert (did, status) == (("live", True), "recorded")
    assert len(chats(folder)) == 2
    q.stop()
    q = serve("replay")
    assert [ask(q, upstream, folder, KNOWN, {})[2] for _ in range(2)] == [recorded, second]


CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


@pytest.mark.parametrize("name,was,now,said", [
    ("other words", completion(content="a"), completion(content="b and more"), None),
    ("a member that is null", completion(), completion(service_tier=None), None),
    ("another member", completion(), completion(service_tier="default"), "a new shape"),
    ("another reason", completion(), {**completion(), "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "length"}]},
     'a new finish reason "length"'),
    ("a tool that is called no more",
     completion(choices=[{"index": 0, "message": {"role": "assistant", "content": "", "tool_calls": [CALL]},
                          "finish_reason": "tool_calls"}]),
     completion(choices=[{"index": 0, "message": {"role": "assistant", "content": "", "tool_calls": [
         {**CALL, "function": {"name": "clock", "arguments": "{}"}}]}, "finish_reason": "tool_calls"}]),
     'a new tool "clock"'),
    ("much more input", completion(), completion(usage={"prompt_tokens": 300, "completion_tokens": 5,
                                                        "total_tokens": 305}), "300 input tokens, not 3"),
    ("a little more output", completion(), completion(usage={"prompt_tokens": 3, "completion_tokens": 9,
                                                             "total_tokens": 12}), None),
])
def test_verify_compares(serve, upstream, folder, name, was, now, said):
    upstream.handler = lambda call: call.json(200, was)
    q = serve("record")
    q.chat(KNOWN)
    q.stop()
    upstream.handler = lambda call: call.json(200, now)
    q = serve("verify")
    status, headers, body = q.chat(KNOWN)
    assert status == 200 and json.loads(body)["choices"] == now["choices"]
    assert headers["x-replay-status"] == ("differs" if said else "verified"), q.text()
    assert headers["x-replay-id"].endswith(".json")
    if said:
        assert said in q.wait_text("the answer is another one now: .*").group(0).replace("\\", "")


def test_verify_compares_streams_and_statuses(serve, upstream, folder):
    ask_stream = {**KNOWN, "stream": True}
    upstream.handler = lambda call: call.stream([chunk("a"), chunk("b"), chunk(finish="stop"), DONE])
    q = serve("record")
    q.chat(ask_stream)
    q.stop()
    q = serve("verify", "--retries", "0")
    upstream.handler = lambda call: call.stream([chunk("x"), chunk(finish="stop"), DONE])
    assert q.chat(ask_stream)[1]["x-replay-status"] == "live"
    q.chat(UNKNOWN)
    assert "another one now" not in q.text()
    upstream.handler = lambda call: call.stream([chunk("x"), chunk(finish="length"), DONE])
    q.chat(ask_stream)
    assert 'a new finish reason "length"' in q.wait_text("another one now: .*").group(0).replace("\\", "")
    upstream.handler = lambda call: call.json(503, {"error": {"message": "no"}})
    status, headers, _ = q.chat(ask_stream)
    assert status == 503
    q.wait_text("status 503, not 200")
    assert os.listdir(folder)
