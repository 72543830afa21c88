"""Histories made short: POST /v1/responses/compact, context_management, and summaries of reasoning."""
import glob
import json
import os
import threading
import time
import urllib.parse

import pytest
from openresponses import check_compaction, check_response, needs_spec
from quipu import ROOT, chat_bytes
from responses import HAS_SPEC, create, stream, text_of
from test_responses import delta
from upstream import DONE, chunk, completion
from wsclient import WebSocket

CORPUS = os.path.join(os.path.dirname(ROOT), "shared", "recordings")
MODEL = "openai/m1"
TALK = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "uno"},
        {"role": "user", "content": [{"type": "input_text", "text": "two"}]}]


def compact(q, body, recorded=None, **kw):
    """(status, the JSON of the answer); recorded: the recording that is played, by OGX's key."""
    status, headers, data = q.request("POST", "/v1/responses/compact", body, **kw)
    value = json.loads(data)
    if status == 200 and HAS_SPEC:
        check_compaction(value)
    if recorded:
        assert headers["x-replay-match"] == "ogx" and recorded in headers["x-replay-id"]
    return status, value


def sent(upstream):
    return [r.json for r in upstream.chat_requests()]


def said(text, total=8):
    """The upstream: "SUMMARY" to who asks for a whole answer, else text as a stream, and its tokens."""
    def handler(call):
        if call.request.json["stream"]:
            usage = json.loads(chunk()[6:])
            usage.update(choices=[], usage={"prompt_tokens": total - 1, "completion_tokens": 1, "total_tokens": total})
            call.stream([chunk(text), chunk(finish="stop"), b"data: " + json.dumps(usage).encode() + b"\n\n", DONE])
        else:
            call.json(200, completion(content="SUMMARY"))
    return handler


@pytest.fixture
def kept(start, upstream, tmp_path):
    """quipu with a store, in front of the upstream; kept(flag, ...) for more."""
    upstream.handler = said("fine")

    def go(*flags):
        return start("--store", f"sqlite:{tmp_path}/q.db", *flags,
                     env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})
    return go


def test_what_is_asked_and_what_is_left(kept, upstream):
    q = kept()
    status, answer = compact(q, {"model": MODEL, "input": TALK, "prompt_cache_key": "k", "stream": True,
                                 "tools": [{"type": "web_search"}], "reasoning": {"effort": "low"}})
    assert status == 200, answer
    (body,) = sent(upstream)
    assert body.keys() == {"model", "messages", "stream", "prompt_cache_key"}
    assert body["model"] == "m1" and body["stream"] is False and body["prompt_cache_key"] == "k"
    assert body["messages"][:-1] == [TALK[0], TALK[1], {"role": "user", "content": [{"type": "text", "text": "two"}]}]
    assert body["messages"][-1]["role"] == "user" and "CHECKPOINT" in body["messages"][-1]["content"]
    assert answer["object"] == "response.compaction" and answer["usage"]["total_tokens"] == 8
    assert [i.get("content") for i in answer["output"]] == ["one", TALK[2]["content"], None]
    assert answer["output"][-1]["encrypted_content"].endswith(":\nSUMMARY")


def test_tool_calls_are_in_the_summary_only(kept, upstream):
    q = kept()
    status, answer = compact(q, {"model": MODEL, "input": [
        TALK[0], {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "20"}]})
    assert status == 200, answer
    assert [m["role"] for m in sent(upstream)[0]["messages"]] == ["user", "assistant", "tool", "user"]
    assert sent(upstream)[0]["messages"][1]["tool_calls"][0]["id"] == "c"
    assert [i["type"] for i in answer["output"]] == ["message", "compaction"]


def test_instructions_and_the_settings(kept, upstream):
    q = kept("--compact-prompt", "Sum it up.", "--compact-prefix", "So far:")
    _, answer = compact(q, {"model": MODEL, "input": "one", "instructions": "In Latin."})
    assert sent(upstream)[0]["messages"] == [{"role": "user", "content": "one"},
                                             {"role": "user", "content": "In Latin.\n\nSum it up."}]
    assert answer["output"][-1]["encrypted_content"] == "So far:\nSUMMARY"


