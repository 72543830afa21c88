#include "net/proxy.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>

#include <openssl/evp.h>

#include "base/err.h"
#include "http/head.h"
#include "http/write.h"

enum {
	USERINFO_MAX = 1024,
	ARENA_MAX = 128 * 1024,
	READ_STEP = 1024
};

struct ip {
	size_t len; /* 4 or 16 */
	uint8_t bytes[16];
};

static bool ip_parse(struct str text, struct ip *out)
{
	char cz[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(cz))
		return false;
	memcpy(cz, text.ptr, text.len);
	cz[text.len] = '\0';
	out->len = memchr(cz, ':', text.len) != NULL ? 16 : 4;
	return inet_pton(out->len == 16 ? AF_INET6 : AF_INET, cz, out->bytes) ==
	       1;
}

static bool ip_in_net(const struct ip *ip, const struct ip *net, size_t bits)
{
	size_t whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00U >> bits % 8);

	if (ip->len != net->len || memcmp(ip->bytes, net->bytes, whole) != 0)
		return false;
	return bits % 8 == 0 ||
	       (ip->bytes[whole] & mask) == (net->bytes[whole] & mask);
}

/* "10.0.0.0/8", or an address alone. */
static bool net_has(struct str entry, const struct ip *ip)
{
	struct str addr, len;
	struct ip net;
	int64_t bits;

	if (!str_cut(entry, '/', &addr, &len)) {
		return ip_parse(entry, &net) &&
		       ip_in_net(ip, &net, 8 * net.len);
	}
	return ip_parse(addr, &net) &&
	       str_to_i64(len, 0, (int64_t)(8 * net.len), &bits) &&
	       ip_in_net(ip, &net, (size_t)bits);
}

static bool domain_has(struct str domain, struct str host)
{
	if (str_starts(domain, STR("*."))) {
		domain = str_drop(domain, 2);
	} else if (str_starts(domain, STR("."))) {
		domain = str_drop(domain, 1);
	}
	if (domain.len == 0 || domain.len > host.len)
		return false;
	if (domain.len < host.len && host.ptr[host.len - domain.len - 1] != '.')
		return false;
	return str_eq_nocase(str_drop(host, host.len - domain.len), domain);
}

static struct str without_brackets(struct str s)
{
	return s.len >= 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']'
		       ? str_drop(str_take(s, s.len - 1), 1)
		       : s;
}

/* Split "name:port"; an IPv6 address has a port only behind brackets. */
static bool cut_port(struct str entry, struct str *name, int64_t *port)
{
	size_t colon = entry.len;

	while (colon > 0 && entry.ptr[colon - 1] >= '0' &&
	       entry.ptr[colon - 1] <= '9')
		colon--;
	if (colon < 2 || colon == entry.len || entry.ptr[colon - 1] != ':')
		return false;
	*name = str_take(entry, colon - 1);
	if (memchr(name->ptr, ':', name->len) != NULL && name->ptr[0] != '[')
		return false;
	return str_to_i64(str_drop(entry, colon), 1, UINT16_MAX, port);
}

static bool entry_has(struct str entry, struct str host, uint16_t port)
{
	int64_t only;
	struct str name;
	struct ip ip;

	if (str_eq(entry, STR("*")))
		return true;
	if (cut_port(entry, &name, &only)) {
		if (only != port)
			return false;
		entry = name;
	}
	if (ip_parse(host, &ip))
		return net_has(without_brackets(entry), &ip);
	return domain_has(entry, host);
}

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

bool proxy_is_bypassed(struct str no_proxy, struct str host, uint16_t port)
{
	host = without_brackets(host);
	if (host.len > 1 && str_ends(host, STR(".")))
		host = str_take(host, host.len - 1);

	for (size_t at = 0; at < no_proxy.len;) {
		struct str rest = str_drop(no_proxy, at);
		size_t n = 0;

		while (n < rest.len && !is_separator(rest.ptr[n]))
			n++;
		if (n > 0 && entry_has(str_take(rest, n), host, port))
			return true;
		at += n + 1;
	}
	return false;
}

