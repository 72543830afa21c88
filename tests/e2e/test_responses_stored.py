"""Responses that are kept: chains, lists, input items, deletion, streams that are read again."""
import http.client
import itertools
import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from quipu import SLOW
from responses import create, frames, stream, text_of
from robin import Robin
from upstream import DONE, chunk

ASK = {"model": "openai/m1", "input": "hi"}
PNG = "data:image/png;base64,iVBORw0KGgo="


def say(text):
    """A model that always says so."""
    return lambda call: call.stream([chunk(text), chunk(finish="stop"), DONE])


class Parrot:
    """A model that says "re: " and what it was told last."""

    def __call__(self, call):
        last = call.request.json["messages"][-1]["content"]
        last = last if isinstance(last, str) else last[0].get("text", "a picture")
        call.stream([chunk("re: "), chunk(last), chunk(finish="stop"), DONE])


class Service:
    """One server, or some that share a database; what a client sees of them."""

    def __init__(self, servers, front):
        self.servers, self.front = servers, front
        self.port = front.port if front else servers[0].port

    def request(self, method, path, body=None, **kw):
        return type(self.servers[0]).request(self, method, path, body, **kw)

    def call(self, method, path, expect=200):
        status, _, data = self.request(method, "/v1/responses" + path)
        body = json.loads(data)
        assert status == expect, body
        if status >= 400:
            assert body["detail"] == body["error"]["message"]
        return body

    def get(self, path, expect=200):
        return self.call("GET", path, expect)

    def ids(self, query=""):
        return [r["id"] for r in self.get(query)["data"]]

    def turn(self, text="hi", previous=None, **more):
        status, answer = create(self, {**ASK, "input": text, "previous_response_id": previous, **more})
        assert status == 200, answer
        return answer

    def chain(self, count):
        """The ids of so many turns, each after the one before."""
        made = []
        for i in range(count):
            made.append(self.turn(f"turn {i}", made[-1] if made else None)["id"])
        return made


def settled(service, made):
    """Until each server's lists show them: two do not wait for each other's commits."""
    deadline = time.monotonic() + 20 * SLOW
    while service.front:
        shown = {r["id"]: r["status"] for r in service.get("?limit=100")["data"]}
        if all(shown.get(which) == "completed" for which in made):
            break
        assert time.monotonic() < deadline, (made, shown)


def texts(page):
    """What the items of a page say."""
    return [i["content"][0]["text"] for i in page["data"]]


@pytest.fixture(params=["sqlite", "postgres", "two on postgres"])
def service(request, start, upstream, tmp_path):
    upstream.handler = Parrot()
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


@pytest.fixture
def kept(start, upstream, tmp_path):
    """One server on SQLite, for what the database does not matter to."""
    upstream.handler = Parrot()
    return Service([start("--store", f"sqlite:{tmp_path}/q.db", "--workers", "4",
                          env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})], None)


# --- chains ------------------------------------------------------------------

def test_a_chain(service, upstream):
    """What the model gets is what was said, and nothing else."""
    first = service.turn("one", instructions="be brief")
    second = service.turn([{"role": "developer", "content": "dev"}, {"role": "system", "content": "sys"},
                           {"role": "user", "content": [{"type": "input_text", "text": "two"}]}], first["id"])
    third = service.turn("three", second["id"], instructions="be kind")
    assert second["previous_response_id"] == first["id"] and third["previous_response_id"] == second["id"]
    assert upstream.chat_requests()[-1].json["messages"] == [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "one"}, {"role": "assistant", "content": "re: one"},
        {"role": "developer", "content": "dev"},
        {"role": "user", "content": [{"type": "text", "text": "two"}]}, {"role": "assistant", "content": "re: two"},
        {"role": "user", "content": "three"}]
    for made in (first, second, third):
        assert service.get("/" + made["id"]) == made


def test_two_that_follow_one(service, upstream):
    first = service.turn("one")
    left, right = service.turn("left", first["id"]), service.turn("right", first["id"])
    service.turn("more", left["id"])
    said = [m["content"] for m in upstream.chat_requests()[-1].json["messages"]]
    assert said == ["one", "re: one", "left", "re: left", "more"]
    service.turn("more", right["id"])
    said = [m["content"] for m in upstream.chat_requests()[-1].json["messages"]]
    assert said == ["one", "re: one", "right", "re: right", "more"]


