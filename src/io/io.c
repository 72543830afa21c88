#include "io/io.h"

#include <assert.h>
#include <errno.h>

#include "io/internal.h"

enum {
	/* Between tries while a UNIX listener's queue is full. */
	CONNECT_RETRY_MS = 5
};

void io_init(struct io *io, struct loop *loop, int fd, unsigned ready)
{
	*io = (struct io){ .loop = loop,
			   .fd = fd,
			   .ready = (uint8_t)ready,
			   .guess = (ready & IO_READABLE) != 0,
			   .read_wants = IO_READABLE,
			   .write_wants = IO_WRITABLE };
	list_init(&io->waiters);
	loop->io_count++;
}

void io_signal(struct io *io, unsigned events)
{
	io->ready |= (uint8_t)events;
	if (events & IO_READABLE)
		io->guess = false;
	list_for_each(l, &io->waiters) {
		struct io_waiter *w = list_entry(l, struct io_waiter, link);

		if (w->events & events)
			task_wake(w->task);
	}
}

int io_listen(struct loop *loop, const struct io_listen_cfg *cfg,
	      struct io **out)
{
	return loop->backend->listen(loop, cfg, out);
}

int io_adopt(struct loop *loop, int fd, struct io **out)
{
	return loop->backend->adopt(loop, fd, out);
}

int io_fd(const struct io *io)
{
	return io->fd;
}

void io_local_addr(const struct io *io, struct io_addr *out)
{
	io->loop->backend->local_addr(io, out);
}

void io_peer_addr(const struct io *io, struct io_addr *out)
{
	io->loop->backend->peer_addr(io, out);
}

int io_raw_wait(struct task *t, struct io *io, unsigned events,
		int64_t deadline_ns, const char *what)
{
	struct io_waiter w = { .task = t, .events = events };
	int r;

	if (io->ready & events)
		return task_count_op(t);
	list_add(&io->waiters, &w.link);
	r = task_wait(t, deadline_ns, what, io);
	list_drop(&w.link);
	return r;
}

int io_accept(struct task *t, struct io *listener, int64_t deadline_ns,
	      struct io **out)
{
	int r = task_count_op(t);

	while (r == 0) {
		r = -EAGAIN;
		if (listener->ready & IO_READABLE)
			r = listener->loop->backend->accept(listener, out);
		if (r != -EAGAIN)
			return r;
		listener->ready &= (uint8_t)~IO_READABLE;
		r = io_raw_wait(t, listener, IO_READABLE, deadline_ns,
				"io_accept");
	}
	return r;
}

static int begin_connect(struct task *t, const struct io_addr *addr,
			 int64_t deadline_ns, struct io **out)
{
	struct loop *loop = task_loop(t);
	int64_t again;
	int r;

	for (;;) {
		r = loop->backend->connect(loop, addr, out);
		if (r != -EAGAIN)
			return r;
		if (deadline_ns <= loop->now_ns)
			return err_new(-ETIMEDOUT, "io_connect: timed out");
		again = loop->now_ns + CONNECT_RETRY_MS * CLOCK_MS;
		r = task_sleep(t, again < deadline_ns ? again : deadline_ns);
		if (r < 0)
			return err_up(r);
	}
}

static int fail_connect(int r, const struct io_addr *addr)
{
	char text[IO_ADDR_TEXT_MAX];

	return err_new(r, "connect to " STR_FMT ": %s",
		       STR_ARG(io_addr_text(addr, text)),
		       r == -ETIMEDOUT ? "timed out" : strerrordesc_np(-r));
}

int io_connect(struct task *t, const struct io_addr *addr, int64_t deadline_ns,
	       struct io **out)
{
	struct io *io = NULL;
	int r = task_count_op(t);

	if (r == 0)
		r = begin_connect(t, addr, deadline_ns, &io);
	if (r == -ECANCELED)
		return r;
	if (r < 0)
		return fail_connect(r, addr);
	while (r == 0 && !(io->ready & IO_WRITABLE))
		r = io_raw_wait(t, io, IO_WRITABLE, deadline_ns, "io_connect");
	if (r == 0)
		r = io->loop->backend->connect_result(io);
	if (r == 0) {
		*out = io;
		return 0;
	}
	io_close(io);
	return r == -ECANCELED ? r : fail_connect(r, addr);
}

int io_raw_read(struct io *io, void *ptr, size_t cap, size_t *out_n)
{
	size_t n = 0;
	int r;

	assert(cap > 0);
	if (io->error != 0)
		return io->error;
	if (!(io->ready & IO_READABLE))
		return -EAGAIN;
	r = io->loop->backend->read(io, ptr, cap, &n);
	if (r == -EAGAIN) {
		io->ready &= (uint8_t)~IO_READABLE;
		return r;
	}
	if (r < 0) {
		/* The kernel says it once; the stream stays dead. */
		io->error = r;
		io->ready |= IO_HUNG_UP;
		return r;
	}
	/*
	 * Less than asked for: it is drained, and what comes next is a new
	 * edge.  But the edge of the peer's end was seen, if it hung up.
	 */
	if (n == 0) {
		io->ready |= IO_HUNG_UP;
	} else if (n < cap && !(io->ready & IO_HUNG_UP)) {
		io->ready &= (uint8_t)~IO_READABLE;
	}
	io->guess = n == cap;
	*out_n = n;
	return 0;
}

int io_raw_write(struct io *io, const struct str *pieces, size_t count,
		 size_t *out_n)
{
	size_t want = 0, n = 0;
	int r;

	*out_n = 0;
	if (!(io->ready & IO_WRITABLE))
		return 0;
	for (size_t i = 0; i < count; i++)
		want += pieces[i].len;
	if (want == 0)
		return 0;
	r = io->loop->backend->write(io, pieces, count, &n);
	if (r == -EAGAIN) {
		n = 0;
	} else if (r < 0) {
		return r;
	}
	if (n < want)
		io->ready &= (uint8_t)~IO_WRITABLE;
	*out_n = n;
	return 0;
}

