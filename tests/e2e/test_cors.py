"""What browsers must hear before a page of another origin may read an answer; and x-request-id."""
import json
import re
import socket

import pytest

from quipu import chat_bytes, read_response
from upstream import chunk

ASK = {"model": "echo/echo", "messages": [{"role": "user", "content": "hi"}]}
LOCAL = "http://localhost:3000"


def fields(head):
    return {k.lower(): v for k, _, v in (x.partition(": ") for x in head.split("\r\n")[1:])}


def cors_of(headers):
    return {k: v for k, v in headers.items() if k.startswith("access-control-") or k == "vary"}


def preflight(q, origin, method="POST", names="content-type,authorization", path="/v1/chat/completions"):
    return q.request("OPTIONS", path, headers={"origin": origin, "access-control-request-method": method,
                                               "access-control-request-headers": names})


def test_off_says_nothing(start):
    q = start()
    status, headers, _ = preflight(q, LOCAL)
    assert status == 405 and not cors_of(headers)
    _, headers, _ = q.chat(ASK, headers={"origin": LOCAL})
    assert not cors_of(headers)


def test_preflights_of_localhost(start):
    q = start("--cors")
    status, headers, body = preflight(q, LOCAL)
    assert (status, body) == (204, b"")
    assert cors_of(headers) == {
        "access-control-allow-origin": LOCAL, "vary": "Origin", "access-control-max-age": "600",
        "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
        "access-control-allow-headers": "Accept, Accept-Language, Content-Language, Content-Type, Authorization, X-Requested-With"}
    for args, word in (((("http://evil:3000"),), "origin"), ((LOCAL, "PATCH"), "method"), ((LOCAL, "POST", "x-own"), "x-own")):
        status, headers, body = preflight(q, *args)
        assert status == 400 and word in json.loads(body)["error"]["message"]
        assert json.loads(body)["error"]["code"] == "cors_not_allowed" and headers["vary"] == "Origin"
    # Without a method it is no preflight.
    assert q.request("OPTIONS", "/v1/chat/completions", headers={"origin": LOCAL})[0] == 405


def test_every_answer_has_the_fields(start, upstream):
    upstream.handler = lambda call: call.raw(404, b"no", content_type="text/plain", headers=[("access-control-allow-origin", "https://up")])
    q = start("--cors", "--max-body", "10KB", config=(
        "providers:\n  inference:\n  - provider_id: up\n    provider_type: remote::openai-compatible\n"
        f"    config: {{base_url: '{upstream.url}'}}\n  - {{provider_id: echo, provider_type: inline::echo}}\n"))
    want = {"access-control-allow-origin": LOCAL, "vary": "Origin"}
    origin = {"origin": LOCAL}
    for status, (got, headers, body) in (
            (200, q.chat(ASK, headers=origin)),
            (200, q.chat({**ASK, "stream": True}, headers=origin)),
            (400, q.chat(b"{", headers=origin)),
            (404, q.request("GET", "/v1/nothing", headers=origin)),
            (405, q.request("DELETE", "/v1/models", headers=origin)),
            (415, q.chat(b"x", headers={**origin, "content-encoding": "br"})),
            (404, q.request("POST", "/v1/passthrough/up/x", b"x", headers=origin)),
            (404, q.request("POST", "/v1/passthrough/none/x", b"x", headers=origin))):
        assert got == status and cors_of(headers) == want, (status, got, headers, body)
        assert headers["x-request-id"]
    with q.connect() as s:
        s.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\norigin: {LOCAL}\r\ncontent-length: 20000\r\n\r\n".encode())
        head, _, _ = read_response(s)
        assert head.startswith("HTTP/1.1 413") and cors_of(fields(head)) == want
    for other in ("http://evil", "http://localhost:3000.evil", "x" * 10000):
        _, headers, _ = q.chat(ASK, headers={"origin": other})
        assert cors_of(headers) == {"vary": "Origin"}
    assert cors_of(q.chat(ASK)[1]) == {"vary": "Origin"}


