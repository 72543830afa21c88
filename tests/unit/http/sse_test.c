#include "base/err.h"
#include "http/sse.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <stdlib.h>

enum {
	EVENT_MAX = 64
};

/* Write what comes out: "[type|data]" for an event, "(n)" for other bytes. */
static int drain(struct sse_parser *p, struct buf *log, struct buf *raw)
{
	struct sse_event ev;
	int r;

	while ((r = sse_next(p, &ev)) > 0) {
		assert_int_equal(buf_add(raw, ev.raw), 0);
		if (r == SSE_OTHER)
			continue;
		if (ev.data_at != SIZE_MAX) {
			assert_true(ev.data_at + ev.data.len <= ev.raw.len);
			assert_true(ev.data.ptr == ev.raw.ptr + ev.data_at);
		}
		assert_int_equal(buf_printf(log, "[" STR_FMT "|" STR_FMT "]",
					    STR_ARG(ev.type), STR_ARG(ev.data)),
				 0);
	}
	return r;
}

/* Every piece has its exact size, so that ASan sees a read past it. */
static int feed_copy(struct sse_parser *p, struct str piece)
{
	char *copy = xmalloc(piece.len);
	int r;

	if (piece.len > 0)
		memcpy(copy, piece.ptr, piece.len);
	r = sse_feed(p, (struct str){ copy, piece.len });
	free(copy);
	return r;
}

static int run(struct str all, size_t first, size_t step, struct buf *log,
	       struct buf *raw)
{
	struct sse_parser p;
	size_t at = 0;
	int r = 0;

	buf_clear(log);
	buf_clear(raw);
	sse_init(&p, EVENT_MAX);
	while (r == 0 && at < all.len) {
		size_t n = at == 0 ? first : step;

		r = feed_copy(&p, str_take(str_drop(all, at), n));
		if (r == 0)
			r = drain(&p, log, raw);
		if (r == 0 && sse_rest(&p).len == 0)
			sse_relax(&p);
		at += n;
	}
	if (r == 0)
		assert_int_equal(buf_add(raw, sse_rest(&p)), 0);
	sse_fini(&p);
	return r;
}

