/*
 * origin - where a provider's requests go.
 *
 * Connections are pooled by origin, and equal ones are one while somebody holds
 * it: a reloaded configuration with the same address, proxy and TLS files keeps
 * its connections.  A file that was replaced meanwhile makes another origin.
 */
#ifndef CORE_ORIGIN_H
#define CORE_ORIGIN_H

#include "net/client.h"
#include "provider/provider.h"

/*
 * The origin of a provider instance, to be given back by origin_put().  Returns
 * 0, or API_FAIL with a message for the operator (a certificate file that cannot
 * be read, a bad proxy URL).  Not for worker threads: it reads files.
 */
must_check int origin_get(const struct provider *p, struct arena *a,
			  const struct client_origin **out,
			  struct api_error *error);

/* One more holder of it; NULL is fine.  Returns it. */
const struct client_origin *origin_ref(const struct client_origin *origin);

/* From any thread; NULL is fine. */
void origin_put(const struct client_origin *origin);

#endif
