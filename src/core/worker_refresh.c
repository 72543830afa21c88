/*
 * refresh - the upstreams' model lists, fetched in the background.
 */
#include "base/log.h"
#include "core/exchange.h"
#include "core/library.h"

#include <errno.h>
#include <stdlib.h>

enum {
	LIST_BYTES_MAX = 8 << 20,
	LIST_MODELS_MAX = 20000,
	PAGES_MAX = 50
};

#define RETRY_NS    (15 * CLOCK_S) /* after a failure */
#define DEADLINE_NS (30 * CLOCK_S)

/* One upstream's list being fetched. */
struct fetch {
	struct worker *worker;
	struct registry *registry;
	const struct upstream *upstream;
	struct model_list list;
	struct arena arena; /* of list */
	bool ok;
};

/* Add the page that the exchange has opened to *out. */
static int read_page(struct task *t, struct exchange *x, struct fetch *f,
		     struct provider_models *out)
{
	struct str data;
	struct buf body;
	int r;

	buf_init(&body, LIST_BYTES_MAX);
	while ((r = exchange_read(t, x, &data)) == 0 && data.len > 0) {
		r = buf_add(&body, data);
		if (r < 0)
			break;
	}
	if (r == 0) {
		r = provider_decode_models(&f->upstream->provider,
					   buf_str(&body), &f->arena, out);
	}
	buf_fini(&body);
	return r;
}

/* One page after the other, until there is no next. */
static int read_list(struct task *t, struct fetch *f,
		     struct provider_models *out, struct str *failure)
{
	struct model_target target = { .upstream = f->upstream };
	int r = 0;

	for (int page = 0; r == 0 && page < PAGES_MAX; page++) {
		struct exchange x;

		exchange_init(&x, f->worker, &target);
		x.arena = &f->arena;
		x.edge = library_edge(f->worker->library, &f->arena);
		/* Without a word of the operator's it is not called. */
		if (x.edge != NULL && f->upstream->is_optional)
			x.edge->mode = EDGE_REPLAY;
		x.request.op = LLM_MODELS;
		x.request.page = out->next_page;
		out->next_page = STR_NULL;
		r = exchange_open(t, &x);
		if (r == 0)
			r = read_page(t, &x, f, out);
		*failure = x.error.message;
		f->list.status = x.status;
		f->list.keyless =
			r != 0 && str_eq(x.error.code, STR("missing_api_key"));
		/* No list was recorded: there is none. */
		if (r == API_FAIL && str_eq(x.error.code, STR(LIBRARY_MISS)))
			r = 0;
		exchange_close(&x);
		if (out->next_page.len == 0 || out->count >= LIST_MODELS_MAX)
			break;
	}
	return r;
}

static void fetch_list(struct task *t, struct fetch *f)
{
	struct provider_models all = { 0 };
	struct str failure = STR_NULL;
	int r = read_list(t, f, &all, &failure);

	if (r == -ECANCELED) {
		f->list.failure = STR("its model list took over 30 seconds");
		return;
	}
	if (r != 0) {
		f->list.failure = failure.len > 0
					  ? failure
					  : STR("its model list is not one");
		return;
	}
	f->list.items = all.items;
	f->list.count =
		all.count < LIST_MODELS_MAX ? all.count : LIST_MODELS_MAX;
	f->list.fetched_s = task_wall(t) / CLOCK_S;
	f->list.failure = STR_NULL;
}

static bool same_model(const struct provider_model *a,
		       const struct provider_model *b)
{
	return str_eq(a->id, b->id) && str_eq(a->type, b->type) &&
	       a->created_s == b->created_s;
}

static bool same_list(const struct model_list *a, const struct model_list *b)
{
	if (a->count != b->count || !str_eq(a->failure, b->failure) ||
	    a->status != b->status || a->keyless != b->keyless ||
	    (a->fetched_s == 0) != (b->fetched_s == 0))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!same_model(&a->items[i], &b->items[i]))
			return false;
	}
	return true;
}

