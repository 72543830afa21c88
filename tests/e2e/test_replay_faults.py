"""Recordings and what goes wrong: hang-ups, kills, full disks, and files of whoever."""
import glob
import json
import os
import re
import resource
import shutil
import threading
import time

import pytest

from quipu import SLOW, chat_bytes
from upstream import DONE, chunk, completion

ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]}
KEY = "sk-test-0123456789abcdef"
EVENTS = [chunk("one "), chunk("two "), chunk("three"), chunk(None, finish="stop"), DONE]


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "recordings")


@pytest.fixture
def record(start, upstream, folder):
    """record(*flags): a server that records."""
    env = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY}
    return lambda *flags, mode="record", **kw: start("--record-mode", mode, "--recordings", folder, *flags,
                                                     env={**env, **kw.pop("env", {})}, **kw)


@pytest.fixture
def play(start, folder):
    return lambda *flags, **kw: start("--record-mode", "replay", "--recordings", folder, *flags, **kw)


def chats(folder, session="default"):
    return sorted(glob.glob(os.path.join(folder, session, "*chat.completions*.json")))


def wait_for(check, timeout=10):
    deadline = time.monotonic() + timeout * SLOW
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def hang_up_after(q, body, text):
    """Ask, and go when that text has come; None: at once."""
    s = q.connect()
    s.sendall(chat_bytes(body))
    got = b""
    while text is not None and text not in got:
        data = s.recv(65536)
        assert data
        got += data
    s.close()


def test_recording_again_replaces_what_was_there(record, upstream, folder):
    turns = iter(range(100))
    upstream.handler = lambda call: call.json(200, completion(content=f"turn {next(turns)}"))
    texts = []
    for _ in range(2):
        q = record()
        for _ in range(3):
            assert q.chat(ASK)[0] == 200
        text = q.stop()
        assert "not recorded" not in text, text
        texts.append([open(f).read() for f in chats(folder)])
    assert [len(t) for t in texts] == [3, 3]
    assert "turn 0" in texts[0][0] and "turn 3" in texts[1][0]


def test_a_new_recording_of_unchanged_text_differs_in_three_lines(record, upstream, folder):
    """Another id and time in each chunk, other waits, another day."""
    run = [0]

    def handler(call):
        run[0] += 1
        if not call.request.json.get("stream"):
            return call.json(200, completion(id=f"chatcmpl-{run[0]}", created=1754000000 + run[0]))
        call.stream([chunk(c, id=f"chatcmpl-{run[0]}", created=1754000000 + run[0]) for c in "many small words"] + [DONE],
                    delay=0.002 * run[0])
    upstream.handler = handler
    texts = []
    for _ in range(2):
        q = record()
        assert q.chat({**ASK, "stream": True})[0] == 200
        q.stop()
        file, = chats(folder)
        texts.append(open(file).read().split("\n"))
        time.sleep(1.1)
    assert len(texts[0]) == len(texts[1])
    changed = [(a, b) for a, b in zip(*texts) if a != b]
    assert 0 < len(changed) <= 3, changed


