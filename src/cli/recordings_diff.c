#include "cli/recordings_impl.h"

#include "recording/differ.h"
#include "recording/textdiff.h"
#include "json/json.h"

#include <assert.h>
#include <stdlib.h>

enum {
	CONTEXT = 3,      /* lines around a change */
	WORDS_AROUND = 60 /* bytes of what is the same, beside a change */
};

struct change {
	struct str where; /* "request/messages/0/content" */
	struct str was, now;
	bool is_text;
};

struct diff {
	struct arena arena;
	struct change *list; /* owned */
	size_t count;
	struct str part; /* of the recording, while it is compared */
	struct print print;
	struct file files[2];
	struct transcript transcripts[2];
};

static void add(struct diff *d, const struct change *change)
{
	if ((d->count & (d->count - 1)) == 0)
		d->list = xrealloc(d->list, (d->count > 0 ? 2 * d->count : 1) *
						    sizeof(*d->list));
	d->list[d->count++] = *change;
}

static void add_texts(struct diff *d, const char *where, struct str was,
		      struct str now)
{
	assert(was.ptr != NULL || was.len == 0);
	if (!str_eq(was, now)) {
		add(d, &(struct change){ .where = str_of(where),
					 .was = was,
					 .now = now,
					 .is_text = true });
	}
}

static void add_ints(struct diff *d, const char *where, int64_t was,
		     int64_t now)
{
	if (was == now)
		return;
	add(d,
	    &(struct change){
		    .where = str_of(where),
		    .was = arena_printf(&d->arena, "%lld", (long long)was),
		    .now = arena_printf(&d->arena, "%lld", (long long)now) });
}

/* On one line, unless it is a text. */
static struct str one_line(struct diff *d, const struct differ_change *change,
			   struct str s)
{
	return change->is_text || s.ptr == NULL
		       ? s
		       : recording_compact(s, &d->arena);
}

static void add_json(void *arg, const struct differ_change *change)
{
	struct diff *d = arg;

	add(d,
	    &(struct change){ .where = arena_printf(&d->arena, STR_FMT STR_FMT,
						    STR_ARG(d->part),
						    STR_ARG(change->pointer)),
			      .was = one_line(d, change, change->was),
			      .now = one_line(d, change, change->now),
			      .is_text = change->is_text });
}

/* As JSON, or as texts when one is none. */
static void compare_bodies(struct diff *d, const char *part, struct str was,
			   struct str now)
{
	struct json_error e;
	struct json x, y;

	d->part = str_of(part);
	if (json_parse(was, NULL, &x, &e) != 0) {
		add_texts(d, part, was, now);
		return;
	}
	if (json_parse(now, NULL, &y, &e) == 0) {
		(void)differ_each(&x, &y, &d->arena, add_json, d);
		json_fini(&y);
	} else {
		add_texts(d, part, was, now);
	}
	json_fini(&x);
}

static void compare_facts(struct diff *d, const struct recording *x,
			  const struct recording *y)
{
	add_texts(d, "operation", x->op, y->op);
	add_texts(d, "upstream", x->request.upstream, y->request.upstream);
	add_texts(d, "method", x->request.method, y->request.method);
	add_texts(d, "path", x->request.path, y->request.path);
	compare_bodies(d, "request", x->request.body, y->request.body);
	add_texts(d, "failure", str_of(recording_fail_name(x->response.fail)),
		  str_of(recording_fail_name(y->response.fail)));
	add_ints(d, "status", x->response.status, y->response.status);
	add_texts(d, "end", str_of(recording_end_name(x->response.end)),
		  str_of(recording_end_name(y->response.end)));
}

static struct str calls_of(struct diff *d, const struct transcript_turn *t)
{
	struct str s = STR("");

	for (size_t i = 0; i < t->call_count; i++) {
		s = arena_printf(&d->arena, STR_FMT STR_FMT "(" STR_FMT ")\n",
				 STR_ARG(s), STR_ARG(t->calls[i].name),
				 STR_ARG(t->calls[i].arguments));
	}
	return s;
}

