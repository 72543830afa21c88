/*
 * load - what the parts of the loader share while one configuration is read.
 */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "base/map.h"
#include "config/config.h"
#include "config/problem.h"
#include "config/tree.h"

enum {
	LOAD_FILE_MAX = 1 << 20,
	LOAD_EXPANDED_MAX = 8 << 20, /* all text with variables in it */
	LOAD_SCRATCH_MAX = 64 << 20,
	LOAD_ARENA_MAX = 256 << 20,
};

struct load {
	struct config *cfg;   /* being filled */
	struct arena *arena;  /* the configuration's */
	struct arena scratch; /* the tree, and texts for messages */
	struct problems problems;
	struct str file;    /* "" for none */
	struct str builtin; /* its text, when it is part of the program */
	char **env;
	const struct config_provider_type *types; /* may be NULL */
	struct map providers; /* id to its struct, or to load_dropped */
	size_t expanded;      /* bytes so far, below LOAD_EXPANDED_MAX */
};

/* Stands for a provider that was asked for and cannot be had. */
extern char load_dropped[1];

enum load_outcome {
	LOAD_NOTHING = 1, /* null, or empty once expanded */
	LOAD_BAD,         /* the problems say why */
};

/*
 * A scalar with its variables expanded, in the configuration's arena.  path is
 * for messages.  Returns 0 or load_outcome.
 */
must_check int load_text(struct load *l, const struct tree_node *n,
			 struct str path, struct str *out);

/* As load_text() of an entry of map; LOAD_NOTHING when there is none. */
must_check int load_entry(struct load *l, const struct tree_node *map,
			  struct str key, struct str path, struct str *out);

#endif
