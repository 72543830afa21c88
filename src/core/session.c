#include "core/session.h"

#include "base/buf.h"
#include "recording/name.h"

#include <stdlib.h>
#include <time.h>

struct count {
	struct str key; /* owned */
	int64_t n;
};

static struct str keep(struct str s)
{
	char *copy = xmalloc(s.len + 1);

	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return (struct str){ copy, s.len };
}

static void drop(struct str s)
{
	free((void *)(uintptr_t)s.ptr);
}

static void name_it(struct session *session, struct str name)
{
	char folder[RECORDING_NAME_MAX + 1];

	session->name = keep(name);
	session->folder = keep(name_session(name, folder));
	idmap_init(&session->ids);
}

void session_set_init(struct session_set *s)
{
	*s = (struct session_set){ 0 };
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	name_it(&s->other, STR("_others"));
}

static void clear_counts(struct map *counts)
{
	const struct map_entry *e;
	size_t at = 0;

	while ((e = map_next(counts, &at)) != NULL) {
		drop(e->key);
		free(e->value);
	}
	map_fini(counts);
	*counts = (struct map){ 0 };
}

static void clear(struct session *session)
{
	for (size_t i = 0; i < SESSION_NOTES; i++) {
		struct session_list *list = &session->notes[i];

		for (size_t j = 0; j < list->count; j++)
			drop(list->texts[j]);
		free(list->texts);
		*list = (struct session_list){ 0 };
	}
	clear_counts(&session->occurrences);
	clear_counts(&session->written);
	idmap_fini(&session->ids);
	idmap_init(&session->ids);
}

static void fini(struct session *session)
{
	clear(session);
	idmap_fini(&session->ids);
	drop(session->name);
	drop(session->folder);
}

void session_set_fini(struct session_set *s)
{
	struct session *next;

	for (struct session *i = s->first; i != NULL; i = next) {
		next = i->next;
		fini(i);
		free(i);
	}
	fini(&s->other);
	map_fini(&s->by_name);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
}

struct session *session_find(struct session_set *s, struct str name)
{
	struct session *session;

	(void)pthread_mutex_lock(&s->lock);
	session = map_get(&s->by_name, name);
	(void)pthread_mutex_unlock(&s->lock);
	return session;
}

struct session *session_get(struct session_set *s, struct str name)
{
	struct session *session;

	(void)pthread_mutex_lock(&s->lock);
	session = map_get(&s->by_name, name);
	if (session == NULL && s->by_name.len == SESSIONS_MAX) {
		session = &s->other;
	} else if (session == NULL) {
		session = xcalloc(1, sizeof(*session));
		name_it(session, name);
		session->next = s->first;
		s->first = session;
		(void)map_put(&s->by_name, session->name, session);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return session;
}

struct session *session_newest(struct session_set *s)
{
	struct session *session;

	(void)pthread_mutex_lock(&s->lock);
	session = s->first;
	(void)pthread_mutex_unlock(&s->lock);
	return session;
}

void session_begin(struct session_set *s, struct session *session,
		   const struct library_rules *rules)
{
	(void)pthread_mutex_lock(&s->lock);
	clear(session);
	session->rules = *rules;
	session->is_over = false;
	(void)pthread_mutex_unlock(&s->lock);
}

void session_end(struct session_set *s, struct session *session)
{
	(void)pthread_mutex_lock(&s->lock);
	session->is_over = true;
	(void)pthread_mutex_unlock(&s->lock);
}

bool session_is_over(struct session_set *s, struct session *session)
{
	bool is_over;

	(void)pthread_mutex_lock(&s->lock);
	is_over = session->is_over;
	(void)pthread_mutex_unlock(&s->lock);
	return is_over;
}

struct library_rules session_rules(struct session_set *s,
				   struct session *session)
{
	struct library_rules rules;

	(void)pthread_mutex_lock(&s->lock);
	rules = session->rules;
	(void)pthread_mutex_unlock(&s->lock);
	return rules;
}

void session_expect(struct session_set *s, struct session *session, int by)
{
	(void)pthread_mutex_lock(&s->lock);
	session->expected += (size_t)by;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

void session_wait(struct session_set *s, struct session *session, int seconds)
{
	struct timespec until;
	int r = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	(void)pthread_mutex_lock(&s->lock);
	while (session->expected > 0 && r == 0)
		r = pthread_cond_clockwait(&s->changed, &s->lock,
					   CLOCK_MONOTONIC, &until);
	(void)pthread_mutex_unlock(&s->lock);
}

void session_note(struct session_set *s, struct session *session,
		  enum session_note kind, struct str text)
{
	struct session_list *list = &session->notes[kind];

	(void)pthread_mutex_lock(&s->lock);
	session->is_over = false;
	list->total++;
	if (list->count < SESSION_NOTES_MAX) {
		/* Grows to the next power of two. */
		if ((list->count & (list->count - 1)) == 0) {
			size_t room = list->count > 0 ? 2 * list->count : 1;

			list->texts = xrealloc(list->texts,
					       room * sizeof(*list->texts));
		}
		list->texts[list->count++] =
			keep(str_take(text, SESSION_NOTE_BYTES));
	}
	(void)pthread_mutex_unlock(&s->lock);
}

static int64_t count_up(struct map *counts, struct str key)
{
	struct count *count = map_get(counts, key);

	if (count == NULL) {
		count = xcalloc(1, sizeof(*count));
		count->key = keep(key);
		(void)map_put(counts, count->key, count);
	}
	return ++count->n;
}

int64_t session_occurrence(struct session_set *s, struct session *session,
			   struct str key)
{
	int64_t n;

	(void)pthread_mutex_lock(&s->lock);
	n = count_up(&session->occurrences, key);
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

int session_unify(struct session_set *s, struct session *session,
		  struct str recorded, struct str live)
{
	int r;

	(void)pthread_mutex_lock(&s->lock);
	r = idmap_learn(&session->ids, recorded, live);
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

void session_rename(struct session_set *s, struct session *session,
		    struct recording *r, struct arena *a)
{
	(void)pthread_mutex_lock(&s->lock);
	if (idmap_count(&session->ids) > 0)
		idmap_apply(&session->ids, r, a);
	(void)pthread_mutex_unlock(&s->lock);
}

void session_wrote(struct session_set *s, struct session *session,
		   struct str name)
{
	(void)pthread_mutex_lock(&s->lock);
	(void)count_up(&session->written, name);
	(void)pthread_mutex_unlock(&s->lock);
}

bool session_has_written(struct session_set *s, struct session *session,
			 struct str name)
{
	bool has;

	(void)pthread_mutex_lock(&s->lock);
	has = map_get(&session->written, name) != NULL;
	(void)pthread_mutex_unlock(&s->lock);
	return has;
}

struct session_list session_notes(struct session_set *s,
				  struct session *session,
				  enum session_note kind, struct arena *a)
{
	struct session_list list;
	struct str *copies;

	(void)pthread_mutex_lock(&s->lock);
	list = session->notes[kind];
	copies = arena_alloc(a, (list.count + 1) * sizeof(*copies));
	for (size_t i = 0; i < list.count; i++)
		copies[i] = arena_str(a, list.texts[i]);
	(void)pthread_mutex_unlock(&s->lock);
	list.texts = copies;
	return list;
}
