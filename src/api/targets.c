#include "api/targets.h"

enum {
	/* More than a target's own priority can be. */
	PRIORITY_STEP = 1 << 16
};

/*
 * A model that is not in the catalog is taken for one of the right type, and so
 * is a listed one of which nothing is known: "llm" then is a guess.
 */
static int check_type(struct api_call *c, const struct inference_kind *kind,
		      const struct model *model, struct api_error *e)
{
	if (model == NULL || kind->model_type.len == 0 ||
	    str_eq(model->type, kind->model_type) ||
	    (model->config == NULL && str_eq(model->type, STR("llm"))))
		return 0;
	(void)api_fail(e, &c->req->arena, 400, "invalid_request_error", "model",
		       "Model '" STR_FMT "' is of type '" STR_FMT
		       "', but %s are for models of type '" STR_FMT "'.",
		       STR_ARG(model->id), STR_ARG(model->type),
		       llm_op_text(kind->op), STR_ARG(kind->model_type));
	e->code = STR("wrong_model_type");
	return API_FAIL;
}

/* Leave out who does not have the endpoint, if not all have it. */
static int keep_able(struct api_call *c, enum llm_op op,
		     struct model_target *out, struct api_error *e)
{
	struct target *able;
	size_t n = 0;

	for (size_t i = 0; i < out->target_count; i++)
		n += provider_offers(&out->targets[i].upstream->provider, op);
	if (n == out->target_count && n > 0)
		return 0;
	if (n == 0) {
		return provider_check_op(&out->upstream->provider, op,
					 &c->req->arena, e);
	}
	able = arena_alloc(&c->req->arena, n * sizeof(*able));
	n = 0;
	for (size_t i = 0; i < out->target_count; i++) {
		if (provider_offers(&out->targets[i].upstream->provider, op))
			able[n++] = out->targets[i];
	}
	out->targets = able;
	out->target_count = n;
	return 0;
}

static int find_one(struct api_call *c, const struct inference_kind *kind,
		    struct str name, struct model_target *out,
		    struct api_error *e)
{
	int r = catalog_resolve(c->catalog, name, &c->req->arena, out, e);

	if (r == 0)
		r = check_type(c, kind, out->model, e);
	if (r == 0)
		r = keep_able(c, kind->op, out, e);
	return r;
}

/* All targets of a request's models, while they are being found. */
struct all {
	struct api_call *call;
	struct target *targets; /* CHOICE_TARGETS_MAX */
	size_t count;
	unsigned names;
	struct model_target first;
};

static int bad_models(struct api_call *c, struct api_error *e)
{
	(void)api_fail(e, &c->req->arena, 400, NULL, "models",
		       "'models' must be a list of 1 to %d names of models.",
		       TARGETS_NAMES_MAX);
	e->code = STR("invalid_value");
	return API_FAIL;
}

static int add_targets(struct all *all, const struct model_target *found,
		       struct str name, struct api_error *e)
{
	struct arena *a = &all->call->req->arena;
	const struct target one = { .upstream = found->upstream,
				    .upstream_id = found->upstream_id,
				    .key = found->key,
				    .weight = 1 };
	const struct target *from =
		found->target_count > 0 ? found->targets : &one;
	size_t n = found->target_count > 0 ? found->target_count : 1;
	struct str model = json_quoted(a, name);

	if (n > CHOICE_TARGETS_MAX - all->count) {
		return api_fail(e, a, 400, NULL, "models",
				"'models' have more than %d targets.",
				CHOICE_TARGETS_MAX);
	}
	for (size_t i = 0; i < n; i++) {
		struct target *t = &all->targets[all->count++];

		*t = from[i];
		t->model = model;
		t->priority += all->names * PRIORITY_STEP;
	}
	return 0;
}

static int add_name(struct all *all, const struct inference_kind *kind,
		    struct str name, struct api_error *e)
{
	struct model_target found;
	int r = find_one(all->call, kind, name, &found, e);

	if (r == 0)
		r = add_targets(all, &found, name, e);
	if (r == 0 && all->names++ == 0)
		all->first = found;
	return r;
}

/* Names that stand twice are asked once, where they stand first. */
static int add_listed(struct all *all, const struct inference_kind *kind,
		      const struct targets_ask *ask, struct api_error *e)
{
	struct arena *a = &all->call->req->arena;
	const struct json *doc = ask->doc;
	uint32_t list = json_get(doc, json_root(doc), STR("models"));
	struct str seen[TARGETS_NAMES_MAX + 1] = { ask->model };
	size_t n = ask->model.len > 0 ? 1 : 0;
	int r = 0, i = 0;

	if (json_type(doc, list) != JSON_ARRAY || json_count(doc, list) == 0 ||
	    json_count(doc, list) > TARGETS_NAMES_MAX)
		return bad_models(all->call, e);
	for (uint32_t v = json_first(doc, list); v != JSON_NONE && r == 0;
	     v = json_next(doc, v), i++) {
		bool again = false;

		if (json_type(doc, v) != JSON_STRING)
			return bad_models(all->call, e);
		seen[n] = json_string(doc, v, a);
		for (size_t j = 0; j < n && !again; j++)
			again = str_eq(seen[j], seen[n]);
		if (again)
			continue;
		r = add_name(all, kind, seen[n++], e);
		if (r != 0)
			e->param = arena_printf(a, "models[%d]", i);
	}
	return r;
}

static int find_all(struct api_call *c, const struct inference_kind *kind,
		    const struct targets_ask *ask, struct model_target *out,
		    struct api_error *e)
{
	struct all all = { .call = c };
	int r;

	all.targets = arena_alloc(&c->req->arena,
				  CHOICE_TARGETS_MAX * sizeof(*all.targets));
	r = ask->model.len > 0 ? add_name(&all, kind, ask->model, e) : 0;
	if (r == 0)
		r = add_listed(&all, kind, ask, e);
	if (r != 0)
		return r;
	*out = all.first;
	out->targets = all.targets;
	out->target_count = all.count;
	return 0;
}

bool targets_are_listed(const struct json *doc)
{
	uint32_t v = json_get(doc, json_root(doc), STR("models"));

	return v != JSON_NONE && json_type(doc, v) != JSON_NULL;
}

int targets_find(struct api_call *c, const struct inference_kind *kind,
		 const struct targets_ask *ask, struct model_target *out,
		 struct api_error *e)
{
	if (targets_are_listed(ask->doc))
		return find_all(c, kind, ask, out, e);
	return find_one(c, kind, ask->model, out, e);
}
