/*
 * origin - where a provider's requests go: interned, for the program's life.
 *
 * Connections are pooled by origin, so that a reloaded configuration with the
 * same origin keeps its connections.
 */
#ifndef CORE_ORIGIN_H
#define CORE_ORIGIN_H

#include "net/client.h"
#include "provider/provider.h"

/*
 * The origin of a provider instance.  Returns 0, or API_FAIL with a message for
 * the operator (a certificate file that cannot be read, a bad proxy URL).  Not
 * for worker threads: it reads files.
 */
must_check int origin_get(const struct provider *p, struct arena *a,
			  const struct client_origin **out,
			  struct api_error *error);

/* At the program's end. */
void origin_free_all(void);

#endif
