"""What is particular about each provider, on the bytes that it sends or wants."""
import glob
import json
import os

import pytest

from quipu import ROOT
from test_providers import BEARER, DATED, KEY, KEYED, MESSAGES, ask, error, eventually, listed, one
from upstream import DONE, chunk, completion

RECORDINGS = os.path.join(ROOT, "..", "shared", "recordings")


def events_of(body):
    return [json.loads(x[6:]) for x in body.split(b"\n\n") if x.startswith(b"data: {")]


def recorded(host):
    """Real streams of a host: lists of chunks as they came."""
    found = []
    for path in sorted(glob.glob(os.path.join(RECORDINGS, "**", "*.json"), recursive=True)):
        with open(path) as f:
            text = f.read()
        if host not in text[:4000]:
            continue
        value = json.loads(text)
        body = value.get("response", {}).get("body")
        if host in str(value["request"].get("url")) and isinstance(body, list) and "chunk" in str(body[0].get("__type__")):
            found.append([x["__data__"] for x in body])
    return found


@pytest.mark.parametrize("kind,host", [("azure", "openai.azure.com"), ("bedrock", "bedrock-runtime"),
                                       ("bedrock", "bedrock-mantle"), ("ollama", ":11434"), ("openai", "api.openai.com")])
def test_recorded_streams_pass_as_they_are_but_for_the_model(start, upstream, kind, host):
    if not os.path.isdir(RECORDINGS):
        pytest.skip("NO RECORDINGS at ../shared/recordings: nothing was tested")
    streams = recorded(host)[:40]
    assert streams, f"no recording of {host}"
    q = start(config=one("remote::" + kind, upstream.root if kind == "azure" else upstream.url, KEYED))
    for chunks in streams:
        sent = [b"data: " + json.dumps(c).encode() + b"\n\n" for c in chunks]
        upstream.handler = lambda call, sent=sent: call.stream([b"".join(sent), DONE])
        status, _, body = ask(q, stream=True)
        assert status == 200 and body.endswith(DONE)
        assert events_of(body) == [{**c, "model": "p/m1"} for c in chunks]


