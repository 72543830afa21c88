/*
 * io - byte streams for tasks: TCP, UNIX sockets, TLS, and the simulator.
 *
 *	r = io_connect(t, &addr, deadline, &io);
 *	r = io_write(t, io, pieces, countof(pieces), deadline);
 *	r = io_read(t, io, ptr, cap, deadline, &n);
 *	io_close(io);
 *
 * One task at a time may wait for reading and one for writing on a stream.
 * TCP streams have TCP_NODELAY set.  A stream on which TLS was started
 * (io/tls.h) is used in the same way.
 *
 * Returns: 0, or -errno: -ETIMEDOUT at the deadline, -ECANCELED when the task
 * is cancelled, -ECONNRESET and -EPIPE when the peer is gone, -EPROTO from TLS.
 */
#ifndef IO_IO_H
#define IO_IO_H

#include "io/loop.h"
#include "io/task.h"

#include <sys/socket.h>
#include <sys/un.h>

struct io;

struct io_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_storage ss;
		struct sockaddr_un un;
	};
	socklen_t len;
};

enum {
	IO_ADDR_TEXT_MAX = 128,
	IO_WAIT_MAX = 4
};

/*
 * Read a numeric address and port, or "unix:/path".  Returns 0 or -EINVAL when
 * text is not one (a host name, say).
 */
must_check int io_addr_parse(struct str host, uint16_t port,
			     struct io_addr *out);

/* "127.0.0.1:80", "[::1]:80" or "unix:/path", NUL-terminated. */
struct str io_addr_text(const struct io_addr *a, char out[IO_ADDR_TEXT_MAX]);

struct io_listen_cfg {
	struct io_addr addr;
	int backlog;     /* 0: 4096 */
	bool reuse_port; /* one listener per worker on the same port */
	bool v6_only;
	mode_t unix_mode; /* of a UNIX socket's file; 0: 0666 minus umask */
};

must_check int io_listen(struct loop *loop, const struct io_listen_cfg *cfg,
			 struct io **out);

/* Take over a listening or connected socket (socket activation, socketpair). */
must_check int io_adopt(struct loop *loop, int fd, struct io **out);

/* Its descriptor, still io's own; -1 in the simulator. */
int io_fd(const struct io *io);

/*
 * Is an address one of the public internet: not of this machine, a private or
 * shared network, a link, a group, a test, a tunnel, or a cloud's own services.
 */
bool io_addr_is_public(const struct io_addr *a);

/* The address that a listener or stream is bound to, and its peer's. */
void io_local_addr(const struct io *io, struct io_addr *out);
void io_peer_addr(const struct io *io, struct io_addr *out);

must_check int io_accept(struct task *t, struct io *listener,
			 int64_t deadline_ns, struct io **out);

must_check int io_connect(struct task *t, const struct io_addr *addr,
			  int64_t deadline_ns, struct io **out);

/*
 * Read what there is, up to cap bytes; wait when there is nothing.  0 with
 * *out_n == 0 is the end of the stream.
 */
must_check int io_read(struct task *t, struct io *io, void *ptr, size_t cap,
		       int64_t deadline_ns, size_t *out_n);

/* As io_read(), but never waits: -EAGAIN when there is nothing. */
must_check int io_try_read(struct io *io, void *ptr, size_t cap, size_t *out_n);

/* Write all pieces, in one system call when the kernel takes them. */
must_check int io_write(struct task *t, struct io *io, const struct str *pieces,
			size_t count, int64_t deadline_ns);

/*
 * As io_write(), but never waits: *out_n bytes were taken, fewer than all when
 * the peer reads slowly.
 */
must_check int io_try_write(struct io *io, const struct str *pieces,
			    size_t count, size_t *out_n);

enum io_events {
	IO_READABLE = 1, /* bytes, the end, or an error can be read */
	IO_WRITABLE = 2,
	IO_HUNG_UP = 4, /* the peer closed its sending side, or reset */
};

struct io_wait {
	struct io *io;
	unsigned events; /* wanted; IO_HUNG_UP alone ignores readable bytes */
	unsigned ready;  /* out */
};

/*
 * Wait until one of the events is there, for at most IO_WAIT_MAX streams.
 * Returns 0 with each ready set, -ETIMEDOUT or -ECANCELED.
 */
must_check int io_wait_any(struct task *t, struct io_wait *waits, size_t count,
			   int64_t deadline_ns);

/*
 * What is known without a system call, as of this round of the loop: for an
 * idle pooled connection, anything but 0 (or IO_WRITABLE) means it is dead.
 */
unsigned io_ready(struct io *io);

/* End our sending side. */
void io_shutdown_write(struct io *io);

/* Close so that the peer sees a reset, not a clean end. */
void io_abort(struct io *io);

/* io may be NULL. */
void io_close(struct io *io);

/* Bytes through the stream so far. */
uint64_t io_bytes_in(const struct io *io);
uint64_t io_bytes_out(const struct io *io);

#endif
