/*
 * A head: its end is where it is however the bytes come; what is accepted is
 * made of allowed bytes, reads the same when written again, and is accepted by
 * llhttp with the same framing; what is refused says why.
 */
#include "base/buf.h"
#include "http/head.h"
#include "http/scan.h"
#include "http/write.h"

#include "tests/fuzz/require.h"

enum {
	ARENA_MAX = 1 << 20
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#if __has_include(<llhttp/llhttp.h>)
#include <llhttp/llhttp.h>

static int stop_at_end(llhttp_t *p)
{
	(void)p;
	return HPE_PAUSED;
}

/* llhttp knows a list of methods, some of which belong to other protocols. */
static bool is_common(struct str method)
{
	static const struct str known[] = {
		STR_INIT("GET"),   STR_INIT("HEAD"),    STR_INIT("POST"),
		STR_INIT("PUT"),   STR_INIT("DELETE"),  STR_INIT("PATCH"),
		STR_INIT("TRACE"), STR_INIT("OPTIONS"), STR_INIT("CONNECT"),
	};

	for (size_t i = 0; i < countof(known); i++) {
		if (str_eq(method, known[i]))
			return true;
	}
	return false;
}

static void check_framing(const struct http_head *head, const llhttp_t *p)
{
	require(p->http_minor == head->minor);
	require(head->status == 0 || p->status_code == head->status);
	/* These have no body, whatever they say; llhttp reads a chunked one. */
	if (head->status == 204 || head->status == 304)
		return;
	if (head->framing == HTTP_BODY_CHUNKED) {
		require((p->flags & F_CHUNKED) != 0);
		require((p->flags & F_CONTENT_LENGTH) == 0);
	} else {
		require((p->flags & F_CHUNKED) == 0);
	}
	if (head->framing == HTTP_BODY_LENGTH) {
		require((p->flags & F_CONTENT_LENGTH) != 0);
		require(p->content_length == head->content_length);
	}
	if (head->framing == HTTP_BODY_UNTIL_CLOSE)
		require(llhttp_message_needs_eof(p));
	/* llhttp takes Proxy-Connection for Connection; no RFC knows it. */
	if (head->keep_alive &&
	    http_find_name(head, STR("proxy-connection")) == NULL)
		require(llhttp_should_keep_alive(p));
}

static void ask_llhttp(struct str bytes, const struct http_head *head)
{
	llhttp_settings_t settings;
	llhttp_t p;
	llhttp_errno_t e;
	char *copy;

	if (head->status == 0 && !is_common(head->method))
		return;
	llhttp_settings_init(&settings);
	settings.on_headers_complete = stop_at_end;
	llhttp_init(&p, head->status == 0 ? HTTP_REQUEST : HTTP_RESPONSE,
		    &settings);
	/*
	 * A tab may stand wherever a space may around values and tokens; llhttp
	 * does not know that everywhere.
	 */
	copy = xmalloc(bytes.len);
	for (size_t i = 0; i < bytes.len; i++)
		copy[i] = bytes.ptr[i] == '\t' ? ' ' : bytes.ptr[i];
	e = llhttp_execute(&p, copy, bytes.len);
	if (e != HPE_PAUSED)
		explain("llhttp: %s", llhttp_get_error_reason(&p));
	require(e == HPE_PAUSED);
	check_framing(head, &p);
	free(copy);
}
#else
static void ask_llhttp(struct str bytes, const struct http_head *head)
{
	(void)bytes;
	(void)head;
}
#endif

static void check_end(struct str bytes, size_t want)
{
	size_t scan = 0, n = 0, len = 0;

	while (n == 0 && len <= bytes.len)
		n = http_head_end(str_take(bytes, len++), &scan);
	require(n == want);
	require(n == 0 || n == len - 1);
}

static void check_refusal(const struct http_fault *fault)
{
	static const int known[] = { 400, 413, 414, 431, 501, 505 };
	bool found = false;
	struct str text = str_of(fault->text);

	for (size_t i = 0; i < countof(known); i++)
		found |= fault->status == known[i];
	require(found);
	require(text.len > 0 && text.len < sizeof(fault->text) - 1);
	require(scan_value(text) == text.len);
}

static bool is_inside(struct str part, struct str whole)
{
	return part.len == 0 || (part.ptr >= whole.ptr &&
				 part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_fields(struct str bytes, const struct http_head *head)
{
	require(head->header_count <= HTTP_HEADERS_MAX);
	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];

		require(is_inside(h->name, bytes) &&
			is_inside(h->value, bytes));
		require(h->name.len > 0 && scan_all(h->name, SCAN_TOKEN));
		require(scan_value(h->value) == h->value.len);
		require(h->id == http_name_find(h->name));
		require(http_find_name(head, h->name) != NULL);
	}
}

static void check_same(const struct http_head *a, const struct http_head *b)
{
	require(str_eq(a->method, b->method) && str_eq(a->target, b->target));
	require(a->status == b->status);
	require(a->framing == b->framing);
	require(a->content_length == b->content_length);
	require(a->header_count == b->header_count);
	for (size_t i = 0; i < a->header_count; i++) {
		require(str_eq(a->headers[i].name, b->headers[i].name));
		require(str_eq(a->headers[i].value, b->headers[i].value));
	}
}

/* The writer speaks 1.1 only, and adds two bytes where they were left out. */
static void check_round_trip(const struct http_head *head, struct str method,
			     struct arena *a)
{
	struct buf out;
	struct http_writer w = { .out = &out };
	struct http_fault fault;
	struct http_head again;
	int r;

