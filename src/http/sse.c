#include "http/sse.h"

#include "base/err.h"
#include "http/scan.h"

#include <assert.h>
#include <errno.h>

#define BOM STR("\xef\xbb\xbf")

void sse_init(struct sse_parser *p, size_t max)
{
	assert(max > 0);
	*p = (struct sse_parser){ .max = max };
	/*
	 * What bounds it is sse_feed(): an event's bytes and one piece, which
	 * the caller has in memory anyway.
	 */
	buf_init(&p->in, SIZE_MAX / 4);
	buf_init(&p->data, max);
}

void sse_fini(struct sse_parser *p)
{
	buf_fini(&p->in);
	buf_fini(&p->data);
}

static int check_size(size_t len, size_t max)
{
	if (len > max) {
		return err_new(-EMSGSIZE, "sse: an event of over %zu bytes",
			       max);
	}
	return 0;
}

int sse_feed(struct sse_parser *p, struct str bytes)
{
	size_t waiting = p->in.len - p->start;
	int r = check_size(waiting, p->max);

	if (r < 0)
		return r;
	/*
	 * Never moves more bytes than it drops, so that an event that comes in
	 * many small pieces is not moved for each.
	 */
	if (p->start > 0 && p->start >= waiting) {
		buf_drop(&p->in, p->start);
		p->at -= p->start;
		p->scan -= p->start;
		p->start = 0;
	}
	r = buf_add(&p->in, bytes);
	return r < 0 ? err_up(r) : 0;
}

/* Step over a BOM, once it is known whether there is one. */
static void skip_bom(struct sse_parser *p)
{
	struct str bytes = buf_str(&p->in);

	if (p->begun || (bytes.len < BOM.len && str_starts(BOM, bytes)))
		return;
	if (str_starts(bytes, BOM))
		p->at = p->scan = BOM.len;
	p->begun = true;
}

/* Take one whole line, without its end: LF, CR or CR LF. */
static bool take_line(struct sse_parser *p, struct str *line)
{
	struct str bytes = buf_str(&p->in);
	char end;

	p->scan += scan_line(str_drop(bytes, p->scan));
	if (p->scan == bytes.len)
		return false;
	*line = str_drop(str_take(bytes, p->scan), p->at);
	end = bytes.ptr[p->scan++];
	if (end == '\r' && p->scan == bytes.len) {
		p->skip_lf = true;
	} else if (end == '\r' && bytes.ptr[p->scan] == '\n') {
		p->scan++;
	}
	p->at = p->scan;
	return true;
}

/* Join the data lines.  The first is taken along when the second comes. */
static int join_data(struct sse_parser *p, struct str value)
{
	struct str first = { p->in.ptr + p->start + p->line_at, p->line_len };
	int r = 0;

	if (p->data_lines == 2)
		r = buf_add(&p->data, first);
	if (r == 0)
		r = buf_add(&p->data, STR("\n"));
	if (r == 0)
		r = buf_add(&p->data, value);
	return r < 0 ? err_up(r) : 0;
}

static int add_data(struct sse_parser *p, struct str value, bool has_colon)
{
	if (++p->data_lines > 1)
		return join_data(p, value);
	p->line_at = (size_t)(value.ptr - p->in.ptr) - p->start;
	p->line_len = value.len;
	p->has_colon = has_colon;
	return 0;
}

/* Comments and fields other than these two say nothing about the event. */
static int add_field(struct sse_parser *p, struct str line)
{
	size_t n = line.len;
	struct str value;
	bool is_data = str_starts(line, STR("data"));
	bool is_type = str_starts(line, STR("event"));
	size_t name_len = is_data ? 4 : 5;
	bool has_colon = n > name_len && line.ptr[name_len] == ':';

	if ((!is_data && !is_type) || (n > name_len && !has_colon))
		return 0;
	value = (struct str){ line.ptr + name_len, n - name_len };
	value = str_drop(value, 1);
	if (str_starts(value, STR(" ")))
		value = str_drop(value, 1);
	if (is_data)
		return add_data(p, value, has_colon);
	p->type_at = (size_t)(value.ptr - p->in.ptr) - p->start;
	p->type_len = value.len;
	return 0;
}

