"""quipu config, and what a configuration does to a running server."""
import json
import os
import subprocess

import pytest

from quipu import BIN, ROOT, SLOW, WRAPPER
from upstream import completion

ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]}
KEY = "sk-test-0123456789"


def config(*args, env=None):
    """(exit status, standard output, standard error) of quipu config ARGS."""
    kept = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
    done = subprocess.run(WRAPPER + [BIN, "config", *map(str, args)], env={**kept, **(env or {})},
                          capture_output=True, text=True, timeout=30 * SLOW, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def write(tmp_path):
    def go(text):
        path = tmp_path / "quipu.yaml"
        path.write_text(text)
        return path

    return go


def test_the_packaged_example_is_right():
    path = os.path.join(ROOT, "packaging", "quipu.yaml")
    assert config("check", path) == (0, f"{path}: ok\n", "")


def test_a_wrong_file_is_told_with_its_lines(write):
    path = write("server:\n  prot: 80\nlog: {level: debgu}\n")
    status, out, err = config("check", path)
    assert (status, out) == (1, "")
    assert err == (f'{path}:2:3: error: server.prot: unknown key; did you mean "port"?\n'
                   f'{path}:3:14: error: log.level: "debgu" is not one of debug, info, warn, error; '
                   'did you mean "debug"?\n')


@pytest.mark.parametrize("args", [(), ("chekc",), ("--port=1",)])
def test_a_wrong_command_gets_the_usage(args):
    status, out, err = config(*args)
    assert status == 2 and out == "" and err.startswith("usage: quipu config check")


def test_show_has_every_source_and_no_secret(write):
    path = write("server: {host: '::1'}\nproviders:\n  inference:\n  - provider_id: one\n"
                 "    provider_type: remote::openai\n    config: {api_key: '${env.KEY_ONE}'}\n")
    args = ("show", path, "--json", "--port=9")
    status, out, err = config(*args, env={"QUIPU_LOG_LEVEL": "warn", "KEY_ONE": KEY})
    shown = json.loads(out)
    assert (status, err) == (0, "")
    assert shown["server.port"] == {"value": 9, "origin": "--port"}
    assert shown["server.host"] == {"value": "::1", "origin": f"{path}:1"}
    assert shown["log.level"] == {"value": "warn", "origin": "QUIPU_LOG_LEVEL"}
    assert shown["upstream.retries"] == {"value": 2, "origin": "default"}
    assert shown["providers.one.api_key"] == {"value": "********", "origin": f"{path}:6"}
    status, text, _ = config("show", path, env={"KEY_ONE": KEY})
    assert status == 0 and "providers.one.api_key" in text
    assert KEY not in out + text


def test_serve_refuses_what_check_refuses(start):
    q = start(config="server: {auth: {provider_config: {type: oauth2_token}}}\n", wait=False)
    text = q.stop(expect=2, signal_it=False)
    assert "server.auth: quipu cannot check clients yet" in text


@pytest.mark.parametrize("env", [
    {"HTTPS_PROXY": "http://127.0.0.1:1"},
    {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1"},
])
def test_a_proxy_for_others_is_not_used(start, upstream, env):
    upstream.handler = lambda call: call.json(200, completion("hello"))
    q = start(env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY, **env})
    assert q.chat(ASK)[0] == 200


def test_the_proxy_of_the_environment_is_used(start, upstream):
    upstream.handler = lambda call: call.json(200, completion("hello"))
    q = start("--retries=0", env={"OPENAI_BASE_URL": "http://api.example.com/v1", "OPENAI_API_KEY": KEY,
                                  "HTTP_PROXY": upstream.url.removesuffix("/v1")})
    assert q.chat(ASK)[0] == 200
    assert upstream.chat_requests()[0].target == "http://api.example.com/v1/chat/completions"
