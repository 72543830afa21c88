"""Chat completions that were kept, by the official SDK: on SQLite, on PostgreSQL, and on two servers that
share one PostgreSQL behind a round robin."""
import base64
import http.client
import itertools
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

openai = pytest.importorskip("openai", reason="the openai SDK is not installed: test_stored is skipped")

from quipu import SLOW  # noqa: E402
from robin import Robin  # noqa: E402
from upstream import DONE, chunk, completion  # noqa: E402

HI = [{"role": "user", "content": "hi"}]


class Model:
    """Answers with a new id each time, in one second of the past, and repeats what it was told."""

    def __init__(self):
        self.numbers, self.lock = itertools.count(1), threading.Lock()

    def __call__(self, call):
        ask = call.request.json
        with self.lock:
            new = {"id": f"chatcmpl-{next(self.numbers)}"}
        text = ask["messages"][-1]["content"]
        text = text if isinstance(text, str) else "a picture"
        if ask.get("stream"):
            call.stream([chunk(text, **new), chunk(finish="stop", **new),
                         chunk(**{**new, "choices": [], "usage": {"total_tokens": 3}}), DONE])
        else:
            call.json(200, completion(content=text, **new))


class Service:
    """What the clients of a store see: its URL, whatever is behind it."""

    def __init__(self, servers, front=None):
        self.servers, self.front = servers, front
        self.port = front.port if front else servers[0].port
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def client(self, **kw):
        return openai.OpenAI(base_url=self.url, api_key="none", max_retries=0, timeout=60 * SLOW, **kw)

    def request(self, method, path, body=None):
        """On a connection of its own: (status, JSON or None)."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60 * SLOW)
        try:
            c.request(method, "/v1" + path, None if body is None else json.dumps(body),
                      {"content-type": "application/json"})
            r = c.getresponse()
            data = r.read()
            return r.status, json.loads(data) if data else None
        finally:
            c.close()

    def create(self, text="hi", **more):
        status, body = self.request("POST", "/chat/completions",
                                    {"model": "openai/m1", "messages": [{"role": "user", "content": text}], **more})
        assert status == 200, body
        return body["id"]

    def in_order(self, made):
        """The oldest first: as they were made, but that servers do not wait for each other's commits."""
        deadline = time.monotonic() + 20 * SLOW
        while self.front:
            found = [c.id for c in self.client().chat.completions.list(limit=100, order="asc")]
            if set(made) <= set(found):
                return [x for x in found if x in made]
            assert time.monotonic() < deadline, (made, found)
        return made

    def ids(self, query=""):
        status, body = self.request("GET", "/chat/completions" + query)
        assert status == 200, body
        return [row["id"] for row in body["data"]]


@pytest.fixture(params=["sqlite", "postgres", "two on postgres"])
def service(request, start, upstream, tmp_path):
    upstream.handler = Model()
    env = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"}
    if request.param == "sqlite":
        uri = f"sqlite:{tmp_path}/q.db"
    else:
        uri = request.getfixturevalue("postgres").database()
    servers = [start("--store", uri, "--workers", "4", env=env)
               for _ in range(2 if request.param.startswith("two") else 1)]
    front = Robin([q.port for q in servers]) if len(servers) > 1 else None
    yield Service(servers, front)
    if front:
        front.close()


