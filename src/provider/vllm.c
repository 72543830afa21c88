#include "provider/openai.h"
#include "provider/types.h"

static const struct setting settings[] = {
	TYPES_BASE_URL(NULL, "VLLM_URL"),
	TYPES_KEY("api_token", "VLLM_API_TOKEN"),
	TYPES_KEY("api_key", NULL),
	{ .key = "max_tokens",
	  .kind = SETTING_INT,
	  .env = "VLLM_MAX_TOKENS",
	  .min = 1,
	  .max = 1 << 30,
	  .help = "max_tokens of chat requests that set no limit" },
	{ .key = "tls_verify", .help = "older name of network.tls.verify" },
	{ 0 },
};

/* The connection's settings are not a provider's to change. */
static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	struct str verify = provider_setting(p, "tls_verify");

	if (verify.len > 0 && !str_eq_nocase(verify, STR("true"))) {
		return provider_fail(p, a, e,
				     "tls_verify is now network.tls.verify: "
				     "move it there");
	}
	return openai_setup_v1(p, a, e);
}

/*
 * OGX adds its max_tokens also to a request with max_completion_tokens, which
 * small models then refuse; here a limit of the client's own always stands.
 */
static int edit(const struct provider *p, const struct provider_request *req,
		struct arena *a, struct splice *s, struct api_error *e)
{
	struct str limit = provider_setting(p, "max_tokens");

	(void)a;
	if (req->op != LLM_CHAT || limit.len == 0 ||
	    openai_has(req, "max_tokens") ||
	    openai_has(req, "max_completion_tokens"))
		return 0;
	return openai_set(s, req, "max_tokens", limit, e);
}

/* It ranks beside /v1, not below it. */
static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	int r = openai_encode(p, req, a, out, e);

	if (r == 0 && req->op == LLM_RERANK) {
		out->target = arena_join(
			a, (struct str[]){ openai_root(p), STR("/rerank") }, 2);
	}
	return r;
}

const struct provider_type vllm_type = {
	.name = "remote::vllm",
	.id = "vllm",
	.caps = PROVIDER_CHAT | PROVIDER_COMPLETIONS | PROVIDER_EMBEDDINGS |
		PROVIDER_LISTS_MODELS | PROVIDER_RERANK,
	.base_url_env = "VLLM_URL",
	.key_env = "VLLM_API_TOKEN",
	.key_field = "vllm_api_token",
	.key_optional = true,
	.settings = settings,
	.setup = setup,
	.edit = edit,
	.encode = encode,
};