static const struct {
	const char *name;
	struct str bytes;
	const char *want;
} streams[] = {
	{ "nothing", STR_INIT(""), "" },
	{ "one event", STR_INIT("data: a\n\n"), "[message|a]" },
	{ "CR LF", STR_INIT("data: a\r\n\r\n"), "[message|a]" },
	{ "CR", STR_INIT("data: a\r\r"), "[message|a]" },
	{ "two events in CR", STR_INIT("data: a\r\rdata: b\r\r"),
	  "[message|a][message|b]" },
	{ "two events in CR LF", STR_INIT("data: a\r\n\r\ndata: b\r\n\r\n"),
	  "[message|a][message|b]" },
	{ "mixed line ends", STR_INIT("data: a\r\ndata: b\rdata: c\n\n"),
	  "[message|a\nb\nc]" },
	{ "CR LF, then LF", STR_INIT("data: a\r\n\ndata: b\n\r\n"),
	  "[message|a][message|b]" },
	{ "LF CR ends an event", STR_INIT("data: a\n\rdata: b\n\n"),
	  "[message|a][message|b]" },
	{ "two data lines in CR LF", STR_INIT("data: a\r\ndata: b\r\n\r\n"),
	  "[message|a\nb]" },
	{ "a type", STR_INIT("event: ping\ndata: a\n\n"), "[ping|a]" },
	{ "the type after the data", STR_INIT("data: a\nevent: ping\n\n"),
	  "[ping|a]" },
	{ "the last type counts",
	  STR_INIT("event: one\nevent: two\ndata: a\n\n"), "[two|a]" },
	{ "an empty type", STR_INIT("event: x\nevent\ndata: a\n\n"),
	  "[message|a]" },
	{ "a type lasts for one event",
	  STR_INIT("event: x\ndata: a\n\ndata: b\n\n"), "[x|a][message|b]" },
	{ "a type without data is forgotten",
	  STR_INIT("event: x\n\ndata: b\n\n"), "[message|b]" },
	{ "no space", STR_INIT("data:a\n\n"), "[message|a]" },
	{ "only one space goes", STR_INIT("data:  a \n\n"), "[message| a ]" },
	{ "a tab stays", STR_INIT("data:\ta\n\n"), "[message|\ta]" },
	{ "colons in the data", STR_INIT("data: a:b: c\n\n"),
	  "[message|a:b: c]" },
	{ "empty data", STR_INIT("data:\n\n"), "[message|]" },
	{ "data and no colon", STR_INIT("data\n\n"), "[message|]" },
	{ "two empty lines of data", STR_INIT("data\ndata:\n\n"),
	  "[message|\n]" },
	{ "three lines", STR_INIT("data: a\ndata:\ndata: c\n\n"),
	  "[message|a\n\nc]" },
	{ "several lines twice",
	  STR_INIT("data: a\ndata: b\n\ndata: c\ndata: d\n\n"),
	  "[message|a\nb][message|c\nd]" },
	{ "one line after several", STR_INIT("data: a\ndata: b\n\ndata: c\n\n"),
	  "[message|a\nb][message|c]" },
	{ "a comment", STR_INIT(": hello\n\n"), "" },
	{ "a comment in an event", STR_INIT("data: a\n:x\ndata: b\n\n"),
	  "[message|a\nb]" },
	{ "id and retry", STR_INIT("id: 7\nretry: 10\ndata: a\n\n"),
	  "[message|a]" },
	{ "only an id", STR_INIT("id: 7\n\n"), "" },
	{ "unknown fields",
	  STR_INIT("dat: x\ndatab: y\nData: z\nevents: e\n"
		   "even: f\ndata: a\n\n"),
	  "[message|a]" },
	{ "a space before the colon", STR_INIT("data : x\ndata: a\n\n"),
	  "[message|a]" },
	{ "a space before the name", STR_INIT(" data: x\n\n"), "" },
	{ "blank lines", STR_INIT("\n\n\r\n\r\rdata: a\n\n\n\n"),
	  "[message|a]" },
	{ "not ended", STR_INIT("data: a\n\ndata: b\n"), "[message|a]" },
	{ "in mid-line", STR_INIT("data: a\n\ndata: b"), "[message|a]" },
	{ "a BOM",
	  STR_INIT("\xef\xbb\xbf"
		   "data: a\n\n"),
	  "[message|a]" },
	{ "a BOM and a blank line", STR_INIT("\xef\xbb\xbf\ndata: a\n\n"),
	  "[message|a]" },
	{ "a second BOM is not one",
	  STR_INIT("\xef\xbb\xbf\xef\xbb\xbf"
		   "data: a\n\n"),
	  "" },
	{ "a later BOM is not one",
	  STR_INIT("data: a\n\n\xef\xbb\xbf"
		   "data: b\n\n"),
	  "[message|a]" },
	{ "half a BOM",
	  STR_INIT("\xef\xbb"
		   "data: a\n\ndata: b\n\n"),
	  "[message|b]" },
	{ "only half a BOM", STR_INIT("\xef\xbb"), "" },
	{ "bytes that look like ends",
	  STR_INIT("data: \x0b\x0c\x8a\x8d\x0e"
		   "12345678\n\n"),
	  "[message|\x0b\x0c\x8a\x8d\x0e"
	  "12345678]" },
	{ "as long as may be",
	  STR_INIT(
		  "data: 789012345678901234567890123456789012345678901234567890"
		  "12\n\ndata: a\n\n"),
	  "[message|78901234567890123456789012345678901234567890123456789012]"
	  "[message|a]" },
	{ "many events in one piece",
	  STR_INIT("data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: 5\n\n"
		   "data: 6\n\ndata: 7\n\ndata: 8\n\ndata: 9\n\ndata: 0\n\n"),
	  "[message|1][message|2][message|3][message|4][message|5]"
	  "[message|6][message|7][message|8][message|9][message|0]" },
};

