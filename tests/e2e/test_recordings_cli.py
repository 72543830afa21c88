"""quipu recordings: every command, on what quipu itself has recorded and on small fixtures."""
import base64
import gzip
import json
import os
import pty
import re
import shutil
import subprocess

import pytest

from quipu import BIN, ROOT, SLOW, WRAPPER
from upstream import DONE, chunk, completion

KEY = "sk-test-0123456789abcdef"
ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "which planet?"}]}
CORPUS = os.path.join(ROOT, "..", "shared", "recordings")


def env():
    return {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}


def run(*args, cwd=None):
    done = subprocess.run(WRAPPER + [BIN, "recordings", *map(str, args)], env=env(), capture_output=True,
                          text=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL, cwd=cwd)
    assert "Sanitizer" not in done.stderr and done.returncode >= 0, done.stderr
    return done.returncode, done.stdout, done.stderr


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def folder(start, upstream, tmp_path):
    """Recordings of four requests: a stream of two choices, a whole answer, an error, vectors."""
    where = tmp_path / "recordings"
    q = start("--record-mode", "record", "--recordings", where, "--retries", "0",
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})
    events = [chunk("It is "), chunk("Mars", index=1), chunk("Earth."), chunk("", finish="stop"), DONE]
    upstream.handler = lambda c: c.stream(events)
    assert q.chat({**ASK, "stream": True, "n": 2}, headers={"x-replay-session": "s1"})[0] == 200
    upstream.handler = lambda c: c.json(200, completion(content="Earth"))
    assert q.chat(ASK, headers={"x-replay-session": "s1"})[0] == 200
    upstream.handler = lambda c: c.json(400, {"error": {"message": "no such planet", "type": "x"}})
    assert q.chat({**ASK, "temperature": 1}, headers={"x-replay-session": "s2"})[0] == 400
    q.stop()
    return where


def only(folder, session, start):
    found = [p for p in sorted((folder / session).iterdir()) if p.name.startswith(start)]
    assert len(found) == 1
    return found[0]


def test_show_is_a_transcript(folder):
    path = only(folder, "s1", "01")
    status, out, err = run("show", path)
    assert (status, err) == (0, "")
    for part in ("chat.completions m1", "\nuser\n  which planet?\n", "\nassistant 0 (stop)\n  It is Earth.\n",
                 "\nassistant 1\n  Mars\n", "settings stream true, n 2", "upstream openai", "5 events"):
        assert part in out, out
    status, out, err = run("show", "--json", path)
    shown = json.loads(out)
    assert [(a["index"], a["text"]) for a in shown["answers"]] == [(0, "It is Earth."), (1, "Mars")]
    assert (shown["status"], shown["end"], shown["edited"]) == (200, "eof", False)
    status, out, err = run("show", only(folder, "s2", "01"))
    assert status == 0 and "  400\n" in out and "\nerror\n  no such planet\n" in out


def test_what_a_recording_says_gives_no_orders_to_a_terminal(folder):
    path = only(folder, "s1", "02")
    path.write_text(path.read_text().replace("which planet?", "\\u001b[2Jboo\\u009b"))
    status, out, _ = run("show", path)
    assert status == 0 and "\x1b" not in out and "\x9b" not in out and "\\x1b[2Jboo\\xc2\\x9b" in out


