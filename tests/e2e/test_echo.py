"""The first request of a new user: the built-in model, no key, no network."""
import base64
import json
import struct

from upstream import DONE

ASK = {"model": "echo/echo", "messages": [{"role": "user", "content": "one two three"}]}


def events(body):
    return [json.loads(e[6:]) for e in body.decode().split("\n\n") if e.startswith("data: {")]


def test_an_answer(start):
    status, headers, body = start().chat(ASK)
    answer = json.loads(body)
    assert status == 200 and headers["content-type"] == "application/json"
    assert answer["object"] == "chat.completion" and answer["model"] == "echo/echo"
    assert "one two three" in answer["choices"][0]["message"]["content"]
    assert answer["choices"][0]["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


def test_a_stream_of_two_choices(start):
    _, _, body = start().chat({**ASK, "stream": True, "n": 2, "stream_options": {"include_usage": True}})
    assert body.endswith(DONE)
    chunks = events(body)
    for index in (0, 1):
        text = "".join(c["delta"].get("content") or "" for e in chunks for c in e["choices"] if c["index"] == index)
        assert "one two three" in text
    assert all(e["model"] == "echo/echo" for e in chunks)
    assert chunks[-1]["usage"]["completion_tokens"] > 0 and chunks[-1]["choices"] == []


def test_the_same_request_gets_the_same_answer(start):
    q = start()
    a, b = (json.loads(q.chat(ASK)[2]) for _ in range(2))
    assert a["choices"] == b["choices"] and a["usage"] == b["usage"]


def test_max_tokens_and_stop(start):
    q = start()
    cut = json.loads(q.chat({**ASK, "max_tokens": 1})[2])["choices"][0]
    assert cut["finish_reason"] == "length" and "three" not in cut["message"]["content"]
    cut = json.loads(q.chat({**ASK, "stop": ["two"]})[2])["choices"][0]
    assert cut["finish_reason"] == "stop" and "two" not in cut["message"]["content"]


def test_a_forced_tool_is_called(start):
    tool = {"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
    body = {**ASK, "tools": [tool], "tool_choice": {"type": "function", "function": {"name": "weather"}}}
    choice = json.loads(start().chat(body)[2])["choices"][0]
    call = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls" and call["function"]["name"] == "weather"
    assert "city" in json.loads(call["function"]["arguments"])


def test_models_health_version_providers(start):
    q = start()
    q.wait_model("echo/echo")
    listed = json.loads(q.request("GET", "/v1/models")[2])
    assert [m["id"] for m in listed["data"]] == ["echo/echo"]
    assert listed["data"][0]["custom_metadata"]["provider_id"] == "echo"
    assert json.loads(q.request("GET", "/v1/models/echo/echo")[2])["id"] == "echo/echo"
    assert q.request("GET", "/v1/models/echo/nope")[0] == 404
    assert json.loads(q.request("GET", "/v1/health")[2]) == {"status": "OK"}
    assert "version" in json.loads(q.request("GET", "/v1/version")[2])
    assert [p["provider_id"] for p in json.loads(q.request("GET", "/v1/providers")[2])["data"]] == ["echo"]
    assert json.loads(q.request("GET", "/v1/providers/echo")[2])["provider_type"] == "inline::echo"
    assert q.request("GET", "/v1/providers/nope")[0] == 404


def test_a_text_completion(start):
    q = start()
    status, _, body = q.request("POST", "/v1/completions", {
        "model": "echo/echo", "prompt": ["one two three", "four"], "n": 2, "max_tokens": 2, "echo": True})
    answer = json.loads(body)
    assert (status, answer["object"], answer["model"]) == (200, "text_completion", "echo/echo")
    assert [(c["index"], c["text"], c["finish_reason"]) for c in answer["choices"]] == [
        (0, "one two threeone two", "length"), (1, "one two threeone two", "length"), (2, "fourfour", "stop"), (3, "fourfour", "stop")]
    assert answer["usage"] == {"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10}
    for prompt, text in (([1, 2], "1, 2"), ([[1], [2, 3]], "1"), (None, "(nothing to echo)"), ("a b. c", "a b")):
        _, _, body = q.request("POST", "/v1/completions", {"model": "echo/echo", "prompt": prompt, "stop": [".", "x"]})
        assert json.loads(body)["choices"][0]["text"] == text


def test_a_streamed_text_completion(start):
    q = start()
    status, headers, body = q.request("POST", "/v1/completions", {
        "model": "echo/echo", "prompt": ["one two", "three"], "stream": True, "stream_options": {"include_usage": True}})
    assert status == 200 and body.endswith(b"data: [DONE]\n\n")
    said = events(body)
    texts = {0: "", 1: ""}
    for c in (c for e in said for c in e["choices"]):
        texts[c["index"]] += c["text"]
    assert texts == {0: "one two", 1: "three"}
    assert [c["finish_reason"] for e in said for c in e["choices"]].count("stop") == 2
    assert said[-1]["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
    assert all(e["usage"] is None for e in said[:-1])


def test_embeddings_follow_from_the_text(start):
    q = start()

    def embed(**more):
        status, _, body = q.request("POST", "/v1/embeddings", {"model": "echo/echo", **more})
        assert status == 200, body
        return json.loads(body)

    answer = embed(input=["one two", "three", "one two"], dimensions=5)
    vectors = [d["embedding"] for d in answer["data"]]
    assert [d["index"] for d in answer["data"]] == [0, 1, 2]
    assert vectors[0] == vectors[2] != vectors[1]
    assert all(len(v) == 5 and abs(sum(x * x for x in v) - 1) < 1e-5 for v in vectors)
    assert answer["usage"] == {"prompt_tokens": 5, "total_tokens": 5} and answer["model"] == "echo/echo"
    encoded = embed(input="one two", dimensions=5, encoding_format="base64")["data"][0]["embedding"]
    assert base64.b64decode(encoded) == struct.pack("<5f", *vectors[0])
    assert len(embed(input=[[1, 2], [3]])["data"]) == 2 and len(embed(input=[1, 2])["data"][0]["embedding"]) == 256
    status, _, body = q.request("POST", "/v1/embeddings", {"model": "echo/echo", "input": "x", "dimensions": 100000})
    assert status == 400 and json.loads(body)["error"]["param"] == "dimensions"


def test_a_ranking_counts_the_words_in_common(start):
    q = start()
    status, _, body = q.request("POST", "/v1alpha/inference/rerank", {
        "model": "echo/echo", "query": "red apple", "max_num_results": 2,
        "items": ["a pear", {"type": "text", "text": "a red apple"}, "an apple"]})
    assert status == 200
    assert json.loads(body) == {"data": [{"index": 1, "relevance_score": 1}, {"index": 2, "relevance_score": 0.5}]}