static void streams_are_read_at_every_split(void **state)
{
	struct buf log, raw;

	(void)state;
	buf_init(&log, 4096);
	buf_init(&raw, 4096);
	for (size_t i = 0; i < countof(streams); i++) {
		struct str all = streams[i].bytes;

		for (size_t n = 1; n <= all.len; n++) {
			check_int(streams[i].name,
				  run(all, n, all.len, &log, &raw), 0);
			check_str(streams[i].name, buf_str(&log),
				  str_of(streams[i].want));
			check_str(streams[i].name, buf_str(&raw), all);
			check_int(streams[i].name, run(all, n, n, &log, &raw),
				  0);
			check_str(streams[i].name, buf_str(&log),
				  str_of(streams[i].want));
			check_str(streams[i].name, buf_str(&raw), all);
		}
	}
	buf_fini(&log);
	buf_fini(&raw);
}

static void long_events_are_refused_at_every_split(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
	} cases[] = {
		{ "one line",
		  STR_INIT("data: a\n\ndata: 789012345678901234567890123456789"
			   "012345678901234567890123\n\ndata: b\n\n") },
		{ "a line that goes on",
		  STR_INIT("data: a\n\ndata: 789012345678901234567890123456789"
			   "01234567890123456789012345678") },
		{ "many lines",
		  STR_INIT("data: a\n\ndata:\ndata:\ndata:\ndata:\ndata:\n"
			   "data:\ndata:\ndata:\ndata:\ndata:\ndata:\n\n") },
		{ "comments",
		  STR_INIT(
			  "data: a\n\n:0\n:1\n:2\n:3\n:4\n:5\n:6\n:7\n:8\n:9\n:0\n"
			  ":1\n:2\n:3\n:4\n:5\n:6\n:7\n:8\n:9\n:0\n:1\n\n") },
	};
	struct buf log, raw;

	(void)state;
	buf_init(&log, 4096);
	buf_init(&raw, 4096);
	for (size_t i = 0; i < countof(cases); i++) {
		for (size_t n = 1; n <= cases[i].bytes.len; n++) {
			check_int(cases[i].name,
				  run(cases[i].bytes, n, n, &log, &raw),
				  -EMSGSIZE);
			check_str(cases[i].name, buf_str(&log),
				  STR("[message|a]"));
		}
	}
	buf_fini(&log);
	buf_fini(&raw);
}

static void a_refusal_lasts(void **state)
{
	struct sse_parser p;
	struct sse_event ev;

	(void)state;
	sse_init(&p, 8);
	check_int("a long piece", sse_feed(&p, STR("data: 123\n\ndata: 1\n\n")),
		  0);
	check_int("the event", sse_next(&p, &ev), -EMSGSIZE);
	check_int("again", sse_next(&p, &ev), -EMSGSIZE);
	check_int("the next piece", sse_feed(&p, STR("\n")), -EMSGSIZE);
	check_str("says what", err_text(),
		  STR("sse: an event of over 8 bytes"));
	sse_fini(&p);
}

static void data_can_be_edited_in_place(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		size_t want;
	} cases[] = {
		{ "one line", STR_INIT("data: a\n\n"), 6 },
		{ "no space", STR_INIT("data:a\n\n"), 5 },
		{ "after a type", STR_INIT("event: x\ndata: a\n\n"), 15 },
		{ "after a BOM",
		  STR_INIT("\xef\xbb\xbf"
			   "data: a\n\n"),
		  9 },
		{ "nothing after the colon", STR_INIT("data:\n\n"), 5 },
		{ "no colon", STR_INIT("data\n\n"), SIZE_MAX },
		{ "two lines", STR_INIT("data: a\ndata: b\n\n"), SIZE_MAX },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct sse_parser p;
		struct sse_event ev;

		sse_init(&p, 100);
		check_int(cases[i].name, sse_feed(&p, cases[i].bytes), 0);
		check_int(cases[i].name, sse_next(&p, &ev), SSE_EVENT);
		check_int(cases[i].name, ev.data_at, cases[i].want);
		check_str(cases[i].name, ev.raw, cases[i].bytes);
		sse_fini(&p);
	}
}

