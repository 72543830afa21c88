"""What each kind of provider sends, over real HTTP."""
import hashlib
import hmac
import json
import re
import time
from urllib.parse import quote

import pytest

from quipu import SLOW
from upstream import DONE, chunk, completion, default_models

KEY = "key-0123456789abcdef"
MESSAGES = [{"role": "user", "content": "hi"}]
DATED = "2024-10-21"
AWS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE0123456", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
       "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}


def one(kind, address, settings=None, models=(), **block):
    """A configuration of one provider p; JSON is YAML."""
    settings = {"base_url": address, **(settings or {})}
    return json.dumps({
        "providers": {"inference": [{"provider_id": "p", "provider_type": kind, "config": {**settings, **block}}]},
        "registered_resources": {"models": list(models)}})


def ask(q, model="p/m1", **more):
    headers = more.pop("headers", None)
    return q.chat({"model": model, "messages": MESSAGES, **more}, headers=headers)


def error(answer):
    return json.loads(answer[2])["error"]


def eventually(check, timeout=5.0):
    deadline = time.monotonic() + timeout * SLOW
    while not check() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert check()


def listed(q):
    return [m["id"] for m in json.loads(q.request("GET", "/v1/models")[2])["data"]]


BEARER = {"authorization": "Bearer " + KEY}
KEYED = {"api_key": KEY}

# kind, path of the address, settings, chat's target, its headers, the list's target
KINDS = [
    ("openai", "/v1", KEYED, "/v1/chat/completions", BEARER, "/v1/models"),
    ("openai", "/v1", {**KEYED, "organization": "org-1", "project": "proj-1"}, "/v1/chat/completions",
     {**BEARER, "openai-organization": "org-1", "openai-project": "proj-1"}, "/v1/models"),
    ("azure", "", KEYED, "/openai/v1/chat/completions", BEARER, "/openai/v1/models"),
    ("azure", "/openai/v1/", KEYED, "/openai/v1/chat/completions", BEARER, "/openai/v1/models"),
    ("azure", "", {**KEYED, "auth": "api-key"}, "/openai/v1/chat/completions", {"api-key": KEY}, "/openai/v1/models"),
    ("azure", "", {**KEYED, "api_version": "preview"}, "/openai/v1/chat/completions?api-version=preview", BEARER,
     "/openai/v1/models?api-version=preview"),
    ("azure", "", {**KEYED, "api_version": DATED}, f"/openai/deployments/m1/chat/completions?api-version={DATED}",
     {"api-key": KEY}, f"/openai/models?api-version={DATED}"),
    ("azure", f"/openai/deployments/x/chat/completions?api-version={DATED}", KEYED,
     f"/openai/deployments/m1/chat/completions?api-version={DATED}", {"api-key": KEY},
     f"/openai/models?api-version={DATED}"),
    ("azure", "", {"api_key": "eyJhbGciOi.e30.x", "api_version": DATED},
     f"/openai/deployments/m1/chat/completions?api-version={DATED}", {"authorization": "Bearer eyJhbGciOi.e30.x"},
     f"/openai/models?api-version={DATED}"),
    ("bedrock", "/openai/v1", KEYED, "/openai/v1/chat/completions", BEARER, None),
    ("anthropic", "", KEYED, "/v1/chat/completions", BEARER, "/v1/models?limit=1000"),
    ("gemini", "/v1beta/openai", KEYED, "/v1beta/openai/chat/completions", BEARER, "/v1beta/openai/models"),
    ("gemini", "/v1beta/openai", {"access_token": KEY, "project": "proj-1"}, "/v1beta/openai/chat/completions",
     {**BEARER, "x-goog-user-project": "proj-1"}, "/v1beta/openai/models"),
    ("ollama", "", {}, "/v1/chat/completions", {}, "/v1/models"),
    ("ollama", "", KEYED, "/v1/chat/completions", BEARER, "/v1/models"),
    ("vllm", "", {"api_token": KEY}, "/v1/chat/completions", BEARER, "/v1/models"),
    ("tgi", "", {}, "/v1/chat/completions", {}, "/v1/models"),
    ("llama-cpp-server", "", {}, "/v1/chat/completions", {}, "/v1/models"),
    ("nvidia", "", KEYED, "/v1/chat/completions", BEARER, "/v1/models"),
    ("passthrough", "", {}, "/v1/chat/completions", {}, "/v1/models"),
    ("databricks", "", {"api_token": KEY}, "/serving-endpoints/chat/completions", BEARER,
     "/api/2.0/serving-endpoints"),
    ("runpod", "/v2/e/openai/v1", {"api_token": KEY}, "/v2/e/openai/v1/chat/completions", BEARER,
     "/v2/e/openai/v1/models"),
    *[(kind, "/some/v1", KEYED, "/some/v1/chat/completions", BEARER, "/some/v1/models")
      for kind in ("groq", "openrouter", "together", "fireworks", "cerebras", "sambanova", "deepseek", "mistral",
                   "xai", "llama-openai-compat")],
    ("openai-compatible", "/v1?tenant=a", KEYED, "/v1/chat/completions?tenant=a", BEARER, "/v1/models?tenant=a"),
    ("openai-compatible", "/v1", {}, "/v1/chat/completions", {}, "/v1/models"),
]


