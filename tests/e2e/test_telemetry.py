"""Spans and metrics over OTLP, and trace contexts, as a collector and a provider see them."""
import base64
import json
import re
import socket
import ssl
import threading
import time

import pytest

from quipu import SLOW, chat_bytes, read_response
from test_metrics import USAGE, samples, scrape
from upstream import DONE, Upstream, chunk, completion

ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "a secret prompt"}]}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Collector(Upstream):
    def __init__(self):
        super().__init__()
        self.handler = lambda call: call.json(200, {})

    def posts(self, path):
        with self.lock:
            return [r for r in self.requests if r.target == path]

    def spans(self):
        out = []
        for r in self.posts("/v1/traces"):
            for resource in r.json["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    out += scope["spans"]
        return sorted(out, key=lambda s: int(s["startTimeUnixNano"]))

    def wait_spans(self, count, timeout=10):
        deadline = time.monotonic() + timeout * SLOW
        while len(self.spans()) < count:
            assert time.monotonic() < deadline, f"{len(self.spans())} of {count} spans"
            time.sleep(0.02)
        return self.spans()


@pytest.fixture
def collector():
    c = Collector()
    yield c
    c.close()
    assert not c.errors, c.errors


@pytest.fixture
def traced(start, upstream, collector):
    def go(*flags, **env):
        q = start(*flags, env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789",
                               "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}", **env})
        q.wait_model("openai/m1")
        return q
    return go


def attributes(span):
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def of_kind(spans, kind, name):
    return [s for s in spans if s["kind"] == kind and s["name"] == name]


def chat_spans(spans):
    return of_kind(spans, 2, "POST /v1/chat/completions"), of_kind(spans, 3, "chat m1")


def test_a_request_is_a_server_span_with_a_client_span(traced, upstream, collector):
    q = traced(OTEL_SERVICE_NAME="my gateway")
    upstream.handler = lambda call: call.json(200, completion(usage=USAGE))
    before = time.time_ns()
    _, headers, _ = q.chat(ASK)
    q.stop()
    after = time.time_ns()
    [server], [client] = chat_spans(collector.spans())
    assert re.fullmatch("[0-9a-f]{32}", server["traceId"]) and re.fullmatch("[0-9a-f]{16}", server["spanId"])
    assert client["traceId"] == server["traceId"] and client["parentSpanId"] == server["spanId"]
    assert client["spanId"] != server["spanId"] and "parentSpanId" not in server
    times = [int(server["startTimeUnixNano"]), int(client["startTimeUnixNano"]),
             int(client["endTimeUnixNano"]), int(server["endTimeUnixNano"])]
    assert times == sorted(times) and before <= times[0] and times[-1] <= after
    assert attributes(server) == {
        "http.request.method": "POST", "http.route": "/v1/chat/completions", "url.path": "/v1/chat/completions",
        "url.scheme": "http", "quipu.request.id": headers["x-request-id"], "http.response.status_code": "200"}
    assert attributes(client) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m1",
        "quipu.provider.id": "openai", "server.address": "127.0.0.1", "server.port": str(upstream.port),
        "http.request.method": "POST", "http.response.status_code": "200",
        "gen_ai.usage.input_tokens": "10", "gen_ai.usage.output_tokens": "20"}
    assert server["status"] == {} and client["status"] == {}
    for r in collector.posts("/v1/traces"):
        assert b"secret" not in r.body and b"sk-test" not in r.body
        assert r.headers["content-type"] == "application/json"
        resource = attributes(r.json["resourceSpans"][0]["resource"])
        assert resource["service.name"] == "my gateway" and resource["service.version"] == "0.1.0"
    # The provider is told of the client span.
    [sent] = upstream.chat_requests()
    assert sent.headers["traceparent"] == f"00-{client['traceId']}-{client['spanId']}-01"
    assert "tracestate" not in sent.headers


def test_each_attempt_has_a_span(traced, upstream, collector):
    q = traced()
    answers = [(500, []), (429, [("retry-after", "0")]), (200, [])]

    def handler(call):
        status, headers = answers.pop(0)
        call.json(status, completion() if status == 200 else {"error": {"message": "no"}}, headers)
    upstream.handler = handler
    assert q.chat(ASK)[0] == 200
    q.stop()
    [server], clients = chat_spans(collector.spans())
    assert [attributes(c).get("http.response.status_code") for c in clients] == ["500", "429", "200"]
    assert [attributes(c).get("http.request.resend_count") for c in clients] == [None, "1", "2"]
    assert [attributes(c).get("error.type") for c in clients] == ["500", "429", None]
    assert [c["status"].get("code") for c in clients] == [2, 2, None]
    assert {c["parentSpanId"] for c in clients} == {server["spanId"]} and server["status"] == {}
    sent = [r.headers["traceparent"].split("-")[2] for r in upstream.chat_requests()]
    assert sent == [c["spanId"] for c in clients]


