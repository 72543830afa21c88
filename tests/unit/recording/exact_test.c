#include "recording/exact.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <stdlib.h>

#define S(literal) STR_INIT(literal)

enum {
	TEXT_MAX = 16 << 20,
	WANT_MAX = 6
};

static const struct {
	const char *name;
	enum recording_framing framing;
	struct str body;
	const char *want[WANT_MAX]; /* lines of the file */
} bodies[] = {
	{ "an empty stream", RECORDING_SSE, S(""), { "\"events\": [\n    ]" } },
	{ "what most events begin with is said once",
	  RECORDING_SSE,
	  S("data: {\"id\":\"c\",\"x\":1}\n\ndata: {\"id\":\"c\",\"x\":2}\n\n"
	    "data: [DONE]\n\n"),
	  { "\"head\": \"{\\\"id\\\":\\\"c\\\",\"",
	    "\n{\"x\":1},\n{\"x\":2},\n", "\n[\"text\",\"[DONE]\"]\n" } },
	{ "odd spacing behind the head survives",
	  RECORDING_SSE,
	  S("data: {\"id\": \"c\", \"x\": 1}\n\ndata: {\"id\": \"c\", \"x\": "
	    "2}\n\n"),
	  { "\n{ \"x\": 1},\n{ \"x\": 2}\n" } },
	{ "a comma in a string ends no head",
	  RECORDING_SSE,
	  S("data: {\"id\":\"a,b\",\"c\":\"d,1\"}\n\n"
	    "data: {\"id\":\"a,b\",\"c\":\"d,2\"}\n\n"),
	  { "\n{\"c\":\"d,1\"},\n" } },
	{ "a comma in a list ends no head",
	  RECORDING_SSE,
	  S("data: {\"c\":[1,2,{\"a\":1,\"b\":2}]}\n\n"
	    "data: {\"c\":[1,2,{\"a\":1,\"b\":3}]}\n\n"),
	  { "\"head\": \"\"" } },
	{ "an event without the head keeps its own",
	  RECORDING_SSE,
	  S("data: {\"id\":\"\"}\n\ndata: {\"id\":\"c\",\"x\":1}\n\n"
	    "data: {\"id\":\"c\",\"x\":2}\n\n"),
	  { "[\"full\",{\"id\":\"\"}]" } },
	{ "named events",
	  RECORDING_SSE,
	  S("event: ping\ndata: {\"type\": \"ping\"}\n\n"),
	  { "[\"ev\",\"ping\",{\"type\": \"ping\"}]" } },
	{ "comments that keep the line open",
	  RECORDING_SSE,
	  S(": OPENROUTER PROCESSING\n\n:\n\ndata: 1\n\n"),
	  { "[\"c\",\" OPENROUTER PROCESSING\"]", "[\"c\",\"\"]",
	    "[\"full\",1]" } },
	{ "a comment inside of an event",
	  RECORDING_SSE,
	  S(": x\ndata: {}\n\n"),
	  { "[\"raw\",\": x\\ndata: {}\\n\\n\"]" } },
	{ "no space behind the colon",
	  RECORDING_SSE,
	  S("data:{\"a\":1}\n\n"),
	  { "[\"raw\",\"data:{\\\"a\\\":1}\\n\\n\"]" } },
	{ "several data lines",
	  RECORDING_SSE,
	  S("data: {\ndata: }\n\n"),
	  { "[\"raw\"," } },
	{ "events that are only retry and id",
	  RECORDING_SSE,
	  S("retry: 3000\n\nid: 7\ndata: {}\n\n"),
	  { "[\"raw\",\"retry: 3000\\n\\n\"]" } },
	{ "carriage returns and line feeds",
	  RECORDING_SSE,
	  S("data: {\"a\":1}\r\n\r\ndata: [DONE]\r\n\r\n"),
	  { "\"eol\": \"\\r\\n\"", "\n{\"a\":1},\n" } },
	{ "carriage returns alone",
	  RECORDING_SSE,
	  S("data: {\"a\":1}\r\rdata: 2\r\r"),
	  { "\"eol\": \"\\r\"", "\n{\"a\":1},\n" } },
	{ "a mix of line ends",
	  RECORDING_SSE,
	  S("data: {\"a\":1}\n\ndata: {\"a\":2}\r\n\ndata: 3\r\r\n\n"),
	  { "[\"raw\"," } },
	{ "a byte order mark",
	  RECORDING_SSE,
	  S("\xef\xbb\xbf"
	    "data: {}\n\n"),
	  { "[\"raw\",\"\xef\xbb\xbf" } },
	{ "no last blank line",
	  RECORDING_SSE,
	  S("data: {\"a\":1}\n\ndata: {\"a\":2}\n"),
	  { "[\"raw\",\"data: {\\\"a\\\":2}\\n\"]" } },
	{ "cut in the middle of an event",
	  RECORDING_SSE,
	  S("data: {\"a\":1}\n\ndata: {\"a\":\"\xe2\x82"),
	  { "[\"b64\"," } },
	{ "blank lines in a row",
	  RECORDING_SSE,
	  S("\n\n\ndata: {}\n\n\n"),
	  { "[\"raw\",\"\\n\"]" } },
	{ "what is no JSON",
	  RECORDING_SSE,
	  S("data: :ping\n\ndata: {a}\n\n"),
	  { "[\"text\",\":ping\"]", "[\"text\",\"{a}\"]" } },
	{ "space around the value",
	  RECORDING_SSE,
	  S("data:  {\"a\":1}\n\ndata: {\"a\":1} \n\n"),
	  { "[\"text\",\" {\\\"a\\\":1}\"]" } },
	{ "an unfinished escape in a string",
	  RECORDING_SSE,
	  S("data: {\"a\":\"\\\n\n"),
	  { "[\"text\"," } },
	{ "escapes, duplicate keys and long numbers stay",
	  RECORDING_SSE,
	  S("data: {\"a\":\"\\u00e9\\/\\ud800\",\"a\":1.50,\"b\":1E2,"
	    "\"c\":12345678901234567890}\n\n"),
	  { "{\"a\":\"\\u00e9\\/\\ud800\",\"a\":1.50,\"b\":1E2," } },
	{ "a zero byte",
	  RECORDING_SSE,
	  S("data: a\0b\n\n"),
	  { "[\"text\",\"a\\u0000b\"]" } },
	{ "lines of JSON",
	  RECORDING_NDJSON,
	  S("{\"model\":\"m\",\"done\":false}\n{\"model\":\"m\",\"done\":true}"
	    "\n"),
	  { "\n{\"done\":false},\n{\"done\":true}\n" } },
	{ "lines of JSON without the last line end",
	  RECORDING_NDJSON,
	  S("{\"a\":1}\r\n{\"a\":2}"),
	  { "[\"raw\",\"{\\\"a\\\":2}\"]" } },
	{ "an array that trickles in",
	  RECORDING_ARRAY,
	  S("[{\n  \"a\": \"}\"\n}\n,\r\n{\n  \"a\": 2\n}\n]"),
	  { "\"eol\": \"\\n,\\r\\n\"", "\n{\n  \"a\": 2\n},\n",
	    "[\"raw\",\"\\n]\"]" } },
	{ "an array of one",
	  RECORDING_ARRAY,
	  S("[{\"a\":1}]"),
	  { "\n{\"a\":1},\n[\"raw\",\"]\"]\n" } },
	{ "frames",
	  RECORDING_EVENTSTREAM,
	  S("\0\0\0\x12\0\0\0\0abcd\xff\xfe"
	    "efgh\0\0\0\x10\0\0\0\0abcdefgh"),
	  { "[\"b64\",\"AAAAEgAAAABhYmNk//5lZmdo\"]", "[\"raw\"," } },
	{ "the smallest frames",
	  RECORDING_EVENTSTREAM,
	  S("\0\0\0\x10\0\0\0\0abcdefg\xff"
	    "\0\0\0\x10\0\0\0\0abcdefg\xff"),
	  { "\n[\"b64\",\"AAAAEAAAAABhYmNkZWZn/w==\"],\n"
	    "[\"b64\",\"AAAAEAAAAABhYmNkZWZn/w==\"]\n" } },
	{ "a frame that is longer than what came",
	  RECORDING_EVENTSTREAM,
	  S("\0\0\0\x20\0\0\0\0abcdefg\xff"),
	  { "\n[\"b64\",\"AAAAIAAAAABhYmNkZWZn/w==\"]\n" } },
	{ "a frame with a wrong length",
	  RECORDING_EVENTSTREAM,
	  S("\0\0\0\1\0\0\0\0abcdefgh\xff"),
	  { "[\"b64\"," } },
	{ "a whole body",
	  RECORDING_WHOLE,
	  S("{\"a\": 1.0, \"a\":2}"),
	  { "\n  \"body\": {\"a\": 1.0, \"a\":2},\n" } },
	{ "a pretty body with its last line end",
	  RECORDING_WHOLE,
	  S("{\n  \"a\": 1\n}\n"),
	  { "\"body\": {\n  \"a\": 1\n},\n  \"tail\": \"\\n\"" } },
	{ "a body with carriage returns",
	  RECORDING_WHOLE,
	  S("{\r\n\"a\":1}"),
	  { "\"text\": \"{\\r\\n\\\"a\\\":1}\"" } },
	{ "a page of text",
	  RECORDING_WHOLE,
	  S("<html>\n"),
	  { "\"text\": \"<html>\\n\"" } },
	{ "bytes", RECORDING_WHOLE, S("\xff\0\1"), { "\"b64\": \"/wAB\"" } },
	{ "nothing", RECORDING_WHOLE, S(""), { "\"bytes\": 0" } },
};