@pytest.mark.parametrize("kind,path,settings,target,headers,models", KINDS)
def test_paths_keys_and_body_of_each_kind(start, upstream, kind, path, settings, target, headers, models):
    if kind == "databricks":
        upstream.models = lambda call: call.json(200, {"endpoints": [{"name": "m1"}]})
    q = start(config=one("remote::" + kind, upstream.root + path, settings))
    assert ask(q, temperature=0.5)[0] == 200
    sent = upstream.chat_requests()[0]
    assert sent.target == target
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["host"] == f"127.0.0.1:{upstream.port}"
    assert sent.headers["user-agent"].startswith("quipu/")
    secret = {"authorization", "api-key", "x-api-key", "openai-organization", "openai-project", "x-goog-user-project"}
    assert {k: v for k, v in sent.headers.items() if k in secret} == headers
    assert sent.body == json.dumps({"model": "m1", "messages": MESSAGES, "temperature": 0.5}).encode()
    if models is None:
        time.sleep(0.2)
        assert not [r for r in upstream.requests if r.method == "GET"]
        assert listed(q) == []
    else:
        eventually(lambda: "p/m1" in listed(q))
        asked = [r for r in upstream.requests if r.method == "GET"][0]
        assert asked.target == models
        wanted = {"x-api-key": KEY} if kind == "anthropic" else headers
        assert {k: v for k, v in asked.headers.items() if k in secret} == wanted
    text = q.stop()
    assert not [v for v in settings.values() if v in (KEY, "eyJhbGciOi.e30.x") and v in text]


