#include "recording/verify.h"

#include "http/sse.h"
#include "json/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	EVENT_MAX = 16 << 20,
	SHAPE_MAX = 64 << 10,
	SCRATCH_MAX = 256 << 20,
	DEPTH_MAX = 64,
	NAME_MAX_LEN = 1000,
	ITEM_SHOWN = 300,
	TOKENS_FEW = 5,
};

struct list {
	struct str items[VERIFY_LIST_MAX];
	size_t count;
};

/* What an answer is, but for its words. */
struct facts {
	struct arena *arena;
	struct arena scratch; /* for one value */
	struct buf shape;     /* of the value that is looked at */
	struct list shapes, tools, reasons;
	int64_t input, output; /* tokens; -1: not said */
};

struct member {
	struct str key;
	uint32_t value;
};

static void keep(struct list *l, struct str s, struct arena *a)
{
	if (l->count < VERIFY_LIST_MAX)
		l->items[l->count++] = arena_str(a, s);
}

static bool has(const struct list *l, struct str s)
{
	for (size_t i = 0; i < l->count; i++) {
		if (str_eq(l->items[i], s))
			return true;
	}
	return false;
}

static int by_key(const void *a, const void *b)
{
	return str_cmp(((const struct member *)a)->key,
		       ((const struct member *)b)->key);
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool is_one_of(struct str s, const struct str *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(s, names[i]))
			return true;
	}
	return false;
}

/* Strings that are words of a protocol; the raw texts. */
static bool is_word(struct str key)
{
	static const struct str names[] = { STR_INIT("\"type\""),
					    STR_INIT("\"object\"") };

	return is_one_of(key, names, countof(names));
}

/* What a model made up, whatever shape it has. */
static bool is_made_up(struct str key)
{
	static const struct str names[] = { STR_INIT("\"input\""),
					    STR_INIT("\"args\""),
					    STR_INIT("\"arguments\"") };

	return is_one_of(key, names, countof(names));
}

static bool is_reason(struct str key)
{
	static const struct str names[] = { STR_INIT("\"finish_reason\""),
					    STR_INIT("\"finishReason\""),
					    STR_INIT("\"stop_reason\"") };

	return is_one_of(key, names, countof(names));
}

static bool is_tool(const struct json *doc, uint32_t object, struct str key)
{
	uint32_t type = json_get(doc, object, STR("type"));

	return str_eq(key, STR("\"function\"")) ||
	       str_eq(key, STR("\"functionCall\"")) ||
	       (json_type(doc, type) == JSON_STRING &&
		(json_is(doc, type, STR("tool_use")) ||
		 json_is(doc, type, STR("function_call"))));
}

static int64_t tokens(const struct json *doc, uint32_t usage,
		      const struct str *names, size_t count, int64_t known)
{
	for (size_t i = 0; i < count; i++) {
		int64_t n;

		if (json_to_i64(doc, json_get(doc, usage, names[i]), &n))
			return n;
	}
	return known;
}

static void note_usage(struct facts *f, const struct json *doc, uint32_t usage)
{
	static const struct str in[] = { STR_INIT("prompt_tokens"),
					 STR_INIT("input_tokens"),
					 STR_INIT("promptTokenCount") };
	static const struct str out[] = { STR_INIT("completion_tokens"),
					  STR_INIT("output_tokens"),
					  STR_INIT("candidatesTokenCount") };

	f->input = tokens(doc, usage, in, countof(in), f->input);
	f->output = tokens(doc, usage, out, countof(out), f->output);
}

static void note_member(struct facts *f, const struct json *doc,
			const struct member *m)
{
	enum json_type type = json_type(doc, m->value);
	uint32_t name = json_get(doc, m->value, STR("name"));

	if (type == JSON_STRING && is_reason(m->key))
		keep(&f->reasons,
		     str_take(json_raw(doc, m->value), NAME_MAX_LEN), f->arena);
	if (type != JSON_OBJECT)
		return;
	if (str_eq(m->key, STR("\"usage\"")) ||
	    str_eq(m->key, STR("\"usageMetadata\"")))
		note_usage(f, doc, m->value);
	if (json_type(doc, name) == JSON_STRING &&
	    is_tool(doc, m->value, m->key))
		keep(&f->tools, str_take(json_raw(doc, name), NAME_MAX_LEN),
		     f->arena);
}

