/*
 * providers - GET /v1/providers and GET /v1/providers/{id}.
 */
#include "api/handlers.h"
#include "json/writer.h"

#include <assert.h>

enum {
	PROVIDERS_BYTES_MAX = 4 << 20
};

/* A shorthand has given its value to others. */
static void write_values(struct json_writer *w, const struct config_value *v)
{
	for (; v->setting != NULL; v++) {
		if (v->setting->sets != NULL)
			continue;
		json_member(w, str_of(v->setting->key));
		config_show_value(v, w);
	}
}

/* What is known from the last look at the upstream's model list. */
static void write_breaker(struct json_writer *w, const struct breaker *b,
			  struct str model, int64_t now_ns)
{
	const char *state = breaker_state(b, now_ns);
	bool is_open = b->open && b->until_ns > now_ns;

	json_object(w);
	json_member_str(w, STR("model"), model);
	json_member_str(w, STR("state"), str_of(state));
	json_member_int(w, STR("retry_in_ms"),
			is_open ? (b->until_ns - now_ns) / CLOCK_MS : 0);
	json_end(w);
}

/* Models that failed of late, as this worker has seen it. */
static void write_targets(struct json_writer *w, const struct breakers *all,
			  struct str provider_id, int64_t now_ns)
{
	const struct map_entry *e;
	size_t at = 0;

	json_member(w, STR("targets"));
	json_array(w);
	while ((e = map_next(&all->by_key, &at)) != NULL) {
		struct str head, model;

		(void)str_cut(e->key, '/', &head, &model);
		if (str_eq(head, provider_id))
			write_breaker(w, e->value, model, now_ns);
	}
	json_end(w);
}

static void write_health(struct json_writer *w, const struct api_call *c,
			 const struct upstream *u,
			 const struct model_list *list)
{
	json_member(w, STR("health"));
	json_object(w);
	if (u->origin == NULL) {
		json_member_str(w, STR("status"), STR("OK"));
	} else if (list->keyless) {
		json_member_str(w, STR("status"), STR("Not Implemented"));
		json_member_str(w, STR("message"),
				STR("No key is configured: requests bring "
				    "their own."));
	} else if (list->failure.len > 0) {
		json_member_str(w, STR("status"), STR("Error"));
		json_member_str(w, STR("message"), list->failure);
	} else if (list->fetched_s > 0) {
		json_member_str(w, STR("status"), STR("OK"));
	} else {
		json_member_str(w, STR("status"), STR("Not Implemented"));
		json_member_str(w, STR("message"),
				STR("Not known before its first answer."));
	}
	write_targets(w, &c->worker->breakers, u->provider.id,
		      task_now(c->task));
	json_end(w);
}

static void write_provider(struct json_writer *w, const struct api_call *c,
			   size_t i)
{
	const struct upstream *u = &c->catalog->registry->upstreams[i];
	const struct provider *p = &u->provider;

	json_object(w);
	json_member_str(w, STR("api"), STR("inference"));
	json_member_str(w, STR("provider_id"), p->id);
	json_member_str(w, STR("provider_type"), str_of(p->type->name));
	json_member(w, STR("config"));
	json_object(w);
	write_values(w, p->config->values);
	write_values(w, p->config->common);
	json_end(w);
	write_health(w, c, u, &c->catalog->lists[i]);
	json_end(w);
}

static void reply(struct api_call *c, struct json_writer *w)
{
	struct api_error e;

	if (json_writer_done(w) == 0) {
		route_reply(c, 200, buf_str(w->out));
		return;
	}
	(void)api_fail(&e, &c->req->arena, 500, "server_error", NULL,
		       "The list of providers is too long.");
	route_fail(c, &e);
}

void providers_list(struct api_call *c)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, PROVIDERS_BYTES_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member(&w, STR("data"));
	json_array(&w);
	for (size_t i = 0; i < c->catalog->registry->upstream_count; i++)
		write_provider(&w, c, i);
	json_end(&w);
	json_end(&w);
	reply(c, &w);
	buf_fini(&out);
}

void providers_get(struct api_call *c)
{
	const struct registry *reg = c->catalog->registry;
	const struct upstream *u = registry_find(reg, c->rest);
	struct json_writer w;
	struct api_error e;
	struct buf out;

	if (u == NULL) {
		(void)api_fail(&e, &c->req->arena, 404, "invalid_request_error",
			       NULL,
			       "Provider '" STR_FMT
			       "' not found; GET /v1/providers lists them.",
			       STR_ARG(str_take(c->rest, 200)));
		e.code = STR("provider_not_found");
		route_fail(c, &e);
		return;
	}
	buf_init(&out, PROVIDERS_BYTES_MAX);
	json_writer_init(&w, &out);
	write_provider(&w, c, (size_t)(u - reg->upstreams));
	reply(c, &w);
	buf_fini(&out);
}
