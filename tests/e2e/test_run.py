"""quipu run: a command with a server of its own, and a verdict."""
import json
import os
import pty
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

import pytest

from quipu import BIN, SLOW, TSAN_OPTIONS, WRAPPER
from upstream import DONE, chunk, completion

KEY = "sk-test-0123456789abcdef"

# An application: asks what its arguments say, with the SDK's own variables.
APP = """
import json, os, sys, urllib.error, urllib.request
for text in sys.argv[1:]:
    if text.startswith("exit="):
        sys.exit(int(text[5:]))
    model, _, words = text.rpartition(":")
    req = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps({"model": model or "m1", "messages": [{"role": "user", "content": words}]}).encode(),
        {"content-type": "application/json", "authorization": "Bearer " + os.environ["OPENAI_API_KEY"]})
    try:
        with urllib.request.urlopen(req) as r:
            print(r.status, json.load(r)["choices"][0]["message"]["content"])
    except urllib.error.HTTPError as e:
        print(e.code)
"""


@pytest.fixture
def run(tmp_path):
    def go(*args, env=None, **kw):
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME") or k.endswith("SAN_OPTIONS")}
        kept.setdefault("TSAN_OPTIONS", TSAN_OPTIONS)
        done = subprocess.run([*WRAPPER, BIN, "run", *args], env={**kept, **(env or {})}, cwd=tmp_path,
                              capture_output=True, text=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL, **kw)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr
    return go


def app(*texts):
    return "--", sys.executable, "-c", APP, *texts


@pytest.fixture
def recorded(run, upstream):
    """a and b are recorded, of a model without a prefix."""
    upstream.handler = lambda call: call.json(200, completion(
        content="to " + call.request.json["messages"][0]["content"]))
    status, out, err = run("--record", *app("a", "b"), env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})
    assert (status, out) == (0, "200 to a\n200 to b\n"), err
    assert "quipu record: ok: 2 recorded\n" in err
    # The command's requests came through quipu, and quipu's went where the user said.
    assert [r.headers["authorization"] for r in upstream.chat_requests()] == ["Bearer " + KEY] * 2
    upstream.close()
    return upstream


@pytest.mark.parametrize("flags,texts,status,words", [
    (("--replay",), "ab", 0, "quipu replay: ok: 2 served\n"),
    ((), "a", 0, "quipu replay: ok: 1 served, 1 unused\n"),
    (("--replay",), "abc", 1, "quipu replay: unmatched: 2 served, 1 missed\n  missed"),
    (("--replay", "--strict"), "ab", 0, "ok: 2 served"),
    (("--replay", "--strict"), "a", 2, "unused: 1 served, 1 unused\n  unused    default/02-chat.completions-m1-"),
    (("--replay", "--strict"), "abb", 1, "unmatched: 2 served, 1 exhausted\n  exhausted "),
    (("--strict",), "", 2, "unused: 2 unused\n"),
    (("--replay", "--recordings=recordings"), ["a", "b", "exit=7"], 7, "ok: 2 served"),
    (("--replay",), ["c", "exit=7"], 7, "unmatched: 1 missed, 2 unused\n"),
    # What a run without a session recorded is for all of them.
    (("--replay", "--session", "other"), "ab", 0, "ok: 2 served\n"),
])
def test_exit_codes(run, recorded, flags, texts, status, words):
    got, out, err = run(*flags, *app(*texts))
    assert got == status and words in err, (got, err)
    assert out.count("200") == sum(t in ("a", "b") for t in set(texts))


def test_edited_files_fail_when_strict(run, recorded, tmp_path):
    where = tmp_path / "recordings" / "default"
    for f in where.iterdir():
        f.write_text(f.read_text().replace("to a", "to A"))
    status, out, err = run(*app("a", "b"))
    assert (status, out) == (0, "200 to A\n200 to b\n") and "1 edited" in err
    # Strict matching does not serve it at all.
    assert run("--strict", *app("a", "b"))[0] == 1


def test_old_files_fail_when_strict(run, recorded):
    time.sleep(2.1)
    status, _, err = run("--strict", "--record-max-age", "1s", *app("a", "b"))
    assert status == 3 and "stale: 2 served, 2 stale" in err


def test_a_model_needs_no_prefix_and_replay_no_key(run, recorded):
    status, out, err = run("--replay", *app("a", "openai/m1:b"))
    assert (status, out) == (0, "200 to a\n200 to b\n"), err


def test_auto_records_what_is_missing(run, upstream, tmp_path):
    env = {"OPENAI_BASE_URL": upstream.url}
    assert run("--auto", *app("a"), env=env)[0] == 0
    status, _, err = run("--auto", *app("a", "b"), env=env)
    assert status == 0 and "ok: 1 served, 1 recorded\n" in err
    assert len(list((tmp_path / "recordings" / "default").iterdir())) == 2
    # The environment may say the mode as well.
    status, _, err = run(*app("c"), env={**env, "QUIPU_RECORD_MODE": "auto"})
    assert status == 0 and "quipu auto: ok: 1 recorded" in err


def test_recording_again_keeps_names_and_drops_the_rest(run, upstream, tmp_path):
    env = {"OPENAI_BASE_URL": upstream.url}
    where = tmp_path / "recordings" / "s"
    assert run("--record", "--session=s", *app("a", "b"), env=env)[0] == 0
    before = sorted(f.name for f in where.iterdir())
    status, _, err = run("--record", "--session=s", *app("b", "c"), env=env)
    assert status == 0 and "2 recorded, 1 removed\n" in err
    after = sorted(f.name for f in where.iterdir())
    assert len(after) == 2 and before[1] in after and before[0] not in after


