#include "config/keep.h"

#include "tests/unit/config/types.h"
#include "tests/unit/table.h"

#define STORES(store, values)             \
	"storage:\n"                      \
	"  backends: {b: {" values "}}\n" \
	"  stores: {" store ": {backend: b}}\n"
#define WARNING \
	"f:1:1: warning: storage: of the stores only inference is used so far\n"
#define BAD "error: store.uri: must be sqlite:FILE, postgres://... or none\n"

struct row {
	const char *name, *yaml, *variable, *home;
	const char *uri, *origin; /* "" of both: there is no place */
	const char *messages;
	bool is_default;
};

static int load(const struct row *row, struct config **out,
		struct buf *messages)
{
	char variable[80], home[80];
	char *environment[] = { variable, home, NULL };

	(void)snprintf(variable, sizeof(variable), "%s",
		       row->variable != NULL ? row->variable : "A=");
	(void)snprintf(home, sizeof(home), "%s",
		       row->home != NULL ? row->home : "HOME=/home/me");
	buf_init(messages, CONFIG_MESSAGES_MAX);
	return config_load(&(struct config_sources){ .file = "f",
						     .text = str_of(row->yaml),
						     .environment =
							     environment },
			   test_types, out, messages);
}

static const struct config_value *uri_of(const struct config *c)
{
	const struct config_value *v = c->store_values;

	while (strcmp(v->setting->key, "store.uri") != 0)
		v++;
	return v;
}

static void the_place_is_found(void **state)
{
	static const struct row rows[] = {
		{ "nothing is said", "version: 2", NULL, NULL,
		  "sqlite:/home/me/.local/state/quipu/quipu.db", "default",
		  .is_default = true },
		{ "the state directory is named", "version: 2",
		  "XDG_STATE_HOME=/s", NULL, "sqlite:/s/quipu/quipu.db",
		  "default", .is_default = true },
		{ "a relative one counts as unset", "version: 2",
		  "XDG_STATE_HOME=s", NULL,
		  "sqlite:/home/me/.local/state/quipu/quipu.db", "default",
		  .is_default = true },
		{ "there is no home", "version: 2", NULL, "HOME=", "", "",
		  .is_default = true },
		{ "a text", "store: none", NULL, NULL, "none", "f:1" },
		{ "a mapping", "store: {uri: 'sqlite:x.db'}", NULL, NULL,
		  "sqlite:x.db", "f:1" },
		{ "a variable wins", "store: none", "QUIPU_STORE=sqlite:/y",
		  NULL, "sqlite:/y", "QUIPU_STORE" },
		{ "a home", "store: sqlite:~/y", NULL, NULL,
		  "sqlite:/home/me/y", "f:1" },
		{ "OGX's file",
		  STORES("inference", "type: sql_sqlite, db_path: ~/s.db"),
		  NULL, NULL, "sqlite:/home/me/s.db", "f:3", WARNING },
		{ "OGX's responses",
		  STORES("responses", "type: sql_sqlite, db_path: /s.db"), NULL,
		  NULL, "sqlite:/s.db", "f:3", WARNING },
		{ "OGX's other stores",
		  STORES("conversations", "type: sql_sqlite, db_path: /s"),
		  "XDG_STATE_HOME=/s", NULL, "sqlite:/s/quipu/quipu.db",
		  "default", WARNING, .is_default = true },
		{ "OGX's server",
		  STORES("inference",
			 "type: sql_postgres, host: h, db: d/1, user: 'a@b', "
			 "password: 'p:w/x', ssl_mode: require, "
			 "ca_cert_path: /ca"),
		  NULL, NULL,
		  "postgres://a%40b:p%3Aw%2Fx@h:5432/d%2F1?sslmode=require&"
		  "sslrootcert=/ca",
		  "f:3", WARNING },
		{ "OGX's server without an account",
		  STORES("inference", "type: sql_postgres, db: d"), NULL, NULL,
		  "postgres://localhost:5432/d", "f:3", WARNING },
		{ "quipu's own setting wins over OGX's",
		  STORES("inference", "type: sql_sqlite, db_path: /s.db"),
		  "QUIPU_STORE=none", NULL, "none", "QUIPU_STORE", WARNING },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const char *name = rows[i].name;
		struct config *c = NULL;
		struct buf messages;

		check_int(name, load(&rows[i], &c, &messages), 0);
		check_str(name, buf_str(&messages), str_of(rows[i].messages));
		check_str(name, c->store_uri, str_of(rows[i].uri));
		check_str(name, uri_of(c)->value, str_of(rows[i].uri));
		check_str(name, uri_of(c)->origin, str_of(rows[i].origin));
		check_int(name, c->store_is_default, rows[i].is_default);
		config_unref(c);
		buf_fini(&messages);
	}
}

