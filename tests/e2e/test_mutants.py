"""Ten thousand requests that are a little wrong: never a crash, a hang, or a wrong one that reaches the upstream."""
import http.client
import json
import os

import pytest

from mutants import mutants, oracle, parse
from quipu import SLOW, Quipu
from test_providers import one
from upstream import DONE, Upstream, chunk, completion

COUNT = int(os.environ.get("QUIPU_MUTANTS", "10000"))
SEED = int(os.environ.get("QUIPU_MUTANTS_SEED", "7"))
PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions", "embeddings": "/v1/embeddings",
         "rerank": "/v1alpha/inference/rerank"}


def answer(call):
    body = call.request.json
    if call.request.target.endswith("/embeddings"):
        n = len(body["input"]) if isinstance(body["input"], list) and not isinstance(body["input"][0], (int, float)) else 1
        call.json(200, {"object": "list", "model": "m1", "usage": {"prompt_tokens": 1, "total_tokens": 1},
                        "data": [{"object": "embedding", "index": i, "embedding": [0.5]} for i in range(n)]})
    elif call.request.target == "/rerank":
        call.json(200, {"results": [{"index": i, "relevance_score": 0.5} for i in range(len(body["documents"]))]})
    elif body.get("stream") is True:
        call.stream([chunk("a"), DONE])
    else:
        call.json(200, completion())


def config_of(up):
    config = json.loads(one("remote::openai-compatible", up.url))
    config["providers"]["inference"].append({"provider_id": "v", "provider_type": "remote::vllm", "config": {"base_url": up.url}})
    return json.dumps(config)


@pytest.fixture
def pair(tmp_path):
    up = Upstream()
    up.handler = answer
    q = Quipu(tmp_path, "--workers", "1", "--retries", "0", config=config_of(up))
    yield q, up
    q.stop()
    up.close()
    assert not up.errors, up.errors


class Client:
    def __init__(self, q):
        self.c = http.client.HTTPConnection("127.0.0.1", q.port, timeout=10 * SLOW)

    def post(self, path, text):
        self.c.request("POST", path, text, {"content-type": "application/json"})
        r = self.c.getresponse()
        return r.status, r.read()


def expected(kind, text):
    """What must arrive upstream, as a value."""
    body = parse(text)
    body["model"] = body["model"][2:]
    if kind == "rerank":
        texts = [x if isinstance(x, str) else x["text"] for x in [body["query"], *body["items"]]]
        most = body.get("max_num_results")
        return plain({"model": body["model"], "query": texts[0], "documents": texts[1:], "top_n": most})
    if kind == "completions" and isinstance(body.get("logprobs"), bool):
        body["logprobs"] = 1 if body["logprobs"] else None
    return plain(body)


def plain(body):
    """Without what the gateway may ask for in the client's place."""
    body = {k: v for k, v in body.items() if k != "logprobs" or v is not None}
    options = body.get("stream_options")
    if isinstance(options, dict):
        body["stream_options"] = {k: v for k, v in options.items() if k != "include_usage"}
    if body.get("stream_options") in ({}, None):
        body.pop("stream_options", None)
    body.pop("encoding_format", None)
    if "documents" in body and (body.get("top_n") is None or body["top_n"] >= len(body["documents"])):
        body.pop("top_n", None)
    return body


def check(kind, text, status, got, arrived):
    wrong = oracle(kind, text)
    model = None if wrong else parse(text)["model"]
    if model is not None and (model[:2] not in ("p/", "v/") or len(model) == 2):
        assert status == 404 and not arrived
    elif kind == "rerank" and status == 404:
        assert not arrived and json.loads(got)["error"]["param"] == "model"  # who ranks images is known by the model
    elif wrong:
        error = json.loads(got)["error"]
        assert status == 400, "it is wrong"
        assert not arrived, "it must not reach the upstream"
        assert error["param"] in wrong and error["message"] and error["type"] == "invalid_request_error"
        assert error["param"] is None or error["param"] in error["message"]
    else:
        assert status == 200, "it is right"
        assert len(arrived) == 1 and plain(arrived[0].json) == expected(kind, text)
        if kind == "rerank":
            return
        first = got[6:got.index(b"\n\n")] if got.startswith(b"data: ") else got
        assert json.loads(first)["model"] == model


def test_mutants(pair):
    q, up = pair
    client, seen = Client(q), {True: 0, False: 0}
    for kind, text in mutants(SEED, COUNT):
        up.requests.clear()
        status, got = client.post(PATHS[kind], text)
        arrived = [r for r in up.requests if r.method == "POST"]
        try:
            check(kind, text, status, got, arrived)
        except Exception as e:
            raise AssertionError(f"{e!r}\n{kind} wrong={oracle(kind, text)}\n{text[:3000]!r}\n{status} {got[:1000]!r}") from e
        seen[bool(oracle(kind, text))] += 1
    assert min(seen.values()) > COUNT / 10, seen