static void raw_spans_are_as_told(void **state)
{
	struct sse_parser p;
	struct sse_event ev;

	(void)state;
	sse_init(&p, 100);
	check_int("feed", sse_feed(&p, STR(": x\n\nid: 1\ndata: a\r\n\r")), 0);
	check_int("comment", sse_next(&p, &ev), SSE_OTHER);
	check_str("its bytes", ev.raw, STR(": x\n\n"));
	check_int("no place", ev.data_at, SIZE_MAX);
	check_int("not held back", sse_next(&p, &ev), SSE_EVENT);
	check_str("ends in CR", ev.raw, STR("id: 1\ndata: a\r\n\r"));
	check_true("not copied",
		   ev.data.ptr > p.in.ptr && ev.data.ptr < p.in.ptr + p.in.len);
	check_int("no more", sse_next(&p, &ev), 0);
	check_str("no rest", sse_rest(&p), STR(""));
	sse_relax(&p);
	check_true("no memory", p.in.ptr == NULL && p.data.ptr == NULL);

	check_int("feed", sse_feed(&p, STR("data: a\ndata: b\n\n")), 0);
	check_int("joined", sse_next(&p, &ev), SSE_EVENT);
	check_int("no more", sse_next(&p, &ev), 0);
	check_true("in memory", p.data.ptr != NULL);
	sse_relax(&p);
	check_true("no memory", p.in.ptr == NULL && p.data.ptr == NULL);

	check_int("feed", sse_feed(&p, STR("data: c\n\r")), 0);
	check_int("event", sse_next(&p, &ev), SSE_EVENT);
	check_int("feed", sse_feed(&p, STR("\ndata: b")), 0);
	check_int("the late LF", sse_next(&p, &ev), SSE_OTHER);
	check_str("alone", ev.raw, STR("\n"));
	check_int("no more", sse_next(&p, &ev), 0);
	check_str("rest", sse_rest(&p), STR("data: b"));

	check_int("feed", sse_feed(&p, STR("\r")), 0);
	check_int("no event", sse_next(&p, &ev), 0);
	check_int("feed", sse_feed(&p, STR("\n\ndata: c\n")), 0);
	check_int("event", sse_next(&p, &ev), SSE_EVENT);
	check_str("LF inside", ev.raw, STR("data: b\r\n\n"));
	check_int("no more", sse_next(&p, &ev), 0);
	check_str("rest", sse_rest(&p), STR("data: c\n"));
	sse_fini(&p);
}

/* Quadratic behaviour would take minutes here, and move gigabytes. */
static void single_bytes_cost_the_same(void **state)
{
	enum {
		LEN = 8 << 20
	};
	struct sse_parser p;
	struct sse_event ev;

	(void)state;
	sse_init(&p, LEN + 16);
	check_int("head", sse_feed(&p, STR("data: a\n\ndata: ")), 0);
	check_int("first", sse_next(&p, &ev), SSE_EVENT);
	for (size_t i = 0; i < LEN; i++) {
		if (sse_feed(&p, STR("x")) != 0 || sse_next(&p, &ev) != 0)
			fail_msg("at %zu", i);
	}
	check_int("tail", sse_feed(&p, STR("\n\n")), 0);
	check_int("second", sse_next(&p, &ev), SSE_EVENT);
	check_int("length", ev.data.len, LEN);
	check_true("room is used again", p.in.cap <= 3 * (size_t)LEN);
	sse_fini(&p);
}

/* What was read is dropped, however long the stream. */
static void memory_stays_flat(void **state)
{
	struct sse_parser p;
	struct sse_event ev;

	(void)state;
	sse_init(&p, 100);
	for (size_t i = 0; i < 10000; i++) {
		check_int("feed", sse_feed(&p, STR("data: a\n\nda")), 0);
		check_int("event", sse_next(&p, &ev), SSE_EVENT);
		check_int("none", sse_next(&p, &ev), 0);
		check_int("feed", sse_feed(&p, STR("ta: b\ndata: c\n\n")), 0);
		check_int("event", sse_next(&p, &ev), SSE_EVENT);
		check_str("data", ev.data, STR("b\nc"));
		check_int("none", sse_next(&p, &ev), 0);
	}
	check_true("small", p.in.cap < 256 && p.data.cap < 256);
	sse_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_read_at_every_split),
		cmocka_unit_test(long_events_are_refused_at_every_split),
		cmocka_unit_test(a_refusal_lasts),
		cmocka_unit_test(data_can_be_edited_in_place),
		cmocka_unit_test(raw_spans_are_as_told),
		cmocka_unit_test(single_bytes_cost_the_same),
		cmocka_unit_test(memory_stays_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
