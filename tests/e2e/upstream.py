"""A provider on loopback that does what a test tells it, byte by byte.

    up = Upstream()
    up.handler = lambda call: call.json(200, {...})
    ...
    up.requests[0].body

It is real HTTP over real sockets: one thread per connection, keep-alive, and no
library between the test and the wire, so that a test can stall, lie or hang up.
"""
import json
import os
import socket
import ssl
import struct
import threading
import time


class Request:
    def __init__(self, method, target, headers, body, connection):
        self.method, self.target = method, target
        self.header_list = headers
        self.headers = {k.lower(): v for k, v in headers}
        self.body = body
        self.connection = connection  # a number per TCP connection
        self.time = time.monotonic()

    @property
    def json(self):
        return json.loads(self.body)


class Call:
    """One request being answered."""

    def __init__(self, sock, request):
        self.sock, self.request = sock, request
        self.close_after = False

    def send(self, data):
        self.sock.sendall(data)

    def head(self, status=200, headers=(), reason="X"):
        lines = [f"HTTP/1.1 {status} {reason}"] + [f"{k}: {v}" for k, v in headers]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def raw(self, status, body, headers=(), content_type="application/json"):
        fields = [("content-type", content_type), ("content-length", len(body)), *headers]
        lines = [f"HTTP/1.1 {status} X"] + [f"{k}: {v}" for k, v in fields]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    def json(self, status, value, headers=()):
        self.raw(status, json.dumps(value).encode(), headers)

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def start_stream(self, headers=()):
        self.head(200, [("content-type", "text/event-stream"),
                        ("transfer-encoding", "chunked"), *headers])

    def end_stream(self):
        self.send(b"0\r\n\r\n")

    def stream(self, pieces, delay=0.0, headers=(), end=True):
        """pieces: bytes, each sent as one chunk."""
        self.start_stream(headers)
        for piece in pieces:
            self.chunk(piece)
            if delay:
                time.sleep(delay)
        if end:
            self.end_stream()

    def reset(self):
        """The peer sees a reset instead of an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_after = True
        raise ConnectionAbortedError

    def hang_up(self):
        self.close_after = True
        raise ConnectionAbortedError

    def wait_gone(self, timeout=5.0):
        """Seconds until the peer closed; None if it did not."""
        start = time.monotonic()
        self.sock.settimeout(timeout)
        try:
            while self.sock.recv(4096):
                pass
        except socket.timeout:
            return None
        except OSError:
            pass
        finally:
            try:
                self.sock.settimeout(None)
            except OSError:
                pass
        return time.monotonic() - start


class Upstream:
    def __init__(self, tls=None, unix=None):
        """tls: (cert file, key file)."""
        self.requests, self.errors = [], []
        self.handler, self.models = default_handler, default_models
        self.connections = 0
        self.lock = threading.Lock()
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.unix = unix
        if unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(unix)
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
        self.listener.listen(1024)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        if self.unix:
            return "http+unix://" + self.unix.replace("/", "%2F") + "/v1"
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def root(self):
        return self.url.removesuffix("/v1")

    def chat_requests(self):
        return [r for r in self.requests if r.method == "POST"]

    def close(self):
        # A blocked accept() keeps the socket alive: shut it down first.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        if self.unix and os.path.exists(self.unix):
            os.unlink(self.unix)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        try:
            if not self.unix:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            data = b""
            while True:
                request, data = self._read(sock, data, number)
                if request is None:
                    break
                with self.lock:
                    self.requests.append(request)
                call = Call(sock, request)
                handler = self.models if request.method == "GET" else self.handler
                handler(call)
                if call.close_after:
                    break
        except (OSError, ConnectionAbortedError):
            pass
        except Exception as error:  # a broken test, to be shown by it
            self.errors.append(error)
        finally:
            sock.close()

    @staticmethod
    def _read(sock, data, number):
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return None, b""
            data += more
        head, data = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = [tuple(x.split(": ", 1)) for x in lines[1:]]
        length = int(dict((k.lower(), v) for k, v in headers).get("content-length", 0))
        data = bytearray(data)
        while len(data) < length:
            more = sock.recv(1 << 20)
            if not more:
                return None, b""
            data += more
        data = bytes(data)
        return Request(method, target, headers, data[:length], number), data[length:]


def default_models(call):
    call.json(200, {"object": "list", "data": [{"id": "m1", "object": "model"}]})


def completion(model="m1-2026", content="Hello", **more):
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content},
                         "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}, **more}


def chunk(content=None, model="m1-2026", index=0, finish=None, **more):
    delta = {} if content is None else {"content": content}
    value = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000,
             "model": model,
             "choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def default_handler(call):
    if call.request.body and call.request.json.get("stream"):
        call.stream([chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE])
    else:
        call.json(200, completion())
