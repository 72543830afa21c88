#include "responses/item.h"
#include "responses/request.h"

enum {
	KEY_MAX = 64, /* bytes of a prompt_cache_key */
};

enum {
	MODEL,
	INPUT,
	INSTRUCTIONS,
	PREVIOUS,
	CACHE_KEY,
	FIELDS,
};

static const struct field fields[FIELDS + 1] = {
	[MODEL] = { STR_INIT("model"), FIELD_STR, .required = true },
	[INPUT] = { STR_INIT("input"), FIELD_STR_OR_ARRAY },
	[INSTRUCTIONS] = { STR_INIT("instructions"), FIELD_STR },
	[PREVIOUS] = { STR_INIT("previous_response_id"), FIELD_STR },
	[CACHE_KEY] = { STR_INIT("prompt_cache_key"), FIELD_STR },
};

static int refuse(const struct field_checker *c, const char *param,
		  const char *code, const char *message)
{
	(void)api_fail(c->error, c->arena, 400, NULL, param, "%s", message);
	c->error->code = str_of(code);
	return API_FAIL;
}

static struct str text_of(const struct field_checker *c, uint32_t v)
{
	return v == JSON_NONE ? STR_NULL : json_string(c->doc, v, c->arena);
}

static int check(const struct field_checker *c, const uint32_t *at)
{
	bool is_empty = at[INPUT] == JSON_NONE ||
			(json_type(c->doc, at[INPUT]) == JSON_ARRAY &&
			 json_count(c->doc, at[INPUT]) == 0);
	int r = field_check(c, fields, at, NULL);

	if (r == 0)
		r = field_check_model(c, at[MODEL]);
	if (r == 0 && text_of(c, at[CACHE_KEY]).len > KEY_MAX) {
		r = refuse(c, "prompt_cache_key", "string_above_max_length",
			   "'prompt_cache_key' has more than 64 bytes.");
	}
	if (r == 0 && is_empty && at[PREVIOUS] == JSON_NONE) {
		r = refuse(c, "input", "missing_required_parameter",
			   "There is nothing to compact: give 'input', "
			   "'previous_response_id' or both.");
	}
	if (r == 0 && at[INPUT] != JSON_NONE)
		r = item_check_input(c, FIELD_PATH(NULL, "input"), at[INPUT]);
	return r;
}

static struct response_request blank(const struct json *doc)
{
	struct response_request req = {
		.doc = doc,
		.store = true,
		.parallel_tool_calls = true,
		.allowed = JSON_NONE,
		.max_infer_iters = 1,
		.max_tool_calls = -1,
		.max_output_tokens = -1,
		.top_logprobs = -1,
		.compact_threshold = -1,
	};

	for (size_t i = 0; i < RESPONSE_MEMBERS; i++)
		req.at[i] = JSON_NONE;
	return req;
}

int responses_read_compact(const struct json *doc, struct arena *a,
			   struct response_request *out, struct api_error *e)
{
	const struct field_checker c = { doc, a, e };
	struct response_request req = blank(doc);
	uint32_t at[FIELDS];
	int r = field_check_object(&c, json_root(doc));

	if (r == 0) {
		field_find(doc, json_root(doc), fields, at);
		r = check(&c, at);
	}
	e->with_detail = r != 0;
	if (r != 0)
		return r;
	req.at[RESPONSE_MODEL] = at[MODEL];
	req.at[RESPONSE_INPUT] = at[INPUT];
	req.at[RESPONSE_INSTRUCTIONS] = at[INSTRUCTIONS];
	req.at[RESPONSE_PREVIOUS_RESPONSE_ID] = at[PREVIOUS];
	req.at[RESPONSE_PROMPT_CACHE_KEY] = at[CACHE_KEY];
	req.model = text_of(&c, at[MODEL]);
	req.instructions = text_of(&c, at[INSTRUCTIONS]);
	req.previous_response_id = text_of(&c, at[PREVIOUS]);
	*out = req;
	return 0;
}

struct response_request responses_bare(const struct response_request *req)
{
	static const enum response_member kept[] = {
		RESPONSE_MODEL,
		RESPONSE_STORE,
		RESPONSE_PROMPT_CACHE_KEY,
	};
	struct response_request bare = blank(req->doc);

	for (size_t i = 0; i < countof(kept); i++)
		bare.at[kept[i]] = req->at[kept[i]];
	bare.model = req->model;
	bare.store = req->store;
	return bare;
}
