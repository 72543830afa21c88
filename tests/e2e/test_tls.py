"""TLS on both sides, proxies and UNIX sockets towards the upstream."""
import http.client
import json
import os
import signal
import socket
import ssl
import threading
import time

import pytest

from certs import Authority
from quipu import chat_bytes, read_response
from upstream import DONE, Upstream, chunk

ASK = {"model": "up/m1", "messages": [{"role": "user", "content": "hi"}]}


def config(url, network):
    lines = "\n".join("          " + line for line in network.strip().splitlines())
    return f"""
version: 2
upstream:
  retries: 0
providers:
  inference:
    - provider_id: up
      provider_type: remote::openai-compatible
      config:
        base_url: {url}
        network:
{lines}
"""


def ca(file):
    return f"tls:\n  ca_file: {file}"


@pytest.fixture
def secure(authority):
    up = Upstream(tls=authority.issue("DNS:localhost,IP:127.0.0.1"))
    yield up
    up.close()


def test_a_verified_upstream(start, secure, authority):
    q = start(config=config(secure.url, ca(authority.cert)))
    for _ in range(3):
        assert q.chat(ASK)[0] == 200
    secure.handler = lambda call: call.stream([chunk("x" * 50000)] * 20 + [DONE])
    assert q.chat({**ASK, "stream": True})[2].endswith(DONE)


def test_a_name_is_verified_too(start, secure, authority):
    q = start(config=config(secure.url.replace("127.0.0.1", "localhost"), ca(authority.cert)))
    assert q.chat(ASK)[0] == 200


def refused(q, *words):
    status, _, body = q.chat(ASK)
    error = json.loads(body)["error"]
    assert status == 502 and error["code"] == "upstream_tls", error
    for word in words:
        assert word in error["message"], error


def test_the_wrong_name_is_refused(start, authority):
    up = Upstream(tls=authority.issue("DNS:other.example"))
    refused(start(config=config(up.url, ca(authority.cert))), "127.0.0.1", "mismatch")
    up.close()


def test_an_unknown_authority_is_refused(start, secure, tmp_path):
    other = Authority(tmp_path, "other")
    refused(start(config=config(secure.url, ca(other.cert))), "certificate")


def test_the_systems_authorities_do_not_know_ours(start, secure):
    refused(start(config=config(secure.url, "timeout: 600")), "certificate")


