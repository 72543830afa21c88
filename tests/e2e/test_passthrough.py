"""Requests that are passed on as they are: both bodies as they come, in constant memory."""
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import threading
import time

import pytest

from quipu import SLOW, dechunk, read_response

GB = 1 << 30


class Taker:
    """An upstream that reads by hand: each connection's bytes go to a function of the test."""

    def __init__(self, serve):
        self.serve, self.connections, self.errors = serve, 0, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        try:
            with sock:
                self.serve(Peer(sock))
        except OSError:
            pass
        except Exception as error:  # a broken test, to be shown by it
            self.errors.append(error)

    def close(self):
        # A blocked accept() keeps the socket alive: shut it down first.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        assert not self.errors, self.errors


class Peer:
    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def more(self):
        got = self.sock.recv(1 << 18)
        self.data += got
        return bool(got)

    def head(self):
        """The next request's; quipu's own look at the model list is answered here."""
        while True:
            while b"\r\n\r\n" not in self.data:
                if not self.more():
                    return None
            head, self.data = self.data.split(b"\r\n\r\n", 1)
            if not head.startswith(b"GET /v1/models "):
                return head.decode("latin-1")
            self.send(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}")

    def body(self, head, seen=None):
        """All of a body by its framing; seen(bytes) instead of keeping it."""
        out = []
        take = seen or out.append
        fields = head.lower()
        if "transfer-encoding: chunked" in fields:
            while True:
                while b"\r\n" not in self.data:
                    if not self.more():
                        return None
                line, self.data = self.data.split(b"\r\n", 1)
                n = int(line, 16)
                while len(self.data) < n + 2:
                    if not self.more():
                        return None
                if n == 0:
                    self.data = self.data[2:]
                    break
                take(self.data[:n])
                self.data = self.data[n + 2:]
        else:
            length = re.search(r"content-length: (\d+)", fields)
            n = int(length.group(1)) if length else 0
            while n > 0:
                if not self.data and not self.more():
                    return None
                part, self.data = self.data[:n], self.data[n:]
                take(part)
                n -= len(part)
        return b"".join(out)

    def send(self, data):
        self.sock.sendall(data)


@pytest.fixture
def taker():
    made = []

    def make(serve):
        made.append(Taker(serve))
        return made[-1]

    yield make
    for t in made:
        t.close()


def config(url, extra="", kind="remote::openai-compatible", keys="      api_key: sk-up\n"):
    return ("providers:\n  inference:\n  - provider_id: up\n"
            f"    provider_type: {kind}\n    config:\n      base_url: {url}\n{keys}{extra}")


@pytest.fixture
def gate(start, upstream):
    upstream.models = upstream.handler = lambda call: call.json(200, {"ok": True})
    return start(config=config(upstream.url))


def rss_kb(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return int(next(x for x in f if x.startswith("VmRSS")).split()[1])
    except (OSError, StopIteration):
        pytest.skip("this system does not tell a process's memory")


class Peak:
    """The most memory that a process had while the block ran, in KB."""

    def __init__(self, pid):
        self.pid, self.kb, self.ended = pid, rss_kb(pid), False

    def __enter__(self):
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self):
        while not self.ended:
            self.kb = max(self.kb, rss_kb(self.pid))
            time.sleep(0.02)

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()


# What goes over

def test_method_path_query_and_fields_pass(gate, upstream):
    status, headers, body = gate.request(
        "PATCH", "/v1/passthrough/up/files/a%20b%2Fc/?x=1&y=%2e%2e", b"\x00\xff{",
        headers={"authorization": "Bearer mine", "cookie": "a=b", "x-api-key": "mine", "api-key": "mine",
                 "x-ogx-provider-data": "{}", "x-llamastack-provider-data": "{}", "x-quipu-a": "b",
                 "x-replay-session": "s", "X-Replay-Mode": "off", "x-test-id": "s", "test-name": "s",
                 "content-type": "application/x-thing", "accept": "image/png", "x-team": "t",
                 "connection": "x-hop", "x-hop": "1", "te": "trailers", "user-agent": "me"})
    r = upstream.requests[-1]
    assert status == 200 and body == b'{"ok": true}'
    assert (r.method, r.target) == ("PATCH", "/v1/files/a%20b%2Fc/?x=1&y=%2e%2e")
    assert r.body == b"\x00\xff{"
    assert dict(r.headers) == {
        "host": f"127.0.0.1:{upstream.port}", "authorization": "Bearer sk-up", "content-length": "3",
        "content-type": "application/x-thing", "accept": "image/png", "x-team": "t", "user-agent": "me",
        "accept-encoding": "identity"}


