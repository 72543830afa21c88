"""Recordings: what was recorded from an upstream is played without it, byte for byte."""
import json
import os
import threading
import time

import pytest

from quipu import SLOW
from upstream import DONE, chunk, completion

ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]}
KEY = "sk-test-0123456789abcdef"

EVENTS = [b": a comment\n\n", chunk("h\u00e9", n=1), chunk("llo", index=1), b"data: :odd\n\n",
          chunk("", finish="stop"), DONE]


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "recordings")


@pytest.fixture
def recorder(start, upstream, folder):
    return start("--record-mode", "record", "--recordings", folder,
                 env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})


@pytest.fixture
def player(start, folder):
    """Started when it is asked for: the recordings must be there."""
    return lambda *flags, **kw: start("--record-mode", "replay", "--recordings", folder, *flags, **kw)


def files(folder):
    return sorted(os.path.relpath(os.path.join(where, n), folder)
                  for where, _, names in os.walk(folder) for n in names)


def record(recorder, bodies, session="s1"):
    answers = [recorder.chat(b, headers={"x-replay-session": session})[2] for b in bodies]
    recorder.stop()
    return answers


def test_what_was_recorded_is_played(recorder, upstream, player, folder):
    upstream.handler = lambda call: (call.stream(EVENTS) if call.request.json.get("stream")
                                     else call.json(200, completion(content="hi there")))
    asks = [{**ASK, "stream": True, "n": 2}, ASK]
    recorded = record(recorder, asks)
    assert [f for f in files(folder) if f.startswith("s1/")] == \
        [f for f in files(folder) if "chat.completions-m1" in f]
    upstream.close()
    q = player()
    for ask, want in zip(asks, recorded):
        status, headers, got = q.chat(ask, headers={"x-replay-session": "s1"})
        assert (status, got) == (200, want)
        assert headers["x-replay-status"] == "hit" and headers["x-replay-match"] == "exact"
        assert headers["x-replay-id"].startswith("s1/")


def test_a_key_is_in_no_file(recorder, upstream, folder):
    upstream.handler = lambda call: call.json(200, completion(content="your key is " + KEY))
    record(recorder, [{**ASK, "messages": [{"role": "user", "content": "my key is " + KEY}]}])
    assert files(folder)
    for name in files(folder):
        with open(os.path.join(folder, name), "rb") as f:
            assert KEY.encode() not in f.read()


@pytest.mark.parametrize("theirs", [False, True])
def test_a_key_of_no_known_shape_is_in_no_file(start, upstream, folder, theirs):
    odd = "just.some-words.for-a-key"
    upstream.handler = lambda call: call.json(401, {"error": {"message": "Bad key: " + odd}})
    q = start("--record-mode", "record", "--recordings", folder,
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY if theirs else odd})
    headers = {"x-ogx-provider-data": json.dumps({"openai_api_key": odd})} if theirs else {}
    assert q.chat(ASK, headers=headers)[0] >= 400
    q.stop()
    assert upstream.chat_requests()[0].headers["authorization"] == "Bearer " + odd
    assert [f for f in files(folder) if "chat" in f]
    for name in files(folder):
        with open(os.path.join(folder, name), "rb") as f:
            assert odd.encode() not in f.read(), name


def test_errors_are_recorded_and_played(start, upstream, player, folder):
    q = start("--record-mode", "record", "--recordings", folder, "--retries", "0",
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})
    upstream.handler = lambda call: call.json(429, {"error": {"message": "slow down"}}, [("retry-after", "7")])
    live = q.chat(ASK)
    q.stop()
    status, headers, body = player("--retries", "0").chat(ASK)
    assert status == 429 and body == live[2] and headers["retry-after"] == "7"


def test_repeats_come_in_their_order(recorder, upstream, player):
    turns = iter(range(100))
    upstream.handler = lambda call: call.json(200, completion(content=f"turn {next(turns)}"))
    recorded = record(recorder, [ASK, ASK, ASK])
    assert len(set(recorded)) == 3
    q = player("--on-exhausted", "error")
    answers, lock = [], threading.Lock()

    def ask():
        got = q.chat(ASK, headers={"x-replay-session": "s1"})
        with lock:
            answers.append(got)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(b for s, _, b in answers if s == 200) == sorted(recorded)
    misses = [(s, h) for s, h, _ in answers if s != 200]
    assert len(misses) == 5
    assert {(s, h["x-replay-status"]) for s, h in misses} == {(422, "exhausted")}


