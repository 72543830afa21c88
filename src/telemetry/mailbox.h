/*
 * mailbox - texts from one thread to another, a limited number of them.
 *
 *	if (!mailbox_put(&box, text))
 *		free(text);			(full: it is counted)
 *	while ((text = mailbox_take(&box)) != NULL)
 *		...
 *
 * One thread puts and one takes; neither ever waits.
 */
#ifndef TELEMETRY_MAILBOX_H
#define TELEMETRY_MAILBOX_H

#include "base/counter.h"
#include "base/str.h"

enum {
	MAILBOX_MAX = 4096 /* a power of two */
};

struct mailbox_text {
	size_t len;
	char text[];
};

/* All zero it is empty. */
struct mailbox {
	uint64_t put, taken; /* texts ever put, ever taken */
	uint64_t dropped;    /* those that met a full box */
	struct mailbox_text *texts[MAILBOX_MAX]; /* owned */
};

/* Returns false, and leaves text to the caller, when the box is full. */
bool mailbox_put(struct mailbox *m, struct mailbox_text *text);

/* The oldest, the caller's from now on, or NULL. */
struct mailbox_text *mailbox_take(struct mailbox *m);

/* Texts in it, as the thread that puts sees it. */
size_t mailbox_len(const struct mailbox *m);

/* Free what is left. */
void mailbox_fini(struct mailbox *m);

#endif