static struct recording recording_of(enum recording_framing framing,
				     struct str body)
{
	return (struct recording){
		.op = STR("chat.completions"),
		.key = STR("k"),
		.occ = 1,
		.request = { .method = STR("POST"),
			     .path = STR("/v1/chat/completions"),
			     .upstream = STR("openai"),
			     .body = STR("{\"model\":\"m\",\"n\":[1,2]}") },
		.response = { .status = 200, .framing = framing, .body = body },
		.meta = { .attempt = 1 },
	};
}

static void write_text(const char *name, const struct recording *r,
		       struct buf *out)
{
	struct exact_options options = { 0 };
	bool sidecar;

	check_int(name, exact_write(r, &options, out, &sidecar), 0);
	check_true(name, !sidecar);
}

static void check_line(const char *name, struct str text, const char *want)
{
	if (want != NULL && str_find(text, str_of(want)) == text.len)
		fail_msg("%s: no %s in\n" STR_FMT, name, want, STR_ARG(text));
}

static void bodies_come_back_byte_for_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bodies); i++) {
		struct recording r =
			recording_of(bodies[i].framing, bodies[i].body);
		struct recording_problem problem;
		struct recording again;
		struct arena a;
		struct buf out;

		arena_init(&a, 1 << 20);
		buf_init(&out, TEXT_MAX);
		write_text(bodies[i].name, &r, &out);
		check_int(bodies[i].name,
			  exact_read(buf_str(&out), &a, &again, &problem), 0);
		check_str(bodies[i].name, again.response.body, bodies[i].body);
		check_true(bodies[i].name, !again.edited);
		for (size_t k = 0; k < WANT_MAX; k++) {
			check_line(bodies[i].name, buf_str(&out),
				   bodies[i].want[k]);
		}
		buf_fini(&out);
		arena_fini(&a);
	}
}

