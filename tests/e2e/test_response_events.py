"""Every stream of chunks that was recorded, as the events of a response; and the validator itself."""
import copy
import json
import os
import subprocess

import pytest

from openresponses import Invalid, check_events, check_response, check_resumed, events_of, needs_spec
from test_corpus import CORPUS

PRINTER = os.path.join(os.path.dirname(os.environ.get("QUIPU_BIN", "build/release/quipu")),
                       "tests", "unit", "responses", "turn_print")

pytestmark = [needs_spec, pytest.mark.skipif(not os.path.exists(PRINTER), reason=f"{PRINTER} is not built")]


def convert(streams):
    """The events of streams of chunks (or of lines, to send something else)."""
    lines = lambda chunks: "".join((c if isinstance(c, str) else json.dumps(c)) + "\n" for c in chunks)
    out = subprocess.run([PRINTER], input="\n".join(map(lines, streams)).encode() + b"\n", check=True, timeout=120,
                         capture_output=True).stdout
    return [events_of(text) for text in out.decode().split("end\n")[:-1]]


def delta(**members):
    return {"choices": [{"index": 0, "delta": members}]}


def call(index, **function):
    members = {"index": index, "function": function}
    if "id" in function:
        members["id"] = function.pop("id")
    return delta(tool_calls=[members])


def recorded_streams():
    for where, _, names in sorted(os.walk(CORPUS)):
        for name in sorted(names):
            if not name.endswith(".json"):
                continue
            with open(os.path.join(where, name)) as f:
                response = json.load(f).get("response")
            body = response.get("body") if isinstance(response, dict) else None
            chunks = [x.get("__data__") for x in body if isinstance(x, dict) and "__data__" in x] \
                if isinstance(body, list) else []
            if chunks and isinstance(chunks[0], dict) and chunks[0].get("object") == "chat.completion.chunk":
                yield os.path.join(os.path.basename(os.path.dirname(where)), name), chunks


def said(chunks):
    """What a chat client makes of them: text, reasoning, calls."""
    text, thought, calls = "", "", {}
    for chunk in chunks:
        for choice in (c for c in chunk["choices"] if c["index"] == 0):
            d = choice["delta"]
            text += d.get("content") or ""
            thought += d.get("reasoning") or ""
            for c in d.get("tool_calls") or ():
                name, arguments = calls.get(c["index"], ("", ""))
                calls[c["index"]] = (name or c["function"].get("name"), arguments + (c["function"]["arguments"] or ""))
    return text, thought, [(n, a or "{}") for _, (n, a) in sorted(calls.items())]


def shown(response):
    """The same of a response's output."""
    items = response["output"]
    text = "".join(p["text"] for i in items if i["type"] == "message" for p in i["content"])
    thought = "".join(p["text"] for i in items if i["type"] == "reasoning" for p in i["content"])
    return text, thought, [(i["name"], i["arguments"]) for i in items if i["type"] == "function_call"]


@pytest.mark.skipif(not os.path.isdir(CORPUS), reason="no ../shared/recordings")
def test_recorded_streams():
    names, streams = zip(*recorded_streams())
    assert len(streams) > 400
    for name, chunks, events in zip(names, streams, convert(streams), strict=True):
        try:
            response = check_events(events)
        except Invalid as e:
            raise AssertionError(f"{name}: {e}") from e
        assert shown(response) == said(chunks), name
        usage = [c["usage"] for c in chunks if c.get("usage")]
        if usage:
            assert response["usage"]["total_tokens"] == usage[-1]["total_tokens"], name


STREAMS = {
    "nothing": [],
    "length": [delta(content="a"), {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}],
    "refusal": [delta(content="a"), delta(refusal="n"), delta(refusal="o")],
    "everything": [delta(reasoning="r"), delta(content="t"), call(0, id="c0", name="f", arguments=""),
                   call(1, id="c1", name="g", arguments="{"), call(0, arguments="{}"), call(1, arguments="}"),
                   delta(reasoning="r"), delta(content="t"), delta(reasoning="s"), delta(content="u")],
    "no arguments": [call(0, id="c0", name="f")],
    "half a character": [delta(content="\ud83d"), delta(content="\ude00")],
    "logprobs": [{"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [
        {"token": "a", "logprob": -1.5, "bytes": None, "top_logprobs": []}]}}]}],
    "an error in the middle": [delta(reasoning="r"), delta(content="a"), {"error": {"message": "x"}}],
    "garbage in the middle": [delta(content="a"), call(0, id="c", name="f", arguments="{"), "{garbage"],
}


