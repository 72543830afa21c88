"""The Responses API as users of the official Python SDK have it: echo, an upstream that is told what to say, and
recordings. Every object and every event is held against the description."""
import asyncio
import base64
import json
import os
import threading
import time

import pytest

openai = pytest.importorskip("openai", reason="the openai SDK is not installed: test_responses_sdk is skipped")
pydantic = pytest.importorskip("pydantic")

from openresponses import check_events, check_resumed, check_response, needs_spec, schemas, validate  # noqa: E402
from quipu import ROOT, SLOW, Quipu  # noqa: E402
from upstream import DONE, chunk  # noqa: E402

pytestmark = needs_spec

CORPUS = os.path.join(os.path.dirname(ROOT), "shared", "recordings")
ECHO, M1 = "echo/echo", "openai/m1"
WEATHER = {"type": "function", "name": "weather", "description": "The weather of a city", "strict": True,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                          "additionalProperties": False}}
DOT = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
       "RU5ErkJggg==")


class City(pydantic.BaseModel):
    name: str
    people: int


def plain(thing):
    """What came over the wire: the SDK makes numbers of seconds fractional."""
    value = thing if isinstance(thing, dict) else thing.to_dict(mode="json")
    for name in ("created_at", "completed_at"):
        if isinstance(value.get(name), float):
            value[name] = int(value[name])
    if "response" in value:
        plain(value["response"])
    return value


def checked(response):
    check_response(plain(response))
    return response


def items_of(pages):
    """All items of all pages, each as the description has it."""
    items = list(pages)
    for item in items:
        validate(plain(item), schemas()["ItemField"], item.type)
    return items


def listen(stream):
    """The events of create(stream=True)."""
    events = list(stream)
    check_events([plain(e) for e in events])
    return events


def delta(finish=None, **members):
    event = json.loads(chunk()[6:])
    event["choices"][0].update(delta=members, finish_reason=finish)
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def call_of(name, arguments, call_id="call_1"):
    half = len(arguments) // 2
    return [delta(tool_calls=[{"index": 0, "id": call_id, "type": "function",
                               "function": {"name": name, "arguments": ""}}]),
            *(delta(tool_calls=[{"index": 0, "function": {"arguments": a}}])
              for a in (arguments[:half], arguments[half:])),
            delta("tool_calls"), DONE]


def says(text, **more):
    return [chunk(text), chunk(finish="stop", **more), DONE]


class Held:
    """Says "Hel", and "lo" when it may; knows whether it was hung up on."""

    def __init__(self):
        self.begun, self.go, self.gone = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, call):
        call.start_stream()
        call.chunk(chunk("Hel"))
        self.begun.set()
        while not self.go.is_set():
            if call.wait_gone(0.05) is not None:
                self.gone.set()
                call.hang_up()
        for piece in (chunk("lo"), chunk(finish="stop"), DONE):
            call.chunk(piece)
        call.end_stream()


def client_of(q, **kw):
    return openai.OpenAI(base_url=q.url + "/v1", api_key="none", max_retries=0, timeout=60 * SLOW, **kw)


@pytest.fixture
def server(start, upstream, tmp_path):
    return start("--store", f"sqlite:{tmp_path}/q.db",
                 env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})


@pytest.fixture
def client(server):
    return client_of(server)


def wait(client, response, *states):
    deadline = time.monotonic() + 30 * SLOW
    while response.status not in states:
        assert time.monotonic() < deadline, response
        time.sleep(0.02)
        response = checked(client.responses.retrieve(response.id))
    return response


# --- one turn

def test_an_answer(client):
    r = checked(client.responses.create(model=ECHO, input="one two three"))
    assert r.output_text == "one two three" and r.status == "completed" and r._request_id
    assert r.usage.total_tokens == r.usage.input_tokens + r.usage.output_tokens > 0
    assert plain(checked(client.responses.retrieve(r.id))) == plain(r)