def test_every_method(gate, upstream):
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
        assert gate.request(method, "/v1/passthrough/up/x")[0] == 200
        assert upstream.requests[-1].method == method
    status, headers, body = gate.request("TRACE", "/v1/passthrough/up/x")
    assert status == 405 and "POST" in headers["allow"] and json.loads(body)["error"]["code"] == "method_not_allowed"
    assert gate.request("CONNECT", "/v1/passthrough/up/x")[0] == 400
    assert upstream.requests[-1].method == "PROPFIND"


def test_the_clients_own_key_is_used(gate, upstream):
    data = json.dumps({"openai_api_key": "sk-own"})
    gate.request("GET", "/v1/passthrough/up/x", headers={"x-ogx-provider-data": data})
    assert upstream.requests[-1].headers["authorization"] == "Bearer sk-up"  # this kind has no field
    status, _, body = gate.request("GET", "/v1/passthrough/up/x", headers={"x-ogx-provider-data": "{"})
    assert status == 400


def test_own_key_of_a_kind_with_a_field(start, upstream):
    upstream.models = lambda call: call.json(200, {})
    q = start(config=config(upstream.url, kind="remote::openai"))
    q.request("GET", "/v1/passthrough/up/x", headers={"x-ogx-provider-data": '{"openai_api_key": "sk-own"}'})
    assert upstream.requests[-1].headers["authorization"] == "Bearer sk-own"


def test_the_answer_is_kept_as_it_is(gate, upstream):
    import gzip
    packed = gzip.compress(b"hello " * 1000)
    upstream.models = lambda call: call.raw(
        418, packed, content_type="audio/mpeg",
        headers=[("content-encoding", "gzip"), ("x-thing", "1"), ("x-thing", "2"), ("set-cookie", "a=b"),
                 ("x-ogx-secret", "1"), ("x-request-id", "up-1"), ("alt-svc", "h3"), ("keep-alive", "timeout=5"),
                 ("connection", "keep-alive, x-hop"), ("x-hop", "1"), ("location", "/v1/x")])
    with gate.connect() as s:
        s.sendall(b"GET /v1/passthrough/up/x HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n")
        head, body, _ = read_response(s)
    lines = [x.lower() for x in head.split("\r\n")]
    assert lines[0].startswith("http/1.1 418") and body == packed
    assert "content-encoding: gzip" in lines and "content-type: audio/mpeg" in lines
    assert lines.count("x-thing: 1") == 1 and lines.count("x-thing: 2") == 1
    assert "x-quipu-provider: up" in lines and "x-quipu-attempts: 1" in lines
    assert "x-request-id: up-1" in lines and "location: /v1/x" in lines
    assert sum(x.startswith("date:") for x in lines) == 1
    for gone in ("set-cookie", "x-ogx-secret", "alt-svc", "keep-alive", "x-hop"):
        assert not any(x.startswith(gone) for x in lines), head


