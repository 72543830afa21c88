#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define S(literal) STR_INIT(literal)

enum {
	OUTPUT_MAX = 1 << 20,
	TIME_LEN = CLOCK_TEXT_LEN,
	THREADS = 4,
	LINES = 2000
};

static char output[OUTPUT_MAX];
static int ends[2];

static void open_pipe(void)
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)fcntl(ends[1], F_SETPIPE_SZ, OUTPUT_MAX);
}

static void start(bool json, bool colour)
{
	open_pipe();
	log_start(&(struct log_cfg){ .level = LOG_INFO,
				     .json = json,
				     .colour = colour,
				     .fd = ends[1] });
}

/* All that was written to the pipe, until its end. */
static struct str read_all(void)
{
	size_t len = 0;
	ssize_t n;

	(void)close(ends[1]);
	do {
		n = read(ends[0], output + len, sizeof(output) - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	(void)close(ends[0]);
	return (struct str){ output, len };
}

static struct str stop(void)
{
	log_stop();
	return read_all();
}

static size_t count_of(struct str in, struct str what)
{
	size_t n = 0, at;

	while ((at = str_find(in, what)) < in.len) {
		in = str_drop(in, at + what.len);
		n++;
	}
	return n;
}

static const struct {
	const char *name;
	bool json, colour;
	enum log_level level;
	const char *id;
	struct str text;
	struct str want; /* behind the time */
} lines[] = {
	{ "info", false, false, LOG_INFO, "", S("listening port=8321"),
	  S(" info  listening port=8321\n") },
	{ "warn with an id", false, false, LOG_WARN, "req_1", S("slow"),
	  S(" warn  [req_1] slow\n") },
	{ "error in colour", false, true, LOG_ERROR, "", S("x"),
	  S(" \x1b[31merror\x1b[0m x\n") },
	{ "info has no colour", false, true, LOG_INFO, "", S("x"),
	  S(" info  x\n") },
	{ "a line break is no line", false, false, LOG_INFO, "",
	  S("a\n2026-01-01T00:00:00.000Z error forged\r\tb"),
	  S(" info  a\\n2026-01-01T00:00:00.000Z error forged\\r\\tb\n") },
	{ "terminal escapes are shown", false, false, LOG_INFO, "",
	  S("\x1b[2J\x07\x7f"), S(" info  \\x1b[2J\\x07\\x7f\n") },
	{ "C1, line separators and directions too", false, false, LOG_INFO, "",
	  S("\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xac\xe2\x81\xa6\xe2\x81\xa9"),
	  S(" info  \\u009b\\u2028\\u202e\\u202c\\u2066\\u2069\n") },
	{ "UTF-8 stays", false, false, LOG_INFO, "",
	  S("caf\xc3\xa9 \xf0\x9f\xa6\x99"),
	  S(" info  caf\xc3\xa9 \xf0\x9f\xa6\x99\n") },
	{ "other bytes are shown", false, false, LOG_INFO, "", S("\xff\xc3"),
	  S(" info  \\xff\\xc3\n") },
	{ "quotes stay", false, false, LOG_INFO, "", S("\"a\\b\""),
	  S(" info  \"a\\b\"\n") },
	{ "an id cannot end its brackets", false, false, LOG_INFO, "x] info\n",
	  S("t"), S(" info  [x??info?] t\n") },
	{ "JSON", true, false, LOG_INFO, "", S("x"),
	  S("\",\"level\":\"info\",\"msg\":\"x\"}\n") },
	{ "JSON with an id", true, true, LOG_ERROR, "r\"1", S("x"),
	  S("\",\"level\":\"error\",\"request_id\":\"r\\\"1\","
	    "\"msg\":\"x\"}\n") },
	{ "JSON escapes", true, false, LOG_WARN, "",
	  S("\"\\\n\t\x01\x7f\xc3\xa9\xff"),
	  S("\",\"level\":\"warn\",\"msg\":\"\\\"\\\\\\n\\t\\u0001\\u007f"
	    "\xc3\xa9\\ufffd\"}\n") },
	{ "a key is masked", false, false, LOG_INFO, "",
	  S("key sk-abcdefgh1234 used"), S(" info  key sk-*** used\n") },
	{ "a key is masked in JSON", true, false, LOG_INFO, "", S("Bearer abc"),
	  S("\",\"level\":\"info\",\"msg\":\"Bearer ***\"}\n") },
};

static void lines_look_as_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(lines); i++) {
		struct str got,
			start_of = lines[i].json ? STR("{\"ts\":\"") : STR("");

		start(lines[i].json, lines[i].colour);
		context_set_request_id(str_of(lines[i].id));
		log_at(lines[i].level, STR_FMT, STR_ARG(lines[i].text));
		context_set_request_id(STR_NULL);
		got = stop();
		check_true(lines[i].name, str_starts(got, start_of));
		got = str_drop(got, start_of.len);
		check_int(lines[i].name, got.len > TIME_LEN, true);
		check_true(lines[i].name, got.ptr[TIME_LEN - 1] == 'Z');
		check_str(lines[i].name, str_drop(got, TIME_LEN),
			  lines[i].want);
	}
}

