/*
 * list - an intrusive, doubly linked, circular list.
 *
 *	struct list pool;
 *
 *	list_init(&pool);
 *	list_add(&pool, &conn->link);
 *	list_for_each (l, &pool)
 *		use(list_entry(l, struct conn, link));
 *
 * The head is a node of its own.  A node that is in no list points to itself,
 * so that list_drop() may be called twice.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define list_entry(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* NOLINTBEGIN(bugprone-macro-parentheses): the loops declare it. */
#define list_for_each(it, head) \
	for (struct list *it = (head)->next; it != (head); it = it->next)

/* As above, but the node at hand may be dropped. */
#define list_for_each_safe(it, head)                                \
	for (struct list *it = (head)->next, *it##_next = it->next; \
	     it != (head); it = it##_next, it##_next = it->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

/* Insert l before at; with at the head, l becomes the last. */
static inline void list_add(struct list *at, struct list *l)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}

static inline void list_add_first(struct list *head, struct list *l)
{
	list_add(head->next, l);
}

static inline void list_drop(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

/* Take the first node out, or NULL. */
static inline struct list *list_take(struct list *head)
{
	struct list *l = head->next;

	if (l == head)
		return NULL;
	list_drop(l);
	return l;
}

#endif
