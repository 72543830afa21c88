/*
 * What OGX's run configurations have beside quipu's own keys.
 */
#include "config/config.h"

#include "tests/unit/config/types.h"
#include "tests/unit/table.h"

static char home[] = "HOME=/home/me", set[] = "SET=word", none[] = "EMPTY=";
static char tilde[] = "TILDE=~/x", digits[] = "DIGITS=0123456789012";

static struct config *load(const char *yaml, char *more)
{
	char *environment[] = { home, set, none, tilde, digits, more, NULL };
	struct config_sources sources = { .file = "run.yaml",
					  .text = str_of(yaml),
					  .environment = environment };
	struct config *cfg = NULL;
	struct buf messages;

	buf_init(&messages, CONFIG_MESSAGES_MAX);
	(void)!config_load(&sources, test_types, &cfg, &messages);
	if (cfg == NULL)
		fail_msg("%s\n" STR_FMT, yaml, STR_ARG(buf_str(&messages)));
	buf_fini(&messages);
	return cfg;
}

/* What a value of the key base_url of a provider becomes. */
static void variables_follow_the_rules(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "${env.SET}", "word" },
		{ "a${env.SET}b${env.SET}c", "awordbwordc" },
		{ "${env.NO:=text}", "text" },
		{ "${env.EMPTY:=text}", "text" },
		{ "${env.SET:=text}", "word" },
		{ "x${env.NO:=}", "x" },
		{ "${env.SET:+text}", "text" },
		{ "x${env.NO:+text}", "x" },
		{ "x${env.EMPTY:+text}", "x" },
		{ "${env.NO:=a:=b:+c}", "a:=b:+c" },
		{ "${env.NO:=~/x}", "/home/me/x" },
		{ "${env.TILDE}/y", "/home/me/x/y" },
		{ "${env.NO:=~}", "/home/me" },
		{ "a/${env.NO:=~b}", "a/~b" },
		{ "${env.DIGITS}", "0123456789012" },
		{ "${env.NO:=1e5}", "1e5" },
		{ "${env.NO:=True}", "True" },
		{ "$env.SET", "$env.SET" },
		{ "${SET}", "${SET}" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *c;
		char yaml[256];

		(void)snprintf(yaml, sizeof(yaml),
			       "providers: {inference: [{provider_id: a, "
			       "provider_type: remote::test, config: "
			       "{base_url: \"%s\"}}]}\n",
			       cases[i].text);
		c = load(yaml, NULL);
		check_str(cases[i].text, c->providers[0].values[0].value,
			  str_of(cases[i].want));
		config_unref(c);
	}
}

static void metadata_is_typed(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{ "768", "768" },
		{ "\"768\"", "\"768\"" },
		{ "'768'", "\"768\"" },
		{ "-1.5e-3", "-1.5e-3" },
		{ "1029384756", "1029384756" },
		{ "0", "0" },
		{ "-0.0", "-0.0" },
		{ "01", "\"01\"" },
		{ "0123", "\"0123\"" },
		{ "1e5", "1e5" },
		{ "1E+05", "1E+05" },
		{ "1e*5", "\"1e*5\"" },
		{ "1e-", "\"1e-\"" },
		{ "1ee5", "\"1ee5\"" },
		{ "1x5", "\"1x5\"" },
		{ "-x", "\"-x\"" },
		{ "1.", "\"1.\"" },
		{ "1e", "\"1e\"" },
		{ "nan", "\"nan\"" },
		{ "true", "true" },
		{ "False", "false" },
		{ "word", "\"word\"" },
		{ "~", "null" },
		{ "\"\"", "\"\"" },
		{ "${env.NO:=}", "null" },
		{ "\"${env.NO:=768}\"", "768" },
		{ "\"${env.NO:=TRUE}\"", "true" },
		{ "\"${env.DIGITS}\"", "\"0123456789012\"" },
		{ "${env.SET}", "\"word\"" },
		{ "[1, {b: x}, []]", "[1,{\"b\":\"x\"},[]]" },
		{ "{a: {b: \"1\"}}", "{\"a\":{\"b\":\"1\"}}" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *c;
		char yaml[512];

		(void)snprintf(yaml, sizeof(yaml),
			       "providers: {inference: [{provider_id: a, "
			       "provider_type: remote::plain}]}\n"
			       "registered_resources:\n  models:\n"
			       "  - model_id: m\n    metadata:\n"
			       "      k: %s\n      last: 1\n",
			       cases[i].yaml);
		c = load(yaml, NULL);
		check_int(cases[i].yaml, c->models[0].member_count, 2);
		check_str(cases[i].yaml, c->models[0].members[0].name,
			  STR("k"));
		check_str(cases[i].yaml, c->models[0].members[0].json,
			  str_of(cases[i].want));
		config_unref(c);
	}
}