def test_a_long_chain(kept, upstream):
    """200 turns, three of them with the whole history in their row."""
    made, took = [], []
    for i in range(200):
        begin = time.monotonic()
        made.append(kept.turn(f"turn {i}", made[-1] if made else None)["id"])
        took.append(time.monotonic() - begin)
        said = [m["content"] for m in upstream.chat_requests()[-1].json["messages"]]
        assert said == [t for n in range(i) for t in (f"turn {n}", f"re: turn {n}")] + [f"turn {i}"]
    # The cost of a turn does not grow with their number: the median of the last against that of the first.
    assert sorted(took[-50:])[25] < 5 * sorted(took[:50])[25] + 0.02 * SLOW
    want = [t for n in range(199) for t in (f"turn {n}", f"re: turn {n}")] + ["turn 199"]
    found, after = [], ""
    while True:
        page = kept.get(f"/{made[-1]}/input_items?order=asc&limit=100{after}")
        found += texts(page)
        if not page["has_more"]:
            break
        after = "&after=" + page["last_id"]
    assert found == want


def test_what_cannot_be_followed(service):
    status, body = create(service, {**ASK, "previous_response_id": "resp_nope"})
    assert status == 404
    assert "Response 'resp_nope' not found. Use 'client.responses.list()' to list available Responses." \
        in body["detail"]


def test_one_that_is_not_stored(kept):
    made = kept.turn("secret", store=False)
    kept.get("/" + made["id"], 404)
    assert create(kept, {**ASK, "previous_response_id": made["id"]})[0] == 404
    assert kept.ids() == []


def test_an_item_of_an_earlier_response(service, upstream):
    first = service.turn("one")
    item = first["output"][0]["id"]
    service.turn([{"type": "item_reference", "id": item}, {"role": "user", "content": "two"}])
    said = upstream.chat_requests()[-1].json["messages"]
    assert [m["role"] for m in said] == ["assistant", "user"] and "re: one" in json.dumps(said[0])
    status, body = create(service, {**ASK, "input": [{"type": "item_reference", "id": "msg_nope"}]})
    assert status == 400 and "msg_nope" in body["detail"]


# --- deletion ----------------------------------------------------------------

def test_a_life(service):
    made = service.turn("one")["id"]
    settled(service, [made])
    assert service.ids() == [made]
    assert service.call("DELETE", "/" + made) == {"id": made, "object": "response", "deleted": True}
    gone = f"Response '{made}' not found. Use 'client.responses.list()' to list available Responses."
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("GET", "?stream=true")):
        body = service.call(method, f"/{made}{path}", 404)
        assert body["detail"] == gone and body["error"]["code"] == "response_not_found"
    assert service.ids() == []


def test_deletion_in_the_middle(service, upstream):
    """Nobody sees it; who follows goes on from it."""
    a, b, c = service.chain(3)
    service.call("DELETE", "/" + b)
    service.get("/" + b, 404)
    assert create(service, {**ASK, "previous_response_id": b})[0] == 404
    assert set(service.ids()) == {c, a}
    page = service.get(f"/{c}/input_items?order=asc")
    assert texts(page) == ["turn 0", "re: turn 0", "turn 2"]
    service.turn("last", c)
    said = [m["content"] for m in upstream.chat_requests()[-1].json["messages"]]
    assert said == ["turn 0", "re: turn 0", "turn 1", "re: turn 1", "turn 2", "re: turn 2", "last"]


def rows(path, kind):
    import sqlite3
    with sqlite3.connect(path) as db:
        return db.execute("SELECT count(*) FROM objects WHERE kind = ?", (kind,)).fetchone()[0]


def streamed(service, previous):
    return stream(service, {**ASK, "previous_response_id": previous})[0]["response"]["id"]


def test_deletion_leaves_nothing(kept, tmp_path):
    """Hidden rows go with the last that follows them, and events with their response."""
    a = streamed(kept, None)
    b = streamed(kept, a)
    c = streamed(kept, b)
    path = f"{tmp_path}/q.db"
    kept.ids()
    assert (rows(path, 1), rows(path, 2)) == (3, 3)
    kept.call("DELETE", "/" + a)
    kept.call("DELETE", "/" + b)
    assert (rows(path, 1), rows(path, 2)) == (3, 1)
    kept.call("DELETE", "/" + c)
    assert (rows(path, 1), rows(path, 2)) == (0, 0)


