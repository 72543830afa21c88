#include "base/err.h"
#include "config/config.h"
#include "provider/aws_credentials.h"
#include "provider/provider.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct config *load_nothing(void)
{
	struct config_sources sources = { .text = STR("version: 2\n") };
	struct config *cfg = NULL;
	struct buf messages;
	struct arena a;

	arena_init(&a, 1 << 20);
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	(void)!config_load(&sources, provider_config_types(&a), &cfg,
			   &messages);
	if (cfg == NULL)
		fail_msg(STR_FMT, STR_ARG(buf_str(&messages)));
	buf_fini(&messages);
	arena_fini(&a);
	return cfg;
}

static void the_environment_enables_providers(void **state)
{
	static const struct {
		const char *name;
		const char *variables[4];
		const char *want; /* ids and where they are */
	} cases[] = {
		{ "nothing", { 0 }, "echo:" },
		{ "a key",
		  { "OPENAI_API_KEY=k" },
		  "openai:api.openai.com/v1 echo:" },
		{ "an empty key is none", { "OPENAI_API_KEY=" }, "echo:" },
		{ "OpenAI's URL without a key",
		  { "OPENAI_BASE_URL=http://h:1/v1" },
		  "openai:h/v1 echo:" },
		{ "Azure's key without its address",
		  { "AZURE_API_KEY=k" },
		  "echo:" },
		{ "Azure's address without a key",
		  { "AZURE_API_BASE=https://a.openai.azure.com" },
		  "echo:" },
		{ "both of Azure's",
		  { "AZURE_API_KEY=k",
		    "AZURE_API_BASE=https://a.openai.azure.com" },
		  "azure:a.openai.azure.com/openai/v1 echo:" },
		{ "Azure's names of its own tools",
		  { "AZURE_OPENAI_API_KEY=k",
		    "AZURE_OPENAI_ENDPOINT=https://a.openai.azure.com/" },
		  "azure:a.openai.azure.com/openai/v1 echo:" },
		{ "Ollama by its address",
		  { "OLLAMA_URL=http://localhost:11434" },
		  "ollama:localhost/v1 echo:" },
		{ "a key does not say that Ollama runs",
		  { "OLLAMA_API_KEY=k" },
		  "echo:" },
		{ "vLLM's token without its address",
		  { "VLLM_API_TOKEN=k" },
		  "echo:" },
		{ "vLLM", { "VLLM_URL=http://v:8000/v1" }, "vllm:v/v1 echo:" },
		{ "Bedrock by a bearer token",
		  { "AWS_BEARER_TOKEN_BEDROCK=k", "AWS_REGION=eu-west-1",
		    "AWS_DEFAULT_REGION=us-west-2" },
		  "bedrock:bedrock-runtime.eu-west-1.amazonaws.com/openai/v1 "
		  "echo:" },
		{ "Bedrock by a key pair",
		  { "AWS_ACCESS_KEY_ID=k", "AWS_SECRET_ACCESS_KEY=s",
		    "AWS_DEFAULT_REGION=us-west-2" },
		  "bedrock:bedrock-runtime.us-west-2.amazonaws.com/openai/v1 "
		  "echo:" },
		{ "Databricks",
		  { "DATABRICKS_HOST=https://w.databricks.com/",
		    "DATABRICKS_TOKEN=k" },
		  "databricks:w.databricks.com/serving-endpoints echo:" },
		{ "two, in the table's order",
		  { "GROQ_API_KEY=k", "ANTHROPIC_API_KEY=k" },
		  "anthropic:api.anthropic.com/v1 groq:api.groq.com/openai/v1 "
		  "echo:" },
	};
	struct config *cfg = load_nothing();

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		char *environment[5] = { 0 };
		const struct config_provider *list;
		struct str all = STR_NULL;
		struct arena a;
		size_t count;

		arena_init(&a, 1 << 20);
		for (size_t j = 0; j < 4 && cases[i].variables[j] != NULL;
		     j++) {
			environment[j] =
				arena_cz(&a, str_of(cases[i].variables[j]));
		}
		provider_from_environment(cfg, environment, &a, &list, &count);
		for (size_t j = 0; j < count; j++) {
			struct api_error e = { 0 };
			struct provider p;

			if (provider_init(&p, &list[j], &a, &e) != 0) {
				fail_msg("%s: " STR_FMT, cases[i].name,
					 STR_ARG(e.message));
			}
			all = arena_printf(&a,
					   STR_FMT "%s" STR_FMT
						   ":" STR_FMT STR_FMT,
					   STR_ARG(all), j > 0 ? " " : "",
					   STR_ARG(p.id), STR_ARG(p.base.host),
					   STR_ARG(p.base.path));
		}
		check_str(cases[i].name, all, str_of(cases[i].want));
		arena_fini(&a);
	}
	config_unref(cfg);
}