def test_a_life(service):
    """Made, found, listed, changed, deleted."""
    client = service.client()
    made = client.chat.completions.create(model="openai/m1", messages=HI, metadata={"a": "1", "b": "ü ☃"}, user="bob",
                                          temperature=0.5, store=True)
    assert made.id == "chatcmpl-1"

    got = client.chat.completions.retrieve(made.id)
    assert (got.id, got.object, got.created, got.model) == (made.id, "chat.completion", made.created, "openai/m1")
    assert got.choices[0].message.content == "hi" and got.choices[0].finish_reason == "stop"
    assert got.usage == made.usage
    more = got.to_dict()
    assert more["metadata"] == {"a": "1", "b": "ü ☃"} and more["input_user"] == "bob"
    assert more["input_messages"] == HI and more["temperature"] == 0.5 and more["tools"] is None
    assert more["quipu"]["status"] == "completed" and more["quipu"]["provider"] == "openai"
    assert more["quipu"]["provider_model"] == "m1-2026"
    assert 0 < more["quipu"]["first_byte_us"] <= more["quipu"]["total_us"] < 60e6 * SLOW

    service.in_order([made.id])
    page = client.chat.completions.list()
    assert page.object == "list" and page.has_more is False
    assert [c.to_dict() for c in page.data] == [got.to_dict()], "a list shows what retrieve does"

    changed = client.chat.completions.update(made.id, metadata={"c": "3"})
    assert changed.to_dict()["metadata"] == {"c": "3"} and changed.choices == got.choices
    assert client.chat.completions.retrieve(made.id).to_dict() == changed.to_dict()
    assert client.chat.completions.update(made.id, metadata=None).to_dict()["metadata"] == {}

    gone = client.chat.completions.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "chat.completion.deleted", True)
    for call in (lambda: client.chat.completions.retrieve(made.id), lambda: client.chat.completions.delete(made.id),
                 lambda: client.chat.completions.update(made.id, metadata={}),
                 lambda: client.chat.completions.messages.list(made.id)):
        with pytest.raises(openai.NotFoundError) as e:
            call()
        assert e.value.code == "completion_not_found" and made.id in str(e.value)
    assert client.chat.completions.list().data == []
    assert service.request("GET", "/chat/completions")[1] == {
        "object": "list", "data": [], "first_id": "", "last_id": "", "has_more": False}


def test_a_stream_is_kept_as_the_whole(service):
    client = service.client()
    parts = list(client.chat.completions.create(model="openai/m1", messages=HI, stream=True))
    got = client.chat.completions.retrieve(parts[0].id)
    assert got.object == "chat.completion" and got.model == "openai/m1" and got.created == 1700000000
    assert got.choices[0].message.content == "hi" and got.choices[0].message.role == "assistant"
    assert got.choices[0].finish_reason == "stop" and got.usage.total_tokens == 3


def test_store_false_keeps_nothing(service):
    client = service.client()
    quiet = client.chat.completions.create(model="openai/m1", messages=HI, store=False)
    for _ in client.chat.completions.create(model="openai/m1", messages=HI, store=False, stream=True):
        pass
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(quiet.id)
    assert client.chat.completions.list().data == []


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_pages_of_one_second(service, order):
    """All have the same `created`: no row is left out or shown twice."""
    made = service.in_order([service.create() for _ in range(25)])
    want = made if order == "asc" else made[::-1]
    client = service.client()
    page = client.chat.completions.list(limit=7, order=order)
    sizes, seen = [], []
    while True:
        sizes.append(len(page.data))
        seen += [c.id for c in page.data]
        if not page.has_next_page():
            break
        page = page.get_next_page()
    assert seen == want and sizes == [7, 7, 7, 4]
    assert [c.id for c in client.chat.completions.list(order=order)] == want
    assert service.ids() == made[::-1][:20], "twenty, the newest first, when nothing is said"
    last = service.request("GET", f"/chat/completions?limit=5&order={order}&after={want[19]}")[1]
    assert last["has_more"] is False and (last["first_id"], last["last_id"]) == (want[20], want[24])


