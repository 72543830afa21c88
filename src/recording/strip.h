/*
 * strip - take out of a stream what is there only to hide its lengths.
 *
 *	n = strip_padding(&recording, arena);
 *	exact_write(&recording, ...);
 *
 * Some upstreams put random text beside each delta ("obfuscation" of OpenAI, "p"
 * of others), so that a new recording of the same words differs in every line.
 * Without it the bytes are no longer those that came; the file says so.
 */
#ifndef RECORDING_STRIP_H
#define RECORDING_STRIP_H

#include "recording/recording.h"

/*
 * Drop these members of the events' outermost objects.  The body is copied to a
 * when it changes, its marks follow, and r->stripped is set.  Returns how many
 * events had one.
 */
size_t strip_padding(struct recording *r, struct arena *a);

#endif
