"""The official Python SDK against quipu."""
import base64
import json
import struct
import time

import pytest

openai = pytest.importorskip("openai", reason="the openai SDK is not installed: test_sdk is skipped")

from quipu import SLOW  # noqa: E402
from upstream import DONE, chunk, completion  # noqa: E402

ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def client(gateway):
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=0)


def test_an_answer(client):
    r = client.chat.completions.create(**ASK)
    assert r.choices[0].message.content == "Hello" and r.model == "openai/m1"
    assert r.usage.total_tokens == 8 and r._request_id


def test_a_stream(client):
    parts = list(client.chat.completions.create(**ASK, stream=True))
    assert "".join(p.choices[0].delta.content or "" for p in parts) == "Hello"
    assert {p.model for p in parts} == {"openai/m1"}


def test_n_of_two_interleaved(client, upstream):
    pieces = [chunk("a", index=0), chunk("x", index=1), chunk("b", index=0), chunk("y", index=1),
              chunk(index=0, finish="stop"), chunk(index=1, finish="stop"), DONE]
    upstream.handler = lambda call: call.stream(pieces)
    text = {0: "", 1: ""}
    for p in client.chat.completions.create(**ASK, stream=True, n=2):
        text[p.choices[0].index] += p.choices[0].delta.content or ""
    assert text == {0: "ab", 1: "xy"}


def test_tools(client, upstream):
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}
    answer = completion()
    answer["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": [call]}
    answer["choices"][0]["finish_reason"] = "tool_calls"
    upstream.handler = lambda c: c.json(200, answer)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    r = client.chat.completions.create(**ASK, tools=tools, tool_choice="auto")
    assert r.choices[0].message.tool_calls[0].function.arguments == '{"a":1}'
    assert upstream.chat_requests()[0].json["tools"] == tools


@pytest.mark.parametrize("status,kind", [(400, "BadRequestError"), (401, "AuthenticationError"), (403, "PermissionDeniedError"),
                                         (404, "NotFoundError"), (422, "UnprocessableEntityError"), (429, "RateLimitError"),
                                         (500, "InternalServerError")])
def test_errors_are_the_sdks_own(client, upstream, status, kind):
    upstream.handler = lambda c: c.json(status, {"error": {"message": "because", "type": "t", "param": "p", "code": "c"}},
                                        [("x-should-retry", "false")])
    with pytest.raises(getattr(openai, kind)) as e:
        client.chat.completions.create(**ASK)
    assert e.value.code == "c" and e.value.param == "p" and "because" in str(e.value)


def test_a_cut_stream_raises(client, upstream):
    def handler(call):
        call.start_stream()
        call.chunk(chunk("a"))
        call.hang_up()

    upstream.handler = handler
    with pytest.raises(openai.APIError) as e:
        list(client.chat.completions.create(**ASK, stream=True))
    assert "openai" in str(e.value)


def test_client_timeouts(client, upstream):
    upstream.handler = lambda call: call.wait_gone(10)
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3 * SLOW).chat.completions.create(**ASK)


def test_retries_behind_the_sdk(client, upstream):
    def handler(call):
        if len(upstream.chat_requests()) < 3:
            call.json(503, {"error": {"message": "x"}}, [("retry-after-ms", "1")])
        else:
            call.json(200, completion())

    upstream.handler = handler
    assert client.chat.completions.create(**ASK).choices[0].message.content == "Hello"


def test_models(client, gateway):
    gateway.wait_model("openai/m1")
    assert {"openai/m1"} <= {m.id for m in client.models.list()}
    assert client.models.retrieve("openai/m1").id == "openai/m1"


def test_many_at_once(gateway, upstream):
    import asyncio

    def handler(call):
        name = call.request.json["messages"][0]["content"]
        call.stream([chunk(f"{name}-{i} ") for i in range(5)] + [DONE], delay=0.002)

    upstream.handler = handler

    async def one(client, i):
        stream = await client.chat.completions.create(model="openai/m1", stream=True,
                                                      messages=[{"role": "user", "content": f"n{i}"}])
        text = ""
        async for p in stream:
            text += p.choices[0].delta.content or ""
        assert text == "".join(f"n{i}-{j} " for j in range(5))

    async def run():
        client = openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key="none")
        await asyncio.gather(*(one(client, i) for i in range(100)))
        await client.close()

    asyncio.run(run())


def test_echo_streams(start):
    q = start()
    client = openai.OpenAI(base_url=q.url + "/v1", api_key="none")
    parts = list(client.chat.completions.create(model="echo/echo", stream=True, n=2,
                                                messages=[{"role": "user", "content": "hello there"}]))
    assert any("hello" in (p.choices[0].delta.content or "") for p in parts if p.choices)
    assert time.time() - parts[0].created < 3600


