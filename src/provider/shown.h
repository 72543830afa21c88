/*
 * shown - what an unknown server sent, for a message.
 */
#ifndef PROVIDER_SHOWN_H
#define PROVIDER_SHOWN_H

#include "base/arena.h"

/*
 * One line of at most 300 bytes, in a: without the tags of a page, and with '?'
 * for what is no printable UTF-8.
 */
struct str shown_text(struct str body, struct arena *a);

#endif
