#include "http/head.h"

#include "http/scan.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	HEADERS_FIRST = 16,
	NAME_SHOWN_MAX = 40,
	STATUS_LINE_MIN = sizeof("HTTP/1.1 200") - 1
};

#define BODY_MAX (1ULL << 62)

struct parse {
	struct str rest; /* not read yet */
	struct arena *arena;
	struct http_head head; /* handed out when all is well */
	struct http_fault *fault;
	size_t cap; /* room in head.headers */
	uint64_t length;
	unsigned hosts;
	unsigned lengths;
	unsigned codings;
	bool close; /* Connection: close */
	bool keep;  /* Connection: keep-alive */
	bool expect;
};

static int fail(struct parse *p, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct parse *p, int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	p->fault->status = status;
	(void)vsnprintf(p->fault->text, sizeof(p->fault->text), fmt, args);
	va_end(args);
	return HTTP_BAD;
}

size_t http_head_end(struct str bytes, size_t *scan)
{
	size_t at = *scan;

	while (at < bytes.len) {
		const char *lf = memchr(bytes.ptr + at, '\n', bytes.len - at);
		struct str next;

		if (lf == NULL) {
			at = bytes.len;
			break;
		}
		at = (size_t)(lf - bytes.ptr);
		next = str_drop(bytes, at + 1);
		/*
		 * A bare LF also ends a line here, so that such a head is
		 * refused at once instead of waited for.
		 */
		if (str_starts(next, STR("\n")))
			return at + 2;
		if (str_starts(next, STR("\r\n")))
			return at + 3;
		if (next.len == 0 || str_eq(next, STR("\r")))
			break;
		at++;
	}
	*scan = at;
	return 0;
}

/* The rest is after the last byte that may stand in a line. */
static int take_crlf(struct parse *p)
{
	if (str_starts(p->rest, STR("\r\n"))) {
		p->rest = str_drop(p->rest, 2);
		return 0;
	}
	if (p->rest.len == 0)
		return fail(p, 400, "the head is cut off");
	if (p->rest.ptr[0] == '\n')
		return fail(p, 400, "a line ends in a bare LF");
	if (p->rest.ptr[0] == '\r')
		return fail(p, 400, "a CR without an LF");
	return fail(p, 400, "a control byte (0x%02x) in the head",
		    (unsigned)(uint8_t)p->rest.ptr[0]);
}

/* All up to CR LF, checked to be free of control bytes. */
static int take_text(struct parse *p, struct str *text)
{
	*text = str_take(p->rest, scan_value(p->rest));
	p->rest = str_drop(p->rest, text->len);
	return take_crlf(p);
}

