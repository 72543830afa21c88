"""The Responses API with the official Node SDK; see node/responses.mjs for its half."""
import json
import os
import subprocess

import pytest
from openresponses import check_events, check_response, needs_spec
from quipu import ROOT, SLOW
from test_node import missing

SCRIPT = os.path.join(ROOT, "tests", "e2e", "node", "responses.mjs")
ECHO = "echo/echo"

pytestmark = needs_spec


@pytest.fixture
def node(start, tmp_path):
    why = missing()
    if why:
        pytest.skip(why)

    def go(case, model=ECHO, env=None, flags=()):
        q = start("--store", f"sqlite:{tmp_path}/q.db", *flags, env=env or {})
        done = subprocess.run(["node", SCRIPT, q.url + "/v1", model, case], capture_output=True, text=True,
                              timeout=90 * SLOW)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        for response in told.pop("objects"):
            check_response(response)
        if "events" in told:
            told["events"] = check_events(told["events"])["status"]
        return told

    return go


def test_turns(node):
    assert node("turns") == {"events": "completed", "items": ["three", "one two", "one two"], "gone": "NotFoundError", "text": "one two"}


def test_the_stream_helper(node):
    assert node("stream") == {"text": "one two three", "final": "one two three"}


def test_tools(node):
    assert node("tools") == {"name": "weather", "arguments": ["city"], "text": "warm"}


def test_structure(node):
    assert node("structure") == {"kind": "number"}


def test_background(node):
    assert node("background") == {"events": "completed", "status": "queued", "text": "one two"}


def test_a_conversation(node):
    assert node("conversation") == {"same": True, "texts": ["one", "one"], "deleted": True}


@pytest.mark.parametrize("status,kind", [(400, "BadRequestError"), (401, "AuthenticationError"),
                                         (404, "NotFoundError"), (429, "RateLimitError"),
                                         (500, "InternalServerError")])
def test_errors_are_the_sdks_own(node, upstream, status, kind):
    upstream.handler = lambda call: call.json(status, {"error": {"message": "no", "type": "t", "code": "c1"}})
    env = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-0123456789"}
    assert node("error", "openai/m1", env, ["--retries", "0"]) == {"kind": kind, "status": status, "code": "c1"}
