/*
 * registry - which upstreams there are, and which models they serve.
 *
 * The registry follows from the configuration alone.  A catalog adds the models:
 * registered ones, and the lists that upstreams gave.  Both are immutable and
 * counted; a worker holds one catalog, replaced as a whole when a list has
 * changed, and a request holds the one it began with.
 */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include "base/map.h"
#include "core/choice.h"
#include "net/client.h"
#include "provider/provider.h"

/* A provider instance and the way to it. */
struct upstream {
	struct provider provider;
	/* Nobody asked for it: it is there for what was recorded of it. */
	bool is_optional;
	const struct client_origin *origin; /* NULL: answers by itself */
	/* who gives its tokens; NULL: it needs none, or reads them from files */
	const struct client_origin **places; /* of provider.places */
	const struct client_origin *token_origin;
	struct tls_ctx *guest_tls; /* to servers that clients name, or NULL */
};

struct registry {
	struct arena arena;
	struct config *config; /* a reference */
	struct upstream *upstreams;
	size_t upstream_count;
	struct map by_id; /* provider id to struct upstream */
	int refs;
};

/*
 * Build from a configuration; when it names no provider, those for which the
 * environment has a key or an address, and echo.  Returns 0 with a reference,
 * or API_FAIL with a message for the operator in *error (in a).
 */
must_check int registry_new(struct config *config, char **environment,
			    struct arena *a, struct registry **out,
			    struct api_error *error);
struct registry *registry_ref(struct registry *r);
void registry_unref(struct registry *r); /* r may be NULL */

const struct upstream *registry_find(const struct registry *r, struct str id);

struct model {
	struct str id; /* what clients ask for */
	struct str upstream_id;
	struct str key;  /* "provider_id/upstream_id" */
	struct str type; /* "llm", "embedding", "rerank" */
	const struct upstream *upstream;
	const struct config_model *config; /* NULL: listed, not registered */
	int64_t created_s; /* by its upstream, or when it was first seen */
	/* Of an alias of several, by priority; else NULL and 0. */
	const struct target *targets;
	size_t target_count;
};

/* What one upstream said when it was asked for its models. */
struct model_list {
	struct provider_model *items;
	size_t count;
	int64_t fetched_s;  /* 0: never */
	struct str failure; /* why the last attempt failed, or "" */
	int status;         /* of the last answer; 0: none came */
	bool keyless;       /* since no key is configured */
};

struct catalog {
	struct arena arena;
	struct registry *registry; /* a reference */
	struct model *models;
	size_t model_count, model_max;
	struct map by_id;         /* model id to struct model */
	struct model_list *lists; /* one per upstream */
	int refs;
};

/*
 * Build from the registered models and lists (one per upstream, copied; NULL
 * for none); providers that answer by themselves are asked here.  before may be NULL: models that it had keep their created_s.
 */
struct catalog *catalog_new(struct registry *r, const struct model_list *lists,
			    const struct catalog *before, int64_t now_s);
struct catalog *catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c); /* c may be NULL */

/* Who serves a model: the only one, or the first of several. */
struct model_target {
	const struct upstream *upstream;
	struct str upstream_id;
	struct str key;               /* "provider_id/upstream_id" */
	const struct model *model;    /* NULL: not in the catalog */
	const struct target *targets; /* NULL: there is only this one */
	size_t target_count;
};

/*
 * Find who serves a model id: a model of the catalog by its exact id, else the
 * provider named before the first '/', which gets the rest, else the default
 * provider, which gets all of it.  Returns 0, or
 * API_FAIL: 404 with the nearest known ids, 400 when not allowed.
 */
must_check int catalog_resolve(const struct catalog *c, struct str id,
			       struct arena *a, struct model_target *out,
			       struct api_error *error);

#endif
