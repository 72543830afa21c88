"""What the tests of the Responses API share.

Every object and every stream that they get is held against the Open Responses description,
where it is there (test_response_events.py is skipped where it is not).
"""
import json
import os
import sqlite3
import time

from openresponses import SPEC, check_events, check_response
from quipu import SLOW

HAS_SPEC = os.path.exists(SPEC)


def create(q, body, **kw):
    """(status, the JSON of the answer)"""
    status, _, data = q.request("POST", "/v1/responses", body, **kw)
    value = json.loads(data)
    if status == 200 and HAS_SPEC:
        check_response(value)
    return status, value


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
    events = frames(data)
    if HAS_SPEC:
        check_events(events)
    return events


def text_of(response):
    return "".join(p["text"] for item in response["output"] if item["type"] == "message" for p in item["content"])


def kept(q, response_id):
    """The stored object, read from q.db beside the server; None when there is none."""
    db = sqlite3.connect(q.db, timeout=30)
    try:
        row = db.execute("SELECT body FROM objects WHERE kind = 1 AND id = ?", (response_id,)).fetchone()
    finally:
        db.close()
    return row and json.loads(row[0])


def kept_when(q, response_id, status):
    """The same, as soon as it has that status."""
    deadline = time.monotonic() + 20 * SLOW
    while True:
        answer = kept(q, response_id)
        if answer and answer["status"] == status:
            if HAS_SPEC:
                check_response(answer)
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