def test_before_walks_back(service):
    made = service.in_order([service.create() for _ in range(6)])
    newest = made[::-1]
    status, body = service.request("GET", f"/chat/completions?limit=2&before={newest[5]}")
    assert status == 200 and [c["id"] for c in body["data"]] == newest[3:5] and body["has_more"] is True
    status, body = service.request("GET", f"/chat/completions?limit=5&before={newest[2]}")
    assert [c["id"] for c in body["data"]] == newest[:2] and body["has_more"] is False


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_a_walk_while_rows_are_added(service, order):
    """Every row that was there when it began, once; in its order."""
    with ThreadPoolExecutor(4) as pool:
        there = set(service.in_order(list(pool.map(lambda _: service.create(), range(60)))))
    stop = threading.Event()

    def add():
        made = 0
        while not stop.is_set() and made < 400:
            service.create()
            made += 1
        return made

    def walk():
        return [c.id for c in itertools.islice(service.client().chat.completions.list(limit=3, order=order), 3000)]

    with ThreadPoolExecutor(5) as pool:
        adders = [pool.submit(add) for _ in range(2)]
        try:
            walks = [f.result() for f in [pool.submit(walk) for _ in range(3)]]
        finally:
            stop.set()
        assert all(a.result() > 0 for a in adders)
    full = service.ids(f"?limit=100&order={order}")
    for seen in walks:
        assert len(seen) == len(set(seen)), "a row was shown twice"
        assert there <= set(seen), "a row was left out"
        shared = [x for x in full if x in set(seen)]
        assert shared == [x for x in seen if x in set(full)], "two walks differ on the order"


def test_filters(service):
    one = service.create(metadata={"team": "a", "env": "prod"})
    two = service.create(metadata={"team": "a", "env": "a&b=c d/ü"})
    service.create(metadata={"team": "A"})
    plain = service.create()
    client = service.client()
    one_two = [x for x in service.in_order([one, two, plain]) if x != plain]

    def found(**kw):
        return [c.id for c in client.chat.completions.list(order="asc", **kw)]

    assert found(metadata={"team": "a"}) == one_two
    assert found(metadata={"team": "a", "env": "prod"}) == [one]
    assert found(metadata={"env": "a&b=c d/ü"}) == [two]
    assert found(metadata={"team": "b"}) == [] and found(metadata={"prod": "team"}) == []
    assert found(metadata={"team": "a"}, limit=1) == one_two, "pages of a filter"
    assert plain in found(model="openai/m1") and len(found(model="openai/m1")) == 4 and found(model="m1") == []
    client.chat.completions.update(plain, metadata={"team": "a"})
    assert found(metadata={"team": "a"}, model="openai/m1") == service.in_order([one, two, plain])


def test_messages(service, upstream):
    """The client's, then the answer's; ids, order and cursors."""
    talk = [{"role": "system", "content": "be brief"},
            {"role": "user", "name": "bob", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": None,
             "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "12"},
            {"role": "user", "content": "so?"}]
    client = service.client()
    made = client.chat.completions.create(model="openai/m1", messages=talk).id
    found = list(client.chat.completions.messages.list(made))
    assert [m.id for m in found] == [f"{made}-{n}" for n in range(6)]
    assert [m.role for m in found] == ["system", "user", "assistant", "tool", "user", "assistant"]
    assert found[1].content is None and found[1].model_extra["name"] == "bob"
    assert [p.text for p in found[1].content_parts] == ["a", "b"] and found[0].content_parts is None
    assert found[2].tool_calls[0].function.name == "f" and found[3].model_extra["tool_call_id"] == "c1"
    assert found[5].content == "so?", "it repeats what it was told"
    assert [m.id for m in client.chat.completions.messages.list(made, limit=2)] == [m.id for m in found]
    assert [m.id for m in client.chat.completions.messages.list(made, limit=4, order="desc")] == \
        [m.id for m in found][::-1]
    page = client.chat.completions.messages.list(made, limit=2, after=f"{made}-1")
    assert [m.id for m in page.data] == [f"{made}-2", f"{made}-3"] and page.has_more is True
    for cursor in (f"{made}-6", made, "other-1"):
        with pytest.raises(openai.BadRequestError) as e:
            client.chat.completions.messages.list(made, after=cursor)
        assert e.value.param == "after" and e.value.code == "invalid_cursor" and cursor in str(e.value)


PICTURE = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 80).decode()


