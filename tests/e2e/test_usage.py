"""Tokens of streams that the client did not ask for."""
import json

import pytest

from test_metrics import scrape, samples, wait_sample
from upstream import DONE, chunk

TEXT = '{"model": "openai/m1",  "messages":[{"role":"user","content":"hi"}], "stream":true%s}'
USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
LAST = (b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m1-2026","choices":[],'
        b'"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}\n\n')


def handler(call):
    """As OpenAI does it: every chunk has a null, the last one the numbers."""
    if call.request.json.get("stream_options", {}).get("include_usage"):
        call.stream([chunk("a", usage=None), chunk(finish="stop", usage=None), LAST, DONE])
    else:
        call.stream([chunk("a"), chunk(finish="stop"), DONE])


@pytest.fixture
def quipu(start, upstream):
    upstream.handler = handler

    def go(how, **kw):
        q = start("--stream-usage", how,
                  env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789", **kw})
        q.wait_model("openai/m1")
        return q
    return go


def tokens(q):
    return samples(scrape(q)).get('quipu_tokens_total{provider="openai",model="openai/m1",operation="chat",kind="completion"}')


COUNT = 'quipu_model_duration_seconds_count{provider="openai",model="openai/m1",operation="chat"}'


@pytest.mark.parametrize("how", ["auto", "off"])
def test_without_telemetry_nothing_is_added(quipu, upstream, how):
    q = quipu(how)
    assert q.chat(TEXT % "")[0] == 200
    wait_sample(q, COUNT, 1)
    assert upstream.chat_requests()[0].body == (TEXT % "").replace("openai/m1", "m1").encode()
    assert tokens(q) == 0


@pytest.mark.parametrize("options,sent", [
    ("", ',"stream_options":{"include_usage":true}'),
    (', "stream_options":null', ', "stream_options":{"include_usage":true}'),
    (', "stream_options":{}', ', "stream_options":{"include_usage":true}'),
    (', "stream_options": { "include_usage" : false }', ', "stream_options": { "include_usage" : true }'),
    (', "stream_options":{"include_obfuscation":false}',
     ', "stream_options":{"include_obfuscation":false,"include_usage":true}'),
])
def test_it_is_asked_for_and_the_chunk_is_kept_back(quipu, upstream, options, sent):
    q = quipu("on")
    status, _, body = q.chat(TEXT % options)
    assert status == 200
    assert upstream.chat_requests()[0].body == (TEXT % sent).replace("openai/m1", "m1").encode()
    wait_sample(q, COUNT, 1)
    assert tokens(q) == 20
    # All that came, but for the model and the last chunk; the nulls stay.
    want = b"".join([chunk("a", model="openai/m1", usage=None),
                     chunk(finish="stop", model="openai/m1", usage=None), DONE])
    assert body == want


def test_a_client_that_asked_gets_it(quipu, upstream):
    q = quipu("on")
    options = ', "stream_options":{"include_usage":true}'
    status, _, body = q.chat(TEXT % options)
    assert status == 200 and LAST.replace(b"m1-2026", b"openai/m1") in body
    assert upstream.chat_requests()[0].body == (TEXT % options).replace("openai/m1", "m1").encode()
    wait_sample(q, COUNT, 1)
    assert tokens(q) == 20


def test_usage_beside_choices_is_for_everybody(quipu, upstream):
    """Some providers send it with the last text."""
    q = quipu("on")
    upstream.handler = lambda call: call.stream([chunk("a", usage=USAGE), DONE])
    assert q.chat(TEXT % "")[2] == chunk("a", model="openai/m1", usage=USAGE) + DONE
    wait_sample(q, COUNT, 1)
    assert tokens(q) == 20


def test_all_in_one_read_and_byte_by_byte(quipu, upstream):
    q = quipu("on")
    parts = [chunk("a", usage=None), chunk(finish="stop", usage=None), LAST, DONE]
    want = b"".join([chunk("a", model="openai/m1", usage=None),
                     chunk(finish="stop", model="openai/m1", usage=None), DONE])
    for pieces in ([b"".join(parts)], [bytes([b]) for b in b"".join(parts)]):
        upstream.handler = lambda call: call.stream(pieces)
        assert q.chat(TEXT % "")[2] == want


def test_answers_that_are_no_streams_are_left_alone(quipu, upstream):
    q = quipu("on")
    from upstream import completion
    upstream.handler = lambda call: call.json(200, completion())
    body = json.dumps({"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]})
    assert q.chat(body)[0] == 200
    assert upstream.chat_requests()[0].body == body.replace("openai/m1", "m1").encode()


def test_completions_too(quipu, upstream):
    q = quipu("on")

    def answer(call):
        event = {"id": "c", "object": "text_completion", "created": 1, "model": "m1", "choices": [
            {"index": 0, "text": "x", "finish_reason": None, "logprobs": None}]}
        last = {**event, "choices": [], "usage": USAGE}
        call.stream([b"data: " + json.dumps(e).encode() + b"\n\n" for e in (event, last)] + [DONE])
    upstream.handler = answer
    status, _, body = q.request("POST", "/v1/completions", {"model": "openai/m1", "prompt": "hi", "stream": True})
    assert status == 200 and b"usage" not in body and body.endswith(DONE)
    assert upstream.chat_requests()[0].json["stream_options"] == {"include_usage": True}
    wait_sample(q, COUNT.replace("chat", "text_completion"), 1)


def test_watsonx_refuses_the_option_and_never_gets_it(start, upstream):
    from test_tokens import Tokens, watsonx
    iam = Tokens()
    q = start("--stream-usage", "on", config=watsonx(upstream, iam))
    status, _, body = q.chat({"model": "p/ibm/granite", "messages": [{"role": "user", "content": "hi"}],
                              "stream": True})
    assert status == 200 and body.endswith(DONE)
    assert upstream.chat_requests()[0].json["stream"] is True
    assert "stream_options" not in upstream.chat_requests()[0].json
    iam.close()
