#include "provider/openai.h"
#include "provider/raw.h"
#include "provider/types.h"

static const struct setting settings[] = {
	TYPES_BASE_URL("https://api.anthropic.com/v1", "ANTHROPIC_BASE_URL"),
	TYPES_KEY("api_key", "ANTHROPIC_API_KEY"),
	{ 0 },
};

/* Its own API has a key of another name, and wants to hear its version. */
static int encode_native(const struct provider *p,
			 const struct provider_request *req, struct arena *a,
			 struct provider_call *out, struct api_error *e)
{
	struct str key = provider_key(p, req), version = STR("2023-06-01");
	struct str name = STR("anthropic-version");

	if (key.len == 0)
		return openai_no_key(p, a, e);
	openai_start(p, req, a, out);
	provider_call_header(out, STR("x-api-key"), key);
	if (req->op != LLM_RAW || raw_header(req->raw, name).len == 0)
		provider_call_header(out, name, version);
	return 0;
}

/* Only the native API lists models; a page of it holds at most 1,000. */
static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	struct str page;
	int r;

	if (req->op != LLM_MODELS &&
	    (req->op != LLM_RAW ||
	     str_eq(req->raw->path, STR("/chat/completions"))))
		return openai_encode(p, req, a, out, e);
	r = encode_native(p, req, a, out, e);
	if (r != 0 || req->op == LLM_RAW)
		return r;
	page = url_encode(req->page, false, a);
	out->target = arena_printf(a, STR_FMT "?limit=1000%s" STR_FMT,
				   STR_ARG(out->target),
				   req->page.len > 0 ? "&after_id=" : "",
				   STR_ARG(page));
	return 0;
}

const struct provider_type anthropic_type = {
	.name = "remote::anthropic",
	.id = "anthropic",
	.caps = PROVIDER_CHAT | PROVIDER_LISTS_MODELS,
	.base_url = "https://api.anthropic.com/v1",
	.base_url_env = "ANTHROPIC_BASE_URL",
	.key_env = "ANTHROPIC_API_KEY",
	.key_field = "anthropic_api_key",
	.settings = settings,
	.setup = openai_setup_v1,
	.encode = encode,
};