/* The bytes up to here are an event's, or a block's without data. */
static int finish_event(struct sse_parser *p, struct sse_event *ev)
{
	struct str raw = { p->in.ptr + p->start, p->at - p->start };
	int r = check_size(raw.len, p->max);

	if (r < 0)
		return r;
	*ev = (struct sse_event){ .raw = raw, .data_at = SIZE_MAX };
	r = SSE_OTHER;
	if (p->data_lines > 0) {
		r = SSE_EVENT;
		ev->type = p->type_len == 0
				   ? STR("message")
				   : str_take(str_drop(raw, p->type_at),
					      p->type_len);
		ev->data = p->data_lines > 1
				   ? buf_str(&p->data)
				   : (struct str){ raw.ptr + p->line_at,
						   p->line_len };
		if (p->data_lines == 1 && p->has_colon)
			ev->data_at = p->line_at;
	}
	p->start = p->at;
	p->type_len = 0;
	p->data_lines = 0;
	return r;
}

/* The LF of a CR LF whose CR was all that there was. */
static bool take_late_lf(struct sse_parser *p)
{
	if (!p->skip_lf || p->at == p->in.len)
		return false;
	p->skip_lf = false;
	if (p->in.ptr[p->at] != '\n')
		return false;
	p->scan = ++p->at;
	return true;
}

int sse_next(struct sse_parser *p, struct sse_event *ev)
{
	struct str line;
	int r;

	assert(p->start <= p->at && p->at <= p->scan && p->scan <= p->in.len);

	if (p->data_lines == 0)
		buf_clear(&p->data);
	skip_bom(p);
	if (take_late_lf(p) && p->start + 1 == p->at)
		return finish_event(p, ev);
	while (take_line(p, &line)) {
		if (line.len == 0)
			return finish_event(p, ev);
		r = add_field(p, line);
		if (r < 0)
			return r;
	}
	return check_size(p->in.len - p->start, p->max);
}

/* The line at the start of text; its end is the first CR or LF, or text's. */
static struct str first_line(struct str text)
{
	size_t n = 0;

	while (n < text.len && text.ptr[n] != '\r' && text.ptr[n] != '\n')
		n++;
	return str_take(text, n);
}

/* The value of a data line, or NULL in ptr. */
static struct str data_value(struct str line)
{
	struct str bom = STR("\xef\xbb\xbf"), name, value;

	if (str_starts(line, bom))
		line = str_drop(line, bom.len);
	(void)str_cut(line, ':', &name, &value);
	if (!str_eq(name, STR("data")))
		return STR_NULL;
	if (value.ptr == NULL)
		return str_drop(line, line.len);
	return value.len > 0 && value.ptr[0] == ' ' ? str_drop(value, 1)
						    : value;
}

size_t sse_raw_at(const struct sse_event *ev, size_t at)
{
	struct str rest = ev->raw;

	if (ev->data_at != SIZE_MAX)
		return ev->data_at + at;
	while (rest.len > 0) {
		struct str line = first_line(rest);
		struct str value = data_value(line);

		if (value.ptr != NULL && at < value.len)
			return (size_t)(value.ptr - ev->raw.ptr) + at;
		if (value.ptr != NULL)
			at -= value.len + 1;
		/* An empty line between CR and LF holds no data. */
		rest = str_drop(rest, line.len + 1);
	}
	assert(false && "at is not in the data");
	return 0;
}

struct str sse_rest(const struct sse_parser *p)
{
	return str_drop(buf_str(&p->in), p->start);
}

void sse_relax(struct sse_parser *p)
{
	assert(p->start == p->in.len);

	buf_release(&p->in);
	buf_release(&p->data);
	p->start = p->at = p->scan = 0;
}
