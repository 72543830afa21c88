/*
 * A query is a page that the store can be asked for, or an error with a status.
 * Messages of any JSON come as a list that is JSON, or not at all: up to the
 * first NUL it is a query, then messages, then choices.
 */
#include "api/page.h"
#include "api/stored_messages.h"
#include "llm/metadata.h"
#include "json/json.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_query(const struct store_query *q)
{
	require(q->limit >= 1 && q->limit <= STORE_LIMIT_MAX);
	require(q->after.len == 0 || q->before.len == 0);
	require(q->metadata_count <= STORE_FILTERS_MAX);
	for (size_t i = 0; i < q->metadata_count; i++) {
		size_t chars = metadata_chars(q->metadata[i].key);

		require(chars >= 1 && chars <= METADATA_KEY_MAX);
	}
}

static bool is_json(struct str text)
{
	struct json_error bad;
	struct json doc;

	if (json_parse(text, NULL, &doc, &bad) != 0)
		return false;
	json_fini(&doc);
	return true;
}

static void check_messages(const struct store_completion *c,
			   const struct store_query *q, size_t room)
{
	struct json_writer w;
	struct buf out;
	int r;

	buf_init(&out, room);
	json_writer_init(&w, &out);
	r = stored_messages_write(&w, c, q);
	if (r == 0) {
		require(json_writer_done(&w) == 0);
		require(is_json(buf_str(&out)));
	} else {
		require(r == STORED_MESSAGES_BAD_CURSOR ||
			r == STORED_MESSAGES_DAMAGED);
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str query, rest = { (const char *)data, len };
	struct page_usual usual = { .limit = 20, .newest_first = len % 2 == 0 };
	struct store_completion c = { .id = STR("c") };
	struct store_query q;
	struct api_error e;
	struct arena a;
	int r;

	(void)str_cut(rest, '\0', &query, &rest);
	(void)str_cut(rest, '\0', &c.request, &c.choices);
	arena_init(&a, 16 * len + (1 << 16));
	r = page_read(query, &usual, &a, &q, &e);
	if (r == 0) {
		check_query(&q);
		check_messages(&c, &q, 16 * len + (1 << 16));
	} else {
		require(r == API_FAIL && e.status == 400 && e.message.len > 0);
	}
	arena_fini(&a);
	return 0;
}
