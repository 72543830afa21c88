#include "config/layer.h"

#include "config/value.h"

#include <assert.h>

/* One mapping of the file and the keys that lead to it: "server.limits." */
struct walk {
	struct load *load;
	const struct layer *layer;
	struct str prefix;
};

static struct str path_of(const struct walk *w, struct str key)
{
	key = problem_printable(&w->load->scratch, key);
	return arena_printf(&w->load->scratch, STR_FMT STR_FMT STR_FMT,
			    STR_ARG(w->layer->path), STR_ARG(w->prefix),
			    STR_ARG(key));
}

/* What follows prefix in the full key of a row; false when it is elsewhere. */
static bool below(const struct layer_block *b, const struct setting *s,
		  struct str prefix, struct str *out_rest)
{
	struct str row = str_of(s->key);

	if (s->outside)
		return false;
	if (str_starts(b->prefix, prefix) && b->prefix.len > prefix.len) {
		*out_rest = str_drop(b->prefix, prefix.len);
		return true;
	}
	if (!str_starts(prefix, b->prefix))
		return false;
	prefix = str_drop(prefix, b->prefix.len);
	if (!str_starts(row, prefix))
		return false;
	*out_rest = str_drop(row, prefix.len);
	return true;
}

/* What a look at all names at one place of the schema found out about a word. */
struct look {
	struct str word;
	size_t distance;
	struct str best;
	bool leads; /* word is the name of a mapping */
};

static void see(struct look *l, struct str rest)
{
	struct str name, more;
	size_t d;

	if (str_cut(rest, '.', &name, &more) && str_eq(name, l->word))
		l->leads = true;
	if (value_is_near(name, l->word, &d) && d < l->distance) {
		l->distance = d;
		l->best = name;
	}
}

static struct look look_around(const struct walk *w, struct str word)
{
	struct look l = { .word = word, .distance = SIZE_MAX };
	struct str rest;

	for (size_t i = 0; i < w->layer->count; i++) {
		const struct layer_block *b = &w->layer->blocks[i];

		for (size_t j = 0; j < b->count; j++) {
			if (below(b, &b->rows[j], w->prefix, &rest))
				see(&l, rest);
		}
	}
	for (size_t i = 0; w->layer->ignored[i].key != NULL; i++) {
		rest = str_of(w->layer->ignored[i].key);
		if (str_starts(rest, w->prefix))
			see(&l, str_drop(rest, w->prefix.len));
	}
	return l;
}

static bool is_last_part(struct str key, struct str word)
{
	return str_ends(key, word) && key.len > word.len &&
	       key.ptr[key.len - word.len - 1] == '.';
}

/* The full key of the first row whose last part is word, or "". */
static struct str find_elsewhere(const struct walk *w, struct str word)
{
	for (size_t i = 0; i < w->layer->count; i++) {
		const struct layer_block *b = &w->layer->blocks[i];

		for (size_t j = 0; j < b->count; j++) {
			struct str key = str_of(b->rows[j].key);

			if (b->rows[j].outside || !is_last_part(key, word))
				continue;
			return arena_printf(&w->load->scratch, STR_FMT STR_FMT,
					    STR_ARG(b->prefix), STR_ARG(key));
		}
	}
	/* What other code reads may also be sought at the wrong place. */
	for (size_t i = 0; w->layer->ignored[i].key != NULL; i++) {
		struct str key = str_of(w->layer->ignored[i].key);

		if (is_last_part(key, word))
			return key;
	}
	return STR_NULL;
}

static void note_unknown(const struct walk *w, const struct tree_node *n,
			 struct str near)
{
	struct problems *p = &w->load->problems;
	struct str path = path_of(w, n->key);

	if (near.len == 0 && n->key.len > 0)
		near = find_elsewhere(w, n->key);
	if (near.len > 0) {
		problem_error(p, n->key_at,
			      STR_FMT ": unknown key; did you mean \"" STR_FMT
				      "\"?",
			      STR_ARG(path), STR_ARG(near));
	} else if (w->layer->tolerant && w->prefix.len == 0) {
		problem_warning(p, n->key_at, STR_FMT ": unknown key, ignored",
				STR_ARG(path));
	} else {
		problem_error(p, n->key_at, STR_FMT ": unknown key",
			      STR_ARG(path));
	}
}

