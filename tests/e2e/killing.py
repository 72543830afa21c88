"""kill -9 under load, again and again: what was shown must be there afterwards.

	shown = killing.rounds(start, uri, count)
	killing.check(uri, shown)

QUIPU_KILL_ROUNDS=200 for the whole of it: make kills.
"""
import json
import os
import random
import signal
import subprocess
import threading
import time

from quipu import BIN, SLOW

ROUNDS = int(os.environ.get("QUIPU_KILL_ROUNDS", "8"))
ENV = {"PATH": os.environ["PATH"]}


def ask(text):
    return {"model": "echo/echo", "messages": [{"role": "user", "content": text}]}


def chat(q, text):
    status, _, body = q.chat(ask(text))
    assert status == 200, body
    return json.loads(body)["id"]


def look(q, ident):
    status, _, body = q.request("GET", f"/v1/chat/completions/{ident}")
    return status, json.loads(body)


def wait_for(q, ident, want, seconds=20):
    end = time.monotonic() + seconds * SLOW
    while True:
        status, body = look(q, ident)
        if status == want:
            return body
        assert time.monotonic() < end, (status, body)
        time.sleep(0.05)


def rows(uri):
    """How many there are, as quipu store check counts them."""
    done = subprocess.run([BIN, "store", "check", "--store", uri], capture_output=True, text=True, timeout=120,
                          check=False, env=ENV)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.split()[0])


class Load:
    """Clients that note which ids they were told, and which completions a GET has shown them."""

    def __init__(self, q, number):
        self.q, self.number, self.told, self.shown, self.over = q, number, [], {}, False
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(4)]
        for t in self.threads:
            t.start()

    def run(self, client):
        n = 0
        while not self.over:
            n += 1
            text = f"{self.number}-{client}-{n} " + "y" * (n % 50) * 40
            try:
                ident = chat(self.q, text)
                self.told.append(ident)
                if look(self.q, ident)[0] == 200:
                    self.shown[ident] = text
            except Exception:  # http.client's and others, of a server that is killed
                if not self.over:
                    raise
                return

    def kill(self):
        time.sleep(random.uniform(0.1, 0.4))
        self.over = True
        self.q.process.kill()
        self.q.process.wait()
        for t in self.threads:
            t.join()


def rounds(start, uri, count=ROUNDS, between=None):
    """start() gives a quipu; between(number, when) is called amid the load and before the next
    start. Returns what was shown, {id: text}."""
    shown, told, q = {}, set(), start("--store", uri)
    for number in range(count):
        load = Load(q, number)
        if between:
            time.sleep(random.uniform(0, 0.2))
            between(number, "load")
        load.kill()
        q.stop(expect=-signal.SIGKILL)
        if between:
            between(number, "dead")
        assert len(set(load.told)) == len(load.told) and not told & set(load.told), "ids repeat"
        q = start("--store", uri)
        for ident, text in load.shown.items():
            status, body = look(q, ident)
            assert status == 200 and body["input_messages"][0]["content"] == text, (number, ident, body)
        shown.update(load.shown)
        told.update(load.told)
    q.stop()
    return shown


def check(uri, shown):
    """All that was shown is there, and whatever is there is whole."""
    count = rows(uri)
    done = subprocess.run([BIN, "store", "export", "--store", uri], capture_output=True, check=True, timeout=120,
                          env=ENV)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    texts = {row["id"]: row["request"][0]["content"] for row in lines}
    assert len(lines) == len(texts) == count >= len(shown)
    assert all(row["choices"][0]["message"]["content"] == texts[row["id"]] for row in lines)
    assert all(texts[ident] == text for ident, text in shown.items())
    print(f"{len(shown)} completions of {ROUNDS} rounds were shown, {count} are there")