def test_deletion_of_one_that_has_the_whole_history(kept, upstream):
    made = kept.chain(66)
    kept.call("DELETE", "/" + made[64])  # the one that begins a chain anew
    kept.call("DELETE", "/" + made[63])
    found = []
    for query in ("?order=asc&limit=100", "?order=desc&limit=40"):
        found.append(texts(kept.get(f"/{made[65]}/input_items{query}")))
    want = [t for n in range(64) for t in (f"turn {n}", f"re: turn {n}")]
    assert set(found[0]) <= set(want) and "turn 0" in found[0] and "turn 64" not in found[0] + found[1]
    kept.turn("last", made[65])
    said = [m["content"] for m in upstream.chat_requests()[-1].json["messages"]]
    assert said == [t for n in range(66) for t in (f"turn {n}", f"re: turn {n}")] + ["last"]


def test_deletions_at_once(kept, tmp_path):
    """Each of a tree's rows by some threads: one succeeds with each, and nothing is left."""
    root = kept.turn("root")["id"]
    tree = [root] + [kept.turn(f"leaf {i}", root)["id"] for i in range(12)]

    def drop(which):
        return which, kept.request("DELETE", "/v1/responses/" + which)[0]

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(drop, tree * 3))
    for which in tree:
        assert sorted(s for w, s in done if w == which) == [200, 404, 404]
    assert rows(f"{tmp_path}/q.db", 1) == rows(f"{tmp_path}/q.db", 2) == 0


def test_one_that_is_being_made(kept, upstream):
    """It is seen with what is known of it, and deleted only when it is over."""
    go = threading.Event()

    def slow(call):
        call.stream([chunk("so far")], end=False)
        go.wait(20 * SLOW)
        call.stream([chunk(finish="stop"), DONE])

    def slow_whole(call):
        call.start_stream()
        call.chunk(chunk("so far"))
        go.wait(20 * SLOW)
        for piece in (chunk(finish="stop"), DONE):
            call.chunk(piece)
        call.end_stream()

    upstream.handler = slow_whole
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(kept.turn, "one")
        try:
            deadline = time.monotonic() + 20 * SLOW
            while not kept.ids():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            which = kept.ids()[0]
            seen = kept.get("/" + which)
            assert seen["status"] == "in_progress" and seen["completed_at"] is None
            assert texts(kept.get(f"/{which}/input_items")) == ["one"]
            assert "in_progress" in kept.call("DELETE", "/" + which, 409)["detail"]
            assert create(kept, {**ASK, "previous_response_id": which})[0] == 400
        finally:
            go.set()
        assert made.result()["id"] == which
    assert kept.get("/" + which)["status"] == "completed"
    kept.call("DELETE", "/" + which)


@pytest.mark.parametrize("background", [False, True])
def test_what_there_is_of_one(kept, upstream, background):
    """Reasoning is over, the message is begun: both are seen."""
    go = threading.Event()

    def slow(call):
        thought = json.loads(chunk()[6:])
        thought["choices"][0]["delta"] = {"reasoning_content": "hm"}
        call.start_stream()
        call.chunk(b"data: " + json.dumps(thought).encode() + b"\n\n")
        call.chunk(chunk("so far"))
        go.wait(40 * SLOW)
        for piece in (chunk(", so good"), chunk(finish="stop"), DONE):
            call.chunk(piece)
        call.end_stream()

    upstream.handler = slow
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(kept.turn, background=background)
        try:
            deadline = time.monotonic() + 20 * SLOW
            while not kept.ids() or not kept.get("/" + kept.ids()[0])["output"]:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            which = kept.ids()[0]
            seen = kept.get("/" + which)
        finally:
            go.set()
        assert made.result()["id"] == which
    assert seen["status"] == "in_progress"
    assert [(i["type"], i["status"]) for i in seen["output"]] == [("reasoning", "completed"), ("message", "in_progress")]
    while kept.get("/" + which)["status"] == "in_progress":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    last = kept.get("/" + which)
    assert last["status"] == "completed" and text_of(last) == "so far, so good"
    assert last["output"][0] == seen["output"][0]
    if background:
        assert frames(resume(kept, which))[-1]["response"] == last


# --- lists -------------------------------------------------------------------

