/*
 * Any bytes as the answers to a grant, cut at NULs: the machines end, and what
 * they give can be sent.
 */
#include "provider/grants.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool good)
{
	if (!good)
		abort();
}

static const struct grant_type *const types[] = {
	&grant_ibm,
	&grant_aws_file,
	&grant_aws_web,
	&grant_aws_container,
	&grant_aws_instance,
	&grant_oci,
	&grant_oauth_entra,
	&grant_oauth_databricks,
	&grant_google_file,
	&grant_google_metadata,
	NULL,
};

static void check_end(int r, const struct grant_type *type,
		      const struct grant_token *token,
		      const struct api_error *e)
{
	struct str value = token->values[0];

	check(r == 0 || r == API_FAIL);
	if (r != 0) {
		check(e->status >= 400 && e->message.len > 0);
		return;
	}
	check(type != NULL && value.len > 0 && token->expires_ns != 0);
	for (size_t i = 0; i < value.len; i++)
		check(value.ptr[i] > ' ' && value.ptr[i] <= '~');
}

static void check_step(const struct grant_step *step)
{
	check(step->path.len > 0 || step->target.len > 0);
	for (size_t i = 0; i < step->header_count; i++) {
		struct str v = step->headers[i].value;

		for (size_t j = 0; j < v.len; j++)
			check(v.ptr[j] >= ' ' && v.ptr[j] <= '~');
	}
}

static void run_type(const struct grant_type *type, struct str answers,
		     int status)
{
	struct grant grant = { .type = type,
			       .args = { STR("/f"), STR("p"), STR("/g"),
					 STR("x"), STR("/h") } };
	struct grant_token token = { 0 };
	struct grant_step step = { 0 };
	struct api_error e = { 0 };
	struct arena a;
	struct grant_run run = { .grant = &grant,
				 .arena = &a,
				 .wall_ns = INT64_C(1777636800000000000) };
	int r;

	arena_init(&a, 64 << 20);
	r = type->next(&run, NULL, &step, &token, &e);
	while (r == GRANT_ASK && run.at < GRANT_STEPS_MAX) {
		struct grant_answer answer = { .status = status };

		check_step(&step);
		(void)str_cut(answers, '\0', &answer.body, &answers);
		run.at++;
		r = type->next(&run, &answer, &step, &token, &e);
	}
	check_end(r, type, &token, &e);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str answers = { (const char *)data, len };

	if (len > GRANT_ANSWER_MAX)
		return 0;
	for (size_t i = 0; types[i] != NULL; i++) {
		run_type(types[i], answers, 200);
		run_type(types[i], answers, 403);
	}
	return 0;
}
