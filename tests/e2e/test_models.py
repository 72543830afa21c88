"""The list of models: where it comes from, and what stays the same in it."""
import json
import time

import pytest

from quipu import SLOW
from upstream import Upstream


def models(q):
    return {m["id"]: m for m in json.loads(q.request("GET", "/v1/models")[2])["data"]}


def wait(q, *names):
    for name in names:
        q.wait_model(name)


def provider(name, url, kind="remote::openai-compatible", more=""):
    return (f"  - provider_id: {name}\n    provider_type: {kind}\n"
            f"    config: {{base_url: '{url}', api_key: sk-{name}-0123456789{more}}}\n")


def test_echo_is_there_from_the_first_answer_on(start):
    for _ in range(10):
        q = start("--workers", "2")
        assert "echo/echo" in models(q)
        q.stop()


def test_pages_are_read_to_the_last(start, upstream):
    asked = []

    def page(call):
        asked.append(call.request.target)
        n = 0 if "after_id" not in call.request.target else int(call.request.target.split("c")[-1]) + 1
        call.json(200, {"data": [{"id": f"c{n}", "type": "model", "created_at": "2025-02-19T00:00:00Z"}],
                        "has_more": n < 3, "last_id": f"c{n}"})

    upstream.models = page
    q = start("--workers", "1", config="providers:\n  inference:\n" + provider("p", upstream.url, "remote::anthropic"))
    wait(q, "p/c0", "p/c3")
    assert asked[:4] == ["/v1/models?limit=1000"] + [f"/v1/models?limit=1000&after_id=c{n}" for n in range(3)]
    assert {m["created"] for i, m in models(q).items() if i.startswith("p/")} == {1739923200}


def test_a_list_that_never_ends_is_cut(start, upstream):
    upstream.models = lambda call: call.json(200, {"data": [{"id": "c"}], "has_more": True, "last_id": "c"})
    q = start(config="providers:\n  inference:\n" + provider("p", upstream.url))
    wait(q, "p/c")
    assert len(upstream.requests) <= 50


def test_created_is_the_upstreams_or_stays(start, upstream):
    upstream.models = lambda call: call.json(200, {"data": [{"id": "old", "created": 1600000000}, {"id": "new"}]})
    text = "providers:\n  inference:\n" + provider("p", upstream.url)
    q = start("--workers", "1", config=text)
    wait(q, "p/old", "p/new")
    before = models(q)
    assert before["p/old"]["created"] == 1600000000 and before["p/new"]["created"] > 1700000000
    time.sleep(1.1)
    q.configure(text + "registered_resources: {models: [{model_id: n, provider_id: p}]}\n")
    q.process.send_signal(1)
    wait(q, "n")
    assert {**models(q), **before} == models(q)


def test_a_slow_provider_does_not_keep_back_the_others(start, upstream):
    slow = Upstream()
    slow.models = lambda call: time.sleep(4 * SLOW)
    q = start("--workers", "1", config="providers:\n  inference:\n" + provider("s", slow.url) + provider("p", upstream.url))
    began = time.monotonic()
    wait(q, "p/m1")
    assert time.monotonic() - began < 3 * SLOW
    slow.close()


@pytest.mark.parametrize("refresh,times", [("true", 3), ("false", 1)])
def test_lists_are_read_again_unless_told_otherwise(start, upstream, refresh, times):
    q = start("--workers", "1", "--models-refresh", "100ms",
              config="providers:\n  inference:\n" + provider("p", upstream.url, more=", refresh_models: " + refresh))
    wait(q, "p/m1")
    time.sleep(0.6)
    assert len(upstream.requests) >= times if refresh == "true" else len(upstream.requests) == 1


def test_a_model_that_is_gone_is_listed_no_more(start, upstream):
    q = start("--workers", "1", "--models-refresh", "100ms", config="providers:\n  inference:\n" + provider("p", upstream.url))
    wait(q, "p/m1")
    upstream.models = lambda call: call.json(200, {"data": [{"id": "m2"}]})
    wait(q, "p/m2")
    assert "p/m1" not in models(q)
    # A list that cannot be had leaves the last one in force.
    upstream.models = lambda call: call.json(500, {"error": {"message": "no"}})
    time.sleep(0.5)
    assert "p/m2" in models(q)


def test_types_are_told_and_checked(start, upstream):
    upstream.models = lambda call: call.json(200, {"data": [
        {"id": "text-embedding-3-small"}, {"id": "gpt"}, {"id": "x", "type": "rerank"}]})
    q = start(config="providers:\n  inference:\n" + provider("p", upstream.url) +
              "registered_resources: {models: [{model_id: v, provider_id: p, provider_model_id: gpt, model_type: embedding,"
              " metadata: {embedding_dimension: 768, provider_id: mine}}]}\n")
    wait(q, "p/gpt")
    types = {i: m["custom_metadata"]["model_type"] for i, m in models(q).items() if i != "echo/echo"}
    assert types == {"p/text-embedding-3-small": "embedding", "p/gpt": "llm", "p/x": "rerank", "v": "embedding"}
    assert models(q)["v"]["custom_metadata"]["embedding_dimension"] == 768
    assert models(q)["v"]["custom_metadata"]["provider_id"] == "mine"
    assert q.request("GET", "/v1/models")[2].count(b'"mine"') == 1
    for name, kind in (("p/text-embedding-3-small", "embedding"), ("v", "embedding"), ("p/x", "rerank")):
        answer = q.chat({"model": name, "messages": [{"role": "user", "content": "hi"}]})
        message = json.loads(answer[2])["error"]["message"]
        assert answer[0] == 400 and f"'{kind}'" in message and "'llm'" in message, message
    assert not upstream.chat_requests()


def test_allowed_models_count_everywhere(start, upstream):
    upstream.models = lambda call: call.json(200, {"data": [{"id": "yes"}, {"id": "no"}]})
    q = start(config="providers:\n  inference:\n" + provider("p", upstream.url, more=", allowed_models: ['yes']") +
              "registered_resources: {models: [{model_id: r, provider_id: p, provider_model_id: 'no'}]}\n")
    wait(q, "p/yes")
    assert not {"p/no", "r"} & set(models(q))
    ask = {"messages": [{"role": "user", "content": "hi"}]}
    assert q.chat({**ask, "model": "p/yes"})[0] == 200
    answer = q.chat({**ask, "model": "p/no"})
    assert answer[0] == 400 and json.loads(answer[2])["error"]["code"] == "model_not_allowed"
    answer = q.chat({**ask, "model": "r"})
    assert answer[0] == 400 and json.loads(answer[2])["error"]["code"] == "model_not_allowed"
    assert len(upstream.chat_requests()) == 1


def test_a_default_provider_serves_what_nobody_else_does(start, upstream):
    q = start("--default-provider", "openai", env={"OPENAI_BASE_URL": upstream.url})
    for asked, sent in (("gpt-4o", "gpt-4o"), ("meta/llama", "meta/llama"), ("openai/x", "x")):
        body = {"model": asked, "messages": [{"role": "user", "content": "hi"}]}
        assert q.chat(body)[0] == 200
        assert upstream.chat_requests()[-1].json["model"] == sent
    count = len(upstream.chat_requests())
    assert q.chat({"model": "echo/echo", "messages": [{"role": "user", "content": "hi"}]})[0] == 200
    assert len(upstream.chat_requests()) == count
    q = start("--default-provider", "nobody", env={"OPENAI_BASE_URL": upstream.url})
    assert q.chat({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]})[0] == 404
