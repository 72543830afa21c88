"""Sessions of recordings: begun, looked at, released, finished and judged."""
import json
import os
import threading
import time
import urllib.parse
import xml.etree.ElementTree as xml

import pytest

from upstream import DONE, chunk, completion

SESSIONS = "/v1alpha/replay/sessions"
KEY = "sk-test-0123456789abcdef"
ODD = "tests/a.py::test[ü x/release]"


def ask(text="hi", **more):
    return {"model": "openai/m1", "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "recordings")


@pytest.fixture
def recorder(start, upstream, folder):
    return start("--record-mode", "record", "--recordings", folder,
                 env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})


@pytest.fixture
def player(start, folder):
    return lambda *flags: start("--record-mode", "replay", "--recordings", folder, *flags)


def path_of(session, end=""):
    return f"{SESSIONS}/{urllib.parse.quote(session, safe='')}{end}"


def begin(q, name, **more):
    status, _, body = q.request("POST", SESSIONS, {"name": name, **more})
    assert status == 200, body
    return json.loads(body)


def look(q, name):
    status, _, body = q.request("GET", path_of(name))
    return status, json.loads(body)


def finish(q, name):
    status, _, body = q.request("DELETE", path_of(name))
    assert status == 200, body
    return json.loads(body)


def say(q, session, text="hi", **more):
    # What a client of HTTP may put into a header.
    name = session.encode().decode("latin-1")
    return q.chat(ask(text, **more), headers={"x-replay-session": name})


def in_folder(folder, verdict):
    where = os.path.join(folder, verdict["folder"])
    return sorted(os.listdir(where)) if os.path.isdir(where) else []


@pytest.mark.parametrize("session", ["s1", ODD, "../../up"])
def test_a_session_is_recorded_and_judged(recorder, upstream, player, folder, session):
    upstream.handler = lambda call: call.json(200, completion())
    assert begin(recorder, session)["status"] == "running"
    for text in "abc":
        assert say(recorder, session, text)[0] == 200
    done = finish(recorder, session)
    assert (done["id"], done["ok"], done["recorded_total"], done["status"]) == (session, True, 3, "finished")
    assert sorted(done["recorded"]) == in_folder(folder, done)
    assert os.path.dirname(os.path.realpath(os.path.join(folder, done["folder"]))) == os.path.realpath(folder)
    recorder.stop()

    q = player()
    state = begin(q, session)
    assert state["unused_total"] == 3 and state["served"] == [] and state["ok"]
    assert say(q, session, "a")[0] == 200
    assert say(q, session, "nobody asked this")[0] == 422
    status, state = look(q, session)
    assert status == 200 and state["status"] == "running"
    assert [len(state[k]) for k in ("served", "missed", "unused")] == [1, 1, 2]
    done = finish(q, session)
    assert not done["ok"] and done["verdict"] == "unmatched" and done["mode"] == "replay"
    assert "nobody asked this" in done["missed"][0], done["missed"]
    # Begun anew it has seen nothing.
    state = begin(q, session)
    assert state["served_total"] == state["missed_total"] == 0 and state["unused_total"] == 3


def test_what_is_strict_fails_for_unused_and_edited(recorder, upstream, player, folder):
    upstream.handler = lambda call: call.json(200, completion(content="hello"))
    for text in "ab":
        say(recorder, "s", text)
    done = finish(recorder, "s")
    recorder.stop()
    name = os.path.join(folder, "s", done["recorded"][0])
    with open(name) as f:
        text = f.read()
    with open(name, "w") as f:
        f.write(text.replace("hello", "HELLO"))
    q = player()

    begin(q, "s", strict=False)
    say(q, "s", "a")
    assert finish(q, "s")["verdict"] == "ok"
    begin(q, "s", strict=True)
    say(q, "s", "b")
    done = finish(q, "s")
    assert (done["ok"], done["verdict"], done["unused_total"]) == (False, "unused", 1)
    begin(q, "s")
    say(q, "s", "a")
    say(q, "s", "b")
    done = finish(q, "s")
    assert (done["verdict"], done["edited_total"], done["served_total"]) == ("ok", 1, 2)


def test_recording_again_replaces(recorder, upstream, folder):
    upstream.handler = lambda call: call.json(200, completion())
    for text in "abc":
        say(recorder, "s", text)
    say(recorder, "other", "x")
    before = in_folder(folder, finish(recorder, "s"))
    assert len(before) == 3
    begin(recorder, "s")
    # The same exchange keeps its name; what was not asked again goes.
    for text in "bd":
        say(recorder, "s", text)
    done = finish(recorder, "s")
    after = in_folder(folder, done)
    assert done["lost_total"] == 0 and done["ok"], done
    assert sorted(done["removed"]) == ["s/" + before[0], "s/" + before[2]]
    assert len(after) == 2 and before[1] in after
    assert in_folder(folder, finish(recorder, "other"))
    # A run that asked nothing removes nothing.
    begin(recorder, "s")
    assert finish(recorder, "s")["removed"] == [] and in_folder(folder, done) == after


def test_what_is_replaced_is_replayed(recorder, upstream, player):
    upstream.handler = lambda call: call.json(200, completion(content="old"))
    say(recorder, "s", "a")
    say(recorder, "s", "a")
    finish(recorder, "s")
    upstream.handler = lambda call: call.json(200, completion(content="new"))
    begin(recorder, "s")
    say(recorder, "s", "a")
    assert finish(recorder, "s")["removed_total"] == 1
    assert b"new" in q_answer(recorder, "s")
    recorder.stop()
    assert b"new" in q_answer(player("--on-exhausted", "error"), "s")


def q_answer(q, session):
    return q.chat(ask("a"), headers={"x-replay-session": session})[2]


