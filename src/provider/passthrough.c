#include "provider/address.h"
#include "provider/openai.h"
#include "provider/types.h"

/*
 * Another quipu, OGX or Llama Stack: the address is that of its root.  Members
 * of a client's provider data may become headers, so that what stands behind it
 * gets keys that nobody here knows.
 */
enum {
	FORWARDED_MAX = 8,
	NAME_MAX_LEN = 128,
};

static const struct setting settings[] = {
	TYPES_BASE_URL(NULL, "PASSTHROUGH_URL"),
	TYPES_KEY("api_key", "PASSTHROUGH_API_KEY"),
	ADDRESS_SETTING,
	{ .key = "forward_headers",
	  .kind = SETTING_MAP,
	  .help = "members of the provider data, and the headers they become" },
	{ .key = "extra_blocked_headers",
	  .kind = SETTING_LIST,
	  .help = "headers that forward_headers must not name" },
	{ 0 },
};

/* Of the connection, or told by others about the client. */
static const struct str blocked[] = {
	STR_INIT("connection"),
	STR_INIT("content-encoding"),
	STR_INIT("content-length"),
	STR_INIT("content-type"),
	STR_INIT("cookie"),
	STR_INIT("date"),
	STR_INIT("expect"),
	STR_INIT("forwarded"),
	STR_INIT("host"),
	STR_INIT("keep-alive"),
	STR_INIT("proxy-authorization"),
	STR_INIT("proxy-authenticate"),
	STR_INIT("proxy-connection"),
	STR_INIT("set-cookie"),
	STR_INIT("te"),
	STR_INIT("trailer"),
	STR_INIT("transfer-encoding"),
	STR_INIT("upgrade"),
	STR_INIT("via"),
	STR_INIT("x-real-ip"),
};

static bool is_blocked(const struct provider *p, struct str name)
{
	const struct config_value *more =
		provider_value(p, "extra_blocked_headers");

	if (str_eq_nocase(str_take(name, 12), STR("x-forwarded-")))
		return true;
	for (size_t i = 0; i < countof(blocked); i++) {
		if (str_eq_nocase(name, blocked[i]))
			return true;
	}
	for (size_t i = 0; more != NULL && i < more->item_count; i++) {
		if (str_eq_nocase(name, more->items[i]))
			return true;
	}
	return false;
}

/* A token of RFC 9110 section 5.6.2. */
static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = str_lower(name.ptr[i]);
		bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			  (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);

		if (!ok)
			return false;
	}
	return name.len > 0 && name.len <= NAME_MAX_LEN;
}

static int check_forwarded(const struct provider *p, struct arena *a,
			   struct api_error *e)
{
	const struct config_value *map = provider_value(p, "forward_headers");

	if (map->item_count > (size_t)2 * FORWARDED_MAX) {
		return provider_fail(p, a, e,
				     "forward_headers has over %d headers",
				     FORWARDED_MAX);
	}
	for (size_t i = 0; i + 1 < map->item_count; i += 2) {
		struct str member = map->items[i], name = map->items[i + 1];

		if (str_starts(member, STR("__"))) {
			return provider_fail(p, a, e,
					     "forward_headers: '" STR_FMT
					     "' is not for others",
					     STR_ARG(member));
		}
		if (!is_name(name) || is_blocked(p, name)) {
			return provider_fail(p, a, e,
					     "forward_headers: '" STR_FMT
					     "' is not a header that may be "
					     "forwarded",
					     STR_ARG(name));
		}
	}
	return 0;
}

static void add_v1(struct provider *p, struct arena *a)
{
	if (!str_ends(p->base.path, STR("/v1"))) {
		p->base.path =
			arena_printf(a, STR_FMT "/v1", STR_ARG(p->base.path));
	}
}

static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	add_v1(p, a);
	return check_forwarded(p, a, e);
}

static int readdress(const struct provider *p,
		     const struct provider_request *req, struct arena *a,
		     struct address *out, struct api_error *e)
{
	struct provider *own;

	(void)p;
	(void)req;
	(void)e;
	if (!out->is_own)
		return 0;
	own = arena_zalloc(a, sizeof(*own));
	*own = *out->provider;
	add_v1(own, a);
	out->provider = own;
	return 0;
}

/* A key, configured or the client's, goes before a forwarded one. */
static void set_header(struct provider_call *c, struct str name,
		       struct str value)
{
	for (size_t i = 0; i < c->header_count; i++) {
		if (!str_eq_nocase(c->headers[i].name, name))
			continue;
		if (c->headers[i].id != HTTP_AUTHORIZATION)
			c->headers[i].value = value;
		return;
	}
	provider_call_header(c, name, value);
}

/* The client's body, as for embeddings, but to another path than /v1. */
static int encode_rerank(const struct provider *p,
			 const struct provider_request *req, struct arena *a,
			 struct provider_call *out, struct api_error *e)
{
	struct provider_request like = *req;
	int r;

	like.op = LLM_EMBEDDINGS;
	r = openai_encode(p, &like, a, out, e);
	out->target =
		arena_join(a,
			   (struct str[]){ openai_root(p),
					   STR("/v1alpha/inference/rerank") },
			   2);
	return r;
}

static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	const struct config_value *map = provider_value(p, "forward_headers");
	int r = req->op == LLM_RERANK ? encode_rerank(p, req, a, out, e)
				      : openai_encode(p, req, a, out, e);

	for (size_t i = 0;
	     r == 0 && req->data != NULL && i + 1 < map->item_count; i += 2) {
		struct str value;

		r = provider_data_field(req->data, map->items[i], a, &value, e);
		if (r == 0 && value.len > 0)
			set_header(out, map->items[i + 1], value);
	}
	return r;
}

const struct provider_type passthrough_type = {
	.name = "remote::passthrough",
	.id = "passthrough",
	.caps = PROVIDER_CHAT | PROVIDER_COMPLETIONS | PROVIDER_EMBEDDINGS |
		PROVIDER_LISTS_MODELS | PROVIDER_MODERATIONS | PROVIDER_RERANK,
	.base_url_env = "PASSTHROUGH_URL",
	.key_env = "PASSTHROUGH_API_KEY",
	.key_field = "passthrough_api_key",
	.address_field = "passthrough_url",
	.key_optional = true,
	.settings = settings,
	.setup = setup,
	.readdress = readdress,
	.encode = encode,
};
