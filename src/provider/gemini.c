#include "provider/openai.h"
#include "provider/types.h"

static const struct setting settings[] = {
	TYPES_BASE_URL(
		"https://generativelanguage.googleapis.com/v1beta/openai",
		NULL),
	TYPES_KEY("api_key", "GEMINI_API_KEY"),
	{ .key = "access_token",
	  .secret = true,
	  .env = "GEMINI_ACCESS_TOKEN",
	  .help = "an OAuth token instead of a key; needs project" },
	{ .key = "project",
	  .env = "GEMINI_AI_PROJECT",
	  .help = "who pays for a call with access_token" },
	{ 0 },
};

static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	struct str token = provider_setting(p, "access_token");

	if (token.len == 0)
		return 0;
	if (p->key.len > 0) {
		return provider_fail(p, a, e,
				     "api_key and access_token exclude each "
				     "other");
	}
	if (provider_setting(p, "project").len == 0) {
		return provider_fail(p, a, e,
				     "access_token needs project (or "
				     "GEMINI_AI_PROJECT)");
	}
	p->key = token;
	return 0;
}

static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	struct str project = provider_setting(p, "project");
	bool is_token = provider_setting(p, "access_token").len > 0;
	int r = openai_encode(p, req, a, out, e);

	/* A client's own key is an API key, of its own project. */
	if (r == 0 && is_token && req->key.len == 0)
		provider_call_header(out, STR("x-goog-user-project"), project);
	return r;
}

const struct provider_type gemini_type = {
	.name = "remote::gemini",
	.id = "gemini",
	.caps = PROVIDER_CHAT | PROVIDER_EMBEDDINGS | PROVIDER_LISTS_MODELS,
	.base_url = "https://generativelanguage.googleapis.com/v1beta/openai",
	.key_env = "GEMINI_API_KEY|GEMINI_ACCESS_TOKEN",
	.key_field = "gemini_api_key",
	.settings = settings,
	.setup = setup,
	.encode = encode,
};
