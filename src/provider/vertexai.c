#include "provider/vertexai.h"

#include "provider/grants.h"
#include "provider/openai.h"
#include "provider/types.h"

#include <assert.h>

/*
 * Google's Vertex AI, by its OpenAI-compatible endpoint or by its own API,
 * generateContent: a project and a location are in the path, and only OAuth
 * tokens are taken.
 */
struct vertexai {
	bool is_native;
	struct str project, location;
	struct grant grant; /* type NULL: a token is configured */
};

enum {
	BODY_MAX = 160 << 20
};

static const struct setting settings[] = {
	TYPES_BASE_URL(NULL, "VERTEX_AI_BASE_URL"),
	{ .key = "project",
	  .env = "VERTEX_AI_PROJECT|GOOGLE_CLOUD_PROJECT",
	  .help = "the project that calls are for" },
	{ .key = "location",
	  .env = "VERTEX_AI_LOCATION|GOOGLE_CLOUD_LOCATION",
	  .def = "global",
	  .help = "where models run: global, us-central1, ..." },
	{ .key = "access_token",
	  .secret = true,
	  .env = "VERTEX_AI_ACCESS_TOKEN",
	  .help = "an OAuth token that is sent as it is" },
	{ .key = "credentials_file",
	  .kind = SETTING_PATH,
	  .env = "GOOGLE_APPLICATION_CREDENTIALS",
	  .def = "~/.config/gcloud/application_default_credentials.json",
	  .help = "application default credentials: a service account or a "
		  "user" },
	{ .key = "token_url",
	  .def = "https://oauth2.googleapis.com/token",
	  .help = "where they are exchanged for a token" },
	{ .key = "metadata_server",
	  .kind = SETTING_BOOL,
	  .def = "false",
	  .help = "use the service account of the machine instead" },
	{ .key = "metadata_url",
	  .def = "http://metadata.google.internal",
	  .help = "where the machine's token is asked for" },
	{ .key = "api",
	  .kind = SETTING_ENUM,
	  .def = "openai",
	  .choices = "openai|native",
	  .help = "openai: its OpenAI-compatible endpoint; native: chats are "
		  "translated to generateContent" },
	TYPES_IMAGES,
	{ 0 },
};

/* A part of a host name and of a path. */
static bool is_label(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-')
			return false;
	}
	return s.len > 0 && s.len <= 63;
}

static int find_tokens(struct provider *p, struct vertexai *v, struct arena *a,
		       struct api_error *e)
{
	struct str url = provider_setting(p, "token_url");

	p->key = provider_setting(p, "access_token");
	if (p->key.len > 0)
		return 0;
	if (str_eq(provider_setting(p, "metadata_server"), STR("true"))) {
		v->grant.type = &grant_google_metadata;
		p->token_direct = true;
		return provider_set_token_base(p, "metadata_url",
					       provider_setting(p,
								"metadata_url"),
					       a, e);
	}
	if (provider_set_token_base(p, "token_url", url, a, e) != 0)
		return API_FAIL;
	v->grant = (struct grant){
		.type = &grant_google_file,
		.args = { provider_setting(p, "credentials_file"),
			  p->token_base.path, url },
	};
	return 0;
}

static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	struct vertexai *v = arena_zalloc(a, sizeof(*v));
	bool has_base = provider_setting(p, "base_url").len > 0 ||
			provider_setting(p, "url").len > 0;
	struct str host = STR("https://aiplatform.googleapis.com");
	int r = 0;

	p->state = v;
	v->project = provider_setting(p, "project");
	v->location = provider_setting(p, "location");
	v->is_native = str_eq(provider_setting(p, "api"), STR("native"));
	if (!is_label(v->location) || v->project.len == 0) {
		return provider_fail(p, a, e,
				     "it needs a project (VERTEX_AI_PROJECT) "
				     "and a location");
	}
	if (!has_base && !str_eq(v->location, STR("global"))) {
		host = arena_printf(a,
				    "https://" STR_FMT
				    "-aiplatform.googleapis.com",
				    STR_ARG(v->location));
	}
	if (!has_base)
		r = provider_set_base(p, host, a, e);
	return r != 0 ? r : find_tokens(p, v, a, e);
}

static bool grant(const struct provider *p, const struct provider_request *req,
		  struct grant *out)
{
	const struct vertexai *v = p->state;

	*out = v->grant;
	return out->type != NULL && req->key.len == 0;
}

/* A client's own project goes with its own token. */
static int find_project(const struct provider *p,
			const struct provider_request *req, struct arena *a,
			struct str *out, struct api_error *e)
{
	const struct vertexai *v = p->state;
	int r = 0;

	*out = STR_NULL;
	if (req->key.len > 0 && !req->is_forwarded) {
		r = provider_data_field(req->data, STR("vertex_project"), a,
					out, e);
	}
	if (r == 0 && out->len == 0)
		*out = v->project;
	return r;
}