def test_one_goes_on_from_it(kept, upstream):
    q = kept("--compact-prefix", "P")
    _, answer = compact(q, {"model": MODEL, "input": TALK})
    after = [{"role": "user", "content": "one"}, {"role": "user", "content": [{"type": "text", "text": "two"}]},
             {"role": "assistant", "content": "P\nSUMMARY"}, {"role": "user", "content": "three"}]
    status, by_id = create(q, {"model": MODEL, "input": "three", "previous_response_id": answer["id"]})
    assert status == 200 and text_of(by_id) == "fine"
    assert sent(upstream)[-1]["messages"] == after
    status, _ = create(q, {"model": MODEL, "input": [*answer["output"], {"role": "user", "content": "three"}]})
    assert status == 200 and sent(upstream)[-1]["messages"] == after


def test_the_tokens_of_a_compaction_are_of_what_is_gone(kept, upstream):
    """It counted 8; what it left is estimated to be less."""
    q = kept("--compact-prefix", "P")
    _, answer = compact(q, {"model": MODEL, "input": TALK})
    status, _ = create(q, {"model": MODEL, "input": "three", "previous_response_id": answer["id"],
                           "context_management": over(7)})
    assert status == 200 and len(sent(upstream)) == 2


def test_a_response_before(kept, upstream):
    q = kept("--compact-prefix", "P")
    _, first = create(q, {"model": MODEL, "input": "one"})
    _, second = create(q, {"model": MODEL, "input": "two", "previous_response_id": first["id"]})
    status, answer = compact(q, {"model": MODEL, "previous_response_id": second["id"]})
    assert status == 200, answer
    assert [m["role"] for m in sent(upstream)[-1]["messages"]] == ["user", "assistant", "user", "assistant", "user"]
    assert sent(upstream)[-1]["messages"][2]["content"] == [{"type": "text", "text": "two"}]
    assert [i["content"][0]["text"] for i in answer["output"][:-1]] == ["one", "two"]
    # With an input: after what was really said.
    status, answer = compact(q, {"model": MODEL, "previous_response_id": second["id"], "input": "three"})
    assert [m["content"] for m in sent(upstream)[-1]["messages"][:-1]] == ["one", "fine", "two", "fine", "three"]
    assert [i["type"] for i in answer["output"]] == ["message"] * 3 + ["compaction"]
    # A compaction can be compacted again.
    status, again = compact(q, {"model": MODEL, "previous_response_id": answer["id"]})
    assert status == 200 and [i["type"] for i in again["output"]] == ["message"] * 3 + ["compaction"]
    assert sent(upstream)[-1]["messages"][-2] == {"role": "assistant", "content": "P\nSUMMARY"}


def test_it_is_kept_as_a_response(kept):
    q = kept("--compact-prefix", "P")
    _, answer = compact(q, {"model": MODEL, "input": TALK})
    status, _, data = q.request("GET", f"/v1/responses/{answer['id']}")
    response = json.loads(data)
    if HAS_SPEC:
        check_response(response)
    assert status == 200 and response["status"] == "completed" and response["output"] == []
    assert response["usage"] == answer["usage"] and response["previous_response_id"] is None
    status, _, data = q.request("GET", f"/v1/responses/{answer['id']}/input_items?order=asc")
    assert [i["id"] for i in json.loads(data)["data"]] == [i["id"] for i in answer["output"][:-1]]


def test_the_head_tells_who_was_asked(kept):
    status, headers, _ = kept().request("POST", "/v1/responses/compact", {"model": MODEL, "input": "one"})
    assert status == 200 and headers["x-quipu-provider"] == "openai" and headers["x-request-id"]


def test_a_client_that_leaves(kept, upstream):
    """Nothing is kept of it, and the upstream's connection goes with the client's."""
    gone = threading.Event()

    def slow(call):
        call.wait_gone()
        gone.set()

    q = kept()
    upstream.handler = slow
    with q.connect() as s:
        s.sendall(chat_bytes({"model": MODEL, "input": "one"}, path="/v1/responses/compact"))
        deadline = time.monotonic() + 10
        while not upstream.chat_requests() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert gone.wait(10)
    status, _, data = q.request("GET", "/v1/responses")
    assert status == 200 and json.loads(data)["data"] == []


def test_a_form(kept):
    status, answer = compact(kept(), urllib.parse.urlencode({"model": MODEL, "input": json.dumps(TALK)}).encode(),
                             headers={"content-type": "application/x-www-form-urlencoded"})
    assert status == 200 and len(answer["output"]) == 3


