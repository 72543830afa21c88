"""What the tests of the Responses API share."""
import json


def create(q, body, **kw):
    """(status, the JSON of the answer)"""
    status, _, data = q.request("POST", "/v1/responses", body, **kw)
    return status, json.loads(data)


def frames(data):
    """The events of a stream: their data, checked against their "event:" lines."""
    events = []
    for frame in data.decode().split("\n\n")[:-1]:
        if frame.startswith(":"):
            continue
        name, text = frame.split("\n")
        value = json.loads(text.removeprefix("data: "))
        assert name == "event: " + value["type"]
        events.append(value)
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    return events


def stream(q, body, **kw):
    status, headers, data = q.request("POST", "/v1/responses", {**body, "stream": True}, **kw)
    assert status == 200 and headers["content-type"] == "text/event-stream", data
    return frames(data)


def text_of(response):
    return "".join(p["text"] for item in response["output"] if item["type"] == "message" for p in item["content"])
