"""Chat completions through quipu from an OpenAI-style upstream: the bytes."""
import json
import socket
import struct
import threading
import time

import pytest

from quipu import SLOW, chat_bytes, dechunk, read_response
from upstream import DONE, chunk, completion

ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]}


def read_all(sock):
    data = b""
    try:
        while True:
            more = sock.recv(65536)
            if not more:
                break
            data += more
    except ConnectionResetError:
        pass
    return data


def test_the_body_goes_upstream_as_it_is_but_for_the_model(gateway, upstream):
    body = (b'{ "model" : "openai/m1",\n "messages":[{"role":"user","content":"h\\u00e9\xc3\xa9"}],'
            b'"temperature":0.70,"seed":1e0,"unknown":{"z":1,"a":[1.0]},"n":1}')
    status, _, _ = gateway.chat(body)
    assert status == 200
    sent = upstream.chat_requests()[0]
    assert sent.body == body.replace(b'"openai/m1"', b'"m1"')
    assert sent.target == "/v1/chat/completions"
    assert sent.headers["authorization"] == "Bearer sk-test-0123456789"


def test_the_answer_comes_back_as_it_is_but_for_the_model(gateway, upstream):
    answer = (b'{"id":"x", "model" : "m1-2026","choices":[{"index":0,"message":{"role":"assistant",'
              b'"content":"h\\u00e9"},"finish_reason":"stop","content_filter_results":{}}],'
              b'"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"odd":1.50}')
    upstream.handler = lambda call: call.raw(200, answer, [("x-request-id", "up-1"), ("x-ratelimit-limit-requests", "9"),
                                                           ("set-cookie", "no")])
    status, headers, body = gateway.chat(ASK)
    assert status == 200
    assert body == answer.replace(b'"m1-2026"', b'"openai/m1"')
    assert headers["x-request-id"] == "up-1"
    assert headers["x-ratelimit-limit-requests"] == "9"
    assert "set-cookie" not in headers


def test_a_stream_is_byte_for_byte_the_upstreams(gateway, upstream):
    events = [b'data: {"id":"","choices":[],"created":0,"model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}\n\n',
              b': a comment\n\n', chunk("a", obfuscation="xyz"), chunk("b", index=1), chunk("", finish="stop"),
              b'data: {"id":"c","model":"m1-2026","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n',
              DONE]
    upstream.handler = lambda call: call.stream(events)
    status, headers, body = gateway.chat({**ASK, "stream": True, "n": 2})
    assert status == 200
    want = b"".join(events).replace(b'"model": "m1-2026"', b'"model": "openai/m1"')
    want = want.replace(b'"model":"m1-2026"', b'"model":"openai/m1"').replace(b'"model":""', b'"model":"openai/m1"')
    assert body == want
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_of_several_data_lines_gets_the_model_too(gateway, upstream, end):
    event = end.join([b"event: x", b'data: {"id":"c",', b"data", b": hi", b'data:"model":"m1-2026",', b'data: "choices":[]}', b"", b""])
    upstream.handler = lambda call: call.stream([event, DONE])
    _, _, body = gateway.chat({**ASK, "stream": True})
    assert body == event.replace(b"m1-2026", b"openai/m1") + DONE


def test_an_event_split_over_many_reads_is_one_event(gateway, upstream):
    event = chunk("hello")

    def handler(call):
        call.start_stream()
        for i in range(len(event)):
            call.chunk(event[i:i + 1])
            if i % 50 == 0:
                time.sleep(0.005)
        call.chunk(DONE)
        call.end_stream()

    upstream.handler = handler
    _, _, body = gateway.chat({**ASK, "stream": True})
    assert body == event.replace(b"m1-2026", b"openai/m1") + DONE


def test_each_event_leaves_when_it_arrives(gateway, upstream):
    go_on = threading.Event()

    def handler(call):
        call.start_stream()
        call.chunk(chunk("first"))
        assert go_on.wait(10)
        call.chunk(chunk("second"))
        call.chunk(DONE)
        call.end_stream()

    upstream.handler = handler
    with gateway.connect() as s:
        s.sendall(chat_bytes({**ASK, "stream": True}))
        data = b""
        while b"first" not in data:
            data += s.recv(65536)
        assert b"second" not in data
        go_on.set()
        while not data.endswith(b"0\r\n\r\n"):
            data += s.recv(65536)
    body, whole = dechunk(data.split(b"\r\n\r\n", 1)[1])
    assert whole and body.endswith(DONE)