@pytest.mark.parametrize("body,status,word", [
    ({"model": MODEL}, 400, "previous_response_id"),
    ({"model": MODEL, "input": []}, 400, "previous_response_id"),
    ({"input": "a"}, 400, "model"),
    ({"model": "openai/nope", "input": "a", "previous_response_id": 3}, 400, "previous_response_id"),
    ({"model": MODEL, "input": [{"role": "user"}]}, 400, "input[0]"),
    ({"model": MODEL, "input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, 400,
     "no corresponding function_call"),
    ({"model": MODEL, "input": "a", "prompt_cache_key": "k" * 65}, 400, "prompt_cache_key"),
    ({"model": "no/such", "input": "a"}, 404, "no/such"),
    ({"model": MODEL, "previous_response_id": "resp_nope"}, 404, "resp_nope"),
])
def test_refusals(kept, upstream, body, status, word):
    got, answer = compact(kept(), body)
    assert got == status and word in answer["detail"] and answer["detail"] == answer["error"]["message"]
    assert sent(upstream) == []


@pytest.mark.parametrize("handler,status", [
    (lambda call: call.json(429, {"error": {"message": "slow down"}}, [("retry-after", "0")]), 429),
    (lambda call: call.json(401, {"error": {"message": "no key"}}), 401),
    (lambda call: call.json(200, completion(content="")), 502),
    (lambda call: call.raw(200, b"<html>"), 502)])
def test_an_upstream_that_fails(kept, upstream, handler, status):
    q = kept()
    upstream.handler = handler
    got, answer = compact(q, {"model": MODEL, "input": "one"})
    assert got == status and answer["detail"] == answer["error"]["message"]
    got, answer = create(q, {"model": MODEL, "input": "one " * 100,
                             "context_management": [{"type": "compaction", "compact_threshold": 1}]})
    assert got == status and answer["detail"]


def test_without_a_store(gateway):
    status, answer = compact(gateway, {"model": MODEL, "input": "one"})
    assert status == 200 and len(answer["output"]) == 2


# --- context_management ------------------------------------------------------------------------------


def over(n):
    return [{"type": "compaction", "compact_threshold": n}]


@pytest.mark.parametrize("threshold,calls", [(1000, 1), (50, 2)])
def test_an_input_that_is_estimated(kept, upstream, threshold, calls):
    q = kept("--compact-prefix", "P")
    talk = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "a" * 400},
            {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    status, answer = create(q, {"model": MODEL, "input": talk, "instructions": "I", "prompt_cache_key": "k",
                                "context_management": over(threshold)})
    assert status == 200 and text_of(answer) == "fine"
    bodies = sent(upstream)
    assert len(bodies) == calls
    if calls == 2:
        assert bodies[0].keys() == {"model", "messages", "stream", "prompt_cache_key"}
        assert bodies[0]["messages"][:-1] == talk
        assert bodies[1]["messages"] == [{"role": "system", "content": "I"}, talk[0], talk[1], talk[3],
                                         {"role": "assistant", "content": "P\nSUMMARY"}]
        # The tokens of the compaction are not the response's.
        assert answer["usage"]["total_tokens"] == 8


def test_what_the_response_before_counted(kept, upstream):
    q = kept("--compact-prefix", "P")
    upstream.handler = said("fine", total=500)
    _, first = create(q, {"model": MODEL, "input": "one"})
    ask = {"model": MODEL, "context_management": over(499), "stream": True}
    upstream.handler = said("fine", total=20)
    events = stream(q, {**ask, "input": "two", "previous_response_id": first["id"]})
    second = events[-1]["response"]
    assert second["status"] == "completed" and len(sent(upstream)) == 3
    short = [{"role": "user", "content": "two"}, {"role": "assistant", "content": "P\nSUMMARY"}]
    assert sent(upstream)[-1]["messages"] == [{"role": "user", "content": [{"type": "text", "text": "one"}]}, *short]
    # The next turn goes on from there, without another compaction.
    events = stream(q, {**ask, "input": "three", "previous_response_id": second["id"]})
    assert len(sent(upstream)) == 4
    assert sent(upstream)[-1]["messages"][1:] == [
        *short, {"role": "assistant", "content": "fine"}, {"role": "user", "content": "three"}]
    # And can be compacted itself: its items are those that were left, and what came after.
    status, answer = compact(q, {"model": MODEL, "previous_response_id": events[-1]["response"]["id"]})
    assert status == 200 and len(answer["output"]) == 4


def test_the_configured_threshold(kept, upstream):
    q = kept("--compact-threshold", "10")
    status, _ = create(q, {"model": MODEL, "input": "a" * 400})
    assert status == 200 and len(sent(upstream)) == 1
    status, _ = create(q, {"model": MODEL, "input": "a" * 400, "context_management": [{"type": "compaction"}]})
    assert status == 200 and len(sent(upstream)) == 3


def test_a_conversation(kept, upstream):
    q = kept("--compact-prefix", "P")
    status, _, data = q.request("POST", "/v1/conversations", {})
    if status == 404:
        pytest.skip("there are no conversations yet")
    ask = {"model": MODEL, "conversation": json.loads(data)["id"]}
    create(q, {**ask, "input": "one" * 100})
    create(q, {**ask, "input": "two", "context_management": over(20)})
    short = [{"role": "user", "content": "one" * 100}, {"role": "user", "content": "two"},
             {"role": "assistant", "content": "P\nSUMMARY"}]
    assert sent(upstream)[-1]["messages"] == short
    create(q, {**ask, "input": "three"})
    assert sent(upstream)[-1]["messages"] == [*short, {"role": "assistant", "content": "fine"},
                                              {"role": "user", "content": "three"}]


def test_call_ids_that_come_again(kept, upstream):
    """What does not fit together as items is compacted as it was said."""
    q = kept("--compact-prefix", "P")
    turn = [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "20"}]
    _, first = create(q, {"model": MODEL, "input": [{"role": "user", "content": "one"}, *turn]})
    status, _ = create(q, {"model": MODEL, "input": [{"role": "user", "content": "two"}, *turn],
                           "previous_response_id": first["id"], "context_management": over(1)})
    assert status == 200
    assert [m["role"] for m in sent(upstream)[-2]["messages"]] == [
        "user", "assistant", "tool", "assistant", "user", "assistant", "tool", "user"]
    assert [m["content"] for m in sent(upstream)[-1]["messages"]] == ["one", "two", "P\nSUMMARY"]


