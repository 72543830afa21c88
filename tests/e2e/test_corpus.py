"""OGX's own recordings, asked for as the clients that made them would have."""
import json
import os
import urllib.parse

import pytest

from quipu import ROOT

CORPUS = os.path.join(os.path.dirname(ROOT), "shared", "recordings")

pytestmark = pytest.mark.skipif(not os.path.isdir(CORPUS), reason="no ../shared/recordings")

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")


def provider_of(url):
    host = urllib.parse.urlsplit(url).netloc
    for part, provider in (("api.openai.com", "openai"), ("azure.com", "azure"), ("bedrock-mantle", "mantle"),
                           ("bedrock", "bedrock"), ("watsonx", None), ("ml.cloud.ibm.com", "watsonx"),
                           (":11434", "ollama"), ("generativelanguage", "gemini"), (":8080", "llama-cpp-server"),
                           (":8000", "vllm")):
        if part in host:
            return provider
    return None


def recordings(folder=CORPUS):
    for where, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if not name.endswith(".json") or name.startswith("models-"):
                continue
            with open(os.path.join(where, name)) as f:
                data = json.load(f)
            request = data.get("request", {})
            if request.get("endpoint") in PATHS and provider_of(request.get("url", "")):
                yield os.path.relpath(os.path.join(where, name), CORPUS), data


def client_body(request):
    """What the client sent, as far as the SDK's arguments tell."""
    body = dict(request["body"])
    body.update(body.pop("extra_body", None) or {})
    body.pop("project_id", None)
    body["model"] = provider_of(request["url"]) + "/" + body["model"]
    return body


def wanted(data):
    response = data["response"]
    unwrap = lambda x: x.get("__data__", x) if isinstance(x, dict) else x
    if response.get("is_streaming"):
        return [unwrap(x) for x in response["body"]]
    return unwrap(response["body"])


def same(got, want, model):
    if isinstance(want, dict) and "model" in want:
        want = {**want, "model": model}
    return got == want


def answer(q, data):
    request = data["request"]
    body = client_body(request)
    headers = {"content-type": "application/json"}
    if data.get("test_id"):
        headers["X-OGX-Provider-Data"] = json.dumps({"__test_id": data["test_id"]})
    return body, q.request("POST", request["endpoint"], json.dumps(body), headers)


def verdict(q, data):
    body, (status, _, raw) = answer(q, data)
    response = data["response"]
    if response.get("is_exception"):
        want = response["exception_data"].get("status_code", 500)
        return "ok" if status == want else f"status {status}, not {want}"
    if status != 200:
        return json.loads(raw)["error"].get("code") or f"status {status}"
    want = wanted(data)
    if not response.get("is_streaming"):
        return "ok" if same(json.loads(raw), want, body["model"]) else "another answer"
    events = [e[6:] for e in raw.decode().split("\n\n") if e]
    if events[-1] != "[DONE]":
        return "no [DONE]"
    got = [json.loads(e) for e in events[:-1]]
    if len(got) != len(want):
        return f"{len(got)} events, not {len(want)}"
    return "ok" if all(same(g, w, body["model"]) for g, w in zip(got, want)) else "another event"


CONFIG = """
providers:
  inference:
  - {provider_id: mantle, provider_type: "remote::openai-compatible",
     config: {base_url: "https://bedrock-mantle.us-east-1.api.aws/v1"}}
"""


def played(start, **kw):
    return start("--record-mode", "replay", "--recordings", CORPUS, **kw)


def is_explained(name, data, got):
    """Two kinds of recordings cannot be asked for as they are."""
    body = data["request"]["body"]
    return (got in ("another answer", "another event") and has_twin(name, data)) or \
        (got == "integer_below_min_value" and body.get("max_tokens") == 0)


def has_twin(name, data):
    """Two generations of OGX have recorded the same request: the newer one is played."""
    plain = lambda b: {k: v for k, v in b.items() if k not in ("extra_body", "stream_options")}
    return any(n != name and d.get("test_id") == data.get("test_id") and
               plain(d["request"]["body"]) == plain(data["request"]["body"])
               for n, d in recordings(os.path.join(CORPUS, os.path.dirname(name))))


def test_the_seeds_are_played(start):
    q = played(start)
    seeds = dict(recordings(os.path.join(CORPUS, "seeds")))
    assert len(seeds) == 5
    assert {name: verdict(q, data) for name, data in seeds.items()} == {name: "ok" for name in seeds}


def test_every_recording_is_played(start):
    everywhere = played(start)
    mantle = played(start, config=CONFIG)
    good, bad = 0, {}
    for name, data in recordings():
        q = mantle if provider_of(data["request"]["url"]) == "mantle" else everywhere
        got = verdict(q, data)
        if got == "ok":
            good += 1
        elif not is_explained(name, data, got):
            bad[name] = got
    assert not bad
    assert good > 500
