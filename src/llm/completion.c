#include "llm/completion.h"

#include "llm/field.h"
#include "llm/input.h"

#include <stdint.h>

#define NO_MAX 1e300

enum {
	/* In a body of the largest size there is room for more. */
	PROMPTS_MAX = UINT32_MAX
};

enum member {
	MODEL,
	PROMPT,
	STREAM,
	STREAM_OPTIONS,
	BEST_OF,
	N,
	LOGPROBS,
	ECHO_PROMPT,
	FREQUENCY_PENALTY,
	PRESENCE_PENALTY,
	LOGIT_BIAS,
	MAX_TOKENS,
	SEED,
	STOP,
	SUFFIX,
	TEMPERATURE,
	TOP_P,
	USER,
	MEMBER_COUNT,
};

static const struct field fields[MEMBER_COUNT + 1] = {
	[MODEL] = { STR_INIT("model"), FIELD_STR, .required = true,
		    .instead = "models" },
	[PROMPT] = { STR_INIT("prompt"), FIELD_STR_OR_ARRAY },
	[STREAM] = { STR_INIT("stream"), FIELD_BOOL },
	[STREAM_OPTIONS] = { STR_INIT("stream_options"), FIELD_OBJECT },
	[BEST_OF] = { STR_INIT("best_of"), FIELD_INT, false, true, 0, 20 },
	[N] = { STR_INIT("n"), FIELD_INT, false, true, 1, 128 },
	[LOGPROBS] = { STR_INIT("logprobs"), FIELD_INT_OR_BOOL, false, true, 0,
		       5 },
	[ECHO_PROMPT] = { STR_INIT("echo"), FIELD_BOOL },
	[FREQUENCY_PENALTY] = { STR_INIT("frequency_penalty"), FIELD_NUMBER,
				false, true, -2, 2 },
	[PRESENCE_PENALTY] = { STR_INIT("presence_penalty"), FIELD_NUMBER,
			       false, true, -2, 2 },
	[LOGIT_BIAS] = { STR_INIT("logit_bias"), FIELD_NUMBERS },
	[MAX_TOKENS] = { STR_INIT("max_tokens"), FIELD_INT, false, true, 0,
			 NO_MAX },
	[SEED] = { STR_INIT("seed"), FIELD_INT },
	[STOP] = { STR_INIT("stop"), FIELD_STR_OR_LIST },
	[SUFFIX] = { STR_INIT("suffix"), FIELD_STR },
	[TEMPERATURE] = { STR_INIT("temperature"), FIELD_NUMBER, false, true, 0,
			  2 },
	[TOP_P] = { STR_INIT("top_p"), FIELD_NUMBER, false, true, 0, 1 },
	[USER] = { STR_INIT("user"), FIELD_STR },
};

/* null is OpenAI's: the model begins from nothing.  Absent is a mistake. */
static int check_prompt(const struct field_checker *c, uint32_t v)
{
	const struct field_path *path = FIELD_PATH(NULL, "prompt");

	if (v != JSON_NONE)
		return input_check(c, path, v, PROMPTS_MAX);
	if (json_get(c->doc, json_root(c->doc), STR("prompt")) == JSON_NONE)
		return field_missing(c, path);
	return 0;
}

/* The best n of best_of are returned. */
static int check_best_of(const struct field_checker *c, const uint32_t *at)
{
	double best_of, n;

	if (!json_to_double(c->doc, at[BEST_OF], &best_of) ||
	    !json_to_double(c->doc, at[N], &n) || best_of >= n)
		return 0;
	return field_bad_value(c, FIELD_PATH(NULL, "best_of"), at[BEST_OF],
			       "numbers that are not less than 'n'");
}

static int check_all(const struct field_checker *c, const uint32_t *at)
{
	int r = field_check(c, fields, at, NULL);

	if (r == 0)
		r = field_check_model(c, at[MODEL]);
	if (r == 0)
		r = check_prompt(c, at[PROMPT]);
	if (r == 0)
		r = check_best_of(c, at);
	if (r == 0)
		r = field_check_stream_options(c, at[STREAM_OPTIONS]);
	return r;
}

int completion_check(const struct json *doc, struct arena *a,
		     struct llm_request *out, struct api_error *e)
{
	struct field_checker c = { doc, a, e };
	uint32_t at[MEMBER_COUNT];
	int r = field_check_object(&c, json_root(doc));

	if (r != 0)
		return r;
	field_find(doc, json_root(doc), fields, at);
	r = check_all(&c, at);
	if (r != 0)
		return r;
	*out = (struct llm_request){
		.model = json_string(doc, at[MODEL], a),
		.stream = json_is_true(doc, at[STREAM]),
	};
	return 0;
}
