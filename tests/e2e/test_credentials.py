"""Whose credentials a request goes out with, over real HTTP."""
import http.client
import json
import time

import pytest

from test_providers import KEY, KEYED, ask, error, eventually, one
from upstream import Upstream, chunk, completion

THEIRS = "their-key-9876543210"
OGX, OLD = "x-ogx-provider-data", "X-LlamaStack-Provider-Data"


def bring(**members):
    return {OGX: json.dumps(members)}


def sent_keys(upstream):
    return [r.headers.get("authorization") for r in upstream.chat_requests()]


@pytest.mark.parametrize("kind,field", [
    ("openai", "openai_api_key"), ("azure", "azure_api_key"), ("bedrock", "aws_bearer_token_bedrock"),
    ("anthropic", "anthropic_api_key"), ("gemini", "gemini_api_key"), ("vllm", "vllm_api_token"),
    ("together", "together_api_key"), ("fireworks", "fireworks_api_key"), ("groq", "groq_api_key"),
    ("cerebras", "cerebras_api_key"), ("databricks", "databricks_api_token"), ("nvidia", "nvidia_api_key"),
    ("sambanova", "sambanova_api_key"), ("runpod", "runpod_api_token"), ("llama-openai-compat", "llama_api_key"),
    ("passthrough", "passthrough_api_key"),
])
@pytest.mark.parametrize("header", [OGX, OLD])
def test_every_kind_takes_its_field(start, upstream, kind, field, header):
    q = start(config=one("remote::" + kind, upstream.url, KEYED))
    assert ask(q, headers={header: json.dumps({field: THEIRS, "unrelated_api_key": "no"})})[0] == 200
    assert ask(q)[0] == 200
    assert sent_keys(upstream) == ["Bearer " + THEIRS, "Bearer " + KEY]
    assert THEIRS not in q.stop()


def test_the_newer_header_wins(start, upstream):
    q = start(config=one("remote::openai", upstream.url, KEYED))
    both = {OLD: json.dumps({"openai_api_key": "old-key-0123456789"}), **bring(openai_api_key=THEIRS)}
    assert ask(q, headers=both)[0] == 200
    assert sent_keys(upstream) == ["Bearer " + THEIRS]


@pytest.mark.parametrize("data,words", [
    ("nonsense", "not valid JSON"), ("[]", "not a JSON object"), ('"k"', "not a JSON object"), ("5", "not a JSON object"),
    ('{"openai_api_key": 5}', "'openai_api_key' in the header"), ('{"a": "' + "x" * 17000 + '"}', "16 KB"),
    ('{"openai_api_key": "a\\r\\nx-evil: 1"}', "visible ASCII"), ('{"openai_api_key": "' + "x" * 9000 + '"}', "8 KB"),
])
@pytest.mark.parametrize("header", [OGX, OLD])
def test_bad_data_is_refused(start, upstream, data, words, header):
    q = start(config=one("remote::openai", upstream.url, KEYED))
    answer = ask(q, headers={header: data})
    assert answer[0] == 400 and words in error(answer)["message"]
    assert error(answer)["code"] == "invalid_provider_data"
    assert upstream.chat_requests() == []


