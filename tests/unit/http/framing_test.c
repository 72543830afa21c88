/* What a head says about its body and its connection, and responses. */
#include "http/head.h"

#include "tests/unit/table.h"

#define POST       "POST / HTTP/1.1\r\nHost: a\r\n"
#define POST10     "POST / HTTP/1.0\r\n"
#define CL         "Content-Length: "
#define TE         "Transfer-Encoding: "
#define OK(status) "HTTP/1.1 " status " X\r\n"

static void requests_are_framed(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		enum http_framing framing;
		uint64_t length;
	} cases[] = {
		{ "neither field", STR_INIT(POST "\r\n"), HTTP_BODY_NONE, 0 },
		{ "a length", STR_INIT(POST CL "12\r\n\r\n"), HTTP_BODY_LENGTH,
		  12 },
		{ "a length of none", STR_INIT(POST CL "0\r\n\r\n"),
		  HTTP_BODY_LENGTH, 0 },
		{ "leading zeros",
		  STR_INIT(POST CL "00000000000000000000007"
				   "\r\n\r\n"),
		  HTTP_BODY_LENGTH, 7 },
		{ "blanks around", STR_INIT(POST CL " \t 5\t \r\n\r\n"),
		  HTTP_BODY_LENGTH, 5 },
		{ "the longest",
		  STR_INIT(POST CL "4611686018427387904\r\n\r\n"),
		  HTTP_BODY_LENGTH, 1ULL << 62 },
		{ "a length in 1.0", STR_INIT(POST10 CL "3\r\n\r\n"),
		  HTTP_BODY_LENGTH, 3 },
		{ "chunked", STR_INIT(POST TE "chunked\r\n\r\n"),
		  HTTP_BODY_CHUNKED, 0 },
		{ "chunked in any case",
		  STR_INIT(POST "tRANSFER-encoding:\tChUnKeD \r\n\r\n"),
		  HTTP_BODY_CHUNKED, 0 },
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
		check_int(cases[i].name, head.framing, cases[i].framing);
		check_int(cases[i].name, head.content_length, cases[i].length);
	}
	arena_fini(&a);
}

