"""GET /metrics: what is counted, and that Prometheus takes it."""
import json
import re
import shutil
import subprocess
import time

import pytest

from quipu import SLOW
from upstream import DONE, chunk, completion

ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30,
         "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 7}}


def scrape(q):
    status, headers, body = q.request("GET", "/metrics")
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return body.decode()


def samples(text):
    """{'name{labels}': number}"""
    out = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            key, value = line.rsplit(" ", 1)
            assert key not in out, f"twice: {key}"
            out[key] = float(value)
    return out


def wait_sample(q, key, value):
    """A request is counted after its answer's last byte, which the client may see first."""
    deadline = time.monotonic() + 5 * SLOW
    while True:
        got = samples(scrape(q)).get(key)
        if got == value:
            return
        assert time.monotonic() < deadline, f"{key} is {got}, not {value}"
        time.sleep(0.02)


def test_requests_tokens_and_times_are_counted(gateway, upstream):
    gateway.wait_model("openai/m1")
    upstream.handler = lambda call: call.json(200, completion(usage=USAGE))
    for _ in range(3):
        assert gateway.chat(ASK)[0] == 200
    wait_sample(gateway, 'quipu_http_requests_total{route="/v1/chat/completions",method="POST",code="200"}', 3)
    got = samples(scrape(gateway))
    label = '{provider="openai",model="openai/m1",operation="chat"'
    assert got[f'quipu_tokens_total{label},kind="prompt"}}'] == 30
    assert got[f'quipu_tokens_total{label},kind="completion"}}'] == 60
    assert got[f'quipu_tokens_total{label},kind="cached"}}'] == 12
    assert got[f'quipu_tokens_total{label},kind="reasoning"}}'] == 21
    assert got[f'quipu_model_duration_seconds_count{label}}}'] == 3
    assert got[f'quipu_model_failures_total{label}}}'] == 0
    assert got[f'quipu_time_to_first_token_seconds_count{label}}}'] == 0
    assert got['quipu_http_request_duration_seconds_count{route="/v1/chat/completions",method="POST"}'] == 3
    assert got['quipu_http_responses_cut_total{route="/v1/chat/completions",method="POST"}'] == 0
    assert got['quipu_upstream_connections_opened_total'] >= 1
    wait_sample(gateway, 'quipu_upstream_connections{state="in_use"}', 0)
    wait_sample(gateway, 'quipu_http_requests_active', 1)  # this one
    assert got['process_open_fds'] > 5
    assert 1e6 < got['process_resident_memory_bytes'] < 1e9
    assert abs(got['process_start_time_seconds'] - time.time()) < 600
    assert got['quipu_build_info{version="0.1.0"}'] == 1


def test_buckets_are_cumulative_and_sum_up(gateway, upstream):
    gateway.wait_model("openai/m1")

    def slow(call):
        time.sleep(0.03)
        call.json(200, completion())
    upstream.handler = slow
    assert gateway.chat(ASK)[0] == 200
    wait_sample(gateway, 'quipu_model_duration_seconds_count{provider="openai",model="openai/m1",operation="chat"}', 1)
    text = scrape(gateway)
    buckets = re.findall(r'quipu_model_duration_seconds_bucket\{provider="openai",model="openai/m1",operation="chat",le="(\S+)"\} (\d+)', text)
    bounds = [float(b) for b, _ in buckets]
    assert bounds == [0.00125 * 2 ** i for i in range(18)] + [float("inf")]
    counts = [int(n) for _, n in buckets]
    assert counts == sorted(counts) and counts[-1] == 1
    total = samples(text)['quipu_model_duration_seconds_sum{provider="openai",model="openai/m1",operation="chat"}']
    assert 0.03 <= total < 10 * SLOW
    assert all((n == 1) == (total <= b) for b, n in zip(bounds, counts))


