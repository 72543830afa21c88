#include "config/config.h"

#include "tests/unit/config/types.h"
#include "tests/unit/table.h"

#include <stdlib.h>

static struct config *load(const char *yaml, char **environment)
{
	struct config_sources sources = { .file = "quipu.yaml",
					  .text = str_of(yaml),
					  .environment = environment };
	struct config *cfg = NULL;
	struct buf messages;

	buf_init(&messages, CONFIG_MESSAGES_MAX);
	(void)!config_load(&sources, test_types, &cfg, &messages);
	if (cfg == NULL || messages.len > 0)
		fail_msg(STR_FMT, STR_ARG(buf_str(&messages)));
	buf_fini(&messages);
	return cfg;
}

static const struct config_value *find(const struct config_provider *p,
				       const char *key)
{
	for (size_t i = 0; i < p->value_count; i++) {
		if (strcmp(p->values[i].setting->key, key) == 0)
			return &p->values[i];
	}
	fail_msg("no row %s", key);
	abort(); /* fail_msg() is not known to end the test */
}

static const char example[] =
	"upstream:\n"
	"  network:\n"
	"    timeout: 30\n"
	"    headers: {x-team: blue}\n"
	"providers:\n"
	"  inference:\n"
	"  - provider_id: one\n"
	"    provider_type: remote::test\n"
	"    config:\n"
	"      base_url: http://me:sesame@one\n"
	"      api_key: ${env.KEY_ONE}\n"
	"      pace: 20ms\n"
	"      tags: [\"a\", 'b\"c', \"${env.NO_SUCH:=}\"]\n"
	"      retry: {max: 3}\n"
	"      allowed_models: [gpt-4o-mini]\n"
	"      refresh_models: true\n"
	"      network:\n"
	"        timeout: {idle: 7, read: 9}\n"
	"        tls: {verify: ~/ca.pem, min_version: TLSv1.3}\n"
	"        proxy: {url: proxy:3128, http: \"\", no_proxy: [a, .b]}\n"
	"        headers: {x-a: 1, x-b: two}\n"
	"  - provider_id: two\n"
	"    provider_type: remote::test\n"
	"    config: {allowed_models: []}\n"
	"  - provider_id: three\n"
	"    provider_type: remote::plain\n"
	"registered_resources:\n"
	"  models:\n"
	"  - model_id: small\n"
	"    provider_id: one\n"
	"    provider_model_id: gpt-4o-mini\n"
	"    metadata: {display: {name: x}}\n"
	"  - {model_id: any, provider_id: three, model_type: embedding}\n";

static struct config *load_example(void)
{
	static char one[] = "KEY_ONE=k1", url[] = "TEST_URL=http://two",
		    token[] = "TEST_TOKEN=k2", home[] = "HOME=/home/me";
	char *environment[] = { one, url, token, home, NULL };

	return load(example, environment);
}

static void a_provider_has_its_values(void **state)
{
	static const struct {
		size_t provider;
		const char *key, *value, *origin;
	} cases[] = {
		{ 0, "base_url", "http://me:sesame@one", "quipu.yaml:10" },
		{ 0, "api_key", "k1", "quipu.yaml:11" },
		{ 0, "pin", "", "" },
		{ 0, "pace", "20ms", "quipu.yaml:12" },
		{ 0, "tags", "[\"a\",\"b\\\"c\"]", "quipu.yaml:13" },
		{ 0, "retry.max", "3", "quipu.yaml:14" },
		{ 1, "base_url", "http://two", "TEST_URL" },
		{ 1, "api_key", "k2", "TEST_TOKEN" },
		{ 1, "pace", "10ms", "default" },
		{ 1, "tags", "", "" },
	};
	struct config *c = load_example();

	(void)state;
	check_int("count", c->provider_count, 3);
	for (size_t i = 0; i < countof(cases); i++) {
		const struct config_value *v =
			find(&c->providers[cases[i].provider], cases[i].key);

		check_str(cases[i].key, v->value, str_of(cases[i].value));
		check_str(cases[i].key, v->origin, str_of(cases[i].origin));
	}
	check_int("pace", config_value_int(find(&c->providers[0], "pace"), 0),
		  20 * CLOCK_MS);
	check_int("unset", config_value_int(find(&c->providers[0], "pin"), -7),
		  -7);
	config_unref(c);
}

