"""A new configuration for a running server: SIGHUP and /v1alpha/admin."""
import http.client
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

from quipu import SLOW, dechunk, read_response
from upstream import DONE, chunk, completion

KEY = "sk-test-0123456789"
RELOAD = "/v1alpha/admin/reload"


def yaml(upstream, *models, extra="", key=KEY):
    """A configuration with the provider "one" and models of these names."""
    text = extra + ("providers:\n  inference:\n  - provider_id: one\n    provider_type: remote::openai\n"
                    f"    config: {{base_url: '{upstream.url}', api_key: '{key}'}}\n"
                    "registered_resources:\n  models:\n")
    return text + "".join(f"  - {{model_id: {m}, provider_id: one}}\n" for m in models)


def ask(model, **more):
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}


def admin(q, method="POST", path=RELOAD, headers=None):
    status, _, body = q.request(method, path, headers=headers)
    return status, json.loads(body)


def test_a_reload_is_served_at_once_by_every_worker(start, upstream):
    upstream.handler = lambda call: call.json(200, completion())
    q = start("--workers=2", config=yaml(upstream, "a0"))
    for i in range(1, 20):
        q.configure(yaml(upstream, f"a{i}"))
        assert admin(q) == (200, {"object": "admin.reload", "status": "ok", "messages": []})
        for _ in range(4):
            assert q.chat(ask(f"a{i}"))[0] == 200
            assert q.chat(ask(f"a{i - 1}"))[0] == 404


def test_a_bad_file_changes_nothing_and_says_why_in_the_same_words(start, upstream):
    upstream.handler = lambda call: call.json(200, completion())
    q = start(config=yaml(upstream, "a"))
    q.configure(yaml(upstream, "b", extra="server: {prot: 1}\n"))
    status, body = admin(q)
    line = f'{q.config_path}:1:10: error: server.prot: unknown key; did you mean "port"?'
    assert status == 400 and body["error"]["code"] == "bad_configuration"
    assert line in body["error"]["message"] and "the old one stays" in body["error"]["message"]
    q.wait_text(re.escape("reload: " + line))
    assert q.chat(ask("a"))[0] == 200 and q.chat(ask("b"))[0] == 404


@pytest.mark.parametrize("break_it,why", [
    (lambda path: os.unlink(path), "cannot be read: No such file or directory"),
    (lambda path: open(path, "w").write("a: [1\n"), "error: "),
    (lambda path: open(path, "w").write("providers: {inference: [{provider_id: x, provider_type: remote::openai, "
                                        "config: {base_url: 'ftp://x'}}]}\n"), "provider 'x': base_url"),
    (lambda path: open(path, "w").write("providers: {inference: [{provider_id: x, provider_type: remote::openai, "
                                        "config: {network: {tls: {verify: /no/such.pem}}}}]}\n"),
     "provider 'x': network.tls: /no/such.pem"),
    (lambda path: open(path, "w").write("providers: {inference: [{provider_id: x, provider_type: remote::openai, "
                                        "config: {network: {tls: {ciphers: [NO-SUCH-CIPHER]}}}}]}\n"),
     "provider 'x': network.tls: NO-SUCH-CIPHER"),
])
def test_each_kind_of_bad_configuration_is_refused(start, upstream, break_it, why):
    q = start(config=yaml(upstream, "a"))
    break_it(q.config_path)
    status, body = admin(q)
    assert status == 400 and why in body["error"]["message"], body
    assert q.request("GET", "/v1/models/a")[0] == 200


def test_what_needs_a_restart_is_named(start, upstream):
    q = start(config=yaml(upstream, "a", extra="server: {backlog: 7, timeouts: {head: 60}}\nlog: {level: info}\n"))
    q.configure(yaml(upstream, "a", extra="server: {backlog: 8, timeouts: {head: 1m}}\nlog: {level: error}\n"))
    status, body = admin(q)
    assert status == 200
    assert body["messages"] == [f'{q.config_path}:1: warning: server.backlog: stays "7" until a restart makes it "8"']
    q.request("GET", "/v1/health")
    time.sleep(0.2)
    assert "/v1/health" not in q.text(), "log.level takes effect at once"