static void fields_are_members_in_json(void **state)
{
	static const struct {
		const char *name;
		bool json;
		struct str text, fields, want;
	} rows[] = {
		{ "text", false, S("GET /x"), S(" status=200 id=\"a b\""),
		  S(" info  GET /x status=200 id=\"a b\"\n") },
		{ "JSON", true, S("GET /x"),
		  S(" status=200 ms=0.5 cut=true id=\"a b\" word=one"),
		  S("\"msg\":\"GET /x\",\"status\":200,\"ms\":0.5,"
		    "\"cut\":true,\"id\":\"a b\",\"word\":\"one\"}\n") },
		{ "what is nearly a number", true, S("t"),
		  S(" a=007 b=1. c=-0 d=-1.5 e=.5 f=1e5 g=- h=0"),
		  S("\"msg\":\"t\",\"a\":\"007\",\"b\":\"1.\",\"c\":-0,"
		    "\"d\":-1.5,\"e\":\".5\",\"f\":\"1e5\",\"g\":\"-\","
		    "\"h\":0}\n") },
		{ "quotes that do not end", true, S("t"), S(" a=\"b c=1"),
		  S("\"msg\":\"t\",\"a\":\"\\\"b c=1\"}\n") },
		{ "an escaped quote", true, S("t"), S(" a=\"b\\\" c\" d=2"),
		  S("\"msg\":\"t\",\"a\":\"b\\\\\\\" c\",\"d\":2}\n") },
		{ "a quote alone", true, S("t"), S(" a=\""),
		  S("\"msg\":\"t\",\"a\":\"\\\"\"}\n") },
		{ "empty ones are left out", true, S("t"), S(" a= =b c"),
		  S("\"msg\":\"t\"}\n") },
		{ "a key is masked", true, S("t"),
		  S(" model=\"sk-abcdefgh1234\" a=1"),
		  S("\"msg\":\"t\",\"model\":\"sk-***\",\"a\":1}\n") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str got;

		start(rows[i].json, false);
		log_fields(LOG_INFO, rows[i].text, rows[i].fields);
		log_fields(LOG_DEBUG, STR("silent"), STR_NULL);
		got = stop();
		got = str_drop(got, str_find(got, rows[i].json ? STR("\"msg\"")
							       : STR(" info")));
		check_str(rows[i].name, got, rows[i].want);
	}
}

static void secrets_are_masked(void **state)
{
	static const struct {
		const char *name;
		const char *text, *want;
	} rows[] = {
		{ "nothing", "", "" },
		{ "plain text", "model gpt-4o took 12 ms",
		  "model gpt-4o took 12 ms" },
		{ "an OpenAI key", "sk-proj-Ab_c-12345678", "sk-***" },
		{ "two keys", "sk-aaaaaaaa,sk-bbbbbbbb", "sk-***,sk-***" },
		{ "words that end in sk", "task-manager-thing ask-someone-now",
		  "task-manager-thing ask-someone-now" },
		{ "sk- and little", "sk-short", "sk-short" },
		{ "bearer in any case", "BEARER x.y~z+/=; BeArEr ab",
		  "BEARER ***; BeArEr ***" },
		{ "a header", "Authorization: Basic dXNlcjpwYXNz",
		  "Authorization: ***" },
		{ "a header in JSON",
		  "{\"authorization\": \"Bearer abc\", \"n\": 1}",
		  "{\"authorization\": \"***\", \"n\": 1}" },
		{ "an AWS key", "AKIAIOSFODNN7EXAMPLE!", "AKIA***!" },
		{ "an api-key header", "x-api-key: 1234abc end",
		  "x-api-key: *** end" },
		{ "an api key of YAML", "api_key: abc", "api_key: ***" },
		{ "an api key of a query", "?API-KEY=abc&x=1",
		  "?API-KEY=***&x=1" },
		{ "a key of JSON", "{\"apiKey\":\"abc\",\"n\":1}",
		  "{\"apiKey\":\"***\",\"n\":1}" },
		{ "a key of JSON in JSON", "\\\"api_key\\\":\\\"abc\\\"",
		  "\\\"api_key\\\":\\\"***\\\"" },
		{ "a prefixed name", "OPENAI_API_KEY=abc def",
		  "OPENAI_API_KEY=*** def" },
		{ "an AWS secret", "aws_secret_access_key = ab/cd+ef",
		  "aws_secret_access_key = ***" },
		{ "a name without a value", "api_key is missing",
		  "api_key is missing" },
		{ "a name at the end", "api_key:", "api_key:" },
		{ "a password of a URL", "postgres://me:pa:ss@db:5432/x",
		  "postgres://me:***@db:5432/x" },
		{ "a URL with a port", "http://db:5432/x@y",
		  "http://db:5432/x@y" },
		{ "a user without a password", "http://me@db/",
		  "http://me@db/" },
		{ "a password", "host=x password=abc dbname=y",
		  "host=x password=*** dbname=y" },
		{ "a token of JWT", "t eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln.",
		  "t eyJ***" },
		{ "a registered secret", "<correct horse battery>", "<***>" },
		{ "a registered secret inside a word",
		  "xcorrect horse batteryx", "x***x" },
		{ "the longer of two", "correct horse battery staple.",
		  "***." },
		{ "the beginning at the end", "was correct ho", "was ***" },
		{ "too little of the beginning", "was correct", "was correct" },
		{ "what is masked stays so", "api_key: *** sk-***",
		  "api_key: *** sk-***" },
	};
	char out[256];

	(void)state;
	log_secret(STR("correct horse battery"));
	log_secret(STR("correct horse battery"));
	log_secret(STR("correct horse battery staple"));
	log_secret(STR("short"));
	for (size_t i = 0; i < countof(rows); i++) {
		check_str(rows[i].name,
			  log_mask(str_of(rows[i].text), out, sizeof(out)),
			  str_of(rows[i].want));
	}
	check_str("cut", log_mask(STR("a sk-abcdefgh1234"), out, 6),
		  STR("a sk-*"));
	check_str("no room", log_mask(STR("abc"), out, 0), STR(""));
}

static void many_secrets_push_out_the_oldest(void **state)
{
	char text[32], out[32];
	int len = 0;

	(void)state;
	for (int i = 0; i <= 4096 + 2; i++) {
		len = snprintf(text, sizeof(text), "hush-%08d", i);
		log_secret((struct str){ text, (size_t)len });
	}
	check_str("the newest",
		  log_mask((struct str){ text, (size_t)len }, out, sizeof(out)),
		  STR("***"));
	check_str("the oldest",
		  log_mask(STR("correct horse battery"), out, sizeof(out)),
		  STR("correct horse battery"));
}

static void levels_below_are_silent(void **state)
{
	struct str got;

	(void)state;
	start(false, false);
	log_debug("no");
	log_line(LOG_DEBUG, "no");
	log_set_level(LOG_ERROR);
	log_warn("no");
	log_error("yes 1");
	log_set_level(LOG_DEBUG);
	log_debug("yes 2");
	got = stop();
	check_int("lines", count_of(got, STR("\n")), 2);
	check_int("no", count_of(got, STR("no")), 0);
	check_int("yes", count_of(got, STR("yes")), 2);
}

static void long_lines_are_cut(void **state)
{
	static char text[LOG_LINE_MAX + 100];
	struct str got;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	start(false, false);
	log_info("%s", text);
	log_info("%.*s", LOG_LINE_MAX - 1, text);
	/* Six bytes each in JSON, and masks that are longer than the secret. */
	memset(text, 1, sizeof(text) - 1);
	log_info("%s", text);
	got = stop();
	check_int("cut", count_of(got, STR("x...\n")), 1);
	check_int("just fits", count_of(got, STR("x\n")), 1);
	check_int("escaped", count_of(got, STR("\\x01...\n")), 1);
	check_int("x", count_of(got, STR("x")),
		  2 * (LOG_LINE_MAX - 1) + LOG_LINE_MAX - 1);
}

static void the_worst_line_has_room(void **state)
{
	static char text[LOG_LINE_MAX];
	size_t len;
	struct str got;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i++)
		text[i] = "bearer x\x01"[i % 9];
	len = (sizeof(text) - 1) / 9 * 9;
	start(true, false);
	log_info("%.*s", (int)len, text);
	memset(text, 2, sizeof(text) - 1);
	log_info("%s", text);
	got = stop();
	check_int("masked", count_of(got, STR("bearer ***\\u0001")), len / 9);
	check_int("escaped", count_of(got, STR("\\u0002")), LOG_LINE_MAX - 1);
}

