#include "provider/provider.h"

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "provider/openai.h"
#include "provider/types.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	/* Headers of the configuration, on top of an encoder's own. */
	EXTRA_HEADERS_MAX = 12,
};

const struct config_value *provider_value(const struct provider *p,
					  const char *key)
{
	for (size_t i = 0; i < p->config->value_count; i++) {
		const struct config_value *v = &p->config->values[i];

		/* Asked for in every request: most differ at once. */
		if (v->setting != NULL && v->setting->key[0] == key[0] &&
		    strcmp(v->setting->key, key) == 0)
			return v;
	}
	return NULL;
}

struct str provider_setting(const struct provider *p, const char *key)
{
	const struct config_value *v = provider_value(p, key);

	return v != NULL ? v->value : STR_NULL;
}

/* The first of these settings that has a value. */
static struct str setting_of(const struct provider *p, const char *const *keys)
{
	struct str value = STR_NULL;

	for (; *keys != NULL && value.len == 0; keys++)
		value = str_trim(provider_setting(p, *keys));
	return value;
}

int provider_fail(const struct provider *p, struct arena *a,
		  struct api_error *e, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return api_fail(e, a, 500, NULL, NULL, "provider '" STR_FMT "': %s",
			STR_ARG(p->id), text);
}

int provider_set_base(struct provider *p, struct str text, struct arena *a,
		      struct api_error *e)
{
	bool has_scheme = str_find(text, STR("://")) < text.len ||
			  str_starts(text, STR("unix:"));

	if (!has_scheme) {
		text = arena_printf(a, "%s://" STR_FMT,
				    p->type->key_optional ? "http" : "https",
				    STR_ARG(text));
	}
	if (url_parse(text, a, &p->base) != 0) {
		return provider_fail(p, a, e,
				     "base_url '" STR_FMT
				     "' is not a URL: " STR_FMT,
				     STR_ARG(text), STR_ARG(err_text()));
	}
	if (p->base.userinfo.len > 0) {
		return provider_fail(p, a, e,
				     "base_url must not have a user or a "
				     "password: use api_key");
	}
	while (str_ends(p->base.path, STR("/")))
		p->base.path.len--;
	return 0;
}

int provider_set_token_base(struct provider *p, const char *key,
			    struct str text, struct arena *a,
			    struct api_error *e)
{
	if (url_parse(text, a, &p->token_base) != 0) {
		return provider_fail(p, a, e,
				     "%s '" STR_FMT "' is not a URL: " STR_FMT,
				     key, STR_ARG(text), STR_ARG(err_text()));
	}
	if (p->token_base.userinfo.len == 0)
		return 0;
	return provider_fail(p, a, e, "%s must not have a user or a password",
			     key);
}

static int check_key(const struct provider *p, struct arena *a,
		     struct api_error *e)
{
	for (size_t i = 0; i < p->key.len; i++) {
		if (p->key.ptr[i] <= ' ' || p->key.ptr[i] > '~') {
			return provider_fail(p, a, e,
					     "the key has a byte at %zu that "
					     "cannot be in a header",
					     i);
		}
	}
	return 0;
}

static int unknown_type(struct str name, struct arena *a, struct api_error *e)
{
	const struct provider_type *best = NULL;
	size_t least = name.len / 2;

	for (size_t i = 0; provider_types[i] != NULL; i++) {
		size_t d = str_distance(str_of(provider_types[i]->name), name);

		if (d <= least) {
			least = d;
			best = provider_types[i];
		}
	}
	return api_fail(e, a, 500, NULL, NULL,
			"provider type '" STR_FMT
			"' is not known; did you mean '%s'?",
			STR_ARG(name),
			best != NULL ? best->name
				     : "remote::openai-compatible");
}

struct str provider_env_text(const char *variables, struct arena *a)
{
	struct str rest = str_of(variables), text = STR_NULL, name;

	while (rest.len > 0) {
		(void)str_cut(rest, '|', &name, &rest);
		text = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(text),
				    text.len > 0 ? " or " : "", STR_ARG(name));
	}
	return text;
}

static int no_base(const struct provider *p, struct arena *a,
		   struct api_error *e)
{
	struct str env = provider_env_text(p->type->base_url_env, a);

	return provider_fail(p, a, e, "base_url is needed%s" STR_FMT "%s",
			     env.len > 0 ? " (or " : "", STR_ARG(env),
			     env.len > 0 ? ")" : "");
}

int provider_init(struct provider *p, const struct config_provider *config,
		  struct arena *a, struct api_error *e)
{
	static const char *const urls[] = { "base_url", "url", NULL };
	static const char *const keys[] = { "api_key", "api_token", NULL };
	const struct provider_type *type = provider_type_find(config->type);
	struct str url;
	int r;

	if (type == NULL)
		return unknown_type(config->type, a, e);
	*p = (struct provider){ .type = type,
				.id = config->id,
				.config = config,
				.network = &config->network };
	p->key = setting_of(p, keys);
	r = check_key(p, a, e);
	if (r != 0)
		return r;
	if (p->network->header_count > EXTRA_HEADERS_MAX) {
		return provider_fail(p, a, e,
				     "network.headers has %zu headers, %d are "
				     "allowed",
				     p->network->header_count,
				     EXTRA_HEADERS_MAX);
	}

