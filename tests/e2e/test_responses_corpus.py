"""Requests of OGX's own tests of responses, played from OGX's own recordings: each upstream call is found by
its exact key, and the response says what the recording says."""
import json
import os

import pytest
from openresponses import check_events, check_response
from quipu import ROOT
from responses import create, stream, text_of

CORPUS = os.path.join(os.path.dirname(ROOT), "shared", "recordings")
with open(os.path.join(ROOT, "tests", "unit", "responses", "examples.json")) as f:
    EXAMPLES = json.load(f)

pytestmark = pytest.mark.skipif(not os.path.isdir(CORPUS), reason="no ../shared/recordings")


def recorded(example, key):
    """The chunks of the recording that the key names."""
    folder = os.path.join(CORPUS, example["recordings"], "recordings")
    name = next(n for n in sorted(os.listdir(folder)) if n.startswith(key))
    with open(os.path.join(folder, name)) as f:
        body = json.load(f)["response"]["body"]
    return [x["__data__"] for x in body] if isinstance(body, list) else [body["__data__"]]


def said(chunks):
    """What the model said: its text, and its calls' names and arguments by index."""
    text, calls = "", {}
    for c in chunks:
        for choice in c["choices"][:1]:
            d = choice.get("delta") or choice["message"]
            text += d.get("content") or ""
            for call in d.get("tool_calls") or []:
                name, arguments = calls.get(call.get("index", 0), ("", ""))
                f = call["function"]
                calls[call.get("index", 0)] = (name + (f.get("name") or ""), arguments + (f.get("arguments") or ""))
    return text, [(n, a or "{}") for _, (n, a) in sorted(calls.items())]


def prepared(q, example, provider_data):
    """What has to be there before: the ids of a conversation and of a prompt."""
    made = {}
    for kind, path in (("conversation", "/v1/conversations"), ("prompt", "/v1/prompts")):
        if kind not in example:
            continue
        body = example[kind] if kind == "conversation" else {
            "prompt": example[kind]["text"], "variables": example[kind]["variables"]}
        status, _, data = q.request("POST", path, body, headers=provider_data)
        assert status == 200, data
        answer = json.loads(data)
        made[kind] = answer.get("id") or answer["prompt_id"]
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from quipu import Quipu
    folder = tmp_path_factory.mktemp("corpus")
    q = Quipu(folder, "--record-mode", "replay", "--recordings", CORPUS, "--store", f"sqlite:{folder}/q.db")
    yield q
    q.stop()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["name"])
def test_an_example(server, example, streamed):
    headers = {"X-OGX-Provider-Data": json.dumps({"__test_id": example.get("test_id")})}
    made = prepared(server, example, headers)
    answers = []
    for request in example["requests"]:
        body = {k: v for k, v in request["body"].items() if k != "stream"}
        if "previous" in request:
            body["previous_response_id"] = answers[request["previous"]]["id"]
        if request.get("in_conversation"):
            body["conversation"] = made["conversation"]
        if "prompt" in body:
            body["prompt"] = {**body["prompt"], "id": made["prompt"]}
        if request.get("history"):
            pytest.skip("its history is part of another test")
        if streamed:
            events = stream(server, body, headers=headers)
            check_events(events)
            answer = events[-1]["response"]
        else:
            status, answer = create(server, body, headers=headers)
            assert status == 200, answer
        check_response(answer)
        assert answer["status"] in ("completed", "incomplete"), answer
        text, calls = said(recorded(example, request["keys"][-1]))
        assert text_of(answer) == text
        assert [(i["name"], i["arguments"]) for i in answer["output"] if i["type"] == "function_call"] == calls
        answers.append(answer)