def test_a_stream(client):
    events = listen(client.responses.create(model=ECHO, input="one two three", stream=True))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "one two three"
    assert events[-1].response.output_text == "one two three"


def test_the_stream_helper(client, upstream):
    upstream.handler = lambda call: call.stream([chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE])
    with client.responses.stream(model=M1, input="hi") as stream:
        kinds, snapshots = [], []
        for event in stream:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                snapshots.append(event.snapshot)
        final = stream.get_final_response()
    assert snapshots == ["Hel", "Hello"] and kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert final.output_text == "Hello"


def test_the_stream_helper_begins_again_where_it_was(client):
    first = listen(client.responses.create(model=ECHO, input="one two three", stream=True))
    with client.responses.stream(response_id=first[-1].response.id, starting_after=4) as stream:
        rest = list(stream)
    assert [e.sequence_number for e in rest] == list(range(5, len(first)))


def test_members_come_back(client, upstream):
    r = checked(client.responses.create(
        model=M1, input="x", instructions="be kind", metadata={"a": "b"}, temperature=0.5, top_p=0.25,
        max_output_tokens=100, max_tool_calls=3, safety_identifier="me", prompt_cache_key="k", service_tier="default",
        truncation="auto", tools=[WEATHER], tool_choice={"type": "function", "name": "weather"},
        parallel_tool_calls=False, reasoning={"effort": "low"}, include=["reasoning.encrypted_content"],
        text={"format": {"type": "text"}, "verbosity": "low"}))
    assert (r.instructions, r.metadata, r.temperature, r.top_p) == ("be kind", {"a": "b"}, 0.5, 0.25)
    assert (r.max_output_tokens, r.max_tool_calls, r.safety_identifier) == (100, 3, "me")
    assert (r.truncation, r.parallel_tool_calls, r.reasoning.effort) == ("auto", False, "low")
    assert r.tools[0].name == "weather" and r.tools[0].strict and r.tool_choice.name == "weather"
    sent = upstream.chat_requests()[-1].json
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert sent["reasoning_effort"] == "low" and sent["max_completion_tokens"] == 100


def test_extra_body_headers_and_query(client, upstream):
    checked(client.responses.create(model=M1, input="x", extra_body={"seed": 7}, extra_headers={"x-a": "b"},
                                    extra_query={"q": "1"}))
    assert upstream.chat_requests()[-1].json["seed"] == 7


def test_a_length(client, upstream):
    upstream.handler = lambda call: call.stream([chunk("He"), chunk(finish="length"), DONE])
    r = checked(client.responses.create(model=M1, input="x", max_output_tokens=16))
    assert r.status == "incomplete" and r.incomplete_details.reason == "max_output_tokens" and r.output_text == "He"
    assert listen(client.responses.create(model=M1, input="x", stream=True))[-1].type == "response.incomplete"


def test_a_refusal(client, upstream):
    upstream.handler = lambda call: call.stream([delta(refusal="I "), delta(refusal="won't"), delta("stop"), DONE])
    r = checked(client.responses.create(model=M1, input="x"))
    assert r.output[0].content[0].refusal == "I won't"
    with client.responses.stream(model=M1, input="x") as stream:
        assert [e.delta for e in stream if e.type == "response.refusal.delta"] == ["I ", "won't"]


