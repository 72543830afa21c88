/*
 * nvidia - NVIDIA's hosted models, and its inference servers (NIM).
 *
 * OpenAI's dialect but for rerank: there each hosted model has a URL of its own,
 * on another host.
 */
#include "provider/openai.h"
#include "provider/rerank.h"
#include "provider/types.h"

#define RETRIEVAL "https://ai.api.nvidia.com/v1/retrieval/nvidia/"

/* Where a model ranks; url is provider.places[i] of row i. */
struct ranker {
	struct str model;
	struct str url;
};

struct state {
	struct ranker *rankers; /* provider.place_count of them */
};

/* Those that are known; the configuration's come before them. */
static const struct ranker known_rankers[] = {
	{ STR_INIT("nv-rerank-qa-mistral-4b:1"),
	  STR_INIT(RETRIEVAL "reranking") },
	{ STR_INIT("nvidia/nv-rerankqa-mistral-4b-v3"),
	  STR_INIT(RETRIEVAL "nv-rerankqa-mistral-4b-v3/reranking") },
	{ STR_INIT("nvidia/llama-3.2-nv-rerankqa-1b-v2"),
	  STR_INIT(RETRIEVAL "llama-3_2-nv-rerankqa-1b-v2/reranking") },
};

static const struct setting settings[] = {
	TYPES_BASE_URL("https://integrate.api.nvidia.com/v1",
		       "NVIDIA_BASE_URL"),
	TYPES_KEY("api_key", "NVIDIA_API_KEY"),
	{ .key = "rerank_model_to_url",
	  .kind = SETTING_MAP,
	  .any_names = true,
	  .help = "where each rerank model is asked" },
	TYPES_UNUSED("timeout"),
	TYPES_UNUSED("append_api_version"),
	{ 0 },
};

static bool is_hosted(const struct provider *p)
{
	return str_ends(p->base.host, STR("api.nvidia.com"));
}

static int add_ranker(struct provider *p, struct url *places,
		      const struct ranker *ranker, struct arena *a,
		      struct api_error *e)
{
	struct state *state = p->state;
	struct url url;

	if (url_parse(ranker->url, a, &url) != 0 || url.userinfo.len > 0) {
		return provider_fail(p, a, e,
				     "rerank_model_to_url: '" STR_FMT
				     "' is not a URL without a password",
				     STR_ARG(ranker->url));
	}
	state->rankers[p->place_count] = *ranker;
	places[p->place_count++] = url;
	return 0;
}

static const struct config_value *find_map(const struct provider *p)
{
	for (size_t i = 0; i < p->config->value_count; i++) {
		const struct config_value *v = &p->config->values[i];

		if (v->setting != NULL && v->setting->kind == SETTING_MAP)
			return v;
	}
	return NULL;
}

static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	const struct config_value *map = find_map(p);
	size_t count = map != NULL ? map->item_count / 2 : 0;
	struct state *state = arena_zalloc(a, sizeof(*state));
	struct url *places;
	int r = openai_setup_v1(p, a, e);

	places = arena_zalloc(a, (count + countof(known_rankers)) *
					 sizeof(*places));
	state->rankers = arena_zalloc(a, (count + countof(known_rankers)) *
						 sizeof(*state->rankers));
	p->state = state;
	p->places = places;
	for (size_t i = 0; i < count && r == 0; i++) {
		r = add_ranker(p, places,
			       &(struct ranker){ map->items[2 * i],
						 map->items[2 * i + 1] },
			       a, e);
	}
	/* Other servers than the vendor's are not to be passed over. */
	for (size_t i = 0; i < countof(known_rankers) && is_hosted(p) && r == 0;
	     i++)
		r = add_ranker(p, places, &known_rankers[i], a, e);
	return r;
}

/* The row of a model, or p->place_count. */
static size_t find_ranker(const struct provider *p, struct str model)
{
	const struct state *state = p->state;
	size_t i = 0;

	while (i < p->place_count && !str_eq(state->rankers[i].model, model))
		i++;
	return i;
}

/* A server of one's own ranks at /v1/ranking. */
static int find_place(const struct provider *p,
		      const struct provider_request *req, struct arena *a,
		      struct provider_call *out, struct api_error *e)
{
	size_t i = find_ranker(p, req->model);
	const struct url *place = &p->base;
	struct str path = STR("/ranking");

	if (i < p->place_count) {
		place = &p->places[i];
		path = STR_NULL;
		out->place = i + 1;
	} else if (is_hosted(p)) {
		return api_fail(e, a, 400, NULL, "model",
				"It is not known where model '" STR_FMT
				"' ranks: the setting rerank_model_to_url of "
				"provider '" STR_FMT "' says so.",
				STR_ARG(req->model), STR_ARG(p->id));
	}
	out->target =
		arena_join(a,
			   (struct str[]){ place->path, path,
					   place->query.len > 0 ? STR("?")
								: STR_NULL,
					   place->query },
			   4);
	return 0;
}

static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	int r;

	if (req->op != LLM_RERANK)
		return openai_encode(p, req, a, out, e);
	openai_start(p, req, a, out);
	r = find_place(p, req, a, out, e);
	if (r == 0)
		r = openai_bearer(p, req, a, out, e);
	if (r == 0)
		r = rerank_nvidia_body(req, a, out, e);
	return r;
}

static const struct provider_known_model known_models[] = {
	{ "baai/bge-m3", "embedding" },
	{ 0 },
};

const struct provider_type nvidia_type = {
	.name = "remote::nvidia",
	.id = "nvidia",
	.caps = PROVIDER_CHAT | PROVIDER_LISTS_MODELS | PROVIDER_COMPLETIONS |
		PROVIDER_EMBEDDINGS | PROVIDER_RERANK,
	.base_url = "https://integrate.api.nvidia.com/v1",
	.base_url_env = "NVIDIA_BASE_URL",
	.key_env = "NVIDIA_API_KEY",
	.key_field = "nvidia_api_key",
	.settings = settings,
	.known_models = known_models,
	.setup = setup,
	.encode = encode,
};
