/*
 * items - the entries of a list or mapping, and their text forms.
 */
#ifndef CONFIG_ITEMS_H
#define CONFIG_ITEMS_H

#include "base/arena.h"
#include "base/buf.h"

/* "a, b,c": trimmed, empty ones left out. */
struct str *items_split(struct arena *a, struct str text, size_t *out_count);

/* "a,b,c" */
struct str items_join(struct arena *a, const struct str *items, size_t count);

/* ["a","b"], or {"a":"b"} of names and values in turn. */
struct str items_json(struct arena *a, const struct str *items, size_t count,
		      bool is_map);

#endif
