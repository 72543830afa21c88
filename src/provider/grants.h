/*
 * grants - the exchanges there are, and what each is asked with.
 */
#ifndef PROVIDER_GRANTS_H
#define PROVIDER_GRANTS_H

#include "provider/grant.h"

/* IBM Cloud IAM: API key -> bearer token.  args: key, target. */
extern const struct grant_type grant_ibm;

#endif