def on_a_terminal(*args, **more):
    """What a command prints on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([*WRAPPER, BIN, "recordings", *map(str, args)], stdout=slave, stderr=slave,
                               stdin=subprocess.DEVNULL, env={**env(), "TERM": "xterm", **more})
    os.close(slave)
    out = b""
    try:
        while True:
            out += os.read(master, 65536)
    except OSError:
        pass
    process.wait(30 * SLOW)
    os.close(master)
    return out.decode()


def test_colour_is_for_terminals_that_want_it(folder):
    path = only(folder, "s1", "01")
    assert "\x1b[" in on_a_terminal("show", path)
    assert "\x1b[" not in on_a_terminal("show", path, NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal("show", path, TERM="dumb")
    assert "\x1b[" not in run("show", path)[1]


def test_diff_says_first_what_it_means(folder, tmp_path):
    path = only(folder, "s1", "02")
    other = tmp_path / "b.json"
    text = path.read_text().replace("which planet?", "which moon?").replace("Earth", "Titan")
    other.write_text(text)
    status, out, _ = run("diff", path, other)
    assert status == 4
    assert "request/messages/0/content: which planet? -> which moon?\n" in out
    assert "answer 0 text: Earth -> Titan\n" in out
    assert out.index("answer 0 text") < out.index("-   which planet?\n+   which moon?\n")
    status, out, _ = run("diff", "--json", path, other)
    assert status == 4
    assert json.loads(out)["changes"] == [
        {"where": "request/messages/0/content", "was": "which planet?", "now": "which moon?"},
        {"where": "answer 0 text", "was": "Earth", "now": "Titan"}]
    assert run("diff", path, path)[:2] == (
        0, f"--- {path}\n+++ {path}\nboth say the same, byte for byte\n")


def test_a_stream_and_its_redelivery_say_the_same(folder, tmp_path):
    """Other ids, other cuts, other times: nothing of that is a difference."""
    path = only(folder, "s1", "01")
    other = tmp_path / "b.json"
    other.write_text(re.sub(r'"chatcmpl-?[^"\\]*', '"chatcmpl-other', path.read_text()).replace(
        '"content":"It is "', '"content":"It "').replace('"content":"Earth."', '"content":"is Earth."'))
    assert other.read_text() != path.read_text()
    status, out, _ = run("diff", path, other)
    assert status == 0 and "both say the same; their bytes differ from byte " in out


def test_explain_finds_what_the_server_would_serve(folder, tmp_path):
    ask = tmp_path / "ask.json"
    ask.write_text(json.dumps(ASK))
    status, out, _ = run("explain", "--dir", folder, "--session", "s1", ask)
    assert status == 0 and f"hit s1/{only(folder, 's1', '02').name}\nmatch    exact\n" in out
    status, out, _ = run("explain", "--dir", folder, "--session", "s2", "--json", ask)
    missed = json.loads(out)
    assert (status, missed["hit"], missed["cause"]) == (1, False, "other_session")
    ask.write_text(json.dumps({**ASK, "messages": [{"role": "user", "content": "which moon?"}]}))
    status, out, _ = run("explain", "--dir", folder, "--session", "s1", ask)
    assert status == 1 and "/messages/0/content" in out and "- which planet?\n" in out and "+ which moon?" in out
    # A recording stands for its own request.
    status, out, _ = run("explain", "--dir", folder, "--session", "s1", only(folder, "s1", "01"))
    assert status == 0 and "hit s1/01-" in out


def test_lint_says_what_is_wrong(folder):
    status, out, _ = run("lint", folder)
    assert status == 0 and ", 0 problems, " in out
    one, two = only(folder, "s1", "01"), only(folder, "s1", "02")
    shutil.copy(two, two.with_name("09" + two.name[2:]))
    shutil.copy(two, folder / "s1" / "08-renamed-00000000.json")
    one.write_text(one.read_text().replace("Mars", "Pluto").replace("which planet?", "which?"))
    (folder / "s1" / "torn.json").write_text('{"v": 1')
    (folder / "s1" / "notes.txt").write_text("x")
    (folder / "s1" / "gone.json.bin").write_text("x")
    status, out, _ = run("lint", "--json", folder)
    said = {(x["level"], x["file"], x["what"].split(":")[0]) for x in lines(out)}
    assert status == 1
    for problem in [("problem", f"s1/{one.name}", "edited"),
                    ("problem", f"s1/{one.name}", "the request was edited"),
                    ("problem", "s1/08-renamed-00000000.json", "the name does not end in the key"),
                    ("problem", "s1/torn.json", "line 1, column 8"),
                    ("problem", "s1/gone.json.bin", "a body whose recording is gone"),
                    ("note", "s1/notes.txt", "not a recording")]:
        assert problem in said, (problem, said)
    assert len([x for x in said if x[2].startswith("the same request and number (occ 1) as s1/")]) == 2


def test_scan_finds_secrets_and_redact_takes_them_out(folder):
    assert run("scan", folder)[0] == 0
    path = only(folder, "s1", "02")
    text = path.read_text()
    path.write_text(text.replace("which planet?", "my key is sk-0123456789abcdefghij").replace(
        '"headers": [', '"headers": [["authorization", "Bearer abcdefgh12345678"], ', 1))
    status, out, _ = run("scan", folder)
    assert status == 5 and out.endswith(" 3 secrets\n")
    assert "sk-0123" not in out and "abcdefgh12345678" not in out
    status, out, _ = run("redact", folder)
    assert status == 0 and out.endswith(" 1 redacted\n")
    left = path.read_text()
    assert "0123456789abcdefghij" not in left and "authorization" not in left and "Earth" in left
    assert run("scan", folder)[0] == 0
    assert run("redact", folder)[1].endswith(" 0 redacted\n")


def test_redact_overwrites_in_recordings_of_ogx(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({
        "test_id": None,
        "request": {"method": "POST", "url": "http://h/v1/v1/chat/completions", "endpoint": "/v1/chat/completions",
                    "model": "m", "headers": {}, "body": {"model": "m", "messages": [
                        {"role": "user", "content": "sk-0123456789abcdefghij"}]}},
        "response": {"body": {"__type__": "x", "__data__": {"choices": []}}, "is_streaming": False}}))
    assert run("scan", tmp_path)[0] == 5
    assert run("redact", tmp_path)[0] == 0
    assert "0123456789abcdefghij" not in path.read_text() and run("scan", tmp_path)[0] == 0


def test_prune_names_first_and_deletes_when_told(folder, tmp_path):
    one, two = only(folder, "s1", "01"), only(folder, "s1", "02")
    verdict = tmp_path / "verdict.json"
    verdict.write_text(json.dumps({"folder": "s1", "served": [f"s1/{one.name}"], "served_total": 1}))
    status, out, _ = run("prune", folder, verdict)
    assert status == 2 and f"unused  s1/{two.name}\n" in out and two.exists()
    assert "s2/" not in out  # no run has looked at it
    status, out, _ = run("prune", "--delete", folder, verdict)
    assert status == 0 and not two.exists() and one.exists()
    assert only(folder, "s2", "01").exists()
    assert run("prune", "--all", folder, verdict)[0] == 2
    for bad in ({"served": []}, {"served": [f"s1/{one.name}"], "served_total": 2}):
        verdict.write_text(json.dumps(bad))
        status, out, err = run("prune", "--all", "--delete", folder, verdict)
        assert (status, out) == (1, "") and "nothing is pruned" in err and one.exists()


def test_prune_takes_the_verdict_of_a_real_session(start, folder, tmp_path):
    q = start("--record-mode", "replay", "--recordings", folder)
    assert q.chat(ASK, headers={"x-replay-session": "s1"})[0] == 200
    status, _, body = q.request("DELETE", "/v1alpha/replay/sessions/s1")
    assert status == 200
    q.stop()
    verdict = tmp_path / "verdict.json"
    verdict.write_bytes(body)
    status, out, _ = run("prune", "--json", folder, verdict)
    assert status == 2
    assert lines(out) == [{"file": f"s1/{only(folder, 's1', '01').name}", "deleted": False}]


def test_stats_count(folder):
    status, out, _ = run("stats", "--json", folder)
    stats = json.loads(out)
    by = {(g["op"], g["model"]): g for g in stats["groups"]}
    chat = by["chat.completions", "m1"]
    assert status == 0 and (chat["count"], chat["errors"]) == (3, 1)
    assert chat["file_bytes"] == sum(p.stat().st_size for s in ("s1", "s2") for p in (folder / s).iterdir())
    assert "chat.completions" in run("stats", folder)[1]


def test_exact_to_ogx_and_back_says_the_same(start, folder, tmp_path):
    status, out, err = run("convert", "--to", "ogx", "--out", tmp_path / "ogx", "--session", "tests/a/b.py::t",
                           "--base-url", "https://api.openai.com/v1", folder / "s1")
    assert (status, err) == (0, "") and out.endswith("2 written, 0 left out, 0 secrets redacted\n")
    assert run("verify-keys", tmp_path / "ogx")[0] == 0
    assert len(list((tmp_path / "ogx" / "tests" / "a" / "recordings").iterdir())) == 2
    status, out, _ = run("convert", "--out", tmp_path / "back", tmp_path / "ogx")
    assert status == 0 and "2 written" in out
    (back,) = [p for p in (tmp_path / "back").iterdir() if p.is_dir()]
    texts = {tuple(a["text"] for a in json.loads(run("show", "--json", p)[1])["answers"]) for p in back.iterdir()}
    assert texts == {("It is Earth.", "Mars"), ("Earth",)}
    # What was converted is served.
    q = start("--record-mode", "replay", "--recordings", tmp_path / "ogx", "--providers", "inference=remote::openai")
    status, headers, _ = q.chat(ASK, headers={"x-replay-session": "tests/a/b.py::t"})
    assert (status, headers["x-replay-match"]) == (200, "ogx")
    assert run("convert", "--to", "xml", folder)[0] == 64


CASSETTE = """interactions:
- request:
    body: '{{"model":"m1","messages":[{{"role":"user","content":"hi"}}]}}'
    headers:
      Authorization: [Bearer sk-0123456789abcdefghij]
      Content-Type: [application/json]
    method: POST
    uri: https://api.openai.com/v1/chat/completions
  response:
    body:
      string: !!binary |
        {body}
    headers:
      Content-Encoding: [gzip]
      Content-Type: [application/json]
      Set-Cookie: [a=b]
    status: {{code: 200, message: OK}}
