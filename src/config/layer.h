/*
 * layer - the values of one or more tables that share a mapping of the file.
 *
 *	layer_add(l, &layer, schema_settings, STR(""), LAYER_ENV_BY_ROW);
 *	layer_environment(l, &layer, true);
 *	layer_walk(l, &layer, node);
 *	layer_environment(l, &layer, false);
 *	layer_store(&layer.blocks[0], cfg);
 *
 * Whoever sets a value later wins.  Texts are checked when they are set, where
 * it is still known in which line and column they stand.
 */
#ifndef CONFIG_LAYER_H
#define CONFIG_LAYER_H

#include "config/load.h"
#include "config/schema.h"

enum {
	LAYER_BLOCKS_MAX = 5
};

/* Does a variable win over the file? */
enum layer_env {
	LAYER_ENV_BY_ROW,
	LAYER_ENV_YIELDS,
	LAYER_ENV_NONE, /* variables are not for this block */
};

struct layer_block {
	const struct setting *rows;
	size_t count;
	struct str prefix; /* of the rows' keys */
	enum layer_env env;
	struct config_value *values; /* one per row */
};

struct layer {
	struct layer_block blocks[LAYER_BLOCKS_MAX];
	size_t count;
	struct str path; /* "providers.inference[0].config.", for messages */
	const struct schema_ignored *ignored;
	bool tolerant; /* unknown keys at the top are warnings */
};

/* A text with its origin: of a scalar, or the entries of a list or mapping. */
struct layer_input {
	struct place at;
	struct str text;
	struct str written; /* text before variables were put in, or "" */
	bool many;
	struct str *items;
	size_t item_count;
};

/* Add a table with its defaults.  The values live in the configuration. */
struct config_value *layer_add(struct load *l, struct layer *layer,
			       const struct setting *rows, struct str prefix,
			       enum layer_env env);

struct config_value *layer_find(const struct layer *layer, struct str key);

/* Check the input and let the value, or those it is a shorthand for, have it. */
void layer_set(struct load *l, const struct layer *layer,
	       struct config_value *v, const struct layer_input *in);

/* Variables that yield to the file (before layer_walk()), or the others. */
void layer_environment(struct load *l, const struct layer *layer, bool yields);

/* Take the values of a mapping. */
void layer_walk(struct load *l, const struct layer *layer,
		const struct tree_node *map);

/* Note what is required and unset; at is where it might stand. */
void layer_require(struct load *l, const struct layer *layer, struct place at);

/* Write the values to the members of the struct at base. */
void layer_store(struct load *l, const struct layer_block *b, void *base);

/* Where a value came from, as a place. */
struct place layer_place(const struct config_value *v);

#endif