static void a_provider_has_its_common_values(void **state)
{
	struct config *c = load_example();
	const struct config_provider *one = &c->providers[0],
				     *two = &c->providers[1],
				     *three = &c->providers[2];

	(void)state;
	check_str("id", one->id, STR("one"));
	check_str("type", one->type, STR("remote::test"));
	check_str("origin", one->origin, STR("quipu.yaml:8"));
	check_int("allowed", one->allowed_model_count, 1);
	check_str("allowed", one->allowed_models[0], STR("gpt-4o-mini"));
	check_int("all", one->allow_all_models, false);
	check_int("refresh", one->refresh_models, true);
	check_int("an empty list allows none", two->allow_all_models, false);
	check_int("an empty list allows none", two->allowed_model_count, 0);
	check_int("no list allows all", three->allow_all_models, true);
	check_int("refresh", three->refresh_models, true);
	check_int("a type without settings", three->value_count, 0);
	config_unref(c);
}

static void a_network_inherits_and_overrides(void **state)
{
	struct config *c = load_example();
	const struct config_network *one = &c->providers[0].network,
				    *three = &c->providers[2].network;

	(void)state;
	check_int("a number is for all", three->connect_timeout_ns,
		  30 * CLOCK_S);
	check_int("a number is for all", three->idle_timeout_ns, 30 * CLOCK_S);
	check_int("inherited", one->connect_timeout_ns, 30 * CLOCK_S);
	check_int("read", one->first_byte_timeout_ns, 9 * CLOCK_S);
	check_int("idle wins over read", one->idle_timeout_ns, 7 * CLOCK_S);
	check_int("verify", one->tls_verify, true);
	check_str("a path is a ca_file", one->ca_file, STR("/home/me/ca.pem"));
	check_int("tls13", one->tls13_only, true);
	check_int("tls13 of others", three->tls13_only, false);
	check_str("proxy", one->proxy, STR("http://proxy:3128"));
	check_str("http wins over url", one->http_proxy, STR(""));
	check_str("no_proxy", one->no_proxy, STR("a,.b"));
	check_int("headers", one->header_count, 2);
	check_str("header", one->header_names[1], STR("x-b"));
	check_str("header", one->header_values[1], STR("two"));
	check_int("inherited headers", three->header_count, 1);
	check_str("inherited header", three->header_names[0], STR("x-team"));
	config_unref(c);
}

static void models_name_their_upstream(void **state)
{
	struct config *c = load_example();

	(void)state;
	check_int("count", c->model_count, 2);
	check_str("id", c->models[0].id, STR("small"));
	check_str("provider", c->models[0].provider_id, STR("one"));
	check_str("upstream", c->models[0].upstream_id, STR("gpt-4o-mini"));
	check_str("type", c->models[0].type, STR("llm"));
	check_str("origin", c->models[0].origin, STR("quipu.yaml:29"));
	check_str("upstream is the id", c->models[1].upstream_id, STR("any"));
	check_str("type", c->models[1].type, STR("embedding"));
	config_unref(c);
}

static void proxies_of_the_environment_yield(void **state)
{
	static const struct {
		const char *name, *yaml, *https, *http, *no_proxy;
	} cases[] = {
		{ "the environment's", "", "http://e:1", "http://f:2", "x,y" },
		{ "the file wins",
		  "upstream: {network: {proxy: {https: \"http://g\", "
		  "no_proxy: []}}}",
		  "http://g", "http://f:2", "" },
		{ "an empty text is none",
		  "upstream: {network: {proxy: {url: \"\"}}}", "", "", "x,y" },
	};
	static char https[] = "https_proxy=e:1",
		    http[] = "HTTP_PROXY=http://f:2", no[] = "NO_PROXY=x, y";
	char *environment[] = { https, http, no, NULL };

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *c = load(cases[i].yaml, environment);

		check_str(cases[i].name, c->network.proxy,
			  str_of(cases[i].https));
		check_str(cases[i].name, c->network.http_proxy,
			  str_of(cases[i].http));
		check_str(cases[i].name, c->network.no_proxy,
			  str_of(cases[i].no_proxy));
		config_unref(c);
	}
}

