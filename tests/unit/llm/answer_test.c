/* Answers that are rewritten: embeddings in both forms, rankings. */
#include "llm/embeddings.h"
#include "llm/rerank.h"

#include "tests/unit/table.h"

#define USAGE ",\"usage\":{\"prompt_tokens\":1,\"total_tokens\":2}"
#define ZEROS ",\"usage\":{\"prompt_tokens\":0,\"total_tokens\":0}"
/* 0.25 and -1 */
#define CODED "\"AACAPgAAgL8=\""
#define PLAIN "[0.25,-1.0]"

struct row {
	const char *name, *body;
	bool base64;
	const char *want; /* the answer; or NULL: it is refused */
	const char *bad;  /* with these words */
};

static void check_row(const struct row *row, int (*make)(struct llm_answer *a))
{
	struct json_limits limits = { .fold_numbers = true };
	struct llm_request req = { .base64 = row->base64,
				   .item_count = 3,
				   .max_results = 2 };
	struct json_error bad;
	struct json doc;
	struct arena a;
	struct llm_answer answer = { .doc = &doc,
				     .request = &req,
				     .model = STR("\"mine\""),
				     .arena = &a };
	int r;

	arena_init(&a, 1 << 20);
	buf_init(&answer.out, 300);
	check_int(row->name, json_parse(str_of(row->body), &limits, &doc, &bad),
		  0);
	r = make(&answer);
	check_int(row->name, r, row->want != NULL ? 0 : API_FAIL);
	if (r == 0) {
		check_str(row->name,
			  arena_join(&a, answer.pieces, answer.count),
			  str_of(row->want));
	} else if (str_find(answer.bad, str_of(row->bad)) == answer.bad.len) {
		fail_msg("%s: '" STR_FMT "' lacks '%s'", row->name,
			 STR_ARG(answer.bad), row->bad);
	}
	buf_fini(&answer.out);
	json_fini(&doc);
	arena_fini(&a);
}

