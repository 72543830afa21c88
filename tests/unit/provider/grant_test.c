#include "provider/grants.h"

#include "base/clock.h"
#include "tests/unit/table.h"

#include <stdio.h>

/* 2026-05-01 12:00:00 UTC */
#define NOW (INT64_C(1777636800) * CLOCK_S)

/* Everything that a step says, on one line each. */
static struct str render(const struct grant_step *s, struct arena *a)
{
	struct str text;

	if (s->path.len > 0)
		return arena_printf(a, "file " STR_FMT, STR_ARG(s->path));
	text = arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(s->method),
			    STR_ARG(s->target));
	for (size_t i = 0; i < s->header_count; i++) {
		text = arena_printf(a, STR_FMT "\n" STR_FMT ": " STR_FMT,
				    STR_ARG(text), STR_ARG(s->headers[i].name),
				    STR_ARG(s->headers[i].value));
	}
	if (s->body.len == 0)
		return text;
	return arena_printf(a, STR_FMT "\n\n" STR_FMT, STR_ARG(text),
			    STR_ARG(s->body));
}

static struct str render_end(int r, const struct grant_token *token,
			     const struct api_error *e, struct arena *a)
{
	if (r != 0) {
		return arena_printf(a, "error %d " STR_FMT, e->status,
				    STR_ARG(e->message));
	}
	return arena_printf(a, "token " STR_FMT "|" STR_FMT "|" STR_FMT " %lld",
			    STR_ARG(token->values[0]),
			    STR_ARG(token->values[1]),
			    STR_ARG(token->values[2]),
			    (long long)((token->expires_ns - NOW) / CLOCK_S));
}

#define FORM                                                  \
	"\ncontent-type: application/x-www-form-urlencoded\n" \
	"accept: application/json"

