"""Bedrock's credentials that are not configured as they are."""
import datetime
import json
import time
from urllib.parse import parse_qs

import pytest

from test_credentials import THEIRS, bring
from test_providers import ask, error, eventually, one, sigv4
from upstream import Upstream, completion

NOWHERE = "/nowhere"
SECRET = "temporary/Secret+KEY0123456789"
SESSION = "session//token=="


def iso(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def aws():
    up = Upstream()
    yield up
    up.close()
    assert not up.errors, up.errors


def bedrock(upstream, **more):
    return one("remote::bedrock", upstream.root + "/openai/v1",
               {"credentials_file": NOWHERE, "region_name": "eu-west-1", **more})


def check_signed(sent, key_id, secret=SECRET, session=SESSION):
    got, names, signature, wanted = sigv4(sent, secret, "eu-west-1")
    assert (got, signature) == (key_id, wanted)
    assert sent.headers["x-amz-security-token"] == session and "x-amz-security-token" in names


def keys_json(key_id="ASIA1", life=3600, **more):
    return {"AccessKeyId": key_id, "SecretAccessKey": SECRET, "Token": SESSION, "Expiration": iso(life), **more}


def sts(call, key_id="ASIAWEB", life=3600):
    call.raw(200, f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key_id}</AccessKeyId>
  <SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{SESSION}</SessionToken>
  <Expiration>{iso(life)}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>""".encode(), content_type="text/xml")


@pytest.mark.parametrize("how", ["settings", "environment"])
def test_a_role_by_web_identity(start, upstream, aws, tmp_path, how):
    aws.handler = sts
    token = tmp_path / "token"
    token.write_text("eyJ.web.identity\n")
    if how == "settings":
        q = start("--workers", 1, config=bedrock(
            upstream, aws_role_arn="arn:aws:iam::1:role/x", aws_web_identity_token_file=str(token),
            aws_role_session_name="me", session_ttl=900, sts_url=aws.root))
        model, name, ttl = "p/m1", "me", "900"
    else:
        q = start("--workers", 1, env={
            "AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ENDPOINT_URL_STS": aws.root, "AWS_BEDROCK_BASE_URL": upstream.root + "/openai/v1",
            "AWS_REGION": "eu-west-1", "HOME": "/nowhere"})
        model, name, ttl = "bedrock/m1", "quipu", "3600"
    assert [ask(q, model)[0] for _ in range(3)] == [200] * 3
    asked, = aws.requests
    assert (asked.method, asked.target) == ("POST", "/") and "authorization" not in asked.headers
    assert {k: v[0] for k, v in parse_qs(asked.body.decode(), strict_parsing=True).items()} == {
        "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/x",
        "RoleSessionName": name, "DurationSeconds": ttl, "WebIdentityToken": "eyJ.web.identity"}
    for sent in upstream.chat_requests():
        check_signed(sent, "ASIAWEB")
    text = q.stop()
    assert SECRET not in text and SESSION not in text and "web.identity" not in text


def test_the_identity_is_read_again_when_a_session_ends(start, upstream, aws, tmp_path):
    aws.handler = lambda call: sts(call, key_id=f"ASIA{len(aws.requests)}", life=3)
    token = tmp_path / "token"
    token.write_text("first")
    q = start("--workers", 1, config=bedrock(upstream, aws_role_arn="r", aws_web_identity_token_file=str(token),
                                             sts_url=aws.root))
    assert ask(q)[0] == 200
    token.write_text("second")
    time.sleep(3.2)
    assert ask(q)[0] == 200
    assert [parse_qs(r.body.decode())["WebIdentityToken"] for r in aws.requests] == [["first"], ["second"]]
    check_signed(upstream.chat_requests()[-1], "ASIA2")


@pytest.mark.parametrize("case,want,words", [
    ("refused", 401, "not authorized to perform"), ("no file", 500, "cannot be read"), ("nonsense", 502, "Expiration"),
])
def test_what_is_wrong_with_a_role_is_told(start, upstream, aws, tmp_path, case, want, words):
    token = tmp_path / "token"
    if case != "no file":
        token.write_text("x")
    aws.handler = lambda call: call.raw(*((200, b"<x/>") if case == "nonsense" else (
        403, b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform "
             b"sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>")), content_type="text/xml")
    q = start("--retries", 0, config=bedrock(upstream, aws_role_arn="r", aws_web_identity_token_file=str(token),
                                             sts_url=aws.root))
    answer = ask(q)
    assert answer[0] == want and words in error(answer)["message"] and "AWS STS" in error(answer)["message"]
    # A client's own key needs none of this.
    assert ask(q, headers=bring(aws_bearer_token_bedrock=THEIRS))[0] == 200
    assert [r.headers["authorization"] for r in upstream.chat_requests()] == ["Bearer " + THEIRS]


@pytest.mark.parametrize("token", ["plain", "file", "none"])
def test_a_containers_endpoint(start, upstream, aws, tmp_path, token):
    aws.models = lambda call: call.json(200, keys_json("ASIACONT", RoleArn="x"))
    path = tmp_path / "authorization"
    path.write_text("from-a-file-0123\n")
    more = {"plain": {"container_authorization_token": "plain-token-0123"},
            "file": {"container_authorization_token_file": str(path)}, "none": {}}[token]
    # A proxy is for the upstream, never for such an endpoint.
    network = {"proxy": {"http": upstream.root}}
    q = start("--workers", 1, config=bedrock(
        upstream, container_credentials_url=aws.root + "/v2/credentials?id=1", network=network, **more))
    assert [ask(q)[0] for _ in range(2)] == [200, 200]
    asked, = aws.requests
    assert asked.target == "/v2/credentials?id=1"
    assert asked.headers.get("authorization") == {"plain": "plain-token-0123", "file": "from-a-file-0123"}.get(token)
    sent = upstream.chat_requests()[1]
    assert sent.target.startswith(upstream.root)
    sent.target = sent.target.removeprefix(upstream.root)
    check_signed(sent, "ASIACONT")


def instance(aws, role="my-role", session="imds-session"):
    def handler(call):
        assert (call.request.method, call.request.target) == ("PUT", "/latest/api/token")
        assert call.request.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "300"
        call.raw(200, session.encode(), content_type="text/plain")

    def get(call):
        if call.request.headers.get("x-aws-ec2-metadata-token") != session:
            return call.json(401, {})
        base = "/latest/meta-data/iam/security-credentials/"
        if call.request.target == base:
            return call.raw(200, role.encode(), content_type="text/plain")
        assert call.request.target == base + "my-role"
        return call.json(200, keys_json("ASIAEC2", Code="Success", Type="AWS-HMAC"))

    aws.handler, aws.models = handler, get


def test_the_role_of_an_instance(start, upstream, aws):
    instance(aws)
    q = start("--workers", 1, config=bedrock(upstream, instance_role=True, metadata_url=aws.root))
    assert [ask(q)[0] for _ in range(2)] == [200, 200]
    assert [r.method for r in aws.requests] == ["PUT", "GET", "GET"]
    check_signed(upstream.chat_requests()[1], "ASIAEC2")


@pytest.mark.parametrize("role", ["../../user-data", "", "a\rb", "x" * 300])
def test_a_role_that_is_no_name_is_not_asked_for(start, upstream, aws, role):
    instance(aws, role)
    q = start("--retries", 0, config=bedrock(upstream, instance_role=True, metadata_url=aws.root))
    answer = ask(q)
    assert answer[0] == 502 and "names no role" in error(answer)["message"]
    assert upstream.chat_requests() == []


def test_the_instance_is_asked_only_when_the_configuration_says_so(start, upstream, aws):
    q = start(config=bedrock(upstream, metadata_url=aws.root))
    answer = ask(q)
    assert answer[0] == 400 and error(answer)["code"] == "missing_api_key"
    assert aws.requests == []


def test_the_credentials_file_is_read_again_after_a_refusal(start, upstream, tmp_path):
    path = tmp_path / "credentials"
    profile = "[default]\naws_access_key_id = AKFIRST0\naws_secret_access_key = {}\n"
    path.write_text(profile.format("secret/first/0123"))
    upstream.handler = lambda call: call.json(*((200, completion()) if "AKSECOND" in call.request.headers["authorization"]
                                                else (403, {"message": "The security token is invalid secret/first/0123"})))
    q = start("--workers", 1, config=bedrock(upstream, credentials_file=str(path)))
    assert ask(q)[0] == 403
    path.write_text(profile.format("secret/second/0123").replace("AKFIRST0", "AKSECOND"))
    time.sleep(5.2)
    assert ask(q)[0] == 200
    key_id, _, signature, wanted = sigv4(upstream.chat_requests()[-1], "secret/second/0123", "eu-west-1")
    assert (key_id, signature) == ("AKSECOND", wanted)
    text = q.stop()
    assert "secret/first" not in text and "secret/second" not in text