def test_the_systems_authorities_are_there_for_the_first_who_ask(start, secure, authority):
    q = start("--workers", "2", config=config(secure.url, "timeout: 600"),
              env={"SSL_CERT_FILE": str(authority.cert)})
    found = []
    threads = [threading.Thread(target=lambda: found.append(q.chat(ASK)[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 8


def test_an_expired_certificate_is_refused(start, authority):
    up = Upstream(tls=authority.issue("IP:127.0.0.1", days=-1))
    refused(start(config=config(up.url, ca(authority.cert))), "expired")
    up.close()


def test_sessions_are_resumed(start, authority):
    up = Upstream(tls=authority.issue("IP:127.0.0.1"))
    up.handler = lambda call: (call.json(200, {"model": "m", "resumed": call.sock.session_reused}),
                               setattr(call, "close_after", True))
    q = start("--workers", "1", config=config(up.url, ca(authority.cert)))
    answers = [json.loads(q.chat(ASK)[2])["resumed"] for _ in range(4)]
    # The first may resume already: the model list was asked for before it.
    assert True in answers, answers
    up.close()


def test_client_certificates_towards_the_upstream(start, authority):
    up = Upstream(tls=authority.issue("IP:127.0.0.1"))
    up.tls.load_verify_locations(authority.cert)
    up.tls.verify_mode = ssl.CERT_REQUIRED
    cert, key = authority.issue("DNS:client")
    network = ca(authority.cert) + f"\n  client_cert: {cert}\n  client_key: {key}"
    assert start(config=config(up.url, network)).chat(ASK)[0] == 200
    assert start(config=config(up.url, ca(authority.cert))).chat(ASK)[0] == 502
    up.close()


def https(q, context, path="/v1/health"):
    c = http.client.HTTPSConnection("localhost", q.port, context=context, timeout=20)
    try:
        c.request("GET", path)
        return c.getresponse().read(), c.sock
    finally:
        c.close()


def test_serving_tls(start, authority):
    cert, key = authority.issue("DNS:localhost")
    q = start("--tls-certfile", cert, "--tls-keyfile", key)
    context = ssl.create_default_context(cafile=authority.cert)
    assert https(q, context)[0] == b'{"status":"OK"}'
    with context.wrap_socket(q.connect(), server_hostname="localhost") as s:
        big = {"model": "echo/echo", "messages": [{"role": "user", "content": "word " * 50000}]}
        for _ in range(2):
            s.sendall(chat_bytes(big))
            head, body, _ = read_response(s)
            assert head.startswith("HTTP/1.1 200") and len(body) > 250000
    with q.connect() as s:  # plain HTTP: refused, and nobody else is hurt
        s.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        try:
            assert b"200" not in s.recv(1000)
        except ConnectionResetError:
            pass
    with q.connect() as s:
        s.sendall(b"\x16\x03\x01" + os.urandom(500))
    assert https(q, context)[0] == b'{"status":"OK"}'


def test_the_oldest_version_served(start, authority):
    cert, key = authority.issue("DNS:localhost")
    q = start("--tls-certfile", cert, "--tls-keyfile", key, "--tls-min-version", "1.3")
    context = ssl.create_default_context(cafile=authority.cert)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        https(q, context)
    assert https(q, ssl.create_default_context(cafile=authority.cert))[0]


def test_clients_may_have_to_show_a_certificate(start, authority):
    cert, key = authority.issue("DNS:localhost")
    q = start("--tls-certfile", cert, "--tls-keyfile", key, "--tls-cafile", authority.cert)
    context = ssl.create_default_context(cafile=authority.cert)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        https(q, context)
    context.load_cert_chain(*authority.issue("DNS:client"))
    assert https(q, context)[0] == b'{"status":"OK"}'


def test_sighup_reads_the_certificate_again(start, authority):
    cert, key = authority.issue("DNS:localhost")
    q = start("--tls-certfile", cert, "--tls-keyfile", key)
    context = ssl.create_default_context(cafile=authority.cert)

    def serial():
        with context.wrap_socket(q.connect(), server_hostname="localhost") as s:
            return s.getpeercert()["serialNumber"]

    first = serial()
    new_cert, new_key = authority.issue("DNS:localhost")
    os.replace(new_cert, cert)
    os.replace(new_key, key)
    q.process.send_signal(signal.SIGHUP)
    q.wait_text("reloaded")
    deadline = time.monotonic() + 5
    while serial() == first and time.monotonic() < deadline:
        time.sleep(0.02)
    assert serial() != first


def test_a_missing_certificate_is_told_at_the_start(start, tmp_path):
    from quipu import Quipu
    p = Quipu(tmp_path, "--tls-certfile", "/no/such.pem", "--tls-keyfile", "/no/such.key", wait=False)
    assert p.process.wait(20) != 0
    assert "/no/such" in p.text()
    p.log.close()


class Proxy:
    """CONNECT, and absolute-form requests; remembers the first lines."""

    def __init__(self):
        self.lines, self.heads = [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(65536)
        line = data.split(b"\r\n")[0].decode()
        self.lines.append(line)
        self.heads.append(data.decode("latin-1"))
        method, target, _ = line.split(" ")
        if method == "CONNECT":
            host, port = target.rsplit(":", 1)
            other = socket.create_connection((host, int(port)))
            sock.sendall(b"HTTP/1.1 200 ok\r\n\r\n")
        else:
            rest = target.split("/", 3)
            host, port = rest[2].split(":")
            other = socket.create_connection((host, int(port)))
            other.sendall(data.replace(target.encode(), b"/" + rest[3].encode(), 1))
        threading.Thread(target=self.pump, args=(other, sock), daemon=True).start()
        self.pump(sock, other)

    @staticmethod
    def pump(a, b):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            s.close()


def test_a_proxy_tunnels_tls_with_credentials(start, secure, authority):
    proxy = Proxy()
    network = ca(authority.cert) + f"\nproxy:\n  url: http://user:pass@127.0.0.1:{proxy.port}"
    q = start(config=config(secure.url, network))
    assert q.chat(ASK)[0] == 200
    assert f"CONNECT 127.0.0.1:{secure.port} HTTP/1.1" in proxy.lines
    assert "dXNlcjpwYXNz" in proxy.heads[0]
    assert "user:pass" not in q.text()


def test_a_proxy_carries_plain_http(start, upstream):
    proxy = Proxy()
    q = start(config=config(upstream.url, f"proxy:\n  url: http://127.0.0.1:{proxy.port}"))
    assert q.chat(ASK)[0] == 200
    # The proxy notes a connection's first line; the chat may reuse the model list's.
    assert any(f" http://127.0.0.1:{upstream.port}/v1/" in line for line in proxy.lines)


def test_no_proxy_is_honoured(start, upstream):
    proxy = Proxy()
    q = start(config=config(upstream.url, f"proxy:\n  url: http://127.0.0.1:{proxy.port}\n  no_proxy: 127.0.0.0/8"))
    assert q.chat(ASK)[0] == 200 and not proxy.lines


def test_the_environments_proxy(start, upstream):
    proxy = Proxy()
    env = {"OPENAI_BASE_URL": upstream.url, "HTTP_PROXY": f"http://127.0.0.1:{proxy.port}"}
    assert start(env=env).chat({**ASK, "model": "openai/m1"})[0] == 200
    assert proxy.lines


def test_an_upstream_on_a_unix_socket(start, tmp_path):
    up = Upstream(unix=str(tmp_path / "up.sock"))
    q = start(config=config(up.url, "timeout: 600"))
    assert q.chat(ASK)[0] == 200 and q.chat({**ASK, "stream": True})[0] == 200
    up.close()


def test_gzip_answers_are_undone(start, upstream):
    import gzip
    body = json.dumps({"model": "m", "choices": [{"message": {"content": "z" * 5000}}]}).encode()
    upstream.handler = lambda call: call.raw(200, gzip.compress(body), [("content-encoding", "gzip")])
    q = start(config=config(upstream.url, "timeout: 600"))
    status, headers, got = q.chat(ASK)
    assert status == 200 and "content-encoding" not in headers
    assert json.loads(got)["choices"] == json.loads(body)["choices"]


def test_information_before_the_answer_is_skipped(start, upstream):
    def handler(call):
        call.send(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")
        call.json(200, {"model": "m", "choices": []})

    upstream.handler = handler
    assert start(config=config(upstream.url, "timeout: 600")).chat(ASK)[0] == 200


def test_an_answer_until_close(start, upstream):
    def handler(call):
        call.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + chunk("a") + DONE)
        call.hang_up()

    upstream.handler = handler
    body = start(config=config(upstream.url, "timeout: 600")).chat({**ASK, "stream": True})[2]
    assert body.endswith(DONE) and b"error" not in body
