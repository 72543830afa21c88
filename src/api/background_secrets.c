#include "api/background_secrets.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct entry {
	struct entry *next;
	size_t count; /* of headers */
	size_t size;  /* of all */
	struct str id, session;
	struct http_header headers[];
};

void background_secrets_init(struct background_secrets *s)
{
	pthread_mutex_init(&s->lock, NULL);
	s->first = NULL;
}

/* It is in no list. */
static void wipe(struct entry *e)
{
	explicit_bzero(e, e->size);
	free(e);
}

void background_secrets_fini(struct background_secrets *s)
{
	struct entry *e = s->first, *next;

	for (; e != NULL; e = next) {
		next = e->next;
		wipe(e);
	}
	pthread_mutex_destroy(&s->lock);
}

static bool is_needed(const struct http_header *h)
{
	return h->id == HTTP_AUTHORIZATION || h->id == HTTP_API_KEY ||
	       str_starts(h->name, STR("x-")) || str_starts(h->name, STR("X-"));
}

static struct str put(char **at, struct str s)
{
	struct str copy = { *at, s.len };

	if (s.len > 0)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return copy;
}

void background_secrets_keep(struct background_secrets *s, struct str id,
			     const struct http_head *head, struct str session)
{
	size_t count = 0, size = sizeof(struct entry) + id.len + session.len;
	struct entry *e;
	char *at;

	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];

		if (!is_needed(h))
			continue;
		count++;
		size += sizeof(*h) + h->name.len + h->value.len;
	}
	if (count == 0 && session.len == 0)
		return;
	e = xcalloc(1, size);
	e->size = size;
	at = (char *)&e->headers[count];
	e->id = put(&at, id);
	e->session = put(&at, session);
	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];
		struct http_header *copy = &e->headers[e->count];

		if (!is_needed(h))
			continue;
		*copy = *h;
		copy->name = put(&at, h->name);
		copy->value = put(&at, h->value);
		e->count++;
	}
	pthread_mutex_lock(&s->lock);
	e->next = s->first;
	s->first = e;
	pthread_mutex_unlock(&s->lock);
}

/* Where the entry of that id hangs; *place is NULL when there is none. */
static struct entry **find(struct background_secrets *s, struct str id)
{
	struct entry **place = &s->first;

	while (*place != NULL && !str_eq((*place)->id, id))
		place = &(*place)->next;
	return place;
}

static void copy_out(const struct entry *e, struct arena *a,
		     struct http_head *head, struct str *session)
{
	*session = arena_str(a, e->session);
	head->headers = arena_alloc(a, e->count * sizeof(*head->headers) + 1);
	head->header_count = e->count;
	for (size_t i = 0; i < e->count; i++) {
		head->headers[i] = e->headers[i];
		head->headers[i].name = arena_str(a, e->headers[i].name);
		head->headers[i].value = arena_str(a, e->headers[i].value);
	}
}

void background_secrets_take(struct background_secrets *s, struct str id,
			     struct arena *a, struct http_head *head,
			     struct str *session)
{
	struct entry **place, *e;

	*head = (struct http_head){ .method = STR("POST"), .minor = 1 };
	*session = STR_NULL;
	pthread_mutex_lock(&s->lock);
	place = find(s, id);
	e = *place;
	if (e != NULL) {
		*place = e->next;
		copy_out(e, a, head, session);
		wipe(e);
	}
	pthread_mutex_unlock(&s->lock);
}
