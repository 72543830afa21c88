/*
 * tojson - a part of the file as JSON, for what is only passed on.
 */
#ifndef CONFIG_TOJSON_H
#define CONFIG_TOJSON_H

#include "config/load.h"

/*
 * The node as JSON text in the configuration's arena.  A plain scalar is null,
 * true, false or a number if it looks like one; a quoted one is a text.  What
 * variables expand to is typed in the same way, quoted or not, as OGX does: so
 * ${env.DIMENSION:=768} is a number.  Digits that begin with a 0 stay a text.
 * Returns 0, or LOAD_BAD with a problem noted.
 */
must_check int tojson(struct load *l, const struct tree_node *n,
		      struct str path, struct str *out);

#endif