def test_nothing_is_kept_when_nothing_is_to_be(kept, upstream):
    q = kept()
    status, _ = create(q, {"model": MODEL, "input": "a" * 400, "store": False, "context_management": over(1)})
    assert status == 200 and len(sent(upstream)) == 2
    assert json.loads(q.request("GET", "/v1/responses")[2])["data"] == []


def test_the_compaction_is_a_response_of_its_own(kept, upstream):
    q = kept()
    _, answer = create(q, {"model": MODEL, "input": "a" * 400, "context_management": over(1)})
    rows = json.loads(q.request("GET", "/v1/responses")[2])["data"]
    assert len(rows) == 2 and answer["id"] in [r["id"] for r in rows]
    (other,) = [r for r in rows if r["id"] != answer["id"]]
    assert other["output"] == [] and other["status"] == "completed" and other["usage"]["total_tokens"] == 8


def test_over_a_websocket(kept, upstream):
    """What the connection remembers is short, too."""
    q = kept("--compact-prefix", "P")
    with WebSocket(q) as ws:
        ask = {"model": MODEL, "store": False}
        first = ws.ask(**ask, input="one" * 100)
        second = ws.ask(**ask, input="two", previous_response_id=first["id"], context_management=over(20))
        short = [{"role": "user", "content": "one" * 100}, {"role": "user", "content": "two"},
                 {"role": "assistant", "content": "P\nSUMMARY"}]
        assert sent(upstream)[-1]["messages"] == short
        ws.ask(**ask, input="three", previous_response_id=second["id"])
    assert sent(upstream)[-1]["messages"] == [*short, {"role": "assistant", "content": "fine"},
                                              {"role": "user", "content": "three"}]


# --- summaries of reasoning --------------------------------------------------------------------------


def thinking(call):
    if call.request.json["stream"]:
        call.stream([delta(reasoning_content="I th"), delta(reasoning_content="ink."), chunk("fine"),
                     chunk(finish="stop"), DONE])
    else:
        call.json(200, completion(content="It thought."))


def test_a_summary_of_reasoning(kept, upstream):
    q = kept()
    upstream.handler = thinking
    ask = {"model": MODEL, "input": "one", "reasoning": {"effort": "low", "summary": "auto"}, "prompt_cache_key": "k"}
    events = stream(q, ask)
    body = sent(upstream)[-1]
    assert body.keys() == {"model", "messages", "stream", "temperature"}
    assert body["stream"] is False and body["temperature"] == 0.3
    assert [m["role"] for m in body["messages"]] == ["system", "user"] and body["messages"][1]["content"] == "I think."
    reasoning = events[-1]["response"]["output"][0]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "It thought."}]
    assert [e["type"] for e in events if "reasoning_summary" in e["type"]] == [
        f"response.reasoning_summary_{x}" for x in ("part.added", "text.delta", "text.done", "part.done")]
    assert events[-1]["response"]["usage"]["total_tokens"] == 8
    assert create(q, ask)[1]["output"][0]["summary"] == reasoning["summary"]