def test_the_head_and_the_first_event_come_together(gateway, upstream):
    def handler(call):
        call.start_stream()
        time.sleep(0.1)
        call.chunk(chunk("first"))
        time.sleep(0.1)
        call.chunk(DONE)
        call.end_stream()

    upstream.handler = handler
    with gateway.connect() as s:
        s.sendall(chat_bytes({**ASK, "stream": True}))
        first = s.recv(65536)
        assert first.startswith(b"HTTP/1.1 200") and b"first" in first
        read_response(s, first)


def test_done_is_added_when_the_upstream_forgets_it(gateway, upstream):
    upstream.handler = lambda call: call.stream([chunk("a"), chunk(finish="stop")])
    _, _, body = gateway.chat({**ASK, "stream": True})
    assert body.endswith(DONE) and body.count(DONE) == 1


@pytest.mark.parametrize("how", ["hang_up", "reset", "mid_event", "bad_chunk", "clean_mid_event"])
def test_a_cut_stream_ends_with_an_error_and_no_clean_end(gateway, upstream, how):
    def handler(call):
        call.start_stream()
        call.chunk(chunk("partial"))
        time.sleep(0.05)
        if how == "mid_event":
            call.chunk(b'data: {"id":"chatcm')
            time.sleep(0.05)
        if how == "clean_mid_event":
            call.chunk(b'data: {"id":"chatcm')
            call.end_stream()
            return
        if how == "bad_chunk":
            call.send(b"zz\r\n")
            time.sleep(0.2)
        if how == "reset":
            call.reset()
        call.hang_up()

    upstream.handler = handler
    with gateway.connect() as s:
        s.sendall(chat_bytes({**ASK, "stream": True}))
        data = read_all(s)
    body, whole = dechunk(data.split(b"\r\n\r\n", 1)[1])
    assert not whole, "the client must see that the stream was cut"
    assert b"partial" in body and DONE not in body
    last = body.strip().split(b"\n\n")[-1]
    error = json.loads(last[len(b"data: "):])["error"]
    assert error["type"] == "upstream_error" and "openai" in error["message"]
    assert b'"chatcm' not in last


def test_an_error_of_the_upstream_keeps_status_body_and_headers(gateway, upstream):
    error = b'{"error": {"message":"Slow down", "type":"rate_limit", "param":null,"code":"rl","more":1}}'
    upstream.handler = lambda call: call.raw(429, error, [("retry-after", "0"), ("x-request-id", "r-1"), ("x-ratelimit-remaining-tokens", "0"),
                                                          ("x-should-retry", "false")])
    status, headers, body = gateway.chat({**ASK, "stream": True})
    assert (status, body) == (429, error)
    assert headers["retry-after"] == "0" and headers["x-request-id"] == "r-1"
    assert headers["x-ratelimit-remaining-tokens"] == "0"
    assert len(upstream.chat_requests()) == 1


def test_an_error_that_is_no_json_is_wrapped(gateway, upstream):
    upstream.handler = lambda call: call.raw(400, b"<html>nope</html>", content_type="text/html")
    status, _, body = gateway.chat(ASK)
    error = json.loads(body)["error"]
    assert status == 400 and "nope" in error["message"] and "openai" in error["message"]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_retries_before_the_first_byte(gateway, upstream, status):
    def handler(call):
        if len(upstream.chat_requests()) < 3:
            call.json(status, {"error": {"message": "no"}}, [("retry-after-ms", "5")])
        else:
            call.json(200, completion())

    upstream.handler = handler
    assert gateway.chat(ASK)[0] == 200
    assert len(upstream.chat_requests()) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_no_retry_for_the_clients_own_errors(gateway, upstream, status):
    upstream.handler = lambda call: call.json(status, {"error": {"message": "no"}})
    assert gateway.chat(ASK)[0] == status
    assert len(upstream.chat_requests()) == 1


def test_retries_are_limited_and_the_last_answer_is_told(gateway, upstream):
    upstream.handler = lambda call: call.json(503, {"error": {"message": f"n{len(upstream.chat_requests())}"}},
                                              [("retry-after-ms", "1")])
    status, _, body = gateway.chat(ASK)
    assert status == 503 and json.loads(body)["error"]["message"] == "n3"