def test_what_was_sent_comes_back_as_it_was_sent(service):
    """Members that nobody knows, odd numbers and escapes, a picture: byte for byte."""
    messages = ('[ {"role":"user", "content":[{"type":"text","text":"\\u00e9\\/"},{"type":"image_url","image_url":'
                '{"url":"' + PICTURE + '","detail":"low"}}], "x_mine":1.50e+3},\n {"content":"\\ud83d\\ude00","role":"user"}]')
    c = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60 * SLOW)
    c.request("POST", "/v1/chat/completions", '{"model":"openai/m1","messages":' + messages + '}',
              {"content-type": "application/json"})
    made = json.loads(c.getresponse().read())["id"]
    for _ in range(2):
        c.request("GET", f"/v1/chat/completions/{made}")
        assert f'"input_messages":{messages}'.encode() in c.getresponse().read()
    service.in_order([made])
    c.request("GET", "/v1/chat/completions")
    assert messages.encode() in c.getresponse().read()
    c.request("GET", f"/v1/chat/completions/{made}/messages")
    body = c.getresponse().read()
    c.close()
    assert b'"x_mine":1.50e+3' in body and b'"\\ud83d\\ude00"' in body and PICTURE.encode() in body
    client = service.client()
    first = client.chat.completions.messages.list(made).data[0]
    assert first.content_parts[1].image_url.url == PICTURE and first.content_parts[1].image_url.detail == "low"