static void compare_turns(struct diff *d, int64_t index,
			  const struct transcript_turn *x,
			  const struct transcript_turn *y)
{
	static const char *const names[] = { "text", "reasoning", "refusal",
					     "tool calls", "finish" };
	struct str was[] = { x->text, x->reasoning, x->refusal, calls_of(d, x),
			     x->finish };
	struct str now[] = { y->text, y->reasoning, y->refusal, calls_of(d, y),
			     y->finish };

	for (size_t i = 0; i < countof(names); i++) {
		struct str where = arena_printf(&d->arena, "answer %lld %s",
						(long long)index, names[i]);

		add_texts(d, arena_cz(&d->arena, where), was[i], now[i]);
	}
}

static const struct transcript_turn *turn_of(const struct transcript *t,
					     int64_t index)
{
	static const struct transcript_turn none;

	for (size_t i = 0; i < t->answer_count; i++) {
		if (t->answers[i].index == index)
			return &t->answers[i];
	}
	return &none;
}

static void compare_answers(struct diff *d)
{
	const struct transcript *x = &d->transcripts[0];
	const struct transcript *y = &d->transcripts[1];

	add_texts(d, "answered by", x->answered_by, y->answered_by);
	for (size_t i = 0; i < x->answer_count; i++)
		compare_turns(d, x->answers[i].index, &x->answers[i],
			      turn_of(y, x->answers[i].index));
	for (size_t i = 0; i < y->answer_count; i++) {
		const struct transcript_turn *turn = &y->answers[i];

		if (turn_of(x, turn->index)->text.ptr == NULL)
			compare_turns(d, turn->index, turn_of(x, turn->index),
				      turn);
	}
	add_texts(d, "error", x->error, y->error);
	add_ints(d, "tokens in", x->usage.in, y->usage.in);
	add_ints(d, "tokens out", x->usage.out, y->usage.out);
	/* Vectors and lists: nothing of them is in a transcript. */
	if (x->answer_count + y->answer_count == 0 && x->error.len == 0 &&
	    y->error.len == 0)
		compare_bodies(d, "answer", d->files[0].recording.response.body,
			       d->files[1].recording.response.body);
}

/* Of a long stretch that is the same only the ends are shown. */
static void print_word(void *arg, enum textdiff_kind kind, struct str text)
{
	struct print *p = arg;

	if (kind == TEXTDIFF_GONE) {
		print_color(p, PRINT_RED);
		print_fmt(p, "[-" STR_FMT "-]", STR_ARG(text));
	} else if (kind == TEXTDIFF_NEW) {
		print_color(p, PRINT_GREEN);
		print_fmt(p, "{+" STR_FMT "+}", STR_ARG(text));
	} else if (text.len <= 3 * WORDS_AROUND) {
		print_add(p, text);
	} else {
		print_add(p, str_take(text, WORDS_AROUND));
		print_styled(p, PRINT_DIM, STR(" ... "));
		print_add(p, str_drop(text, text.len - WORDS_AROUND));
	}
	print_color(p, PRINT_PLAIN);
}

static void print_value(struct print *p, struct str s)
{
	if (s.ptr == NULL) {
		print_styled(p, PRINT_DIM, STR("(nothing)"));
	} else if (s.len > 2 * WORDS_AROUND) {
		print_add(p, str_take(s, 2 * WORDS_AROUND));
		print_styled(p, PRINT_DIM, STR(" ..."));
	} else {
		print_add(p, s);
	}
}

static void print_change(struct print *p, const struct change *c)
{
	print_styled(p, PRINT_BOLD, c->where);
	if (c->is_text && c->was.len + c->now.len > WORDS_AROUND) {
		print_add(p, STR("\n    "));
		textdiff(c->was, c->now, TEXTDIFF_WORDS, print_word, p);
		print_add(p, STR("\n"));
		return;
	}
	print_add(p, STR(": "));
	print_color(p, PRINT_RED);
	print_value(p, c->was);
	print_color(p, PRINT_PLAIN);
	print_add(p, STR(" -> "));
	print_color(p, PRINT_GREEN);
	print_value(p, c->now);
	print_color(p, PRINT_PLAIN);
	print_add(p, STR("\n"));
}

static struct str line_at(struct str s, size_t n, bool from_end)
{
	size_t at = from_end ? s.len : 0;

	while (n > 0 && at > 0 && from_end) {
		at--;
		while (at > 0 && s.ptr[at - 1] != '\n')
			at--;
		n--;
	}
	while (n > 0 && at < s.len && !from_end) {
		size_t end = str_find(str_drop(s, at), STR("\n"));

		at += end + 1;
		n--;
	}
	if (at > s.len)
		at = s.len;
	return from_end ? str_drop(s, at) : str_take(s, at);
}

