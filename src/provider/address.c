#include "provider/address.h"

#include "base/err.h"

enum {
	HOST_MAX = 253
};

enum address_policy address_policy(const struct provider *p)
{
	struct str text = provider_setting(p, "client_address");

	if (str_eq(text, STR("any")))
		return ADDRESS_ANY;
	return str_eq(text, STR("https")) ? ADDRESS_HTTPS : ADDRESS_OFF;
}

static int bad_address(const struct provider *p, const char *why,
		       struct arena *a, struct api_error *e)
{
	(void)api_fail(e, a, 400, "invalid_request_error", NULL,
		       "'%s' in the header x-ogx-provider-data %s.",
		       p->type->address_field, why);
	e->code = STR("invalid_provider_data");
	return API_FAIL;
}

static int read_url(const struct provider *p, struct str text, struct arena *a,
		    struct url *out, struct api_error *e)
{
	if (url_parse(text, a, out) != 0 || out->is_unix ||
	    out->host.len > HOST_MAX)
		return bad_address(p, "is not an https:// URL", a, e);
	if (out->userinfo.len > 0)
		return bad_address(p, "must not have a user or a password", a,
				   e);
	while (str_ends(out->path, STR("/")))
		out->path.len--;
	return 0;
}

static bool is_same_origin(const struct url *a, const struct url *b)
{
	return !b->is_unix && a->tls == b->tls && a->port == b->port &&
	       str_eq_nocase(a->host, b->host);
}

/*
 * Is the address one that may be asked, and with what: the client's own key or
 * none, never one that is not for that address.
 */
static int check(const struct provider *p, const struct provider_request *req,
		 const struct url *url, struct arena *a, struct api_error *e)
{
	enum address_policy policy = address_policy(p);
	struct str why;

	if (policy == ADDRESS_OFF)
		return bad_address(p, "is not taken here (client_address)", a,
				   e);
	if (!url->tls && policy != ADDRESS_ANY)
		return bad_address(p, "must be an https:// URL", a, e);

	if (req->is_forwarded)
		return bad_address(p, "is not combined with forward_auth", a,
				   e);
	if (req->key.len > 0 || p->type->key_optional)
		return 0;
	why = arena_printf(a,
			   "needs '%s' beside it: a configured key is never "
			   "sent to an address that a client brought",
			   p->type->key_field);
	return bad_address(p, arena_cz(a, why), a, e);
}

/* The provider without anything that is the operator's. */
static struct provider *strip(const struct provider *p, struct arena *a)
{
	struct config_network *network = arena_zalloc(a, sizeof(*network));
	struct provider *own = arena_zalloc(a, sizeof(*own));

	*network = *p->network;
	network->header_count = 0;
	*own = *p;
	own->network = network;
	own->key = STR_NULL;
	own->place_count = 0;
	return own;
}

int address_take(const struct provider *p, const struct provider_request *req,
		 struct arena *a, struct address *out, struct api_error *e)
{
	struct provider *own = NULL;
	struct url url;
	struct str text;
	int r;

	*out = (struct address){ .provider = p };
	if (req->data == NULL || p->type->address_field == NULL)
		return 0;
	r = provider_data_field(req->data, str_of(p->type->address_field), a,
				&text, e);
	if (r == 0 && text.len > 0)
		r = read_url(p, text, a, &url, e);
	if (r != 0)
		return r;
	if (text.len > 0 && !is_same_origin(&url, &p->base)) {
		r = check(p, req, &url, a, e);
		if (r != 0)
			return r;
		own = strip(p, a);
		own->base = url;
		out->is_own = true;
		out->provider = own;
	}
	return p->type->readdress != NULL
		       ? p->type->readdress(p, req, a, out, e)
		       : 0;
}