def test_heads_without_a_body(gate, upstream):
    def answer(call):
        status, length = call.request.target.rsplit("/", 2)[1:]
        call.head(int(status), [("content-length", length)] if length != "no" else [])

    upstream.handler = upstream.models = answer
    with gate.connect() as s:
        for path, method, want in (("200/77", "HEAD", "content-length: 77"), ("204/no", "GET", None),
                                   ("304/9", "GET", None), ("404/5", "HEAD", "content-length: 5"),
                                   ("200/0", "GET", "content-length: 0")):
            s.sendall(f"{method} /v1/passthrough/up/{path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            data = b""
            while b"\r\n\r\n" not in data:
                data += s.recv(1000)
            assert data.startswith(b"HTTP/1.1 " + path[:3].encode()) and data.endswith(b"\r\n\r\n"), data
            lengths = [x for x in data.decode().split("\r\n") if x.startswith("content-length")]
            assert lengths == ([want] if want else []), data


def test_a_stream_comes_as_it_comes(gate, upstream):
    gone = []

    def answer(call):
        call.start_stream()
        time.sleep(0.3)
        for i in range(3):
            call.chunk(b"data: %d\n\n" % i)
            time.sleep(0.2)
        call.send(b"0\r\nx-trailer: 1\r\n\r\n")
        gone.append(1)

    upstream.models = answer
    with gate.connect() as s:
        s.sendall(b"GET /v1/passthrough/up/events HTTP/1.1\r\nhost: x\r\n\r\n")
        head = s.recv(4096)
        assert b"text/event-stream" in head and head.endswith(b"\r\n\r\n"), "the head comes first"
        for i in range(3):
            assert s.recv(4096) == b"9\r\ndata: %d\n\n\r\n" % i
            assert not gone
        assert s.recv(4096) == b"0\r\n\r\n"


def test_a_broken_answer_is_cut(gate, upstream):
    def answer(call):
        if "chunked" in call.request.target:
            call.start_stream()
            call.chunk(b"half")
        else:
            call.head(200, [("content-length", "10")])
            call.send(b"half")
        call.hang_up()

    upstream.models = answer
    with gate.connect() as s:
        s.sendall(b"GET /v1/passthrough/up/chunked HTTP/1.1\r\nhost: x\r\n\r\n")
        _, body, _ = read_response(s)
        assert dechunk(body) == (b"half", False)
    with gate.connect() as s:
        s.sendall(b"GET /v1/passthrough/up/length HTTP/1.1\r\nhost: x\r\n\r\n")
        with pytest.raises((ConnectionResetError, AssertionError)):
            _, body, _ = read_response(s)
            assert len(body) == 10


# Uploads

@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_binary_bodies_arrive_byte_by_byte(start, taker, size, chunked):
    body = os.urandom(size)
    seen = []

    def serve(peer):
        while (head := peer.head()) is not None:
            seen.append((head, peer.body(head)))
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    q = start(config=config(taker(serve).url))
    for _ in range(2):
        c = http.client.HTTPConnection("127.0.0.1", q.port, timeout=30 * SLOW)
        parts = (body[i:i + 30000] for i in range(0, size, 30000))
        c.request("POST", "/v1/passthrough/up/files", parts if chunked else body, encode_chunked=chunked,
                  headers={"transfer-encoding": "chunked"} if chunked else {})
        r = c.getresponse()
        assert (r.status, r.read()) == (200, b"ok")
        c.close()
    assert [b for _, b in seen] == [body, body]
    assert ("chunked" in seen[0][0].lower()) == (chunked and size >= 0)


def test_an_answer_as_large_as_it_likes(start, taker):
    body = os.urandom(3_000_000)

    def serve(peer):
        while (head := peer.head()) is not None:
            if "/length" in head:
                peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            elif "/chunks" in head:
                peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                for i in range(0, len(body), 70001):
                    part = body[i:i + 70001]
                    peer.send(b"%x\r\n%s\r\n" % (len(part), part))
                peer.send(b"0\r\n\r\n")
            else:
                peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + body)
                return

    q = start(config=config(taker(serve).url))
    for path in ("length", "chunks", "close"):
        status, headers, got = q.request("GET", "/v1/passthrough/up/" + path)
        assert status == 200 and got == body
        assert headers.get("content-length") == (str(len(body)) if path == "length" else None)


