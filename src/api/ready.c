/*
 * ready - GET /v1/ready: can this server do its work, and if not, why.
 *
 * It can when its store answers, or there is none, and at least one provider is
 * usable.  A provider without a key counts as usable, since requests may bring
 * their own; so does one that was not asked yet, and one that is built in (echo)
 * where there is no other.  Nothing here asks a provider: what is known is from
 * the last look at its models, and from its breakers.
 *
 * The store is looked at with a read, at most once in READY_FRESH for all
 * workers, however many ask.
 */
#include "api/handlers.h"
#include "api/stored.h"
#include "base/err.h"
#include "core/library.h"
#include "io/offload.h"
#include "store/store.h"
#include "json/writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
	READY_BYTES_MAX = 4 << 20,
	ROW_MAX = 1 << 20,
};

#define READY_FRESH (1 * CLOCK_S)
#define READY_WAIT  (2 * CLOCK_S)
#define READY_STEP  (10 * CLOCK_MS)

/* The last look at the store, of all workers: there is one store. */
static struct {
	atomic_bool is_looking;
	_Atomic int64_t looked_ns; /* 0: never */
	atomic_int result;
} last;

struct look {
	struct offload_work work;
	struct store *store;
};

/* A row that is hardly there: what counts is that the answer comes. */
static void run_look(struct offload_work *work)
{
	struct look *look = (struct look *)(void *)work;
	struct store_completion row;
	struct arena a;
	int r;

	arena_init(&a, ROW_MAX);
	r = store_get(look->store, STR(""), STR("ready"), &a, &row);
	arena_fini(&a);
	err_clear();
	atomic_store(&last.result, r < 0 && r != -EMSGSIZE ? r : 0);
	atomic_store(&last.looked_ns, clock_monotonic());
	atomic_store(&last.is_looking, false);
}

static void free_look(struct offload_work *work)
{
	free(work);
}

/* On a thread of those that are not for what is slow: it has one at most. */
static int look_now(struct api_call *c, int64_t deadline_ns)
{
	struct look *look = xcalloc(1, sizeof(*look));
	int r;

	look->work =
		(struct offload_work){ .run = run_look, .free = free_look };
	look->store = c->worker->store;
	r = offload_run(c->task, &look->work, deadline_ns);
	if (r == -EAGAIN)
		atomic_store(&last.is_looking, false);
	if (r == 0 || r == -EAGAIN)
		free(look);
	return r == 0 ? atomic_load(&last.result) : r;
}

/* 0, or why the store does not answer. */
static int ask_store(struct api_call *c)
{
	int64_t deadline = task_now(c->task) + READY_WAIT;

	for (;;) {
		int64_t looked = atomic_load(&last.looked_ns);

		if (looked > 0 && clock_monotonic() - looked < READY_FRESH)
			return atomic_load(&last.result);
		if (!atomic_exchange(&last.is_looking, true))
			return look_now(c, deadline);
		/* Another task's look is under way, maybe since long. */
		if (task_now(c->task) >= deadline ||
		    task_sleep(c->task, task_now(c->task) + READY_STEP) < 0)
			return -ETIMEDOUT;
	}
}

/* How many of a provider's models there are, and how many rest after failures. */
static void count_models(const struct api_call *c, const struct upstream *u,
			 size_t *out_count, size_t *out_open)
{
	int64_t now = task_now(c->task);

	*out_count = *out_open = 0;
	for (size_t i = 0; i < c->catalog->model_count; i++) {
		const struct model *m = &c->catalog->models[i];

		if (m->upstream != u)
			continue;
		++*out_count;
		*out_open += !breaker_admits(breaker_find(&c->worker->breakers,
							  m->key),
					     now);
	}
}

static bool all_models_rest(const struct api_call *c, const struct upstream *u)
{
	size_t count, open;

	if (c->worker->breakers.open == 0)
		return false;
	count_models(c, u, &count, &open);
	return count > 0 && open == count;
}

