"""The endpoints beside chat, from an OpenAI-style upstream: the bytes."""
import json

import pytest

from upstream import DONE

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