def test_a_long_retry_after_is_not_waited_for(gateway, upstream):
    upstream.handler = lambda call: call.json(429, {"error": {"message": "later"}}, [("retry-after", "3600")])
    start = time.monotonic()
    status, headers, _ = gateway.chat(ASK)
    assert status == 429 and headers["retry-after"] == "3600"
    assert time.monotonic() - start < 2 * SLOW
    assert len(upstream.chat_requests()) == 1


def test_a_stale_pooled_connection_costs_nothing(gateway, upstream):
    def handler(call):
        call.json(200, completion())
        call.close_after = True  # without saying so

    upstream.handler = handler
    for _ in range(5):
        assert gateway.chat(ASK)[0] == 200
    assert len(upstream.chat_requests()) == 5


def test_connections_to_the_upstream_are_reused(start, upstream):
    q = start("--workers", "1", env={"OPENAI_BASE_URL": upstream.url})
    q.wait_model("openai/m1")
    before = upstream.connections
    for _ in range(20):
        assert q.chat(ASK)[0] == 200
        assert q.chat({**ASK, "stream": True})[0] == 200
    assert upstream.connections - before <= 1


def test_refused_connection_is_502_and_says_what_was_tried(start):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    q = start("--retries", "1", env={"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"})
    status, _, body = q.chat(ASK)
    error = json.loads(body)["error"]
    assert status == 502 and error["code"] == "upstream_connect"
    assert f"127.0.0.1:{port}" in error["message"] and "refused" in error["message"].lower()
    assert "2 times" in error["message"]


def test_unknown_host_is_502(start):
    q = start("--retries", "0", env={"OPENAI_BASE_URL": "http://no-such-host.invalid/v1"})
    status, _, body = q.chat(ASK)
    error = json.loads(body)["error"]
    assert status == 502 and "no-such-host.invalid" in error["message"]


def config_for(upstream, network="", more=""):
    return f"""
version: 2
{more}
providers:
  inference:
    - provider_id: openai
      provider_type: remote::openai
      config:
        base_url: {upstream.url}
        api_key: sk-test-0123456789
        network:
          {network or 'timeout: 600'}
"""


def test_a_silent_upstream_is_504(start, upstream):
    upstream.handler = lambda call: call.wait_gone(20)
    q = start(config=config_for(upstream, "timeout: {first_byte: 300ms}"))
    status, _, body = q.chat(ASK)
    assert status == 504 and json.loads(body)["error"]["code"] == "upstream_timeout"
    assert len(upstream.chat_requests()) == 1, "what may be at work is not asked again"


def test_a_stream_that_stalls_is_ended_with_an_error(start, upstream):
    def handler(call):
        call.start_stream()
        call.chunk(chunk("a"))
        call.wait_gone(20)

    upstream.handler = handler
    q = start(config=config_for(upstream, "timeout: {idle: 300ms}"))
    with q.connect() as s:
        s.sendall(chat_bytes({**ASK, "stream": True}))
        data = read_all(s)
    body, whole = dechunk(data.split(b"\r\n\r\n", 1)[1])
    assert not whole and b'"upstream_timeout"' in body


def test_pings_while_the_upstream_is_silent_also_before_the_first_byte(start, upstream):
    def handler(call):
        time.sleep(0.5)
        call.start_stream()
        time.sleep(0.5)
        call.chunk(chunk("a"))
        call.chunk(DONE)
        call.end_stream()

    upstream.handler = handler
    q = start("--ping-interval", "200ms", env={"OPENAI_BASE_URL": upstream.url})
    _, headers, body = q.chat({**ASK, "stream": True})
    assert headers["content-type"] == "text/event-stream"
    assert 2 <= body.count(b": ping\n\n") <= 8
    assert body.replace(b": ping\n\n", b"") == chunk("a", model="openai/m1") + DONE


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_client_that_hangs_up_is_seen_upstream_at_once(gateway, upstream, stream, how):
    gone = []

    def handler(call):
        if stream:
            call.start_stream()
            call.chunk(chunk("a"))
        ready.set()
        gone.append((call.wait_gone(10), time.monotonic()))
        call.hang_up()

    ready = threading.Event()
    upstream.handler = handler
    s = gateway.connect()
    s.sendall(chat_bytes({**ASK, "stream": stream}))
    if stream:
        s.recv(65536)
    assert ready.wait(5)
    time.sleep(0.05)
    if how == "rst":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    closed = time.monotonic()
    s.close()
    deadline = time.monotonic() + 5
    while not gone and time.monotonic() < deadline:
        time.sleep(0.005)
    assert gone and gone[0][0] is not None
    assert gone[0][1] - closed < 0.1 * SLOW


