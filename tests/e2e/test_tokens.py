"""Providers whose keys are exchanged for tokens, against a fake of who gives them."""
import json
import signal
import threading
import time
from urllib.parse import parse_qs

import pytest

from test_credentials import THEIRS, bring
from test_providers import KEY, ask, error, eventually, listed, one
from upstream import Upstream, completion


class Tokens(Upstream):
    """Says tok-1-of-KEY, tok-2-of-KEY, ... to those who ask."""

    def __init__(self):
        super().__init__()
        self.life, self.delay, self.given = 3600, 0, 0
        self.handler = self.answer
        self.models = self.answer

    def form(self, i):
        return {k: v[0] for k, v in parse_qs(self.requests[i].body.decode(), strict_parsing=True).items()}

    def name(self, request):
        return parse_qs(request.body.decode())["apikey"][0][:9]

    def answer(self, call):
        time.sleep(self.delay)
        with self.lock:
            self.given += 1
            token = f"tok-{self.given}-of-{self.name(call.request)}"
        call.json(200, {"access_token": token, "token_type": "Bearer", "expires_in": self.life})


@pytest.fixture
def iam():
    up = Tokens()
    yield up
    up.close()
    assert not up.errors, up.errors


def watsonx(upstream, iam, **more):
    return one("remote::watsonx", upstream.root,
               {"api_key": KEY, "project_id": "proj-1", "iam_url": iam.root + "/identity/token", **more})


def bearers(upstream):
    return [r.headers["authorization"] for r in upstream.chat_requests()]


def test_watsonx_sends_a_token_a_version_and_a_project(start, upstream, iam):
    upstream.models = lambda call: call.json(200, {"data": [{"id": "ibm/granite"}, {"id": "x/y"}]})
    q = start("--workers", 1, config=watsonx(upstream, iam))
    eventually(lambda: listed(q) == ["p/ibm/granite", "p/x/y"])
    for i in range(3):
        status, _, data = ask(q, "p/ibm/granite", parallel_tool_calls=True)
        assert status == 200 and json.loads(data)["model"] == "p/ibm/granite"
    assert len(iam.requests) == 1
    assert iam.requests[0].target == "/identity/token"
    assert iam.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert iam.form(0) == {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": KEY}
    sent = upstream.chat_requests()[0]
    assert sent.target == "/ml/v1/chat/completions?version=2023-10-25"
    assert sent.headers["authorization"] == "Bearer tok-1-of-key-01234"
    assert sent.json == {"model": "ibm/granite", "messages": [{"role": "user", "content": "hi"}], "project_id": "proj-1"}
    listing = [r for r in upstream.requests if r.method == "GET"][0]
    assert listing.target == "/ml/v1/models?version=2023-10-25&project_id=proj-1"
    text = q.stop()
    assert KEY not in text and "tok-1" not in text


def test_a_clients_key_has_a_token_of_its_own(start, upstream, iam):
    q = start("--workers", 1, config=watsonx(upstream, iam))
    theirs = bring(watsonx_api_key=THEIRS, watsonx_project_id="proj-2")
    assert [ask(q, headers=h)[0] for h in (theirs, {}, theirs)] == [200, 200, 200]
    first, second, third = upstream.chat_requests()
    assert first.headers["authorization"] == third.headers["authorization"]
    assert first.headers["authorization"].endswith("of-their-key")
    assert second.headers["authorization"].endswith("of-key-01234")
    assert [r.json["project_id"] for r in upstream.chat_requests()] == ["proj-2", "proj-1", "proj-2"]
    # A project goes with the key of its account.
    assert ask(q, headers=bring(watsonx_project_id="proj-3"))[0] == 200
    assert upstream.chat_requests()[-1].json["project_id"] == "proj-1"


def test_many_at_once_are_one_exchange(start, upstream, iam):
    upstream.models = lambda call: call.json(500, {})
    q = start("--workers", 1, "--retries", 0, config=watsonx(upstream, iam))
    iam.delay = 0.3
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(q, headers=bring(watsonx_api_key=THEIRS))[0]))
               for _ in range(20)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    assert answers == [200] * 20
    assert len([r for r in iam.requests if THEIRS.encode() in r.body]) == 1
    assert len(set(bearers(upstream))) == 1


def test_a_token_is_renewed_before_it_ends(start, upstream, iam):
    iam.life = 4
    q = start("--workers", 1, config=watsonx(upstream, iam))
    began = time.monotonic()
    slowest = 0
    while time.monotonic() - began < 7:
        iam.delay = 0.5 if bearers(upstream) else 0
        at = time.monotonic()
        assert ask(q)[0] == 200
        if len(bearers(upstream)) > 1:
            slowest = max(slowest, time.monotonic() - at)
        time.sleep(0.05)
    used = list(dict.fromkeys(bearers(upstream)))
    assert 3 <= len(used) <= 5
    # Nobody waited for the exchange, which takes half a second.
    assert slowest < 0.4