	url = setting_of(p, urls);
	if (url.len == 0)
		url = str_of(type->base_url);
	if (url.len > 0) {
		r = provider_set_base(p, url, a, e);
		if (r != 0)
			return r;
	}
	if (type->setup != NULL) {
		r = type->setup(p, a, e);
		if (r != 0)
			return r;
	}
	if (p->base.host.len == 0 && (type->caps & PROVIDER_LOCAL) == 0)
		return no_base(p, a, e);
	return 0;
}

struct str provider_key(const struct provider *p,
			const struct provider_request *req)
{
	if (req->token != NULL)
		return req->token->values[0];
	return req->key.len > 0 ? req->key : p->key;
}

struct str provider_host(const struct provider *p, struct arena *a)
{
	struct str host = p->base.host;
	uint16_t usual = p->base.tls ? 443 : 80;
	bool is_v6;

	if (p->base.is_unix)
		return STR("localhost");
	is_v6 = memchr(host.ptr, ':', host.len) != NULL;
	if (is_v6)
		host = arena_printf(a, "[" STR_FMT "]", STR_ARG(host));
	if (p->base.port == usual)
		return host;
	return arena_printf(a, STR_FMT ":%u", STR_ARG(host), p->base.port);
}

void provider_call_header(struct provider_call *c, struct str name,
			  struct str value)
{
	assert(c->header_count < PROVIDER_HEADERS_MAX);

	c->headers[c->header_count++] = (struct http_header){
		.id = http_name_find(name), .name = name, .value = value
	};
}

/* The operator's headers win over the encoder's. */
static void add_headers(const struct provider *p, struct provider_call *c)
{
	for (size_t i = 0; i < p->network->header_count; i++) {
		struct str name = p->network->header_names[i];
		struct http_header *same = NULL;

		for (size_t j = 0; j < c->header_count; j++) {
			if (str_eq_nocase(c->headers[j].name, name))
				same = &c->headers[j];
		}
		if (same != NULL) {
			same->value = p->network->header_values[i];
		} else {
			provider_call_header(c, name,
					     p->network->header_values[i]);
		}
	}
}

static unsigned cap_of(enum llm_op op)
{
	switch (op) {
	case LLM_CHAT:
		return PROVIDER_CHAT;
	case LLM_COMPLETIONS:
		return PROVIDER_COMPLETIONS;
	case LLM_EMBEDDINGS:
		return PROVIDER_EMBEDDINGS;
	case LLM_MODERATIONS:
		return PROVIDER_MODERATIONS;
	case LLM_RERANK:
		return PROVIDER_RERANK;
	case LLM_MODELS:
		return PROVIDER_LISTS_MODELS;
	case LLM_RESPONSES:
	case LLM_RAW:
		break;
	}
	return 0;
}

bool provider_offers(const struct provider *p, enum llm_op op)
{
	bool is_local = (p->type->caps & PROVIDER_LOCAL) != 0;

	if (op == LLM_RESPONSES)
		return !is_local && p->config != NULL &&
		       p->config->native_responses;
	return op == LLM_RAW ? !is_local : (p->type->caps & cap_of(op)) != 0;
}

int provider_check_op(const struct provider *p, enum llm_op op, struct arena *a,
		      struct api_error *e)
{
	if (provider_offers(p, op))
		return 0;
	return api_fail(e, a, 501, NULL, NULL,
			"Provider '" STR_FMT "' (%s) does not offer %s.",
			STR_ARG(p->id), p->type->name, llm_op_text(op));
}

int provider_encode(const struct provider *p,
		    const struct provider_request *req, struct arena *a,
		    struct provider_call *out, struct api_error *e)
{
	int r;

	assert((p->type->caps & PROVIDER_LOCAL) == 0);
	assert(req->doc != NULL || req->op == LLM_MODELS || req->op == LLM_RAW);

	r = provider_check_op(p, req->op, a, e);
	if (r != 0)
		return r;
	*out = (struct provider_call){ 0 };
	if (p->type->encode != NULL) {
		r = p->type->encode(p, req, a, out, e);
	} else {
		r = openai_encode(p, req, a, out, e);
	}
	if (r == 0)
		add_headers(p, out);
	return r;
}

void provider_map_error(const struct provider *p, int status, struct str body,
			struct arena *a, struct api_error *out)
{
	if (p->type->map_error != NULL) {
		p->type->map_error(p, status, body, a, out);
	} else {
		openai_map_error(p, status, body, a, out);
	}
	/* Some upstreams repeat the key they refused. */
	out->message = provider_data_hide(out->message, p->key, a);
	assert(out->status >= 400 && out->status <= 599);
}

int provider_decode_models(const struct provider *p, struct str body,
			   struct arena *a, struct provider_models *out)
{
	if (p->type->decode_models != NULL)
		return p->type->decode_models(p, body, a, out);
	return openai_decode_models(p, body, a, out);
}
