#include "config/targets.h"

#include "config/layer.h"
#include "config/models.h"

/* "provider/model": of a provider that is there, and not switched off. */
static bool find_provider(struct load *l, struct str path,
			  const struct config_value *v,
			  struct config_target *out)
{
	void *known;

	if (!str_cut(v->value, '/', &out->provider_id, &out->upstream_id) ||
	    out->provider_id.len == 0 || out->upstream_id.len == 0) {
		problem_error(&l->problems, layer_place(v),
			      STR_FMT "model: must be provider_id/model",
			      STR_ARG(path));
		return false;
	}
	known = map_get(&l->providers, out->provider_id);
	if (known == NULL) {
		path = arena_printf(&l->scratch, STR_FMT "model",
				    STR_ARG(path));
		models_note_provider(l, path, out->provider_id, v);
	}
	return known != NULL && known != load_dropped;
}

static void take_target(struct load *l, const struct tree_node *n,
			struct str path, struct config_model *model)
{
	static const struct schema_ignored none[] = { { 0 } };
	struct config_target *out = &model->targets[model->target_count];
	struct layer layer = { .path = path, .ignored = none };
	const struct config_value *id;
	struct str text;
	int r = load_entry(l, n, STR("model"), path, &text);

	/* What expands to nothing is switched off. */
	if (r == LOAD_NOTHING && tree_find(n, STR("model")) != NULL)
		return;
	(void)layer_add(l, &layer, schema_target, STR(""), LAYER_ENV_NONE);
	layer_walk(l, &layer, n);
	layer_require(l, &layer, n->at);
	layer_store(l, &layer.blocks[0], out);
	id = layer_find(&layer, STR("model"));
	if (id->value.len > 0 && find_provider(l, path, id, out))
		model->target_count++;
}

static bool is_list(struct load *l, const struct tree_node *list,
		    struct str path)
{
	if (list->kind == TREE_LIST && list->count > 0 &&
	    list->count <= TARGETS_MAX)
		return true;
	problem_error(&l->problems, list->at,
		      STR_FMT "targets: must be a list of 1 to %d entries",
		      STR_ARG(path), TARGETS_MAX);
	return false;
}

bool targets_load(struct load *l, const struct tree_node *entry,
		  struct str path, struct config_model *model)
{
	const struct tree_node *list = tree_find(entry, STR("targets"));
	size_t i = 0;

	if (list == NULL)
		return false;
	if (!is_list(l, list, path))
		return true;
	model->targets =
		arena_zalloc(l->arena, list->count * sizeof(*model->targets));
	for (const struct tree_node *n = list->first; n != NULL; n = n->next) {
		struct str at =
			arena_printf(&l->scratch, STR_FMT "targets[%zu].",
				     STR_ARG(path), i++);

		if (n->kind == TREE_MAP) {
			take_target(l, n, at, model);
			continue;
		}
		problem_error(&l->problems, n->at,
			      STR_FMT ": must be a mapping",
			      STR_ARG(str_take(at, at.len - 1)));
	}
	return true;
}