/* A shape that does not fit is cut short. */
static void add(struct facts *f, struct str s)
{
	(void)!buf_add(&f->shape, s);
}

static void shape(struct facts *f, const struct json *doc, uint32_t v);

static void shape_member(struct facts *f, const struct json *doc,
			 const struct member *m)
{
	enum json_type type = json_type(doc, m->value);

	note_member(f, doc, m);
	if (type == JSON_NULL)
		return;
	add(f, m->key);
	add(f, STR(":"));
	if (type == JSON_STRING && is_word(m->key))
		add(f, json_raw(doc, m->value));
	else if (is_made_up(m->key))
		add(f, STR("..."));
	else
		shape(f, doc, m->value);
	add(f, STR(" "));
}

static void shape_object(struct facts *f, const struct json *doc, uint32_t v)
{
	size_t n = 0, max = json_count(doc, v) + 1;
	struct member *list = arena_alloc(&f->scratch, max * sizeof(*list));

	for (uint32_t i = json_first(doc, v); i != JSON_NONE;
	     i = json_next(doc, i)) {
		list[n++] =
			(struct member){ json_raw(doc, json_key(doc, i)), i };
	}
	qsort(list, n, sizeof(*list), by_key);
	add(f, STR("{"));
	for (size_t i = 0; i < n; i++)
		shape_member(f, doc, &list[i]);
	add(f, STR("}"));
}

/* An element that looks like the one before it says nothing new. */
static void shape_array(struct facts *f, const struct json *doc, uint32_t v)
{
	size_t before = f->shape.len, from;

	add(f, STR("["));
	for (uint32_t i = json_first(doc, v); i != JSON_NONE;
	     i = json_next(doc, i)) {
		struct str last, now;

		from = f->shape.len;
		shape(f, doc, i);
		last = (struct str){ f->shape.ptr + before, from - before };
		now = (struct str){ f->shape.ptr + from, f->shape.len - from };
		if (str_ends(last, now))
			f->shape.len = from;
		else
			before = from;
	}
	add(f, STR("]"));
}

static void shape(struct facts *f, const struct json *doc, uint32_t v)
{
	static const char *const names[] = {
		[JSON_NONE_TYPE] = "",    [JSON_NULL] = "null",
		[JSON_FALSE] = "bool",    [JSON_TRUE] = "bool",
		[JSON_NUMBER] = "number", [JSON_STRING] = "string",
	};

	if (json_type(doc, v) == JSON_OBJECT)
		shape_object(f, doc, v);
	else if (json_type(doc, v) == JSON_ARRAY)
		shape_array(f, doc, v);
	else
		add(f, str_of(names[json_type(doc, v)]));
}

/* The JSON of a body or an event; name is the event's. */
static void note_json(struct facts *f, struct str name, struct str text)
{
	static const struct json_limits limits = { .depth = DEPTH_MAX,
						   .fold_numbers = true };
	struct json_error e;
	struct json doc;

	if (str_eq(text, STR("[DONE]")))
		return;
	buf_clear(&f->shape);
	add(f, name);
	if (json_parse(text, &limits, &doc, &e) == 0) {
		shape(f, &doc, json_root(&doc));
		json_fini(&doc);
	} else {
		add(f, STR("no JSON"));
	}
	arena_reset(&f->scratch);
	if (!has(&f->shapes, buf_str(&f->shape)))
		keep(&f->shapes, buf_str(&f->shape), f->arena);
}

static void note_stream(struct facts *f, struct str body)
{
	struct sse_parser p;
	struct sse_event ev;
	int r = 0, more;

	sse_init(&p, EVENT_MAX);
	while (body.len > 0 && r == 0) {
		struct str piece = str_take(body, EVENT_MAX / 2);

		r = sse_feed(&p, piece);
		body = str_drop(body, piece.len);
		while (r == 0 && (more = sse_next(&p, &ev)) != 0) {
			if (more == SSE_EVENT)
				note_json(f, ev.type, ev.data);
			r = more < 0 ? more : 0;
		}
	}
	sse_fini(&p);
}

static void read_facts(const struct recording *r, struct facts *f)
{
	arena_init(&f->scratch, SCRATCH_MAX);
	buf_init(&f->shape, SHAPE_MAX);
	f->input = f->output = -1;
	if (r->response.framing == RECORDING_SSE)
		note_stream(f, r->response.body);
	else if (r->response.framing == RECORDING_WHOLE)
		note_json(f, STR_NULL, r->response.body);
	buf_fini(&f->shape);
	arena_fini(&f->scratch);
	qsort(f->tools.items, f->tools.count, sizeof(struct str), by_text);
	qsort(f->reasons.items, f->reasons.count, sizeof(struct str), by_text);
}

