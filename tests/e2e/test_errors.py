"""The table of errors, against the program: docs/errors.md."""
import json
import socket

import pytest

from quipu import Quipu
from test_providers import KEY
from upstream import Upstream

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = "/v1/chat/completions"


def block(provider_id, kind, **config):
    return {"provider_id": provider_id, "provider_type": "remote::" + kind, "config": config}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    up = Upstream()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        closed = s.getsockname()[1]
    config = {"providers": {"inference": [
        block("p", "openai", base_url=up.url, api_key=KEY, allowed_models=["m1", "e1"]),
        block("nokey", "groq"), block("nochat", "bedrock", base_url=up.url, api_key=KEY),
        block("down", "vllm", base_url=f"http://127.0.0.1:{closed}/v1"), block("nodns", "vllm", base_url="http://no-such-host.invalid/v1"),
        block("slow", "vllm", base_url=up.url, network={"timeout": {"first_byte": "200ms"}})]},
        "registered_resources": {"models": [
            {"model_id": "emb", "provider_id": "p", "provider_model_id": "e1", "model_type": "embedding"}]}}
    q = Quipu(tmp_path_factory.mktemp("errors"), "--retries", "0", "--max-body", "64KB", config=json.dumps(config))
    yield q, up
    q.stop()
    up.close()


def chat(model="p/m1", **more):
    return json.dumps({"model": model, "messages": MESSAGES, **more}).encode()


def answers(status, body=b"", content_type="application/json"):
    return lambda call: call.raw(status, body, [("x-should-retry", "false")], content_type)


