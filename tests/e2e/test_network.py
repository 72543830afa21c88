"""network: of a provider: ciphers, authorities of a proxy, files that are replaced."""
import json
import shutil
import socket
import ssl
import threading

import pytest

from certs import Authority
from test_config import config as quipu_config
from test_tls import ASK, Proxy, ca, config, refused
from upstream import Upstream


def cipher(call):
    call.json(200, {"model": "m", "choices": [], "cipher": call.sock.cipher()[0]})


@pytest.fixture
def secure(authority):
    up = Upstream(tls=authority.issue("IP:127.0.0.1"))
    up.handler = cipher
    yield up
    up.close()


@pytest.mark.parametrize("version,ciphers,want", [
    (ssl.TLSVersion.TLSv1_2, "[ECDHE-RSA-AES256-GCM-SHA384]", "ECDHE-RSA-AES256-GCM-SHA384"),
    (ssl.TLSVersion.TLSv1_2, "[ECDHE-RSA-CHACHA20-POLY1305, TLS_AES_128_GCM_SHA256]", "ECDHE-RSA-CHACHA20-POLY1305"),
    (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    (ssl.TLSVersion.TLSv1_3, "[TLS_CHACHA20_POLY1305_SHA256]", "TLS_CHACHA20_POLY1305_SHA256"),
    (ssl.TLSVersion.TLSv1_3, "[ECDHE-RSA-AES128-GCM-SHA256, TLS_AES_128_GCM_SHA256]", "TLS_AES_128_GCM_SHA256"),
])
def test_only_these_ciphers_are_offered(start, secure, authority, version, ciphers, want):
    secure.tls.maximum_version = version
    q = start(config=config(secure.url, ca(authority.cert) + f"\n  ciphers: {ciphers}"))
    status, _, body = q.chat(ASK)
    assert status == 200 and json.loads(body)["cipher"] == want


def test_no_cipher_in_common_is_an_error(start, secure, authority):
    secure.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    secure.tls.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    q = start(config=config(secure.url, ca(authority.cert) + "\n  ciphers: [ECDHE-RSA-AES256-GCM-SHA384]"))
    refused(q, "TLS")


@pytest.mark.parametrize("name", ["NO-SUCH-CIPHER", "TLS_NO_SUCH_SUITE"])
def test_a_cipher_that_is_none_does_not_start(start, secure, name):
    q = start(config=config(secure.url, f"tls:\n  ciphers: [{name}]"), wait=False)
    assert f"provider 'up': network.tls: {name}" in q.stop(expect=1, signal_it=False)


class Intercepting(Proxy):
    """Whatever host is asked for, the tunnel ends at the port of its own."""

    def __init__(self, port):
        self.own = port
        super().__init__()

    def serve(self, sock):
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(65536)
        self.lines.append(data.split(b"\r\n")[0].decode())
        other = socket.create_connection(("127.0.0.1", self.own))
        sock.sendall(b"HTTP/1.1 200 ok\r\n\r\n")
        threading.Thread(target=self.pump, args=(other, sock), daemon=True).start()
        self.pump(sock, other)


def test_a_proxy_that_looks_inside(start, authority, tmp_path):
    """Its authority counts for what goes through it, and beside the others; for nothing else."""
    other = Authority(tmp_path, "proxy")
    inside = Upstream(tls=other.issue("IP:127.0.0.1"))
    proxy = Intercepting(inside.port)
    through = f"proxy:\n  url: http://127.0.0.1:{proxy.port}"
    trusting = through + f"\n  cacert: {other.cert}"
    url = "https://127.0.0.1:1/v1"
    refused(start(config=config(url, ca(authority.cert) + "\n" + through)), "certificate")
    assert start(config=config(url, trusting)).chat(ASK)[0] == 200
    assert start(config=config(url, ca(authority.cert) + "\n" + trusting)).chat(ASK)[0] == 200
    assert "CONNECT 127.0.0.1:1 HTTP/1.1" in proxy.lines
    direct = trusting + "\n  no_proxy: 127.0.0.1"
    refused(start(config=config(inside.url, direct)), "certificate")
    inside.close()


def test_a_proxy_over_tls_is_told_at_the_start(tmp_path):
    path = tmp_path / "quipu.yaml"
    path.write_text(config("https://x.example/v1", "proxy:\n  url: https://proxy.example:3128"))
    status, _, err = quipu_config("check", path)
    assert status == 1 and "network.proxy.https: only http:// proxies can be used" in err


def test_a_replaced_file_is_read_by_the_next_reload(start, secure, authority, tmp_path):
    file = tmp_path / "ca.pem"
    shutil.copy(authority.cert, file)
    q = start(config=config(secure.url, ca(file)))
    assert q.chat(ASK)[0] == 200
    shutil.copy(Authority(tmp_path, "other").cert, file)
    assert q.chat(ASK)[0] == 200, "not before"
    assert q.request("POST", "/v1alpha/admin/reload")[0] == 200
    refused(q, "certificate")
    shutil.copy(authority.cert, file)
    assert q.request("POST", "/v1alpha/admin/reload")[0] == 200
    assert q.chat(ASK)[0] == 200
