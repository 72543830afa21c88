#include "recording/index.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/map.h"
#include "recording/index_file.h"
#include "recording/name.h"
#include "recording/tree.h"

enum {
	FOLDER_MAX = 1024,
	LISTS_MAX = 256, /* files of one model list */
	RANKS = 3,
};

/* An entry under one of its keys; a chain is in the order of occ. */
struct link {
	struct index_entry *entry;
	struct link *next;
	bool loose;
};

struct chain {
	struct link *first, *last;
};

struct counter {
	struct str session;
	uint64_t taken;
};

struct index {
	int root;
	pthread_mutex_t lock; /* of all below */
	struct arena arena;
	struct map chains;            /* key -> struct chain */
	struct map counters;          /* session and key -> struct counter */
	struct index_entry **entries; /* owned; the entries are in the arena */
	size_t count, cap;
	const struct index_options *options; /* while it is opened */
};

/* Whose folders are looked into, and which come first. */
struct places {
	char own[RECORDING_NAME_MAX + 1];
	char test[FOLDER_MAX];
	struct str session_folder, test_folder;
	bool any;  /* no session: all folders */
	bool peek; /* nothing is served */
};

static void find_places(struct str session, struct places *p)
{
	p->session_folder = name_session(session, p->own);
	p->test_folder = index_test_folder(session, p->test, sizeof(p->test));
	p->any = session.len == 0;
	p->peek = false;
}

/* Is the shorter one the other's end, by whole parts? */
static bool is_same_end(struct str a, struct str b)
{
	struct str tail = a.len < b.len ? a : b;
	struct str all = a.len < b.len ? b : a;

	return tail.len > 0 && str_ends(all, tail) &&
	       (all.len == tail.len || all.ptr[all.len - tail.len - 1] == '/');
}

static bool is_shared(struct str folder)
{
	return folder.len == 0 || str_eq(folder, STR("_shared")) ||
	       str_eq(folder, STR("default")) ||
	       str_eq(folder, STR("recordings")) ||
	       is_same_end(folder, STR("common/recordings"));
}

/* 0 is the best; RANKS is not at all. */
static unsigned rank_of(const struct index_entry *e, const struct places *p)
{
	if (str_eq(e->folder, p->session_folder) ||
	    is_same_end(e->folder, p->test_folder))
		return 0;
	if (is_shared(e->folder))
		return 1;
	return p->any || e->is_ogx ? 2 : RANKS;
}

static struct str key_str(const char key[RECORDING_KEY_LEN])
{
	return (struct str){ key, RECORDING_KEY_LEN };
}

static void add_link(struct index *ix, const char *key, struct index_entry *e,
		     bool loose)
{
	struct chain *c = map_get(&ix->chains, key_str(key));
	struct link *l = arena_zalloc(&ix->arena, sizeof(*l)), **at;

	*l = (struct link){ .entry = e, .loose = loose };
	if (c == NULL) {
		c = arena_zalloc(&ix->arena, sizeof(*c));
		(void)map_put(&ix->chains, key_str(key), c);
	}
	/* Files mostly come in their order. */
	at = c->last != NULL && c->last->entry->occ <= e->occ ? &c->last->next
							      : &c->first;
	while (*at != NULL && (*at)->entry->occ <= e->occ)
		at = &(*at)->next;
	l->next = *at;
	*at = l;
	if (l->next == NULL)
		c->last = l;
}

/* The entry of the same folder that would be served for the same request. */
static const struct index_entry *find_twin(const struct index *ix,
					   const struct index_entry *e)
{
	const struct chain *c = map_get(&ix->chains, key_str(e->key));

	for (const struct link *l = c != NULL ? c->first : NULL; l != NULL;
	     l = l->next) {
		if (str_eq(l->entry->path, e->path) ||
		    (!l->loose && !e->is_list && l->entry->occ == e->occ &&
		     str_eq(l->entry->folder, e->folder)))
			return l->entry;
	}
	return NULL;
}

/* Under the lock. */
static int insert(struct index *ix, const struct index_entry *e,
		  struct recording_problem *problem)
{
	const struct index_entry *twin = find_twin(ix, e);
	struct index_entry *copy;

