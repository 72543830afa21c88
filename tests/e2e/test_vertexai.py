"""Vertex AI: its own dialect upstream, OpenAI's to the client."""
import json
import time

import pytest

from quipu import chat_bytes, dechunk
from test_chat import read_all
from test_providers import KEY, MESSAGES, ask, error, one
from test_traits import events_of
from upstream import DONE

SETTINGS = {"access_token": KEY, "project": "pr-1", "api": "native", "image_hosts": ["127.0.0.1"]}
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 5, "thoughtsTokenCount": 2, "totalTokenCount": 10, "cachedContentTokenCount": 1}
OURS = {"prompt_tokens": 3, "completion_tokens": 7, "total_tokens": 10, "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 2}}


def vertex(start, upstream, *flags):
    return start("--retries", "0", *flags, config=one("remote::vertexai", upstream.root, SETTINGS))


def part(*parts, finish=None, index=None, usage=USAGE):
    candidate = {"content": {"role": "model", "parts": list(parts)}}
    if finish:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "r-1"}


def sse(*values):
    return [b"data: " + json.dumps(v).encode() + b"\r\n\r\n" for v in values]


def call(name, args, **more):
    return {"functionCall": {"name": name, "args": args}, **more}


def test_a_whole_answer(start, upstream):
    upstream.handler = lambda c: c.json(200, part({"text": "think\u00e9", "thought": True}, {"text": "Hel"}, {"text": "lo \"\u00e9\"\n"},
                                                  finish="STOP"))
    q = vertex(start, upstream)
    before = int(time.time())
    status, headers, body = ask(q, "p/gemini-2.5-flash")
    assert status == 200 and headers["content-type"] == "application/json"
    got = json.loads(body)
    assert before <= got.pop("created") <= time.time()
    assert got == {"id": "chatcmpl-r-1", "object": "chat.completion", "model": "p/gemini-2.5-flash", "usage": OURS, "choices": [
        {"index": 0, "finish_reason": "stop",
         "message": {"role": "assistant", "content": "Hello \"\u00e9\"\n", "reasoning_content": "think\u00e9"}}]}
    sent = upstream.chat_requests()[0]
    assert sent.target == "/v1/projects/pr-1/locations/global/publishers/google/models/gemini-2.5-flash:generateContent"
    assert sent.headers["authorization"] == "Bearer " + KEY
    assert sent.json == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {}}


@pytest.mark.parametrize("how", ["one read", "bytes", "late"])
@pytest.mark.parametrize("usage", [False, True])
def test_a_stream(start, upstream, how, usage):
    pieces = sse(part({"text": "hmm", "thought": True}), part({"text": "Hel"}), part({"text": "lo"}, finish="STOP"),
                 {"usageMetadata": USAGE, "responseId": "r-1"})

    def handler(c):
        c.start_stream()
        text = b"".join(pieces)
        for piece in [text] if how == "one read" else [text[i:i + 7] for i in range(0, len(text), 7)] if how == "bytes" else pieces:
            c.chunk(piece)
            if how == "late":
                time.sleep(0.02)
        c.end_stream()

    upstream.handler = handler
    q = vertex(start, upstream)
    more = {"stream_options": {"include_usage": True}} if usage else {}
    status, headers, body = ask(q, "p/g", stream=True, **more)
    assert status == 200 and headers["content-type"] == "text/event-stream" and body.endswith(DONE)
    got = events_of(body)
    assert {(e["id"], e["object"], e["model"]) for e in got} == {("chatcmpl-r-1", "chat.completion.chunk", "p/g")}
    assert [e["choices"] for e in got[:3]] == [
        [{"index": 0, "delta": {"role": "assistant", "content": None, "reasoning_content": "hmm"}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]]
    assert [(e["choices"], e["usage"]) for e in got[3:]] == ([([], OURS)] if usage else [])
    assert upstream.chat_requests()[0].target.endswith("/models/g:streamGenerateContent?alt=sse")


def test_each_event_leaves_when_it_arrives(start, upstream):
    import threading

    go_on = threading.Event()

    def handler(c):
        c.start_stream()
        c.chunk(sse(part({"text": "first"}))[0])
        assert go_on.wait(10)
        c.chunk(sse(part({"text": "second"}, finish="STOP"))[0])
        c.end_stream()

    upstream.handler = handler
    q = vertex(start, upstream)
    with q.connect() as s:
        s.sendall(chat_bytes({"model": "p/g", "messages": MESSAGES, "stream": True}))
        data = b""
        while b"first" not in data:
            data += s.recv(65536)
        assert b"second" not in data
        go_on.set()
        while not data.endswith(b"0\r\n\r\n"):
            data += s.recv(65536)


@pytest.mark.parametrize("stream", [False, True])
def test_calls_of_functions(start, upstream, stream):
    answer = part(call("f", {"x": [1, "\u00e9"]}, thoughtSignature="sig"), {"functionCall": {"name": "g", "id": "own-id"}}, finish="STOP")
    upstream.handler = lambda c: c.stream(sse(answer)) if stream else c.json(200, answer)
    q = vertex(start, upstream)
    _, _, body = ask(q, "p/g", stream=stream, tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
                     tool_choice="required")
    choice = (events_of(body) if stream else [json.loads(body)])[0]["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    calls = choice["delta" if stream else "message"]["tool_calls"]
    assert json.loads(calls[0]["function"].pop("arguments")) == {"x": [1, "\u00e9"]}
    assert calls == [{"index": 0, "id": "call_r-1_0", "type": "function", "function": {"name": "f"},
                      "extra_content": {"google": {"thought_signature": "sig"}}},
                     {"index": 1, "id": "own-id", "type": "function", "function": {"name": "g", "arguments": "{}"}}]
    sent = upstream.chat_requests()[0].json
    assert sent["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    # The calls go back as they came, and the result with the function's name.
    calls[0]["function"]["arguments"] = '{"x":[1]}'
    ask(q, "p/g", messages=MESSAGES + [{"role": "assistant", "tool_calls": calls},
                                       {"role": "tool", "tool_call_id": "call_r-1_0", "content": "42"},
                                       {"role": "tool", "tool_call_id": "own-id", "content": "no"}])
    sent = upstream.chat_requests()[1].json["contents"]
    assert sent[1:] == [{"role": "model", "parts": [call("f", {"x": [1]}, thoughtSignature="sig"), call("g", {})]},
                        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "42"}}},
                                                   {"functionResponse": {"name": "g", "response": {"output": "no"}}}]}]