static const struct schema_ignored *find_ignored(const struct walk *w,
						 struct str key)
{
	const struct schema_ignored *s = w->layer->ignored;

	for (; s->key != NULL; s++) {
		if (str_eq(str_of(s->key), key))
			return s;
	}
	return NULL;
}

static void note_ignored(const struct walk *w, const struct tree_node *n,
			 const struct schema_ignored *s)
{
	struct str path = path_of(w, n->key);

	if (!s->quiet && !tree_is_empty(n)) {
		problem_warning(&w->load->problems, n->key_at,
				STR_FMT ": not used by quipu", STR_ARG(path));
	}
}

/* Entries that are null or expand to nothing are left out. */
static int take_items(const struct walk *w, const struct tree_node *n,
		      struct str path, struct layer_input *in)
{
	bool is_map = n->kind == TREE_MAP;
	size_t count = 0;

	in->many = true;
	in->items =
		arena_alloc(w->load->arena, 2 * n->count * sizeof(*in->items));
	for (const struct tree_node *i = n->first; i != NULL; i = i->next) {
		struct str text;
		int r = load_text(w->load, i, path, &text);

		if (r == LOAD_NOTHING)
			continue;
		if (r != 0)
			return r;
		if (is_map)
			in->items[count++] = arena_str(w->load->arena, i->key);
		in->items[count++] = text;
	}
	in->item_count = count;
	return 0;
}

static void take(const struct walk *w, const struct tree_node *n,
		 struct config_value *v)
{
	enum setting_kind kind = v->setting->kind;
	struct layer_input in = { .at = n->at };
	struct str path = path_of(w, n->key);
	int r;

	if (((kind == SETTING_LIST || v->setting->joined) &&
	     n->kind == TREE_LIST) ||
	    (kind == SETTING_MAP && n->kind == TREE_MAP)) {
		r = take_items(w, n, path, &in);
	} else {
		r = load_text(w->load, n, path, &in.text);
	}
	if (n->kind == TREE_SCALAR)
		in.written = n->text;
	if (r == 0)
		layer_set(w->load, w->layer, v, &in);
}

static void walk(const struct walk *w, const struct tree_node *map);

static void visit(const struct walk *w, const struct tree_node *n,
		  struct str key, struct config_value *v)
{
	const struct schema_ignored *ignored = find_ignored(w, key);
	struct look look = look_around(w, n->key);
	struct walk inner = *w;

	inner.prefix =
		arena_printf(&w->load->scratch, STR_FMT ".", STR_ARG(key));
	if (ignored != NULL) {
		note_ignored(w, n, ignored);
	} else if (v != NULL && !v->setting->outside &&
		   (n->kind != TREE_MAP || !look.leads)) {
		take(w, n, v);
	} else if (!look.leads) {
		note_unknown(w, n, look.best);
	} else if (n->kind == TREE_MAP) {
		walk(&inner, n);
	} else if (!tree_is_null(n)) {
		problem_error(&w->load->problems, n->at,
			      STR_FMT ": must be a mapping",
			      STR_ARG(path_of(w, n->key)));
	}
}

/* Shorthands first, so that "read" yields to "idle" whatever comes first. */
static void walk(const struct walk *w, const struct tree_node *map)
{
	for (int pass = 0; pass < 2; pass++) {
		const struct tree_node *n = map->first;

		for (; n != NULL; n = n->next) {
			struct str key =
				arena_printf(&w->load->scratch, STR_FMT STR_FMT,
					     STR_ARG(w->prefix),
					     STR_ARG(n->key));
			struct config_value *v = layer_find(w->layer, key);
			bool shorthand = v != NULL && v->setting->sets != NULL;

			if (shorthand == (pass == 0))
				visit(w, n, key, v);
		}
	}
}

void layer_walk(struct load *l, const struct layer *layer,
		const struct tree_node *map)
{
	const struct walk w = { .load = l, .layer = layer };

	assert(map->kind == TREE_MAP);
	walk(&w, map);
}
