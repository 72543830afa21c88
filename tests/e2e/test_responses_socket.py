"""GET /v1/responses as a WebSocket: turns, what a connection remembers, and what peers do wrong."""
import json
import os
import signal
import ssl
import struct
import threading
import time

import pytest
from quipu import SLOW
from responses import kept, kept_when, text_of
from upstream import DONE, chunk
from wsclient import BINARY, CLOSE, MORE, PING, TEXT, Closed, Refused, WebSocket

M1 = {"model": "openai/m1"}


@pytest.fixture
def socket(gateway):
    with WebSocket(gateway) as ws:
        yield ws


@pytest.fixture
def storing(start, upstream, tmp_path):
    q = start("--store", f"sqlite:{tmp_path}/q.db",
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})
    q.db = tmp_path / "q.db"
    return q


class Slow:
    """Says "Hel", and goes on when it is told to; knows when quipu hung up."""

    def __init__(self):
        self.begun, self.go, self.gone = threading.Event(), threading.Event(), threading.Event()
        self.gone_at = None

    def __call__(self, call):
        call.start_stream()
        call.chunk(chunk("Hel"))
        self.begun.set()
        while not self.go.is_set():
            if call.wait_gone(0.05) is not None:
                self.gone_at = time.monotonic()
                self.gone.set()
                call.hang_up()
        for piece in (chunk("lo"), chunk(finish="stop"), DONE):
            call.chunk(piece)
        call.end_stream()


def said(request):
    return [(m["role"], m["content"]) for m in request.json["messages"]]


# --- turns

def test_turns_follow_each_other(socket, upstream):
    for n in range(3):
        socket.create(**M1, input=f"turn {n}")
        events = socket.turn()
        assert [e["type"].removeprefix("response.") for e in events] == [
            "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
            "output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed"]
    assert [said(r)[-1] for r in upstream.chat_requests()] == [("user", f"turn {n}") for n in range(3)]
    assert upstream.connections <= 2  # one for models, and the same one for each turn
    assert socket.close() == 1000


def test_what_was_not_stored_is_followed(socket, upstream):
    first = socket.ask(**M1, store=False, input="one")
    second = socket.ask(**M1, store=False, input="two", previous_response_id=first["id"])
    third = socket.ask(**M1, store=False, input="three", previous_response_id=second["id"])
    assert third["previous_response_id"] == second["id"] and third["store"] is False
    assert said(upstream.chat_requests()[-1]) == [
        ("user", "one"), ("assistant", "Hello"), ("user", "two"), ("assistant", "Hello"), ("user", "three")]
    # Only the last one is remembered.
    error = socket.ask(**M1, store=False, input="x", previous_response_id=first["id"])
    assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")


