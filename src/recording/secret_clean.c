#include <stdlib.h>

#include "base/base64.h"
#include "base/map.h"
#include "recording/exact_form.h"
#include "recording/pyjson.h"
#include "recording/secret.h"
#include "json/json.h"

enum {
	TEXTS_MAX = 256, /* strings of a stream that are put together */
	KNOWN_MIN = 8,
	BASE64_MIN = 24,
};

/* Some bytes of an assembled text, and where they stand in the body. */
struct piece {
	size_t at;           /* in the text */
	size_t body_at, len; /* in the body */
	bool escaped;        /* not byte for byte the same */
};

/* The strings that stand at one place of all events, in a row. */
struct text {
	uint64_t place;
	struct buf buf;
	struct piece *pieces; /* owned */
	size_t count, cap;
};

/* One part of a recording, while it is looked at. */
struct part {
	const struct secret_job *job;
	const char *where;
	struct str body;
	char *copy; /* of the body; NULL until something is overwritten */
	struct arena *a;
	size_t found;
	struct text *texts; /* TEXTS_MAX, owned */
	size_t text_count;
};

/*
 * Overwrite len bytes of the body from at on; also when nothing is to be
 * redacted, so that the next look does not find them again.
 */
static void erase(struct part *p, size_t at, size_t len)
{
	if (p->copy == NULL) {
		p->copy = arena_alloc(p->a, p->body.len);
		memcpy(p->copy, p->body.ptr, p->body.len);
		p->body.ptr = p->copy;
	}
	memset(p->copy + at, '*', len);
}

static void say(struct part *p, const struct secret_find *find, bool split)
{
	struct secret_find told = *find;

	told.where = p->where;
	told.split = split;
	p->found++;
	if (p->job->say != NULL)
		p->job->say(p->job->arg, &told);
}

static void scan_shapes(struct part *p)
{
	struct secret_find find;
	size_t at = 0;

	while (secret_next(p->body, at, &find)) {
		say(p, &find, false);
		erase(p, find.at, find.len);
		at = find.at + find.len;
	}
}

/* A configured secret, wherever it stands. */
static bool next_known(const struct secret_known *known, struct str s,
		       size_t from, struct secret_find *out)
{
	size_t best = s.len;

	for (size_t i = 0; i < known->count; i++) {
		struct str item = known->items[i];
		size_t at;

		if (item.len < KNOWN_MIN)
			continue;
		at = from + str_find(str_drop(s, from), item);
		if (at < best) {
			best = at;
			*out = (struct secret_find){ .kind = "a configured key",
						     .at = at,
						     .len = item.len };
		}
	}
	return best < s.len;
}

static void scan_known(struct part *p)
{
	struct secret_find find;
	size_t at = 0;

	while (at < p->body.len &&
	       next_known(&p->job->known, p->body, at, &find)) {
		say(p, &find, false);
		erase(p, find.at, find.len);
		at = find.at + find.len;
	}
}

static bool is_base64_char(char c)
{
	return (c >= '0' && c <= '9') ||
	       (str_lower(c) >= 'a' && str_lower(c) <= 'z') || c == '+' ||
	       c == '/';
}

/* Does a run of base64 hold a secret when it is decoded? */
static bool is_secret_inside(const struct part *p, struct str run,
			     struct secret_find *out)
{
	struct arena scratch;
	struct str bytes;
	bool found;

	run.len -= run.len % 4;
	arena_init(&scratch, SIZE_MAX / 2);
	found = base64_read(run, &scratch, &bytes) &&
		(secret_next(bytes, 0, out) ||
		 next_known(&p->job->known, bytes, 0, out));
	arena_fini(&scratch);
	return found;
}

static void scan_base64(struct part *p)
{
	size_t at = 0;

	while (at < p->body.len) {
		struct secret_find find;
		struct str run = { p->body.ptr + at, 0 };

		while (at + run.len < p->body.len &&
		       is_base64_char(run.ptr[run.len]))
			run.len++;
		if (run.len >= BASE64_MIN && is_secret_inside(p, run, &find)) {
			find.at = at;
			find.len = run.len;
			say(p, &find, false);
			erase(p, at, run.len);
		}
		at += run.len + 1;
	}
}

static struct text *text_at(struct part *p, uint64_t place)
{
	for (size_t i = 0; i < p->text_count; i++) {
		if (p->texts[i].place == place)
			return &p->texts[i];
	}
	if (p->text_count == TEXTS_MAX)
		return NULL;
	p->texts[p->text_count].place = place;
	buf_init(&p->texts[p->text_count].buf, RECORDING_BODY_MAX);
	return &p->texts[p->text_count++];
}

static void add_piece(struct part *p, uint64_t place, const struct json *doc,
		      uint32_t v)
{
	struct str raw = json_raw(doc, v), s;
	struct text *text = text_at(p, place);
	struct arena scratch;

	if (text == NULL || raw.len == 2)
		return;
	if (text->count == text->cap) {
		text->cap = text->cap == 0 ? 16 : 2 * text->cap;
		text->pieces = xrealloc(text->pieces,
					text->cap * sizeof(*text->pieces));
	}
	arena_init(&scratch, SIZE_MAX / 2);
	s = pyjson_string(doc, v, &scratch);
	text->pieces[text->count] = (struct piece){
		.at = text->buf.len,
		.body_at = (size_t)(raw.ptr - p->body.ptr) + 1,
		.len = raw.len - 2,
		.escaped = s.len != raw.len - 2,
	};
	if (buf_add(&text->buf, s) == 0)
		text->count++;
	arena_fini(&scratch);
}

