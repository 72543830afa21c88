/*
 * A stream of events: where the pieces end changes no event, all raw spans and
 * the rest are the bytes fed, and the events are those of a parser written down
 * from WHATWG HTML, section 9.2.6, that has the whole stream before it.
 */
#include "base/buf.h"
#include "http/sse.h"

#include "tests/fuzz/require.h"

enum {
	EVENT_MAX = 512,
	LOG_MAX = 16 << 20
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void log_event(struct buf *log, struct str type, struct str data)
{
	uint32_t lens[2] = { (uint32_t)type.len, (uint32_t)data.len };
	struct str head = { (const char *)lens, sizeof(lens) };

	require(buf_add(log, head) == 0);
	require(buf_add(log, type) == 0);
	require(buf_add(log, data) == 0);
}

static void check_event(const struct sse_event *ev)
{
	require(ev->raw.len > 0 && ev->raw.len <= EVENT_MAX);
	if (ev->data_at == SIZE_MAX)
		return;
	require(ev->data_at > 0 && ev->data_at + ev->data.len < ev->raw.len);
	require(ev->data.ptr == ev->raw.ptr + ev->data_at);
	require(ev->raw.ptr[ev->data_at - 1] == ':' ||
		ev->raw.ptr[ev->data_at - 1] == ' ');
}

/* Feed pieces of step bytes, each a copy of its exact size. */
static int parse(struct str all, size_t step, struct buf *log, struct buf *raw)
{
	struct sse_parser p;
	struct sse_event ev;
	int r = 0;

	sse_init(&p, EVENT_MAX);
	for (size_t at = 0; r == 0 && at < all.len; at += step) {
		struct str piece = str_take(str_drop(all, at), step);
		char *copy = xmalloc(piece.len);

		memcpy(copy, piece.ptr, piece.len);
		r = sse_feed(&p, (struct str){ copy, piece.len });
		free(copy);
		if (r < 0)
			break;
		while ((r = sse_next(&p, &ev)) > 0) {
			check_event(&ev);
			require(buf_add(raw, ev.raw) == 0);
			if (r == SSE_EVENT)
				log_event(log, ev.type, ev.data);
			else
				require(ev.data.len == 0);
		}
		if (r == 0 && sse_rest(&p).len == 0)
			sse_relax(&p);
	}
	require(buf_add(raw, r == 0 ? sse_rest(&p) : STR("")) == 0);
	sse_fini(&p);
	return r;
}

/* One line and its end.  Returns false when the stream ends before that. */
static bool cut_line(struct str *rest, struct str *line)
{
	size_t n = 0;

	while (n < rest->len && rest->ptr[n] != '\r' && rest->ptr[n] != '\n')
		n++;
	if (n == rest->len)
		return false;
	*line = str_take(*rest, n);
	*rest = str_drop(*rest, n);
	*rest = str_drop(*rest, str_starts(*rest, STR("\r\n")) ? 2 : 1);
	return true;
}

static void by_the_book(struct str rest, struct buf *log)
{
	struct str line, field, value, type = STR("");
	struct buf data;

	buf_init(&data, LOG_MAX);
	if (str_starts(rest, STR("\xef\xbb\xbf")))
		rest = str_drop(rest, 3);
	while (cut_line(&rest, &line)) {
		if (line.len == 0) {
			if (data.len > 0) {
				log_event(log,
					  type.len > 0 ? type : STR("message"),
					  str_take(buf_str(&data),
						   data.len - 1));
			}
			buf_clear(&data);
			type = STR("");
			continue;
		}
		(void)str_cut(line, ':', &field, &value);
		if (str_starts(value, STR(" ")))
			value = str_drop(value, 1);
		if (str_eq(field, STR("event")))
			type = value;
		if (str_eq(field, STR("data"))) {
			require(buf_add(&data, value) == 0);
			require(buf_add(&data, STR("\n")) == 0);
		}
	}
	buf_fini(&data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str all = { (const char *)data, len };
	size_t steps[] = { len, 1, 2, 7 };
	struct buf want, log, raw;
	int r, first = 0;

	buf_init(&want, LOG_MAX);
	buf_init(&log, LOG_MAX);
	buf_init(&raw, LOG_MAX);
	by_the_book(all, &want);
	for (size_t i = 0; i < countof(steps) && len > 0; i++) {
		buf_clear(&log);
		buf_clear(&raw);
		r = parse(all, steps[i], &log, &raw);
		first = i == 0 ? r : first;
		require(r == first);
		require(str_starts(buf_str(&want), buf_str(&log)));
		require(r < 0 || log.len == want.len);
		require(r < 0 ? str_starts(all, buf_str(&raw))
			      : str_eq(all, buf_str(&raw)));
	}
	buf_fini(&want);
	buf_fini(&log);
	buf_fini(&raw);
	return 0;
}