@pytest.mark.parametrize("after", [None, "one", "three"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_does_not_cut_the_recording(record, upstream, play, folder, stream, after):
    gone = threading.Event()

    def handler(call):
        if not stream:
            assert gone.wait(10 * SLOW)
            return call.json(200, completion(content="one two three"))
        call.start_stream()
        for event in EVENTS[:3]:
            call.chunk(event)
            if after is None or after.encode() in event:
                assert gone.wait(10 * SLOW)
        for event in EVENTS[3:]:
            call.chunk(event)
            time.sleep(0.05)
        call.send(b"0\r\n\r\n")
    upstream.handler = handler
    q = record()
    ask = {**ASK, "stream": stream}
    threading.Timer(0.3, gone.set).start()
    hang_up_after(q, ask, after.encode() if stream and after else None)
    wait_for(lambda: len(upstream.chat_requests()) == 1)
    gone.set()
    wait_for(lambda: len(chats(folder)) == 1)
    assert "not recorded" not in q.stop()
    status, _, body = play().chat(ask)
    assert status == 200 and (DONE in body and b"three" in body if stream else b"three" in body)


def test_what_a_shutdown_ends_is_not_kept(record, upstream, folder):
    def handler(call):
        if call.request.json.get("stream"):
            call.start_stream()
            call.chunk(EVENTS[0])
        call.wait_gone(20)
    upstream.handler = handler
    q = record("--shutdown-timeout", "0.2s")
    for stream in (True, False):
        s = q.connect()
        s.sendall(chat_bytes({**ASK, "stream": stream}))
        if stream:
            while b"one" not in s.recv(65536):
                pass
    wait_for(lambda: len(upstream.chat_requests()) == 2)
    q.process.terminate()
    text = q.stop(signal_it=False)
    assert "not recorded: the request was given up" in text
    assert chats(folder) == []


def test_a_file_that_goes_or_breaks_is_told(record, upstream, play, folder):
    upstream.handler = lambda call: call.json(200, completion())
    q = record()
    for i in range(3):
        q.chat({**ASK, "seed": i})
    q.stop()
    first, second, third = chats(folder)
    q = play()
    os.remove(first)
    with open(second, "r+") as f:
        f.truncate(100)
    os.remove(third)
    os.symlink(__file__, third)
    for i, (file, why) in enumerate([(first, "No such file"), (second, "no closing quote"), (third, "symbolic link")]):
        status, headers, body = q.chat({**ASK, "seed": i})
        error = json.loads(body)["error"]
        assert status == 422 and error["code"] == "replay_miss", body
        assert os.path.relpath(file, folder) in error["message"] and why in error["message"], error
        assert headers["x-should-retry"] == "false"


def test_an_edited_file_is_served_and_flagged_unless_strict(record, upstream, play, folder):
    upstream.handler = lambda call: call.json(200, completion(content="the first answer"))
    q = record()
    q.chat(ASK)
    q.stop()
    q = play()
    strict = play("--record-strict")
    assert q.chat(ASK)[1]["x-replay-status"] == "hit"
    file, = chats(folder)
    text = open(file).read()
    with open(file, "w") as f:
        f.write(text.replace("the first answer", "another answer"))
    status, headers, body = q.chat(ASK)
    assert status == 200 and b"another answer" in body and headers["x-replay-status"] == "edited"
    status, headers, body = strict.chat(ASK)
    assert status == 422 and b"edited" in body, body


def test_an_edit_counts_also_when_the_file_was_known(record, upstream, play, folder):
    upstream.handler = lambda call: call.stream(EVENTS)
    ask = {**ASK, "stream": True}
    q = record()
    want = q.chat(ask)[2]
    q.stop()
    time.sleep(2.1)  # what was just written is not kept in memory
    q = play()
    for segment in ("coalesce", "1", "event"):
        assert q.chat(ask, headers={"x-replay-segment": segment})[2] == want
    file, = chats(folder)
    text = open(file).read()
    with open(file, "w") as f:
        f.write(text.replace("three", "seven"))
    status, headers, body = q.chat(ask)
    assert status == 200 and b"seven" in body and headers["x-replay-status"] == "edited"
    os.remove(file)
    assert b"No such file" in q.chat(ask)[2]


def test_a_reload_takes_in_what_has_come(record, upstream, play, folder):
    upstream.handler = lambda call: call.json(200, completion(content="seed %d" % call.request.json["seed"]))
    q = record()
    for i in range(4):
        q.chat({**ASK, "seed": i})
    q.stop()
    first, second, third, fourth = chats(folder)
    os.rename(first, folder + "-first")
    q = play()
    assert q.chat({**ASK, "seed": 0})[0] == 422 and q.chat({**ASK, "seed": 1})[0] == 200
    os.rename(folder + "-first", first)
    os.remove(third)
    text = open(fourth).read()
    with open(fourth, "w") as f:
        f.write(text.replace('"seed": 3', '"seed": 4'))
    with open(os.path.join(folder, "default", "bad.json"), "w") as f:
        f.write("{")
    assert b"another request since it was edited" in q.chat({**ASK, "seed": 3})[2]
    for i in range(3):
        status, _, body = q.request("POST", "/v1alpha/admin/reload")
        assert status == 200, body
    q.wait_text("recordings: 2 more")
    assert q.chat({**ASK, "seed": 0})[0] == 200 and q.chat({**ASK, "seed": 1})[0] == 200
    assert b"No such file" in q.chat({**ASK, "seed": 2})[2]
    status, _, body = q.chat({**ASK, "seed": 4})
    assert status == 200 and b"seed 3" in body
    assert len(re.findall(r"recordings: \d+ more", q.text())) == 1 and "default/bad.json: " in q.text()


def test_a_session_name_that_is_too_long_is_refused(record, upstream):
    upstream.handler = lambda call: call.json(200, completion())
    q = record()
    status, _, body = q.chat(ASK, headers={"x-replay-session": "x" * 1001})
    assert status == 400 and b"session" in body
    assert q.chat(ASK, headers={"x-replay-session": "x" * 1000})[0] == 200


NAMES = ["../../etc", "/etc/passwd", "..", ".", "a/../../b", "%2e%2e%2f", "con\\aux", "nul", "é/ü", "-rf", "~",
         "a" * 1000, " ", "tests/../../x.py::t", "/x/y.py::t"]


def test_no_session_leaves_the_folder(record, upstream, play, folder, tmp_path):
    upstream.handler = lambda call: call.json(200, completion(content="c"))
    before = set(os.listdir(tmp_path)) | {"recordings", "quipu0", "quipu1"}
    q = record()
    for i, name in enumerate(NAMES):
        body = {**ASK, "metadata": {"n": str(i)}}
        assert q.request("POST", "/v1/chat/completions", body, {"x-replay-session": name.encode()})[0] == 200, name
    q.stop()
    assert set(os.listdir(tmp_path)) <= before
    for where, folders, _ in os.walk(folder):
        assert where == folder or folders == [], "folders are one deep"
    q = play("--record-strict")
    for i, name in enumerate(NAMES):
        body = {**ASK, "metadata": {"n": str(i)}}
        assert q.request("POST", "/v1/chat/completions", body, {"x-replay-session": name.encode()})[0] == 200, name


def test_a_linked_session_folder_is_not_written_to(record, upstream, folder, tmp_path):
    upstream.handler = lambda call: call.json(200, completion())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.makedirs(folder)
    os.symlink(elsewhere, os.path.join(folder, "s1"))
    q = record()
    assert q.chat(ASK, headers={"x-replay-session": "s1"})[0] == 200
    q.wait_text("not recorded")
    assert os.listdir(elsewhere) == []


HOSTILE = {
    "empty.json": b"",
    "torn.json": b'{"v":1,"op":"chat.completions","key":"00',
    "deep.json": b"[" * 100000 + b"]" * 100000,
    "deepobject.json": b'{"v":1,"request":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    "number.json": b"12",
    "binary.json": bytes(range(256)),
    "foreign.json": b'{"name":"a package","version":"1.0"}',
    "types.json": b'{"v":1,"op":[],"request":7,"response":{"status":"x"}}',
    "future.json": b'{"v":99,"op":"chat.completions","request":{},"response":{}}',
    "status.json": b'{"v":1,"op":"chat.completions","occ":1,"request":{"method":"POST","path":"/v1/chat/completions",'
                   b'"upstream":"openai","headers":[],"body":{}},"response":{"status":99999,"headers":[],"body":{}}}',
    "ogx.json": b'{"request":{"method":"POST","url":"http://x/v1","endpoint":"/v1/chat/completions","body":{}},'
                b'"response":{"body":7,"is_streaming":true}}',
}


def test_files_of_whoever_are_told_once_and_not_served(record, upstream, play, folder):
    upstream.handler = lambda call: call.json(200, completion(content="right"))
    q = record()
    assert q.chat(ASK)[0] == 200
    q.stop()
    good, = chats(folder)
    bad = os.path.join(folder, "bad")
    os.makedirs(bad)
    for name, data in HOSTILE.items():
        with open(os.path.join(bad, name), "wb") as f:
            f.write(data)
    shutil.copy(good, os.path.join(folder, "default", "zz-twin.json"))
    os.symlink(good, os.path.join(bad, "link.json"))
    os.symlink("/", os.path.join(bad, "linked-folder"))
    os.mkfifo(os.path.join(bad, "pipe.json"))
    with open(os.path.join(bad, "huge.json"), "wb") as f:
        f.truncate(1 << 31)
    with open(os.path.join(folder, "default", ".x.json.1-2.tmp"), "wb") as f:
        f.write(b"{")
    q = play()
    status, _, body = q.chat(ASK)
    assert status == 200 and b"right" in body
    text = q.stop()
    names = ["bad/" + n for n in [*HOSTILE, "link.json", "linked-folder", "pipe.json", "huge.json"]]
    for name in [*names, "default/zz-twin.json", "default/.x.json.1-2.tmp"]:
        lines = [line for line in text.split("\n") if name + ":" in line]
        assert len(lines) == 1 and len(lines[0].split(": ", 2)[-1]) > 3, (name, lines, text)
    assert f"{len(names) + 2} files are left out" in text


@pytest.mark.parametrize("header", ["content-length: 3", "transfer-encoding: chunked", "connection: upgrade"])
def test_framing_in_a_file_does_not_count(record, upstream, play, folder, header):
    upstream.handler = lambda call: call.json(200, completion(content="all of it"))
    q = record()
    want = q.chat(ASK)[2]
    q.stop()
    file, = chats(folder)
    data = json.load(open(file))
    name, value = header.split(": ")
    data["response"]["headers"].append([name, value])
    with open(file, "w") as f:
        json.dump(data, f)
    status, headers, body = play().chat(ASK)
    assert (status, json.loads(body)) == (200, json.loads(want))


def test_two_hundred_at_once_use_each_recording_once(record, upstream, play):
    turns = iter(range(10000))
    lock = threading.Lock()

    def handler(call):
        with lock:
            n = next(turns)
        call.json(200, completion(content=f"turn {n}."))
    upstream.handler = handler
    q = record()
    want = sorted(q.chat(ASK)[2] for _ in range(200))
    assert len(set(want)) == 200
    q.stop()
    q = play("--on-exhausted", "error", "--workers", "2")
    got = []

    def ask():
        for _ in range(5):
            answer = q.chat(ASK)
            with lock:
                got.append(answer)
    threads = [threading.Thread(target=ask) for _ in range(44)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(b for s, _, b in got if s == 200) == want
    assert [s for s, _, _ in got].count(422) == 20


@pytest.mark.parametrize("stream", [False, True])
def test_a_full_disk_stops_no_request(record, upstream, folder, stream):
    """A limit on the size of files stands for the disk."""
    upstream.handler = lambda call: (call.stream(EVENTS) if call.request.json.get("stream")
                                     else call.json(200, completion(content="x" * 100000)))
    limit = 20000
    body = {**ASK, "stream": stream, "messages": [{"role": "user", "content": "y" * 30000}]}
    q = record(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    for _ in range(3):
        status, _, got = q.chat(body)
        assert status == 200 and (DONE in got if stream else b"xxx" in got)
    q.wait_text(r"not recorded: File too large")
    q.stop()
    assert chats(folder) == []
    assert glob.glob(os.path.join(folder, "*", ".*")) == [], "nothing is left half-written"


def test_a_folder_that_cannot_be_written_to_stops_no_request(record, upstream, folder):
    upstream.handler = lambda call: call.json(200, completion())
    os.makedirs(folder)
    open(os.path.join(folder, "s1"), "w").close()
    q = record()
    assert q.chat(ASK, headers={"x-replay-session": "s1"})[0] == 200
    q.wait_text("not recorded: Not a directory")
    shutil.rmtree(folder)
    assert q.chat(ASK)[0] == 200
    q.wait_text("not recorded: No such file")


def test_kills_leave_whole_files(record, upstream, folder):
    """At any moment: while nothing, some or all of an answer has come and is written."""
    upstream.handler = lambda call: call.stream([chunk("word " * 2000)] * 20 + [DONE])
    kills = int(os.environ.get("QUIPU_KILLS", "10"))
    for i in range(kills):
        q = record()
        threads = [threading.Thread(target=try_chat, args=(q, {**ASK, "stream": True, "seed": 10 * i + n}))
                   for n in range(3)]
        for t in threads:
            t.start()
        time.sleep(0.004 * (i % 25) * SLOW)
        q.process.kill()
        for t in threads:
            t.join()
        q.stop(expect=-9, signal_it=False)
    for name in chats(folder):
        with open(name) as f:
            data = json.load(f)
        assert data["response"]["stream"]["end"] in ("eof", "client_abort")


def try_chat(q, body):
    try:
        q.chat(body)
    except (OSError, ValueError):
        pass
    except Exception:  # http.client has many
        pass
