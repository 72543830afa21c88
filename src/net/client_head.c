#include "net/client_head.h"

#include <assert.h>
#include <errno.h>

#include "base/err.h"
#include "http/write.h"
#include "net/proxy.h"

enum {
	INTERIM_MAX = 16
};

static bool by_proxy(const struct client_origin *to)
{
	return to->proxy.host.len > 0 && !to->tls && !to->is_unix;
}

/* RFC 9112 section 3.2.2: a proxy is told the whole URL. */
static struct str request_target(struct conn *c,
				 const struct client_request *req)
{
	if (!by_proxy(c->to))
		return req->target;
	return arena_printf(&c->shared->scratch, "http://" STR_FMT STR_FMT,
			    STR_ARG(c->to->host_header), STR_ARG(req->target));
}

static int add_proxy(struct conn *c, struct http_writer *w)
{
	struct str auth;
	int r;

	if (!by_proxy(c->to))
		return 0;
	r = proxy_authorization(&c->to->proxy, &c->shared->scratch, &auth);
	if (r < 0)
		return err_up(r);
	if (auth.len > 0)
		http_write_header(w, STR("proxy-authorization"), auth);
	return 0;
}

/* Fields that are ours to say: they speak of this connection's framing. */
static bool is_ours(enum http_name id)
{
	return id == HTTP_HOST || id == HTTP_CONTENT_LENGTH ||
	       id == HTTP_CONNECTION || id == HTTP_TRANSFER_ENCODING;
}

static void add_headers(struct conn *c, struct http_writer *w,
			const struct client_request *req)
{
	c->coded = req->raw;
	for (size_t i = 0; i < req->header_count; i++) {
		const struct http_header *h = &req->headers[i];
		enum http_name id =
			h->id != HTTP_OTHER ? h->id : http_name_find(h->name);

		if (is_ours(id))
			continue;
		c->coded = c->coded || id == HTTP_ACCEPT_ENCODING;
		http_write_header(w, h->name, h->value);
	}
	if (!c->coded)
		http_write_header(w, STR("accept-encoding"), STR("gzip"));
}

/* RFC 9110 section 8.6: a method that expects a body says also that it has none. */
static bool wants_length(struct str method)
{
	return str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) ||
	       str_eq(method, STR("PATCH"));
}

static void add_length(struct http_writer *w, const struct client_request *req)
{
	uint64_t n = 0;

	if (req->body != NULL && !req->body->has_length) {
		http_write_header(w, STR("transfer-encoding"), STR("chunked"));
		return;
	}
	if (req->body != NULL)
		n = req->body->length;
	for (size_t i = 0; i < req->piece_count; i++)
		n += req->pieces[i].len;
	if (n > 0 || wants_length(req->method))
		http_write_number(w, STR("content-length"), n);
}

int client_head_make(struct conn *c, const struct client_request *req,
		     bool keep)
{
	struct http_writer w = { .out = &c->out_head };
	int r;

	if (req->target.len > HTTP_HEAD_MAX)
		return err_new(-EMSGSIZE, "the request target is too long");
	conn_take_head(c);
	arena_reset(&c->shared->scratch);
	http_write_request(&w, req->method, request_target(c, req));
	http_write_header(&w, STR("host"), c->to->host_header);
	add_headers(c, &w, req);
	add_length(&w, req);
	if (!keep)
		http_write_header(&w, STR("connection"), STR("close"));
	r = add_proxy(c, &w);
	if (r < 0)
		return err_up(r);
	r = http_write_end(&w);
	if (r == -EMSGSIZE)
		return err_new(r, "the request's head is too large");
	return r < 0 ? err_new(r, "the request's head has forbidden bytes") : 0;
}

/* "timeout=5, max=100": how long the peer keeps an idle connection. */
static int64_t read_keep_alive(struct str value)
{
	int64_t seconds;

	while (value.len > 0) {
		struct str item, name, number;

		str_cut(value, ',', &item, &value);
		str_cut(str_trim(item), '=', &name, &number);
		if (str_eq_nocase(name, STR("timeout")) &&
		    str_to_i64(number, 0, 1 << 30, &seconds))
			return seconds * CLOCK_S;
	}
	return 0;
}

/*
 * Move the head's bytes from the block to c->head.  Returns whether the head
 * is whole.  Usually it is at once, and nothing but it is copied.
 */
static bool move_head(struct conn *c)
{
	struct str in = { c->in + c->in_at, c->in_len };
	size_t had = c->head.len, end = 0;
	int r;

	in = str_take(in, HTTP_HEAD_MAX - had);
	if (had == 0) {
		end = http_head_end(in, &c->head_scan);
		if (end > 0)
			in = str_take(in, end);
	}
	r = buf_add(&c->head, in);
	assert(r == 0);
	if (had > 0) {
		end = http_head_end(buf_str(&c->head), &c->head_scan);
		if (end > 0) {
			in = str_take(in, end - had);
			c->head.len = end;
		}
	}
	c->in_at += in.len;
	c->in_len -= in.len;
	return end > 0;
}

/* The fields, from where the parser put them, to a buffer of their own. */
static void keep_fields(struct conn *c)
{
	struct http_head *head = &c->res.head;
	struct str bytes = {
		(const char *)head->headers,
		head->header_count * sizeof(*head->headers),
	};
	int r = buf_add(&c->fields, bytes);

	assert(r == 0);
	head->headers = (struct http_header *)(void *)c->fields.ptr;
}

static int parse_head(struct conn *c)
{
	struct http_fault fault = { 0 };
	int r;

	arena_reset(&c->shared->scratch);
	r = http_parse_response(buf_str(&c->head), c->method,
				&c->shared->scratch, &c->res.head, &fault);
	if (r != 0)
		return err_new(-EPROTO, "%s", fault.text);
	if (c->res.head.status == 101)
		return err_new(-EPROTO, "it switched protocols unasked (101)");
	if (c->res.head.status >= 200) {
		keep_fields(c);
		c->peer_keeps_ns = read_keep_alive(
			http_value(&c->res.head, HTTP_KEEP_ALIVE));
		return 0;
	}
	if (++c->interims > INTERIM_MAX) {
		return err_new(-EPROTO, "more than %d interim answers",
			       INTERIM_MAX);
	}
	buf_clear(&c->head);
	c->head_scan = 0;
	return CLIENT_HEAD_MORE;
}

int client_head_feed(struct conn *c)
{
	int r = CLIENT_HEAD_MORE;

	while (r == CLIENT_HEAD_MORE && c->in_len > 0) {
		if (move_head(c)) {
			r = parse_head(c);
		} else if (c->head.len == HTTP_HEAD_MAX) {
			r = err_new(-EPROTO, "the head is over %d bytes",
				    HTTP_HEAD_MAX);
		}
	}
	return r < 0 ? err_up(r) : r;
}
