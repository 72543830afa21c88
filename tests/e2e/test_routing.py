"""Several targets for one model: who is asked, who comes next, and what a client sees of it."""
import concurrent.futures
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from quipu import SLOW
from upstream import DONE, Upstream, chunk, completion

ASK = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
HERE = os.path.dirname(os.path.abspath(__file__))


def config(targets, upstreams, more="", kind="remote::openai-compatible"):
    """A file with the providers a, b, ... and the model "fast" of the targets."""
    lines = ["providers:", "  inference:"]
    for name, up in zip("abcdefgh", upstreams):
        url = up if isinstance(up, str) else up.url
        lines += [f"  - provider_id: {name}", f"    provider_type: {kind}",
                  f"    config: {{base_url: '{url}', api_key: sk-{name}-0123456789, "
                  "network: {timeout: {first_byte: 1s}}}"]
    lines += ["registered_resources:", "  models:", "  - model_id: fast"]
    if isinstance(targets, str):
        lines += ["    " + targets]
    else:
        lines += ["    targets:"] + [f"    - {json.dumps(t)}" for t in targets]
    return "\n".join(lines) + "\n" + more


@pytest.fixture
def second():
    up = Upstream()
    yield up
    up.close()
    assert not up.errors, up.errors


def named(name):
    def handler(call):
        if call.request.json.get("stream"):
            call.stream([chunk(name, model=call.request.json["model"]), chunk(finish="stop"), DONE])
        else:
            call.json(200, completion(call.request.json["model"], name))
    return handler


def in_turn(*models):
    return [{"model": m, "priority": i} for i, m in enumerate(models)]


def pair(start, first, second, *flags):
    second.handler = named("second")
    return start("--workers", "1", *flags, config=config(in_turn("a/x", "b/y"), [first, second]))


def text(answer):
    return json.loads(answer[2])["choices"][0]["message"]["content"]


def status(code, body=None, headers=()):
    return lambda call: call.json(code, body or {"error": {"message": "no", "type": "t"}}, headers)


def reset(call):
    call.close_after = True


def cut_whole(call):
    call.head(200, [("content-type", "application/json"), ("content-length", 500)])
    call.send(b'{"model": "x", "choices')
    call.close_after = True


def cut_stream(call):
    call.start_stream()
    call.chunk(b'data: {"choices":')
    call.close_after = True


def error_in_200(call):
    call.json(200, {"error": {"message": "overloaded", "code": 503}})


def html(call):
    call.raw(200, b"<html>", content_type="text/html")


def stall(call):
    time.sleep(3 * SLOW)
    call.close_after = True


@pytest.mark.parametrize("handler", [
    reset, cut_whole, error_in_200, html, stall, status(408), status(409), status(429), status(500), status(503),
    status(529), status(401), status(402), status(403)])
def test_the_next_target_takes_over(start, upstream, second, handler):
    upstream.handler = handler
    q = pair(start, upstream, second)
    answer = q.chat(ASK)
    assert answer[0] == 200 and text(answer) == "second"
    assert answer[1]["x-quipu-provider"] == "b" and answer[1]["x-quipu-attempts"] == "2"
    assert json.loads(answer[2])["model"] == "fast"
    # A pooled connection that dies is tried once more, on a new one.
    assert {r.json["model"] for r in upstream.chat_requests()} == {"x"}
    assert [r.json["model"] for r in second.chat_requests()] == ["y"]
    assert second.chat_requests()[0].headers["authorization"] == "Bearer sk-b-0123456789"
    q.wait_text("another target is asked")


@pytest.mark.parametrize("handler", [reset, cut_stream, error_in_200, html, status(503)])
def test_a_stream_that_has_not_begun_is_asked_elsewhere(start, upstream, second, handler):
    upstream.handler = handler
    q = pair(start, upstream, second)
    answer = q.chat({**ASK, "stream": True})
    assert answer[0] == 200 and answer[1]["x-quipu-provider"] == "b"
    assert answer[2].count(b"data: ") == 3 and answer[2].endswith(DONE) and b'"second"' in answer[2]


