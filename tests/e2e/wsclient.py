"""A WebSocket client that can also do it wrong: RFC 6455, frame by frame.

    ws = WebSocket(q)                                # q: quipu.Quipu; tls=(context, name)
    ws.create(model="echo/echo", input="hi")         # response.create
    events = ws.turn()                               # until its end, checked
    ws.frame(TEXT, b"ab", last=False)                # anything else
    ws.read_close()                                  # the code; answers it
"""
import base64
import hashlib
import json
import os
import struct

from openresponses import check_events
from responses import HAS_SPEC

MORE, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


class Refused(Exception):
    def __init__(self, status, headers, body):
        super().__init__(status, body)
        self.status, self.headers, self.body = status, headers, body


class Closed(Exception):
    """The peer's close frame; code None: the connection ended without one."""

    def __init__(self, code, reason=""):
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class WebSocket:
    def __init__(self, q, path="/v1/responses", headers=(), tls=None, timeout=30, replace=None):
        """replace: {name: value, or None to leave it out} of the opening's own fields."""
        self.sock = q.connect(timeout)
        if tls:
            context, name = tls
            self.sock = context.wrap_socket(self.sock, server_hostname=name)
        self.buffer, self.pongs = b"", []
        self.key = base64.b64encode(os.urandom(16))
        fields = {"host": f"127.0.0.1:{q.port}", "upgrade": "websocket", "connection": "Upgrade",
                  "sec-websocket-version": "13", "sec-websocket-key": self.key.decode(), **(replace or {})}
        lines = [f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in [*fields.items(), *headers] if v is not None)]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._opened()

    def _opened(self):
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, v in (x.split(": ", 1) for x in lines)}
        if first.split()[1] != "101":
            while len(self.buffer) < int(headers.get("content-length", 0)):
                self._more()
            self.sock.close()
            raise Refused(int(first.split()[1]), headers, self.buffer)
        proof = base64.b64encode(hashlib.sha1(self.key + MAGIC).digest()).decode()
        assert headers["sec-websocket-accept"] == proof and headers["upgrade"].lower() == "websocket"
        assert headers["connection"].lower() == "upgrade"
        self.headers = headers

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed(None)
        self.buffer += data

    def _take(self, n):
        while len(self.buffer) < n:
            self._more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    # --- frames

    @staticmethod
    def encode(kind, payload=b"", last=True, masked=True, reserved=0):
        n = len(payload)
        size = bytes([n]) if n < 126 else struct.pack("!BH", 126, n) if n < 65536 else struct.pack("!BQ", 127, n)
        head = bytes([last << 7 | reserved << 4 | kind, size[0] | (0x80 if masked else 0)]) + size[1:]
        if not masked:
            return head + payload
        mask = os.urandom(4)
        whole = (mask * (n // 4 + 1))[:n]
        body = (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(n, "big")
        return head + mask + body

    def frame(self, kind, payload=b"", **kw):
        self.sock.sendall(self.encode(kind, payload, **kw))

    def read_frame(self):
        first, second = self._take(2)
        assert first & 0x80 and not first & 0x70, "fragments or reserved bits from the server"
        assert not second & 0x80, "a server does not mask"
        n = second
        if n == 126:
            n = struct.unpack("!H", self._take(2))[0]
        elif n == 127:
            n = struct.unpack("!Q", self._take(8))[0]
        return first & 15, self._take(n)

    # --- messages

    def send(self, value):
        self.frame(TEXT, value if isinstance(value, bytes) else json.dumps(value).encode())

    def create(self, **members):
        self.send({"type": "response.create", **members})

    def receive(self):
        """The next message's JSON; pongs are collected."""
        while True:
            kind, payload = self.read_frame()
            if kind == PONG:
                self.pongs.append(payload)
            elif kind == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else None
                raise Closed(code, payload[2:].decode())
            else:
                assert kind == TEXT
                return json.loads(payload)

    def turn(self):
        """The events of a turn, up to its end."""
        events = [self.receive()]
        while events[-1]["type"] not in ENDS:
            events.append(self.receive())
        if events[-1]["type"] == "error":
            assert len(events) == 1, "an error in the middle of a turn"
        elif HAS_SPEC:
            check_events(events)
        return events

    def ask(self, **members):
        """create() and turn(): the response, or the error."""
        self.create(**members)
        last = self.turn()[-1]
        return last if last["type"] == "error" else last["response"]

    # --- the end

    def read_close(self):
        """(code, reason) of the server's close frame; what comes before it is dropped."""
        try:
            while True:
                self.receive()
        except Closed as closed:
            return closed.code, closed.reason
        except ConnectionResetError:
            return None, ""

    def close(self, code=1000):
        """As one should; returns the code that the server answers."""
        self.frame(CLOSE, struct.pack("!H", code))
        answer = self.read_close()[0]
        self.sock.close()
        return answer

    def drop(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