static void errno_survives(void **state)
{
	struct str got;

	(void)state;
	start(false, false);
	errno = ENOENT;
	log_info("open: %m");
	check_int("errno", errno, ENOENT);
	got = stop();
	check_int("text", count_of(got, STR("open: No such file")), 1);
}

static void *log_many(void *arg)
{
	const int *number = arg;

	for (int i = 0; i < LINES; i++)
		log_info("thread=%d line=%04d.", *number, i);
	return NULL;
}

static void threads_keep_their_order(void **state)
{
	pthread_t threads[THREADS];
	static int numbers[THREADS] = { 0, 1, 2, 3 };
	uint64_t dropped = log_dropped();
	struct str got, line;
	int last[THREADS] = { -1, -1, -1, -1 };
	size_t n = 0;

	(void)state;
	start(false, false);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, log_many,
						&numbers[i]),
				 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	got = stop();
	dropped = log_dropped() - dropped;
	while (str_cut(got, '\n', &line, &got)) {
		size_t at = str_find(line, STR("thread="));
		int64_t thread, number;

		if (at == line.len)
			continue;
		line = str_drop(line, at + 7);
		assert_true(
			str_to_i64(str_take(line, 1), 0, THREADS - 1, &thread));
		assert_true(str_to_i64(str_take(str_drop(line, 7), 4), 0,
				       LINES - 1, &number));
		check_true("in order", number > last[thread]);
		last[thread] = (int)number;
		n++;
	}
	check_int("all or counted", n + dropped, THREADS * LINES);
}