def test_azures_filter_chunks_have_no_delta_and_pass(start, upstream):
    late = {"id": "", "object": "", "created": 0, "model": "", "choices": [
        {"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 44, "start_offset": 44, "end_offset": 198},
         "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]}
    sent = [chunk("Hel"), b"data: " + json.dumps(late).encode() + b"\n\n", chunk("lo", finish="stop"), DONE]
    upstream.handler = lambda call: call.stream(sent)
    q = start(config=one("remote::azure", upstream.root, {**KEYED, "api_version": DATED}))
    status, _, body = ask(q, stream=True)
    assert status == 200
    assert events_of(body)[1] == {**late, "model": "p/m1"}


def test_azures_filter_says_why(start, upstream):
    filtered = {"error": {"message": "The response was filtered", "type": None, "param": "prompt", "code": "content_filter", "status": 400,
                          "innererror": {"code": "ResponsibleAIPolicyViolation",
                                         "content_filter_result": {"jailbreak": {"detected": True, "filtered": True}}}}}
    upstream.handler = lambda call: call.json(400, filtered)
    q = start(config=one("remote::azure", upstream.root, KEYED))
    for stream in (False, True):
        answer = ask(q, stream=stream)
        assert answer[0] == 400
        assert error(answer) == {**filtered["error"], "type": "invalid_request_error"}
    assert len(upstream.chat_requests()) == 2, "a filter is not asked twice"


def test_azures_unknown_deployment_says_what_a_model_is(start, upstream):
    body = {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}
    upstream.handler = lambda call: call.json(404, body)
    q = start(config=one("remote::azure", upstream.root, KEYED))
    told = error(ask(q))
    assert told["code"] == "DeploymentNotFound" and "The API deployment does not exist." in told["message"]
    assert "must be the name of a deployment" in told["message"]


@pytest.mark.parametrize("kind,settings,target", [
    ("azure", {**KEYED, "api_version": DATED}, f"/openai/deployments/a.b_c%3A1/embeddings?api-version={DATED}"),
    ("azure", KEYED, "/openai/v1/embeddings"),
])
def test_azures_paths_are_the_deployments(start, upstream, kind, settings, target):
    answer = {"object": "list", "model": "x", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
              "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    upstream.handler = lambda call: call.json(200, answer)
    q = start(config=one("remote::" + kind, upstream.root, settings,
                         models=[{"model_id": "e", "provider_id": "p", "provider_model_id": "a.b_c:1", "model_type": "embedding"}]))
    q.request("POST", "/v1/embeddings", {"model": "e", "input": "hi"})
    if not upstream.chat_requests():
        pytest.skip("POST /v1/embeddings is not served")
    assert upstream.chat_requests()[0].target == target


def test_bedrocks_names_have_colons_and_slashes(start, upstream):
    q = start(config=one("remote::bedrock", upstream.url, KEYED))
    for name in ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "arn:aws:bedrock:us-east-1:1:inference-profile/x:0"):
        assert ask(q, "p/" + name)[0] == 200
        assert upstream.requests[-1].json["model"] == name
    assert not [r for r in upstream.requests if r.method == "GET"], "it has no list to be asked for"


@pytest.mark.parametrize("status", [401, 403])
def test_bedrocks_refusals_in_openais_shape_say_what_to_fix_too(start, upstream, status):
    body = {"error": {"code": "x", "message": "Not allowed.", "param": None, "type": "permission_denied_error"}}
    upstream.handler = lambda call: call.json(status, body)
    q = start(config=one("remote::bedrock", upstream.url, KEYED))
    answer = ask(q)
    assert answer[0] == status and "Not allowed." in error(answer)["message"]
    assert "AWS_BEARER_TOKEN_BEDROCK" in error(answer)["message"] and "us-east-2" in error(answer)["message"]


@pytest.mark.parametrize("given,sent", [
    ({"max_tokens": 100000}, {"max_tokens": 16384}),
    ({"max_completion_tokens": 16385}, {"max_completion_tokens": 16384}),
    ({"max_tokens": 16384}, {"max_tokens": 16384}),
    ({}, {}),
])
def test_openais_limits_are_clamped(start, upstream, given, sent):
    q = start(config=one("remote::openai", upstream.url, KEYED))
    assert ask(q, "p/gpt-4o-mini-2024-07-18", **given)[0] == 200
    got = upstream.chat_requests()[0].json
    assert {k: v for k, v in got.items() if k not in ("model", "messages")} == sent


def test_openais_clamp_can_be_off(start, upstream):
    q = start(config=one("remote::openai", upstream.url, {**KEYED, "clamp_max_tokens": False}))
    assert ask(q, "p/gpt-4o", max_tokens=100000)[0] == 200
    assert upstream.chat_requests()[0].json["max_tokens"] == 100000


def test_togethers_list_is_bare_and_its_embeddings_have_no_dimensions(start, upstream):
    upstream.models = lambda call: call.json(200, [{"id": "m1", "type": "chat", "created": 1}, {"id": "e1", "type": "embedding"}])
    q = start(config=one("remote::together", upstream.url, KEYED))
    eventually(lambda: listed(q) == ["p/m1", "p/e1"])
    for member, value in (("dimensions", 8), ("user", "u")):
        answer = q.request("POST", "/v1/embeddings", {"model": "p/e1", "input": "hi", member: value})
        if answer[0] == 404:
            pytest.skip("POST /v1/embeddings is not served")
        assert answer[0] == 400 and error(answer)["param"] == member
    assert not upstream.chat_requests()


def test_passthrough_believes_the_other_gateways_types(start, upstream):
    upstream.models = lambda call: call.json(200, {"data": [
        {"id": "far/a", "custom_metadata": {"model_type": "llm"}},
        {"id": "far/b", "custom_metadata": {"model_type": "embedding"}},
        {"id": "far/rerank-embed", "custom_metadata": {"model_type": "rerank"}}]})
    q = start(config=one("remote::passthrough", upstream.root + "/deep", {}))
    eventually(lambda: len(listed(q)) == 3)
    assert [r.target for r in upstream.requests if r.method == "GET"][0] == "/deep/v1/models"
    data = json.loads(q.request("GET", "/v1/models")[2])["data"]
    assert [m["custom_metadata"]["model_type"] for m in data] == ["llm", "embedding", "rerank"]
    assert ask(q, "p/far/a")[0] == 200
    assert upstream.chat_requests()[0].json["model"] == "far/a"


def test_geminis_names_begin_with_models(start, upstream):
    upstream.models = lambda call: call.json(200, {"data": [{"id": "models/gemini-2.0-flash"}, {"id": "models/text-embedding-004"}]})
    q = start(config=one("remote::gemini", upstream.url, KEYED))
    eventually(lambda: listed(q) == ["p/models/gemini-2.0-flash", "p/models/text-embedding-004"])
    for name in ("models/gemini-2.0-flash", "gemini-2.0-flash"):
        assert ask(q, "p/" + name)[0] == 200
        assert upstream.chat_requests()[-1].json["model"] == name
    google = [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}]
    upstream.handler = lambda call: call.json(400, google)
    answer = ask(q)
    assert answer[0] == 400
    assert error(answer) == {"message": "API key not valid.", "type": "invalid_request_error", "param": None, "code": "INVALID_ARGUMENT"}


def test_databricks_lists_the_workspaces_endpoints(start, upstream):
    upstream.models = lambda call: call.json(200, {"endpoints": [{"name": "databricks-gte-large-en", "id": "1"}, {"name": "chat-1"}]})
    q = start(config=one("remote::databricks", upstream.root, {"api_token": KEY}))
    eventually(lambda: listed(q) == ["p/databricks-gte-large-en", "p/chat-1"])
    data = json.loads(q.request("GET", "/v1/models")[2])["data"]
    assert [m["custom_metadata"]["model_type"] for m in data] == ["embedding", "llm"]


ALL = {"chat", "completions", "embeddings"}


@pytest.mark.parametrize("kind,offers", [
    ("bedrock", {"chat"}), ("anthropic", {"chat"}), ("gemini", {"chat", "embeddings"}), ("cerebras", {"chat", "completions"}),
    ("databricks", {"chat", "embeddings"}), ("watsonx", {"chat", "embeddings"}), ("llama-openai-compat", {"chat"}),
    ("groq", ALL), ("nvidia", ALL), ("sambanova", ALL), ("runpod", ALL), ("fireworks", ALL), ("together", ALL),
    ("openai", ALL), ("azure", ALL), ("vllm", ALL), ("ollama", ALL), ("llama-cpp-server", ALL), ("passthrough", ALL),
])
def test_what_a_kind_does_not_offer_is_501(start, upstream, kind, offers):
    key = {"databricks": "api_token", "vllm": "api_token", "runpod": "api_token", "watsonx": "access_token"}.get(kind, "api_key")
    q = start(config=one("remote::" + kind, upstream.url, {key: KEY}))
    bodies = {"chat": ("/v1/chat/completions", {"messages": MESSAGES}), "completions": ("/v1/completions", {"prompt": "hi"}),
              "embeddings": ("/v1/embeddings", {"input": "hi"})}
    for op, (path, body) in bodies.items():
        before = len(upstream.chat_requests())
        answer = q.request("POST", path, {"model": "p/m1", **body})
        if answer[0] == 404:
            continue
        if op in offers:
            assert answer[0] != 501 and len(upstream.chat_requests()) == before + 1, (op, answer)
        else:
            assert answer[0] == 501 and kind in error(answer)["message"] and len(upstream.chat_requests()) == before, (op, answer)


def test_anthropics_errors_and_chat_on_its_openai_endpoint(start, upstream):
    q = start(config=one("remote::anthropic", upstream.root, KEYED))
    upstream.handler = lambda call: call.json(200, completion(model="claude-sonnet-4"))
    status, _, body = ask(q, "p/claude-sonnet-4")
    assert status == 200 and json.loads(body)["model"] == "p/claude-sonnet-4"
    sent = upstream.chat_requests()[0]
    assert sent.target == "/v1/chat/completions" and sent.headers["authorization"] == BEARER["authorization"]
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "r1"}
    upstream.handler = lambda call: call.json(529, overloaded, [("x-should-retry", "false"), ("request-id", "r1")])
    answer = ask(q)
    assert answer[0] == 529 and answer[1]["request-id"] == "r1"
    assert error(answer) == {"type": "overloaded_error", "message": "Overloaded", "param": None, "code": None}


def test_watsonx_has_a_version_and_a_project(start, upstream):
    upstream.models = lambda call: call.json(200, {"data": [{"id": "ibm/granite", "created": 1726531200000}]})
    q = start(config=one("remote::watsonx", upstream.root, {"access_token": KEY, "project_id": "pr-1"}))
    eventually(lambda: listed(q) == ["p/ibm/granite"])
    assert [r.target for r in upstream.requests if r.method == "GET"][0] == "/ml/v1/models?version=2023-10-25&project_id=pr-1"
    assert json.loads(q.request("GET", "/v1/models")[2])["data"][0]["created"] == 1726531200
    assert ask(q, "p/ibm/granite", parallel_tool_calls=False)[0] == 200
    sent = upstream.chat_requests()[0]
    assert sent.target == "/ml/v1/chat/completions?version=2023-10-25"
    assert sent.body == json.dumps({"model": "ibm/granite", "messages": MESSAGES})[:-1].encode() + b',"project_id":"pr-1"}'