static void what_is_no_place_is_refused(void **state)
{
	static const struct row rows[] = {
		{ "a path", "store: /x.db", .messages = "f:1:8: " BAD },
		{ "no path", "store: {uri: 'sqlite:'}",
		  .messages = "f:1:14: " BAD },
		{ "another scheme", "version: 2", "QUIPU_STORE=mysql://x/y",
		  .messages = "QUIPU_STORE: " BAD },
		{ "a misspelt key", "store: {polcy: drop}",
		  .messages = "f:1:9: error: store.polcy: unknown key; did you "
			      "mean \"policy\"?\n" },
		{ "no such policy", "store: {policy: wait}",
		  .messages = "f:1:17: error: store.policy: \"wait\" is not "
			      "one of block, drop\n" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct config *c = NULL;
		struct buf messages;

		check_int(rows[i].name, load(&rows[i], &c, &messages),
			  CONFIG_BAD);
		check_str(rows[i].name, buf_str(&messages),
			  str_of(rows[i].messages));
		buf_fini(&messages);
	}
}

static void gather(void *arg, struct str secret)
{
	(void)!buf_printf(arg, "[" STR_FMT "]", STR_ARG(secret));
}

static void passwords_are_secret_and_accounts_are_not(void **state)
{
	static const struct {
		const char *yaml, *want;
	} rows[] = {
		{ "store: postgres://quipu:sesame@h/d", "[sesame]" },
		{ "store: postgres://quipu@h/d", "" },
		{ "store: postgresql://quipu@h/d?password=sesame&x=y",
		  "[sesame]" },
		{ "store: postgres:///d?host=/run&user=quipu", "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const struct row row = { .yaml = rows[i].yaml };
		struct buf messages, secrets, shown;
		struct config *c = NULL;

		buf_init(&secrets, 4096);
		buf_init(&shown, CONFIG_SHOW_MAX);
		check_int(rows[i].yaml, load(&row, &c, &messages), 0);
		config_secrets(c, gather, &secrets);
		check_str(rows[i].yaml, buf_str(&secrets),
			  str_of(rows[i].want));
		assert_int_equal(config_show(c, false, &shown), 0);
		check_true(rows[i].yaml, str_find(buf_str(&shown),
						  STR("sesame")) == shown.len);
		config_unref(c);
		buf_fini(&messages);
		buf_fini(&secrets);
		buf_fini(&shown);
	}
}

static void a_restart_is_told_to_be_needed(void **state)
{
	const struct row before = { .yaml = "store: postgres://u:sesame@h/d" },
			 after = { .yaml = "store: {uri: none, default: "
					   "false, keep_days: 3}" };
	struct config *a = NULL, *b = NULL;
	struct buf messages;

	(void)state;
	check_int("before", load(&before, &a, &messages), 0);
	check_int("after", load(&after, &b, &messages), 0);
	config_note_fixed(a, b, &messages);
	check_str("messages", buf_str(&messages),
		  STR("f:1: warning: store.uri: stays ******** until a "
		      "restart makes it \"none\"\n"
		      "f:1: warning: store.keep_days: stays \"0\" until a "
		      "restart makes it \"3\"\n"));
	config_unref(a);
	config_unref(b);
	buf_fini(&messages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_place_is_found),
		cmocka_unit_test(what_is_no_place_is_refused),
		cmocka_unit_test(passwords_are_secret_and_accounts_are_not),
		cmocka_unit_test(a_restart_is_told_to_be_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