def test_a_list(service):
    made = [service.turn(f"n{i}")["id"] for i in range(5)]
    settled(service, made)
    page = service.get("?limit=2")
    assert page["object"] == "list" and page["has_more"] is True
    assert len(page["data"]) == 2 and page["first_id"] == page["data"][0]["id"]
    if not service.front:  # two servers do not wait for each other's commits
        assert service.ids() == made[::-1] and service.ids("?order=asc") == made
        assert service.ids(f"?order=asc&after={made[1]}&limit=2") == made[2:4]
        assert service.ids(f"?order=asc&before={made[3]}&limit=2") == made[1:3]
        assert service.ids("?model=openai/m1") == made[::-1] and service.ids("?model=m1") == []
    row = service.get("?limit=1")["data"][0]
    assert [i["role"] for i in row.pop("input")] == ["user"]
    assert row == service.get("/" + row["id"])
    for query, param in (("?after=resp_x", "after"), ("?before=resp_x", "before"), ("?limit=0", "limit"),
                         ("?limit=101", "limit"), ("?order=up", "order"),
                         (f"?after={made[0]}&before={made[1]}", "before")):
        assert service.get(query, 400)["error"]["param"] == param


def test_the_list_has_the_whole_input(service):
    made = service.chain(3)
    settled(service, made)
    row = next(r for r in service.get("")["data"] if r["id"] == made[2])
    assert [i["content"][0]["text"] for i in row["input"]] == [
        "turn 0", "re: turn 0", "turn 1", "re: turn 1", "turn 2"]


def test_walks_while_rows_are_added(service):
    before = [service.turn(f"n{i}")["id"] for i in range(20)]
    settled(service, before)
    stop = threading.Event()

    def add():
        for _ in range(200):
            if stop.wait(0.02):
                break
            service.turn("more")

    thread = threading.Thread(target=add)
    thread.start()
    try:
        for order, limit in itertools.product(("asc", "desc"), (1, 3, 7)):
            seen, after = [], ""
            while True:
                page = service.get(f"?order={order}&limit={limit}{after}")
                seen += [r["id"] for r in page["data"]]
                if not page["has_more"]:
                    break
                after = "&after=" + page["last_id"]
            assert len(seen) == len(set(seen)) and set(before) <= set(seen)
    finally:
        stop.set()
        thread.join()


# --- input items -------------------------------------------------------------

INPUT = [
    {"role": "user", "content": [{"type": "input_text", "text": "look"},
                                 {"type": "input_image", "image_url": PNG, "detail": "low"}]},
    {"type": "reasoning", "id": "rs_1", "summary": [],
     "content": [{"type": "reasoning_text", "text": "hm"}]},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "42"},
    {"role": "assistant", "content": [{"type": "output_text", "text": "ok", "annotations": [],
                                       "logprobs": [{"token": "ok", "logprob": -1, "bytes": [], "top_logprobs": []}]}]},
    {"role": "user", "content": "and now?"},
]


def test_input_items(service):
    made = service.turn(INPUT)["id"]
    whole = service.get(f"/{made}/input_items?order=asc")
    ids = [i["id"] for i in whole["data"]]
    assert len(set(ids)) == 6 and whole["object"] == "list" and whole["has_more"] is False
    assert (whole["first_id"], whole["last_id"]) == (ids[0], ids[-1])
    assert [i["type"] for i in whole["data"]] == [
        "message", "reasoning", "function_call", "function_call_output", "message", "message"]

    def page(query):
        found = service.get(f"/{made}/input_items?{query}")
        assert found["first_id"] == (found["data"][0]["id"] if found["data"] else "")
        return [i["id"] for i in found["data"]], found["has_more"]

    assert page("") == (ids[::-1], False)
    assert page("limit=2") == (ids[:3:-1], True)
    assert page(f"limit=2&after={ids[4]}") == ([ids[3], ids[2]], True)
    assert page(f"limit=2&before={ids[2]}") == ([ids[4], ids[3]], True)
    assert page(f"order=asc&limit=4&after={ids[1]}") == (ids[2:], False)
    assert page(f"order=asc&limit=1&before={ids[1]}") == ([ids[0]], False)
    assert page(f"order=asc&after={ids[5]}") == ([], False)
    for query, status, param in ((f"after={ids[0]}&before={ids[1]}", 400, "before"), ("after=msg_x", 404, "after"),
                                 ("before=msg_x", 404, "before"), ("limit=0", 400, "limit"),
                                 ("limit=101", 400, "limit"), ("order=x", 400, "order"),
                                 ("include[]=all", 400, "include")):
        assert service.get(f"/{made}/input_items?{query}", status)["error"]["param"] == param


