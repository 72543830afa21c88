"""What goes wrong around a response: the model's calls, the upstream, the store, clients that leave, races, kill -9."""
import json
import os
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from quipu import SLOW
from responses import create, frames, kept, stream, text_of
from test_responses import TOOL, calls_of
from test_responses_socket import Slow
from upstream import DONE, chunk

ASK = {"model": "openai/m1", "input": "hi"}


@pytest.fixture
def serve(start, upstream, tmp_path):
    def go(store=None, *flags):
        q = start("--store", store or f"sqlite:{tmp_path}/q.db", *flags,
                  env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})
        q.db = tmp_path / "q.db"
        return q
    return go


def get(q, id):
    status, _, data = q.request("GET", f"/v1/responses/{id}")
    return status, json.loads(data)


def wait(q, id, *states):
    deadline = time.monotonic() + 20 * SLOW
    while True:
        status, answer = get(q, id)
        if status == 200 and answer["status"] in states:
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)


def begin(q, body):
    """A stream that was begun: (the socket, its response's id)."""
    sock = q.connect()
    text = json.dumps({**ASK, "stream": True, **body}).encode()
    sock.sendall(b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                 b"content-length: %d\r\n\r\n%s" % (len(text), text))
    data = b""
    while b"response.in_progress\n" not in data:
        data += sock.recv(65536)
    return sock, "resp_" + data.split(b'"id":"resp_')[1].split(b'"')[0].decode()


# --- what the model does

@pytest.mark.parametrize("arguments", ['{"city":', "not json", '[1,2]', '{"city":1}', '"\\ud800"'])
def test_malformed_arguments_are_the_clients_to_judge(serve, upstream, arguments):
    q = serve()
    upstream.handler = lambda call: call.stream(calls_of(("weather", arguments)))
    answer = stream(q, {**ASK, "tools": [TOOL]})[-1]["response"]
    assert answer["status"] == "completed" and answer["output"][0]["arguments"] == arguments
    upstream.handler = lambda call: call.stream([chunk("ok"), chunk(finish="stop"), DONE])
    status, second = create(q, {**ASK, "tools": [TOOL], "previous_response_id": answer["id"], "input": [
        {"type": "function_call_output", "call_id": "call_0", "output": "that was no JSON"}]})
    assert status == 200 and text_of(second) == "ok"
    sent = upstream.chat_requests()[-1].json["messages"]
    assert sent[1]["tool_calls"][0]["function"]["arguments"] == arguments


def test_calls_of_unknown_tools_are_told(serve, upstream):
    q = serve()
    upstream.handler = lambda call: call.stream(calls_of(("nobody", "{}")))
    for tools in ({"tools": [TOOL]}, {}):
        status, answer = create(q, {**ASK, **tools})
        assert status == 200 and answer["output"][0]["name"] == "nobody"


def test_an_upstream_that_dies_in_a_call(serve, upstream):
    q = serve()

    def handler(call):
        call.start_stream()
        for piece in calls_of(("weather", '{"city":"Li'))[:2]:
            call.chunk(piece)
        call.hang_up()

    upstream.handler = handler
    events = stream(q, {**ASK, "tools": [TOOL]})
    failed = events[-1]["response"]
    assert events[-1]["type"] == "response.failed"
    assert (failed["output"][0]["status"], failed["output"][0]["arguments"]) == ("incomplete", '{"city":"Li')
    assert not [e for e in events if e["type"].endswith("arguments.done")]
    assert get(q, failed["id"])[1] == failed
    status, body = create(q, {**ASK, "tools": [TOOL]})
    assert status == 502 and body["error"]["message"]
    # Half a call is followed by nobody.
    status, body = create(q, {**ASK, "previous_response_id": failed["id"], "input": [
        {"type": "function_call_output", "call_id": "call_0", "output": "x"}]})
    assert status == 400, body


# --- the store

def test_a_locked_file_does_not_break_a_stream(serve, upstream):
    q = serve()
    slow = upstream.handler = Slow()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stream, q, ASK)
        assert slow.begun.wait(20 * SLOW)
        db = sqlite3.connect(q.db, timeout=30, isolation_level=None)
        db.execute("BEGIN EXCLUSIVE")
        slow.go.set()
        events = answer.result(30 * SLOW)
        assert events[-1]["type"] == "response.completed"
        db.execute("ROLLBACK")
        db.close()
    id = events[-1]["response"]["id"]
    assert wait(q, id, "completed") == events[-1]["response"]
    # And its events, all of them.
    status, _, data = q.request("GET", f"/v1/responses/{id}?stream=true")
    assert status == 200 and frames(data) == events


def test_a_database_that_goes_and_comes_back(serve, upstream, postgres):
    q = serve(postgres.database())
    slow = upstream.handler = Slow()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stream, q, ASK)
        assert slow.begun.wait(20 * SLOW)
        postgres.stop("immediate")
        slow.go.set()
        events = answer.result(30 * SLOW)
        assert events[-1]["type"] == "response.completed"
        status, body = create(q, {**ASK, "background": True})
        assert status in (500, 503) and body["error"]["message"]
        postgres.start()
    assert wait(q, events[-1]["response"]["id"], "completed") == events[-1]["response"]