def text_event(text, **more):
    value = {"id": "c", "object": "text_completion", "created": 1, "model": "m1-2026",
             "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": None}], **more}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def test_text_completions(client, upstream):
    upstream.handler = lambda call: call.json(200, {
        "id": "c", "object": "text_completion", "created": 1, "model": "m1-2026",
        "choices": [{"text": " upon", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
    r = client.completions.create(model="openai/m1", prompt="Once", logprobs=2, best_of=2, n=1, suffix=".")
    assert (r.choices[0].text, r.model, r.usage.total_tokens) == (" upon", "openai/m1", 2)
    upstream.handler = lambda call: call.stream([text_event("a"), text_event("b")])
    parts = list(client.completions.create(model="openai/m1", prompt=[1, 2], stream=True))
    assert "".join(p.choices[0].text for p in parts) == "ab"
    assert {p.model for p in parts} == {"openai/m1"}


@pytest.mark.parametrize("asked", [openai.NOT_GIVEN, "float", "base64"])
@pytest.mark.parametrize("given", ["float", "base64"])
def test_embeddings(client, upstream, asked, given):
    vectors = [[0.5, -0.25, 1.5], [0.006929283142089844, 0.0, -1.0]]
    coded = [base64.b64encode(struct.pack("<3f", *v)).decode() for v in vectors]
    upstream.handler = lambda call: call.json(200, {
        "object": "list", "model": "m1-2026", "usage": {"prompt_tokens": 2, "total_tokens": 2},
        "data": [{"object": "embedding", "index": i, "embedding": v}
                 for i, v in enumerate(vectors if given == "float" else coded)]})
    r = client.embeddings.create(model="openai/m1", input=["a", "b"], encoding_format=asked, dimensions=3)
    got = [d.embedding for d in r.data]
    if asked == "base64":
        assert got == coded
    else:
        assert [struct.pack("<3f", *v) for v in got] == [struct.pack("<3f", *v) for v in vectors]
    assert ([d.index for d in r.data], r.model, r.usage.total_tokens) == ([0, 1], "openai/m1", 2)


def test_moderations(client, upstream):
    upstream.handler = lambda call: call.json(200, {"id": "modr-1", "model": "omni", "results": [
        {"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.9}}]})
    r = client.moderations.create(input=["x"])
    assert r.results[0].flagged and r.results[0].category_scores.violence == 0.9
    assert upstream.chat_requests()[0].target == "/v1/moderations"


@pytest.mark.parametrize("call, param", [
    (lambda c: c.completions.create(model="openai/m1", prompt=[]), "prompt"),
    (lambda c: c.completions.create(model="openai/m1", prompt="x", logprobs=9), "logprobs"),
    (lambda c: c.embeddings.create(model="openai/m1", input=[[1], []]), "input[1]"),
    (lambda c: c.embeddings.create(model="openai/m1", input="x", dimensions=0), "dimensions"),
    (lambda c: c.moderations.create(input=[{"type": "text"}]), "input[0].text"),
])
def test_mistakes_are_bad_requests_with_their_member(client, call, param):
    with pytest.raises(openai.BadRequestError) as e:
        call(client)
    assert (e.value.param, e.value.type) == (param, "invalid_request_error")


def test_a_list_as_error_is_told(client, upstream):
    """Google's shape: a list of one."""
    upstream.handler = lambda call: call.json(400, [{"error": {"code": 400, "message": "no such", "status": "INVALID_ARGUMENT"}}])
    for call in (lambda: client.embeddings.create(model="openai/m1", input="x"),
                 lambda: client.completions.create(model="openai/m1", prompt="x")):
        with pytest.raises(openai.BadRequestError) as e:
            call()
        assert e.value.body["message"] == "no such"
        assert e.value.code == "INVALID_ARGUMENT"


def test_echo_completes_and_embeds(start):
    client = openai.OpenAI(base_url=start().url + "/v1", api_key="none", max_retries=0)
    assert client.completions.create(model="echo/echo", prompt="hi you").choices[0].text == "hi you"
    parts = client.completions.create(model="echo/echo", prompt="hi you", stream=True)
    assert "".join(p.choices[0].text for p in parts) == "hi you"
    vector = client.embeddings.create(model="echo/echo", input="hi", dimensions=8).data[0].embedding
    assert len(vector) == 8 and abs(sum(x * x for x in vector) - 1) < 1e-5
