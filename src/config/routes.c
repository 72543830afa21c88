#include "config/routes.h"

#include "config/layer.h"

/* What a request's path is for this route, as it is in the configuration. */
static bool is_path(struct str path)
{
	size_t star = str_find(path, STR("*"));

	return str_starts(path, STR("/")) &&
	       !str_starts(path, STR("/v1/passthrough/")) &&
	       (star == path.len || star + 1 == path.len) && path.len > 1 &&
	       str_find(path, STR("?")) == path.len;
}

static void check(struct load *l, const struct layer *layer)
{
	const struct config_value *path = layer_find(layer, STR("path"));
	const struct config_value *id = layer_find(layer, STR("provider_id"));
	struct str shown;

	if (path->value.len > 0 && !is_path(path->value)) {
		shown = problem_quote(&l->scratch, path->value);
		problem_error(&l->problems, layer_place(path),
			      STR_FMT "path: " STR_FMT
				      " is no path such as /v1/files or "
				      "/v1/audio/*",
			      STR_ARG(layer->path), STR_ARG(shown));
	}
	/* Those of the environment are found out later. */
	if (id->value.len == 0 || !l->cfg->names_providers ||
	    map_get(&l->providers, id->value) != NULL)
		return;
	shown = problem_quote(&l->scratch, id->value);
	problem_error(&l->problems, layer_place(id),
		      STR_FMT "provider_id: there is no provider " STR_FMT,
		      STR_ARG(layer->path), STR_ARG(shown));
}

static void take_entry(struct load *l, const struct tree_node *entry,
		       struct str path)
{
	struct config_route *route = &l->cfg->routes[l->cfg->route_count];
	struct layer layer = { .path = path,
			       .ignored = schema_provider_ignored };

	(void)layer_add(l, &layer, schema_route, STR(""), LAYER_ENV_NONE);
	layer_walk(l, &layer, entry);
	layer_require(l, &layer, entry->at);
	layer_store(l, &layer.blocks[0], route);
	route->origin = layer_find(&layer, STR("path"))->origin;
	check(l, &layer);
	l->cfg->route_count++;
}

void routes_load(struct load *l, const struct tree_node *passthrough)
{
	const struct tree_node *list;
	size_t i = 0;

	if (passthrough->kind != TREE_MAP)
		return;
	list = tree_find(passthrough, STR("routes"));
	if (list == NULL || tree_is_empty(list))
		return;
	if (list->kind != TREE_LIST || list->count > ROUTES_MAX) {
		problem_error(&l->problems, list->at,
			      "passthrough.routes: must be a list of at most "
			      "%d entries",
			      ROUTES_MAX);
		return;
	}
	l->cfg->routes =
		arena_zalloc(l->arena, list->count * sizeof(*l->cfg->routes));
	for (const struct tree_node *n = list->first; n != NULL; n = n->next) {
		struct str path = arena_printf(&l->scratch,
					       "passthrough.routes[%zu].", i++);

		if (n->kind != TREE_MAP) {
			problem_error(&l->problems, n->at,
				      STR_FMT ": must be a mapping",
				      STR_ARG(str_take(path, path.len - 1)));
		} else {
			take_entry(l, n, path);
		}
	}
}

/* "/v1/files/" and all below it, and "/v1/files" too. */
static bool matches(struct str pattern, struct str path)
{
	if (!str_ends(pattern, STR("*")))
		return str_eq(pattern, path);
	pattern.len--;
	if (str_starts(path, pattern))
		return true;
	return str_ends(pattern, STR("/")) &&
	       str_eq(path, str_take(pattern, pattern.len - 1));
}

const struct config_route *routes_find(const struct config *c, struct str path)
{
	for (size_t i = 0; i < c->route_count; i++) {
		if (matches(c->routes[i].path, path))
			return &c->routes[i];
	}
	return NULL;
}
