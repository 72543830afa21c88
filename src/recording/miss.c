#include "recording/miss.h"

#include "recording/differ.h"

enum {
	SHORT_KEY = 8,
	TEXT_MAX = 8192,
	PENALTY = 50, /* of another session: so many differences */
};

/* A recording that may be what was meant. */
struct candidate {
	struct str path;
	unsigned order; /* the likelier, the smaller */
};

struct search {
	const struct miss_input *input;
	struct str model;
	struct arena *a;
	struct candidate *list; /* MISS_READ_MAX, the likeliest first */
	size_t count;
	struct json doc; /* of the request */
	struct miss_report *out;
	size_t distances[MISS_NEAR_MAX];
	size_t changing; /* of the nearest */
};

const char *miss_cause_name(enum miss_cause cause)
{
	static const char *const names[] = {
		[MISS_NOT_RECORDED] = "not_recorded",
		[MISS_EXHAUSTED] = "exhausted",
		[MISS_OTHER_SESSION] = "other_session",
		[MISS_TRANSLATION] = "translation_changed",
		[MISS_CHANGING] = "only_ids_or_times_differ",
	};

	return (size_t)cause < countof(names) ? names[cause] : "";
}

static bool is_own(const struct miss_input *input, const struct index_entry *e)
{
	return input->query->session.len > 0 &&
	       str_eq(e->test_id, input->query->session);
}

/* Keep the likeliest, in their order; of equal ones the first that came. */
static int consider(void *arg, const struct index_entry *e)
{
	struct search *s = arg;
	unsigned order = (str_eq(e->model, s->model) ? 0u : 2u) +
			 (is_own(s->input, e) ? 0u : 1u);
	size_t at = s->count;

	if (!str_eq(e->op, s->input->op))
		return 0;
	while (at > 0 && s->list[at - 1].order > order)
		at--;
	if (at == MISS_READ_MAX)
		return 0;
	if (s->count < MISS_READ_MAX)
		s->count++;
	for (size_t i = s->count - 1; i > at; i--)
		s->list[i] = s->list[i - 1];
	s->list[at] = (struct candidate){ .path = e->path, .order = order };
	return 0;
}

static void insert(struct search *s, const struct miss_near *near,
		   size_t distance, size_t changing)
{
	struct miss_report *out = s->out;
	size_t at = out->near_count;

	while (at > 0 && s->distances[at - 1] > distance)
		at--;
	if (at == MISS_NEAR_MAX)
		return;
	if (out->near_count < MISS_NEAR_MAX)
		out->near_count++;
	for (size_t i = out->near_count - 1; i > at; i--) {
		out->near[i] = out->near[i - 1];
		s->distances[i] = s->distances[i - 1];
	}
	out->near[at] = *near;
	s->distances[at] = distance;
	if (at == 0)
		s->changing = changing;
}

/* Compare the request with a recorded one. */
static void compare(struct search *s, const struct candidate *c,
		    const struct recording *r)
{
	struct json_error e;
	struct json doc;
	struct differ d;
	struct miss_near near = { .path = arena_str(s->a, c->path) };
	bool own = is_own(s->input,
			  &(struct index_entry){ .test_id = r->test_id });

	if (s->input->client_key.len > 0 &&
	    str_eq(r->meta.client_key, s->input->client_key))
		s->out->cause = MISS_TRANSLATION;
	if (json_parse(r->request.body, NULL, &doc, &e) != 0)
		return;
	differ_compare(&doc, &s->doc, s->a, &d);
	near.differences = d.count;
	near.pointer = d.pointer;
	near.was = d.was;
	near.now = d.now;
	insert(s, &near, d.count + (own ? 0 : PENALTY), d.changing);
	json_fini(&doc);
}

static void look_at(struct search *s, const struct candidate *c)
{
	struct recording_problem problem;
	struct file f;

	if (index_read(s->input->index, c->path, &f, &problem) != 0)
		return;
	compare(s, c, &f.recording);
	file_fini(&f);
}

static struct str model_of(struct search *s)
{
	uint32_t v = json_get(&s->doc, json_root(&s->doc), STR("model"));

	return json_string(&s->doc, v, s->a);
}

static void search(struct search *s)
{
	struct json_error e;

	if (json_parse(s->input->request->body, NULL, &s->doc, &e) != 0)
		return;
	s->model = model_of(s);
	s->list = arena_alloc(s->a, MISS_READ_MAX * sizeof(*s->list));
	(void)index_each(s->input->index, NULL, consider, s);
	for (size_t i = 0; i < s->count; i++)
		look_at(s, &s->list[i]);
	json_fini(&s->doc);
}

