#include "config/flags.h"

#include "config/value.h"

#define DASHES STR("--")

static struct config_value *find(const struct layer *layer, struct str name)
{
	for (size_t i = 0; i < layer->count; i++) {
		const struct layer_block *b = &layer->blocks[i];

		for (size_t j = 0; j < b->count; j++) {
			if (b->rows[j].flag != NULL &&
			    str_eq(str_of(b->rows[j].flag), name))
				return &b->values[j];
		}
	}
	return NULL;
}

static struct str nearest(const struct layer *layer, struct str name)
{
	struct str best = STR_NULL;
	size_t best_distance = SIZE_MAX, d;

	for (size_t i = 0; i < layer->count; i++) {
		const struct layer_block *b = &layer->blocks[i];

		for (size_t j = 0; j < b->count; j++) {
			struct str flag = str_of(b->rows[j].flag);

			if (value_is_near(flag, name, &d) &&
			    d < best_distance) {
				best = flag;
				best_distance = d;
			}
		}
	}
	return best;
}

static void note_unknown(struct load *l, const struct layer *layer,
			 struct str name)
{
	struct place at = { .name = problem_printable(&l->scratch, name) };
	struct str near = nearest(layer, str_drop(name, DASHES.len));

	if (!str_starts(name, STR("-"))) {
		problem_error(&l->problems, at, "unexpected argument");
	} else if (near.len > 0) {
		problem_error(&l->problems, at,
			      "unknown flag; did you mean \"--" STR_FMT "\"?",
			      STR_ARG(near));
	} else {
		problem_error(&l->problems, at, "unknown flag");
	}
}

/* "--no-log-access" names a row of kind BOOL. */
static struct config_value *find_negated(const struct layer *layer,
					 struct str name)
{
	struct config_value *v = NULL;

	if (str_starts(name, STR("no-")))
		v = find(layer, str_drop(name, 3));
	return v != NULL && v->setting->kind == SETTING_BOOL ? v : NULL;
}

/* Take one flag.  Returns how many words it has. */
static size_t take(struct load *l, const struct layer *layer, char **flags)
{
	struct str word = str_of(flags[0]), name, text;
	struct layer_input in = { 0 };
	struct config_value *v = NULL;
	bool has_text = str_cut(word, '=', &name, &text);
	size_t used = 1;

	in.at.name = name;
	if (str_starts(word, DASHES))
		v = find(layer, str_drop(name, DASHES.len));
	if (v == NULL && str_starts(word, DASHES) && !has_text) {
		v = find_negated(layer, str_drop(name, DASHES.len));
		text = STR("false");
		has_text = v != NULL;
	}
	if (v == NULL) {
		note_unknown(l, layer, name);
		return used;
	}
	if (!has_text && v->setting->kind == SETTING_BOOL) {
		text = STR("true");
	} else if (!has_text && flags[1] != NULL &&
		   !str_starts(str_of(flags[1]), DASHES)) {
		text = str_of(flags[1]);
		used = 2;
	} else if (!has_text) {
		problem_error(&l->problems, in.at, "needs a value");
		return used;
	}
	in.text = arena_str(l->arena, text);
	layer_set(l, layer, v, &in);
	return used;
}

void flags_apply(struct load *l, const struct layer *layer, char **flags)
{
	while (flags != NULL && *flags != NULL)
		flags += take(l, layer, flags);
}

struct str flags_find(char **flags, struct str name)
{
	struct str found = STR_NULL, word, key, text;

	for (; flags != NULL && *flags != NULL; flags++) {
		word = str_of(*flags);
		if (!str_starts(word, DASHES))
			continue;
		if (str_cut(str_drop(word, DASHES.len), '=', &key, &text)) {
			if (str_eq(key, name))
				found = text;
		} else if (str_eq(key, name) && flags[1] != NULL &&
			   !str_starts(str_of(flags[1]), DASHES)) {
			found = str_of(flags[1]);
		}
	}
	return found;
}