/* The location is in the host's name, too: another one is another provider. */
static int check_location(const struct provider *p,
			  const struct provider_request *req, struct arena *a,
			  struct api_error *e)
{
	const struct vertexai *v = p->state;
	struct str location;
	int r = provider_data_field(req->data, STR("vertex_location"), a,
				    &location, e);

	if (r != 0 || location.len == 0 || str_eq(location, v->location))
		return r;
	return api_fail(e, a, 400, NULL, NULL,
			"'vertex_location' in the header x-ogx-provider-data: "
			"provider '" STR_FMT "' is for " STR_FMT
			"; another location is another provider.",
			STR_ARG(p->id), STR_ARG(v->location));
}

/* Under the place; "publisher/model", or "endpoints/ID" of a tuned one. */
static struct str native_target(const struct provider *p,
				const struct provider_request *req,
				struct arena *a)
{
	const char *method = req->stream ? "streamGenerateContent?alt=sse"
					 : "generateContent";
	struct str publisher = STR_NULL, model = STR_NULL;

	if (!str_cut(req->model, '/', &publisher, &model) ||
	    str_eq(publisher, STR("models"))) {
		publisher = STR("google");
		if (model.len == 0)
			model = req->model;
	}
	if (str_eq(publisher, STR("endpoints"))) {
		return arena_printf(a, STR_FMT "/endpoints/" STR_FMT ":%s",
				    STR_ARG(p->base.path),
				    STR_ARG(url_encode(model, false, a)),
				    method);
	}
	return arena_printf(a,
			    STR_FMT "/publishers/" STR_FMT "/models/" STR_FMT
				    ":%s",
			    STR_ARG(p->base.path),
			    STR_ARG(url_encode(publisher, false, a)),
			    STR_ARG(url_encode(model, false, a)), method);
}

static int native_body(const struct provider_request *req, struct arena *a,
		       struct provider_call *out, struct api_error *e)
{
	struct buf body;
	char *copy;
	int r;

	buf_init(&body, BODY_MAX);
	r = vertexai_write(req->doc, a, &body, e);
	copy = r == 0 ? arena_try(a, body.len) : NULL;
	if (r == 0 && copy == NULL) {
		r = api_fail(e, a, 400, NULL, "messages",
			     "The messages are too large.");
	}
	if (r == 0) {
		assert(copy != NULL && body.ptr != NULL);
		memcpy(copy, body.ptr, body.len);
		out->pieces[0] = (struct str){ copy, body.len };
		out->piece_count = 1;
		out->body_len = body.len;
	}
	buf_fini(&body);
	return r;
}

/* By its own API. */
static int encode_native(const struct provider *p,
			 const struct provider_request *req, struct arena *a,
			 struct provider_call *out, struct api_error *e)
{
	int r;

	openai_start(p, req, a, out);
	out->target = native_target(p, req, a);
	r = openai_bearer(p, req, a, out, e);
	return r == 0 ? native_body(req, a, out, e) : r;
}

static int encode_openai(struct provider *p, const struct provider_request *req,
			 struct arena *a, struct provider_call *out,
			 struct api_error *e)
{
	struct provider_request named = *req;

	p->base.path = arena_printf(a, STR_FMT "/endpoints/openapi",
				    STR_ARG(p->base.path));
	/* Models are named with their publisher. */
	if (str_find(req->model, STR("/")) == req->model.len) {
		named.model =
			arena_printf(a, "google/" STR_FMT, STR_ARG(req->model));
	}
	return openai_encode(p, &named, a, out, e);
}

static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	const struct vertexai *v = p->state;
	struct provider at = *p;
	struct str project;
	int r = find_project(p, req, a, &project, e);

	if (r == 0)
		r = check_location(p, req, a, e);
	if (r != 0)
		return r;
	at.base.path = arena_printf(a,
				    STR_FMT "/v1/projects/" STR_FMT
					    "/locations/" STR_FMT,
				    STR_ARG(p->base.path),
				    STR_ARG(url_encode(project, false, a)),
				    STR_ARG(v->location));
	r = v->is_native ? encode_native(&at, req, a, out, e)
			 : encode_openai(&at, req, a, out, e);
	if (r == 0 && req->token != NULL && req->token->values[1].len > 0) {
		provider_call_header(out, STR("x-goog-user-project"),
				     req->token->values[1]);
	}
	return r;
}

static struct provider_stream *begin(const struct provider *p,
				     const struct provider_request *req,
				     struct arena *a)
{
	const struct vertexai *v = p->state;

	return v->is_native ? vertexai_begin(req, a) : NULL;
}

/* The endpoint has no list of models: they are asked for by name. */
const struct provider_type vertexai_type = {
	.name = "remote::vertexai",
	.id = "vertexai",
	.caps = PROVIDER_CHAT | PROVIDER_WANTS_IMAGES,
	.base_url = "https://aiplatform.googleapis.com",
	.base_url_env = "VERTEX_AI_BASE_URL",
	.key_env = "VERTEX_AI_PROJECT",
	.key_field = "vertex_access_token",
	.settings = settings,
	.setup = setup,
	.grant = grant,
	.encode = encode,
	.translate_begin = begin,
	.translate = vertexai_translate,
};
