/*
 * catalog - the models, built from the registry and the upstreams' lists.
 */
#include "base/log.h"
#include "core/registry.h"

#include <stdlib.h>

enum {
	CATALOG_BYTES_MAX = 256 << 20,
	CATALOG_MODELS_MAX = 100000,
	NEAREST_MAX = 3,
	LOCAL_BYTES_MAX = 1 << 20,
};

static void add_model(struct catalog *c, struct model m,
		      const struct catalog *before, int64_t now_s)
{
	const struct model *was =
		before != NULL ? map_get(&before->by_id, m.id) : NULL;
	struct model *slot;

	/* The first one stands: registered before listed. */
	if (c->model_count == c->model_max ||
	    map_get(&c->by_id, m.id) != NULL) {
		return;
	}
	slot = &c->models[c->model_count];
	if (m.created_s == 0)
		m.created_s = was != NULL ? was->created_s : now_s;
	*slot = m;
	c->model_count++;
	(void)map_put(&c->by_id, slot->id, slot);
}

static bool is_allowed(const struct provider *p, struct str upstream_id)
{
	return p->config == NULL ||
	       config_provider_allows(p->config, upstream_id);
}

static struct str type_of(const struct upstream *u,
			  const struct provider_model *m)
{
	return provider_model_type(u->provider.type->known_models, m);
}

/* Of the upstream's list the model that one of the configuration stands for. */
static const struct provider_model *pick(const struct config_model *m,
					 const struct upstream *u,
					 const struct model_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct provider_model *one = &list->items[i];
		bool fits = m->any_model
				    ? str_eq(type_of(u, one), m->type) &&
					      !provider_model_is_other(one->id)
				    : str_eq(one->id, m->upstream_id);

		if (fits && is_allowed(&u->provider, one->id))
			return one;
	}
	return NULL;
}

/* The targets of a registered model while they are being found. */
struct finding {
	struct catalog *catalog;
	const struct config_model *model;
	struct target found[CHOICE_TARGETS_MAX];
	size_t count;
};

static void add_target(struct finding *f, struct target t)
{
	size_t at = f->count;

	if (f->count == CHOICE_TARGETS_MAX)
		return;
	/* In the order in which they are asked. */
	for (; at > 0 && f->found[at - 1].priority > t.priority; at--)
		f->found[at] = f->found[at - 1];
	t.key = arena_printf(&f->catalog->arena, STR_FMT "/" STR_FMT,
			     STR_ARG(t.upstream->provider.id),
			     STR_ARG(t.upstream_id));
	f->found[at] = t;
	f->count++;
}

static void add_named(struct finding *f, struct str provider_id,
		      struct target t)
{
	t.upstream = registry_find(f->catalog->registry, provider_id);
	if (t.upstream != NULL &&
	    is_allowed(&t.upstream->provider, t.upstream_id))
		add_target(f, t);
}

/*
 * "all" and "auto" are looked up in the lists: while none has such a model,
 * nobody serves it.
 */
static void add_searched(struct finding *f)
{
	const struct registry *reg = f->catalog->registry;
	const struct config_model *m = f->model;

	for (size_t i = 0; i < reg->upstream_count; i++) {
		const struct upstream *u = &reg->upstreams[i];
		const struct provider_model *one = NULL;

		if (m->any_provider || str_eq(u->provider.id, m->provider_id))
			one = pick(m, u, &f->catalog->lists[i]);
		if (one == NULL)
			continue;
		add_target(f, (struct target){ .upstream = u,
					       .upstream_id = one->id,
					       .weight = 1,
					       .priority = (unsigned)i });
	}
}

static void find_targets(struct finding *f)
{
	const struct config_model *m = f->model;

	if (m->target_count == 0 && (m->any_provider || m->any_model)) {
		add_searched(f);
	} else if (m->target_count == 0) {
		add_named(f, m->provider_id,
			  (struct target){ .upstream_id = m->upstream_id,
					   .weight = 1 });
	}
	for (size_t i = 0; i < m->target_count; i++) {
		const struct config_target *t = &m->targets[i];

		add_named(f, t->provider_id,
			  (struct target){ .upstream_id = t->upstream_id,
					   .weight = (unsigned)t->weight,
					   .priority = (unsigned)t->priority });
	}
}

static struct model make_registered(const struct finding *f)
{
	struct model m = { .id = f->model->id,
			   .type = f->model->type,
			   .config = f->model,
			   .upstream = f->found[0].upstream,
			   .upstream_id = f->found[0].upstream_id,
			   .key = f->found[0].key };
	struct target *all;

	if (f->count < 2)
		return m;
	all = arena_alloc(&f->catalog->arena, f->count * sizeof(*all));
	memcpy(all, f->found, f->count * sizeof(*all));
	m.targets = all;
	m.target_count = f->count;
	return m;
}

