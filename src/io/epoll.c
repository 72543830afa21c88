#include "io/internal.h"
#include "io/socket.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

enum {
	EVENTS_MAX = 256,
	COARSE_MS_MAX = 3600 * 1000,
	PIECES_MAX = 1024 /* the kernel's IOV_MAX */
};

/* One per loop. */
struct epoll {
	int fd;
	int wake_fd;
	bool coarse; /* the kernel has no epoll_pwait2() */
	bool active; /* the last round had events */
	struct epoll_event events[EVENTS_MAX];
};

/* Slices are handed to the kernel as they are. */
_Static_assert(sizeof(struct str) == sizeof(struct iovec) &&
		       offsetof(struct str, ptr) ==
			       offsetof(struct iovec, iov_base) &&
		       offsetof(struct str, len) ==
			       offsetof(struct iovec, iov_len),
	       "struct str is a struct iovec");

static int watch(struct epoll *ep, int fd, unsigned events, struct io *io)
{
	struct epoll_event ev = { .events = events | EPOLLET, .data.ptr = io };

	return epoll_ctl(ep->fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void close_epoll(struct epoll *ep)
{
	if (ep->fd >= 0)
		(void)close(ep->fd);
	if (ep->wake_fd >= 0)
		(void)close(ep->wake_fd);
	free(ep);
}

static int epoll_open(struct loop *loop, void *arg, void **out_state)
{
	struct epoll *ep = xcalloc(1, sizeof(*ep));
	int r;

	(void)loop;
	(void)arg;
	/* It complains about every system call that it does not know. */
	ep->coarse = RUNNING_ON_VALGRIND != 0;
	ep->fd = epoll_create1(EPOLL_CLOEXEC);
	ep->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = ep->fd < 0 || ep->wake_fd < 0 ? -errno : 0;
	if (r == 0)
		r = watch(ep, ep->wake_fd, EPOLLIN, NULL);
	if (r < 0) {
		close_epoll(ep);
		return r;
	}
	*out_state = ep;
	return 0;
}

static void epoll_end(struct loop *loop)
{
	close_epoll(loop_state(loop));
}

static int64_t epoll_monotonic(struct loop *loop)
{
	(void)loop;
	return clock_monotonic();
}

static int64_t epoll_wall(struct loop *loop)
{
	(void)loop;
	return clock_wall();
}

static int wait_coarse(struct epoll *ep, int64_t wait_ns)
{
	int64_t ms = wait_ns / CLOCK_MS;

	/* Up, so that no deadline is missed by a wake-up that is early. */
	if (wait_ns % CLOCK_MS > 0)
		ms++;
	if (ms > COARSE_MS_MAX)
		ms = COARSE_MS_MAX;
	if (wait_ns == CLOCK_NEVER)
		ms = -1;
	return epoll_wait(ep->fd, ep->events, EVENTS_MAX, (int)ms);
}

static int wait_fine(struct epoll *ep, int64_t wait_ns)
{
	struct timespec ts = { .tv_sec = wait_ns / CLOCK_S,
			       .tv_nsec = wait_ns % CLOCK_S };
	int n;

	if (ep->coarse)
		return wait_coarse(ep, wait_ns);
	n = epoll_pwait2(ep->fd, ep->events, EVENTS_MAX,
			 wait_ns == CLOCK_NEVER ? NULL : &ts, NULL);
	/* Linux before 5.11; EPERM from sandboxes that do not know the call. */
	if (n < 0 && (errno == ENOSYS || errno == EPERM)) {
		ep->coarse = true;
		return wait_coarse(ep, wait_ns);
	}
	return n;
}

/* Ask again and again for at most so long; 0 when nothing came. */
static int wait_busy(struct epoll *ep, int64_t spin_ns)
{
	int64_t end = clock_monotonic() + spin_ns;
	int n;

	do {
		n = epoll_wait(ep->fd, ep->events, EVENTS_MAX, 0);
	} while (n == 0 && clock_monotonic() < end);
	return n;
}

static int wait_for_events(struct loop *loop, struct epoll *ep, int64_t wait_ns)
{
	int64_t spin_ns = loop->busy_poll_ns;
	int n;

	if (!ep->active || spin_ns == 0 || wait_ns <= spin_ns)
		return wait_fine(ep, wait_ns);
	n = wait_busy(ep, spin_ns);
	if (n != 0)
		return n;
	return wait_fine(ep,
			 wait_ns == CLOCK_NEVER ? wait_ns : wait_ns - spin_ns);
}

static unsigned events_of(unsigned got)
{
	unsigned events = 0;

	if (got & EPOLLIN)
		events |= IO_READABLE;
	if (got & EPOLLOUT)
		events |= IO_WRITABLE;
	if (got & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		events |= IO_READABLE | IO_HUNG_UP;
	/* A writer learns of it by writing. */
	if (got & (EPOLLHUP | EPOLLERR))
		events |= IO_WRITABLE;
	return events;
}

static void epoll_poll(struct loop *loop, int64_t until_ns)
{
	struct epoll *ep = loop_state(loop);
	int64_t now = loop->now_ns;
	int n;

	/* The tasks that ran since the clock was read took some time. */
	if (until_ns != CLOCK_NEVER && until_ns > now)
		now = clock_monotonic();
	if (until_ns != CLOCK_NEVER)
		until_ns = until_ns > now ? until_ns - now : 0;
	n = wait_for_events(loop, ep, until_ns);
	assert(n >= 0 || errno == EINTR);
	ep->active = n > 0;
	for (int i = 0; i < n; i++) {
		/* The eventfd is never read: each write is a new edge. */
		if (ep->events[i].data.ptr != NULL) {
			io_signal(ep->events[i].data.ptr,
				  events_of(ep->events[i].events));
		}
	}
}

static void epoll_wake(struct loop *loop)
{
	struct epoll *ep = loop_state(loop);
	uint64_t one = 1;

	(void)!write(ep->wake_fd, &one, sizeof(one));
}

static int make_io(struct loop *loop, int fd, unsigned ready, struct io **out)
{
	struct io *io = xmalloc(sizeof(*io));
	int r;

	io_init(io, loop, fd, ready);
	r = watch(loop_state(loop), fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP, io);
	if (r < 0) {
		loop->io_count--;
		free(io);
		return err_new(r, "epoll_ctl: %s", strerrordesc_np(-r));
	}
	*out = io;
	return 0;
}

static int epoll_listen(struct loop *loop, const struct io_listen_cfg *cfg,
			struct io **out)
{
	int fd = socket_listen(cfg);
	int r;

	if (fd < 0)
		return err_up(fd);
	r = make_io(loop, fd, 0, out);
	if (r < 0)
		(void)close(fd);
	return r;
}

static int epoll_adopt(struct loop *loop, int fd, struct io **out)
{
	bool listens;
	int r;

	r = socket_adopt(fd, &listens);
	if (r < 0)
		return err_up(r);
	/* A listener's first edge is yet to come, even if one waits. */
	return make_io(loop, fd, listens ? 0 : IO_READABLE | IO_WRITABLE, out);
}

/* The connection died before it was taken, accept(2) says: go on. */
static bool is_passing(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

static int epoll_accept(struct io *listener, struct io **out)
{
	int fd, r;

	do {
		fd = accept4(listener->fd, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && is_passing(errno));
	if (fd < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (fd < 0)
		return err_new(-errno, "accept: %s", strerrordesc_np(errno));
	/* Most clients have sent something by now. */
	r = make_io(listener->loop, fd, IO_READABLE | IO_WRITABLE, out);
	if (r < 0)
		(void)close(fd);
	return r;
}

static int epoll_connect(struct loop *loop, const struct io_addr *addr,
			 struct io **out)
{
	bool done = true;
	int fd, r;

	fd = socket_open(addr);
	if (fd < 0)
		return err_up(fd);
	r = connect(fd, &addr->sa, addr->len) < 0 ? -errno : 0;
	if (r == -EINPROGRESS || r == -EINTR) {
		done = false;
		r = 0;
	}
	/* After connect(): a socket without a peer would count as hung up. */
	if (r == 0)
		r = make_io(loop, fd, done ? IO_WRITABLE : 0, out);
	if (r < 0)
		(void)close(fd);
	return r;
}

static int epoll_connect_result(struct io *io)
{
	socklen_t len = sizeof(int);
	int error = 0;

	(void)getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return -error;
}

static int epoll_read(struct io *io, void *ptr, size_t cap, size_t *out_n)
{
	ssize_t n;

	do {
		n = recv(io->fd, ptr, cap, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*out_n = (size_t)n;
	return 0;
}

/* msg_iov is not const, but nobody writes to it. */
static struct iovec *iovec_of(const struct str *pieces)
{
	return (struct iovec *)(uintptr_t)pieces;
}

static int epoll_write(struct io *io, const struct str *pieces, size_t count,
		       size_t *out_n)
{
	struct msghdr msg = { .msg_iov = iovec_of(pieces) };
	ssize_t n;

	msg.msg_iovlen = count < PIECES_MAX ? count : PIECES_MAX;
	do {
		n = count == 1 ? send(io->fd, pieces->ptr, pieces->len,
				      MSG_NOSIGNAL)
			       : sendmsg(io->fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*out_n = (size_t)n;
	return 0;
}

static bool epoll_peek(struct io *io)
{
	char c;

	return recv(io->fd, &c, 1, MSG_PEEK) >= 0 || errno != EAGAIN;
}

static void epoll_shutdown(struct io *io)
{
	(void)shutdown(io->fd, SHUT_WR);
}

static void epoll_close_io(struct io *io, bool reset)
{
	struct linger linger = { .l_onoff = 1 };

	if (reset) {
		(void)setsockopt(io->fd, SOL_SOCKET, SO_LINGER, &linger,
				 sizeof(linger));
	}
	/* Takes it out of the epoll set as well. */
	(void)close(io->fd);
	free(io);
}

static void epoll_local_addr(const struct io *io, struct io_addr *out)
{
	out->len = sizeof(out->ss);
	if (getsockname(io->fd, &out->sa, &out->len) < 0)
		out->len = 0;
}

static void epoll_peer_addr(const struct io *io, struct io_addr *out)
{
	out->len = sizeof(out->ss);
	if (getpeername(io->fd, &out->sa, &out->len) < 0)
		out->len = 0;
}

const struct loop_backend epoll_backend = {
	.name = "epoll",
	.open = epoll_open,
	.close = epoll_end,
	.monotonic = epoll_monotonic,
	.wall = epoll_wall,
	.poll = epoll_poll,
	.wake = epoll_wake,
	.listen = epoll_listen,
	.adopt = epoll_adopt,
	.accept = epoll_accept,
	.connect = epoll_connect,
	.connect_result = epoll_connect_result,
	.read = epoll_read,
	.write = epoll_write,
	.peek = epoll_peek,
	.shutdown = epoll_shutdown,
	.close_io = epoll_close_io,
	.local_addr = epoll_local_addr,
	.peer_addr = epoll_peer_addr,
};
