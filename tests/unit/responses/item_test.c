/*
 * Items as they are stored, references to them, and lists of messages.
 */
#include "responses/id.h"
#include "responses/item.h"

#include "tests/unit/responses/rows.h"

/* With the digits of an id that comes first cut. */
static struct str without_digits(const char *name, struct str text,
				 struct arena *a)
{
	struct str head, id, rest;

	if (!str_starts(text, STR("{\"id\":\"")))
		return text;
	(void)str_cut(text, '_', &head, &rest);
	(void)str_cut(rest, '"', &id, &rest);
	check_int(name, id.len, ID_DIGITS);
	return arena_printf(a, STR_FMT "_*\"" STR_FMT, STR_ARG(head),
			    STR_ARG(rest));
}

static void stored(void **state)
{
	static const struct {
		const char *name;
		struct str input, want;
	} rows[] = {
		{ "a string", STR_INIT("\"a\\n\""),
		  STR_INIT("{\"id\":\"msg_*\",\"type\":\"message\",\"role\":"
			   "\"user\",\"content\":[{\"type\":\"input_text\","
			   "\"text\":\"a\\n\"}],\"status\":\"completed\"}") },
		{ "as they came",
		  STR_INIT("[{\"type\":\"message\", \"id\":\"x\","
			   "\"role\":\"user\",\"content\":[],"
			   "\"status\":\"incomplete\"}]"),
		  STR_INIT("{\"type\":\"message\", \"id\":\"x\",\"role\":"
			   "\"user\",\"content\":[],"
			   "\"status\":\"incomplete\"}") },
		{ "an answer's text alone",
		  STR_INIT("[{\"type\":\"message\",\"id\":\"x\","
			   "\"role\":\"assistant\",\"content\":\"a\","
			   "\"status\":null}]"),
		  STR_INIT("{\"type\":\"message\",\"id\":\"x\",\"role\":"
			   "\"assistant\",\"content\":[{\"type\":"
			   "\"output_text\",\"text\":\"a\","
			   "\"annotations\":[],\"logprobs\":[]}],"
			   "\"status\":\"completed\"}") },
		{ "without a type",
		  STR_INIT("[{\"role\":\"user\",\"content\":\"a\","
			   "\"id\":null,\"type\":null}]"),
		  STR_INIT("{\"id\":\"msg_*\",\"type\":\"message\",\"role\":"
			   "\"user\",\"content\":[{\"type\":\"input_text\","
			   "\"text\":\"a\"}],\"status\":\"completed\"}") },
		{ "without a type, with an id",
		  STR_INIT("[{\"role\":\"user\",\"content\":\"a\","
			   "\"id\":\"x\"}]"),
		  STR_INIT("{\"type\":\"message\",\"role\":\"user\","
			   "\"content\":[{\"type\":\"input_text\","
			   "\"text\":\"a\"}],\"id\":\"x\","
			   "\"status\":\"completed\"}") },
		{ "each has its own",
		  STR_INIT("[{\"type\":\"function_call\",\"call_id\":\"c\"},"
			   "{\"type\":\"function_call_output\"},"
			   "{\"type\":\"reasoning\"},"
			   "{\"type\":\"compaction\"},"
			   "{\"type\":\"mcp_list_tools\"}]"),
		  STR_INIT("{\"id\":\"fc_*\",\"type\":\"function_call\","
			   "\"call_id\":\"c\",\"status\":\"completed\"}\n"
			   "{\"id\":\"fco_*\",\"type\":"
			   "\"function_call_output\",\"status\":"
			   "\"completed\"}\n"
			   "{\"id\":\"rs_*\",\"type\":\"reasoning\"}\n"
			   "{\"id\":\"cmp_*\",\"type\":\"compaction\"}\n"
			   "{\"id\":\"item_*\",\"type\":"
			   "\"mcp_list_tools\"}") },
		{ "no references", STR_INIT("[{\"id\":\"x\"}]"), STR_INIT("") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct id_source ids = ID_RANDOM;
		struct messages shown = { 0 };
		struct item_list list;
		struct arena a;
		struct json doc;

		arena_init(&a, 1 << 20);
		rows_parse(rows[i].name, rows[i].input, &doc);
		item_store(&doc, json_root(&doc), &ids, &a, &list);
		for (size_t k = 0; k < list.count; k++) {
			messages_add(&shown, &a,
				     without_digits(rows[i].name, list.texts[k],
						    &a));
		}
		check_str(rows[i].name, rows_lines(&shown, &a), rows[i].want);
		json_fini(&doc);
		arena_fini(&a);
	}
}

static void references(void **state)
{
	struct str found[] = { STR("{\"x\":1}"), STR("{\"y\":2}") };
	struct item_list list;
	struct arena a;
	struct json doc;

	(void)state;
	arena_init(&a, 1 << 20);
	rows_parse("references",
		   STR("[{\"type\":\"item_reference\",\"id\":\"a\"}, "
		       "{\"type\":\"reasoning\",\"id\":\"c\"},"
		       "{\"id\":\"b\\/\"}]"),
		   &doc);
	item_references(&doc, 0, &a, &list);
	check_int("count", list.count, 2);
	check_str("first", list.texts[0], STR("a"));
	check_str("second", list.texts[1], STR("b/"));
	list.texts = found;
	check_str("resolved", item_resolve(&doc, 0, &list, &a),
		  STR("[{\"x\":1},{\"type\":\"reasoning\",\"id\":\"c\"},"
		      "{\"y\":2}]"));
	json_fini(&doc);
	rows_parse("a string", STR("\"a\""), &doc);
	item_references(&doc, 0, &a, &list);
	check_int("none", list.count, 0);
	json_fini(&doc);
	arena_fini(&a);
}

static void kinds(void **state)
{
	static const struct {
		struct str item;
		enum item_kind kind;
	} rows[] = {
		{ STR_INIT("{\"role\":\"user\"}"), ITEM_MESSAGE },
		{ STR_INIT("{\"type\":null,\"role\":\"user\",\"id\":\"x\"}"),
		  ITEM_MESSAGE },
		{ STR_INIT("{\"id\":\"x\"}"), ITEM_REFERENCE },
		{ STR_INIT("{\"type\":\"item_reference\"}"), ITEM_REFERENCE },
		{ STR_INIT("{\"type\":\"mcp_call\"}"), ITEM_MCP_CALL },
		{ STR_INIT("{\"type\":\"web_search_call\"}"), ITEM_SILENT },
		{ STR_INIT("{\"type\":\"x\",\"role\":\"user\"}"),
		  ITEM_UNKNOWN },
		{ STR_INIT("{}"), ITEM_UNKNOWN },
		{ STR_INIT("1"), ITEM_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct json doc;

		rows_parse("kind", rows[i].item, &doc);
		check_int(rows[i].item.ptr, item_kind(&doc, json_root(&doc)),
			  rows[i].kind);
		json_fini(&doc);
	}
}

static void carried(void **state)
{
	struct str texts[] = {
		STR("{\"role\":\"system\",\"content\":\"s\"}"),
		STR("{\"role\":\"user\",\"content\":\"aaaa\"}"),
		STR("{\"role\":\"assistant\",\"content\":\"bbbb\"}"),
		STR("{\"role\":\"tool\",\"content\":\"user\"}"),
		STR("{\"content\":\"cc\",\"role\":\"user\"}"),
		STR("{\"role\":\"assistant\",\"content\":\"dd\"}"),
	};
	struct messages m = { texts, countof(texts), countof(texts) };
	struct messages out = { 0 };
	size_t last = texts[4].len + texts[5].len;
	size_t all = last + texts[1].len + texts[2].len + texts[3].len;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	messages_carry(&m, &a, &out);
	check_int("all but one", out.count, countof(texts) - 1);
	check_str("first", out.texts[0], texts[1]);
	check_int("all fit", messages_truncate(&m, all), 1);
	check_int("one turn fits", messages_truncate(&m, all - 1), 4);
	check_int("that turn alone", messages_truncate(&m, last), 4);
	check_int("nothing fits", messages_truncate(&m, 0), 4);
	m.count = 1;
	check_int("nobody asked", messages_truncate(&m, 0), 0);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored),
		cmocka_unit_test(references),
		cmocka_unit_test(kinds),
		cmocka_unit_test(carried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
