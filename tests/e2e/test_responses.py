"""POST /v1/responses: whole and streamed, and what the upstream gets."""
import json
import time

import pytest
from quipu import SLOW
from responses import create, frames, stream, text_of
from upstream import DONE, chunk, completion

ASK = {"model": "openai/m1", "input": "hi"}
TOOL = {"type": "function", "name": "weather", "description": "d", "strict": True,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                       "additionalProperties": False}}
MEMBERS = {
    "background", "created_at", "completed_at", "error", "frequency_penalty", "id", "incomplete_details", "model",
    "object", "output", "parallel_tool_calls", "previous_response_id", "prompt_cache_key", "prompt", "status",
    "temperature", "text", "top_p", "top_logprobs", "tools", "tool_choice", "truncation", "usage", "instructions",
    "max_tool_calls", "reasoning", "max_output_tokens", "safety_identifier", "service_tier", "metadata",
    "presence_penalty", "store", "conversation"}


def tool_chunk(index, **more):
    return {"index": index, **more}


def delta(finish=None, **members):
    event = json.loads(chunk()[6:])
    event["choices"][0].update(delta=members, finish_reason=finish)
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def calls_of(*calls):
    """A stream in which the model calls functions."""
    pieces = []
    for i, (name, arguments) in enumerate(calls):
        pieces.append(delta(tool_calls=[tool_chunk(i, id=f"call_{i}", type="function",
                                                   function={"name": name, "arguments": ""})]))
        pieces.append(delta(tool_calls=[tool_chunk(i, function={"arguments": arguments})]))
    return [*pieces, delta("tool_calls"), DONE]


def test_an_answer_without_a_key(start):
    status, answer = create(start(), {"model": "echo/echo", "input": "one two three"})
    assert status == 200 and answer.keys() == MEMBERS
    assert answer["status"] == "completed" and "one two three" in text_of(answer)
    assert answer["usage"]["total_tokens"] > 0 and answer["completed_at"] >= answer["created_at"]
    assert answer["store"] is False  # nothing keeps it


def test_a_stream(gateway):
    events = stream(gateway, ASK)
    assert [e["type"].removeprefix("response.") for e in events] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed"]
    assert [e["delta"] for e in events if "delta" in e] == ["Hel", "lo"]
    last = events[-1]["response"]
    assert last.keys() == MEMBERS and text_of(last) == "Hello" and last["status"] == "completed"


def test_what_the_upstream_gets(gateway, upstream):
    body = {**ASK, "instructions": "be kind", "temperature": 0.5, "max_output_tokens": 100, "tools": [TOOL],
            "tool_choice": "required", "reasoning": {"effort": "low"}, "metadata": {"a": "b"}, "seed": 7,
            "text": {"format": {"type": "json_schema", "name": "n", "strict": True, "schema": {"type": "object"}}},
            "input": [{"role": "developer", "content": "dev"},
                      {"role": "user", "content": [{"type": "input_text", "text": "t"}]}]}
    status, answer = create(gateway, body)
    assert status == 200, answer
    sent = upstream.chat_requests()[-1].json
    assert sent["model"] == "m1" and sent["stream"] is True and sent["stream_options"] == {"include_usage": True}
    assert sent["messages"] == [
        {"role": "system", "content": "be kind"}, {"role": "developer", "content": "dev"},
        {"role": "user", "content": [{"type": "text", "text": "t"}]}]
    assert sent["tools"] == [{"type": "function", "function": {
        k: TOOL[k] for k in ("name", "description", "parameters", "strict")}}]
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert sent["max_completion_tokens"] == 100 and sent["seed"] == 7 and sent["tool_choice"] == "required"
    assert not {"metadata", "store", "instructions", "input", "text"} & sent.keys()
    assert answer["metadata"] == {"a": "b"} and answer["instructions"] == "be kind"


