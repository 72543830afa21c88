#include "bench/mock_text.h"
#include "bench/mock_wheel.h"
#include "bench/reply.h"
#include "bench/stats.h"

#include "tests/unit/table.h"

#include <errno.h>

#define HEAD    "HTTP/1.1 200 OK\r\n"
#define SSE     "Content-Type: text/event-stream\r\n"
#define CHUNKED HEAD SSE "Transfer-Encoding: chunked\r\n\r\n"

/* Returns what reply_feed() said last: how much was used, or its error. */
static int64_t feed_in_pieces(struct reply *r, struct str text, size_t size)
{
	int64_t used = 0;

	reply_start(r);
	while (text.len > 0 && !reply_is_done(r)) {
		int64_t n = reply_feed(r, str_take(text, size), NULL, NULL);

		if (n < 0)
			return n;
		used += n;
		text = str_drop(text, (size_t)n);
	}
	return used;
}

static void reply_judges_an_answer_at_every_split(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		int64_t error;
		bool is_good;
		int64_t events;
	} cases[] = {
		{ "a whole answer is good", HEAD "Content-Length: 3\r\n\r\nabc",
		  0, true, 0 },
		{ "an answer without a body is good",
		  HEAD "content-length: 0\r\n\r\n", 0, true, 0 },
		{ "a status other than 200 is not good",
		  "HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", 0, false,
		  0 },
		{ "a body that ends early is not good",
		  HEAD "Content-Length: 4\r\n\r\nabc", 0, false, 0 },
		{ "no length is an error", HEAD "\r\nabc", -EPROTO, false, 0 },
		{ "another protocol is an error",
		  "SPDY/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", -EPROTO,
		  false, 0 },
		{ "chunks cut events anywhere",
		  CHUNKED "5\r\ndata:\r\nC\r\n {\"a\":1}\n\nda\r\n"
			  "f;x=y\r\nta: [DONE]\n\n: x\r\n0\r\nA: b\r\n\r\n",
		  0, true, 2 },
		{ "a stream without its end is not good",
		  CHUNKED "b\r\ndata: {}\n\n\n\r\n0\r\n\r\n", 0, false, 1 },
		{ "an event after [DONE] is an error",
		  CHUNKED "18\r\ndata: [DONE]\n\ndata: {}\n\n\r\n0\r\n\r\n",
		  -EPROTO, false, 1 },
		{ "a chunk longer than its size is an error",
		  CHUNKED "3\r\nabcd\r\n0\r\n\r\n", -EPROTO, false, 0 },
		{ "a size that is no number is an error",
		  CHUNKED "3 4\r\nabc\r\n0\r\n\r\n", -EPROTO, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str text = str_of(cases[i].text);

		for (size_t size = 1; size <= text.len; size++) {
			static struct reply r;
			int64_t n = feed_in_pieces(&r, text, size);

			check_int(cases[i].name, n < 0 ? n : 0, cases[i].error);
			check_int(cases[i].name, n >= 0 && reply_is_good(&r),
				  cases[i].is_good);
			if (n >= 0) {
				check_int(cases[i].name, r.events,
					  cases[i].events);
			}
		}
	}
}

static void reply_leaves_what_follows(void **state)
{
	static struct reply r;
	struct str text = STR(HEAD "Content-Length: 1\r\n\r\nabc");

	(void)state;
	reply_start(&r);
	check_int("two bytes are left", reply_feed(&r, text, NULL, NULL),
		  (int64_t)text.len - 2);
}

static void note_mark(void *arg, int64_t sent_ns)
{
	int64_t *sum = arg;

	*sum += sent_ns;
}

static void reply_finds_the_time_of_the_mock(void **state)
{
	static const int64_t times[] = { 1, 0x7fff, INT64_C(0x123456789abcde) };
	char text[MOCK_TEXT_EVENT_MAX];

	(void)state;
	mock_text_init();
	for (size_t i = 0; i < countof(times); i++) {
		int64_t sum = 0;
		static struct reply r;
		struct str s = STR(CHUNKED);

		reply_start(&r);
		check_int("head", reply_feed(&r, s, NULL, NULL),
			  (int64_t)s.len);
		for (int kind = 0; kind <= MOCK_TEXT_DONE; kind++) {
			s = mock_text_event((enum mock_text_event)kind,
					    times[i], text);
			check_int("event", reply_feed(&r, s, note_mark, &sum),
				  (int64_t)s.len);
		}
		check_int("one event has the time", sum, times[i]);
		check_int("the stream is good", reply_is_good(&r), true);
	}
}

static bool is_near(double a, double b)
{
	return a - b <= b * 0.005 && b - a <= b * 0.005;
}

static void stats_tells_percentiles(void **state)
{
	struct stats *s = stats_new();

	(void)state;
	check_int("nothing", (int64_t)stats_us(s, 0.5), 0);
	for (int64_t ns = 1000; ns <= 1000 * 1000; ns += 1000)
		stats_add(s, ns);
	assert_true(is_near(stats_us(s, 0.5), 501));
	assert_true(is_near(stats_us(s, 0.99), 991));
	assert_true(is_near(stats_us(s, 1), 1000));
	check_int("max", (int64_t)stats_max_us(s), 1000);
	assert_true(is_near(stats_mean_us(s), 500.5));
	stats_clear(s);
	stats_add(s, -5);
	stats_add(s, INT64_MAX);
	check_int("both ends fit", stats_count(s), 2);
	check_int("the lower end", (int64_t)stats_us(s, 0), 0);
	assert_true(is_near(stats_us(s, 0.9), (double)INT64_MAX / 1e3));
	stats_free(s);
}

static struct mock_wheel wheel;
static int64_t fired_ms;

static void on_due(struct mock_timer *t)
{
	(void)t;
	fired_ms = wheel.now_ms;
}

static void wheel_fires_when_due(void **state)
{
	static const struct {
		const char *name;
		int64_t due_ms, want_ms;
	} cases[] = {
		{ "the next millisecond", 1001, 1001 },
		{ "the past is the next millisecond", 7, 1001 },
		{ "the last slot", 1000 + MOCK_WHEEL_SLOTS - 1,
		  1000 + MOCK_WHEEL_SLOTS - 1 },
		{ "the same slot, a turn later", 1000 + MOCK_WHEEL_SLOTS,
		  1000 + MOCK_WHEEL_SLOTS },
		{ "several turns later", 20000, 20000 },
	};
	struct mock_timer t;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		mock_wheel_init(&wheel, 1000);
		mock_wheel_timer_init(&t);
		fired_ms = 0;
		mock_wheel_set(&wheel, &t, cases[i].due_ms);
		mock_wheel_run(&wheel, cases[i].want_ms - 1, on_due);
		check_int(cases[i].name, fired_ms, 0);
		mock_wheel_run(&wheel, 30000, on_due);
		check_int(cases[i].name, fired_ms, cases[i].want_ms);
		check_int(cases[i].name, wheel.count, 0);
	}
	fired_ms = 0;
	mock_wheel_set(&wheel, &t, 30005);
	mock_wheel_drop(&wheel, &t);
	mock_wheel_drop(&wheel, &t);
	mock_wheel_run(&wheel, 40000, on_due);
	check_int("dropped", fired_ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_judges_an_answer_at_every_split),
		cmocka_unit_test(reply_leaves_what_follows),
		cmocka_unit_test(reply_finds_the_time_of_the_mock),
		cmocka_unit_test(stats_tells_percentiles),
		cmocka_unit_test(wheel_fires_when_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
