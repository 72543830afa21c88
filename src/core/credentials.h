/*
 * credentials - what one attempt authorizes itself with.
 *
 * A key that the client brought (provider/provider_data.h), its bearer token when
 * the provider forwards it, or the configured one.  Asked for before each
 * attempt, since another attempt may go to another provider.
 */
#ifndef CORE_CREDENTIALS_H
#define CORE_CREDENTIALS_H

#include "core/exchange.h"

/*
 * Set x->request.key.  Returns 0, or API_FAIL with x->error: what the client
 * brought cannot be used, or it brought nothing and had to.
 */
must_check int credentials_take(struct exchange *x);

/*
 * Hide in x->error every credential of this attempt, should the upstream repeat
 * it: what a client brought is not known to the log, and must not get there.
 * x->body is cleared when it has one.
 */
void credentials_hide(struct exchange *x);

#endif
