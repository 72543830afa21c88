#include "http/url.h"

#include "base/err.h"
#include "http/scan.h"

#include <arpa/inet.h>
#include <errno.h>

enum {
	HOST_MAX = 253,
	SOCKET_PATH_MAX = 107, /* sun_path less its NUL */
	ESCAPE_LEN = 3,
	UNDO_MAX = 3
};

static int refuse(const char *why)
{
	return err_new(-EINVAL, "url: %s", why);
}

static bool take_scheme(struct str *rest, struct str scheme)
{
	if (!str_eq_nocase(str_take(*rest, scheme.len), scheme))
		return false;
	*rest = str_drop(*rest, scheme.len);
	return true;
}

static struct str to_lower(struct str s, struct arena *a)
{
	char *copy;
	size_t i = 0;

	while (i < s.len && s.ptr[i] == str_lower(s.ptr[i]))
		i++;
	if (i == s.len)
		return s;
	copy = arena_alloc(a, s.len);
	for (i = 0; i < s.len; i++)
		copy[i] = str_lower(s.ptr[i]);
	return (struct str){ copy, s.len };
}

/* What a request target is made of, less the backslash that some fold to '/'. */
static bool is_path(struct str s)
{
	return s.len == 0 ||
	       (scan_is_target(s) && memchr(s.ptr, '\\', s.len) == NULL);
}

/* Split "/path?query#fragment"; the fragment is never sent. */
static int split_path(struct str text, struct url *out)
{
	struct str fragment;

	(void)str_cut(text, '#', &text, &fragment);
	(void)str_cut(text, '?', &out->path, &out->query);
	if (!is_path(out->path) || !is_path(out->query))
		return refuse("a byte that must be written as %XX");
	return 0;
}

static bool is_ipv6(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (s.len == 0 || s.len >= sizeof(text))
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	return strlen(text) == s.len && inet_pton(AF_INET6, text, &addr) == 1;
}

static int parse_port(struct str text, struct url *out)
{
	int64_t port;

	if (text.len == 0)
		return 0;
	if (!str_to_i64(text, 1, UINT16_MAX, &port))
		return refuse("the port is not a number from 1 to 65535");
	out->port = (uint16_t)port;
	out->port_given = true;
	return 0;
}

/* "[v6]:port" */
static int parse_bracketed(struct str text, struct arena *a, struct url *out)
{
	struct str host, port;

	if (!str_cut(str_drop(text, 1), ']', &host, &port) || !is_ipv6(host))
		return refuse("not an IPv6 address between the brackets");
	if (port.len > 0 && port.ptr[0] != ':')
		return refuse("something between the address and the port");
	out->host = to_lower(host, a);
	return parse_port(str_drop(port, 1), out);
}

static int parse_host(struct str text, struct arena *a, struct url *out)
{
	struct str host, port;

	if (str_starts(text, STR("[")))
		return parse_bracketed(text, a, out);
	(void)str_cut(text, ':', &host, &port);
	if (host.len == 0)
		return refuse("no host");
	if (host.len > HOST_MAX)
		return refuse("the host name is too long");
	if (!scan_all(host, SCAN_NAME))
		return refuse("the host name has an invalid byte");
	out->host = to_lower(host, a);
	return parse_port(port, out);
}

/* The path of a socket: absolute, and short enough for the kernel. */
static int set_socket(struct str path, struct url *out)
{
	if (!str_starts(path, STR("/")))
		return refuse("the path of a unix socket is not absolute");
	if (path.len > SOCKET_PATH_MAX)
		return refuse("the path of a unix socket is too long");
	if (memchr(path.ptr, '\0', path.len) != NULL)
		return refuse("a NUL in the path of a unix socket");
	out->host = path;
	return 0;
}

static int parse_authority(struct str text, struct arena *a, struct url *out)
{
	struct str userinfo, host;
	int r;

	/* Two of them, and readers differ on which one ends the user. */
	if (str_cut(text, '@', &userinfo, &host)) {
		if (memchr(text.ptr, '@', text.len) !=
		    memrchr(text.ptr, '@', text.len))
			return refuse("two @ before the path");
		if (!scan_all(userinfo, SCAN_HOST))
			return refuse("the user has an invalid byte");
		out->userinfo = userinfo;
		text = host;
	}
	if (!out->is_unix)
		return parse_host(text, a, out);
	r = url_decode(text, a, &host);
	return r < 0 ? err_up(r) : set_socket(host, out);
}

