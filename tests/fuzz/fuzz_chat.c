/*
 * Any text as a chat request: a refusal is always told, what passes has all
 * that others count on, and echo answers it with JSON.
 */
#include "config/config.h"
#include "llm/chat.h"
#include "llm/message.h"
#include "provider/provider.h"

#include <stdlib.h>

enum {
	CALLS_MAX = 2000 /* a long stream tells no more than its start */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_json(struct str text)
{
	struct json_error bad;
	struct json doc;

	check(json_parse(text, &(struct json_limits){ .depth = 1000 }, &doc,
			 &bad) == 0);
	json_fini(&doc);
}

static void check_error(const struct api_error *e, struct arena *a)
{
	check(e->status >= 400 && e->status < 500);
	check(e->type.len > 0 && e->message.len > 0);
	check_json(json_quoted(a, e->message));
	check_json(json_quoted(a, e->param));
}

static void check_event(struct str text)
{
	static const struct str field = STR_INIT("data: ");

	check(str_starts(text, field) && str_ends(text, STR("\n\n")));
	text = str_drop(text, field.len);
	text.len -= 2;
	if (!str_eq(text, STR("[DONE]")))
		check_json(text);
}

static void run_echo(const struct json *doc, const struct chat_request *chat,
		     struct arena *a)
{
	const struct provider_type *type =
		provider_type_find(STR("inline::echo"));
	struct config_provider config = { .id = STR("echo") };
	struct provider p = { .type = type,
			      .id = config.id,
			      .config = &config };
	struct provider_request req = { .model = chat->model, .doc = doc };
	struct provider_stream *s = arena_zalloc(a, type->stream_size);
	struct api_error e = { 0 };
	struct buf out;
	struct provider_reply reply = { .arena = a, .out = &out, .error = &e };
	int r = 1;

	buf_init(&out, 64 << 20);
	for (int i = 0; i < CALLS_MAX && r == 1; i++) {
		buf_clear(&out);
		r = type->generate(&p, &req, s, &reply);
		check(reply.wait_ns >= 0);
		if (r == API_FAIL + 1)
			check_error(&e, a);
		else if (chat->stream)
			check_event(buf_str(&out));
		else
			check_json(buf_str(&out));
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct chat_request chat;
	struct api_error e = { 0 };
	struct json_error bad;
	struct arena a;
	struct json doc;

	if (json_parse(text, &(struct json_limits){ 0 }, &doc, &bad) != 0)
		return 0;
	arena_init(&a, SIZE_MAX);
	if (chat_validate(&doc, &a, &chat, &e) == 0) {
		check(chat.model.len > 0 && chat.n >= 1);
		check(chat.message_count >= 1);
		check(chat.max_tokens == -1 || chat.max_tokens >= 1);
		check(json_type(&doc, chat.messages) == JSON_ARRAY);
		run_echo(&doc, &chat, &a);
	} else {
		check_error(&e, &a);
	}
	arena_fini(&a);
	json_fini(&doc);
	return 0;
}