/* What a table of types must be, for all who walk it. */
static void types_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; provider_types[i] != NULL; i++) {
		const struct provider_type *t = provider_types[i];
		bool local = (t->caps & PROVIDER_LOCAL) != 0;

		if (t->id == NULL || t->settings == NULL) {
			fail_msg("%s lacks an id or settings", t->name);
			return;
		}
		check_true(t->name, (t->caps & PROVIDER_CHAT) != 0);
		check_true(t->name, local == (t->generate != NULL));
		check_true(t->name, !local || t->stream_size > 0);
		check_true(t->name, provider_type_find(str_of(t->name)) == t);
		for (size_t j = 0; j < i; j++) {
			check_true(t->name,
				   strcmp(t->id, provider_types[j]->id) != 0);
		}
		for (const struct setting *s = t->settings; s->key != NULL; s++)
			check_true(s->key, s->help != NULL);
	}
	assert_null(provider_type_find(STR("remote::nothing")));
}

static void unknown_types_are_told(void **state)
{
	struct config_provider config = { .id = STR("x"),
					  .type = STR("remote::grok") };
	struct api_error e = { 0 };
	struct provider p;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(provider_init(&p, &config, &a, &e), API_FAIL);
	check_true("it guesses",
		   str_find(e.message, STR("'remote::groq'")) < e.message.len);
	arena_fini(&a);
}

static const char credentials_file[] = "# comment\n"
				       "[default]\r\n"
				       "aws_access_key_id = AK1\r\n"
				       "aws_secret_access_key=s=1/+\r\n"
				       "\n"
				       "[profile work]\n"
				       "AWS_ACCESS_KEY_ID=AK2\n"
				       "aws_secret_access_key = s2\n"
				       "aws_session_token = t2==\n"
				       "; aws_session_token = no\n"
				       "[half]\n"
				       "aws_access_key_id = AK3\n"
				       "[ spaced ]\n"
				       "aws_access_key_id=AK4\n"
				       "aws_secret_access_key=s4";

static void profiles_are_read(void **state)
{
	static const struct {
		const char *profile;
		int want;
		const char *access, *secret, *token;
	} cases[] = {
		{ "default", 0, "AK1", "s=1/+", "" },
		{ "work", 0, "AK2", "s2", "t2==" },
		{ "spaced", 0, "AK4", "s4", "" },
		{ "half", -EINVAL, "", "", "" },
		{ "nobody", AWS_CREDENTIALS_NONE, "", "", "" },
		{ "", AWS_CREDENTIALS_NONE, "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct aws_credentials c = { 0 };
		const char *name = cases[i].profile;

		check_int(name,
			  aws_credentials_parse(str_of(credentials_file),
						str_of(name), &c),
			  cases[i].want);
		check_str(name, c.access_key, str_of(cases[i].access));
		check_str(name, c.secret_key, str_of(cases[i].secret));
		check_str(name, c.token, str_of(cases[i].token));
	}
}

static void credentials_files_are_loaded(void **state)
{
	char path[] = "/tmp/quipu-credentials-XXXXXX";
	struct aws_credentials c = { 0 };
	int fd = mkstemp(path);
	struct arena a;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, credentials_file,
			       sizeof(credentials_file) - 1),
			 sizeof(credentials_file) - 1);
	assert_int_equal(close(fd), 0);
	arena_init(&a, 1 << 22);
	assert_int_equal(aws_credentials_load(str_of(path), STR("work"), &a,
					      &c),
			 0);
	check_str("key", c.access_key, STR("AK2"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(aws_credentials_load(str_of(path), STR("work"), &a,
					      &c),
			 AWS_CREDENTIALS_NONE);
	assert_int_equal(aws_credentials_load(STR("/tmp"), STR("work"), &a, &c),
			 -EINVAL);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_enables_providers),
		cmocka_unit_test(types_are_whole),
		cmocka_unit_test(unknown_types_are_told),
		cmocka_unit_test(profiles_are_read),
		cmocka_unit_test(credentials_files_are_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
