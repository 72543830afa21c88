#include "provider/openai.h"

#include "provider/raw.h"
#include "provider/rerank.h"
#include "provider/types.h"

#include <assert.h>

struct str openai_path(enum llm_op op)
{
	static const struct str paths[] = {
		[LLM_CHAT] = STR_INIT("/chat/completions"),
		[LLM_COMPLETIONS] = STR_INIT("/completions"),
		[LLM_EMBEDDINGS] = STR_INIT("/embeddings"),
		[LLM_MODERATIONS] = STR_INIT("/moderations"),
		[LLM_RERANK] = STR_INIT("/rerank"),
		[LLM_RESPONSES] = STR_INIT("/responses"),
		[LLM_MODELS] = STR_INIT("/models"),
	};

	return paths[op];
}

struct str openai_root(const struct provider *p)
{
	struct str path = p->base.path, v1 = STR("/v1");

	return str_ends(path, v1) ? str_take(path, path.len - v1.len) : path;
}

void openai_start(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out)
{
	bool has_body = req->op != LLM_MODELS;

	if (req->op == LLM_RAW) {
		raw_start(req->raw, p->base.path, p->base.query, a, out);
		return;
	}

	out->method = has_body ? STR("POST") : STR("GET");
	out->target =
		arena_join(a,
			   (struct str[]){ p->base.path, openai_path(req->op),
					   p->base.query.len > 0 ? STR("?")
								 : STR_NULL,
					   p->base.query },
			   4);
	if (has_body) {
		provider_call_header(out, STR("content-type"),
				     STR("application/json"));
	}
	/* As OpenAI's own clients: also for a stream. */
	provider_call_header(out, STR("accept"), STR("application/json"));
	provider_call_header(out, STR("user-agent"),
			     STR("quipu/" QUIPU_VERSION));
}

/*
 * The logprobs of text completions are a number; OGX's clients send a boolean,
 * which servers read as 1 and none, or refuse.
 */
static int edit_logprobs(const struct json *doc, struct splice *s)
{
	struct str name = STR("logprobs");
	uint32_t v = json_get(doc, json_root(doc), name);

	if (json_type(doc, v) == JSON_TRUE)
		return splice_set(s, doc, json_root(doc), name, STR("1"));
	if (json_type(doc, v) == JSON_FALSE)
		return splice_drop(s, doc, json_root(doc), name);
	return 0;
}

/* An object of the client's keeps what else is in it. */
static int edit_usage(const struct json *doc, struct splice *s)
{
	struct str name = STR("stream_options");
	uint32_t v = json_get(doc, json_root(doc), name);

	if (json_type(doc, v) == JSON_OBJECT)
		return splice_set(s, doc, v, STR("include_usage"), STR("true"));
	return splice_set(s, doc, json_root(doc), name,
			  STR("{\"include_usage\":true}"));
}

static bool adds_usage(const struct provider *p,
		       const struct provider_request *req)
{
	return req->add_usage && req->stream &&
	       (req->op == LLM_CHAT || req->op == LLM_COMPLETIONS) &&
	       (p->type->caps & PROVIDER_NO_STREAM_USAGE) == 0;
}

static int edit_body(const struct provider *p,
		     const struct provider_request *req, struct arena *a,
		     struct splice *s, struct api_error *e)
{
	const struct json *doc = req->doc;
	uint32_t root = json_root(doc);

	if (adds_usage(p, req) && edit_usage(doc, s) != 0) {
		return api_fail(e, a, 400, NULL, "stream_options",
				"'stream_options' is given too many times.");
	}
	if (req->has_models && splice_drop(s, doc, root, STR("models")) != 0) {
		return api_fail(e, a, 400, NULL, "models",
				"'models' is given too many times.");
	}
	if (req->op == LLM_COMPLETIONS && edit_logprobs(doc, s) != 0) {
		return api_fail(e, a, 400, NULL, "logprobs",
				"'logprobs' is given too many times.");
	}
	/* Moderations have a model of the provider's when none is named. */
	if (req->model.len == 0 ||
	    (json_is(doc, json_get(doc, root, STR("model")), req->model) &&
	     !json_has_duplicates(doc, root)))
		return 0;
	if (splice_set(s, doc, root, STR("model"),
		       json_quoted(a, req->model)) != 0) {
		return api_fail(e, a, 400, NULL, "model",
				"'model' is given too many times.");
	}
	return 0;
}

int openai_body(const struct provider *p, const struct provider_request *req,
		struct arena *a, struct provider_call *out, struct api_error *e)
{
	/* Not on the stack, of which a stream is to touch one page. */
	struct splice *s;
	int r;

	if (req->op == LLM_MODELS || req->op == LLM_RAW)
		return 0;
	if (req->op == LLM_RERANK)
		return rerank_body(req, a, out, e);
	s = arena_alloc(a, sizeof(*s));
	splice_init(s, req->doc->text);
	r = edit_body(p, req, a, s, e);
	if (r == 0 && p->type->edit != NULL)
		r = p->type->edit(p, req, a, s, e);
	if (r != 0)
		return r;
	out->piece_count = splice_pieces(s, out->pieces);
	out->body_len = 0;
	for (size_t i = 0; i < out->piece_count; i++)
		out->body_len += out->pieces[i].len;
	return 0;
}

