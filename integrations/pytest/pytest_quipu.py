"""A session of recordings for each test, and its verdict.

    quipu run -- pytest -p pytest_quipu        (or: install it, and leave -p out)

Each test gets OPENAI_BASE_URL with its own session in it, so that a client made
in the test needs no change. A request without a recording fails the test and
says why. Outside of quipu run (no QUIPU_URL) nothing happens.

    @pytest.mark.quipu(session="shared", mode="record", strict=True)
    def test_x(quipu): quipu.base_url, quipu.headers, quipu.state()
"""
import json
import os
import urllib.error
import urllib.parse
import urllib.request

import pytest

FAILED = ("missed", "exhausted", "differs", "lost")
STRICT = ("unused", "edited", "stale")


class Session:
    def __init__(self, url, name):
        self.url, self.name = url.rstrip("/"), name
        self.id = urllib.parse.quote(name, safe="")
        self.base_url = f"{self.url}/s/{self.id}/v1"
        self.headers = {"X-Replay-Session": name}

    def call(self, method, path="", body=None):
        request = urllib.request.Request(f"{self.url}/v1alpha/replay/sessions{path}", method=method,
                                         data=json.dumps(body).encode() if body else None,
                                         headers={"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            raise RuntimeError(f"quipu: {e.code} {e.read().decode(errors='replace')}") from None

    def begin(self, **rules):
        return self.call("POST", body={"name": self.name, **rules})

    def state(self):
        return self.call("GET", "/" + self.id)

    def release(self):
        """Let go what X-Replay-Hold holds."""
        return self.call("POST", f"/{self.id}/release", {"all": True})

    def finish(self):
        return self.call("DELETE", "/" + self.id)


def explain(verdict):
    kinds = FAILED + (STRICT if verdict["strict"] else ())
    lines = [f"quipu: {verdict['verdict']} (session {verdict['id']}, mode {verdict['mode']})"]
    return "\n".join(lines + [f"{kind}: {text}" for kind in kinds for text in verdict[kind]])


def pytest_configure(config):
    config.addinivalue_line("markers", "quipu(session=None, mode=None, strict=None): recordings of this test")


@pytest.fixture(autouse=True)
def quipu(request, monkeypatch):
    """The test's session; None outside of quipu run."""
    url = os.environ.get("QUIPU_URL")
    if not url:
        yield None
        return
    marker = request.node.get_closest_marker("quipu")
    rules = dict(marker.kwargs) if marker else {}
    session = Session(url, rules.pop("session", None) or request.node.nodeid)
    session.begin(**rules)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.setenv(name, session.base_url)
    request.node.quipu_session = session
    yield session


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    session = getattr(item, "quipu_session", None)
    if call.when != "call" or session is None:
        return
    verdict = session.finish()
    if verdict["ok"]:
        return
    text = explain(verdict)
    report.sections.append(("quipu", text))
    if report.passed:
        report.outcome, report.longrepr = "failed", text