static void add_registered(struct catalog *c, const struct catalog *before,
			   int64_t now_s)
{
	const struct config *cfg = c->registry->config;
	struct finding *f = xcalloc(1, sizeof(*f));

	f->catalog = c;
	for (size_t i = 0; i < cfg->model_count; i++) {
		f->model = &cfg->models[i];
		f->count = 0;
		find_targets(f);
		if (f->count > 0)
			add_model(c, make_registered(f), before, now_s);
	}
	free(f);
}

/* A list of the upstream, or of what it is allowed to serve when it has none. */
static void add_listed(struct catalog *c, const struct upstream *u,
		       const struct model_list *list,
		       const struct catalog *before, int64_t now_s)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct provider_model *m = &list->items[i];
		struct str id;

		if (!is_allowed(&u->provider, m->id))
			continue;
		id = arena_printf(&c->arena, STR_FMT "/" STR_FMT,
				  STR_ARG(u->provider.id), STR_ARG(m->id));
		add_model(c,
			  (struct model){ .id = id,
					  .key = id,
					  .upstream_id = m->id,
					  .type = type_of(u, m),
					  .created_s = m->created_s,
					  .upstream = u },
			  before, now_s);
	}
}

static void copy_list(struct catalog *c, struct model_list *to,
		      const struct model_list *from)
{
	*to = *from;
	to->failure = arena_str(&c->arena, from->failure);
	to->items = arena_alloc(&c->arena, from->count * sizeof(*to->items));
	for (size_t i = 0; i < from->count; i++) {
		to->items[i] = from->items[i];
		to->items[i].id = arena_str(&c->arena, from->items[i].id);
	}
}

/* A provider that answers by itself lists its models at once. */
static void list_local(struct catalog *c, const struct upstream *u,
		       struct model_list *list, int64_t now_s)
{
	const struct provider_type *type = u->provider.type;
	const struct provider_request req = { .op = LLM_MODELS };
	struct provider_models models = { 0 };
	struct provider_reply reply = { .arena = &c->arena };
	struct api_error error;
	struct buf out;

	buf_init(&out, LOCAL_BYTES_MAX);
	reply.out = &out;
	reply.error = &error;
	if (type->generate(&u->provider, &req,
			   arena_zalloc(&c->arena, type->stream_size),
			   &reply) == 0 &&
	    provider_decode_models(&u->provider, buf_str(&out), &c->arena,
				   &models) == 0) {
		list->items = models.items;
		list->count = models.count;
		list->fetched_s = now_s;
	}
	buf_fini(&out);
}

/* The lists as they are known; returns how many models they have. */
static size_t take_lists(struct catalog *c, const struct model_list *lists,
			 int64_t now_s)
{
	const unsigned local = PROVIDER_LOCAL | PROVIDER_LISTS_MODELS;
	size_t count = 0;

	for (size_t i = 0; i < c->registry->upstream_count; i++) {
		const struct upstream *u = &c->registry->upstreams[i];
		struct model_list *list = &c->lists[i];

		if ((u->provider.type->caps & local) == local)
			list_local(c, u, list, now_s);
		else if (lists != NULL)
			copy_list(c, list, &lists[i]);
		count += list->count;
	}
	return count;
}

struct catalog *catalog_new(struct registry *r, const struct model_list *lists,
			    const struct catalog *before, int64_t now_s)
{
	struct catalog *c = xcalloc(1, sizeof(*c));
	size_t max;

	arena_init(&c->arena, CATALOG_BYTES_MAX);
	c->registry = registry_ref(r);
	c->refs = 1;
	c->lists =
		arena_zalloc(&c->arena, r->upstream_count * sizeof(*c->lists));
	max = r->config->model_count + take_lists(c, lists, now_s);
	if (max > CATALOG_MODELS_MAX) {
		log_warn("%zu models are listed; the first %d are served", max,
			 CATALOG_MODELS_MAX);
		max = CATALOG_MODELS_MAX;
	}
	c->model_max = max;
	c->models = arena_alloc(&c->arena, max * sizeof(*c->models));
	add_registered(c, before, now_s);
	for (size_t i = 0; i < r->upstream_count; i++)
		add_listed(c, &r->upstreams[i], &c->lists[i], before, now_s);
	return c;
}