# name, method, path, body, headers, what the upstream does, status, type, code, param, words
TABLE = [
    ("an unknown path", "GET", "/v1/nothing", None, {}, None, 404, "invalid_request_error", "not_found", None, "/v1/nothing"),
    ("the root", "GET", "/", None, {}, None, 404, "invalid_request_error", "not_found", None, "/v1"),
    ("a wrong method", "PUT", CHAT, None, {}, None, 405, "invalid_request_error", "method_not_allowed", None, "POST"),
    ("no body", "POST", CHAT, b"", {}, None, 400, "invalid_request_error", "invalid_value", None, "no body"),
    ("no JSON", "POST", CHAT, b"{'a': 1}", {}, None, 400, "invalid_request_error", "invalid_json", None, "line 1, column 2"),
    ("JSON that is nested too deep", "POST", CHAT, b"[" * 129, {}, None, 400, "invalid_request_error", "json_limit", None, "column 129"),
    ("no object", "POST", CHAT, b"[]", {}, None, 400, "invalid_request_error", "invalid_value", None, "object"),
    ("a missing member", "POST", CHAT, b'{"model":"p/m1"}', {}, None, 400, "invalid_request_error", "missing_required_parameter", "messages",
     "messages"),
    ("a wrong type", "POST", CHAT, chat(n="1"), {}, None, 400, "invalid_request_error", "invalid_type", "n", "integer"),
    ("a wrong value", "POST", CHAT, chat(messages=[{"role": "x", "content": ""}]), {}, None, 400, "invalid_request_error", "invalid_value",
     "messages[0].role", "assistant"),
    ("out of range", "POST", CHAT, chat(temperature=2.1), {}, None, 400, "invalid_request_error", "decimal_above_max_value", "temperature", "2"),
    *[(f"a number beyond all: {n}", "POST", CHAT, chat().replace(b"{", b'{"temperature":%s,' % n.encode(), 1), {}, None, 400,
       "invalid_request_error", f"decimal_{side}_value", "temperature", n)
      for n, side in [("1e400", "above_max"), ("-1e400", "below_min")]],
    ("tool_choice without tools", "POST", CHAT, chat(tool_choice="auto"), {}, None, 400, "invalid_request_error", "invalid_value",
     "tool_choice", "tools"),
    ("a body that is too large", "POST", CHAT, chat(user="x" * 70000), {}, None, 413, "invalid_request_error", "bad_http_request", None, ""),
    ("an unknown model", "POST", CHAT, chat("zzz"), {}, None, 404, "invalid_request_error", "model_not_found", "model", "'zzz'"),
    ("an unknown provider", "POST", CHAT, chat("zzz/m"), {}, None, 404, "invalid_request_error", "model_not_found", "model", "zzz"),
    ("a model that is not allowed", "POST", CHAT, chat("p/m2"), {}, None, 400, "invalid_request_error", "model_not_allowed", "model", "m2"),
    ("a model of another type", "POST", CHAT, chat("emb"), {}, None, 400, "invalid_request_error", "wrong_model_type", "model", "embedding"),
    ("a model that is not listed", "GET", "/v1/models/p/none", None, {}, None, 404, "invalid_request_error", "model_not_found", "model", "none"),
    ("no key", "POST", CHAT, chat("nokey/m"), {}, None, 400, "invalid_request_error", "missing_api_key", None, "groq_api_key"),
    ("provider data that is no JSON", "POST", CHAT, chat(), {"x-ogx-provider-data": "{"}, None, 400, "invalid_request_error",
     "invalid_provider_data", None,
     "x-ogx-provider-data"),
    ("what a provider does not offer", "POST", "/v1/completions", b'{"model":"nochat/m","prompt":"x"}', {}, None, 501, "server_error", "not_offered",
     None, "nochat"),
    ("an upstream that is down", "POST", CHAT, chat("down/m"), {}, None, 502, "upstream_error", "upstream_connect", None, "refused"),
    ("an upstream without an address", "POST", CHAT, chat("nodns/m"), {}, None, 502, "upstream_error", "upstream_dns", None, "no-such-host"),
    ("a silent upstream", "POST", CHAT, chat("slow/m"), {}, lambda call: call.wait_gone(5), 504, "upstream_error", "upstream_timeout", None,
     "too long"),
    *[(f"an upstream's {status}", "POST", CHAT, chat(), {}, answers(status, b'{"error":{"message":"why it was"}}'), status, kind, None, None,
       "why it was")
      for status, kind in [(400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"),
                           (404, "invalid_request_error"), (408, "timeout_error"), (409, "invalid_request_error"),
                           (413, "invalid_request_error"), (422, "invalid_request_error"), (429, "rate_limit_error"), (500, "server_error"),
                           (501, "server_error"), (502, "upstream_error"), (503, "service_unavailable_error"), (504, "timeout_error"),
                           (529, "server_error")]],
    ("FastAPI's errors", "POST", CHAT, chat(), {}, answers(422, b'{"detail":"why it was"}'), 422, "invalid_request_error", None, None,
     "why it was"),
    ("FastAPI's validation", "POST", CHAT, chat(), {},
     answers(422, b'{"detail":[{"type":"missing","loc":["body","n"],"msg":"Field required"}]}'), 422, "invalid_request_error", None, None,
     "Field required"),
    ("an unknown provider's page", "GET", "/v1/providers/none", None, {}, None, 404, "invalid_request_error", "provider_not_found", None, "none"),
]


CASES = [(row, False) for row in TABLE] + [(row, True) for row in TABLE if (row[3] or b"").startswith(b'{"model')]


@pytest.mark.parametrize("row,stream", CASES, ids=[row[0] + (", for a stream" if stream else "") for row, stream in CASES])
def test_errors(gateway, row, stream):
    q, up = gateway
    name, method, path, body, headers, handler, status, kind, code, param, words = row
    if stream:
        body = body[:-1] + b', "stream": true}'
    up.handler = handler or answers(500, b"must not be asked")
    before = len(up.chat_requests())
    got, fields, data = q.request(method, path, body, headers={**headers, "x-request-id": "mine-1"})
    whole = json.loads(data)
    error = whole["error"]
    assert (got, error["type"], error["code"], error["param"]) == (status, kind, code, param), data
    assert words in error["message"]
    assert set(error) == {"message", "type", "param", "code"}
    assert fields["content-type"] == "application/json" and fields["x-request-id"]
    assert len(up.chat_requests()) - before == (1 if handler else 0)
    assert ("detail" in whole) == (code in ("not_found", "method_not_allowed"))
    assert whole.get("detail", error["message"]) == error["message"]
    assert "{'" not in data.decode().replace(body.decode() if body else "\0", ""), "no Python in it"
