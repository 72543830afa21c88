#include "provider/grants.h"
#include "provider/rsa.h"

enum {
	TARGET,
	CLIENT,
	SECRET,
	SCOPE,
	ASSERTION_FILE,
};

/* learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
static int next_entra(struct grant_run *run, const struct grant_answer *answer,
		      struct grant_step *step, struct grant_token *token,
		      struct api_error *e)
{
	const struct str *args = run->grant->args;
	bool has_file = args[ASSERTION_FILE].len > 0;
	struct str form[10] = {
		STR("grant_type"), STR("client_credentials"),
		STR("client_id"),  args[CLIENT],
		STR("scope"),      args[SCOPE],
	};

	if (answer == NULL && has_file) {
		grant_file(args[ASSERTION_FILE], step);
		return GRANT_ASK;
	}
	if (run->at == (has_file ? 2 : 1))
		return grant_read_oauth(run, answer, token, e);
	if (answer != NULL && answer->status != 200) {
		return grant_fail(run, e, 500, STR_FMT " cannot be read",
				  STR_ARG(args[ASSERTION_FILE]));
	}
	form[6] = STR("client_secret");
	form[7] = args[SECRET];
	if (answer != NULL) {
		form[6] = STR("client_assertion");
		form[7] = run->notes[0] = str_trim(answer->body);
		form[8] = STR("client_assertion_type");
		form[9] = STR("urn:ietf:params:oauth:client-assertion-type:"
			      "jwt-bearer");
	}
	grant_form(run, args[TARGET], form, answer != NULL ? 10 : 8, step);
	return GRANT_ASK;
}

const struct grant_type grant_oauth_entra = { .name = "Microsoft Entra ID",
					      .secrets = 1 << SECRET,
					      .next = next_entra };

/* docs.databricks.com/dev-tools/auth/oauth-m2m */
static int next_databricks(struct grant_run *run,
			   const struct grant_answer *answer,
			   struct grant_step *step, struct grant_token *token,
			   struct api_error *e)
{
	const struct str *args = run->grant->args;
	struct str pair;

	if (answer != NULL)
		return grant_read_oauth(run, answer, token, e);
	grant_form(run, args[TARGET],
		   (struct str[]){ STR("grant_type"), STR("client_credentials"),
				   STR("scope"), args[SCOPE] },
		   4, step);
	pair = arena_printf(run->arena, STR_FMT ":" STR_FMT,
			    STR_ARG(args[CLIENT]), STR_ARG(args[SECRET]));
	grant_header(step, STR("authorization"),
		     arena_printf(run->arena, "Basic " STR_FMT,
				  STR_ARG(rsa_base64(pair, run->arena))));
	return GRANT_ASK;
}

const struct grant_type grant_oauth_databricks = { .name = "Databricks OAuth",
						   .secrets = 1 << SECRET,
						   .next = next_databricks };
