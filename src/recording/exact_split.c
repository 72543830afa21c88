#include "recording/exact_form.h"

enum {
	FRAME_MIN = 16,       /* two lengths and two sums */
	HEAD_CANDIDATES = 16, /* pairs of events that are compared */
};

/* The length of the line end at s, 0 when there is none. */
static size_t line_end(struct str s)
{
	if (s.len == 0 || (s.ptr[0] != '\n' && s.ptr[0] != '\r'))
		return 0;
	return str_starts(s, STR("\r\n")) ? 2 : 1;
}

/* Bytes before the first CR or LF, or all. */
static size_t line_len(struct str s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] != '\n' && s.ptr[n] != '\r')
		n++;
	return n;
}

/* Up to and with the first empty line. */
static size_t split_block(struct str rest)
{
	size_t at = 0;

	while (at < rest.len) {
		size_t len = line_len(str_drop(rest, at));

		at += len;
		at += line_end(str_drop(rest, at));
		if (len == 0)
			break;
	}
	return at;
}

static size_t split_line(struct str rest)
{
	const char *lf = memchr(rest.ptr, '\n', rest.len);

	return lf == NULL ? rest.len : (size_t)(lf - rest.ptr) + 1;
}

static size_t split_frame(struct str rest)
{
	uint32_t len = 0;

	if (rest.len < FRAME_MIN)
		return rest.len;
	for (size_t i = 0; i < 4; i++)
		len = len << 8 | (uint8_t)rest.ptr[i];
	return len < FRAME_MIN || len > rest.len ? rest.len : len;
}

/* From the quote at from to behind the closing one. */
static size_t skip_string(struct str s, size_t from)
{
	size_t at = from + 1;

	while (at < s.len && s.ptr[at] != '"')
		at += s.ptr[at] == '\\' ? 2 : 1;
	return at < s.len ? at + 1 : s.len;
}

/* Behind the object that begins at or after from. */
static size_t object_end(struct str s, size_t from)
{
	size_t depth = 0, at = from;

	while (at < s.len) {
		char c = s.ptr[at];

		if (c == '"') {
			at = skip_string(s, at);
			continue;
		}
		at++;
		if (c == '{')
			depth++;
		if (c == '}' && depth > 0 && --depth == 0)
			return at;
	}
	return s.len;
}

size_t exact_split(enum recording_framing framing, struct str rest)
{
	switch (framing) {
	case RECORDING_SSE:
		return split_block(rest);
	case RECORDING_NDJSON:
		return split_line(rest);
	case RECORDING_ARRAY:
		return object_end(rest, 0);
	case RECORDING_EVENTSTREAM:
		return split_frame(rest);
	case RECORDING_WHOLE:
		break;
	}
	return rest.len;
}

/* What is between the first two objects of an array. */
static struct str separator(struct str body)
{
	size_t end = object_end(body, 0), next = end;

	while (next < body.len && body.ptr[next] != '{' &&
	       next - end <= EXACT_EOL_MAX)
		next++;
	if (next == end || next == body.len || next - end > EXACT_EOL_MAX)
		return STR(",");
	return (struct str){ body.ptr + end, next - end };
}

struct str exact_eol(enum recording_framing framing, struct str body)
{
	struct str rest;
	size_t n;

	if (framing == RECORDING_ARRAY) {
		rest = separator(body);
		return exact_is_utf8(rest) ? rest : STR(",");
	}
	rest = str_drop(body, line_len(body));
	n = line_end(rest);
	return n > 0 ? str_take(rest, n) : STR("\n");
}

/* Up to and with the last comma between members of the outer object. */
static struct str cut_at_comma(struct str s)
{
	size_t depth = 0, at = 0, cut = 0;

	while (at < s.len) {
		char c = s.ptr[at];

		if (c == '"') {
			at = skip_string(s, at);
			continue;
		}
		at++;
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		if (c == ',' && depth == 1)
			cut = at;
	}
	return str_take(s, cut);
}

static struct str common(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.len && n < b.len && a.ptr[n] == b.ptr[n])
		n++;
	return str_take(a, n);
}

/* The bytes that a head would save. */
static size_t saved_by(struct str head, const struct exact_event *events,
		       size_t count)
{
	size_t users = 0;

	for (size_t i = 0; i < count; i++) {
		if (events[i].kind == EXACT_OBJECT &&
		    str_starts(events[i].text, head))
			users++;
	}
	return users < 2 ? 0 : users * head.len;
}

/*
 * Neighbours are compared, at a few places: the first event is often unlike the
 * others, and so is the last.
 */
struct str exact_head(const struct exact_event *events, size_t count)
{
	struct str best = STR_NULL;
	size_t best_saved = 0, step = count / HEAD_CANDIDATES + 1;

	for (size_t i = 0; i + 1 < count; i += step) {
		struct str head;
		size_t saved;

		if (events[i].kind != EXACT_OBJECT ||
		    events[i + 1].kind != EXACT_OBJECT)
			continue;
		head = cut_at_comma(common(events[i].text, events[i + 1].text));
		saved = head.len > 0 ? saved_by(head, events, count) : 0;
		if (saved > best_saved) {
			best = head;
			best_saved = saved;
		}
	}
	return best;
}
