/*
 * What the upstream gets of a request, whole, and what OGX would have sent
 * (bodies.json; "ogx" is missing where tools alone differ, or nothing does).
 */
#include "responses/chat_body.h"
#include "responses/convert.h"

#include "tests/unit/responses/rows.h"

enum {
	ROWS = 23,
	BODY_MAX = 1 << 16
};

static int64_t number(const struct json *rows, uint32_t row, const char *name,
		      int64_t absent)
{
	int64_t n = absent;

	(void)json_to_i64(rows, json_get(rows, row, str_of(name)), &n);
	return n;
}

static void check_body(const char *name, const struct json *rows, uint32_t want,
		       const struct chat_iteration *it,
		       int (*make)(const struct chat_iteration *it,
				   struct buf *out))
{
	struct buf out;
	size_t len;

	buf_init(&out, BODY_MAX);
	check_int(name, make(it, &out), 0);
	if (want != JSON_NONE)
		check_str(name, buf_str(&out), json_raw(rows, want));
	/* A limit that is one too small is found out, wherever it is. */
	len = out.len;
	for (size_t max = 1; max < len; max++) {
		buf_fini(&out);
		buf_init(&out, max);
		check_true(name, make(it, &out) < 0);
	}
	buf_fini(&out);
}

static void check_row(const struct json *rows, uint32_t row, struct arena *a)
{
	const char *name = arena_cz(a, rows_text(rows, row, "name", a));
	struct messages system = { 0 }, history = { 0 }, turn = { 0 };
	struct response_request req;
	struct api_error e = { 0 };
	struct convert cv = { a, &e, &history };
	struct json doc;
	struct chat_iteration it = {
		.request = &req,
		.system = &system,
		.history = &history,
		.turn = &turn,
		.number = number(rows, row, "number", 1),
		.output_tokens_used = number(rows, row, "used", 0),
		.tier = rows_text(rows, row, "tier", a),
		.dialect =
			chat_body_dialect(rows_text(rows, row, "dialect", a)),
	};

	rows_parse(name, json_raw(rows, json_get(rows, row, STR("request"))),
		   &doc);
	if (responses_read(&doc, a, &req, &e) != 0)
		fail_msg("%s: " STR_FMT, name, STR_ARG(e.message));
	messages_add_array(&history, a, rows,
			   json_get(rows, row, STR("history")));
	convert_system(&cv, req.instructions, &system);
	check_int(name, convert_input(&cv, &doc, req.at[RESPONSE_INPUT], &turn),
		  0);
	check_body(name, rows, json_get(rows, row, STR("wire")), &it,
		   chat_body);
	check_body(name, rows, json_get(rows, row, STR("ogx")), &it,
		   chat_body_ogx);
	json_fini(&doc);
}

static void bodies(void **state)
{
	struct arena a, own;
	struct json rows;
	int count = 0;

	(void)state;
	arena_init(&own, 1 << 20);
	arena_init(&a, 1 << 20);
	rows_load("bodies.json", &own, &rows);
	for (uint32_t v = json_first(&rows, 0); v != JSON_NONE;
	     v = json_next(&rows, v)) {
		check_row(&rows, v, &a);
		arena_reset(&a);
		count++;
	}
	check_int("rows", count, ROWS);
	json_fini(&rows);
	arena_fini(&a);
	arena_fini(&own);
}

static void dialects(void **state)
{
	(void)state;
	check_true("openai",
		   chat_body_dialect(STR("remote::openai")).verbosity);
	check_true("openai",
		   !chat_body_dialect(STR("remote::openai")).reasoning);
	check_true("vllm", chat_body_dialect(STR("remote::vllm")).reasoning);
	check_true("groq", !chat_body_dialect(STR("remote::groq")).verbosity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies),
		cmocka_unit_test(dialects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