def test_choices_calls_and_reasoning(service, upstream):
    """Of a whole answer and of a stream: the same."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": [1, 2]}"}}
    messages = [{"role": "assistant", "content": None, "reasoning_content": "hm, so", "tool_calls": [call]},
                {"role": "assistant", "content": "other", "refusal": None}]
    whole = {**completion(), "id": "whole", "system_fingerprint": "fp_1", "service_tier": "default",
             "choices": [{"index": i, "message": m, "logprobs": None, "finish_reason": "stop"}
                         for i, m in enumerate(messages)]}

    def part(index, delta, finish=None):
        return chunk(id="stream", system_fingerprint="fp_1", service_tier="default",
                     choices=[{"index": index, "delta": delta, "finish_reason": finish}])

    def answer(c):
        if not c.request.json.get("stream"):
            return c.json(200, whole)
        name, arguments = {"name": "f", "arguments": ""}, call["function"]["arguments"]
        return c.stream([
            part(0, {"role": "assistant", "content": None, "reasoning_content": "hm, "}),
            part(1, {"role": "assistant", "content": "oth"}), part(0, {"reasoning_content": "so"}),
            part(0, {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": name}]}),
            part(0, {"tool_calls": [{"index": 0, "function": {"arguments": arguments[:4]}}]}),
            part(1, {"content": "er"}), part(1, {}, "stop"),
            part(0, {"tool_calls": [{"index": 0, "function": {"arguments": arguments[4:]}}]}), part(0, {}, "stop"), DONE])

    upstream.handler = answer
    client = service.client()
    for stream in (False, True):
        r = client.chat.completions.create(model="openai/m1", messages=HI, n=2, stream=stream)
        made = [p.id for p in r][0] if stream else r.id
        got = client.chat.completions.retrieve(made)
        assert [c.index for c in got.choices] == [0, 1] and {c.finish_reason for c in got.choices} == {"stop"}
        first, second = (c.message for c in got.choices)
        assert first.tool_calls[0].function.arguments == call["function"]["arguments"] and first.content is None
        assert first.tool_calls[0].id == "c1" and first.model_extra["reasoning_content"] == "hm, so"
        assert second.content == "other" and got.system_fingerprint == "fp_1" and got.service_tier == "default"
        ids = [(m.id, m.role) for m in client.chat.completions.messages.list(made)]
        assert ids == [(f"{made}-0", "user"), (f"{made}-1", "assistant"), (f"{made}-2", "assistant")]


def test_a_cut_stream_is_kept_as_one(service, upstream):
    def cut(call):
        call.start_stream()
        call.chunk(chunk("half", id="cut-1"))
        call.hang_up()

    upstream.handler = cut
    client = service.client()
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="openai/m1", messages=HI, stream=True))
    got = client.chat.completions.retrieve("cut-1")
    assert got.to_dict()["quipu"]["status"] == "failed"
    assert got.choices[0].message.content == "half" and got.choices[0].finish_reason is None


@pytest.mark.parametrize("query,param,code", [
    ("limit=0", "limit", "integer_below_min_value"), ("limit=101", "limit", "integer_above_max_value"),
    ("limit=x", "limit", "invalid_type"), ("order=up", "order", "invalid_value"),
    ("after=nobody", "after", "invalid_cursor"), ("before=nobody", "before", "invalid_cursor"),
    ("after=a&before=b", "before", "invalid_value"), ("metadata[]=x", "metadata", "invalid_value"),
    ("after=%ff", None, "invalid_value")])
def test_wrong_queries(service, query, param, code):
    status, body = service.request("GET", "/chat/completions?" + query)
    assert (status, body["error"]["param"], body["error"]["code"]) == (400, param, code)
    assert body["error"]["type"] == "invalid_request_error"


def test_the_cursor_of_a_deleted_row(service):
    made = service.create()
    assert service.request("DELETE", f"/chat/completions/{made}")[0] == 200
    status, body = service.request("GET", f"/chat/completions?after={made}")
    assert (status, body["error"]["code"]) == (400, "invalid_cursor") and made in body["error"]["message"]


@pytest.mark.parametrize("body,param,code", [
    ({}, "metadata", "missing_required_parameter"), ({"metadata": []}, "metadata", "invalid_type"),
    ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
    ({"metadata": {str(i): "x" for i in range(17)}}, "metadata", "object_above_max_properties"),
    ({"metadata": {"k" * 65: "x"}}, "metadata." + "k" * 64, "string_above_max_length"),
    ({"metadata": {"k": "ü" * 513}}, "metadata.k", "string_above_max_length"), ([], None, None)])
def test_wrong_metadata(service, body, param, code):
    made = service.create(metadata={"was": "there"})
    status, answer = service.request("POST", f"/chat/completions/{made}", body)
    assert (status, answer["error"]["param"]) == (400, param) and code in (None, answer["error"]["code"])
    assert service.request("GET", f"/chat/completions/{made}")[1]["metadata"] == {"was": "there"}
    full = {("ü" * 62) + f"{i:02}": "☃" * 512 for i in range(16)}
    assert service.request("POST", f"/chat/completions/{made}", {"metadata": full})[1]["metadata"] == full


def test_metadata_that_cannot_be_kept(service, upstream):
    """An error for who asks to keep it; a provider may have another use of it."""
    ask = {"model": "openai/m1", "messages": HI, "metadata": {"deep": {"a": 1}}}
    status, body = service.request("POST", "/chat/completions", {**ask, "store": True})
    assert (status, body["error"]["param"], body["error"]["code"]) == (400, "metadata.deep", "invalid_type")
    assert upstream.chat_requests() == []
    status, body = service.request("POST", "/chat/completions", ask)
    assert status == 200 and upstream.chat_requests()[0].json["metadata"] == {"deep": {"a": 1}}
    assert service.request("GET", "/chat/completions/" + body["id"])[1]["metadata"] == {}


def test_odd_ids(service, upstream):
    """An id is its upstream's, whatever it looks like."""
    ids = ["gen/1 ü?&#%2F", "a/messages", "messages", "x" * 1000, "'; DROP TABLE completions; --"]
    left = list(ids)
    upstream.handler = lambda call: call.json(200, {**completion(), "id": left.pop(0)})
    for _ in ids:
        service.create()
    for i in ids:
        path = "/chat/completions/" + quote(i, safe="")
        assert service.request("GET", path)[1]["id"] == i
        assert service.request("GET", path + "/messages")[1]["first_id"] == i + "-0"
        assert service.request("GET", path + "/messages?after=" + quote(i + "-0", safe=""))[1]["first_id"] == i + "-1"
    order = service.in_order(ids)
    assert service.ids("?order=asc&after=" + quote(order[0], safe="")) == order[1:]
    for i in ids:
        assert service.request("DELETE", "/chat/completions/" + quote(i, safe=""))[1]["id"] == i
    assert service.ids() == []


