#include "config/providers.h"

#include "config/layer.h"
#include "config/network.h"
#include "config/value.h"

#include <assert.h>

/* APIs of OGX's run configuration beside inference. */
static const char other_apis[] =
	"agents|batches|benchmarks|connectors|conversations|datasetio|datasets|"
	"eval|file_processors|files|inspect|interactions|messages|models|"
	"post_training|prompts|responses|safety|scoring|shields|telemetry|"
	"tool_groups|tool_runtime|vector_io|vector_stores";

/* The blocks of a provider's layer. */
enum {
	OWN,
	COMMON,
	NETWORK
};

static void start(struct load *l, struct layer *layer,
		  const struct config_provider_type *type,
		  struct config_provider *p)
{
	const struct config_value *inherited = l->cfg->network_values;
	const size_t count = schema_count(schema_network);

	p->type = arena_str(l->arena, str_of(type->name));
	p->values =
		layer_add(l, layer, type->settings, STR(""), LAYER_ENV_YIELDS);
	p->value_count = layer->blocks[OWN].count;
	p->common =
		layer_add(l, layer, schema_provider, STR(""), LAYER_ENV_NONE);
	p->network_values =
		layer_add(l, layer, schema_network, STR(""), LAYER_ENV_NONE);
	memcpy(p->network_values, inherited, count * sizeof(*inherited));
	layer->ignored = schema_provider_ignored;
	layer_environment(l, layer, true);
}

static void finish(struct load *l, const struct layer *layer,
		   struct config_provider *p)
{
	const struct config_value *allowed =
		layer_find(layer, STR("allowed_models"));
	const struct config_value *refresh =
		layer_find(layer, STR("refresh_models"));
	const struct config_value *forward =
		layer_find(layer, STR("forward_auth"));

	p->native_responses = str_eq(layer_find(layer, STR("responses"))->value,
				     STR("native"));
	p->allowed_models = allowed->items;
	p->allowed_model_count = allowed->item_count;
	p->allow_all_models = allowed->origin.len == 0;
	p->refresh_models = config_value_bool(refresh, true);
	p->forward_auth = config_value_bool(forward, false);
	network_store(l, layer, &layer->blocks[NETWORK], l->cfg->network_values,
		      &p->network);
}

void providers_make(struct load *l, const struct config_provider_type *type,
		    struct str id, struct config_provider *out)
{
	struct layer layer = { 0 };

	*out = (struct config_provider){ .id = arena_str(l->arena, id),
					 .origin = STR("environment") };
	start(l, &layer, type, out);
	finish(l, &layer, out);
}

static const struct config_provider_type *find_type(const struct load *l,
						    struct str name)
{
	const struct config_provider_type *t = l->types;

	for (; t != NULL && t->name != NULL; t++) {
		if (str_eq(str_of(t->name), name))
			return t;
	}
	return NULL;
}

static struct str nearest_type(const struct load *l, struct str name)
{
	const struct config_provider_type *t = l->types;
	struct str best = STR_NULL;
	size_t best_distance = SIZE_MAX, d;

	for (; t != NULL && t->name != NULL; t++) {
		if (!value_is_near(str_of(t->name), name, &d) ||
		    d >= best_distance)
			continue;
		best = str_of(t->name);
		best_distance = d;
	}
	return best;
}

/* OGX has more of them: one that quipu does not know is left out. */
static void note_type(struct load *l, struct str path,
		      const struct config_value *type)
{
	struct str name = problem_quote(&l->scratch, type->value);
	struct str near = nearest_type(l, type->value);

	if (near.len > 0) {
		problem_error(&l->problems, layer_place(type),
			      STR_FMT "provider_type: " STR_FMT
				      " is unknown; did you mean \"" STR_FMT
				      "\"?",
			      STR_ARG(path), STR_ARG(name), STR_ARG(near));
	} else {
		problem_warning(&l->problems, layer_place(type),
				STR_FMT "provider_type: " STR_FMT
					" is not one of quipu's; left out",
				STR_ARG(path), STR_ARG(name));
	}
}

/* An id is a part of model ids, of log lines and of paths. */
static bool is_id(struct str id)
{
	for (size_t i = 0; i < id.len; i++) {
		if (id.ptr[i] <= ' ' || id.ptr[i] == 0x7f)
			return false;
	}
	return id.len > 0 && id.len <= 128;
}

static bool take_id(struct load *l, struct str path,
		    const struct config_value *id)
{
	struct str name = problem_quote(&l->scratch, id->value);
	const char *why = NULL;

	if (!is_id(id->value)) {
		why = "is not 1 to 128 printable ASCII characters";
	} else if (map_get(&l->providers, id->value) != NULL) {
		why = "is the id of another provider";
	}
	if (why == NULL)
		return true;
	problem_error(&l->problems, layer_place(id),
		      STR_FMT "provider_id: " STR_FMT " %s", STR_ARG(path),
		      STR_ARG(name), why);
	return false;
}