static struct str trim_blanks(struct str s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = str_drop(s, 1);
	while (s.len > 0 &&
	       (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * RFC 9112 section 2.3.  1.2 and later would have to be understood as 1.1; no
 * peer sends them, and a peer that makes one up gets a clear answer.
 */
static int parse_version(struct parse *p, struct str text)
{
	if (str_eq(text, STR("HTTP/1.1"))) {
		p->head.minor = 1;
		return 0;
	}
	if (str_eq(text, STR("HTTP/1.0"))) {
		p->head.minor = 0;
		return 0;
	}
	if (text.len == 8 && str_starts(text, STR("HTTP/")) &&
	    is_digit(text.ptr[5]) && text.ptr[6] == '.' &&
	    is_digit(text.ptr[7]))
		return fail(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken");
	return fail(p, 400, "the HTTP version is malformed");
}

static bool starts_nocase(struct str s, struct str prefix)
{
	return str_eq_nocase(str_take(s, prefix.len), prefix);
}

/* The length of "http://" or "https://", or 0. */
static size_t scheme_len(struct str target)
{
	if (starts_nocase(target, STR("http://")))
		return sizeof("http://") - 1;
	if (starts_nocase(target, STR("https://")))
		return sizeof("https://") - 1;
	return 0;
}

/* A user before the host is an error to servers (RFC 9110 section 4.2.4). */
static bool is_absolute(struct str target)
{
	struct str rest = str_drop(target, scheme_len(target));
	size_t n = scan_run(rest, SCAN_HOST);

	return rest.len < target.len && n > 0 &&
	       (n == rest.len || rest.ptr[n] == '/' || rest.ptr[n] == '?');
}

/* The four forms of RFC 9112 section 3.2. */
static bool target_is_valid(struct str method, struct str target)
{
	if (!scan_is_target(target))
		return false;
	if (str_eq(method, STR("CONNECT")))
		return scan_all(target, SCAN_HOST);
	if (str_starts(target, STR("/")))
		return true;
	if (str_eq(target, STR("*")))
		return str_eq(method, STR("OPTIONS"));
	return is_absolute(target);
}

static int parse_request_line(struct parse *p)
{
	struct http_head *head = &p->head;
	struct str line, version;
	size_t n;
	int r;

	r = take_text(p, &line);
	if (r != 0)
		return r;
	n = scan_token(line);
	if (n == 0 || n == line.len || line.ptr[n] != ' ')
		return fail(p, 400, "the request line has no valid method");
	head->method = str_take(line, n);
	if (!str_cut(str_drop(line, n + 1), ' ', &head->target, &version))
		return fail(p, 400, "the request line has no HTTP version");
	if (head->target.len > HTTP_TARGET_MAX) {
		return fail(p, 414, "the request target is over %d bytes",
			    HTTP_TARGET_MAX);
	}
	r = parse_version(p, version);
	if (r != 0)
		return r;
	if (!target_is_valid(head->method, head->target))
		return fail(p, 400, "the request target is malformed");
	return 0;
}

/*
 * The space after the status is not optional in RFC 9112 section 4, but servers
 * forget it when the reason is empty, and nothing hangs on it.
 */
static int parse_status_line(struct parse *p)
{
	struct str line, digits;
	int r;

	r = take_text(p, &line);
	if (r != 0)
		return r;
	if (line.len < STATUS_LINE_MIN || line.ptr[8] != ' ')
		return fail(p, 400, "the status line is malformed");
	r = parse_version(p, str_take(line, 8));
	if (r != 0)
		return r;
	digits = str_take(str_drop(line, 9), 3);
	line = str_drop(line, STATUS_LINE_MIN);
	if (digits.ptr[0] < '1' || !is_digit(digits.ptr[0]) ||
	    !is_digit(digits.ptr[1]) || !is_digit(digits.ptr[2]) ||
	    (line.len > 0 && line.ptr[0] != ' '))
		return fail(p, 400, "the status is malformed");
	p->head.status = (digits.ptr[0] - '0') * 100 +
			 (digits.ptr[1] - '0') * 10 + (digits.ptr[2] - '0');
	p->head.reason = str_drop(line, 1);
	return 0;
}

/* Digits only; "5, 5" and "+5" are how two parsers are made to disagree. */
static int note_length(struct parse *p, struct str value)
{
	uint64_t n = 0, digit;

	if (p->lengths++ > 0)
		return fail(p, 400, "Content-Length appears twice");
	if (value.len == 0)
		return fail(p, 400, "Content-Length is empty");
	for (size_t i = 0; i < value.len; i++) {
		if (!is_digit(value.ptr[i]))
			return fail(p, 400, "Content-Length is not a number");
		digit = (uint64_t)(value.ptr[i] - '0');
		if (n > (BODY_MAX - digit) / 10)
			return fail(p, 413, "Content-Length is too large");
		n = n * 10 + digit;
	}
	p->length = n;
	return 0;
}

/* Exactly "chunked" and nothing else, in one field. */
static int note_coding(struct parse *p, struct str value)
{
	if (p->codings++ > 0)
		return fail(p, 400, "Transfer-Encoding appears twice");
	if (str_eq_nocase(value, STR("chunked")))
		return 0;
	if (value.len == 0)
		return fail(p, 400, "Transfer-Encoding is empty");
	while (value.len > 0) {
		struct str coding;
		bool last = !str_cut(value, ',', &coding, &value);

		if (!last && str_eq_nocase(trim_blanks(coding), STR("chunked")))
			return fail(p, 400, "chunked is not the last coding");
	}
	return fail(p, 501, "only the transfer coding chunked is known");
}

static int note_host(struct parse *p, struct str value)
{
	if (p->hosts++ > 0)
		return fail(p, 400, "Host appears twice");
	if (!scan_all(value, SCAN_HOST))
		return fail(p, 400, "Host is malformed");
	return 0;
}

/* What a field says about the message and its connection. */
static int note_field(struct parse *p, const struct http_header *h)
{
	if (h->id == HTTP_OTHER)
		return 0;
	if (h->id == HTTP_CONTENT_LENGTH)
		return note_length(p, h->value);
	if (h->id == HTTP_TRANSFER_ENCODING)
		return note_coding(p, h->value);
	if (h->id == HTTP_HOST)
		return note_host(p, h->value);
	if (h->id == HTTP_CONNECTION) {
		p->close |= http_has_token(h->value, STR("close"));
		p->keep |= http_has_token(h->value, STR("keep-alive"));
	}
	if (h->id == HTTP_EXPECT)
		p->expect |= str_eq_nocase(h->value, STR("100-continue"));
	return 0;
}

/* Room for one more.  What is left behind goes with the arena. */
static struct http_header *add_header(struct parse *p)
{
	struct http_head *head = &p->head;
	struct http_header *more;

	if (head->header_count == p->cap) {
		p->cap = p->cap > 0 ? p->cap * 2 : HEADERS_FIRST;
		more = arena_alloc(p->arena, p->cap * sizeof(*more));
		if (head->header_count > 0) {
			memcpy(more, head->headers,
			       head->header_count * sizeof(*more));
		}
		head->headers = more;
	}
	return &head->headers[head->header_count++];
}

/* The name that starts the rest has no colon after its n bytes. */
static int fail_name(struct parse *p, size_t n)
{
	struct str name =
		str_take(p->rest, n < NAME_SHOWN_MAX ? n : NAME_SHOWN_MAX);
	char c;

	if (n == p->rest.len)
		return fail(p, 400, "the head is cut off");
	c = p->rest.ptr[n];
	if (n == 0 && (c == ' ' || c == '\t'))
		return fail(p, 400, "a header is folded onto the next line");
	if (n == 0 && c == ':')
		return fail(p, 400, "a header has no name");
	if (n > 0 && (c == ' ' || c == '\t')) {
		return fail(p, 400,
			    "white space in or after the header name " STR_FMT,
			    STR_ARG(name));
	}
	if (c == '\n')
		return fail(p, 400, "a line ends in a bare LF");
	if (c == '\r')
		return fail(p, 400, "a header line has no colon");
	return fail(p, 400, "a header name has an invalid byte (0x%02x)",
		    (unsigned)(uint8_t)c);
}

static int parse_field(struct parse *p)
{
	size_t n = scan_token(p->rest);
	struct http_header *h;
	struct str name, value;
	int r;

	if (n == 0 || n == p->rest.len || p->rest.ptr[n] != ':')
		return fail_name(p, n);
	if (p->head.header_count == HTTP_HEADERS_MAX)
		return fail(p, 431, "more than %d headers", HTTP_HEADERS_MAX);
	name = str_take(p->rest, n);
	p->rest = str_drop(p->rest, n + 1);
	r = take_text(p, &value);
	if (r != 0)
		return r;
	h = add_header(p);
	h->id = http_name_find(name);
	h->name = name;
	h->value = trim_blanks(value);
	return note_field(p, h);
}

static int parse_fields(struct parse *p)
{
	while (!str_starts(p->rest, STR("\r\n"))) {
		int r = parse_field(p);

		if (r != 0)
			return r;
	}
	if (p->rest.len > 2)
		return fail(p, 400, "bytes after the end of the head");
	return 0;
}

/* What is wrong in either direction (RFC 9112 section 6.3). */
static int check_framing(struct parse *p)
{
	if (p->codings == 0)
		return 0;
	if (p->lengths > 0) {
		return fail(p, 400,
			    "both Content-Length and Transfer-Encoding");
	}
	if (p->head.minor == 0)
		return fail(p, 400, "Transfer-Encoding in HTTP/1.0");
	return 0;
}

static bool is_persistent(const struct parse *p)
{
	return !p->close && (p->head.minor == 1 || p->keep);
}

static void set_framing(struct parse *p, enum http_framing otherwise)
{
	struct http_head *head = &p->head;

	head->content_length = p->length;
	if (p->codings > 0) {
		head->framing = HTTP_BODY_CHUNKED;
	} else if (p->lengths > 0) {
		head->framing = HTTP_BODY_LENGTH;
	} else {
		head->framing = otherwise;
	}
	head->keep_alive =
		is_persistent(p) && head->framing != HTTP_BODY_UNTIL_CLOSE;
}

void http_fault_too_long(struct str bytes, struct http_fault *fault)
{
	struct str line;

	if (!str_cut(bytes, '\n', &line, &bytes) ||
	    line.len > HTTP_TARGET_MAX) {
		*fault = (struct http_fault){ 414,
					      "the request line is too long" };
	} else {
		*fault = (struct http_fault){ 431, "the head is too long" };
	}
}

int http_parse_request(struct str bytes, struct arena *a,
		       struct http_head *head, struct http_fault *fault)
{
	struct parse p = { .rest = bytes, .arena = a, .fault = fault };
	int r;

	if (bytes.len > HTTP_HEAD_MAX) {
		http_fault_too_long(bytes, fault);
		return HTTP_BAD;
	}
	/* Left over after the body of an old client's POST. */
	if (str_starts(bytes, STR("\r\n")))
		p.rest = str_drop(bytes, 2);
	r = parse_request_line(&p);
	if (r == 0)
		r = parse_fields(&p);
	if (r == 0)
		r = check_framing(&p);
	if (r != 0)
		return r;
	if (p.hosts == 0 && p.head.minor == 1)
		return fail(&p, 400, "Host is missing");
	set_framing(&p, HTTP_BODY_NONE);
	/* No 100 for HTTP/1.0, or when nothing is to come (RFC 9110 10.1.1). */
	p.head.expect_continue = p.expect && p.head.minor == 1 &&
				 (p.codings > 0 || p.length > 0);
	*head = p.head;
	return 0;
}

/*
 * RFC 9112 section 6.3, items 1 and 2.  A peer that announces a body where none
 * can be may send it all the same: such a connection is not used again, nor is
 * one that stops being HTTP.  Before a final response, which must be read from
 * the same connection, the announcement is refused.
 */
static int set_response_framing(struct parse *p, struct str request_method)
{
	struct http_head *head = &p->head;
	bool tunnel = str_eq(request_method, STR("CONNECT")) &&
		      head->status / 100 == 2;
	bool never = head->status / 100 == 1 || head->status == 204 || tunnel;
	bool announced = p->codings > 0 || p->length > 0;

	if (head->status / 100 == 1 && announced)
		return fail(p, 400, "a body after status %d", head->status);
	set_framing(p, HTTP_BODY_UNTIL_CLOSE);
	if (!never && head->status != 304 &&
	    !str_eq(request_method, STR("HEAD")))
		return 0;
	head->framing = HTTP_BODY_NONE;
	head->keep_alive = is_persistent(p) && !(never && announced) &&
			   !tunnel && head->status != 101;
	return 0;
}

int http_parse_response(struct str bytes, struct str request_method,
			struct arena *a, struct http_head *head,
			struct http_fault *fault)
{
	struct parse p = { .rest = bytes, .arena = a, .fault = fault };
	int r;

	if (bytes.len > HTTP_HEAD_MAX)
		return fail(&p, 431, "the head is too long");
	r = parse_status_line(&p);
	if (r == 0)
		r = parse_fields(&p);
	if (r == 0)
		r = check_framing(&p);
	if (r == 0)
		r = set_response_framing(&p, request_method);
	if (r == 0)
		*head = p.head;
	return r;
}

const struct http_header *http_find(const struct http_head *head,
				    enum http_name id)
{
	for (size_t i = 0; i < head->header_count && id != HTTP_OTHER; i++) {
		if (head->headers[i].id == id)
			return &head->headers[i];
	}
	return NULL;
}

const struct http_header *http_find_name(const struct http_head *head,
					 struct str name)
{
	enum http_name id = http_name_find(name);

	if (id != HTTP_OTHER)
		return http_find(head, id);
	for (size_t i = 0; i < head->header_count; i++) {
		if (head->headers[i].id == HTTP_OTHER &&
		    str_eq_nocase(head->headers[i].name, name))
			return &head->headers[i];
	}
	return NULL;
}

struct str http_value(const struct http_head *head, enum http_name id)
{
	const struct http_header *h = http_find(head, id);

	return h != NULL ? h->value : STR("");
}

bool http_has_token(struct str list, struct str token)
{
	struct str item;

	while (list.len > 0) {
		(void)str_cut(list, ',', &item, &list);
		if (str_eq_nocase(trim_blanks(item), token))
			return true;
	}
	return false;
}
