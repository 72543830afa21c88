#include "provider/grants.h"

/* cloud.ibm.com/apidocs/iam-identity-token-api, "gettoken-apikey". */
static int next(struct grant_run *run, const struct grant_answer *answer,
		struct grant_step *step, struct grant_token *token,
		struct api_error *e)
{
	const struct str *args = run->grant->args;

	if (answer != NULL)
		return grant_read_oauth(run, answer, token, e);
	grant_form(run, args[1],
		   (struct str[]){ STR("grant_type"),
				   STR("urn:ibm:params:oauth:grant-type:"
				       "apikey"),
				   STR("apikey"), args[0] },
		   4, step);
	return GRANT_ASK;
}

const struct grant_type grant_ibm = { .name = "IBM Cloud IAM",
				      .secrets = 1 << 0,
				      .next = next };