def test_tool_calls_and_their_outputs(gateway, upstream):
    upstream.handler = lambda call: call.stream(calls_of(("weather", '{"city":"Lima"}'), ("nope", "")))
    events = stream(gateway, {**ASK, "tools": [TOOL]})
    items = events[-1]["response"]["output"]
    assert [(i["type"], i["call_id"], i["name"], i["arguments"]) for i in items] == [
        ("function_call", "call_0", "weather", '{"city":"Lima"}'), ("function_call", "call_1", "nope", "{}")]
    added = [e for e in events if e["type"] == "response.output_item.added"]
    assert [e["output_index"] for e in added] == [0, 1]

    upstream.handler = lambda call: call.stream([chunk("warm"), chunk(finish="stop"), DONE])
    status, answer = create(gateway, {**ASK, "tools": [TOOL], "input": [
        {"role": "user", "content": "hi"}, *items,
        {"type": "function_call_output", "call_id": "call_0", "output": "20"},
        {"type": "function_call_output", "call_id": "call_1", "output": "?"}]})
    assert status == 200 and text_of(answer) == "warm"
    sent = upstream.chat_requests()[-1].json["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "tool", "assistant", "tool"]
    assert sent[1]["tool_calls"] == [{"id": "call_0", "type": "function",
                                      "function": {"name": "weather", "arguments": '{"city":"Lima"}'}}]
    assert sent[2] == {"role": "tool", "tool_call_id": "call_0", "content": "20"}


@pytest.mark.parametrize("status,code,mapped", [
    (401, "invalid_api_key", "server_error"), (429, "rate_limit_exceeded", "rate_limit_exceeded"),
    (400, "invalid_image", "invalid_image"), (500, "x", "server_error")])
def test_errors_of_the_upstream(gateway, upstream, status, code, mapped):
    upstream.handler = lambda call: call.json(status, {"error": {"message": "no!", "code": code}},
                                              [("retry-after", "0")])
    assert gateway.request("POST", "/v1/responses", ASK)[1]["retry-after"] == "0"
    got, body = create(gateway, ASK)
    assert got == status and body["detail"] == body["error"]["message"] and body["error"]["code"] == code
    events = stream(gateway, ASK)
    assert [e["type"] for e in events] == ["response.created", "response.in_progress", "response.failed"]
    failed = events[-1]["response"]
    assert failed["status"] == "failed" and failed["error"]["code"] == mapped and "no!" in failed["error"]["message"]


def test_a_stream_that_breaks_off(gateway, upstream):
    def broken(call):
        call.stream([chunk("Hel")], end=False)
        call.hang_up()

    upstream.handler = broken
    events = stream(gateway, ASK)
    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["output"][0]["status"] == "incomplete"


def test_an_upstream_that_does_not_stream(gateway, upstream):
    upstream.handler = lambda call: call.json(200, completion(content="all at once"))
    assert text_of(create(gateway, ASK)[1]) == "all at once"
    assert text_of(stream(gateway, ASK)[-1]["response"]) == "all at once"


def test_a_length_that_is_reached(gateway, upstream):
    upstream.handler = lambda call: call.stream([chunk("He"), chunk(finish="length"), DONE])
    answer = create(gateway, ASK)[1]
    assert answer["status"] == "incomplete" and answer["incomplete_details"] == {"reason": "max_output_tokens"}
    assert stream(gateway, ASK)[-1]["type"] == "response.incomplete"


def test_the_first_event_is_before_the_upstream(gateway, upstream):
    def slow(call):
        time.sleep(0.5 * SLOW)
        call.stream([chunk("x"), chunk(finish="stop"), DONE])

    upstream.handler = slow
    sock = gateway.connect()
    body = json.dumps({**ASK, "stream": True}).encode()
    begin = time.monotonic()
    sock.sendall(b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                 b"content-length: %d\r\n\r\n%s" % (len(body), body))
    data = b""
    while b"response.in_progress" not in data:
        data += sock.recv(65536)
    assert time.monotonic() - begin < 0.25 * SLOW
    sock.close()


def test_history_that_is_too_long_is_cut_when_asked(gateway, upstream):
    def picky(call):
        if len(call.request.body) > 3000:
            call.json(400, {"error": {"message": "too much", "code": "context_length_exceeded"}})
        else:
            call.stream([chunk("ok"), chunk(finish="stop"), DONE])

    upstream.handler = picky
    long = [{"role": r, "content": f"{i} " + "x" * 400} for i in range(10) for r in ("user", "assistant")]
    ask = {**ASK, "input": [*long, {"role": "user", "content": "last"}]}
    assert create(gateway, ask)[0] == 400
    status, answer = create(gateway, {**ask, "truncation": "auto"})
    assert status == 200 and text_of(answer) == "ok"
    sent = upstream.chat_requests()[-1].json["messages"]
    assert sent[-1]["content"] == "last" and sent[0]["role"] == "user" and 1 < len(sent) < 10


def test_who_has_answered(gateway, start, tmp_path):
    headers = gateway.request("POST", "/v1/responses", ASK)[1]
    assert headers["x-quipu-provider"] == "openai" and headers["x-quipu-attempts"] == "1"
    q = start("--record-mode", "replay", "--recordings", tmp_path)
    status, headers, _ = q.request("POST", "/v1/responses", {**ASK, "model": "openai/gpt-4o"})
    assert status == 422 and headers["x-replay-status"] == "miss" and headers["x-should-retry"] == "false"


def test_a_form(gateway):
    status, _, body = gateway.request("POST", "/v1/responses", "model=openai%2Fm1&input=hi+there",
                                      headers={"content-type": "application/x-www-form-urlencoded"})
    assert status == 200 and text_of(json.loads(body)) == "Hello"


@pytest.mark.parametrize("more,status,words", [
    ({"temperature": 3.0}, 400, ["temperature"]),
    ({"max_tool_calls": 0}, 400, ["max_tool_calls"]),
    ({"max_output_tokens": 15}, 400, ["16"]),
    ({"tool_choice": "invalid_choice"}, 400, ["tool_choice"]),
    ({"background": True, "stream": True}, 400, ["background"]),
    ({"background": True, "store": False}, 400, ["background"]),
    ({"previous_response_id": "resp_1", "conversation": "conv_" + "0" * 48}, 400,
     ["previous_response_id", "conversation"]),
    ({"conversation": "x"}, 400, ["conversation", "conv_"]),
    ({"model": "nope/x"}, 404, ["Model 'nope/x' not found"]),
    ({"tools": [{"type": "web_search"}]}, 400, ["web_search"]),
])
def test_bad_requests(gateway, more, status, words):
    got, body = create(gateway, {**ASK, **more})
    assert got == status, body
    assert body["detail"] == body["error"]["message"]
    for word in words:
        assert word in body["detail"]


def test_frames_are_checked():
    with pytest.raises(AssertionError):
        frames(b'event: a\ndata: {"type":"b","sequence_number":0}\n\n')
