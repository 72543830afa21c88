#include "provider/grants.h"
#include "provider/openai.h"
#include "provider/types.h"

/*
 * IBM watsonx.ai.  Every call has the API's date in its query, and says whose
 * project pays: a list in the query, all else as the body's last member.
 */
static const struct setting settings[] = {
	TYPES_BASE_URL("https://us-south.ml.cloud.ibm.com", "WATSONX_BASE_URL"),
	TYPES_KEY("api_key", "WATSONX_API_KEY"),
	{ .key = "project_id",
	  .env = "WATSONX_PROJECT_ID",
	  .help = "the project that pays" },
	{ .key = "version",
	  .def = "2023-10-25",
	  .help = "date of the API, sent with each call" },
	{ .key = "access_token",
	  .secret = true,
	  .env = "WATSONX_ACCESS_TOKEN",
	  .help = "a token that is sent as it is, instead of a key" },
	{ .key = "iam_url",
	  .def = "https://iam.cloud.ibm.com/identity/token",
	  .env = "WATSONX_IAM_URL",
	  .help = "where a key is exchanged for a token" },
	TYPES_UNUSED("timeout"),
	{ 0 },
};

static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	struct str token = provider_setting(p, "access_token");
	int r = provider_set_token_base(p, "iam_url",
					provider_setting(p, "iam_url"), a, e);

	if (r != 0)
		return r;
	if (token.len > 0 && p->key.len > 0) {
		return provider_fail(p, a, e,
				     "api_key and access_token exclude each "
				     "other");
	}
	if (token.len > 0)
		p->key = token;
	if (!str_ends(p->base.path, STR("/ml/v1"))) {
		p->base.path = arena_printf(a, STR_FMT "/ml/v1",
					    STR_ARG(p->base.path));
	}
	return 0;
}

/* A key of IBM Cloud is not sent: a token is had for it. */
static bool grant(const struct provider *p, const struct provider_request *req,
		  struct grant *out)
{
	bool is_token = req->is_forwarded ||
			(req->key.len == 0 &&
			 provider_setting(p, "access_token").len > 0);
	struct str key = provider_key(p, req);

	if (key.len == 0 || is_token)
		return false;
	*out = (struct grant){ .type = &grant_ibm,
			       .args = { key, p->token_base.path } };
	return true;
}

/* A client that brings its key has a project of its own. */
static struct str project_of(const struct provider *p,
			     const struct provider_request *req)
{
	struct str own =
		provider_data_get(req->data, STR("watsonx_project_id"));

	return own.len > 0 && req->key.len > 0
		       ? own
		       : provider_setting(p, "project_id");
}

static void add_query(struct provider_call *c, struct arena *a,
		      const char *name, struct str value)
{
	bool has_query = str_find(c->target, STR("?")) < c->target.len;

	c->target = arena_printf(a, STR_FMT "%c%s=" STR_FMT, STR_ARG(c->target),
				 has_query ? '&' : '?', name,
				 STR_ARG(url_encode(value, false, a)));
}

static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	struct str project = project_of(p, req);
	int r = openai_encode(p, req, a, out, e);

	if (r != 0)
		return r;
	add_query(out, a, "version", provider_setting(p, "version"));
	if (req->op == LLM_MODELS && project.len > 0)
		add_query(out, a, "project_id", project);
	return 0;
}

static int edit(const struct provider *p, const struct provider_request *req,
		struct arena *a, struct splice *s, struct api_error *e)
{
	struct str project = project_of(p, req);

	if (splice_drop(s, req->doc, json_root(req->doc),
			STR("parallel_tool_calls")) != 0) {
		return api_fail(e, a, 400, NULL, "parallel_tool_calls",
				"'parallel_tool_calls' is given too many "
				"times.");
	}
	if (project.len == 0 || openai_has(req, "project_id"))
		return 0;
	return openai_set(s, req, "project_id", json_quoted(a, project), e);
}

const struct provider_type watsonx_type = {
	.name = "remote::watsonx",
	.id = "watsonx",
	.caps = PROVIDER_CHAT | PROVIDER_EMBEDDINGS | PROVIDER_LISTS_MODELS |
		PROVIDER_NO_STREAM_USAGE,
	.base_url = "https://us-south.ml.cloud.ibm.com",
	.base_url_env = "WATSONX_BASE_URL",
	.key_env = "WATSONX_API_KEY|WATSONX_ACCESS_TOKEN",
	.key_field = "watsonx_api_key",
	.settings = settings,
	.setup = setup,
	.grant = grant,
	.encode = encode,
	.edit = edit,
};
