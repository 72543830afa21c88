#include "core/session.h"

#include "base/buf.h"
#include "recording/name.h"

#include <stdlib.h>

static const struct {
	struct str list, total;
} names[] = {
	[SESSION_SERVED] = { STR_INIT("served"), STR_INIT("served_total") },
	[SESSION_MISSED] = { STR_INIT("missed"), STR_INIT("missed_total") },
	[SESSION_EXHAUSTED] = { STR_INIT("exhausted"),
				STR_INIT("exhausted_total") },
	[SESSION_EDITED] = { STR_INIT("edited"), STR_INIT("edited_total") },
	[SESSION_STALE] = { STR_INIT("stale"), STR_INIT("stale_total") },
	[SESSION_RECORDED] = { STR_INIT("recorded"),
			       STR_INIT("recorded_total") },
	[SESSION_LOST] = { STR_INIT("lost"), STR_INIT("lost_total") },
	[SESSION_VERIFIED] = { STR_INIT("verified"),
			       STR_INIT("verified_total") },
	[SESSION_DIFFERS] = { STR_INIT("differs"), STR_INIT("differs_total") },
};

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
	name_it(&s->other, STR("_others"));
}

static void clear(struct session *session)
{
	const struct map_entry *e;
	size_t at = 0;

	for (size_t i = 0; i < SESSION_NOTES; i++) {
		struct session_list *list = &session->notes[i];

		for (size_t j = 0; j < list->count; j++)
			drop(list->texts[j]);
		free(list->texts);
		*list = (struct session_list){ 0 };
	}
	while ((e = map_next(&session->occurrences, &at)) != NULL) {
		drop(e->key);
		free(e->value);
	}
	map_fini(&session->occurrences);
	session->occurrences = (struct map){ 0 };
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

void session_begin(struct session_set *s, struct session *session)
{
	(void)pthread_mutex_lock(&s->lock);
	clear(session);
	(void)pthread_mutex_unlock(&s->lock);
}

void session_note(struct session_set *s, struct session *session,
		  enum session_note kind, struct str text)
{
	struct session_list *list = &session->notes[kind];

	(void)pthread_mutex_lock(&s->lock);
	list->total++;
	if (list->count < SESSION_NOTES_MAX) {
		/* Grows to the next power of two. */
		if ((list->count & (list->count - 1)) == 0) {
			size_t room = list->count > 0 ? 2 * list->count : 1;

			list->texts = xrealloc(list->texts,
					       room * sizeof(*list->texts));
		}
		list->texts[list->count++] = keep(text);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

int64_t session_occurrence(struct session_set *s, struct session *session,
			   struct str key)
{
	struct count *count;
	int64_t n;

	(void)pthread_mutex_lock(&s->lock);
	count = map_get(&session->occurrences, key);
	if (count == NULL) {
		count = xcalloc(1, sizeof(*count));
		count->key = keep(key);
		(void)map_put(&session->occurrences, count->key, count);
	}
	n = ++count->n;
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

void session_write(struct session_set *s, struct session *session,
		   struct json_writer *w)
{
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < SESSION_NOTES; i++) {
		const struct session_list *list = &session->notes[i];

		json_member(w, names[i].list);
		json_array(w);
		for (size_t j = 0; j < list->count; j++)
			json_add_str(w, list->texts[j]);
		json_end(w);
		json_member_int(w, names[i].total, (int64_t)list->total);
	}
	(void)pthread_mutex_unlock(&s->lock);
}