@pytest.mark.parametrize("code", [400, 404, 405, 413, 415, 422])
def test_a_fault_of_the_request_is_told_at_once(start, upstream, second, code):
    upstream.handler = status(code)
    q = pair(start, upstream, second)
    answer = q.chat(ASK)
    assert answer[0] == code and answer[1]["x-quipu-provider"] == "a" and answer[1]["x-quipu-attempts"] == "1"
    assert len(upstream.chat_requests()) == 1 and not second.chat_requests()


def test_a_content_filter_is_told_at_once(start, upstream, second):
    upstream.handler = status(403, {"error": {"message": "no", "type": "moderation", "code": "content_filter"}})
    q = pair(start, upstream, second)
    assert q.chat(ASK)[0] == 403 and not second.chat_requests()


def test_a_client_hears_that_its_own_key_is_refused(start, upstream, second):
    upstream.handler = status(401)
    q = start(config=config(in_turn("a/x", "b/y"), [upstream, second], kind="remote::openai"))
    answer = q.chat(ASK, headers={"x-ogx-provider-data": json.dumps({"openai_api_key": "sk-mine-0123456789"})})
    assert answer[0] == 401 and not second.chat_requests()


def test_a_stream_that_has_begun_ends_with_an_error(start, upstream, second):
    def handler(call):
        call.start_stream()
        call.chunk(chunk("begun"))
        call.close_after = True

    upstream.handler = handler
    q = pair(start, upstream, second)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as caught:
        q.chat({**ASK, "stream": True})
    data = caught.value.partial if isinstance(caught.value, http.client.IncompleteRead) else b""
    assert b"begun" in data and b"upstream_cut" in data and b"second" not in data
    assert not second.chat_requests()


def test_all_targets_are_asked_again_after_a_pause(start, upstream, second):
    upstream.handler = status(503)
    second.handler = status(500)
    q = start("--workers", "1", "--retries", "1", config=config(in_turn("a/x", "b/y"), [upstream, second]))
    answer = q.chat(ASK)
    assert answer[0] == 500 and answer[1]["x-quipu-attempts"] == "4" and answer[1]["x-quipu-provider"] == "b"
    assert len(upstream.chat_requests()) == len(second.chat_requests()) == 2


def test_weights_are_shares(start, upstream, second):
    upstream.handler, second.handler = named("first"), named("second")
    q = start(config=config([{"model": "a/x", "weight": 3}, {"model": "b/y"}], [upstream, second]))
    got = [text(q.chat(ASK)) for _ in range(200)]
    assert 120 <= got.count("first") <= 180, got.count("first")


def test_all_providers_that_list_a_model_are_its_targets(start, upstream, second):
    third = Upstream()
    third.models = lambda call: call.json(200, {"data": [{"id": "other"}]})
    upstream.handler = reset
    second.handler = named("second")
    more = "  - {model_id: any, provider_id: all, provider_model_id: auto}\n"
    q = start(config=config("provider_id: all\n    provider_model_id: m1", [third, upstream, second], more))
    q.wait_model("fast")
    answer = q.chat(ASK)
    assert text(answer) == "second" and answer[1]["x-quipu-provider"] == "c" and not third.chat_requests()
    third.handler = status(503)
    answer = q.chat({**ASK, "model": "any"})
    assert text(answer) == "second" and [r.json["model"] for r in third.chat_requests()] == ["other"]
    third.close()


def test_a_target_that_is_not_allowed_is_none(start, upstream, second):
    upstream.handler, second.handler = named("first"), named("second")
    text_ = config(in_turn("a/x", "b/y"), [upstream, second]).replace("api_key: sk-a", "allowed_models: [z], api_key: sk-a")
    q = start(config=text_)
    assert text(q.chat(ASK)) == "second" and not upstream.chat_requests()
    assert q.chat({**ASK, "model": "a/x"})[0] == 400


def breaker_of(q, provider):
    data = json.loads(q.request("GET", "/v1/providers/" + provider)[2])
    return data["health"].get("targets", [])


