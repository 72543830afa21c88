/* The checks of all endpoints but chat, which has a test of its own. */
#include "llm/completion.h"
#include "llm/embeddings.h"
#include "llm/moderation.h"
#include "llm/rerank.h"

#include "tests/unit/table.h"

#include <stdlib.h>

/* Requests with one member more. */
#define COMPLETE(member) "{\"model\":\"m\",\"prompt\":\"x\"," member "}"
#define PROMPT(prompt)   "{\"model\":\"m\",\"prompt\":" prompt "}"

#define EMBED(member) "{\"model\":\"m\",\"input\":\"x\"," member "}"
#define INPUT(input)  "{\"model\":\"m\",\"input\":" input "}"
#define RANK(members) "{\"model\":\"m\"," members "}"
#define IMAGE         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}}"
#define TEXT          "{\"type\":\"text\",\"text\":\"t\"}"

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

static void check_rows(const struct row *rows, size_t count, llm_check *check)
{
	for (size_t i = 0; i < count; i++) {
		struct row row = rows[i];

		row.check = check;
		check_row(&row);
	}
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

		{ "a list", .text = "[]", .param = "", "invalid_value",
		  "JSON object" },
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
	check_rows(rows, countof(rows), completion_check);
}

static void embeddings_are_checked(void **state)
{
	static const struct row rows[] = {
		{ .name = "a string", .text = INPUT("\"x\"") },
		{ .name = "strings", .text = INPUT("[\"x\",\"y\"]") },
		{ .name = "tokens", .text = INPUT("[1,2]") },
		{ .name = "lists of tokens", .text = INPUT("[[1],[2,3]]") },
		{ .name = "all members",
		  .text = EMBED("\"dimensions\":1,\"user\":\"u\",\"zz\":0,"
				"\"encoding_format\":\"base64\"") },
		{ .name = "no format",
		  .text = EMBED("\"encoding_format\":null") },

		{ "no input", .text = "{\"model\":\"m\"}", .param = "input",
		  "missing_required_parameter", "" },
		{ "no model", .text = "{\"input\":\"m\"}", .param = "model",
		  "missing_required_parameter", "" },
		{ "a null input", .text = INPUT("null"), .param = "input",
		  "missing_required_parameter", "" },
		{ "an input that is a number", .text = INPUT("1"),
		  .param = "input", "invalid_type", "got a number" },
		{ "no inputs", .text = INPUT("[]"), .param = "input",
		  "empty_array", "" },
		{ "no tokens", .text = INPUT("[[]]"), .param = "input[0]",
		  "empty_array", "" },
		{ "a flag among texts", .text = INPUT("[\"x\",true]"),
		  .param = "input[1]", "invalid_type", "a string" },
		{ "an unknown format",
		  .text = EMBED("\"encoding_format\":\"hex\""),
		  .param = "encoding_format", "invalid_value",
		  "'float' and 'base64'" },
		{ "a format that is a number",
		  .text = EMBED("\"encoding_format\":1"),
		  .param = "encoding_format", "invalid_type", "" },
		{ "no dimensions", .text = EMBED("\"dimensions\":0"),
		  .param = "dimensions", "integer_below_min_value", "" },
		{ "dimensions in words", .text = EMBED("\"dimensions\":\"9\""),
		  .param = "dimensions", "invalid_type", "" },
		{ "null dimensions", .text = EMBED("\"dimensions\":null"),
		  .param = "dimensions", "invalid_type", "got null" },
		{ "a null user", .text = EMBED("\"user\":null"),
		  .param = "user", "invalid_type", "got null" },
	};

	(void)state;
	check_rows(rows, countof(rows), embeddings_check);
}

static void moderations_are_checked(void **state)
{
	static const struct row rows[] = {
		{ .name = "a string", .text = "{\"input\":\"x\"}" },
		{ .name = "a model", .text = INPUT("\"x\"") },
		{ .name = "strings", .text = INPUT("[\"x\",\"y\"]") },
		{ .name = "parts", .text = INPUT("[" TEXT "," IMAGE "]") },

		{ "nothing", .text = "{}", .param = "input",
		  "missing_required_parameter", "" },
		{ "no inputs", .text = INPUT("[]"), .param = "input",
		  "empty_array", "" },
		{ "a number", .text = INPUT("[\"x\",1]"), .param = "input[1]",
		  "invalid_type", "a text part or an image part" },
		{ "a sound", .text = INPUT("[{\"type\":\"audio\"}]"),
		  .param = "input[0].type", "invalid_value", "'image_url'" },
		{ "an image without its address",
		  .text = INPUT("[{\"type\":\"image_url\",\"image_url\":{}}]"),
		  .param = "input[0].image_url.url",
		  "missing_required_parameter", "" },
		{ "a model that is a number",
		  .text = "{\"model\":1,\"input\":\"\"}", .param = "model",
		  "invalid_type", "" },
		{ "an empty model", .text = "{\"model\":\"\",\"input\":\"\"}",
		  .param = "model", "invalid_value", "" },
	};

	(void)state;
	check_rows(rows, countof(rows), moderation_check);
}

static void reranks_are_checked(void **state)
{
	static const struct row rows[] = {
		{ .name = "texts",
		  .text = RANK("\"query\":\"q\",\"items\":[\"a\"]") },
		{ .name = "parts",
		  .text = RANK("\"query\":" IMAGE ",\"items\":[" TEXT
			       ",\"b\"],\"max_num_results\":1") },
		{ .name = "no limit",
		  .text = RANK("\"query\":\"q\",\"items\":[\"a\"],"
			       "\"max_num_results\":null") },

		{ "no query", .text = RANK("\"items\":[\"a\"]"),
		  .param = "query", "missing_required_parameter", "" },
		{ "a list as query",
		  .text = RANK("\"query\":[],\"items\":[\"a\"]"),
		  .param = "query", "invalid_type", "" },
		{ "a query without text",
		  .text = RANK("\"query\":{\"type\":\"text\"},"
			       "\"items\":[\"a\"]"),
		  .param = "query.text", "missing_required_parameter", "" },
		{ "no items", .text = RANK("\"query\":\"q\""), .param = "items",
		  "missing_required_parameter", "" },
		{ "an empty list", .text = RANK("\"query\":\"q\",\"items\":[]"),
		  .param = "items", "empty_array", "" },
		{ "an item that is a number",
		  .text = RANK("\"query\":\"q\",\"items\":[\"a\",2]"),
		  .param = "items[1]", "invalid_type", "" },
		{ "no results",
		  .text = RANK("\"query\":\"q\",\"items\":[\"a\"],"
			       "\"max_num_results\":0"),
		  .param = "max_num_results", "integer_below_min_value", "" },
		{ "half a result",
		  .text = RANK("\"query\":\"q\",\"items\":[\"a\"],"
			       "\"max_num_results\":1.5"),
		  .param = "max_num_results", "invalid_type", "" },
	};

	(void)state;
	check_rows(rows, countof(rows), rerank_check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completions_are_checked),
		cmocka_unit_test(embeddings_are_checked),
		cmocka_unit_test(moderations_are_checked),
		cmocka_unit_test(reranks_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
