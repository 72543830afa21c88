"""recordings.format: ogx - files that OGX's loader takes, and that are played as they were."""
import hashlib
import importlib
import json
import urllib.parse

import pytest

from upstream import DONE, chunk, completion

TEST = "tests/integration/inference/test_a.py::test_b[txt=openai/m1]"
CHAT = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi \u00e9"}]}
KEY = "sk-test-0123456789abcdef"
TOOLS = [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
VECTOR = {"object": "list", "model": "m1-2026", "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -1.5]}],
          "usage": {"prompt_tokens": 1, "total_tokens": 1}}
TEXT = {"id": "cmpl-7", "object": "text_completion", "created": 1700000000, "model": "m1-2026",
        "choices": [{"index": 0, "text": "Hello", "finish_reason": "stop", "logprobs": None}]}

ASKS = [
    ("/v1/chat/completions", CHAT),
    ("/v1/chat/completions", {**CHAT, "stream": True, "n": 2}),
    ("/v1/chat/completions", {**CHAT, "temperature": 1}),
    ("/v1/completions", {"model": "openai/m1", "prompt": "Say"}),
    ("/v1/embeddings", {"model": "openai/m1", "input": ["a"]}),
]


def handler(call):
    body = call.request.json
    if call.request.target.endswith("/embeddings"):
        call.json(200, VECTOR)
    elif "prompt" in body:
        call.json(200, TEXT)
    elif body.get("temperature"):
        call.json(429, {"error": {"message": "slow", "type": "x", "param": None, "code": "y"}})
    elif body.get("stream"):
        call.stream([chunk("a", extra_member=1), chunk("b", index=1), chunk(finish="tool_calls"), DONE])
    else:
        call.json(200, completion(choices=[{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": None, "tool_calls": TOOLS, "reasoning_content": "hm"}}]))


def recorded(start, upstream, folder, asks, session):
    upstream.handler = handler
    upstream.models = lambda call: call.json(200, {"object": "list", "data": [
        {"id": "m1", "object": "model", "created": 1700000000, "owned_by": "me"}]})
    q = start("--record-mode", "record", "--record-format", "ogx", "--recordings", folder, "--retries", "0",
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})
    headers = {"x-replay-session": session} if session else {}
    answers = [q.request("POST", path, body, headers) for path, body in asks]
    q.stop()
    return answers


def files(folder):
    return {p: json.loads(p.read_text()) for p in sorted(folder.rglob("*.json"))}


def key_of(data):
    """As OGX computes it; the bodies here have nothing that it would normalise."""
    request = data["request"]
    key = {"method": "POST", "endpoint": urllib.parse.urlsplit(request["url"]).path, "body": request["body"],
           "test_id": data["test_id"]}
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize("session,place", [(TEST, "tests/integration/inference/recordings"),
                                           ("checkout", "recordings"), ("", "recordings"),
                                           ("../../../etc/x.py::t", "recordings"),
                                           ("/etc/x.py::t", "recordings"), (".git/x.py::t", "recordings")])
def test_files_lie_where_ogx_looks(start, upstream, tmp_path, session, place):
    folder = tmp_path / "r"
    recorded(start, upstream, folder, ASKS, session)
    got = files(folder)
    chats = [p for p in got if not p.name.startswith("models-")]
    assert {str(p.parent.relative_to(folder)) for p in chats} == {place}
    assert len(chats) == len(ASKS)
    lists = [p for p in got if p.name.startswith("models-")]
    assert lists and {str(p.parent.relative_to(folder)) for p in lists} == {"recordings"}
    for path, data in got.items():
        is_list = path in lists
        assert data["test_id"] == (None if is_list else session or None)
        assert path.name.startswith(("models-" if is_list else "") + key_of(data)), path
    for path in lists:
        ids = sorted({m["__data__"]["id"] for m in got[path]["response"]["body"]})
        assert path.stem.endswith(hashlib.sha256("|".join(ids).encode()).hexdigest()[:8])


def same(dump, data):
    """Fields that the SDK has got since are null in its dump only."""
    if isinstance(dump, dict) and isinstance(data, dict):
        return set(data) <= set(dump) and all(
            same(v, data[k]) if k in data else v is None for k, v in dump.items())
    if isinstance(dump, list) and isinstance(data, list):
        return len(dump) == len(data) and all(map(same, dump, data))
    return dump == data


def test_the_sdk_loads_what_was_written(start, upstream, tmp_path):
    pytest.importorskip("openai")
    folder = tmp_path / "r"
    recorded(start, upstream, folder, ASKS, TEST)
    seen = set()
    for path, data in files(folder).items():
        assert set(data) == {"test_id", "request", "response", "id_normalization_mapping"}
        assert data["request"]["headers"] == {} and data["request"]["url"].endswith("/v1" + data["request"]["endpoint"])
        body = data["response"]["body"]
        if data["response"].get("is_exception"):
            seen.add("exception")
            what = data["response"]["exception_data"]
            assert (what["type"], what["status_code"]) == ("RateLimitError", 429)
            assert data["response"]["exception_message"].startswith("Error code: 429 - {'error': {'message'")
            continue
        for part in body if isinstance(body, list) else [body]:
            module, _, name = part["__type__"].rpartition(".")
            cls = getattr(importlib.import_module(module), name)
            value = cls.model_validate(part["__data__"])
            # What the SDK would dump is what is written, nulls and unknown members too.
            assert same(value.model_dump(mode="json"), part["__data__"]), part
            seen.add(name)
            if name in ("ChatCompletion", "ChatCompletionChunk", "Completion"):
                assert value.id == "rec-" + path.stem[:12] and value.created == 0
    assert seen == {"exception", "ChatCompletion", "ChatCompletionChunk", "Completion",
                    "CreateEmbeddingResponse", "Model"}


def plain(value):
    """What OGX's format keeps of an answer: no ids, no times, and null is as good as nothing."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in ("id", "created") and v is not None}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def parse(body):
    if not body.startswith(b"data: "):
        return json.loads(body)
    return [json.loads(e[6:]) for e in body.decode().split("\n\n") if e and e != "data: [DONE]"]


def test_what_was_written_is_played(start, upstream, tmp_path):
    folder = tmp_path / "r"
    answers = recorded(start, upstream, folder, ASKS, TEST)
    upstream.close()
    q = start("--record-mode", "replay", "--recordings", folder, "--retries", "0")
    for (path, body), (status, _, want) in zip(ASKS, answers):
        got = q.request("POST", path, body, {"x-ogx-provider-data": json.dumps({"__test_id": TEST})})
        assert (got[0], got[1]["x-replay-match"]) == (status, "ogx"), got[2]
        assert plain(parse(got[2])) == plain(parse(want))
    assert "m1" in q.request("GET", "/v1/models")[2].decode()


def test_what_ogx_cannot_hold_is_kept_in_the_other_format(start, upstream, tmp_path):
    folder = tmp_path / "r"
    moderation = {"model": "openai/m1", "input": "x"}
    upstream.handler = lambda call: call.json(200, {"id": "modr-1", "model": "m1", "results": [
        {"flagged": False, "categories": {}, "category_scores": {}}]})
    q = start("--record-mode", "record", "--record-format", "ogx", "--recordings", folder,
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})
    want = q.request("POST", "/v1/moderations", moderation, {"x-replay-session": "s"})
    q.stop()
    assert want[0] == 200
    (path,) = (folder / "s").glob("*.json")
    assert json.loads(path.read_text())["v"] == 1 and "moderations" in path.name
    q = start("--record-mode", "replay", "--recordings", folder)
    got = q.request("POST", "/v1/moderations", moderation, {"x-replay-session": "s"})
    assert (got[0], got[2]) == (200, want[2])
