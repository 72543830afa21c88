#include "config/config.h"

#include "tests/unit/config/types.h"
#include "tests/unit/table.h"

static int load(const char *yaml, struct config **out, struct buf *messages)
{
	static char home[] = "HOME=/home/me", secret[] = "PW=sesame-sesame";
	char *environment[] = { home, secret, NULL };

	buf_init(messages, CONFIG_MESSAGES_MAX);
	return config_load(&(struct config_sources){ .file = "f",
						     .text = str_of(yaml),
						     .environment =
							     environment },
			   test_types, out, messages);
}

#define CHECKED \
	"f:1:1: warning: storage: of the stores only inference is used so far\n"

static const char all[] =
	"storage:\n"
	"  backends:\n"
	"    kv: {type: kv_sqlite, db_path: '${env.DIR:=~/.ogx}/kv.db'}\n"
	"    redis: {type: kv_redis, host: h, namespace: n}\n"
	"    kvpg: {type: kv_postgres, db: d, user: u, password: '${env.PW}', "
	"ssl_mode: require, ca_cert_path: ~/ca}\n"
	"    mongo: {type: kv_mongodb, port: 1}\n"
	"    sql: {type: sql_sqlite, db_path: /tmp/x, pool_pre_ping: true}\n"
	"    pg: {type: sql_postgres, pool_size: 3}\n"
	"  stores:\n"
	"    metadata: {backend: kv, namespace: registry}\n"
	"    inference: {backend: sql, table_name: t, num_writers: 2}\n"
	"    conversations: {backend: pg}\n"
	"    responses: {backend: sql, table_name: r}\n"
	"    prompts: {backend: redis}\n"
	"    connectors: {backend: mongo}\n"
	"    other: {backend: pg}\n";

static const struct config_value *find(const struct config_value *v,
				       const char *key)
{
	while (v->setting != NULL && strcmp(v->setting->key, key) != 0)
		v++;
	check_true(key, v->setting != NULL);
	return v;
}

static void every_backend_and_store_is_kept(void **state)
{
	static const struct {
		size_t backend;
		const char *type, *key, *want;
	} cases[] = {
		{ 0, "kv_sqlite", "db_path", "/home/me/.ogx/kv.db" },
		{ 1, "kv_redis", "host", "h" },
		{ 1, "kv_redis", "port", "6379" },
		{ 2, "kv_postgres", "password", "sesame-sesame" },
		{ 2, "kv_postgres", "ca_cert_path", "/home/me/ca" },
		{ 2, "kv_postgres", "table_name", "ogx_kvstore" },
		{ 3, "kv_mongodb", "port", "1" },
		{ 4, "sql_sqlite", "db_path", "/tmp/x" },
		{ 5, "sql_postgres", "pool_size", "3" },
		{ 5, "sql_postgres", "port", "5432" },
	};
	const struct config_store *store;
	struct config *c = NULL;
	struct buf messages;

	(void)state;
	check_int("loads", load(all, &c, &messages), 0);
	check_str("messages", buf_str(&messages), STR(CHECKED));
	check_int("backends", c->storage.backend_count, 6);
	check_int("stores", c->storage.store_count, 7);
	for (size_t i = 0; i < countof(cases); i++) {
		const struct config_backend *b =
			&c->storage.backends[cases[i].backend];

		check_str(cases[i].key, b->type, str_of(cases[i].type));
		check_int(cases[i].key, b->is_sql,
			  cases[i].backend == 4 || cases[i].backend == 5);
		check_str(cases[i].key, find(b->values, cases[i].key)->value,
			  str_of(cases[i].want));
	}
	store = storage_find(&c->storage, STR("inference"));
	check_str("inference", store->backend->name, STR("sql"));
	check_str("table", find(store->values, "table_name")->value, STR("t"));
	check_int("writers",
		  config_value_int(find(store->values, "num_writers"), 0), 2);
	check_true("no such store",
		   storage_find(&c->storage, STR("x")) == NULL);
	config_unref(c);
	buf_fini(&messages);
}

