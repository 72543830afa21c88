#include "io/sim.h"

#include "base/rand.h"
#include "io/sim_world.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* 2026-01-01: any wall time will do, as long as it is always the same. */
#define WALL_START_NS (INT64_C(1767225600) * CLOCK_S)
#define START_NS      (INT64_C(1000) * CLOCK_S)

struct sim_end *sim_end_new(struct sim_io *io)
{
	struct sim_end *e = xcalloc(1, sizeof(*e));

	e->refs = 1;
	e->io = io;
	buf_init(&e->in, SIZE_MAX / 4);
	return e;
}

void sim_end_unref(struct sim_end *e)
{
	if (e == NULL || --e->refs > 0)
		return;
	sim_end_unref(e->other);
	buf_fini(&e->in);
	free(e);
}

static int64_t random_delay(const struct sim *sim)
{
	int64_t span = sim->cfg.delay_max_ns - sim->cfg.delay_min_ns;

	if (span <= 0)
		return sim->cfg.delay_min_ns;
	return sim->cfg.delay_min_ns + (int64_t)rand_below((uint64_t)span + 1);
}

int64_t sim_arrival(struct sim *sim, struct sim_end *to)
{
	int64_t at = sim->now_ns + random_delay(sim);

	if (at < to->last_ns)
		at = to->last_ns;
	to->last_ns = at;
	return at;
}

/* Events of the same time happen in the order in which they were added. */
void sim_add(struct sim *sim, struct sim_event *e)
{
	struct list *at = sim->events.prev;

	while (at != &sim->events &&
	       list_entry(at, struct sim_event, link)->at_ns > e->at_ns)
		at = at->prev;
	list_add(at->next, &e->link);
}

void sim_send(struct sim *sim, enum sim_kind kind, struct sim_end *to,
	      struct str bytes)
{
	struct sim_event *e = xmalloc(sizeof(*e) + bytes.len);

	*e = (struct sim_event){ .kind = kind, .to = to, .len = bytes.len };
	if (bytes.len > 0)
		memcpy(e->bytes, bytes.ptr, bytes.len);
	to->refs++;
	e->at_ns = sim_arrival(sim, to);
	sim_add(sim, e);
}

static void sim_free_event(struct sim_event *e)
{
	list_drop(&e->link);
	sim_end_unref(e->to);
	free(e);
}

static int open_world(struct loop *loop, void *arg, void **out_state)
{
	struct sim *sim = arg;

	sim->loop = loop;
	*out_state = sim;
	return 0;
}

static void close_world(struct loop *loop)
{
	struct sim *sim = loop_state(loop);

	list_for_each_safe(l, &sim->events)
		sim_free_event(list_entry(l, struct sim_event, link));
}

static int64_t world_monotonic(struct loop *loop)
{
	const struct sim *sim = loop_state(loop);

	return sim->now_ns;
}

static int64_t world_wall(struct loop *loop)
{
	const struct sim *sim = loop_state(loop);

	return WALL_START_NS + sim->now_ns - START_NS;
}

static void happen_now(struct sim *sim)
{
	struct sim_event *e;

	while (!list_is_empty(&sim->events)) {
		e = list_entry(sim->events.next, struct sim_event, link);
		if (e->at_ns > sim->now_ns)
			return;
		list_drop(&e->link);
		sim_net_happen(sim, e);
		sim_free_event(e);
	}
}

/*
 * Time jumps to what comes first: an event, or until_ns.  When nothing can come
 * any more the loop is stopped: all that is left waits for each other.
 */
static void world_poll(struct loop *loop, int64_t until_ns)
{
	struct sim *sim = loop_state(loop);
	int64_t next = until_ns;

	if (!list_is_empty(&sim->events)) {
		const struct sim_event *e =
			list_entry(sim->events.next, struct sim_event, link);

		if (e->at_ns < next)
			next = e->at_ns;
	}
	if (next == CLOCK_NEVER)
		loop_stop(loop);
	else if (next > sim->now_ns)
		sim->now_ns = next;
	happen_now(sim);
}

static void world_wake(struct loop *loop)
{
	(void)loop;
}

