"""quipu store: info, check, vacuum, export, import."""
import json
import os
import sqlite3
import subprocess

import pytest
from quipu import BIN


ORDER = ("status id owner created stored_at model_asked model_served provider first_byte_us total_us user "
         "metadata usage extra params choices request later").split()


def row(n, **more):
    r = {"status": "completed", "id": f"chatcmpl-{n}", "created": 1700000000 + n,
            "stored_at": 1800000000 + n, "model_asked": "m" if n % 2 else "n", "model_served": "m-1",
            "provider": "p", "first_byte_us": -1, "total_us": n, "metadata": {"k": str(n % 3)},
            "choices": [{"index": 0}], "request": [{"role": "user", "content": f"hi {n} é"}], **more}
    return {k: r[k] for k in ORDER if k in r}


def lines_of(rows):
    return "".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in rows)


class Store:
    def __init__(self, path, uri=None):
        self.path, self.uri = path, uri or f"sqlite:{path}"

    def run(self, *args, stdin="", expect=0, **more):
        env = {"PATH": os.environ["PATH"], "QUIPU_STORE": self.uri, **more}
        done = subprocess.run([BIN, "store", *args], input=stdin, env=env, capture_output=True,
                              timeout=60, check=False, text=True)
        assert done.returncode == expect, done.stdout + done.stderr
        self.err = done.stderr
        return done.stdout

    def fill(self, rows):
        return self.run("import", stdin=lines_of(rows))


@pytest.fixture(name="store")
def fixture_store(tmp_path):
    return Store(tmp_path / "a.db")


