"""What README promises for a first run, as typed, with make run's own start."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from quipu import BIN, ROOT, SLOW, WRAPPER

RUN = os.path.join(ROOT, "tools", "run")
FOLDER = os.path.join(ROOT, "examples", "recordings")


@pytest.fixture
def serve(tmp_path):
    """tools/run with a port that the kernel picks: (its port, its log, its process)."""
    running = []

    def go(*args, env=None):
        log = open(tmp_path / f"log{len(running)}", "w+b")
        p = subprocess.Popen([RUN, BIN, "--port=0", *args], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             env={"PATH": os.environ["PATH"], **(env or {})}, cwd=ROOT)
        running.append(p)
        deadline = time.monotonic() + 20 * SLOW
        while time.monotonic() < deadline and p.poll() is None:
            log.seek(0)
            text = log.read().decode()
            found = re.search(r"listening on \S*:(\d+) ", text)
            if found:
                return int(found.group(1)), lambda: open(log.name).read()
            time.sleep(0.01)
        raise AssertionError(text)

    yield go
    for p in running:
        p.send_signal(signal.SIGTERM)
        assert p.wait(20 * SLOW) == 0


def commands_of(path):
    """The indented curl commands of a page."""
    with open(path) as f:
        blocks = re.findall(r"(?:^    .*\n)+", f.read(), re.M)
    return [b for b in blocks if b.strip().startswith("curl") and b.count("curl") == 1]


@pytest.mark.skipif(bool(WRAPPER), reason="tools/run starts the binary itself")
def test_readme_s_first_commands_work_as_typed(serve):
    port, log = serve()
    first, second = commands_of(os.path.join(ROOT, "README.md"))[:2]
    outs = []
    for command in (first, second):
        begin = time.monotonic()
        done = subprocess.run(["sh", "-c", command.replace(":8321", f":{port}")], capture_output=True, text=True,
                              timeout=30 * SLOW, check=True)
        outs.append((done.stdout, time.monotonic() - begin))
    assert json.loads(outs[0][0])["choices"][0]["message"]["content"]
    text, seconds = outs[1]
    chunks = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
    assert text.endswith("data: [DONE]\n\n")
    texts = ["".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"][0]["index"] == i)
             for i in (0, 1)]
    assert texts[0].startswith("Knots on a cord") and texts[1].endswith("no network.")
    # In the pace of the recording: some thirty events, 40 ms each.
    assert seconds > 1
    # The log stays readable: a line for what is configured, and one for the rest.
    lines = [line for line in log().split("\n") if "provider" in line]
    assert len([line for line in lines if "quipu-example" not in line]) <= 4, lines
    assert re.search(r"\d+ more providers answer what was recorded of them", log())


@pytest.mark.skipif(bool(WRAPPER), reason="tools/run starts the binary itself")
@pytest.mark.parametrize("args,env", [
    (["--record-mode=off"], {}), ([], {"QUIPU_RECORD_MODE": "off"}), (["--config=examples/offline.yaml"], {}),
])
def test_make_run_does_as_it_is_told(serve, args, env):
    _, log = serve(*args, env=env)
    assert "more providers" not in log()


@pytest.mark.skipif(bool(WRAPPER), reason="tools/run starts the binary itself")
def test_providers_with_a_key_are_live(serve, upstream):
    port, log = serve(env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})
    body = json.dumps({"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]})
    done = subprocess.run(["curl", "-si", f"localhost:{port}/v1/chat/completions", "-H",
                           "content-type: application/json", "-d", body], capture_output=True, text=True, check=True)
    assert "x-replay-status: live" in done.stdout.lower() and "Hello" in done.stdout
    assert "provider=openai host=127.0.0.1" in log()
    deadline = time.monotonic() + 10 * SLOW
    while "openai/m1" not in subprocess.run(["curl", "-s", f"localhost:{port}/v1/models"], capture_output=True,
                                            text=True, check=True).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_examples_are_as_they_were_written(start):
    """Every file is a recording of the exact format that nobody has edited."""
    done = subprocess.run([*WRAPPER, BIN, "recordings", "ls", FOLDER], capture_output=True, text=True)
    assert done.returncode == 0 and " edited" not in done.stdout, done.stdout
    q = start("--record-mode", "replay", "--recordings", FOLDER)
    assert "skipped" not in q.text()
    for name in os.listdir(os.path.join(FOLDER, "demo")):
        with open(os.path.join(FOLDER, "demo", name)) as f:
            body = json.load(f)["request"]["body"]
        status, headers, _ = q.chat({**body, "model": "openai/" + body["model"]})
        assert (status, headers["x-replay-id"]) == (200, "demo/" + name)
