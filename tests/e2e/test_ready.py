"""GET /v1/ready: does the store answer, are the providers usable, and why not."""
import concurrent.futures
import json
import os
import shutil
import signal
import sqlite3
import time

import pytest

from quipu import SLOW
from upstream import Upstream

LIST = {"object": "list", "data": [{"id": "m1", "object": "model", "created": 1, "owned_by": "x"}]}


def ready(q):
    status, headers, body = q.request("GET", "/v1/ready")
    assert headers["content-type"] == "application/json"
    return status, json.loads(body)


def wait_for(q, want, timeout=20.0):
    """The first answer that want() likes."""
    deadline = time.monotonic() + timeout * SLOW
    while True:
        status, body = ready(q)
        if want(status, body):
            return status, body
        assert time.monotonic() < deadline, (status, body, q.text())
        time.sleep(0.02)


def provider(body, name):
    return next(p for p in body["providers"] if p["provider_id"] == name)


def test_a_server_without_a_store(start):
    q = start("--store", "none")
    assert ready(q) == (200, {"store": {"status": "off"}, "providers": [{"provider_id": "echo", "status": "ok"}],
                              "status": "ready"})
    assert q.request("HEAD", "/v1/ready")[0] == 200
    assert json.loads(q.request("GET", "/v1/health")[2]) == {"status": "OK"}


def test_a_store_that_answers(start, tmp_path):
    q = start("--store", f"sqlite:{tmp_path}/q.db")
    assert ready(q)[1]["store"] == {"status": "ok"}


def test_a_provider_is_asked_by_nobody(start, upstream, tmp_path):
    q = start("--store", f"sqlite:{tmp_path}/q.db", env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-x"})
    wait_for(q, lambda s, b: provider(b, "openai")["status"] == "ok")
    asked = len(upstream.requests)
    for _ in range(20):
        assert ready(q)[0] == 200
    assert len(upstream.requests) == asked


TWO = """
providers:
  inference:
  - {{provider_id: one, {one}}}
  - {{provider_id: two, provider_type: remote::openai, config: {{base_url: "{two}", api_key: "sk-two-000000"}}}}
"""


def openai(upstream, key):
    return f'provider_type: remote::openai, config: {{base_url: "{upstream.url}", api_key: "{key}"}}'


def test_one_usable_provider_is_enough(start, upstream):
    """The other has no key, a wrong one, or is not there; the reason is told and the key is not."""
    def refuse(call):
        call.json(401, {"error": {"message": "wrong key sk-secret-123456", "type": "t", "code": "invalid_api_key"}})

    other = Upstream()
    try:
        other.models = refuse
        q = start("--store", "none", config=TWO.format(one="provider_type: remote::groq", two=upstream.url))
        _, body = wait_for(q, lambda s, b: provider(b, "two")["status"] == "ok"
                           and provider(b, "one")["status"] == "no_key")
        assert body["status"] == "ready" and "requests bring" in provider(body, "one")["reason"]

        q = start("--store", "none", config=TWO.format(one=openai(other, "sk-secret-123456"), two=upstream.url))
        status, body = wait_for(q, lambda s, b: provider(b, "two")["status"] == "ok"
                                and provider(b, "one")["status"] == "error")
        assert status == 200 and body["status"] == "ready"
        assert "wrong key" in provider(body, "one")["reason"] and "sk-secret" not in json.dumps(body)
    finally:
        other.close()


def test_no_usable_provider(start, upstream):
    upstream.models = lambda call: call.json(500, {"error": {"message": "broken", "type": "t"}})
    q = start("--store", "none", "--retries", "0", config=TWO.format(one=openai(upstream, "sk-1"), two=upstream.url))
    status, body = wait_for(q, lambda s, b: s == 503)
    assert body["status"] == "not_ready" and body["reason"] == "No provider is usable."
    assert [p["status"] for p in body["providers"]] == ["error", "error"]
    assert q.request("GET", "/v1/health")[0] == 200, "liveness is another matter"


def test_a_provider_without_a_list_of_models_is_usable(start, upstream):
    upstream.models = lambda call: call.json(404, {"error": {"message": "no such thing", "type": "t"}})
    q = start("--store", "none", env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-x"})
    q.wait_text("no model list")
    assert provider(wait_for(q, lambda s, b: s == 200)[1], "openai")["status"] == "unknown"


def test_failing_models_make_a_provider_unusable(start, upstream):
    """All of its models rest after failures; a good answer ends that."""
    upstream.models = lambda call: call.json(200, LIST)
    broken = True

    def handler(call):
        if broken:
            call.hang_up()
        call.json(200, {"id": "c", "object": "chat.completion", "created": 1, "model": "m1",
                        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"},
                                     "finish_reason": "stop"}]})

    upstream.handler = handler
    q = start("--store", "none", "--workers", "1", "--retries", "0",
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-x"})
    q.wait_model("openai/m1")
    ask = {"model": "openai/m1", "messages": [{"role": "user", "content": "x"}]}
    for _ in range(3):
        assert q.chat(ask)[0] == 502
    status, body = ready(q)
    assert status == 503 and "left alone" in provider(body, "openai")["reason"]
    broken = False
    wait_for(q, lambda s, b: q.chat(ask)[0] == 200 and ready(q)[0] == 200)


def test_a_replay_needs_no_provider(start, tmp_path, upstream):
    (tmp_path / "rec").mkdir()
    upstream.models = lambda call: call.json(500, {"error": {"message": "broken", "type": "t"}})
    q = start("--store", "none", "--record-mode", "replay", "--recordings", f"{tmp_path}/rec",
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-x"})
    status, body = ready(q)
    assert status == 200 and provider(body, "openai")["status"] == "ok"
    assert provider(body, "openai")["reason"] == "Recordings answer for it."


def test_a_damaged_store_is_told_and_probes_do_not_pile_up(start, tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    q = start("--store", f"sqlite:{folder}/q.db")
    assert ready(q)[0] == 200
    for name in os.listdir(folder):
        with open(folder / name, "r+b") as f:
            f.write(b"no database of anybody's" * 400)
    began = time.monotonic()
    status, body = wait_for(q, lambda s, b: s == 503)
    assert body["store"]["status"] == "error" and body["store"]["reason"].startswith("The store")
    assert body["reason"] == "The store does not answer." and str(tmp_path) not in json.dumps(body)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = {s for s, _ in pool.map(lambda _: ready(q), range(200))}
    assert statuses == {503} and time.monotonic() - began < 30 * SLOW