static void the_listing_hides_the_password(void **state)
{
	struct buf messages, out;
	struct config *c = NULL;

	(void)state;
	check_int("loads", load(all, &c, &messages), 0);
	for (int as_json = 0; as_json < 2; as_json++) {
		buf_init(&out, CONFIG_SHOW_MAX);
		assert_int_equal(config_show(c, as_json == 1, &out), 0);
		check_true("shown", str_find(buf_str(&out),
					     STR("storage.stores.metadata."
						 "backend")) < out.len);
		check_true("shown",
			   str_find(buf_str(&out),
				    STR("storage.backends.kvpg.password")) <
				   out.len);
		check_true("hidden",
			   str_find(buf_str(&out), STR("sesame")) == out.len);
		buf_fini(&out);
	}
	config_unref(c);
	buf_fini(&messages);
}

static void a_wrong_storage_gets_its_messages(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{ "storage:\n", "" },
		{ "storage: {}\n", CHECKED },
		{ "storage: 1\n",
		  "f:1:10: error: storage: must be a mapping\n" },
		{ "storage: {backends: [a]}\n",
		  "f:1:21: error: storage.backends: must be a mapping of at "
		  "most 64 entries\n" CHECKED },
		{ "storage: {bakends: {}}\n",
		  "f:1:11: warning: storage.bakends: unknown key, "
		  "ignored\n" CHECKED },
		{ "storage: {backends: {a: {db_path: x}}}\n",
		  "f:1:25: error: storage.backends.a.type: is "
		  "required\n" CHECKED },
		{ "storage: {backends: {a: {type: kv_sqlite}}}\n",
		  "f:1:25: error: storage.backends.a.db_path: is "
		  "required\n" CHECKED },
		{ "storage: {backends: {a: {type: kv_redis, port: x}}}\n",
		  "f:1:48: error: storage.backends.a.port: \"x\" is not a "
		  "whole number\n" CHECKED },
		{ "storage: {backends: {a: {type: kv_cassandra}}, "
		  "stores: {metadata: {backend: a}}}\n",
		  "f:1:32: warning: storage.backends.a.type: \"kv_cassandra\" "
		  "is not one of quipu's; left out\n" CHECKED },
		{ "storage: {stores: {metadata: {backend: a}}}\n",
		  "f:1:40: error: storage.stores.metadata.backend: there is "
		  "no backend \"a\" below storage.backends\n" CHECKED },
		{ "storage: {stores: {metadata: {namespace: a}}}\n",
		  "f:1:30: error: storage.stores.metadata.backend: is "
		  "required\n" CHECKED },
		{ "storage: {backends: {a: {type: kv_redis}}, "
		  "stores: {inference: {backend: a}}}\n",
		  "f:1:74: error: storage.stores.inference.backend: inference "
		  "needs a backend whose type begins with sql_; \"a\" is "
		  "kv_redis\n" CHECKED },
		{ "storage: {backends: {a: {type: sql_postgres}}, "
		  "stores: {prompts: {backend: a}}}\n",
		  "f:1:76: error: storage.stores.prompts.backend: prompts "
		  "needs a backend whose type begins with kv_; \"a\" is "
		  "sql_postgres\n" CHECKED },
		{ "storage: {backends: {a: {type: kv_sqlite, db_path: "
		  "'${env.NO}'}}}\n",
		  "f:1:52: error: storage.backends.a.db_path: environment "
		  "variable NO is not set or empty; ${env.NO:=} allows "
		  "that\n"
		  "f:1:25: error: storage.backends.a.db_path: is "
		  "required\n" CHECKED },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		bool bad = strstr(cases[i].want, "error: ") != NULL;
		struct config *c = NULL;
		struct buf messages;

		check_int(cases[i].yaml, load(cases[i].yaml, &c, &messages),
			  bad ? CONFIG_BAD : 0);
		check_str(cases[i].yaml, buf_str(&messages),
			  str_of(cases[i].want));
		config_unref(c);
		buf_fini(&messages);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_backend_and_store_is_kept),
		cmocka_unit_test(the_listing_hides_the_password),
		cmocka_unit_test(a_wrong_storage_gets_its_messages),
	};

	return cmocka_run_group_tests_name("config storage", tests, NULL, NULL);
}