@pytest.mark.parametrize("env,name,target,headers", [
    ({"OPENAI_BASE_URL": "/v1", "OPENAI_API_KEY": KEY}, "openai", "/v1/chat/completions", BEARER),
    ({"OPENAI_BASE_URL": "/v1"}, "openai", "/v1/chat/completions", {}),
    ({"AZURE_API_BASE": "", "AZURE_API_KEY": KEY}, "azure", "/openai/v1/chat/completions", BEARER),
    ({"AZURE_OPENAI_ENDPOINT": "/", "AZURE_OPENAI_API_KEY": KEY, "OPENAI_API_VERSION=": DATED}, "azure",
     f"/openai/deployments/m1/chat/completions?api-version={DATED}", {"api-key": KEY}),
    ({"AWS_BEDROCK_BASE_URL": "/openai/v1", "AWS_BEARER_TOKEN_BEDROCK": KEY}, "bedrock",
     "/openai/v1/chat/completions", BEARER),
    ({"ANTHROPIC_BASE_URL": "", "ANTHROPIC_API_KEY": KEY}, "anthropic", "/v1/chat/completions", BEARER),
    ({"OLLAMA_URL": ""}, "ollama", "/v1/chat/completions", {}),
    ({"VLLM_URL": "/v1", "VLLM_API_TOKEN": KEY}, "vllm", "/v1/chat/completions", BEARER),
    ({"TGI_URL": ""}, "tgi", "/v1/chat/completions", {}),
    ({"LLAMA_CPP_SERVER_URL": ""}, "llama-cpp-server", "/v1/chat/completions", {}),
    ({"OPENROUTER_BASE_URL": "/api/v1", "OPENROUTER_API_KEY": KEY}, "openrouter", "/api/v1/chat/completions", BEARER),
    ({"DATABRICKS_HOST": "", "DATABRICKS_TOKEN": KEY}, "databricks", "/serving-endpoints/chat/completions", BEARER),
    ({"PASSTHROUGH_URL": ""}, "passthrough", "/v1/chat/completions", {}),
    *[({f"{name.upper()}_BASE_URL": "/v1", f"{name.upper()}_API_KEY": KEY}, name, "/v1/chat/completions", BEARER)
      for name in ("together", "fireworks", "cerebras", "nvidia", "deepseek", "mistral", "xai")],
])
def test_the_environment_alone(start, upstream, env, name, target, headers):
    env = {k.rstrip("="): v if v in (KEY, DATED) else upstream.root + v for k, v in env.items()}
    q = start(env=env)
    assert ask(q, name + "/m1")[0] == 200
    sent = upstream.chat_requests()[0]
    assert sent.target == target and sent.json["model"] == "m1"
    assert {k: v for k, v in sent.headers.items() if k in ("authorization", "api-key")} == headers


def test_many_at_once_from_the_environment(start, upstream):
    q = start(env={"OLLAMA_URL": upstream.url, "VLLM_URL": upstream.url, "GROQ_API_KEY": KEY,
                   "GEMINI_API_KEY": KEY, "HTTPS_PROXY": "http://127.0.0.1:1"})
    ids = [p["provider_id"] for p in json.loads(q.request("GET", "/v1/providers")[2])["data"]]
    assert sorted(ids) == ["echo", "gemini", "groq", "ollama", "vllm"]
    eventually(lambda: {"ollama/m1", "vllm/m1", "echo/echo"} <= set(listed(q)))


def test_headers_of_the_configuration_win(start, upstream):
    q = start(config=one("remote::openai", upstream.url, KEYED,
                         network={"headers": {"x-tenant": "a", "Authorization": "Basic b"}}))
    assert ask(q)[0] == 200
    sent = upstream.chat_requests()[0]
    assert sent.headers["x-tenant"] == "a"
    assert [v for k, v in sent.header_list if k.lower() == "authorization"] == ["Basic b"]


def test_a_client_may_bring_its_own_key(start, upstream):
    q = start(config=one("remote::openai", upstream.url, {**KEYED, "organization": "org-1"}))
    theirs = {"x-ogx-provider-data": json.dumps({"openai_api_key": "their-key-9876543210"})}
    assert ask(q, headers=theirs)[0] == 200 and ask(q)[0] == 200
    first, second = upstream.chat_requests()
    assert first.headers["authorization"] == "Bearer their-key-9876543210"
    assert "openai-organization" not in first.headers
    assert second.headers["authorization"] == "Bearer " + KEY
    assert "their-key" not in q.stop()


@pytest.mark.parametrize("data,status", [
    ("nonsense", 400), ("[" * 50, 400), ('{"openai_api_key": "a\\r\\nx-evil: 1"}', 400),
    ('{"openai_api_key": 5}', 400), ('{"groq_api_key": "other"}', 200), ("[]", 400), ('{"openai_api_key": ""}', 200),
])
def test_a_wrong_key_of_a_client_is_refused_or_not_used(start, upstream, data, status):
    q = start(config=one("remote::openai", upstream.url, KEYED))
    assert ask(q, headers={"x-ogx-provider-data": data})[0] == status
    assert [r.headers["authorization"] for r in upstream.chat_requests()] == ["Bearer " + KEY] * (status == 200)
    assert not [r for r in upstream.chat_requests() if "x-evil" in r.headers]