/* Each of these has been used to hide one request in another. */
static void unclear_framing_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct str fields;
		int status;
		const char *text;
	} cases[] = {
		{ "both fields", STR_INIT(CL "5\r\n" TE "chunked\r\n"), 400,
		  "both" },
		{ "both, the other way", STR_INIT(TE "chunked\r\n" CL "5\r\n"),
		  400, "both" },
		{ "both, a length of none",
		  STR_INIT(CL "0\r\n" TE "chunked\r\n"), 400, "both" },
		{ "two lengths", STR_INIT(CL "5\r\n" CL "6\r\n"), 400,
		  "twice" },
		{ "the same length twice", STR_INIT(CL "5\r\n" CL "5\r\n"), 400,
		  "twice" },
		{ "a list of equal lengths", STR_INIT(CL "5, 5\r\n"), 400,
		  "not a number" },
		{ "an empty length", STR_INIT(CL "\r\n"), 400, "empty" },
		{ "a plus sign", STR_INIT(CL "+5\r\n"), 400, "not a number" },
		{ "a minus sign", STR_INIT(CL "-5\r\n"), 400, "not a number" },
		{ "hexadecimal", STR_INIT(CL "0x5\r\n"), 400, "not a number" },
		{ "a space inside", STR_INIT(CL "5 0\r\n"), 400,
		  "not a number" },
		{ "a tab inside", STR_INIT(CL "5\t0\r\n"), 400,
		  "not a number" },
		{ "a fraction", STR_INIT(CL "5.0\r\n"), 400, "not a number" },
		{ "a colon", STR_INIT(CL "5:\r\n"), 400, "not a number" },
		{ "a slash", STR_INIT(CL "5/\r\n"), 400, "not a number" },
		{ "one over the largest",
		  STR_INIT(CL "4611686018427387905\r\n"), 413, "too large" },
		{ "2^64", STR_INIT(CL "18446744073709551616\r\n"), 413,
		  "too large" },
		{ "a hundred digits",
		  STR_INIT(CL "1000000000000000000000000000000000000000000000"
			      "0000000000000000000000000000000000000\r\n"),
		  413, "too large" },
		{ "gzip", STR_INIT(TE "gzip\r\n"), 501, "coding" },
		{ "identity", STR_INIT(TE "identity\r\n"), 501, "coding" },
		{ "gzip, then chunked", STR_INIT(TE "gzip, chunked\r\n"), 501,
		  "coding" },
		{ "chunked, then gzip", STR_INIT(TE "chunked, gzip\r\n"), 400,
		  "not the last" },
		{ "chunked twice in a list",
		  STR_INIT(TE "chunked, chunked\r\n"), 400, "not the last" },
		{ "chunked and a comma", STR_INIT(TE "chunked,\r\n"), 400,
		  "not the last" },
		{ "chunked twice", STR_INIT(TE "chunked\r\n" TE "chunked\r\n"),
		  400, "twice" },
		{ "chunked in a second field",
		  STR_INIT(TE "chunked\r\n" TE "identity\r\n"), 400, "twice" },
		{ "an empty coding", STR_INIT(TE "\r\n"), 400, "empty" },
		{ "a letter before", STR_INIT(TE "xchunked\r\n"), 501,
		  "coding" },
		{ "a letter after", STR_INIT(TE "chunkedx\r\n"), 501,
		  "coding" },
		{ "a parameter", STR_INIT(TE "chunked;a=b\r\n"), 501,
		  "coding" },
		{ "quotes", STR_INIT(TE "\"chunked\"\r\n"), 501, "coding" },
		{ "a vertical tab",
		  STR_INIT(TE "\x0b"
			      "chunked\r\n"),
		  400, "0x0b" },
		{ "a space before the colon",
		  STR_INIT("Transfer-Encoding : chunked\r\n"), 400,
		  "white space" },
		{ "a folded value", STR_INIT(TE "\r\n chunked\r\n"), 400,
		  "empty" },
	};
	struct http_head head;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(cases); i++) {
		struct http_fault fault = { 0 };
		struct str bytes = arena_printf(&a, "%s%.*s\r\n", POST,
						STR_ARG(cases[i].fields));

		check_int(cases[i].name,
			  http_parse_request(bytes, &a, &head, &fault),
			  HTTP_BAD);
		check_int(cases[i].name, fault.status, cases[i].status);
		if (strstr(fault.text, cases[i].text) == NULL)
			fail_msg("%s: it says '%s'", cases[i].name, fault.text);
		bytes = arena_printf(&a, "HTTP/1.1 200 OK\r\n%.*s\r\n",
				     STR_ARG(cases[i].fields));
		check_int(cases[i].name,
			  http_parse_response(bytes, STR("GET"), &a, &head,
					      &fault),
			  HTTP_BAD);
	}
	arena_fini(&a);
}

static void chunked_is_refused_in_1_0(void **state)
{
	struct http_fault fault = { 0 };
	struct http_head head;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	check_int("request",
		  http_parse_request(STR(POST10 TE "chunked\r\n\r\n"), &a,
				     &head, &fault),
		  HTTP_BAD);
	check_int("status", fault.status, 400);
	check_int("response",
		  http_parse_response(STR("HTTP/1.0 200 OK\r\n" TE
					  "chunked\r\n\r\n"),
				      STR("GET"), &a, &head, &fault),
		  HTTP_BAD);
	arena_fini(&a);
}