static void take_config(struct load *l, struct str path,
			const struct tree_node *entry,
			const struct config_provider_type *type)
{
	struct config_provider *p = &l->cfg->providers[l->cfg->provider_count];
	const struct tree_node *config = tree_find(entry, STR("config"));
	struct layer layer = { .path = arena_printf(&l->scratch,
						    STR_FMT "config.",
						    STR_ARG(path)) };

	start(l, &layer, type, p);
	if (config != NULL && config->kind == TREE_MAP) {
		layer_walk(l, &layer, config);
	} else if (config != NULL && !tree_is_null(config)) {
		problem_error(&l->problems, config->at,
			      STR_FMT "config: must be a mapping",
			      STR_ARG(path));
	}
	layer_require(l, &layer, entry->at);
	finish(l, &layer, p);
	l->cfg->provider_count++;
	(void)map_put(&l->providers, p->id, p);
}

/* An entry that is switched off is not looked at any further. */
static bool is_off(struct load *l, const struct tree_node *entry,
		   struct str path)
{
	struct str id;
	int r;

	if (tree_find(entry, STR("provider_id")) == NULL)
		return false;
	r = load_entry(l, entry, STR("provider_id"), path, &id);
	return r != 0 || id.len == 0 || str_eq(id, STR("__disabled__"));
}

static void take_entry(struct load *l, const struct tree_node *entry,
		       struct str path)
{
	struct layer layer = { .path = path,
			       .ignored = schema_provider_entry_ignored };
	const struct config_provider_type *type;
	const struct config_value *id, *kind;

	(void)layer_add(l, &layer, schema_provider_entry, STR(""),
			LAYER_ENV_NONE);
	layer_walk(l, &layer, entry);
	layer_require(l, &layer, entry->at);
	id = layer_find(&layer, STR("provider_id"));
	kind = layer_find(&layer, STR("provider_type"));
	if (id->value.len == 0) {
		problem_error(&l->problems, entry->at,
			      STR_FMT "provider_id: is required",
			      STR_ARG(path));
		return;
	}
	if (!take_id(l, path, id))
		return;
	type = find_type(l, kind->value);
	if (type == NULL) {
		if (kind->value.len > 0)
			note_type(l, path, kind);
		(void)map_put(&l->providers, id->value, load_dropped);
		return;
	}
	l->cfg->providers[l->cfg->provider_count] =
		(struct config_provider){ .id = id->value,
					  .origin = kind->origin };
	take_config(l, path, entry, type);
}

static void take_inference(struct load *l, const struct tree_node *list)
{
	size_t i = 0;

	l->cfg->names_providers = !tree_is_null(list);
	if (list->kind != TREE_LIST && !tree_is_null(list)) {
		problem_error(&l->problems, list->at,
			      "providers.inference: must be a list");
		return;
	}
	if (list->count > PROVIDERS_MAX) {
		problem_error(&l->problems, list->at,
			      "providers.inference: more than %d entries",
			      PROVIDERS_MAX);
		return;
	}
	l->cfg->providers =
		arena_zalloc(l->arena,
			     (list->count + 1) * sizeof(*l->cfg->providers));
	for (const struct tree_node *n = list->first; n != NULL; n = n->next) {
		struct str path =
			arena_printf(&l->scratch, "providers.inference[%zu].",
				     i++);

		if (n->kind != TREE_MAP) {
			problem_error(&l->problems, n->at,
				      STR_FMT ": must be a mapping",
				      STR_ARG(str_take(path, path.len - 1)));
		} else if (!is_off(l, n, path)) {
			take_entry(l, n, path);
		}
	}
}

static void note_api(struct load *l, const struct tree_node *n)
{
	struct str name = problem_printable(&l->scratch, n->key);
	struct str near = value_nearest("inference", n->key);

	if (near.len > 0) {
		problem_error(&l->problems, n->key_at,
			      "providers." STR_FMT
			      ": unknown key; did you mean \"inference\"?",
			      STR_ARG(name));
	} else if (!tree_is_empty(n)) {
		problem_warning(&l->problems, n->key_at,
				"providers." STR_FMT ": %s", STR_ARG(name),
				value_is_choice(other_apis, n->key)
					? "not used by quipu"
					: "unknown key, ignored");
	}
}

void providers_load(struct load *l, const struct tree_node *map,
		    const struct tree_node *instead)
{
	if (instead != NULL)
		take_inference(l, instead);
	if (map != NULL && map->kind != TREE_MAP && !tree_is_null(map)) {
		problem_error(&l->problems, map->at,
			      "providers: must be a mapping");
	}
	if (map == NULL || map->kind != TREE_MAP)
		return;
	for (const struct tree_node *n = map->first; n != NULL; n = n->next) {
		if (!str_eq(n->key, STR("inference"))) {
			note_api(l, n);
		} else if (instead == NULL) {
			take_inference(l, n);
		}
	}
}
