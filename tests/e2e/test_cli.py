"""The command line, signals, the service manager and the log."""
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

from quipu import BIN, SLOW, TSAN_OPTIONS, WRAPPER, chat_bytes, read_response
from upstream import completion

ASK = {"model": "echo/echo", "messages": [{"role": "user", "content": "one two"}]}
KEY = "sk-test-0123456789"

# What a service manager does: the socket as descriptor 3, and whom it is for.
ACTIVATE = ("import os, sys\n"
            "os.dup2(int(sys.argv[1]), 3)\n"
            "os.environ['LISTEN_PID'] = str(os.getpid())\n"
            "os.execvp(sys.argv[2], sys.argv[2:])\n")


def run(*args, env=None):
    """(exit status, standard output, standard error)."""
    kept = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
    done = subprocess.run([*WRAPPER, BIN, *args], env={**kept, **(env or {})}, capture_output=True,
                          text=True, timeout=30 * SLOW, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def file_of(url, model="m1", alias="small"):
    return (f"providers:\n  inference:\n  - provider_id: one\n    provider_type: remote::openai\n"
            f"    config: {{base_url: '{url}', api_key: {KEY}}}\n"
            f"registered_resources:\n  models:\n"
            f"  - {{model_id: {alias}, provider_id: one, provider_model_id: {model}}}\n")


def ask(q, model):
    return q.chat({**ASK, "model": model})


def eventually(check, timeout=5.0):
    deadline = time.monotonic() + timeout * SLOW
    while not check() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert check()


@pytest.mark.parametrize("args,words", [
    (("--help",), "usage:"), (("-h",), "usage:"), (("help",), "quipu serve"),
    (("serve", "--help"), "--port"), (("serve", "--port=1", "-h"), "--log-format"),
    (("config", "--help"), "config check"), (("config", "show", "--help"), "config show"),
    (("--version",), "quipu "), (("-V",), "quipu "),
])
def test_help_is_an_answer(args, words):
    status, out, err = run(*args)
    assert (status, err) == (0, "") and words in out


def test_the_version_is_one_line():
    assert re.fullmatch(r"quipu \d+\.\d+\.\d+\n", run("--version")[1])


def test_every_flag_of_the_help_says_what_it_does():
    rows = re.findall(r"^ +--(\S+).*$", run("serve", "--help")[1], re.M)
    assert len(rows) > 20 and len(rows) == len(set(rows))
    assert not [r for r in rows if "api-key" in r or "token" in r], "keys do not belong on a command line"


@pytest.mark.parametrize("args,words", [
    ((), "usage:"),
    (("sevre",), "unknown command 'sevre'; did you mean 'serve'?"),
    (("confg", "check"), "unknown command 'confg'; did you mean 'config'?"),
    (("frobnicate",), "unknown command 'frobnicate'\n"),
    (("serve", "--prot", "1"), '--prot: error: unknown flag; did you mean "--port"?'),
    (("serve", "--frobnicate"), "--frobnicate: error: unknown flag\n"),
    (("serve", "now"), "now: error: there is no such file"),
    (("serve", "--port"), "--port: error: needs a value"),
    (("serve", "--port=66000"), "--port"),
    (("serve", "--workers", "many"), "--workers"),
    (("serve", "--config", "/nowhere/quipu.yaml"), "/nowhere/quipu.yaml"),
])
def test_a_wrong_command_line_is_told_and_exits_with_2(args, words):
    status, out, err = run(*args)
    assert (status, out) == (2, "") and words in err


def test_a_wrong_variable_is_told_by_its_name():
    status, _, err = run("serve", env={"QUIPU_PORT": "eighty"})
    assert status == 2 and "QUIPU_PORT" in err


def test_show_names_origins_and_masks_keys(tmp_path):
    path = tmp_path / "q.yaml"
    path.write_text(file_of("http://127.0.0.1:1/v1"))
    status, out, err = run("config", "show", str(path), "--port=9", env={"QUIPU_LOG_LEVEL": "warn"})
    rows = {line.split()[0].rstrip(":"): line for line in out.splitlines() if line.strip()}
    assert (status, err) == (0, "") and KEY not in out
    assert "9" in rows["server.port"] and "--port" in rows["server.port"]
    assert "QUIPU_LOG_LEVEL" in rows["log.level"]
    assert "default" in rows["upstream.retries"]
    assert "********" in rows["providers.one.api_key"] and f"{path}:5" in rows["providers.one.api_key"]


def test_keys_are_not_in_the_process_list(start, upstream):
    q = start(env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})
    with open(f"/proc/{q.process.pid}/cmdline", "rb") as f:
        assert KEY.encode() not in f.read()


