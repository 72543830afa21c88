"""What was kept of a live run is played without its upstream."""
import http.client
import json
import os
import re
import subprocess

import pytest
from quipu import BIN
from upstream import DONE, chunk, completion

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1.0}'}}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]


def ask(text, **more):
    return {"model": "openai/m1", "messages": [{"role": "user", "content": text}], **more}


ASKS = [
    ask("plain"),
    ask("with parameters", temperature=1.0, tools=TOOLS, metadata={"team": "red"}, store=True, seed=7),
    ask("equal"), ask("equal"),
    ask("an image: data:image/png;base64," + "QUJD" * 3000),
    ask("stream", stream=True),
    ask("stream with usage", stream=True, stream_options={"include_usage": True}),
    ask("stream of calls", stream=True, tools=TOOLS, n=2),
]


class Upstream:
    """Answers are numbered, so that equal requests are told apart."""
    count = 0

    def __call__(self, call):
        self.count += 1
        asked = call.request.json
        if not asked.get("stream"):
            return call.json(200, completion(content=f"answer {self.count}", id=f"c-{self.count}",
                                             system_fingerprint="fp"))
        events = [chunk(f"n{self.count}", id=f"c-{self.count}"), chunk(" é", id=f"c-{self.count}")]
        if "tools" in asked:
            events = [chunk("one", id=f"c-{self.count}"), chunk("two", index=1, id=f"c-{self.count}"),
                      chunk(finish="stop", index=1, id=f"c-{self.count}")]
            delta = {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **CALL}]}}],
                     "id": f"c-{self.count}", "object": "chat.completion.chunk", "created": 1, "model": "m1-2026"}
            events.append(b"data: " + json.dumps(delta).encode() + b"\n\n")
        events.append(chunk(finish="stop", id=f"c-{self.count}"))
        if "stream_options" in asked:
            usage = {"id": f"c-{self.count}", "object": "chat.completion.chunk", "created": 1, "choices": [],
                     "model": "m1-2026", "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
            events.append(b"data: " + json.dumps(usage).encode() + b"\n\n")
        return call.stream([*events, DONE])


def deltas(body):
    """What a stream says: by choice text, calls, why it ended; and its usage."""
    out = {"text": {}, "calls": {}, "why": {}, "usage": None, "ids": set()}
    events = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    for event in map(json.loads, events[:-1]):
        out["usage"] = event.get("usage") or out["usage"]
        out["ids"].add((event["id"], event["model"]))
        for c in event["choices"]:
            i = c["index"]
            out["text"][i] = out["text"].get(i, "") + (c["delta"].get("content") or "")
            out["calls"].setdefault(i, []).extend(c["delta"].get("tool_calls", []))
            out["why"][i] = c.get("finish_reason") or out["why"].get(i)
    return out


def meaning(body, asked):
    return deltas(body) if asked.get("stream") else json.loads(body)


@pytest.fixture(name="live")
def fixture_live(start, upstream, tmp_path):
    upstream.handler = Upstream()
    return start("--store", f"sqlite:{tmp_path}/s.db",
                 env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789abcdef"})


def export(tmp_path, *args, expect=0, **env):
    done = subprocess.run([BIN, "store", "export", "--as-recordings", "--store", f"sqlite:{tmp_path}/s.db", *args,
                           str(tmp_path / "recordings")], capture_output=True, timeout=60, check=False, text=True,
                          env={"PATH": os.environ["PATH"], **env})
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def test_a_live_run_is_played_without_its_upstream(live, upstream, start, tmp_path):
    answers = []
    for asked in ASKS:
        status, _, body = live.chat(asked)
        assert status == 200, body
        answers.append(body)
    live.stop()
    upstream.close()
    for _ in range(2):
        done = export(tmp_path)
        assert done.stdout == "8 recordings, 0 rows left out; events and their times are approximate\n"
    files = sorted(os.listdir(tmp_path / "recordings"))
    assert len(files) == len(ASKS)
    assert all(re.fullmatch(r"0[12]-chat\.completions-openai-m1-[0-9a-f]{8}\.json", f) for f in files)
    lint = subprocess.run([BIN, "recordings", "lint", str(tmp_path / "recordings")], capture_output=True,
                          timeout=60, check=False, text=True)
    assert lint.returncode == 0, lint.stdout
    q = start("--record-mode", "replay", "--recordings", str(tmp_path / "recordings"), "--store", "none")
    for asked, want in zip(ASKS, answers):
        status, headers, body = q.chat(asked)
        assert status == 200, body
        assert headers["x-replay-status"] == "hit" and headers["x-replay-match"] == "exact"
        assert meaning(body, asked) == meaning(want, asked)
    # Another request has no recording.
    assert q.chat(ask("never asked"))[1]["x-replay-status"] == "miss"


def test_filters_choose(live, tmp_path):
    for asked in ASKS[:3]:
        live.chat(asked)
    live.stop()
    done = export(tmp_path, "--metadata", "team=red", "--json")
    assert json.loads(done.stdout) == {"written": 1, "left_out": 0}
    assert len(os.listdir(tmp_path / "recordings")) == 1


def test_what_cannot_be_a_recording_is_told(live, upstream, tmp_path):
    upstream.handler = lambda call: call.stream([chunk("cut")], end=False) or call.hang_up()
    with pytest.raises(http.client.IncompleteRead):
        live.chat(ask("cut", stream=True))
    live.chat({**ask("echo"), "model": "echo/echo"})
    live.stop()
    lines = [{"status": "completed", "id": "old", "created": 1, "model_asked": "openai/m1", "provider": "openai",
              "choices": [], "request": [{"role": "user", "content": "x"}]},
             {"status": "completed", "id": "gone", "created": 1, "model_asked": "x/y", "provider": "nobody",
              "choices": [], "params": {"model": "x/y"}, "request": []},
             {"status": "completed", "id": "long", "created": 1, "model_asked": "openai/m1", "provider": "openai",
              "choices": [], "params": {"model": "m"}, "request": [], "extra": {"quipu_truncated": True}}]
    subprocess.run([BIN, "store", "import", "--store", f"sqlite:{tmp_path}/s.db"], check=True, timeout=60,
                   input="\n".join(map(json.dumps, lines)).encode(), capture_output=True)
    done = export(tmp_path, expect=1)
    assert done.stdout.startswith("0 recordings, 5 rows left out")
    for why in ("it did not end well", "its provider answers by itself", "old: left out: its request was not kept",
                "gone: left out: its provider is not configured", "long: left out: its answer was not kept whole"):
        assert why in done.stderr, done.stderr
