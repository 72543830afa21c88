/* The checks of all endpoints but chat, which has a test of its own. */
#include "llm/completion.h"

#include "tests/unit/table.h"

#include <stdlib.h>

/* Requests with one member more. */
#define COMPLETE(member) "{\"model\":\"m\",\"prompt\":\"x\"," member "}"
#define PROMPT(prompt)   "{\"model\":\"m\",\"prompt\":" prompt "}"

struct row {
	const char *name;
	llm_check *check;
	const char *text;
	/* NULL: it passes. */
	const char *param, *code, *words;
};

static void check_refusal(const struct row *row, const struct api_error *e)
{
	struct str words = str_of(row->words);

	check_int(row->name, e->status, 400);
	check_str(row->name, e->type, STR("invalid_request_error"));
	check_str(row->name, e->param, str_of(row->param));
	check_str(row->name, e->code, str_of(row->code));
	if (words.len > 0 && str_find(e->message, words) == e->message.len) {
		fail_msg("%s: '" STR_FMT "' lacks '%s'", row->name,
			 STR_ARG(e->message), row->words);
	}
}

static void check_row(const struct row *row)
{
	struct json_error bad;
	struct json doc;
	struct llm_request req;
	struct api_error e = { 0 };
	struct arena a;
	int r;

	arena_init(&a, 1 << 24);
	if (json_parse(str_of(row->text), NULL, &doc, &bad) != 0)
		fail_msg("%s: the row is not JSON: %s", row->name, bad.what);
	r = row->check(&doc, &a, &req, &e);
	if (row->param != NULL) {
		check_int(row->name, r, API_FAIL);
		check_refusal(row, &e);
	} else if (r != 0) {
		fail_msg("%s: refused: " STR_FMT, row->name,
			 STR_ARG(e.message));
	}
	json_fini(&doc);
	arena_fini(&a);
}

static void completions_are_checked(void **state)
{
	static const struct row rows[] = {
		{ .name = "the least", .text = PROMPT("\"x\"") },
		{ .name = "an empty prompt", .text = PROMPT("\"\"") },
		{ .name = "no prompt, but said so", .text = PROMPT("null") },
		{ .name = "several prompts", .text = PROMPT("[\"a\",\"\"]") },
		{ .name = "tokens", .text = PROMPT("[0,50256]") },
		{ .name = "lists of tokens", .text = PROMPT("[[1],[2,3]]") },
		{ .name = "unknown members", .text = COMPLETE("\"zz\":[]") },
		{ .name = "the ends of the ranges",
		  .text = COMPLETE("\"logprobs\":5,\"best_of\":20,\"n\":1,"
				   "\"max_tokens\":0,\"temperature\":2,"
				   "\"top_p\":0,\"presence_penalty\":-2,"
				   "\"frequency_penalty\":2.0") },
		{ .name = "boolean logprobs",
		  .text = COMPLETE("\"logprobs\":true") },
		{ .name = "null is absent",
		  .text = COMPLETE("\"logprobs\":null,\"suffix\":null,"
				   "\"stop\":null,\"echo\":null,"
				   "\"best_of\":null,\"n\":null") },
		{ .name = "as many as the best of",
		  .text = COMPLETE("\"best_of\":3,\"n\":3") },

		{ "a list", .text = "[]", .param = "", "", "JSON object" },
		{ "no model", .text = "{\"prompt\":\"x\"}", .param = "model",
		  "missing_required_parameter", "" },
		{ "an empty model", .text = "{\"model\":\"\",\"prompt\":\"\"}",
		  .param = "model", "invalid_value", "/v1/models" },
		{ "no prompt", .text = "{\"model\":\"m\"}", .param = "prompt",
		  "missing_required_parameter", "" },
		{ "a prompt that is a number", .text = PROMPT("5"),
		  .param = "prompt", "invalid_type", "got a number" },
		{ "a prompt that is an object", .text = PROMPT("{}"),
		  .param = "prompt", "invalid_type", "got an object" },
		{ "an empty list", .text = PROMPT("[]"), .param = "prompt",
		  "empty_array", "at least one" },
		{ "an empty list of tokens", .text = PROMPT("[[1],[]]"),
		  .param = "prompt[1]", "empty_array", "" },
		{ "a text among tokens", .text = PROMPT("[1,\"a\"]"),
		  .param = "prompt[1]", "invalid_type", "an integer" },
		{ "a token among texts", .text = PROMPT("[\"a\",1]"),
		  .param = "prompt[1]", "invalid_type", "a string" },
		{ "a text in a list of lists", .text = PROMPT("[[1],\"a\"]"),
		  .param = "prompt[1]", "invalid_type",
		  "an array of integers" },
		{ "half a token", .text = PROMPT("[[1],[2,2.5]]"),
		  .param = "prompt[1][1]", "invalid_value", "2.5" },
		{ "a token below zero", .text = PROMPT("[-1]"),
		  .param = "prompt[0]", "invalid_value", "from 0 on" },
		{ "a list of nulls", .text = PROMPT("[null]"),
		  .param = "prompt[0]", "invalid_type", "got null" },
		{ "too many log probabilities",
		  .text = COMPLETE("\"logprobs\":6"), .param = "logprobs",
		  "integer_above_max_value", "<= 5" },
		{ "log probabilities in words",
		  .text = COMPLETE("\"logprobs\":\"1\""), .param = "logprobs",
		  "invalid_type", "an integer or a boolean" },
		{ "half a log probability",
		  .text = COMPLETE("\"logprobs\":0.5"), .param = "logprobs",
		  "invalid_type", "" },
		{ "the best of too many", .text = COMPLETE("\"best_of\":21"),
		  .param = "best_of", "integer_above_max_value", "<= 20" },
		{ "the best of fewer than asked for",
		  .text = COMPLETE("\"best_of\":2,\"n\":3"), .param = "best_of",
		  "invalid_value", "not less than 'n'" },
		{ "no answers", .text = COMPLETE("\"n\":0"), .param = "n",
		  "integer_below_min_value", "" },
		{ "too many answers", .text = COMPLETE("\"n\":129"),
		  .param = "n", "integer_above_max_value", "" },
		{ "echo as a word", .text = COMPLETE("\"echo\":\"yes\""),
		  .param = "echo", "invalid_type", "a boolean" },
		{ "a suffix of numbers", .text = COMPLETE("\"suffix\":1"),
		  .param = "suffix", "invalid_type", "a string" },
		{ "too hot", .text = COMPLETE("\"temperature\":2.5"),
		  .param = "temperature", "decimal_above_max_value", "" },
		{ "fewer tokens than none",
		  .text = COMPLETE("\"max_tokens\":-1"), .param = "max_tokens",
		  "integer_below_min_value", "" },
		{ "a seed that is a text", .text = COMPLETE("\"seed\":\"1\""),
		  .param = "seed", "invalid_type", "" },
		{ "usage as a number",
		  .text = COMPLETE("\"stream_options\":{\"include_usage\":1}"),
		  .param = "stream_options.include_usage", "invalid_type", "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct row row = rows[i];

		row.check = completion_check;
		check_row(&row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completions_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