@pytest.mark.parametrize("theirs,ours", [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("SPII", "content_filter"),
                                         ("SOMETHING_NEW", "stop")])
@pytest.mark.parametrize("stream", [False, True])
def test_ends(start, upstream, theirs, ours, stream):
    answer = part({"text": "a"}, finish=theirs)
    upstream.handler = lambda c: c.stream(sse(answer)) if stream else c.json(200, answer)
    _, _, body = ask(vertex(start, upstream), "p/g", stream=stream)
    assert (events_of(body) if stream else [json.loads(body)])[0]["choices"][0]["finish_reason"] == ours


@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_prompt_and_several_candidates(start, upstream, stream):
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": USAGE, "responseId": "r-1"}
    several = {**part({"text": "a"}, finish="STOP", index=0), "responseId": "r-1"}
    several["candidates"].append({"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS"})
    q = vertex(start, upstream)
    key = "delta" if stream else "message"
    for answer, wanted in ((blocked, [(0, {"role": "assistant", "content": None}, "content_filter")]),
                           (several, [(0, {"role": "assistant", "content": "a"}, "stop"), (1, {"role": "assistant", "content": "b"}, "length")])):
        upstream.handler = lambda c, answer=answer: c.stream(sse(answer)) if stream else c.json(200, answer)
        status, _, body = ask(q, "p/g", stream=stream)
        assert status == 200
        choices = (events_of(body) if stream else [json.loads(body)])[0]["choices"]
        assert [(c["index"], c[key], c["finish_reason"]) for c in choices] == wanted


def test_calls_of_several_candidates_are_numbered_for_each(start, upstream):
    first, second = part(call("a", {}), index=0), part(call("c", {}), index=1, finish="STOP")
    both = part(call("b", {}), finish="STOP", index=0)
    upstream.handler = lambda c: c.stream(sse(first, both, second))
    _, _, body = ask(vertex(start, upstream), "p/g", stream=True, n=2)
    got = [(c["index"], t["index"], t["id"]) for e in events_of(body) for c in e["choices"] for t in c["delta"]["tool_calls"]]
    assert got == [(0, 0, "call_r-1_0"), (0, 1, "call_r-1_1"), (1, 0, "call_r-1_2")]


GOOGLE = {"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED", "details": [{"x": 1}]}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("body", [GOOGLE, [GOOGLE]])
def test_errors(start, upstream, stream, body):
    upstream.handler = lambda c: c.json(429, body, [("x-should-retry", "false")])
    answer = ask(vertex(start, upstream), "p/g", stream=stream)
    assert answer[0] == 429
    told = error(answer)
    assert told["message"] == "Quota exceeded." and told["type"] == "rate_limit_error" and told["param"] is None


