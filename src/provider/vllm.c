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

static bool has_limit(const struct json *doc)
{
	static const struct str names[] = {
		STR_INIT("max_tokens"),
		STR_INIT("max_completion_tokens"),
	};
	bool found = false;

	for (size_t i = 0; i < countof(names); i++) {
		uint32_t v = json_get(doc, json_root(doc), names[i]);

		found = found ||
			(v != JSON_NONE && json_type(doc, v) != JSON_NULL);
	}
	return found;
}

/*
 * OGX adds its max_tokens also to a request with max_completion_tokens, which
 * small models then refuse; here a limit of the client's own always stands.
 */
static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	struct str limit = provider_setting(p, "max_tokens");
	struct splice s;
	int r;

	if (req->op != LLM_CHAT || limit.len == 0 || has_limit(req->doc))
		return openai_encode(p, req, a, out, e);

	openai_start(p, req, a, out);
	r = openai_bearer(p, req, a, out, e);
	if (r == 0)
		r = openai_edit(req, a, &s, e);
	if (r != 0)
		return r;
	if (splice_set(&s, req->doc, json_root(req->doc), STR("max_tokens"),
		       limit) != 0) {
		return api_fail(e, a, 400, NULL, "max_tokens",
				"'max_tokens' is given too many times.");
	}
	openai_finish(&s, out);
	return 0;
}

const struct provider_type vllm_type = {
	.name = "remote::vllm",
	.id = "vllm",
	.caps = PROVIDER_CHAT | PROVIDER_COMPLETIONS | PROVIDER_EMBEDDINGS |
		PROVIDER_LISTS_MODELS,
	.base_url_env = "VLLM_URL",
	.key_env = "VLLM_API_TOKEN",
	.key_field = "vllm_api_token",
	.key_optional = true,
	.settings = settings,
	.setup = setup,
	.encode = encode,
};
