/* The start line and the fields; what they say of the body: framing_test.c. */
#include "base/buf.h"
#include "http/head.h"

#include "tests/unit/table.h"

#define HOST "Host: a\r\n"

static void head_end_is_found(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		size_t want;
	} cases[] = {
		{ "nothing", STR_INIT(""), 0 },
		{ "one CR LF", STR_INIT("\r\n"), 0 },
		{ "a line", STR_INIT("GET / HTTP/1.1\r\n"), 0 },
		{ "all but the last LF", STR_INIT("a\r\n\r"), 0 },
		{ "the blank line", STR_INIT("a\r\n\r\n"), 5 },
		{ "a body after", STR_INIT("a\r\nb\r\n\r\nbody\r\n\r\n"), 8 },
		{ "leading CR LF is not the end", STR_INIT("\r\na\r\n\r\nx"),
		  7 },
		{ "two bare LF, to be refused", STR_INIT("a\n\nx"), 3 },
		{ "CR LF LF, to be refused", STR_INIT("a\r\n\nx"), 4 },
		{ "LF CR LF, to be refused", STR_INIT("a\n\r\nx"), 4 },
		{ "LF CR x is not a blank line", STR_INIT("a\n\rx"), 0 },
		{ "LF CR CR LF is not either", STR_INIT("a\r\n\r\r\n"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		size_t scan = 0;

		check_int(cases[i].name, http_head_end(cases[i].bytes, &scan),
			  cases[i].want);
	}
}

static void head_end_is_found_at_every_split(void **state)
{
	struct str all =
		STR("POST /v1 HTTP/1.1\r\nhost: a\r\nx: \n\r y\r\n\r\n");

	(void)state;
	for (size_t step = 1; step <= all.len; step++) {
		size_t scan = 0;

		for (size_t n = 0; n < all.len; n += step) {
			check_int("early",
				  http_head_end(str_take(all, n), &scan), 0);
		}
		check_true("remembers", scan + 2 + step >= all.len - 2);
		check_int("whole", http_head_end(all, &scan), all.len);
	}
}

static void a_request_is_read(void **state)
{
	struct str bytes = STR("POST /v1/chat?x=1 HTTP/1.1\r\n"
			       "x-first: 1\r\n"
			       "HOST: api.example:8080\r\n"
			       "Content-Length:17\r\n"
			       "x-empty:\r\n"
			       "x-blank: \t \r\n"
			       "X-Pad: \t a b\t \r\n"
			       "x-pad: second\r\n"
			       "X-Text: caf\xc3\xa9\ttab\r\n"
			       "Authorization: Bearer s\r\n"
			       "\r\n");
	struct http_fault fault;
	struct http_head head;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	check_int("result", http_parse_request(bytes, &a, &head, &fault), 0);
	check_str("method", head.method, STR("POST"));
	check_str("target", head.target, STR("/v1/chat?x=1"));
	check_int("minor", head.minor, 1);
	check_int("count", head.header_count, 9);
	check_int("no id", head.headers[0].id, HTTP_OTHER);
	check_int("an id", head.headers[1].id, HTTP_HOST);
	check_str("name as sent", head.headers[1].name, STR("HOST"));
	check_str("value", head.headers[1].value, STR("api.example:8080"));
	check_str("no space", http_value(&head, HTTP_CONTENT_LENGTH),
		  STR("17"));
	check_str("empty", head.headers[3].value, STR(""));
	check_str("blank", head.headers[4].value, STR(""));
	check_str("trimmed", head.headers[5].value, STR("a b"));
	check_str("obs-text", head.headers[7].value, STR("caf\xc3\xa9\ttab"));
	check_true("slices", head.target.ptr == bytes.ptr + 5);

	check_str("find", http_find(&head, HTTP_AUTHORIZATION)->value,
		  STR("Bearer s"));
	check_true("none", http_find(&head, HTTP_ORIGIN) == NULL);
	check_true("other is none", http_find(&head, HTTP_OTHER) == NULL);
	check_str("no value", http_value(&head, HTTP_ORIGIN), STR(""));
	check_str("by name", http_find_name(&head, STR("x-PAD"))->value,
		  STR("a b"));
	check_str("by known name", http_find_name(&head, STR("hOSt"))->value,
		  STR("api.example:8080"));
	check_str("the first of all",
		  http_find_name(&head, STR("X-FIRST"))->value, STR("1"));
	check_true("no name", http_find_name(&head, STR("x-pads")) == NULL);
	arena_fini(&a);
}

static void requests_are_accepted(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		const char *target;
	} cases[] = {
		{ "the smallest", STR_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"),
		  "/" },
		{ "one CR LF in front",
		  STR_INIT("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), "/" },
		{ "1.0 without Host", STR_INIT("GET / HTTP/1.0\r\n\r\n"), "/" },
		{ "an empty Host", STR_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
		  "/" },
		{ "an IPv6 Host",
		  STR_INIT("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "/" },
		{ "absolute form",
		  STR_INIT("GET http://a/b HTTP/1.1\r\n" HOST "\r\n"),
		  "http://a/b" },
		{ "absolute form with TLS",
		  STR_INIT("GET HTTPS://a HTTP/1.1\r\n" HOST "\r\n"),
		  "HTTPS://a" },
		{ "absolute form with a query",
		  STR_INIT("GET http://a?b HTTP/1.1\r\n" HOST "\r\n"),
		  "http://a?b" },
		{ "asterisk form",
		  STR_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), "*" },
		{ "authority form",
		  STR_INIT("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"), "a:443" },
		{ "every visible byte",
		  STR_INIT("GET /!~\"<>\\^`{|}%20 HTTP/1.1\r\n" HOST "\r\n"),
		  "/!~\"<>\\^`{|}%20" },
		{ "an own method",
		  STR_INIT("X-Y!#$%&'*+.^_`|~9 / HTTP/1.1\r\n" HOST "\r\n"),
		  "/" },
		{ "an odd name",
		  STR_INIT("GET / HTTP/1.1\r\n" HOST "!#$%&'*+-.^_`|~9: x\r\n"
			   "\r\n"),
		  "/" },
	};
	struct http_fault fault;
	struct http_head head;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		check_int(cases[i].name,
			  http_parse_request(cases[i].bytes, &a, &head, &fault),
			  0);
		check_str(cases[i].name, head.target, str_of(cases[i].target));
	}
	arena_fini(&a);
}

struct refusal {
	const char *name;
	struct str bytes;
	int status;
	const char *text; /* what the fault must say, in part */
};

static void check_refusals(const struct refusal *cases, size_t n)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		struct http_fault fault = { 0 };
		struct http_head head = { .minor = 77 };

		check_int(cases[i].name,
			  http_parse_request(cases[i].bytes, &a, &head, &fault),
			  HTTP_BAD);
		check_int(cases[i].name, fault.status, cases[i].status);
		if (strstr(fault.text, cases[i].text) == NULL) {
			fail_msg("%s: it says '%s', not '%s'", cases[i].name,
				 fault.text, cases[i].text);
		}
		check_int(cases[i].name, head.minor, 77);
	}
	arena_fini(&a);
}

