"""The official Python SDK against quipu."""
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
