"""OGX's run configurations, as files, by name and on the command line."""
import glob
import json
import os
import time

import pytest

from quipu import ROOT
from test_config import config
from upstream import Upstream

ALWAYS = ["fireworks", "together", "bedrock", "openai", "anthropic", "gemini", "groq", "sambanova"]
NONE = {"HTTPS_PROXY": "http://127.0.0.1:1"}  # no test may leave this machine

# In the shape of OGX's own starter, with all that quipu has not.
FULL = """
version: 2
distro_name: starter
container_image: null
apis: [batches, files, inference, responses, safety, tool_runtime, vector_io]
providers:
  inference:
  - provider_id: ${env.OLLAMA_URL:+ollama}
    provider_type: remote::ollama
    config:
      base_url: ${env.OLLAMA_URL:=http://localhost:11434/v1}
  - provider_id: ${env.AZURE_API_KEY:+azure}
    provider_type: remote::azure
    config:
      api_key: ${env.AZURE_API_KEY:=}
      base_url: ${env.AZURE_API_BASE:=}
      api_version: ${env.AZURE_API_VERSION:=}
      api_type: ${env.AZURE_API_TYPE:=}
  - provider_id: openai
    provider_type: remote::openai
    config:
      api_key: ${env.OPENAI_API_KEY:=}
      base_url: ${env.OPENAI_BASE_URL:=https://api.openai.com/v1}
  - provider_id: sentence-transformers
    provider_type: inline::sentence-transformers
    config: {trust_remote_code: false}
  vector_io:
  - provider_id: faiss
    provider_type: inline::faiss
    config: {persistence: {namespace: vector_io::faiss, backend: kv_default}}
  - provider_id: ${env.QDRANT_URL:+qdrant}
    provider_type: remote::qdrant
    config: {api_key: "${env.QDRANT_API_KEY}"}
  safety:
  - provider_id: llama-guard
    provider_type: inline::llama-guard
    config: {excluded_categories: []}
storage:
  backends:
    kv_default: {type: kv_sqlite, db_path: "${env.SQLITE_STORE_DIR:=~/.ogx/distributions/starter}/kvstore.db"}
    sql_default: {type: sql_sqlite, db_path: "${env.SQLITE_STORE_DIR:=~/.ogx/distributions/starter}/sql_store.db"}
  stores:
    metadata: {namespace: registry, backend: kv_default}
    inference: {table_name: inference_store, backend: sql_default, max_write_queue_size: 10000, num_writers: 4}
    conversations: {table_name: openai_conversations, backend: sql_default}
    prompts: {namespace: prompts, backend: kv_default}
registered_resources:
  models:
  - model_id: ${env.SAFETY_MODEL:=}
    provider_id: ollama
    provider_model_id: ${env.SAFETY_MODEL}
  - model_id: anything
    provider_id: all
    provider_model_id: auto
  - model_id: st
    provider_id: sentence-transformers
    model_type: embedding
    metadata: {embedding_dimension: 768}
  shields:
  - shield_id: llama-guard
    provider_id: ${env.SAFETY_MODEL:+llama-guard}
    provider_shield_id: ${env.SAFETY_MODEL:=}
  vector_dbs: []
server:
  port: 8321
vector_stores:
  default_provider_id: faiss
safety:
  default_shield_id: llama-guard
connectors: []
"""


def providers(q):
    return {p["provider_id"]: p for p in json.loads(q.request("GET", "/v1/providers")[2])["data"]}


def listed(q):
    return [m["id"] for m in json.loads(q.request("GET", "/v1/models")[2])["data"]]


def test_starter_without_any_key(start):
    q = start(command="serve starter", env=NONE)
    found = providers(q)
    assert list(found) == ALWAYS
    assert {p["provider_type"] for p in found.values()} == {"remote::" + n for n in ALWAYS}
    q.wait_text("provider=openai has no key")
    assert providers(q)["openai"]["health"]["status"] == "Not Implemented"
    assert listed(q) == []
    status, _, body = q.chat({"model": "claude-haiku-4-5-20251001", "messages": [{"role": "user", "content": "x"}]})
    assert status == 404 and b"It is registered, but no provider" in body
    assert " warn " not in q.stop()