def test_what_a_client_has_seen_is_found(service):
    """A new connection each time, so any worker of any server: the row is there at once."""
    def loop(n):
        client = service.client()
        for i in range(25):
            text, streamed = f"{n}-{i}", (n + i) % 2 == 1
            r = client.chat.completions.create(model="openai/m1", messages=[{"role": "user", "content": text}],
                                               stream=streamed)
            made = [p.id for p in r][0] if streamed else r.id
            status, body = service.request("GET", f"/chat/completions/{made}")
            assert status == 200, (text, body)
            assert body["choices"][0]["message"]["content"] == text
            if not service.front:
                assert made in service.ids("?limit=100")
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(loop, range(4)))
    if service.front:
        assert all(n > 20 for n in service.front.served.values()), "the round robin goes round"


def test_methods(service):
    made = service.create()
    assert service.request("HEAD", f"/chat/completions/{made}") == (200, None)
    assert service.request("HEAD", "/chat/completions/nobody") == (404, None)
    assert service.request("GET", f"/chat/completions/{made}/")[0] == 200
    status, body = service.request("PUT", f"/chat/completions/{made}")
    assert status == 405 and "GET, POST, DELETE" in body["error"]["message"]
    status, body = service.request("DELETE", f"/chat/completions/{made}/messages")
    assert status == 405 and "takes GET," in body["error"]["message"]
    assert service.request("GET", f"/chat/completions/{made}")[0] == 200


def peak_mb(q):
    with open(f"/proc/{q.process.pid}/status") as f:
        return next(int(line.split()[1]) >> 10 for line in f if line.startswith("VmHWM"))


def test_large_rows_make_short_pages(service):
    """A page is bounded by its bytes too, and a walk sees all rows."""
    text = "x" * (1 << 20)
    made = service.in_order([service.create(text) for _ in range(40)])
    before = [peak_mb(q) for q in service.servers]
    status, body = service.request("GET", "/chat/completions?limit=100&order=asc")
    assert status == 200 and body["has_more"] is True and 0 < len(body["data"]) < 40
    assert [c.id for c in service.client().chat.completions.list(limit=100, order="asc")] == made
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: service.ids("?limit=100"), range(8)))
    grown = max(peak_mb(q) - was for q, was in zip(service.servers, before))
    assert grown < 400 * SLOW, f"{grown} MB"


def test_a_server_without_a_store(start):
    q = start("--store", "none")
    client = openai.OpenAI(base_url=q.url + "/v1", api_key="none", max_retries=0)
    for call in (lambda: client.chat.completions.list(), lambda: client.chat.completions.retrieve("x"),
                 lambda: client.chat.completions.update("x", metadata={}), lambda: client.chat.completions.delete("x"),
                 lambda: client.chat.completions.messages.list("x")):
        with pytest.raises(openai.NotFoundError) as e:
            call()
        assert e.value.code == "store_off" and "--store" in str(e.value)


def test_a_postgres_that_is_gone_is_told(start, upstream, postgres):
    upstream.handler = Model()
    q = start("--store", postgres.database(), env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-x"})
    service = Service([q])
    made = service.create()
    assert service.request("GET", f"/chat/completions/{made}")[0] == 200
    assert service.request("GET", "/ready")[0] == 200
    postgres.stop("immediate")
    deadline = time.monotonic() + 20 * SLOW
    while service.request("GET", "/ready")[0] != 503:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    status, body = service.request("GET", "/ready")
    assert body["store"]["status"] == "error" and "s3cret" not in json.dumps(body)
    status, body = service.request("GET", f"/chat/completions/{made}")
    assert (status, body["error"]["code"]) == (503, "store_unavailable") and "s3cret" not in json.dumps(body)
    assert service.request("GET", "/health")[0] == 200
    postgres.start()
    deadline = time.monotonic() + 60 * SLOW
    while service.request("GET", "/ready")[0] != 200:
        assert time.monotonic() < deadline, q.text()
        time.sleep(0.05)
    assert service.request("GET", f"/chat/completions/{made}")[0] == 200