def test_lists_of_unchanged_providers_are_kept(start, upstream):
    q = start(config=yaml(upstream))
    q.wait_model("one/m1")
    upstream.models = lambda call: call.json(500, {"error": {"message": "no"}})
    for other in ("a", "b"):
        q.configure(yaml(upstream, other))
        assert admin(q)[0] == 200
        for _ in range(10):
            assert q.request("GET", "/v1/models/one/m1")[0] == 200
    q.configure(yaml(upstream, "a", key="sk-another-0123456789"))
    assert admin(q)[0] == 200
    assert q.request("GET", "/v1/models/one/m1")[0] == 404, "another key may see other models"


def test_secrets_of_the_new_file_are_masked(start, upstream):
    new = "hunter2-hunter2-hunter2"
    upstream.handler = lambda call: call.json(401, {"error": {"message": f"bad key {new}", "type": "t"}})
    q = start("--log-level=debug", config=yaml(upstream, "a"))
    q.configure(yaml(upstream, "a", key=new))
    assert admin(q)[0] == 200
    status, _, body = q.chat(ask("a"))
    assert new.encode() not in body
    listed = json.loads(q.request("GET", "/v1/providers")[2])["data"][0]["config"]
    assert listed["api_key"] == "********"
    assert new not in q.stop()


def test_one_at_a_time(start, upstream):
    """A fifo holds the first reload up; the second is told so, and SIGHUP waits its turn."""
    q = start(config=yaml(upstream, "a"))
    text = open(q.config_path).read()
    os.unlink(q.config_path)
    os.mkfifo(q.config_path)
    first = []
    thread = threading.Thread(target=lambda: first.append(admin(q)))
    thread.start()
    writer = open(q.config_path, "w")  # returns when quipu has opened it to read
    status, body = admin(q)
    assert status == 409 and body["error"]["code"] == "reload_in_progress"
    assert q.request("GET", "/v1/models/a")[0] == 200, "others are served meanwhile"
    writer.write(text)
    writer.close()
    thread.join()
    assert first[0][0] == 200


def test_a_reload_that_hangs_does_not_keep_it_alive(start, upstream):
    q = start("--shutdown-timeout=1s", config=yaml(upstream, "a"))
    os.unlink(q.config_path)
    os.mkfifo(q.config_path)
    s = q.connect()
    s.sendall(b"POST /v1alpha/admin/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
    writer = open(q.config_path, "w")
    assert "stopped while a reload hangs" in q.stop(expect=1)
    writer.close()
    s.close()


def stream(q, model, results):
    """One streamed chat: appended is whether it was whole."""
    s = q.connect(timeout=60)
    body = json.dumps(ask(model, stream=True)).encode()
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n"
              b"content-length: %d\r\n\r\n" % len(body) + body)
    head, data, _ = read_response(s)
    s.close()
    text, whole = dechunk(data) if data else (b"", False)
    results.append(head.startswith("HTTP/1.1 200") and whole and text.endswith(b"data: [DONE]\n\n")
                   and text.count(b"data: ") == 12)


def slow_events(call):
    call.stream([chunk("x")] * 11 + [DONE], delay=0.02)


