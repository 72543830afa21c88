#include "config/config.h"
#include "provider/openai.h"
#include "provider/provider.h"

#include "tests/unit/table.h"

#include <errno.h>

/* An instance without a configuration file. */
static void make(struct provider *p, const char *type, const char *key,
		 struct arena *a)
{
	struct config_provider *config = arena_zalloc(a, sizeof(*config));

	*config = (struct config_provider){ .id = STR("it"),
					    .type = str_of(type) };
	*p = (struct provider){
		.type = provider_type_find(str_of(type)),
		.id = config->id,
		.key = str_of(key),
		.config = config,
		.network = &config->network,
	};
	assert_non_null(p->type);
}

static void errors_are_told_in_openais_terms(void **state)
{
	static const struct {
		const char *name;
		int status, want_status;
		const char *body, *type, *code, *param, *message;
	} cases[] = {
		{ "OpenAI", 404, 404,
		  "{\"error\":{\"message\":\"No such model\",\"type\":"
		  "\"invalid_request_error\",\"param\":\"model\",\"code\":"
		  "\"model_not_found\"}}",
		  "invalid_request_error", "model_not_found", "model",
		  "No such model" },
		{ "nulls are nothing", 429, 429,
		  "{\"error\":{\"message\":\"Slow down\",\"type\":\"requests\","
		  "\"param\":null,\"code\":null}}",
		  "requests", "", "", "Slow down" },
		{ "a type that is missing follows from the status", 429, 429,
		  "{\"error\":{\"message\":\"m\"}}", "rate_limit_error", "", "",
		  "m" },
		{ "a code that is a number", 400, 400,
		  "{\"object\":\"error\",\"message\":\"too long\",\"type\":"
		  "\"BadRequestError\",\"param\":null,\"code\":400}",
		  "BadRequestError", "400", "", "too long" },
		{ "Google has a list of one", 400, 400,
		  "[{\"error\":{\"code\":400,\"message\":\"bad key\","
		  "\"status\":\"INVALID_ARGUMENT\"}}]",
		  "invalid_request_error", "INVALID_ARGUMENT", "", "bad key" },
		{ "Azure has a number as status", 400, 400,
		  "{\"error\":{\"message\":\"filtered\",\"type\":null,"
		  "\"param\":\"prompt\",\"code\":\"content_filter\","
		  "\"status\":400}}",
		  "invalid_request_error", "content_filter", "prompt",
		  "filtered" },
		{ "Azure's gateway", 401, 401,
		  "{\"statusCode\":401,\"message\":\"Access denied\"}",
		  "authentication_error", "", "", "Access denied" },
		{ "Ollama", 404, 404, "{\"error\":\"model not found\"}",
		  "invalid_request_error", "", "", "model not found" },
		{ "FastAPI", 422, 422, "{\"detail\":\"Not so\"}",
		  "invalid_request_error", "", "", "Not so" },
		{ "AWS", 403, 403, "{\"Message\":\"not authorized\"}",
		  "permission_error", "", "", "not authorized" },
		{ "Anthropic", 529, 529,
		  "{\"type\":\"error\",\"error\":{\"type\":"
		  "\"overloaded_error\",\"message\":\"Overloaded\"}}",
		  "overloaded_error", "", "", "Overloaded" },
		{ "HTML", 502, 502, "<html>\r\n  <b>Bad\tGateway</b></html>\n",
		  "upstream_error", "", "",
		  "Provider 'it' answered with status 502: Bad "
		  "Gateway" },
		{ "bytes that are no text", 500, 500, "\xff\x01\xc3(",
		  "server_error", "", "",
		  "Provider 'it' answered with status 500: ? ?(" },
		{ "JSON without a message", 500, 500, "{\"a\":1}",
		  "server_error", "", "",
		  "Provider 'it' answered with status 500: {\"a\":1}" },
		{ "an empty message", 500, 500,
		  "{\"error\":{\"message\":\"\"}}", "server_error", "", "",
		  "Provider 'it' answered with status 500: "
		  "{\"error\":{\"message\":\"\"}}" },
		{ "no body", 503, 503, "", "service_unavailable_error", "", "",
		  "Provider 'it' answered with status 503 and no body." },
		{ "a redirection is not the client's business", 302, 502, "",
		  "upstream_error", "", "",
		  "Provider 'it' answered with status 302 and no body." },
		{ "the key is not told", 401, 401,
		  "{\"error\":{\"message\":\"wrong: sk-secret-1, sk-secret-1!"
		  "\"}}",
		  "authentication_error", "", "",
		  "wrong: ********, ********!" },
	};
	struct arena a;
	struct provider p;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct api_error e;

		arena_init(&a, 1 << 20);
		make(&p, "remote::groq", "sk-secret-1", &a);
		provider_map_error(&p, cases[i].status, str_of(cases[i].body),
				   &a, &e);
		check_int(cases[i].name, e.status, cases[i].want_status);
		check_str(cases[i].name, e.type, str_of(cases[i].type));
		check_str(cases[i].name, e.code, str_of(cases[i].code));
		check_str(cases[i].name, e.param, str_of(cases[i].param));
		check_str(cases[i].name, e.message, str_of(cases[i].message));
		arena_fini(&a);
	}
}

