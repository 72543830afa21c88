"""What of a chat completion is in the store afterwards."""
import contextlib
import json
import socket
import sqlite3
import time

import pytest
from quipu import SLOW
from upstream import DONE, chunk, completion

ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]}
JSON = ("metadata", "usage", "extra", "choices", "request")
STATUS = ["completed", "cancelled", "failed"]


class Kept:
    """A quipu whose store can be looked into."""

    def __init__(self, start, upstream, path, *flags, **env):
        self.path = path
        self.q = start("--store", f"sqlite:{path}", *flags,
                       env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789", **env})

    def rows(self):
        db = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        db.row_factory = sqlite3.Row
        try:
            found = [dict(r) for r in db.execute("SELECT * FROM completions ORDER BY seq")]
        finally:
            db.close()
        for r in found:
            r.update({k: json.loads(r[k]) if r[k] else None for k in JSON}, text=r["request"])
            r["status"] = STATUS[r["status"]]
        return found

    def wait(self, count=1):
        """The rows, once there are so many."""
        deadline = time.monotonic() + 20 * SLOW
        while len(self.rows()) < count:
            assert time.monotonic() < deadline, f"{len(self.rows())} rows\n{self.q.text()}"
            time.sleep(0.02)
        found = self.rows()
        assert len(found) == count
        return found

    def metric(self, name):
        text = self.q.request("GET", "/metrics")[2].decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.split("{")[0].split()[0] == name)


@pytest.fixture
def kept(start, upstream, tmp_path):
    return lambda *flags, **env: Kept(start, upstream, tmp_path / "kept.db", *flags, **env)


def test_a_whole_answer(kept, upstream):
    answer = completion(service_tier="default", system_fingerprint="fp", choices=[
        {"index": 0, "message": {"role": "assistant", "content": "caf\u00e9", "refusal": None, "annotations": []},
         "logprobs": {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}],
                      "refusal": None}, "finish_reason": "stop"},
        {"index": 1, "message": {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
         "finish_reason": "tool_calls"}])
    upstream.handler = lambda call: (time.sleep(0.02), call.json(200, answer))
    k = kept()
    body = (b'{"model":"openai/m1", "n":2, "user":"me", "metadata":{"a":"b"},'
            b' "messages" : [ {"role":"user",  "content":"h\\u0069"} ] }')
    status, _, got = k.q.chat(body)
    assert status == 200
    row = k.wait()[0]
    assert row["id"] == "chatcmpl-1" and row["created"] == 1700000000 and row["owner"] == ""
    assert (row["model_asked"], row["model_served"], row["provider"]) == ("openai/m1", "m1-2026", "openai")
    assert row["status"] == "completed" and row["user"] == "me" and row["metadata"] == {"a": "b"}
    assert row["choices"] == answer["choices"] == json.loads(got)["choices"]
    assert row["usage"] == answer["usage"]
    assert row["extra"] == {"service_tier": "default", "system_fingerprint": "fp"}
    assert 20000 <= row["first_byte_us"] <= row["total_us"] < 60e6 * SLOW
    db = sqlite3.connect(k.path)
    assert db.execute("SELECT request FROM completions").fetchone()[0] == \
        '[ {"role":"user",  "content":"h\\u0069"} ]'
    db.close()
    # What quipu keeps is none of the upstream's business.
    assert upstream.requests[-1].body == body.replace(b"openai/m1", b"m1")


@pytest.mark.parametrize("default,store,expect", [
    ("true", None, True), ("true", False, False), ("true", True, True),
    ("false", None, False), ("false", False, False), ("false", True, True)])
@pytest.mark.parametrize("stream", [False, True])
def test_who_wants_to_be_kept(kept, upstream, default, store, expect, stream):
    k = kept(f"--store-default={default}")
    body = {**ASK, "stream": stream, **({} if store is None else {"store": store})}
    assert k.q.chat(body)[0] == 200
    assert upstream.chat_requests()[-1].json.get("store") is store
    k.q.stop()
    assert len(k.rows()) == (1 if expect else 0)