	/* Written anew. */
	if (twin != NULL && str_eq(twin->path, e->path))
		return 0;
	if (twin != NULL) {
		return recording_bad(problem, "the same request as " STR_FMT,
				     STR_ARG(twin->path));
	}
	if (ix->count == INDEX_ENTRIES_MAX)
		return recording_bad(problem, "too many recordings");
	if (ix->count == ix->cap) {
		ix->cap = ix->cap == 0 ? 256 : 2 * ix->cap;
		ix->entries = xrealloc(ix->entries,
				       ix->cap * sizeof(struct index_entry *));
	}
	copy = arena_alloc(&ix->arena, sizeof(*copy));
	*copy = *e;
	ix->entries[ix->count++] = copy;
	add_link(ix, copy->key, copy, false);
	if (!str_eq(key_str(copy->key), key_str(copy->loose)))
		add_link(ix, copy->loose, copy, true);
	return 0;
}

/* Folder and name as they stand below the root, in the arena. */
static void set_path(struct index *ix, struct str folder, const char *name,
		     struct index_entry *e)
{
	struct str parts[] = { folder, folder.len > 0 ? STR("/") : STR_NULL,
			       str_of(name) };

	e->path = arena_join(&ix->arena, parts, countof(parts));
	e->folder = str_take(e->path, folder.len);
}

static int open_one(void *arg, int dir, struct str folder, const char *name)
{
	struct index *ix = arg;
	struct recording_problem problem;
	struct index_entry e;
	int r = index_file_read(dir, name, &ix->arena, &e, &problem);

	if (r == 0) {
		set_path(ix, folder, name, &e);
		r = insert(ix, &e, &problem);
	} else {
		set_path(ix, folder, name, &e);
	}
	if (r != 0 && ix->options->report != NULL)
		ix->options->report(ix->options->arg, e.path, problem.text);
	return 0;
}

static void skipped(void *arg, struct str path, const char *why)
{
	const struct index *ix = arg;

	if (ix->options->report != NULL)
		ix->options->report(ix->options->arg, path, why);
}

int index_open(const char *root, const struct index_options *options,
	       struct index **out)
{
	struct index *ix = xcalloc(1, sizeof(*ix));
	struct tree_visitor visitor = { .file = open_one,
					.skipped = skipped,
					.arg = ix };
	int r = 0;

	arena_init(&ix->arena, SIZE_MAX / 2);
	(void)pthread_mutex_init(&ix->lock, NULL);
	ix->options = options;
	ix->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ix->root < 0)
		r = err_new(-errno, "recordings: cannot open %s", root);
	if (r == 0)
		r = tree_walk(root, &visitor);
	ix->options = NULL;
	if (r < 0) {
		index_close(ix);
		return err_up(r);
	}
	*out = ix;
	return 0;
}

void index_close(struct index *ix)
{
	if (ix == NULL)
		return;
	if (ix->root >= 0)
		(void)close(ix->root);
	(void)pthread_mutex_destroy(&ix->lock);
	map_fini(&ix->chains);
	map_fini(&ix->counters);
	free(ix->entries);
	arena_fini(&ix->arena);
	free(ix);
}

/* How many of a chain are of the best rank there, and which rank that is. */
static size_t count_best(const struct chain *c, const struct places *p,
			 unsigned *out_rank)
{
	size_t counts[RANKS + 1] = { 0 };

	for (const struct link *l = c->first; l != NULL; l = l->next)
		counts[rank_of(l->entry, p)]++;
	*out_rank = 0;
	while (*out_rank < RANKS && counts[*out_rank] == 0)
		++*out_rank;
	return *out_rank < RANKS ? counts[*out_rank] : 0;
}

/* The nth of them, from 0. */
static const struct link *pick(const struct chain *c, const struct places *p,
			       unsigned rank, uint64_t nth)
{
	const struct link *l = c->first;

	while (l != NULL && (rank_of(l->entry, p) != rank || nth-- > 0))
		l = l->next;
	return l;
}

/* How often this key was asked for in this session; NULL: too many of them. */
static struct counter *counter_of(struct index *ix, struct str session,
				  struct str key)
{
	struct str parts[] = { session, STR("\n"), key };
	struct arena scratch;
	struct counter *c;
	struct str name;

	arena_init(&scratch, SIZE_MAX / 2);
	name = arena_join(&scratch, parts, countof(parts));
	c = map_get(&ix->counters, name);
	if (c == NULL && ix->counters.len < INDEX_COUNTERS_MAX) {
		name = arena_str(&ix->arena, name);
		c = arena_zalloc(&ix->arena, sizeof(*c));
		c->session = str_take(name, session.len);
		(void)map_put(&ix->counters, name, c);
	}
	arena_fini(&scratch);
	return c;
}