int io_try_read(struct io *io, void *ptr, size_t cap, size_t *out_n)
{
	size_t n = 0;
	int r;

	r = io->filter != NULL ? io->filter->try_read(io, ptr, cap, &n)
			       : io_raw_read(io, ptr, cap, &n);
	if (r == 0) {
		io->bytes_in += n;
		*out_n = n;
	}
	return r;
}

/* A filter has said more already. */
static int fail(const struct io *io, int r, const char *what)
{
	if (io->filter != NULL)
		return err_up(r);
	return err_new(r, "%s: %s", what, strerrordesc_np(-r));
}

int io_read(struct task *t, struct io *io, void *ptr, size_t cap,
	    int64_t deadline_ns, size_t *out_n)
{
	int r = task_count_op(t);

	while (r == 0) {
		r = io_try_read(io, ptr, cap, out_n);
		if (r == 0)
			return 0;
		if (r != -EAGAIN)
			return fail(io, r, "read");
		r = io_raw_wait(t, io, io->read_wants, deadline_ns, "io_read");
	}
	return r;
}

int io_try_write(struct io *io, const struct str *pieces, size_t count,
		 size_t *out_n)
{
	size_t n = 0;
	int r;

	r = io->filter != NULL ? io->filter->try_write(io, pieces, count, &n)
			       : io_raw_write(io, pieces, count, &n);
	if (r == 0) {
		io->bytes_out += n;
		*out_n = n;
	}
	return r;
}

/* What is left to write: pieces, of which the first is begun. */
struct rest {
	const struct str *pieces;
	size_t count;
	size_t begun; /* bytes of pieces[0] that are written */
};

static void advance(struct rest *rest, size_t n)
{
	rest->begun += n;
	while (rest->count > 0 && rest->begun >= rest->pieces->len) {
		rest->begun -= rest->pieces->len;
		rest->pieces++;
		rest->count--;
	}
}

/* The caller's pieces are not ours to change: a begun one goes alone. */
static int write_rest(struct io *io, struct rest *rest)
{
	struct str head;
	size_t n;
	int r;

	head = str_drop(rest->pieces[0], rest->begun);
	if (rest->begun > 0) {
		r = io_try_write(io, &head, 1, &n);
	} else {
		r = io_try_write(io, rest->pieces, rest->count, &n);
	}
	if (r == 0)
		advance(rest, n);
	return r;
}

int io_write(struct task *t, struct io *io, const struct str *pieces,
	     size_t count, int64_t deadline_ns)
{
	struct rest rest = { pieces, count, 0 };
	int r = task_count_op(t);

	if (r < 0)
		return r;
	advance(&rest, 0);
	while (rest.count > 0) {
		r = write_rest(io, &rest);
		if (r < 0)
			return fail(io, r, "write");
		if (rest.count == 0)
			break;
		r = io_raw_wait(t, io, io->write_wants, deadline_ns,
				"io_write");
		if (r < 0)
			return r;
	}
	return 0;
}

unsigned io_ready(struct io *io)
{
	unsigned ready = io->ready & (unsigned)~IO_READABLE;

	if (io->error != 0)
		return ready | IO_READABLE;
	if (io->filter != NULL)
		return ready | (io->filter->ready(io) ? IO_READABLE : 0);
	if (!(io->ready & IO_READABLE))
		return ready;
	if (io->guess && !io->loop->backend->peek(io)) {
		io->ready = (uint8_t)ready;
		return ready;
	}
	io->guess = false;
	return ready | IO_READABLE;
}

static bool look(struct io_wait *waits, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		struct io_wait *w = &waits[i];
		unsigned have = w->io->ready;

		/* It may cost a system call. */
		if (w->events & IO_READABLE)
			have = io_ready(w->io);
		w->ready = have & w->events;
		any = any || w->ready != 0;
	}
	return any;
}

int io_wait_any(struct task *t, struct io_wait *waits, size_t count,
		int64_t deadline_ns)
{
	filled_later struct io_waiter w[IO_WAIT_MAX];
	int r = task_count_op(t);

	assert(count > 0 && count <= IO_WAIT_MAX);
	while (r == 0 && !look(waits, count)) {
		for (size_t i = 0; i < count; i++) {
			w[i].task = t;
			w[i].events = waits[i].events;
			if (w[i].events & IO_READABLE)
				w[i].events |= waits[i].io->read_wants;
			list_add(&waits[i].io->waiters, &w[i].link);
		}
		r = task_wait(t, deadline_ns, "io_wait_any", waits[0].io);
		for (size_t i = 0; i < count; i++)
			list_drop(&w[i].link);
	}
	return r;
}

void io_shutdown_write(struct io *io)
{
	if (io->filter != NULL)
		io->filter->shutdown(io);
	io->loop->backend->shutdown(io);
}

static void end_io(struct io *io, bool reset)
{
	/* A task that waits here would wait on memory that is gone. */
	assert(list_is_empty(&io->waiters));
	if (io->filter != NULL)
		io->filter->close(io, reset);
	io->loop->io_count--;
	io->loop->backend->close_io(io, reset);
}

void io_abort(struct io *io)
{
	if (io != NULL)
		end_io(io, true);
}

void io_close(struct io *io)
{
	if (io != NULL)
		end_io(io, false);
}

uint64_t io_bytes_in(const struct io *io)
{
	return io->bytes_in;
}

uint64_t io_bytes_out(const struct io *io)
{
	return io->bytes_out;
}
