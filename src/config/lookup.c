#include "config/lookup.h"

#include "config/env.h"

#include <sys/stat.h>

static bool is_file(struct load *l, struct str path)
{
	struct stat st;

	return path.len > 0 && stat(arena_cz(&l->scratch, path), &st) == 0 &&
	       !S_ISDIR(st.st_mode);
}

/* A word with a slash is a path and nothing else. */
static bool is_name(struct str word)
{
	return str_find(word, STR("/")) == word.len &&
	       !str_ends(word, STR(".yaml")) && !str_ends(word, STR(".yml"));
}

static bool find_ogx(struct load *l, struct str name, struct str *out)
{
	struct str home = env_get(l->env, STR("HOME"));
	struct str dir = env_get(l->env, STR("OGX_CONFIG_DIR"));
	struct str paths[3];

	if (dir.len == 0 && home.len == 0)
		return false;
	if (dir.len == 0)
		dir = arena_printf(&l->scratch, STR_FMT "/.ogx", STR_ARG(home));
	paths[0] = arena_printf(l->arena,
				STR_FMT "/distributions/ogx-" STR_FMT
					"/" STR_FMT "-config.yaml",
				STR_ARG(dir), STR_ARG(name), STR_ARG(name));
	paths[1] =
		arena_printf(l->arena,
			     STR_FMT "/distributions/" STR_FMT "/config.yaml",
			     STR_ARG(dir), STR_ARG(name));
	paths[2] = arena_printf(l->arena,
				STR_FMT "/.llama/distributions/" STR_FMT
					"/" STR_FMT "-run.yaml",
				STR_ARG(home), STR_ARG(name), STR_ARG(name));
	for (size_t i = 0; i < countof(paths); i++) {
		if (is_file(l, paths[i])) {
			*out = paths[i];
			return true;
		}
	}
	return false;
}

int lookup_file(struct load *l, struct str word, struct str *out_file,
		struct str *out_text)
{
	*out_text = STR_NULL;
	*out_file = arena_str(l->arena, word);
	if (is_file(l, word))
		return 0;
	if (!is_name(word))
		return LOAD_NOTHING;
	if (str_eq(word, STR("starter"))) {
		*out_text = str_of(lookup_starter);
		return 0;
	}
	return find_ogx(l, word, out_file) ? 0 : LOAD_NOTHING;
}
