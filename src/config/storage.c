#include "config/storage.h"

#include "config/layer.h"
#include "config/value.h"

enum {
	BACKENDS_MAX = 64,
	STORES_MAX = 64,
};

/* What OGX keeps, and whether as rows or as keys. */
static const struct {
	const char *name;
	bool is_sql;
} kinds[] = {
	{ "metadata", false }, { "inference", true }, { "conversations", true },
	{ "responses", true }, { "prompts", false },  { "connectors", false },
};

static const struct schema_ignored type_is_read[] = { { "type", true }, { 0 } };
static const struct schema_ignored none[] = { { 0 } };

static struct str path_of(struct load *l, const char *section,
			  const struct tree_node *n)
{
	struct str name = problem_printable(&l->scratch, n->key);

	return arena_printf(&l->scratch, "storage.%s." STR_FMT ".", section,
			    STR_ARG(name));
}

static bool is_map(struct load *l, const struct tree_node *n, struct str path)
{
	if (n->kind == TREE_MAP)
		return true;
	problem_error(&l->problems, n->at, STR_FMT ": must be a mapping",
		      STR_ARG(str_take(path, path.len - 1)));
	return false;
}

static const struct storage_type *find_type(struct str name)
{
	const struct storage_type *t = schema_storage_types;

	while (t->name != NULL && !str_eq(str_of(t->name), name))
		t++;
	return t->name != NULL ? t : NULL;
}

/* The entry's type, or NULL: then it is left out, and that was told. */
static const struct storage_type *
take_type(struct load *l, const struct tree_node *n, struct str path)
{
	const struct storage_type *type;
	struct str name;
	int r = load_entry(l, n, STR("type"), path, &name);

	if (r == LOAD_NOTHING) {
		problem_error(&l->problems, n->at, STR_FMT "type: is required",
			      STR_ARG(path));
	}
	if (r != 0)
		return NULL;
	type = find_type(name);
	if (type == NULL) {
		name = problem_quote(&l->scratch, name);
		problem_warning(&l->problems, tree_find(n, STR("type"))->at,
				STR_FMT "type: " STR_FMT
					" is not one of quipu's; left out",
				STR_ARG(path), STR_ARG(name));
	}
	return type;
}

static struct config_value *
take_values(struct load *l, const struct tree_node *n, struct str path,
	    const struct setting *rows, const struct schema_ignored *ignored)
{
	struct layer layer = { .path = path,
			       .ignored = ignored,
			       .tolerant = true };
	struct config_value *values =
		layer_add(l, &layer, rows, STR(""), LAYER_ENV_NONE);

	layer_walk(l, &layer, n);
	layer_require(l, &layer, n->at);
	return values;
}

static struct str origin_of(struct load *l, const struct tree_node *n)
{
	return arena_printf(l->arena, STR_FMT ":%zu", STR_ARG(n->key_at.name),
			    n->key_at.line);
}

static void take_backend(struct load *l, const struct tree_node *n)
{
	struct config_storage *s = &l->cfg->storage;
	struct str path = path_of(l, "backends", n);
	const struct storage_type *type;

	if (!is_map(l, n, path))
		return;
	type = take_type(l, n, path);
	if (type == NULL)
		return;
	s->backends[s->backend_count++] = (struct config_backend){
		.name = arena_str(l->arena, n->key),
		.type = str_of(type->name),
		.is_sql = type->is_sql,
		.values = take_values(l, n, path, type->settings, type_is_read),
		.origin = origin_of(l, n),
	};
}

static const struct config_backend *find(const struct config_storage *s,
					 struct str name)
{
	for (size_t i = 0; i < s->backend_count; i++) {
		if (str_eq(s->backends[i].name, name))
			return &s->backends[i];
	}
	return NULL;
}

/* One that was left out above takes its stores along. */
static void note_missing(struct load *l, struct str path,
			 const struct config_value *v,
			 const struct tree_node *backends)
{
	struct str name = problem_quote(&l->scratch, v->value);

	if (backends != NULL && backends->kind == TREE_MAP &&
	    tree_find(backends, v->value) != NULL)
		return;
	problem_error(&l->problems, layer_place(v),
		      STR_FMT "backend: there is no backend " STR_FMT
			      " below storage.backends",
		      STR_ARG(path), STR_ARG(name));
}

