#include "http/head.h"
#include "http/write.h"

#include "tests/unit/table.h"

#include <errno.h>

static void a_response_is_written(void **state)
{
	struct buf b;
	struct http_writer w = { .out = &b };

	(void)state;
	buf_init(&b, 4096);
	http_write_status(&w, 200);
	http_write_header(&w, STR("content-type"), STR("application/json"));
	http_write_number(&w, STR("content-length"), 1234567890);
	http_write_header(&w, STR("x-empty"), STR(""));
	http_write_number(&w, STR("x-zero"), 0);
	http_write_number(&w, STR("x-max"), UINT64_MAX);
	check_int("end", http_write_end(&w), 0);
	check_str("bytes", buf_str(&b),
		  STR("HTTP/1.1 200 OK\r\n"
		      "content-type: application/json\r\n"
		      "content-length: 1234567890\r\n"
		      "x-empty: \r\n"
		      "x-zero: 0\r\n"
		      "x-max: 18446744073709551615\r\n"
		      "\r\n"));
	buf_fini(&b);
}

static void a_request_is_written(void **state)
{
	struct buf b;
	struct http_writer w = { .out = &b };

	(void)state;
	buf_init(&b, 4096);
	http_write_request(&w, STR("M"), STR("/"));
	http_write_header(&w, STR("a"), STR("b"));
	check_int("end", http_write_end(&w), 0);
	check_str("bytes", buf_str(&b), STR("M / HTTP/1.1\r\na: b\r\n\r\n"));
	buf_fini(&b);
}

static void what_is_written_can_be_read(void **state)
{
	static const char *const fields[][2] = {
		{ "host", "example.com:8080" },
		{ "Authorization", "Bearer \"x\" y" },
		{ "x-text", "caf\xc3\xa9\tand more" },
		{ "x-empty", "" },
		{ "content-length", "17" },
	};
	struct http_fault fault;
	struct http_head head;
	struct arena a;
	struct buf b;
	struct http_writer w = { .out = &b };
	size_t scan = 0;

	(void)state;
	buf_init(&b, 4096);
	arena_init(&a, 1 << 16);
	http_write_request(&w, STR("POST"), STR("/v1?x=%20y"));
	for (size_t i = 0; i < countof(fields); i++) {
		http_write_header(&w, str_of(fields[i][0]),
				  str_of(fields[i][1]));
	}
	check_int("end", http_write_end(&w), 0);
	check_int("one head", http_head_end(buf_str(&b), &scan), b.len);
	check_int("read", http_parse_request(buf_str(&b), &a, &head, &fault),
		  0);
	check_str("method", head.method, STR("POST"));
	check_str("target", head.target, STR("/v1?x=%20y"));
	check_int("length", head.content_length, 17);
	check_int("count", head.header_count, countof(fields));
	for (size_t i = 0; i < countof(fields); i++) {
		check_str("name", head.headers[i].name, str_of(fields[i][0]));
		check_str("value", head.headers[i].value, str_of(fields[i][1]));
	}
	arena_fini(&a);
	buf_fini(&b);
}

static void bad_bytes_are_not_written(void **state)
{
	static const struct {
		const char *label;
		struct str method, target, name, value;
	} cases[] = {
#define OK_START STR_INIT("GET"), STR_INIT("/")
#define OK_FIELD STR_INIT("a"), STR_INIT("b")
		{ "no method", STR_INIT(""), STR_INIT("/"), OK_FIELD },
		{ "a space in the method", STR_INIT("G T"), STR_INIT("/"),
		  OK_FIELD },
		{ "no target", STR_INIT("GET"), STR_INIT(""), OK_FIELD },
		{ "a space in the target", STR_INIT("GET"), STR_INIT("/a b"),
		  OK_FIELD },
		{ "CR LF in the target", STR_INIT("GET"),
		  STR_INIT("/ HTTP/1.1\r\nx: y"), OK_FIELD },
		{ "a NUL in the target", STR_INIT("GET"), STR_INIT("/\0"),
		  OK_FIELD },
		{ "DEL in the target", STR_INIT("GET"), STR_INIT("/\x7f"),
		  OK_FIELD },
		{ "raw UTF-8 in the target", STR_INIT("GET"),
		  STR_INIT("/\xc3\xa9"), OK_FIELD },
		{ "no name", OK_START, STR_INIT(""), STR_INIT("b") },
		{ "a colon in the name", OK_START, STR_INIT("a:"),
		  STR_INIT("b") },
		{ "a space in the name", OK_START, STR_INIT("a "),
		  STR_INIT("b") },
		{ "CR LF in the name", OK_START, STR_INIT("a\r\n"),
		  STR_INIT("b") },
		{ "CR LF in the value", OK_START, STR_INIT("a"),
		  STR_INIT("b\r\nc: d") },
		{ "LF at its end", OK_START, STR_INIT("a"), STR_INIT("b\n") },
		{ "a NUL in the value", OK_START, STR_INIT("a"),
		  STR_INIT("b\0") },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b;
		struct http_writer w = { .out = &b };

		buf_init(&b, 4096);
		http_write_request(&w, cases[i].method, cases[i].target);
		http_write_header(&w, cases[i].name, cases[i].value);
		http_write_header(&w, STR("x"), STR("y"));
		check_int(cases[i].label, http_write_end(&w), -EINVAL);
		buf_fini(&b);
	}
}

static void statuses_have_reasons(void **state)
{
	static const struct {
		int status, want;
		const char *reason;
	} cases[] = {
		{ 100, 0, "Continue" },
		{ 204, 0, "No Content" },
		{ 404, 0, "Not Found" },
		{ 429, 0, "Too Many Requests" },
		{ 503, 0, "Service Unavailable" },
		{ 799, 0, "Unknown" },
		{ 999, 0, "Unknown" },
		{ 99, -EINVAL, "Unknown" },
		{ 1000, -EINVAL, "Unknown" },
		{ -200, -EINVAL, "Unknown" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b;
		struct http_writer w = { .out = &b };

		buf_init(&b, 4096);
		check_str(cases[i].reason, http_reason(cases[i].status),
			  str_of(cases[i].reason));
		http_write_status(&w, cases[i].status);
		check_int(cases[i].reason, http_write_end(&w), cases[i].want);
		if (cases[i].want == 0) {
			check_true("reason",
				   str_find(buf_str(&b),
					    str_of(cases[i].reason)) == 13);
		}
		buf_fini(&b);
	}
}

/* At every limit below the length it fails, and never writes past it. */
static void the_limit_is_kept(void **state)
{
	(void)state;
	for (size_t max = 1; max < 40; max++) {
		struct buf b;
		struct http_writer w = { .out = &b };

		buf_init(&b, max);
		http_write_request(&w, STR("GET"), STR("/"));
		http_write_header(&w, STR("host"), STR("abcdefgh"));
		check_int("result", http_write_end(&w),
			  max < 34 ? -EMSGSIZE : 0);
		check_true("limit", b.len <= max);
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_response_is_written),
		cmocka_unit_test(a_request_is_written),
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(bad_bytes_are_not_written),
		cmocka_unit_test(statuses_have_reasons),
		cmocka_unit_test(the_limit_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