static void connections_are_kept(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		bool keep, expect;
	} cases[] = {
		{ "1.1", STR_INIT(POST "\r\n"), true, false },
		{ "1.0", STR_INIT(POST10 "\r\n"), false, false },
		{ "close", STR_INIT(POST "Connection: close\r\n\r\n"), false,
		  false },
		{ "close in a list",
		  STR_INIT(POST "Connection: a, CLOSE\r\n\r\n"), false, false },
		{ "close in the second field",
		  STR_INIT(POST "Connection: a\r\nConnection: close\r\n\r\n"),
		  false, false },
		{ "close in the first",
		  STR_INIT(POST "Connection: close\r\nConnection: a\r\n\r\n"),
		  false, false },
		{ "1.0 with keep-alive",
		  STR_INIT(POST10 "Connection: Keep-Alive\r\n\r\n"), true,
		  false },
		{ "1.0 with both",
		  STR_INIT(POST10 "Connection: keep-alive, close\r\n\r\n"),
		  false, false },
		{ "a 100 is asked for",
		  STR_INIT(POST CL "1\r\nExpect: 100-Continue\r\n\r\n"), true,
		  true },
		{ "a 100 for a chunked body",
		  STR_INIT(POST TE "chunked\r\nExpect: 100-continue\r\n\r\n"),
		  true, true },
		{ "a 100 for no body",
		  STR_INIT(POST "Expect: 100-continue\r\n\r\n"), true, false },
		{ "a 100 for an empty body",
		  STR_INIT(POST CL "0\r\nExpect: 100-continue\r\n\r\n"), true,
		  false },
		{ "another expectation",
		  STR_INIT(POST CL "1\r\nExpect: 101\r\n\r\n"), true, false },
		{ "a 100 in 1.0",
		  STR_INIT(POST10 CL "1\r\nExpect: 100-continue\r\n\r\n"),
		  false, false },
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
		check_int(cases[i].name, head.keep_alive, cases[i].keep);
		check_int(cases[i].name, head.expect_continue, cases[i].expect);
	}
	arena_fini(&a);
}

static void responses_are_framed(void **state)
{
	static const struct {
		const char *name;
		const char *method;
		struct str bytes;
		enum http_framing framing;
		int status;
		bool keep;
	} cases[] = {
		{ "a length", "GET", STR_INIT(OK("200") CL "5\r\n\r\n"),
		  HTTP_BODY_LENGTH, 200, true },
		{ "chunked", "GET", STR_INIT(OK("200") TE "chunked\r\n\r\n"),
		  HTTP_BODY_CHUNKED, 200, true },
		{ "neither: until close", "GET", STR_INIT(OK("200") "\r\n"),
		  HTTP_BODY_UNTIL_CLOSE, 200, false },
		{ "until close, whatever it says", "GET",
		  STR_INIT(OK("200") "Connection: keep-alive\r\n\r\n"),
		  HTTP_BODY_UNTIL_CLOSE, 200, false },
		{ "closed after", "GET",
		  STR_INIT(OK("200") CL "5\r\nConnection: close\r\n\r\n"),
		  HTTP_BODY_LENGTH, 200, false },
		{ "1.0", "GET", STR_INIT("HTTP/1.0 200 OK\r\n" CL "5\r\n\r\n"),
		  HTTP_BODY_LENGTH, 200, false },
		{ "1.0, kept", "GET",
		  STR_INIT("HTTP/1.0 200 OK\r\n" CL "5\r\nConnection: "
			   "keep-alive\r\n\r\n"),
		  HTTP_BODY_LENGTH, 200, true },
		{ "to HEAD", "HEAD", STR_INIT(OK("200") CL "5\r\n\r\n"),
		  HTTP_BODY_NONE, 200, true },
		{ "to HEAD, chunked", "HEAD",
		  STR_INIT(OK("200") TE "chunked\r\n\r\n"), HTTP_BODY_NONE, 200,
		  true },
		{ "to HEAD, neither", "HEAD", STR_INIT(OK("200") "\r\n"),
		  HTTP_BODY_NONE, 200, true },
		{ "to HEAD, closed", "HEAD",
		  STR_INIT(OK("200") "Connection: close\r\n\r\n"),
		  HTTP_BODY_NONE, 200, false },
		{ "to head, which is not HEAD", "head",
		  STR_INIT(OK("200") CL "5\r\n\r\n"), HTTP_BODY_LENGTH, 200,
		  true },
		{ "100", "POST", STR_INIT(OK("100") "\r\n"), HTTP_BODY_NONE,
		  100, true },
		{ "103", "POST", STR_INIT(OK("103") "\r\n"), HTTP_BODY_NONE,
		  103, true },
		{ "100 with a length of none", "POST",
		  STR_INIT(OK("100") CL "0\r\n\r\n"), HTTP_BODY_NONE, 100,
		  true },
		{ "101 is not HTTP any more", "GET", STR_INIT(OK("101") "\r\n"),
		  HTTP_BODY_NONE, 101, false },
		{ "204", "GET", STR_INIT(OK("204") "\r\n"), HTTP_BODY_NONE, 204,
		  true },
		{ "204 with a length of none", "GET",
		  STR_INIT(OK("204") CL "0\r\n\r\n"), HTTP_BODY_NONE, 204,
		  true },
		{ "204 that announces a body", "GET",
		  STR_INIT(OK("204") CL "1\r\n\r\n"), HTTP_BODY_NONE, 204,
		  false },
		{ "204 that is chunked", "GET",
		  STR_INIT(OK("204") TE "chunked\r\n\r\n"), HTTP_BODY_NONE, 204,
		  false },
		{ "205 is like 200", "GET", STR_INIT(OK("205") CL "5\r\n\r\n"),
		  HTTP_BODY_LENGTH, 205, true },
		{ "304", "GET", STR_INIT(OK("304") CL "5\r\n\r\n"),
		  HTTP_BODY_NONE, 304, true },
		{ "305 is like 200", "GET", STR_INIT(OK("305") CL "5\r\n\r\n"),
		  HTTP_BODY_LENGTH, 305, true },
		{ "a tunnel", "CONNECT", STR_INIT(OK("200") CL "5\r\n\r\n"),
		  HTTP_BODY_NONE, 200, false },
		{ "no tunnel", "CONNECT", STR_INIT(OK("407") CL "5\r\n\r\n"),
		  HTTP_BODY_LENGTH, 407, true },
		{ "the largest status", "GET",
		  STR_INIT(OK("999") CL "5\r\n\r\n"), HTTP_BODY_LENGTH, 999,
		  true },
	};
	struct http_fault fault;
	struct http_head head;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		check_int(cases[i].name,
			  http_parse_response(cases[i].bytes,
					      str_of(cases[i].method), &a,
					      &head, &fault),
			  0);
		check_int(cases[i].name, head.framing, cases[i].framing);
		check_int(cases[i].name, head.status, cases[i].status);
		check_int(cases[i].name, head.keep_alive, cases[i].keep);
	}
	arena_fini(&a);
}

