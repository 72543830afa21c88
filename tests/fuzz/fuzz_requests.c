/*
 * Any text as the request of any endpoint but chat: a refusal is always told,
 * with a member that can be found again in the message; what passes has all that
 * others count on, becomes a request to an upstream, and echo answers it.
 */
#include "config/config.h"
#include "llm/completion.h"
#include "llm/embeddings.h"
#include "llm/moderation.h"
#include "llm/rerank.h"
#include "provider/provider.h"

#include "tests/fuzz/require.h"

enum {
	CALLS_MAX = 500 /* a long stream tells no more than its start */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct endpoint {
	enum llm_op op;
	llm_check *check;
} endpoints[] = {
	{ LLM_COMPLETIONS, completion_check },
	{ LLM_EMBEDDINGS, embeddings_check },
	{ LLM_MODERATIONS, moderation_check },
	{ LLM_RERANK, rerank_check },
};

static void check_json(struct str text)
{
	struct json_error bad;
	struct json doc;

	require(json_parse(text, NULL, &doc, &bad) == 0);
	json_fini(&doc);
}

static void check_error(const struct api_error *e, struct arena *a)
{
	require(e->status == 400);
	require(e->type.len > 0 && e->message.len > 0);
	require(str_find(e->message, e->param) < e->message.len ||
		e->param.len == 0);
	check_json(json_quoted(a, e->message));
}

static void run_echo(const struct provider *p,
		     const struct provider_request *req, struct arena *a)
{
	struct provider_stream *s = arena_zalloc(a, p->type->stream_size);
	struct api_error e = { 0 };
	struct buf out;
	struct provider_reply reply = { .arena = a, .out = &out, .error = &e };
	int r = 1;

	buf_init(&out, 4 << 20);
	for (int i = 0; i < CALLS_MAX && r == 1; i++) {
		buf_clear(&out);
		r = p->type->generate(p, req, s, &reply);
		if (r == API_FAIL + 1)
			require(e.status == 400 && e.message.len > 0);
		else if (req->stream)
			require(str_starts(buf_str(&out), STR("data: ")));
		else
			check_json(buf_str(&out));
	}
	buf_fini(&out);
}

/* The pieces together are JSON with the upstream's model. */
static void run_encode(const char *kind, const struct provider_request *req,
		       struct arena *a)
{
	struct config_provider config = { .id = STR("it") };
	struct provider p = { .type = provider_type_find(str_of(kind)),
			      .id = config.id,
			      .key = STR("k"),
			      .config = &config,
			      .network = &config.network };
	struct provider_call call;
	struct api_error e = { 0 };
	struct json_error bad;
	struct json doc;

	if (provider_encode(&p, req, a, &call, &e) != 0) {
		check_error(&e, a);
		return;
	}
	require(json_parse(arena_join(a, call.pieces, call.piece_count), NULL,
			   &doc, &bad) == 0);
	require(req->model.len == 0 ||
		json_is(&doc, json_get(&doc, 0, STR("model")), STR("u")));
	json_fini(&doc);
}

static void run(const struct endpoint *end, const struct json *doc)
{
	struct config_provider config = { .id = STR("echo") };
	struct provider echo = { .type = provider_type_find(
					 STR("inline::echo")),
				 .id = config.id,
				 .config = &config };
	struct provider_request req = { .op = end->op,
					.model = STR("u"),
					.doc = doc };
	struct llm_request got;
	struct api_error e = { 0 };
	struct arena a;

	arena_init(&a, SIZE_MAX);
	if (end->check(doc, &a, &got, &e) != 0) {
		check_error(&e, &a);
	} else {
		require(got.model.len > 0 || end->op == LLM_MODERATIONS);
		require(end->op != LLM_RERANK ||
			(got.item_count > 0 && got.max_results > 0));
		req.stream = got.stream;
		if (provider_offers(&echo, end->op))
			run_echo(&echo, &req, &a);
		run_encode("remote::openai-compatible", &req, &a);
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct json_error bad;
	struct json doc;

	if (json_parse(text, NULL, &doc, &bad) != 0)
		return 0;
	for (size_t i = 0; i < countof(endpoints); i++)
		run(&endpoints[i], &doc);
	json_fini(&doc);
	return 0;
}
