#include "core/registry.h"

#include "base/err.h"
#include "base/log.h"
#include "core/origin.h"

#include <assert.h>
#include <stdlib.h>

enum {
	REGISTRY_BYTES_MAX = 64 << 20
};

/* A block of the environment's making has been seen by nobody else. */
static void mask_secrets(const struct config_provider *cp)
{
	for (size_t i = 0; i < cp->value_count; i++) {
		const struct config_value *v = &cp->values[i];

		if (v->setting != NULL && v->setting->secret)
			log_secret(str_trim(v->value));
	}
}

static int find_origins(struct upstream *u, struct arena *a,
			struct api_error *error)
{
	struct provider issuer = u->provider;
	struct config_network direct = *issuer.network;
	int rc = origin_get(&u->provider, a, &u->origin, error);

	if (rc != 0 || issuer.token_base.host.len == 0)
		return rc;
	issuer.base = issuer.token_base;
	if (issuer.token_direct) {
		direct.proxy = STR_NULL;
		direct.http_proxy = STR_NULL;
		issuer.network = &direct;
	}
	return origin_get(&issuer, a, &u->token_origin, error);
}

/* What was found is the caller's to give back, also on failure. */
static int find_places(struct upstream *u, struct arena *keep, struct arena *a,
		       struct api_error *error)
{
	size_t count = u->provider.place_count;
	struct provider there = u->provider;
	int rc = 0;

	u->places = arena_zalloc(keep, (count + 1) * sizeof(void *));
	for (size_t i = 0; i < count && rc == 0; i++) {
		there.base = u->provider.places[i];
		rc = origin_get(&there, a, &u->places[i], error);
	}
	return rc;
}

/* What a client names is no upstream: always verified, no client certificate. */
static int make_guest_tls(const struct registry *r, struct upstream *u,
			  struct arena *a, struct api_error *error)
{
	struct str ca = u->provider.network->ca_file;
	struct tls_client_cfg cfg = {
		.more_ca_file = ca.len > 0 ? arena_cz(a, ca) : NULL,
	};

	/* To read certificates takes some 20 ms: once for all. */
	for (const struct upstream *o = r->upstreams; o < u; o++) {
		if (o->guest_tls == NULL ||
		    !str_eq(o->provider.network->ca_file, ca))
			continue;
		u->guest_tls = tls_ctx_ref(o->guest_tls);
		return 0;
	}
	u->guest_tls = tls_client_ctx_new(&cfg);
	if (u->guest_tls != NULL)
		return 0;
	return api_fail(error, a, 500, "config", NULL,
			"provider '" STR_FMT "': network.tls: " STR_FMT,
			STR_ARG(u->provider.id), STR_ARG(err_text()));
}

static void put_origins(const struct upstream *u)
{
	origin_put(u->origin);
	origin_put(u->token_origin);
	tls_ctx_unref(u->guest_tls);
	for (size_t i = 0; u->places != NULL && i < u->provider.place_count;
	     i++)
		origin_put(u->places[i]);
}

static int add_upstream(struct registry *r, const struct config_provider *cp,
			struct arena *a, struct api_error *error)
{
	struct upstream *u = &r->upstreams[r->upstream_count];
	int rc = provider_init(&u->provider, cp, &r->arena, error);

	if (rc != 0 && cp->is_optional) {
		log_debug("left out: " STR_FMT, STR_ARG(error->message));
		return 0;
	}
	if (rc != 0) {
		/* The message goes with the registry's arena: keep it. */
		error->message = arena_str(a, error->message);
		return rc;
	}
	if ((u->provider.type->caps & PROVIDER_LOCAL) == 0) {
		rc = find_origins(u, a, error);
		if (rc == 0)
			rc = find_places(u, &r->arena, a, error);
		if (rc != 0) {
			put_origins(u);
			return rc;
		}
	}
	u->is_optional = cp->is_optional;
	r->upstream_count++;
	mask_secrets(cp);
	if ((u->provider.type->caps & PROVIDER_WANTS_IMAGES) != 0 ||
	    u->provider.type->address_field != NULL) {
		rc = make_guest_tls(r, u, a, error);
		if (rc != 0)
			return rc;
	}
	if (map_put(&r->by_id, u->provider.id, u) != NULL) {
		return api_fail(error, a, 500, "config", NULL,
				"provider id '" STR_FMT "' is used twice",
				STR_ARG(u->provider.id));
	}
	return 0;
}

int registry_new(struct config *config, char **environment, struct arena *a,
		 struct registry **out, struct api_error *error)
{
	struct registry *r = xcalloc(1, sizeof(*r));
	const struct config_provider *list = config->providers;
	size_t count = config->provider_count;
	int rc = 0;

	arena_init(&r->arena, REGISTRY_BYTES_MAX);
	r->config = config_ref(config);
	r->refs = 1;
	if (!config->names_providers)
		provider_from_environment(config, environment, &r->arena, &list,
					  &count);
	if (count == 0)
		log_warn("no provider is on: there is nothing to serve");
	r->upstreams = arena_zalloc(&r->arena, count * sizeof(*r->upstreams));
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = add_upstream(r, &list[i], a, error);
	if (rc != 0) {
		registry_unref(r);
		return rc;
	}
	*out = r;
	return 0;
}

struct registry *registry_ref(struct registry *r)
{
	(void)__atomic_add_fetch(&r->refs, 1, __ATOMIC_RELAXED);
	return r;
}

void registry_unref(struct registry *r)
{
	if (r == NULL || __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < r->upstream_count; i++) {
		put_origins(&r->upstreams[i]);
	}
	map_fini(&r->by_id);
	config_unref(r->config);
	arena_wipe(&r->arena);
	free(r);
}

const struct upstream *registry_find(const struct registry *r, struct str id)
{
	return map_get(&r->by_id, id);
}