def test_a_mapping(start):
    q = start(config="server:\n  cors:\n    allow_origin_regex: 'https://[a-z]+\\.example\\.com'\n    allow_credentials: true\n"
                     "    allow_methods: [GET, POST]\n    allow_headers: ['*']\n    expose_headers: [x-request-id]\n    max_age: 1h\n")
    status, headers, _ = preflight(q, "https://app.example.com", names="x-any, y")
    assert status == 204 and cors_of(headers) == {
        "access-control-allow-origin": "https://app.example.com", "vary": "Origin", "access-control-max-age": "3600",
        "access-control-allow-credentials": "true", "access-control-expose-headers": "x-request-id",
        "access-control-allow-methods": "GET, POST", "access-control-allow-headers": "x-any, y"}
    assert preflight(q, "https://app.example.com.evil")[0] == 400
    assert preflight(q, LOCAL)[0] == 400


def test_everybody(start):
    q = start(config="server:\n  cors:\n    allow_origins: ['*']\n    allow_methods: [POST]\n")
    for origin in ("https://a", "null"):
        _, headers, _ = q.chat(ASK, headers={"origin": origin})
        assert cors_of(headers) == {"access-control-allow-origin": "*"}


def test_wrong_settings_do_not_start(start, tmp_path):
    from quipu import Quipu
    p = Quipu(tmp_path, wait=False, config="server:\n  cors: {allow_origins: ['*'], allow_credentials: true}\n")
    assert p.process.wait(20) == 2 and "allow_credentials" in p.text()
    p.log.close()


# x-request-id

def test_a_clients_id_is_kept(start):
    q = start("--log-format", "json")
    for own in ("abc-123", "x" * 64, "a\"b\\c"):
        for path, body in (("/v1/chat/completions", ASK), ("/v1/nothing", b""), ("/v1/passthrough/none/x", b"x")):
            _, headers, _ = q.request("POST", path, body, headers={"x-request-id": own})
            assert headers["x-request-id"] == own
        q.wait_text(re.escape(json.dumps(own)))
    assert own in [json.loads(x).get("request_id") for x in q.text().splitlines() if x.startswith("{")]


@pytest.mark.parametrize("bad", ["x" * 65, "a b", "caf\u00e9", ""])
def test_a_strange_id_is_not(start, bad):
    q = start()
    with q.connect() as s:
        s.sendall(chat_bytes(ASK, extra=f"x-request-id: {bad}\r\n"))
        head, _, _ = read_response(s)
        assert re.fullmatch(r"req_[0-9a-f]{24}", fields(head)["x-request-id"])


def test_the_upstreams_id_wins(gateway, upstream):
    upstream.handler = lambda call: call.raw(200, b"{}", headers=[("x-request-id", "up-1")])
    ask = {**ASK, "model": "openai/m1"}
    upstream.handler = lambda call: call.stream([chunk("a")], headers=[("x-request-id", "up-1")])
    _, headers, _ = gateway.chat({**ask, "stream": True}, headers={"x-request-id": "mine"})
    assert headers["x-request-id"] == "up-1"
    upstream.handler = lambda call: call.stream([chunk("a")])
    _, headers, _ = gateway.chat({**ask, "stream": True}, headers={"x-request-id": "mine"})
    assert headers["x-request-id"] == "mine"


def test_refusals_have_an_id(start):
    q = start("--max-connections", "1", "--workers", "1")
    with q.connect() as s:
        s.sendall(b"GET / HTTP/9\r\n\r\n")
        assert fields(read_response(s)[0])["x-request-id"].startswith("req_")
    with q.connect() as s:
        s.sendall(b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n")
        read_response(s)
        with q.connect() as other:
            head, _, _ = read_response(other)
            assert head.startswith("HTTP/1.1 503") and fields(head)["x-request-id"].startswith("req_")
            other.shutdown(socket.SHUT_RDWR)
