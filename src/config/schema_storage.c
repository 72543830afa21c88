#include "config/storage.h"

#define SPACE                                                        \
	{                                                            \
		.key = "namespace",                                  \
		.help = "what every key of the database begins with" \
	}
#define SERVER(port_default)                                               \
	{ .key = "host", .def = "localhost", .help = "where it is" },      \
	{                                                                  \
		.key = "port", .kind = SETTING_INT, .def = (port_default), \
		.min = 1, .max = 65535, .help = "its TCP port"             \
	}
#define ACCOUNT                                                           \
	{ .key = "db", .help = "the database" },                          \
		{ .key = "user", .help = "the account" },                 \
	{                                                                 \
		.key = "password", .secret = true, .help = "its password" \
	}
#define TLS                                                                  \
	{ .key = "ssl_mode", .help = "disable, require, verify-full, ..." }, \
	{                                                                    \
		.key = "ca_cert_path", .kind = SETTING_PATH,                 \
		.help = "authorities (PEM) of the server"                    \
	}

static const struct setting kv_sqlite[] = {
	SPACE,
	{ .key = "db_path",
	  .kind = SETTING_PATH,
	  .required = true,
	  .help = "the database's file" },
	{ 0 },
};

static const struct setting kv_redis[] = {
	SPACE,
	SERVER("6379"),
	{ .key = "password", .secret = true, .help = "its password" },
	{ 0 },
};

static const struct setting kv_postgres[] = {
	SPACE,
	SERVER("5432"),
	ACCOUNT,
	TLS,
	{ .key = "table_name",
	  .def = "ogx_kvstore",
	  .help = "the table of keys and values" },
	{ 0 },
};

static const struct setting kv_mongodb[] = {
	SPACE,
	SERVER("27017"),
	ACCOUNT,
	{ .key = "collection_name",
	  .def = "ogx_kvstore",
	  .help = "the collection of keys and values" },
	{ 0 },
};

static const struct setting sql_sqlite[] = {
	{ .key = "db_path",
	  .kind = SETTING_PATH,
	  .required = true,
	  .help = "the database's file" },
	{ .key = "pool_pre_ping",
	  .kind = SETTING_BOOL,
	  .help = "not used; for run configurations of OGX" },
	{ 0 },
};

static const struct setting sql_postgres[] = {
	SERVER("5432"),
	ACCOUNT,
	TLS,
	{ .key = "pool_size",
	  .kind = SETTING_INT,
	  .def = "10",
	  .min = 1,
	  .max = 1000,
	  .help = "connections that are kept" },
	{ .key = "max_overflow",
	  .kind = SETTING_INT,
	  .def = "20",
	  .min = -1,
	  .max = 1000,
	  .help = "connections beyond pool_size; -1: no limit" },
	{ .key = "pool_recycle",
	  .kind = SETTING_INT,
	  .def = "-1",
	  .min = -1,
	  .max = 86400,
	  .help = "seconds after which one is replaced; -1: never" },
	{ .key = "pool_pre_ping",
	  .kind = SETTING_BOOL,
	  .def = "true",
	  .help = "ask whether a kept one is alive before it is used" },
	{ 0 },
};

const struct storage_type schema_storage_types[] = {
	{ "kv_sqlite", false, kv_sqlite },
	{ "kv_redis", false, kv_redis },
	{ "kv_postgres", false, kv_postgres },
	{ "kv_mongodb", false, kv_mongodb },
	{ "sql_sqlite", true, sql_sqlite },
	{ "sql_postgres", true, sql_postgres },
	{ 0 },
};

const struct setting schema_storage_store[] = {
	{ .key = "backend",
	  .required = true,
	  .help = "the name of one of storage.backends" },
	{ .key = "namespace", .help = "what its keys begin with" },
	{ .key = "table_name", .help = "the name of its table" },
	{ .key = "max_write_queue_size",
	  .kind = SETTING_INT,
	  .def = "10000",
	  .min = 1,
	  .max = 10000000,
	  .help = "rows that wait to be written" },
	{ .key = "num_writers",
	  .kind = SETTING_INT,
	  .def = "4",
	  .min = 1,
	  .max = 256,
	  .help = "how many write at once" },
	{ 0 },
};
