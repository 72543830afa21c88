#include "base/clock.h"
#include "base/err.h"
#include "provider/grants.h"
#include "provider/rsa.h"

enum {
	ASSERTION_LIFE_S = 3600
};

#define SCOPE "https://www.googleapis.com/auth/cloud-platform"

static struct str part(struct str json, struct arena *a)
{
	return grant_base64url(json, a);
}

/*
 * What a service account says of itself, signed with its key:
 * developers.google.com/identity/protocols/oauth2/service-account
 */
static int make_assertion(struct grant_run *run, const struct json *doc,
			  struct str *out, struct api_error *e)
{
	struct arena *a = run->arena;
	struct str mail = grant_member(doc, STR("client_email"), a);
	struct str key = grant_member(doc, STR("private_key"), a);
	struct str id = grant_member(doc, STR("private_key_id"), a);
	long long now = run->wall_ns / CLOCK_S;
	struct str head, claims, text, signature;

	if (mail.len == 0 || key.len == 0) {
		return grant_fail(run, e, 500,
				  STR_FMT " has no client_email and "
					  "private_key",
				  STR_ARG(run->grant->args[0]));
	}
	head = arena_printf(
		a, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":" STR_FMT "}",
		STR_ARG(json_quoted(a, id)));
	claims = arena_printf(a,
			      "{\"iss\":" STR_FMT ",\"scope\":\"" SCOPE
			      "\",\"aud\":" STR_FMT
			      ",\"iat\":%lld,\"exp\":%lld}",
			      STR_ARG(json_quoted(a, mail)),
			      STR_ARG(json_quoted(a, run->grant->args[2])), now,
			      now + ASSERTION_LIFE_S);
	text = arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(part(head, a)),
			    STR_ARG(part(claims, a)));
	if (rsa_sign(key, STR_NULL, text, a, &signature) != 0) {
		return grant_fail(run, e, 500, STR_FMT ": " STR_FMT,
				  STR_ARG(run->grant->args[0]),
				  STR_ARG(err_text()));
	}
	*out = arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(text),
			    STR_ARG(part(signature, a)));
	return 0;
}

static int ask_for_account(struct grant_run *run, const struct json *doc,
			   struct grant_step *step, struct api_error *e)
{
	struct str assertion;
	int r = make_assertion(run, doc, &assertion, e);

	if (r != 0)
		return r;
	grant_form(run, run->grant->args[1],
		   (struct str[]){ STR("grant_type"),
				   STR("urn:ietf:params:oauth:grant-type:"
				       "jwt-bearer"),
				   STR("assertion"), assertion },
		   4, step);
	return GRANT_ASK;
}

/* What "gcloud auth application-default login" leaves behind. */
static int ask_for_user(struct grant_run *run, const struct json *doc,
			struct grant_step *step)
{
	struct arena *a = run->arena;

	run->notes[1] = grant_member(doc, STR("client_secret"), a);
	run->notes[2] = grant_member(doc, STR("refresh_token"), a);
	grant_form(run, run->grant->args[1],
		   (struct str[]){ STR("grant_type"), STR("refresh_token"),
				   STR("client_id"),
				   grant_member(doc, STR("client_id"), a),
				   STR("client_secret"), run->notes[1],
				   STR("refresh_token"), run->notes[2] },
		   8, step);
	return GRANT_ASK;
}

/* notes: the project that pays, a user's secrets. */
static int read_file(struct grant_run *run, struct str text,
		     struct grant_step *step, struct api_error *e)
{
	static const struct json_limits limits = { .depth = 16, .nodes = 4000 };
	struct str file = run->grant->args[0], type;
	struct json_error bad;
	struct json doc;
	int r;

	if (json_parse(text, &limits, &doc, &bad) != 0)
		return grant_fail(run, e, 500, STR_FMT " is not JSON",
				  STR_ARG(file));
	type = grant_member(&doc, STR("type"), run->arena);
	run->notes[0] = grant_member(&doc, STR("quota_project_id"), run->arena);
	if (str_eq(type, STR("service_account"))) {
		r = ask_for_account(run, &doc, step, e);
	} else if (str_eq(type, STR("authorized_user"))) {
		r = ask_for_user(run, &doc, step);
	} else {
		r = grant_fail(run, e, 500,
			       STR_FMT " is of type '" STR_FMT
				       "': service_account and "
				       "authorized_user are supported",
			       STR_ARG(file), STR_ARG(type));
	}
	json_fini(&doc);
	return r;
}

static int next_file(struct grant_run *run, const struct grant_answer *answer,
		     struct grant_step *step, struct grant_token *token,
		     struct api_error *e)
{
	int r;

	if (answer == NULL) {
		grant_file(run->grant->args[0], step);
		return GRANT_ASK;
	}
	if (run->at == 1 && answer->status != 200) {
		return grant_fail(run, e, 500, STR_FMT " cannot be read",
				  STR_ARG(run->grant->args[0]));
	}
	if (run->at == 1)
		return read_file(run, answer->body, step, e);
	r = grant_read_oauth(run, answer, token, e);
	if (r == 0)
		token->values[1] = run->notes[0];
	return r;
}

const struct grant_type grant_google_file = { .name = "Google's token service",
					      .next = next_file };

/* cloud.google.com/compute/docs/access/authenticate-workloads */
static int next_metadata(struct grant_run *run,
			 const struct grant_answer *answer,
			 struct grant_step *step, struct grant_token *token,
			 struct api_error *e)
{
	if (answer != NULL)
		return grant_read_oauth(run, answer, token, e);
	grant_get(STR("/computeMetadata/v1/instance/service-accounts/default/"
		      "token"),
		  step);
	grant_header(step, STR("metadata-flavor"), STR("Google"));
	return GRANT_ASK;
}

const struct grant_type grant_google_metadata = {
	.name = "Google's metadata server", .next = next_metadata
};
