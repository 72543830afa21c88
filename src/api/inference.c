#include "api/inference.h"

#include "api/replay.h"
#include "api/targets.h"
#include "core/keeper.h"
#include "llm/metadata.h"
#include "telemetry/genai.h"

struct inference {
	struct api_call *call;
	const struct inference_kind *kind;
	struct json doc;
	bool has_doc;
	bool has_models; /* a list of fallbacks */
	struct llm_request request;
	struct str model;  /* its JSON text, copied; "" when none was named */
	struct str series; /* its id in the catalog, or "other" */
	struct exchange x;
	struct relay relay;
};

static int bad_json(struct api_call *c, const struct json_error *je,
		    struct api_error *e)
{
	(void)api_fail(e, &c->req->arena, 400, "invalid_request_error", NULL,
		       "The request's body is %s: line %u, column %u: %s.",
		       je->is_limit ? "too large a JSON text"
				    : "not valid JSON",
		       je->line, je->column, je->what);
	e->code = je->is_limit ? STR("json_limit") : STR("invalid_json");
	return API_FAIL;
}

static int read_request(struct inference *inf, struct api_error *e)
{
	struct api_call *c = inf->call;
	struct arena *a = &c->req->arena;
	struct json_error je;
	uint32_t model;
	int r;

	if (c->req->body.len == 0) {
		return api_fail(e, a, 400, "invalid_request_error", NULL,
				"The request has no body; send a JSON object "
				"with %s.",
				inf->kind->members);
	}
	if (json_parse(c->req->body, NULL, &inf->doc, &je) != 0)
		return bad_json(c, &je, e);
	inf->has_doc = true;
	r = inf->kind->check(&inf->doc, a, &inf->request, e);
	if (r != 0)
		return r;
	model = json_get(&inf->doc, json_root(&inf->doc), STR("model"));
	if (json_type(&inf->doc, model) == JSON_STRING)
		inf->model = arena_str(a, json_raw(&inf->doc, model));
	return 0;
}

/* No model was named: the first provider that has the endpoint, with a key. */
static int find_any(struct inference *inf, struct model_target *out,
		    struct api_error *e)
{
	struct api_call *c = inf->call;
	const struct registry *r = c->catalog->registry;
	const struct upstream *found = NULL;

	for (size_t i = 0; i < r->upstream_count; i++) {
		const struct upstream *u = &r->upstreams[i];

		if (!provider_offers(&u->provider, inf->kind->op))
			continue;
		if (found == NULL ||
		    (found->provider.key.len == 0 && u->provider.key.len > 0))
			found = u;
	}
	*out = (struct model_target){ .upstream = found };
	if (found != NULL)
		return 0;
	return api_fail(e, &c->req->arena, 501, NULL, NULL,
			"No provider offers %s; one of kind remote::openai "
			"does.",
			llm_op_text(inf->kind->op));
}

static int find_target(struct inference *inf, struct model_target *out,
		       struct api_error *e)
{
	struct targets_ask ask = { inf->request.model, &inf->doc };

	inf->has_models = targets_are_listed(&inf->doc);
	if (inf->request.model.len == 0 && !inf->has_models)
		return find_any(inf, out, e);
	return targets_find(inf->call, inf->kind, &ask, out, e);
}

/*
 * The upstream has begun to answer: a long stream is not to hold the request,
 * which no retry will need.
 */
static void forget_request(void *arg)
{
	struct inference *inf = arg;

	/* A provider that answers by itself still reads it. */
	if (inf->x.head == NULL)
		return;
	json_fini(&inf->doc);
	inf->has_doc = false;
	inf->x.request.doc = NULL;
	request_release_input(inf->call->req);
}

/* What the log, the metrics and the trace tell of it. */
static void note(struct inference *inf)
{
	inf->call->facts = (struct api_facts){
		.model = inf->model.len > 0 ? inf->model : inf->x.model,
		.series = inf->series,
		.provider = inf->x.upstream->provider.id,
		.kind = genai_provider(
			str_of(inf->x.upstream->provider.type->name)),
		.operation = genai_operation(inf->kind->op),
		.usage = inf->relay.usage,
		.attempts = inf->x.attempts,
		.upstream_status = inf->x.status,
		.first_token_ns = inf->relay.first_ns,
	};
}

/* Is this process's telemetry sent anywhere. */
static bool is_exported(const struct api_call *c)
{
	return c->worker->team != NULL && c->worker->team->exporter != NULL;
}

/*
 * Are a stream's tokens to be asked for, which the client did not do?  Then the
 * upstream gets a body that is not the client's, byte for byte.
 */
static bool adds_usage(const struct inference *inf)
{
	struct str how = inf->call->catalog->registry->config->stream_usage;
	const struct json *doc = &inf->doc;
	uint32_t options;

	if (!inf->request.stream || str_eq(how, STR("off")) ||
	    (str_eq(how, STR("auto")) && !is_exported(inf->call)))
		return false;
	options = json_get(doc, json_root(doc), STR("stream_options"));
	return json_type(doc, json_get(doc, options, STR("include_usage"))) !=
	       JSON_TRUE;
}

