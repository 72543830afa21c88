"""Responses that are made while nobody waits."""
import json
import signal
import sqlite3
import threading
import time

import pytest
from quipu import SLOW
from responses import create
from upstream import DONE, chunk

ASK = {"model": "openai/m1", "input": "hi", "background": True}
RUN, RESPONSE = 8, 1


class Background:
    def __init__(self, start, upstream, path):
        self.start, self.upstream, self.path = start, upstream, path
        self.q = None

    def serve(self, *flags, **env):
        self.q = self.start("--store", f"sqlite:{self.path}", *flags,
                            env={"OPENAI_BASE_URL": self.upstream.url, "OPENAI_API_KEY": "sk-test-0123456789", **env})
        return self.q

    def rows(self, kind):
        db = sqlite3.connect(self.path, timeout=30)
        try:
            return db.execute("SELECT id, state, body FROM objects WHERE kind = ?", (kind,)).fetchall()
        finally:
            db.close()

    def change(self, sql):
        db = sqlite3.connect(self.path, timeout=30)
        try:
            db.execute(sql)
            db.commit()
        finally:
            db.close()

    def state(self, id):
        body = next(b for i, _, b in self.rows(RESPONSE) if i == id)
        return json.loads(body)

    def wait(self, id, *states):
        deadline = time.monotonic() + 20 * SLOW
        while True:
            answer = self.state(id)
            if answer["status"] in states:
                return answer
            assert time.monotonic() < deadline, (answer["status"], self.q.text())
            time.sleep(0.02)

    def cancel(self, id):
        status, _, data = self.q.request("POST", f"/v1/responses/{id}/cancel")
        return status, json.loads(data)

    def queued(self, **more):
        status, answer = create(self.q, {**ASK, **more})
        assert status == 200 and answer["status"] == "queued" and answer["background"] is True, answer
        assert answer["output"] == [] and answer["completed_at"] is None
        return answer["id"]


@pytest.fixture
def background(start, upstream, tmp_path):
    return Background(start, upstream, tmp_path / "kept.db")


class Held:
    """An upstream that says "Hel", and "lo" when it may."""

    def __init__(self):
        self.begun, self.go, self.gone = threading.Event(), threading.Event(), []

    def __call__(self, call):
        call.start_stream()
        call.chunk(chunk("Hel"))
        self.begun.set()
        if not self.go.wait(30 * SLOW):
            return
        try:
            for piece in (chunk("lo"), chunk(finish="stop"), DONE):
                call.chunk(piece)
            call.end_stream()
        except OSError:
            pass


def test_one_is_queued_and_made(background):
    background.serve()
    id = background.queued(metadata={"a": "b"})
    answer = background.wait(id, "completed")
    assert answer["output"][0]["content"][0]["text"] == "Hello" and answer["metadata"] == {"a": "b"}
    assert answer["background"] is True and answer["completed_at"]
    assert background.rows(RUN) == []


def test_all_that_was_asked_goes_upstream(background, upstream):
    background.serve()
    id = background.queued(top_p=0.5, prompt_cache_key="k", top_logprobs=2, instructions="be kind")
    background.wait(id, "completed")
    sent = upstream.chat_requests()[-1].json
    assert (sent["top_p"], sent["prompt_cache_key"], sent["top_logprobs"]) == (0.5, "k", 2)
    assert sent["messages"][0] == {"role": "system", "content": "be kind"}


def test_a_cancellation_stays(background, upstream):
    held = upstream.handler = Held()
    background.serve()
    id = background.queued()
    assert held.begun.wait(20 * SLOW)
    background.wait(id, "in_progress")
    status, answer = background.cancel(id)
    assert status == 200 and answer["status"] == "cancelled" and answer["output"] == []
    held.go.set()
    time.sleep(0.3 * SLOW)
    assert background.state(id)["status"] == "cancelled" and background.rows(RUN) == []
    assert background.cancel(id) == (status, answer)


def test_one_that_waits_is_cancelled(background, upstream):
    held = upstream.handler = Held()
    background.serve("--background-runs", "1", "--workers", "1")
    first = background.queued()
    assert held.begun.wait(20 * SLOW)
    second = background.queued()
    assert background.cancel(second)[1]["status"] == "cancelled"
    held.go.set()
    background.wait(first, "completed")
    assert len(upstream.chat_requests()) == 1 and background.state(second)["status"] == "cancelled"


def test_what_cannot_be_cancelled(background):
    q = background.serve()
    status, body = background.cancel("resp_" + "0" * 48)
    assert status == 404 and "not found" in body["detail"]
    _, plain = create(q, {**ASK, "background": False})
    deadline = time.monotonic() + 20 * SLOW
    while not background.rows(RESPONSE):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    status, body = background.cancel(plain["id"])
    assert status == 409 and "Cannot cancel" in body["error"]["message"]
    id = background.queued()
    background.wait(id, "completed")
    assert background.cancel(id)[0] == 409


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_restart_goes_on_with_it(background, upstream, how):
    held = upstream.handler = Held()
    q = background.serve()
    id = background.queued()
    assert held.begun.wait(20 * SLOW)
    background.wait(id, "in_progress")
    if how == "stopped":
        q.stop()
    else:
        q.process.send_signal(signal.SIGKILL)
        q.stop(expect=-signal.SIGKILL, signal_it=False)
        background.change(f"UPDATE objects SET due_ms = 0 WHERE kind = {RUN}")
    held.go.set()
    background.serve()
    answer = background.wait(id, "completed")
    assert answer["output"][0]["content"][0]["text"] == "Hello" and len(upstream.chat_requests()) == 2


