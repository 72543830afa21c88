/*
 * Items as chat messages: what each becomes, and in which order (convert.json).
 */
#include "responses/convert.h"
#include "responses/item.h"

#include "tests/unit/responses/rows.h"

enum {
	ROWS = 41
};

static void convert(const struct json *rows, uint32_t row, struct arena *a)
{
	const char *name = arena_cz(a, rows_text(rows, row, "name", a));
	struct messages previous = { 0 }, out = { 0 }, want = { 0 };
	struct api_error e = { 0 };
	struct convert cv = { a, &e, &previous };
	uint32_t input = json_get(rows, row, STR("input"));
	struct field_checker c = { rows, a, &e };
	int r;

	messages_add_array(&previous, a, rows,
			   json_get(rows, row, STR("previous")));
	messages_add_array(&want, a, rows, json_get(rows, row, STR("want")));
	if (previous.count == 0)
		cv.previous = NULL;
	r = item_check_input(&c, FIELD_PATH(NULL, "input"), input);
	if (r != 0)
		fail_msg("%s: " STR_FMT, name, STR_ARG(e.message));
	r = convert_input(&cv, rows, input, &out);
	check_str(name, e.message, rows_text(rows, row, "error", a));
	check_int(name, e.status, e.message.len > 0 ? 400 : 0);
	check_int(name, r, e.message.len > 0 ? API_FAIL : 0);
	if (r == 0)
		check_str(name, rows_lines(&out, a), rows_lines(&want, a));
}

static void items(void **state)
{
	struct arena a, own;
	struct json rows;
	int count = 0;

	(void)state;
	arena_init(&own, 1 << 20);
	arena_init(&a, 1 << 20);
	rows_load("convert.json", &own, &rows);
	for (uint32_t v = json_first(&rows, 0); v != JSON_NONE;
	     v = json_next(&rows, v)) {
		convert(&rows, v, &a);
		arena_reset(&a);
		count++;
	}
	check_int("rows", count, ROWS);
	json_fini(&rows);
	arena_fini(&a);
	arena_fini(&own);
}

#define IMAGE "{\"type\":\"input_image\",\"image_url\":\"u\"}"
#define DOC   "{\"type\":\"input_file\",\"file_url\":\"v\"}"

static void prompts(void **state)
{
	static const struct str declared[] = { STR_INIT("a"), STR_INIT("pic"),
					       STR_INIT("doc") };
	static const struct {
		const char *name;
		struct str text, variables, system, tail;
	} rows[] = {
		{ "as it is", STR_INIT("Hello {{a}}"), STR_INIT("null"),
		  STR_INIT("Hello {{a}}"), STR_INIT("") },
		{ "filled", STR_INIT("{{a}}, {{ a }} and {{b}}{{"),
		  STR_INIT("{\"a\":{\"type\":\"input_text\",\"text\":"
			   "\"x{{a}}\"}}"),
		  STR_INIT("x{{a}}, x{{a}} and {{b}}{{"), STR_INIT("") },
		{ "by a word", STR_INIT("{{{{a}}}}"), STR_INIT("{\"a\":\"x\"}"),
		  STR_INIT("{{x}}"), STR_INIT("") },
		{ "a picture and a file", STR_INIT("see {{pic}} and {{doc}}"),
		  STR_INIT("{\"pic\":" IMAGE ",\"doc\":" DOC "}"),
		  STR_INIT("see [Image: pic] and [File: doc]"),
		  STR_INIT("{\"role\":\"user\",\"content\":[{\"type\":"
			   "\"image_url\",\"image_url\":{\"url\":\"u\","
			   "\"detail\":\"auto\"}},{\"type\":\"file\","
			   "\"file\":{\"file_data\":\"v\"}}]}") },
		{ "what is not declared", STR_INIT("x"),
		  STR_INIT("{\"b\":\"x\"}"),
		  STR_INIT("Invalid prompt variable: 'b' is not declared by "
			   "the prompt."),
		  STR_INIT("prompt.variables.b") },
		{ "a number", STR_INIT("x"), STR_INIT("{\"a\":1}"),
		  STR_INIT("Invalid type for 'prompt.variables.a': expected an "
			   "object, but got a number instead."),
		  STR_INIT("prompt.variables.a") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct messages system = { 0 }, tail = { 0 };
		struct api_error e = { 0 };
		struct arena a;
		struct convert cv = { &a, &e, NULL };
		struct json doc;
		struct convert_prompt p = { &doc, 0, rows[i].text, declared,
					    countof(declared) };
		struct str want = rows[i].system;

		arena_init(&a, 1 << 20);
		rows_parse(rows[i].name,
			   arena_printf(&a, "{\"variables\":" STR_FMT "}",
					STR_ARG(rows[i].variables)),
			   &doc);
		if (convert_prompt(&cv, &p, &system, &tail) != 0) {
			check_str(rows[i].name, e.message, want);
			check_str(rows[i].name, e.param, rows[i].tail);
			check_int(rows[i].name, e.status, 400);
			check_true(rows[i].name, e.with_detail);
		} else {
			want = arena_printf(
				&a,
				"{\"role\":\"system\",\"content\":\"" STR_FMT
				"\"}",
				STR_ARG(want));
			check_str(rows[i].name, rows_lines(&system, &a), want);
			check_str(rows[i].name, rows_lines(&tail, &a),
				  rows[i].tail);
		}
		json_fini(&doc);
		arena_fini(&a);
	}
}

static void instructions(void **state)
{
	struct messages m = { 0 };
	struct arena a;
	struct convert cv = { .arena = &a };

	(void)state;
	arena_init(&a, 1 << 16);
	convert_system(&cv, STR(""), &m);
	check_int("none", m.count, 0);
	convert_system(&cv, STR("be \"short\""), &m);
	check_str("one", rows_lines(&m, &a),
		  STR("{\"role\":\"system\",\"content\":"
		      "\"be \\\"short\\\"\"}"));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items),
		cmocka_unit_test(prompts),
		cmocka_unit_test(instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
