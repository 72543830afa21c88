#include "config/routes.h"

#include "tests/unit/table.h"

#include <stdio.h>

#define HEAD                                              \
	"providers:\n  inference:\n  - provider_id: up\n" \
	"    provider_type: remote::x\npassthrough:\n  routes: "

static const struct config_provider_type types[] = { { .name = "remote::x" },
						     { 0 } };

static struct config *load(const char *routes, struct buf *messages)
{
	struct config *cfg = NULL;
	char text[1000];

	(void)snprintf(text, sizeof(text), HEAD "%s\n", routes);
	buf_clear(messages);
	(void)!config_load(&(struct config_sources){ .file = "q.yaml",
						     .text = str_of(text) },
			   types, &cfg, messages);
	return cfg;
}

static void paths_find_their_route(void **state)
{
	static const struct {
		const char *path;
		int route; /* -1: none */
	} rows[] = {
		{ "/v1/audio/speech", 0 },
		{ "/v1/audio/", 0 },
		{ "/v1/audio", 0 },
		{ "/v1/audiox", -1 },
		{ "/v1/files", 1 },
		{ "/v1/files/x", -1 },
		{ "/v1/filesx", -1 },
		{ "/x/a", 2 },
		{ "/xa", 2 },
		{ "/x", 2 },
		{ "/", -1 },
		{ "", -1 },
	};
	struct config *cfg;
	struct buf messages;

	(void)state;
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	cfg = load("[{path: /v1/audio/*, provider_id: up}, "
		   "{path: /v1/files, provider_id: up}, "
		   "{path: /x*, provider_id: up}]",
		   &messages);
	if (cfg == NULL)
		fail_msg(STR_FMT, STR_ARG(buf_str(&messages)));
	for (size_t i = 0; i < countof(rows); i++) {
		const struct config_route *r =
			routes_find(cfg, str_of(rows[i].path));

		check_int(rows[i].path, r != NULL ? r - cfg->routes : -1,
			  rows[i].route);
	}
	config_unref(cfg);
	buf_fini(&messages);
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *routes, *text;
	} rows[] = {
		{ "[{path: /v1/a, provider_id: gone}]",
		  "passthrough.routes[0].provider_id: there is no provider "
		  "\"gone\"" },
		{ "[{path: v1/a, provider_id: up}]", "is no path such as" },
		{ "[{path: /v1/*/a, provider_id: up}]", "is no path such as" },
		{ "[{path: /v1/passthrough/a, provider_id: up}]",
		  "is no path such as" },
		{ "[{path: '/a?b', provider_id: up}]", "is no path such as" },
		{ "[{path: /a}]", "routes[0].provider_id: is required" },
		{ "[{provider_id: up}]", "routes[0].path: is required" },
		{ "[{path: /a, provider_id: up, x: y}]", "unknown key" },
		{ "[a]", "routes[0]: must be a mapping" },
		{ "{a: b}", "must be a list" },
	};
	struct buf messages;

	(void)state;
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	for (size_t i = 0; i < countof(rows); i++) {
		struct config *cfg = load(rows[i].routes, &messages);

		check_true(rows[i].routes, cfg == NULL);
		if (str_find(buf_str(&messages), str_of(rows[i].text)) ==
		    messages.len)
			fail_msg("%s: " STR_FMT, rows[i].routes,
				 STR_ARG(buf_str(&messages)));
		config_unref(cfg);
	}
	buf_fini(&messages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_find_their_route),
		cmocka_unit_test(mistakes_are_told),
	};

	return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
