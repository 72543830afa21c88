#include "config/layer.h"

#include "config/env.h"
#include "config/items.h"
#include "config/value.h"

#include <assert.h>

struct config_value *layer_add(struct load *l, struct layer *layer,
			       const struct setting *rows, struct str prefix,
			       enum layer_env env)
{
	struct layer_block *b = &layer->blocks[layer->count++];

	assert(layer->count <= LAYER_BLOCKS_MAX);
	*b = (struct layer_block){ .rows = rows,
				   .count = schema_count(rows),
				   .prefix = prefix,
				   .env = env };
	b->values = arena_zalloc(l->arena, (b->count + 1) * sizeof(*b->values));
	for (size_t i = 0; i < b->count; i++) {
		b->values[i].setting = &rows[i];
		if (rows[i].def == NULL)
			continue;
		b->values[i].value = str_of(rows[i].def);
		b->values[i].origin = STR("default");
	}
	return b->values;
}

static bool is_key(const struct layer_block *b, const struct setting *s,
		   struct str key)
{
	return str_starts(key, b->prefix) &&
	       str_eq(str_drop(key, b->prefix.len), str_of(s->key));
}

struct config_value *layer_find(const struct layer *layer, struct str key)
{
	for (size_t i = 0; i < layer->count; i++) {
		const struct layer_block *b = &layer->blocks[i];

		for (size_t j = 0; j < b->count; j++) {
			if (is_key(b, &b->rows[j], key))
				return &b->values[j];
		}
	}
	return NULL;
}

static const struct layer_block *block_of(const struct layer *layer,
					  const struct config_value *v)
{
	for (size_t i = 0; i < layer->count; i++) {
		const struct layer_block *b = &layer->blocks[i];

		if (v >= b->values && v < b->values + b->count)
			return b;
	}
	assert(false && "the value is of another layer");
	return NULL;
}

static struct str path_of(struct load *l, const struct layer *layer,
			  const struct config_value *v)
{
	struct str prefix = block_of(layer, v)->prefix;

	return arena_printf(&l->scratch, STR_FMT STR_FMT "%s",
			    STR_ARG(layer->path), STR_ARG(prefix),
			    v->setting->key);
}

static void refuse(struct load *l, const struct layer *layer,
		   const struct config_value *v, struct place at,
		   struct str why)
{
	struct str path = path_of(l, layer, v);

	problem_error(&l->problems, at, STR_FMT ": " STR_FMT, STR_ARG(path),
		      STR_ARG(why));
}

static struct str origin_of(struct load *l, struct place at)
{
	if (at.line == 0)
		return arena_str(l->arena, at.name);
	return arena_printf(l->arena, STR_FMT ":%zu", STR_ARG(at.name),
			    at.line);
}

static void put(struct load *l, struct config_value *v, struct str text,
		struct place at)
{
	v->value = text;
	v->origin = origin_of(l, at);
	v->column = at.column;
}

/* "~" and "~/..." are below the home directory, where one is known. */
static struct str expand_home(struct load *l, struct str path)
{
	struct str home = env_get(l->env, STR("HOME"));

	if (home.len == 0 ||
	    (!str_eq(path, STR("~")) && !str_starts(path, STR("~/"))))
		return path;
	path = str_drop(path, 1);
	return arena_printf(l->arena, STR_FMT STR_FMT, STR_ARG(home),
			    STR_ARG(path));
}

static void set_items(struct load *l, const struct layer *layer,
		      struct config_value *v, const struct layer_input *in)
{
	bool is_map = v->setting->kind == SETTING_MAP;
	bool is_headers = is_map && !v->setting->any_names;
	struct layer_input split = *in;

	if (is_map && !in->many) {
		refuse(l, layer, v, in->at,
		       STR("must be a mapping of names to texts"));
		return;
	}
	if (!in->many) {
		split.items =
			items_split(l->arena, in->text, &split.item_count);
	}
	for (size_t i = 0; is_headers && i < split.item_count; i += 2) {
		struct str name = problem_quote(&l->scratch, split.items[i]);

		if (value_is_header(split.items[i], split.items[i + 1]))
			continue;
		refuse(l, layer, v, in->at,
		       arena_printf(&l->scratch,
				    STR_FMT " is no header that can be sent",
				    STR_ARG(name)));
		return;
	}
	v->items = split.items;
	v->item_count = split.item_count;
	put(l, v, items_json(l->arena, split.items, split.item_count, is_map),
	    in->at);
}

static bool check(struct load *l, const struct layer *layer,
		  const struct config_value *v, const struct layer_input *in)
{
	struct value_text text = { in->text, in->written };
	struct str why;

	if (text.written.len == 0)
		text.written = in->text;
	if (value_check(v->setting, text, &l->scratch, &why))
		return true;
	refuse(l, layer, v, in->at, why);
	return false;
}

static void set_one(struct load *l, const struct layer *layer,
		    struct config_value *v, const struct layer_input *in)
{
	const struct setting *s = v->setting;
	struct str text = in->text;
	bool b;