/* Without an authority: "unix:/run/x.sock", also "unix:///run/x.sock". */
static int parse_socket(struct str rest, struct url *url)
{
	if (str_starts(rest, STR("//")))
		rest = str_drop(rest, 2);
	return set_socket(rest, url);
}

static size_t authority_len(struct str s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] != '/' && s.ptr[n] != '?' &&
	       s.ptr[n] != '#')
		n++;
	return n;
}

int url_parse(struct str text, struct arena *a, struct url *out)
{
	struct url url = { 0 };
	struct str rest = text;
	size_t n;
	int r;

	if (text.len > URL_MAX)
		return refuse("it is too long");
	if (take_scheme(&rest, STR("unix:"))) {
		url.is_unix = true;
		r = parse_socket(rest, &url);
		if (r == 0)
			*out = url;
		return r;
	}
	if (take_scheme(&rest, STR("https://"))) {
		url.tls = true;
		url.port = 443;
	} else if (take_scheme(&rest, STR("http://"))) {
		url.port = 80;
	} else if (take_scheme(&rest, STR("http+unix://"))) {
		url.is_unix = true;
	} else {
		return refuse("it starts with none of http://, https://, "
			      "http+unix:// and unix:");
	}
	n = authority_len(rest);
	r = parse_authority(str_take(rest, n), a, &url);
	if (r == 0)
		r = split_path(str_drop(rest, n), &url);
	if (r == 0)
		*out = url;
	return r;
}