def test_no_key_at_all_names_the_field_the_header_and_the_variable(start, upstream):
    q = start(config=one("remote::azure", upstream.root))
    answer = ask(q)
    assert answer[0] == 400 and error(answer)["code"] == "missing_api_key"
    for words in ("azure_api_key", OGX, "AZURE_API_KEY"):
        assert words in error(answer)["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("retries", [0, 1])
def test_an_upstream_that_repeats_a_clients_key_tells_nobody(start, upstream, stream, retries):
    upstream.handler = lambda call: call.json(503, {"error": {"message": f"no {call.request.headers['authorization']} today"}})
    q = start("--retries", retries, "--log-level", "debug", config=one("remote::openai", upstream.url, KEYED))
    for headers in (bring(openai_api_key=THEIRS), {}):
        answer = ask(q, headers=headers, stream=stream)
        assert answer[0] == 503 and error(answer)["message"] == "no Bearer ******** today"
    assert len(upstream.chat_requests()) == 2 * (1 + retries)
    text = q.stop()
    assert THEIRS not in text and KEY not in text


def test_a_forwarded_token_stands_in_for_the_key(start, upstream):
    upstream.handler = lambda call: call.json(*(
        (200, completion()) if call.request.headers["authorization"] == "Bearer " + THEIRS
        else (401, {"error": {"message": "not " + call.request.headers["authorization"]}})))
    q = start(config=one("remote::openai", upstream.url, {**KEYED, "forward_auth": True}))
    assert ask(q, headers={"authorization": "Bearer " + THEIRS})[0] == 200
    refused = ask(q, headers={"authorization": "bearer other-key-0123456789"})
    assert refused[0] == 401 and error(refused)["message"] == "not Bearer ********"
    assert ask(q, headers={"authorization": "Bearer no", **bring(openai_api_key=THEIRS)})[0] == 200
    for headers in ({}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer "}, {"authorization": "Bearer a b"}):
        answer = ask(q, headers=headers)
        assert answer[0] == 401 and error(answer)["code"] == "missing_api_key"
        assert "authorization: Bearer" in error(answer)["message"]
    assert len(upstream.chat_requests()) == 3
    # The list is quipu's own request: the configured key.
    eventually(lambda: [r for r in upstream.requests if r.method == "GET"])
    assert {r.headers["authorization"] for r in upstream.requests if r.method == "GET"} == {"Bearer " + KEY}
    text = q.stop()
    assert THEIRS not in text and "other-key" not in text


@pytest.mark.parametrize("how", ["brought", "forwarded", "configured"])
def test_an_error_within_a_stream_tells_no_key(start, upstream, how):
    def handler(call):
        said = json.dumps({"error": {"message": "lost " + call.request.headers["authorization"], "code": 500}})
        call.stream([chunk("Hel"), b"data: " + said.encode() + b"\n\n"])

    upstream.handler = handler
    q = start("--workers", 1, "--log-level", "debug",
              config=one("remote::openai", upstream.url, {**KEYED, "forward_auth": how == "forwarded"}))
    headers = {"brought": bring(openai_api_key=THEIRS), "forwarded": {"authorization": "Bearer " + THEIRS}}.get(how, {})
    for _ in range(3):
        try:
            told = ask(q, headers=headers, stream=True)[2]
        except http.client.IncompleteRead as cut:
            told = cut.partial
        assert b"lost Bearer ********" in told and KEY.encode() not in told
    text = q.stop()
    assert THEIRS not in text and KEY not in text


def test_without_forward_auth_a_clients_token_goes_nowhere(start, upstream):
    q = start(config=one("remote::openai", upstream.url, KEYED))
    assert ask(q, headers={"authorization": "Bearer " + THEIRS})[0] == 200
    assert sent_keys(upstream) == ["Bearer " + KEY]


@pytest.fixture
def theirs():
    up = Upstream()
    yield up
    up.close()
    assert not up.errors, up.errors


OPERATOR = {"api_key": KEY, "network": {"headers": {"x-operator": "secret-header-value"}}}


def test_a_clients_own_azure_resource(start, upstream, theirs):
    q = start("--workers", 1, config=one("remote::azure", upstream.root, {**OPERATOR, "client_address": "any"}))
    own = bring(azure_api_key=THEIRS, azure_api_base=theirs.root, azure_api_type="azure")
    for _ in range(2):
        assert ask(q, headers=own)[0] == 200
    assert ask(q, headers=bring(azure_api_key=THEIRS, azure_api_base=theirs.root, azure_api_version="2024-10-21"))[0] == 200
    assert ask(q)[0] == 200
    first, second, dated = theirs.chat_requests()
    assert first.target == "/openai/v1/chat/completions" and first.headers["authorization"] == "Bearer " + THEIRS
    assert dated.target == "/openai/deployments/m1/chat/completions?api-version=2024-10-21"
    assert dated.headers["api-key"] == THEIRS
    # Nothing of the operator's goes there, and no connection is shared.
    for r in theirs.requests:
        assert "x-operator" not in r.headers and KEY not in str(r.header_list)
    assert len({r.connection for r in theirs.requests}) == 3
    ours, = upstream.chat_requests()
    assert ours.headers["authorization"] == "Bearer " + KEY and ours.headers["x-operator"] == "secret-header-value"
    assert THEIRS not in q.stop()


def test_the_configured_resource_named_again_keeps_its_connections(start, upstream):
    q = start("--workers", 1, config=one("remote::azure", upstream.root, OPERATOR))
    assert ask(q, headers=bring(azure_api_key=THEIRS, azure_api_base=upstream.root + "/openai/"))[0] == 200
    assert ask(q, headers=bring(azure_api_base=upstream.root))[0] == 200
    assert ask(q, headers=bring(azure_api_version="2024-10-21"))[0] == 200
    first, second, third = upstream.chat_requests()
    assert first.headers["authorization"] == "Bearer " + THEIRS and second.headers["authorization"] == "Bearer " + KEY
    assert third.target == "/openai/deployments/m1/chat/completions?api-version=2024-10-21"
    assert first.connection == second.connection == third.connection


@pytest.mark.parametrize("policy,base,key,words", [
    ("https", "http://{}", THEIRS, "must be an https:// URL"), ("https", "http://example.com", THEIRS, "https://"),
    ("any", "ftp://{}", THEIRS, "not an https:// URL"), ("any", "{}", THEIRS, "not an https:// URL"),
    ("any", "unix:/tmp/x", THEIRS, "not an https:// URL"), ("any", "http://u:p@{}", THEIRS, "user or a password"),
    ("any", "http://{}", "", "needs 'azure_api_key'"), ("off", "http://{}", THEIRS, "not taken here"),
])
def test_addresses_that_are_not_taken(start, upstream, theirs, policy, base, key, words):
    q = start(config=one("remote::azure", upstream.root, {**OPERATOR, "client_address": policy}))
    answer = ask(q, headers=bring(azure_api_key=key, azure_api_base=base.format(f"127.0.0.1:{theirs.port}")))
    assert answer[0] == 400 and words in error(answer)["message"]
    assert theirs.requests == [] and upstream.chat_requests() == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "192.168.1.1", "0.0.0.0"])