def test_a_span_ends_with_its_stream(traced, upstream, collector):
    q = traced()

    def handler(call):
        call.start_stream()
        call.chunk(chunk("a"))
        time.sleep(0.2)
        call.chunk(chunk(finish="stop", usage=USAGE) + DONE)
        call.end_stream()
    upstream.handler = handler
    assert q.chat({**ASK, "stream": True})[0] == 200
    q.stop()
    [server], [client] = chat_spans(collector.spans())
    for s in (server, client):
        assert int(s["endTimeUnixNano"]) - int(s["startTimeUnixNano"]) >= 190_000_000
    assert attributes(client)["gen_ai.usage.output_tokens"] == "20"
    # With telemetry a stream's usage is asked for, as metrics.stream_usage: auto says.
    assert upstream.chat_requests()[0].json["stream_options"] == {"include_usage": True}


def test_what_fails_is_an_error(traced, upstream, collector):
    q = traced("--retries", 0)

    def cut(call):
        call.start_stream()
        call.chunk(chunk("a"))
        call.hang_up()
    upstream.handler = cut
    sock = q.connect()
    sock.sendall(chat_bytes({**ASK, "stream": True}))
    read_response(sock)
    sock.close()
    upstream.handler = lambda call: call.json(503, {"error": {"message": "no"}})
    assert q.chat(ASK)[0] == 503
    assert q.chat({**ASK, "model": "nobody/x"})[0] == 404
    q.stop()
    servers, clients = chat_spans(collector.spans())
    assert [(attributes(s).get("error.type"), s["status"].get("code")) for s in servers] == [
        ("cut", 2), ("503", 2), (None, None)]
    assert [(attributes(s).get("error.type"), s["status"].get("code")) for s in clients] == [
        ("upstream_cut", 2), ("503", 2)]


def test_a_client_that_hangs_up_ends_both(traced, upstream, collector):
    q = traced()
    gone = threading.Event()

    def handler(call):
        call.start_stream()
        call.chunk(chunk("a"))
        call.wait_gone(10)
        gone.set()
    upstream.handler = handler
    sock = q.connect()
    sock.sendall(chat_bytes({**ASK, "stream": True}))
    assert b"chunk" in sock.recv(65536)
    sock.close()
    assert gone.wait(10 * SLOW)
    q.stop()
    [server], [client] = chat_spans(collector.spans())
    assert attributes(client)["error.type"] == "client_hung_up"
    assert attributes(server)["error.type"] == "cut"


def test_a_client_s_trace_goes_on(traced, upstream, collector):
    q = traced()
    assert q.chat(ASK, headers={"traceparent": PARENT, "tracestate": "a=1,b=2"})[0] == 200
    q.stop()
    [server], [client] = chat_spans(collector.spans())
    assert server["traceId"] == client["traceId"] == TRACE
    assert server["parentSpanId"] == SPAN and server["traceState"] == "a=1,b=2"
    [sent] = upstream.chat_requests()
    assert sent.headers["traceparent"] == f"00-{TRACE}-{client['spanId']}-01"
    assert sent.headers["tracestate"] == "a=1,b=2"


def test_what_is_not_sampled_is_passed_on_as_such(traced, upstream, collector):
    q = traced()
    assert q.chat(ASK, headers={"traceparent": PARENT[:-1] + "0"})[0] == 200
    q.stop()
    assert chat_spans(collector.spans()) == ([], [])
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-00", upstream.chat_requests()[0].headers["traceparent"])


def test_what_is_passed_on_is_traced(traced, upstream, collector):
    q = traced()
    upstream.handler = lambda call: call.raw(404, b"gone", content_type="text/plain")
    status, _, body = q.request("POST", "/v1/passthrough/openai/odd/path", b"x", headers={"traceparent": PARENT})
    assert (status, body) == (404, b"gone")
    q.stop()
    [server] = of_kind(collector.spans(), 2, "POST /v1/passthrough/*")
    [client] = of_kind(collector.spans(), 3, "POST")
    assert server["traceId"] == client["traceId"] == TRACE and client["parentSpanId"] == server["spanId"]
    assert attributes(client) == {
        "gen_ai.provider.name": "openai", "quipu.provider.id": "openai", "server.address": "127.0.0.1",
        "server.port": str(upstream.port), "http.request.method": "POST", "http.response.status_code": "404",
        "error.type": "404"}
    [sent] = upstream.chat_requests()
    assert sent.headers["traceparent"] == f"00-{TRACE}-{client['spanId']}-01"