def test_nothing_to_sum_up(kept, upstream):
    q = kept()
    status, _ = create(q, {"model": MODEL, "input": "one", "reasoning": {"summary": "detailed"}})
    assert status == 200 and len(sent(upstream)) == 1
    upstream.handler = thinking
    status, answer = create(q, {"model": MODEL, "input": "one", "reasoning": {"effort": "low"}})
    assert status == 200 and len(sent(upstream)) == 2 and answer["output"][0]["summary"] == []


def test_a_summary_that_fails(kept, upstream):
    def handler(call):
        if call.request.json["stream"]:
            thinking(call)
        else:
            call.json(400, {"error": {"message": "no"}})

    q = kept()
    upstream.handler = handler
    status, answer = create(q, {"model": MODEL, "input": "one", "reasoning": {"summary": "concise"}})
    assert status == 200 and answer["output"][0]["summary"] == [] and text_of(answer) == "fine"
    q.wait_text("has no summary of its reasoning: no")


# --- OGX's recordings --------------------------------------------------------------------------------


def recording(key):
    (path,) = glob.glob(os.path.join(CORPUS, "responses", "recordings", key + "*"))
    with open(path) as f:
        r = json.load(f)
    return r["test_id"], r["request"]["body"], r["response"]["body"]


def answer_of(body):
    if isinstance(body, dict):
        return body["__data__"]["choices"][0]["message"]["content"]
    choices = [c for x in body for c in x["__data__"]["choices"]]
    return "".join(c["delta"].get("content") or "" for c in choices)


def items_of(messages):
    """The client's items that those messages came from."""
    items, calls = [], []
    for m in messages:
        if m["role"] == "tool":
            items.append({"type": "function_call_output", "call_id": m["tool_call_id"], "output": m["content"]})
        for c in m.get("tool_calls", ()):
            calls.append(c["id"])
            items.append({"type": "function_call", "call_id": c["id"], **c["function"]})
        if m["role"] != "tool" and "content" in m:
            items.append({"role": m["role"], "content": m["content"]})
    return items


@pytest.fixture
def player(start, tmp_path):
    if not os.path.isdir(CORPUS):
        pytest.skip("no ../shared/recordings")
    return start("--store", f"sqlite:{tmp_path}/q.db", "--record-mode", "replay", "--recordings", CORPUS,
                 "--record-strict")


def as_test(test_id):
    return {"headers": {"X-OGX-Provider-Data": json.dumps({"__test_id": test_id})}}


@needs_spec
@pytest.mark.parametrize("key,then", [("0276df0b07d1", None), ("699793266b0b", "d57e8d528cc0")])
def test_recorded_compactions(player, key, then):
    test_id, asked, body = recording(key)
    status, answer = compact(player, {"model": "openai/gpt-4o", "input": items_of(asked["messages"][:-1])},
                             key, **as_test(test_id))
    assert status == 200, answer
    assert answer["output"][-1]["encrypted_content"].endswith("\n" + answer_of(body))
    if then is None:
        return
    test_id, asked, body = recording(then)
    more = {"role": "user", "content": asked["messages"][-1]["content"]}
    status, answer = create(player, {"model": "openai/gpt-4o", "input": [*answer["output"], more]}, **as_test(test_id))
    assert status == 200 and text_of(answer) == answer_of(body)


def test_a_recorded_compaction_of_a_response(kept, player, upstream):
    """The response itself is not among the recordings: it is made with the same store."""
    test_id, asked, body = recording("416ce6986bb8")
    question, answered = (m["content"][0]["text"] for m in asked["messages"][:2])
    upstream.handler = said(answered)
    q = kept()
    _, first = create(q, {"model": MODEL, "input": question})
    q.stop()
    status, answer = compact(player, {"model": "openai/gpt-4o", "previous_response_id": first["id"]},
                             "416ce6986bb8", **as_test(test_id))
    assert status == 200 and answer["output"][-1]["encrypted_content"].endswith(answer_of(body))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_recorded_context_management(player, streamed):
    test_id, asked, _ = recording("b90818fda228")
    _, _, body = recording("db0c4967d71a")
    request = {"model": "openai/gpt-4o", "input": items_of(asked["messages"][:-1]), "context_management": over(1000)}
    if streamed:
        answer = stream(player, request, **as_test(test_id))[-1]["response"]
    else:
        _, answer = create(player, request, **as_test(test_id))
    assert text_of(answer) == answer_of(body)