def test_a_miss_explains_itself(recorder, upstream, player):
    upstream.handler = lambda call: call.json(200, completion())
    record(recorder, [{**ASK, "temperature": 0.5}])
    q = player()
    status, headers, body = q.chat({**ASK, "temperature": 0.7}, headers={"x-replay-session": "s1"})
    error = json.loads(body)["error"]
    assert status == 422 and headers["x-should-retry"] == "false" and headers["x-replay-status"] == "miss"
    assert error["code"] == "replay_miss"
    for part in ("/temperature", "0.5", "0.7", "s1/01-chat.completions-m1", "x-replay-mode"):
        assert part in error["message"], error["message"]
    q.wait_text("no recording: session=s1")


@pytest.mark.parametrize("how", ["header", "alias", "path", "query", "key", "provider data"])
def test_a_session_may_be_named_in_many_ways(recorder, upstream, player, how):
    upstream.handler = lambda call: call.json(200, completion())
    record(recorder, [ASK], session="tests/a.py::test[x]")
    q = player("--record-strict")
    path, headers = "/v1/chat/completions", {}
    if how == "header":
        headers = {"X-Replay-Session": "tests/a.py::test[x]"}
    elif how == "alias":
        headers = {"X-Test-Id": "tests/a.py::test[x]"}
    elif how == "path":
        path = "/s/tests%2Fa.py::test[x]" + path
    elif how == "query":
        path += "?replay_session=tests%2Fa.py::test[x]"
    elif how == "key":
        headers = {"Authorization": "Bearer sk-any#tests/a.py::test[x]"}
    else:
        headers = {"X-OGX-Provider-Data": json.dumps({"__test_id": "tests/a.py::test[x]"})}
    status, got, _ = q.request("POST", path, ASK, headers)
    assert status == 200 and got["x-replay-id"].startswith("tests-a.py-test-x-")
    assert q.request("POST", path, ASK, {**headers, "X-Replay-Session": "other"})[0] == 422


@pytest.mark.parametrize("segment", ["1", "7", "event", "split-utf8", "coalesce"])
def test_pieces_make_the_same_bytes(recorder, upstream, player, segment):
    upstream.handler = lambda call: call.stream(EVENTS)
    ask = {**ASK, "stream": True}
    want, = record(recorder, [ask])
    got = player().chat(ask, headers={"x-replay-session": "s1", "x-replay-segment": segment})[2]
    assert got == want


def test_times_are_kept_when_asked_for(recorder, upstream, player):
    def handler(call):
        call.start_stream()
        for text in "abc":
            call.chunk(chunk(text))
            time.sleep(0.15)
        call.chunk(DONE)
        call.send(b"0\r\n\r\n")
    upstream.handler = handler
    ask = {**ASK, "stream": True}
    record(recorder, [ask])
    q = player()
    took = {}
    for speed in ("0", "1", "3"):
        begin = time.monotonic()
        assert q.chat(ask, headers={"x-replay-session": "s1", "x-replay-speed": speed})[0] == 200
        took[speed] = time.monotonic() - begin
    assert took["1"] > 0.4 and took["3"] > 0.13
    assert took["0"] < 0.3 * SLOW and took["3"] < took["1"]


def test_faults_are_played(recorder, upstream, player):
    upstream.handler = lambda call: call.stream(EVENTS)
    ask = {**ASK, "stream": True}
    want, = record(recorder, [ask])
    q = player("--retries", "2")

    def play(fault):
        return q.chat(ask, headers={"x-replay-session": "s1", "x-replay-fault": fault})
    begin = time.monotonic()
    status, headers, _ = play("status=429;retry-after=20")
    assert (status, headers["retry-after"]) == (429, "20")
    assert time.monotonic() - begin < 5 * SLOW, "nobody has to wait for what was recorded"
    assert play("status=500;occurrence=99")[2] == want
    assert b"overloaded_error" in play("inject@event:2:overloaded_error")[2]
    assert DONE not in play("garble@event:2")[2] or play("garble@event:2")[2] != want
    status, _, body = q.chat(ask, headers={"x-replay-session": "s1", "x-replay-fault": "explode"})
    assert status == 400 and b"x-replay-fault" in body


