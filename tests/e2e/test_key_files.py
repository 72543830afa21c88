"""Keys that stand in files: NAME_FILE, and systemd's credentials."""
import os
import signal
import subprocess

import pytest

from quipu import BIN, WRAPPER

KEY, OTHER = "sk-of-a-file-0123456789", "sk-of-another-9876543210"


def ask(q):
    return q.chat({"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]})[0]


def sent(upstream):
    return [r.headers.get("authorization") for r in upstream.chat_requests()]


def show(tmp_path, env):
    done = subprocess.run([*WRAPPER, BIN, "config", "show"], capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **env})
    return done.returncode, done.stdout + done.stderr


def test_a_file_has_the_key_and_a_reload_reads_it_again(start, upstream, tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY + "\r\n\n")
    q = start(env={"OPENAI_API_KEY_FILE": str(path), "OPENAI_BASE_URL": upstream.url})
    assert ask(q) == 200
    path.write_text(OTHER)
    q.process.send_signal(signal.SIGHUP)
    q.wait_text("reloaded: ")
    assert ask(q) == 200
    assert sent(upstream) == ["Bearer " + KEY, "Bearer " + OTHER]
    text = q.stop()
    assert KEY not in text and OTHER not in text


def test_credentials_are_variables(start, upstream, tmp_path):
    (tmp_path / "MY_OWN_NAME").write_text(KEY)
    (tmp_path / "server.pem").write_bytes(b"\0 not a variable")
    q = start(env={"CREDENTIALS_DIRECTORY": str(tmp_path)}, config=f"""
providers:
  inference:
    - provider_id: openai
      provider_type: remote::openai
      config: {{base_url: "{upstream.url}", api_key: "${{env.MY_OWN_NAME}}"}}
""")
    assert ask(q) == 200
    assert sent(upstream) == ["Bearer " + KEY]


@pytest.mark.parametrize("variable,credential,named,want", [
    ("sk-of-a-variable-55555", KEY, OTHER, "sk-of-a-variable-55555"), ("", KEY, OTHER, KEY),
    (None, None, OTHER, OTHER),
])
def test_which_wins(start, upstream, tmp_path, variable, credential, named, want):
    env = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY_FILE": str(tmp_path / "named")}
    (tmp_path / "named").write_text(named)
    (tmp_path / "credentials").mkdir()
    if variable is not None:
        env["OPENAI_API_KEY"] = variable
    if credential is not None:
        (tmp_path / "credentials" / "OPENAI_API_KEY").write_text(credential)
        env["CREDENTIALS_DIRECTORY"] = str(tmp_path / "credentials")
    q = start(env=env)
    assert ask(q) == 200
    assert sent(upstream) == ["Bearer " + want]


@pytest.mark.parametrize("content,words", [
    (None, "No such file"), (b"", "is empty"), (b"\n\n", "is empty"), (b"a\0b", "has a NUL in it"),
    (b"x" * 65537, "is longer than 64 KB"),
])
def test_bad_files_are_named(tmp_path, content, words):
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    code, text = show(tmp_path, {"OPENAI_API_KEY_FILE": str(path)})
    assert code == 1
    assert f"OPENAI_API_KEY_FILE: error: {path}: {words}" in text


def test_the_largest_file_is_read(tmp_path):
    (tmp_path / "key").write_bytes(b"x" * 65536)
    assert show(tmp_path, {"OPENAI_API_KEY_FILE": str(tmp_path / "key")})[0] == 0


def test_a_missing_credentials_directory_is_told(tmp_path):
    code, text = show(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path / "none")})
    assert code == 1 and "CREDENTIALS_DIRECTORY: error: " in text


@pytest.mark.parametrize("name", ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                  "OGX_LOG_FILE", "QUIPU_CONFIG_FILE", "SOMEBODY_ELSES_FILE", "_FILE"])
def test_other_variables_keep_their_meaning(tmp_path, name):
    assert show(tmp_path, {name: str(tmp_path / "none")})[0] == 0


def test_settings_of_quipu_itself(tmp_path):
    (tmp_path / "level").write_text("debug\n")
    code, text = show(tmp_path, {"QUIPU_LOG_LEVEL_FILE": str(tmp_path / "level")})
    assert code == 0
    line = next(line for line in text.splitlines() if "log.level" in line)
    assert "debug" in line and "QUIPU_LOG_LEVEL" in line