/* A stream cut anywhere is one that some upstream cut there. */
static void every_cut_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bodies); i++) {
		for (size_t n = 0; n < bodies[i].body.len; n++) {
			struct recording r =
				recording_of(bodies[i].framing,
					     str_take(bodies[i].body, n));
			struct recording again;
			struct arena a;
			struct buf out;

			arena_init(&a, 1 << 20);
			buf_init(&out, TEXT_MAX);
			write_text(bodies[i].name, &r, &out);
			check_int(bodies[i].name,
				  exact_read(buf_str(&out), &a, &again, NULL),
				  0);
			check_str(bodies[i].name, again.response.body,
				  r.response.body);
			buf_fini(&out);
			arena_fini(&a);
		}
	}
}

static const char golden[] =
	"{\n"
	"\"v\": 1,\n"
	"\"op\": \"chat.completions\", \"key\": \"k\", \"occ\": 2,\n"
	"\"request\": {\n"
	"  \"method\": \"POST\", \"path\": \"/v1/chat/completions\", "
	"\"upstream\": \"openai\",\n"
	"  \"headers\": [[\"content-type\", \"application/json\"]],\n"
	"  \"body\": {\n"
	"    \"model\": \"m\",\n"
	"    \"n\": [1,2],\n"
	"    \"o\": {},\n"
	"    \"p\": [\n"
	"      \"a\"\n"
	"    ]\n"
	"  }\n"
	"},\n"
	"\"response\": {\n"
	"  \"status\": 200,\n"
	"  \"headers\": [[\"x-request-id\", \"req_1\"]],\n"
	"  \"stream\": {\n"
	"    \"format\": \"sse\", \"eol\": \"\\n\",\n"
	"    \"head\": \"{\\\"id\\\":\\\"c\\\",\",\n"
	"    \"events\": [\n"
	"{\"x\":1},\n"
	"{\"x\":2},\n"
	"[\"text\",\"[DONE]\"]\n"
	"    ],\n"
	"    \"end\": \"reset\"\n"
	"  },\n"
	"  \"bytes\": 62, \"sha256\": \"8bd3cf72b6ab112ab610f59b501c46655e8274e9"
	"1679e819befc49aed746e29c\"}, \"timing\": {\"connect\": 41, \"t\": "
	"[210,0,31]}, \"meta\": {\"attempt\": 1, \"recorded_at\": "
	"\"2026-09-25T10:00:00Z\", \"usage\": {\"in\": 12, \"out\": 30}}\n"
	"}\n";