def test_a_stream_counts_its_first_token_and_what_is_open(gateway, upstream):
    gateway.wait_model("openai/m1")
    seen = {}

    def handler(call):
        time.sleep(0.05)
        call.start_stream()
        call.chunk(chunk("a"))
        time.sleep(0.1)
        seen.update(samples(scrape(gateway)))
        call.chunk(chunk("b", finish="stop", usage=USAGE))
        call.chunk(DONE)
        call.end_stream()
    upstream.handler = handler
    assert gateway.chat({**ASK, "stream": True})[0] == 200
    assert seen["quipu_streams"] == 1
    assert seen['quipu_upstream_connections{state="in_use"}'] == 1
    label = '{provider="openai",model="openai/m1",operation="chat"'
    wait_sample(gateway, f"quipu_time_to_first_token_seconds_count{label}}}", 1)
    got = samples(scrape(gateway))
    assert got["quipu_streams"] == 0
    first = got[f"quipu_time_to_first_token_seconds_sum{label}}}"]
    assert 0.05 <= first <= got[f"quipu_model_duration_seconds_sum{label}}}"] - 0.09
    assert got[f'quipu_tokens_total{label},kind="completion"}}'] == 20


@pytest.mark.parametrize("status,cls", [(429, "http_429"), (500, "http_5xx"), (404, "http_4xx")])
def test_errors_of_a_provider_are_counted_by_class(start, upstream, status, cls):
    q = start("--retries", 1, env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})
    q.wait_model("openai/m1")
    base = samples(scrape(q))['quipu_upstream_attempts_total{provider="openai"}']
    upstream.handler = lambda call: call.json(status, {"error": {"message": "no"}}, [("retry-after", "0")])
    assert q.chat(ASK)[0] == status
    tries = 1 if status == 404 else 2
    wait_sample(q, f'quipu_http_requests_total{{route="/v1/chat/completions",method="POST",code="{status}"}}', 1)
    got = samples(scrape(q))
    assert got[f'quipu_upstream_errors_total{{provider="openai",class="{cls}"}}'] == tries
    assert got['quipu_upstream_attempts_total{provider="openai"}'] == base + tries
    assert got['quipu_upstream_retries_total{provider="openai"}'] == tries - 1
    assert got['quipu_model_failures_total{provider="openai",model="openai/m1",operation="chat"}'] == 1


def test_an_upstream_that_cannot_be_reached_is_a_connect_error(start):
    q = start("--retries", 0, env={"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "sk-test-0123456789"})
    assert q.chat(ASK)[0] == 502
    deadline = time.monotonic() + 5 * SLOW
    while samples(scrape(q)).get('quipu_upstream_errors_total{provider="openai",class="connect"}', 0) < 1:
        assert time.monotonic() < deadline


def test_a_breaker_opens_and_closes(start, upstream):
    q = start("--retries", 0, "--workers", 1,
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})
    q.wait_model("openai/m1")
    upstream.handler = lambda call: call.json(503, {"error": {"message": "no"}}, [("retry-after", "1")])
    assert q.chat(ASK)[0] == 503
    wait_sample(q, 'quipu_breakers_open{provider="openai"}', 1)
    assert samples(scrape(q))['quipu_breakers_opened_total{provider="openai"}'] == 1
    time.sleep(1.1)
    upstream.handler = lambda call: call.json(200, completion())
    assert q.chat(ASK)[0] == 200
    wait_sample(q, 'quipu_breakers_open{provider="openai"}', 0)
    assert samples(scrape(q))['quipu_breakers_opened_total{provider="openai"}'] == 1


def test_a_client_cannot_make_series(gateway):
    """Names that clients make up count as other."""
    gateway.wait_model("openai/m1")
    # Waiting may have asked before the model was there; only this scrape is still at work.
    wait_sample(gateway, "quipu_http_requests_active", 1)
    missed = 'quipu_http_requests_total{route="/v1/models/*",method="GET",code="404"}'
    early = samples(scrape(gateway)).get(missed, 0)
    for i in range(50):
        gateway.chat({**ASK, "model": f"openai/made-up-{i}"})
        gateway.chat({**ASK, "model": f"no-such-{i}"})
        gateway.request("GET", f"/made/up/{i}")
        gateway.request("GET", f"/v1/models/made-up-{i}")
        gateway.request("POST", "/v1/models")
    wait_sample(gateway, 'quipu_http_requests_total{route="other",method="other",code="404"}', 50)
    text = scrape(gateway)
    assert "made-up" not in text and "no-such" not in text and "made/up" not in text
    got = samples(text)
    assert got['quipu_model_duration_seconds_count{provider="openai",model="other",operation="chat"}'] == 50
    assert got[missed] == early + 50
    assert got['quipu_http_requests_total{route="other",method="other",code="405"}'] == 50


def test_model_names_are_escaped(start, upstream):
    odd = 'a"b\\c'
    upstream.models = lambda call: call.json(200, {"data": [{"id": odd}]})
    q = start(env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})
    q.wait_text("models=1")
    deadline = time.monotonic() + 5 * SLOW
    while 'model="openai/a\\"b\\\\c"' not in scrape(q):
        assert q.chat({**ASK, "model": "openai/" + odd})[0] == 200
        assert time.monotonic() < deadline


