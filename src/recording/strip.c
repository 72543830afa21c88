#include "recording/strip.h"

#include "recording/exact_form.h"
#include "json/splice.h"

/* The body on its way, and where an event of it stands before and after. */
struct strip {
	struct recording_response *res;
	struct recording_mark *marks;
	size_t mark; /* the next to move */
	struct buf out;
	size_t found;
};

/* Members that are text and nothing but padding. */
static int drop(struct splice *s, const struct json *doc, bool *out_found)
{
	static const char *const names[] = { "obfuscation", "p" };
	int r = 0;

	for (size_t i = 0; i < countof(names) && r == 0; i++) {
		struct str name = str_of(names[i]);
		uint32_t v = json_get(doc, json_root(doc), name);

		if (json_type(doc, v) != JSON_STRING)
			continue;
		*out_found = true;
		r = splice_drop(s, doc, json_root(doc), name);
	}
	return r;
}

/* Append an event without its padding; false when it has none. */
static bool put_stripped(struct strip *s, struct str event)
{
	const char *open = memchr(event.ptr, '{', event.len);
	const char *close = memrchr(event.ptr, '}', event.len);
	struct json_limits limits = { .depth = EXACT_SPAN_DEPTH };
	struct splice splice = { 0 };
	struct json_error e;
	struct json doc;
	struct str tail;
	bool found = false;
	int r;

	if (open == NULL || close == NULL || close < open)
		return false;
	splice.text = (struct str){ open, (size_t)(close - open) + 1 };
	tail = str_drop(event, (size_t)(close - event.ptr) + 1);
	if (json_parse(splice.text, &limits, &doc, &e) != 0)
		return false;
	r = drop(&splice, &doc, &found);
	if (found && r == 0)
		r = buf_add(&s->out,
			    str_take(event, (size_t)(open - event.ptr)));
	if (found && r == 0)
		r = splice_write(&splice, &s->out);
	if (found && r == 0)
		r = buf_add(&s->out, tail);
	json_fini(&doc);
	return found && r == 0;
}

/* The marks up to the end of an event that stood from at on. */
static void move_marks(struct strip *s, size_t at, size_t end, size_t now)
{
	const struct recording_response *res = s->res;

	for (; s->mark < res->mark_count && res->marks[s->mark].end <= end;
	     s->mark++) {
		uint64_t was = res->marks[s->mark].end;
		uint64_t to = was >= at ? now + (was - at) : now;

		s->marks[s->mark].ms = res->marks[s->mark].ms;
		s->marks[s->mark].end =
			was == end || to > s->out.len ? s->out.len : to;
	}
}

static void strip_event(struct strip *s, size_t at, struct str event)
{
	size_t from = s->out.len;

	if (put_stripped(s, event)) {
		s->found++;
	} else {
		s->out.len = from;
		/* No longer than what it is made of, which is bounded. */
		(void)!buf_add(&s->out, event);
	}
	move_marks(s, at, at + event.len, from);
}

size_t strip_padding(struct recording *r, struct arena *a)
{
	struct recording_response *res = &r->response;
	struct strip s = { .res = res };
	size_t at = 0;

	if ((res->framing != RECORDING_SSE &&
	     res->framing != RECORDING_NDJSON) ||
	    res->body.len == 0)
		return 0;
	buf_init(&s.out, res->body.len);
	s.marks = arena_zalloc(a, (res->mark_count + 1) * sizeof(*s.marks));
	while (at < res->body.len) {
		struct str rest = str_drop(res->body, at);
		size_t n = exact_split(res->framing, rest);

		strip_event(&s, at, str_take(rest, n));
		at += n;
	}
	if (s.found > 0) {
		/* Marks behind the end are at the end. */
		for (; s.mark < res->mark_count; s.mark++) {
			s.marks[s.mark] = res->marks[s.mark];
			s.marks[s.mark].end = s.out.len;
		}
		res->body = arena_str(a, buf_str(&s.out));
		res->marks = s.marks;
		r->stripped = true;
	}
	buf_fini(&s.out);
	return s.found;
}