static void models_of_all_and_auto(void **state)
{
	struct config *c =
		load("providers: {inference: [{provider_id: a, provider_type: "
		     "remote::plain}]}\n"
		     "registered_resources:\n  models:\n"
		     "  - {model_id: one, provider_id: all, provider_model_id: "
		     "auto}\n"
		     "  - {model_id: two, provider_id: all}\n"
		     "  - {model_id: three, provider_id: a, provider_model_id: "
		     "auto}\n"
		     "  - {model_id: four, provider_id: a}\n",
		     NULL);

	(void)state;
	check_int("count", c->model_count, 4);
	for (size_t i = 0; i < 4; i++) {
		check_int("any provider", c->models[i].any_provider, i < 2);
		check_int("any model", c->models[i].any_model, i % 2 == 0);
	}
	config_unref(c);
	c = load("providers: {inference: [{provider_id: all, provider_type: "
		 "remote::plain}]}\n"
		 "registered_resources: {models: [{model_id: m, provider_id: "
		 "all}]}\n",
		 NULL);
	check_int("one that is called so", c->models[0].any_provider, false);
	config_unref(c);
}

static void a_list_in_the_file_is_told_from_none(void **state)
{
	static const struct {
		const char *yaml;
		bool want;
	} cases[] = {
		{ "", false },
		{ "providers:\n", false },
		{ "providers: {inference: }\n", false },
		{ "providers: {inference: []}\n", true },
		{ "providers: {inference: [{provider_id: __disabled__}]}\n",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *c = load(cases[i].yaml, NULL);

		check_int(cases[i].yaml, c->names_providers, cases[i].want);
		config_unref(c);
	}
}

static void levels_have_an_order(void **state)
{
	static const struct {
		const char *yaml, *variable, *want;
	} cases[] = {
		{ "", NULL, "info" },
		{ "logging: {category_levels: {all: WARNING}}\n", NULL,
		  "warn" },
		{ "logging_config: {category_levels: {all: critical}}\n", NULL,
		  "error" },
		{ "logging: {category_levels: {all: debug}}\n"
		  "log: {level: error}\n",
		  NULL, "error" },
		{ "log: {level: error}\n", "OGX_LOGGING=server=info, all=debug",
		  "debug" },
		{ "log: {level: error}\n", "OGX_LOGGING=server=debug",
		  "error" },
		{ "log: {level: error}\n", "QUIPU_LOG_LEVEL=warn", "warn" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		char variable[64];
		struct config *c;

		(void)snprintf(variable, sizeof(variable), "%s",
			       cases[i].variable != NULL ? cases[i].variable
							 : "X=");
		c = load(cases[i].yaml, variable);
		check_str(cases[i].yaml, c->log_level, str_of(cases[i].want));
		config_unref(c);
	}
}

static void the_network_has_all_of_ogxs_keys(void **state)
{
	struct config *c = load(
		"server: {host: ['127.0.0.1', '::1'], admin: all}\n"
		"upstream:\n  network:\n"
		"    tls: {ciphers: [ECDHE+AESGCM, TLS_AES_128_GCM_SHA256]}\n"
		"    proxy: {url: 'http://p:1', cacert: ~/ca.pem}\n",
		NULL);

	(void)state;
	check_str("host", c->host, STR("127.0.0.1,::1"));
	check_str("admin", c->admin, STR("all"));
	check_str("ciphers", c->network.ciphers,
		  STR("ECDHE+AESGCM,TLS_AES_128_GCM_SHA256"));
	check_str("cacert", c->network.proxy_ca_file, STR("/home/me/ca.pem"));
	config_unref(c);
	c = load("server: {host: localhost}\n", NULL);
	check_str("host", c->host, STR("localhost"));
	check_str("admin", c->admin, STR("local"));
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_follow_the_rules),
		cmocka_unit_test(metadata_is_typed),
		cmocka_unit_test(models_of_all_and_auto),
		cmocka_unit_test(a_list_in_the_file_is_told_from_none),
		cmocka_unit_test(levels_have_an_order),
		cmocka_unit_test(the_network_has_all_of_ogxs_keys),
	};

	return cmocka_run_group_tests_name("config of OGX", tests, NULL, NULL);
}
