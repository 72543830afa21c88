/*
 * credentials - what one attempt authorizes itself with.
 *
 * A key that the client brought (provider/provider_data.h), its bearer token when
 * the provider forwards it, or the configured one; and the token that the
 * provider wants in place of a key (core/tokens.h).  Asked for before each
 * attempt, since another attempt may go to another provider.
 */
#ifndef CORE_CREDENTIALS_H
#define CORE_CREDENTIALS_H

#include "core/exchange.h"

/*
 * Set x->request.key, and x->request.token for providers that need one, waiting
 * until it is there.  Returns 0, -ECANCELED, or API_FAIL with x->error: what the
 * client brought cannot be used, it brought nothing and had to, or no token was
 * to be had.
 */
must_check int credentials_take(struct task *t, struct exchange *x);

/*
 * The upstream answered 401 or 403: is there a token that may have been revoked?
 * It is forgotten then, and one more attempt may do.
 */
bool credentials_renew(struct task *t, struct exchange *x);

/*
 * Hide in x->error every credential of this attempt, should the upstream repeat
 * it: what a client brought is not known to the log, and must not get there.
 * x->body is cleared when it has one.
 */
void credentials_hide(struct exchange *x);

#endif