static void a_file_looks_like_this(void **state)
{
	struct http_header type = { .name = STR("content-type"),
				    .value = STR("application/json") };
	struct http_header id = { .name = STR("x-request-id"),
				  .value = STR("req_1") };
	struct recording_mark marks[] = { { 48, 210 }, { 55, 20 }, { 62, 11 } };
	struct recording r = recording_of(RECORDING_SSE,
					  STR("data: {\"id\":\"c\",\"x\":1}\n\n"
					      "data: {\"id\":\"c\",\"x\":2}\n\n"
					      "data: [DONE]\n\n"));
	struct recording again;
	struct arena a;
	struct buf out;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&out, TEXT_MAX);
	r.occ = 2;
	r.request.headers = &type;
	r.request.header_count = 1;
	r.request.body =
		STR("{\"model\":\"m\",\"n\":[1,2],\"o\":{ },\"p\":[\"a\"]}");
	r.response.headers = &id;
	r.response.header_count = 1;
	r.response.end = RECORDING_END_RESET;
	r.response.marks = marks;
	r.response.mark_count = countof(marks);
	r.meta.connect_ms = 41;
	r.meta.recorded_at = STR("2026-09-25T10:00:00Z");
	r.meta.tokens_in = 12;
	r.meta.tokens_out = 30;
	write_text("golden", &r, &out);
	check_str("golden", buf_str(&out), str_of(golden));

	check_int("read", exact_read(buf_str(&out), &a, &again, NULL), 0);
	check_int("occ", again.occ, 2);
	check_str("header", again.response.headers[0].value, STR("req_1"));
	check_int("end", again.response.end, RECORDING_END_RESET);
	check_int("events", again.response.mark_count, 3);
	check_int("first", again.response.marks[0].end, 24);
	check_int("waits", again.response.marks[0].ms, 210);
	check_int("last waits", again.response.marks[2].ms, 31);
	check_int("tokens", again.meta.tokens_out, 30);
	buf_fini(&out);
	arena_fini(&a);
}

static size_t count_other_lines(struct str a, struct str b)
{
	size_t n = 0;

	while (a.len > 0 || b.len > 0) {
		struct str x, y;

		(void)str_cut(a, '\n', &x, &a);
		(void)str_cut(b, '\n', &y, &b);
		n += !str_eq(x, y);
	}
	return n;
}

#define CHUNK(id, text) \
	"data: {\"id\":\"" id "\",\"created\":1,\"choices\":[\"" text "\"]}\n\n"
#define ANSWER(id)                                                \
	STR(CHUNK(id, "a") CHUNK(id, "b") CHUNK(id, "c") "data: " \
							 "[DONE]\n\n")

