"""The line per request, and the Server-Timing header."""
import json
import re
import time

from upstream import DONE, chunk, completion

ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30,
         "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 7}}


def env(upstream):
    return {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"}


def lines(text, what):
    found = [json.loads(x) for x in text.splitlines() if x.startswith("{")]
    return [x for x in found if x["msg"] == what]


def test_a_line_has_all_of_a_request(start, upstream):
    q = start("--log-format", "json", env=env(upstream))
    q.wait_model("openai/m1")

    def slow(call):
        time.sleep(0.05)
        call.json(200, completion(usage=USAGE))
    upstream.handler = slow
    body = json.dumps(ASK)
    status, headers, answer = q.chat(body)
    assert status == 200
    [line] = lines(q.stop(), "POST /v1/chat/completions")
    assert line.pop("ms") >= 50 and line.pop("first_ms") >= 50
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "info", "request_id": headers["x-request-id"], "msg": "POST /v1/chat/completions",
        "route": "/v1/chat/completions", "status": 200, "in": len(body), "out": len(answer),
        "model": "openai/m1", "provider": "openai", "upstream_status": 200, "attempts": 1,
        "prompt_tokens": 10, "completion_tokens": 20, "cached_tokens": 4, "reasoning_tokens": 7}


def test_a_stream_has_its_first_token(start, upstream):
    q = start("--log-format", "json", env=env(upstream))
    q.wait_model("openai/m1")

    def handler(call):
        call.start_stream()
        time.sleep(0.05)
        call.chunk(chunk("a"))
        time.sleep(0.1)
        call.chunk(chunk("b", finish="stop") + DONE)
        call.end_stream()
    upstream.handler = handler
    assert q.chat({**ASK, "stream": True})[0] == 200
    [line] = lines(q.stop(), "POST /v1/chat/completions")
    assert 50 <= line["ttft_ms"] <= line["ms"] - 90
    assert "prompt_tokens" not in line  # nobody said


def test_other_requests_and_paths_cannot_forge(start):
    q = start("--log-format", "json")
    assert q.request("GET", "/v1/nothing%20status=999")[0] == 404
    assert q.request("GET", "/v1/x=1%22status=5")[0] == 404
    found = [json.loads(x) for x in q.stop().splitlines() if x.startswith("{")]
    access = [x for x in found if x["msg"].startswith("GET ")]
    assert [x["status"] for x in access] == [404, 404]
    assert access[0]["route"] == "other" and access[0]["msg"] == "GET /v1/nothing%20status=999"


def test_the_text_form_is_one_line_with_pairs(start, upstream):
    q = start(env=env(upstream))
    q.wait_model("openai/m1")
    assert q.chat({**ASK, "model": "openai/a b"})[0] == 200
    text = q.stop()
    found = re.search(r"info  \[(\S+)\] POST /v1/chat/completions (.*)", text)
    assert found, text
    assert re.fullmatch(r"route=/v1/chat/completions status=200 ms=[0-9.]+ first_ms=[0-9.]+ in=\d+ out=\d+ "
                        r'model="openai/a b" provider=openai upstream_status=200 attempts=1 '
                        r"prompt_tokens=3 completion_tokens=5", found.group(2)), found.group(2)


def timing(headers):
    found = re.fullmatch(r"total;dur=([0-9.]+), upstream;dur=([0-9.]+), gateway;dur=([0-9.]+)",
                         headers["server-timing"])
    return [float(x) for x in found.groups()]


def test_server_timing_tells_the_gateways_own_time(start, upstream):
    q = start("--server-timing", env=env(upstream))
    q.wait_model("openai/m1")

    def slow(call):
        time.sleep(0.1)
        if call.request.json.get("stream"):
            call.stream([chunk("a", finish="stop"), DONE])
        else:
            call.json(200, completion())
    upstream.handler = slow
    for stream in (False, True):
        status, headers, _ = q.chat({**ASK, "stream": stream})
        assert status == 200
        total, up, own = timing(headers)
        assert up >= 100 and abs(total - up - own) < 0.01
        assert 0 < own < up
    upstream.handler = lambda call: call.json(400, {"error": {"message": "no"}})
    status, headers, _ = q.chat(ASK)
    assert status == 400 and timing(headers)[1] > 0


def test_it_is_silent_unless_asked(gateway):
    gateway.wait_model("openai/m1")
    assert "server-timing" not in gateway.chat(ASK)[1]
