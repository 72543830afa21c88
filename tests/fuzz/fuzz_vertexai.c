/*
 * Any text as a chat for Vertex AI and as its answer: a chat that passes the
 * check becomes JSON or is refused, and every object of an answer becomes JSON.
 */
#include "llm/chat.h"
#include "provider/vertexai.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	OUT_MAX = 64 << 20
};

static void require_json(struct str text)
{
	struct json_error bad;
	struct json doc;

	require(json_parse(text, &(struct json_limits){ .depth = 1000 }, &doc,
			   &bad) == 0);
	json_fini(&doc);
}

static void write_request(const struct json *doc, struct arena *a)
{
	struct api_error e = { 0 };
	struct buf out;

	buf_init(&out, OUT_MAX);
	if (vertexai_write(doc, a, &out, &e) == 0) {
		require_json(buf_str(&out));
	} else {
		require(e.status == 400 && e.message.len > 0);
		require(e.param.len > 0);
	}
	buf_fini(&out);
}

static void read_answer(const struct json *doc, bool stream, struct arena *a)
{
	static const struct provider_request req = { .add_usage = true };
	struct provider_request own = req;
	struct provider_stream *s;
	struct buf out;

	own.stream = stream;
	own.doc = doc;
	s = vertexai_begin(&own, a);
	buf_init(&out, OUT_MAX);
	for (int i = 0; i < 3; i++) {
		buf_clear(&out);
		require(vertexai_translate(s, i < 2 ? doc : NULL, &out) == 0);
		require(out.len > 0 || stream || i == 2);
		if (out.len > 0)
			require_json(buf_str(&out));
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
	if (chat_validate(&doc, &a, &chat, &e) == 0)
		write_request(&doc, &a);
	if (json_type(&doc, json_root(&doc)) == JSON_OBJECT) {
		read_answer(&doc, false, &a);
		read_answer(&doc, true, &a);
	}
	arena_fini(&a);
	json_fini(&doc);
	return 0;
}