	if (!check(l, layer, v, in))
		return;
	if (s->kind == SETTING_BOOL && value_bool(text, &b))
		text = b ? STR("true") : STR("false");
	if (s->kind == SETTING_PATH)
		text = expand_home(l, text);
	put(l, v, text, in->at);
}

/* A shorthand's limits hold, then each of its keys has the text. */
static void set_all(struct load *l, const struct layer *layer,
		    const struct config_value *v, const struct layer_input *in)
{
	struct str rest = str_of(v->setting->sets), key;
	struct str prefix = block_of(layer, v)->prefix;

	if (!check(l, layer, v, in))
		return;
	while (rest.len > 0) {
		struct config_value *target;

		str_cut(rest, '|', &key, &rest);
		key = arena_printf(&l->scratch, STR_FMT STR_FMT,
				   STR_ARG(prefix), STR_ARG(key));
		target = layer_find(layer, key);
		assert(target != NULL);
		set_one(l, layer, target, in);
	}
}

void layer_set(struct load *l, const struct layer *layer,
	       struct config_value *v, const struct layer_input *in)
{
	const struct setting *s = v->setting;
	struct str prefix = block_of(layer, v)->prefix;

	if (s->kind == SETTING_LIST || s->kind == SETTING_MAP) {
		set_items(l, layer, v, in);
		return;
	}
	if (in->many && !s->joined) {
		refuse(l, layer, v, in->at, STR("must be a single value"));
		return;
	}
	if (in->many) {
		struct layer_input joined = { .at = in->at };

		joined.text = items_join(l->arena, in->items, in->item_count);
		set_one(l, layer, v, &joined);
		return;
	}
	if (s->path != NULL && str_find(in->text, STR("/")) < in->text.len) {
		struct str key = arena_printf(&l->scratch, STR_FMT "%s",
					      STR_ARG(prefix), s->path);

		set_one(l, layer, layer_find(layer, key), in);
		put(l, v, STR("true"), in->at);
		return;
	}
	if (s->sets != NULL) {
		set_all(l, layer, v, in);
	} else {
		set_one(l, layer, v, in);
	}
}

static bool env_applies(const struct layer_block *b, const struct setting *s,
			bool yields)
{
	if (s->env == NULL || b->env == LAYER_ENV_NONE)
		return false;
	if (b->env == LAYER_ENV_YIELDS)
		return yields;
	return s->env_yields == yields;
}

void layer_environment(struct load *l, const struct layer *layer, bool yields)
{
	for (size_t i = 0; i < layer->count; i++) {
		const struct layer_block *b = &layer->blocks[i];

		for (size_t j = 0; j < b->count; j++) {
			struct layer_input in = { 0 };

			if (!env_applies(b, &b->rows[j], yields))
				continue;
			in.text = env_get_first(l->env, str_of(b->rows[j].env),
						&in.at.name);
			if (in.text.len == 0)
				continue;
			in.text = arena_str(l->arena, in.text);
			layer_set(l, layer, &b->values[j], &in);
		}
	}
}

void layer_require(struct load *l, const struct layer *layer, struct place at)
{
	for (size_t i = 0; i < layer->count; i++) {
		const struct layer_block *b = &layer->blocks[i];

		for (size_t j = 0; j < b->count; j++) {
			struct config_value *v = &b->values[j];
			struct str why = STR("is required");

			if (!b->rows[j].required || v->value.len > 0)
				continue;
			if (b->rows[j].env != NULL) {
				why = arena_printf(
					&l->scratch,
					"is required, here or as environment "
					"variable %s",
					b->rows[j].env);
			}
			refuse(l, layer, v, at, why);
		}
	}
}

struct place layer_place(const struct config_value *v)
{
	return (struct place){ .name = v->origin, .column = v->column };
}

static void store_one(struct load *l, const struct config_value *v, char *base)
{
	const struct setting *s = v->setting;
	void *member = base + s->offset;
	bool ok = true;

	switch (s->kind) {
	case SETTING_STR:
	case SETTING_PATH:
		*(struct str *)member = v->value;
		break;
	case SETTING_ENUM:
		if (s->truth != NULL) {
			*(bool *)member = value_is_choice(s->truth, v->value);
		} else {
			*(struct str *)member = v->value;
		}
		break;
	case SETTING_BOOL:
		ok = v->value.len == 0 || value_bool(v->value, member);
		break;
	case SETTING_INT:
	case SETTING_SIZE:
	case SETTING_DURATION:
		ok = v->value.len == 0 || value_number(s, v->value, member);
		break;
	case SETTING_LIST:
		*(struct str *)member =
			items_join(l->arena, v->items, v->item_count);
		break;
	case SETTING_MAP:
		break;
	}
	assert(ok && "checked when it was set");
}

void layer_store(struct load *l, const struct layer_block *b, void *base)
{
	for (size_t i = 0; i < b->count; i++) {
		if (b->rows[i].stored)
			store_one(l, &b->values[i], base);
	}
}