version: 1
"""


def test_a_cassette_of_vcrpy_is_imported_and_served(start, tmp_path):
    answer = completion(content="from a cassette")
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    tape = tmp_path / "chat.yaml"
    tape.write_text(CASSETTE.format(body=base64.b64encode(gzip.compress(body)).decode()))
    out_dir = tmp_path / "rec"
    status, out, err = run("convert", "--out", out_dir, "--session", "s", tape)
    assert (status, err) == (0, "")
    (made,) = (out_dir / "s").iterdir()
    assert "sk-0123" not in made.read_text() and "a=b" not in made.read_text()
    assert run("lint", out_dir)[0] == 0 and run("scan", out_dir)[0] == 0
    q = start("--record-mode", "replay", "--recordings", out_dir)
    status, headers, got = q.chat({"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]},
                                  headers={"x-replay-session": "s"})
    assert (status, headers["x-replay-status"]) == (200, "hit") and b"from a cassette" in got


def test_repeats_of_a_cassette_keep_their_order(start, tmp_path):
    ask = json.dumps({"model": "m1", "messages": [{"role": "user", "content": "hi"}]})
    tape = tmp_path / "tape.json"  # go-vcr's, as JSON
    tape.write_text(json.dumps({"interactions": [
        {"request": {"method": "POST", "url": "https://api.openai.com/v1/chat/completions", "body": ask,
                     "headers": {"Content-Type": ["application/json"]}},
         "response": {"code": 200, "headers": {"Content-Type": ["application/json"]},
                      "body": json.dumps(completion(content=f"turn {n}"))}} for n in range(3)]}))
    out_dir = tmp_path / "rec"
    assert run("convert", "--out", out_dir, "--session", "s", tape)[0] == 0
    assert sorted(json.loads(p.read_text())["occ"] for p in (out_dir / "s").iterdir()) == [1, 2, 3]
    assert run("lint", out_dir)[0] == 0
    q = start("--record-mode", "replay", "--recordings", out_dir)
    answers = [q.chat({**json.loads(ask), "model": "openai/m1"}, headers={"x-replay-session": "s"})[2]
               for _ in range(3)]
    assert [re.search(rb"turn \d", a).group() for a in answers] == [b"turn 0", b"turn 1", b"turn 2"]


def test_har_is_imported(tmp_path):
    har = {"log": {"version": "1.2", "entries": [
        {"startedDateTime": "2026-01-02T03:04:05Z", "time": 20,
         "request": {"method": "POST", "url": "https://api.openai.com/v1/chat/completions",
                     "headers": [{"name": "content-type", "value": "application/json"}],
                     "postData": {"mimeType": "application/json", "text": json.dumps(ASK)}},
         "response": {"status": 200, "headers": [{"name": "content-type", "value": "text/event-stream"}],
                      "content": {"encoding": "base64",
                                  "text": base64.b64encode(chunk("hi") + DONE).decode()}}},
        {"request": {"method": "GET", "url": "https://x.y/"}, "response": {"status": 0}}]}}
    path = tmp_path / "session.har"
    path.write_text(json.dumps(har))
    status, out, err = run("convert", "--out", "rec", path, cwd=tmp_path)
    assert status == 1 and "no status from 200 to 599" in err and "1 written, 1 left out" in out
    (made,) = [p for p in (tmp_path / "rec").rglob("*.json")]
    shown = json.loads(run("show", "--json", made)[1])
    assert shown["answers"][0]["text"] == "hi" and shown["recorded_at"] == "2026-01-02T03:04:05Z"
    assert shown["ms"][0] == 20


def git(where, *args, ok=True):
    done = subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *args], cwd=where, timeout=60 * SLOW,
                          capture_output=True, text=True, env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(where)})
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def repository(folder):
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    git(folder, "init", "-q", "-b", "main")
    command = " ".join([*WRAPPER, BIN, "recordings"])
    git(folder, "config", "diff.quipu.textconv", command + " textconv")
    git(folder, "config", "merge.quipu.driver", command + " merge-driver %O %A %B %P")
    (folder / ".gitattributes").write_text("*.json diff=quipu merge=quipu\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "base")
    return folder


def test_git_shows_what_recordings_say(repository):
    path = only(repository, "s1", "01")
    path.write_text(path.read_text().replace("Mars", "Pluto"))
    shown = git(repository, "diff")
    assert "\n-  Mars\n+  Pluto\n" in shown and "choices" not in shown
    path.write_text("no recording")
    assert "+no recording" in git(repository, "diff")


@pytest.mark.parametrize("ours,theirs,want", [("2030", "2031", "2031"), ("2031", "2030", "2031"),
                                              ("2031", None, None), (None, "2031", None)])
def test_git_merges_recordings(repository, ours, theirs, want):
    path = only(repository, "s1", "02")

    def change(year):
        if year is None:  # edited
            path.write_text(path.read_text().replace("Earth", "Edited"))
        else:
            path.write_text(re.sub(r'"recorded_at": "[^"]*"', f'"recorded_at": "{year}-01-01T00:00:00Z"',
                                   path.read_text()))
        git(repository, "commit", "-qam", str(year))

    git(repository, "checkout", "-qb", "other")
    change(theirs)
    git(repository, "checkout", "-q", "main")
    change(ours)
    said = git(repository, "merge", "-q", "other", "-m", "m", ok=want is not None)
    if want is None:
        assert f"s1/{path.name}: conflict: it was edited by hand" in said
    else:
        assert f'"recorded_at": "{want}-' in path.read_text()


COMMANDS = [("show",), ("show", "--json"), ("ls", "--json"), ("stats",), ("scan",), ("lint",), ("verify-keys",)]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_fails_on_real_recordings(command):
    if not os.path.isdir(CORPUS):
        pytest.skip(f"there are no recordings in {CORPUS}")
    status, out, err = run(*command, CORPUS)
    assert (status == 0 or command == ("scan",)) and out and err == "", err


def test_real_recordings_are_converted_there_and_back(tmp_path):
    if not os.path.isdir(CORPUS):
        pytest.skip(f"there are no recordings in {CORPUS}")
    source = os.path.join(CORPUS, "responses")
    status, out, _ = run("convert", "--out", tmp_path / "exact", source)
    assert status == 0
    assert ", 0 problems, " in run("lint", tmp_path / "exact")[1]
    run("convert", "--to", "ogx", "--out", tmp_path / "ogx", tmp_path / "exact")
    assert run("verify-keys", tmp_path / "ogx")[0] == 0
    before = {n for _, _, names in os.walk(source) for n in names}
    after = {n for _, _, names in os.walk(tmp_path / "ogx") for n in names}
    assert len(before & after) > 0.9 * len(before)