	buf_init(&out, 2 * HTTP_HEAD_MAX);
	if (head->status == 0)
		http_write_request(&w, head->method, head->target);
	else
		http_write_status(&w, head->status);
	for (size_t i = 0; i < head->header_count; i++)
		http_write_header(&w, head->headers[i].name,
				  head->headers[i].value);
	r = http_write_end(&w);
	require(r == 0);
	if (out.len <= HTTP_HEAD_MAX) {
		r = head->status == 0
			    ? http_parse_request(buf_str(&out), a, &again,
						 &fault)
			    : http_parse_response(buf_str(&out), method, a,
						  &again, &fault);
		require(r == 0);
		check_same(head, &again);
	}
	buf_fini(&out);
}

static void check(int r, struct str bytes, struct str method,
		  const struct http_head *head, const struct http_fault *fault)
{
	struct arena a;

	require(r == 0 || r == HTTP_BAD);
	if (r == HTTP_BAD) {
		check_refusal(fault);
		return;
	}
	arena_init(&a, ARENA_MAX);
	check_fields(bytes, head);
	if (str_eq(method, STR("GET")))
		ask_llhttp(bytes, head);
	if (head->minor == 1)
		check_round_trip(head, method, &a);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct str methods[] = { STR_INIT("GET"), STR_INIT("HEAD"),
					      STR_INIT("CONNECT") };
	struct str bytes = { (const char *)data, len };
	struct http_fault fault;
	struct http_head head;
	struct arena a;
	size_t scan = 0;
	size_t n = http_head_end(bytes, &scan);
	int r;

	check_end(bytes, n);
	/* What is no whole head is tried as well: it must be refused. */
	if (n > 0)
		bytes = str_take(bytes, n);
	arena_init(&a, ARENA_MAX);
	r = http_parse_request(bytes, &a, &head, &fault);
	require(n > 0 || r == HTTP_BAD);
	check(r, bytes, methods[0], &head, &fault);
	for (size_t i = 0; i < countof(methods); i++) {
		r = http_parse_response(bytes, methods[i], &a, &head, &fault);
		require(n > 0 || r == HTTP_BAD);
		check(r, bytes, methods[i], &head, &fault);
	}
	arena_fini(&a);
	return 0;
}
