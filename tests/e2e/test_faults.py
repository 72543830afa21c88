"""Upstreams that misbehave: what a client sees.  docs/errors.md says the same in words."""
import json
import os
import time

import pytest

from quipu import SLOW, chat_bytes, dechunk
from test_chat import config_for, read_all
from upstream import DONE, chunk, completion

MESSAGES = [{"role": "user", "content": "hi"}]
ASK = {"model": "openai/m1", "messages": MESSAGES}
STREAM = {**ASK, "stream": True}

PAGE = (b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title><style>h1 {color: red}</style></head>"
        b"<body><h1>Bad&nbsp;Gateway</h1><script>if (1 < 2) x();</script><hr>nginx\n\n/1.2 \xc3\xa9</body></html>")
WHOLE = json.dumps(completion()).encode()


def plain(status, body, content_type="application/json", headers=(), length=None):
    """An answer that ends with the connection; length lies about the body's."""
    def handler(call):
        fields = [("content-type", content_type)] if content_type else []
        if length is not None:
            fields.append(("content-length", length))
        call.head(status, fields + [("connection", "close"), *headers])
        call.send(body)
        call.hang_up()
    return handler


def events(*pieces, content_type="text/event-stream", end=True):
    def handler(call):
        call.head(200, [("content-type", content_type), ("transfer-encoding", "chunked")])
        call.chunk(b"".join(pieces))
        if end:
            call.end_stream()
        else:
            call.hang_up()
    return handler