/* Which of count recordings the turn from 0 gets; count when there is none. */
static uint64_t choose(const struct index_query *q, uint64_t turn,
		       uint64_t count)
{
	if (turn < count)
		return turn;
	switch (q->on_exhausted) {
	case INDEX_LAST:
		return count - 1;
	case INDEX_CYCLE:
		return turn % count;
	case INDEX_STOP:
		break;
	}
	return count;
}

/* One of a key's recordings. */
static int take_from(struct index *ix, const struct chain *c,
		     const struct index_query *q, const struct places *p,
		     struct index_hit *out)
{
	unsigned rank;
	uint64_t count = count_best(c, p, &rank), turn, nth;
	const struct link *l;

	if (count == 0)
		return INDEX_MISS;
	l = pick(c, p, rank, 0);
	assert(l != NULL);
	turn = (uint64_t)(q->occurrence > 0 ? q->occurrence - 1 : 0);
	if (q->occurrence == 0) {
		struct counter *n =
			counter_of(ix, q->session, key_str(l->entry->key));

		if (n == NULL)
			return err_new(-ENOSPC,
				       "recordings: too many sessions");
		turn = n->taken++;
	}
	/* OGX knows no repeats: one file is the answer to all of them. */
	nth = l->entry->is_ogx ? 0 : choose(q, turn, count);
	l = pick(c, p, rank, nth < count ? nth : count - 1);
	assert(l != NULL);
	*out = (struct index_hit){ .entry = l->entry,
				   .loose = l->loose,
				   .again = turn >= count,
				   .turn = (int64_t)turn + 1 };
	if (nth >= count)
		return INDEX_EXHAUSTED;
	l->entry->served += !p->peek;
	return 0;
}

static int take(struct index *ix, const struct index_query *q,
		const struct places *p, struct index_hit *out)
{
	for (size_t i = 0; i < q->key_count; i++) {
		const struct chain *c = map_get(&ix->chains, q->keys[i]);
		int r = c != NULL ? take_from(ix, c, q, p, out) : INDEX_MISS;

		if (r == INDEX_MISS)
			continue;
		if (r >= 0)
			out->tier = i;
		return r;
	}
	return INDEX_MISS;
}

int index_take(struct index *ix, const struct index_query *query,
	       struct index_hit *out)
{
	struct places p;
	int r;

	find_places(query->session, &p);
	(void)pthread_mutex_lock(&ix->lock);
	r = take(ix, query, &p, out);
	(void)pthread_mutex_unlock(&ix->lock);
	return r;
}

int index_peek(struct index *ix, const struct index_query *query,
	       struct index_hit *out)
{
	struct index_query q = *query;
	struct places p;
	int r;

	if (q.occurrence == 0)
		q.occurrence = 1;
	find_places(q.session, &p);
	p.peek = true;
	(void)pthread_mutex_lock(&ix->lock);
	r = take(ix, &q, &p, out);
	(void)pthread_mutex_unlock(&ix->lock);
	return r;
}

int index_read(const struct index *ix, struct str path, struct file *out,
	       struct recording_problem *problem)
{
	return index_file_load(ix->root, path, out, problem);
}

/* All files of a model list that the session sees, the best first. */
static size_t find_lists(struct index *ix, const struct index_query *q,
			 const char *key, const struct index_entry **out)
{
	const struct chain *c;
	struct places p;
	size_t n = 0;

	find_places(q->session, &p);
	(void)pthread_mutex_lock(&ix->lock);
	c = map_get(&ix->chains, key_str(key));
	for (const struct link *l = c != NULL ? c->first : NULL;
	     l != NULL && n < LISTS_MAX; l = l->next) {
		if (l->entry->is_list && rank_of(l->entry, &p) < 2)
			out[n++] = l->entry;
	}
	(void)pthread_mutex_unlock(&ix->lock);
	return n;
}

/* The bodies of the other lists are read into out's arena, and united. */
static void unite(const struct index *ix, const struct index_entry **lists,
		  size_t count, struct file *out)
{
	struct recording_response *res = &out->recording.response;
	struct str *bodies =
		arena_alloc(&out->arena, (count + 1) * sizeof(*bodies));
	size_t n = 1;

	bodies[0] = res->body;
	for (size_t i = 0; i < count; i++) {
		struct file f;

		if (index_read(ix, lists[i]->path, &f, NULL) != 0)
			continue;
		bodies[n++] = arena_str(&out->arena, f.recording.response.body);
		file_fini(&f);
	}
	res->body = index_file_unite(bodies, n, &out->arena);
	res->marks[0].end = res->body.len;
}