static void aim(struct inference *inf, const struct model_target *target,
		const struct provider_data *data, struct edge *edge)
{
	struct api_call *c = inf->call;

	exchange_init(&inf->x, c->worker, target);
	inf->x.edge = edge;
	inf->x.request.op = inf->kind->op;
	inf->x.request.data = data;
	inf->x.request.bearer = http_value(&c->req->head, HTTP_AUTHORIZATION);
	inf->x.request.doc = &inf->doc;
	inf->x.request.has_models = inf->has_models;
	inf->x.request.stream = inf->request.stream;
	inf->x.trace = c->trace;
	/* What is recorded is what the client asked for. */
	inf->x.request.add_usage = inf->x.edge == NULL && adds_usage(inf);
	relay_init(&inf->relay, c->req, &inf->x, inf->model);
	inf->relay.rewrite = inf->kind->rewrite;
	inf->relay.no_done = inf->kind->no_done;
	inf->relay.request = &inf->request;
	inf->series = target->model != NULL ? target->model->id : METRICS_OTHER;
}

/* Does the request want to be kept; the configuration says if it does not. */
static bool is_kept(const struct inference *inf)
{
	const struct json *doc = &inf->doc;
	uint32_t store;

	if (inf->call->worker->store == NULL || inf->kind->op != LLM_CHAT)
		return false;
	store = json_get(doc, json_root(doc), STR("store"));
	if (json_type(doc, store) == JSON_TRUE ||
	    json_type(doc, store) == JSON_FALSE)
		return json_type(doc, store) == JSON_TRUE;
	return inf->call->catalog->registry->config->store_by_default;
}

static struct str string_of(const struct inference *inf, struct str key)
{
	const struct json *doc = &inf->doc;
	uint32_t v = json_get(doc, json_root(doc), key);

	if (json_type(doc, v) != JSON_STRING)
		return STR_NULL;
	return json_string(doc, v, &inf->call->req->arena);
}

static char *put_text(char *to, struct str s)
{
	memcpy(to, s.ptr, s.len);
	return to + s.len;
}

/* All members but the messages: an object. */
static struct str params_of(const struct inference *inf, struct str messages)
{
	const struct json *doc = &inf->doc;
	uint32_t v = json_first(doc, json_root(doc));
	size_t max = doc->text.len - messages.len + 2;
	char *text = arena_alloc(&inf->call->req->arena, max);
	char *to = text;

	for (; v != JSON_NONE; v = json_next(doc, v)) {
		uint32_t key = json_key(doc, v);

		if (json_is(doc, key, STR("messages")))
			continue;
		*to = to == text ? '{' : ',';
		to = put_text(to + 1, json_raw(doc, key));
		*to = ':';
		to = put_text(to + 1, json_raw(doc, v));
	}
	*to++ = '}';
	return (struct str){ text, (size_t)(to - text) };
}

/* Its metadata as text, if it is there and as OpenAI's; else e says why. */
static int read_metadata(const struct inference *inf, struct str *out,
			 struct api_error *e)
{
	const struct json *doc = &inf->doc;
	struct field_checker checker = { doc, &inf->call->req->arena, e };
	uint32_t v = field_get(doc, json_root(doc), STR("metadata"));
	int r;

	*out = STR_NULL;
	if (v == JSON_NONE)
		return 0;
	r = metadata_check(&checker, v);
	if (r == 0)
		*out = json_raw(doc, v);
	return r;
}

/*
 * Metadata that cannot be kept is an error for who asks to keep it; a provider
 * may have another use of it.
 */
static int check_metadata(const struct inference *inf, struct api_error *e)
{
	const struct json *doc = &inf->doc;
	struct str metadata;

	if (!json_is_true(doc, json_get(doc, json_root(doc), STR("store"))) ||
	    !is_kept(inf))
		return 0;
	return read_metadata(inf, &metadata, e);
}

/* What the store is to have of it, while it is there. */
static struct keeper *keeper_of(const struct inference *inf)
{
	const struct json *doc = &inf->doc;
	uint32_t root = json_root(doc);
	struct api_error e;
	struct keeper_ask ask = {
		.messages = json_raw(doc, json_get(doc, root, STR("messages"))),
		.user = string_of(inf, STR("user")),
		.model = inf->request.model,
		.start_ns = inf->call->req->start_ns,
	};

	ask.params = params_of(inf, ask.messages);
	if (ask.user.len == 0)
		ask.user = string_of(inf, STR("safety_identifier"));
	(void)!read_metadata(inf, &ask.metadata, &e);
	return keeper_new(&ask);
}

/*
 * All that can be known before somebody is asked.  Out of line: while a stream
 * waits, its stack is to be short.
 */
static __attribute__((noinline)) bool prepare(struct inference *inf)
{
	struct api_call *c = inf->call;
	const struct provider_data *data = NULL;
	struct edge *edge = NULL;
	struct model_target target;
	struct api_error e;
	int r;

	r = read_request(inf, &e);
	if (r == 0)
		r = check_metadata(inf, &e);
	if (r == 0)
		r = find_target(inf, &target, &e);
	if (r == 0)
		r = provider_data_read(&c->req->head, &c->req->arena, &data,
				       &e);
	if (r == 0 && c->worker->library != NULL)
		r = replay_read(c, data, &edge, &e);
	if (r == 0)
		aim(inf, &target, data, edge);
	else
		route_fail(c, &e);
	if (r == 0 && is_kept(inf))
		inf->relay.keeper = keeper_of(inf);
	return r == 0;
}

void inference_run(struct api_call *c, const struct inference_kind *kind)
{
	struct inference *inf = arena_zalloc(&c->req->arena, sizeof(*inf));

	inf->call = c;
	inf->kind = kind;
	if (prepare(inf)) {
		relay_run(c->task, &inf->relay, forget_request, inf);
		exchange_close(&inf->x);
		keeper_free(inf->relay.keeper);
		note(inf);
	}
	if (inf->has_doc)
		json_fini(&inf->doc);
}