def data(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def raw(answer):
    def handler(call):
        call.send(answer)
        call.hang_up()
    return handler


def endless(first, more, times=1 << 20):
    def handler(call):
        call.send(first)
        for _ in range(times):
            call.send(more)
    return handler


def stall(call):
    call.wait_gone(20 * SLOW)


def error(message="Too fast", **more):
    return {"error": {"message": message, **more}}


# name, request, what the upstream does, status, code, words of the message
REFUSED = [
    ("an HTML page with 200", ASK, plain(200, PAGE, "text/html"), 502, "upstream_bad_answer",
     ["status 200", "text/html", "502 Bad Gateway", "Bad&nbsp;Gateway", "nginx /1.2 \u00e9"]),
    ("an HTML page with 200 for a stream", STREAM, plain(200, PAGE, "text/html"), 502, "upstream_bad_answer",
     ["text/html", "502 Bad Gateway"]),
    ("an HTML page that says it is a stream", STREAM, plain(200, PAGE, "text/event-stream"), 502, "upstream_bad_answer",
     ["502 Bad Gateway"]),
    ("an HTML error page with 502", ASK, plain(502, PAGE, "text/html", [("x-should-retry", "false")]), 502, None,
     ["status 502", "502 Bad Gateway"]),
    ("an HTML error page with 403 for a stream", STREAM, plain(403, PAGE, "text/html"), 403, None, ["502 Bad Gateway"]),
    ("text with 500", ASK, plain(500, b"Internal Server Error", "text/plain", [("x-should-retry", "false")]), 500, None,
     ["status 500: Internal Server Error"]),
    ("an error without a body", ASK, plain(503, b"", headers=[("x-should-retry", "false")]), 503, None, ["status 503 and no body"]),
    ("a redirection", ASK, plain(302, b"", headers=[("location", "http://127.0.0.1:1/")]), 502, None, ["status 302"]),
    ("half a JSON and a clean end", ASK, plain(200, WHOLE[:90]), 502, "upstream_bad_answer", ["not JSON", "line 1, column 83"]),
    ("half a JSON and a clean end for a stream", STREAM, plain(200, WHOLE[:90]), 502, "upstream_bad_answer", ["not JSON"]),
    ("half a JSON of the length that was said", ASK, plain(200, WHOLE[:90], length=90), 502, "upstream_bad_answer", ["not JSON"]),
    ("half a JSON, shorter than was said", ASK, plain(200, WHOLE[:90], length=len(WHOLE)), 502, "upstream_cut", ["cut short"]),
    ("nothing, with 200", ASK, plain(200, b""), 502, "upstream_bad_answer", ["no body"]),
    ("nothing, with 200, for a stream", STREAM, plain(200, b"", "text/event-stream"), 502, "upstream_bad_answer",
     ["without an event"]),
    ("204", ASK, raw(b"HTTP/1.1 204 No Content\r\n\r\n"), 502, "upstream_bad_answer", ["status 204", "no body"]),
    ("JSON that is no object", ASK, plain(200, b"[1]"), 502, "upstream_bad_answer", ["no object"]),
    ("a stream that was not asked for", ASK, events(chunk("a"), DONE), 502, "upstream_bad_answer", ["not asked for"]),
    ("an error inside a 200", ASK, plain(200, json.dumps(error(code=429)).encode()), 429, 429, ["Too fast"]),
    ("an error inside a 200, code in digits", ASK, plain(200, json.dumps(error(code="400")).encode()), 400, "400", ["Too fast"]),
    ("an error inside a 200, by its type", ASK, plain(200, json.dumps(error(type="authentication_error")).encode()), 401, None,
     ["Too fast"]),
    ("an error inside a 200 of no known kind", ASK, plain(200, json.dumps(error()).encode()), 502, None, ["Too fast"]),
    ("an error inside a 200 as a string", ASK, plain(200, b'{"error":"model is asleep"}'), 502, None, ["model is asleep"]),
    ("an error inside a 200 as vLLM has it", ASK,
     plain(200, b'{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}'), 400, "400", ["too long"]),
    ("an error inside a 200 for a stream", STREAM, plain(200, json.dumps(error(code=429)).encode()), 429, 429, ["Too fast"]),
    ("JSON with an error that says it is a stream", STREAM, plain(200, json.dumps(error(code=429)).encode(), "text/event-stream"),
     429, 429, ["Too fast"]),
    ("an error as the first event", STREAM, events(data(error(code=429))), 429, 429, ["Too fast"]),
    ("an error as the first event, with its name", STREAM,
     events(b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'), 503, None,
     ["Overloaded"]),
    ("an error as the first event, in several lines", STREAM, events(b'data: {"error":\ndata: {"message":"m","code":400}}\n\n'),
     400, 400, ["m"]),
    ("closed at once", ASK, lambda call: call.hang_up(), 502, "upstream_no_answer", ["did not answer"]),
    ("reset at once", STREAM, lambda call: call.reset(), 502, "upstream_no_answer", ["did not answer"]),
    ("a stall", ASK, stall, 504, "upstream_timeout", ["too long"]),
    ("half a head", ASK, raw(b"HTTP/1.1 200 OK\r\ncontent-le"), 502, "upstream_bad_answer", []),
    ("something that is not HTTP", ASK, raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), 502, "upstream_bad_answer", ["not HTTP"]),
    ("two different lengths", ASK, raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}"), 502, "upstream_bad_answer", []),
    ("an endless head", ASK, endless(b"HTTP/1.1 200 OK\r\n", b"x-a: " + b"b" * 8000 + b"\r\n"), 502, "upstream_bad_answer", []),
    ("an endless field", ASK, endless(b"HTTP/1.1 200 OK\r\nx-a: ", b"b" * 65536), 502, "upstream_bad_answer", []),
    ("a flood of interim answers", ASK, endless(b"", b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n"), 502, "upstream_bad_answer", []),
    ("a chunk size that is none", ASK, raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), 502,
     "upstream_cut", []),
    ("a chunk size over 64 bits", ASK, raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n{}"), 502,
     "upstream_cut", []),
    ("a gzip that is none", ASK, plain(200, WHOLE, headers=[("content-encoding", "gzip")]), 502, "upstream_cut", []),
    ("an event of a gigabyte", STREAM,
     endless(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ", b"x" * (1 << 20), 1 << 10), 502,
     "upstream_event_too_long", ["upstream.event_max"]),
    ("a line of a gigabyte that is no field", STREAM,
     endless(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n:", b"x" * (1 << 20), 1 << 10), 502,
     "upstream_event_too_long", []),
    ("a body of a gigabyte", ASK, endless(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"a":"', b"x" * (1 << 20), 1 << 10),
     502, "upstream_bad_answer", ["more than"]),
    ("a body of a gigabyte, as it says", ASK, raw(b'HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{"a":"'),
     502, "upstream_bad_answer", ["more than"]),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One gateway and one upstream for the whole table."""
    from quipu import Quipu
    from upstream import Upstream

    upstream = Upstream()
    q = Quipu(tmp_path_factory.mktemp("faults"), "--retries", "0", "--workers", "1",
              config=config_for(upstream, "timeout: {first_byte: 500ms}"))
    yield q, upstream
    q.stop()
    upstream.close()
    assert not upstream.errors, upstream.errors


def memory_mb(q):
    with open(f"/proc/{q.process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.parametrize("name,ask,handler,status,code,words", REFUSED, ids=[row[0] for row in REFUSED])
def test_it_is_an_error_with_a_status(shared, name, ask, handler, status, code, words):
    q, upstream = shared
    upstream.handler = handler
    got, headers, body = q.chat(ask)
    assert got == status, body
    e = json.loads(body)["error"]
    assert headers["content-type"] == "application/json"
    assert {"message", "type", "param", "code"} <= set(e)
    assert e["type"] and e["code"] == code
    for word in words:
        assert word in e["message"], e
    assert len(e["message"]) < 1500
    # And the gateway is none the worse for it.
    upstream.handler = lambda call: call.json(200, completion())
    assert q.chat(ASK)[0] == 200


# name, what the upstream does, what the client has seen before, the error
CUT = [
    ("an error event", events(chunk("a"), data(error(type="server_error", param=None, code="x", more=1)), DONE),
     {"message": "Too fast", "type": "server_error", "param": None, "code": "x", "more": 1}),
    ("an error event with less than OpenAI's", events(chunk("a"), data(error(code=502, extra="kept"))),
     {"message": "Too fast", "type": "upstream_error", "param": None, "code": 502, "extra": "kept"}),
    ("an error event as vLLM has it", events(chunk("a"), data({"object": "error", "message": "m", "type": "BadRequestError",
                                                              "param": None, "code": 400})),
     {"message": "m", "type": "BadRequestError", "param": None, "code": "400"}),
    ("an error event as a string", events(chunk("a"), data({"error": "out of memory"})),
     {"message": "out of memory", "type": "upstream_error", "param": None, "code": None}),
    ("an error beside choices", events(chunk("a"), data({"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}],
                                                         **error(code=500, type="server_error", param=None)})),
     {"message": "Too fast", "type": "server_error", "param": None, "code": 500}),
    ("a cut without the last chunk", events(chunk("a"), end=False), None),
    ("an event over the limit", endless(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + chunk("a") + b"data: ",
                                        b"x" * (1 << 20), 1 << 10), None),
]


@pytest.mark.parametrize("name,handler,want", CUT, ids=[row[0] for row in CUT])
def test_a_stream_that_began_ends_with_an_error_event(shared, name, handler, want):
    q, upstream = shared

    def slow(call):
        """The first event leaves on its own."""
        sent, call.send = call.send, lambda data: first(call, sent, data)
        handler(call)

    def first(call, send, data):
        at = data.find(b"\n\n")
        if at < 0 or b"transfer-encoding" in data or b"content-type" in data and b"data:" not in data:
            send(data)
            return
        send(data[:at + 2])
        time.sleep(0.1)
        send(data[at + 2:])
        call.send = send

    upstream.handler = slow
    with q.connect() as s:
        s.sendall(chat_bytes(STREAM))
        answer = read_all(s)
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200")
    body, whole = dechunk(body)
    assert not whole, "the client must see that the stream was cut"
    got = [x for x in body.split(b"\n\n") if x]
    assert got[0] == chunk("a", model="openai/m1").strip()
    assert len(got) == 2 and got[1].startswith(b"data: ")
    e = json.loads(got[1][6:])["error"]
    if want:
        assert e == want
    else:
        assert e["type"] == "upstream_error" and e["code"]


# name, content type, body: what a client that asked for a stream gets all the same
TOLERATED = [
    ("a stream without a content type", None, chunk("a") + DONE),
    ("a stream that says it is text", "text/plain", chunk("a") + DONE),
    ("a stream that says it is JSON", "application/json", chunk("a") + DONE),
    ("a stream that begins with a comment", "text/plain", b": hello\n\n" + chunk("a") + DONE),
    ("a stream without [DONE]", "text/event-stream", chunk("a")),
]


@pytest.mark.parametrize("name,content_type,body", TOLERATED, ids=[row[0] for row in TOLERATED])
def test_a_stream_by_another_name_is_one(shared, name, content_type, body):
    q, upstream = shared
    upstream.handler = plain(200, body, content_type)
    status, headers, got = q.chat(STREAM)
    assert status == 200 and headers["content-type"] == "text/event-stream"
    assert got == body.replace(b"m1-2026", b"openai/m1") + (b"" if DONE in body else DONE)


@pytest.mark.parametrize("content_type", [None, "text/plain", "text/html", "text/event-stream"])
def test_json_by_another_name_is_json(shared, content_type):
    q, upstream = shared
    upstream.handler = plain(200, WHOLE, content_type)
    status, headers, got = q.chat(ASK)
    assert status == 200 and headers["content-type"] == "application/json"
    assert got == WHOLE.replace(b"m1-2026", b"openai/m1")


def test_json_where_a_stream_was_asked_for_becomes_one_event(shared):
    q, upstream = shared
    answer = completion(odd="\u00e9\"", choices=[
        {"index": 0, "message": {"role": "assistant", "content": None, "k\"ey": 1,
                                 "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                                                {"index": 7, "id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
         "finish_reason": "tool_calls", "logprobs": None},
        {"index": 1, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}])
    upstream.handler = lambda call: call.json(200, answer)
    status, headers, body = q.chat(STREAM)
    assert status == 200 and headers["content-type"] == "text/event-stream"
    event, done = body.split(b"\n\n", 1)
    assert done == DONE
    got = json.loads(event[len(b"data: "):])
    want = {**answer, "object": "chat.completion.chunk", "model": "openai/m1"}
    want["choices"] = [{("delta" if k == "message" else k): v for k, v in c.items()} for c in answer["choices"]]
    want["choices"][0]["delta"]["tool_calls"][0]["index"] = 0
    assert got == want


def test_the_sdk_reads_that_event(shared):
    openai = pytest.importorskip("openai")
    q, upstream = shared
    upstream.handler = lambda call: call.json(200, completion())
    client = openai.OpenAI(base_url=q.url + "/v1", api_key="x", max_retries=0)
    pieces = list(client.chat.completions.create(**STREAM))
    assert [p.choices[0].delta.content for p in pieces] == ["Hello"]
    upstream.handler = events(data(error(code=429)))
    with pytest.raises(openai.RateLimitError, match="Too fast"):
        list(client.chat.completions.create(**STREAM))


def test_bytes_after_the_length_are_not_the_next_answer(shared):
    q, upstream = shared
    extra = b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'
    upstream.handler = lambda call: call.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(WHOLE) + WHOLE + extra)
    for _ in range(3):
        status, _, got = q.chat(ASK)
        assert status == 200 and got == WHOLE.replace(b"m1-2026", b"openai/m1")


def test_a_body_longer_than_said_ends_where_it_was_said(shared):
    q, upstream = shared
    upstream.handler = plain(200, WHOLE + b"garbage", length=len(WHOLE))
    assert q.chat(ASK)[0] == 200


def test_an_error_event_after_a_ping_comes_in_the_stream(start, upstream):
    def handler(call):
        time.sleep(0.5)
        call.json(200, error(code=429))

    upstream.handler = handler
    q = start("--ping-interval", "100ms", env={"OPENAI_BASE_URL": upstream.url})
    with q.connect() as s:
        s.sendall(chat_bytes(STREAM))
        body, whole = dechunk(read_all(s).split(b"\r\n\r\n", 1)[1])
    assert not whole and body.startswith(b": ping\n\n")
    assert json.loads(body.strip().split(b"data: ")[1])["error"]["message"] == "Too fast"


def test_a_whole_answer_after_a_ping_comes_in_the_stream(start, upstream):
    def handler(call):
        time.sleep(0.5)
        call.json(200, completion())

    upstream.handler = handler
    q = start("--ping-interval", "100ms", env={"OPENAI_BASE_URL": upstream.url})
    status, _, body = q.chat(STREAM)
    assert status == 200 and b"Hello" in body and body.endswith(DONE)


def test_a_key_that_an_upstream_repeats_reaches_no_client(shared):
    q, upstream = shared
    key = "sk-test-0123456789"
    for handler in (lambda call: call.json(401, error(f"Bad key {key}.", type="x")),
                    lambda call: call.json(200, error(f"Bad key {key}.", code=401)),
                    events(data(error(f"Bad key {key}.", code=401)))):
        upstream.handler = handler
        status, _, body = q.chat(STREAM)
        assert status == 401 and key.encode() not in body and b"Bad key ********." in body


def test_memory_stays_bounded(shared):
    q, upstream = shared
    for handler in (endless(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ", b"x" * (1 << 20), 1 << 10),
                    endless(b"HTTP/1.1 200 OK\r\nx-a: ", b"b" * 65536)):
        upstream.handler = handler
        for _ in range(5):
            assert q.chat(STREAM)[0] == 502
    assert memory_mb(q) < 200 * (4 if SLOW > 1 else 1)
