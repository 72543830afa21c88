"""Response objects and event streams, held against the Open Responses description.

    from openresponses import check_events, check_response, events_of, needs_spec

    pytestmark = needs_spec
    check_response(client.responses.create(...).to_dict())
    check_events(events_of(body))

The description is read from ../shared/openapi when the first check is made; without it
tests that are marked with needs_spec are skipped, and an unmarked one fails. What it does
not say is checked here: numbers without gaps, one place for each item and part, deltas that
add up, one end, which says the same as the events before it.
"""
import json
import os

import pytest

from quipu import ROOT

SPEC = os.path.join(os.path.dirname(ROOT), "shared", "openapi", "openresponses-2026-04-24.json")

needs_spec = pytest.mark.skipif(not os.path.exists(SPEC),
                                reason="no ../shared/openapi/openresponses-2026-04-24.json")

STATUSES = ("queued", "in_progress", "completed", "incomplete", "failed", "cancelled")
TERMINAL = {"response.completed": "completed", "response.incomplete": "incomplete", "response.failed": "failed"}
# OGX and OpenAI have these beside what the description requires.
MORE_MEMBERS = ("prompt", "conversation")
PREFIXES = {"message": "msg_", "function_call": "fc_", "reasoning": "rs_", "compaction": "cmp_"}

# The words of a schema that say nothing about a value.
SILENT = {"title", "description", "default", "example", "format", "discriminator"}

_schemas = {}


class Invalid(AssertionError):
    pass


def schemas():
    if not _schemas:
        with open(SPEC) as f:
            _schemas.update(json.load(f)["components"]["schemas"])
        amend(_schemas)
    return _schemas


def amend(all_schemas):
    """Where the description contradicts itself, or has another name than OpenAI's reference."""
    # "schema" may only be null, yet is required; and an effort that is described is not listed.
    all_schemas["JsonSchemaResponseFormat"]["properties"]["schema"]["anyOf"].append({"type": "object"})
    all_schemas["ReasoningEffortEnum"]["enum"].append("minimal")
    # OpenAI's: response.reasoning_text.delta and .done.
    for end in ("Delta", "Done"):
        schema = all_schemas[f"ResponseReasoning{end}StreamingEvent"]
        schema["properties"]["type"]["enum"] = [f"response.reasoning_text.{end.lower()}"]


def event_schemas():
    return {s["properties"]["type"]["enum"][0]: s for name, s in schemas().items()
            if name.endswith("StreamingEvent")}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    kinds = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    return isinstance(value, kinds[name])


def fails(value, schema, path):
    try:
        validate(value, schema, path)
    except Invalid as e:
        return str(e)
    return None


def check_any(value, schema, path):
    whys = [fails(value, option, path) for option in schema]
    if all(whys):
        raise Invalid(f"{path}: none of {len(whys)} forms: " + "; ".join(sorted(set(whys), key=len)[-3:]))


def check_one(value, options, path, by):
    """By the discriminator, if there is one: then the reason is that of the form that was meant."""
    if by and isinstance(value, dict):
        for option in options:
            resolved = schemas()[option["$ref"].rsplit("/", 1)[1]] if "$ref" in option else option
            if value.get(by) in resolved["properties"][by].get("enum", ()):
                return validate(value, resolved, path)
        raise Invalid(f"{path}.{by}: {value.get(by)!r} is not known")
    return check_any(value, options, path)


def check_object(value, schema, path):
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            raise Invalid(f"{path}.{name} is missing")
    for name, member in value.items():
        if name in properties:
            validate(member, properties[name], f"{path}.{name}")
        elif isinstance(schema.get("additionalProperties"), dict):
            validate(member, schema["additionalProperties"], f"{path}.{name}")
        elif schema.get("additionalProperties") is False:
            raise Invalid(f"{path}.{name} may not be there")