int url_parse_target(struct str target, struct str *path, struct str *query)
{
	struct str rest = target, whole;

	if (!scan_is_target(target))
		return refuse("a byte that may not stand in a request target");
	if (take_scheme(&rest, STR("http://")) ||
	    take_scheme(&rest, STR("https://"))) {
		if (authority_len(rest) == 0)
			return refuse("no host");
		rest = str_drop(rest, authority_len(rest));
	} else if (!str_starts(rest, STR("/"))) {
		return refuse("the request target is not a path");
	}
	(void)str_cut(rest, '?', &whole, query);
	/* RFC 9110 section 4.2.3: an empty path is "/". */
	*path = whole.len > 0 ? whole : STR("/");
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the escape at the start of s stands for, or -1. */
static int unescape(struct str s)
{
	int high, low;

	if (s.len < ESCAPE_LEN)
		return -1;
	high = hex_value(s.ptr[1]);
	low = hex_value(s.ptr[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* The length of the UTF-8 sequence that starts s, or 0 (RFC 3629). */
static size_t utf8_len(struct str s)
{
	static const struct {
		uint8_t first, last, next_min, next_max;
		size_t len;
	} rows[] = {
		{ 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const uint8_t *c = (const uint8_t *)s.ptr;
	size_t i = 0;

	while (i < countof(rows) &&
	       (c[0] < rows[i].first || c[0] > rows[i].last))
		i++;
	if (i == countof(rows) || rows[i].len > s.len)
		return 0;
	for (size_t k = 1; k < rows[i].len; k++) {
		uint8_t min = k == 1 ? rows[i].next_min : 0x80;
		uint8_t max = k == 1 ? rows[i].next_max : 0xbf;

		if (c[k] < min || c[k] > max)
			return 0;
	}
	return rows[i].len;
}

/* UTF-8 without NUL. */
static bool is_text(struct str s)
{
	while (s.len > 0) {
		size_t n = utf8_len(s);

		if (n == 0)
			return false;
		s = str_drop(s, n);
	}
	return true;
}

/* In a query, as forms write it, '+' stands for a space. */
static int decode(struct str text, bool plus, struct arena *a, struct str *out)
{
	char *copy;
	size_t n = 0;

	if (text.len == 0 ||
	    (memchr(text.ptr, '%', text.len) == NULL &&
	     (!plus || memchr(text.ptr, '+', text.len) == NULL))) {
		if (!is_text(text))
			return refuse("not UTF-8, or a NUL");
		*out = text;
		return 0;
	}
	copy = arena_alloc(a, text.len);
	for (size_t i = 0; i < text.len; i++) {
		int c = (uint8_t)text.ptr[i];

		if (c == '%') {
			c = unescape(str_drop(text, i));
			if (c < 0)
				return refuse("% without two hex digits");
			i += ESCAPE_LEN - 1;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		copy[n++] = (char)c;
	}
	if (!is_text((struct str){ copy, n }))
		return refuse("not UTF-8, or a NUL");
	*out = (struct str){ copy, n };
	return 0;
}

int url_decode(struct str text, struct arena *a, struct str *out)
{
	return decode(text, false, a, out);
}

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

/* Is there a segment that a server would resolve, or a byte that is none? */
static bool climbs(struct str path)
{
	size_t start = 0;

	for (size_t i = 0; i <= path.len; i++) {
		struct str segment, rest;

		if (i < path.len &&
		    ((unsigned char)path.ptr[i] < ' ' || path.ptr[i] == 0x7f))
			return true;
		if (i < path.len && !is_separator(path.ptr[i]))
			continue;
		segment = str_drop(str_take(path, i), start);
		(void)str_cut(segment, ';', &segment, &rest);
		if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return true;
		start = i + 1;
	}
	return false;
}

/* Undo what is an escape, in place.  Returns the new length. */
static size_t undo_once(char *text, size_t len, bool *out_bad)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		struct str rest = { text + i, len - i };
		int c = text[i] == '%' ? unescape(rest) : -1;

		if (c >= 0)
			i += ESCAPE_LEN - 1;
		else
			*out_bad = *out_bad || text[i] == '%';
		text[n++] = c >= 0 ? (char)c : text[i];
	}
	return n;
}

bool url_stays_below(struct str path, struct arena *a)
{
	char *text = arena_alloc(a, path.len + 1);
	size_t len = path.len, before;
	bool bad = false, ignored = false;

	if (path.len > 0)
		memcpy(text, path.ptr, path.len);
	if (len > 1 && is_separator(text[0]) && is_separator(text[1]))
		return false;
	for (int round = 0; round <= UNDO_MAX; round++) {
		if (climbs((struct str){ text, len }))
			return false;
		before = len;
		len = undo_once(text, len, round == 0 ? &bad : &ignored);
		if (bad)
			return false;
		if (len == before)
			return true;
	}
	return false;
}

struct str url_encode(struct str text, bool keep_slash, struct arena *a)
{
	static const char digits[] = "0123456789ABCDEF";
	char *copy;
	size_t n = 0;

	if (scan_all(text, SCAN_PLAIN))
		return text;
	copy = arena_alloc(a, text.len * ESCAPE_LEN);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.ptr[i];

		if (scan_is((char)c, SCAN_PLAIN) || (c == '/' && keep_slash)) {
			copy[n++] = (char)c;
			continue;
		}
		copy[n++] = '%';
		copy[n++] = digits[c >> 4];
		copy[n++] = digits[c & 15];
	}
	return (struct str){ copy, n };
}

int url_query_next(struct str *rest, struct arena *a, struct str *key,
		   struct str *value)
{
	struct str pair = STR_NULL, name, text;
	int r;

	while (rest->len > 0 && pair.len == 0)
		(void)str_cut(*rest, '&', &pair, rest);
	if (pair.len == 0)
		return 0;
	(void)str_cut(pair, '=', &name, &text);
	r = decode(name, true, a, &name);
	if (r == 0)
		r = decode(text, true, a, &text);
	if (r < 0)
		return err_up(r);
	*key = name;
	*value = text;
	return 1;
}

int url_query_get(struct str query, struct str name, struct arena *a,
		  struct str *out)
{
	struct str pair, key, value;
	int r;

	while (query.len > 0) {
		(void)str_cut(query, '&', &pair, &query);
		(void)str_cut(pair, '=', &key, &value);
		r = decode(key, true, a, &key);
		if (r < 0)
			return err_up(r);
		if (!str_eq(key, name))
			continue;
		r = decode(value, true, a, &value);
		if (r < 0)
			return err_up(r);
		*out = value;
		return 1;
	}
	return 0;
}