static void nap(void)
{
	const struct timespec ts = { .tv_nsec = CLOCK_MS };

	(void)nanosleep(&ts, NULL);
}

/* A reader that does not read: the caller must not notice. */
static void a_full_pipe_drops_and_does_not_wait(void **state)
{
	uint64_t before = log_dropped(), dropped;
	int64_t start_ns, took_ns;
	struct str got;
	size_t n;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
	log_start(&(struct log_cfg){ .level = LOG_INFO, .fd = ends[1] });
	start_ns = clock_monotonic();
	for (int i = 0; i < LINES; i++)
		log_info("filling %0100d", i);
	took_ns = clock_monotonic() - start_ns;
	check_true("no wait", took_ns < CLOCK_S);
	dropped = log_dropped() - before;
	check_true("dropped", dropped > 0 && dropped < LINES);

	/* Now there is room: the rest comes, and the count of what did not. */
	(void)fcntl(ends[1], F_SETPIPE_SZ, OUTPUT_MAX);
	for (int i = 0; i < 500 && log_dropped() - before == dropped; i++) {
		nap();
		log_info("after");
	}
	got = stop();
	dropped = log_dropped() - before;
	n = count_of(got, STR("filling")) + count_of(got, STR("after"));
	check_true("told", count_of(got, STR("warn  log lines dropped: ")) > 0);
	check_true("all or counted", n + dropped >= LINES);
}

