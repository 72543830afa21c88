#include "config/load.h"

#include "config/env.h"

#include <errno.h>

char load_dropped[1];

static int note_variable(struct load *l, const struct tree_node *n,
			 struct str path, int r, struct str name)
{
	name = problem_printable(&l->scratch, name);
	if (r == ENV_UNSET) {
		problem_error(&l->problems, n->at,
			      STR_FMT ": environment variable " STR_FMT
				      " is not set or empty; ${env." STR_FMT
				      ":=} allows that",
			      STR_ARG(path), STR_ARG(name), STR_ARG(name));
	} else if (r == ENV_BAD_NAME) {
		problem_error(&l->problems, n->at,
			      STR_FMT ": \"${env." STR_FMT
				      "\" is not ${env.NAME}, "
				      "${env.NAME:=text} or ${env.NAME:+text}",
			      STR_ARG(path), STR_ARG(name));
	} else {
		problem_error(&l->problems, n->at,
			      STR_FMT ": too long once expanded",
			      STR_ARG(path));
	}
	return LOAD_BAD;
}

int load_text(struct load *l, const struct tree_node *n, struct str path,
	      struct str *out)
{
	struct str name = STR_NULL;
	struct buf text;
	int r;

	if (n->kind != TREE_SCALAR) {
		problem_error(&l->problems, n->at,
			      STR_FMT ": must be a single value",
			      STR_ARG(path));
		return LOAD_BAD;
	}
	if (tree_is_null(n))
		return LOAD_NOTHING;
	if (!env_has_names(n->text)) {
		*out = arena_str(l->arena, n->text);
		return 0;
	}

	buf_init(&text, TREE_TEXT_MAX);
	r = env_expand(l->env, n->text, &text, &name);
	if (r == 0 && text.len > LOAD_EXPANDED_MAX - l->expanded)
		r = -EMSGSIZE;
	if (r != 0) {
		r = note_variable(l, n, path, r, name);
	} else if (text.len == 0) {
		r = LOAD_NOTHING;
	} else {
		l->expanded += text.len;
		*out = arena_str(l->arena, buf_str(&text));
	}
	buf_fini(&text);
	return r;
}

int load_entry(struct load *l, const struct tree_node *map, struct str key,
	       struct str path, struct str *out)
{
	const struct tree_node *n = tree_find(map, key);

	if (n == NULL)
		return LOAD_NOTHING;
	path = arena_printf(&l->scratch, STR_FMT STR_FMT, STR_ARG(path),
			    STR_ARG(key));
	return load_text(l, n, path, out);
}