struct comparison {
	struct verify *out;
	struct buf text;
};

static void say(struct comparison *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* What no longer fits is only counted. */
static void say(struct comparison *c, const char *fmt, ...)
{
	char line[500];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	(void)!buf_printf(&c->text, "%s%s", c->out->count > 0 ? "; " : "",
			  line);
	c->out->count++;
}

/* Those of a list that are not in the other. */
static void say_lacking(struct comparison *c, const char *what,
			const struct list *of, const struct list *in)
{
	for (size_t i = 0; i < of->count; i++) {
		struct str item = str_take(of->items[i], ITEM_SHOWN);

		if (!has(in, of->items[i]))
			say(c, "%s " STR_FMT, what, STR_ARG(item));
	}
}

static void compare_lists(struct comparison *c, const char *what,
			  const struct list *was, const struct list *now)
{
	bool same = was->count == now->count;
	char text[80];

	for (size_t i = 0; i < was->count && same; i++)
		same = str_eq(was->items[i], now->items[i]);
	if (same)
		return;
	(void)snprintf(text, sizeof(text), "no longer a %s", what);
	say_lacking(c, text, was, now);
	(void)snprintf(text, sizeof(text), "a new %s", what);
	say_lacking(c, text, now, was);
	if (was->count != now->count) {
		say(c, "%zu times a %s, not %zu", now->count, what, was->count);
	}
}

/* Is a between low and high times b, and a few? */
static bool is_near(int64_t a, int64_t b, double factor)
{
	double high = (double)b * factor + TOKENS_FEW;
	double low = (double)b / factor - TOKENS_FEW;

	return (double)a <= high && (double)a >= low;
}

static void compare_tokens(struct comparison *c, const char *what, int64_t was,
			   int64_t now, double factor)
{
	if ((was < 0) != (now < 0)) {
		say(c, "%s tokens are %s", what,
		    now < 0 ? "no longer told" : "told now");
	} else if (was >= 0 && !is_near(now, was, factor)) {
		say(c, "%lld %s tokens, not %lld", (long long)now, what,
		    (long long)was);
	}
}

static void compare_bodies(struct comparison *c, const struct recording *was,
			   const struct recording *now, struct arena *a)
{
	struct facts *f = arena_zalloc(a, 2 * sizeof(*f));

	f[0].arena = f[1].arena = a;
	read_facts(was, &f[0]);
	read_facts(now, &f[1]);
	say_lacking(c, "no longer a shape", &f[0].shapes, &f[1].shapes);
	say_lacking(c, "a new shape", &f[1].shapes, &f[0].shapes);
	compare_lists(c, "tool", &f[0].tools, &f[1].tools);
	compare_lists(c, "finish reason", &f[0].reasons, &f[1].reasons);
	compare_tokens(c, "input", f[0].input, f[1].input, 1.1);
	compare_tokens(c, "output", f[0].output, f[1].output, 2);
}

static const char *answer_name(const struct recording_response *r)
{
	return r->fail != RECORDING_ANSWERED ? recording_fail_name(r->fail)
					     : "an answer";
}

void verify_compare(const struct recording *was, const struct recording *now,
		    struct arena *a, struct verify *out)
{
	const struct recording_response *w = &was->response,
					*n = &now->response;
	struct comparison c = { .out = out };

	*out = (struct verify){ 0 };
	buf_init(&c.text, VERIFY_TEXT_MAX);
	if (w->fail != n->fail) {
		say(&c, "%s, not %s", answer_name(n), answer_name(w));
	} else if (w->status != n->status) {
		say(&c, "status %d, not %d", n->status, w->status);
	} else if (w->framing != n->framing) {
		say(&c, "%s, not %s", recording_framing_name(n->framing),
		    recording_framing_name(w->framing));
	} else {
		compare_bodies(&c, was, now, a);
	}
	if (w->fail == n->fail && w->end != n->end) {
		say(&c, "it ends with %s, not %s", recording_end_name(n->end),
		    recording_end_name(w->end));
	}
	out->text = arena_str(a, buf_str(&c.text));
	buf_fini(&c.text);
}