def test_a_calls_result_follows(socket, upstream):
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    event = json.loads(chunk()[6:])
    event["choices"][0]["delta"] = {"tool_calls": [call]}
    upstream.handler = lambda c: c.stream([b"data: " + json.dumps(event).encode() + b"\n\n",
                                           chunk(finish="tool_calls"), DONE])
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]
    first = socket.ask(**M1, store=False, input="one", tools=tools)
    assert first["output"][0]["call_id"] == "c1"
    upstream.handler = lambda c: c.stream([chunk("done"), chunk(finish="stop"), DONE])
    second = socket.ask(**M1, store=False, tools=tools, previous_response_id=first["id"],
                        input=[{"type": "function_call_output", "call_id": "c1", "output": "7"}])
    assert text_of(second) == "done"
    sent = upstream.chat_requests()[-1].json["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "tool"] and sent[2]["content"] == "7"


@pytest.mark.parametrize("how", ["upstream", "request"])
def test_a_turn_that_failed_is_forgotten(socket, upstream, how):
    first = socket.ask(**M1, store=False, input="one")
    upstream.handler = lambda call: call.json(400, {"error": {"message": "no!", "code": "c"}})
    more = {"temperature": 9} if how == "request" else {}
    failed = socket.ask(**M1, store=False, input="two", previous_response_id=first["id"], **more)
    assert failed.get("status") == ("failed" if how == "upstream" else 400)
    error = socket.ask(**M1, store=False, input="three", previous_response_id=first["id"])
    assert error["error"]["code"] == "previous_response_not_found" and error["error"]["param"] == "previous_response_id"


def test_another_connection_does_not_know_it(gateway, socket):
    first = socket.ask(**M1, store=False, input="one")
    with WebSocket(gateway) as other:
        error = other.ask(**M1, input="two", previous_response_id=first["id"])
        assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")
        assert other.ask(**M1, input="three")["status"] == "completed"


def test_stored_ones_are_followed_after_a_reconnect(storing, upstream):
    with WebSocket(storing) as ws:
        first = ws.ask(**M1, input="one")
        assert first["store"] is True and ws.close() == 1000
    with WebSocket(storing) as ws:
        second = ws.ask(**M1, input="two", previous_response_id=first["id"])
        assert second["status"] == "completed"
    assert said(upstream.chat_requests()[-1]) == [("user", "one"), ("assistant", "Hello"), ("user", "two")]
    assert kept_when(storing, second["id"], "completed")["previous_response_id"] == first["id"]


def test_unstored_then_stored_then_over_http(storing, upstream):
    """The stored one has to hold what was said before it on the connection."""
    with WebSocket(storing) as ws:
        first = ws.ask(**M1, store=False, input="one")
        second = ws.ask(**M1, store=True, input="two", previous_response_id=first["id"])
    status, _, data = storing.request("POST", "/v1/responses",
                                      {**M1, "input": "three", "previous_response_id": second["id"]})
    assert status == 200, data
    assert [m for m in said(upstream.chat_requests()[-1]) if m[0] == "user"] == [
        ("user", "one"), ("user", "two"), ("user", "three")]
    assert kept(storing, first["id"]) is None


def test_a_warm_up_generates_nothing(socket, upstream):
    first = socket.ask(**M1, store=False, generate=False, input="context")
    assert first["status"] == "completed" and first["output"] == [] and upstream.chat_requests() == []
    assert text_of(socket.ask(**M1, store=False, input="go", previous_response_id=first["id"])) == "Hello"
    assert said(upstream.chat_requests()[-1]) == [("user", "context"), ("user", "go")]


def test_one_while_another_is_under_way_waits(socket, upstream):
    slow = upstream.handler = Slow()
    socket.create(**M1, input="one")
    assert slow.begun.wait(20 * SLOW)
    socket.create(**M1, input="two")
    socket.create(**M1, input="three")
    time.sleep(0.2)
    assert len(upstream.chat_requests()) == 1
    slow.go.set()
    for _ in range(3):
        assert text_of(socket.turn()[-1]["response"]) == "Hello"
    assert [said(r)[-1][1] for r in upstream.chat_requests()] == ["one", "two", "three"]


# --- errors

@pytest.mark.parametrize("text,code,param", [
    (b"{", "invalid_json", None),
    (b"[]", "invalid_type", "type"),
    (b'"x"', "invalid_type", "type"),
    (b"", "invalid_json", None),
    (b"{}", "invalid_type", "type"),
    (b'{"type":"response.cancel"}', "invalid_type", "type"),
    (b'{"type":"response.create","model":"openai/m1","input":"x","stream":true}', "unsupported_parameter", "stream"),
    (b'{"type":"response.create","model":"openai/m1","input":"x","background":true}', "unsupported_parameter",
     "background"),
    (b'{"type":"response.create","input":"x"}', None, "model"),
    (b'{"type":"response.create","model":"openai/m1","input":"x","temperature":9}', None, "temperature"),
    (b'{"type":"response.create","model":"openai/m1","input":"x","previous_response_id":"resp_0"}',
     "previous_response_not_found", "previous_response_id"),
    (b'{"type":"response.create","model":"nobody/m1","input":"x"}', "model_not_found", None),
], ids=lambda x: x.decode()[:40] if isinstance(x, bytes) else None)
def test_mistakes_are_told_and_the_connection_stays(socket, text, code, param):
    socket.send(text)
    error = socket.turn()[-1]
    assert error.keys() == {"type", "status", "error"} and error["status"] in (400, 404)
    assert error["error"].keys() == {"type", "code", "message", "param"} and error["error"]["message"]
    assert code is None or error["error"]["code"] == code
    assert param is None or error["error"]["param"] == param
    assert text_of(socket.ask(**M1, input="still there")) == "Hello"


def test_errors_of_the_upstream_end_the_turn(socket, upstream):
    upstream.handler = lambda call: call.json(429, {"error": {"message": "slow down", "code": "x"}},
                                              [("retry-after", "0")])
    socket.create(**M1, input="x")
    failed = socket.turn()[-1]
    assert failed["type"] == "response.failed" and failed["response"]["error"]["code"] == "rate_limit_exceeded"
    upstream.handler = lambda call: call.stream([chunk("ok"), chunk(finish="stop"), DONE])
    assert text_of(socket.ask(**M1, input="x")) == "ok"


# --- the client, during a turn

def test_pings_are_answered_during_a_slow_turn(gateway, upstream):
    slow = upstream.handler = Slow()
    with WebSocket(gateway) as ws:
        ws.create(**M1, input="x")
        assert slow.begun.wait(20 * SLOW)
        while ws.receive()["type"] != "response.output_text.delta":
            pass
        for n in range(3):
            ws.frame(PING, b"%d" % n)
            begin = time.monotonic()
            assert ws.read_frame() == (10, b"%d" % n)
            assert time.monotonic() - begin < 2 * SLOW
        assert not slow.go.is_set()
        slow.go.set()
        while ws.receive()["type"] != "response.completed":
            pass


@pytest.mark.parametrize("how", ["close frame", "end", "reset"])
def test_a_client_that_leaves_mid_turn(storing, upstream, how):
    slow = upstream.handler = Slow()
    ws = WebSocket(storing)
    ws.create(**M1, input="x")
    assert slow.begun.wait(20 * SLOW)
    events = [ws.receive()]
    while events[-1]["type"] != "response.output_text.delta":
        events.append(ws.receive())
    begin = time.monotonic()
    if how == "close frame":
        ws.frame(CLOSE, struct.pack("!H", 1000))
    elif how == "reset":
        ws.sock.setsockopt(1, 13, struct.pack("ii", 1, 0))
    if how != "close frame":
        ws.drop()
    assert slow.gone.wait(20 * SLOW)
    assert slow.gone_at - begin < 0.2 * SLOW  # the test itself looks every 50 ms
    answer = kept_when(storing, events[0]["response"]["id"], "cancelled")
    assert answer["error"] is None and answer["completed_at"] is None


def test_of_what_was_not_to_be_stored_nothing_stays(storing, upstream):
    slow = upstream.handler = Slow()
    ws = WebSocket(storing)
    ws.create(**M1, input="x", store=False)
    assert slow.begun.wait(20 * SLOW)
    id = ws.receive()["response"]["id"]
    ws.drop()
    assert slow.gone.wait(20 * SLOW)
    storing.stop()
    assert kept(storing, id) is None


# --- frames

def test_fragments_and_pings_between_them(socket):
    text = json.dumps({"type": "response.create", **M1, "input": "grüße ☃"}).encode()
    cuts = [0, 1, 20, len(text) - 12, len(text) - 5, len(text) - 5, len(text)]  # one within a character
    for i, (a, b) in enumerate(zip(cuts, cuts[1:])):
        socket.frame(MORE if i else TEXT, text[a:b], last=b == len(text) and i == len(cuts) - 2)
        socket.frame(PING, b"between")
    assert text_of(socket.turn()[-1]["response"]) == "Hello"
    assert socket.pongs


def test_byte_by_byte(socket):
    for byte in socket.encode(TEXT, json.dumps({"type": "response.create", **M1, "input": "x"}).encode()):
        socket.sock.sendall(bytes([byte]))
    assert text_of(socket.turn()[-1]["response"]) == "Hello"


def test_a_long_message(socket, upstream):
    long = "grüße" * 1_000_000
    assert text_of(socket.ask(**M1, input=long)) == "Hello"
    assert said(upstream.chat_requests()[-1]) == [("user", long)]


@pytest.mark.parametrize("frames,code", [
    ([(BINARY, b"{}", {})], 1003),
    ([(TEXT, b"\xff\xfe{}", {})], 1007),
    ([(TEXT, b'{"a":"\xc3', {"last": False}), (MORE, b'("}', {})], 1007),
    ([(TEXT, b"{}", {"masked": False})], 1002),
    ([(TEXT, b"{}", {"reserved": 4})], 1002),
    ([(3, b"", {})], 1002),
    ([(11, b"", {})], 1002),
    ([(MORE, b"{}", {})], 1002),
    ([(TEXT, b"{", {"last": False}), (TEXT, b"}", {})], 1002),
    ([(PING, b"x" * 126, {})], 1002),
    ([(PING, b"", {"last": False})], 1002),
    ([(CLOSE, b"\x03", {})], 1002),
    ([(CLOSE, struct.pack("!H", 1005), {})], 1002),
    ([(CLOSE, struct.pack("!H", 1000) + b"\xff", {})], 1002),
    ([(CLOSE, b"", {})], 1000),
    ([(CLOSE, struct.pack("!H", 4001) + b"bye", {})], 1000),
], ids=str)
def test_frames_that_end_a_connection(socket, upstream, frames, code):
    for kind, payload, how in frames:
        socket.frame(kind, payload, **how)
    assert socket.read_close()[0] == code
    assert upstream.chat_requests() == []
    with pytest.raises((Closed, OSError)):
        socket.receive()


@pytest.mark.parametrize("cut", [False, True], ids=["one frame", "fragments"])
def test_a_message_that_is_too_long(gateway, cut):
    with WebSocket(gateway) as ws:
        if not cut:  # its head is enough
            ws.sock.sendall(bytes([0x81, 0xff]) + struct.pack("!Q", 65 << 20) + b"mask")
            assert ws.read_close()[0] == 1009
            return
        piece = b"x" * (8 << 20)
        try:
            for n in range(10):
                ws.frame(MORE if n else TEXT, piece, last=False)
        except OSError:
            return  # it did not listen to the end
        assert ws.read_close()[0] in (1009, None)


# --- the opening

@pytest.mark.parametrize("replace,status,words", [
    ({"sec-websocket-version": "12"}, 426, ["version 13"]),
    ({"sec-websocket-version": None}, 426, ["version 13"]),
    ({"sec-websocket-key": None}, 400, ["sec-websocket-key"]),
    ({"sec-websocket-key": "AAAA"}, 400, ["sec-websocket-key"]),
    ({"connection": "keep-alive"}, 400, ["connection"]),
], ids=str)
def test_openings_that_are_refused(gateway, replace, status, words):
    with pytest.raises(Refused) as refused:
        WebSocket(gateway, replace=replace)
    answer = refused.value
    assert answer.status == status
    message = json.loads(answer.body)["error"]["message"]
    assert all(w in message for w in words)
    assert (answer.headers.get("sec-websocket-version") == "13") == (status == 426)
    assert (answer.headers.get("upgrade") == "websocket") == (status == 426)


def test_origins(gateway, start):
    own = f"http://127.0.0.1:{gateway.port}"
    for origin, good in [(own, True), ("https://evil.example", False), ("null", False),
                         (f"http://127.0.0.1:{gateway.port}.evil.example", False)]:
        try:
            WebSocket(gateway, headers=[("origin", origin)]).drop()
            assert good, origin
        except Refused as refused:
            assert not good and refused.status == 403
    q = start(config="server:\n  cors:\n    allow_origins: [\"https://app.example\"]\n")
    WebSocket(q, headers=[("origin", "https://app.example")]).drop()
    with pytest.raises(Refused):
        WebSocket(q, headers=[("origin", "https://evil.example")])


def test_tls(start, authority):
    cert, key = authority.issue("DNS:localhost")
    q = start("--tls-certfile", cert, "--tls-keyfile", key)
    context = ssl.create_default_context(cafile=authority.cert)
    with WebSocket(q, tls=(context, "localhost")) as ws:
        for n in range(2):
            assert text_of(ws.ask(model="echo/echo", input=f"turn {n}")) == f"turn {n}"
        assert ws.close() == 1000


# --- the server

def test_the_servers_stop(gateway):
    with WebSocket(gateway) as ws:
        ws.ask(**M1, input="x")
        gateway.process.send_signal(signal.SIGTERM)
        assert ws.read_close()[0] == 1001
    gateway.stop(signal_it=False)


def test_a_turn_is_finished_before_the_stop(gateway, upstream):
    slow = upstream.handler = Slow()
    with WebSocket(gateway) as ws:
        ws.create(**M1, input="x")
        assert slow.begun.wait(20 * SLOW)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_text("stopp|shut|drain")
        slow.go.set()
        assert text_of(ws.turn()[-1]["response"]) == "Hello"
        assert ws.read_close()[0] == 1001
    gateway.stop(signal_it=False)


def memory(q):
    with open(f"/proc/{q.process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_many_turns_are_flat_in_memory(start):
    q = start("--workers", "1")
    with WebSocket(q) as ws:
        def turns(count):
            for n in range(count):
                ws.create(model="echo/echo", input=("x" * 1000 + " ") * 4, store=False)
                while ws.receive()["type"] != "response.completed":
                    pass
            return memory(q)

        before = turns(200)
        assert turns(1000) - before < (1 << 20)


def test_the_library_websockets(gateway, upstream):
    """Somebody else's client, as its users write it."""
    client = pytest.importorskip("websockets.sync.client", reason="the package websockets is not installed")
    with client.connect(f"ws://127.0.0.1:{gateway.port}/v1/responses", max_size=None) as ws:
        for n in range(2):
            ws.send(json.dumps({"type": "response.create", **M1, "input": f"turn {n}"}))
            events = [json.loads(ws.recv(timeout=30 * SLOW))]
            while events[-1]["type"] != "response.completed":
                events.append(json.loads(ws.recv(timeout=30 * SLOW)))
            assert text_of(events[-1]["response"]) == "Hello"
        assert ws.ping().wait(20 * SLOW)
    assert ws.close_code == 1000