def test_a_run_that_always_dies_fails(background, upstream):
    upstream.handler = Held()
    q = background.serve()
    id = background.queued()
    assert upstream.handler.begun.wait(20 * SLOW)
    background.wait(id, "in_progress")
    q.process.send_signal(signal.SIGKILL)
    q.stop(expect=-signal.SIGKILL, signal_it=False)
    background.change(f"UPDATE objects SET due_ms = 0, claims = 3 WHERE kind = {RUN}")
    background.serve()
    answer = background.wait(id, "failed")
    assert "worker died" in answer["error"]["message"] and background.rows(RUN) == []


def test_a_failure_of_the_upstream(background, upstream):
    upstream.handler = lambda call: call.json(400, {"error": {"message": "no!", "code": "invalid_prompt"}})
    background.serve()
    answer = background.wait(background.queued(), "failed")
    assert answer["error"] == {"code": "invalid_prompt", "message": answer["error"]["message"]}
    assert "no!" in answer["error"]["message"]


def test_the_queue_has_an_end(background, upstream):
    held = upstream.handler = Held()
    q = background.serve("--background-runs", "1", "--workers", "1", "--background-queue", "2")
    background.queued()
    assert held.begun.wait(20 * SLOW)
    ids = [background.queued(), background.queued()]
    status, headers, body = q.request("POST", "/v1/responses", ASK)
    assert status == 429 and int(headers["retry-after"]) > 0
    assert json.loads(body)["error"]["code"] == "queue_full"
    held.go.set()
    for id in ids:
        background.wait(id, "completed")


def test_keys_are_not_kept(background, upstream):
    q = background.serve()
    key = "sk-of-the-client-0123456789"
    status, answer = create(q, ASK, headers={"X-OGX-Provider-Data": json.dumps({"openai_api_key": key})})
    assert status == 200
    background.wait(answer["id"], "completed")
    assert upstream.chat_requests()[-1].headers["authorization"] == f"Bearer {key}"
    q.stop()
    for name in ("kept.db", "kept.db-wal"):
        path = background.path.parent / name
        assert not path.exists() or key.encode() not in path.read_bytes()


def test_it_needs_a_store(gateway):
    status, body = create(gateway, ASK)
    assert status == 503 and body["error"]["code"] == "store_off"


class Pair:
    """Two servers that share one PostgreSQL."""

    def __init__(self, start, upstream, postgres):
        self.postgres, self.uri = postgres, postgres.database()
        env = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"}
        # The second takes nothing while the first has room.
        self.one, self.two = (start("--store", self.uri, "--workers", "1", env=env) for _ in range(2))

    def get(self, q, id):
        status, _, data = q.request("GET", f"/v1/responses/{id}")
        assert status == 200, data
        return json.loads(data)

    def wait(self, q, id, *states):
        deadline = time.monotonic() + 30 * SLOW
        while True:
            answer = self.get(q, id)
            if answer["status"] in states:
                return answer
            assert time.monotonic() < deadline, answer["status"]
            time.sleep(0.05)


@pytest.fixture
def pair(start, upstream, postgres):
    return Pair(start, upstream, postgres)


def test_any_server_polls_and_cancels(pair, upstream):
    held = upstream.handler = Held()
    id = create(pair.one, ASK)[1]["id"]
    assert pair.get(pair.two, id)["status"] in ("queued", "in_progress")
    assert held.begun.wait(20 * SLOW)
    pair.wait(pair.two, id, "in_progress")
    for q in (pair.two, pair.one):
        status, _, data = q.request("POST", f"/v1/responses/{id}/cancel")
        assert status == 200 and json.loads(data)["status"] == "cancelled"
    held.go.set()
    time.sleep(0.3 * SLOW)
    assert pair.get(pair.one, id)["status"] == pair.get(pair.two, id)["status"] == "cancelled"


def test_another_server_goes_on(pair, upstream):
    """Whichever has taken it dies; the lease is over, and the other makes it."""
    held = upstream.handler = Held()
    id = create(pair.one, ASK)[1]["id"]
    assert held.begun.wait(20 * SLOW)
    pair.wait(pair.two, id, "in_progress")
    holder = pair.postgres.sql(pair.uri, f"SELECT holder FROM quipu_objects WHERE kind = {RUN}")
    assert holder
    pair.one.process.send_signal(signal.SIGKILL)
    pair.one.stop(expect=-signal.SIGKILL, signal_it=False)
    held.go.set()
    pair.postgres.sql(pair.uri, f"UPDATE quipu_objects SET due_ms = 0 WHERE kind = {RUN}")
    answer = pair.wait(pair.two, id, "completed")
    assert answer["output"][0]["content"][0]["text"] == "Hello"