def test_a_breaker_opens_is_seen_and_closes(start, upstream, second):
    upstream.handler = reset
    q = pair(start, upstream, second)
    for _ in range(8):
        assert text(q.chat(ASK)) == "second"
    asked = len(upstream.chat_requests())
    assert asked <= 4  # three, and one over a pooled connection
    assert breaker_of(q, "a")[0]["model"] == "x" and breaker_of(q, "a")[0]["state"] == "open"
    assert breaker_of(q, "b") == []
    upstream.handler = named("first")
    deadline = time.monotonic() + 20 * SLOW
    while text(q.chat(ASK)) != "first" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert breaker_of(q, "a")[0]["state"] == "closed"


def test_retry_after_keeps_others_away(start, upstream, second):
    upstream.handler = status(429, headers=[("retry-after", "60")])
    q = pair(start, upstream, second)
    for _ in range(3):
        assert text(q.chat(ASK)) == "second"
    assert len(upstream.chat_requests()) == 1


def test_limits_of_a_clients_own_key_are_its_own(start, upstream, second):
    upstream.handler, second.handler = status(429, headers=[("retry-after", "60")]), named("second")
    q = start("--workers", "1", config=config(in_turn("a/x", "b/y"), [upstream, second], kind="remote::openai"))
    mine = {"x-ogx-provider-data": json.dumps({"openai_api_key": "sk-mine-0123456789"})}
    assert text(q.chat(ASK, headers=mine)) == "second"
    upstream.handler = named("first")
    assert text(q.chat(ASK)) == "first"


def test_a_lone_target_is_always_asked(start, upstream):
    upstream.handler = reset
    q = start("--retries", "0", config=config(in_turn("a/x"), [upstream]))
    for _ in range(6):
        assert q.chat(ASK)[0] == 502
    upstream.handler = named("first")
    assert text(q.chat(ASK)) == "first"


def test_when_all_breakers_are_open_one_is_asked_all_the_same(start, upstream, second):
    q = pair(start, upstream, second, "--retries", "0")
    upstream.handler = second.handler = status(429, headers=[("retry-after", "60")])
    assert q.chat(ASK)[0] == 429
    upstream.handler = second.handler = named("back")
    assert text(q.chat(ASK)) == "back"


def test_a_request_brings_its_own_list(start, upstream, second):
    upstream.handler, second.handler = status(503), named("second")
    q = start("--workers", "1", config=config(in_turn("a/x"), [upstream, second]))
    body = {"model": "a/z", "models": ["a/z", "fast", "b/y"], "messages": ASK["messages"], "seed": 1}
    answer = q.chat(body)
    assert text(answer) == "second" and answer[1]["x-quipu-attempts"] == "3"
    assert json.loads(answer[2])["model"] == "b/y"
    assert [r.json["model"] for r in upstream.chat_requests()] == ["z", "x"]
    assert second.chat_requests()[0].json == {"model": "y", "messages": ASK["messages"], "seed": 1}
    answer = q.chat({**body, "stream": True})
    assert answer[2].count(b'"model": "b/y"') == 2 and answer[1]["x-quipu-provider"] == "b"
    upstream.handler = named("first")
    assert json.loads(q.chat({**body, "models": ["b/y"]})[2])["model"] == "a/z"
    assert json.loads(q.chat({**body, "models": ["a/z"]})[2])["model"] == "a/z"
    del body["model"]  # the list alone is enough
    asked = len(second.chat_requests())
    answer = q.chat({**body, "models": ["b/y", "a/z"]})
    assert answer[0] == 200 and json.loads(answer[2])["model"] == "b/y"
    sent = second.chat_requests()[asked:]
    assert [r.json.get("model") for r in sent] == ["y"] and "models" not in sent[0].json
    answer = q.chat(body | {"models": None})
    assert answer[0] == 400 and json.loads(answer[2])["error"]["param"] == "model"


@pytest.mark.parametrize("models,code,param", [
    ("b/y", 400, "models"), ([], 400, "models"), ([1], 400, "models"), (["b/y"] * 17, 400, "models"),
    (["b/y", "nowhere/x"], 404, "models[1]"), (["b/y", "vectors"], 400, "models[1]")])