struct catalog *catalog_ref(struct catalog *c)
{
	(void)__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void catalog_unref(struct catalog *c)
{
	if (c == NULL || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	map_fini(&c->by_id);
	registry_unref(c->registry);
	arena_fini(&c->arena);
	free(c);
}

/* How far a known id is from what was asked; its last part counts as well. */
static size_t distance(struct str asked, struct str known)
{
	struct str head, tail;
	size_t whole = str_distance(asked, known);
	size_t part;

	if (!str_cut(known, '/', &head, &tail))
		return whole;
	part = str_distance(asked, tail);
	return part < whole ? part : whole;
}

static struct str nearest(const struct catalog *c, struct str asked,
			  struct arena *a)
{
	size_t best[NEAREST_MAX] = { 0 }, n = 0;
	const struct model *found[NEAREST_MAX];
	struct str text = STR_NULL;

	for (size_t i = 0; i < c->model_count; i++) {
		size_t d = distance(asked, c->models[i].id), at = n;

		if (d > 2 + asked.len / 3)
			continue;
		while (at > 0 && best[at - 1] > d)
			at--;
		if (at >= NEAREST_MAX)
			continue;
		n = n < NEAREST_MAX ? n + 1 : n;
		for (size_t j = n - 1; j > at; j--) {
			best[j] = best[j - 1];
			found[j] = found[j - 1];
		}
		best[at] = d;
		found[at] = &c->models[i];
	}
	for (size_t i = 0; i < n; i++) {
		text = arena_printf(a, STR_FMT "%s'" STR_FMT "'", STR_ARG(text),
				    i == 0      ? " Did you mean "
				    : i + 1 < n ? ", "
						: " or ",
				    STR_ARG(found[i]->id));
	}
	return n > 0 ? arena_printf(a, STR_FMT "?", STR_ARG(text)) : text;
}

static const struct config_model *registered(const struct catalog *c,
					     struct str id)
{
	const struct config *cfg = c->registry->config;

	for (size_t i = 0; i < cfg->model_count; i++) {
		if (str_eq(cfg->models[i].id, id))
			return &cfg->models[i];
	}
	return NULL;
}

static int not_allowed(struct str upstream_id, struct str provider_id,
		       struct arena *a, struct api_error *error)
{
	(void)api_fail(error, a, 400, "invalid_request_error", "model",
		       "Model '" STR_FMT
		       "' is not among the allowed_models of provider '" STR_FMT
		       "'.",
		       STR_ARG(str_take(upstream_id, 200)),
		       STR_ARG(provider_id));
	error->code = STR("model_not_allowed");
	return API_FAIL;
}

/* A registered model that nobody serves: since it is not allowed to? */
static bool is_refused(const struct catalog *c, const struct config_model *m,
		       struct config_target *out)
{
	const struct config_target one = { .provider_id = m->provider_id,
					   .upstream_id = m->upstream_id };
	const struct config_target *all =
		m->target_count > 0 ? m->targets : &one;
	size_t count = m->target_count > 0 ? m->target_count : 1;

	if (m->target_count == 0 && (m->any_provider || m->any_model))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct upstream *u =
			registry_find(c->registry, all[i].provider_id);

		*out = all[i];
		if (u != NULL && !is_allowed(&u->provider, out->upstream_id))
			return true;
	}
	return false;
}

static int not_found(const struct catalog *c, struct str id, struct arena *a,
		     struct api_error *error)
{
	struct str hint = nearest(c, id, a), head, tail;
	const struct config_model *m = registered(c, id);
	bool prefixed = str_cut(id, '/', &head, &tail);
	struct config_target t;

	if (m != NULL && is_refused(c, m, &t))
		return not_allowed(t.upstream_id, t.provider_id, a, error);
	if (m != NULL) {
		hint = STR(" It is registered, but no provider lists or "
			   "allows a model for it now; GET /v1/providers says "
			   "more.");
	} else if (hint.len == 0 && prefixed) {
		hint = arena_printf(a,
				    " There is no provider '" STR_FMT
				    "'; GET /v1/providers lists them.",
				    STR_ARG(head));
	} else if (hint.len == 0) {
		hint = STR(" Model ids have the form provider_id/model; GET "
			   "/v1/models lists them.");
	}
	(void)api_fail(error, a, 404, "invalid_request_error", "model",
		       "Model '" STR_FMT "' not found." STR_FMT,
		       STR_ARG(str_take(id, 200)), STR_ARG(hint));
	error->code = STR("model_not_found");
	return API_FAIL;
}

/* Who serves a model that is not in the catalog, and as what; NULL: nobody. */
static const struct upstream *provider_of(const struct catalog *c,
					  struct str id, struct str *head,
					  struct str *tail)
{
	const struct registry *r = c->registry;
	const struct upstream *u = NULL;

	if (str_cut(id, '/', head, tail) && tail->len > 0)
		u = registry_find(r, *head);
	if (u != NULL)
		return u;
	*head = r->config->default_provider;
	*tail = id;
	return head->len > 0 && registered(c, id) == NULL
		       ? registry_find(r, *head)
		       : NULL;
}

int catalog_resolve(const struct catalog *c, struct str id, struct arena *a,
		    struct model_target *out, struct api_error *error)
{
	const struct model *m = map_get(&c->by_id, id);
	const struct upstream *u;
	struct str head, tail, key;

	if (m != NULL) {
		*out = (struct model_target){ .upstream = m->upstream,
					      .upstream_id = m->upstream_id,
					      .key = m->key,
					      .model = m,
					      .targets = m->targets,
					      .target_count = m->target_count };
		return 0;
	}
	u = provider_of(c, id, &head, &tail);
	if (u == NULL)
		return not_found(c, id, a, error);
	if (!is_allowed(&u->provider, tail))
		return not_allowed(tail, head, a, error);
	key = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(head),
			   STR_ARG(tail));
	*out = (struct model_target){ .upstream = u,
				      .upstream_id = tail,
				      .key = key };
	return 0;
}
