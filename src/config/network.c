#include "config/network.h"

#include <assert.h>

struct network {
	struct load *load;
	const struct layer *layer;
	const struct layer_block *block;
	const struct config_value *inherited;
};

static const struct config_value *find(const struct network *n, const char *key)
{
	for (size_t i = 0; i < n->block->count; i++) {
		if (str_eq(str_of(n->block->rows[i].key), str_of(key)))
			return &n->block->values[i];
	}
	assert(false && "the table has no such key");
	return NULL;
}

static bool is_inherited(const struct network *n, const struct config_value *v)
{
	return n->inherited != NULL &&
	       n->inherited[v - n->block->values].origin.ptr == v->origin.ptr;
}

static void refuse(const struct network *n, const struct config_value *v,
		   const char *why)
{
	problem_error(&n->load->problems, layer_place(v),
		      STR_FMT STR_FMT "%s: %s", STR_ARG(n->layer->path),
		      STR_ARG(n->block->prefix), v->setting->key, why);
}

/* "proxy:3128" is common in the environment and means http://. */
static struct str proxy_url(const struct network *n, const char *key)
{
	const struct config_value *v = find(n, key);

	if (v->value.len == 0 || str_starts(v->value, STR("http://")))
		return v->value;
	if (str_find(v->value, STR("://")) == v->value.len) {
		return arena_printf(n->load->arena, "http://" STR_FMT,
				    STR_ARG(v->value));
	}
	if (!is_inherited(n, v))
		refuse(n, v, "only http:// proxies can be used");
	return STR_NULL;
}

static void store_headers(const struct network *n, struct config_network *out)
{
	const struct config_value *v = find(n, "network.headers");
	size_t count = v->item_count / 2;

	out->header_count = count;
	out->header_names =
		arena_alloc(n->load->arena, (count + 1) * sizeof(struct str));
	out->header_values =
		arena_alloc(n->load->arena, (count + 1) * sizeof(struct str));
	for (size_t i = 0; i < count; i++) {
		out->header_names[i] = v->items[2 * i];
		out->header_values[i] = v->items[2 * i + 1];
	}
}

void network_store(struct load *l, const struct layer *layer,
		   const struct layer_block *b,
		   const struct config_value *inherited,
		   struct config_network *out)
{
	const struct network n = { l, layer, b, inherited };
	const struct config_value *cert = find(&n, "network.tls.client_cert");
	const struct config_value *key = find(&n, "network.tls.client_key");

	layer_store(l, b, out);
	out->proxy = proxy_url(&n, "network.proxy.https");
	out->http_proxy = proxy_url(&n, "network.proxy.http");
	store_headers(&n, out);
	if (cert->value.len > 0 && key->value.len == 0)
		refuse(&n, cert, "needs network.tls.client_key as well");
	if (key->value.len > 0 && cert->value.len == 0)
		refuse(&n, key, "needs network.tls.client_cert as well");
}
