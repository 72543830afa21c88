/*
 * check - do the rows say what they should?
 *
 * Private to store/.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store/store.h"

/* Tell of each row whose JSON is none.  0, or why not all were read. */
must_check int check_rows(struct store *s, const struct store_finding *f);

#endif
