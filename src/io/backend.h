/*
 * backend - what a loop and its streams stand on; private to src/io.
 *
 * A back end is a table of functions: epoll.c is one, the simulator another.
 * It makes the streams (struct io first in its own struct, where it needs more)
 * and reports events by io_signal().  None of its functions may suspend, except
 * offload().
 *
 * A filter changes the bytes of one stream on their way (TLS).  It works on
 * io_raw_read() and io_raw_write(), never waits, and says by the two wants
 * which event would let it go on.
 */
#ifndef IO_BACKEND_H
#define IO_BACKEND_H

#include "io/dns.h"
#include "io/io.h"
#include "io/offload.h"

struct loop_backend {
	const char *name;

	/* arg is loop_cfg.backend_arg; state ends up in loop_state(). */
	int (*open)(struct loop *loop, void *arg, void **out_state);
	void (*close)(struct loop *loop);

	int64_t (*monotonic)(struct loop *loop);
	int64_t (*wall)(struct loop *loop);

	/*
	 * Wait for events until the deadline (CLOCK_NEVER: for ever; one that
	 * has passed: not at all) or wake(), and signal them.
	 */
	void (*poll)(struct loop *loop, int64_t until_ns);
	void (*wake)(struct loop *loop); /* from any thread */

	int (*listen)(struct loop *loop, const struct io_listen_cfg *cfg,
		      struct io **out);
	int (*adopt)(struct loop *loop, int fd, struct io **out);
	/* -EAGAIN: none is there. */
	int (*accept)(struct io *listener, struct io **out);
	/*
	 * Begin; the stream becomes writable when it is decided.  -EAGAIN: the
	 * listener's queue is full, try later.
	 */
	int (*connect)(struct loop *loop, const struct io_addr *addr,
		       struct io **out);
	int (*connect_result)(struct io *io);

	/* -EAGAIN: nothing there; 0 with *out_n == 0: the end. */
	int (*read)(struct io *io, void *ptr, size_t cap, size_t *out_n);
	int (*write)(struct io *io, const struct str *pieces, size_t count,
		     size_t *out_n);
	/* Would read() say something other than -EAGAIN? */
	bool (*peek)(struct io *io);
	void (*shutdown)(struct io *io);
	/* Frees io. */
	void (*close_io)(struct io *io, bool reset);
	void (*local_addr)(const struct io *io, struct io_addr *out);
	void (*peer_addr)(const struct io *io, struct io_addr *out);

	/*
	 * NULL for the system's: look a name up, on an offload thread.  Returns
	 * as dns_lookup(), with port 0 in the addresses.
	 */
	int (*resolve)(void *backend_arg, struct str host, struct io_addr *out,
		       size_t *out_n);
	/* NULL for threads. */
	int (*offload)(struct task *t, struct offload_work *w,
		       int64_t deadline_ns);
	/* NULL for first come, first served: reorder tasks that are ready. */
	void (*shuffle)(struct loop *loop, struct list *ready);
};

extern const struct loop_backend epoll_backend;

struct io_filter {
	/* As io_try_read() and io_try_write(). */
	int (*try_read)(struct io *io, void *ptr, size_t cap, size_t *out_n);
	int (*try_write)(struct io *io, const struct str *pieces, size_t count,
			 size_t *out_n);
	/* Would try_read() say something other than -EAGAIN? */
	bool (*ready)(struct io *io);
	void (*shutdown)(struct io *io);          /* before the socket's own */
	void (*close)(struct io *io, bool reset); /* frees filter_state */
};

struct io {
	struct loop *loop;
	const struct io_filter *filter; /* NULL: none */
	void *filter_state;
	struct list waiters; /* struct io_waiter, on the stacks of tasks */
	uint64_t bytes_in, bytes_out;
	int fd;
	int error;          /* of reading: -errno, said again for ever */
	uint8_t ready;      /* enum io_events, sticky */
	bool guess;         /* IO_READABLE may be wrong: the last read was
				 full, or there was none yet */
	uint8_t read_wants; /* what to wait for after -EAGAIN */
	uint8_t write_wants;
};

struct io_waiter {
	struct list link;
	struct task *task;
	unsigned events;
};

/* For back ends: make the generic part; note what happened and wake. */
void io_init(struct io *io, struct loop *loop, int fd, unsigned ready);
void io_signal(struct io *io, unsigned events);

/* The unfiltered stream. */
int io_raw_read(struct io *io, void *ptr, size_t cap, size_t *out_n);
int io_raw_write(struct io *io, const struct str *pieces, size_t count,
		 size_t *out_n);

/* Wait for raw events, as one of io_events; what is for dumps. */
int io_raw_wait(struct task *t, struct io *io, unsigned events,
		int64_t deadline_ns, const char *what);

void *loop_state(const struct loop *loop);
void *loop_backend_arg(const struct loop *loop);

#endif