@pytest.mark.parametrize("name", STREAMS)
def test_made_streams(name):
    (events,) = convert([STREAMS[name]])
    response = check_events(events)
    end = "failed" if "middle" in name else "incomplete" if name == "length" else "completed"
    assert response["status"] == end
    check_resumed(events[4:], 4)


def broken(change):
    """A good stream, changed in one place; each of these the validator must refuse."""
    (events,) = convert([STREAMS["everything"]])
    events = copy.deepcopy(events)
    change(events)
    return events


def at(events, kind):
    return next(e for e in events if e["type"] == "response." + kind)


def drop(events, kind):
    events.remove(at(events, kind))
    for n, event in enumerate(events):
        event["sequence_number"] = n


BREAKS = {
    "a gap": lambda e: e.pop(5),
    "a number twice": lambda e: e[3].update(sequence_number=2),
    "no end": lambda e: e.pop(),
    "two ends": lambda e: e.append({**e[-1], "sequence_number": len(e)}),
    "a member missing": lambda e: e[-1]["response"].pop("truncation"),
    "a member of OpenAI's missing": lambda e: e[-1]["response"].pop("conversation"),
    "a wrong type": lambda e: e[-1]["response"].update(top_p="1.0"),
    "a name that nobody knows": lambda e: e[4].update(type="response.output_text.more"),
    "a delta that is lost": lambda e: drop(e, "output_text.delta"),
    "a done that is lost": lambda e: drop(e, "output_text.done"),
    "a part's end that is lost": lambda e: drop(e, "content_part.done"),
    "an item's end that is lost": lambda e: drop(e, "output_item.done"),
    "an item's beginning that is lost": lambda e: drop(e, "output_item.added"),
    "arguments' end that is lost": lambda e: drop(e, "function_call_arguments.done"),
    "arguments that do not add up": lambda e: at(e, "function_call_arguments.delta").update(delta="x"),
    "arguments without a name": lambda e: at(e, "function_call_arguments.done").pop("name"),
    "another place": lambda e: at(e, "output_text.delta").update(output_index=0),
    "another part": lambda e: at(e, "output_text.delta").update(content_index=1),
    "another item": lambda e: at(e, "output_text.delta").update(item_id="msg_x"),
    "an output that differs": lambda e: e[-1]["response"]["output"].pop(),
    "an output in another order": lambda e: e[-1]["response"]["output"].reverse(),
    "a wrong status": lambda e: e[-1]["response"].update(status="in_progress"),
    "no completed_at": lambda e: e[-1]["response"].update(completed_at=None),
    "an error in what went well": lambda e: e[-1]["response"].update(error={"code": "x", "message": "y"}),
    "another response": lambda e: e[-1]["response"].update(id="resp_other"),
    "an item without a status": lambda e: at(e, "output_item.done")["item"].pop("status"),
    "an item still in progress": lambda e: e[-1]["response"]["output"][0].update(status="in_progress"),
    "an item of an unknown type": lambda e: e[-1]["response"]["output"][0].update(type="thought"),
    "an id with another prefix": lambda e: e[-1]["response"]["output"][0].update(id="msg_1"),
    "a beginning with output": lambda e: e[0]["response"].update(output=e[-1]["response"]["output"]),
    "another beginning": lambda e: e.pop(0),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_validator_sees(name):
    with pytest.raises(AssertionError):
        check_events(broken(BREAKS[name]))


def test_a_good_object():
    (events,) = convert([STREAMS["everything"]])
    check_response(events[0]["response"])
    check_response(events[-1]["response"])