bool openai_has(const struct provider_request *req, const char *name)
{
	uint32_t v = json_get(req->doc, json_root(req->doc), str_of(name));

	return v != JSON_NONE && json_type(req->doc, v) != JSON_NULL;
}

int openai_set(struct splice *s, const struct provider_request *req,
	       const char *name, struct str raw, struct api_error *e)
{
	if (splice_set(s, req->doc, json_root(req->doc), str_of(name), raw) ==
	    0)
		return 0;
	*e = (struct api_error){
		.status = 400,
		.type = STR("invalid_request_error"),
		.param = str_of(name),
		.message = STR("A member is given too many times."),
	};
	return API_FAIL;
}

int openai_no_key(const struct provider *p, struct arena *a,
		  struct api_error *e)
{
	const char *field = p->type->key_field;
	struct str env = provider_env_text(p->type->key_env, a);
	struct str hint = STR_NULL;

	if (env.len > 0) {
		hint = arena_printf(a, ", or set " STR_FMT " where quipu runs",
				    STR_ARG(env));
	}
	if (field != NULL) {
		hint = arena_printf(a,
				    ", or send the header x-ogx-provider-data: "
				    "{\"%s\": \"<API_KEY>\"}" STR_FMT,
				    field, STR_ARG(hint));
	}
	(void)api_fail(e, a, 400, NULL, NULL,
		       "API key not provided: provider '" STR_FMT
		       "' has none. Configure its api_key" STR_FMT ".",
		       STR_ARG(p->id), STR_ARG(hint));
	e->code = STR("missing_api_key");
	return API_FAIL;
}

/*
 * The vendor's own service wants a key; another server that was put in its
 * place may not.
 */
static bool needs_key(const struct provider *p)
{
	struct str own = str_of(p->type->base_url);
	struct str host = p->base.host;

	if (p->type->key_optional)
		return false;
	return own.len == 0 || str_find(own, host) < own.len;
}

int openai_bearer(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	struct str key = provider_key(p, req);

	if (key.len > 0) {
		provider_call_header(
			out, STR("authorization"),
			arena_join(a, (struct str[]){ STR("Bearer "), key },
				   2));
	} else if (needs_key(p)) {
		return openai_no_key(p, a, e);
	}
	return 0;
}

int openai_encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	int r;

	openai_start(p, req, a, out);
	r = openai_bearer(p, req, a, out, e);
	if (r == 0)
		r = openai_body(p, req, a, out, e);
	return r;
}

int openai_setup_v1(struct provider *p, struct arena *a, struct api_error *e)
{
	(void)a;
	(void)e;
	if (p->base.path.len == 0)
		p->base.path = STR("/v1");
	return 0;
}

static const struct setting openai_settings[] = {
	TYPES_BASE_URL("https://api.openai.com/v1", "OPENAI_BASE_URL"),
	TYPES_KEY("api_key", "OPENAI_API_KEY"),
	{ .key = "organization",
	  .env = "OPENAI_ORG_ID",
	  .help = "sent as OpenAI-Organization" },
	{ .key = "project",
	  .env = "OPENAI_PROJECT_ID",
	  .help = "sent as OpenAI-Project" },
	{ .key = "clamp_max_tokens",
	  .kind = SETTING_BOOL,
	  .def = "true",
	  .help = "bring a client's limit of tokens down to what the model "
		  "can write" },
	{ 0 },
};

static int encode_with_account(const struct provider *p,
			       const struct provider_request *req,
			       struct arena *a, struct provider_call *out,
			       struct api_error *e)
{
	struct str organization = provider_setting(p, "organization");
	struct str project = provider_setting(p, "project");
	int r = openai_encode(p, req, a, out, e);

	if (r != 0)
		return r;
	/* Of the configured key's account: a client's own key has another. */
	if (organization.len > 0 && req->key.len == 0) {
		provider_call_header(out, STR("openai-organization"),
				     organization);
	}
	if (project.len > 0 && req->key.len == 0)
		provider_call_header(out, STR("openai-project"), project);
	return 0;
}

const struct provider_type openai_type = {
	.name = "remote::openai",
	.id = "openai",
	.caps = PROVIDER_CHAT | PROVIDER_COMPLETIONS | PROVIDER_EMBEDDINGS |
		PROVIDER_LISTS_MODELS | PROVIDER_MODERATIONS,
	.base_url = "https://api.openai.com/v1",
	.base_url_env = "OPENAI_BASE_URL",
	.key_env = "OPENAI_API_KEY",
	.key_field = "openai_api_key",
	.settings = openai_settings,
	.edit = openai_clamp,
	.encode = encode_with_account,
};

static const struct setting compatible_settings[] = {
	TYPES_BASE_URL(NULL, NULL),
	TYPES_KEY("api_key", NULL),
	{ 0 },
};

const struct provider_type openai_compatible = {
	.name = "remote::openai-compatible",
	.id = "openai-compatible",
	.caps = PROVIDER_CHAT | PROVIDER_COMPLETIONS | PROVIDER_EMBEDDINGS |
		PROVIDER_LISTS_MODELS | PROVIDER_MODERATIONS | PROVIDER_RERANK,
	.key_optional = true,
	.settings = compatible_settings,
};
