/*
 * config - what the operator asked for, checked.
 *
 *	buf_init(&messages, CONFIG_MESSAGES_MAX);
 *	r = config_load(&sources, types, &cfg, &messages);
 *	write(2, messages.ptr, messages.len);
 *	if (r != 0)
 *		exit(1);
 *	...
 *	config_unref(cfg);
 *
 * Sources, the later wins: built-in defaults, a YAML file, environment
 * variables, command-line flags.  A table (config/schema.c) says for each key its
 * kind, range, default, environment variable, flag and help; everything else
 * (checks, "config show", --help, the nearest known key in an error) follows
 * from the table.  A loaded configuration is immutable and reference-counted.
 *
 * The YAML shape is OGX's run configuration, version 2, as far as quipu knows
 * it, with quipu's own keys beside it: docs/configuration.md.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "config/responses.h"
#include "config/storage.h"

#include <stdio.h>

enum config_outcome {
	CONFIG_BAD = 1, /* the messages say why */
};

enum {
	CONFIG_MESSAGES_MAX = 64 * 1024, /* enough for all that are kept */
	CONFIG_SHOW_MAX = 16 << 20,
};

/* A provider type, as far as the configuration must know it. */
struct config_provider_type {
	const char *name; /* "remote::azure"; NULL ends an array */
	const struct setting *settings; /* key NULL ends; may be NULL */
};

/* A path of clients whose requests go to a provider as they are. */
struct config_route {
	struct str path; /* a last '*' stands for anything */
	struct str provider_id;
	struct str origin;
};

struct config_cors; /* config/cors.h */

struct config {
	/* server */
	struct str host;      /* "a,b"; "" is all addresses, v4 and v6 */
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
	int64_t busy_poll_ns;           /* 0: a worker sleeps at once */
	bool drain_on_disconnect;       /* on_disconnect: drain */
	bool core_dumps, server_timing; /* a header with our own time */
	struct str admin;               /* "local", "all", "off" */
	struct str sandbox;             /* "auto", "on", "off" */
	struct str default_provider;    /* of unknown models; "" for none */
	struct config_cors *cors;       /* NULL: off */
	/* upstream */
	int64_t pool_max; /* idle connections per origin and worker */
	int64_t pool_idle_timeout_ns;
	int64_t retries; /* 2 */
	int64_t retry_after_max_ns, models_refresh_ns;
	int64_t event_max;  /* bytes of one streamed event */
	int64_t answer_max; /* bytes of an answer that is no stream */
	struct config_network network; /* what providers inherit */
	/* log */
	struct str log_level;  /* debug, info, warn, error */
	struct str log_format; /* auto, text, json */
	bool log_access;
	/* recordings */
	struct str record_mode, record_dir, record_format, record_session;
	struct str record_on_exhausted; /* error, last, cycle */
	bool record_strict, record_overrides, record_in_ci;
	int64_t record_miss_status;
	int64_t record_max_age_ns; /* 0: none is too old */
	struct str replay_speed, replay_ttft, replay_segment, replay_fault;
	/* metrics */
	bool metrics_on;
	struct str metrics_path, metrics_listen; /* "host:port", or "" */
	struct str stream_usage;                 /* auto, on, off */
	/* telemetry */
	bool telemetry_on;
	struct str otlp_endpoint, otlp_traces, otlp_metrics; /* URLs or "" */
	struct str otlp_headers; /* "name=value,name=value" */
	bool otlp_has_traces, otlp_has_metrics;
	int64_t otlp_interval_ns;
	struct str service_name;
	struct str trace_sampler, trace_sampler_arg;
	bool trace_propagate;
	/* what is served */
	bool names_providers; /* the file has a list of them, maybe empty */
	struct config_provider *providers;
	struct config_model *models;
	struct config_route *routes;
	size_t provider_count, model_count, route_count;
	int64_t passthrough_max; /* bytes of a body; 0: any */
	struct config_storage storage;
	struct config_responses responses;
	/* store */
	struct str store_uri;  /* "none"; "": there is no place to be found */
	bool store_is_default; /* nobody asked for that place */
	bool store_by_default; /* a completion is kept if nothing is said */
	bool store_syncs, store_drops;
	int64_t keep_days, keep_bytes; /* 0: for ever */
	char **environment; /* as it was, and with what stands in files */
	/* private */
	struct config_value *values, *network_values;
	struct config_value *store_values, *responses_values, *process_values;
	int64_t refs;
	struct arena arena; /* owns all of the above */
};

struct config_sources {
	const char *file; /* NULL: --config, QUIPU_CONFIG, OGX_CONFIG or none */
	struct str text;  /* what is in file, when at hand (ptr not NULL) */
	char **environment; /* as environ; may be NULL */
	char **flags;       /* what follows the command, NULL at the end */
};

/*
 * Read all sources.  Returns 0 with *out (free it with config_unref()),
 * or CONFIG_BAD.  Either way messages gets one line per error and warning:
 *
 *	quipu.yaml:12:9: error: server.prot: unknown key; did you mean "port"?
 *
 * No secret is ever in a message.
 */
must_check int config_load(const struct config_sources *sources,
			   const struct config_provider_type *types,
			   struct config **out, struct buf *messages);

struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine */

/*
 * A provider that no block of a file asked for: the type's defaults and
 * environment variables, and the network of c.  It lives in a.
 */
struct config_provider *
config_provider_make(struct arena *a, const struct config *c,
		     const struct config_provider_type *type, struct str id,
		     char **environment);

/* A value of kind INT, SIZE (bytes) or DURATION (ns), or of kind BOOL. */
int64_t config_value_int(const struct config_value *v, int64_t unset);
bool config_value_bool(const struct config_value *v, bool unset);

/*
 * For a reload: a line for every setting that next has otherwise than the
 * configuration the server was started with, and that only a restart changes.
 */
void config_note_fixed(const struct config *running, const struct config *next,
		       struct buf *messages);

/* Do two blocks, of two configurations, say the same? */
bool config_provider_is_same(const struct config_provider *a,
			     const struct config_provider *b);

/* Is a model of the provider, by its own name there, among allowed_models? */
bool config_provider_allows(const struct config_provider *p, struct str model);

/* Call fn for every secret that is set, so that logs can mask it. */
void config_secrets(const struct config *c,
		    void (*fn)(void *arg, struct str secret), void *arg);

/*
 * Append every value with its origin, as aligned text or as JSON; secrets are
 * "********".  Returns 0, or -EMSGSIZE.
 */
must_check int config_show(const struct config *c, bool as_json,
			   struct buf *out);

/* One value, typed, as config_show() would have it; null when unset. */
struct json_writer;
void config_show_value(const struct config_value *v, struct json_writer *w);

/* The flags, from the table: groups, defaults, variables, one line each. */
void config_help(FILE *out);

#endif