int index_load(struct index *ix, const struct index_query *query,
	       const struct index_hit *hit, struct file *out,
	       struct recording_problem *problem)
{
	const struct index_entry **lists;
	size_t n;
	int r = index_read(ix, hit->entry->path, out, problem);

	if (r != 0 || !hit->entry->is_list)
		return r;
	lists = arena_alloc(&out->arena, LISTS_MAX * sizeof(void *));
	n = find_lists(ix, query, hit->entry->key, lists);
	unite(ix, lists, n, out);
	return 0;
}

int index_add(struct index *ix, struct str folder, const char *name,
	      struct recording_problem *problem)
{
	struct arena_mark mark;
	struct index_entry e;
	struct arena texts;
	size_t before;
	int fd = index_file_folder(ix->root, folder), r;

	if (fd < 0)
		return recording_bad(problem, "its folder is not there");
	arena_init(&texts, SIZE_MAX / 2);
	r = index_file_read(fd, name, &texts, &e, problem);
	(void)close(fd);
	if (r == 0) {
		(void)pthread_mutex_lock(&ix->lock);
		mark = arena_mark(&ix->arena);
		before = ix->count;
		e.op = arena_str(&ix->arena, e.op);
		e.model = arena_str(&ix->arena, e.model);
		e.test_id = arena_str(&ix->arena, e.test_id);
		set_path(ix, folder, name, &e);
		r = insert(ix, &e, problem);
		if (ix->count == before)
			arena_rewind(&ix->arena, mark);
		(void)pthread_mutex_unlock(&ix->lock);
	}
	arena_fini(&texts);
	return r;
}

/* Take an entry's link out of the chain of one of its keys. */
static void drop_link(struct index *ix, const char *key,
		      const struct index_entry *e)
{
	struct chain *c = map_get(&ix->chains, key_str(key));
	struct link *before = NULL;

	for (struct link *l = c != NULL ? c->first : NULL; l != NULL;
	     l = l->next) {
		if (l->entry != e) {
			before = l;
			continue;
		}
		if (before != NULL) {
			before->next = l->next;
		} else {
			c->first = l->next;
		}
		if (c->last == l)
			c->last = before;
		return;
	}
}

void index_forget(struct index *ix, struct str folder,
		  bool (*stays)(void *arg, const struct index_entry *e),
		  void *arg)
{
	size_t kept = 0;

	(void)pthread_mutex_lock(&ix->lock);
	for (size_t i = 0; i < ix->count; i++) {
		struct index_entry *e = ix->entries[i];

		if (!str_eq(e->folder, folder) ||
		    (stays != NULL && stays(arg, e))) {
			ix->entries[kept++] = e;
			continue;
		}
		drop_link(ix, e->key, e);
		drop_link(ix, e->loose, e);
	}
	ix->count = kept;
	(void)pthread_mutex_unlock(&ix->lock);
}

void index_reset(struct index *ix, struct str session)
{
	const struct map_entry *e;
	struct places p;
	size_t at = 0;

	find_places(session, &p);
	(void)pthread_mutex_lock(&ix->lock);
	while ((e = map_next(&ix->counters, &at)) != NULL) {
		struct counter *c = e->value;

		if (str_eq(c->session, session))
			c->taken = 0;
	}
	for (size_t i = 0; i < ix->count; i++) {
		if (rank_of(ix->entries[i], &p) == 0)
			ix->entries[i]->served = 0;
	}
	(void)pthread_mutex_unlock(&ix->lock);
}

int index_each(struct index *ix, const struct str *folder,
	       int (*fn)(void *arg, const struct index_entry *e), void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0; i++) {
		struct index_entry copy;
		bool skip;

		(void)pthread_mutex_lock(&ix->lock);
		skip = i < ix->count && folder != NULL &&
		       !str_eq(ix->entries[i]->folder, *folder);
		if (i < ix->count)
			copy = *ix->entries[i];
		r = i < ix->count ? 0 : -ENOENT;
		(void)pthread_mutex_unlock(&ix->lock);
		if (r == 0 && !skip)
			r = fn(arg, &copy);
	}
	return r == -ENOENT ? 0 : r;
}

size_t index_count(struct index *ix)
{
	size_t n;

	(void)pthread_mutex_lock(&ix->lock);
	n = ix->count;
	(void)pthread_mutex_unlock(&ix->lock);
	return n;
}

int index_root(const struct index *ix)
{
	return ix->root;
}