/* An element is known by its "index", else by its place in the list. */
static uint64_t place_of(const struct json *doc, uint32_t v, uint64_t parent,
			 uint64_t nth)
{
	int64_t index = (int64_t)nth;

	if (json_key(doc, v) != JSON_NONE)
		return map_hash(parent, json_raw(doc, json_key(doc, v)));
	(void)json_to_i64(doc, json_get(doc, v, STR("index")), &index);
	return map_hash(parent,
			(struct str){ (const char *)&index, sizeof(index) });
}

/* The parser has bounded the depth. */
static void add_strings(struct part *p, const struct json *doc, uint32_t v,
			uint64_t place)
{
	uint64_t nth = 0;

	if (json_type(doc, v) == JSON_STRING) {
		add_piece(p, place, doc, v);
		return;
	}
	for (uint32_t i = json_first(doc, v); i != JSON_NONE;
	     i = json_next(doc, i))
		add_strings(p, doc, i, place_of(doc, i, place, nth++));
}

/* From the first brace to the last: an event's value, or a body's. */
static void add_event(struct part *p, struct str event)
{
	struct json_limits limits = { .depth = EXACT_SPAN_DEPTH };
	struct json_error error;
	struct json doc;
	const char *open = memchr(event.ptr, '{', event.len);
	const char *close = memrchr(event.ptr, '}', event.len);

	if (open == NULL || close == NULL || close < open)
		return;
	event = (struct str){ open, (size_t)(close - open) + 1 };
	if (json_parse(event, &limits, &doc, &error) != 0)
		return;
	add_strings(p, &doc, json_root(&doc),
		    json_get(&doc, 0, STR("index")) != JSON_NONE
			    ? place_of(&doc, 0, 0, 0)
			    : 0);
	json_fini(&doc);
}

/* The bytes of the body that make up a part of an assembled text. */
static size_t erase_pieces(struct part *p, const struct text *text, size_t at,
			   size_t len)
{
	size_t touched = 0;

	for (size_t i = 0; i < text->count; i++) {
		const struct piece *piece = &text->pieces[i];
		size_t end = i + 1 < text->count ? piece[1].at : text->buf.len;
		size_t from = at > piece->at ? at - piece->at : 0;
		size_t to = (at + len < end ? at + len : end) - piece->at;

		if (piece->at >= at + len || end <= at)
			continue;
		touched++;
		if (piece->escaped) {
			erase(p, piece->body_at, piece->len);
		} else {
			erase(p, piece->body_at + from, to - from);
		}
	}
	return touched;
}

static void scan_text(struct part *p, const struct text *text)
{
	struct str s = buf_str(&text->buf);
	struct secret_find find;
	size_t at = 0;

	while (secret_next(s, at, &find) ||
	       (at < s.len && next_known(&p->job->known, s, at, &find))) {
		say(p, &find, erase_pieces(p, text, find.at, find.len) > 1);
		at = find.at + find.len;
	}
}

static void scan_texts(struct part *p, enum recording_framing framing)
{
	size_t at = 0;

	p->texts = xcalloc(TEXTS_MAX, sizeof(*p->texts));
	while (at < p->body.len) {
		struct str rest = str_drop(p->body, at);
		size_t n = exact_split(framing, rest);

		add_event(p, str_take(rest, n));
		at += n;
	}
	for (size_t i = 0; i < p->text_count; i++) {
		scan_text(p, &p->texts[i]);
		buf_fini(&p->texts[i].buf);
		free(p->texts[i].pieces);
	}
	free(p->texts);
}

static size_t clean_part(struct part *p, enum recording_framing framing,
			 struct str *body)
{
	if (body->len == 0)
		return 0;
	p->body = *body;
	scan_shapes(p);
	scan_known(p);
	scan_base64(p);
	scan_texts(p, framing);
	if (p->job->policy == SECRET_REDACT)
		*body = p->body;
	return p->found;
}

static size_t clean_headers(const struct secret_job *job, const char *where,
			    struct arena *a, struct http_header *headers,
			    size_t count)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		struct part p = { .job = job, .where = where, .a = a };

		found += clean_part(&p, RECORDING_WHOLE, &headers[i].value);
	}
	return found;
}

size_t secret_clean(struct recording *r, struct arena *a,
		    const struct secret_job *job)
{
	struct recording_request *req = &r->request;
	struct recording_response *res = &r->response;
	struct part path = { .job = job, .where = "request.path", .a = a };
	struct part body = { .job = job, .where = "request.body", .a = a };
	struct part answer = { .job = job, .where = "response.body", .a = a };
	size_t found = 0;

	found += clean_part(&path, RECORDING_WHOLE, &req->path);
	found += clean_headers(job, "request.headers", a, req->headers,
			       req->header_count);
	found += clean_part(&body, RECORDING_WHOLE, &req->body);
	found += clean_headers(job, "response.headers", a, res->headers,
			       res->header_count);
	found += clean_part(&answer, res->framing, &res->body);
	if (found > 0 && job->policy == SECRET_REDACT)
		r->redacted = true;
	return found;
}
