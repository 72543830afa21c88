"""Prompts: versions, defaults, variables, and their use in responses."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from responses import create
from upstream import DONE, chunk

MODEL = "openai/m1"


class Service:
    def __init__(self, q, upstream):
        self.q, self.upstream = q, upstream

    def call(self, method, path="", body=None):
        status, _, data = self.q.request(method, "/v1/prompts" + path, body)
        return status, json.loads(data)

    def ok(self, method, path="", body=None):
        status, answer = self.call(method, path, body)
        assert status == 200, answer
        return answer

    def new(self, text="You are {{ role }}.", variables=("role",)):
        return self.ok("POST", "", {"prompt": text, "variables": list(variables)})

    def told(self, prompt, **more):
        """What the model is told by a prompt: its first message."""
        status, answer = create(self.q, {"model": MODEL, "input": "hi", "prompt": prompt, **more})
        assert status == 200, answer
        return self.upstream.chat_requests()[-1].json["messages"][0]["content"]


@pytest.fixture(params=["sqlite", "postgres"])
def service(request, start, upstream, tmp_path):
    upstream.handler = lambda call: call.stream([chunk("Hello"), chunk(finish="stop"), DONE])
    store = f"sqlite:{tmp_path}/q.db"
    if request.param == "postgres":
        store = request.getfixturevalue("postgres").database()
    return Service(start("--store", store, env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"}),
                   upstream)


@pytest.fixture
def sqlite(start, upstream, tmp_path):
    upstream.handler = lambda call: call.stream([chunk("Hello"), chunk(finish="stop"), DONE])
    return Service(start("--store", f"sqlite:{tmp_path}/q.db",
                         env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"}), upstream)


def test_a_prompt(service):
    made = service.new()
    assert made == {"prompt": "You are {{ role }}.", "version": 1, "prompt_id": made["prompt_id"],
                    "variables": ["role"], "is_default": True}
    assert made["prompt_id"].startswith("pmpt_") and len(made["prompt_id"]) == 53
    path = "/" + made["prompt_id"]
    assert service.ok("GET", path) == made
    assert service.ok("GET")["data"] == [made]
    other = service.new("plain", ())
    assert [p["prompt_id"] for p in service.ok("GET")["data"]] == [other["prompt_id"], made["prompt_id"]]
    assert service.call("DELETE", path) == (200, None)
    for method, suffix, body in (("GET", "", None), ("GET", "/versions", None), ("DELETE", "", None),
                                 ("GET", "?version=1", None), ("PUT", "", {"prompt": "x", "version": 1}),
                                 ("PUT", "/set-default-version", {"version": 1})):
        status, error = service.call(method, path + suffix, body)
        assert status == 400 and error["detail"] == f"Prompt '{made['prompt_id']}' not found.", (method, suffix)
    assert service.ok("GET")["data"] == [other]


def test_versions(service):
    prompt = service.new()["prompt_id"]
    path = "/" + prompt
    two = service.ok("PUT", path, {"prompt": "Two {{a}}", "variables": ["a"], "version": 1})
    assert two == {"prompt": "Two {{a}}", "version": 2, "prompt_id": prompt, "variables": ["a"], "is_default": True}
    three = service.ok("PUT", path, {"prompt": "Three", "version": 2, "set_as_default": False})
    assert three["version"] == 3 and three["variables"] == [] and three["is_default"] is False
    assert service.ok("GET", path) == two and service.ok("GET")["data"] == [two]
    assert service.ok("GET", path + "?version=3") == three
    assert [(v["version"], v["is_default"]) for v in service.ok("GET", path + "/versions")["data"]] == [
        (1, False), (2, True), (3, False)]
    for wrong in (1, 2, 4):
        status, error = service.call("PUT", path, {"prompt": "x", "version": wrong})
        assert status == 400 and error["error"]["code"] == "not_the_latest_version" and "3" in error["detail"]
    assert service.ok("PUT", path + "/set-default-version", {"version": 3}) == {**three, "is_default": True}
    assert service.ok("GET", path) == {**three, "is_default": True}
    assert service.ok("GET", path + "?version=2")["is_default"] is False
    for version in (0, -1, 4, 10**12):
        status, error = service.call("PUT", path + "/set-default-version", {"version": version})
        assert status == 400 and "not found" in error["detail"]
    for version, word in (("4", "not found"), ("0", "not found"), ("x", "version"), ("-1", "version")):
        status, error = service.call("GET", f"{path}?version={version}")
        assert status == 400 and word in error["detail"] and error["error"]["param"] == "version"


@pytest.mark.parametrize("body,param", [
    ({}, "prompt"), ({"prompt": 1}, "prompt"), ({"prompt": "x", "variables": "a"}, "variables"),
    ({"prompt": "x", "variables": ["a", 1]}, "variables[1]"), ({"prompt": "{{ a }}"}, "variables"),
    ({"prompt": "{{b}} {{ a }}", "variables": ["b"]}, "variables"), ({"prompt": "{{{a}}}"}, "variables"),
    ({"prompt": "{{ {{a}}"}, "variables"), ({"prompt": "x" * 1048577}, "prompt"), ([], None)])
def test_bad_bodies(sqlite, body, param):
    made = sqlite.new()
    follow = {**body, "version": 1} if isinstance(body, dict) else body
    for method, path, value in (("POST", "", body), ("PUT", "/" + made["prompt_id"], follow)):
        status, error = sqlite.call(method, path, value)
        assert status == 400 and error["error"]["param"] == param and error["detail"] == error["error"]["message"]
    status, error = sqlite.call("PUT", "/" + made["prompt_id"], {"prompt": "x"})
    assert status == 400 and error["error"]["param"] == "version"
    assert sqlite.ok("GET", "/" + made["prompt_id"] + "/versions")["data"] == [made]


@pytest.mark.parametrize("text", ["{{ two words }}", "{{ }}", "{{ open", "} }} {", "{ { a } }", "{{a-b}}"])
def test_what_is_no_variable(sqlite, text):
    made = sqlite.new(text, ())
    assert made["prompt"] == text and sqlite.told({"id": made["prompt_id"]}) == text


def test_in_responses(service):
    made = service.new("You are {{ role }} in {{{place}}} or {{role}}.", ("role", "place", "unused"))
    prompt = made["prompt_id"]
    assert service.told({"id": prompt}) == "You are {{ role }} in {{{place}}} or {{role}}."
    values = {"role": {"type": "input_text", "text": "Al"}, "place": "Lima"}
    assert service.told({"id": prompt, "variables": values}) == "You are Al in {Lima} or Al."
    service.ok("PUT", "/" + prompt, {"prompt": "New.", "version": 1})
    assert service.told({"id": prompt}) == "New."
    assert service.told({"id": prompt, "version": "1", "variables": {"role": "x"}}).startswith("You are x")
    for bad, word in (({"id": "pmpt_nope"}, "not found"), ({"id": prompt, "version": "7"}, "not found"),
                      ({"id": prompt, "variables": {"role": "x"}}, "role")):
        status, error = create(service.q, {"model": MODEL, "input": "hi", "prompt": bad})
        assert status == 400 and word in error["detail"]


def test_two_new_versions_at_once(service):
    """One of those that follow the same version is made."""
    path = "/" + service.new()["prompt_id"]
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(service.call, "PUT", path, {"prompt": f"p{i}", "version": 1}) for i in range(8)]
        answers = [f.result() for f in done]
    assert sorted(s for s, _ in answers) == [200] + 7 * [400]
    winner = next(a for s, a in answers if s == 200)
    assert service.ok("GET", path) == winner and len(service.ok("GET", path + "/versions")["data"]) == 2


def test_pages(sqlite):
    made = [sqlite.new(str(i), ())["prompt_id"] for i in range(7)]
    found, after = [], ""
    while True:
        page = sqlite.ok("GET", f"?limit=3&after={after}")
        found += [p["prompt_id"] for p in page["data"]]
        after = page["last_id"]
        if not page["has_more"]:
            break
    assert found == made[::-1]
    assert sqlite.call("GET", "?after=nope")[0] == 400


def test_without_a_store(start):
    q = start()
    for method, path in (("GET", "/v1/prompts"), ("POST", "/v1/prompts"), ("GET", "/v1/prompts/x"),
                         ("POST", "/v1/conversations"), ("GET", "/v1/conversations/conv_" + "0" * 48)):
        status, _, data = q.request(method, path, {} if method == "POST" else None)
        assert status == 404 and json.loads(data)["error"]["code"] == "store_off"