@pytest.mark.parametrize("name,env", [
    ("cerebras", {"CEREBRAS_API_KEY": "csk-0123456789"}),
    ("ollama", {"OLLAMA_URL": "http://127.0.0.1:1"}),
    ("vllm", {"VLLM_URL": "http://127.0.0.1:1/v1"}),
    ("nvidia", {"NVIDIA_API_KEY": "nvapi-0123456789"}),
    ("azure", {"AZURE_API_KEY": "k-0123456789", "AZURE_API_BASE": "https://x.openai.azure.com/openai/v1"}),
    ("vertexai", {"VERTEX_AI_PROJECT": "p", "VERTEX_AI_ACCESS_TOKEN": "t-0123456789"}),
    ("watsonx", {"WATSONX_API_KEY": "k-0123456789", "WATSONX_PROJECT_ID": "p"}),
])
def test_starter_switches_on_what_the_environment_has(start, name, env):
    q = start(command="serve starter", env={**NONE, **env})
    found = providers(q)
    assert set(found) == {*ALWAYS, name} and found[name]["provider_type"] == "remote::" + name
    for value in env.values():
        if "0123456789" in value:
            assert value not in q.text()


def test_starter_serves_and_its_aliases_find_a_model(start, upstream):
    q = start(command="serve starter", env={**NONE, "VLLM_URL": upstream.url, "VLLM_API_TOKEN": "t-0123456789"})
    q.wait_model("vllm/m1")
    q.wait_model("claude-haiku-4-5-20251001")
    status, _, body = q.chat({"model": "claude-haiku-4-5-20251001", "messages": [{"role": "user", "content": "x"}]})
    assert status == 200, body
    sent = upstream.chat_requests()[0]
    assert sent.json["model"] == "m1" and sent.headers["authorization"] == "Bearer t-0123456789"


def test_ogxs_own_shape_starts_with_one_warning_each(start, upstream):
    q = start(config=FULL, env={**NONE, "OLLAMA_URL": upstream.url})
    assert list(providers(q)) == ["ollama", "openai"]
    text = q.text()
    for what in ("inline::sentence-transformers", "providers.vector_io", "providers.safety",
                 "registered_resources.shields", "vector_stores", "safety:"):
        assert sum(what in line for line in text.splitlines() if "warning" in line) >= 1, what
    assert "QDRANT" not in text and "error" not in text
    assert len([line for line in text.splitlines() if " warning: " in line]) <= 8, text
    q.wait_model("anything")


def test_ogx_config_names_the_starter(start):
    q = start(env={**NONE, "OGX_CONFIG": "starter"})
    assert list(providers(q)) == ALWAYS


def test_ogxs_variables(start):
    shown = json.loads(config("show", "starter", "--json", env={
        "OGX_LOGGING": "all=debug", "OGX_LOG_FORMAT": "json", "OGX_PORT": "9999"})[1])
    assert shown["log.level"] == {"value": "debug", "origin": "OGX_LOGGING"}
    assert shown["log.format"] == {"value": "json", "origin": "OGX_LOG_FORMAT"}
    assert shown["server.port"] == {"value": 9999, "origin": "OGX_PORT"}


def test_a_name_is_found_where_ogx_keeps_them(start, tmp_path):
    offline = open(os.path.join(ROOT, "examples", "offline.yaml")).read()
    home = tmp_path / "home"
    for path in (".ogx/distributions/ogx-one/one-config.yaml", ".ogx/distributions/two/config.yaml",
                 ".llama/distributions/three/three-run.yaml"):
        (home / path).parent.mkdir(parents=True)
        (home / path).write_text(offline)
    other = tmp_path / "other/distributions/four/config.yaml"
    other.parent.mkdir(parents=True)
    other.write_text(offline)
    for name, env in (("one", {}), ("two", {}), ("three", {}), ("four", {"OGX_CONFIG_DIR": str(tmp_path / "other")})):
        assert config("check", name, env={"HOME": str(home), **env})[0] == 0, name
    status, _, err = config("check", "four", env={"HOME": str(home)})
    assert status == 1 and "there is no such file" in err


def test_providers_of_the_command_line(start, upstream):
    spec = (f"inference=remote::vllm?base_url={upstream.url}&api_token=t-0123456789,"
            "inference=remote::openai?api_key=${env.KEY}&provider_id=second,files=inline::localfs")
    q = start("--providers", spec, env={**NONE, "KEY": "sk-0123456789"}, config="log: {level: debug}\n"
              "providers: {inference: [{provider_id: x, provider_type: nonsense}]}\n")
    assert list(providers(q)) == ["vllm", "second"]
    q.wait_model("vllm/m1")
    text = q.stop()
    assert "--providers: warning: providers.files: not used by quipu" in text
    assert "0123456789" not in text