/* A failure is told once, and again when it changes. */
static void tell(const struct upstream *u, const struct model_list *was,
		 const struct model_list *now)
{
	if (str_eq(was->failure, now->failure) && was->count == now->count)
		return;
	if (u->is_optional && now->count == 0)
		return;
	if (now->keyless) {
		log_info("provider=" STR_FMT
			 " has no key: requests bring their own",
			 STR_ARG(u->provider.id));
	} else if (now->failure.len > 0) {
		log_warn("provider=" STR_FMT " no model list: " STR_FMT,
			 STR_ARG(u->provider.id), STR_ARG(now->failure));
	} else {
		log_info("provider=" STR_FMT " models=%zu",
			 STR_ARG(u->provider.id), now->count);
	}
}

/* Local ones were asked when the catalog was made. */
static bool asks(const struct upstream *u, const struct model_list *list)
{
	unsigned caps = u->provider.type->caps;
	bool is_known = list->fetched_s > 0 && list->failure.len == 0;

	if ((caps & PROVIDER_LISTS_MODELS) == 0 || (caps & PROVIDER_LOCAL) != 0)
		return false;
	return !is_known || u->provider.config->refresh_models;
}

/* Publish what has come, if it is news. */
static void update(struct task *t, struct worker *w, struct fetch *f)
{
	struct registry *reg = w->catalog->registry;
	size_t at = (size_t)(f->upstream - reg->upstreams);
	const struct model_list *was = &w->catalog->lists[at];
	struct model_list *lists;

	/* What was there before a failure may be in another catalog by now. */
	if (f->list.failure.len > 0) {
		f->list.items = was->items;
		f->list.count = was->count;
		f->list.fetched_s = was->fetched_s;
	}
	tell(f->upstream, was, &f->list);
	if (same_list(was, &f->list))
		return;
	lists = xcalloc(reg->upstream_count, sizeof(*lists));
	memcpy(lists, w->catalog->lists, reg->upstream_count * sizeof(*lists));
	lists[at] = f->list;
	w->publish(w,
		   catalog_new(reg, lists, w->catalog, task_wall(t) / CLOCK_S));
	free(lists);
}

/* A slow upstream does not keep back what the others have said. */
static void fetch(struct task *t, void *arg)
{
	struct fetch *f = arg;
	struct worker *w = f->worker;

	fetch_list(t, f);
	f->ok = f->list.failure.len == 0 || f->list.keyless;
	/* A reload meanwhile: its own refresh will do. */
	if (f->registry == w->catalog->registry && !server_is_ending(w->server))
		update(t, w, f);
}

static bool fetch_all(struct task *t, struct worker *w)
{
	struct registry *reg = registry_ref(w->catalog->registry);
	struct fetch *fetches = xcalloc(reg->upstream_count, sizeof(*fetches));
	struct task_group group;
	bool ok = true;

	task_group_init(&group);
	for (size_t i = 0; i < reg->upstream_count; i++) {
		struct fetch *f = &fetches[i];

		f->worker = w;
		f->registry = reg;
		f->upstream = &reg->upstreams[i];
		arena_init(&f->arena, 16 * LIST_BYTES_MAX);
		f->ok = !asks(f->upstream, &w->catalog->lists[i]) ||
			task_group_spawn(t, &group, "model list", fetch, f) ==
				0;
	}
	task_group_join(t, &group, task_now(t) + DEADLINE_NS);
	for (size_t i = 0; i < reg->upstream_count; i++) {
		ok = ok && fetches[i].ok;
		arena_fini(&fetches[i].arena);
	}
	free(fetches);
	registry_unref(reg);
	return ok;
}

void worker_refresh_models(struct task *t, void *worker)
{
	struct worker *w = worker;
	bool ok;

	do {
		int64_t refresh_ns =
			w->catalog->registry->config->models_refresh_ns;

		ok = fetch_all(t, w);
		if (ok && refresh_ns == 0)
			return;
		if (!ok && (refresh_ns == 0 || refresh_ns > RETRY_NS))
			refresh_ns = RETRY_NS;
		if (task_sleep(t, task_now(t) + refresh_ns) < 0)
			return;
	} while (!server_is_ending(w->server));
}