static void embeddings_get_their_form(void **state)
{
	static const struct row rows[] = {
		{ "numbers as they came",
		  "{\"data\":[{\"index\":0,\"embedding\":[0.250,-1e0]}],"
		  "\"model\":\"m\"" USAGE "}",
		  false,
		  "{\"data\":[{\"index\":0,\"embedding\":[0.250,-1e0]}],"
		  "\"model\":\"mine\"" USAGE "}",
		  NULL },
		{ "base64 as it came",
		  "{\"data\":[{\"index\":0,\"embedding\":" CODED "}],"
		  "\"model\":\"m\"" USAGE "}",
		  true,
		  "{\"data\":[{\"index\":0,\"embedding\":" CODED "}],"
		  "\"model\":\"mine\"" USAGE "}",
		  NULL },
		{ "numbers become base64",
		  "{\"model\":\"m\", \"data\" : [ {\"embedding\": " PLAIN
		  " , \"index\":0, \"x\":1.50} ]" USAGE "}",
		  true,
		  "{\"model\":\"mine\", \"data\" : [{\"embedding\": " CODED
		  " , \"index\":0, \"x\":1.50}]" USAGE "}",
		  NULL },
		{ "base64 becomes numbers",
		  "{\"data\":[{\"embedding\":" CODED ",\"index\":0}],"
		  "\"model\":\"m\"" USAGE "}",
		  false,
		  "{\"data\":[{\"embedding\":" PLAIN ",\"index\":0}],"
		  "\"model\":\"mine\"" USAGE "}",
		  NULL },
		{ "an escaped slash in base64",
		  "{\"data\":[{\"embedding\":\"AACAPgAAgL8=\",\"index\":0},"
		  "{\"embedding\":\"\\/\\/9\\/fw==\",\"index\":1}],"
		  "\"model\":\"m\"" USAGE "}",
		  false,
		  "{\"data\":[{\"embedding\":" PLAIN ",\"index\":0},"
		  "{\"embedding\":[3.4028235e+38],\"index\":1}],"
		  "\"model\":\"mine\"" USAGE "}",
		  NULL },
		{ "no number is null",
		  "{\"data\":[{\"embedding\":\"AACAfw==\",\"index\":0}],"
		  "\"model\":\"m\"" USAGE "}",
		  false,
		  "{\"data\":[{\"embedding\":[null],\"index\":0}],"
		  "\"model\":\"mine\"" USAGE "}",
		  NULL },
		{ "both forms in one answer",
		  "{\"data\":[{\"index\":1,\"embedding\":" CODED "},"
		  "{\"index\":0,\"embedding\":[2]}],\"model\":\"m\"" USAGE "}",
		  true,
		  "{\"data\":[{\"index\":1,\"embedding\":" CODED "},"
		  "{\"index\":0,\"embedding\":\"AAAAQA==\"}],"
		  "\"model\":\"mine\"" USAGE "}",
		  NULL },
		{ "an empty embedding",
		  "{\"data\":[{\"index\":0,\"embedding\":[]}],\"model\":\"m\"" USAGE
		  "}",
		  true,
		  "{\"data\":[{\"index\":0,\"embedding\":\"\"}],"
		  "\"model\":\"mine\"" USAGE "}",
		  NULL },
		{ "what is missing is added",
		  "{\"data\":[{\"embedding\":[1]}]}", false,
		  "{\"data\":[{\"index\":0,\"embedding\":[1]}],"
		  "\"model\":\"mine\"" ZEROS "}",
		  NULL },
		{ "indices that are no row",
		  "{\"data\":[{\"index\":7,\"embedding\":[1]},"
		  "{\"embedding\":[2],\"index\":7}],\"model\":\"m\"" USAGE "}",
		  false,
		  "{\"data\":[{\"index\":0,\"embedding\":[1]},"
		  "{\"embedding\":[2],\"index\":1}],\"model\":\"mine\"" USAGE
		  "}",
		  NULL },
		{ "an index that is there twice",
		  "{\"data\":[{\"index\":1,\"embedding\":[1]},"
		  "{\"index\":1,\"embedding\":[2]}],\"model\":\"m\"" USAGE "}",
		  false,
		  "{\"data\":[{\"index\":0,\"embedding\":[1]},"
		  "{\"index\":1,\"embedding\":[2]}],\"model\":\"mine\"" USAGE
		  "}",
		  NULL },
		{ "an index below none",
		  "{\"data\":[{\"index\":-1,\"embedding\":[1]}],"
		  "\"model\":\"m\"" USAGE "}",
		  false,
		  "{\"data\":[{\"index\":0,\"embedding\":[1]}],"
		  "\"model\":\"mine\"" USAGE "}",
		  NULL },
		{ "the other count of two",
		  "{\"data\":[],\"model\":\"m\",\"usage\":{\"total_tokens\":"
		  "9}}",
		  false,
		  "{\"data\":[],\"model\":\"mine\",\"usage\":{"
		  "\"total_tokens\":9,\"prompt_tokens\":9}}",
		  NULL },
		{ "one count of two",
		  "{\"data\":[],\"model\":\"m\",\"usage\":{\"prompt_tokens\":"
		  "9}}",
		  false,
		  "{\"data\":[],\"model\":\"mine\",\"usage\":{"
		  "\"prompt_tokens\":9,\"total_tokens\":9}}",
		  NULL },
		{ "no data", "{}", false, NULL, "no list 'data'" },
		{ "an element that is none", "{\"data\":[[1]]}", false, NULL,
		  "data[0].embedding is neither" },
		{ "a text that is no base64",
		  "{\"data\":[{\"embedding\":\"AAAA====\"}]}", false, NULL,
		  "data[0].embedding is not base64" },
		{ "half a float", "{\"data\":[{\"embedding\":\"AAA=\"}]}",
		  false, NULL, "not base64 of floats" },
		{ "more than may be answered",
		  "{\"data\":[{\"embedding\":\"AACAPgAAgL8AAIA+AACAvwAAgD4AAIC/"
		  "AACAPgAAgL8AAIA+AACAvwAAgD4AAIC/AACAPgAAgL8AAIA+AACAvw==\"}"
		  "]}",
		  false, NULL, "over 300 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		check_row(&rows[i], embeddings_answer);
}

#define RANKED(a, b) "{\"data\":[{\"index\":" a "},{\"index\":" b "}]}"

static void rankings_are_sorted_and_cut(void **state)
{
	static const struct row rows[] = {
		{ "vLLM's",
		  "{\"id\":\"x\",\"results\":[{\"index\":0,\"document\":{},"
		  "\"relevance_score\":0.10},{\"index\":2,\"document\":{},"
		  "\"relevance_score\":9e-1},{\"index\":1,"
		  "\"relevance_score\":-5}]}",
		  false,
		  RANKED("2,\"relevance_score\":9e-1",
			 "0,\"relevance_score\":0.10"),
		  NULL },
		{ "NVIDIA's, and equal scores",
		  "{\"rankings\":[{\"index\":1,\"logit\":3},{\"index\":0,"
		  "\"logit\":3.0}]}",
		  false,
		  RANKED("0,\"relevance_score\":3.0",
			 "1,\"relevance_score\":3"),
		  NULL },
		{ "none", "{\"results\":[]}", false, "{\"data\":[]}", NULL },
		{ "no list", "{\"results\":{}}", false, NULL, "no list" },
		{ "no such item", "{\"data\":[{\"index\":3,\"score\":1}]}",
		  false, NULL, "result 0" },
		{ "no score", "{\"data\":[{\"index\":1,\"score\":\"1\"}]}",
		  false, NULL, "result 0" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		check_row(&rows[i], rerank_answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(embeddings_get_their_form),
		cmocka_unit_test(rankings_are_sorted_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
