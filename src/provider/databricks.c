#include "provider/grants.h"
#include "provider/openai.h"
#include "provider/types.h"

static const struct setting settings[] = {
	TYPES_BASE_URL(NULL, "DATABRICKS_HOST"),
	TYPES_KEY("api_token", "DATABRICKS_TOKEN"),
	TYPES_KEY("api_key", NULL),
	{ .key = "client_id",
	  .env = "DATABRICKS_CLIENT_ID",
	  .help = "a service principal, instead of a token" },
	{ .key = "client_secret",
	  .secret = true,
	  .env = "DATABRICKS_CLIENT_SECRET",
	  .help = "its OAuth secret" },
	{ .key = "token_url",
	  .help = "where they are exchanged; unset: the workspace's own" },
	{ 0 },
};

/* DATABRICKS_HOST names the workspace, as for Databricks' own tools. */
static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	struct str url = provider_setting(p, "token_url");
	bool has_id = provider_setting(p, "client_id").len > 0;

	if (p->base.path.len == 0)
		p->base.path = STR("/serving-endpoints");
	if (p->key.len > 0 || !has_id || p->base.host.len == 0)
		return 0;
	if (provider_setting(p, "client_secret").len == 0)
		return provider_fail(p, a, e, "client_id needs client_secret");
	if (url.len > 0)
		return provider_set_token_base(p, "token_url", url, a, e);
	p->token_base = p->base;
	p->token_base.path = STR("/oidc/v1/token");
	return 0;
}

static bool grant(const struct provider *p, const struct provider_request *req,
		  struct grant *out)
{
	if (p->token_base.host.len == 0 || req->key.len > 0)
		return false;
	*out = (struct grant){
		.type = &grant_oauth_databricks,
		.args = { p->token_base.path, provider_setting(p, "client_id"),
			  provider_setting(p, "client_secret"),
			  STR("all-apis") },
	};
	return true;
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
	.key_env = "DATABRICKS_TOKEN|DATABRICKS_CLIENT_ID",
	.key_field = "databricks_api_token",
	.settings = settings,
	.setup = setup,
	.grant = grant,
	.encode = encode,
	.decode_models = decode_models,
	.known_models = known,
};
