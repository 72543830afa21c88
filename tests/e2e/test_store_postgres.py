"""The store on PostgreSQL, end to end: several quipus, and a server that goes."""
import itertools
import json
import time

import pytest

from quipu import SLOW
from upstream import completion

MODEL = "openai/m1"
BODY = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "metadata": {"k": "v"}}


@pytest.fixture
def run(start, upstream):
    """A quipu with that store; each answer has an id of its own."""
    numbers = itertools.count(1)

    def answer(call):
        call.json(200, {**completion(), "id": f"chatcmpl-{next(numbers)}"})

    def go(url, **kw):
        upstream.handler = answer
        return start("--store", url, env={"OPENAI_BASE_URL": upstream.url,
                                          "OPENAI_API_KEY": "sk-test-0123456789"}, **kw)
    return go


def put(quipu):
    status, _, data = quipu.chat(BODY)
    assert status == 200, data
    return json.loads(data)["id"]


def test_what_one_keeps_another_finds(run, postgres):
    url = postgres.database()
    first, second = run(url), run(postgres.socket_url(url))
    name = put(first)
    status, _, data = second.request("GET", f"/v1/chat/completions/{name}")
    assert status == 200, data
    assert json.loads(data)["metadata"] == {"k": "v"}
    status, _, data = second.request("POST", f"/v1/chat/completions/{name}", {"metadata": {"k": "w"}})
    assert status == 200, data
    listed = json.loads(first.request("GET", "/v1/chat/completions?metadata[k]=w")[2])
    assert [c["id"] for c in listed["data"]] == [name]
    assert second.request("DELETE", f"/v1/chat/completions/{name}")[0] == 200
    assert first.request("GET", f"/v1/chat/completions/{name}")[0] == 404
    assert postgres.sql(url, "SELECT count(*) FROM quipu_completions") == "0"


def test_many_start_at_once(run, postgres):
    url = postgres.database()
    quipus = [run(url, wait=False) for _ in range(4)]
    for q in quipus:
        q.wait_ready()
    assert postgres.sql(url, "SELECT version FROM quipu_schema") != ""


def test_no_password_is_shown(run, postgres):
    url = postgres.database()
    quipu = run(url)
    put(quipu)
    postgres.stop("immediate")
    assert quipu.request("GET", "/v1/ready")[0] == 503
    text = quipu.text() + quipu.request("GET", "/v1/ready")[2].decode()
    assert "s3cret" not in text and "p@ss" not in text
    postgres.start()


def test_answers_go_on_while_it_is_gone(run, postgres):
    url = postgres.database()
    quipu = run(url)
    put(quipu)
    postgres.stop("immediate")
    name = put(quipu)
    status, _, data = quipu.request("GET", f"/v1/chat/completions/{name}")
    assert status == 503, data
    postgres.start()
    deadline = time.monotonic() + 30 * SLOW
    while quipu.request("GET", f"/v1/chat/completions/{name}")[0] != 200:
        assert time.monotonic() < deadline, quipu.text()
        time.sleep(0.1)
    assert quipu.request("GET", "/v1/ready")[0] == 200


def test_a_wrong_password_is_told_at_the_start(start, postgres):
    url = postgres.database().replace("pg-s3cret", "wr0ng")
    quipu = start("--store", url, wait=False)
    text = quipu.stop(expect=1, signal_it=False)
    assert "user or password are wrong" in text
    assert "wr0ng" not in text
