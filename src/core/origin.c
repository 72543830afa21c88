#include "core/origin.h"

#include "base/buf.h"
#include "base/map.h"
#include "net/proxy.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	ORIGIN_BYTES_MAX = 16 << 20
};

/* All that were ever made; configurations are few. */
static struct {
	pthread_mutex_t lock;
	struct arena arena;
	struct map by_id; /* to struct client_origin */
} interned = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *file_or_null(struct arena *a, struct str path)
{
	return path.len > 0 ? arena_cz(a, path) : NULL;
}

static int make_tls(const struct config_network *n, struct arena *a,
		    struct client_origin *o, struct api_error *error)
{
	struct tls_client_cfg cfg = {
		.ca_file = file_or_null(a, n->ca_file),
		.cert_file = file_or_null(a, n->cert_file),
		.key_file = file_or_null(a, n->key_file),
		.verify_off = !n->tls_verify,
		.tls13_only = n->tls13_only,
	};

	o->tls_ctx = tls_client_ctx_new(&cfg);
	if (o->tls_ctx != NULL)
		return 0;
	return api_fail(error, a, 500, "config", NULL,
			"TLS for " STR_FMT ": " STR_FMT, STR_ARG(o->host),
			STR_ARG(err_text()));
}

/* A slice in an arena of the program's life. */
static struct str keep(struct str s)
{
	return arena_str(&interned.arena, s);
}

static struct url keep_url(struct url u)
{
	u.host = keep(u.host);
	u.userinfo = keep(u.userinfo);
	u.path = keep(u.path);
	u.query = keep(u.query);
	return u;
}

static struct str host_header(const struct url *u, struct arena *a)
{
	bool v6 = str_find(u->host, STR(":")) < u->host.len;
	uint16_t usual = u->tls ? 443 : 80;

	if (u->is_unix)
		return STR("localhost");
	if (u->port == usual)
		return arena_printf(a, v6 ? "[" STR_FMT "]" : STR_FMT,
				    STR_ARG(u->host));
	return arena_printf(a, v6 ? "[" STR_FMT "]:%u" : STR_FMT ":%u",
			    STR_ARG(u->host), u->port);
}

/* A proxy for https:// is none for http://: local servers have no other. */
static struct str proxy_text(const struct provider *p)
{
	return p->base.tls ? p->network->proxy : p->network->http_proxy;
}

static int find_proxy(const struct provider *p, struct arena *a,
		      struct url *out, struct api_error *error)
{
	struct str text = proxy_text(p);

	*out = (struct url){ 0 };
	if (text.len == 0 || p->base.is_unix ||
	    proxy_is_bypassed(p->network->no_proxy, p->base.host, p->base.port))
		return 0;
	if (url_parse(text, a, out) == 0)
		return 0;
	return api_fail(error, a, 500, "config", NULL,
			"provider '" STR_FMT "': network.proxy: " STR_FMT,
			STR_ARG(p->id), STR_ARG(err_text()));
}

static int make(const struct provider *p, const struct url *proxy,
		struct str id, struct arena *a, struct api_error *error)
{
	struct client_origin *o;
	int r = 0;

	if (interned.arena.max == 0)
		arena_init(&interned.arena, ORIGIN_BYTES_MAX);
	o = arena_zalloc(&interned.arena, sizeof(*o));
	*o = (struct client_origin){
		.id = keep(id),
		.tls = p->base.tls,
		.is_unix = p->base.is_unix,
		.host = keep(p->base.host),
		.port = p->base.port,
		.host_header = host_header(&p->base, &interned.arena),
		.proxy = keep_url(*proxy),
	};
	if (o->tls)
		r = make_tls(p->network, a, o, error);
	if (r == 0)
		(void)map_put(&interned.by_id, o->id, o);
	return r;
}

int origin_get(const struct provider *p, struct arena *a,
	       const struct client_origin **out, struct api_error *error)
{
	const struct config_network *n = p->network;
	struct url proxy;
	struct str id;
	int r = find_proxy(p, a, &proxy, error);

	if (r != 0)
		return r;
	id = arena_printf(a,
			  "%s" STR_FMT ":%u|" STR_FMT "|" STR_FMT "|" STR_FMT
			  "|" STR_FMT "|%d%d",
			  p->base.is_unix ? "unix:"
			  : p->base.tls   ? "https://"
					  : "http://",
			  STR_ARG(p->base.host), p->base.port,
			  STR_ARG(proxy.host.len > 0 ? proxy_text(p)
						     : STR_NULL),
			  STR_ARG(n->ca_file), STR_ARG(n->cert_file),
			  STR_ARG(n->key_file), n->tls_verify, n->tls13_only);
	(void)pthread_mutex_lock(&interned.lock);
	if (map_get(&interned.by_id, id) == NULL)
		r = make(p, &proxy, id, a, error);
	if (r == 0)
		*out = map_get(&interned.by_id, id);
	(void)pthread_mutex_unlock(&interned.lock);
	return r;
}

void origin_free_all(void)
{
	const struct map_entry *e;
	size_t at = 0;

	while ((e = map_next(&interned.by_id, &at)) != NULL) {
		struct client_origin *o = e->value;

		tls_ctx_unref(o->tls_ctx);
	}
	map_fini(&interned.by_id);
	if (interned.arena.max != 0)
		arena_fini(&interned.arena);
}
