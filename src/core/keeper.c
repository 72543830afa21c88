#include "core/keeper.h"

#include "base/log.h"
#include "base/rand.h"
#include "llm/assemble.h"
#include "llm/squeeze.h"

#include <errno.h>
#include <stdlib.h>

enum {
	EVENTS_MAX = 128 << 20,
	ID_DIGITS = 24,
};

#define PAUSE_FIRST CLOCK_MS
#define PAUSE_MOST  (100 * CLOCK_MS)
#define TELL_EVERY  CLOCK_S

#define TRUNCATED "\"quipu_truncated\":true"

struct keeper {
	struct keeper_ask ask; /* in bytes */
	int64_t first_ns;      /* 0: no answer has begun */
	bool given;            /* or not to be given any more */
	bool truncated;
	struct squeeze events; /* not yet in answer */
	struct assembly answer;
	struct arena arena; /* the answer's */
	char bytes[];
};

static struct str copy(char **at, struct str s)
{
	struct str out = { *at, s.len };

	if (s.len > 0)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return out;
}

struct keeper *keeper_new(const struct keeper_ask *ask)
{
	struct keeper *k =
		xmalloc(sizeof(*k) + ask->messages.len + ask->params.len +
			ask->metadata.len + ask->user.len + ask->model.len);
	char *at = k->bytes;

	*k = (struct keeper){ .ask = { .messages = copy(&at, ask->messages),
				       .params = copy(&at, ask->params),
				       .metadata = copy(&at, ask->metadata),
				       .user = copy(&at, ask->user),
				       .model = copy(&at, ask->model),
				       .start_ns = ask->start_ns } };
	squeeze_init(&k->events, EVENTS_MAX);
	arena_init(&k->arena, KEEPER_ANSWER_MAX);
	assemble_init(&k->answer, &k->arena);
	return k;
}

static void forget_answer(struct keeper *k)
{
	squeeze_release(&k->events);
	arena_fini(&k->arena);
	k->truncated = false;
}

void keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	forget_answer(k);
	free(k);
}

void keeper_begin(struct task *t, struct keeper *k)
{
	forget_answer(k);
	assemble_init(&k->answer, &k->arena);
	k->first_ns = task_now(t);
}

void keeper_event(struct keeper *k, struct str data)
{
	if (!k->given && squeeze_add(&k->events, data) != 0)
		k->truncated = true;
}

static __attribute__((noinline)) void digest(struct keeper *k)
{
	struct str data;

	squeeze_close(&k->events);
	while (squeeze_next(&k->events, &data)) {
		if (assemble_event(&k->answer, data) != 0)
			k->truncated = true;
	}
	squeeze_release(&k->events);
}

void keeper_digest(struct keeper *k)
{
	if (squeeze_bytes(&k->events) >= KEEPER_PENDING)
		digest(k);
}

/* A row is lost: count it, and say so now and then. */
static __attribute__((noinline)) void lose(struct task *t, struct worker *w,
					   struct str why)
{
	counter_add(&w->metrics->store_lost, 1);
	if (task_now(t) < w->keeping.tell_ns)
		return;
	log_error("store: a completion was not kept: " STR_FMT
		  " (%llu so far, of this worker)",
		  STR_ARG(why), (unsigned long long)w->metrics->store_lost);
	w->keeping.tell_ns = task_now(t) + TELL_EVERY;
}

/* The store has no room.  Returns as store_put(). */
static __attribute__((noinline)) int
wait_for_room(struct task *t, struct worker *w,
	      const struct store_completion *c)
{
	int64_t end = task_now(t) + KEEPER_WAIT, pause = PAUSE_FIRST;
	int r = STORE_FULL;

	counter_add(&w->metrics->store_waits, 1);
	while (r == STORE_FULL && !w->keeping.is_stuck && task_now(t) < end) {
		if (task_sleep(t, task_now(t) + pause) != 0)
			break;
		pause = pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
		r = store_put(w->store, w->producer, c);
	}
	w->keeping.is_stuck = r == STORE_FULL;
	return r;
}

static void put(struct task *t, struct worker *w,
		const struct store_completion *c)
{
	int r = store_put(w->store, w->producer, c);

	if (r == STORE_FULL)
		r = wait_for_room(t, w, c);
	if (r == 0)
		w->keeping.is_stuck = false;
	else if (r == STORE_FULL)
		lose(t, w, STR("the queue is full"));
	else if (r < 0)
		lose(t, w, err_text());
}

static int64_t us_since(const struct keeper *k, int64_t ns)
{
	return ns > 0 ? (ns - k->ask.start_ns) / CLOCK_US : -1;
}

/* What every database takes for a name: no NUL, whole characters. */
static struct str name(struct str s)
{
	const char *nul = s.len > 0 ? memchr(s.ptr, '\0', s.len) : NULL;
	size_t n = nul != NULL ? (size_t)(nul - s.ptr) : s.len;

	if (n > STORE_TEXT_MAX) {
		n = STORE_TEXT_MAX;
		while (n > 0 && ((uint8_t)s.ptr[n] & 0xc0) == 0x80)
			n--;
	}
	return str_take(s, n);
}

/* The name that the client sees: its own, or that of a fallback. */
static struct str model_of(const struct exchange *x, const struct keeper *k)
{
	struct json_error bad;
	struct str model = k->ask.model;
	struct json doc;

	if (x->model.len == 0 || json_parse(x->model, NULL, &doc, &bad) != 0)
		return model;
	model = json_string(&doc, json_root(&doc), x->arena);
	json_fini(&doc);
	return model;
}

