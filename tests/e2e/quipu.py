"""The program under test, as its users start it."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("QUIPU_BIN") or os.path.join(ROOT, "build", "release", "quipu")
# Sanitizers and valgrind make everything slower; deadlines follow.
SLOW = float(os.environ.get("QUIPU_SLOW", "1"))
TSAN_OPTIONS = "suppressions=" + os.path.join(ROOT, "tests", "e2e", "tsan.supp")
WRAPPER = os.environ.get("QUIPU_WRAPPER", "").split()


class Quipu:
    def __init__(self, directory, *flags, env=None, config=None, port=0, command="serve", wait=True,
                 prefix=(), **popen):
        """prefix: what runs the program; popen: more for subprocess.Popen."""
        self.log_path = os.path.join(str(directory), "quipu.log")
        self.config_path = os.path.join(str(directory), "quipu.yaml")
        args = [*prefix, *WRAPPER, BIN, *command.split()]
        if config is not None:
            self.configure(config)
            args += ["--config", self.config_path]
        if port is not None:
            args += ["--host", "127.0.0.1", "--port", str(port)]
        args += [str(f) for f in flags]
        base = {k: os.environ[k] for k in ("PATH", "HOME", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
                if k in os.environ}
        base.setdefault("TSAN_OPTIONS", TSAN_OPTIONS)
        # Not the user's own store; a test that wants one names it.
        base.setdefault("QUIPU_STORE", "none")
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(args, env={**base, **(env or {})}, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, **popen)
        self.port = None
        if wait:
            self.wait_ready()

    def configure(self, text):
        with open(self.config_path, "w") as f:
            f.write(text)

    def wait_ready(self):
        deadline = time.monotonic() + 20 * SLOW
        while time.monotonic() < deadline:
            text = self.text()
            found = re.search(r"listening on https?://\S*:(\d+) ", text)
            if found or "listening on unix:" in text:
                self.port = int(found.group(1)) if found else None
                return
            if self.process.poll() is not None:
                raise AssertionError("quipu ended at once:\n" + text)
            time.sleep(0.01)
        raise AssertionError("quipu is not ready:\n" + self.text())

    def text(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def wait_text(self, pattern, timeout=5.0):
        deadline = time.monotonic() + timeout * SLOW
        while time.monotonic() < deadline:
            found = re.search(pattern, self.text())
            if found:
                return found
            time.sleep(0.01)
        raise AssertionError(f"no {pattern!r} in the log:\n{self.text()}")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, path, body=None, headers=None, timeout=30):
        """A whole answer: (status, headers in lower case, bytes)."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * SLOW)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            c.request(method, path, body, {"content-type": "application/json", **(headers or {})})
            r = c.getresponse()
            data = r.read()
            return r.status, {k.lower(): v for k, v in r.getheaders()}, data
        finally:
            c.close()

    def wait_model(self, name, timeout=10.0):
        """Until every worker lists the model: new connections go to any of them."""
        deadline = time.monotonic() + timeout * SLOW
        seen = 0
        while seen < 20:
            seen = seen + 1 if self.request("GET", "/v1/models/" + name)[0] == 200 else 0
            assert time.monotonic() < deadline, f"{name} is not listed:\n{self.text()}"

    def chat(self, body, **kw):
        return self.request("POST", "/v1/chat/completions", body, **kw)

    def connect(self, timeout=30):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout * SLOW)

    def stop(self, expect=0, timeout=30, signal_it=True):
        if signal_it and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("quipu did not stop:\n" + self.text())
        finally:
            self.log.close()
        text = self.text()
        for word in ("AddressSanitizer", "ThreadSanitizer", "runtime error:", "LeakSanitizer"):
            assert word not in text, text
        assert code == expect, f"exit status {code}:\n{text}"
        return text


def read_response(sock, buffer=b""):
    """One HTTP response from a raw socket: (head text, body bytes, what followed)."""
    while b"\r\n\r\n" not in buffer:
        data = sock.recv(65536)
        if not data:
            return buffer.decode("latin-1"), None, b""
        buffer += data
    head, buffer = buffer.split(b"\r\n\r\n", 1)
    text = head.decode("latin-1").lower()
    length = re.search(r"content-length: (\d+)", text)
    if length:
        n = int(length.group(1))
        while len(buffer) < n:
            data = sock.recv(65536)
            if not data:
                break
            buffer += data
        return head.decode("latin-1"), buffer[:n], buffer[n:]
    if "transfer-encoding: chunked" in text:
        while not buffer.endswith(b"0\r\n\r\n"):
            data = sock.recv(65536)
            if not data:
                break
            buffer += data
        return head.decode("latin-1"), buffer, b""
    return head.decode("latin-1"), buffer, b""


def dechunk(data):
    """(body, whether the last chunk came)."""
    out = b""
    while data:
        line, _, data = data.partition(b"\r\n")
        n = int(line, 16)
        if n == 0:
            return out, True
        out += data[:n]
        data = data[n + 2:]
    return out, False


def chat_bytes(body, path="/v1/chat/completions", extra=""):
    """The bytes of a chat request, for raw sockets."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{extra}"
            f"content-length: {len(body)}\r\n\r\n").encode() + body