def test_a_bad_list_is_told(start, upstream, second, models, code, param):
    more = "  - {model_id: vectors, provider_id: a, model_type: embedding}\n"
    q = start(config=config(in_turn("a/x"), [upstream, second], more))
    answer = q.chat({**ASK, "models": models})
    error = json.loads(answer[2])["error"]
    assert answer[0] == code and error["param"] == param and error["code"]
    answer = q.chat({"messages": ASK["messages"], "models": [""]})
    assert answer[0] == 404 and json.loads(answer[2])["error"]["param"] == "models[0]"
    assert not upstream.chat_requests() and not second.chat_requests()


def test_who_lacks_the_endpoint_is_no_target(start, upstream, second):
    second.handler = lambda call: call.json(200, {
        "object": "list", "model": "y", "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]})
    text_ = config(in_turn("a/x", "b/y"), [upstream, second]).replace("remote::openai-compatible", "remote::cerebras", 1)
    q = start(config=text_.replace("model_id: fast", "model_id: fast\n    model_type: embedding"))
    answer = q.request("POST", "/v1/embeddings", {"model": "fast", "input": "hi"})
    assert answer[0] == 200 and answer[1]["x-quipu-provider"] == "b" and not upstream.chat_requests()


SERVER = """
import json, sys, time
from upstream import Upstream, chunk, completion, DONE
up = Upstream()
def handler(call):
    if call.request.json.get("stream"):
        call.start_stream()
        for i in range(40):
            call.chunk(chunk("first %d" % i))
            time.sleep(0.02)
        call.chunk(DONE)
        call.end()
    else:
        time.sleep(0.02)
        call.json(200, completion(content="first"))
up.handler = handler
print(up.url, flush=True)
time.sleep(600)
"""


@pytest.fixture
def mortal():
    """An upstream in a process of its own, to be killed: (url, process)."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": HERE})
    yield process.stdout.readline().strip(), process
    process.kill()
    process.wait()


def ask_for_ever(q, stream, end, results):
    c = http.client.HTTPConnection("127.0.0.1", q.port, timeout=60 * SLOW)
    while not end.is_set():
        data, code, who = b"", 0, ""
        try:
            c.request("POST", "/v1/chat/completions", json.dumps({**ASK, "stream": stream}))
            r = c.getresponse()
            code, who = r.status, r.headers.get("x-quipu-provider", "")
            data = r.read()
            whole = True
        except http.client.IncompleteRead as e:
            data, whole = e.partial, False
            c.close()
        except (OSError, http.client.HTTPException):
            whole = False
            c.close()
        results.append((stream, code, who, data, whole))


def judge(result):
    """What a client saw: "good", "ended" (a stream that had begun), or "bad"."""
    stream, code, who, data, whole = result
    if code != 200:
        return "bad"
    if not stream:
        return "good" if whole and json.loads(data)["choices"][0]["message"]["content"] in ("first", "second") else "bad"
    mixed = b"first" in data and b"second" in data
    if whole and data.endswith(DONE) and not mixed:
        return "good"
    begun = who == "a" and data.startswith(b"data: ") and b"first 0" in data
    return "ended" if begun and b'"error"' in data and not mixed else "bad"


def test_killed_under_load_no_request_fails_that_had_not_begun(start, mortal, second):
    url, process = mortal
    second.handler = named("second")
    q = start(config=config(in_turn("a/x", "b/y"), [url, second]))
    end, results = threading.Event(), []
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        runs = [pool.submit(ask_for_ever, q, i % 2 == 0, end, results) for i in range(32)]
        time.sleep(1.5 * SLOW)
        os.kill(process.pid, signal.SIGKILL)
        time.sleep(1.5 * SLOW)
        end.set()
        for run in runs:
            run.result(timeout=60 * SLOW)
    verdicts = [judge(r) for r in results]
    bad = [r for r, v in zip(results, verdicts) if v == "bad"]
    assert not bad, (len(bad), bad[:3])
    who = [r[2] for r in results]
    assert who.count("a") > 50 and who.count("b") > 50
    # Those that were streaming when it died: told so, and not continued by another.
    assert verdicts.count("ended") >= 1