def test_all_workers_are_summed(start, upstream):
    q = start("--workers", 4, env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})
    q.wait_model("openai/m1")
    for _ in range(40):  # a connection each, spread by the kernel
        assert q.chat(ASK)[0] == 200
    wait_sample(q, 'quipu_model_duration_seconds_count{provider="openai",model="openai/m1",operation="chat"}', 40)
    assert samples(scrape(q))["quipu_workers"] == 4


def test_reloads_are_counted(start, upstream):
    import signal
    config = f"""
providers:
  inference:
  - provider_id: openai
    provider_type: remote::openai
    config: {{base_url: {upstream.url}, api_key: sk-test-0123456789}}
"""
    q = start(config=config)
    q.process.send_signal(signal.SIGHUP)
    q.wait_text("reloaded")
    q.configure("server: {prot: 1}")
    q.process.send_signal(signal.SIGHUP)
    q.wait_text("configuration is bad")
    wait_sample(q, 'quipu_config_reloads_total{result="failed"}', 1)
    assert samples(scrape(q))['quipu_config_reloads_total{result="ok"}'] == 1


def test_they_can_be_off_elsewhere_or_on_a_port_of_their_own(start):
    q = start("--no-metrics")
    assert q.request("GET", "/metrics")[0] == 404
    q = start("--metrics-path", "/internal/stats")
    assert q.request("GET", "/metrics")[0] == 404
    assert b"quipu_build_info" in q.request("GET", "/internal/stats")[2]
    q = start("--metrics-listen", "127.0.0.1:0")
    assert q.request("GET", "/metrics")[0] == 404
    q.port = int(q.wait_text(r"metrics at http://127.0.0.1:(\d+)").group(1))
    assert "quipu_build_info" in scrape(q)
    status, _, body = q.request("GET", "/v1/models")
    assert status == 404 and json.loads(body)["error"]["code"] == "not_found"
    assert q.chat({**ASK, "model": "echo/echo"})[0] == 404


@pytest.mark.parametrize("flags,why", [(["--metrics-listen", "nonsense"], "not an address:port"),
                                       (["--metrics-listen", "1::2:99"], "not an address:port"),
                                       (["--metrics-path", "metrics"], "must begin with a slash")])
def test_what_is_wrong_is_said(start, flags, why):
    q = start(*flags, wait=False)
    assert q.process.wait(20 * SLOW) != 0
    assert why in q.text()
    q.log.close()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian package prometheus) is not there")
def test_promtool_finds_nothing(gateway, upstream):
    """All kinds of series, checked by Prometheus' own tool."""
    gateway.wait_model("openai/m1")
    upstream.handler = lambda call: call.json(200, completion(usage=USAGE))
    gateway.chat(ASK)
    gateway.chat({**ASK, "model": "nothing"})
    upstream.handler = lambda call: call.json(404, {"error": {"message": "no"}})
    gateway.chat(ASK)
    wait_sample(gateway, 'quipu_model_failures_total{provider="openai",model="openai/m1",operation="chat"}', 1)
    run = subprocess.run(["promtool", "check", "metrics"], input=scrape(gateway).encode(), capture_output=True)
    assert run.returncode == 0 and run.stdout + run.stderr == b"", (run.stdout + run.stderr).decode()