@pytest.mark.parametrize("sampler,arg,traced_share", [
    ("always_off", "1", 0), ("always_on", "1", 1), ("traceidratio", "0", 0), ("parentbased_traceidratio", "1.0", 1)])
def test_samplers(traced, collector, sampler, arg, traced_share):
    q = traced(OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=arg)
    for _ in range(5):
        assert q.chat(ASK)[0] == 200
    q.stop()
    assert len(chat_spans(collector.spans())[0]) == 5 * traced_share


@pytest.mark.parametrize("value", ["00-0-0-01", PARENT.upper(), "ff" + PARENT[2:], PARENT + "-x", "x"])
def test_a_bad_context_is_none(gateway, upstream, value):
    assert gateway.chat(ASK, headers={"traceparent": value, "tracestate": "a=1"})[0] == 200
    sent = upstream.chat_requests()[0].headers
    assert "traceparent" not in sent and "tracestate" not in sent


def test_without_an_exporter_a_context_passes_as_it_came(gateway, upstream):
    gateway.chat(ASK)
    assert "traceparent" not in upstream.chat_requests()[0].headers
    gateway.chat(ASK, headers={"traceparent": PARENT, "tracestate": "a=1"})
    sent = upstream.chat_requests()[1].headers
    assert sent["traceparent"] == PARENT and sent["tracestate"] == "a=1"
    sock = gateway.connect()
    two = f"traceparent: {PARENT}\r\ntraceparent: {PARENT}\r\n"
    sock.sendall(chat_bytes(ASK, extra=two))
    read_response(sock)
    assert "traceparent" not in upstream.chat_requests()[2].headers
    many = f"traceparent: {PARENT}\r\ntracestate: a=1\r\ntracestate: b=2\r\n"
    sock.sendall(chat_bytes(ASK, extra=many))
    read_response(sock)
    assert upstream.chat_requests()[3].headers["tracestate"] == "a=1,b=2"
    long = f"traceparent: {PARENT}\r\ntracestate: a={'x' * 600}\r\n"
    sock.sendall(chat_bytes(ASK, extra=long))
    read_response(sock)
    sent = upstream.chat_requests()[4].headers
    assert sent["traceparent"] == PARENT and "tracestate" not in sent


def test_contexts_can_be_kept_back(start, upstream):
    q = start("--no-propagate", env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})
    q.chat(ASK, headers={"traceparent": PARENT})
    assert "traceparent" not in upstream.chat_requests()[0].headers


def test_headers_and_endpoints(start, upstream, collector):
    other = Collector()
    q = start(env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789",
                   "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}/base/",
                   "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://127.0.0.1:{other.port}/exactly?x=1",
                   "OTEL_EXPORTER_OTLP_HEADERS": "api-key=very-secret-value, X-Other=a%20b"})
    q.chat(ASK)
    text = q.stop()
    [post, *_] = collector.posts("/base/v1/traces")
    assert post.headers["api-key"] == "very-secret-value" and post.headers["x-other"] == "a b"
    assert other.posts("/exactly?x=1") and not collector.posts("/base/v1/metrics")
    assert "very-secret-value" not in text
    other.close()


@pytest.mark.parametrize("env", [{"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
                                 {"QUIPU_TELEMETRY": "false"}])
def test_it_can_be_off(traced, upstream, collector, env):
    q = traced(**env)
    assert q.chat(ASK)[0] == 200
    q.stop()
    assert collector.requests == []
    assert "traceparent" not in upstream.chat_requests()[0].headers


@pytest.mark.parametrize("env,why", [
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "not a url"}, "telemetry.otlp"),
    ({"OTEL_TRACES_SAMPLER_ARG": "2"}, "telemetry.sampler_arg"),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "nonsense"}, "telemetry.otlp.headers"),
    ({"OTEL_TRACES_SAMPLER": "sometimes"}, "telemetry.sampler")])
def test_what_is_wrong_is_said(start, env, why):
    q = start(env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **env}, wait=False)
    assert q.process.wait(20 * SLOW) != 0
    assert why in q.text()
    q.log.close()


