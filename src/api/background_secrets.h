/*
 * background_secrets - what a background run needs of its client's headers: keys,
 * and which recordings it named.
 *
 * Private to background.  In memory only, and wiped when it is taken.  Any thread
 * may call.
 */
#ifndef API_BACKGROUND_SECRETS_H
#define API_BACKGROUND_SECRETS_H

#include "base/arena.h"
#include "http/head.h"

#include <pthread.h>

struct entry;

struct background_secrets {
	pthread_mutex_t lock;
	struct entry *first;
};

void background_secrets_init(struct background_secrets *s);
void background_secrets_fini(struct background_secrets *s);

/* Keep what is needed of a request's head and session of recordings. */
void background_secrets_keep(struct background_secrets *s, struct str id,
			     const struct http_head *head, struct str session);

/*
 * Take it out, into a: an empty head when nothing was kept.
 */
void background_secrets_take(struct background_secrets *s, struct str id,
			     struct arena *a, struct http_head *head,
			     struct str *session);

#endif
