"""Whose credentials a request goes out with, over real HTTP."""
import json

import pytest

from test_providers import KEY, KEYED, ask, error, eventually, one
from upstream import completion

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


def test_without_forward_auth_a_clients_token_goes_nowhere(start, upstream):
    q = start(config=one("remote::openai", upstream.url, KEYED))
    assert ask(q, headers={"authorization": "Bearer " + THEIRS})[0] == 200
    assert sent_keys(upstream) == ["Bearer " + KEY]