static void a_stuck_pipe_is_given_up(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	/* gcc 12's AddressSanitizer does not survive pthread_cancel(). */
	(void)state;
	skip();
#endif
	static const int flags[] = { 0, O_NONBLOCK };

	(void)state;
	for (size_t i = 0; i < countof(flags); i++) {
		uint64_t dropped = log_dropped();
		int64_t start_ns;
		size_t n;

		assert_int_equal(pipe2(ends, O_CLOEXEC | flags[i]), 0);
		(void)fcntl(ends[1], F_SETPIPE_SZ, 4096);
		log_start(
			&(struct log_cfg){ .level = LOG_INFO, .fd = ends[1] });
		for (int k = 0; k < 100; k++)
			log_info("filling %0100d", k);
		start_ns = clock_monotonic();
		log_stop();
		check_true("in time",
			   clock_monotonic() - start_ns < 4 * CLOCK_S);
		dropped = log_dropped() - dropped;
		n = count_of(read_all(), STR("filling"));
		check_int("all or counted", n + dropped, 100);
		check_true("some were lost", dropped > 0);
	}
}

static void a_closed_pipe_does_no_harm(void **state)
{
	uint64_t before = log_dropped();

	(void)state;
	start(false, false);
	(void)close(ends[0]);
	log_info("nobody reads");
	log_stop();
	(void)close(ends[1]);
	check_int("counted", log_dropped() - before, 1);
}

/* Without the writer lines go to fd 2 at once. */
static void lines_without_the_writer_go_to_stderr(void **state)
{
	int saved = dup(STDERR_FILENO);
	struct str got;

	(void)state;
	open_pipe();
	assert_true(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	log_set_level(LOG_INFO);
	log_info("early sk-abcdefgh1234");
	log_start(&(struct log_cfg){ .level = LOG_INFO, .fd = 2 });
	log_info("in time");
	log_stop();
	log_stop();
	log_info("late");
	assert_true(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
	(void)close(saved);
	got = read_all();
	check_int("lines", count_of(got, STR("\n")), 3);
	check_int("early", count_of(got, STR("early sk-***\n")), 1);
	check_int("in time", count_of(got, STR("in time\n")), 1);
	check_int("late", count_of(got, STR("late\n")), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_without_the_writer_go_to_stderr),
		cmocka_unit_test(lines_look_as_documented),
		cmocka_unit_test(fields_are_members_in_json),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(levels_below_are_silent),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(the_worst_line_has_room),
		cmocka_unit_test(errno_survives),
		cmocka_unit_test(threads_keep_their_order),
		cmocka_unit_test(a_full_pipe_drops_and_does_not_wait),
		cmocka_unit_test(a_stuck_pipe_is_given_up),
		cmocka_unit_test(a_closed_pipe_does_no_harm),
		cmocka_unit_test(many_secrets_push_out_the_oldest),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