@pytest.mark.parametrize("more,limit", [({}, 77), ({"max_tokens": 5}, 5), ({"max_completion_tokens": 5}, None)])
def test_vllms_max_tokens_is_for_requests_without_a_limit(start, upstream, more, limit):
    q = start(config=one("remote::vllm", upstream.url, {"max_tokens": 77}))
    assert ask(q, **more)[0] == 200
    assert upstream.chat_requests()[0].json.get("max_tokens") == limit


def test_azures_first_chunk_has_no_choices_and_passes(start, upstream):
    first = (b'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":'
             b'[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}\n\n')
    upstream.handler = lambda call: call.stream([first, chunk("Hel"), chunk("lo", finish="stop"), DONE])
    q = start(config=one("remote::azure", upstream.root, {**KEYED, "api_version": DATED}))
    status, _, data = ask(q, stream=True)
    events = [json.loads(x[6:]) for x in data.split(b"\n\n") if x.startswith(b"data: {")]
    assert status == 200 and data.endswith(DONE)
    assert events[0]["choices"] == []
    assert events[0]["prompt_filter_results"] == json.loads(first[6:])["prompt_filter_results"]
    assert "".join(c["delta"].get("content", "") for e in events for c in e["choices"]) == "Hello"


def test_azures_errors_keep_what_they_say(start, upstream):
    answers = [
        (404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}),
        (400, {"error": {"message": "The response was filtered", "type": None, "param": "prompt",
                         "code": "content_filter", "status": 400,
                         "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
        (401, {"statusCode": 401, "message": "Unauthorized. Access token is missing."}),
    ]
    upstream.handler = lambda call: call.json(*answers[len(upstream.chat_requests()) - 1])
    q = start(config=one("remote::azure", upstream.root, KEYED))
    told = [ask(q) for _ in answers]
    assert [a[0] for a in told] == [404, 400, 401]
    assert error(told[0])["code"] == "DeploymentNotFound" and "deployment" in error(told[0])["message"]
    assert error(told[1])["code"] == "content_filter" and error(told[1])["param"] == "prompt"
    assert "Access token is missing" in error(told[2])["message"]


def sigv4(request, secret, region, service="bedrock"):
    """The signature that AWS computes, from the request as it came."""
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                         r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})", request.headers["authorization"])
    key_id, day, got_region, got_service, names, signature = found.groups()
    assert (got_region, got_service) == (region, service)
    path, _, query = request.target.partition("?")
    assert query == ""
    canonical = "\n".join([
        request.method, quote(path, safe="/-_.~"), "",
        *[f"{n}:{request.headers[n].strip()}" for n in names.split(";")], "", names,
        hashlib.sha256(request.body).hexdigest()])
    date = request.headers["x-amz-date"]
    assert date.startswith(day)
    text = "\n".join(["AWS4-HMAC-SHA256", date, f"{day}/{region}/{service}/aws4_request",
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    wanted = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return key_id, names.split(";"), signature, wanted


@pytest.mark.parametrize("path", ["/openai/v1", "/a:b/with%20space/v1"])
@pytest.mark.parametrize("token", ["", "FwoGZXIvYXdzEJr//////token=="])
def test_bedrock_signs_with_a_key_pair(start, upstream, path, token):
    q = start(env={**AWS, "AWS_SESSION_TOKEN": token, "AWS_REGION": "eu-central-1",
                   "AWS_BEDROCK_BASE_URL": upstream.root + path})
    model = "anthropic.claude-3-5-sonnet-20241022-v2:0"
    assert ask(q, "bedrock/" + model, user="é")[0] == 200
    sent = upstream.chat_requests()[0]
    assert sent.json["model"] == model
    key_id, names, signature, wanted = sigv4(sent, AWS["AWS_SECRET_ACCESS_KEY"], "eu-central-1")
    assert key_id == AWS["AWS_ACCESS_KEY_ID"]
    assert {"host", "x-amz-date"} <= set(names)
    assert signature == wanted
    if token:
        assert sent.headers["x-amz-security-token"] == token and "x-amz-security-token" in names
    else:
        assert "x-amz-security-token" not in sent.headers
    assert not [r for r in upstream.requests if r.method == "GET"]
    assert AWS["AWS_SECRET_ACCESS_KEY"] not in q.text()


def test_bedrock_signs_each_try_and_each_stream(start, upstream):
    def handler(call):
        if len(upstream.chat_requests()) == 1:
            call.json(503, {"message": "try again"})
        else:
            call.stream([chunk("hi"), chunk(finish="stop"), DONE])

    upstream.handler = handler
    q = start(env={**AWS, "AWS_BEDROCK_BASE_URL": upstream.root + "/openai/v1"})
    assert ask(q, "bedrock/m:1", stream=True)[0] == 200
    assert len(upstream.chat_requests()) == 2
    for sent in upstream.chat_requests():
        _, _, signature, wanted = sigv4(sent, AWS["AWS_SECRET_ACCESS_KEY"], "us-east-2")
        assert signature == wanted


def test_bedrock_reads_the_credentials_file(start, upstream, tmp_path):
    path = tmp_path / "credentials"
    path.write_text("[default]\naws_access_key_id = no\naws_secret_access_key = no\n"
                    "[work]\naws_access_key_id = AKWORK\naws_secret_access_key = secret/work\n")
    q = start(config=one("remote::bedrock", upstream.root + "/openai/v1",
                         {"credentials_file": str(path), "profile_name": "work", "region_name": "us-west-2"}))
    assert ask(q)[0] == 200
    key_id, _, signature, wanted = sigv4(upstream.chat_requests()[0], "secret/work", "us-west-2")
    assert (key_id, signature) == ("AKWORK", wanted)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("env,words", [
    ({"AWS_BEARER_TOKEN_BEDROCK": KEY}, "AWS_BEARER_TOKEN_BEDROCK has not expired"),
    (AWS, "clock is right"),
], ids=["a bearer token", "a key pair"])
def test_bedrocks_refusals_say_what_to_fix(start, upstream, status, env, words):
    upstream.handler = lambda call: call.json(status, {"Message": "The security token is invalid."})
    q = start(env={**env, "AWS_BEDROCK_BASE_URL": upstream.url})
    answer = ask(q, "bedrock/m1")
    message = error(answer)["message"]
    assert answer[0] == status and "The security token is invalid." in message
    assert words in message and "us-east-2" in message and KEY not in message


def test_aliases_reach_the_upstreams_model(start, upstream):
    upstream.handler = lambda call: call.json(200, completion(model=call.request.json["model"]))
    q = start(config=one("remote::openai", upstream.url, KEYED, models=[
        {"model_id": "small", "provider_id": "p", "provider_model_id": "vendor/m-9:latest"},
        {"model_id": "m1", "provider_id": "p"},
        {"model_id": "vectors", "provider_id": "p", "provider_model_id": "e", "model_type": "embedding"}]))
    for asked, sent in (("small", "vendor/m-9:latest"), ("m1", "m1"), ("p/other", "other")):
        status, _, data = ask(q, asked)
        assert (status, json.loads(data)["model"]) == (200, asked)
        assert upstream.chat_requests()[-1].json["model"] == sent
    eventually(lambda: "p/m1" in listed(q))
    assert {"small", "m1", "vectors", "p/m1"} <= set(listed(q))
    one_model = json.loads(q.request("GET", "/v1/models/small")[2])
    assert (one_model["provider_id"], one_model["provider_resource_id"]) == ("p", "vendor/m-9:latest")
    assert json.loads(q.request("GET", "/v1/models/vectors")[2])["model_type"] == "embedding"


def test_only_allowed_models_are_listed_and_passed(start, upstream):
    upstream.models = lambda call: call.json(200, {"data": [{"id": x} for x in ("a", "b", "c")]})
    q = start(config=one("remote::openai", upstream.url, KEYED, allowed_models=["a", "c"]))
    eventually(lambda: sorted(listed(q)) == ["p/a", "p/c"])
    assert ask(q, "p/a")[0] == 200
    refused = ask(q, "p/b")
    assert refused[0] == 400 and error(refused)["code"] == "model_not_allowed"
    assert len(upstream.chat_requests()) == 1


def test_providers_are_told_without_their_keys(start, upstream):
    upstream.models = lambda call: call.json(401, {"error": {"message": f"Incorrect API key: {KEY}"}})
    q = start(config=one("remote::openai", upstream.url, {**KEYED, "organization": "org-1"}))
    eventually(lambda: json.loads(q.request("GET", "/v1/providers/p")[2])["health"]["status"] == "Error")
    whole, single = q.request("GET", "/v1/providers")[2], q.request("GET", "/v1/providers/p")[2]
    told = json.loads(single)
    assert KEY.encode() not in whole + single and KEY not in q.text()
    assert told["provider_type"] == "remote::openai" and told["config"]["organization"] == "org-1"
    assert told["config"]["api_key"] == "********" and told["config"]["base_url"] == upstream.url
    assert json.loads(whole)["data"] == [told]


def test_unknown_providers(start, upstream):
    q = start(config=one("remote::openai", upstream.url, KEYED))
    status, _, data = q.request("GET", "/v1/providers/q")
    assert status == 404 and json.loads(data)["error"]["code"] == "provider_not_found"
    answer = ask(q, "q/m1")
    assert answer[0] == 404 and error(answer)["code"] == "model_not_found"
    assert upstream.chat_requests() == []


def test_a_provider_without_a_key_says_where_to_put_one(start, upstream):
    q = start(config=one("remote::azure", upstream.root))
    answer = ask(q)
    assert answer[0] == 400 and error(answer)["code"] == "missing_api_key"
    assert "AZURE_API_KEY" in error(answer)["message"] and upstream.chat_requests() == []
    own = {"x-ogx-provider-data": json.dumps({"azure_api_key": KEY})}
    assert ask(q, headers=own)[0] == 200


@pytest.mark.parametrize("how,words", [
    (lambda call: call.json(500, {"error": {"message": "boom"}}), "boom"),
    (lambda call: call.raw(200, b"<html>"), "model list"),
    (lambda call: call.json(200, {"models": []}), "model list"),
    (lambda call: call.hang_up(), "p"),
], ids=["an error", "no JSON", "no list", "a hang-up"])
def test_a_failed_model_list_is_told_kept_and_asked_for_again(start, upstream, how, words):
    """The list that was read stays in use while the upstream cannot say another."""
    q = start("--models-refresh", "1s", "--retries", "0", config=one("remote::openai", upstream.url, KEYED))
    eventually(lambda: listed(q) == ["p/m1"])
    upstream.models = how
    told = q.wait_text("provider=p no model list: (.*)").group(1)
    assert words in told
    health = json.loads(q.request("GET", "/v1/providers/p")[2])["health"]
    assert health["status"] == "Error" and words in health["message"]
    assert listed(q) == ["p/m1"] and ask(q)[0] == 200
    upstream.models = lambda call: call.json(200, {"data": [{"id": "m1"}, {"id": "m2"}]})
    eventually(lambda: listed(q) == ["p/m1", "p/m2"])
    assert json.loads(q.request("GET", "/v1/providers/p")[2])["health"]["status"] == "OK"
    upstream.models = default_models
    eventually(lambda: listed(q) == ["p/m1"])
    assert q.text().count("no model list") == 1