/* The final response follows on the same connection: where would it begin? */
static void a_body_before_the_final_response_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
	} cases[] = {
		{ "100 with a length", STR_INIT(OK("100") CL "1\r\n\r\n") },
		{ "100 that is chunked",
		  STR_INIT(OK("100") TE "chunked\r\n\r\n") },
		{ "103 with a length", STR_INIT(OK("103") CL "5\r\n\r\n") },
	};
	struct http_head head;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		struct http_fault fault = { 0 };

		check_int(cases[i].name,
			  http_parse_response(cases[i].bytes, STR("GET"), &a,
					      &head, &fault),
			  HTTP_BAD);
		check_true(cases[i].name,
			   strstr(fault.text, "a body after") != NULL);
	}
	arena_fini(&a);
}

static void status_lines_are_read(void **state)
{
	static const struct {
		const char *name;
		struct str line;
		bool ok;
		const char *reason;
		const char *text;
	} cases[] = {
		{ "plain", STR_INIT("HTTP/1.1 200 OK"), true, "OK", "" },
		{ "words", STR_INIT("HTTP/1.1 404 Not  Found "), true,
		  "Not  Found ", "" },
		{ "an empty reason", STR_INIT("HTTP/1.1 200 "), true, "", "" },
		{ "no reason, no space", STR_INIT("HTTP/1.0 200"), true, "",
		  "" },
		{ "obs-text", STR_INIT("HTTP/1.1 200 caf\xe9"), true, "caf\xe9",
		  "" },
		{ "a short status", STR_INIT("HTTP/1.1 20 OK"), false, "",
		  "status is" },
		{ "a long status", STR_INIT("HTTP/1.1 2000 OK"), false, "",
		  "status is" },
		{ "a long status and nothing else", STR_INIT("HTTP/1.1 2000"),
		  false, "", "status is" },
		{ "below 100", STR_INIT("HTTP/1.1 099 OK"), false, "",
		  "status is" },
		{ "a letter first", STR_INIT("HTTP/1.1 x00 OK"), false, "",
		  "status is" },
		{ "a letter second", STR_INIT("HTTP/1.1 2x0 OK"), false, "",
		  "status is" },
		{ "a letter third", STR_INIT("HTTP/1.1 20x OK"), false, "",
		  "status is" },
		{ "a colon for a digit", STR_INIT("HTTP/1.1 :00 OK"), false, "",
		  "status is" },
		{ "two spaces", STR_INIT("HTTP/1.1  200 OK"), false, "",
		  "status is" },
		{ "a tab after the status", STR_INIT("HTTP/1.1 200\tOK"), false,
		  "", "status is" },
		{ "a tab before it", STR_INIT("HTTP/1.1\t200 OK"), false, "",
		  "status line" },
		{ "no status", STR_INIT("HTTP/1.1 "), false, "",
		  "status line" },
		{ "nothing", STR_INIT(""), false, "", "status line" },
		{ "another version", STR_INIT("HTTP/2.0 200 OK"), false, "",
		  "spoken" },
		{ "another protocol", STR_INIT("ICY/1.1 200 OK!"), false, "",
		  "status line" },
		{ "a leading space", STR_INIT(" HTTP/1.1 200 OK"), false, "",
		  "status line" },
		{ "a control byte", STR_INIT("HTTP/1.1 200 O\x01"), false, "",
		  "0x01" },
		{ "bare CR", STR_INIT("HTTP/1.1 200 OK\rX"), false, "",
		  "CR without" },
	};
	struct http_head head;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		struct http_fault fault = { 0 };
		struct str bytes =
			arena_printf(&a, STR_FMT "\r\na: \xff\r\n\r\n",
				     STR_ARG(cases[i].line));
		int r = http_parse_response(bytes, STR("GET"), &a, &head,
					    &fault);

		check_int(cases[i].name, r, cases[i].ok ? 0 : HTTP_BAD);
		if (strstr(fault.text, cases[i].text) == NULL)
			fail_msg("%s: it says '%s'", cases[i].name, fault.text);
		if (r == 0) {
			check_str(cases[i].name, head.reason,
				  str_of(cases[i].reason));
		}
	}
	arena_fini(&a);
}