/* It was asked for its models, and the answer says that it would refuse more. */
static bool list_is_bad(const struct model_list *list)
{
	return list->failure.len > 0 && !list->keyless &&
	       (list->status == 0 || list->status == 401 ||
		list->status == 403 || list->status >= 500);
}

struct state {
	bool is_usable;
	struct str word, reason;
};

static struct state state_of(const struct api_call *c, size_t i)
{
	const struct upstream *u = &c->catalog->registry->upstreams[i];
	const struct model_list *list = &c->catalog->lists[i];
	const struct library *library = c->worker->library;

	if (library != NULL && library_mode(library) == EDGE_REPLAY)
		return (struct state){ true, STR("ok"),
				       STR("Recordings answer for it.") };
	if (list_is_bad(list))
		return (struct state){ false, STR("error"), list->failure };
	if (all_models_rest(c, u)) {
		return (struct state){
			false, STR("error"),
			STR("All of its models failed of late, and are left "
			    "alone for a while.")
		};
	}
	if (list->keyless) {
		return (struct state){ true, STR("no_key"),
				       STR("No key is configured: requests "
					   "bring their own.") };
	}
	if (u->origin != NULL && list->fetched_s == 0) {
		return (struct state){ true, STR("unknown"),
				       STR("Not known before its first "
					   "answer.") };
	}
	return (struct state){ true, STR("ok"), STR_NULL };
}

static void write_state(struct json_writer *w, const struct state *s)
{
	json_member_str(w, STR("status"), s->word);
	if (s->reason.len > 0)
		json_member_str(w, STR("reason"), s->reason);
}

/*
 * Is one of them usable?  One that answers by itself (echo) does not count beside
 * others: nobody runs a server for it.
 */
static bool write_providers(struct json_writer *w, const struct api_call *c)
{
	const struct registry *reg = c->catalog->registry;
	bool is_usable = false, has_others = false;

	json_member(w, STR("providers"));
	json_array(w);
	for (size_t i = 0; i < reg->upstream_count; i++) {
		const struct upstream *u = &reg->upstreams[i];
		struct state s = state_of(c, i);

		has_others = has_others || u->origin != NULL;
		is_usable = is_usable || (u->origin != NULL && s.is_usable);
		json_object(w);
		json_member_str(w, STR("provider_id"), u->provider.id);
		write_state(w, &s);
		json_end(w);
	}
	json_end(w);
	return is_usable || (!has_others && reg->upstream_count > 0);
}

static bool write_store(struct json_writer *w, struct api_call *c)
{
	struct state s = { true, STR("off"), STR_NULL };
	int r;

	if (c->worker->store != NULL) {
		r = ask_store(c);
		s.is_usable = r == 0;
		s.word = r == 0 ? STR("ok") : STR("error");
		s.reason = r == 0 ? STR_NULL : str_of(stored_trouble(r));
	}
	json_member(w, STR("store"));
	json_object(w);
	write_state(w, &s);
	json_end(w);
	return s.is_usable;
}

/* Why not, or NULL. */
static const char *write_parts(struct json_writer *w, struct api_call *c)
{
	bool has_store = write_store(w, c);
	bool is_usable = write_providers(w, c);

	if (server_is_ending(c->worker->server))
		return "The server is shutting down.";
	if (!has_store)
		return "The store does not answer.";
	if (c->catalog->registry->upstream_count == 0)
		return "No provider is configured.";
	return is_usable ? NULL : "No provider is usable.";
}

void ready_get(struct api_call *c)
{
	struct api_error e;
	struct json_writer w;
	const char *why;
	struct buf out;

	buf_init(&out, READY_BYTES_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	why = write_parts(&w, c);
	json_member_str(&w, STR("status"),
			why == NULL ? STR("ready") : STR("not_ready"));
	if (why != NULL)
		json_member_str(&w, STR("reason"), str_of(why));
	json_end(&w);
	if (json_writer_done(&w) == 0) {
		route_reply(c, why == NULL ? 200 : 503, buf_str(&out));
	} else {
		(void)api_fail(&e, &c->req->arena, 500, "server_error", NULL,
			       "The list of providers is too long.");
		route_fail(c, &e);
	}
	buf_fini(&out);
}