# --- races

def test_cancel_races_completion(serve, upstream):
    """Whoever was first, both say the same for ever."""
    q = serve()
    seen = set()
    for n in range(60):
        status, answer = create(q, {**ASK, "background": True})
        assert status == 200
        time.sleep(n % 20 / 1000)
        status, _, data = q.request("POST", f"/v1/responses/{answer['id']}/cancel")
        said = json.loads(data)
        assert status in (200, 409), said
        end = wait(q, answer["id"], "completed", "cancelled")
        assert (status == 200) == (end["status"] == "cancelled"), (status, end["status"])
        assert (end["output"] == []) == (status == 200)
        seen.add(status)
        time.sleep(0.01)
        assert get(q, answer["id"])[1] == end
    assert 200 in seen or 409 in seen


def test_two_follow_one_response(serve, upstream):
    q = serve()
    _, first = create(q, {**ASK, "input": "root"})
    for _ in range(10):
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda n: create(q, {
                **ASK, "input": f"branch {n}", "previous_response_id": first["id"]}), range(4)))
        assert all(status == 200 for status, _ in answers)
        assert len({a["id"] for _, a in answers}) == 4
        for n, (_, answer) in enumerate(answers):
            create(q, {**ASK, "input": "next", "previous_response_id": answer["id"]})
            said = [m["content"] for m in upstream.chat_requests()[-1].json["messages"]]
            assert said == ["root", "Hello", f"branch {n}", "Hello", "next"]


# --- clients that leave

@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("phase", ["before the head", "before the first chunk", "between chunks", "in a call"])
def test_a_hang_up(serve, upstream, phase, store):
    q = serve()
    ready, gone = threading.Event(), threading.Event()

    def handler(call):
        if phase != "before the head":
            call.start_stream()
        if phase == "between chunks":
            call.chunk(chunk("Hel"))
        elif phase == "in a call":
            for piece in calls_of(("weather", '{"city":"Li'))[:2]:
                call.chunk(piece)
        ready.set()
        if call.wait_gone(20 * SLOW) is not None:
            gone.set()
        call.hang_up()

    upstream.handler = handler
    sock, id = begin(q, {"store": store, "tools": [TOOL]})
    assert ready.wait(20 * SLOW)
    sock.close()
    assert gone.wait(20 * SLOW)
    if store:
        answer = wait(q, id, "cancelled")
        assert answer["error"] is None and answer["incomplete_details"] is None
        assert all(i["status"] == "incomplete" for i in answer["output"])
    else:
        assert get(q, id)[0] == 404
        q.stop()
        assert kept(q, id) is None
        db = sqlite3.connect(q.db)
        assert db.execute("SELECT count(*) FROM objects").fetchone() == (0,)
        db.close()


def test_a_hang_up_of_one_that_does_not_stream(serve, upstream):
    q = serve()
    slow = upstream.handler = Slow()
    text = json.dumps(ASK).encode()
    sock = q.connect()
    sock.sendall(b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                 b"content-length: %d\r\n\r\n%s" % (len(text), text))
    assert slow.begun.wait(20 * SLOW)
    sock.close()
    assert slow.gone.wait(20 * SLOW)
    deadline = time.monotonic() + 20 * SLOW
    while True:
        listed = json.loads(q.request("GET", "/v1/responses")[2])["data"]
        if [r["status"] for r in listed] == ["cancelled"]:
            break
        assert time.monotonic() < deadline, listed
        time.sleep(0.02)


# --- the process dies

def test_kill_9_under_load(serve, upstream):
    """What a GET has shown as completed is there afterwards, the same."""
    q = serve()
    confirmed, stop = {}, threading.Event()

    def work(n):
        previous = None
        while not stop.is_set():
            try:
                ask = {**ASK, "input": f"from {n}", "previous_response_id": previous}
                status, answer = create(q, ask)
                assert status == 200, answer
                status, shown = get(q, answer["id"])
                assert status == 200 and shown == answer
                confirmed[answer["id"]] = shown
                previous = answer["id"]
            except (OSError, json.JSONDecodeError):
                return
            except Exception as error:
                if "IncompleteRead" in repr(error) or "RemoteDisconnected" in repr(error):
                    return
                raise

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(work, n) for n in range(6)]
        deadline = time.monotonic() + 30 * SLOW
        while len(confirmed) < 60 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(q.process.pid, signal.SIGKILL)
        stop.set()
        for job in jobs:
            job.result(30 * SLOW)
    q.stop(expect=-signal.SIGKILL, signal_it=False)
    assert len(confirmed) >= 60
    again = serve()
    for id, shown in confirmed.items():
        assert get(again, id) == (200, shown)
    last = list(confirmed)[-1]
    assert create(again, {**ASK, "previous_response_id": last})[0] == 200
