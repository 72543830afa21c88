/*
 * config - what the operator asked for, checked.
 *
 *	r = config_load(&sources, schema, &cfg);
 *	if (r != 0)
 *		fputs(config_errors(cfg), stderr);
 *
 * Sources, the later wins: built-in defaults, a YAML file, environment
 * variables, command-line flags.  A table (config/schema.c) says for each key its
 * kind, range, default, environment variable, flag and help; everything else
 * (checks, "config show", --help, the nearest known key in an error) follows
 * from the table.  A loaded configuration is immutable and reference-counted.
 *
 * The YAML shape is OGX's run configuration, version 2, as far as quipu knows
 * it, with quipu's own keys beside it.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"

enum setting_kind {
	SETTING_STR,
	SETTING_BOOL,
	SETTING_INT,      /* "100", within min and max */
	SETTING_SIZE,     /* "64KB", "100MB"; bytes */
	SETTING_DURATION, /* "250ms", "15s", "10m", or a number of seconds */
	SETTING_ENUM,     /* one of choices */
	SETTING_LIST,     /* of strings */
	SETTING_MAP,      /* of strings to strings: headers */
	SETTING_PATH,     /* a file, ~ expanded */
};

/* One row of a schema. */
struct setting {
	const char *key; /* "server.port"; in a provider's table "api_key" */
	enum setting_kind kind;
	bool required;
	bool secret;         /* never shown */
	const char *def;     /* as it would be written; NULL: unset */
	const char *env;     /* environment variable, or NULL */
	const char *flag;    /* "port" for --port, or NULL */
	const char *choices; /* "debug|info|warn|error" */
	int64_t min, max;    /* INT, SIZE (bytes), DURATION (ns); both 0: any */
	const char *help;
	size_t offset; /* of the value in struct config; private to schema.c */
};

/* A provider type, as far as the configuration must know it. */
struct config_provider_type {
	const char *name;               /* "remote::azure" */
	const struct setting *settings; /* key NULL ends */
};

/* How to reach an upstream; every provider block may have one. */
struct config_network {
	int64_t connect_timeout_ns;    /* 5 s */
	int64_t first_byte_timeout_ns; /* 600 s */
	int64_t idle_timeout_ns;       /* between bytes: 600 s */
	int64_t total_timeout_ns;      /* 0: none */
	struct str proxy; /* URL; "" for none, or from HTTPS_PROXY */
	struct str no_proxy;
	struct str ca_file;
	struct str cert_file, key_file;
	bool tls_verify;
	bool tls13_only;
	struct str *header_names, *header_values;
	size_t header_count;
};

struct config_value {
	const struct setting *setting;
	struct str value;  /* as text; lists are JSON arrays of strings */
	struct str origin; /* "quipu.yaml:12", "OPENAI_API_KEY", "default" */
};

struct config_provider {
	struct str id;
	struct str type;
	struct config_value *values; /* one per row of its type's table */
	size_t value_count;
	struct str *allowed_models;
	size_t allowed_model_count;
	bool allow_all_models; /* no list was given */
	bool refresh_models;
	struct config_network network;
};

struct config_model {
	struct str id; /* what clients ask for */
	struct str provider_id;
	struct str upstream_id; /* provider_model_id, or id */
	struct str type;        /* "llm", "embedding", "rerank" */
};

struct config {
	/* server */
	struct str host;      /* "" is all addresses, v4 and v6 */
	int64_t port;         /* 8321; 0 picks a free one */
	struct str unix_path; /* "" for none */
	int64_t workers;      /* 0: one per core */
	int64_t backlog;
	int64_t max_connections;                  /* of all workers */
	int64_t head_max, body_max, inflated_max; /* bytes */
	int64_t head_timeout_ns, body_timeout_ns, keepalive_timeout_ns;
	int64_t write_timeout_ns; /* a client that reads nothing */
	int64_t shutdown_timeout_ns;
	int64_t ping_interval_ns; /* comment on quiet streams; 0: never */
	struct str tls_cert, tls_key, tls_client_ca;
	bool tls13_only;
	bool drain_on_disconnect; /* on_disconnect: drain */
	/* upstream */
	int64_t pool_max; /* idle connections per origin and worker */
	int64_t pool_idle_timeout_ns;
	int64_t retries; /* 2 */
	int64_t retry_after_max_ns;
	int64_t models_refresh_ns;
	int64_t event_max;             /* bytes of one streamed event */
	struct config_network network; /* what providers inherit */
	/* log */
	struct str log_level;  /* debug, info, warn, error */
	struct str log_format; /* auto, text, json */
	bool log_access;
	/* what is served */
	struct config_provider *providers;
	size_t provider_count;
	struct config_model *models;
	size_t model_count;
	/* the echo model's pace between tokens */
	int64_t refs;       /* private */
	struct arena arena; /* owns all of the above */
};

struct config_sources {
	const char *file;   /* NULL: none */
	char **environment; /* as environ */
	char **flags;       /* what follows the command, NULL at the end */
};

/* See config_load(). */
struct config *config_ref(struct config *c);
void config_unref(struct config *c);

#endif