static void a_new_recording_changes_three_lines(void **state)
{
	struct http_header one = { .name = STR("x-request-id"),
				   .value = STR("req_1") };
	struct http_header two = { .name = STR("x-request-id"),
				   .value = STR("req_2") };
	struct recording_mark early[] = { { 60, 210 }, { 999, 12 } };
	struct recording_mark late[] = { { 90, 310 }, { 999, 22 } };
	struct recording r = recording_of(RECORDING_SSE, ANSWER("chat-1"));
	struct buf first, second;

	(void)state;
	buf_init(&first, TEXT_MAX);
	buf_init(&second, TEXT_MAX);
	r.response.headers = &one;
	r.response.header_count = 1;
	r.response.marks = early;
	r.response.mark_count = 2;
	r.meta.recorded_at = STR("2026-01-01T00:00:00Z");
	write_text("first", &r, &first);
	r.response.body = ANSWER("chat-222");
	r.response.headers = &two;
	r.response.marks = late;
	r.meta.recorded_at = STR("2026-02-02T00:00:00Z");
	write_text("second", &r, &second);
	check_int("lines", count_other_lines(buf_str(&first), buf_str(&second)),
		  3);
	buf_fini(&first);
	buf_fini(&second);
}

static void failures_are_kept(void **state)
{
	(void)state;
	for (int f = RECORDING_REFUSED; f <= RECORDING_RESET; f++) {
		struct recording r = recording_of(RECORDING_WHOLE, STR_NULL);
		struct recording again;
		struct arena a;
		struct buf out;

		arena_init(&a, 1 << 20);
		buf_init(&out, TEXT_MAX);
		r.response = (struct recording_response){
			.fail = (enum recording_fail)f, .fail_ms = 30
		};
		write_text("fail", &r, &out);
		check_int("fail", exact_read(buf_str(&out), &a, &again, NULL),
			  0);
		check_int("fail", again.response.fail, f);
		check_int("after", again.response.fail_ms, 30);
		buf_fini(&out);
		arena_fini(&a);
	}
}

/* Replace the first from in text by to, and read what comes of it. */
static int read_changed(struct str text, const char *from, const char *to,
			struct arena *a, struct recording *out)
{
	struct recording_problem problem;
	size_t at = str_find(text, str_of(from));
	struct str parts[] = { str_take(text, at), str_of(to),
			       str_drop(text, at + strlen(from)) };

	check_true(from, at < text.len);
	return exact_read(arena_join(a, parts, 3), a, out, &problem);
}

static void an_edited_file_is_read_and_known(void **state)
{
	struct recording again;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	check_int("as it was", exact_read(str_of(golden), &a, &again, NULL), 0);
	check_int("a word",
		  read_changed(str_of(golden), "{\"x\":1}", "{\"x\":7}", &a,
			       &again),
		  0);
	check_true("a word", again.edited);
	check_int("lines",
		  read_changed(str_of(golden), "{\"x\":1}",
			       "{\n  \"x\": \"a b\"\n}", &a, &again),
		  0);
	check_true("lines", again.edited);
	check_str("lines", str_take(again.response.body, 26),
		  STR("data: {\"id\":\"c\",\"x\":\"a b\"}"));
	arena_fini(&a);
}

/* A file that was made by hand must not break the connection it is served on. */
static void framing_is_not_read(void **state)
{
	struct recording again;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	check_int("read",
		  read_changed(str_of(golden), "[[\"x-request-id\"",
			       "[[\"Content-Length\", \"7\"], "
			       "[\"transfer-encoding\", \"chunked\"], "
			       "[\"content-encoding\", \"gzip\"], "
			       "[\"x-request-id\"",
			       &a, &again),
		  0);
	check_int("headers", again.response.header_count, 1);
	check_str("header", again.response.headers[0].value, STR("req_1"));
	arena_fini(&a);
}

