"""The endpoints beside chat, from an OpenAI-style upstream: the bytes."""
import base64
import json
import random
import struct

import pytest

from upstream import DONE, Upstream

COMPLETE = {"model": "openai/m1", "prompt": "Once"}


def text_completion(model="m1-2026", **more):
    return {"id": "cmpl-1", "object": "text_completion", "created": 1700000000, "model": model,
            "choices": [{"index": 0, "text": " upon", "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}, **more}


def error_of(answer):
    status, _, body = answer
    return status, json.loads(body)["error"]


@pytest.mark.parametrize("prompt", [b'"h\\u00e9"', b'["a", "b"]', b"[1, 2]", b"[[1],[2,3]]", b"null"])
def test_a_completion_passes_but_for_the_model(gateway, upstream, prompt):
    answer = b'{"id":"c", "model":"m1-2026","choices":[{"text":"x","index":0}],"odd":1.50}'
    upstream.handler = lambda call: call.raw(200, answer)
    body = (b'{ "model" : "openai/m1", "prompt":' + prompt + b',"echo":true,"suffix":"","logprobs":2,"best_of":2,'
            b'"n":1,"unknown":[1.0]}')
    status, _, got = gateway.request("POST", "/v1/completions", body)
    assert status == 200
    assert got == answer.replace(b"m1-2026", b"openai/m1")
    sent = upstream.chat_requests()[0]
    assert sent.target == "/v1/completions"
    assert sent.body == body.replace(b"openai/m1", b"m1")


@pytest.mark.parametrize("given, sent", [(b"true", b',"logprobs":1'), (b"false", b""), (b"3", b',"logprobs":3')])
def test_boolean_logprobs_are_numbers_upstream(gateway, upstream, given, sent):
    upstream.handler = lambda call: call.json(200, text_completion())
    status, _, _ = gateway.request("POST", "/v1/completions",
                                   b'{"model":"openai/m1","prompt":"x","logprobs":' + given + b"}")
    assert status == 200
    assert upstream.chat_requests()[0].body == b'{"model":"m1","prompt":"x"' + sent + b"}"


def test_a_streamed_completion_has_the_clients_model_and_an_end(gateway, upstream):
    events = [b'data: {"id":"c","object":"text_completion","model":"m1-2026","choices":[{"text":"%s","index":0}]}\n\n' % t
              for t in (b"a", b"b", b"")]
    upstream.handler = lambda call: call.stream(events)
    status, headers, body = gateway.request("POST", "/v1/completions", {**COMPLETE, "stream": True})
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert body == b"".join(events).replace(b"m1-2026", b"openai/m1") + DONE


@pytest.mark.parametrize("more, param", [
    ({"prompt": []}, "prompt"), ({"prompt": [1, "a"]}, "prompt[1]"), ({"prompt": [[1], []]}, "prompt[1]"),
    ({"logprobs": 9}, "logprobs"), ({"best_of": 1, "n": 2}, "best_of"), ({"echo": 1}, "echo"),
    ({"stream_options": {"include_usage": "y"}}, "stream_options.include_usage"),
])
def test_a_wrong_completion_names_the_member(gateway, upstream, more, param):
    status, error = error_of(gateway.request("POST", "/v1/completions", {**COMPLETE, **more}))
    assert (status, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert not upstream.chat_requests()


def test_no_body_tells_what_is_needed(gateway):
    status, error = error_of(gateway.request("POST", "/v1/completions", b""))
    assert status == 400
    assert "model and prompt" in error["message"]


EMBED = {"model": "openai/m1", "input": ["a", "b"]}
VECTORS = [[0.25, -1.0, 0.006929283], [1e-9, 0.1, 3.0]]


def base64_of(floats):
    return base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()


def floats_of(text):
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def embeddings(vectors, **more):
    return {"object": "list", "data": [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)],
            "model": "m1-2026", "usage": {"prompt_tokens": 2, "total_tokens": 2}, **more}


def embed(gateway, **more):
    status, headers, body = gateway.request("POST", "/v1/embeddings", {**EMBED, **more})
    assert status == 200, body
    assert headers["content-type"] == "application/json"
    return json.loads(body)


@pytest.mark.parametrize("asked", ["float", "base64", None])
@pytest.mark.parametrize("given", ["float", "base64"])
def test_embeddings_have_the_form_asked_for_whatever_came(gateway, upstream, asked, given):
    vectors = VECTORS if given == "float" else [base64_of(v) for v in VECTORS]
    upstream.handler = lambda call: call.json(200, embeddings(vectors))
    answer = embed(gateway, **({"encoding_format": asked} if asked else {}))
    want = [base64_of(v) for v in VECTORS] if asked == "base64" else VECTORS
    assert answer == {**embeddings(want), "model": "openai/m1"}


def test_embeddings_that_are_right_keep_their_bytes(gateway, upstream):
    answer = (b'{"object":"list", "data":[{"embedding":[0.10, 1e0,-0],"index":0,"odd":1.50}],'
              b'"model" :"m1-2026","usage":{"prompt_tokens":1,"total_tokens":1,"more":{}}}')
    upstream.handler = lambda call: call.raw(200, answer)
    body = b'{"input" : [[1, 2], [3]],"dimensions":3,"user":"u","model":"openai/m1","zz":1.0}'
    status, _, got = gateway.request("POST", "/v1/embeddings", body)
    assert (status, got) == (200, answer.replace(b"m1-2026", b"openai/m1"))
    sent = upstream.chat_requests()[0]
    assert (sent.target, sent.body) == ("/v1/embeddings", body.replace(b"openai/m1", b"m1"))


@pytest.mark.parametrize("given, want", [([1, 0], [1, 0]), ([0, 0], [0, 1]), ([None, None], [0, 1]), ([5, 6], [0, 1]),
                                         (["x", 1], [0, 1]), ([0.0, 1.0], [0, 1])])
def test_indices_are_kept_or_renumbered(gateway, upstream, given, want):
    data = [{"index": n, "embedding": [1.0], "object": "embedding"} if n is not None else {"embedding": [1.0]}
            for n in given]
    upstream.handler = lambda call: call.json(200, {"object": "list", "data": data})
    answer = embed(gateway)
    assert [d["index"] for d in answer["data"]] == want
    assert [d["embedding"] for d in answer["data"]] == [[1.0], [1.0]]
    assert answer["model"] == "openai/m1"
    assert answer["usage"] == {"prompt_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize("usage", [{"total_tokens": 7}, {"prompt_tokens": 7}, {"prompt_tokens": 7, "total_tokens": None}])
def test_a_count_that_is_missing_is_filled(gateway, upstream, usage):
    upstream.handler = lambda call: call.json(200, embeddings(VECTORS, usage=usage))
    assert embed(gateway)["usage"] == {"prompt_tokens": 7, "total_tokens": 7}


@pytest.mark.parametrize("answer, words", [
    ({"object": "list"}, "no list 'data'"),
    ({"data": [{"embedding": [1.0]}, {"index": 1}]}, "data[1].embedding"),
    ({"data": [{"embedding": ["a"]}]}, "data[0].embedding"),
    ({"data": [1]}, "data[0].embedding"),
    ({"data": [{"embedding": "!!!!"}]}, "data[0].embedding is not base64"),
    ({"data": [{"embedding": "AAAA"}]}, "data[0].embedding is not base64 of floats"),
])
def test_an_answer_without_embeddings_is_a_502(gateway, upstream, answer, words):
    upstream.handler = lambda call: call.json(200, answer)
    status, error = error_of(gateway.request("POST", "/v1/embeddings", EMBED))
    assert (status, error["code"]) == (502, "upstream_bad_answer")
    assert words in error["message"]


@pytest.mark.parametrize("more, param", [
    ({"input": None}, "input"), ({"input": []}, "input"), ({"input": [[1], []]}, "input[1]"),
    ({"input": ["x"] * 2049}, "input"), ({"input": [1, 2.5]}, "input[1]"), ({"dimensions": 0}, "dimensions"),
    ({"dimensions": None}, "dimensions"), ({"user": None}, "user"), ({"encoding_format": "hex"}, "encoding_format"),
])
def test_a_wrong_embeddings_request_names_the_member(gateway, upstream, more, param):
    status, error = error_of(gateway.request("POST", "/v1/embeddings", {**EMBED, **more}))
    assert (status, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert not upstream.chat_requests()


def test_an_answer_over_the_limit_is_a_502(start, upstream):
    gateway = start("--answer-max", "64KB", env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "k"})
    upstream.handler = lambda call: call.json(200, embeddings([[0.1] * 30000]))
    status, error = error_of(gateway.request("POST", "/v1/embeddings", EMBED))
    assert (status, error["code"]) == (502, "upstream_bad_answer")
    assert "65536 bytes (upstream.answer_max)" in error["message"]
    # 50 KB come, and are more as numbers.
    upstream.handler = lambda call: call.json(200, embeddings([base64_of([0.123456789] * 9000)]))
    status, error = error_of(gateway.request("POST", "/v1/embeddings", EMBED))
    assert (status, error["code"]) == (502, "upstream_bad_answer")
    assert "in the form asked for" in error["message"]


def test_a_large_answer_comes_back_right(gateway, upstream):
    random.seed(1)
    vectors = [[random.gauss(0, 0.03) for _ in range(1536)] for _ in range(256)]
    upstream.handler = lambda call: call.json(200, embeddings(vectors))
    inputs = ["x"] * 256
    answer = embed(gateway, input=inputs, encoding_format="base64")
    assert [d["embedding"] for d in answer["data"]] == [base64_of(v) for v in vectors]
    upstream.handler = lambda call: call.json(200, embeddings([base64_of(v) for v in vectors]))
    answer = embed(gateway, input=inputs)
    assert [base64_of(d["embedding"]) for d in answer["data"]] == [base64_of(v) for v in vectors]


def test_moderations_pass_with_and_without_a_model(gateway, upstream):
    answer = b'{"id":"modr-1", "model":"omni-2024","results":[{"flagged":true,"category_scores":{"violence":0.90}}]}'
    upstream.handler = lambda call: call.raw(200, answer)
    status, _, got = gateway.request("POST", "/v1/moderations", b'{"input" : ["a","b"]}')
    assert (status, got) == (200, answer)
    status, _, got = gateway.request("POST", "/v1/moderations", b'{"model":"openai/omni","input":"a"}')
    assert (status, got) == (200, answer.replace(b"omni-2024", b"openai/omni"))
    sent = upstream.chat_requests()
    assert [r.target for r in sent] == ["/v1/moderations"] * 2
    assert [r.body for r in sent] == [b'{"input" : ["a","b"]}', b'{"model":"omni","input":"a"}']


def test_moderations_need_a_provider_that_has_them(start, upstream):
    gateway = start(env={"VLLM_URL": upstream.url})
    status, error = error_of(gateway.request("POST", "/v1/moderations", {"input": "a"}))
    assert status == 501
    assert "No provider offers moderations" in error["message"]
    status, error = error_of(gateway.request("POST", "/v1/moderations", {"input": "a", "model": "vllm/m1"}))
    assert status == 501
    assert "does not offer moderations" in error["message"]
    status, error = error_of(gateway.request("POST", "/v1/moderations", {"input": [1]}))
    assert (status, error["param"]) == (400, "input[0]")


RANK = {"model": "vllm/rerank-1", "query": "q", "items": ["a", {"type": "text", "text": "b"}, "c"]}


@pytest.mark.parametrize("name, score", [("results", "relevance_score"), ("data", "score"), ("rankings", "logit")])
def test_a_ranking_is_sorted_and_limited(start, upstream, name, score):
    gateway = start(env={"VLLM_URL": upstream.url})
    ranking = b'{"%s":[{"index":2,"%s":-1.50},{"index":0,"%s":0.1},{"index":1,"%s":2e0}]}' % (
        name.encode(), score.encode(), score.encode(), score.encode())
    upstream.handler = lambda call: call.raw(200, ranking)
    status, _, got = gateway.request("POST", "/v1alpha/inference/rerank", RANK)
    assert status == 200
    assert got == (b'{"data":[{"index":1,"relevance_score":2e0},{"index":0,"relevance_score":0.1},'
                   b'{"index":2,"relevance_score":-1.50}]}')
    status, _, got = gateway.request("POST", "/v1alpha/inference/rerank", {**RANK, "max_num_results": 1})
    assert got == b'{"data":[{"index":1,"relevance_score":2e0}]}'
    sent = upstream.chat_requests()
    assert [r.target for r in sent] == ["/rerank"] * 2
    assert [r.json for r in sent] == [{"model": "rerank-1", "query": "q", "documents": ["a", "b", "c"]},
                                      {"model": "rerank-1", "query": "q", "documents": ["a", "b", "c"], "top_n": 1}]


def test_nvidia_ranks_at_the_url_of_the_model(start, upstream):
    other = Upstream()
    gateway = start(config=f"""
providers:
  inference:
  - provider_id: nv
    provider_type: remote::nvidia
    config:
      base_url: {upstream.url}
      api_key: k1
      rerank_model_to_url:
        my/ranker: http://127.0.0.1:{other.port}/deep/reranking
""")
    other.handler = lambda call: call.json(200, {"rankings": [{"index": 0, "logit": -3.5}, {"index": 1, "logit": 4}]})
    status, _, got = gateway.request("POST", "/v1alpha/inference/rerank",
                                     {"model": "nv/my/ranker", "query": "q", "items": ["a", "b"], "max_num_results": 1})
    assert (status, json.loads(got)) == (200, {"data": [{"index": 1, "relevance_score": 4}]})
    sent = other.chat_requests()[0]
    assert sent.target == "/deep/reranking"
    assert sent.headers["host"] == f"127.0.0.1:{other.port}"
    assert sent.headers["authorization"] == "Bearer k1"
    assert sent.json == {"model": "my/ranker", "query": {"text": "q"}, "passages": [{"text": "a"}, {"text": "b"}]}
    assert not upstream.chat_requests()
    other.close()


@pytest.mark.parametrize("answer", [{}, {"results": 1}, {"results": [{"index": 3, "score": 1}]}, {"results": [{"index": 0}]},
                                    {"results": [1]}, {"results": [{"index": -1, "score": 1}]}])
def test_a_ranking_that_is_none_is_a_502(start, upstream, answer):
    gateway = start(env={"VLLM_URL": upstream.url})
    upstream.handler = lambda call: call.json(200, answer)
    status, error = error_of(gateway.request("POST", "/v1alpha/inference/rerank", RANK))
    assert (status, error["code"]) == (502, "upstream_bad_answer")


@pytest.mark.parametrize("more, param", [({"items": []}, "items"), ({"max_num_results": 0}, "max_num_results"),
                                         ({"query": 1}, "query"), ({"items": ["a", {"type": "x"}]}, "items[1].type")])
def test_a_wrong_rerank_names_the_member(start, upstream, more, param):
    gateway = start(env={"VLLM_URL": upstream.url})
    status, error = error_of(gateway.request("POST", "/v1alpha/inference/rerank", {**RANK, **more}))
    assert (status, error["param"]) == (400, param)
    assert not upstream.chat_requests()


TYPED = """
providers:
  inference:
  - provider_id: up
    provider_type: remote::vllm
    config:
      base_url: {url}
registered_resources:
  models:
  - {{model_id: chatty, provider_id: up, provider_model_id: c, model_type: llm}}
  - {{model_id: vectors, provider_id: up, provider_model_id: e, model_type: embedding}}
  - {{model_id: ranks, provider_id: up, provider_model_id: r, model_type: rerank}}
"""
CALLS = {"/v1/chat/completions": {"messages": [{"role": "user", "content": "x"}]}, "/v1/completions": {"prompt": "x"},
         "/v1/embeddings": {"input": "x"}, "/v1alpha/inference/rerank": {"query": "q", "items": ["a"]}}


@pytest.mark.parametrize("path, model, good", [
    ("/v1/chat/completions", "vectors", False), ("/v1/completions", "vectors", False), ("/v1/embeddings", "chatty", False),
    ("/v1/embeddings", "ranks", False), ("/v1alpha/inference/rerank", "chatty", False), ("/v1/embeddings", "vectors", True),
    ("/v1alpha/inference/rerank", "ranks", True),
])
def test_a_model_of_another_type_is_refused(start, upstream, path, model, good):
    gateway = start(config=TYPED.format(url=upstream.url))
    upstream.handler = lambda call: call.json(200, {"data": [{"index": 0, "embedding": [1.0], "score": 1}]})
    status, _, body = gateway.request("POST", path, {"model": model, **CALLS[path]})
    if good:
        assert status == 200, body
        return
    error = json.loads(body)["error"]
    assert (status, error["param"], error["code"]) == (400, "model", "wrong_model_type")
    assert f"'{model}' is of type" in error["message"]
    assert not upstream.chat_requests()


def test_a_listed_model_of_no_known_type_may_embed(start, upstream):
    upstream.models = lambda call: call.json(200, {"data": [{"id": "e5-large"}, {"id": "text-embedding-9"}]})
    upstream.handler = lambda call: call.json(200, embeddings(VECTORS))
    gateway = start(env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "k"})
    gateway.wait_model("openai/e5-large")
    assert embed(gateway, model="openai/e5-large")["model"] == "openai/e5-large"
    assert embed(gateway, model="openai/text-embedding-9")["model"] == "openai/text-embedding-9"
    status, error = error_of(gateway.chat({"model": "openai/text-embedding-9", "messages": [{"role": "user", "content": ""}]}))
    assert (status, error["code"]) == (400, "wrong_model_type")


@pytest.mark.parametrize("answer, status", [
    (b'{"error":{"message":"no","code":429,"pad":"%s"}}', 429), (b'{"data":[],"pad":"%s"', 502), (b'["%s"]', 502),
    (b'{"data":[{"embedding":"%s"}]}', 200), (b'{"data":[{"embedding":"!%s"}]}', 502),
])
def test_a_large_answer_that_is_none_gets_the_same_error(gateway, upstream, answer, status):
    upstream.handler = lambda call: call.raw(200, answer % (b"AAAA" * 600000), [("x-should-retry", "false")])
    got, _, body = gateway.request("POST", "/v1/embeddings", EMBED)
    assert got == status
    if got == 200:
        assert json.loads(body)["data"][0]["embedding"] == [0.0] * 450000
    else:
        assert json.loads(body)["error"]["message"]


def test_one_gateway_behind_another(start):
    """remote::passthrough: the echo model of the second answers all that the first has."""
    behind = start()
    gateway = start(env={"PASSTHROUGH_URL": behind.url})
    model = "passthrough/echo/echo"
    for path, body in CALLS.items():
        status, _, got = gateway.request("POST", path, {"model": model, **body})
        want = behind.request("POST", path, {"model": "echo/echo", **body})[2]
        assert status == 200, got
        got, want = json.loads(got), json.loads(want)
        for answer in (got, want):
            for name in ("id", "created", "model"):
                answer.pop(name, None)
        assert got == want