/* The same request in any other session? */
static bool is_elsewhere(const struct miss_input *input, struct arena *a,
			 struct str *out)
{
	struct index_query q = *input->query;
	struct index_hit hit;

	q.session = STR_NULL;
	q.occurrence = 1;
	q.on_exhausted = INDEX_LAST;
	if (index_peek(input->index, &q, &hit) != 0)
		return false;
	*out = arena_str(a, hit.entry->path);
	return true;
}

static void find_cause(struct search *s)
{
	struct miss_report *out = s->out;

	if (s->input->exhausted) {
		out->cause = MISS_EXHAUSTED;
	} else if (is_elsewhere(s->input, s->a, &out->other)) {
		out->cause = MISS_OTHER_SESSION;
	} else if (out->cause != MISS_TRANSLATION && out->near_count > 0 &&
		   out->near[0].differences > 0 &&
		   out->near[0].differences == s->changing) {
		out->cause = MISS_CHANGING;
	}
}

static const char auto_hint[] =
	"record it: send the request again with the header x-replay-mode: auto, "
	"or start quipu with QUIPU_RECORD_MODE=auto";

static void say_why(struct search *s)
{
	struct miss_report *out = s->out;
	struct str session = s->input->query->session;

	out->fix = str_of(auto_hint);
	switch (out->cause) {
	case MISS_NOT_RECORDED:
		out->why = STR("this request was never recorded");
		break;
	case MISS_EXHAUSTED:
		out->why = STR("each recording of this request was served "
			       "already");
		out->fix = STR("record the session anew with the header "
			       "x-replay-mode: record, or set on_exhausted to "
			       "last or cycle");
		break;
	case MISS_OTHER_SESSION:
		out->why = arena_printf(
			s->a,
			"it is recorded, but not for session \"" STR_FMT
			"\": " STR_FMT,
			STR_ARG(session), STR_ARG(out->other));
		out->fix = STR("name that session in x-replay-session, or move "
			       "the file to the folder _shared");
		break;
	case MISS_TRANSLATION:
		out->why = STR("the client asks the same as when it was "
			       "recorded, but quipu sends another request "
			       "upstream: its version or configuration "
			       "changed");
		break;
	case MISS_CHANGING:
		out->why = STR("only ids or times differ from a recording");
		out->fix = arena_printf(s->a,
					"let " STR_FMT " be the same in each "
					"run, or record it anew",
					STR_ARG(out->near[0].pointer));
		break;
	}
}

static void put_near(struct buf *out, const struct miss_near *near)
{
	int r = buf_printf(out, "  " STR_FMT ": %zu difference%s",
			   STR_ARG(near->path), near->differences,
			   near->differences == 1 ? "" : "s");

	if (r == 0 && near->differences > 0) {
		r = buf_printf(out, ", the first at " STR_FMT,
			       STR_ARG(near->pointer.len > 0 ? near->pointer
							     : STR("/")));
	}
	if (r == 0 && near->was.len > 0)
		r = buf_printf(out, "\n    - " STR_FMT, STR_ARG(near->was));
	if (r == 0 && near->now.len > 0)
		r = buf_printf(out, "\n    + " STR_FMT, STR_ARG(near->now));
	if (r == 0)
		r = buf_add(out, STR("\n"));
	/* A text that is too long ends where it is. */
	(void)r;
}

static void say_all(struct search *s)
{
	struct miss_report *out = s->out;
	const struct index_query *q = s->input->query;
	struct str key =
		q->key_count > 0 ? str_take(q->keys[0], SHORT_KEY) : STR_NULL;
	struct buf text;
	int r;

	buf_init(&text, TEXT_MAX);
	r = buf_printf(&text,
		       "no recording of " STR_FMT "%s" STR_FMT
		       " in session \"" STR_FMT "\" (key " STR_FMT "): " STR_FMT
		       "\n%s",
		       STR_ARG(s->input->op), s->model.len > 0 ? " " : "",
		       STR_ARG(s->model), STR_ARG(q->session), STR_ARG(key),
		       STR_ARG(out->why),
		       out->near_count > 0 ? "nearest:\n" : "");
	for (size_t i = 0; i < out->near_count && r == 0; i++)
		put_near(&text, &out->near[i]);
	if (r == 0)
		r = buf_printf(&text, "to fix it, " STR_FMT, STR_ARG(out->fix));
	out->text = arena_str(s->a, buf_str(&text));
	buf_fini(&text);
	(void)r;
}

void miss_explain(const struct miss_input *input, struct arena *a,
		  struct miss_report *out)
{
	struct search s = { .input = input, .a = a, .out = out };

	*out = (struct miss_report){ .cause = MISS_NOT_RECORDED };
	search(&s);
	find_cause(&s);
	say_why(&s);
	say_all(&s);
}