def test_on_disconnect_drain_reads_the_upstream_to_its_end(start, upstream):
    done = threading.Event()

    def handler(call):
        call.start_stream()
        for i in range(20):
            call.chunk(chunk(f"t{i}"))
            time.sleep(0.02)
        call.chunk(DONE)
        call.end_stream()
        done.set()

    upstream.handler = handler
    q = start("--on-disconnect", "drain", env={"OPENAI_BASE_URL": upstream.url})
    with q.connect() as s:
        s.sendall(chat_bytes({**ASK, "stream": True}))
        s.recv(65536)
    assert done.wait(5)


def test_a_slow_client_stops_its_own_upstream_only(gateway, upstream):
    sent = [0]
    block = chunk("x" * 20000)

    def handler(call):
        if not call.request.json.get("stream"):
            call.json(200, completion())
            return
        call.start_stream()
        try:
            for _ in range(2000):
                call.chunk(block)
                sent[0] += len(block)
            call.chunk(DONE)
            call.end_stream()
        except OSError:
            pass

    upstream.handler = handler
    with gateway.connect() as s:
        s.sendall(chat_bytes({**ASK, "stream": True}))
        time.sleep(1.0)
        before = sent[0]
        assert gateway.chat(ASK)[0] == 200
        time.sleep(0.5)
        assert sent[0] == before < 30_000_000, "the upstream must be stopped"
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            more = s.recv(1 << 20)
            assert more
            data = data[-16:] + more
            sent[0] += 0
    assert sent[0] == 2000 * len(block)


@pytest.mark.parametrize("body,param,words", [
    (b"", None, "no body"),
    (b"{", None, "line 1, column 2"),
    (b'{"model":"openai/m1",\n"messages":[],}', None, "line 2"),
    (b"[]", None, "object"),
    (b'{"messages":[{"role":"user","content":"x"}]}', "model", "model"),
    (b'{"model":"openai/m1"}', "messages", "messages"),
    (b'{"model":7,"messages":[{"role":"user","content":"x"}]}', "model", "string"),
    (b'{"model":"openai/m1","messages":[{"role":"wizard","content":"x"}]}', "messages[0].role", "assistant"),
    (b'{"model":"openai/m1","messages":[{"role":"user","content":"x"}],"temperature":3}', "temperature", "2"),
    (b'{"model":"openai/m1","messages":[{"role":"user","content":"x"}],"tool_choice":"auto"}', "tool_choice", "tools"),
])
def test_bad_requests_are_told_apart_before_the_upstream_is_bothered(gateway, upstream, body, param, words):
    status, _, answer = gateway.chat(body)
    error = json.loads(answer)["error"]
    assert status == 400 and error["type"] == "invalid_request_error"
    assert error["param"] == param and words in error["message"], error
    assert not upstream.chat_requests()


def test_unknown_models_are_404_with_the_nearest(gateway):
    gateway.wait_model("openai/m1")
    status, _, body = gateway.chat({**ASK, "model": "m1"})
    error = json.loads(body)["error"]
    assert status == 404 and error["code"] == "model_not_found" and "openai/m1" in error["message"]


def test_an_event_over_the_limit_ends_the_stream(start, upstream):
    upstream.handler = lambda call: call.stream([chunk("a"), chunk("x" * 100000), DONE])
    q = start("--event-max", "16KB", env={"OPENAI_BASE_URL": upstream.url})
    with q.connect() as s:
        s.sendall(chat_bytes({**ASK, "stream": True}))
        body, whole = dechunk(read_all(s).split(b"\r\n\r\n", 1)[1])
    assert not whole and b"upstream_event_too_long" in body


def test_keys_never_reach_the_log(gateway, upstream):
    upstream.handler = lambda call: call.json(401, {"error": {"message": "bad key sk-test-0123456789"}})
    gateway.chat(ASK)
    text = gateway.stop()
    assert "sk-test-0123456789" not in text
