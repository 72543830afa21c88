"""The official Node SDK against quipu; see node/chat.mjs for its half."""
import json
import os
import shutil
import subprocess
import threading

import pytest

from quipu import ROOT, SLOW
from upstream import DONE, chunk, completion

SCRIPT = os.path.join(ROOT, "tests", "e2e", "node", "chat.mjs")


def missing():
    if not shutil.which("node"):
        return "node is not installed"
    found = subprocess.run(["node", "-e", "require('openai')"], capture_output=True, timeout=60 * SLOW)
    return "" if found.returncode == 0 else "the package openai is not in NODE_PATH"


@pytest.fixture(scope="module")
def node():
    why = missing()
    if why:
        pytest.skip(why)

    def go(q, case, model="openai/m1"):
        done = subprocess.run(["node", SCRIPT, q.url + "/v1", model, case], capture_output=True, text=True,
                              timeout=90 * SLOW)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return go


def test_an_answer(node, gateway, upstream):
    upstream.handler = lambda call: call.json(200, completion(content="héllo ☃"))
    assert node(gateway, "whole") == {"text": "héllo ☃", "model": "openai/m1", "total": 8}


def test_a_stream_of_two_choices(node, gateway, upstream):
    upstream.handler = lambda call: call.stream(
        [chunk("a", index=0), chunk("x", index=1), chunk("b", index=0), chunk("y", index=1),
         chunk(finish="stop", index=0), chunk(finish="stop", index=1), DONE])
    assert node(gateway, "stream") == {"0": "ab", "1": "xy"}
    assert upstream.chat_requests()[0].json["n"] == 2


def test_echo_and_the_list(node, start):
    q = start()
    assert node(q, "stream", "echo/echo") == {"0": "one two three", "1": "one two three"}
    assert node(q, "models") == ["echo/echo"]


@pytest.mark.parametrize("status,kind", [(400, "BadRequestError"), (401, "AuthenticationError"),
                                         (404, "NotFoundError"), (429, "RateLimitError"),
                                         (500, "InternalServerError")])
def test_errors_are_the_sdks_own(node, start, upstream, status, kind):
    upstream.handler = lambda call: call.json(status, {"error": {"message": "no", "type": "t", "code": "c1"}})
    q = start("--retries", "0", env={"OPENAI_BASE_URL": upstream.url})
    told = node(q, "error")
    assert (told["kind"], told["status"], told["code"]) == (kind, status, "c1")
    assert told["id"].startswith("req_")


def test_an_abort_is_seen_upstream(node, gateway, upstream):
    gone, seconds = threading.Event(), []

    def handler(call):
        call.start_stream()
        call.chunk(chunk("first"))
        seconds.append(call.wait_gone(20 * SLOW))
        gone.set()

    upstream.handler = handler
    assert node(gateway, "abort") == {"first": "first"}
    assert gone.wait(10 * SLOW) and seconds[0] is not None
    gateway.wait_text("POST /v1/chat/completions")


def test_echo_completes_and_embeds(node, start):
    q = start()
    assert node(q, "completions", "echo/echo") == {"text": "one two", "streamed": "one two", "model": "echo/echo"}
    assert node(q, "embeddings", "echo/echo") == {"same": True, "count": 2, "length": 4, "model": "echo/echo"}


def test_moderations(node, gateway, upstream):
    result = {"flagged": False, "categories": {}, "category_scores": {}}
    upstream.handler = lambda call: call.json(200, {"id": "m", "model": "omni", "results": [result]})
    assert node(gateway, "moderations") == result


def test_stored_completions(node, start, tmp_path):
    q = start("--store", f"sqlite:{tmp_path}/q.db")
    assert node(q, "stored", "echo/echo") == {
        "all": [4, 3, 2, 0], "odd": [3], "text": "0", "said": ["user", "user", "assistant"],
        "metadata": {"n": "9"}, "deleted": True, "unknown": "NotFoundError"}
