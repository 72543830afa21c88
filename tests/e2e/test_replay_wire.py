"""Every dialect and every oddity of its streams: what is played is what was recorded, byte for byte."""
import base64
import gzip
import http.client
import json
import struct
import time
import zlib

import pytest

from quipu import SLOW
from test_providers import one
from test_vertexai import SETTINGS, part, sse
from upstream import DONE, chunk, completion

KEY = "sk-test-0123456789abcdef"
CHAT = "/v1/chat/completions"
STREAM = {"model": "p/m1", "messages": [{"role": "user", "content": "hi"}], "stream": True}
WHOLE = {k: v for k, v in STREAM.items() if k != "stream"}
SEGMENTS = ("1", "3", "event", "split-utf8", "coalesce")


def raw(text):
    return b"data: " + text.encode() + b"\n\n"


def deltas(*values, **more):
    return [chunk(None, choices=[v], **more) for v in values]


def delta(index=0, finish=None, **members):
    return {"index": index, "delta": members, "finish_reason": finish}


def call(index, **members):
    return delta(tool_calls=[{"index": index, **members}])


ROLE = chunk(choices=[delta(role="assistant", content="", refusal=None)])
STOP = chunk("", finish="stop")
USAGE = chunk(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
AZURE = json.dumps({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [
    {"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]})
ANNOTATION = json.dumps({"id": "", "object": "", "created": 0, "model": "", "choices": [
    {"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 44, "start_offset": 44, "end_offset": 198},
     "content_filter_raw": []}]})

STREAMS = {
    "role first, usage last": [ROLE, chunk("Hi", usage=None), STOP, USAGE, DONE],
    "usage that never comes": [ROLE, chunk("Hi", usage=None)],
    "padding": [chunk("a", obfuscation="pY7"), chunk("b", obfuscation="q"), STOP, DONE],
    "two choices": [*deltas(delta(0, content="a"), delta(1, content="x"), delta(1, content="y"), delta(0, content="b"),
                            delta(1, "length"), delta(0, "stop")), DONE],
    "tool calls": [*deltas(call(0, id="call_1", type="function", function={"name": "f", "arguments": ""}),
                           call(0, function={"arguments": '{"a": "\\u00'}), call(0, function={"arguments": 'e9"}'}),
                           call(1, id="call_2", type="function", function={"name": "g", "arguments": "{}"}),
                           delta(0, "tool_calls")), DONE],
    "refusal, logprobs, tier": [*deltas(delta(refusal="no"), {**delta(content="\U0001f600"), "logprobs": {"content": [
        {"token": "\u00e9", "logprob": -1.25e-7, "bytes": [195, 169], "top_logprobs": []}]}},
        service_tier="default", system_fingerprint="fp_1"), STOP, DONE],
    "reasoning": [*deltas(delta(reasoning_content="hm"), delta(reasoning="hm", reasoning_details=[])), STOP, DONE],
    "text of all lengths": [raw('{"choices":[{"index":0,"delta":{"content":"\u00e9\u20ac\U0001f600 \\ud83d\\ude00 \\/ \\u007f"}}]}'), STOP, DONE],
    "odd numbers and spaces": [raw('{ "id" : "c",  "choices":[ ] , "created": 1.70E+9, "x":[1.0,-0,1e400,0.10]}'), STOP, DONE],
    "the same member twice": [raw('{"id":"a","id":"b","choices":[],"choices":[]}'), STOP, DONE],
    "comments": [b": OPENROUTER PROCESSING\n\n", chunk("a"), b":\n\n", b": again\n: and again\n\n", STOP, DONE],
    "what is no JSON": [chunk("a"), raw(":ping"), raw("{"), STOP, DONE],
    "meta only": [b"retry: 3000\n\n", b"id: 7\n\n", chunk("a"), STOP, DONE],
    "named events": [b"event: message\n" + chunk("a"), b"event: ping\ndata: {}\n\n", STOP, DONE],
    "several data lines": [b'data: {"choices":\ndata: []}\n\n', chunk("a"), STOP, DONE],
    "no space": [chunk("a").replace(b"data: ", b"data:"), STOP, DONE],
    "CRLF": [e.replace(b"\n", b"\r\n") for e in (chunk("a"), b": c\n\n", STOP, DONE)],
    "CR": [e.replace(b"\n", b"\r") for e in (chunk("a"), STOP, DONE)],
    "mixed line ends": [chunk("a").replace(b"\n", b"\r\n"), STOP, DONE.replace(b"\n\n", b"\r\n\n")],
    "a byte order mark": [b"\xef\xbb\xbf" + chunk("a"), STOP, DONE],
    "no blank line at the end": [chunk("a"), STOP, DONE[:-1]],
    "no line end at the end": [chunk("a"), STOP, DONE.rstrip()],
    "no [DONE]": [chunk("a"), STOP],
    "what looks like framing": [chunk("0\r\n\r\n"), raw('{"choices":[],"x":"0\\r\\n\\r\\n"}'), STOP, DONE],
    "a large event": [chunk("x" * 200000), STOP, DONE],
    "other providers' members": [chunk("a", p="abcd", timings={"prompt_ms": 1.5}, x_groq={"id": "r"}), STOP, DONE],
}

ERRORS = {
    "an error later on": [chunk("a"), raw('{"error":{"message":"overloaded","type":"server_error","code":503}}')],
    "an error object later on": [chunk("a"), raw('{"object":"error","message":"no","code":500}'), DONE],
    "an error and a reason": [chunk("a"), raw('{"error":{"code":502,"message":"x"},"choices":[{"index":0,"delta":{},'
                                              '"finish_reason":"error"}]}'), DONE],
}


class Bench:
    """The same request to a quipu that records, and to one that plays."""

    def __init__(self, start, upstream, folder, kind="remote::openai", settings=None, env=None):
        self.start, self.upstream, self.folder = start, upstream, folder
        config = one(kind, upstream.url if kind != "remote::vertexai" else upstream.root, settings or {"api_key": KEY})
        self.flags = {"config": config, "env": env or {}}

    def run(self, path, body, segments=SEGMENTS, pause=0):
        """What the client got while it was recorded, after everything was compared with it."""
        q = self.start("--record-mode", "record", "--recordings", self.folder, "--retries", "0", **self.flags)
        want = self.ask(q, path, body)
        q.stop()
        time.sleep(pause)
        asked = len(self.upstream.requests)
        q = self.start("--record-mode", "replay", "--recordings", self.folder, "--retries", "0", **self.flags)
        for segment in segments:
            got = self.ask(q, path, body, {"x-replay-segment": segment})
            assert got[1]["x-replay-status"] == "hit", got
            assert (got[0], got[2:]) == (want[0], want[2:]), segment
            for name in ("content-type", "x-request-id", "x-ratelimit-remaining-requests", "retry-after"):
                if name in want[1] and (name != "x-request-id" or want[1][name] == "req_1"):
                    assert got[1][name] == want[1][name]
        q.stop()
        assert len(self.upstream.requests) == asked
        return want

    @staticmethod
    def ask(q, path, body, headers=None):
        """(status, headers, body); None behind it when that broke off."""
        c = http.client.HTTPConnection("127.0.0.1", q.port, timeout=30 * SLOW)
        c.request("POST", path, json.dumps(body),
                  {"content-type": "application/json", "x-replay-session": "s", **(headers or {})})
        r = c.getresponse()
        got = r.status, {k.lower(): v for k, v in r.getheaders()}
        try:
            return (*got, r.read())
        except http.client.IncompleteRead as e:
            return (*got, e.partial, None)
        finally:
            c.close()


@pytest.fixture
def bench(start, upstream, tmp_path):
    return lambda *a, **kw: Bench(start, upstream, str(tmp_path / "r"), *a, **kw)


HEADERS = [("x-request-id", "req_1"), ("x-ratelimit-remaining-requests", "9"), ("openai-processing-ms", "3")]


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream(bench, upstream, name):
    upstream.handler = lambda c: c.stream(STREAMS[name], headers=HEADERS)
    segments = SEGMENTS if name != "a large event" else ("event", "coalesce", "4096")
    status, headers, body = bench().run(CHAT, STREAM, segments)[:3]
    assert status == 200 and headers["x-request-id"] == "req_1"
    if name not in ("usage that never comes", "no [DONE]"):
        assert b"finish_reason" in body


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_in_a_stream(bench, upstream, name):
    """What came before it has left: in one piece the error would be the answer, with a status."""
    upstream.handler = lambda c: c.stream(ERRORS[name], delay=0.1)
    status, _, body, *broken = bench().run(CHAT, STREAM, ("1", "3", "event"))
    assert status == 200 and broken and b'"error":{' in body.replace(b" ", b"")


@pytest.mark.parametrize("how", ["one write", "each byte", "each event"])
def test_how_it_came_does_not_matter(bench, upstream, how):
    text = b"".join(STREAMS["text of all lengths"] + STREAMS["CRLF"][:2])

    def handler(c):
        c.start_stream()
        size = {"one write": len(text), "each byte": 1, "each event": 100}[how]
        for i in range(0, len(text), size):
            c.chunk(text[i:i + size])
            time.sleep(0.0005)
        c.end_stream()
    upstream.handler = handler
    bench().run(CHAT, STREAM)


@pytest.mark.parametrize("first", [AZURE, AZURE.replace("prompt_filter_results", "prompt_annotations")])
def test_azure(bench, upstream, first):
    upstream.handler = lambda c: c.stream([raw(first), ROLE, chunk("a"), raw(ANNOTATION), STOP, DONE])
    want = bench("remote::azure").run(CHAT, STREAM)
    assert b"content_filter_offsets" in want[2]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_compressed_answer(bench, upstream, coding, stream):
    def handler(c):
        z = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
        pieces = [chunk("a"), chunk("b\u00e9"), STOP, DONE] if stream else [json.dumps(completion()).encode()]
        packed = [z.compress(p) + z.flush(zlib.Z_SYNC_FLUSH) for p in pieces] + [z.flush()]
        if stream:
            c.stream(packed, headers=[("content-encoding", coding)])
        else:
            c.raw(200, b"".join(packed), [("content-encoding", coding)])
    upstream.handler = handler
    want = bench().run(CHAT, STREAM if stream else WHOLE)
    assert want[0] == 200 and b"choices" in want[2] and "content-encoding" not in want[1]


BODIES = {
    "compact": json.dumps(completion(), separators=(",", ":")),
    "pretty": json.dumps(completion(), indent=2) + "\n",
    "pretty, CRLF": json.dumps(completion(), indent=4).replace("\n", "\r\n"),
    "white space around": " \n\t" + json.dumps(completion()) + " \n\n",
    "odd numbers": '{"id":"x","created":9007199254740993,"choices":[],"a":1.0,"b":1E5,"c":-0.0,"d":0.1000,"e":123456789012345678901}',
    "odd escapes": '{"id":"x","choices":[],"a":"\\/\\u0041\\u00e9\\ud83d\\ude00\\u007f"}',
    "twice": '{"id":"x","choices":[],"a":1,"a":2}',
    "letters of all lengths": json.dumps(completion(content="\u00e9\u20ac\U0001f600\x7f"), ensure_ascii=False),
    "large": json.dumps(completion(content="x" * 400000)),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_whole_answer(bench, upstream, name):
    upstream.handler = lambda c: c.raw(200, BODIES[name].encode(), HEADERS)
    status, _, body = bench().run(CHAT, WHOLE, ("coalesce", "4096") if name == "large" else SEGMENTS)
    assert status == 200 and b"choices" in body


@pytest.mark.parametrize("path,body,answer", [
    ("/v1/completions", {"model": "p/m1", "prompt": "x"}, {"id": "c", "object": "text_completion", "choices": [
        {"index": 0, "text": "y", "finish_reason": "stop"}]}),
    ("/v1/embeddings", {"model": "p/m1", "input": ["a", "b"]}, {"object": "list", "model": "m1", "data": [
        {"object": "embedding", "index": i, "embedding": [0.1, -1e-7, 3]} for i in range(2)]}),
    ("/v1/embeddings", {"model": "p/m1", "input": "a", "encoding_format": "base64"}, {
        "object": "list", "model": "m1", "data": [{"object": "embedding", "index": 0, "embedding": base64.b64encode(
            struct.pack("<4f", 0.1, -2, 3e-8, 4e8)).decode()}]}),
    ("/v1/moderations", {"model": "p/m1", "input": "x"}, {"id": "m", "model": "m1", "results": [
        {"flagged": True, "categories": {"hate": True}, "category_scores": {"hate": 0.98765432109}}]}),
])
def test_other_endpoints(bench, upstream, path, body, answer):
    upstream.handler = lambda c: c.json(200, answer)
    assert bench().run(path, body)[0] == 200


def test_reranking(bench, upstream):
    upstream.handler = lambda c: c.json(200, {"id": "r", "results": [
        {"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.125}]})
    body = {"model": "p/m1", "query": "q", "items": ["a", "b"]}
    want = bench("remote::vllm").run("/v1alpha/inference/rerank", body)
    assert want[0] == 200, want


def test_a_stream_of_completions(bench, upstream):
    event = raw('{"id":"c","object":"text_completion","choices":[{"index":0,"text":"y\u00e9","finish_reason":null}]}')
    upstream.handler = lambda c: c.stream([event, event, DONE])
    assert bench().run("/v1/completions", {"model": "p/m1", "prompt": "x", "stream": True})[0] == 200


@pytest.mark.parametrize("stream", [True, False])
def test_vertex_ai(bench, upstream, stream):
    """Its own dialect upstream: what is recorded is that, and translating it again gives the same bytes."""
    one_part, last = part({"text": "h\u00e9"}), part({"text": "lo"}, finish="STOP")
    upstream.handler = lambda c: c.stream(sse(one_part, last)) if stream else c.json(200, last)
    body = {**(STREAM if stream else WHOLE), "model": "p/gemini"}
    # "created" is made of the time, in seconds.
    want = bench("remote::vertexai", settings=SETTINGS).run(CHAT, body, pause=1.1)
    assert want[0] == 200 and b"created" in want[2]


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
def test_an_error(bench, upstream, status):
    upstream.handler = lambda c: c.json(status, {"error": {"message": "no", "type": "t", "param": None, "code": "c"}},
                                        [*HEADERS, ("retry-after", "0")])
    assert bench().run(CHAT, WHOLE, ("coalesce",))[0] >= 400


@pytest.mark.parametrize("how", ["no last chunk", "reset"])
@pytest.mark.parametrize("begun", [True, False])
def test_an_answer_that_breaks_off(start, upstream, tmp_path, how, begun):
    def handler(c):
        c.start_stream()
        if begun:
            c.chunk(chunk("a"))
            time.sleep(0.05)
        c.reset() if how == "reset" else c.hang_up()
    upstream.handler = handler
    got = []
    for mode in ("record", "replay"):
        q = start("--record-mode", mode, "--recordings", tmp_path / "r", "--retries", "0",
                  config=one("remote::openai", upstream.url, {"api_key": KEY}))
        got.append(Bench.ask(q, CHAT, STREAM))
        q.stop()
    live, played = got
    assert (live[0], len(live)) == (played[0], len(played)) == ((200, 4) if begun else (502, 3))
    # The reason has other words: it was recorded.
    first = chunk("a").replace(b"m1-2026", b"p/m1")
    assert not begun or (live[2].startswith(first) and played[2].startswith(first))
    assert b"recorded: " in played[2]


def test_a_damaged_coding(start, upstream, tmp_path):
    upstream.handler = lambda c: c.raw(200, gzip.compress(b"{}")[:10], [("content-encoding", "gzip")])
    for mode in ("record", "replay"):
        q = start("--record-mode", mode, "--recordings", tmp_path / "r", "--retries", "0",
                  config=one("remote::openai", upstream.url, {"api_key": KEY}))
        got = Bench.ask(q, CHAT, WHOLE)
        assert (got[0], json.loads(got[2])["error"]["code"]) == (502, "upstream_cut")
        q.stop()
