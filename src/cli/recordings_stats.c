#include "cli/recordings_impl.h"

#include "base/map.h"
#include "recording/timeline.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What all recordings of one operation and model come to. */
struct group {
	struct str key, op, model;
	int64_t count, file_bytes, bytes, events, errors;
	int64_t tokens_in, tokens_out, ms;
};

struct stats {
	struct arena arena; /* of the groups */
	struct map by_key;
	struct group **groups; /* owned; in the order they came */
	size_t count;
	size_t bad;
	struct group total;
};

static struct group *group_of(struct stats *s, struct str op, struct str model)
{
	struct str key = arena_join(&s->arena,
				    (struct str[]){ op, STR("\n"), model }, 3);
	struct group *g = map_get(&s->by_key, key);

	if (g != NULL)
		return g;
	g = arena_zalloc(&s->arena, sizeof(*g));
	g->key = key;
	g->op = str_take(key, op.len);
	g->model = str_drop(key, op.len + 1);
	(void)map_put(&s->by_key, key, g);
	if ((s->count & (s->count - 1)) == 0) {
		s->groups =
			xrealloc(s->groups, (s->count > 0 ? 2 * s->count : 1) *
						    sizeof(struct group *));
	}
	s->groups[s->count++] = g;
	return g;
}

static void add(struct group *g, const struct file *f,
		const struct transcript *t, int64_t file_bytes)
{
	const struct recording_response *res = &f->recording.response;

	g->count++;
	g->file_bytes += file_bytes;
	g->bytes += (int64_t)res->body.len;
	g->events += (int64_t)res->mark_count;
	g->errors += res->fail != RECORDING_ANSWERED || res->status >= 400;
	g->tokens_in += t->usage.in;
	g->tokens_out += t->usage.out;
	g->ms += (int64_t)timeline_ms(res->marks, res->mark_count);
}

static int count_one(void *arg, const struct recordings_place *at)
{
	struct recording_problem problem;
	struct stats *s = arg;
	struct transcript t;
	struct stat st = { 0 };
	struct file f;

	if (file_load(at->dir, at->name, &f, &problem) != 0) {
		s->bad++;
		return 0;
	}
	(void)fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW);
	transcript_make(&f.recording, &f.arena, &t);
	add(group_of(s, f.recording.op, t.model), &f, &t, st.st_size);
	add(&s->total, &f, &t, st.st_size);
	file_fini(&f);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;

	return str_cmp((*x)->key, (*y)->key);
}

static void print_group(struct print *p, const struct group *g)
{
	print_fmt(p,
		  "%-18.*s %-32.*s %7lld %6lld %9lld %11lld %11lld %9lld "
		  "%9lld\n",
		  STR_ARG(g->op),
		  STR_ARG(g->model.len > 0 ? g->model : STR("-")),
		  (long long)g->count, (long long)g->errors,
		  (long long)g->events, (long long)g->bytes,
		  (long long)g->file_bytes, (long long)g->tokens_in,
		  (long long)g->tokens_out);
}

static void print_all(struct stats *s, bool color)
{
	struct print p;

	print_init(&p, color);
	print_color(&p, PRINT_BOLD);
	print_fmt(&p, "%-18s %-32s %7s %6s %9s %11s %11s %9s %9s\n",
		  "operation", "model", "count", "errors", "events", "bytes",
		  "on disk", "tokens in", "out");
	print_color(&p, PRINT_PLAIN);
	for (size_t i = 0; i < s->count; i++)
		print_group(&p, s->groups[i]);
	s->total.op = STR("all");
	print_group(&p, &s->total);
	if (s->total.ms > 0) {
		print_fmt(&p,
			  "%lld.%03lld s of waiting are saved by a replay\n",
			  (long long)s->total.ms / 1000,
			  (long long)s->total.ms % 1000);
	}
	if (s->bad > 0)
		print_fmt(&p, "%zu files cannot be read: see ls\n", s->bad);
	print_flush(&p);
	print_fini(&p);
}

static void write_group(struct json_writer *w, const struct group *g)
{
	json_object(w);
	json_member_str(w, STR("op"), g->op);
	json_member_str(w, STR("model"), g->model);
	json_member_int(w, STR("count"), g->count);
	json_member_int(w, STR("errors"), g->errors);
	json_member_int(w, STR("events"), g->events);
	json_member_int(w, STR("bytes"), g->bytes);
	json_member_int(w, STR("file_bytes"), g->file_bytes);
	json_member_int(w, STR("tokens_in"), g->tokens_in);
	json_member_int(w, STR("tokens_out"), g->tokens_out);
	json_member_int(w, STR("ms"), g->ms);
	json_end(w);
}

static void write_all(const struct stats *s)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, PRINT_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member(&w, STR("groups"));
	json_array(&w);
	for (size_t i = 0; i < s->count; i++)
		write_group(&w, s->groups[i]);
	json_end(&w);
	json_member(&w, STR("total"));
	write_group(&w, &s->total);
	json_member_int(&w, STR("bad"), (int64_t)s->bad);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&out);
	buf_fini(&out);
}

int recordings_stats(const struct word_cmd *c)
{
	struct stats s = { 0 };
	struct recordings_visitor v = { .file = count_one, .arg = &s };
	int r = 0;

	arena_init(&s.arena, SIZE_MAX / 2);
	for (size_t i = 0; i < c->count && r >= 0; i++)
		r = recordings_walk(c->args[i], &v);
	if (s.count > 0)
		qsort(s.groups, s.count, sizeof(struct group *), by_key);
	if (c->json)
		write_all(&s);
	else
		print_all(&s, c->color);
	map_fini(&s.by_key);
	free(s.groups);
	arena_fini(&s.arena);
	return r < 0 || s.bad > 0 ? RECORDINGS_BAD : RECORDINGS_OK;
}