def test_port_0_is_one_free_port_for_all_workers(start):
    q = start("--workers", "2")
    assert q.port > 0 and q.text().count("listening on") == 1
    for _ in range(20):
        assert q.request("GET", "/v1/health")[0] == 200


def test_sighup_reads_providers_and_models_again(start, upstream):
    upstream.handler = lambda call: call.json(200, completion(model=call.request.json["model"]))
    q = start(config=file_of(upstream.url))
    assert ask(q, "small")[0] == 200 and ask(q, "large")[0] == 404
    q.configure(file_of(upstream.url, model="m2", alias="large"))
    q.process.send_signal(signal.SIGHUP)
    q.wait_text("reloaded: ")
    eventually(lambda: ask(q, "large")[0] == 200 and ask(q, "small")[0] == 404)
    assert upstream.chat_requests()[-1].json["model"] == "m2"


def test_a_bad_reload_keeps_what_was(start, upstream):
    upstream.handler = lambda call: call.json(200, completion())
    q = start(config=file_of(upstream.url))
    q.configure(file_of(upstream.url).replace("remote::openai", "remote::opnai"))
    q.process.send_signal(signal.SIGHUP)
    q.wait_text("the old one stays")
    assert re.search(r"quipu\.yaml:4:\d+: error: .*opnai", q.text())
    assert ask(q, "small")[0] == 200
    q.configure(file_of(upstream.url, alias="large"))
    q.process.send_signal(signal.SIGHUP)
    q.wait_text("reloaded: ")
    eventually(lambda: ask(q, "large")[0] == 200)


def test_a_running_request_outlives_reloads(start, upstream):
    def handler(call):
        if len(upstream.chat_requests()) == 1:
            time.sleep(1.5 * SLOW)
        call.json(200, completion(content="late"))

    upstream.handler = handler
    q = start(config=file_of(upstream.url))
    with q.connect() as s:
        s.sendall(chat_bytes({**ASK, "model": "small"}))
        eventually(lambda: len(upstream.chat_requests()) == 1)
        for i in range(5):
            q.configure(file_of(upstream.url, alias=f"other{i}"))
            q.process.send_signal(signal.SIGHUP)
            eventually(lambda: q.text().count("reloaded: ") == i + 1)
        eventually(lambda: ask(q, "other4")[0] == 200)
        head, body, _ = read_response(s)
    assert head.startswith("HTTP/1.1 200") and b"late" in body


def test_a_second_sigterm_stops_at_once(start, upstream):
    upstream.handler = lambda call: call.wait_gone(20)
    # It leaves without joining its threads: that is the point.
    q = start(env={"OPENAI_BASE_URL": upstream.url,
                   "TSAN_OPTIONS": TSAN_OPTIONS + " report_thread_leaks=0"})
    with q.connect() as s:
        s.sendall(chat_bytes({**ASK, "model": "openai/m1"}))
        eventually(lambda: upstream.chat_requests())
        q.process.send_signal(signal.SIGTERM)
        q.wait_text("stopping")
        start_s = time.monotonic()
        q.process.send_signal(signal.SIGTERM)
        q.stop(expect=130, signal_it=False)
    assert time.monotonic() - start_s < 3 * SLOW


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE])
def test_other_signals_do_no_harm(start, number):
    q = start()
    for _ in range(3):
        q.process.send_signal(number)
        time.sleep(0.05)
    assert q.chat(ASK)[0] == 200
    q.process.send_signal(signal.SIGHUP)
    q.wait_text("reloaded: ")
    q.stop()


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_stop_right_after_reloads(start, times):
    q = start()
    for i in range(times):
        q.process.send_signal(signal.SIGHUP)
        eventually(lambda: q.text().count("reloaded: ") == i + 1)
    q.stop()


def test_a_stop_right_after_the_start(start, tmp_path):
    """Of many workers some have not begun then, at times."""
    for n in range(10):
        start("--store", f"sqlite:{tmp_path}/q.db", "--workers", 32).stop()


def test_sigint_stops_as_well(start):
    q = start()
    q.process.send_signal(signal.SIGINT)
    assert "stopped" in q.stop(signal_it=False)


