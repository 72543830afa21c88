#include "config/cors.h"

#include "tests/unit/table.h"

#include <stdio.h>

/* The configuration of a file whose server.cors is this, or NULL. */
static struct config *load(const char *cors, struct buf *messages)
{
	struct config *cfg = NULL;
	char text[1000];

	(void)snprintf(text, sizeof(text), "server:\n  cors: %s\n", cors);
	buf_clear(messages);
	(void)!config_load(&(struct config_sources){ .file = "q.yaml",
						     .text = str_of(text) },
			   NULL, &cfg, messages);
	return cfg;
}

struct row {
	const char *cors, *origin;
	bool allowed;
};

static void origins_are_allowed(void **state)
{
	static const struct row rows[] = {
		{ "true", "http://localhost:3000", true },
		{ "true", "https://localhost:1", true },
		{ "true", "http://localhost", false },
		{ "true", "http://localhost:", false },
		{ "true", "http://localhost:3000x", false },
		{ "true", "http://localhost:-1", false },
		{ "true", "http://localhost:3000/", false },
		{ "true", "http://localhost.evil:3000", false },
		{ "true", "xhttp://localhost:3000", false },
		{ "true", "httpsx://localhost:3000", false },
		{ "true", "http://127.0.0.1:3000", false },
		{ "true", "", false },
		{ "{allow_origins: [https://a.b, http://c]}", "https://a.b",
		  true },
		{ "{allow_origins: [https://a.b, http://c]}", "http://c",
		  true },
		{ "{allow_origins: [https://a.b]}", "https://a.b:443", false },
		{ "{allow_origins: [https://a.b]}", "http://localhost:3",
		  false },
		{ "{allow_origins: ['*']}", "null", true },
		{ "{allow_origins: ['*']}", "https://a b", false },
		{ "{allow_origin_regex: 'https?://localhost:\\d+'}",
		  "http://localhost:80", true },
		{ "{allow_origin_regex: 'https?://localhost:\\d+'}",
		  "http://localhost:80x", false },
		{ "{allow_origin_regex: 'https?://localhost:\\d+'}",
		  "xhttp://localhost:80", false },
		{ "{allow_origin_regex: 'http://a|http://b'}", "http://a",
		  true },
		{ "{allow_origin_regex: 'http://a|http://b'}", "http://b",
		  true },
		{ "{allow_origin_regex: 'http://a|http://b'}", "http://ab",
		  false },
		{ "{allow_origin_regex: 'https://[a-z]+\\.b\\.c'}",
		  "https://x.b.c", true },
		{ "{allow_origin_regex: 'https://[a-z]+\\.b\\.c'}",
		  "https://xab.c", false },
	};
	struct buf messages;

	(void)state;
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	for (size_t i = 0; i < countof(rows); i++) {
		struct config *cfg = load(rows[i].cors, &messages);

		if (cfg == NULL || messages.len > 0)
			fail_msg("%s: " STR_FMT, rows[i].cors,
				 STR_ARG(buf_str(&messages)));
		if (cors_allows_origin(cfg->cors, str_of(rows[i].origin)) !=
		    rows[i].allowed)
			fail_msg("%s and %s", rows[i].cors, rows[i].origin);
		config_unref(cfg);
	}
	buf_fini(&messages);
}

static void it_is_off_unless_asked_for(void **state)
{
	static const char *const off[] = { "false", "{}", "",
					   "{allow_methods: [GET]}" };
	struct buf messages;

	(void)state;
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	for (size_t i = 0; i < countof(off); i++) {
		struct config *cfg = load(off[i], &messages);

		assert_non_null(cfg);
		check_true(off[i], cfg->cors == NULL);
		config_unref(cfg);
	}
	buf_fini(&messages);
}

static void lines_say_it(void **state)
{
	static const struct {
		const char *cors;
		struct str lines, preflight;
	} rows[] = {
		{ "true", STR_INIT(""),
		  STR_INIT("access-control-allow-methods: GET, POST, PUT, "
			   "DELETE, OPTIONS\r\n"
			   "access-control-allow-headers: Accept, "
			   "Accept-Language, Content-Language, Content-Type, "
			   "Authorization, X-Requested-With\r\n"
			   "access-control-max-age: 600\r\n") },
		{ "{allow_origins: [http://a], allow_methods: ['*'], "
		  "allow_headers: ['*'], expose_headers: [x-request-id, "
		  "x-b], allow_credentials: true, max_age: 5}",
		  STR_INIT("access-control-allow-credentials: true\r\n"
			   "access-control-expose-headers: x-request-id, x-b"
			   "\r\n"),
		  STR_INIT("access-control-allow-methods: GET, HEAD, POST, "
			   "PUT, PATCH, DELETE, OPTIONS\r\n"
			   "access-control-max-age: 5\r\n") },
		{ "{allow_origins: [http://a]}", STR_INIT(""),
		  STR_INIT("access-control-allow-methods: OPTIONS\r\n"
			   "access-control-allow-headers: Accept, "
			   "Accept-Language, Content-Language, "
			   "Content-Type\r\n"
			   "access-control-max-age: 600\r\n") },
	};
	struct buf messages;

	(void)state;
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	for (size_t i = 0; i < countof(rows); i++) {
		struct config *cfg = load(rows[i].cors, &messages);

		assert_non_null(cfg);
		check_str(rows[i].cors, cors_lines(cfg->cors), rows[i].lines);
		check_str(rows[i].cors, cors_preflight_lines(cfg->cors),
			  rows[i].preflight);
		config_unref(cfg);
	}
	buf_fini(&messages);
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *cors, *text;
	} rows[] = {
		{ "{allow_origins: ['*'], allow_credentials: true}",
		  "server.cors.allow_credentials: cannot be with \"*\"" },
		{ "{allow_origin_regex: 'http://('}",
		  "server.cors.allow_origin_regex: is no extended regular" },
		{ "{allow_origins: [http://a], expose_headers: ['x y']}",
		  "server.cors.expose_headers: an entry has a byte" },
		{ "{allow_origins: [\"http://a\\r\\nx: y\"]}",
		  "server.cors.allow_origins: an entry has a byte" },
		{ "perhaps", "server.cors: " },
		{ "{allow_origin: [x]}", "did you mean \"allow_origins\"" },
	};
	struct buf messages;

	(void)state;
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	for (size_t i = 0; i < countof(rows); i++) {
		struct config *cfg = load(rows[i].cors, &messages);

		check_true(rows[i].cors, cfg == NULL);
		if (str_find(buf_str(&messages), str_of(rows[i].text)) ==
		    messages.len)
			fail_msg("%s: " STR_FMT, rows[i].cors,
				 STR_ARG(buf_str(&messages)));
		config_unref(cfg);
	}
	buf_fini(&messages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origins_are_allowed),
		cmocka_unit_test(it_is_off_unless_asked_for),
		cmocka_unit_test(lines_say_it),
		cmocka_unit_test(mistakes_are_told),
	};

	return cmocka_run_group_tests_name("cors", tests, NULL, NULL);
}
