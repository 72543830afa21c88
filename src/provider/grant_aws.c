#include "base/clock.h"
#include "base/err.h"
#include "provider/aws_credentials.h"
#include "provider/grants.h"

#include <assert.h>

enum {
	ROLE_MAX = 256
};

/* Somebody else renews a file: look again after this time. */
#define FILE_LIFE_NS (60 * CLOCK_S)

/* Keys go into headers, and into what is signed. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
			return false;
	}
	return true;
}

static int finish(const struct grant_run *run, const struct aws_credentials *k,
		  int64_t expires_ns, struct grant_token *token,
		  struct api_error *e)
{
	if (k->access_key.len == 0 || k->secret_key.len == 0 ||
	    !is_plain(k->access_key) || !is_plain(k->secret_key) ||
	    !is_plain(k->token))
		return grant_fail(run, e, 502, "its answer has no key pair");
	token->values[0] = k->access_key;
	token->values[1] = k->secret_key;
	token->values[2] = k->token;
	token->expires_ns = expires_ns;
	return 0;
}

static int next_file(struct grant_run *run, const struct grant_answer *answer,
		     struct grant_step *step, struct grant_token *token,
		     struct api_error *e)
{
	const struct str *args = run->grant->args;
	struct aws_credentials keys = { 0 };
	int r;

	if (answer == NULL) {
		grant_file(args[0], step);
		return GRANT_ASK;
	}
	if (answer->status != 200) {
		return grant_fail(run, e, 500, STR_FMT " cannot be read",
				  STR_ARG(args[0]));
	}
	r = aws_credentials_parse(answer->body, args[1], &keys);
	if (r < 0)
		return grant_fail(run, e, 500, STR_FMT, STR_ARG(err_text()));
	if (r == AWS_CREDENTIALS_NONE) {
		return grant_fail(run, e, 500,
				  "no profile '" STR_FMT "' in " STR_FMT,
				  STR_ARG(args[1]), STR_ARG(args[0]));
	}
	return finish(run, &keys, run->wall_ns + FILE_LIFE_NS, token, e);
}

const struct grant_type grant_aws_file = { .name = "AWS credentials file",
					   .is_file = true,
					   .next = next_file };

/* What is between <name> and </name>: STS's answers have no more to them. */
static struct str element(struct str xml, const char *name, struct arena *a)
{
	struct str open = arena_printf(a, "<%s>", name);
	struct str close = arena_printf(a, "</%s>", name);
	size_t at = str_find(xml, open), end;

	if (at == xml.len)
		return STR_NULL;
	xml = str_drop(xml, at + open.len);
	end = str_find(xml, close);
	return end < xml.len ? str_trim(str_take(xml, end)) : STR_NULL;
}

static int read_sts(struct grant_run *run, const struct grant_answer *answer,
		    struct grant_token *token, struct api_error *e)
{
	struct arena *a = run->arena;
	struct aws_credentials keys = {
		element(answer->body, "AccessKeyId", a),
		element(answer->body, "SecretAccessKey", a),
		element(answer->body, "SessionToken", a),
	};
	struct grant_answer text = *answer;
	int64_t expires_s;

	if (answer->status != 200) {
		text.body = element(answer->body, "Message", a);
		return grant_refused(run, text.body.len > 0 ? &text : answer,
				     e);
	}
	if (!clock_read(element(answer->body, "Expiration", a), &expires_s))
		return grant_fail(run, e, 502, "its answer has no Expiration");
	return finish(run, &keys, expires_s * CLOCK_S, token, e);
}

/* docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity */
static int next_web(struct grant_run *run, const struct grant_answer *answer,
		    struct grant_step *step, struct grant_token *token,
		    struct api_error *e)
{
	const struct str *args = run->grant->args;

	if (answer == NULL) {
		grant_file(args[0], step);
		return GRANT_ASK;
	}
	if (run->at == 2)
		return read_sts(run, answer, token, e);
	if (answer->status != 200) {
		return grant_fail(run, e, 500, STR_FMT " cannot be read",
				  STR_ARG(args[0]));
	}
	run->notes[0] = str_trim(answer->body);
	grant_form(run, STR("/"),
		   (struct str[]){
			   STR("Action"), STR("AssumeRoleWithWebIdentity"),
			   STR("Version"), STR("2011-06-15"), STR("RoleArn"),
			   args[1], STR("RoleSessionName"), args[2],
			   STR("DurationSeconds"), args[3],
			   STR("WebIdentityToken"), run->notes[0] },
		   12, step);
	return GRANT_ASK;
}