def test_what_goes_in_comes_out(store, tmp_path):
    big = "data:image/png;base64," + "QUJD" * 5000
    text = lines_of([
        *(row(n) for n in range(250)), row(1, owner="bob"), row(900, user="u\u0000\u2028", usage={"a": 1.50}),
        row(901, request=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": big}}]}] * 2),
        # Line ends and spaces of what was sent are kept: then it is a string.
        row(902, request='[\n  {"role": "user",\r\n "content": "x"} ]', extra=' {"a":1.0e2}')])
    # What json.dumps() would not write.
    text += ('{"status":"failed","id":"z","created":1,"stored_at":2,"first_byte_us":5,"total_us":6,'
             '"params":{"temperature":1.0,"n" : 1E0,"s":"\\u00e9\\/"},"choices":[ ]}\n')
    assert store.run("import", stdin=text) == "255 rows, of which 0 were there; 0 objects\n"
    assert store.run("export") == text
    assert store.run("import", stdin=text) == "255 rows, of which 255 were there; 0 objects\n"
    file = tmp_path / "out.jsonl"
    assert store.run("export", str(file)) == ""
    assert file.read_bytes() == text.encode()
    assert file.stat().st_mode & 0o777 == 0o600
    other = Store(tmp_path / "b.db")
    other.run("import", str(file))
    assert other.run("export") == text
    assert other.run("check") == "255 rows, 0 problems\n"
    info = json.loads(other.run("info", "--json"))
    assert info["blobs"] == 1 and info["rows"] == 255 and info["schema"] == 3
    assert info["by_status"] == {"completed": 254, "cancelled": 0, "failed": 1}
    assert (info["oldest"], info["newest"]) == (1, 1700000902)
    # The image is kept once.
    assert info["bytes"] < 255 * 200 + 2 * len(big)


def test_from_one_database_to_another(store, postgres, tmp_path):
    big = "data:image/png;base64," + "QUJD" * 5000
    rows = [*(row(n) for n in range(250)), row(1, owner="bob"), row(901, request=[{"role": "user", "content": big}] * 2),
            row(902, request='[\n  {"role": "user"} ]', extra=' {"a":1.0e2}')]
    text = lines_of(rows)
    store.fill(rows)
    other = Store(None, postgres.database())
    assert other.run("import", stdin=store.run("export")) == "253 rows, of which 0 were there; 0 objects\n"
    assert other.run("export") == text
    assert other.run("import", stdin=text) == "253 rows, of which 253 were there; 0 objects\n"
    assert other.run("export") == text
    assert other.run("export", "--metadata", "k=2", "--model", "m") == store.run("export", "--metadata", "k=2",
                                                                                "--model", "m")
    assert other.run("check") == "253 rows, 0 problems\n"
    other.run("vacuum")
    info, mine = (json.loads(s.run("info", "--json")) for s in (other, store))
    assert {k: info[k] for k in ("rows", "by_status", "blobs", "bytes", "oldest", "newest")} == \
        {k: mine[k] for k in ("rows", "by_status", "blobs", "bytes", "oldest", "newest")}
    # No password is shown.
    assert info["store"] == "postgres"


OBJECTS = [
    {"kind": "response", "id": "resp_1", "label": "m", "state": "completed", "created": 5, "stored_at": 6,
     "is_root": True, "body": {"id": "resp_1"}, "input": [{"a": 1}], "aux": "[\n1]"},
    {"kind": "response", "id": "resp_2", "parent": "resp_1", "created": 1800000000, "stored_at": 7, "body": {},
     "aux": "no JSON \u0000 at all"},
    {"kind": "messages", "id": "resp_2", "owner": "bob", "created": 1, "stored_at": 2, "body": "\"text\""},
    {"kind": "events", "id": "e", "parent": "resp_1", "created": 1, "stored_at": 2, "due_ms": 9, "body": "12"},
    *({"kind": kind, "id": f"{kind}_1", "created": 8, "stored_at": 9, "body": {"n": 1}}
      for kind in ("conversation", "item", "prompt", "prompt_version"))]


def test_objects_come_with_it(store, postgres, tmp_path):
    text = lines_of([row(1), row(2, owner="bob"), *OBJECTS])
    assert store.run("import", stdin=text) == f"2 rows, of which 0 were there; {len(OBJECTS)} objects\n"
    assert store.run("export") == text
    other = Store(None, postgres.database())
    other.run("import", stdin=text)
    assert other.run("export") == text
    # Twice is once; a third database has the same bytes.
    other.run("import", stdin=text)
    third = Store(tmp_path / "c.db")
    third.run("import", stdin=other.run("export"))
    assert third.run("export") == text
    for s in (store, other, third):
        assert s.run("check") == "2 rows, 0 problems\n"
        assert json.loads(s.run("info", "--json"))["objects"] == len(OBJECTS)
        kinds = [json.loads(line).get("kind") for line in s.run("export", "--owner", "bob").splitlines()]
        assert kinds == [None, "messages"]
        assert [json.loads(line)["id"] for line in s.run("export", "--since", "1750000000").splitlines()] == ["resp_2"]
        assert "kind" not in s.run("export", "--model", "m") + s.run("export", "--metadata", "k=1")


@pytest.mark.parametrize("line, words", [
    ('{"kind":"run","id":"a","created":1}', "kind: is no kind of object"),
    ('{"kind":"","id":"a","created":1}', "kind: is no kind of object"),
    ('{"kind":"response","id":"a"}', "created: is missing"),
    ('{"kind":"response","id":"","created":1}', "id: is empty"),
    ('{"kind":"response","id":"a","created":1,"body":7}', "body: is no array, object or string"),
    ('{"kind":"response","id":"a","created":1,"is_root":1}', "is_root: is not true or false"),
    ('{"kind":"response","id":"a","created":1,"choices":[]}', "choices: is not known"),
    ('{"kind":"response","id":"a","created":1,"state":"' + "x" * 33 + '"}', "state: is too long"),
])
def test_objects_that_are_wrong(store, line, words):
    store.run("import", stdin=line + "\n", expect=1)
    assert words in store.err


def test_an_object_without_its_json_is_found(store):
    store.fill(OBJECTS)
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE objects SET body = 'x' WHERE id = 'resp_1'")
    store.run("check", expect=1)
    assert "object 1: body is not JSON" in store.err


@pytest.mark.parametrize("filters, want", [
    (["--model", "m"], [1, 3, 5, 7, 9]),
    (["--metadata", "k=2"], [2, 5, 8]),
    (["--metadata", "k=2", "--model=m"], [5]),
    (["--metadata", "k=2", "--metadata", "k=1"], []),
    (["--since", "1700000004", "--until", "1700000006"], [4, 5]),
    (["--since", "2023-11-14T22:13:27Z"], [7, 8, 9, 10]),
    (["--since", "2023-11-15"], []),
    (["--until", "2023-11-14"], []),
    (["--owner", "bob"], [10]),
    (["--owner", ""], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
])
def test_filters(store, filters, want):
    store.fill([*(row(n) for n in range(10)), row(10, owner="bob", metadata={"k": "0"})])
    out = store.run("export", *filters)
    assert [int(json.loads(line)["id"].removeprefix("chatcmpl-")) for line in out.splitlines()] == want


@pytest.mark.parametrize("args, words", [
    (["export", "--since", "yesterday"], "--since: 'yesterday' is no time: 2026-11-01"),
    (["export", "--metadata", "k"], "'k' is not KEY=VALUE"),
    (["export", "--nonsense"], "store export: what is --nonsense?"),
    (["export", "--as-recordings"], "which folder?"),
    (["inof"], "did you mean 'info'?"),
    ([], "usage: quipu store COMMAND"),
    (["info", "x"], "usage: quipu store info"),
])
def test_commands_that_are_not_right(store, args, words):
    store.run(*args, expect=64)
    assert words in store.err


@pytest.mark.parametrize("line, words", [
    ("nonsense", "column 1: "),
    ("[]", "the line: is no object"),
    ("{}", "status: is not completed, cancelled or failed"),
    (json.dumps({"status": "completed", "created": 1}), "id: is missing"),
    (json.dumps({"status": "completed", "id": "", "created": 1}), "id: is empty"),
    (json.dumps({"status": "completed", "id": "x" * 1025, "created": 1}), "id: is too long"),
    (json.dumps({"status": "completed", "id": "x"}), "created: is missing"),
    (json.dumps(row(1, created=1.5)), "created: is no integer"),
    (json.dumps(row(1, request={})), "request: is no array"),
    (json.dumps(row(1, request="[1")), "request: is no array"),
    (json.dumps(row(1, metadata=[])), "metadata: is no object"),
    (json.dumps(row(1, provider=7)), "provider: is no string"),
    (json.dumps(row(1, later=7)), "later: is not known"),
    ('{"status":"failed","id":"a","id":"b","created":1}', "the line: has a member twice"),
])
def test_a_bad_line_is_named(store, line, words):
    text = lines_of([row(1), row(2)]) + "\n" + line + "\n" + lines_of([row(3)])
    store.run("import", stdin=text, expect=1)
    assert f"quipu: standard input:4: {words}" in store.err
    assert store.run("export") == lines_of([row(1), row(2)])


def test_a_line_without_an_end_and_a_file(store, tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text(lines_of([row(1), row(2)]).rstrip("\n"))
    assert json.loads(store.run("import", str(file), "--json")) == {"rows": 2, "replaced": 0, "objects": 0}
    store.run("import", str(tmp_path / "none"), expect=1)
    assert "none: No such file or directory" in store.err
    store.run("export", str(tmp_path / "no" / "folder"), expect=1)
    assert "No such file or directory" in store.err


def test_a_store_that_is_not_there_is_not_made(store):
    for word in ("info", "check", "vacuum", "export"):
        store.run(word, expect=1)
        assert f"{store.path}: No such file or directory" in store.err
    assert not store.path.exists()
    store.run("info", "--store", "none", expect=1)
    assert "there is no store; name one with --store" in store.err
    store.run("info", "--store", "mysql:x", expect=1)


def test_the_store_of_a_file(store, tmp_path):
    store.fill([row(1)])
    config = tmp_path / "quipu.yaml"
    config.write_text(f"store: sqlite:{store.path}\n")
    out = store.run("info", "--config", str(config), QUIPU_STORE="")
    assert f"store      sqlite:{store.path}\n" in out
    assert "rows       1\n" in out


def test_damage_is_told(store):
    store.fill([row(n) for n in range(20)])
    db = sqlite3.connect(store.path)
    db.execute("UPDATE completions SET choices = '[1' WHERE seq = 3")
    db.commit()
    db.close()
    assert store.run("check", expect=1) == "20 rows, 1 problems\n"
    assert "row 3: choices is not JSON" in store.err
    assert json.loads(store.run("check", "--json", expect=1)) == {
        "problems": ["row 3: choices is not JSON"], "rows": 20}
    out = store.run("export", expect=1)
    assert "row 3 (chatcmpl-2) is damaged: left out" in store.err
    assert len(out.splitlines()) == 19


def test_vacuum_gives_room_back(store):
    store.fill([row(n, request=["x" * 2000]) for n in range(1000)])
    db = sqlite3.connect(store.path)
    db.execute("DELETE FROM completions WHERE seq > 10")
    db.execute("UPDATE totals SET (rows, bytes) = (SELECT count(*), sum(bytes) FROM completions) WHERE kind = 0")
    db.commit()
    db.close()
    done = json.loads(store.run("vacuum", "--json"))
    assert done["after"] < done["before"] / 10
    assert store.run("check") == "10 rows, 0 problems\n"


def test_all_works_beside_a_server(start, store):
    q = start("--store", f"sqlite:{store.path}")
    for n in range(30):
        body = {"model": "echo/echo", "messages": [{"role": "user", "content": f"hi {n}"}]}
        assert q.request("POST", "/v1/chat/completions", body)[0] == 200
    store.fill([row(n) for n in range(20)])
    assert json.loads(store.run("check", "--json"))["problems"] == []
    store.run("vacuum")
    text = store.run("export")
    assert len(text.splitlines()) >= 20
    assert q.request("GET", "/v1/health")[0] == 200


def test_help_teaches(store):
    assert "export" in store.run("--help")
    for word in ("info", "check", "vacuum", "export", "import"):
        assert f"usage: quipu store {word}" in store.run(word, "--help")
