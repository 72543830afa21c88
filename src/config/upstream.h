/*
 * upstream - what a configuration says of providers and of their models.
 *
 * All of it lives in the configuration's arena, or in the one it was made in.
 */
#ifndef CONFIG_UPSTREAM_H
#define CONFIG_UPSTREAM_H

#include "config/setting.h"

/* How to reach an upstream; every provider block may have one. */
struct config_network {
	int64_t connect_timeout_ns;    /* 5 s */
	int64_t first_byte_timeout_ns; /* 600 s */
	int64_t idle_timeout_ns;       /* between bytes: 600 s */
	int64_t total_timeout_ns;      /* 0: none */
	struct str proxy;      /* URL, for https:// upstreams; "" for none */
	struct str http_proxy; /* the same for http:// upstreams */
	struct str no_proxy;   /* "localhost,.corp.example", "*" for all */
	struct str ca_file, proxy_ca_file;
	struct str cert_file, key_file;
	struct str ciphers; /* "A,B", OpenSSL's names; "" for its choice */
	bool tls_verify;
	bool tls13_only;
	struct str *header_names, *header_values;
	size_t header_count;
};

struct config_value {
	const struct setting *setting;
	struct str value;  /* as text, "" when unset; LIST: a JSON array */
	struct str origin; /* "quipu.yaml:12", "--port", "default", "" unset */
	struct str *items; /* LIST: entries; MAP: name, value, name, ... */
	size_t item_count;
	size_t column; /* private: in the line of origin; 0: unknown */
};

struct config_provider {
	struct str id;
	struct str type;
	struct str origin; /* "quipu.yaml:7", or "environment" */
	/* One per row of its type's table; one without a setting ends them. */
	struct config_value *values;
	size_t value_count;
	struct str *allowed_models;
	size_t allowed_model_count;
	bool allow_all_models; /* no list was given */
	bool is_optional;      /* nobody asked for it: it may be left out */
	bool refresh_models;
	bool forward_auth;     /* the client's bearer token is the key */
	bool native_responses; /* its own, not made of chat completions */
	struct config_network network;
	struct config_value *common; /* of the keys that all types have */
	struct config_value *network_values; /* private */
};

/* A member of a JSON object that the file has as YAML. */
struct config_member {
	struct str name, json;
};

/* One of those that serve a model. */
struct config_target {
	struct str provider_id; /* of one in providers */
	struct str upstream_id;
	struct str model;         /* both, as written */
	int64_t weight, priority; /* the lowest number is asked first */
};

struct config_model {
	struct str id;          /* what clients ask for */
	struct str provider_id; /* of one in providers; any_provider: "all" */
	struct str upstream_id; /* provider_model_id, or id */
	struct str type;        /* "llm", "embedding", "rerank" */
	struct str origin;
	bool any_provider; /* all that list upstream_id, in turn */
	bool any_model;    /* upstream_id "auto": the first of the type */
	/* Of metadata. */
	struct config_member *members;
	size_t member_count;
	/* targets: instead of provider_id and upstream_id. */
	struct config_target *targets;
	size_t target_count;
};

#endif
