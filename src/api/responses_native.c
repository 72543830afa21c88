/*
 * responses_native - POST /v1/responses of a provider that has them itself
 * ("responses: native").
 *
 * What the client sent arrives as it is, but for the model's name, and so does the
 * answer, events included.  The state is the provider's: quipu keeps nothing, and
 * previous_response_id and conversation mean the provider's.
 */
#include "api/handlers.h"
#include "api/inference.h"

static int check(const struct json *doc, struct arena *a,
		 struct llm_request *out, struct api_error *e)
{
	uint32_t root = json_root(doc);
	uint32_t model = json_get(doc, root, STR("model"));

	if (json_type(doc, model) != JSON_STRING) {
		return api_fail(e, a, 400, "invalid_request_error", "model",
				"'model' must be the name of a model.");
	}
	*out = (struct llm_request){
		.model = json_string(doc, model, a),
		.stream = json_is_true(doc, json_get(doc, root, STR("stream"))),
	};
	return 0;
}

static bool is_native(const struct upstream *u)
{
	return u != NULL && provider_offers(&u->provider, LLM_RESPONSES);
}

/* Most servers have no such provider: their requests are not read for this. */
static bool has_native(const struct registry *r)
{
	for (size_t i = 0; i < r->upstream_count; i++) {
		if (is_native(&r->upstreams[i]))
			return true;
	}
	return false;
}

static bool is_asked(struct api_call *c)
{
	struct arena *a = &c->req->arena;
	struct model_target target;
	struct json_error bad;
	struct api_error e;
	struct json doc;
	struct str name;
	bool yes = false;

	if (json_parse(c->req->body, NULL, &doc, &bad) != 0)
		return false;
	if (check(&doc, a, &(struct llm_request){ .stream = false }, &e) == 0) {
		name = json_string(
			&doc, json_get(&doc, json_root(&doc), STR("model")), a);
		yes = catalog_resolve(c->catalog, name, a, &target, &e) == 0 &&
		      is_native(target.upstream);
	}
	json_fini(&doc);
	return yes;
}

bool responses_native(struct api_call *c)
{
	static const struct inference_kind kind = {
		.op = LLM_RESPONSES,
		.model_type = STR_INIT("llm"),
		.members = "model and input",
		.check = check,
		.no_done = true,
	};

	if (!has_native(c->catalog->registry) || !is_asked(c))
		return false;
	inference_run(c, &kind);
	return true;
}
