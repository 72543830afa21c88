"""The server's HTTP, on raw sockets."""
import gzip
import json
import os
import re
import signal
import socket
import time

import pytest

from quipu import SLOW, chat_bytes, read_response
from upstream import DONE, chunk, completion

ASK = {"model": "echo/echo", "messages": [{"role": "user", "content": "one two three"}]}
HEALTH = b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n"


def exchange(q, data, wait=True):
    with q.connect() as s:
        s.sendall(data)
        return read_response(s)


def test_keep_alive_and_pipelining(start):
    q = start()
    with q.connect() as s:
        s.sendall(HEALTH * 3 + chat_bytes(ASK) + HEALTH)
        rest = b""
        for i in range(5):
            head, body, rest = read_response(s, rest)
            assert head.startswith("HTTP/1.1 200"), head
            assert (b"chat.completion" in body) == (i == 3)


def test_one_byte_at_a_time(start):
    q = start()
    with q.connect() as s:
        for b in chat_bytes(ASK):
            s.sendall(bytes([b]))
        head, body, _ = read_response(s)
    assert head.startswith("HTTP/1.1 200") and b"one two three" in body


@pytest.mark.parametrize("name,data,status", [
    ("both lengths", b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("two lengths", b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", 400),
    ("the same length twice", b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello", 400),
    ("a signed length", b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: +5\r\n\r\nhello", 400),
    ("a list as length", b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 5, 5\r\n\r\nhello", 400),
    ("space before the colon", b"GET /v1/health HTTP/1.1\r\nhost : x\r\n\r\n", 400),
    ("a folded line", b"GET /v1/health HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c\r\n\r\n", 400),
    ("bare LF", b"GET /v1/health HTTP/1.1\nhost: x\n\n\r\n\r\n", 400),
    ("no host", b"GET /v1/health HTTP/1.1\r\n\r\n", 400),
    ("two hosts", b"GET /v1/health HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
    ("another coding", b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
    ("chunked twice", b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, chunked\r\n\r\n", 400),
    ("another version", b"GET /v1/health HTTP/2.0\r\nhost: x\r\n\r\n", 505),
    ("a NUL", b"GET /v1/health HTTP/1.1\r\nhost: x\r\nx-a: a\0b\r\n\r\n", 400),
    ("a huge head", b"GET /v1/health HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 40000 + b"\r\n\r\n", 431),
    ("too many fields", b"GET /v1/health HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
    ("a long target", b"GET /" + b"a" * 10000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
    ("not HTTP", b"hello there\r\n\r\n", 400),
])
def test_what_could_be_read_in_two_ways_is_refused(start, name, data, status):
    q = start("--workers", "1")
    head, body, _ = exchange(q, data)
    assert re.match(r"HTTP/1.1 (\d+)", head).group(1) == str(status), (head, body)
    assert "connection: close" in head.lower()
    assert json.loads(body)["error"]["message"]
    assert q.request("GET", "/v1/health")[0] == 200


def test_chunked_bodies(start):
    q = start()
    body = json.dumps(ASK).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    for size in (1, 7, 1000):
        data = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size]) for i in range(0, len(body), size))
        with q.connect() as s:
            s.sendall(head + data + b"0\r\ntrailer: x\r\n\r\n" + HEALTH)
            h, b, rest = read_response(s)
            assert h.startswith("HTTP/1.1 200") and b"one two three" in b
            h, b, _ = read_response(s, rest)
            assert b == b'{"status":"OK"}'


def test_expect_continue(start):
    q = start()
    body = json.dumps(ASK).encode()
    with q.connect() as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body))
        assert s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(body)
        assert read_response(s)[0].startswith("HTTP/1.1 200")


def test_a_body_that_is_too_large_is_413_before_it_is_read(start):
    q = start("--max-body", "10KB")
    with q.connect() as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 20000\r\n\r\n")
        head, body, _ = read_response(s)
    assert head.startswith("HTTP/1.1 413") and b"10240" in body
    with q.connect() as s:  # and when the client sends it all the same
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n" + b"x" * 100000)
        assert read_response(s)[0].startswith("HTTP/1.1 413")
    with q.connect() as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n")
        for _ in range(10):
            s.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
        assert read_response(s)[0].startswith("HTTP/1.1 413")


def test_gzip_bodies_and_bombs(start):
    q = start("--max-inflated-body", "1MB")
    good = gzip.compress(json.dumps(ASK).encode())
    assert q.chat(good, headers={"content-encoding": "gzip"})[0] == 200
    bomb = gzip.compress(b"[" + b" " * (50 << 20) + b"]")
    status, _, body = q.chat(bomb, headers={"content-encoding": "gzip"})
    assert status == 413, body
    assert q.chat(good[:-5], headers={"content-encoding": "gzip"})[0] == 400
    assert q.chat(good, headers={"content-encoding": "br"})[0] == 415


def test_zstd_bodies(start):
    import shutil
    import subprocess
    if not shutil.which("zstd"):
        pytest.skip("the zstd program is not there")
    q = start()
    data = subprocess.run(["zstd", "-c"], input=json.dumps(ASK).encode(), capture_output=True, check=True).stdout
    assert q.chat(data, headers={"content-encoding": "zstd"})[0] == 200


def test_a_head_that_does_not_come_is_408(start):
    q = start("--head-timeout", "300ms")
    with q.connect() as s:
        s.sendall(b"GET /v1/health HTT")
        head, _, _ = read_response(s)
    assert head.startswith("HTTP/1.1 408")


def test_tls_to_a_plain_port_is_told_at_once(start):
    q = start()
    began = time.monotonic()
    head, body, _ = exchange(q, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100))
    assert head.startswith("HTTP/1.1 400") and b"http://" in body
    assert time.monotonic() - began < 5 * SLOW


def test_a_body_that_does_not_come_is_408(start):
    q = start("--body-timeout", "300ms")
    with q.connect() as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        head, _, _ = read_response(s)
    assert head.startswith("HTTP/1.1 408")


def test_idle_connections_are_closed(start):
    q = start("--keepalive-timeout", "300ms")
    with q.connect() as s:
        s.sendall(HEALTH)
        read_response(s)
        start_time = time.monotonic()
        assert s.recv(10) == b""
        assert time.monotonic() - start_time < 2 * SLOW


def test_http_1_0(start):
    q = start()
    with q.connect() as s:
        s.sendall(b"GET /v1/health HTTP/1.0\r\n\r\n")
        data = b""
        while True:
            more = s.recv(1000)
            if not more:
                break
            data += more
    assert data.startswith(b"HTTP/1.1 200") and data.endswith(b'{"status":"OK"}')
    with q.connect() as s:
        body = chat_bytes({**ASK, "stream": True}).replace(b"HTTP/1.1", b"HTTP/1.0")
        s.sendall(body)
        data = b""
        while True:
            more = s.recv(1000)
            if not more:
                break
            data += more
    assert b"transfer-encoding" not in data.lower() and data.endswith(DONE)


def test_head_requests_and_wrong_methods(start):
    q = start()
    with q.connect() as s:
        s.sendall(HEALTH.replace(b"GET", b"HEAD") + HEALTH)
        data = b""
        while data.count(b"HTTP/1.1 200") < 2 or not data.endswith(b"}"):
            data += s.recv(1000)
        assert data.count(b'{"status":"OK"}') == 1
    status, headers, body = q.request("DELETE", "/v1/health")
    assert status == 405 and headers["allow"] == "GET"
    status, _, body = q.request("GET", "/v1/modles")
    assert status == 404 and "/v1/models" in json.loads(body)["error"]["message"]
    status, _, body = q.request("POST", "/chat/completions", {})
    assert status == 404 and "/v1" in json.loads(body)["error"]["message"]
    assert q.request("GET", "/v1/health/")[0] == 200
    assert q.request("GET", "/v1/health?x=1")[0] == 200


def test_unix_socket(start, tmp_path):
    path = str(tmp_path / "q.sock")
    q = start("--unix-socket", path, port=None)
    for _ in range(2):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.sendall(chat_bytes(ASK))
            assert read_response(s)[0].startswith("HTTP/1.1 200")
    q.stop()
    assert not os.path.exists(path)


def test_a_left_over_unix_socket_does_not_stop_the_start(start, tmp_path):
    path = str(tmp_path / "q.sock")
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.close()
    start("--unix-socket", path, port=None)


def test_ipv6(start):
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    q = start(port=None, *["--host", "::1", "--port", "0"])
    with socket.create_connection(("::1", q.port)) as s:
        s.sendall(HEALTH)
        assert read_response(s)[0].startswith("HTTP/1.1 200")


def test_too_many_connections_are_told_so(start):
    q = start("--max-connections", "2", "--workers", "1")
    with q.connect() as a, q.connect() as b:
        for s in (a, b):
            s.sendall(HEALTH)
            read_response(s)
        with q.connect() as c:
            c.sendall(HEALTH)
            assert c.recv(1000).startswith(b"HTTP/1.1 503")
    time.sleep(0.1)
    assert q.request("GET", "/v1/health")[0] == 200


def test_shutdown_lets_running_requests_finish(start, upstream):
    def handler(call):
        call.start_stream()
        for i in range(10):
            call.chunk(chunk(f"t{i}"))
            time.sleep(0.1)
        call.chunk(DONE)
        call.end_stream()

    upstream.handler = handler
    q = start(env={"OPENAI_BASE_URL": upstream.url})
    idle = q.connect()
    idle.sendall(HEALTH)
    read_response(idle)
    with q.connect() as s:
        s.sendall(chat_bytes({"model": "openai/m1", "messages": ASK["messages"], "stream": True}))
        s.recv(1000)
        q.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert idle.recv(10) == b"", "idle connections are closed"
        with pytest.raises(OSError):
            q.connect().sendall(HEALTH * 2)
            raise OSError  # a listener in the backlog may take it; nobody answers
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            more = s.recv(65536)
            assert more, "the stream was not finished"
            data += more
    idle.close()
    q.stop(signal_it=False)


def test_shutdown_ends_endless_streams_with_an_error(start, upstream):
    def handler(call):
        call.start_stream()
        call.chunk(chunk("a"))
        call.wait_gone(20)

    upstream.handler = handler
    q = start("--shutdown-timeout", "500ms", env={"OPENAI_BASE_URL": upstream.url})
    with q.connect() as s:
        s.sendall(chat_bytes({"model": "openai/m1", "messages": ASK["messages"], "stream": True}))
        s.recv(1000)
        q.process.send_signal(signal.SIGTERM)
        data = b""
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    break
                data += more
        except ConnectionResetError:
            pass
    assert b"shutting down" in data and b"0\r\n\r\n" not in data
    q.stop(signal_it=False)


def test_sigusr1_tells_what_every_task_does(start, upstream):
    upstream.handler = lambda call: call.wait_gone(3)
    q = start(env={"OPENAI_BASE_URL": upstream.url})
    with q.connect() as s:
        s.sendall(chat_bytes({"model": "openai/m1", "messages": ASK["messages"]}))
        time.sleep(0.3)
        q.process.send_signal(signal.SIGUSR1)
        q.wait_text(r"task .*connection.*openai")


def test_every_log_line_of_a_request_has_its_id(start):
    q = start("--log-format", "json")
    _, headers, _ = q.chat(ASK)
    q.wait_text("POST /v1/chat/completions")
    lines = [json.loads(line) for line in q.text().splitlines() if line.startswith("{")]
    access = [x for x in lines if "POST /v1/chat/completions" in x["msg"]]
    assert access[0]["request_id"] == headers["x-request-id"]


def test_a_port_in_use_is_explained(start, tmp_path):
    q = start()
    from quipu import Quipu
    other = tmp_path / "other"
    other.mkdir()
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    p = Quipu(other, port=s.getsockname()[1], wait=False)
    assert p.process.wait(20) == 1
    assert "--port" in p.text() and "in use" in p.text()
    p.log.close()
    s.close()
    assert q.request("GET", "/v1/health")[0] == 200