def test_by_default_only_public_addresses_are_asked(start, upstream, theirs, host):
    q = start("--retries", 0, config=one("remote::azure", upstream.root, OPERATOR))
    at = time.monotonic()
    answer = ask(q, headers=bring(azure_api_key=THEIRS, azure_api_base=f"https://{host}:{theirs.port}"))
    assert answer[0] == 502 and "not allowed" in error(answer)["message"] and time.monotonic() - at < 3
    assert theirs.connections == 0 and upstream.chat_requests() == []


def test_a_forwarded_token_never_goes_to_a_clients_address(start, upstream, theirs):
    q = start(config=one("remote::azure", upstream.root, {**OPERATOR, "client_address": "any", "forward_auth": True}))
    answer = ask(q, headers={"authorization": "Bearer " + THEIRS, **bring(azure_api_base=theirs.root)})
    assert answer[0] == 400 and "forward_auth" in error(answer)["message"]
    assert theirs.requests == []


def test_a_clients_broken_server_is_not_held_against_ours(start, upstream, theirs):
    """A breaker that is open sends requests to the next target: it must not open."""
    spare = Upstream()
    theirs.handler = lambda call: call.json(503, {"error": {"message": "down"}})
    config = json.loads(one("remote::azure", upstream.root, {**OPERATOR, "client_address": "any"}))
    config["providers"]["inference"].append({"provider_id": "spare", "provider_type": "remote::openai-compatible",
                                             "config": {"base_url": spare.url}})
    config["registered_resources"]["models"] = [{"model_id": "fast", "targets": [
        {"model": "p/m1", "priority": 1},
        {"model": "spare/m1", "priority": 2}]}]
    q = start("--workers", 1, "--retries", 0, config=json.dumps(config))
    for _ in range(15):
        ask(q, "fast", headers=bring(azure_api_key=THEIRS, azure_api_base=theirs.root))
    spare.requests.clear()
    assert [ask(q, "fast")[0] for _ in range(5)] == [200] * 5
    assert len(upstream.chat_requests()) == 5 and spare.chat_requests() == []
    spare.close()


def test_passthrough_takes_an_address_and_headers(start, upstream, theirs):
    q = start("--workers", 1, config=one("remote::passthrough", upstream.root, {
        "client_address": "any", "network": {"headers": {"x-operator": "1"}},
        "forward_headers": {"maas_api_token": "Authorization", "tenant": "X-Tenant"}}))
    data = {"maas_api_token": "Bearer-" + THEIRS, "tenant": "t-1", "__test_id": "x"}
    assert ask(q, headers=bring(**data))[0] == 200
    assert ask(q, headers=bring(**data, passthrough_url=theirs.root, passthrough_api_key=THEIRS))[0] == 200
    assert ask(q, headers=bring(passthrough_url=theirs.root))[0] == 200
    ours, = upstream.chat_requests()
    first, second = theirs.chat_requests()
    assert (ours.headers["authorization"], ours.headers["x-tenant"]) == ("Bearer-" + THEIRS, "t-1")
    assert ours.headers["x-operator"] == "1" and ours.target == "/v1/chat/completions"
    assert (first.headers["authorization"], first.headers["x-tenant"]) == ("Bearer " + THEIRS, "t-1")
    assert "x-operator" not in first.headers and "authorization" not in second.headers
    answer = ask(q, headers=bring(tenant="a\r\nx-evil: 1"))
    assert answer[0] == 400 and "'tenant'" in error(answer)["message"]
    assert THEIRS not in q.stop()


def test_a_configured_key_never_goes_to_a_clients_address(start, upstream, theirs):
    q = start("--workers", 1, config=one("remote::passthrough", upstream.root, {**OPERATOR, "client_address": "any"}))
    assert ask(q, headers=bring(passthrough_url=theirs.root))[0] == 200
    assert ask(q)[0] == 200
    sent, = theirs.chat_requests()
    assert "authorization" not in sent.headers and "x-operator" not in sent.headers
    assert sent_keys(upstream) == ["Bearer " + KEY]


@pytest.mark.parametrize("settings,words", [
    ({"forward_headers": {"a": "Host"}}, "Host"), ({"forward_headers": {"a": "X-Forwarded-For"}}, "X-Forwarded-For"),
    ({"forward_headers": {"a": "Cookie"}}, "Cookie"), ({"forward_headers": {"a": "x y"}}, "x y"),
    ({"forward_headers": {"__test_id": "x-test"}}, "__test_id"),
    ({"forward_headers": {"a": "X-Mine"}, "extra_blocked_headers": ["x-mine"]}, "X-Mine"),
    ({"forward_headers": {f"a{i}": f"x-{i}" for i in range(9)}}, "over 8"),
])
def test_headers_that_may_not_be_forwarded(start, upstream, settings, words):
    q = start(config=one("remote::passthrough", upstream.root, settings), wait=False)
    assert words in q.stop(expect=1, signal_it=False)