def test_what_is_included(kept):
    made = kept.turn(INPUT)["id"]

    def items(*words):
        query = "".join(f"&include[]={w}" for w in words)
        data = kept.get(f"/{made}/input_items?order=asc{query}")["data"]
        return data[0]["content"][1]["image_url"], data[1]["content"], data[4]["content"][0]["logprobs"]

    image, reasoning, logprobs = PNG, INPUT[1]["content"], INPUT[4]["content"][0]["logprobs"]
    assert items() == (None, None, None)
    assert items("message.input_image.image_url") == (image, None, None)
    assert items("reasoning.encrypted_content") == (None, reasoning, None)
    assert items("message.output_text.logprobs", "file_search_call.results") == (None, None, logprobs)
    assert items("message.input_image.image_url", "reasoning.encrypted_content",
                 "message.output_text.logprobs") == (image, reasoning, logprobs)


def test_compaction_items_are_hidden(kept):
    made = kept.turn([{"type": "compaction", "id": "cmp_1", "encrypted_content": "before: nothing"},
                      {"role": "user", "content": "go on"}])["id"]
    page = kept.get(f"/{made}/input_items")
    assert [i["type"] for i in page["data"]] == ["message"]
    assert kept.get(f"/{made}/input_items?after=cmp_1", 404)["error"]["param"] == "after"


# --- streams that are read again ---------------------------------------------

def resume(service, which, query=""):
    status, headers, data = service.request("GET", f"/v1/responses/{which}?stream=true{query}")
    assert status == 200 and headers["content-type"] == "text/event-stream", data
    return data


def test_resume_after_the_end(service, upstream):
    """From each N on, byte for byte what was sent."""
    upstream.handler = lambda call: call.stream([*(chunk(f"w{i} ") for i in range(20)), chunk(finish="stop"), DONE])
    status, _, sent = service.request("POST", "/v1/responses", {**ASK, "stream": True})
    events = frames(sent)
    which = events[0]["response"]["id"]
    pieces = [p + b"\n\n" for p in sent.split(b"\n\n")[:-1]]
    assert resume(service, which) == sent
    for n in range(-1, len(pieces) + 2):
        assert resume(service, which, f"&starting_after={n}") == b"".join(pieces[n + 1:])


def test_resume_of_what_was_no_stream(service):
    made = service.turn("one")["id"]
    assert "not streamed" in service.get(f"/{made}?stream=true", 400)["detail"]


def test_resume_of_much(kept, upstream):
    """More frames than one row of the store holds, and than one look takes."""
    upstream.handler = lambda call: call.stream([*(chunk(f"{i} " + "x" * 20000) for i in range(60)),
                                                 chunk(finish="stop"), DONE])
    sent = kept.request("POST", "/v1/responses", {**ASK, "stream": True})[2]
    which = frames(sent)[0]["response"]["id"]
    assert len(sent) > 1 << 20 and resume(kept, which) == sent
    at = sent.index(b'"sequence_number":40,')
    rest = sent[sent.index(b"\n\n", at) + 2:]
    assert resume(kept, which, "&starting_after=40") == rest


def test_resume_while_it_is_made(service, upstream):
    """Who comes later sees all of it, up to its end, wherever it is made."""
    go = threading.Event()

    def slow(call):
        call.start_stream()
        for i in range(10):
            call.chunk(chunk(f"w{i} " + "x" * 20000))
        go.wait(20 * SLOW)
        for piece in (chunk("end"), chunk(finish="stop"), DONE):
            call.chunk(piece)
        call.end_stream()

    upstream.handler = slow
    with ThreadPoolExecutor(4) as pool:
        sent = pool.submit(service.request, "POST", "/v1/responses", {**ASK, "stream": True})
        try:
            deadline = time.monotonic() + 20 * SLOW
            while not service.ids():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            which = service.ids()[0]
            readers = [pool.submit(resume, service, which, q) for q in ("", "&starting_after=5")]
            time.sleep(0.3)
            assert not readers[0].done()
        finally:
            go.set()
        whole = sent.result()[2]
        assert readers[0].result() == whole
        pieces = [p + b"\n\n" for p in whole.split(b"\n\n")[:-1]]
        assert readers[1].result() == b"".join(pieces[6:])


