/*
 * chat - POST /v1/chat/completions.
 */
#include "llm/chat.h"
#include "api/handlers.h"
#include "core/relay.h"

struct chat {
	struct api_call *call;
	struct json doc;
	bool has_doc;
	struct chat_request request;
	struct str model; /* its JSON text, copied */
	struct exchange x;
	struct relay relay;
};

static int bad_json(struct api_call *c, const struct json_error *je,
		    struct api_error *e)
{
	(void)api_fail(e, &c->req->arena, 400, "invalid_request_error", NULL,
		       "The request's body is not valid JSON: line %u, column "
		       "%u: %s.",
		       je->line, je->column, je->what);
	e->code = STR("invalid_json");
	return API_FAIL;
}

static int read_request(struct chat *chat, struct api_error *e)
{
	struct api_call *c = chat->call;
	struct arena *a = &c->req->arena;
	struct json_error je;
	int r;

	if (c->req->body.len == 0) {
		return api_fail(e, a, 400, "invalid_request_error", NULL,
				"The request has no body; send a JSON object "
				"with model and messages.");
	}
	if (json_parse(c->req->body, NULL, &chat->doc, &je) != 0)
		return bad_json(c, &je, e);
	chat->has_doc = true;
	r = chat_validate(&chat->doc, a, &chat->request, e);
	if (r != 0)
		return r;
	chat->model = arena_str(a, json_raw(&chat->doc,
					    json_get(&chat->doc,
						     json_root(&chat->doc),
						     STR("model"))));
	return 0;
}

static int check_target(struct api_call *c, const struct model_target *target,
			struct api_error *e)
{
	const struct provider_type *type = target->upstream->provider.type;

	if (target->model != NULL && !str_eq(target->model->type, STR("llm"))) {
		return api_fail(e, &c->req->arena, 400, "invalid_request_error",
				"model",
				"Model '" STR_FMT "' is of type '" STR_FMT
				"', not 'llm': it does not chat.",
				STR_ARG(target->model->id),
				STR_ARG(target->model->type));
	}
	if ((type->caps & PROVIDER_CHAT) == 0) {
		return api_fail(e, &c->req->arena, 501, "invalid_request_error",
				"model",
				"Provider '" STR_FMT
				"' has no chat completions.",
				STR_ARG(target->upstream->provider.id));
	}
	return 0;
}

static int bad_key(struct api_call *c, const char *why, struct api_error *e)
{
	return api_fail(e, &c->req->arena, 400, "invalid_request_error", NULL,
			"The header x-ogx-provider-data %s.", why);
}

/* What is sent in a header may hold nothing that ends one. */
static bool is_sendable(struct str key)
{
	for (size_t i = 0; i < key.len; i++) {
		if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
			return false;
	}
	return true;
}

/* A client may bring a key of its own, in an object with a member per kind. */
static int read_key(struct api_call *c, const struct provider_type *type,
		    struct str *out, struct api_error *e)
{
	static const struct json_limits limits = { .depth = 8, .nodes = 1000 };
	const struct http_header *h =
		http_find_name(&c->req->head, STR("x-ogx-provider-data"));
	struct json_error bad;
	struct json doc;
	uint32_t v;

	if (h == NULL || type->key_field == NULL)
		return 0;
	if (json_parse(h->value, &limits, &doc, &bad) != 0)
		return bad_key(c, "is not a JSON object", e);
	v = json_get(&doc, json_root(&doc), str_of(type->key_field));
	if (json_type(&doc, v) == JSON_STRING) {
		*out = arena_str(&c->req->arena,
				 json_string(&doc, v, &c->req->arena));
	}
	json_fini(&doc);
	if (!is_sendable(*out))
		return bad_key(c, "has a key with other than visible ASCII", e);
	return 0;
}

/*
 * The upstream has begun to answer: a long stream is not to hold the request,
 * which no retry will need.
 */
static void forget_request(void *arg)
{
	struct chat *chat = arg;

	/* A provider that answers by itself still reads it. */
	if (chat->x.head == NULL)
		return;
	json_fini(&chat->doc);
	chat->has_doc = false;
	chat->x.request.doc = NULL;
	request_release_input(chat->call->req);
}

static void note(struct chat *chat, const struct model_target *target)
{
	struct api_call *c = chat->call;
	const struct usage *u = &chat->relay.usage;

	if (u->prompt_tokens > 0)
		c->worker->stats.prompt_tokens += (uint64_t)u->prompt_tokens;
	if (u->completion_tokens > 0)
		c->worker->stats.completion_tokens +=
			(uint64_t)u->completion_tokens;
	if (!c->catalog->registry->config->log_access)
		return;
	c->note = arena_printf(
		&c->req->arena,
		" model=" STR_FMT " provider=" STR_FMT
		" upstream_status=%d attempts=%u prompt_tokens=%lld "
		"completion_tokens=%lld",
		STR_ARG(str_take(chat->model, 200)),
		STR_ARG(target->upstream->provider.id), chat->x.status,
		chat->x.attempts, (long long)u->prompt_tokens,
		(long long)u->completion_tokens);
}

void chat_create(struct api_call *c)
{
	struct chat *chat = arena_zalloc(&c->req->arena, sizeof(*chat));
	struct model_target target;
	struct str key = STR_NULL;
	struct api_error e;
	int r;

	chat->call = c;
	r = read_request(chat, &e);
	if (r == 0)
		r = catalog_resolve(c->catalog, chat->request.model,
				    &c->req->arena, &target, &e);
	if (r == 0)
		r = check_target(c, &target, &e);
	if (r == 0)
		r = read_key(c, target.upstream->provider.type, &key, &e);
	if (r == 0) {
		exchange_init(&chat->x, c->worker, &target);
		chat->x.request.op = LLM_CHAT;
		chat->x.request.key = key;
		chat->x.request.doc = &chat->doc;
		chat->x.request.stream = chat->request.stream;
		relay_init(&chat->relay, c->req, &chat->x, chat->model);
		relay_run(c->task, &chat->relay, forget_request, chat);
		exchange_close(&chat->x);
		note(chat, &target);
	} else {
		route_fail(c, &e);
	}
	if (chat->has_doc)
		json_fini(&chat->doc);
}
