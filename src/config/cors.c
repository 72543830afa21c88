#include "config/cors.h"

#include "base/clock.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

struct words {
	struct str *items;
	size_t count;
};

struct config_cors {
	bool is_local; /* server.cors: true */
	bool any_origin, any_method, any_header;
	bool has_regex;
	regex_t regex;
	struct words origins, methods, headers;
	struct str lines, preflight_lines;
};

#define METHOD(text) STR_INIT(text)

static struct str local_methods[] = { METHOD("GET"), METHOD("POST"),
				      METHOD("PUT"), METHOD("DELETE"),
				      METHOD("OPTIONS") };
static struct str all_methods[] = { METHOD("GET"),    METHOD("HEAD"),
				    METHOD("POST"),   METHOD("PUT"),
				    METHOD("PATCH"),  METHOD("DELETE"),
				    METHOD("OPTIONS") };
static struct str mapping_methods[] = { METHOD("OPTIONS") };
static struct str local_headers[] = { STR_INIT("Content-Type"),
				      STR_INIT("Authorization"),
				      STR_INIT("X-Requested-With") };
/* What a page may send without asking (Fetch, CORS-safelisted headers). */
static struct str plain_headers[] = { STR_INIT("Accept"),
				      STR_INIT("Accept-Language"),
				      STR_INIT("Content-Language"),
				      STR_INIT("Content-Type") };

static bool has(struct words w, struct str word, bool any_case)
{
	for (size_t i = 0; i < w.count; i++) {
		if (any_case ? str_eq_nocase(w.items[i], word)
			     : str_eq(w.items[i], word))
			return true;
	}
	return false;
}

static const struct config_value *find(const struct layer *layer,
				       const char *key)
{
	return layer_find(layer, str_of(key));
}

static struct words words_of(const struct layer *layer, const char *key)
{
	const struct config_value *v = find(layer, key);

	return (struct words){ v->items, v->item_count };
}

static void refuse(struct load *l, const struct config_value *v,
		   const char *why)
{
	problem_error(&l->problems, layer_place(v), "%s: %s", v->setting->key,
		      why);
}

/* "a, b" after a field's name; nothing when there is none. */
static struct str line(struct load *l, const char *name, struct words w)
{
	struct str text = STR_NULL;

	for (size_t i = 0; i < w.count; i++) {
		text = arena_printf(l->arena, STR_FMT "%s" STR_FMT,
				    STR_ARG(text), i > 0 ? ", " : "",
				    STR_ARG(w.items[i]));
	}
	if (w.count == 0)
		return STR_NULL;
	return arena_printf(l->arena, "%s: " STR_FMT "\r\n", name,
			    STR_ARG(text));
}

/* A whole match, and "\d", which POSIX does not know, as in OGX's own. */
static struct str posix_of(struct load *l, struct str regex)
{
	char *out = arena_alloc(l->arena, regex.len * 7 + 8);
	size_t n = 0;

	memcpy(out, "^(", 2);
	n = 2;
	for (size_t i = 0; i < regex.len; i++) {
		if (regex.ptr[i] == '\\' && i + 1 < regex.len &&
		    regex.ptr[i + 1] == 'd') {
			memcpy(out + n, "[0-9]", 5);
			n += 5;
			i++;
			continue;
		}
		out[n++] = regex.ptr[i];
		if (regex.ptr[i] == '\\' && i + 1 < regex.len)
			out[n++] = regex.ptr[++i];
	}
	memcpy(out + n, ")$", 3);
	return (struct str){ out, n + 2 };
}

static void compile(struct load *l, const struct config_value *v,
		    struct config_cors *c)
{
	char why[128];
	int r;

	if (v->value.len == 0)
		return;
	r = regcomp(&c->regex, posix_of(l, v->value).ptr,
		    REG_EXTENDED | REG_NOSUB);
	c->has_regex = r == 0;
	if (r == 0)
		return;
	(void)regerror(r, &c->regex, why, sizeof(why));
	problem_error(&l->problems, layer_place(v),
		      "%s: is no extended regular expression (POSIX): %s",
		      v->setting->key, why);
}

/* What is sent goes into a head as it is. */
static void check_words(struct load *l, const struct layer *layer,
			const char *key)
{
	struct words w = words_of(layer, key);

	for (size_t i = 0; i < w.count; i++) {
		for (size_t j = 0; j < w.items[i].len; j++) {
			char ch = w.items[i].ptr[j];

			if (ch > ' ' && ch <= '~' && ch != ',')
				continue;
			refuse(l, find(layer, key),
			       "an entry has a byte that cannot be sent");
			return;
		}
	}
}

static void take_local(struct config_cors *c)
{
	c->is_local = true;
	c->methods = (struct words){ local_methods, countof(local_methods) };
	c->headers = (struct words){ local_headers, countof(local_headers) };
}

static void take_mapping(struct load *l, const struct layer *layer,
			 struct config_cors *c)
{
	static const char *const lists[] = {
		"server.cors.allow_origins",
		"server.cors.allow_methods",
		"server.cors.allow_headers",
		"server.cors.expose_headers",
	};