static void bad_files_are_refused(void **state)
{
	static const struct {
		const char *name, *from, *to;
	} rows[] = {
		{ "torn", "\"end\": \"reset\"\n  },", "" },
		{ "another version", "\"v\": 1", "\"v\": 2" },
		{ "no version", "\"v\": 1", "\"w\": 1" },
		{ "an unknown end", "\"reset\"", "\"later\"" },
		{ "a status of another kind", "200", "\"200\"" },
		{ "a status out of range", "200", "99" },
		{ "an unknown format", "\"sse\"", "\"css\"" },
		{ "an event of an unknown form", "[\"text\",", "[\"tex\"," },
		{ "an event with too much", "\"[DONE]\"", "\"[DONE]\",1" },
		{ "an event that is no text", "\"[DONE]\"", "1" },
		{ "an event that is no event", "{\"x\":1}", "1" },
		{ "an empty object behind a head", "{\"x\":1}", "{}" },
		{ "a head without its comma", ",\",\n", "\",\n" },
		{ "a header with a line end", "req_1", "a\\r\\nb: c" },
		{ "a header name with a colon", "x-request-id", "x: y" },
		{ "a header that is no pair", "[\"x-request-id\", ", "[" },
		{ "no request", "\"request\"", "\"requests\"" },
		{ "no response", "\"response\"", "\"responses\"" },
		{ "no method", "\"method\"", "\"m\"" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct recording again;
		struct arena a;

		arena_init(&a, 1 << 20);
		check_int(rows[i].name,
			  read_changed(str_of(golden), rows[i].from, rows[i].to,
				       &a, &again),
			  RECORDING_BAD);
		arena_fini(&a);
	}
}

/* A small file that would be 100 GB. */
static void a_head_that_grows_is_refused(void **state)
{
	struct recording_problem problem;
	struct recording again;
	struct arena a;
	struct buf out;
	int r;

	(void)state;
	arena_init(&a, SIZE_MAX / 2);
	buf_init(&out, TEXT_MAX);
	r = buf_printf(&out,
		       "{\"v\":1,\"request\":{\"method\":\"GET\",\"path\":"
		       "\"/\"},\"response\":{\"status\":200,\"stream\":"
		       "{\"format\":\"sse\",\"eol\":\"\\n\",\"end\":"
		       "\"eof\",\"head\":\"{\\\"a\\\":%0*d,\","
		       "\"events\":[{\"b\":1}",
		       1 << 20, 1);
	check_int("begin", r, 0);
	for (int i = 0; i < 100; i++)
		check_int("add", buf_add(&out, STR(",{\"b\":1}")), 0);
	check_int("end", buf_add(&out, STR("]}}}")), 0);
	check_int("read", exact_read(buf_str(&out), &a, &again, &problem),
		  RECORDING_BAD);
	check_str("why", str_of(problem.text),
		  STR("the body is over 67108864 bytes"));
	buf_fini(&out);
	arena_fini(&a);
}

static void large_bytes_go_beside(void **state)
{
	char *bytes = xmalloc(EXACT_SIDECAR_BYTES + 1);
	struct recording r, again;
	struct arena a;
	struct buf out;
	bool sidecar;

	(void)state;
	memset(bytes, 0xff, EXACT_SIDECAR_BYTES + 1);
	r = recording_of(RECORDING_WHOLE,
			 (struct str){ bytes, EXACT_SIDECAR_BYTES + 1 });
	arena_init(&a, 1 << 20);
	buf_init(&out, TEXT_MAX);
	check_int("write",
		  exact_write(&r,
			      &(struct exact_options){ .sidecar =
							       STR("x.bin") },
			      &out, &sidecar),
		  0);
	check_true("sidecar", sidecar);
	check_int("read", exact_read(buf_str(&out), &a, &again, NULL), 0);
	check_str("file", again.response.sidecar, STR("x.bin"));
	check_true("body", exact_check(buf_str(&out), r.response.body));
	bytes[7] = 0;
	check_true("edited", !exact_check(buf_str(&out), r.response.body));
	buf_fini(&out);
	arena_fini(&a);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_come_back_byte_for_byte),
		cmocka_unit_test(every_cut_comes_back),
		cmocka_unit_test(a_file_looks_like_this),
		cmocka_unit_test(a_new_recording_changes_three_lines),
		cmocka_unit_test(failures_are_kept),
		cmocka_unit_test(an_edited_file_is_read_and_known),
		cmocka_unit_test(framing_is_not_read),
		cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(a_head_that_grows_is_refused),
		cmocka_unit_test(large_bytes_go_beside),
	};

	return cmocka_run_group_tests_name("exact", tests, NULL, NULL);
}