static void foreign_bodies_are_cut(void **state)
{
	static char body[100000];
	struct api_error e;
	struct arena a;
	struct provider p;

	(void)state;
	arena_init(&a, 1 << 20);
	make(&p, "remote::groq", "", &a);
	memset(body, 'x', sizeof(body));
	provider_map_error(&p, 500, (struct str){ body, sizeof(body) }, &a, &e);
	check_int("length", e.message.len,
		  STR("Provider 'it' answered with status 500: ").len + 300);
	arena_fini(&a);
}

static void kinds_say_what_to_do(void **state)
{
	static const struct {
		const char *name, *type;
		int status;
		const char *body, *words;
	} cases[] = {
		{ "a deployment that is not there", "remote::azure", 404,
		  "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":"
		  "\"The API deployment does not exist.\"}}",
		  "must be the name of a deployment" },
		{ "a token that expired", "remote::bedrock", 403,
		  "{\"message\":\"Bearer token has expired\"}",
		  "AWS_BEARER_TOKEN_BEDROCK" },
	};
	struct arena a;
	struct provider p;
	struct api_error e;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(cases); i++) {
		make(&p, cases[i].type, "some-long-key", &a);
		if (p.type->setup != NULL)
			assert_int_equal(p.type->setup(&p, &a, &e), 0);
		provider_map_error(&p, cases[i].status, str_of(cases[i].body),
				   &a, &e);
		check_int(cases[i].name, e.status, cases[i].status);
		check_true(cases[i].name,
			   str_find(e.message, str_of(cases[i].words)) <
				   e.message.len);
	}
	arena_fini(&a);
}

static void model_lists_are_read(void **state)
{
	static const struct {
		const char *name, *type, *body;
		int want;
		const char *ids;
	} cases[] = {
		{ "OpenAI", "remote::openai",
		  "{\"object\":\"list\",\"data\":[{\"id\":\"a\"},{\"id\":"
		  "\"b\\/c\"}]}",
		  0, "first a b/c" },
		{ "Together has a bare array", "remote::together",
		  "[{\"id\":\"a\"}]", 0, "first a" },
		{ "Databricks has endpoints", "remote::databricks",
		  "{\"endpoints\":[{\"name\":\"e1\",\"id\":\"x\"}]}", 0,
		  "first e1" },
		{ "an empty list", "remote::openai", "{\"data\":[]}", 0,
		  "first" },
		{ "what has no id is left out", "remote::openai",
		  "{\"data\":[{},1,{\"id\":\"\"},{\"id\":7},{\"id\":\"a\"}]}",
		  0, "first a" },
		{ "no list", "remote::openai", "{\"models\":[]}", -EPROTO,
		  "first" },
		{ "no JSON", "remote::openai", "<html>", -EPROTO, "first" },
	};
	struct arena a;
	struct provider p;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(cases); i++) {
		struct provider_model first = { .id = STR("first") };
		struct provider_models out = { .items = &first, .count = 1 };
		struct str all = STR_NULL;

		make(&p, cases[i].type, "", &a);
		check_int(cases[i].name,
			  provider_decode_models(&p, str_of(cases[i].body), &a,
						 &out),
			  cases[i].want);
		for (size_t j = 0; j < out.count; j++) {
			all = arena_printf(&a, STR_FMT "%s" STR_FMT,
					   STR_ARG(all), j > 0 ? " " : "",
					   STR_ARG(out.items[j].id));
		}
		check_str(cases[i].name, all, str_of(cases[i].ids));
	}
	arena_fini(&a);
}

