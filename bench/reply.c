#include "bench/reply.h"

#include <errno.h>

enum {
	MARK_DIGITS = 16, /* a time of the mock, in hex */
};

void reply_start(struct reply *r)
{
	r->state = REPLY_HEAD;
	r->status = 0;
	r->is_stream = false;
	r->is_done = false;
	r->must_close = false;
	r->left = 0;
	r->body_bytes = 0;
	r->events = 0;
	r->text_len = 0;
	r->line_len = 0;
}

static int take_header(struct reply *r, struct str name, struct str value)
{
	value = str_trim(value);
	if (str_eq_nocase(name, STR("content-length"))) {
		if (!str_to_i64(value, 0, INT64_MAX, &r->left))
			return -EPROTO;
		r->state = r->left == 0 ? REPLY_DONE : REPLY_BODY;
	} else if (str_eq_nocase(name, STR("transfer-encoding"))) {
		if (!str_eq_nocase(value, STR("chunked")))
			return -EPROTO;
		r->state = REPLY_CHUNK_SIZE;
	} else if (str_eq_nocase(name, STR("content-type"))) {
		r->is_stream = str_starts(value, STR("text/event-stream"));
	} else if (str_eq_nocase(name, STR("connection"))) {
		r->must_close = str_eq_nocase(value, STR("close"));
	}
	return 0;
}

static int parse_head(struct reply *r, struct str head)
{
	struct str line, name, value;
	int64_t status = 0;
	int err;

	if (!str_starts(head, STR("HTTP/1.1 ")) ||
	    !str_to_i64(str_take(str_drop(head, 9), 3), 100, 599, &status))
		return -EPROTO;
	r->status = (int)status;
	(void)str_cut(head, '\n', &line, &head);
	while (head.len > 0) {
		(void)str_cut(head, '\n', &line, &head);
		if (!str_cut(line, ':', &name, &value))
			continue;
		err = take_header(r, name, value);
		if (err < 0)
			return err;
	}
	/* An answer that only the end of the connection ends is not used. */
	return r->state == REPLY_HEAD ? -EPROTO : 0;
}

static int64_t feed_head(struct reply *r, struct str bytes)
{
	size_t old = r->text_len;
	struct str head;
	size_t n, end;
	int err;

	n = sizeof(r->text) - old;
	n = n < bytes.len ? n : bytes.len;
	memcpy(r->text + old, bytes.ptr, n);
	head = (struct str){ r->text, old + n };
	end = str_find(head, STR("\r\n\r\n"));
	if (end == head.len) {
		r->text_len += n;
		return r->text_len == sizeof(r->text) ? -EPROTO : (int64_t)n;
	}
	r->text_len = 0;
	err = parse_head(r, str_take(head, end + 2));
	return err < 0 ? err : (int64_t)(end + 4 - old);
}

static int64_t hex_of(struct str s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = str_lower(s.ptr[i]);

		if (c >= '0' && c <= '9') {
			n = n * 16 + (c - '0');
		} else if (c >= 'a' && c <= 'f') {
			n = n * 16 + (c - 'a' + 10);
		} else {
			return -1;
		}
	}
	return n;
}

static int64_t find_mark(struct str data)
{
	static const struct str chat = STR_INIT("\"content\":\"");
	static const struct str response = STR_INIT("\"delta\":\"");
	struct str key = str_starts(data, STR("{\"id\"")) ? chat : response;
	int64_t ns;

	data = str_drop(data, str_find(data, key) + key.len);
	if (data.len < MARK_DIGITS)
		return 0;
	ns = hex_of(str_take(data, MARK_DIGITS));
	return ns < 0 ? 0 : ns;
}

static int take_line(struct reply *r, struct str line, reply_event_fn *fn,
		     void *arg)
{
	if (!str_starts(line, STR("data:")))
		return 0;
	if (r->is_done)
		return -EPROTO;
	line = str_trim(str_drop(line, 5));
	r->is_done = str_eq(line, STR("[DONE]")) ||
		     str_ends(line, STR("\"type\":\"response.completed\"}"));
	r->events++;
	if (fn != NULL)
		fn(arg, find_mark(line));
	return 0;
}

/* Split the data of a stream into lines; the unfinished one waits in text. */
static int take_lines(struct reply *r, struct str data, reply_event_fn *fn,
		      void *arg)
{
	while (data.len > 0) {
		const char *end = memchr(data.ptr, '\n', data.len);
		size_t n = end ? (size_t)(end - data.ptr) + 1 : data.len;
		int err;

		if (n > sizeof(r->text) - r->text_len)
			return -EPROTO;
		memcpy(r->text + r->text_len, data.ptr, n);
		r->text_len += n;
		data = str_drop(data, n);
		if (end == NULL)
			break;
		err = take_line(r, (struct str){ r->text, r->text_len }, fn,
				arg);
		r->text_len = 0;
		if (err < 0)
			return err;
	}
	return 0;
}

static int64_t feed_data(struct reply *r, struct str bytes, reply_event_fn *fn,
			 void *arg)
{
	int64_t n = (int64_t)bytes.len < r->left ? (int64_t)bytes.len : r->left;
	int err = 0;

	if (r->is_stream)
		err = take_lines(r, str_take(bytes, (size_t)n), fn, arg);
	if (err < 0)
		return err;
	r->left -= n;
	r->body_bytes += n;
	if (r->left == 0) {
		r->state =
			r->state == REPLY_BODY ? REPLY_DONE : REPLY_CHUNK_END;
	}
	return n;
}

static int take_framing(struct reply *r, struct str line)
{
	struct str size, extension;

	if (r->state == REPLY_CHUNK_END) {
		r->state = REPLY_CHUNK_SIZE;
		return line.len == 0 ? 0 : -EPROTO;
	}
	if (r->state == REPLY_TRAILER) {
		if (line.len == 0)
			r->state = REPLY_DONE;
		return 0;
	}
	(void)str_cut(line, ';', &size, &extension);
	r->left = hex_of(size);
	if (size.len == 0 || size.len > 8 || r->left < 0)
		return -EPROTO;
	r->state = r->left == 0 ? REPLY_TRAILER : REPLY_CHUNK_DATA;
	return 0;
}

static int64_t feed_framing(struct reply *r, struct str bytes)
{
	const char *end = memchr(bytes.ptr, '\n', bytes.len);
	size_t n = end ? (size_t)(end - bytes.ptr) + 1 : bytes.len;
	int err;

	if (n > sizeof(r->line) - r->line_len)
		return -EPROTO;
	memcpy(r->line + r->line_len, bytes.ptr, n);
	r->line_len += n;
	if (end == NULL)
		return (int64_t)n;
	err = take_framing(r, str_trim((struct str){ r->line, r->line_len }));
	r->line_len = 0;
	return err < 0 ? err : (int64_t)n;
}

int64_t reply_feed(struct reply *r, struct str bytes, reply_event_fn *fn,
		   void *arg)
{
	size_t all = bytes.len;

	while (bytes.len > 0 && r->state != REPLY_DONE) {
		int64_t n;

		if (r->state == REPLY_HEAD) {
			n = feed_head(r, bytes);
		} else if (r->state == REPLY_BODY ||
			   r->state == REPLY_CHUNK_DATA) {
			n = feed_data(r, bytes, fn, arg);
		} else {
			n = feed_framing(r, bytes);
		}
		if (n < 0)
			return n;
		bytes = str_drop(bytes, (size_t)n);
	}
	return (int64_t)(all - bytes.len);
}