def test_sessions_are_apart(run, upstream):
    assert run("--record", "--session=s", *app("a"), env={"OPENAI_BASE_URL": upstream.url})[0] == 0
    assert run("--session=s", *app("a"))[0] == 0
    status, _, err = run("--session", "other", *app("a"))
    assert status == 1 and "unmatched: 1 missed\n  missed    other: " in err


def test_the_command_s_environment(run, upstream, tmp_path):
    (tmp_path / "recordings").mkdir()
    show = ("--", sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")
    names = ("QUIPU_URL", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_KEY", "MINE")
    env = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY, "MINE": "1"}
    seen = json.loads(run("--replay", *show, env=env)[1])
    url = seen["QUIPU_URL"]
    assert url.startswith("http://127.0.0.1:") and url != upstream.root
    assert [seen[n] for n in names] == [url, url + "/v1", url + "/v1", "quipu-needs-no-key", "1"]
    assert json.loads(run("--record", *show, env=env)[1])["OPENAI_API_KEY"] == KEY
    del env["OPENAI_API_KEY"]
    assert json.loads(run("--record", *show, env=env)[1])["OPENAI_API_KEY"] == "quipu-needs-no-key"


def test_junit(run, recorded, tmp_path):
    assert run("--junit", "out.xml", *app("a", "<c>"))[0] == 1
    suite, = xml.parse(tmp_path / "out.xml").getroot().findall("testsuite")
    assert [suite.get(k) for k in ("name", "tests", "failures", "skipped")] == ["quipu.default", "3", "1", "1"]
    status, _, err = run("--junit=/nowhere/out.xml", *app("a", "b"))
    assert status == 73 and "/nowhere/out.xml: No such file" in err


@pytest.mark.parametrize("args,status,words", [
    ((), 64, "no command"), (("--replay",), 64, "no command"), (("--replay", "--"), 64, "no command"),
    (("pytest",), 64, "flags come first"), (("--replay", "pytest"), 64, "no command"),
    (("--prot=1", "--", "true"), 64, "--port"), (("--record-mode", "off", "--", "true"), 64, "--replay"),
    (("--", "true"), 69, "recordings.dir"),
])
def test_what_is_asked_wrongly(run, args, status, words):
    got, _, err = run(*args)
    assert got == status and words in err, (got, err)


def test_what_cannot_be_run(run, tmp_path):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "data").write_text("x")
    status, _, err = run("--", "no-such-command")
    assert status == 127 and "no-such-command: No such file" in err
    assert run("--", "./data")[0] == 126
    assert run("--", "sh", "-c", "kill -9 $$")[0] == 128 + 9


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_forwarded(tmp_path, sig):
    (tmp_path / "recordings").mkdir()
    script = ("import signal, sys, time\n"
              f"signal.signal({int(sig)}, lambda *a: sys.exit(42))\n"
              "print('ready', flush=True)\n"
              "time.sleep(60)\n")
    p = subprocess.Popen([*WRAPPER, BIN, "run", "--", sys.executable, "-c", script], cwd=tmp_path,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert p.stdout.readline() == "ready\n"
    p.send_signal(sig)
    out, err = p.communicate(timeout=30 * SLOW)
    assert p.returncode == 42 and "no request came" in err


@pytest.mark.parametrize("apart,seen", [(False, b"seen 1"), (True, b"seen 0")])
def test_control_c_is_not_sent_twice(tmp_path, apart, seen):
    """The terminal sends it to the command as well; one in a group of its own does not get it."""
    (tmp_path / "recordings").mkdir()
    script = ("import os, signal, sys, time\n"
              f"{'os.setpgid(0, 0)' if apart else ''}\n"
              "seen = []\n"
              "signal.signal(signal.SIGINT, lambda *a: seen.append(1))\n"
              "print('ready', flush=True)\n"
              "time.sleep(1.5)\n"
              "print('seen', len(seen), flush=True)\n")
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execvp(([*WRAPPER, BIN])[0], [*WRAPPER, BIN, "run", "--", sys.executable, "-c", script])
    text = b""
    while b"ready" not in text:
        text += os.read(fd, 4096)
    os.write(fd, b"\x03")
    while True:
        try:
            more = os.read(fd, 4096)
        except OSError:
            break
        if not more:
            break
        text += more
    os.waitpid(pid, 0)
    os.close(fd)
    assert seen in text, text
    # A terminal gets colour.
    assert b"\x1b[32mquipu replay: ok\x1b[0m" in text, text


def test_a_stream_is_played_as_it_was(run, upstream, tmp_path):
    events = [chunk("h"), chunk("i", index=1), DONE]
    upstream.handler = lambda call: call.stream(events)
    body = json.dumps({"model": "m1", "n": 2, "stream": True, "messages": [{"role": "user", "content": "x"}]})
    curl = ("--", "sh", "-c", "curl -sN \"$OPENAI_BASE_URL/chat/completions\" -H 'content-type: application/json' "
            f"-d '{body}'")
    live = run("--record", *curl, env={"OPENAI_BASE_URL": upstream.url})[1]
    upstream.close()
    assert live == b"".join(events).decode().replace("m1-2026", "m1")
    assert run("--replay", "--strict", *curl)[:2] == (0, live)