def test_only_playing_stays_so(recorder, upstream, player):
    upstream.handler = lambda call: call.json(200, completion())
    record(recorder, [ASK])
    q = player(env={"OPENAI_BASE_URL": upstream.url})
    before = len(upstream.requests)
    status, _, body = q.chat({**ASK, "n": 2}, headers={"x-replay-mode": "record"})
    assert status == 400 and b"only replays" in body
    assert q.chat({**ASK, "n": 2})[0] == 422
    assert len(upstream.requests) == before


def test_auto_records_what_is_missing(start, upstream, folder):
    upstream.handler = lambda call: call.json(200, completion(content=str(len(upstream.chat_requests()))))
    q = start("--record-mode", "auto", "--recordings", folder,
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})
    first = q.chat(ASK)
    deadline = time.monotonic() + 10 * SLOW
    while not any("chat" in f for f in files(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    second = q.chat(ASK)
    assert first[1]["x-replay-status"] == "recorded" and second[1]["x-replay-status"] == "hit"
    assert first[2] == second[2] and len(upstream.chat_requests()) == 1


def test_a_killed_recorder_leaves_whole_files(start, upstream, folder):
    upstream.handler = lambda call: call.stream(EVENTS)
    q = start("--record-mode", "record", "--recordings", folder,
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})
    for i in range(30):
        q.chat({**ASK, "stream": True, "seed": i})
    q.process.kill()
    q.stop(expect=-9, signal_it=False)
    for name in files(folder):
        if name.endswith(".json"):
            with open(os.path.join(folder, name)) as f:
                json.load(f)


def tool_call(call_id, name="f"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}


def tool_turn(*ids, content=None):
    return completion(choices=[{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": content, "tool_calls": [tool_call(i) for i in ids]}}])


def second_turn(*ids):
    calls = {"role": "assistant", "content": None, "tool_calls": [tool_call(i) for i in ids]}
    return {**ASK, "messages": [*ASK["messages"], calls, *[
        {"role": "tool", "tool_call_id": i, "content": f"result {n}"} for n, i in enumerate(ids)]]}


A, B, C = "call_aaaaaaaaaaaa", "call_bbbbbbbbbbbb", "call_cccccccccccc"
X, Y, Z = "call_xxxxxxxxxxxx", "call_yyyyyyyyyyyy", "call_zzzzzzzzzzzz"


@pytest.fixture
def tool_recordings(recorder, upstream):
    """Two turns: calls of two tools, then their results, whose answer names one of them and a new one."""
    upstream.handler = lambda call: call.json(
        200, tool_turn(B, C, content="see below") if len(call.request.json["messages"]) > 1 else tool_turn(A, B))
    record(recorder, [ASK, second_turn(A, B)])


def ids_of(answer):
    assert answer[0] == 200, answer
    return [c["id"] for c in json.loads(answer[2])["choices"][0]["message"]["tool_calls"]]


def test_a_conversation_is_played_with_its_own_ids(tool_recordings, player):
    q = player()
    headers = {"x-replay-session": "s1"}
    first = q.chat(ASK, headers=headers)
    second = q.chat(second_turn(*ids_of(first)), headers=headers)
    assert (ids_of(first), ids_of(second)) == ([A, B], [B, C])
    assert [a[1]["x-replay-match"] for a in (first, second)] == ["exact", "exact"]


def test_a_client_with_other_ids_gets_its_own_back(tool_recordings, player):
    q = player("--on-exhausted", "cycle")
    headers = {"x-replay-session": "s1"}
    assert ids_of(q.chat(ASK, headers=headers)) == [A, B]
    second = q.chat(second_turn(X, Y), headers=headers)
    assert second[1]["x-replay-match"] == "normalised" and ids_of(second) == [Y, C]
    # From now on the session's ids stand for the recorded ones, also where a match is exact.
    assert ids_of(q.chat(ASK, headers=headers)) == [X, Y]
    # An id that stood for another one is another request.
    status, _, body = q.chat(second_turn(Y, X), headers=headers)
    assert status == 422 and b"stands for another one" in body
    assert q.chat(second_turn(X, X), headers=headers)[0] == 422
    # Where only the first tier counts, other ids are another request.
    assert q.chat(second_turn(X, Y), headers={**headers, "x-replay-strict": "true"})[0] == 422