def test_nothing_else_is_kept(kept, upstream):
    k = kept()
    upstream.handler = lambda call: call.json(200, {"id": "cmpl-1", "object": "text_completion", "choices": []})
    assert k.q.request("POST", "/v1/completions", {"model": "openai/m1", "prompt": "x", "store": True})[0] == 200
    assert k.q.chat({"model": "openai/m1"})[0] == 400
    upstream.handler = lambda call: call.json(400, {"error": {"message": "no"}})
    assert k.q.chat(ASK)[0] == 400
    upstream.handler = lambda call: call.json(200, {"error": {"message": "no"}})
    assert k.q.chat({**ASK, "stream": True})[0] == 502
    k.q.stop()
    assert k.rows() == []


def test_a_stream(kept, upstream):
    def event(delta, index=0, finish=None, **more):
        return b"data: " + json.dumps({
            "id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 1700000009, "model": "m1-2026",
            "service_tier": "flex", "choices": [{"index": index, "delta": delta, "finish_reason": finish,
                                                 **more}]}).encode() + b"\n\n"

    def call_of(i, **function):
        return {"tool_calls": [{"index": i, **function}]}

    events = [
        event({"role": "assistant", "content": ""}), event({"reasoning_content": "hm"}),
        event({"content": "Hel"}, logprobs={"content": [{"token": "Hel", "logprob": -1}], "refusal": None}),
        event({"role": "assistant", "refusal": "no"}, 1), b": a comment\n\n",
        event({"content": "lo"}, logprobs={"content": [{"token": "lo", "logprob": -2}], "refusal": None}),
        event({"annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}]}),
        event(call_of(0, id="c1", type="function", function={"name": "f", "arguments": ""})),
        event(call_of(0, function={"arguments": '{"a"'})), event(call_of(0, function={"arguments": ":1}"})),
        event({}, 1, "stop"), event({}, 0, "tool_calls"),
        b'data: {"id":"chatcmpl-9","model":"m1-2026","choices":[],"usage":{"total_tokens":8}}\n\n', DONE]
    upstream.handler = lambda call: call.stream(events, delay=0.005)
    k = kept()
    status, _, got = k.q.chat({**ASK, "n": 2, "stream": True, "metadata": {"k": "v"}, "safety_identifier": "s"})
    assert status == 200 and got.endswith(DONE)
    row = k.wait()[0]
    assert (row["id"], row["created"], row["status"]) == ("chatcmpl-9", 1700000009, "completed")
    assert (row["model_asked"], row["model_served"]) == ("openai/m1", "m1-2026")
    assert row["metadata"] == {"k": "v"} and row["user"] == "s" and row["request"] == ASK["messages"]
    assert row["usage"] == {"total_tokens": 8} and row["extra"] == {"service_tier": "flex"}
    one, two = row["choices"]
    assert one["message"]["content"] == "Hello" and one["message"]["reasoning_content"] == "hm"
    assert one["message"]["annotations"] == [{"type": "url_citation", "url_citation": {"url": "u"}}]
    assert one["message"]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]
    assert [t["token"] for t in one["logprobs"]["content"]] == ["Hel", "lo"]
    assert (one["finish_reason"], two["finish_reason"]) == ("tool_calls", "stop")
    assert two["index"] == 1 and two["message"]["refusal"] == "no"
    assert 0 < row["first_byte_us"] < row["total_us"]


@pytest.mark.parametrize("dense", [False, True], ids=["with spaces", "squeezed"])
def test_a_long_stream_is_put_together_as_it_comes(kept, upstream, dense):
    words = [f'w\u00f6rd{i}"\n' for i in range(5000)]

    def event(word):
        whole = chunk(word)
        if dense:
            whole = b"data: " + json.dumps(json.loads(whole[6:]), separators=(",", ":"),
                                           ensure_ascii=False).encode() + b"\n\n"
        return whole

    upstream.handler = lambda call: call.stream([b"".join(event(w) for w in words[i:i + 50])
                                                 for i in range(0, 5000, 50)] + [chunk(finish="stop"), DONE])
    k = kept()
    assert k.q.chat({**ASK, "stream": True})[0] == 200
    row = k.wait()[0]
    assert row["choices"][0]["message"]["content"] == "".join(words)
    assert row["usage"] is None and row["extra"] is None


def test_json_where_a_stream_was_asked_for(kept, upstream):
    upstream.handler = lambda call: call.json(200, completion())
    k = kept()
    assert DONE in k.q.chat({**ASK, "stream": True})[2]
    row = k.wait()[0]
    assert row["choices"] == completion()["choices"] and row["status"] == "completed"


def test_usage_that_the_client_did_not_ask_for(kept, upstream):
    usage = b'data: {"id":"chatcmpl-1","model":"m1-2026","choices":[],"usage":{"total_tokens":8}}\n\n'
    upstream.handler = lambda call: call.stream([chunk("x"), chunk(finish="stop"), usage, DONE])
    k = kept("--stream-usage=on")
    assert b"total_tokens" not in k.q.chat({**ASK, "stream": True})[2]
    assert k.wait()[0]["usage"] == {"total_tokens": 8}


def test_the_row_is_handed_over_before_the_last_byte(kept, upstream):
    k = kept()
    upstream.handler = lambda call: (call.stream([chunk("x"), chunk(finish="stop"), DONE], end=False),
                                     call.wait_gone(20))
    with contextlib.closing(k.q.connect()) as s:
        body = json.dumps({**ASK, "stream": True}).encode()
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        data = b""
        while b"[DONE]" not in data:
            data += s.recv(65536)
        # The upstream has not ended its answer, and never will while we look.
        assert k.metric("quipu_store_put_total") == 1
        k.wait()


def read_until(s, what):
    data = b""
    while what not in data:
        got = s.recv(65536)
        assert got, data
        data += got
    return data


def test_a_client_that_hangs_up(kept, upstream):
    def handler(call):
        call.start_stream()
        call.chunk(chunk("Hel"))
        call.wait_gone(20)

    upstream.handler = handler
    k = kept()
    body = json.dumps({**ASK, "stream": True}).encode()
    s = k.q.connect()
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    read_until(s, b"Hel")
    s.close()
    row = k.wait()[0]
    assert row["status"] == "cancelled" and row["id"] == "chatcmpl-1"
    assert row["choices"][0]["message"]["content"] == "Hel" and row["choices"][0]["finish_reason"] is None


def test_a_client_that_hangs_up_while_the_upstream_is_drained(kept, upstream):
    done = []

    def handler(call):
        call.start_stream()
        call.chunk(chunk("Hel"))
        while not done:
            time.sleep(0.01)
        for piece in (chunk("lo"), chunk(finish="stop"), DONE):
            call.chunk(piece)
        call.end_stream()

    upstream.handler = handler
    k = kept("--on-disconnect=drain")
    body = json.dumps({**ASK, "stream": True}).encode()
    s = k.q.connect()
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    read_until(s, b"Hel")
    s.close()
    done.append(True)
    row = k.wait()[0]
    assert row["status"] == "completed" and row["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize("how", ["reset", "hang_up", "error", "torn"])
def test_an_upstream_that_dies(kept, upstream, how):
    def handler(call):
        call.start_stream()
        call.chunk(chunk("Hel"))
        time.sleep(0.05)
        if how == "error":
            call.chunk(b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n')
            call.end_stream()
        elif how == "torn":
            call.chunk(chunk("lo")[:40])
            call.end_stream()
        else:
            getattr(call, how)()

    upstream.handler = handler
    k = kept("--retries=0")
    with contextlib.suppress(Exception):
        k.q.chat({**ASK, "stream": True})
    row = k.wait()[0]
    assert row["status"] == "failed" and row["choices"][0]["message"]["content"] == "Hel"


def test_a_stream_that_does_not_say_that_it_is_over(kept, upstream):
    upstream.handler = lambda call: call.stream([chunk("Hel")])
    k = kept()
    k.q.chat({**ASK, "stream": True})
    assert k.wait()[0]["status"] == "failed"


def test_only_the_answer_of_the_target_that_was_used(start, upstream, tmp_path):
    """The first one breaks off before anything was sent."""
    def handler(call):
        if call.request.json["model"] == "a":
            call.start_stream()
            call.chunk(b'data: {"error":{"message":"overloaded","code":503}}\n\n')
            call.hang_up()
        call.stream([chunk("b", model="b-1"), chunk(finish="stop", model="b-1"), DONE])

    upstream.handler = handler
    path = tmp_path / "kept.db"
    q = start("--store", f"sqlite:{path}", "--retries=0", config=(
        "providers:\n  inference:\n  - provider_id: up\n    provider_type: remote::openai\n"
        f"    config: {{base_url: '{upstream.url}', api_key: sk-test-0123456789}}\n"))
    q.wait_model("up/m1")
    status, _, _ = q.chat({"models": ["up/a", "up/b"], "messages": ASK["messages"], "stream": True})
    assert status == 200
    k = Kept.__new__(Kept)
    k.q, k.path = q, path
    row = k.wait()[0]
    assert (row["model_asked"], row["model_served"], row["provider"]) == ("up/b", "b-1", "up")
    assert row["choices"][0]["message"]["content"] == "b"


def test_an_answer_without_a_name_can_be_listed(kept, upstream):
    answer = completion(id="")
    del answer["created"]
    upstream.handler = lambda call: call.json(200, answer)
    k = kept()
    k.q.chat(ASK)
    k.q.chat(ASK)
    rows = k.wait(2)
    assert all(r["id"].startswith("chatcmpl-") and len(r["id"]) == 33 for r in rows)
    assert rows[0]["id"] != rows[1]["id"]
    assert abs(rows[0]["created"] - time.time()) < 60 * SLOW


def test_names_that_a_database_would_not_take(kept, upstream):
    """One row must not spoil the group that it is written with."""
    upstream.handler = lambda call: call.json(200, completion(model="m\u0000x", id="a\u0000b"))
    k = kept()
    k.q.chat({**ASK, "user": "\u20ac" * 1000})
    row = k.wait()[0]
    assert row["model_served"] == "m" and row["id"].startswith("chatcmpl-")
    assert row["user"] == "\u20ac" * 341


def test_the_newest_of_an_id_stays(kept, upstream):
    texts = iter("one two".split())
    upstream.handler = lambda call: call.json(200, completion(content=next(texts)))
    k = kept()
    k.q.chat(ASK)
    k.wait()
    k.q.chat(ASK)
    k.q.stop()
    rows = k.rows()
    assert [r["choices"][0]["message"]["content"] for r in rows] == ["two"]


def test_what_is_replayed_is_kept_too(start, upstream, tmp_path):
    env = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789",
           "QUIPU_RECORD_DIR": str(tmp_path / "recordings")}
    q = start("--record-mode=record", env=env)
    first = q.chat({**ASK, "stream": True})
    q.stop()
    path = tmp_path / "kept.db"
    q = start("--record-mode=replay", "--store", f"sqlite:{path}", env=env)
    for _ in range(2):
        assert q.chat({**ASK, "stream": True})[2] == first[2]
    q.stop()
    k = Kept.__new__(Kept)
    k.q, k.path = q, path
    row, = k.rows()
    assert row["choices"][0]["message"]["content"] == "Hello" and row["status"] == "completed"


def test_a_stop_writes_what_is_queued(kept, upstream):
    k = kept()
    for i in range(20):
        upstream.handler = lambda call, i=i: call.json(200, completion(id=f"chatcmpl-{i}"))
        assert k.q.chat(ASK)[0] == 200
    k.q.stop()
    assert {r["id"] for r in k.rows()} == {f"chatcmpl-{i}" for i in range(20)}


def lock(path):
    db = sqlite3.connect(path, isolation_level=None, timeout=20 * SLOW)
    db.execute("BEGIN IMMEDIATE")
    return db


BIG = "x" * (8 << 20)


def test_a_store_without_room_holds_answers_up_and_lets_them_go(kept, upstream):
    """The database is locked and the queue is full: 64 MB of rows."""
    counter = iter(range(1000))
    upstream.handler = lambda call: call.json(200, completion(id=f"chatcmpl-{next(counter)}"))
    k = kept("--workers=1")
    assert k.q.chat(ASK)[0] == 200
    k.wait()
    other = lock(k.path)
    big = {**ASK, "messages": [{"role": "user", "content": BIG}]}
    for _ in range(7):
        assert k.q.chat(big)[0] == 200
    began = time.monotonic()
    assert k.q.chat(big)[0] == 200, "the answer comes all the same"
    assert time.monotonic() - began >= 4.9
    k.q.wait_text("store: a completion was not kept: the queue is full")
    began = time.monotonic()
    assert k.q.chat(big)[0] == 200
    assert time.monotonic() - began < 4.5 * SLOW, "nobody waits again in vain"
    assert k.metric("quipu_store_lost_total") == 2
    other.execute("ROLLBACK")
    other.close()
    k.wait(8)
    assert k.q.chat(big)[0] == 200
    k.wait(9)
    assert k.metric("quipu_store_lost_total") == 2


def test_room_that_comes_in_time(kept, upstream):
    counter = iter(range(1000))
    upstream.handler = lambda call: call.json(200, completion(id=f"chatcmpl-{next(counter)}"))
    k = kept("--workers=1")
    assert k.q.chat(ASK)[0] == 200
    k.wait()
    other = lock(k.path)
    big = {**ASK, "messages": [{"role": "user", "content": BIG}]}
    for _ in range(7):
        assert k.q.chat(big)[0] == 200
    body = json.dumps(big).encode()
    with contextlib.closing(socket.create_connection(("127.0.0.1", k.q.port), timeout=30 * SLOW)) as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        deadline = time.monotonic() + 4
        while k.metric("quipu_store_waits_total") < 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        other.execute("ROLLBACK")
        other.close()
        assert b" 200 " in read_until(s, b"\r\n")
    assert len(k.wait(9)) == 9
    assert k.metric("quipu_store_lost_total") == 0


def test_a_store_that_may_drop(kept, upstream):
    counter = iter(range(1000))
    upstream.handler = lambda call: call.json(200, completion(id=f"chatcmpl-{next(counter)}"))
    k = kept("--workers=1", "--store-policy=drop")
    assert k.q.chat(ASK)[0] == 200
    k.wait()
    other = lock(k.path)
    big = {**ASK, "messages": [{"role": "user", "content": BIG}]}
    began = time.monotonic()
    for _ in range(10):
        assert k.q.chat(big)[0] == 200
    assert time.monotonic() - began < 4.5 * SLOW
    assert k.metric("quipu_store_dropped_total") == 3
    other.execute("ROLLBACK")
    other.close()
    k.wait(8)
    k.q.wait_text("rows dropped")


def test_a_row_that_is_too_large(kept):
    k = kept()
    big = {**ASK, "messages": [{"role": "user", "content": BIG * 8}]}
    assert k.q.chat(big)[0] == 200
    k.q.wait_text("store: a completion was not kept: .*too large")
    assert k.q.chat(ASK)[0] == 200
    k.wait()
