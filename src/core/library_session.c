#include "core/library_impl.h"

#include "base/log.h"
#include "core/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	WAIT_SECONDS = 5
};

static bool is_list(const struct index_entry *e)
{
	return str_eq(e->op, STR("models"));
}

/* Was it made in this run of the session? */
static bool is_recorded(struct library *l, struct session *s,
			const struct index_entry *e)
{
	size_t folder = e->folder.len > 0 ? e->folder.len + 1 : 0;
	struct str name = str_drop(e->path, folder);

	return session_has_written(&l->sessions, s, name);
}

/* A list that is gathered in an arena. */
struct gather {
	struct library *library;
	struct session *session;
	struct arena *arena;
	struct verdict_part *part;
	size_t max;
};

static void add(struct gather *g, struct str path)
{
	struct verdict_part *p = g->part;

	p->total++;
	if (p->count < g->max)
		p->texts[p->count++] = arena_str(g->arena, path);
}

static struct gather gather(struct library *l, struct session *s,
			    struct arena *a, struct verdict_part *part)
{
	struct gather g = { .library = l,
			    .session = s,
			    .arena = a,
			    .part = part,
			    .max = index_count(l->index) };

	part->texts = arena_alloc(a, (g.max + 1) * sizeof(*part->texts));
	return g;
}

/* Of OGX's the test id says whose it is. */
static bool is_of(const struct session *s, const struct index_entry *e)
{
	return str_eq(e->folder, s->folder) ||
	       (e->is_ogx && e->test_id.len > 0 && str_eq(e->test_id, s->name));
}

/* Lists of models are quipu's own business. */
static int note_unused(void *arg, const struct index_entry *e)
{
	struct gather *g = arg;

	if (is_of(g->session, e) && e->served == 0 && !is_list(e) &&
	    !is_recorded(g->library, g->session, e))
		add(g, e->path);
	return 0;
}

static enum edge_mode mode_of(const struct library *l,
			      const struct library_rules *rules)
{
	return rules->has_mode ? rules->mode : l->cfg.mode;
}

static void look(struct library *l, struct session *s, struct arena *a,
		 struct verdict *out)
{
	struct library_rules rules = session_rules(&l->sessions, s);
	struct gather g;

	*out = (struct verdict){
		.session = s->name,
		.folder = s->folder,
		.mode = mode_of(l, &rules),
		.strict = rules.has_strict ? rules.strict : l->cfg.strict,
		.is_over = session_is_over(&l->sessions, s),
	};
	for (size_t i = 0; i < SESSION_NOTES; i++) {
		struct session_list list =
			session_notes(&l->sessions, s, (enum session_note)i, a);

		out->parts[i] = (struct verdict_part){ list.texts, list.count,
						       list.total };
	}
	g = gather(l, s, a, &out->parts[VERDICT_UNUSED]);
	(void)index_each(l->index, NULL, note_unused, &g);
}

static bool stays(void *arg, const struct index_entry *e)
{
	struct gather *g = arg;

	if (g->part->count == g->max || e->is_ogx || is_list(e) ||
	    e->served > 0 || is_recorded(g->library, g->session, e))
		return true;
	add(g, e->path);
	return false;
}

static void unlink_one(struct library *l, struct arena *a, struct str folder,
		       struct str path)
{
	const char *name = arena_cz(a, str_drop(path, folder.len + 1));
	const char *beside = arena_cz(a, arena_printf(a, "%s.bin", name));
	int dir =
		file_open_dir(index_root(l->index), arena_cz(a, folder), false);

	if (dir < 0 || unlinkat(dir, name, 0) < 0) {
		log_warn("recording=" STR_FMT " cannot be removed: %s",
			 STR_ARG(path),
			 strerrordesc_np(dir < 0 ? -dir : errno));
	}
	if (dir < 0)
		return;
	/* Few have one. */
	(void)unlinkat(dir, beside, 0);
	(void)close(dir);
}

/* What was recorded replaces what was there before. */
static void replace(struct library *l, struct session *s, struct arena *a,
		    struct verdict *v)
{
	struct verdict_part *removed = &v->parts[VERDICT_REMOVED];
	struct gather g;

	if (v->mode != EDGE_RECORD || v->parts[VERDICT_RECORDED].total == 0 ||
	    v->parts[VERDICT_LOST].total > 0)
		return;
	g = gather(l, s, a, removed);
	index_forget(l->index, s->folder, stays, &g);
	for (size_t i = 0; i < removed->count; i++)
		unlink_one(l, a, s->folder, removed->texts[i]);
}

static void finish(struct library *l, struct session *s, struct arena *a,
		   struct verdict *out)
{
	session_wait(&l->sessions, s, WAIT_SECONDS);
	writer_flush(l->writer);
	look(l, s, a, out);
	replace(l, s, a, out);
	if (out->parts[VERDICT_REMOVED].total > 0)
		out->parts[VERDICT_UNUSED] = (struct verdict_part){ 0 };
	session_end(&l->sessions, s);
	out->is_over = true;
}

void library_begin(struct library *l, struct str session,
		   const struct library_rules *rules)
{
	struct session *s = session_get(&l->sessions, session);

	/* What was asked before belongs to the run before. */
	session_wait(&l->sessions, s, WAIT_SECONDS);
	writer_flush(l->writer);
	index_reset(l->index, s->name);
	session_begin(&l->sessions, s, rules);
}

struct library_rules library_rules(struct library *l, struct str session)
{
	struct session *s = session_find(&l->sessions, session);

	return s != NULL ? session_rules(&l->sessions, s)
			 : (struct library_rules){ 0 };
}

bool library_look(struct library *l, struct str session, struct arena *a,
		  struct verdict *out)
{
	struct session *s = session_find(&l->sessions, session);

	if (s != NULL)
		look(l, s, a, out);
	return s != NULL;
}

bool library_finish(struct library *l, struct str session, struct arena *a,
		    struct verdict *out)
{
	struct session *s = session_find(&l->sessions, session);

	if (s != NULL)
		finish(l, s, a, out);
	return s != NULL;
}

bool library_release(struct library *l, struct str session)
{
	struct session *s = session_find(&l->sessions, session);

	if (s != NULL)
		(void)atomic_fetch_add(&s->releases, 1);
	return s != NULL;
}

void library_finish_all(struct library *l,
			void (*fn)(void *arg, const struct verdict *v),
			void *arg)
{
	for (struct session *s = session_newest(&l->sessions); s != NULL;
	     s = s->next) {
		struct verdict v;
		struct arena a;

		if (str_eq(s->name, STR("_shared")))
			continue;
		arena_init(&a, SIZE_MAX / 2);
		finish(l, s, &a, &v);
		fn(arg, &v);
		arena_fini(&a);
	}
}
