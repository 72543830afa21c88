#include "provider/sigv4_path.h"

#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct param {
	struct str name;
	struct str value; /* both encoded */
};

static bool is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
	       c == '~';
}

struct str sigv4_path_encode(struct str text, bool keep_slash, struct arena *a)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, 3 * text.len);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (is_unreserved(c) || (c == '/' && keep_slash)) {
			out[len++] = (char)c;
			continue;
		}
		out[len++] = '%';
		out[len++] = digits[c >> 4];
		out[len++] = digits[c & 15];
	}
	return (struct str){ out, len };
}

/* RFC 3986 section 5.2.4, and runs of slashes become one. */
static struct str normalize(struct str path, struct arena *a)
{
	char *out = arena_alloc(a, path.len + 1);
	size_t len = 0;
	bool ends_in_slash = false;

	while (path.len > 0) {
		struct str segment;

		ends_in_slash =
			!str_cut(path, '/', &segment, &path) ? false : true;
		if (str_eq(segment, STR(".")) || str_eq(segment, STR(".."))) {
			while (segment.len == 2 && len > 0 && out[--len] != '/')
				;
			ends_in_slash = true;
			continue;
		}
		if (segment.len == 0)
			continue;
		out[len++] = '/';
		memcpy(out + len, segment.ptr, segment.len);
		len += segment.len;
	}
	if (ends_in_slash || len == 0)
		out[len++] = '/';
	return (struct str){ out, len };
}

struct str sigv4_path_canonical(struct str path, bool keep, struct arena *a)
{
	if (path.len == 0)
		path = STR("/");
	if (!keep)
		path = normalize(path, a);
	return sigv4_path_encode(path, true, a);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Escapes undone; a '%' without two digits stands for itself. */
static struct str decode(struct str text, struct arena *a)
{
	char *out = arena_alloc(a, text.len);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		int high = -1, low = -1;

		if (text.ptr[i] == '%' && i + 2 < text.len) {
			high = hex_value(text.ptr[i + 1]);
			low = hex_value(text.ptr[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			out[len++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[len++] = text.ptr[i];
		}
	}
	return (struct str){ out, len };
}

static int param_compare(const void *x, const void *y)
{
	const struct param *p = x, *q = y;
	int order = str_cmp(p->name, q->name);

	return order != 0 ? order : str_cmp(p->value, q->value);
}

int sigv4_path_query(struct str query, size_t max, struct arena *a,
		     struct str *out)
{
	struct param *params = arena_alloc(a, max * sizeof(*params));
	struct str all = STR_NULL;
	size_t count = 0;

	while (query.len > 0) {
		struct str one, name, value;

		(void)str_cut(query, '&', &one, &query);
		if (one.len == 0)
			continue;
		if (count == max) {
			return err_new(-E2BIG,
				       "sigv4: over %zu query parameters", max);
		}
		(void)str_cut(one, '=', &name, &value);
		params[count++] = (struct param){
			sigv4_path_encode(decode(name, a), false, a),
			sigv4_path_encode(decode(value, a), false, a),
		};
	}
	qsort(params, count, sizeof(*params), param_compare);
	for (size_t i = 0; i < count; i++) {
		all = arena_printf(a, STR_FMT "%s" STR_FMT "=" STR_FMT,
				   STR_ARG(all), i > 0 ? "&" : "",
				   STR_ARG(params[i].name),
				   STR_ARG(params[i].value));
	}
	*out = all;
	return 0;
}