def test_errors_with_status_200_and_within_a_stream(start, upstream):
    q = vertex(start, upstream)
    upstream.handler = lambda c: c.json(200, GOOGLE)
    assert ask(q, "p/g")[0] == 429
    upstream.handler = lambda c: c.stream(sse(GOOGLE))
    assert ask(q, "p/g", stream=True)[0] == 429
    upstream.handler = lambda c: c.raw(200, b"<html>x</html>", content_type="text/html")
    assert ask(q, "p/g")[0] == 502 and ask(q, "p/g", stream=True)[0] == 502

    def late(c):
        c.start_stream()
        c.chunk(sse(part({"text": "a"}))[0])
        time.sleep(0.1)
        c.chunk(sse(GOOGLE)[0])
        c.end_stream()

    upstream.handler = late
    with q.connect() as s:
        s.sendall(chat_bytes({"model": "p/g", "messages": MESSAGES, "stream": True}))
        body, whole = dechunk(read_all(s).split(b"\r\n\r\n", 1)[1])
    got = events_of(body)
    assert not whole and len(got) == 2 and got[1]["error"]["message"] == "Quota exceeded."


@pytest.mark.parametrize("how", ["cut", "mid_event", "endless"])
def test_a_stream_that_breaks_is_not_whole(start, upstream, how):
    def handler(c):
        c.start_stream()
        c.chunk(sse(part({"text": "a"}))[0])
        time.sleep(0.1)
        if how == "mid_event":
            c.chunk(b'data: {"candi')
            c.end_stream()
        if how == "endless":
            for _ in range(64):
                c.chunk(b"x" * 65536)
        c.hang_up()

    upstream.handler = handler
    q = vertex(start, upstream)
    with q.connect() as s:
        s.sendall(chat_bytes({"model": "p/g", "messages": MESSAGES, "stream": True}))
        body, whole = dechunk(read_all(s).split(b"\r\n\r\n", 1)[1])
    got = events_of(body)
    assert not whole and DONE not in body and len(got) == 2 and got[1]["error"]["type"] == "upstream_error"


def test_a_whole_answer_where_a_stream_was_asked_for(start, upstream):
    upstream.handler = lambda c: c.json(200, part({"text": "Hello"}, finish="STOP"))
    status, _, body = ask(vertex(start, upstream), "p/g", stream=True)
    assert status == 200 and body.endswith(DONE)
    assert events_of(body)[0]["choices"][0]["delta"]["content"] == "Hello"


def test_images_are_inline(start, upstream):
    from test_images import PNG, content
    from upstream import Upstream

    site = Upstream()
    site.models = lambda c: c.raw(200, PNG, content_type="image/png")
    upstream.handler = lambda c: c.json(200, part({"text": "a"}, finish="STOP"))
    assert ask(vertex(start, upstream), "p/g", messages=content(site.root + "/a.png"))[0] == 200
    site.close()
    parts = upstream.chat_requests()[0].json["contents"][0]["parts"]
    assert parts[0] == {"text": "what is it"} and parts[1]["inlineData"]["mimeType"] == "image/png"


def test_a_client_brings_token_and_project(start, upstream):
    upstream.handler = lambda c: c.json(200, part({"text": "a"}, finish="STOP"))
    q = vertex(start, upstream)
    own = {"vertex_access_token": "tok-of-the-client", "vertex_project": "pr/2", "vertex_location": "global"}
    assert ask(q, "p/g", headers={"x-ogx-provider-data": json.dumps(own)})[0] == 200
    sent = upstream.chat_requests()[0]
    assert sent.headers["authorization"] == "Bearer tok-of-the-client"
    assert sent.target.startswith("/v1/projects/pr%2F2/locations/global/publishers/google/models/g:")


def test_the_sdk_streams(start, upstream):
    openai = pytest.importorskip("openai")
    upstream.handler = lambda c: c.stream(sse(part({"text": "Hel"}), part({"text": "lo"}, finish="STOP")))
    client = openai.OpenAI(base_url=vertex(start, upstream).url + "/v1", api_key="x", max_retries=0)
    pieces = list(client.chat.completions.create(model="p/g", messages=MESSAGES, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.delta.content or "" for p in pieces for c in p.choices) == "Hello"
    assert pieces[-1].usage.total_tokens == 10 and pieces[-1].usage.completion_tokens_details.reasoning_tokens == 2
