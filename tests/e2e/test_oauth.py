"""Tokens of Google, Microsoft and Databricks, and Oracle's signatures, checked by openssl."""
import base64
import hashlib
import json
import re
import subprocess
import time
from urllib.parse import parse_qs

import pytest

from test_credentials import THEIRS, bring
from test_providers import KEY, ask, error, one
from upstream import Upstream

PAIR = {}


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, timeout=60)


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """(private PEM, path of the public key, private PEM with the pass phrase "open sesame")."""
    d = tmp_path_factory.mktemp("rsa")
    secret, public = d / "key.pem", d / "public.pem"
    assert openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(secret)).returncode == 0
    public.write_bytes(openssl("pkey", "-in", str(secret), "-pubout").stdout)
    locked = openssl("pkey", "-in", str(secret), "-aes256", "-passout", "pass:open sesame").stdout
    return secret.read_text(), str(public), locked.decode()


def verify(public, signature, text, tmp_path):
    path = tmp_path / "signature"
    path.write_bytes(signature)
    return openssl("dgst", "-sha256", "-verify", public, "-signature", str(path), data=text).stdout == b"Verified OK\n"


@pytest.fixture
def issuer():
    up = Upstream()
    up.handler = up.models = lambda call: call.json(200, {
        "access_token": f"ya29.tok-{len(up.requests)}-0123456789", "expires_in": 3599, "token_type": "Bearer"})
    yield up
    up.close()
    assert not up.errors, up.errors


def form(request):
    return {k: v[0] for k, v in parse_qs(request.body.decode(), strict_parsing=True).items()}


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def vertex(upstream, issuer, path="/nowhere", **more):
    return one("remote::vertexai", upstream.root, {
        "project": "proj-1", "location": "us-central1", "credentials_file": str(path),
        "token_url": issuer.root + "/token", **more})


def account(pair, **more):
    return json.dumps({"type": "service_account", "client_email": "me@proj.iam", "private_key_id": "k1",
                       "private_key": pair[0], "token_uri": "https://oauth2.googleapis.com/token", **more})