def test_reasoning(client, upstream):
    upstream.handler = lambda call: call.stream([delta(reasoning_content="hm"), delta(reasoning_content=", yes"),
                                                 *says("42")])
    first = checked(client.responses.create(model=M1, input="x", reasoning={"effort": "high"}))
    assert [i.type for i in first.output] == ["reasoning", "message"]
    assert first.output[0].content[0].text == "hm, yes" and first.output_text == "42"
    events = listen(client.responses.create(model=M1, input="x", stream=True))
    assert [e.delta for e in events if e.type == "response.reasoning_text.delta"] == ["hm", ", yes"]
    # As it came, given back by hand.
    checked(client.responses.create(model=M1, input=[{"role": "user", "content": "x"}, *first.output,
                                                     {"role": "user", "content": "why?"}]))
    sent = upstream.chat_requests()[-1].json["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "user"] and sent[1]["reasoning_content"] == "hm, yes"


def test_logprobs(client, upstream):
    probs = {"content": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": [
        {"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}]}], "refusal": None}

    def handler(call):
        first = json.loads(chunk("Hi")[6:])
        first["choices"][0]["logprobs"] = probs
        call.stream([b"data: " + json.dumps(first).encode() + b"\n\n", chunk(finish="stop"), DONE])

    upstream.handler = handler
    r = checked(client.responses.create(model=M1, input="x", include=["message.output_text.logprobs"],
                                        top_logprobs=1))
    assert r.output[0].content[0].logprobs[0].token == "Hi"
    with client.responses.stream(model=M1, input="x", include=["message.output_text.logprobs"]) as stream:
        assert [e.logprobs[0].logprob for e in stream if e.type == "response.output_text.delta"] == [-0.5]
    assert upstream.chat_requests()[-1].json["logprobs"] is True


def test_images(client, upstream):
    pictures = [DOT, "https://example.com/a.png"]
    r = checked(client.responses.create(model=M1, input=[{"role": "user", "content": [
        {"type": "input_text", "text": "what is it?"},
        *({"type": "input_image", "image_url": p, "detail": "low"} for p in pictures)]}]))
    sent = upstream.chat_requests()[-1].json["messages"][0]["content"]
    assert sent[1:] == [{"type": "image_url", "image_url": {"url": p, "detail": "low"}} for p in pictures]
    assert items_of(client.responses.input_items.list(r.id))[0].content[1].image_url is None  # not asked for
    items = items_of(client.responses.input_items.list(r.id, include=["message.input_image.image_url"]))
    assert [c.type for c in items[0].content] == ["input_text", "input_image", "input_image"]
    assert items[0].content[1].image_url == DOT


def test_a_file(client, upstream):
    data = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4").decode()
    checked(client.responses.create(model=M1, input=[{"role": "user", "content": [
        {"type": "input_file", "filename": "a.pdf", "file_data": data}]}]))
    assert upstream.chat_requests()[-1].json["messages"][0]["content"] == [
        {"type": "file", "file": {"file_data": data, "filename": "a.pdf"}}]


# --- structured output

def test_parse(client, upstream):
    upstream.handler = lambda call: call.stream(says('{"name":"Lima","people":10}'))
    r = client.responses.parse(model=M1, input="x", text_format=City)
    assert r.output_parsed == City(name="Lima", people=10)
    sent = upstream.chat_requests()[-1].json["response_format"]
    assert sent["json_schema"]["strict"] is True and sent["json_schema"]["name"] == "City"
    assert sent["json_schema"]["schema"]["required"] == ["name", "people"]
    checked(client.responses.retrieve(r.id))


def test_parse_with_echo(client):
    r = client.responses.parse(model=ECHO, input="x", text_format=City)
    assert isinstance(r.output_parsed, City)


def test_a_parsed_stream(client, upstream):
    upstream.handler = lambda call: call.stream([chunk('{"name":"Li'), chunk('ma","people":1}'),
                                                 chunk(finish="stop"), DONE])
    with client.responses.stream(model=M1, input="x", text_format=City) as stream:
        done = [e for e in stream if e.type == "response.output_text.done"]
        assert done[0].parsed == City(name="Lima", people=1)
        assert stream.get_final_response().output_parsed.name == "Lima"


def test_a_schema_by_hand(client):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
              "additionalProperties": False}
    r = checked(client.responses.create(model=ECHO, input="x", text={"format": {
        "type": "json_schema", "name": "n", "schema": schema, "strict": True, "description": "a number"}}))
    assert isinstance(json.loads(r.output_text)["n"], int) and r.text.format.schema_ == schema
    assert r.text.format.strict is True and r.text.format.description == "a number"


# --- several turns

def test_turns_by_previous_response_id(client, upstream):
    ids = [None]
    for n in range(4):
        r = checked(client.responses.create(model=M1, input=f"turn {n}", instructions=f"rule {n}",
                                            previous_response_id=ids[-1]))
        assert r.previous_response_id == ids[-1]
        ids.append(r.id)
    sent = upstream.chat_requests()[-1].json["messages"]
    assert [m["content"] for m in sent] == ["rule 3", *[x for n in range(3) for x in (f"turn {n}", "Hello")],
                                            "turn 3"]


def test_turns_that_are_streamed(client):
    first = listen(client.responses.create(model=ECHO, input="one", stream=True))[-1].response
    second = listen(client.responses.create(model=ECHO, input="two", stream=True, previous_response_id=first.id))
    assert second[-1].response.previous_response_id == first.id and second[-1].response.output_text == "two"


def test_turns_by_hand(client, upstream):
    history = [{"role": "user", "content": "one"}]
    r = client.responses.create(model=M1, input=history, store=False)
    assert checked(r).store is False
    history += [i.to_dict() for i in r.output] + [{"role": "user", "content": "two"}]
    checked(client.responses.create(model=M1, input=history, store=False))
    sent = upstream.chat_requests()[-1].json["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "user"]
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(r.id)


def test_a_tool_is_called_and_answered(client, upstream):
    asked = []

    def handler(call):
        asked.append(call.request.json)
        tool = call.request.json["messages"][-1]["role"] == "tool"
        call.stream(says("It is warm.") if tool else call_of("weather", '{"city":"Lima"}'))

    upstream.handler = handler
    first = checked(client.responses.create(model=M1, input="How is Lima?", tools=[WEATHER]))
    call = first.output[0]
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "weather", {"city": "Lima"})
    answer = {"type": "function_call_output", "call_id": call.call_id, "output": "20 degrees"}
    second = checked(client.responses.create(model=M1, input=[answer], tools=[WEATHER], previous_response_id=first.id))
    assert second.output_text == "It is warm."
    by_hand = checked(client.responses.create(model=M1, tools=[WEATHER], store=False, input=[
        {"role": "user", "content": "How is Lima?"}, call, answer]))
    assert by_hand.output_text == "It is warm."
    for body in asked[1:]:
        assert [m["role"] for m in body["messages"]] == ["user", "assistant", "tool"]
        assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Lima"}'}
        assert body["tools"][0]["function"]["strict"] is True
    # Its result is not given a second time.
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model=M1, input=[answer, answer], previous_response_id=first.id)


def test_a_streamed_call_is_parsed(client, upstream):
    upstream.handler = lambda call: call.stream(call_of("GetCity", '{"name":"Lima","people":1}'))

    class GetCity(City):
        """A city."""

    with client.responses.stream(model=M1, input="x", tools=[openai.pydantic_function_tool(GetCity)["function"] | {
            "type": "function"}]) as stream:
        snapshots = [e.snapshot for e in stream if e.type == "response.function_call_arguments.delta"]
        final = stream.get_final_response()
    assert snapshots[-1] == '{"name":"Lima","people":1}' and final.output[0].name == "GetCity"


def test_a_tool_of_echo(client):
    r = checked(client.responses.create(model=ECHO, input="x", tools=[WEATHER], tool_choice="required"))
    assert r.output[0].name == "weather" and "city" in json.loads(r.output[0].arguments)
    answer = [{"type": "function_call_output", "call_id": r.output[0].call_id, "output": "warm"}]
    events = listen(client.responses.create(model=ECHO, input=answer, previous_response_id=r.id, stream=True,
                                            tools=[WEATHER]))
    assert events[-1].response.status == "completed"


# --- what is kept

def test_input_items_by_pages(client):
    r = client.responses.create(model=ECHO, input=[{"role": "user", "content": f"{n}"} for n in range(7)])
    for order in ("asc", "desc"):
        items = items_of(client.responses.input_items.list(r.id, limit=3, order=order))
        said = [i.content[0].text for i in items]
        assert said == [f"{n}" for n in range(7)][::1 if order == "asc" else -1]
        assert len({i.id for i in items}) == 7


def test_it_is_deleted(client):
    r = client.responses.create(model=ECHO, input="x")
    client.responses.delete(r.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(r.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(r.id)


def test_a_stream_again(client):
    first = listen(client.responses.create(model=ECHO, input="one two three four", stream=True))
    id = first[0].response.id
    again = list(client.responses.retrieve(id, stream=True))
    assert [plain(e) for e in again] == [plain(e) for e in first]
    rest = list(client.responses.retrieve(id, stream=True, starting_after=5))
    check_resumed([plain(e) for e in rest], 6)
    assert [plain(e) for e in rest] == [plain(e) for e in first[6:]]


# --- background

def test_background_and_polling(client, upstream):
    held = upstream.handler = Held()
    r = checked(client.responses.create(model=M1, input="x", background=True))
    assert r.status == "queued" and r.background is True
    assert held.begun.wait(20 * SLOW)
    wait(client, r, "in_progress")
    held.go.set()
    assert wait(client, r, "completed").output_text == "Hello"


def test_background_is_cancelled(client, upstream):
    held = upstream.handler = Held()
    r = client.responses.create(model=M1, input="x", background=True)
    assert held.begun.wait(20 * SLOW)
    for _ in range(2):
        assert checked(client.responses.cancel(r.id)).status == "cancelled"
    assert held.gone.wait(20 * SLOW)
    assert checked(client.responses.retrieve(r.id)).status == "cancelled"


def test_background_is_streamed_while_it_runs(client, upstream):
    held = upstream.handler = Held()
    r = client.responses.create(model=M1, input="x", background=True)
    assert held.begun.wait(20 * SLOW)
    events = []
    for event in client.responses.retrieve(r.id, stream=True):
        events.append(plain(event))
        if event.type == "response.output_text.delta":
            held.go.set()
    assert events[-1]["type"] == "response.completed"
    check_events(events)


# --- errors

@pytest.mark.parametrize("status,kind", [
    (400, "BadRequestError"), (401, "AuthenticationError"), (403, "PermissionDeniedError"), (404, "NotFoundError"),
    (422, "UnprocessableEntityError"), (429, "RateLimitError"), (500, "InternalServerError"),
    (503, "InternalServerError")])
def test_errors_of_the_upstream(start, upstream, status, kind):
    upstream.handler = lambda c: c.json(status, {"error": {"message": "because", "type": "t", "param": "p",
                                                           "code": "c"}})
    client = client_of(start("--retries", "0", env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-0123456789"}))
    with pytest.raises(getattr(openai, kind)) as e:
        client.responses.create(model=M1, input="x")
    assert e.value.status_code == status and e.value.code == "c" and "because" in str(e.value)
    assert e.value.request_id
    failed = listen(client.responses.create(model=M1, input="x", stream=True))[-1]
    assert failed.type == "response.failed" and "because" in failed.response.error.message
    assert failed.response.error.code == ("rate_limit_exceeded" if status == 429 else "server_error")


@pytest.mark.parametrize("more,param", [
    ({"temperature": 9}, "temperature"), ({"input": [{"role": "nobody", "content": "x"}]}, "input[0].role"),
    ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, None)])
def test_mistakes_are_bad_requests(client, more, param):
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(**{"model": M1, "input": "x", **more})
    assert param is None or e.value.param == param
    assert e.value.type == "invalid_request_error" and e.value.body["message"]


@pytest.mark.parametrize("ask", [
    lambda c: c.responses.retrieve("resp_" + "0" * 48), lambda c: c.responses.delete("resp_nope"),
    lambda c: c.responses.cancel("resp_" + "0" * 48), lambda c: c.responses.input_items.list("resp_" + "0" * 48),
    lambda c: list(c.responses.retrieve("resp_" + "0" * 48, stream=True)),
    lambda c: c.responses.create(model=M1, input="x", previous_response_id="resp_" + "0" * 48),
    lambda c: c.responses.create(model="nobody/nothing", input="x"),
    lambda c: c.conversations.retrieve("conv_" + "0" * 48),
    lambda c: c.responses.create(model=M1, input="x", conversation="conv_" + "0" * 48),
])
def test_what_is_not_there(client, ask):
    with pytest.raises(openai.NotFoundError) as e:
        ask(client)
    assert e.value.body["message"]


def test_an_upstream_that_breaks_off(client, upstream):
    def handler(call):
        call.start_stream()
        call.chunk(chunk("Hel"))
        call.hang_up()

    upstream.handler = handler
    events = listen(client.responses.create(model=M1, input="x", stream=True))
    assert events[-1].type == "response.failed" and events[-1].response.output[0].status == "incomplete"
    with pytest.raises(openai.InternalServerError):
        client.responses.create(model=M1, input="x")


def test_a_client_that_leaves(client, upstream):
    held = upstream.handler = Held()
    stream = client.responses.create(model=M1, input="x", stream=True)
    id = next(iter(stream)).response.id
    assert checked(client.responses.retrieve(id)).status == "in_progress"
    assert held.begun.wait(20 * SLOW)
    stream.close()
    assert held.gone.wait(20 * SLOW)
    assert wait(client, client.responses.retrieve(id), "cancelled").output_text == "Hel"


# --- conversations

def test_a_conversation(client, server, upstream):
    if b"There is nothing" in server.request("POST", "/v1/conversations", {})[2]:
        pytest.skip("no conversations yet")
    c = client.conversations.create(items=[{"type": "message", "role": "user", "content": "I am Ana."}],
                                    metadata={"topic": "x"})
    for n in range(3):
        r = checked(client.responses.create(model=M1, input=f"turn {n}", conversation=c.id))
        assert r.conversation.id == c.id
    said = [m["content"] for m in upstream.chat_requests()[-1].json["messages"]]
    assert [x if isinstance(x, str) else x[0]["text"] for x in said] == [
        "I am Ana.", "turn 0", "Hello", "turn 1", "Hello", "turn 2"]
    items = items_of(client.conversations.items.list(c.id, order="asc", limit=2))
    assert [i.content[0].text for i in items] == ["I am Ana.", "turn 0", "Hello", "turn 1", "Hello", "turn 2", "Hello"]
    assert client.conversations.items.retrieve(items[1].id, conversation_id=c.id).content[0].text == "turn 0"
    client.conversations.items.delete(items[0].id, conversation_id=c.id)
    assert len(list(client.conversations.items.list(c.id))) == 6
    added = client.conversations.items.create(c.id, items=[{"type": "message", "role": "user", "content": "more"}])
    assert len(added.data) == 1
    assert client.conversations.update(c.id, metadata={"topic": "y"}).metadata == {"topic": "y"}
    assert client.conversations.delete(c.id).deleted is True
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(c.id)


# --- async, and many

def test_the_async_client(server, upstream):
    upstream.handler = lambda call: call.stream(says(call.request.json["messages"][-1]["content"][::-1]))

    async def one(client, n):
        first = checked(await client.responses.create(model=M1, input=f"n{n}"))
        events = [e async for e in await client.responses.create(model=M1, input=f"m{n}", stream=True,
                                                                 previous_response_id=first.id)]
        check_events([plain(e) for e in events])
        async with client.responses.stream(model=M1, input=f"o{n}", previous_response_id=first.id) as stream:
            final = await stream.get_final_response()
        return first.output_text, events[-1].response.output_text, final.output_text

    async def run():
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(one(client, n) for n in range(20)))

    assert asyncio.run(run()) == [(f"{n}"[::-1] + "n", f"{n}"[::-1] + "m", f"{n}"[::-1] + "o") for n in range(20)]


# --- the SDK's own WebSocket

def test_the_sdks_websocket(client):
    pytest.importorskip("websockets", reason="the package websockets is not installed")
    with client.responses.connect() as connection:
        previous = None
        for n in range(3):
            connection.response.create(model=ECHO, input=f"turn {n}", store=False, previous_response_id=previous)
            events = []
            for event in connection:
                events.append(event)
                if event.type in ("response.completed", "response.failed", "error"):
                    break
            check_events([plain(e) for e in events])
            assert events[-1].response.output_text == f"turn {n}"
            previous = events[-1].response.id
        connection.response.create(model=ECHO, input="x", previous_response_id="resp_0")
        error = connection.recv()
        assert error.type == "error" and plain(error)["error"]["code"] == "previous_response_not_found"


# --- recordings

@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    if not os.path.isdir(CORPUS):
        pytest.skip(f"no recordings: {CORPUS} is absent")
    folder = tmp_path_factory.mktemp("replay")
    q = Quipu(folder, "--record-mode", "replay", "--recordings", CORPUS, "--store", f"sqlite:{folder}/q.db")
    yield q
    q.stop()


def of_test(replay, file, name):
    test = f"tests/integration/responses/{file}::{name}"
    return client_of(replay, default_headers={"X-OGX-Provider-Data": json.dumps({"__test_id": test})})


def test_replayed_turns(replay):
    client = of_test(replay, "test_basic_responses.py",
                     "test_response_non_streaming_basic[openai_client-txt=openai/gpt-4o-earth]")
    first = checked(client.responses.create(model="openai/gpt-4o", input="Which planet do humans live on?"))
    assert first.output_text == "Humans live on Earth."
    with client.responses.stream(model="openai/gpt-4o", input="Repeat your previous response in all caps.",
                                 previous_response_id=first.id) as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text == "HUMANS LIVE ON EARTH."


def test_replayed_tools(replay):
    client = of_test(replay, "test_tool_responses.py",
                     "test_response_function_call_ordering_1[openai_client-txt=openai/gpt-4o-sf_weather]")
    with open(os.path.join(ROOT, "tests", "unit", "responses", "examples.json")) as f:
        example = next(e for e in json.load(f) if e["name"].startswith(
            "test_response_function_call_ordering_1[openai_client"))
    bodies = [r["body"] for r in example["requests"]]
    first = checked(client.responses.create(**bodies[0]))
    call = next(i for i in first.output if i.type == "function_call")
    assert call.name == "get_weather" and "San Francisco" in json.loads(call.arguments)["location"]
    events = listen(client.responses.create(**bodies[1], stream=True, **(
        {"previous_response_id": first.id} if "previous" in example["requests"][1] else {})))
    assert events[-1].response.status == "completed" and events[-1].response.output_text


def test_replayed_structure(replay):
    class PersonProfile(pydantic.BaseModel):
        model_config = {"extra": "forbid"}
        name: str
        occupation: str
        city: str

    client = of_test(replay, "test_structured_output.py",
                     "test_json_schema_string_types[openai_client-txt=openai/gpt-4o]")
    with open(os.path.join(ROOT, "tests", "unit", "responses", "examples.json")) as f:
        example = next(e for e in json.load(f) if e["name"] ==
                       "test_json_schema_string_types[openai_client-txt=openai/gpt-4o]")
    body = example["requests"][0]["body"]
    r = checked(client.responses.create(**body))
    assert PersonProfile.model_validate_json(r.output_text).name == "Tom"


def test_a_replayed_background(replay):
    client = of_test(replay, "test_basic_responses.py",
                     "test_response_non_streaming_basic[openai_client-txt=openai/gpt-4o-earth]")
    r = client.responses.create(model="openai/gpt-4o", input="Which planet do humans live on?", background=True)
    assert wait(client, r, "completed").output_text == "Humans live on Earth."


def test_what_was_not_recorded_is_told(replay):
    with pytest.raises(openai.APIStatusError) as e:
        client_of(replay).responses.create(model="openai/gpt-4o", input="Nobody has asked this.")
    assert "recording" in str(e.value)
