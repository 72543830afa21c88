/*
 * inspect - GET /v1/inspect/routes: the route table, for clients of OGX.
 */
#include "api/handlers.h"
#include "http/url.h"
#include "json/writer.h"

enum {
	ROUTES_BYTES_MAX = 1 << 20
};

static const struct str filters[] = { STR_INIT("v1"), STR_INIT("v1alpha"),
				      STR_INIT("v1beta"),
				      STR_INIT("deprecated") };

/* What a provider is asked for by a route, or LLM_MODELS: quipu does it itself. */
static enum llm_op op_of(const struct route *r)
{
	static const struct {
		struct str path;
		enum llm_op op;
	} ops[] = {
		{ STR_INIT("/v1/chat/completions"), LLM_CHAT },
		{ STR_INIT("/v1/completions"), LLM_COMPLETIONS },
		{ STR_INIT("/v1/embeddings"), LLM_EMBEDDINGS },
		{ STR_INIT("/v1/moderations"), LLM_MODERATIONS },
		{ STR_INIT("/v1/passthrough/"), LLM_RAW },
		{ STR_INIT("/v1alpha/inference/rerank"), LLM_RERANK },
	};

	for (size_t i = 0; i < countof(ops); i++) {
		if (str_starts(r->path, ops[i].path))
			return ops[i].op;
	}
	return LLM_MODELS;
}

/* "/v1/models/..." is of the level v1. */
static bool is_of(const struct route *r, struct str level)
{
	struct str head, rest;

	(void)str_cut(str_drop(r->path, 1), '/', &head, &rest);
	return level.len == 0 || str_eq(head, level);
}

/*
 * "/v1/models/" and a star is "/v1/models/{model_id}"; what takes every method
 * is below the name of a provider.
 */
static void write_path(struct json_writer *w, const struct route *r,
		       struct str path, struct arena *a)
{
	struct str parent, name, tail;
	size_t at;

	if (!str_cut(path, '*', &parent, &tail) || parent.len == 0) {
		json_member_str(w, STR("route"), path);
		return;
	}
	if (str_eq(r->method, STR("*"))) {
		path = arena_printf(a, STR_FMT "{provider_id}/{path}",
				    STR_ARG(parent));
		json_member_str(w, STR("route"), path);
		return;
	}
	parent.len--; /* its slash */
	for (at = parent.len; at > 0 && parent.ptr[at - 1] != '/'; at--)
		;
	name = str_drop(parent, at);
	if (str_ends(name, STR("s")))
		name.len--;
	json_member_str(w, STR("route"),
			arena_printf(a, STR_FMT "/{" STR_FMT "_id}" STR_FMT,
				     STR_ARG(parent), STR_ARG(name),
				     STR_ARG(tail)));
}

/* The kinds that offer op, each once. */
static void write_types(struct json_writer *w, const struct registry *reg,
			enum llm_op op)
{
	for (size_t i = 0; i < reg->upstream_count; i++) {
		const struct provider *p = &reg->upstreams[i].provider;
		size_t j = 0;

		while (reg->upstreams[j].provider.type != p->type)
			j++;
		if (j == i && provider_offers(p, op))
			json_add_str(w, str_of(p->type->name));
	}
}

static void write_route(struct json_writer *w, const struct route *r,
			struct api_call *c)
{
	bool is_scrape = r->handle == scrape_get;
	struct str path = is_scrape ? scrape_path(c->worker) : r->path;

	/* Metrics may be served elsewhere, or nowhere. */
	if (path.len == 0)
		return;
	json_object(w);
	write_path(w, r, path, &c->req->arena);
	json_member_str(w, STR("method"), r->method);
	json_member(w, STR("provider_types"));
	json_array(w);
	if (op_of(r) != LLM_MODELS)
		write_types(w, c->catalog->registry, op_of(r));
	json_end(w);
	json_end(w);
}

/* The query's api_filter, or "".  Answers when it is a wrong one. */
static bool read_filter(struct api_call *c, struct str *out)
{
	struct api_error e;
	int r = url_query_get(c->req->query, STR("api_filter"), &c->req->arena,
			      out);

	if (r == 0)
		*out = STR_NULL;
	for (size_t i = 0; r == 1 && i < countof(filters); i++) {
		if (str_eq(*out, filters[i]))
			r = 0;
	}
	if (r == 0)
		return true;
	(void)api_fail(&e, &c->req->arena, 400, "invalid_request_error",
		       "api_filter",
		       "api_filter is one of v1, v1alpha, v1beta, deprecated.");
	route_fail(c, &e);
	return false;
}

void inspect_routes(struct api_call *c)
{
	struct json_writer w;
	struct api_error e;
	struct str level;
	struct buf out;

	if (!read_filter(c, &level))
		return;
	buf_init(&out, ROUTES_BYTES_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member(&w, STR("data"));
	json_array(&w);
	for (size_t i = 0; i < route_count(); i++) {
		if (is_of(&routes[i], level))
			write_route(&w, &routes[i], c);
	}
	json_end(&w);
	json_end(&w);
	if (json_writer_done(&w) == 0) {
		route_reply(c, 200, buf_str(&out));
	} else {
		(void)api_fail(&e, &c->req->arena, 500, "server_error", NULL,
			       "The list of routes is too long.");
		route_fail(c, &e);
	}
	buf_fini(&out);
}
