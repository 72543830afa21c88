/*
 * URLs: what is accepted is made of allowed bytes and reads the same when it is
 * put together again; escapes are undone and made without loss.
 */
#include "base/arena.h"
#include "http/scan.h"
#include "http/url.h"

#include "tests/fuzz/require.h"

enum {
	ARENA_MAX = 16 << 20,
	INPUT_MAX = 64 * 1024
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_parts(const struct url *url)
{
	require(url->host.len > 0);
	require(url->path.len == 0 || url->path.ptr[0] == '/');
	require(url->path.len == 0 || scan_is_target(url->path));
	require(url->query.len == 0 || scan_is_target(url->query));
	require(str_find(url->path, STR("?")) == url->path.len);
	require(scan_all(url->userinfo, SCAN_HOST));
	if (url->is_unix) {
		require(url->port == 0 && !url->tls && !url->port_given);
		require(url->host.ptr[0] == '/');
		require(memchr(url->host.ptr, '\0', url->host.len) == NULL);
		return;
	}
	require(url->port != 0);
	for (size_t i = 0; i < url->host.len; i++) {
		char c = url->host.ptr[i];

		require(c == ':' || scan_is(c, SCAN_NAME));
		require(c == str_lower(c));
	}
}

static struct str put_together(const struct url *url, struct arena *a)
{
	bool v6 = str_find(url->host, STR(":")) < url->host.len;
	bool plain_unix = url->is_unix && url->path.len == 0 &&
			  url->query.len == 0 && url->userinfo.len == 0;
	struct str host =
		url->is_unix ? url_encode(url->host, false, a) : url->host;

	if (plain_unix)
		return arena_printf(a, "unix://" STR_FMT, STR_ARG(url->host));
	return arena_printf(a,
			    "%s://" STR_FMT "%s%s" STR_FMT "%s%s%.*d" STR_FMT
			    "?" STR_FMT,
			    url->is_unix ? "http+unix"
			    : url->tls   ? "https"
					 : "http",
			    STR_ARG(url->userinfo),
			    url->userinfo.len > 0 ? "@" : "",
			    v6 && !url->is_unix ? "[" : "", STR_ARG(host),
			    v6 && !url->is_unix ? "]" : "",
			    url->is_unix ? "" : ":", url->is_unix ? 0 : 1,
			    (int)url->port, STR_ARG(url->path),
			    STR_ARG(url->query));
}

static void check_url(struct str text, struct arena *a)
{
	struct url url, again;
	struct str whole;

	if (url_parse(text, a, &url) < 0)
		return;
	check_parts(&url);
	whole = put_together(&url, a);
	if (whole.len > URL_MAX)
		return;
	require(url_parse(whole, a, &again) == 0);
	require(again.tls == url.tls && again.is_unix == url.is_unix);
	require(again.port == url.port);
	require(str_eq(again.host, url.host) && str_eq(again.path, url.path));
	require(str_eq(again.query, url.query));
	require(str_eq(again.userinfo, url.userinfo));
}

static void check_escapes(struct str text, struct arena *a)
{
	struct str coded = url_encode(text, false, a), out, plain;

	require(coded.len >= text.len);
	require(coded.len == 0 || scan_is_target(coded));
	require(str_find(coded, STR("/")) == coded.len);
	/* Any bytes can be written; only UTF-8 without NUL can be read. */
	if (url_decode(coded, a, &out) == 0)
		require(str_eq(out, text));
	if (url_decode(text, a, &plain) < 0)
		return;
	require(plain.len <= text.len);
	require(url_decode(url_encode(plain, true, a), a, &out) == 0);
	require(str_eq(out, plain));
}

static void check_target(struct str text, struct arena *a)
{
	struct str path, query, value;
	int r;

	if (url_parse_target(text, &path, &query) == 0) {
		require(path.ptr[0] == '/');
		require(path.len + query.len <= text.len + 1);
		text = query;
	}
	r = url_query_get(text, STR("a"), a, &value);
	require(r <= 1);
	require(r != 1 || value.len <= text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct arena a;

	if (len > INPUT_MAX)
		return 0;
	arena_init(&a, ARENA_MAX);
	check_url(text, &a);
	check_escapes(text, &a);
	check_target(text, &a);
	arena_fini(&a);
	return 0;
}