static bool fits(struct load *l, struct str path, const struct config_value *v,
		 const struct config_store *store)
{
	struct str name = problem_quote(&l->scratch, v->value);

	for (size_t i = 0; i < countof(kinds); i++) {
		if (!str_eq(str_of(kinds[i].name), store->name) ||
		    kinds[i].is_sql == store->backend->is_sql)
			continue;
		problem_error(&l->problems, layer_place(v),
			      STR_FMT "backend: %s needs a backend whose type "
				      "begins with %s; " STR_FMT " is " STR_FMT,
			      STR_ARG(path), kinds[i].name,
			      kinds[i].is_sql ? "sql_" : "kv_", STR_ARG(name),
			      STR_ARG(store->backend->type));
		return false;
	}
	return true;
}

static void take_store(struct load *l, const struct tree_node *n,
		       const struct tree_node *backends)
{
	struct config_storage *s = &l->cfg->storage;
	struct config_store *out = &s->stores[s->store_count];
	struct str path = path_of(l, "stores", n);
	const struct config_value *backend;

	if (tree_is_null(n) || !is_map(l, n, path))
		return;
	*out = (struct config_store){
		.name = arena_str(l->arena, n->key),
		.values = take_values(l, n, path, schema_storage_store, none),
		.origin = origin_of(l, n),
	};
	backend = &out->values[0];
	if (backend->value.len == 0)
		return;
	out->backend = find(s, backend->value);
	if (out->backend == NULL) {
		note_missing(l, path, backend, backends);
	} else if (fits(l, path, backend, out)) {
		s->store_count++;
	}
}

/* The mapping of that name below storage, or NULL. */
static const struct tree_node *section(struct load *l,
				       const struct tree_node *map,
				       const char *name, size_t max)
{
	const struct tree_node *n = tree_find(map, str_of(name));

	if (n == NULL || tree_is_null(n))
		return NULL;
	if (n->kind == TREE_MAP && n->count <= max)
		return n;
	problem_error(&l->problems, n->at,
		      "storage.%s: must be a mapping of at most %zu entries",
		      name, max);
	return NULL;
}

static void note_others(struct load *l, const struct tree_node *map)
{
	for (const struct tree_node *n = map->first; n != NULL; n = n->next) {
		struct str name = problem_printable(&l->scratch, n->key);

		if (value_is_choice("backends|stores", n->key))
			continue;
		problem_warning(&l->problems, n->key_at,
				"storage." STR_FMT ": unknown key, ignored",
				STR_ARG(name));
	}
}

void storage_load(struct load *l, const struct tree_node *map)
{
	struct config_storage *s = &l->cfg->storage;
	const struct tree_node *backends, *stores, *n;

	if (tree_is_null(map))
		return;
	if (map->kind != TREE_MAP) {
		problem_error(&l->problems, map->at,
			      "storage: must be a mapping");
		return;
	}
	backends = section(l, map, "backends", BACKENDS_MAX);
	stores = section(l, map, "stores", STORES_MAX);
	note_others(l, map);
	s->backends =
		arena_zalloc(l->arena, BACKENDS_MAX * sizeof(*s->backends));
	s->stores = arena_zalloc(l->arena, STORES_MAX * sizeof(*s->stores));
	for (n = backends != NULL ? backends->first : NULL; n != NULL;
	     n = n->next)
		take_backend(l, n);
	for (n = stores != NULL ? stores->first : NULL; n != NULL; n = n->next)
		take_store(l, n, backends);
	problem_warning(&l->problems, map->key_at,
			"storage: of the stores only inference is used so far");
}

const struct config_store *storage_find(const struct config_storage *s,
					struct str name)
{
	for (size_t i = 0; i < s->store_count; i++) {
		if (str_eq(s->stores[i].name, name))
			return &s->stores[i];
	}
	return NULL;
}