/* What is said to the machine, and what it must want in turn. */
static const struct {
	const char *name;
	struct grant grant;
	struct grant_answer answers[4];
	const char *want[5];
} runs[] = {
	{ "an IBM key",
	  { &grant_ibm, { STR_INIT("k&="), STR_INIT("/identity/token") } },
	  { { 200, STR_INIT("{\"access_token\":\"t\",\"expires_in\":3600}") } },
	  { "POST /identity/token" FORM
	    "\n\ngrant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey"
	    "&apikey=k%26%3D",
	    "token t|| 3600" } },
	{ "a refused IBM key",
	  { &grant_ibm, { STR_INIT("k"), STR_INIT("/t") } },
	  { { 400, STR_INIT("{\"errorMessage\":\"no such key\"}") } },
	  { "POST /t" FORM
	    "\n\ngrant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey"
	    "&apikey=k",
	    "error 401 IBM Cloud IAM: it answered 400: no such key" } },
	{ "a web identity",
	  { &grant_aws_web,
	    { STR_INIT("/f"), STR_INIT("arn:x"), STR_INIT("me"),
	      STR_INIT("900") } },
	  { { 200, STR_INIT(" jwt\n") },
	    { 200, STR_INIT("<C><AccessKeyId>A</AccessKeyId><SecretAccessKey>S"
			    "</SecretAccessKey><SessionToken>T</SessionToken>"
			    "<Expiration>2026-05-01T13:00:00Z</Expiration>"
			    "</C>") } },
	  { "file /f",
	    "POST /" FORM "\n\nAction=AssumeRoleWithWebIdentity"
	    "&Version=2011-06-15&RoleArn=arn%3Ax&RoleSessionName=me"
	    "&DurationSeconds=900&WebIdentityToken=jwt",
	    "token A|S|T 3600" } },
	{ "a web identity without its file",
	  { &grant_aws_web, { STR_INIT("/f") } },
	  { { 404, STR_INIT("") } },
	  { "file /f",
	    "error 500 AWS STS (AssumeRoleWithWebIdentity): /f cannot be "
	    "read" } },
	{ "STS says no",
	  { &grant_aws_web, { STR_INIT("/f") } },
	  { { 200, STR_INIT("j") },
	    { 403, STR_INIT("<Error><Message>not you</Message></Error>") } },
	  { "file /f",
	    "POST /" FORM "\n\nAction=AssumeRoleWithWebIdentity"
	    "&Version=2011-06-15&RoleArn=&RoleSessionName="
	    "&DurationSeconds=&WebIdentityToken=j",
	    "error 401 AWS STS (AssumeRoleWithWebIdentity): it answered 403: "
	    "not you" } },
	{ "a container with a token",
	  { &grant_aws_container, { STR_INIT("/c"), STR_INIT("tok") } },
	  { { 200, STR_INIT("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
			    "\"Token\":\"T\",\"Expiration\":"
			    "\"2026-05-01T12:10:00Z\"}") } },
	  { "GET /c\naccept: application/json\nauthorization: tok",
	    "token A|S|T 600" } },
	{ "a container with a token that would end its header",
	  { &grant_aws_container, { STR_INIT("/c"), { 0 }, STR_INIT("/f") } },
	  { { 200, STR_INIT("a\r\nx: y") } },
	  { "file /f",
	    "error 500 AWS container credentials: its authorization token has "
	    "bytes that cannot be in a header" } },
	{ "an instance",
	  { &grant_aws_instance, { { 0 } } },
	  { { 200, STR_INIT("sess") },
	    { 200, STR_INIT("role-1\n") },
	    { 200, STR_INIT("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
			    "\"Token\":\"T\",\"Expiration\":"
			    "\"2026-05-01T12:00:10Z\"}") } },
	  { "PUT /latest/api/token\n"
	    "x-aws-ec2-metadata-token-ttl-seconds: 300",
	    "GET /latest/meta-data/iam/security-credentials/\n"
	    "accept: application/json\nx-aws-ec2-metadata-token: sess",
	    "GET /latest/meta-data/iam/security-credentials/role-1\n"
	    "accept: application/json\nx-aws-ec2-metadata-token: sess",
	    "token A|S|T 10" } },
	{ "an instance without a role",
	  { &grant_aws_instance, { { 0 } } },
	  { { 200, STR_INIT("sess") }, { 404, STR_INIT("") } },
	  { "PUT /latest/api/token\n"
	    "x-aws-ec2-metadata-token-ttl-seconds: 300",
	    "GET /latest/meta-data/iam/security-credentials/\n"
	    "accept: application/json\nx-aws-ec2-metadata-token: sess",
	    "error 401 EC2 instance metadata: it answered 404" } },
	{ "a profile of AWS's file",
	  { &grant_aws_file, { STR_INIT("/f"), STR_INIT("p") } },
	  { { 200, STR_INIT("[p]\naws_access_key_id=A\n"
			    "aws_secret_access_key=S\n") } },
	  { "file /f", "token A|S| 60" } },
	{ "a profile whose key is no key",
	  { &grant_aws_file, { STR_INIT("/f"), STR_INIT("p") } },
	  { { 200, STR_INIT("[p]\naws_access_key_id=A B\n"
			    "aws_secret_access_key=S\n") } },
	  { "file /f",
	    "error 502 AWS credentials file: its answer has no key pair" } },
	{ "a secret of Entra",
	  { &grant_oauth_entra,
	    { STR_INIT("/t/oauth2/v2.0/token"), STR_INIT("id"), STR_INIT("s"),
	      STR_INIT("scope/.default") } },
	  { { 200,
	      STR_INIT("{\"access_token\":\"t\",\"expires_in\":\"3599\"}") } },
	  { "POST /t/oauth2/v2.0/token" FORM
	    "\n\ngrant_type=client_credentials&client_id=id"
	    "&scope=scope%2F.default&client_secret=s",
	    "token t|| 3599" } },
	{ "a service principal of Databricks",
	  { &grant_oauth_databricks,
	    { STR_INIT("/oidc"), STR_INIT("a"), STR_INIT("b"),
	      STR_INIT("all-apis") } },
	  { { 500, STR_INIT("down") } },
	  { "POST /oidc" FORM "\nauthorization: Basic YTpi"
	    "\n\ngrant_type=client_credentials&scope=all-apis",
	    "error 502 Databricks OAuth: it answered 500: down" } },
	{ "a user of Google",
	  { &grant_google_file, { STR_INIT("/f"), STR_INIT("/token") } },
	  { { 200, STR_INIT("{\"type\":\"authorized_user\",\"client_id\":\"c\","
			    "\"client_secret\":\"s\",\"refresh_token\":\"r\","
			    "\"quota_project_id\":\"q\"}") },
	    { 200, STR_INIT("{\"access_token\":\"t\",\"expires_in\":99}") } },
	  { "file /f",
	    "POST /token" FORM "\n\ngrant_type=refresh_token&client_id=c"
	    "&client_secret=s&refresh_token=r",
	    "token t|q| 99" } },
	{ "a profile of OCI",
	  { &grant_oci,
	    { STR_INIT("/h/.oci/config"), STR_INIT("P"), STR_INIT("/h") } },
	  { { 200, STR_INIT("[P]\nuser=u\nfingerprint=f\ntenancy=t\n"
			    "key_file=~/k.pem\npass_phrase=w\n[Q]\nuser=z") },
	    { 200, STR_INIT("PEM") } },
	  { "file /h/.oci/config", "file /h/k.pem", "token t/u/f|PEM|w 60" } },
};

