"""What the server may not do, and what it says of its machine."""
import os
import re
import shutil
import subprocess

from quipu import ROOT, Quipu, WRAPPER
import pytest


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def status(pid):
    """Of every thread: name to value."""
    out = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            out.append(dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line))
    return out


def core_limit(pid):
    with open(f"/proc/{pid}/limits") as f:
        return next(line.split()[4:6] for line in f if line.startswith("Max core file size"))


@pytest.fixture(scope="module")
def confined(tmp_path_factory):
    """Skips where this build cannot have a sandbox (sanitizers, valgrind)."""
    q = Quipu(tmp_path_factory.mktemp("confined"), "--sandbox", "on", wait=False)
    try:
        q.wait_ready()
    except AssertionError:
        q.process.wait()
        if "cannot have one" in q.text() or "no seccomp" in q.text():
            pytest.skip("no sandbox here: " + q.text().splitlines()[-1])
        raise
    yield q
    q.stop()


def chat(q):
    return q.chat({"model": "echo/echo", "messages": [{"role": "user", "content": "hi"}]})


def test_every_thread_is_confined(confined):
    assert chat(confined)[0] == 200
    threads = status(confined.process.pid)
    assert len(threads) > 1
    for t in threads:
        assert t["Seccomp"] == "2", t["Name"]
        assert t["NoNewPrivs"] == "1", t["Name"]


def test_it_is_on_by_default(confined, tmp_path):
    q = Quipu(tmp_path)
    try:
        assert {t["Seccomp"] for t in status(q.process.pid)} == {"2"}
    finally:
        q.stop()


def test_it_can_be_turned_off(tmp_path):
    q = Quipu(tmp_path, "--sandbox", "off")
    try:
        mine = status(os.getpid())[0]
        assert {t["Seccomp"] for t in status(q.process.pid)} == {mine["Seccomp"]}
        assert {t["NoNewPrivs"] for t in status(q.process.pid)} == {mine["NoNewPrivs"]}
    finally:
        q.stop()


def test_no_core_dumps(tmp_path):
    q = Quipu(tmp_path)
    try:
        assert core_limit(q.process.pid) == ["0", "0"]
    finally:
        q.stop()


def test_core_dumps_on_request(tmp_path):
    q = Quipu(tmp_path, "--core-dumps")
    try:
        assert core_limit(q.process.pid) == core_limit(os.getpid())
    finally:
        q.stop()


@pytest.mark.skipif(os.geteuid() == 0 or bool(WRAPPER), reason="root may read everything")
def test_memory_is_closed_to_the_same_user(tmp_path):
    q = Quipu(tmp_path)
    try:
        with pytest.raises(PermissionError):
            open(f"/proc/{q.process.pid}/mem", "rb").close()
    finally:
        q.stop()


def unit(tmp_path):
    with open(os.path.join(ROOT, "packaging", "quipu.service.in")) as f:
        text = f.read()
    path = tmp_path / "quipu.service"
    path.write_text(text.replace("@bindir@", os.path.dirname(shutil.which("true"))))
    return path, text


@needs_systemd
def test_the_unit_is_confined(tmp_path):
    path, _ = unit(tmp_path)
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(path)],
                          capture_output=True, text=True, timeout=60)
    if "unrecognized option" in done.stderr or "Unknown option" in done.stderr:
        pytest.skip("systemd-analyze is older than 250: no --offline")
    assert done.returncode == 0, done.stdout + done.stderr
    assert float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout).group(1)) <= 2.0


def call_sets():
    """The groups of system calls that units can name, with the groups in them resolved."""
    sets, name = {}, None
    done = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, timeout=60)
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
            sets[name] = []
        elif line.startswith("    ") and "#" not in line:
            sets[name].append(line.strip())

    def resolve(word):
        return set().union(*map(resolve, sets[word])) if word.startswith("@") else {word}
    return resolve


@needs_systemd
def test_the_unit_allows_what_the_sandbox_allows(tmp_path):
    _, text = unit(tmp_path)
    resolve, allowed = call_sets(), set()
    for words in re.findall(r"^SystemCallFilter=(.*)$", text, re.M):
        calls = set().union(*(resolve(w) for w in words.lstrip("~").split()))
        allowed = allowed - calls if words.startswith("~") else allowed | calls
    with open(os.path.join(ROOT, "src", "cli", "sandbox.c")) as f:
        tables = f.read().split("deadly[]")[0]
    ours = set(re.findall(r"\bSYS_(\w+)", tables))
    assert len(ours) > 100
    # SQLite gives its files root's directory's owner, as root only.
    assert ours - allowed <= {"fchown"}
    assert "seccomp" in allowed