/* What a list tells of a model: id, type, creation, and the next page. */
static void model_lists_tell_more(void **state)
{
	static const struct {
		const char *name, *type, *body, *want;
	} cases[] = {
		{ "created is kept", "remote::openai",
		  "{\"data\":[{\"id\":\"a\",\"created\":1700000000}]}",
		  "a llm 1700000000" },
		{ "dates are seconds", "remote::anthropic",
		  "{\"data\":[{\"id\":\"c\",\"type\":\"model\","
		  "\"created_at\":\"2025-02-19T00:00:00Z\"}],"
		  "\"has_more\":true,\"last_id\":\"c\"}",
		  "c llm 1739923200 next c" },
		{ "what is no date is none", "remote::anthropic",
		  "{\"data\":[{\"id\":\"c\",\"created_at\":\"2025\"}],"
		  "\"has_more\":false,\"last_id\":\"c\"}",
		  "c llm 0" },
		{ "the list says the type", "remote::together",
		  "[{\"id\":\"a\",\"type\":\"embedding\"},"
		  "{\"id\":\"b-embed\",\"type\":\"chat\"},"
		  "{\"id\":\"c\",\"type\":\"rerank\"}]",
		  "a embedding 0; b-embed embedding 0; c rerank 0" },
		{ "known models and their tags", "remote::ollama",
		  "{\"data\":[{\"id\":\"all-minilm:l6-v2\"},"
		  "{\"id\":\"all-minilmish\"},{\"id\":\"llama3:8b\"}]}",
		  "all-minilm:l6-v2 embedding 0; all-minilmish llm 0; "
		  "llama3:8b llm 0" },
		{ "IBM counts milliseconds", "remote::watsonx",
		  "{\"data\":[{\"id\":\"a\",\"created\":1726531200000}]}",
		  "a llm 1726531200" },
		{ "another gateway's types are believed", "remote::passthrough",
		  "{\"data\":[{\"id\":\"an-embed\",\"custom_metadata\":"
		  "{\"model_type\":\"llm\"}},{\"id\":\"b\","
		  "\"model_type\":\"rerank\"}]}",
		  "an-embed llm 0; b rerank 0" },
		{ "names tell", "remote::vllm",
		  "{\"data\":[{\"id\":\"Qwen3-embedding\"},"
		  "{\"id\":\"Qwen3-reranker\"}]}",
		  "Qwen3-embedding embedding 0; Qwen3-reranker rerank 0" },
	};
	struct arena a;
	struct provider p;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(cases); i++) {
		struct provider_models out = { 0 };
		struct str all = STR_NULL;

		make(&p, cases[i].type, "", &a);
		check_int(cases[i].name,
			  provider_decode_models(&p, str_of(cases[i].body), &a,
						 &out),
			  0);
		for (size_t j = 0; j < out.count; j++) {
			all = arena_printf(
				&a, STR_FMT "%s" STR_FMT " " STR_FMT " %lld",
				STR_ARG(all), j > 0 ? "; " : "",
				STR_ARG(out.items[j].id),
				STR_ARG(provider_model_type(
					p.type->known_models, &out.items[j])),
				(long long)out.items[j].created_s);
		}
		if (out.next_page.len > 0) {
			all = arena_printf(&a, STR_FMT " next " STR_FMT,
					   STR_ARG(all),
					   STR_ARG(out.next_page));
		}
		check_str(cases[i].name, all, str_of(cases[i].want));
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_told_in_openais_terms),
		cmocka_unit_test(foreign_bodies_are_cut),
		cmocka_unit_test(kinds_say_what_to_do),
		cmocka_unit_test(model_lists_are_read),
		cmocka_unit_test(model_lists_tell_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