def test_vertex_with_a_service_account(start, upstream, issuer, pair, tmp_path):
    path = tmp_path / "account.json"
    path.write_text(account(pair))
    q = start("--workers", 1, config=vertex(upstream, issuer, path))
    for model in ("p/google/gemini-2.5-flash", "p/gemini-2.5-pro"):
        status, _, data = ask(q, model)
        assert status == 200 and json.loads(data)["model"] == model
    asked, = issuer.requests
    fields = form(asked)
    assert asked.target == "/token" and fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims, signature = fields["assertion"].split(".")
    assert json.loads(unbase64(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    claims_of = json.loads(unbase64(claims))
    now = claims_of.pop("iat")
    assert abs(now - time.time()) < 60 and claims_of.pop("exp") == now + 3600
    assert claims_of == {"iss": "me@proj.iam", "scope": "https://www.googleapis.com/auth/cloud-platform",
                         "aud": issuer.root + "/token"}
    assert verify(pair[1], unbase64(signature), f"{head}.{claims}".encode(), tmp_path)
    first, second = upstream.chat_requests()
    assert first.target == "/v1/projects/proj-1/locations/us-central1/endpoints/openapi/chat/completions"
    assert first.headers["authorization"] == second.headers["authorization"] == "Bearer ya29.tok-1-0123456789"
    assert (first.json["model"], second.json["model"]) == ("google/gemini-2.5-flash", "google/gemini-2.5-pro")
    assert "x-goog-user-project" not in first.headers
    text = q.stop()
    assert "PRIVATE KEY" not in text and "tok-1" not in text


def test_vertex_with_a_users_credentials(start, upstream, issuer, tmp_path):
    path = tmp_path / "user.json"
    path.write_text(json.dumps({"type": "authorized_user", "client_id": "c", "client_secret": "s&=", "refresh_token": "r",
                                "quota_project_id": "payer"}))
    q = start("--workers", 1, config=vertex(upstream, issuer, path))
    assert ask(q)[0] == 200
    assert form(issuer.requests[0]) == {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s&=",
                                        "refresh_token": "r"}
    assert upstream.chat_requests()[0].headers["x-goog-user-project"] == "payer"


def test_a_users_secrets_are_not_told_when_repeated(start, upstream, issuer, tmp_path):
    path = tmp_path / "user.json"
    path.write_text(json.dumps({"type": "authorized_user", "client_id": "c", "client_secret": "secret-of-0123",
                                "refresh_token": "refresh-of-0123"}))
    issuer.handler = lambda call: call.json(400, {"error_description": "bad secret-of-0123 and refresh-of-0123"})
    q = start("--retries", 0, config=vertex(upstream, issuer, path))
    answer = ask(q)
    assert answer[0] == 401 and "bad ******** and ********" in error(answer)["message"]
    text = q.stop()
    assert "secret-of" not in text and "refresh-of" not in text


def test_vertex_with_the_machines_account(start, upstream, issuer):
    q = start("--workers", 1, config=vertex(upstream, issuer, metadata_server=True, metadata_url=issuer.root))
    assert ask(q)[0] == 200
    asked, = issuer.requests
    assert asked.target == "/computeMetadata/v1/instance/service-accounts/default/token"
    assert asked.headers["metadata-flavor"] == "Google"


def test_vertex_with_a_clients_token(start, upstream, issuer):
    q = start("--workers", 1, config=vertex(upstream, issuer))
    assert ask(q, headers=bring(vertex_access_token=THEIRS, vertex_project="p/2", vertex_location="us-central1"))[0] == 200
    assert ask(q, headers=bring(vertex_access_token=THEIRS))[0] == 200
    first, second = upstream.chat_requests()
    assert first.target.startswith("/v1/projects/p%2F2/locations/us-central1/")
    assert second.target.startswith("/v1/projects/proj-1/")
    assert first.headers["authorization"] == "Bearer " + THEIRS
    answer = ask(q, headers=bring(vertex_access_token=THEIRS, vertex_location="europe-west1"))
    assert answer[0] == 400 and "us-central1" in error(answer)["message"]
    assert issuer.requests == []


@pytest.mark.parametrize("text,want,words", [
    (None, 500, "cannot be read"), ("nonsense", 500, "not JSON"), ('{"type": "external_account"}', 500, "external_account"),
    ('{"type": "service_account"}', 500, "private_key"),
    ('{"type": "service_account", "client_email": "a", "private_key": "-----BEGIN PRIVATE KEY-----\\nx"}', 500, "not an RSA key"),
])
def test_a_bad_credentials_file_is_told(start, upstream, issuer, tmp_path, text, want, words):
    path = tmp_path / "bad.json"
    if text is not None:
        path.write_text(text)
    q = start("--retries", 0, config=vertex(upstream, issuer, path))
    answer = ask(q)
    assert answer[0] == want and words in error(answer)["message"] and str(path) in error(answer)["message"]
    assert issuer.requests == [] and upstream.chat_requests() == []


ENTRA = {"tenant_id": "tenant-1", "client_id": "client-1"}


@pytest.mark.parametrize("dated", [False, True])
def test_azure_with_a_secret_of_entra(start, upstream, issuer, dated):
    more = {"api_version": "2024-10-21"} if dated else {}
    q = start("--workers", 1, config=one("remote::azure", upstream.root, {
        **ENTRA, "client_secret": "sec~ret/0123", "authority_url": issuer.root + "/", **more}))
    assert [ask(q)[0] for _ in range(2)] == [200, 200]
    asked, = issuer.requests
    assert asked.target == "/tenant-1/oauth2/v2.0/token"
    assert form(asked) == {"grant_type": "client_credentials", "client_id": "client-1", "client_secret": "sec~ret/0123",
                           "scope": "https://cognitiveservices.azure.com/.default"}
    sent = upstream.chat_requests()[0]
    assert sent.headers["authorization"] == "Bearer ya29.tok-1-0123456789" and "api-key" not in sent.headers
    assert ask(q, headers=bring(azure_api_key=THEIRS))[0] == 200
    assert THEIRS in str(upstream.chat_requests()[-1].header_list)
    assert "sec~ret" not in q.stop()


def test_azure_with_an_identity_of_the_workload(start, upstream, issuer, tmp_path):
    path = tmp_path / "identity"
    path.write_text("eyJ.workload.x\n")
    q = start("--workers", 1, env={
        "AZURE_API_BASE": upstream.root, "AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1",
        "AZURE_FEDERATED_TOKEN_FILE": str(path), "AZURE_AUTHORITY_HOST": issuer.root})
    assert ask(q, "azure/m1")[0] == 200
    assert form(issuer.requests[0]) == {
        "grant_type": "client_credentials", "client_id": "client-1", "client_assertion": "eyJ.workload.x",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "scope": "https://cognitiveservices.azure.com/.default"}


def test_an_error_of_entra_is_told(start, upstream, issuer):
    issuer.handler = lambda call: call.json(401, {"error": "invalid_client", "error_description": "AADSTS7000215: bad sec~ret/0123"})
    q = start("--retries", 0, config=one("remote::azure", upstream.root, {
        **ENTRA, "client_secret": "sec~ret/0123", "authority_url": issuer.root}))
    answer = ask(q)
    assert answer[0] == 401 and "Microsoft Entra ID: it answered 401: AADSTS7000215: bad ********" in error(answer)["message"]
    assert upstream.chat_requests() == [] and "sec~ret" not in q.stop()


def test_databricks_with_a_service_principal(start, upstream, issuer):
    q = start("--workers", 1, config=one("remote::databricks", upstream.root, {
        "client_id": "id-1", "client_secret": "dose-0123456789", "token_url": issuer.root + "/oidc/v1/token"}))
    assert ask(q)[0] == 200
    assert form(issuer.requests[0]) == {"grant_type": "client_credentials", "scope": "all-apis"}
    assert issuer.requests[0].headers["authorization"] == "Basic " + base64.b64encode(b"id-1:dose-0123456789").decode()
    assert upstream.chat_requests()[0].headers["authorization"] == "Bearer ya29.tok-1-0123456789"
    assert ask(q, headers=bring(databricks_api_token=THEIRS))[0] == 200
    assert upstream.chat_requests()[1].headers["authorization"] == "Bearer " + THEIRS


def oci(upstream, path, **more):
    return one("remote::oci", upstream.root + "/20231130/actions/v1",
               {"oci_compartment_id": "ocid1.compartment.1", "oci_config_file_path": str(path), **more})


def check_oci(sent, public, key_id, tmp_path):
    """The signing string, put together again as Oracle's page says."""
    parts = dict(re.findall(r'(\w+)="([^"]*)"', sent.headers["authorization"].removeprefix("Signature ")))
    assert (parts["version"], parts["algorithm"], parts["keyId"]) == ("1", "rsa-sha256", key_id)
    names = parts["headers"].split(" ")
    assert set(names) == {"date", "(request-target)", "host", "content-length", "content-type", "x-content-sha256"}
    assert sent.headers["x-content-sha256"] == base64.b64encode(hashlib.sha256(sent.body).digest()).decode()
    assert abs(time.mktime(time.strptime(sent.headers["date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone - time.time()) < 60
    text = "\n".join(f"{n}: " + (f"post {sent.target}" if n == "(request-target)" else sent.headers[n]) for n in names)
    assert verify(public, base64.b64decode(parts["signature"]), text.encode(), tmp_path)
    assert not verify(public, base64.b64decode(parts["signature"]), text.encode() + b"x", tmp_path)


@pytest.mark.parametrize("case", ["plain", "locked", "session", "home"])
def test_oracles_signature(start, upstream, pair, tmp_path, case):
    key = tmp_path / "key.pem"
    key.write_text(pair[2] if case == "locked" else pair[0])
    lines = ["[DEFAULT]", "user=nobody", "[work]", "user = ocid1.user.1", "tenancy=ocid1.tenancy.1", "fingerprint=aa:bb",
             "key_file=" + ("~/key.pem" if case == "home" else str(key)), "region=x"]
    if case == "locked":
        lines.append("pass_phrase=open sesame")
    if case == "session":
        (tmp_path / "token").write_text("eyJ.session\n")
        lines.append(f"security_token_file={tmp_path}/token")
    config = tmp_path / "config"
    config.write_text("\n".join(lines))
    q = start("--workers", 1, env={"HOME": str(tmp_path)}, config=oci(upstream, config, oci_config_profile="work"))
    assert ask(q, user="é")[0] == 200 and ask(q, stream=True)[0] == 200
    for sent in upstream.chat_requests():
        assert sent.target == "/20231130/actions/v1/chat/completions"
        assert sent.headers["compartmentid"] == "ocid1.compartment.1"
        check_oci(sent, pair[1], "ST$eyJ.session" if case == "session" else "ocid1.tenancy.1/ocid1.user.1/aa:bb", tmp_path)
    text = q.stop()
    assert "PRIVATE" not in text and "open sesame" not in text


@pytest.mark.parametrize("settings,words", [
    ({"oci_auth_type": "instance_principal"}, "instance_principal' is not supported"),
    ({"oci_compartment_id": ""}, "oci_compartment_id is needed"),
])
def test_what_oracle_needs_is_told_at_the_start(start, upstream, settings, words):
    q = start(config=oci(upstream, "/nowhere", **settings), wait=False)
    assert words in q.stop(expect=1, signal_it=False)


@pytest.mark.parametrize("text,words", [
    (None, "cannot be read"), ("[OTHER]\n", "no profile 'DEFAULT'"), ("[DEFAULT]\nuser=a\n", "no key_file"),
    ("[DEFAULT]\nkey_file=/nowhere\n", "needs user"),
    ("[DEFAULT]\nkey_file=/nowhere\nuser=a\ntenancy=b\nfingerprint=c\n", "/nowhere cannot be read"),
    ("[DEFAULT]\nkey_file={self}\nuser=a\ntenancy=b\nfingerprint=c\n", "not an RSA key"),
    ("[DEFAULT]\nkey_file={self}\nuser=a\"\ntenancy=b\nfingerprint=c\n", "cannot be in a header"),
])
def test_a_bad_configuration_of_oracle_is_told(start, upstream, tmp_path, text, words):
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text.replace("{self}", str(path)))
    q = start("--retries", 0, config=oci(upstream, path))
    answer = ask(q)
    assert answer[0] == 500 and words in error(answer)["message"]
    assert upstream.chat_requests() == []