int proxy_authorization(const struct url *proxy, struct arena *a,
			struct str *out)
{
	struct str user = STR_NULL;
	unsigned char *text;
	int n, r;

	if (proxy->userinfo.len == 0) {
		*out = STR("");
		return 0;
	}
	if (proxy->userinfo.len > USERINFO_MAX)
		return err_new(-EINVAL, "the userinfo is too long");
	r = url_decode(proxy->userinfo, a, &user);
	if (r < 0)
		return err_up(r);
	/* RFC 7617: a user without a password has the colon all the same. */
	if (memchr(user.ptr, ':', user.len) == NULL)
		user = arena_printf(a, STR_FMT ":", STR_ARG(user));
	text = arena_alloc(a, 4 * (user.len / 3 + 1) + 1);
	n = EVP_EncodeBlock(text, (const unsigned char *)user.ptr,
			    (int)user.len);
	*out = arena_printf(a, "Basic %.*s", n, text);
	return 0;
}

static int make_request(const struct url *proxy, struct str target,
			struct arena *a, struct buf *out)
{
	struct http_writer w = { .out = out };
	struct str auth = STR_NULL;
	int r = proxy_authorization(proxy, a, &auth);

	if (r < 0)
		return err_up(r);
	http_write_request(&w, STR("CONNECT"), target);
	http_write_header(&w, STR("host"), target);
	if (auth.len > 0)
		http_write_header(&w, STR("proxy-authorization"), auth);
	r = http_write_end(&w);
	return r < 0 ? err_new(r, "its name cannot be sent") : 0;
}

/* Read up to the end of the head, and nothing behind it. */
static int read_head(struct task *t, struct io *io, struct buf *in,
		     int64_t deadline_ns)
{
	size_t scan = 0, end = 0;

	while (end == 0) {
		size_t n;
		int r = buf_reserve(in, READ_STEP);

		if (r < 0)
			return err_new(-EPROTO, "its head is too large");
		r = io_read(t, io, in->ptr + in->len, READ_STEP, deadline_ns,
			    &n);
		if (r < 0)
			return err_up(r);
		if (n == 0)
			return err_new(-ECONNRESET, "it closed the connection");
		in->len += n;
		end = http_head_end(buf_str(in), &scan);
	}
	/* The server behind a tunnel does not speak first in TLS. */
	return end == in->len ? 0 : err_new(-EPROTO, "bytes after its head");
}

static int read_answer(struct task *t, struct io *io, struct arena *a,
		       struct buf *in, int64_t deadline_ns)
{
	struct http_fault fault = { 0 };
	struct http_head head;
	int r = read_head(t, io, in, deadline_ns);

	if (r < 0)
		return err_up(r);
	r = http_parse_response(buf_str(in), STR("CONNECT"), a, &head, &fault);
	if (r != 0)
		return err_new(-EPROTO, "%s", fault.text);
	if (head.status == 407) {
		return err_new(-ECONNREFUSED,
			       "it wants other credentials (407)");
	}
	if (head.status / 100 != 2)
		return err_new(-ECONNREFUSED, "it answered %d", head.status);
	return 0;
}

int proxy_connect(struct task *t, struct io *io, const struct url *proxy,
		  struct str target, int64_t deadline_ns)
{
	struct arena a;
	struct str piece;
	struct buf b;
	int r;

	arena_init(&a, ARENA_MAX);
	buf_init(&b, HTTP_HEAD_MAX + READ_STEP);
	r = make_request(proxy, target, &a, &b);
	if (r < 0)
		goto out;
	piece = buf_str(&b);
	r = io_write(t, io, &piece, 1, deadline_ns);
	if (r < 0)
		goto out;
	buf_clear(&b);
	r = read_answer(t, io, &a, &b, deadline_ns);
out:
	buf_fini(&b);
	arena_fini(&a);
	return r < 0 ? err_up(r) : 0;
}