def check_size(value, schema, path):
    low = schema.get("minLength", schema.get("minItems", 0))
    high = schema.get("maxLength", schema.get("maxItems", schema.get("maxProperties")))
    if isinstance(value, (str, list, dict)) and (len(value) < low or high is not None and len(value) > high):
        raise Invalid(f"{path}: {len(value)} long, not {low} to {high}")
    if is_type(value, "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        raise Invalid(f"{path}: {value} is out of range")


KNOWN = SILENT | {"$ref", "type", "enum", "anyOf", "oneOf", "allOf", "properties", "required", "items",
                  "additionalProperties", "minLength", "minItems", "maxLength", "maxItems", "maxProperties",
                  "minimum", "maximum"}


def validate(value, schema, path):
    """As much of JSON Schema as the description uses; a word that is not known is an error."""
    unknown = {k for k in schema if k not in KNOWN and not k.startswith("x-")}
    if unknown:
        raise Invalid(f"the description has {unknown}, which this validator does not know")
    if "$ref" in schema:
        return validate(value, schemas()[schema["$ref"].rsplit("/", 1)[1]], path)
    if "type" in schema and not is_type(value, schema["type"]):
        raise Invalid(f"{path}: {value!r} is no {schema['type']}")
    if "enum" in schema and value not in schema["enum"]:
        raise Invalid(f"{path}: {value!r} is none of {schema['enum']}")
    check_size(value, schema, path)
    if isinstance(value, dict):
        check_object(value, schema, path)
    if isinstance(value, list):
        for i, element in enumerate(value):
            validate(element, schema.get("items", {}), f"{path}[{i}]")
    for part in schema.get("allOf", ()):
        validate(value, part, path)
    if "anyOf" in schema:
        check_any(value, schema["anyOf"], path)
    if "oneOf" in schema:
        check_one(value, schema["oneOf"], path, schema.get("discriminator", {}).get("propertyName"))
    return None


def require(condition, why):
    if not condition:
        raise Invalid(why)


def check_item(item, status):
    prefix = PREFIXES.get(item["type"])
    require(prefix is None or item["id"].startswith(prefix), f"the id {item['id']} of a {item['type']}")
    require(item.get("status") != "in_progress" or status in ("in_progress", "queued"),
            f"{item['id']} is in progress in a response that is {status}")
    require(item.get("status") != "incomplete" or status in ("incomplete", "failed", "cancelled", "in_progress"),
            f"{item['id']} is incomplete in a response that is {status}")


def check_response(obj):
    """One response object, as answered, listed, retrieved or in an event."""
    validate(obj, schemas()["ResponseResource"], "response")
    status = obj["status"]
    for name in MORE_MEMBERS:
        require(name in obj, f"response.{name} is missing")
    require(obj["id"].startswith("resp_"), f"the id {obj['id']}")
    require(status in STATUSES, f"the status {status}")
    require((obj["completed_at"] is not None) == (status == "completed"), f"completed_at of a {status} one")
    require((obj["error"] is not None) == (status == "failed"), f"error of a {status} one")
    require((obj["incomplete_details"] is not None) == (status == "incomplete"),
            f"incomplete_details of a {status} one")
    ids = [item["id"] for item in obj["output"]]
    require(len(set(ids)) == len(ids), f"ids that come again: {ids}")
    for item in obj["output"]:
        check_item(item, status)


def check_compaction(obj):
    """The answer of /v1/responses/compact: the users' messages, and one compaction item, the last."""
    # A text stays a text, as the client said it; the description knows only lists of parts.
    listed = [{**i, "content": [{"type": "input_text", "text": i["content"]}]}
              if isinstance(i.get("content"), str) else i for i in obj["output"]]
    validate({**obj, "output": listed}, schemas()["CompactResource"], "compaction")
    require(set(obj) == {"id", "created_at", "object", "output", "usage"}, f"the members {sorted(obj)}")
    require(obj["id"].startswith("resp_"), f"the id {obj['id']}")
    kinds = [item["type"] for item in obj["output"]]
    require(kinds == ["message"] * (len(kinds) - 1) + ["compaction"], f"the items {kinds}")
    require({i["role"] for i in obj["output"][:-1]} <= {"user"}, "somebody else's message")
    require(obj["output"][-1]["encrypted_content"], "a compaction that says nothing")
    ids = [item["id"] for item in obj["output"]]
    require(len(set(ids)) == len(ids), f"ids that come again: {ids}")
    for item in obj["output"]:
        check_item(item, "completed")


class Stream:
    """What a client knows after each event."""

    def __init__(self, first_sequence):
        self.sequence = first_sequence
        self.response_id = None
        self.items = []  # by output_index
        self.open = {}   # item id -> {"index", "parts": {content_index: [part type, text, done]}, ...}
        self.terminal = None

    def item_of(self, event, types):
        state = self.open.get(event["item_id"])
        require(state is not None, f"{event['type']} of {event['item_id']}, which is not open")
        require(state["index"] == event["output_index"],
                f"{event['type']}: output_index {event['output_index']}, not {state['index']}")
        require(state["type"] in types, f"{event['type']} of a {state['type']}")
        return state

    def part_of(self, event, part_type):
        state = self.item_of(event, ("message", "reasoning"))
        part = state["parts"].get(event["content_index"])
        require(part is not None and part["type"] == part_type,
                f"{event['type']}: no {part_type} at content_index {event['content_index']}")
        return part

    def on_item_added(self, event):
        item = event["item"]
        require(event["output_index"] == len(self.items),
                f"output_index {event['output_index']} is not {len(self.items)}, the next")
        require(item.get("status", "in_progress") == "in_progress", "an item that begins is not in progress")
        require(not item.get("content") and not item.get("arguments"), "an item that begins is not empty")
        require(item["id"] not in [i["id"] for i in self.items], f"{item['id']} comes again")
        self.items.append(item)
        self.open[item["id"]] = {"index": event["output_index"], "type": item["type"], "parts": {},
                                 "arguments": "", "arguments_done": False, "summary": "", "added": item,
                                 "summary_done": None}

    def on_item_done(self, event):
        item = event["item"]
        state = self.open.pop(item["id"], None)
        require(state is not None and state["index"] == event["output_index"],
                f"{item['id']} at {event['output_index']} ends and had not begun there")
        require(item.get("status") in ("completed", "incomplete"), f"{item['id']} ends {item.get('status')}")
        require(item["type"] == state["type"], "an item that changed its type")
        if item["type"] == "function_call":
            require(state["arguments_done"], "a call that ends without arguments.done")
            require(item["arguments"] == state["arguments"], "the arguments are not what the events said")
            for name in ("call_id", "name"):
                require(item[name] == state["added"][name], f"{name} changed")
        elif item["type"] in ("message", "reasoning"):
            said = [self.ended(part) for _, part in sorted(state["parts"].items())]
            require([(p["type"], p.get("text", p.get("refusal"))) for p in item["content"]] == said,
                    f"{item['id']}: the content is not what the events said")
        if item["type"] == "reasoning":
            require("".join(s["text"] for s in item["summary"]) == state["summary"], "the summary differs")
        self.items[event["output_index"]] = item

    @staticmethod
    def ended(part):
        require(part["part_done"], f"a part that did not end: {part}")
        return part["type"], part["text"]

    def on_part_added(self, event):
        state = self.item_of(event, ("message", "reasoning"))
        require(event["content_index"] == len(state["parts"]), f"content_index {event['content_index']}")
        part = event["part"]
        require(part.get("text", part.get("refusal")) == "", "a part that begins is not empty")
        state["parts"][event["content_index"]] = {"type": part["type"], "text": "", "logprobs": [],
                                                  "text_done": False, "part_done": False}

    def on_part_done(self, event):
        part = self.part_of(event, event["part"]["type"])
        require(part["text_done"] and not part["part_done"], "content_part.done without its text's done")
        require(event["part"].get("text", event["part"].get("refusal")) == part["text"], "the part's text differs")
        require(event["part"].get("logprobs", []) == part["logprobs"], "the part's logprobs differ")
        part["part_done"] = True

    def on_delta(self, event, part_type):
        part = self.part_of(event, part_type)
        require(not part["text_done"], "a delta after its done")
        part["text"] += event["delta"]
        part["logprobs"] += event.get("logprobs", [])

    def on_text_done(self, event, part_type):
        part = self.part_of(event, part_type)
        require(not part["text_done"], "a second done")
        require(surrogates(event.get("text", event.get("refusal"))) == surrogates(part["text"]),
                f"the deltas do not add up: {part['text']!r}")
        part["text"] = event.get("text", event.get("refusal"))
        require(event.get("logprobs", []) == part["logprobs"], "the logprobs do not add up")
        part["text_done"] = True

    def on_arguments_delta(self, event):
        state = self.item_of(event, ("function_call",))
        require(not state["arguments_done"], "a delta after its done")
        state["arguments"] += event["delta"]

    def on_arguments_done(self, event):
        state = self.item_of(event, ("function_call",))
        require(surrogates(event["arguments"]) == surrogates(state["arguments"]), "the arguments do not add up")
        require(event.get("name") == state["added"]["name"], "arguments.done with another name")
        state["arguments"] = event["arguments"]
        state["arguments_done"] = True

    def on_summary(self, event):
        state = self.item_of(event, ("reasoning",))
        if event["type"].endswith("text.delta"):
            state["summary"] += event["delta"]
        elif event["type"].endswith("text.done"):
            require(event["text"] == state["summary"], "the summary does not add up")

    def on_response(self, event):
        response = event["response"]
        check_response(response)
        self.response_id = self.response_id or response["id"]
        require(response["id"] == self.response_id, "another response's id")
        if event["type"] in TERMINAL:
            self.on_terminal(event["type"], response)
            return
        require(response["status"] == ("queued" if event["type"] == "response.queued" else "in_progress"),
                f"{event['type']} with the status {response['status']}")
        require(response["output"] == [] and response["usage"] is None, f"{event['type']} with output")

    def on_terminal(self, name, response):
        require(response["status"] == TERMINAL[name], f"{name} with the status {response['status']}")
        require(name == "response.failed" or not self.open, f"{name}, yet these are open: {list(self.open)}")
        for item_id, state in self.open.items():
            item = response["output"][state["index"]]
            require(item["id"] == item_id and item["status"] == "incomplete", f"{item_id} was cut")
            self.items[state["index"]] = item
        require(response["output"] == self.items, "the output is not what the events said")
        self.terminal = name

    HANDLERS = {
        "response.output_item.added": on_item_added,
        "response.output_item.done": on_item_done,
        "response.content_part.added": on_part_added,
        "response.content_part.done": on_part_done,
        "response.function_call_arguments.delta": on_arguments_delta,
        "response.function_call_arguments.done": on_arguments_done,
    }
    TEXTS = {"output_text": "output_text", "refusal": "refusal", "reasoning_text": "reasoning_text"}

    def take(self, event):
        kind = event.get("type")
        require(kind in event_schemas(), f"no event is called {kind}")
        validate(event, event_schemas()[kind], kind)
        require(event["sequence_number"] == self.sequence,
                f"{kind} has the number {event['sequence_number']}, not {self.sequence}")
        self.sequence += 1
        require(self.terminal is None, f"{kind} comes after {self.terminal}")
        word = kind.split(".")[1]
        if "response" in event:
            self.on_response(event)
        elif kind in self.HANDLERS:
            self.HANDLERS[kind](self, event)
        elif word in self.TEXTS:
            (self.on_delta if kind.endswith(".delta") else self.on_text_done)(event, self.TEXTS[word])
        elif "reasoning_summary" in kind:
            self.on_summary(event)


def surrogates(text):
    """Halves of a surrogate pair in two deltas are one character when they are put together."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def check_events(events, first_sequence=0):
    """All events of one response, as dictionaries, in their order. Returns the last one's object.

    With first_sequence they are those of a stream that was resumed there: the beginning is not
    among them, and only names, shapes, numbers and the end are checked.
    """
    stream = Stream(first_sequence)
    require(events, "no events")
    if first_sequence > 0:
        return check_resumed(events, first_sequence)
    require(events[0]["type"] in ("response.created", "response.queued"), f"it begins with {events[0]['type']}")
    for n, event in enumerate(events):
        try:
            stream.take(event)
        except (Invalid, KeyError) as e:
            raise Invalid(f"event {n} ({event.get('type')}): {e}") from e
    require(stream.terminal, "it has no end")
    for name in ("response.created", *TERMINAL):
        require([e["type"] for e in events].count(name) <= 1, f"{name} comes again")
    return events[-1]["response"]


def check_resumed(events, first_sequence):
    for n, event in enumerate(events):
        require(event["type"] in event_schemas(), f"no event is called {event['type']}")
        validate(event, event_schemas()[event["type"]], event["type"])
        require(event["sequence_number"] == first_sequence + n, f"event {n}: the number {event['sequence_number']}")
        require((event["type"] in TERMINAL) == (n == len(events) - 1), f"event {n} is {event['type']}")
    check_response(events[-1]["response"])
    return events[-1]["response"]


def events_of(body):
    """The events of a stream's bytes; each has an "event:" line that says its type."""
    events = []
    text = body.decode() if isinstance(body, bytes) else body
    for frame in filter(None, text.split("\n\n")):
        name, data = frame.split("\n")
        require(name.startswith("event: ") and data.startswith("data: "), f"a frame like this: {frame[:80]!r}")
        event = json.loads(data[6:])
        require(event["type"] == name[7:], f"{name} is not {event['type']}")
        events.append(event)
    return events