	for (size_t i = 0; i < countof(lists); i++)
		check_words(l, layer, lists[i]);
	c->origins = words_of(layer, "server.cors.allow_origins");
	c->methods = words_of(layer, "server.cors.allow_methods");
	c->headers = words_of(layer, "server.cors.allow_headers");
	if (c->methods.count == 0)
		c->methods = (struct words){ mapping_methods, 1 };
	c->any_origin = has(c->origins, STR("*"), false);
	c->any_method = has(c->methods, STR("*"), false);
	c->any_header = has(c->headers, STR("*"), false);
	compile(l, find(layer, "server.cors.allow_origin_regex"), c);
}

static void make_lines(struct load *l, const struct layer *layer,
		       struct config_cors *c)
{
	const struct config_value *credentials =
		find(layer, "server.cors.allow_credentials");
	const struct config_value *age = find(layer, "server.cors.max_age");
	struct words plain = { plain_headers, countof(plain_headers) };
	struct words all = { all_methods, countof(all_methods) };
	struct words asked;

	c->lines = line(l, "access-control-expose-headers",
			words_of(layer, "server.cors.expose_headers"));
	if (config_value_bool(credentials, false)) {
		c->lines = arena_printf(l->arena,
					"access-control-allow-credentials: "
					"true\r\n" STR_FMT,
					STR_ARG(c->lines));
		if (c->any_origin) {
			refuse(l, credentials,
			       "cannot be with \"*\" in allow_origins: name "
			       "the origins, or use allow_origin_regex");
		}
	}
	asked.items = arena_alloc(l->arena, (c->headers.count + plain.count) *
						    sizeof(struct str));
	for (asked.count = 0; asked.count < plain.count; asked.count++)
		asked.items[asked.count] = plain.items[asked.count];
	for (size_t i = 0; i < c->headers.count; i++) {
		if (!has(plain, c->headers.items[i], true))
			asked.items[asked.count++] = c->headers.items[i];
	}
	c->preflight_lines = arena_printf(
		l->arena, STR_FMT STR_FMT "access-control-max-age: %lld\r\n",
		STR_ARG(line(l, "access-control-allow-methods",
			     c->any_method ? all : c->methods)),
		STR_ARG(c->any_header ? STR_NULL
				      : line(l, "access-control-allow-headers",
					     asked)),
		(long long)(config_value_int(age, 0) / CLOCK_S));
}

void cors_load(struct load *l, const struct layer *layer)
{
	const struct config_value *on = find(layer, "server.cors");
	bool has_mapping =
		words_of(layer, "server.cors.allow_origins").count > 0 ||
		find(layer, "server.cors.allow_origin_regex")->value.len > 0;
	struct config_cors *c;

	if (!has_mapping && !config_value_bool(on, false))
		return;
	c = xcalloc(1, sizeof(*c));
	l->cfg->cors = c;
	if (has_mapping) {
		take_mapping(l, layer, c);
	} else {
		take_local(c);
	}
	make_lines(l, layer, c);
}

void cors_free(struct config_cors *c)
{
	if (c != NULL && c->has_regex)
		regfree(&c->regex);
	free(c);
}

/* http://localhost:3000 and https alike. */
static bool is_local(struct str origin)
{
	struct str host = STR("://localhost:");
	int64_t port;

	if (!str_starts(origin, STR("http")))
		return false;
	origin = str_drop(origin, str_starts(origin, STR("https")) ? 5 : 4);
	return str_starts(origin, host) &&
	       str_to_i64(str_drop(origin, host.len), 0, UINT16_MAX, &port);
}

bool cors_allows_origin(const struct config_cors *c, struct str origin)
{
	char text[CORS_ORIGIN_MAX + 1];

	if (origin.len == 0 || origin.len > CORS_ORIGIN_MAX)
		return false;
	for (size_t i = 0; i < origin.len; i++) {
		if (origin.ptr[i] <= ' ' || origin.ptr[i] > '~')
			return false;
		text[i] = origin.ptr[i];
	}
	text[origin.len] = '\0';
	if (c->any_origin || has(c->origins, origin, false))
		return true;
	if (c->is_local)
		return is_local(origin);
	return c->has_regex && regexec(&c->regex, text, 0, NULL, 0) == 0;
}

bool cors_allows_method(const struct config_cors *c, struct str method)
{
	return c->any_method || has(c->methods, method, false);
}

bool cors_allows_header(const struct config_cors *c, struct str name)
{
	struct words plain = { plain_headers, countof(plain_headers) };

	return c->any_header || has(c->headers, name, true) ||
	       has(plain, name, true);
}

bool cors_is_open(const struct config_cors *c)
{
	return c->any_origin;
}

struct str cors_lines(const struct config_cors *c)
{
	return c->lines;
}

struct str cors_preflight_lines(const struct config_cors *c)
{
	return c->preflight_lines;
}

bool cors_allows_all_headers(const struct config_cors *c)
{
	return c->any_header;
}
