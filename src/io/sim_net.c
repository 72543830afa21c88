/*
 * sim_net - the simulator's network: a back end whose peers are in the same loop.
 */
#include "base/rand.h"
#include "io/sim_world.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static struct sim *sim_of(struct loop *loop)
{
	return loop_state(loop);
}

static struct sim_io *make_io(struct loop *loop, unsigned ready)
{
	struct sim_io *s = xcalloc(1, sizeof(*s));

	io_init(&s->io, loop, -1, ready);
	s->sim = sim_of(loop);
	list_init(&s->link);
	list_init(&s->backlog);
	return s;
}

static struct sim_io *make_stream(struct loop *loop, unsigned ready)
{
	struct sim_io *s = make_io(loop, ready);

	s->end = sim_end_new(s);
	s->sim->stream_count++;
	return s;
}

static struct sim_io *find_listener(struct sim *sim, const struct io_addr *a)
{
	list_for_each(l, &sim->listeners) {
		struct sim_io *s = list_entry(l, struct sim_io, link);

		if (sim_same_addr(&s->local, a))
			return s;
	}
	return NULL;
}

static bool in_hole(const struct sim *sim, const struct io_addr *a)
{
	for (size_t i = 0; i < sim->hole_count; i++) {
		if (sim_same_addr(&sim->holes[i], a))
			return true;
	}
	return false;
}

static int net_listen(struct loop *loop, const struct io_listen_cfg *cfg,
		      struct io **out)
{
	struct sim_io *s;

	if (find_listener(sim_of(loop), &cfg->addr) != NULL)
		return err_new(-EADDRINUSE, "the address is in use");
	s = make_io(loop, 0);
	s->local = cfg->addr;
	list_add(&s->sim->listeners, &s->link);
	*out = &s->io;
	return 0;
}

static int net_adopt(struct loop *loop, int fd, struct io **out)
{
	(void)loop;
	(void)fd;
	(void)out;
	return err_new(-ENOTSUP, "the simulator has no descriptors");
}

static int net_accept(struct io *listener, struct io **out)
{
	struct sim_io *s = (struct sim_io *)(void *)listener;
	struct list *l = list_take(&s->backlog);

	if (l == NULL)
		return -EAGAIN;
	*out = &list_entry(l, struct sim_io, link)->io;
	return 0;
}

static int net_connect(struct loop *loop, const struct io_addr *addr,
		       struct io **out)
{
	struct sim *sim = sim_of(loop);
	struct sim_io *s = make_stream(loop, 0);
	struct sim_event *e;

	s->peer = *addr;
	if (io_addr_parse(STR("10.255.0.1"), sim->next_port++, &s->local) < 0)
		abort();
	if (!in_hole(sim, addr)) {
		e = xcalloc(1, sizeof(*e));
		e->kind = SIM_CONNECT;
		e->to = s->end;
		s->end->refs++;
		e->addr = *addr;
		e->at_ns = sim_arrival(sim, s->end);
		sim_add(sim, e);
	}
	*out = &s->io;
	return 0;
}

static int net_connect_result(struct io *io)
{
	const struct sim_io *s = (struct sim_io *)(void *)io;

	return s->connect_error;
}

/* Both directions are open; the listener's side waits to be accepted. */
static void connected(struct sim *sim, struct sim_end *e,
		      const struct io_addr *addr)
{
	struct sim_io *listener = find_listener(sim, addr);
	struct sim_io *peer;

	if (e->io == NULL)
		return;
	if (listener == NULL) {
		e->io->connect_error = -ECONNREFUSED;
		io_signal(&e->io->io, IO_WRITABLE);
		return;
	}
	peer = make_stream(sim->loop, IO_WRITABLE);
	peer->local = *addr;
	peer->peer = e->io->local;
	peer->end->other = e;
	e->refs++;
	e->other = peer->end;
	peer->end->refs++;
	list_add(&listener->backlog, &peer->link);
	io_signal(&listener->io, IO_READABLE);
	io_signal(&e->io->io, IO_WRITABLE);
}

static void arrived(struct sim *sim, struct sim_end *e, struct sim_event *ev)
{
	e->coming -= ev->len;
	if (e->io == NULL) {
		/* Nobody is there: say so, as a closed socket does. */
		if (e->other != NULL && !e->reset)
			sim_send(sim, SIM_RESET, e->other, STR_NULL);
		return;
	}
	if (buf_add(&e->in, (struct str){ ev->bytes, ev->len }) < 0)
		abort();
	io_signal(&e->io->io, IO_READABLE);
}

void sim_net_happen(struct sim *sim, struct sim_event *ev)
{
	struct sim_end *e = ev->to;

	if (e->stalled && ev->kind != SIM_WRITABLE) {
		/* Try again a little later, in the same order. */
		struct str bytes = { ev->bytes, ev->len };

		e->last_ns = sim->now_ns + CLOCK_MS;
		sim_send(sim, ev->kind, e, bytes);
		return;
	}
	if (ev->kind == SIM_BYTES) {
		arrived(sim, e, ev);
		return;
	}
	if (ev->kind == SIM_CONNECT) {
		connected(sim, e, &ev->addr);
		return;
	}
	if (ev->kind == SIM_RESET)
		e->reset = true;
	if (ev->kind == SIM_END)
		e->ended = true;
	if (e->io == NULL)
		return;
	if (ev->kind == SIM_WRITABLE)
		io_signal(&e->io->io, IO_WRITABLE);
	else
		io_signal(&e->io->io, IO_READABLE | IO_HUNG_UP |
					      (e->reset ? IO_WRITABLE : 0));
}