def test_a_collector_that_fails_is_tried_again(traced, collector):
    answers = [(503, [("retry-after", "1")]), (200, [])]

    def handler(call):
        status, headers = answers.pop(0) if call.request.target == "/v1/traces" and answers else (200, [])
        call.json(status, {}, headers)
    collector.handler = handler
    q = traced(OTEL_METRICS_EXPORTER="none")
    assert q.chat(ASK)[0] == 200
    deadline = time.monotonic() + 15 * SLOW
    while len(collector.posts("/v1/traces")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first, second = collector.posts("/v1/traces")[:2]
    assert first.body == second.body and second.time - first.time >= 0.9
    while samples(scrape(q))['quipu_spans_total{result="delivered"}'] == 0:
        assert time.monotonic() < deadline
    assert samples(scrape(q))["quipu_telemetry_failures_total"] == 1
    q.wait_text("the collector answers 503")
    q.wait_text("delivered again")


def test_a_collector_that_refuses_loses_only_spans(traced, collector):
    collector.handler = lambda call: call.json(400, {})
    q = traced(OTEL_METRICS_EXPORTER="none")
    for _ in range(3):
        assert q.chat(ASK)[0] == 200
    deadline = time.monotonic() + 10 * SLOW
    while samples(scrape(q))['quipu_spans_total{result="lost"}'] < 6:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_collector_at_all_holds_nothing_up(traced, collector):
    """Its port is closed; then one that accepts and says nothing."""
    collector.close()
    q = traced()
    start = time.monotonic()
    for _ in range(20):
        assert q.chat(ASK)[0] == 200
    assert time.monotonic() - start < 5 * SLOW
    silent = socket.create_server(("127.0.0.1", 0))
    q2 = traced(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert q2.chat(ASK)[0] == 200
    start = time.monotonic()
    q2.stop()
    q.stop()
    assert time.monotonic() - start < 20 * SLOW
    silent.close()


def test_many_spans_come_in_batches_and_none_is_lost(traced, collector):
    q = traced("--workers", 2, OTEL_METRICS_EXPORTER="none")
    count, threads = 400, []

    def client():
        sock = q.connect()
        for _ in range(count):
            sock.sendall(chat_bytes({"model": "echo/echo", "messages": [{"role": "user", "content": "x"}]}))
            assert "200" in read_response(sock)[0].splitlines()[0]
        sock.close()
    for _ in range(4):
        threads.append(threading.Thread(target=client))
        threads[-1].start()
    for t in threads:
        t.join()
    q.stop()
    spans = collector.spans()
    assert len(of_kind(spans, 2, "POST /v1/chat/completions")) == 4 * count
    assert len({s["spanId"] for s in spans}) == len(spans)
    assert all(len(r.json["resourceSpans"][0]["scopeSpans"][0]["spans"]) <= 600 for r in collector.posts("/v1/traces"))


def test_metrics_are_sent_now_and_then_and_at_the_end(traced, upstream, collector):
    q = traced("--metrics-interval", "1s", OTEL_TRACES_EXPORTER="none")
    upstream.handler = lambda call: call.json(200, completion(usage=USAGE))
    for _ in range(3):
        assert q.chat(ASK)[0] == 200
    deadline = time.monotonic() + 10 * SLOW
    while len(collector.posts("/v1/metrics")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    q.stop()
    last = collector.posts("/v1/metrics")[-1].json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    by_name = {m["name"]: m for m in last}
    assert set(by_name) == {"http.server.request.duration", "gen_ai.client.token.usage",
                            "gen_ai.client.operation.duration", "gen_ai.server.time_to_first_token"}
    assert {n: m["unit"] for n, m in by_name.items()} == {
        "http.server.request.duration": "s", "gen_ai.client.token.usage": "{token}",
        "gen_ai.client.operation.duration": "s", "gen_ai.server.time_to_first_token": "s"}
    points = by_name["gen_ai.client.token.usage"]["histogram"]["dataPoints"]
    tokens = {attributes(p)["gen_ai.token.type"]: p for p in points}
    assert tokens["input"]["count"] == "3" and tokens["input"]["sum"] == 30
    assert tokens["output"]["sum"] == 60
    assert tokens["input"]["bucketCounts"] == ["0", "0", "3"] + ["0"] * 12
    assert tokens["input"]["explicitBounds"] == [4 ** i for i in range(14)]
    assert attributes(tokens["input"]) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "openai/m1",
        "quipu.provider.id": "openai", "gen_ai.token.type": "input"}
    [point] = by_name["gen_ai.client.operation.duration"]["histogram"]["dataPoints"]
    assert point["count"] == "3" and len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1
    assert by_name["gen_ai.client.operation.duration"]["histogram"]["aggregationTemporality"] == 2
    assert by_name["gen_ai.server.time_to_first_token"]["histogram"]["dataPoints"] == []


def ids_to_base64(value):
    """OTLP writes ids as hexadecimal digits where protobuf's JSON has base64."""
    if isinstance(value, dict):
        return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in ("traceId", "spanId", "parentSpanId")
                else ids_to_base64(v) for k, v in value.items()}
    return [ids_to_base64(v) for v in value] if isinstance(value, list) else value


def test_opentelemetry_s_own_messages_take_all_of_it(traced, upstream, collector):
    pytest.importorskip("opentelemetry.proto", reason="PyPI's opentelemetry-proto is not there")
    from google.protobuf import json_format
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    q = traced()
    upstream.handler = lambda call: call.json(200, completion(usage=USAGE))
    assert q.chat(ASK, headers={"traceparent": PARENT, "tracestate": "a=1"})[0] == 200
    upstream.handler = lambda call: call.stream([chunk("a"), chunk(finish="stop", usage=USAGE), DONE])
    assert q.chat({**ASK, "stream": True})[0] == 200
    upstream.handler = lambda call: call.json(404, {"error": {"message": "no"}})
    assert q.chat(ASK)[0] == 404
    odd = socket.create_connection(("127.0.0.1", q.port))
    odd.sendall(b"GET /v1/\"\\odd HTTP/1.1\r\nhost: x\r\n\r\n")
    odd.recv(100)
    odd.close()
    q.stop()
    spans, metrics = [], []
    for r in collector.posts("/v1/traces"):
        message = json_format.Parse(json.dumps(ids_to_base64(r.json)), ExportTraceServiceRequest())
        spans += [s for rs in message.resource_spans for ss in rs.scope_spans for s in ss.spans]
    for r in collector.posts("/v1/metrics"):
        message = json_format.Parse(r.body, ExportMetricsServiceRequest())
        metrics += [m for rm in message.resource_metrics for sm in rm.scope_metrics for m in sm.metrics]
    chats = sorted((s for s in spans if s.name == "chat m1"), key=lambda s: s.start_time_unix_nano)
    assert len(chats) == 3 and all(len(s.trace_id) == 16 and len(s.span_id) == 8 for s in spans)
    assert chats[0].trace_id.hex() == TRACE and chats[0].trace_state == "a=1"
    assert chats[0].kind == chats[0].SPAN_KIND_CLIENT and chats[2].status.code == 2
    assert {m.name: m.histogram.aggregation_temporality for m in metrics}["gen_ai.client.token.usage"] == 2
    for m in metrics:
        for p in m.histogram.data_points:
            assert sum(p.bucket_counts) == p.count and len(p.bucket_counts) == len(p.explicit_bounds) + 1
            assert p.start_time_unix_nano <= p.time_unix_nano


def test_over_tls_the_scheme_is_https_and_so_is_the_collector(start, authority):
    cert, key = authority.issue("DNS:localhost,IP:127.0.0.1")
    collector = Collector.__new__(Collector)
    Upstream.__init__(collector, tls=(cert, key))
    collector.handler = lambda call: call.json(200, {})
    q = start("--tls-certfile", cert, "--tls-keyfile", key,
              config=f"upstream: {{network: {{tls: {{ca_file: {authority.cert}}}}}}}",
              env={"OTEL_EXPORTER_OTLP_ENDPOINT": f"https://localhost:{collector.port}"})
    with ssl.create_default_context(cafile=authority.cert).wrap_socket(q.connect(), server_hostname="localhost") as s:
        s.sendall(b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert read_response(s)[0].startswith("HTTP/1.1 200")
    q.stop()
    [span] = of_kind(collector.spans(), 2, "GET /v1/health")
    assert attributes(span)["url.scheme"] == "https"
    metrics = collector.posts("/v1/metrics")[-1].json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    [point] = [m for m in metrics if m["name"] == "http.server.request.duration"][0]["histogram"]["dataPoints"]
    assert attributes(point) == {"http.request.method": "GET", "http.route": "/v1/health", "url.scheme": "https"}
    collector.close()
    assert not collector.errors