def test_resume_of_a_background_run(service, upstream):
    """Frames are seen while it is made, by whoever asks wherever."""
    go = threading.Event()

    def slow(call):
        call.start_stream()
        for i in range(3):
            call.chunk(chunk(f"w{i} "))
            time.sleep(0.02)
        go.wait(40 * SLOW)
        for piece in (chunk("end"), chunk(finish="stop"), DONE):
            call.chunk(piece)
        call.end_stream()

    upstream.handler = slow
    which = service.turn(background=True)["id"]
    c = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20 * SLOW)
    c.request("GET", f"/v1/responses/{which}?stream=true")
    r, seen = c.getresponse(), b""
    try:
        while b'"delta":"w2 "' not in seen:
            piece = r.read1()
            assert piece, seen
            seen += piece
        assert b"response.completed" not in seen
    finally:
        go.set()
    seen += r.read()
    c.close()
    events = frames(seen)
    assert events[-1]["type"] == "response.completed" and text_of(events[-1]["response"]) == "w0 w1 w2 end"
    assert resume(service, which) == seen


def test_a_reader_that_hangs_up(kept, upstream):
    go = threading.Event()

    def slow(call):
        call.start_stream()
        call.chunk(chunk("w"))
        go.wait(20 * SLOW)
        for piece in (chunk(finish="stop"), DONE):
            call.chunk(piece)
        call.end_stream()

    upstream.handler = slow
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(streamed, kept, None)
        try:
            deadline = time.monotonic() + 20 * SLOW
            while not kept.ids():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            sock = kept.servers[0].connect()
            sock.sendall(b"GET /v1/responses/%s?stream=true HTTP/1.1\r\nhost: x\r\n\r\n" % kept.ids()[0].encode())
            assert sock.recv(100).startswith(b"HTTP/1.1 200")
            sock.close()
            kept.servers[0].wait_text(r"GET /v1/responses/\S+ .*", 10)
        finally:
            go.set()
        made.result()


def test_bad_questions(kept):
    made = kept.turn()["id"]
    for query, param in (("?stream=maybe", "stream"), ("?stream=true&starting_after=x", "starting_after"),
                         ("?include[]=x", "include"), ("?include=x", "include")):
        assert kept.get(f"/{made}{query}", 400)["error"]["param"] == param
    assert kept.get(f"/{made}?stream=false&include[]=message.output_text.logprobs")["id"] == made
    status, headers, _ = kept.request("PUT", "/v1/responses/" + made)
    assert status == 405


def test_without_a_store(gateway):
    for method, path in (("GET", ""), ("GET", "/resp_1"), ("DELETE", "/resp_1"), ("GET", "/resp_1/input_items"),
                         ("GET", "/resp_1?stream=true")):
        status, _, data = gateway.request(method, "/v1/responses" + path)
        body = json.loads(data)
        assert status == 404 and body["error"]["code"] == "store_off" and body["detail"]


# --- crashes -----------------------------------------------------------------

def test_what_was_acknowledged_survives(start, upstream, tmp_path):
    upstream.handler = Parrot()
    flags = ("--store", f"sqlite:{tmp_path}/q.db", "--workers", "2")
    env = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"}
    service = Service([start(*flags, env=env)], None)
    made = service.chain(4)
    made.append(streamed(service, made[-1]))
    seen = {which: service.get("/" + which) for which in made}
    sent = resume(service, made[-1])
    service.servers[0].process.send_signal(signal.SIGKILL)
    service.servers[0].stop(expect=-signal.SIGKILL)

    service = Service([start(*flags, env=env)], None)
    assert {which: service.get("/" + which) for which in made} == seen
    assert resume(service, made[-1]) == sent
    service.turn("after", made[-1])
    said = [m["content"] for m in upstream.chat_requests()[-1].json["messages"]]
    assert said == [t for n in range(4) for t in (f"turn {n}", f"re: turn {n}")] + [
        "hi", "re: hi", "after"]


# --- the SDK -----------------------------------------------------------------

def test_the_sdk(service):
    openai = pytest.importorskip("openai", reason="the openai SDK is not installed")
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{service.port}/v1", api_key="none", max_retries=0,
                           timeout=60 * SLOW)
    first = client.responses.create(model="openai/m1", input="one")
    second = client.responses.create(model="openai/m1", input="two", previous_response_id=first.id)
    assert second.output_text == "re: two"
    assert client.responses.retrieve(second.id) == second
    items = client.responses.input_items.list(second.id, order="asc", limit=1)
    assert [i.content[0].text for i in items] == ["one", "re: one", "two"]
    sent = list(client.responses.create(model="openai/m1", input="three", stream=True))
    events = list(client.responses.retrieve(sent[-1].response.id, stream=True, starting_after=1))
    assert events == sent[2:] and events[-1].type == "response.completed"
    client.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError, match="Use 'client.responses.list"):
        client.responses.retrieve(second.id)