static void one_provider_is_made_without_a_file(void **state)
{
	static char url[] = "TEST_URL=http://two", key[] = "TEST_KEY=k";
	char *environment[] = { url, key, NULL };
	struct config *c = load("upstream: {network: {timeout: 3}}", NULL);
	struct config_provider *p;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	p = config_provider_make(&a, c, &test_types[0], STR("test"),
				 environment);
	check_str("id", p->id, STR("test"));
	check_str("type", p->type, STR("remote::test"));
	check_str("base_url", find(p, "base_url")->value, STR("http://two"));
	check_str("api_key", find(p, "api_key")->value, STR("k"));
	check_str("pace", find(p, "pace")->value, STR("10ms"));
	check_int("timeout", p->network.idle_timeout_ns, 3 * CLOCK_S);
	check_int("all", p->allow_all_models, true);
	arena_fini(&a);
	config_unref(c);
}

static void collect(void *arg, struct str secret)
{
	struct buf *b = arg;

	(void)!buf_add(b, secret);
	(void)!buf_add(b, STR(" "));
}

static void secrets_are_told(void **state)
{
	struct config *c = load_example();
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	config_secrets(c, collect, &b);
	check_str("secrets", buf_str(&b),
		  STR("blue sesame k1 1 two k2 blue blue "));
	buf_fini(&b);
	config_unref(c);
}

static bool shows(const struct config *c, bool as_json, const char *line)
{
	struct buf out;
	bool found;

	buf_init(&out, CONFIG_SHOW_MAX);
	assert_int_equal(config_show(c, as_json, &out), 0);
	found = str_find(buf_str(&out), str_of(line)) < out.len;
	buf_fini(&out);
	return found;
}

static void a_listing_shows_all_but_secrets(void **state)
{
	static const struct {
		bool as_json, want;
		const char *text;
	} cases[] = {
		{ false, true, "server.port " },
		{ false, true, " 8321 " },
		{ false, true, " default\n" },
		{ false, true, "providers.one.base_url " },
		{ false, true, "http://me:********@one" },
		{ false, true, " ********  " },
		{ false, true, "providers.one.network.timeout.idle " },
		{ false, true, " unset\n" },
		{ false, false, "sesame" },
		{ false, false, "k1" },
		{ false, false, "blue" },
		{ false, false, "timeout.read" },
		{ true, true,
		  "\"server.port\":{\"value\":8321,\"origin\":\"default\"}" },
		{ true, true,
		  "\"log.access\":{\"value\":true,\"origin\":\"default\"}" },
		{ true, true,
		  "\"server.host\":{\"value\":null,\"origin\":null}" },
		{ true, true,
		  "\"providers.one.api_key\":{\"value\":\"********\","
		  "\"origin\":\"quipu.yaml:11\"}" },
		{ true, true, "\"value\":{\"x-team\":\"********\"}" },
		{ true, true, "\"value\":[\"a\",\"b\\\"c\"]" },
		{ true, true, "\"http://me:********@one\"" },
		{ true, true,
		  "\"models.small.provider_model_id\":{\"value\":"
		  "\"gpt-4o-mini\",\"origin\":\"quipu.yaml:29\"}" },
		{ true, false, "sesame" },
		{ true, false, "blue" },
		{ true, false, "k2" },
	};
	struct config *c = load_example();

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		check_int(cases[i].text,
			  shows(c, cases[i].as_json, cases[i].text),
			  cases[i].want);
	}
	config_unref(c);
}

static void a_listing_has_a_limit(void **state)
{
	struct config *c = load_example();

	(void)state;
	for (int as_json = 0; as_json < 2; as_json++) {
		struct buf out;

		buf_init(&out, 100);
		assert_true(config_show(c, as_json == 1, &out) < 0);
		buf_fini(&out);
	}
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_provider_has_its_values),
		cmocka_unit_test(a_provider_has_its_common_values),
		cmocka_unit_test(a_network_inherits_and_overrides),
		cmocka_unit_test(models_name_their_upstream),
		cmocka_unit_test(proxies_of_the_environment_yield),
		cmocka_unit_test(one_provider_is_made_without_a_file),
		cmocka_unit_test(secrets_are_told),
		cmocka_unit_test(a_listing_shows_all_but_secrets),
		cmocka_unit_test(a_listing_has_a_limit),
	};

	return cmocka_run_group_tests_name("config providers", tests, NULL,
					   NULL);
}