static bool bad_luck(struct sim_io *s)
{
	unsigned ppm = s->sim->cfg.reset_ppm;

	if (ppm == 0 || rand_below(1000000) >= ppm)
		return false;
	sim_reset(&s->io);
	return true;
}

static int net_read(struct io *io, void *ptr, size_t cap, size_t *out_n)
{
	struct sim_io *s = (struct sim_io *)(void *)io;
	struct sim_end *e = s->end;
	size_t n = e->in.len < cap ? e->in.len : cap;

	if (e->reset || bad_luck(s))
		return -ECONNRESET;
	if (n == 0 && !e->ended)
		return -EAGAIN;
	if (n > 0)
		memcpy(ptr, e->in.ptr, n);
	buf_drop(&e->in, n);
	*out_n = n;
	/* Room for the other end. */
	if (n > 0 && e->other != NULL)
		sim_send(s->sim, SIM_WRITABLE, e->other, STR_NULL);
	return 0;
}

/* Put n bytes on their way, as one piece or several. */
static void put(struct sim_io *s, struct str bytes)
{
	struct sim_end *to = s->end->other;

	while (bytes.len > 0) {
		size_t n = bytes.len;

		if (s->sim->cfg.split)
			n = 1 + (size_t)rand_below(n);
		to->coming += n;
		sim_send(s->sim, SIM_BYTES, to, str_take(bytes, n));
		bytes = str_drop(bytes, n);
	}
}

static int net_write(struct io *io, const struct str *pieces, size_t count,
		     size_t *out_n)
{
	struct sim_io *s = (struct sim_io *)(void *)io;
	struct sim_end *to = s->end->other;
	size_t room, n = 0;

	if (s->end->reset || to == NULL || bad_luck(s))
		return -EPIPE;
	room = s->sim->cfg.window;
	room = to->coming + to->in.len < room ? room - to->coming - to->in.len
					      : 0;
	if (room == 0)
		return -EAGAIN;
	if (s->sim->cfg.split && rand_below(2) == 0) {
		room = 1 + (size_t)rand_below(room);
		sim_send(s->sim, SIM_WRITABLE, s->end, STR_NULL);
	}
	for (size_t i = 0; i < count && n < room; i++) {
		struct str p = str_take(pieces[i], room - n);

		put(s, p);
		n += p.len;
	}
	*out_n = n;
	return 0;
}

static bool net_peek(struct io *io)
{
	const struct sim_end *e = ((struct sim_io *)(void *)io)->end;

	return e->in.len > 0 || e->ended || e->reset;
}

static void net_shutdown(struct io *io)
{
	struct sim_io *s = (struct sim_io *)(void *)io;

	if (s->end->other != NULL)
		sim_send(s->sim, SIM_END, s->end->other, STR_NULL);
}

/* Both ends are closed: they need not know each other any more. */
static void part(struct sim_end *a, struct sim_end *b)
{
	a->other = NULL;
	b->other = NULL;
	sim_end_unref(a);
	sim_end_unref(b);
}

static void close_stream(struct sim_io *s, bool reset)
{
	struct sim_end *e = s->end;

	if (e->other != NULL)
		sim_send(s->sim, reset || e->in.len > 0 ? SIM_RESET : SIM_END,
			 e->other, STR_NULL);
	e->io = NULL;
	s->sim->stream_count--;
	if (e->other != NULL && e->other->io == NULL)
		part(e, e->other);
	sim_end_unref(e);
}

static void net_close_io(struct io *io, bool reset)
{
	struct sim_io *s = (struct sim_io *)(void *)io;
	struct list *l;

	list_drop(&s->link);
	while ((l = list_take(&s->backlog)) != NULL) {
		struct io *waiting = &list_entry(l, struct sim_io, link)->io;

		io_abort(waiting);
	}
	if (s->end != NULL)
		close_stream(s, reset);
	free(s);
}

static void net_local_addr(const struct io *io, struct io_addr *out)
{
	*out = ((const struct sim_io *)(const void *)io)->local;
}

static void net_peer_addr(const struct io *io, struct io_addr *out)
{
	*out = ((const struct sim_io *)(const void *)io)->peer;
}

void sim_reset(struct io *io)
{
	struct sim_io *s = (struct sim_io *)(void *)io;

	if (s->end->other != NULL)
		sim_send(s->sim, SIM_RESET, s->end->other, STR_NULL);
	s->end->reset = true;
	io_signal(io, IO_READABLE | IO_WRITABLE | IO_HUNG_UP);
}

void sim_stall(struct io *io, bool on)
{
	((struct sim_io *)(void *)io)->end->stalled = on;
}

const struct loop_backend sim_backend = {
	.name = "simulator",
	.listen = net_listen,
	.adopt = net_adopt,
	.accept = net_accept,
	.connect = net_connect,
	.connect_result = net_connect_result,
	.read = net_read,
	.write = net_write,
	.peek = net_peek,
	.shutdown = net_shutdown,
	.close_io = net_close_io,
	.local_addr = net_local_addr,
	.peer_addr = net_peer_addr,
};