static void machines_ask_for_what_they_need(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(runs); i++) {
		struct grant_token token = { 0 };
		struct api_error e = { 0 };
		struct grant_step step = { 0 };
		struct grant_run run = { .grant = &runs[i].grant,
					 .wall_ns = NOW };
		struct arena a;
		int r;

		arena_init(&a, 1 << 20);
		run.arena = &a;
		r = runs[i].grant.type->next(&run, NULL, &step, &token, &e);
		while (r == GRANT_ASK) {
			check_str(runs[i].name, render(&step, &a),
				  str_of(runs[i].want[run.at]));
			run.at++;
			r = runs[i].grant.type->next(
				&run, &runs[i].answers[run.at - 1], &step,
				&token, &e);
		}
		check_str(runs[i].name, render_end(r, &token, &e, &a),
			  str_of(runs[i].want[run.at]));
		arena_fini(&a);
	}
}

static void lives_are_bounded(void **state)
{
	static const struct {
		const char *json;
		int64_t want;
	} cases[] = {
		{ "{\"access_token\":\"t\",\"expires_in\":1}", 1 },
		{ "{\"access_token\":\"t\",\"expires_in\":\"60\"}", 60 },
		{ "{\"access_token\":\"t\"}", 300 },
		{ "{\"access_token\":\"t\",\"expires_in\":-5}", 300 },
		{ "{\"access_token\":\"t\",\"expires_in\":0}", 300 },
		{ "{\"access_token\":\"t\",\"expires_in\":99999999}", 86400 },
		{ "{\"access_token\":\"t\",\"expires_in\":1e99}", 300 },
		{ "{\"access_token\":\"t\",\"expires_in\":null}", 300 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct grant grant = { .type = &grant_ibm };
		struct grant_answer answer = { 200, str_of(cases[i].json) };
		struct grant_token token = { 0 };
		struct api_error e = { 0 };
		struct arena a;
		struct grant_run run = { .grant = &grant,
					 .arena = &a,
					 .wall_ns = NOW };

		arena_init(&a, 1 << 20);
		check_int(cases[i].json,
			  grant_read_oauth(&run, &answer, &token, &e), 0);
		check_int(cases[i].json, (token.expires_ns - NOW) / CLOCK_S,
			  cases[i].want);
		arena_fini(&a);
	}
}

/* RFC 4648 section 10, without padding, and the two digits of its own. */
static void base64url_is_right(void **state)
{
	static const struct {
		const char *bytes, *want;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfb", "__77" },
		{ "\xfb\xef\xbe", "----" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(cases); i++) {
		check_str(cases[i].want,
			  grant_base64url(str_of(cases[i].bytes), &a),
			  str_of(cases[i].want));
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines_ask_for_what_they_need),
		cmocka_unit_test(lives_are_bounded),
		cmocka_unit_test(base64url_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
