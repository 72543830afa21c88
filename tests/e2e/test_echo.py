"""The first request of a new user: the built-in model, no key, no network."""
import json

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
