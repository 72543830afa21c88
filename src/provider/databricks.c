#include "provider/openai.h"
#include "provider/types.h"

static const struct setting settings[] = {
	TYPES_BASE_URL(NULL, "DATABRICKS_HOST"),
	TYPES_KEY("api_token", "DATABRICKS_TOKEN"),
	TYPES_KEY("api_key", NULL),
	{ 0 },
};

/* DATABRICKS_HOST names the workspace, as for Databricks' own tools. */
static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	(void)a;
	(void)e;
	if (p->base.path.len == 0)
		p->base.path = STR("/serving-endpoints");
	return 0;
}

/* A model is a serving endpoint, which only the workspace's API lists. */
static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	int r = openai_encode(p, req, a, out, e);

	if (r == 0 && req->op == LLM_MODELS)
		out->target = STR("/api/2.0/serving-endpoints");
	return r;
}

static int decode_models(const struct provider *p, struct str body,
			 struct arena *a, struct provider_models *out)
{
	static const struct openai_list list = { STR_INIT("endpoints"),
						 STR_INIT("name") };

	(void)p;
	return openai_decode_list(body, &list, a, out);
}

static const struct provider_known_model known[] = {
	{ "databricks-gte-large-en", "embedding" },
	{ "databricks-bge-large-en", "embedding" },
	{ 0 },
};

const struct provider_type databricks_type = {
	.name = "remote::databricks",
	.id = "databricks",
	.caps = PROVIDER_CHAT | PROVIDER_EMBEDDINGS | PROVIDER_LISTS_MODELS,
	.base_url_env = "DATABRICKS_HOST",
	.key_env = "DATABRICKS_TOKEN",
	.key_field = "databricks_api_token",
	.settings = settings,
	.setup = setup,
	.encode = encode,
	.decode_models = decode_models,
	.known_models = known,
};