static void bad_start_lines_are_refused(void **state)
{
#define REST " HTTP/1.1\r\n" HOST "\r\n"
	static const struct refusal cases[] = {
		{ "nothing", STR_INIT(""), 400, "cut off" },
		{ "only CR LF", STR_INIT("\r\n"), 400, "cut off" },
		{ "two CR LF in front", STR_INIT("\r\n\r\nGET /" REST), 400,
		  "method" },
		{ "bare LF in front", STR_INIT("\nGET /" REST), 400,
		  "bare LF" },
		{ "bare LF after", STR_INIT("GET / HTTP/1.1\n" HOST "\r\n"),
		  400, "bare LF" },
		{ "CR alone after", STR_INIT("GET / HTTP/1.1\r" HOST "\r\n"),
		  400, "CR without" },
		{ "CR CR LF", STR_INIT("GET / HTTP/1.1\r\r\n" HOST "\r\n"), 400,
		  "CR without" },
		{ "no method", STR_INIT(" /" REST), 400, "method" },
		{ "a method that is no token", STR_INIT("G(T /" REST), 400,
		  "method" },
		{ "a method alone", STR_INIT("GET\r\n\r\n"), 400, "method" },
		{ "a tab for a space", STR_INIT("GET\t/" REST), 400, "method" },
		{ "no version", STR_INIT("GET /\r\n\r\n"), 400, "no HTTP ver" },
		{ "an empty target", STR_INIT("GET " REST), 400, "target" },
		{ "two spaces before the target", STR_INIT("GET  /" REST), 400,
		  "version" },
		{ "two spaces after it", STR_INIT("GET / " REST), 400,
		  "version" },
		{ "a space in the target", STR_INIT("GET /a b" REST), 400,
		  "version" },
		{ "a space at the end",
		  STR_INIT("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400, "version" },
		{ "a lower case version",
		  STR_INIT("GET / http/1.1\r\n" HOST "\r\n"), 400, "version" },
		{ "half a version", STR_INIT("GET / HTTP/1\r\n" HOST "\r\n"),
		  400, "version" },
		{ "a long version", STR_INIT("GET / HTTP/1.10\r\n" HOST "\r\n"),
		  400, "version" },
		{ "a version with a letter",
		  STR_INIT("GET / HTTP/1.x\r\n" HOST "\r\n"), 400, "version" },
		{ "a version with a comma",
		  STR_INIT("GET / HTTP/1,1\r\n" HOST "\r\n"), 400, "version" },
		{ "version 1.2", STR_INIT("GET / HTTP/1.2\r\n" HOST "\r\n"),
		  505, "1.1" },
		{ "version 0.9", STR_INIT("GET / HTTP/0.9\r\n\r\n"), 505,
		  "1.1" },
		{ "the preface of HTTP/2", STR_INIT("PRI * HTTP/2.0\r\n\r\n"),
		  505, "1.1" },
		{ "a relative target", STR_INIT("GET v1" REST), 400, "target" },
		{ "another scheme", STR_INIT("GET ftp://a/" REST), 400,
		  "target" },
		{ "absolute without host", STR_INIT("GET http:///" REST), 400,
		  "target" },
		{ "absolute with a user", STR_INIT("GET http://u@a/" REST), 400,
		  "target" },
		{ "absolute with a bad host", STR_INIT("GET http://a>b/" REST),
		  400, "target" },
		{ "half a scheme", STR_INIT("GET http:/a" REST), 400,
		  "target" },
		{ "an asterisk for GET", STR_INIT("GET *" REST), 400,
		  "target" },
		{ "CONNECT with a path", STR_INIT("CONNECT /" REST), 400,
		  "target" },
		{ "CONNECT with a user", STR_INIT("CONNECT u@a:1" REST), 400,
		  "target" },
		{ "a fragment", STR_INIT("GET /#a" REST), 400, "target" },
		{ "a tab in the target", STR_INIT("GET /a\tb" REST), 400,
		  "target" },
		{ "a NUL in the target", STR_INIT("GET /\0" REST), 400,
		  "0x00" },
		{ "a control byte in it", STR_INIT("GET /\x1f" REST), 400,
		  "0x1f" },
		{ "DEL in the target", STR_INIT("GET /\x7f" REST), 400,
		  "0x7f" },
		{ "raw UTF-8 in the target", STR_INIT("GET /\xc3\xa9" REST),
		  400, "target" },
	};

	(void)state;
	check_refusals(cases, countof(cases));
#undef REST
}

static void bad_fields_are_refused(void **state)
{
#define GET "GET / HTTP/1.1\r\n" HOST
	static const struct refusal cases[] = {
		{ "no Host", STR_INIT("GET / HTTP/1.1\r\n\r\n"), 400,
		  "Host is missing" },
		{ "two Hosts", STR_INIT(GET "host: a\r\n\r\n"), 400,
		  "Host appears twice" },
		{ "two Hosts in 1.0",
		  STR_INIT("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), 400,
		  "Host appears twice" },
		{ "a Host with a path",
		  STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400,
		  "Host is malformed" },
		{ "a Host with a user",
		  STR_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400,
		  "Host is malformed" },
		{ "a Host with a space",
		  STR_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400,
		  "Host is malformed" },
		{ "bare LF between fields", STR_INIT(GET "a: b\nc: d\r\n\r\n"),
		  400, "bare LF" },
		{ "bare CR between fields", STR_INIT(GET "a: b\rc: d\r\n\r\n"),
		  400, "CR without" },
		{ "bare LF at the end", STR_INIT(GET "a: b\r\n\n"), 400,
		  "bare LF" },
		{ "LF CR LF at the end", STR_INIT(GET "a: b\n\r\n"), 400,
		  "bare LF" },
		{ "a folded line", STR_INIT(GET "a: b\r\n c\r\n\r\n"), 400,
		  "folded" },
		{ "a line folded with a tab",
		  STR_INIT(GET "a: b\r\n\tc: d\r\n\r\n"), 400, "folded" },
		{ "a fold before the first field",
		  STR_INIT("GET / HTTP/1.1\r\n " HOST "\r\n"), 400, "folded" },
		{ "a space before the colon", STR_INIT(GET "abc : b\r\n\r\n"),
		  400, "white space in or after the header name abc" },
		{ "a tab before the colon", STR_INIT(GET "abc\t: b\r\n\r\n"),
		  400, "white space" },
		{ "a space in the name", STR_INIT(GET "a c: b\r\n\r\n"), 400,
		  "white space" },
		{ "no name", STR_INIT(GET ": b\r\n\r\n"), 400, "no name" },
		{ "no colon", STR_INIT(GET "abc\r\n\r\n"), 400, "no colon" },
		{ "a slash in the name", STR_INIT(GET "a/c: b\r\n\r\n"), 400,
		  "0x2f" },
		{ "a NUL in the name", STR_INIT(GET "a\0c: b\r\n\r\n"), 400,
		  "0x00" },
		{ "obs-text in the name", STR_INIT(GET "\xe9: b\r\n\r\n"), 400,
		  "0xe9" },
		{ "a NUL in the value", STR_INIT(GET "a: b\0c\r\n\r\n"), 400,
		  "0x00" },
		{ "ESC far into the value",
		  STR_INIT(GET "a: 123456789abcdef\x1b[0m\r\n\r\n"), 400,
		  "0x1b" },
		{ "DEL in the value", STR_INIT(GET "a: 12345678\x7f\r\n\r\n"),
		  400, "0x7f" },
		{ "a control byte after a tab",
		  STR_INIT(GET "a: \t12345678\x01 23456789\r\n\r\n"), 400,
		  "0x01" },
		{ "cut off in a name", STR_INIT(GET "a"), 400, "cut off" },
		{ "cut off in a value", STR_INIT(GET "a: b"), 400, "cut off" },
		{ "cut off after a field", STR_INIT(GET), 400, "cut off" },
		{ "cut off in the blank line", STR_INIT(GET "\r"), 400,
		  "no colon" },
		{ "more than the head", STR_INIT(GET "\r\nx"), 400, "after" },
	};

	(void)state;
	check_refusals(cases, countof(cases));
#undef GET
}

/* A head of count fields and a target of so many bytes, filled to a length. */
static int parse_large(size_t target, size_t count, size_t len,
		       struct http_fault *fault, struct http_head *head)
{
	struct arena a;
	struct buf b;
	int r;

	buf_init(&b, 1 << 20);
	r = buf_printf(&b, "GET /%0*d HTTP/1.1\r\nHost: a\r\n", (int)target - 1,
		       0);
	for (size_t i = 1; r == 0 && i < count; i++)
		r = buf_printf(&b, "x%zu: %zu\r\n", i, i);
	if (r == 0 && len > b.len + 2) {
		b.len -= 2;
		r = buf_printf(&b, "%0*d\r\n", (int)(len - b.len - 4), 0);
	}
	if (r == 0)
		r = buf_add(&b, STR("\r\n"));
	assert_int_equal(r, 0);
	arena_init(&a, 1 << 20);
	r = http_parse_request(buf_str(&b), &a, head, fault);
	if (r == 0 && len == 0) {
		struct str last = head->headers[count - 1].name;

		check_str("first", head->headers[0].name, STR("Host"));
		check_true("last", count == 1 || last.ptr[0] == 'x');
	}
	buf_fini(&b);
	arena_fini(&a);
	return r;
}

static void heads_are_bounded(void **state)
{
	static const struct {
		const char *name;
		size_t target, count, len;
		int status; /* 0: accepted */
	} cases[] = {
		{ "the longest target", HTTP_TARGET_MAX, 1, 0, 0 },
		{ "a target too long", HTTP_TARGET_MAX + 1, 1, 0, 414 },
		{ "sixteen fields", 8, 16, 0, 0 },
		{ "seventeen fields", 8, 17, 0, 0 },
		{ "as many fields as may be", 8, HTTP_HEADERS_MAX, 0, 0 },
		{ "one more", 8, HTTP_HEADERS_MAX + 1, 0, 431 },
		{ "the longest head", 8, 2, HTTP_HEAD_MAX, 0 },
		{ "a longer one", 8, 2, HTTP_HEAD_MAX + 1, 431 },
		{ "one line of that length", HTTP_HEAD_MAX, 1, 0, 414 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct http_fault fault = { 0 };
		struct http_head head;
		int r = parse_large(cases[i].target, cases[i].count,
				    cases[i].len, &fault, &head);

		check_int(cases[i].name, fault.status, cases[i].status);
		check_int(cases[i].name, r,
			  cases[i].status == 0 ? 0 : HTTP_BAD);
		if (r == 0) {
			check_int(cases[i].name, head.header_count,
				  cases[i].count);
		}
	}
}

static void too_long_says_what(void **state)
{
	struct http_fault fault;

	(void)state;
	http_fault_too_long(STR("GET /aaaaaaaaaaaa"), &fault);
	check_int("no line", fault.status, 414);
	http_fault_too_long(STR("GET / HTTP/1.1\r\nx: "), &fault);
	check_int("a line", fault.status, 431);
}

static void names_are_found(void **state)
{
	static const struct {
		const char *name;
		struct str text;
	} others[] = {
		{ "nothing", STR_INIT("") },
		{ "a CR for a dash", STR_INIT("content\rlength") },
		{ "the same shape", STR_INIT("hast") },
		{ "a letter more", STR_INIT("hosts") },
		{ "a letter less", STR_INIT("hos") },
		{ "a first byte that looks alike", STR_INIT("(ost") },
		{ "a long name",
		  STR_INIT("x-a-very-long-header-name-of-ours") },
	};

	(void)state;
	for (int id = HTTP_OTHER + 1; id < HTTP_NAME_COUNT; id++) {
		struct str text = http_name_text((enum http_name)id);
		char upper[32];

		assert_true(text.len > 0 && text.len < sizeof(upper));
		check_int(text.ptr, http_name_find(text), id);
		for (size_t i = 0; i < text.len; i++) {
			upper[i] = (char)(text.ptr[i] >= 'a' ? text.ptr[i] - 32
							     : text.ptr[i]);
		}
		check_int(text.ptr,
			  http_name_find((struct str){ upper, text.len }), id);
	}
	for (size_t i = 0; i < countof(others); i++) {
		check_int(others[i].name, http_name_find(others[i].text),
			  HTTP_OTHER);
	}
	check_str("other", http_name_text(HTTP_OTHER), STR(""));
}

static void tokens_are_found_in_lists(void **state)
{
	static const struct {
		const char *name;
		const char *list;
		bool want;
	} cases[] = {
		{ "alone", "close", true },
		{ "in another case", "Close", true },
		{ "last", "a, close", true },
		{ "in the middle, no spaces", "a,close,b", true },
		{ "among empty items", ",, \tclose\t ,", true },
		{ "an empty list", "", false },
		{ "a prefix", "clos", false },
		{ "a longer one", "closed", false },
		{ "two words", "close x", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		check_int(cases[i].name,
			  http_has_token(str_of(cases[i].list), STR("close")),
			  cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_end_is_found),
		cmocka_unit_test(head_end_is_found_at_every_split),
		cmocka_unit_test(a_request_is_read),
		cmocka_unit_test(requests_are_accepted),
		cmocka_unit_test(bad_start_lines_are_refused),
		cmocka_unit_test(bad_fields_are_refused),
		cmocka_unit_test(heads_are_bounded),
		cmocka_unit_test(too_long_says_what),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(tokens_are_found_in_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
