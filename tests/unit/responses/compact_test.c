/*
 * Compaction without a model: what is to be summed up, what is left, how much it
 * is; and the request for it.  The table is compact.json.
 */
#include "responses/compact.h"
#include "responses/request.h"

#include "tests/unit/responses/rows.h"

static struct str array_of(const struct messages *m, struct arena *a)
{
	struct item_list list = { m->texts, m->count };

	return compact_array(&list, a);
}

/* The row's member, with the spaces that it has between lines gone. */
static struct str want_of(const struct json *rows, uint32_t row,
			  const char *name, struct arena *a)
{
	struct messages m = { 0 };

	messages_add_array(&m, a, rows, json_get(rows, row, str_of(name)));
	return array_of(&m, a);
}

static void check_row(const struct json *rows, uint32_t row, struct arena *a)
{
	const char *name = arena_cz(a, rows_text(rows, row, "name", a));
	bool differs = json_get(rows, row, STR("of_messages")) != JSON_NONE;
	uint32_t tokens = json_get(rows, row, STR("tokens"));
	struct compact_source source = { 0 }, again;
	struct api_error e = { 0 };
	struct convert cv = { .arena = a, .error = &e };
	int64_t n = 0;

	check_int(name,
		  compact_of_items(&cv, want_of(rows, row, "items", a),
				   &source),
		  0);
	check_str(name, array_of(&source.messages, a),
		  want_of(rows, row, "messages", a));
	check_str(name, array_of(&source.said, a),
		  want_of(rows, row, "said", a));
	compact_of_messages(&source.messages, a, &again);
	check_str(name, array_of(&again.said, a),
		  want_of(rows, row, differs ? "of_messages" : "said", a));
	if (json_to_i64(rows, tokens, &n))
		check_int(name, compact_estimate(&source.messages), n);
}

static void sources(void **state)
{
	struct arena a;
	struct json rows;

	(void)state;
	arena_init(&a, 16 << 20);
	rows_load("compact.json", &a, &rows);
	for (uint32_t row = json_first(&rows, json_root(&rows));
	     row != JSON_NONE; row = json_next(&rows, row))
		check_row(&rows, row, &a);
	json_fini(&rows);
	arena_fini(&a);
}

static void what_is_left(void **state)
{
	struct compact_source source = { 0 };
	struct compact_text text = { STR("P"), STR("a \"b\"\n") };
	struct id_source ids = id_fixed(STR("compact"));
	struct item_list items;
	struct arena a;
	struct str all;

	(void)state;
	arena_init(&a, 1 << 20);
	messages_add(&source.said, &a, STR("[{\"x\":1}]"));
	messages_add(&source.said, &a, STR("\"t\""));
	compact_items(&source, &text, &ids, &a, &items);
	check_int("items", items.count, 3);
	all = compact_array(&items, &a);
	assert_true(str_find(all, STR("\"type\":\"message\",\"status\":"
				      "\"completed\",\"role\":\"user\","
				      "\"content\":[{\"x\":1}]},{\"id\":"
				      "\"msg_")) < all.len);
	assert_true(str_ends(all, STR("\"type\":\"compaction\","
				      "\"encrypted_content\":"
				      "\"P\\na \\\"b\\\"\\n\"}]")));
	/* The usual prefix. */
	text.prefix = STR_NULL;
	compact_items(&source, &text, &ids, &a, &items);
	assert_true(str_find(items.texts[2], STR("\"Another language model")) <
		    items.texts[2].len);
	arena_fini(&a);
}

static void the_question(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	check_str("as configured", compact_prompt(STR("Q"), STR(""), &a),
		  STR("{\"role\":\"user\",\"content\":\"Q\"}"));
	check_str("below instructions", compact_prompt(STR("Q"), STR("I"), &a),
		  STR("{\"role\":\"user\",\"content\":\"I\\n\\nQ\"}"));
	assert_true(str_starts(compact_prompt(STR(""), STR(""), &a),
			       STR("{\"role\":\"user\",\"content\":\"You are "
				   "performing a CONTEXT")));
	arena_fini(&a);
}

static void requests(void **state)
{
	static const struct {
		const char *name;
		struct str body, param;
	} rows[] = {
		{ "an input", STR_INIT("{\"model\":\"m\",\"input\":\"a\"}"),
		  STR_INIT("") },
		{ "a response",
		  STR_INIT("{\"model\":\"m\",\"previous_response_id\":\"r\"}"),
		  STR_INIT("") },
		{ "what is not its business",
		  STR_INIT("{\"model\":\"m\",\"input\":[{\"role\":\"user\","
			   "\"content\":\"a\"}],\"tools\":7,\"stream\":1,"
			   "\"temperature\":99,\"messages\":[]}"),
		  STR_INIT("") },
		{ "neither", STR_INIT("{\"model\":\"m\"}"), STR_INIT("input") },
		{ "null", STR_INIT("{\"model\":\"m\",\"input\":null}"),
		  STR_INIT("input") },
		{ "an empty list", STR_INIT("{\"model\":\"m\",\"input\":[]}"),
		  STR_INIT("input") },
		{ "no model", STR_INIT("{\"input\":\"a\"}"),
		  STR_INIT("model") },
		{ "a bad item", STR_INIT("{\"model\":\"m\",\"input\":[1]}"),
		  STR_INIT("input[0]") },
		{ "instructions of a wrong type",
		  STR_INIT("{\"model\":\"m\",\"input\":\"a\","
			   "\"instructions\":[]}"),
		  STR_INIT("instructions") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct response_request req;
		struct api_error e = { 0 };
		struct arena a;
		struct json doc;

		arena_init(&a, 1 << 20);
		rows_parse(rows[i].name, rows[i].body, &doc);
		check_int(rows[i].name,
			  responses_read_compact(&doc, &a, &req, &e),
			  rows[i].param.len > 0 ? API_FAIL : 0);
		check_str(rows[i].name, e.param, rows[i].param);
		check_true(rows[i].name,
			   e.with_detail == (rows[i].param.len > 0));
		json_fini(&doc);
		arena_fini(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources),
		cmocka_unit_test(what_is_left),
		cmocka_unit_test(the_question),
		cmocka_unit_test(requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