def test_1_gb_up_in_constant_memory(start, taker):
    digests = []

    def serve(peer):
        head = peer.head()
        total = 0

        def count(data):
            nonlocal total
            total += len(data)

        peer.body(head, count)
        digests.append(total)
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    q = start("--workers", "1", config=config(taker(serve).url))
    assert q.request("POST", "/v1/passthrough/up/warm", b"x" * 100000)[0] == 200
    before = rss_kb(q.process.pid)
    block = os.urandom(1 << 20)
    with Peak(q.process.pid) as peak, q.connect(120) as s:
        s.sendall(b"POST /v1/passthrough/up/files HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % GB)
        for _ in range(GB >> 20):
            s.sendall(block)
        head, body, _ = read_response(s)
    assert head.startswith("HTTP/1.1 200") and body == b"ok" and digests[-1] == GB
    assert peak.kb - before < 2048 * SLOW, (before, peak.kb)


def test_1_gb_down_in_constant_memory(start, taker):
    block = os.urandom(1 << 20)

    def serve(peer):
        while (head := peer.head()) is not None:
            n = 1 if "/warm" in head else GB >> 20
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (n << 20))
            for _ in range(n):
                peer.send(block)

    q = start("--workers", "1", config=config(taker(serve).url))
    assert q.request("GET", "/v1/passthrough/up/warm")[0] == 200
    before = rss_kb(q.process.pid)
    got = 0
    with Peak(q.process.pid) as peak, q.connect(120) as s:
        s.sendall(b"GET /v1/passthrough/up/big HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        while data := s.recv(1 << 20):
            got += len(data)
    assert got > GB and got < GB + 4096
    assert peak.kb - before < 2048 * SLOW, (before, peak.kb)


def test_a_slow_upstream_slows_the_client(start, taker):
    """Nothing piles up in between: what the upstream did not read, the client could not send."""
    go_on = threading.Event()

    def serve(peer):
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        head = peer.head()
        go_on.wait(30)
        peer.body(head, lambda data: None)
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    q = start("--workers", "1", config=config(taker(serve).url))
    before = rss_kb(q.process.pid)
    size = 100 << 20
    block = b"x" * (1 << 20)
    with q.connect() as s:
        s.sendall(b"POST /v1/passthrough/up/x HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
        s.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < size:
                sent += s.send(block)
        assert sent < size and rss_kb(q.process.pid) - before < 2048 * SLOW
        go_on.set()
        s.settimeout(30)
        while sent < size:
            sent += s.send(block[:size - sent])
        assert read_response(s)[1] == b"ok"


def test_a_slow_client_slows_the_upstream(start, taker):
    sent = [0]

    def serve(peer):
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(200):
            peer.send(b"x" * (1 << 20))
            sent[0] += 1

    q = start("--workers", "1", config=config(taker(serve).url))
    before = rss_kb(q.process.pid)
    with q.connect() as s:
        s.sendall(b"GET /v1/passthrough/up/x HTTP/1.1\r\nhost: x\r\n\r\n")
        s.recv(1000)
        time.sleep(1)
        assert sent[0] < 100 and rss_kb(q.process.pid) - before < 2048 * SLOW


@pytest.mark.parametrize("chunked", [False, True])
def test_an_early_refusal_ends_the_upload(start, taker, chunked):
    """The upstream reads a little and says no: the client hears it, though it is still sending."""
    def serve(peer):
        peer.head()
        peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n"
                  b"x-request-id: up-9\r\n\r\ntoo big")
        time.sleep(2)

    q = start(config=config(taker(serve).url))
    head = "transfer-encoding: chunked" if chunked else f"content-length: {GB}"
    with q.connect() as s:
        s.sendall(f"POST /v1/passthrough/up/x HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n".encode())
        block = b"%x\r\n%s\r\n" % (1 << 16, b"x" * (1 << 16)) if chunked else b"x" * (1 << 16)
        s.settimeout(5 * SLOW)
        sent = 0
        try:
            while sent < GB:
                sent += s.send(block)
        except OSError:
            pass
        s.settimeout(10 * SLOW)
        answer, body, _ = read_response(s)
    assert sent < GB
    assert answer.startswith("HTTP/1.1 413") and body == b"too big"
    assert "connection: close" in answer.lower() and "x-request-id: up-9" in answer


def test_an_early_refusal_of_a_client_that_waits(start, taker):
    """A client in the middle of its body hears the answer without sending more."""
    def serve(peer):
        head = peer.head()
        peer.send(b"HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\nno")
        assert "sk-up" in head

    q = start(config=config(taker(serve).url))
    with q.connect() as s:
        s.sendall(b"POST /v1/passthrough/up/x HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\nhello")
        start_time = time.monotonic()
        head, body, _ = read_response(s)
        assert head.startswith("HTTP/1.1 401") and body == b"no"
        assert time.monotonic() - start_time < 2 * SLOW


def test_a_client_that_hangs_up_is_seen_upstream(start, taker):
    seen = {}

    def serve(peer):
        head = peer.head()
        kind = head.split(" ")[1].rsplit("/", 1)[1]
        if kind == "answer":
            peer.send(b"HTTP/1.1 200 OK\r\n\r\npart")
        begun = time.monotonic()
        try:
            while peer.more():
                pass
        except OSError:
            pass
        seen[kind] = time.monotonic() - begun

    q = start(config=config(taker(serve).url))
    for kind, data in (("upload", b"content-length: 200000\r\n\r\nhello"), ("wait", b"\r\n"), ("answer", b"\r\n"),
                       ("chunks", b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")):
        with q.connect() as s:
            s.sendall(b"POST /v1/passthrough/up/" + kind.encode() + b" HTTP/1.1\r\nhost: x\r\n" + data)
            if kind == "answer":
                assert b"part" in read_some(s, b"part")
            time.sleep(0.3)
        deadline = time.monotonic() + 5 * SLOW
        while kind not in seen and time.monotonic() < deadline:
            time.sleep(0.01)
        assert seen[kind] < 3 * SLOW, seen


def read_some(s, until):
    data = b""
    while until not in data:
        more = s.recv(4096)
        assert more, data
        data += more
    return data


def test_expect_continue(start, taker):
    heads = []

    def serve(peer):
        while (head := peer.head()) is not None:
            heads.append(head)
            peer.body(head, lambda data: None)
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    q = start(config=config(taker(serve).url))
    with q.connect() as s:
        s.sendall(b"POST /v1/passthrough/up/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 100000\r\n\r\n")
        assert s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b"x" * 100000 + b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n")
        head, body, rest = read_response(s)
        assert body == b"ok"
        assert b'"OK"' in read_response(s, rest)[1]
        # Nobody to send it to: the client is spared the body.
        s.sendall(b"POST /v1/passthrough/none/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 100000\r\n\r\n")
        head, _, _ = read_response(s)
        assert head.startswith("HTTP/1.1 404") and "connection: close" in head
    assert "expect" not in heads[0].lower()


def test_pipelined_requests_after_uploads(start, taker):
    seen = []

    def serve(peer):
        while (head := peer.head()) is not None:
            seen.append(peer.body(head))
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    q = start(config=config(taker(serve).url))
    one, two = os.urandom(100000), os.urandom(70000)
    with q.connect() as s:
        s.sendall(b"POST /v1/passthrough/up/1 HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n" + one +
                  b"POST /v1/passthrough/up/2 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" +
                  b"%x\r\n%s\r\n0\r\n\r\n" % (len(two), two) +
                  b"POST /v1/passthrough/up/3 HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc" +
                  b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n")
        rest = b""
        for want in (b"ok", b"ok", b"ok", b'{"status":"OK"}'):
            _, body, rest = read_response(s, rest)
            assert body == want
    assert seen == [one, two, b"abc"]


def test_a_body_over_the_limit(start, upstream):
    upstream.handler = lambda call: call.json(200, {})
    q = start("--passthrough-max-body", "100KB", config=config(upstream.url))
    assert q.request("POST", "/v1/passthrough/up/x", b"x" * 102400)[0] == 200
    with q.connect() as s:
        s.sendall(b"POST /v1/passthrough/up/x HTTP/1.1\r\nhost: x\r\ncontent-length: 102401\r\n\r\n")
        head, body, _ = read_response(s)
        assert head.startswith("HTTP/1.1 413") and json.loads(body)["error"]["code"] == "bad_http_request"
    with q.connect() as s:
        s.sendall(b"POST /v1/passthrough/up/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" +
                  b"19000\r\n" + b"x" * 102400 + b"\r\n1\r\nx\r\n")
        assert read_response(s)[0].startswith("HTTP/1.1 413")


def test_a_body_that_stops_coming(start, taker):
    def serve(peer):
        while peer.more():
            pass

    q = start("--body-timeout", "300ms", config=config(taker(serve).url))
    for fields in (b"content-length: 200000", b"transfer-encoding: chunked", b"content-length: 20"):
        with q.connect() as s:
            s.sendall(b"POST /v1/passthrough/up/x HTTP/1.1\r\nhost: x\r\n" + fields + b"\r\n\r\n5\r\nhe")
            head, body, _ = read_response(s)
            assert head.startswith("HTTP/1.1 408") and "body" in json.loads(body)["error"]["message"]


def test_tls_on_both_sides(start, authority):
    cert, key = authority.issue("DNS:localhost,IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    trust = ssl.create_default_context(cafile=authority.cert)
    body = os.urandom(3_000_000)

    def serve(peer):
        peer.sock = context.wrap_socket(peer.sock, server_side=True)
        while (head := peer.head()) is not None:
            got = peer.body(head)
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(got) + got)

    up = Taker(serve)
    q = start("--tls-certfile", cert, "--tls-keyfile", key,
              config=config(up.url.replace("http", "https"), f"      network: {{tls: {{ca_file: {authority.cert}}}}}\n"))
    for chunked in (False, True):
        c = http.client.HTTPSConnection("127.0.0.1", q.port, timeout=30 * SLOW, context=trust)
        parts = (body[i:i + 30000] for i in range(0, len(body), 30000))
        c.request("POST", "/v1/passthrough/up/x", parts if chunked else body, encode_chunked=chunked,
                  headers={"transfer-encoding": "chunked"} if chunked else {})
        r = c.getresponse()
        assert r.status == 200 and r.read() == body
        c.close()
    up.close()


# Errors

def test_upstreams_that_cannot_be_reached(start, taker, upstream):
    with socket.create_server(("127.0.0.1", 0)) as s:
        nobody = f"http://127.0.0.1:{s.getsockname()[1]}/v1"
    q = start(config=config(nobody))
    for body in (None, b"x", b"x" * 100000):
        status, headers, data = q.request("POST", "/v1/passthrough/up/x", body)
        assert status == 502 and json.loads(data)["error"]["code"] == "upstream_connect", data
        assert headers["x-request-id"].startswith("req_")
    upstream.handler = lambda call: call.wait_gone(5)
    q2 = start(config=config(upstream.url, "      network:\n        timeout:\n          first_byte: 200ms\n"))
    status, _, data = q2.request("POST", "/v1/passthrough/up/x", b"x")
    assert status == 504 and json.loads(data)["error"]["code"] == "upstream_timeout"


def test_nothing_is_sent_twice(gate, upstream):
    def lose(call):
        call.hang_up()

    upstream.handler = lose
    for n in (10, 100000):
        assert gate.request("POST", "/v1/passthrough/up/x", b"x" * n)[0] == 502
    upstream.handler = lambda call: call.json(503, {"e": 1})
    assert gate.request("POST", "/v1/passthrough/up/x", b"x")[0] == 503
    assert len([r for r in upstream.requests if r.method == "POST"]) <= 3


def test_paths_that_climb_are_refused(gate, upstream):
    n = len(upstream.requests)
    for path in ("up/../x", "up/%2e%2e/x", "up/a/%2E%2e", "up/..%2fx", "up/..;/x", "up/%252e%252e/x", "up/a\\..\\b",
                 "up//evil.com/x", "up/./x", "up/%zz", "up/a%00b"):
        with gate.connect() as s:
            s.sendall(f"GET /v1/passthrough/{path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            head, body, _ = read_response(s)
            assert head.startswith("HTTP/1.1 400"), (path, head)
    with gate.connect() as s:
        s.sendall(b"GET http://evil.com/v1/passthrough/up/http://evil.com/x HTTP/1.1\r\nhost: evil.com\r\n\r\n")
        assert read_response(s)[0].startswith("HTTP/1.1 200")
    assert [r.target for r in upstream.requests[n:] if r.method == "GET" and r.target != "/v1/models"] == ["/v1/http://evil.com/x"]
    assert upstream.requests[-1].headers["host"] == f"127.0.0.1:{upstream.port}"


def test_providers_that_cannot(start):
    q = start()
    status, _, body = q.request("GET", "/v1/passthrough/none/x")
    assert status == 404 and json.loads(body)["error"]["code"] == "provider_not_found"
    status, _, body = q.request("POST", "/v1/passthrough/echo/x", b"x" * 100000)
    assert status == 501 and "echo" in json.loads(body)["error"]["message"]


def test_a_key_that_is_missing(start, upstream):
    q = start(config=config("https://api.openai.com/v1", kind="remote::openai", keys=""))
    status, _, body = q.request("GET", "/v1/passthrough/up/files")
    assert status == 400 and json.loads(body)["error"]["code"] == "missing_api_key"


def test_bedrock_signs_the_whole_body(start, upstream):
    upstream.handler = lambda call: call.json(200, {})
    keys = "      aws_access_key_id: AKID\n      aws_secret_access_key: secret\n"
    q = start("--max-body", "200KB", config=config(upstream.url, kind="remote::bedrock", keys=keys))
    body = os.urandom(150000)
    assert q.request("POST", "/v1/passthrough/up/x", body)[0] == 200
    r = upstream.requests[-1]
    assert r.body == body and "SignedHeaders=content-type;host;x-amz-date" in r.headers["authorization"]
    status, _, data = q.request("POST", "/v1/passthrough/up/x", os.urandom(300000))
    assert status == 413, data


# Configured paths

ROUTES = """
passthrough:
  routes:
  - {path: /v1/audio/*, provider_id: up}
  - {path: /v1/images/generations, provider_id: up}
  - {path: /v1/files/*, provider_id: up}
  - {path: /v1/models/*, provider_id: up}
"""


def test_configured_paths(start, upstream):
    upstream.handler = upstream.models = lambda call: call.json(200, {"seen": call.request.target})
    q = start(config=config(upstream.url) + ROUTES)
    for method, path, target in (("POST", "/v1/audio/speech?x=1", "/v1/audio/speech?x=1"), ("GET", "/v1/files", "/v1/files"),
                                 ("GET", "/v1/files/a/content", "/v1/files/a/content"),
                                 ("POST", "/v1/images/generations", "/v1/images/generations"),
                                 ("DELETE", "/v1/models/ft-1", "/v1/models/ft-1")):
        status, _, body = q.request(method, path, b"{}")
        assert status == 200 and json.loads(body)["seen"] == target
    status, _, body = q.request("GET", "/v1/models")
    assert json.loads(body)["object"] == "list", "endpoints of quipu's own come first"
    assert q.request("POST", "/v1/images/edits", b"{}")[0] == 404
    assert q.request("GET", "/v1/audio/%2e%2e/x")[0] == 400
    assert q.request("POST", "/v1/chat/completions", b"{")[0] == 400


def test_paths_that_are_not_configured_name_the_key(start):
    q = start()
    for path in ("/v1/audio/speech", "/v1/files", "/v1/images/generations", "/v1/batches/1"):
        status, _, body = q.request("POST", path, b"{}")
        assert status == 404 and "passthrough.routes" in json.loads(body)["error"]["message"]


def test_a_route_to_nobody(start):
    q = start(config="passthrough:\n  routes:\n  - {path: /v1/files, provider_id: gone}\n")
    status, _, body = q.request("GET", "/v1/files")
    assert status == 500 and "gone" in json.loads(body)["error"]["message"]


def test_a_route_that_comes_while_a_body_does(start, upstream):
    plain = config(upstream.url)
    q = start("--workers", "1", config=plain)
    with q.connect() as s:
        s.sendall(b"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhello")
        time.sleep(0.2)
        q.configure(plain + ROUTES)
        q.process.send_signal(signal.SIGHUP)
        q.wait_text("reload.*")
        time.sleep(0.3)
        s.sendall(b"world")
        head, body, _ = read_response(s)
    assert head.startswith("HTTP/1.1 503") and json.loads(body)["error"]["code"] == "configuration_changed"
    assert not [r for r in upstream.requests if r.method == "POST"]


def test_the_log_tells_of_them(gate, upstream):
    gate.request("POST", "/v1/passthrough/up/x", b"x")
    gate.wait_text(r"POST /v1/passthrough/up/x .*status=200")
    assert "sk-up" not in gate.text()


# The official SDK

def test_the_sdk(start, upstream):
    openai = pytest.importorskip("openai", reason="the openai SDK is not installed")

    def answer(call):
        r = call.request
        if r.target == "/v1/audio/transcriptions":
            assert b'name="file"; filename="a.mp3"' in r.body and audio in r.body
            call.json(200, {"text": "hello"})
        elif r.target == "/v1/images/generations":
            call.json(200, {"created": 1, "data": [{"b64_json": "aGk="}]})
        elif r.target == "/v1/audio/speech":
            call.raw(200, audio, content_type="audio/mpeg")
        elif r.target == "/v1/files/file-1/content":
            call.raw(200, audio, content_type="application/octet-stream")
        else:
            assert r.target == "/v1/files" and b'name="purpose"' in r.body and audio in r.body
            call.json(200, {"id": "file-1", "object": "file", "bytes": len(audio), "created_at": 1,
                            "filename": "a.mp3", "purpose": "assistants", "status": "processed"})

    audio = os.urandom(300_000)
    upstream.handler = answer
    upstream.models = lambda call: answer(call) if "/files" in call.request.target else call.json(200, {"data": []})
    q = start(config=config(upstream.url) + ROUTES)
    client = openai.OpenAI(base_url=q.url + "/v1", api_key="none", max_retries=0)
    assert client.audio.transcriptions.create(model="whisper-1", file=("a.mp3", audio)).text == "hello"
    assert client.images.generate(model="gpt-image-1", prompt="x").data[0].b64_json == "aGk="
    assert client.audio.speech.create(model="tts-1", voice="alloy", input="x").read() == audio
    raw = client.files.with_raw_response.create(file=("a.mp3", audio), purpose="assistants")
    assert raw.headers.get("content-type") == "application/json", (raw.headers, raw.content[:200])
    assert raw.parse().id == "file-1" and client.files.content("file-1").read() == audio
    assert all(r.headers["authorization"] == "Bearer sk-up" for r in upstream.requests)


def test_digest_of_a_large_multipart_upload(start, taker):
    seen = []

    def serve(peer):
        while (head := peer.head()) is not None:
            h = hashlib.sha256()
            peer.body(head, h.update)
            seen.append((head, h.hexdigest()))
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    q = start(config=config(taker(serve).url) + ROUTES)
    body = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n" + os.urandom(20 << 20) + b"\r\n--b--\r\n"
    assert q.request("POST", "/v1/files", body, headers={"content-type": "multipart/form-data; boundary=b"})[0] == 200
    assert seen[0][1] == hashlib.sha256(body).hexdigest()
    assert "content-type: multipart/form-data; boundary=b" in seen[0][0].lower()