/* An answer whose upstream gave it no name can be listed at least. */
static struct str id_of(struct str id, struct arena *a)
{
	char digits[ID_DIGITS];

	if (id.len > 0 && name(id).len == id.len)
		return id;
	rand_hex(digits, sizeof(digits));
	return arena_printf(a, "chatcmpl-%.*s", ID_DIGITS, digits);
}

/* c has what the answer says; the rest is added, and it is handed over. */
static void hand_over(struct task *t, struct exchange *x, struct keeper *k,
		      struct store_completion *c)
{
	k->given = true;
	c->id = id_of(c->id, x->arena);
	if (c->created <= 0)
		c->created = task_wall(t) / CLOCK_S;
	c->model_asked = name(model_of(x, k));
	if (c->model_served.len == 0)
		c->model_served = x->request.model;
	c->model_served = name(c->model_served);
	c->provider = name(x->upstream->provider.id);
	c->request = k->ask.messages;
	c->params = k->ask.params;
	c->metadata = k->ask.metadata;
	c->user = name(k->ask.user);
	c->first_byte_us = us_since(k, k->first_ns);
	c->total_us = us_since(k, task_now(t));
	put(t, x->worker, c);
}

/* Members of its own after what the answer has: an object. */
static int note_truncation(struct buf *extra)
{
	bool is_empty = extra->len <= 2;

	if (extra->len > 0)
		extra->len--;
	else if (buf_add(extra, STR("{")) < 0)
		return -EMSGSIZE;
	return buf_add(extra,
		       is_empty ? STR(TRUNCATED "}") : STR("," TRUNCATED "}"));
}

void keeper_end(struct task *t, struct exchange *x, struct keeper *k,
		enum store_status status)
{
	struct assembly *as = &k->answer;
	struct store_completion c;
	struct buf choices, extra;
	int r;

	if (k->given)
		return;
	digest(k);
	k->given = true;
	if (as->events == as->bad_events)
		return;
	if (status == STORE_COMPLETED && !assemble_is_complete(as))
		status = STORE_FAILED;
	buf_init(&choices, STORE_ROW_BYTES_MAX);
	buf_init(&extra, STORE_ROW_BYTES_MAX);
	r = assemble_write_choices(as, &choices);
	if (r == 0)
		r = assemble_write_extra(as, &extra);
	if (r == 0 && k->truncated) {
		counter_add(&x->worker->metrics->store_truncated, 1);
		r = note_truncation(&extra);
	}
	c = (struct store_completion){
		.id = assemble_id(as),
		.created = as->created,
		.model_served = assemble_model(as),
		.status = status,
		.choices = buf_str(&choices),
		.usage = assemble_usage(as),
		.extra = extra.len > 2 ? buf_str(&extra) : STR_NULL,
	};
	if (r == 0)
		hand_over(t, x, k, &c);
	else
		lose(t, x->worker, STR("the answer is too large"));
	buf_fini(&choices);
	buf_fini(&extra);
}

static struct str text_of(const struct json *doc, uint32_t v, struct arena *a)
{
	if (json_type(doc, v) != JSON_STRING)
		return STR_NULL;
	return json_string(doc, v, a);
}

static struct str raw_of(const struct json *doc, uint32_t v,
			 enum json_type type, struct str other)
{
	return json_type(doc, v) == type ? json_raw(doc, v) : other;
}

/* A member that has no column.  Returns 0 or -EMSGSIZE. */
static int add_extra(const struct json *doc, uint32_t v, struct buf *out)
{
	int r = buf_add(out, out->len > 0 ? STR(",") : STR("{"));

	if (r == 0)
		r = buf_add(out, json_raw(doc, json_key(doc, v)));
	if (r == 0)
		r = buf_add(out, STR(":"));
	return r == 0 ? buf_add(out, json_raw(doc, v)) : r;
}

/* One member of an answer.  Returns 0 or -EMSGSIZE. */
static int take_member(const struct json *doc, uint32_t v, struct arena *a,
		       struct store_completion *c, struct buf *extra)
{
	struct str key = json_raw(doc, json_key(doc, v));

	if (str_eq(key, STR("\"id\"")))
		c->id = text_of(doc, v, a);
	else if (str_eq(key, STR("\"model\"")))
		c->model_served = text_of(doc, v, a);
	else if (str_eq(key, STR("\"created\"")))
		(void)!json_to_i64(doc, v, &c->created);
	else if (str_eq(key, STR("\"choices\"")))
		c->choices = raw_of(doc, v, JSON_ARRAY, STR("[]"));
	else if (str_eq(key, STR("\"usage\"")))
		c->usage = raw_of(doc, v, JSON_OBJECT, STR_NULL);
	else if (!str_eq(key, STR("\"object\"")))
		return add_extra(doc, v, extra);
	return 0;
}

void keeper_whole(struct task *t, struct exchange *x, struct keeper *k,
		  const struct json *doc)
{
	struct store_completion c = { .status = STORE_COMPLETED,
				      .choices = STR("[]") };
	uint32_t v = json_first(doc, json_root(doc));
	struct buf extra;
	int r = 0;

	if (k->given)
		return;
	buf_init(&extra, STORE_ROW_BYTES_MAX);
	for (; v != JSON_NONE && r == 0; v = json_next(doc, v))
		r = take_member(doc, v, x->arena, &c, &extra);
	if (r == 0 && extra.len > 0)
		r = buf_add(&extra, STR("}"));
	c.extra = buf_str(&extra);
	if (r == 0)
		hand_over(t, x, k, &c);
	else
		lose(t, x->worker, STR("the answer is too large"));
	buf_fini(&extra);
}
