"""A provider that has responses itself, used as such: "responses: native"."""
import json

import pytest
from responses import create

CONFIG = """
providers:
  inference:
  - provider_id: own
    provider_type: remote::openai
    config: {base_url: "%s", api_key: sk-test-0123456789, responses: native}
  - provider_id: other
    provider_type: remote::openai
    config: {base_url: "%s", api_key: sk-test-0123456789}
"""
ASK = {"model": "own/m1", "input": "hi", "tools": [{"type": "web_search"}], "previous_response_id": "resp_of_theirs",
       "unknown": [1.50]}
OBJECT = {"id": "resp_1", "object": "response", "model": "m1-2026", "status": "completed", "error": None, "output": []}
EVENTS = [b"event: response.created\ndata: " + json.dumps(
              {"type": "response.created", "sequence_number": 0, "response": OBJECT}).encode() + b"\n\n",
          b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n",
          b"event: response.completed\ndata: " + json.dumps(
              {"type": "response.completed", "sequence_number": 2, "response": OBJECT}).encode() + b"\n\n"]


@pytest.fixture
def q(start, upstream, tmp_path):
    return start("--store", f"sqlite:{tmp_path}/kept.db", config=CONFIG % (upstream.url, upstream.url))


def test_a_whole_answer(q, upstream):
    upstream.handler = lambda call: call.json(200, OBJECT)
    text = json.dumps(ASK).replace("1.5]", "1.50]")
    status, _, data = q.request("POST", "/v1/responses", text)
    assert status == 200 and json.loads(data) == {**OBJECT, "model": "own/m1"}
    sent = upstream.chat_requests()[-1]
    assert sent.target == "/v1/responses" and sent.body.decode() == text.replace('"own/m1"', '"m1"')


def test_a_stream_is_as_it_was(q, upstream):
    upstream.handler = lambda call: call.stream(EVENTS)
    status, headers, data = q.request("POST", "/v1/responses", {**ASK, "stream": True})
    assert status == 200 and headers["content-type"] == "text/event-stream"
    assert data == b"".join(EVENTS)


def test_its_errors_are_its_own(q, upstream):
    upstream.handler = lambda call: call.json(400, {"error": {"message": "no!", "type": "x", "code": "c", "param": "p"}})
    status, _, data = q.request("POST", "/v1/responses", ASK)
    assert status == 400 and json.loads(data)["error"] == {"message": "no!", "type": "x", "code": "c", "param": "p"}


def test_other_providers_are_translated(q, upstream):
    status, answer = create(q, {"model": "other/m1", "input": "hi"})
    assert status == 200 and answer["status"] == "completed"
    assert upstream.chat_requests()[-1].target == "/v1/chat/completions"


def test_chat_completions_are_as_ever(q, upstream):
    status, _, _ = q.chat({"model": "own/m1", "messages": [{"role": "user", "content": "hi"}]})
    assert status == 200 and upstream.chat_requests()[-1].target == "/v1/chat/completions"


def test_a_word_that_is_none(start):
    q = start(config=CONFIG.replace("native", "naive") % ("http://x/v1", "http://x/v1"), wait=False)
    assert "translate, native" in q.stop(expect=2, signal_it=False)