@pytest.mark.parametrize("abstract", [False, True], ids=["a path", "an abstract name"])
def test_the_service_manager_is_told(start, tmp_path, abstract):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    name = f"@quipu-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    manager.bind("\0" + name[1:] if abstract else name)
    manager.settimeout(10 * SLOW)
    q = start(env={"NOTIFY_SOCKET": name})
    assert b"READY=1" in manager.recv(1000)
    assert q.request("GET", "/v1/health")[0] == 200
    q.process.send_signal(signal.SIGHUP)
    assert b"RELOADING=1" in manager.recv(1000)
    assert b"READY=1" in manager.recv(1000)
    q.stop()
    assert b"STOPPING=1" in manager.recv(1000)
    manager.close()


def activated(start, listener, **env):
    return start("--workers", "2", prefix=(sys.executable, "-c", ACTIVATE, str(listener.fileno())),
                 env={"LISTEN_FDS": "1", **env}, pass_fds=(listener.fileno(),))


def test_a_passed_socket_is_served(start):
    listener = socket.create_server(("127.0.0.1", 0))
    # A client that comes before the server waits in the backlog.
    early = socket.create_connection(listener.getsockname(), timeout=30 * SLOW)
    early.sendall(chat_bytes(ASK))
    q = activated(start, listener)
    assert q.port == listener.getsockname()[1]
    listener.close()
    head, body, _ = read_response(early)
    assert head.startswith("HTTP/1.1 200") and b"one two" in body
    for _ in range(20):
        assert q.request("GET", "/v1/health")[0] == 200
    early.close()


def test_a_passed_unix_socket_is_served_and_left_in_place(start, tmp_path):
    path = str(tmp_path / "q.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    q = activated(start, listener)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30 * SLOW)
        s.connect(path)
        s.sendall(chat_bytes(ASK))
        assert read_response(s)[0].startswith("HTTP/1.1 200")
    q.stop()
    assert os.path.exists(path), "it is the service manager's"
    listener.close()


def test_sockets_for_another_process_are_not_taken(start):
    q = start(env={"LISTEN_PID": "1", "LISTEN_FDS": "1"})
    assert q.request("GET", "/v1/health")[0] == 200


def test_json_lines_are_all_json(start):
    q = start("--log-format", "json", "--log-level", "debug")
    assert q.chat({**ASK, "model": 'echo/"\n\\é'})[0] in (200, 404)
    q.wait_text("POST /v1/chat/completions")
    lines = [json.loads(line) for line in q.stop().splitlines()]
    assert all({"ts", "level", "msg"} <= set(line) for line in lines)


def test_text_lines_have_time_level_and_no_colour(start):
    q = start("--log-format", "text")
    q.chat(ASK)
    q.wait_text("POST /v1/chat/completions")
    text = q.stop()
    assert "\x1b" not in text and "Try:" not in text
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* +\w+ ", line) for line in text.splitlines()), text


def test_levels_and_the_access_log(start, tmp_path):
    quiet = start("--no-log-access")
    quiet.chat(ASK)
    assert "POST /v1/chat" not in quiet.stop()
    path = str(tmp_path / "q.sock")
    silent = start("--log-level", "error", "--unix-socket", path, port=None, wait=False)
    eventually(lambda: os.path.exists(path))
    time.sleep(0.3 * SLOW)
    assert silent.stop() == ""


@pytest.mark.parametrize("plain", [False, True], ids=["coloured", "NO_COLOR"])
def test_a_terminal_gets_colour_and_a_first_request(plain):
    master, slave = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
    # Nobody listens there: a warning, which has a colour.
    env = {**kept, "OPENAI_BASE_URL": "http://127.0.0.1:1/v1", **({"NO_COLOR": "1"} if plain else {})}
    p = subprocess.Popen([*WRAPPER, BIN, "serve", "--host", "127.0.0.1", "--port", "0"], env=env,
                         stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
    os.close(slave)
    text, deadline = b"", time.monotonic() + 20 * SLOW
    while not (b"Stop with Ctrl-C" in text and b"no model list" in text) and time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            text += os.read(master, 65536)
    p.send_signal(signal.SIGTERM)
    assert p.wait(20 * SLOW) == 0
    os.close(master)
    assert re.search(rb"curl http://127\.0\.0\.1:\d+/v1/chat/completions", text)
    assert (b"\x1b[" in text) != plain
