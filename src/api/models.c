/*
 * models - GET /v1/models and GET /v1/models/{id}.
 */
#include "api/handlers.h"
#include "json/writer.h"

enum {
	MODELS_BYTES_MAX = 64 << 20
};

static void write_metadata(struct json_writer *w, const struct model *m)
{
	for (size_t i = 0; m->config != NULL && i < m->config->member_count;
	     i++) {
		const struct config_member *member = &m->config->members[i];

		json_member_raw(w, member->name, member->json);
	}
}

static bool has_metadata(const struct model *m, struct str name)
{
	for (size_t i = 0; m->config != NULL && i < m->config->member_count;
	     i++) {
		if (str_eq(m->config->members[i].name, name))
			return true;
	}
	return false;
}

/* What the operator says of a model wins. */
static void write_fact(struct json_writer *w, const struct model *m,
		       struct str name, struct str value)
{
	if (!has_metadata(m, name))
		json_member_str(w, name, value);
}

static void write_model(struct json_writer *w, const struct model *m)
{
	json_object(w);
	json_member_str(w, STR("id"), m->id);
	json_member_str(w, STR("object"), STR("model"));
	json_member_int(w, STR("created"), m->created_s);
	json_member_str(w, STR("owned_by"), STR("quipu"));
	json_member(w, STR("custom_metadata"));
	json_object(w);
	write_fact(w, m, STR("model_type"), m->type);
	write_fact(w, m, STR("provider_id"), m->upstream->provider.id);
	write_fact(w, m, STR("provider_resource_id"), m->upstream_id);
	write_metadata(w, m);
	json_end(w);
	json_end(w);
}

/* OGX answers a single model with its own members beside OpenAI's. */
static void write_single(struct json_writer *w, const struct model *m)
{
	json_object(w);
	json_member_str(w, STR("identifier"), m->id);
	json_member_str(w, STR("provider_resource_id"), m->upstream_id);
	json_member_str(w, STR("provider_id"), m->upstream->provider.id);
	json_member_str(w, STR("type"), STR("model"));
	json_member(w, STR("metadata"));
	json_object(w);
	write_metadata(w, m);
	json_end(w);
	json_member_int(w, STR("created"), m->created_s);
	json_member_str(w, STR("owned_by"), STR("quipu"));
	json_member_str(w, STR("model_type"), m->type);
	json_member_str(w, STR("id"), m->id);
	json_member_str(w, STR("object"), STR("model"));
	json_end(w);
}

static void reply_written(struct api_call *c, struct json_writer *w)
{
	struct api_error e;

	if (json_writer_done(w) == 0) {
		route_reply(c, 200, buf_str(w->out));
		return;
	}
	(void)api_fail(&e, &c->req->arena, 500, "server_error", NULL,
		       "The list of models is too long.");
	route_fail(c, &e);
}

void models_list(struct api_call *c)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, MODELS_BYTES_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("object"), STR("list"));
	json_member(&w, STR("data"));
	json_array(&w);
	for (size_t i = 0; i < c->catalog->model_count; i++)
		write_model(&w, &c->catalog->models[i]);
	json_end(&w);
	json_end(&w);
	reply_written(c, &w);
	buf_fini(&out);
}

void models_get(struct api_call *c)
{
	const struct model *m = map_get(&c->catalog->by_id, c->rest);
	struct model_target target;
	struct json_writer w;
	struct api_error e;
	struct buf out;

	if (m == NULL) {
		/* A provider may serve it all the same; listed it is not. */
		if (catalog_resolve(c->catalog, c->rest, &c->req->arena,
				    &target, &e) == 0) {
			(void)api_fail(&e, &c->req->arena, 404,
				       "invalid_request_error", "model",
				       "Model '" STR_FMT
				       "' is not in the list of provider "
				       "'" STR_FMT
				       "' (a request for it is passed on all "
				       "the same).",
				       STR_ARG(str_take(c->rest, 200)),
				       STR_ARG(target.upstream->provider.id));
		}
		e.status = 404;
		e.code = STR("model_not_found");
		route_fail(c, &e);
		return;
	}
	buf_init(&out, MODELS_BYTES_MAX);
	json_writer_init(&w, &out);
	write_single(&w, m);
	reply_written(c, &w);
	buf_fini(&out);
}
