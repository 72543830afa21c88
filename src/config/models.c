#include "config/models.h"

#include "config/layer.h"
#include "config/targets.h"
#include "config/tojson.h"
#include "config/value.h"

struct models {
	struct load *load;
	struct map seen; /* ids to the entry's struct */
};

void models_note_provider(struct load *l, struct str path, struct str id,
			  const struct config_value *v)
{
	struct str name = problem_quote(&l->scratch, id);
	struct str near = STR_NULL;
	size_t best = SIZE_MAX, d;

	for (size_t i = 0; i < l->cfg->provider_count; i++) {
		if (value_is_near(l->cfg->providers[i].id, id, &d) &&
		    d < best) {
			near = l->cfg->providers[i].id;
			best = d;
		}
	}
	if (near.len > 0) {
		problem_error(&l->problems, layer_place(v),
			      STR_FMT ": there is no provider " STR_FMT
				      "; did you mean \"" STR_FMT "\"?",
			      STR_ARG(path), STR_ARG(name), STR_ARG(near));
	} else {
		problem_error(&l->problems, layer_place(v),
			      STR_FMT ": there is no provider " STR_FMT,
			      STR_ARG(path), STR_ARG(name));
	}
}

/* Does the model have a provider?  One that was left out takes it along. */
static bool has_provider(struct load *l, struct str path,
			 struct config_model *m, const struct config_value *v,
			 struct place at)
{
	void *known = map_get(&l->providers, m->provider_id);

	if (m->provider_id.len == 0 && l->cfg->provider_count == 1) {
		m->provider_id = l->cfg->providers[0].id;
		return true;
	}
	if (m->provider_id.len == 0) {
		problem_error(&l->problems, at,
			      STR_FMT "provider_id: is required",
			      STR_ARG(path));
		return false;
	}
	if (known == NULL && str_eq(m->provider_id, STR("all"))) {
		m->any_provider = true;
		return true;
	}
	if (known == NULL) {
		models_note_provider(l,
				     arena_printf(&l->scratch,
						  STR_FMT "provider_id",
						  STR_ARG(path)),
				     m->provider_id, v);
	}
	return known != NULL && known != load_dropped;
}

static bool is_new(struct models *m, struct str path,
		   const struct config_model *model,
		   const struct config_value *v)
{
	struct load *l = m->load;
	struct str name = problem_quote(&l->scratch, model->id);
	const struct config_model *other = map_get(&m->seen, model->id);

	if (other == NULL)
		return true;
	problem_error(&l->problems, layer_place(v),
		      STR_FMT "model_id: " STR_FMT
			      " stands twice, first in " STR_FMT,
		      STR_ARG(path), STR_ARG(name), STR_ARG(other->origin));
	return false;
}

static void take_metadata(struct load *l, const struct tree_node *entry,
			  struct str path, struct config_model *model)
{
	const struct tree_node *map = tree_find(entry, STR("metadata"));

	if (map == NULL || tree_is_null(map))
		return;
	path = arena_printf(&l->scratch, STR_FMT "metadata", STR_ARG(path));
	if (map->kind != TREE_MAP) {
		problem_error(&l->problems, map->at,
			      STR_FMT ": must be a mapping", STR_ARG(path));
		return;
	}
	model->members =
		arena_zalloc(l->arena,
			     (map->count + 1) * sizeof(struct config_member));
	for (const struct tree_node *n = map->first; n != NULL; n = n->next) {
		struct config_member *m = &model->members[model->member_count];
		struct str key = problem_printable(&l->scratch, n->key);

		key = arena_printf(&l->scratch, STR_FMT "." STR_FMT,
				   STR_ARG(path), STR_ARG(key));
		if (tojson(l, n, key, &m->json) != 0)
			continue;
		m->name = arena_str(l->arena, n->key);
		model->member_count++;
	}
}

/* By its targets, or else by its provider. */
static bool is_served(struct load *l, const struct tree_node *entry,
		      const struct layer *layer, struct config_model *model)
{
	const struct config_value *v = layer_find(layer, STR("provider_id"));
	const struct config_value *other =
		layer_find(layer, STR("provider_model_id"));

	if (!targets_load(l, entry, layer->path, model))
		return has_provider(l, layer->path, model, v, entry->at);
	if (v->origin.len == 0)
		v = other;
	if (v->origin.len > 0) {
		problem_error(&l->problems, layer_place(v),
			      STR_FMT STR_FMT ": does not go with targets",
			      STR_ARG(layer->path),
			      STR_ARG(str_of(v->setting->key)));
	}
	return model->target_count > 0;
}