@pytest.mark.parametrize("spec,why", [
    ("nonsense", '--providers: error: "nonsense" is not of the form'),
    ("inference=remote::", "is not of the form"),
    ("inference=remote::groq?x", "is not of the form"),
    ("inference=remote::groq?nokey=1", "--providers: error: providers.inference[0].config.nokey: unknown key"),
    ("inference=remote::groq,inference=remote::groq", "is the id of another provider"),
    ("inference=remote::azure?api_key=sesame0123&retries=%zz", "is not of the form"),
])
def test_a_wrong_spec_is_told(spec, why):
    status, _, err = config("check", "--providers", spec)
    assert status == 1 and why in err


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(ROOT, "examples", "*.yaml"))), ids=os.path.basename)
def test_every_example_starts(start, authority, tmp_path, path):
    """With the variables that it asks for, and files where it names some."""
    cert, key = authority.issue("IP:127.0.0.1")
    for name, source in (("server.pem", cert), ("server.key", key), ("client.pem", cert), ("client.key", key),
                         ("proxy-ca.pem", authority.cert), ("corp-ca.pem", authority.cert)):
        os.symlink(source, tmp_path / name)
    env = {"AZURE_API_BASE": "https://127.0.0.1:1", "AZURE_API_KEY": "k-0123456789", "OPENAI_API_KEY": "k-0123456789",
           "OLLAMA_URL": "http://127.0.0.1:1", "CERTIFICATES": str(tmp_path), "PROXY_URL": "http://127.0.0.1:1", **NONE}
    assert config("check", path, env=env)[0] == 0
    q = start("--config", path, env=env)
    assert " listening on " in q.text()


def test_the_offline_example_answers(start):
    q = start("--config", os.path.join(ROOT, "examples", "offline.yaml"))
    status, _, body = q.chat({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello there"}]})
    assert status == 200 and b"hello there" in body


def test_a_configuration_that_lists_none_serves_none(start):
    q = start(config="providers: {inference: []}\n", env={**NONE, "OPENAI_API_KEY": "k-0123456789"})
    assert providers(q) == {}
    assert "no provider is on" in q.text()


def test_several_hosts(start):
    q = start(config="server: {host: ['127.0.0.1', '::1']}\n", port=None, env={"QUIPU_PORT": "0"})
    text = q.wait_text(r"listening on http://\[::1\]:(\d+)")
    assert int(text.group(1)) == q.port
    assert q.request("GET", "/v1/health")[0] == 200


def models(*ids):
    return lambda call: call.json(200, {"object": "list", "data": [{"id": i, "object": "model"} for i in ids]})


def test_all_and_auto_go_by_the_lists(start):
    """In the order of the file; by type; only what is allowed; never a model that is neither."""
    one, two = Upstream(), Upstream()
    one.models, two.models = models("text-embedding-3-small", "whisper-1", "secret-chat"), models("b", "a", "both")
    entry = "  - {{provider_id: {}, provider_type: remote::openai, config: {{base_url: '{}', api_key: k-0123456789{}}}}}\n"
    q = start("--models-refresh=1", config="providers:\n  inference:\n"
              + entry.format("one", one.url, ", allowed_models: [text-embedding-3-small, whisper-1, both]")
              + entry.format("two", two.url, "")
              + "registered_resources:\n  models:\n"
              "  - {model_id: chat, provider_id: all, provider_model_id: auto}\n"
              "  - {model_id: vectors, provider_id: all, provider_model_id: auto, model_type: embedding,"
              " metadata: {embedding_dimension: 1536}}\n"
              "  - {model_id: both, provider_id: all}\n"
              "  - {model_id: second, provider_id: two, provider_model_id: auto}\n"
              "  - {model_id: nowhere, provider_id: all}\n")
    for name in ("chat", "vectors", "both", "second"):
        q.wait_model(name)

    def goes_to(name):
        m = json.loads(q.request("GET", "/v1/models/" + name)[2])
        return m["provider_id"], m["provider_resource_id"]

    assert goes_to("chat") == goes_to("second") == ("two", "b")
    assert goes_to("vectors") == ("one", "text-embedding-3-small")
    assert goes_to("both") == ("two", "both")
    assert "nowhere" not in listed(q) and "one/secret-chat" not in listed(q)
    shown = {m["id"]: m["custom_metadata"] for m in json.loads(q.request("GET", "/v1/models")[2])["data"]}
    assert shown["vectors"]["embedding_dimension"] == 1536
    assert json.loads(q.request("GET", "/v1/models/vectors")[2])["metadata"] == {"embedding_dimension": 1536}
    one.models = models("both")
    deadline = time.monotonic() + 20
    while goes_to("both") != ("one", "both") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert goes_to("both") == goes_to("chat") == ("one", "both"), "the new list counts"
    one.close()
    two.close()
