#include "core/origin.h"

#include "base/buf.h"
#include "base/map.h"
#include "net/proxy.h"

#include <assert.h>
#include <pthread.h>
#include <sys/stat.h>

enum {
	ORIGIN_BYTES_MAX = 1 << 20
};

struct origin {
	struct client_origin client; /* first: what others hold */
	struct arena arena;
	struct str tls_id; /* what its TLS context follows from */
	size_t refs;       /* under the lock */
};

static struct {
	pthread_mutex_t lock;
	struct map by_id; /* to struct origin */
} interned = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *file_or_null(struct arena *a, struct str path)
{
	return path.len > 0 ? arena_cz(a, path) : NULL;
}

/* TLS 1.3's suites and the ciphers before it are two lists of OpenSSL. */
static void split_ciphers(struct str all, struct arena *a,
			  struct tls_client_cfg *out)
{
	struct str of[2] = { STR_NULL, STR_NULL }, name;

	for (size_t i = 0; i < all.len;) {
		size_t end = i;
		bool new;

		while (end < all.len && all.ptr[end] != ',' &&
		       all.ptr[end] != ':')
			end++;
		name = (struct str){ all.ptr + i, end - i };
		new = str_starts(name, STR("TLS_"));
		of[new] =
			arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(of[new]),
				     of[new].len > 0 ? ":" : "", STR_ARG(name));
		i = end + 1;
	}
	out->ciphers = file_or_null(a, of[0]);
	out->suites = file_or_null(a, of[1]);
}

static int make_tls(const struct provider *p, struct arena *a,
		    struct client_origin *o, struct api_error *error)
{
	const struct config_network *n = p->network;
	struct tls_client_cfg cfg = {
		.ca_file = file_or_null(a, n->ca_file),
		.cert_file = file_or_null(a, n->cert_file),
		.key_file = file_or_null(a, n->key_file),
		.verify_off = !n->tls_verify,
		.tls13_only = n->tls13_only,
	};

	if (o->proxy.host.len > 0)
		cfg.more_ca_file = file_or_null(a, n->proxy_ca_file);
	split_ciphers(n->ciphers, a, &cfg);
	o->tls_ctx = tls_client_ctx_new(&cfg);
	if (o->tls_ctx != NULL)
		return 0;
	return api_fail(error, a, 500, "config", NULL,
			"provider '" STR_FMT "': network.tls: " STR_FMT,
			STR_ARG(p->id), STR_ARG(err_text()));
}

static struct url keep_url(struct arena *a, struct url u)
{
	u.host = arena_str(a, u.host);
	u.userinfo = arena_str(a, u.userinfo);
	u.path = arena_str(a, u.path);
	u.query = arena_str(a, u.query);
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

/* A file that has been replaced makes another origin. */
static struct str file_mark(struct arena *a, struct str path)
{
	struct stat st;

	if (path.len == 0 || stat(arena_cz(a, path), &st) < 0)
		return path;
	return arena_printf(a, STR_FMT "@%lld.%09ld/%llu", STR_ARG(path),
			    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			    (unsigned long long)st.st_ino);
}

static struct str make_id(const struct provider *p, const struct url *proxy,
			  struct str tls_id, struct arena *a)
{
	bool proxied = proxy->host.len > 0;

	return arena_printf(a, "%s" STR_FMT ":%u|" STR_FMT "|" STR_FMT,
			    p->base.is_unix ? "unix:"
			    : p->base.tls   ? "https://"
					    : "http://",
			    STR_ARG(p->base.host), p->base.port,
			    STR_ARG(proxied ? proxy_text(p) : STR_NULL),
			    STR_ARG(tls_id));
}

static struct str make_tls_id(const struct provider *p, const struct url *proxy,
			      struct arena *a)
{
	const struct config_network *n = p->network;
	bool proxied = proxy->host.len > 0;

