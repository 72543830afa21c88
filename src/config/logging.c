#include "config/logging.h"

#include "config/env.h"

static const struct {
	struct str ogx;
	struct str level;
} levels[] = {
	{ STR_INIT("debug"), STR_INIT("debug") },
	{ STR_INIT("info"), STR_INIT("info") },
	{ STR_INIT("warning"), STR_INIT("warn") },
	{ STR_INIT("warn"), STR_INIT("warn") },
	{ STR_INIT("error"), STR_INIT("error") },
	{ STR_INIT("critical"), STR_INIT("error") },
};

static void set_level(struct load *l, const struct layer *layer,
		      struct place at, struct str word)
{
	struct layer_input in = { .at = at };
	struct str shown = problem_quote(&l->scratch, word);

	for (size_t i = 0; i < countof(levels); i++) {
		if (str_eq_nocase(levels[i].ogx, word))
			in.text = levels[i].level;
	}
	if (in.text.len > 0) {
		layer_set(l, layer, layer_find(layer, STR("log.level")), &in);
	} else {
		problem_warning(&l->problems, at,
				"log level " STR_FMT
				" is not one of debug, info, warning, error, "
				"critical; ignored",
				STR_ARG(shown));
	}
}

static void take_levels(struct load *l, const struct layer *layer,
			const struct tree_node *map, struct str path)
{
	const struct tree_node *other = NULL;
	struct str all =
		arena_printf(&l->scratch, STR_FMT ".all", STR_ARG(path));
	struct str word;

	for (const struct tree_node *n = map->first; n != NULL; n = n->next) {
		if (!str_eq_nocase(n->key, STR("all"))) {
			other = n;
			continue;
		}
		if (load_text(l, n, all, &word) == 0)
			set_level(l, layer, n->at, word);
	}
	if (other != NULL) {
		problem_warning(&l->problems, other->key_at,
				STR_FMT
				": quipu has one level for everything; of the "
				"categories only \"all\" is used",
				STR_ARG(path));
	}
}

void logging_load(struct load *l, const struct layer *layer,
		  const struct tree_node *root)
{
	static const struct str keys[] = { STR_INIT("logging"),
					   STR_INIT("logging_config") };

	for (size_t i = 0; i < countof(keys); i++) {
		const struct tree_node *n = tree_find(root, keys[i]);
		struct str path =
			arena_printf(&l->scratch, STR_FMT ".category_levels",
				     STR_ARG(keys[i]));

		if (n == NULL || n->kind != TREE_MAP)
			continue;
		n = tree_find(n, STR("category_levels"));
		if (n != NULL && n->kind == TREE_MAP)
			take_levels(l, layer, n, path);
	}
}

void logging_environment(struct load *l, const struct layer *layer)
{
	const struct place at = { .name = STR("OGX_LOGGING") };
	struct str rest = env_get(l->env, at.name), one, name, word;

	while (rest.len > 0) {
		str_cut(rest, ',', &one, &rest);
		if (str_cut(one, '=', &name, &word) &&
		    str_eq_nocase(str_trim(name), STR("all")))
			set_level(l, layer, at, str_trim(word));
	}
}