def test_a_token_that_was_revoked_is_replaced(start, upstream, iam):
    q = start("--workers", 1, config=watsonx(upstream, iam))
    assert ask(q)[0] == 200
    bad = bearers(upstream)[0]
    upstream.handler = lambda call: call.json(*(
        (401, {"errors": [{"code": "authentication_token_expired", "message": "expired"}]})
        if call.request.headers["authorization"] == bad else (200, completion())))
    # One that has just come is not fetched again: the refusal stands.
    assert ask(q)[0] == 401
    time.sleep(5.2)
    assert ask(q)[0] == 200
    assert bearers(upstream)[-1] != bad and iam.given == 2


@pytest.mark.parametrize("status,body,want,words", [
    (400, {"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}, 401, "could not be found"),
    (400, {"errorMessage": f"no {KEY} here"}, 401, "no ******** here"),
    (401, "<html>no</html>", 401, "<html>no</html>"),
    (500, {"errorMessage": "down"}, 502, "down"),
    (200, "nonsense", 502, "not JSON"),
    (200, {"token": "x"}, 502, "no access_token"),
    (200, {"access_token": "a\r\nb"}, 502, "no access_token"),
    (302, "", 502, "302"),
])
def test_a_refused_exchange_says_by_whom_and_why(start, upstream, iam, status, body, want, words):
    iam.handler = lambda call: call.raw(status, (body if isinstance(body, str) else json.dumps(body)).encode())
    q = start("--workers", 1, "--retries", 0, config=watsonx(upstream, iam))
    answer = ask(q)
    assert answer[0] == want
    assert words in error(answer)["message"] and "IBM Cloud IAM" in error(answer)["message"]
    assert error(answer)["code"] == "upstream_credentials"
    assert upstream.requests == [] and KEY not in q.stop()


def test_a_failure_is_remembered_for_a_moment_only(start, upstream, iam):
    good = iam.handler
    iam.handler = lambda call: call.json(400, {"errorMessage": "no"})
    q = start("--workers", 1, config=watsonx(upstream, iam))
    assert [ask(q)[0] for _ in range(5)] == [401] * 5
    assert len(iam.requests) <= 2
    iam.handler = good
    eventually(lambda: ask(q)[0] == 200)


def test_nobody_there_is_told(start, upstream, iam):
    iam.close()
    q = start("--workers", 1, "--retries", 0, config=watsonx(upstream, iam))
    answer = ask(q)
    assert answer[0] == 502 and "IBM Cloud IAM" in error(answer)["message"]


def test_a_token_that_is_configured_or_forwarded_is_not_exchanged(start, upstream, iam):
    q = start(config=watsonx(upstream, iam, api_key="", access_token="tok-configured-1"))
    assert ask(q)[0] == 200
    q = start(config=watsonx(upstream, iam, forward_auth=True, refresh_models=False))
    assert ask(q, headers={"authorization": "Bearer " + THEIRS})[0] == 200
    assert bearers(upstream) == ["Bearer tok-configured-1", "Bearer " + THEIRS]
    assert not [r for r in iam.requests if THEIRS.encode() in r.body]


def test_what_is_passed_through_has_the_token_too(start, upstream, iam):
    upstream.handler = lambda call: call.json(200, {"ok": True})
    q = start("--workers", 1, config=watsonx(upstream, iam))
    for headers in ({}, bring(watsonx_api_key=THEIRS)):
        status, _, data = q.request("POST", "/v1/passthrough/p/text/tokenization", {"a": 1}, headers=headers)
        assert (status, json.loads(data)) == (200, {"ok": True})
    assert [b.split("-of-")[1] for b in bearers(upstream)] == ["key-01234", "their-key"]
    assert "x-ogx-provider-data" not in upstream.chat_requests()[1].headers
    iam.handler = lambda call: call.json(400, {"errorMessage": "no"})
    answer = q.request("POST", "/v1/passthrough/p/x", {}, headers=bring(watsonx_api_key="another-0123456789"))
    assert answer[0] == 401 and "IBM Cloud IAM" in error(answer)["message"]


def test_a_reload_may_name_another_issuer(start, upstream, iam):
    other = Tokens()
    q = start("--workers", 1, config=watsonx(upstream, iam))
    assert ask(q)[0] == 200
    q.configure(watsonx(upstream, other))
    q.process.send_signal(signal.SIGHUP)
    q.wait_text("reloaded")
    eventually(lambda: other.requests)
    assert ask(q)[0] == 200 and len(iam.requests) == 1
    other.close()


def test_stopping_does_not_wait_for_a_token_nobody_wants(start, upstream, iam):
    iam.delay = 8
    q = start("--workers", 1, config=watsonx(upstream, iam))
    eventually(lambda: iam.requests)
    at = time.monotonic()
    q.stop()
    assert time.monotonic() - at < 5