static void response_heads_are_bounded(void **state)
{
	struct http_fault fault;
	struct http_head head;
	struct arena a;
	struct str bytes;

	(void)state;
	arena_init(&a, 1 << 20);
	bytes = arena_printf(&a, "HTTP/1.1 200 %0*d\r\n\r\n",
			     HTTP_HEAD_MAX - 17, 0);
	check_int("longest", bytes.len, HTTP_HEAD_MAX);
	check_int("longest",
		  http_parse_response(bytes, STR("GET"), &a, &head, &fault), 0);
	bytes = arena_printf(&a, "HTTP/1.1 200 %0*d\r\n\r\n",
			     HTTP_HEAD_MAX - 16, 0);
	check_int("longer",
		  http_parse_response(bytes, STR("GET"), &a, &head, &fault),
		  HTTP_BAD);
	check_int("status", fault.status, 431);
	check_int("leading CR LF",
		  http_parse_response(STR("\r\nHTTP/1.1 200 OK\r\n\r\n"),
				      STR("GET"), &a, &head, &fault),
		  HTTP_BAD);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_framed),
		cmocka_unit_test(unclear_framing_is_refused),
		cmocka_unit_test(chunked_is_refused_in_1_0),
		cmocka_unit_test(connections_are_kept),
		cmocka_unit_test(responses_are_framed),
		cmocka_unit_test(a_body_before_the_final_response_is_refused),
		cmocka_unit_test(status_lines_are_read),
		cmocka_unit_test(response_heads_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