	if (!p->base.tls)
		return STR_NULL;
	return arena_printf(a,
			    STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT
				    "|" STR_FMT "|%d%d",
			    STR_ARG(file_mark(a, n->ca_file)),
			    STR_ARG(file_mark(a, proxied ? n->proxy_ca_file
							 : STR_NULL)),
			    STR_ARG(file_mark(a, n->cert_file)),
			    STR_ARG(file_mark(a, n->key_file)),
			    STR_ARG(n->ciphers), n->tls_verify, n->tls13_only);
}

static void origin_free(struct origin *o)
{
	struct arena a = o->arena; /* holds o itself */

	tls_ctx_unref(o->client.tls_ctx);
	arena_fini(&a);
}

static struct origin *origin_new(const struct provider *p,
				 const struct url *proxy, struct str id)
{
	struct origin *o;
	struct arena a;

	arena_init(&a, ORIGIN_BYTES_MAX);
	o = arena_zalloc(&a, sizeof(*o));
	o->client = (struct client_origin){
		.id = arena_str(&a, id),
		.tls = p->base.tls,
		.is_unix = p->base.is_unix,
		.host = arena_str(&a, p->base.host),
		.port = p->base.port,
		.host_header = host_header(&p->base, &a),
		.proxy = keep_url(&a, *proxy),
	};
	o->arena = a;
	return o;
}

/* With the lock: a context like this one, or NULL. */
static struct tls_ctx *find_tls(struct str tls_id)
{
	const struct map_entry *e;
	size_t at = 0;

	while ((e = map_next(&interned.by_id, &at)) != NULL) {
		const struct origin *o = e->value;

		if (o->client.tls && str_eq(o->tls_id, tls_id))
			return tls_ctx_ref(o->client.tls_ctx);
	}
	return NULL;
}

/*
 * To read the system's certificates takes some 20 ms: all that trust the same
 * share a context.
 */
static int get_tls(const struct provider *p, struct arena *a, struct origin *o,
		   struct api_error *error)
{
	o->client.tls_ctx = find_tls(o->tls_id);
	return o->client.tls_ctx != NULL ? 0
					 : make_tls(p, a, &o->client, error);
}

/* With the lock: the one that is there, or a new one; NULL with *error. */
static struct origin *find_or_make(const struct provider *p,
				   const struct url *proxy, struct arena *a,
				   struct api_error *error)
{
	struct str tls_id = make_tls_id(p, proxy, a);
	struct str id = make_id(p, proxy, tls_id, a);
	struct origin *o = map_get(&interned.by_id, id);

	if (o == NULL) {
		o = origin_new(p, proxy, id);
		o->tls_id = arena_str(&o->arena, tls_id);
		if (o->client.tls && get_tls(p, a, o, error) != 0) {
			origin_free(o);
			return NULL;
		}
		(void)map_put(&interned.by_id, o->client.id, o);
	}
	o->refs++;
	return o;
}

int origin_get(const struct provider *p, struct arena *a,
	       const struct client_origin **out, struct api_error *error)
{
	struct origin *o;
	struct url proxy;
	int r = find_proxy(p, a, &proxy, error);

	if (r != 0)
		return r;
	(void)pthread_mutex_lock(&interned.lock);
	o = find_or_make(p, &proxy, a, error);
	(void)pthread_mutex_unlock(&interned.lock);
	if (o == NULL)
		return API_FAIL;
	*out = &o->client;
	return 0;
}

const struct client_origin *origin_ref(const struct client_origin *origin)
{
	struct origin *o;

	if (origin == NULL)
		return NULL;
	(void)pthread_mutex_lock(&interned.lock);
	o = map_get(&interned.by_id, origin->id);
	assert(o != NULL && &o->client == origin && o->refs > 0);
	o->refs++;
	(void)pthread_mutex_unlock(&interned.lock);
	return origin;
}

void origin_put(const struct client_origin *origin)
{
	struct origin *o;

	if (origin == NULL)
		return;
	(void)pthread_mutex_lock(&interned.lock);
	o = map_get(&interned.by_id, origin->id);
	assert(o != NULL && &o->client == origin && o->refs > 0);
	if (--o->refs == 0) {
		(void)map_drop(&interned.by_id, origin->id);
		origin_free(o);
	}
	if (interned.by_id.len == 0)
		map_fini(&interned.by_id);
	(void)pthread_mutex_unlock(&interned.lock);
}