def resident(q):
    with open(f"/proc/{q.process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def test_two_hundred_reloads_under_load(start, upstream):
    """Nothing fails, nothing is cut, and memory does not grow."""
    upstream.handler = slow_events
    texts = [yaml(upstream, "a"), yaml(upstream, "a", "b", key="sk-another-0123456789")]
    q = start("--workers=2", config=texts[0])
    results, ending = [], threading.Event()

    def load():
        while not ending.is_set():
            stream(q, "a", results)

    threads = [threading.Thread(target=load) for _ in range(8)]
    for t in threads:
        t.start()
    after_half = 0
    for i in range(200):
        q.configure(texts[i % 2])
        if i % 4 == 3:
            q.process.send_signal(signal.SIGHUP)
        status = admin(q)[0]
        assert status in (200, 409), status
        time.sleep(0.01)
        if i == 100:
            after_half = resident(q)
    grown = resident(q) - after_half
    ending.set()
    for t in threads:
        t.join()
    assert len(results) > 20 and all(results), f"{results.count(False)} of {len(results)} failed"
    assert grown < 3000 or SLOW > 1, f"{grown} KB more after the second hundred"


# Who may.

def test_admin_is_for_this_machine(start, upstream):
    q = start(config=yaml(upstream, "a"))
    for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via", "origin"):
        status, body = admin(q, headers={name: "10.0.0.1"})
        assert status == 403 and body["error"]["code"] == "admin_not_allowed"
    for path in ("health", "version", "providers", "providers/one", "inspect/routes"):
        assert admin(q, "GET", "/v1alpha/admin/" + path)[0] == 200
        assert admin(q, "GET", "/v1alpha/admin/" + path, {"via": "x"})[0] == 403


def other_address():
    """An address of this machine that is not a loopback one, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = s.getsockname()[0]
    return None if address.startswith("127.") else address


@pytest.mark.parametrize("who,status", [("local", 403), ("all", 200), ("off", 403)])
def test_admin_from_elsewhere(start, upstream, who, status):
    address = other_address()
    if address is None:
        pytest.skip("this machine has no other address")
    q = start("--admin", who, "--host", address, config=yaml(upstream, "a"))
    c = http.client.HTTPConnection(address, q.port, timeout=30)
    c.request("POST", RELOAD)
    assert c.getresponse().status == status
    c.close()


def test_admin_over_a_unix_socket_and_switched_off(start, upstream, tmp_path):
    path = str(tmp_path / "s")
    for who, status in (("local", 200), ("off", 403)):
        q = start("--admin", who, "--unix-socket", path, config=yaml(upstream, "a"))
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(b"POST /v1alpha/admin/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        assert read_response(s)[0].startswith(f"HTTP/1.1 {status}")
        s.close()
        q.stop()


def test_admin_shows_what_the_others_show(start, upstream):
    q = start(config=yaml(upstream, "a"))
    q.wait_model("one/m1")
    for path in ("providers", "providers/one", "inspect/routes", "health", "version"):
        same = "/v1/" + path
        assert admin(q, "GET", "/v1alpha/admin/" + path)[1] == admin(q, "GET", same)[1]


def test_routes_are_listed_and_filtered(start, upstream):
    q = start(config=yaml(upstream, "a"))
    routes = admin(q, "GET", "/v1/inspect/routes")[1]["data"]
    assert {"route": "/v1/chat/completions", "method": "POST", "provider_types": ["remote::openai"]} in routes
    assert {"route": "/v1alpha/inference/rerank", "method": "POST", "provider_types": []} in routes
    assert {"route": "/v1/models/{model_id}", "method": "GET", "provider_types": []} in routes
    passed = [r for r in routes if "passthrough" in r["route"]]
    assert passed == [{"route": "/v1/passthrough/{provider_id}/{path}", "method": "*",
                       "provider_types": ["remote::openai"]}]
    assert sum(r["route"] == "/metrics" for r in routes) == 1
    alpha = admin(q, "GET", "/v1/inspect/routes?api_filter=v1alpha")[1]["data"]
    assert alpha == [r for r in routes if r["route"].startswith("/v1alpha/")] and alpha
    assert admin(q, "GET", "/v1/inspect/routes?api_filter=deprecated")[1] == {"data": []}
    quiet = start("--no-metrics", config=yaml(upstream, "a"))
    assert "/metrics" not in [r["route"] for r in admin(quiet, "GET", "/v1/inspect/routes")[1]["data"]]
    status, body = admin(q, "GET", "/v1/inspect/routes?api_filter=v9")
    assert status == 400 and body["error"]["param"] == "api_filter"


def test_providers_have_typed_settings(start, upstream):
    text = yaml(upstream, "a").replace("api_key:", "allowed_models: [m1], refresh_models: true, api_key:")
    q = start(config=text)
    one = admin(q, "GET", "/v1/providers/one")[1]
    assert one["config"]["allowed_models"] == ["m1"] and one["config"]["refresh_models"] is True
    assert one["config"]["api_key"] == "********" and one["config"]["organization"] is None
