/*
 * Providers in one line, and the names of configurations.
 */
#include "config/config.h"

#include "tests/unit/config/types.h"
#include "tests/unit/table.h"

static int load(const char *spec, struct config **out, struct buf *messages)
{
	static char home[] = "HOME=/home/me", key[] = "KEY=k1";
	char *environment[] = { home, key, NULL };
	char flag[512];
	char *flags[] = { flag, NULL };

	(void)snprintf(flag, sizeof(flag), "--providers=%s", spec);
	buf_init(messages, CONFIG_MESSAGES_MAX);
	return config_load(&(struct config_sources){ .environment = environment,
						     .flags = flags },
			   test_types, out, messages);
}

static void a_good_spec_makes_providers(void **state)
{
	static const struct {
		const char *spec;
		size_t count, at;
		const char *id, *url, *key;
	} cases[] = {
		{ "inference=remote::plain", 1, 0, "plain", NULL, NULL },
		{ " inference=remote::plain , inference=remote::test?base_url=u",
		  2, 1, "test", "u", "" },
		{ "inference=remote::test?base_url=http://h:1/v1&api_key=a%2Cb",
		  1, 0, "test", "http://h:1/v1", "a,b" },
		{ "inference=remote::test?base_url=u&api_key=${env.KEY}", 1, 0,
		  "test", "u", "k1" },
		{ "inference=remote::test?base_url=u&provider_id=mine", 1, 0,
		  "mine", "u", "" },
		{ "inference=remote::test?base_url=a=b&api_key=", 1, 0, "test",
		  "a=b", "" },
		{ "files=inline::x,inference=remote::plain,", 1, 0, "plain",
		  NULL, NULL },
		{ "inference=remote::other", 0, 0, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const char *name = cases[i].spec;
		struct config *c = NULL;
		struct buf messages;

		check_int(name, load(name, &c, &messages), 0);
		check_int(name, c->provider_count, cases[i].count);
		check_int(name, c->names_providers, true);
		if (cases[i].id != NULL)
			check_str(name, c->providers[cases[i].at].id,
				  str_of(cases[i].id));
		if (cases[i].url != NULL) {
			const struct config_value *v =
				c->providers[cases[i].at].values;

			check_str(name, v[0].value, str_of(cases[i].url));
			check_str(name, v[1].value, str_of(cases[i].key));
			check_str(name, v[0].origin, STR("--providers"));
		}
		config_unref(c);
		buf_fini(&messages);
	}
}

static void a_wrong_spec_is_told(void **state)
{
	static const struct {
		const char *spec, *want;
	} cases[] = {
#define FORM                                     \
	" is not of the form inference=TYPE or " \
	"inference=TYPE?key=value&key=value\n"
		{ "x", "--providers: error: \"x\"" FORM },
		{ "=remote::plain",
		  "--providers: error: \"=remote::plain\"" FORM },
		{ "inference=", "--providers: error: \"inference=\"" FORM },
		{ "inference=remote::plain?x",
		  "--providers: error: \"inference=remote::plain?x\"" FORM },
		{ "inference=remote::plain?=x",
		  "--providers: error: \"inference=remote::plain?=x\"" FORM },
		{ "inference=remote::plain?a=%zz",
		  "--providers: error: \"inference=remote::plain?a=%zz\"" FORM },
		{ "inference=remote::plain,inference=remote::plain",
		  "--providers: error: providers.inference[1].provider_id: "
		  "\"plain\" is the id of another provider\n" },
		{ "inference=remote::plain?nokey=1",
		  "--providers: error: providers.inference[0].config.nokey: "
		  "unknown key\n" },
		{ "inference=remote::test",
		  "--providers: error: providers.inference[0].config.base_url: "
		  "is required, here or as environment variable TEST_URL\n" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *c = NULL;
		struct buf messages;

		check_int(cases[i].spec, load(cases[i].spec, &c, &messages),
			  CONFIG_BAD);
		check_str(cases[i].spec, buf_str(&messages),
			  str_of(cases[i].want));
		buf_fini(&messages);
	}
}

static void what_only_a_restart_changes_is_named(void **state)
{
	static const struct {
		const char *was, *next, *want;
	} cases[] = {
		{ "", "", "" },
		{ "server: {port: 1}", "server: {port: 1}", "" },
		{ "server: {timeouts: {head: 60}}",
		  "server: {timeouts: {head: 1m}}", "" },
		{ "server: {admin: local}", "server: {admin: all}", "" },
		{ "log: {level: info}", "log: {level: debug}", "" },
		{ "server: {port: 1}", "server: {port: 2}",
		  "f:1: warning: server.port: stays \"1\" until a restart "
		  "makes it \"2\"\n" },
		{ "server: {host: a}", "",
		  "configuration: warning: server.host: stays \"a\" until a "
		  "restart makes it unset\n" },
		{ "", "upstream: {pool: {max_idle: 9}}",
		  "f:1: warning: upstream.pool.max_idle: stays \"1024\" until "
		  "a restart makes it \"9\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *c[2] = { NULL, NULL };
		struct buf messages;

		buf_init(&messages, CONFIG_MESSAGES_MAX);
		for (int j = 0; j < 2; j++) {
			const char *text =
				j == 0 ? cases[i].was : cases[i].next;

			check_int(text,
				  config_load(
					  &(struct config_sources){
						  .file = "f",
						  .text = str_of(text) },
					  test_types, &c[j], &messages),
				  0);
		}
		config_note_fixed(c[0], c[1], &messages);
		check_str(cases[i].next, buf_str(&messages),
			  str_of(cases[i].want));
		config_unref(c[0]);
		config_unref(c[1]);
		buf_fini(&messages);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_spec_makes_providers),
		cmocka_unit_test(a_wrong_spec_is_told),
		cmocka_unit_test(what_only_a_restart_changes_is_named),
	};

	return cmocka_run_group_tests_name("config spec", tests, NULL, NULL);
}
