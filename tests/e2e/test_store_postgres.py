"""The store on PostgreSQL, end to end: several quipus, and a server that goes."""
import itertools
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import killing
import pytest
from killing import chat, look, wait_for
from postgres import Postgres
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


def test_what_was_shown_survives_kill_9(start, postgres):
    """In some rounds the server crashes, too: amid the load, or with quipu."""
    uri = postgres.database()

    def crash(number, when):
        if number % 4 == (1 if when == "load" else 3):
            postgres.restart("immediate")

    shown = killing.rounds(start, uri, between=crash)
    assert len(shown) > 2 * killing.ROUNDS
    killing.check(uri, shown)


@pytest.fixture
def small_disk():
    # PostgreSQL does not run as root, whose test folders are its own.
    path = Path(tempfile.mkdtemp(prefix="quipu-disk-"))
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", path], capture_output=True,
                          text=True, check=False, timeout=20)
    if done.returncode != 0:
        path.rmdir()
        pytest.skip(f"a disk that is full needs the right to mount one: {done.stderr.strip()}")
    path.chmod(0o777)
    yield path
    subprocess.run(["umount", "-l", path], check=True, timeout=20)
    path.rmdir()


def test_a_full_disk_loses_nothing_that_was_kept(start, small_disk):
    """Of all its files: where the log has no room, PostgreSQL itself stops, and is started again."""
    server = Postgres(folder=small_disk)
    try:
        if server.missing:
            pytest.skip(server.missing)
        uri = server.database()
        q = start("--store", uri)
        fill = small_disk / "fill"
        kept, late = [(n, chat(q, f"{n} " + "x" * 4000)) for n in range(20)], []
        assert [look(q, ident)[0] for _, ident in kept] == [200] * 20
        with fill.open("wb") as f, pytest.raises(OSError, match="No space left"):
            while True:
                f.write(bytes(65536))
                f.flush()
        for n in range(20, 400):
            ident = chat(q, f"{n} " + os.urandom(20000).hex())
            (late if look(q, ident)[0] != 200 else kept).append((n, ident))
            if late:
                break
        assert late
        status, body = look(q, late[0][1])
        assert status == 503, body
        q.wait_text("store: cannot write, tries again: ")
        late.append((n + 1, chat(q, f"{n + 1} more")))
        fill.unlink()
        server.revive()
        for n, ident in kept + late:
            assert wait_for(q, ident, 200, 60)["input_messages"][0]["content"].startswith(f"{n} ")
        q.wait_text("store: writes again")
        q.stop()
        assert killing.rows(uri) == len(kept) + len(late)
    finally:
        server.close()