/* As a target of several it is left out, which may be meant. */
static void note_not_allowed(struct load *l, const struct layer *layer,
			     const struct config_model *m)
{
	const struct config_value *v =
		layer_find(layer, STR("provider_model_id"));

	if (m->target_count > 0 || m->any_provider || m->any_model)
		return;
	if (v->origin.len == 0)
		v = layer_find(layer, STR("model_id"));
	for (size_t i = 0; i < l->cfg->provider_count; i++) {
		const struct config_provider *p = &l->cfg->providers[i];

		if (!str_eq(p->id, m->provider_id) ||
		    config_provider_allows(p, m->upstream_id))
			continue;
		problem_warning(&l->problems, layer_place(v),
				STR_FMT "%s: not among the allowed_models of "
					"provider \"" STR_FMT "\"",
				STR_ARG(layer->path), v->setting->key,
				STR_ARG(p->id));
	}
}

static void take_entry(struct models *m, const struct tree_node *entry,
		       struct str path)
{
	struct load *l = m->load;
	struct config_model *model = &l->cfg->models[l->cfg->model_count];
	struct layer layer = { .path = path, .ignored = schema_model_ignored };
	const struct config_value *id;

	(void)layer_add(l, &layer, schema_model, STR(""), LAYER_ENV_NONE);
	layer_walk(l, &layer, entry);
	layer_require(l, &layer, entry->at);
	*model = (struct config_model){ 0 };
	layer_store(l, &layer.blocks[0], model);
	id = layer_find(&layer, STR("model_id"));
	model->origin = id->origin;
	if (model->upstream_id.len == 0)
		model->upstream_id = model->id;
	model->any_model = str_eq(model->upstream_id, STR("auto"));
	take_metadata(l, entry, path, model);
	if (!is_served(l, entry, &layer, model) || model->id.len == 0 ||
	    !is_new(m, path, model, id))
		return;
	note_not_allowed(l, &layer, model);
	(void)map_put(&m->seen, model->id, model);
	l->cfg->model_count++;
}

/* Names that expand to nothing, or to what is switched off, drop the entry. */
static bool is_off(struct load *l, const struct tree_node *entry,
		   struct str path)
{
	static const struct str keys[] = { STR_INIT("model_id"),
					   STR_INIT("provider_id") };

	for (size_t i = 0; i < countof(keys); i++) {
		struct str text;
		int r;

		if (tree_find(entry, keys[i]) == NULL)
			continue;
		r = load_entry(l, entry, keys[i], path, &text);
		if (r != 0 || text.len == 0 ||
		    str_eq(text, STR("__disabled__")))
			return true;
	}
	return false;
}

static void take_models(struct load *l, const struct tree_node *list)
{
	struct models m = { .load = l };
	size_t i = 0;

	if (list->kind != TREE_LIST || list->count > MODELS_MAX) {
		if (!tree_is_null(list)) {
			problem_error(&l->problems, list->at,
				      "registered_resources.models: must be a "
				      "list of at most %d entries",
				      MODELS_MAX);
		}
		return;
	}
	l->cfg->models = arena_zalloc(l->arena, (list->count +
						 1) * sizeof(*l->cfg->models));
	for (const struct tree_node *n = list->first; n != NULL; n = n->next) {
		struct str path =
			arena_printf(&l->scratch,
				     "registered_resources.models[%zu].", i++);

		if (n->kind != TREE_MAP) {
			problem_error(&l->problems, n->at,
				      STR_FMT ": must be a mapping",
				      STR_ARG(str_take(path, path.len - 1)));
		} else if (!is_off(l, n, path)) {
			take_entry(&m, n, path);
		}
	}
	map_fini(&m.seen);
}

static void note_other(struct load *l, const struct tree_node *n)
{
	struct str name = problem_printable(&l->scratch, n->key);
	bool near = value_nearest("models", n->key).len > 0;

	if (near) {
		problem_error(&l->problems, n->key_at,
			      "registered_resources." STR_FMT
			      ": unknown key; did you mean \"models\"?",
			      STR_ARG(name));
	} else if (!tree_is_empty(n)) {
		problem_warning(&l->problems, n->key_at,
				"registered_resources." STR_FMT
				": not used by quipu",
				STR_ARG(name));
	}
}

void models_load(struct load *l, const struct tree_node *map)
{
	if (map->kind != TREE_MAP) {
		if (!tree_is_null(map)) {
			problem_error(
				&l->problems, map->at,
				"registered_resources: must be a mapping");
		}
		return;
	}
	for (const struct tree_node *n = map->first; n != NULL; n = n->next) {
		if (str_eq(n->key, STR("models"))) {
			take_models(l, n);
		} else {
			note_other(l, n);
		}
	}
}