const struct grant_type grant_aws_web = {
	.name = "AWS STS (AssumeRoleWithWebIdentity)", .next = next_web
};

/* {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"} */
static int read_json(struct grant_run *run, const struct grant_answer *answer,
		     struct grant_token *token, struct api_error *e)
{
	static const struct json_limits limits = { .depth = 16, .nodes = 4000 };
	struct arena *a = run->arena;
	struct aws_credentials keys;
	struct json_error bad;
	struct str expiration;
	int64_t expires_s;
	struct json doc;

	assert(answer != NULL);
	if (answer->status != 200)
		return grant_refused(run, answer, e);
	if (json_parse(answer->body, &limits, &doc, &bad) != 0)
		return grant_fail(run, e, 502, "its answer is not JSON");
	keys = (struct aws_credentials){
		grant_member(&doc, STR("AccessKeyId"), a),
		grant_member(&doc, STR("SecretAccessKey"), a),
		grant_member(&doc, STR("Token"), a),
	};
	expiration = grant_member(&doc, STR("Expiration"), a);
	json_fini(&doc);
	if (!clock_read(expiration, &expires_s))
		return grant_fail(run, e, 502, "its answer has no Expiration");
	return finish(run, &keys, expires_s * CLOCK_S, token, e);
}

static int next_container(struct grant_run *run,
			  const struct grant_answer *answer,
			  struct grant_step *step, struct grant_token *token,
			  struct api_error *e)
{
	const struct str *args = run->grant->args;
	struct str authorization = args[1];

	if (answer == NULL && args[2].len > 0) {
		grant_file(args[2], step);
		return GRANT_ASK;
	}
	if (run->at == (args[2].len > 0 ? 2 : 1))
		return read_json(run, answer, token, e);
	if (answer != NULL && answer->status != 200) {
		return grant_fail(run, e, 500, STR_FMT " cannot be read",
				  STR_ARG(args[2]));
	}
	if (answer != NULL)
		authorization = str_trim(answer->body);
	run->notes[0] = authorization;
	grant_get(args[0], step);
	if (!is_plain(authorization)) {
		return grant_fail(run, e, 500,
				  "its authorization token has bytes that "
				  "cannot be in a header");
	}
	if (authorization.len > 0)
		grant_header(step, STR("authorization"), authorization);
	return GRANT_ASK;
}

const struct grant_type grant_aws_container = {
	.name = "AWS container credentials",
	.secrets = 1 << 1,
	.next = next_container
};

#define IMDS "/latest/meta-data/iam/security-credentials/"

/* A name of the instance's role, which becomes a part of a path. */
static bool is_role(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			  (c >= 'a' && c <= 'z') ||
			  (c != '\0' && strchr("+=,.@-_", c) != NULL);

		if (!ok)
			return false;
	}
	return name.len > 0 && name.len <= ROLE_MAX;
}

/*
 * IMDSv2: a token for the session, the role's name, its keys.
 * docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works
 */
static int next_instance(struct grant_run *run,
			 const struct grant_answer *answer,
			 struct grant_step *step, struct grant_token *token,
			 struct api_error *e)
{
	struct str *session = &run->notes[0], role;

	if (answer == NULL) {
		*step = (struct grant_step){ .method = STR("PUT"),
					     .target =
						     STR("/latest/api/token") };
		grant_header(step, STR("x-aws-ec2-metadata-token-ttl-seconds"),
			     STR("300"));
		return GRANT_ASK;
	}
	if (run->at == 3)
		return read_json(run, answer, token, e);
	if (answer->status != 200)
		return grant_refused(run, answer, e);
	if (run->at == 1) {
		*session = str_trim(answer->body);
		grant_get(STR(IMDS), step);
	} else {
		(void)str_cut(answer->body, '\n', &role, &(struct str){ 0 });
		role = str_trim(role);
		if (!is_role(role))
			return grant_fail(run, e, 502, "it names no role");
		grant_get(arena_printf(run->arena, IMDS STR_FMT, STR_ARG(role)),
			  step);
	}
	if (session->len == 0 || !is_plain(*session))
		return grant_fail(run, e, 502, "it gave no session token");
	grant_header(step, STR("x-aws-ec2-metadata-token"), *session);
	return GRANT_ASK;
}

const struct grant_type grant_aws_instance = { .name = "EC2 instance metadata",
					       .next = next_instance };