def test_an_answer_on_its_way_is_waited_for(recorder, upstream, folder):
    def slow(call):
        call.start_stream()
        call.chunk(chunk("a"))
        time.sleep(0.5)
        call.chunk(DONE)
        call.end_stream()
    upstream.handler = slow
    t = threading.Thread(target=say, args=(recorder, "s"), kwargs={"stream": True})
    t.start()
    while not upstream.chat_requests():
        time.sleep(0.01)
    done = finish(recorder, "s")
    t.join()
    assert done["recorded_total"] == 1 and in_folder(folder, done) == done["recorded"]


def test_a_session_has_a_mode_of_its_own(start, upstream, folder):
    upstream.handler = lambda call: call.json(200, completion())
    os.mkdir(folder)
    q = start("--record-mode", "spy", "--recordings", folder, env={"OPENAI_BASE_URL": upstream.url})
    assert say(q, "s")[1]["x-replay-status"] == "live"
    assert finish(q, "s")["live_total"] == 1
    begin(q, "s", mode="record")
    assert say(q, "s")[1]["x-replay-status"] == "recorded"
    assert finish(q, "s")["recorded_total"] == 1
    begin(q, "s", mode="replay")
    assert say(q, "s")[1]["x-replay-status"] == "hit"
    assert say(q, "s", "another")[0] == 422


def test_each_recording_is_used_once(recorder, upstream, player):
    turns = iter(range(1000))
    lock = threading.Lock()

    def answer(call):
        with lock:
            n = next(turns)
        call.json(200, completion(content=f"turn {n}"))
    upstream.handler = answer
    for _ in range(200):
        assert say(recorder, "s")[0] == 200
    assert finish(recorder, "s")["recorded_total"] == 200
    recorder.stop()
    q = player("--on-exhausted", "error")
    got = []

    def go():
        answer = say(q, "s")
        with lock:
            got.append(answer)
    threads = [threading.Thread(target=go) for _ in range(200)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {s for s, _, _ in got} == {200}
    assert len({b for _, _, b in got}) == len({h["x-replay-id"] for _, h, _ in got}) == 200
    done = finish(q, "s")
    assert (done["served_total"], done["unused_total"], done["ok"]) == (200, 0, True)


def test_a_held_stream_is_released(recorder, upstream, player):
    upstream.handler = lambda call: call.stream([chunk("a"), chunk("b"), DONE])
    say(recorder, "s", stream=True)
    finish(recorder, "s")
    recorder.stop()
    q = player()
    got = []
    t = threading.Thread(target=lambda: got.append(q.chat(
        ask(stream=True), headers={"x-replay-session": "s", "x-replay-hold": "1"})))
    t.start()
    while look(q, "s")[0] != 200 or look(q, "s")[1]["served_total"] == 0:
        time.sleep(0.01)
    time.sleep(0.2)
    assert not got
    status, _, body = q.request("POST", path_of("s", "/release"))
    assert status == 200 and json.loads(body)["released"]
    t.join(10)
    assert got[0][2].endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("how", ["header", "query"])
def test_junit(recorder, upstream, player, how):
    upstream.handler = lambda call: call.json(200, completion())
    name = 'a<b>&"c'
    for text in "ab":
        say(recorder, name, text)
    finish(recorder, name)
    recorder.stop()
    q = player("--record-strict")
    begin(q, name)
    say(q, name, "a")
    say(q, name, "\x01<&é]]>")
    path = path_of(name) + ("?format=junit" if how == "query" else "")
    status, headers, body = q.request("DELETE", path, headers={"accept": "application/xml"} if how == "header" else {})
    assert status == 200 and headers["content-type"] == "application/xml"
    suite, = xml.fromstring(body).findall("testsuite")
    assert suite.get("name") == "quipu." + name
    assert [suite.get(k) for k in ("tests", "failures", "errors", "skipped")] == ["3", "2", "0", "0"]
    assert len(suite.findall("testcase")) == 3
    types = [f.get("type") for f in suite.iter("failure")]
    assert types == ["missed", "unused"]
    assert "é" in suite.find("testcase/failure").text


def test_what_is_asked_wrongly(start, player, folder):
    off = start()
    for method, path in (("POST", SESSIONS), ("GET", path_of("s")), ("DELETE", path_of("s")),
                         ("POST", path_of("s", "/release"))):
        status, _, body = off.request(method, path, {"name": "s"})
        assert status == 404 and json.loads(body)["error"]["code"] == "recordings_off"
        assert "--record-mode" in json.loads(body)["error"]["message"]
    os.mkdir(folder)
    q = player()
    for body, status, param in ((b"{", 400, None), ({}, 400, "name"), ({"name": 1}, 400, "name"),
                                ({"name": "s", "mode": "x"}, 400, "mode"), ({"name": "s", "strict": 1}, 400, "strict"),
                                ({"name": "s", "mode": "record"}, 403, "mode"), ({"name": "s" * 2000}, 400, "name")):
        got, _, text = q.request("POST", SESSIONS, body)
        assert (got, json.loads(text)["error"]["param"]) == (status, param), (body, text)
    for method, path in (("GET", path_of("s")), ("DELETE", path_of("s")), ("POST", path_of("s", "/release"))):
        status, _, body = q.request(method, path)
        assert status == 404 and json.loads(body)["error"]["code"] == "session_not_found"
    assert q.request("POST", path_of("s", "/held"))[0] == 404
    status, headers, _ = q.request("PUT", path_of("s"))
    assert status == 405 and headers["allow"] == "GET, DELETE, POST"


def test_clients_may_not_choose(player, folder):
    os.mkdir(folder)
    q = player("--record-overrides=false")
    assert q.request("POST", SESSIONS, {"name": "s", "strict": True})[0] == 403
    begin(q, "s")
