#include "config/value.h"

#include "config/env.h"
#include "tests/unit/config/types.h"
#include "tests/unit/table.h"

#include <errno.h>

static void sizes_and_durations_are_read(void **state)
{
	static const struct {
		const char *text;
		bool is_size;
		int64_t want; /* -1: not one */
	} cases[] = {
		{ "0", true, 0 },
		{ "64KB", true, 65536 },
		{ "64 kb", true, 65536 },
		{ "1.5K", true, 1536 },
		{ "100MB", true, 104857600 },
		{ "2GiB", true, 2147483648 },
		{ "9007199254740993B", true, 9007199254740993 },
		{ "9999999999GB", true, -1 },
		{ "", true, -1 },
		{ "MB", true, -1 },
		{ "-1", true, -1 },
		{ "1.", true, -1 },
		{ ".5K", true, -1 },
		{ "1.0000000000K", true, -1 },
		{ "1s", true, -1 },
		{ "15", false, 15000000000 },
		{ "0.5", false, 500000000 },
		{ "250ms", false, 250000000 },
		{ "1.5s", false, 1500000000 },
		{ "10m", false, 600000000000 },
		{ "2 min", false, 120000000000 },
		{ "1h", false, 3600000000000 },
		{ "1d", false, 86400000000000 },
		{ "7us", false, 7000 },
		{ "1ns", false, 1 },
		{ "106752d", false, -1 },
		{ "1KB", false, -1 },
		{ "1 2s", false, -1 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str text = str_of(cases[i].text);
		int64_t n = -1;
		bool ok = cases[i].is_size ? value_size(text, &n)
					   : value_duration(text, &n);

		check_int(cases[i].text, ok, cases[i].want >= 0);
		check_int(cases[i].text, n, cases[i].want);
	}
}

static void near_words_are_found(void **state)
{
	static const char levels[] = "debug|info|warn|error|severity";
	const struct {
		const char *choices, *word, *want;
	} cases[] = {
		{ levels, "debgu", "debug" },
		{ levels, "inf", "info" },
		{ levels, "warning", "" },
		{ levels, "x", "" },
		{ levels, "eror", "error" },
		{ levels, "", "" },
		{ levels, "serverity", "severity" },
		{ "cat|bat", "dat", "cat" },
		{ "certfile|keyfile|cafile", "kefile", "keyfile" },
		{ "ab|cd", "ac", "" },
		{ "ab|cd", "cd", "cd" },
		{ "abc", "xyz", "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		check_str(cases[i].word,
			  value_nearest(cases[i].choices,
					str_of(cases[i].word)),
			  str_of(cases[i].want));
	}
}

static void variables_are_expanded(void **state)
{
	static char a[] = "A=one", b[] = "B=${env.A}", empty[] = "E=";
	char *environment[] = { a, b, empty, NULL };
	static const struct {
		const char *text;
		int r;
		const char *want; /* or the name that is at fault */
	} cases[] = {
		{ "plain $text {}", 0, "plain $text {}" },
		{ "${env.A}", 0, "one" },
		{ "<${env.A}|${env.A}>", 0, "<one|one>" },
		{ "${env.B}", 0, "${env.A}" },
		{ "${env.A:=x}", 0, "one" },
		{ "${env.E:=x}", 0, "x" },
		{ "${env.N:=x:y}", 0, "x:y" },
		{ "${env.N:=}", 0, "" },
		{ "${env.A:+x}", 0, "x" },
		{ "${env.E:+x}", 0, "" },
		{ "${env.N:+x}", 0, "" },
		{ "${env.N:={}", 0, "{" },
		{ "${env.N}", ENV_UNSET, "N" },
		{ "${env.E}", ENV_UNSET, "E" },
		{ "${env.}", ENV_BAD_NAME, "" },
		{ "${env.a}", ENV_BAD_NAME, "a" },
		{ "${env.A:x}", ENV_BAD_NAME, "A:x" },
		{ "${env.A:}", ENV_BAD_NAME, "A:" },
		{ "x ${env.A", ENV_BAD_NAME, "A" },
		{ "${env.N:=12345678901234567890}", -EMSGSIZE, "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str name = STR_NULL;
		struct buf out;
		int r;

		buf_init(&out, 16);
		r = env_expand(environment, str_of(cases[i].text), &out, &name);
		check_int(cases[i].text, r, cases[i].r);
		if (r >= 0) {
			check_str(cases[i].text, r == 0 ? buf_str(&out) : name,
				  str_of(cases[i].want));
		}
		buf_fini(&out);
	}
}

/* One loaded configuration; the words end at the first NULL. */
struct setup {
	const char *yaml;
	const char *environment[6];
	const char *flags[6];
};

static struct config *load(const struct setup *s, struct buf *messages)
{
	struct config_sources sources = { .text = str_of(s->yaml) };
	struct config *cfg = NULL;
	char *environment[8] = { 0 }, *flags[8] = { 0 };
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < 6 && s->environment[i] != NULL; i++)
		environment[i] = arena_cz(&a, str_of(s->environment[i]));
	for (size_t i = 0; i < 6 && s->flags[i] != NULL; i++)
		flags[i] = arena_cz(&a, str_of(s->flags[i]));
	sources.file = s->yaml != NULL ? "quipu.yaml" : NULL;
	sources.environment = environment;
	sources.flags = flags;
	buf_init(messages, CONFIG_MESSAGES_MAX);
	(void)!config_load(&sources, test_types, &cfg, messages);
	/* Nothing of the sources may be needed any more. */
	arena_fini(&a);
	return cfg;
}

static struct config *load_good(const char *name, const struct setup *s)
{
	struct buf messages;
	struct config *cfg = load(s, &messages);

	if (cfg == NULL || messages.len > 0)
		fail_msg("%s: " STR_FMT, name, STR_ARG(buf_str(&messages)));
	buf_fini(&messages);
	return cfg;
}

static void defaults_are_as_documented(void **state)
{
	struct config *c = load_good("defaults", &(struct setup){ 0 });

	(void)state;
	check_int("port", c->port, 8321);
	check_str("host", c->host, STR(""));
	check_str("unix_path", c->unix_path, STR(""));
	check_int("workers", c->workers, 0);
	check_int("head_max", c->head_max, 32 << 10);
	check_int("body_max", c->body_max, 100 << 20);
	check_int("inflated_max", c->inflated_max, 100 << 20);
	check_int("head", c->head_timeout_ns, 15 * CLOCK_S);
	check_int("body", c->body_timeout_ns, 60 * CLOCK_S);
	check_int("keepalive", c->keepalive_timeout_ns, 75 * CLOCK_S);
	check_int("write", c->write_timeout_ns, 60 * CLOCK_S);
	check_int("shutdown", c->shutdown_timeout_ns, 30 * CLOCK_S);
	check_int("ping", c->ping_interval_ns, 15 * CLOCK_S);
	check_int("tls13_only", c->tls13_only, false);
	check_int("drain", c->drain_on_disconnect, false);
	check_int("pool_max", c->pool_max, 1024);
	check_int("pool_idle", c->pool_idle_timeout_ns, 60 * CLOCK_S);
	check_int("retries", c->retries, 2);
	check_int("retry_after", c->retry_after_max_ns, 60 * CLOCK_S);
	check_int("refresh", c->models_refresh_ns, 300 * CLOCK_S);
	check_int("event_max", c->event_max, 1 << 20);
	check_int("answer_max", c->answer_max, 256 << 20);
	check_int("connect", c->network.connect_timeout_ns, 5 * CLOCK_S);
	check_int("first", c->network.first_byte_timeout_ns, 600 * CLOCK_S);
	check_int("idle", c->network.idle_timeout_ns, 600 * CLOCK_S);
	check_int("total", c->network.total_timeout_ns, 0);
	check_int("verify", c->network.tls_verify, true);
	check_str("proxy", c->network.proxy, STR(""));
	check_str("log_level", c->log_level, STR("info"));
	check_str("log_format", c->log_format, STR("auto"));
	check_int("log_access", c->log_access, true);
	check_int("providers", c->provider_count, 0);
	check_int("models", c->model_count, 0);
	config_unref(c);
}

static void the_later_source_wins(void **state)
{
	static const struct {
		const char *name;
		struct setup setup;
		int64_t want;
		const char *origin;
	} cases[] = {
		{ "default", { 0 }, 8321, "default" },
		{ "the file wins over the default",
		  { .yaml = "server:\n  port: 1\n" },
		  1,
		  "quipu.yaml:2" },
		{ "a quoted number is a number",
		  { .yaml = "server: {port: '1'}" },
		  1,
		  "quipu.yaml:1" },
		{ "null is unset",
		  { .yaml = "server: {port: null}" },
		  8321,
		  "default" },
		{ "what expands to nothing is unset",
		  { .yaml = "server: {port: \"${env.P:=}\"}" },
		  8321,
		  "default" },
		{ "a variable inside of the file",
		  { .yaml = "server: {port: \"${env.P:=7}\"}" },
		  7,
		  "quipu.yaml:1" },
		{ "an alias variable",
		  { .environment = { "OGX_PORT=2" } },
		  2,
		  "OGX_PORT" },
		{ "the first variable wins over its alias",
		  { .environment = { "OGX_PORT=2", "QUIPU_PORT=3" } },
		  3,
		  "QUIPU_PORT" },
		{ "an empty variable is unset",
		  { .environment = { "QUIPU_PORT=" } },
		  8321,
		  "default" },
		{ "a variable wins over the file",
		  { .yaml = "server: {port: 1}",
		    .environment = { "QUIPU_PORT=3" } },
		  3,
		  "QUIPU_PORT" },
		{ "a flag wins over all",
		  { .yaml = "server: {port: 1}",
		    .environment = { "QUIPU_PORT=3" },
		    .flags = { "--port", "4" } },
		  4,
		  "--port" },
		{ "a flag with an equals sign",
		  { .flags = { "--port=5" } },
		  5,
		  "--port" },
		{ "the last flag wins",
		  { .flags = { "--port=5", "--port", "6" } },
		  6,
		  "--port" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *c = load_good(cases[i].name, &cases[i].setup);
		const struct config_value *v = c->values;

		while (strcmp(v->setting->key, "server.port") != 0)
			v++;
		check_int(cases[i].name, c->port, cases[i].want);
		check_str(cases[i].name, v->origin, str_of(cases[i].origin));
		config_unref(c);
	}
}

static void wrong_words_of_the_command_line_are_named(void **state)
{
	static const struct {
		const char *name;
		struct setup setup;
		const char *want;
	} cases[] = {
		{ "a misspelt flag",
		  { .flags = { "--prot", "1" } },
		  "--prot: error: unknown flag; did you mean \"--port\"?\n"
		  "1: error: unexpected argument\n" },
		{ "an unknown flag",
		  { .flags = { "--colours=3" } },
		  "--colours: error: unknown flag\n" },
		{ "a short flag",
		  { .flags = { "-p" } },
		  "-p: error: unknown flag\n" },
		{ "a flag without its value",
		  { .flags = { "--host", "--port=1" } },
		  "--host: error: needs a value\n" },
		{ "the last flag without its value",
		  { .flags = { "--host" } },
		  "--host: error: needs a value\n" },
		{ "a value that is wrong",
		  { .flags = { "--port=x" } },
		  "--port: error: server.port: \"x\" is not a whole number\n" },
		{ "a negation of what is no truth",
		  { .flags = { "--no-port" } },
		  "--no-port: error: unknown flag\n" },
		{ "a variable that is wrong",
		  { .environment = { "QUIPU_LOG_LEVEL=verbose" } },
		  "QUIPU_LOG_LEVEL: error: log.level: \"verbose\" is not one "
		  "of debug, info, warn, error\n" },
		{ "a file that is not there",
		  { .environment = { "OGX_CONFIG=/nonexistent" } },
		  "/nonexistent: error: cannot be read: No such file or "
		  "directory\n" },
		{ "a file that is not there, by flag",
		  { .environment = { "QUIPU_CONFIG=/b" },
		    .flags = { "--config", "/nonexistent" } },
		  "/nonexistent: error: cannot be read: No such file or "
		  "directory\n" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf messages;
		struct config *c = load(&cases[i].setup, &messages);

		check_true(cases[i].name, c == NULL);
		check_str(cases[i].name, buf_str(&messages),
			  str_of(cases[i].want));
		buf_fini(&messages);
	}
}

static void truths_and_choices_are_stored(void **state)
{
	static const struct {
		const char *name;
		struct setup setup;
		bool access, drain, tls13;
	} cases[] = {
		{ "defaults", { 0 }, true, false, false },
		{ "a bare flag is true",
		  { .yaml = "log: {access: no}", .flags = { "--log-access" } },
		  true,
		  false,
		  false },
		{ "a negated flag is false",
		  { .flags = { "--no-log-access" } },
		  false,
		  false,
		  false },
		{ "a truth may be written out",
		  { .flags = { "--log-access=off" } },
		  false,
		  false,
		  false },
		{ "drain",
		  { .yaml = "server: {on_disconnect: drain}" },
		  true,
		  true,
		  false },
		{ "TLS version as OGX writes it",
		  { .yaml = "server: {tls_min_version: TLSv1.3}" },
		  true,
		  false,
		  true },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *c = load_good(cases[i].name, &cases[i].setup);

		check_int(cases[i].name, c->log_access, cases[i].access);
		check_int(cases[i].name, c->drain_on_disconnect,
			  cases[i].drain);
		check_int(cases[i].name, c->tls13_only, cases[i].tls13);
		config_unref(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_and_durations_are_read),
		cmocka_unit_test(near_words_are_found),
		cmocka_unit_test(variables_are_expanded),
		cmocka_unit_test(defaults_are_as_documented),
		cmocka_unit_test(the_later_source_wins),
		cmocka_unit_test(wrong_words_of_the_command_line_are_named),
		cmocka_unit_test(truths_and_choices_are_stored),
	};

	return cmocka_run_group_tests_name("config values", tests, NULL, NULL);
}