static int world_resolve(void *arg, struct str host, struct io_addr *out,
			 size_t *out_n)
{
	const struct sim *sim = arg;
	const char *address = map_get(&sim->hosts, host);

	if (address == NULL)
		return err_new(-ENOENT, STR_FMT ": no such host in the world",
			       STR_ARG(host));
	*out_n = 1;
	return io_addr_parse(str_of(address), 0, &out[0]);
}

/* A blocking call takes some time, and happens all at once. */
static int world_offload(struct task *t, struct offload_work *w,
			 int64_t deadline_ns)
{
	const struct sim *sim = loop_state(task_loop(t));
	int64_t done_ns = task_now(t) + random_delay(sim);
	int r = task_sleep(t, done_ns < deadline_ns ? done_ns : deadline_ns);

	if (r == 0 && done_ns > deadline_ns)
		r = -ETIMEDOUT;
	if (r == 0)
		w->run(w);
	else
		w->free(w);
	return r;
}

/* Tasks that are ready together may run in any order. */
static void world_shuffle(struct loop *loop, struct list *ready)
{
	struct list from;
	size_t n = 0;

	(void)loop;
	list_init(&from);
	while (!list_is_empty(ready)) {
		list_add(&from, list_take(ready));
		n++;
	}
	for (; n > 0; n--) {
		struct list *l = from.next;

		for (uint64_t i = rand_below(n); i > 0; i--)
			l = l->next;
		list_drop(l);
		list_add(ready, l);
	}
}

struct sim *sim_new(const struct sim_cfg *cfg)
{
	static struct loop_backend backend;
	struct sim *sim = xcalloc(1, sizeof(*sim));

	backend = sim_backend;
	backend.open = open_world;
	backend.close = close_world;
	backend.monotonic = world_monotonic;
	backend.wall = world_wall;
	backend.poll = world_poll;
	backend.wake = world_wake;
	backend.resolve = world_resolve;
	backend.offload = world_offload;
	backend.shuffle = world_shuffle;
	sim->cfg = *cfg;
	if (sim->cfg.window == 0)
		sim->cfg.window = SIM_WINDOW;
	sim->now_ns = START_NS;
	sim->next_port = 40000;
	list_init(&sim->events);
	list_init(&sim->listeners);
	rand_seed(cfg->seed);
	sim->loop = loop_new(
		&(struct loop_cfg){ .backend = &backend, .backend_arg = sim });
	assert(sim->loop != NULL);
	return sim;
}

void sim_free(struct sim *sim)
{
	const struct map_entry *e;
	size_t at = 0;

	loop_free(sim->loop);
	while ((e = map_next(&sim->hosts, &at)) != NULL) {
		free((void *)(uintptr_t)e->key.ptr);
		free(e->value);
	}
	map_fini(&sim->hosts);
	free(sim);
}

struct loop *sim_loop(struct sim *sim)
{
	return sim->loop;
}

static char *copy(struct str s)
{
	char *cz = xmalloc(s.len + 1);

	memcpy(cz, s.ptr, s.len);
	cz[s.len] = '\0';
	return cz;
}

void sim_host(struct sim *sim, struct str name, struct str address)
{
	struct str key = { copy(name), name.len };

	assert(map_get(&sim->hosts, name) == NULL);
	(void)map_put(&sim->hosts, key, copy(address));
}

bool sim_same_addr(const struct io_addr *a, const struct io_addr *b)
{
	char ta[IO_ADDR_TEXT_MAX], tb[IO_ADDR_TEXT_MAX];

	return str_eq(io_addr_text(a, ta), io_addr_text(b, tb));
}

void sim_blackhole(struct sim *sim, const struct io_addr *addr, bool on)
{
	for (size_t i = 0; i < sim->hole_count; i++) {
		if (sim_same_addr(&sim->holes[i], addr)) {
			sim->holes[i] = sim->holes[--sim->hole_count];
			break;
		}
	}
	if (!on)
		return;
	assert(sim->hole_count < countof(sim->holes));
	sim->holes[sim->hole_count++] = *addr;
}

size_t sim_open_streams(const struct sim *sim)
{
	return sim->stream_count;
}