static void print_line(void *arg, enum textdiff_kind kind, struct str text)
{
	struct print *p = arg;
	struct str head = line_at(text, CONTEXT, false);
	struct str tail = line_at(text, CONTEXT, true);

	if (kind == TEXTDIFF_GONE) {
		print_color(p, PRINT_RED);
		print_lines(p, "- ", text);
	} else if (kind == TEXTDIFF_NEW) {
		print_color(p, PRINT_GREEN);
		print_lines(p, "+ ", text);
	} else if (head.len + tail.len >= text.len) {
		print_lines(p, "  ", text);
	} else {
		print_lines(p, "  ", head);
		print_styled(p, PRINT_DIM, STR("  ...\n"));
		print_lines(p, "  ", tail);
	}
	print_color(p, PRINT_PLAIN);
}

static struct str render(struct diff *d, int i)
{
	struct print p;
	struct str s;

	print_init(&p, false);
	recordings_print(&p, &(struct recordings_view){
				     .recording = &d->files[i].recording,
				     .transcript = &d->transcripts[i],
				     .quiet = true });
	s = arena_str(&d->arena, buf_str(&p.out));
	print_fini(&p);
	return s;
}

static void say_bytes(struct diff *d)
{
	struct str x = d->files[0].recording.response.body;
	struct str y = d->files[1].recording.response.body;
	size_t at = 0;

	while (at < x.len && at < y.len && x.ptr[at] == y.ptr[at])
		at++;
	if (d->count > 0)
		return;
	if (str_eq(x, y))
		print_add(&d->print, STR("both say the same, byte for byte\n"));
	else {
		print_fmt(&d->print,
			  "both say the same; their bytes differ from byte "
			  "%zu on (%zu and %zu bytes)\n",
			  at, x.len, y.len);
	}
}

static void print_all(struct diff *d, char **names)
{
	struct print *p = &d->print;

	print_color(p, PRINT_BOLD);
	print_fmt(p, "--- %s\n+++ %s\n", names[0], names[1]);
	print_color(p, PRINT_PLAIN);
	for (size_t i = 0; i < d->count; i++)
		print_change(p, &d->list[i]);
	say_bytes(d);
	if (d->count > 0) {
		print_add(p, STR("\n"));
		textdiff(render(d, 0), render(d, 1), TEXTDIFF_LINES, print_line,
			 p);
	}
	print_flush(p);
}

static void write_side(struct json_writer *w, struct str name, struct str s)
{
	if (s.ptr == NULL)
		json_member_null(w, name);
	else
		json_member_str(w, name, s);
}

static void write_all(const struct diff *d)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, PRINT_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_bool(&w, STR("same"), d->count == 0);
	json_member_bool(&w, STR("same_bytes"),
			 str_eq(d->files[0].recording.response.body,
				d->files[1].recording.response.body));
	json_member(&w, STR("changes"));
	json_array(&w);
	for (size_t i = 0; i < d->count; i++) {
		json_object(&w);
		json_member_str(&w, STR("where"), d->list[i].where);
		write_side(&w, STR("was"), d->list[i].was);
		write_side(&w, STR("now"), d->list[i].now);
		json_end(&w);
	}
	json_end(&w);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&out);
	buf_fini(&out);
}

int recordings_diff(const struct word_cmd *c)
{
	struct diff d = { 0 };
	int status = RECORDINGS_BAD;
	int n = 0;

	arena_init(&d.arena, SIZE_MAX / 2);
	print_init(&d.print, c->color);
	while (n < 2 && recordings_load(c->args[n], &d.files[n]) == 0) {
		transcript_make(&d.files[n].recording, &d.arena,
				&d.transcripts[n]);
		n++;
	}
	if (n == 2) {
		compare_facts(&d, &d.files[0].recording, &d.files[1].recording);
		compare_answers(&d);
		if (c->json)
			write_all(&d);
		else
			print_all(&d, c->args);
		status = d.count > 0 ? RECORDINGS_DRIFT : RECORDINGS_OK;
	}
	while (n > 0)
		file_fini(&d.files[--n]);
	free(d.list);
	print_fini(&d.print);
	arena_fini(&d.arena);
	return status;
}
