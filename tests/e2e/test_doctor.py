"""quipu doctor: what is wrong is told, with what to do, and the exit status says so."""
import json
import os
import resource
import socket
import sqlite3
import subprocess

import pytest

from quipu import BIN, SLOW, WRAPPER

KEY = "sk-doctor-0123456789"


def doctor(home, *args, env=None, **more):
    """The exit status, the findings, everything that was printed."""
    base = {k: os.environ[k] for k in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if k in os.environ}
    port = () if "--port" in args else ("--port", "0")
    done = subprocess.run([*WRAPPER, BIN, "doctor", *map(str, args), "--json", *port], capture_output=True,
                          text=True, timeout=60 * SLOW, env={**base, "HOME": str(home), **(env or {})}, **more)
    findings = json.loads(done.stdout)["findings"]
    assert json.loads(done.stdout)["ok"] == (done.returncode == 0)
    for f in findings:
        assert set(f) == {"level", "area", "text"} | ({"fix"} if f["level"] != "ok" else set()), f
    return done.returncode, findings, done.stdout + done.stderr


def only(findings, area, level=None):
    return [f["text"] for f in findings if f["area"] == area and level in (None, f["level"])]


def test_all_is_well(tmp_path, upstream):
    code, found, text = doctor(tmp_path, env={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": upstream.url})
    assert code == 0, text
    assert {"config", "limits", "store", "provider"} <= {f["area"] for f in found}
    assert only(found, "provider", "ok")[0].startswith("openai: answers, ")
    assert KEY not in text
    assert not (tmp_path / ".local").exists(), "it makes nothing"


def test_offline_asks_nobody(tmp_path, upstream):
    code, found, _ = doctor(tmp_path, "--offline", env={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": upstream.url})
    assert code == 0 and only(found, "provider") == []
    assert upstream.requests == []


@pytest.mark.parametrize("status,words,level", [(401, "wrong", "bad"), (403, "wrong", "bad"), (404, "/v1", "warn"),
                                                 (500, "status page", "bad")])
def test_a_provider_that_refuses(tmp_path, upstream, status, words, level):
    upstream.models = lambda call: call.json(status, {"error": {"message": "no: " + KEY}})
    code, found, text = doctor(tmp_path, "--retries", "0",
                               env={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": upstream.url})
    assert code == (level == "bad")
    finding = next(f for f in found if f["area"] == "provider")
    assert finding["level"] == level and words in finding["fix"]
    assert KEY not in text


def test_a_provider_that_is_not_there(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{s.getsockname()[1]}/v1"
        code, found, _ = doctor(tmp_path, "--retries", "0", env={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url})
    assert code == 1 and "refused" in only(found, "provider", "bad")[0]


def test_a_provider_without_a_key(tmp_path, upstream):
    upstream.models = lambda call: call.json(401, {"error": {"message": "who are you?"}})
    config = tmp_path / "quipu.yaml"
    config.write_text(f"""
providers:
  inference:
    - {{provider_id: openai, provider_type: "remote::openai", config: {{base_url: "{upstream.url}"}}}}
""")
    code, found, _ = doctor(tmp_path, config)
    assert code == 0 and only(found, "provider", "warn") == ["openai: there is no key"]


def test_a_bad_configuration(tmp_path):
    config = tmp_path / "quipu.yaml"
    config.write_text("server: {prot: 1}\nlog: {level: debgu}\n")
    code, found, _ = doctor(tmp_path, config)
    assert code == 1 and len(only(found, "config", "bad")) == 2


@pytest.mark.parametrize("mode,key,bad", [(0o644, KEY, True), (0o640, KEY, False), (0o644, "${env.K}", False)])
def test_keys_that_everybody_may_read(tmp_path, mode, key, bad):
    config = tmp_path / "quipu.yaml"
    config.write_text(f"""
providers:
  inference:
    - {{provider_id: openai, provider_type: "remote::openai", config: {{api_key: "{key}"}}}}
""")
    config.chmod(mode)
    code, found, text = doctor(tmp_path, config, "--offline", env={"K": KEY})
    assert code == bad and len(only(found, "files", "bad")) == bad
    assert KEY not in text


def tls(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)


def make_certificate(directory, name, days):
    cert, key = directory / (name + ".pem"), directory / (name + ".key")
    tls("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
        "-days", days, "-keyout", key, "-out", cert)
    return cert, key


@pytest.mark.parametrize("days,level", [(100, "ok"), (5, "warn")])
def test_certificates(tmp_path, days, level):
    cert, key = make_certificate(tmp_path, "server", days)
    key.chmod(0o600)
    code, found, _ = doctor(tmp_path, "--offline", "--tls-certfile", cert, "--tls-keyfile", key)
    assert code == 0 and [f["level"] for f in found if f["area"] == "certificate"] == [level]
    assert only(found, "files", "ok")


def test_a_certificate_that_is_no_chain_and_an_open_key(tmp_path):
    cert, key = make_certificate(tmp_path, "server", 100)
    other, _ = make_certificate(tmp_path, "other", 100)
    cert.write_text(cert.read_text() + other.read_text())
    key.chmod(0o644)
    code, found, _ = doctor(tmp_path, "--offline", "--tls-certfile", cert, "--tls-keyfile", key)
    assert code == 1
    assert only(found, "certificate", "bad") == [f"{cert} is not a chain"]
    assert "everybody may use it" in only(found, "files", "bad")[0]


def test_a_key_of_another_certificate(tmp_path):
    cert, _ = make_certificate(tmp_path, "server", 100)
    _, key = make_certificate(tmp_path, "other", 100)
    code, found, _ = doctor(tmp_path, "--offline", "--tls-certfile", cert, "--tls-keyfile", key)
    assert code == 1 and only(found, "config", "bad")


@pytest.mark.parametrize("content,bad", [(None, False), (b"this is no database, " * 100, True)])
def test_the_store_is_opened(tmp_path, content, bad):
    path = tmp_path / "store.db"
    if content is None:
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE t (x)")
        db.commit()
        db.close()
    else:
        path.write_bytes(content)
    path.chmod(0o600)
    before = path.read_bytes()
    code, found, _ = doctor(tmp_path, "--offline", "--store", f"sqlite:{path}")
    assert code == bad and len(only(found, "store", "bad")) == bad
    assert path.read_bytes() == before


def test_a_store_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    code, found, _ = doctor(tmp_path, "--offline", "--store", f"sqlite:{tmp_path}/file/x/store.db")
    assert code == 1 and "cannot be made" in only(found, "store", "bad")[0]


def test_a_database_server(tmp_path, postgres):
    code, found, text = doctor(tmp_path, "--store", postgres.database())
    assert code == 0 and only(found, "store") == ["PostgreSQL answers"], text


def test_recordings_that_are_not_there(tmp_path):
    code, found, _ = doctor(tmp_path, "--offline", "--record-mode", "replay", "--recordings", tmp_path / "none")
    assert code == 1 and "No such file" in only(found, "recordings", "bad")[0]


def test_a_port_that_is_taken(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        code, found, _ = doctor(tmp_path, "--offline", "--host", "127.0.0.1", "--port", port)
    assert code == 0 and only(found, "port", "warn") == [f"{port} is taken"]


def test_too_few_files(tmp_path):
    code, found, _ = doctor(tmp_path, "--offline", "--max-connections", 1000,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512)))
    assert code == 0 and "1000 connections" in only(found, "limits", "warn")[0]


def test_the_text(tmp_path):
    done = subprocess.run([*WRAPPER, BIN, "doctor", "--offline", "--port", "0", "--record-mode", "replay",
                           "--recordings", str(tmp_path / "none")], capture_output=True, text=True,
                          timeout=60 * SLOW, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    assert done.returncode == 1
    assert "bad   recordings" in done.stdout and "-> make it" in done.stdout
    assert done.stdout.endswith("\n1 thing is wrong.\n")


def test_help():
    done = subprocess.run([*WRAPPER, BIN, "doctor", "--help"], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0 and "Exit status: 0 nothing is wrong, 1 something is" in done.stdout
