#include "cli/listen.h"

#include "cli/say.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

/* Errors are for people: what failed, and what to do about it. */
static int bind_failed(struct buf *messages, struct str where, int r)
{
	const char *hint = "";

	if (r == -EADDRINUSE) {
		hint = "; is quipu running already?  Choose another with "
		       "--port";
	} else if (r == -ENOSPC) {
		hint = "; there are more addresses than quipu listens on";
	} else if (r == -EACCES) {
		hint = "; ports below 1024 need the capability "
		       "CAP_NET_BIND_SERVICE";
	}
	say(messages, "cannot listen on " STR_FMT ": %s%s\n", STR_ARG(where),
	    strerrordesc_np(-r), hint);
	return -1;
}

static int add(struct listen_set *set, struct io *io)
{
	if (set->count == LISTEN_MAX) {
		io_close(io);
		return -ENOSPC;
	}
	set->ios[set->count++] = io;
	return 0;
}

static int listen_addr(struct listen_plan *plan, struct loop *loop,
		       const struct io_addr *addr, struct listen_set *out)
{
	struct io_listen_cfg cfg = {
		.addr = *addr,
		.backlog = (int)plan->config->backlog,
		.reuse_port = addr->sa.sa_family != AF_UNIX,
	};
	struct io *io;
	int r = io_listen(loop, &cfg, &io);

	return r < 0 ? r : add(out, io);
}

/* The port that the kernel chose for the first is for all. */
static void learn_port(struct listen_plan *plan, const struct listen_set *set)
{
	struct io_addr a;

	if (plan->port != 0 || set->count == 0)
		return;
	io_local_addr(set->ios[set->count - 1], &a);
	if (a.sa.sa_family == AF_INET6) {
		plan->port =
			ntohs(((struct sockaddr_in6 *)(void *)&a)->sin6_port);
	} else if (a.sa.sa_family == AF_INET) {
		plan->port =
			ntohs(((struct sockaddr_in *)(void *)&a)->sin_port);
	}
}

/* Both families on one socket, or IPv4 alone where there is no IPv6. */
static int listen_any(struct listen_plan *plan, struct loop *loop,
		      struct listen_set *out, struct buf *messages)
{
	struct io_addr a;
	int r;

	r = io_addr_parse(STR("::"), plan->port, &a);
	if (r == 0)
		r = listen_addr(plan, loop, &a, out);
	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) {
		r = io_addr_parse(STR("0.0.0.0"), plan->port, &a);
		if (r == 0)
			r = listen_addr(plan, loop, &a, out);
	}
	if (r < 0) {
		char text[32];
		int n = snprintf(text, sizeof(text), "port %u", plan->port);

		return bind_failed(messages, (struct str){ text, (size_t)n },
				   r);
	}
	learn_port(plan, out);
	return 0;
}

static int listen_found(struct listen_plan *plan, struct loop *loop,
			const struct addrinfo *i, struct listen_set *out)
{
	char text[NI_MAXHOST];
	struct io_addr a;
	int r;

	(void)getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof(text), NULL,
			  0, NI_NUMERICHOST);
	r = io_addr_parse(str_of(text), plan->port, &a);
	if (r == 0)
		r = listen_addr(plan, loop, &a, out);
	learn_port(plan, out);
	return r;
}

static int listen_name(struct listen_plan *plan, struct str name,
		       struct loop *loop, struct listen_set *out,
		       struct buf *messages)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	struct io_addr a;
	int r = io_addr_parse(name, plan->port, &a);
	char host[256];

	if (r == 0) {
		r = listen_addr(plan, loop, &a, out);
		learn_port(plan, out);
		return r < 0 ? bind_failed(messages, name, r) : 0;
	}
	(void)snprintf(host, sizeof(host), STR_FMT, STR_ARG(name));
	r = getaddrinfo(host, NULL, &hints, &found);
	if (r != 0) {
		say(messages, "cannot listen on host '%s': %s\n", host,
		    gai_strerror(r));
		return -1;
	}
	for (struct addrinfo *i = found; i != NULL && r == 0; i = i->ai_next)
		r = listen_found(plan, loop, i, out);
	freeaddrinfo(found);
	return r < 0 ? bind_failed(messages, name, r) : 0;
}

static int listen_names(struct listen_plan *plan, struct loop *loop,
			struct listen_set *out, struct buf *messages)
{
	struct str rest = plan->config->host, name;
	int r = 0;

	while (rest.len > 0 && r == 0) {
		(void)str_cut(rest, ',', &name, &rest);
		name = str_trim(name);
		if (name.len > 0)
			r = listen_name(plan, name, loop, out, messages);
	}
	return r;
}

/* A socket file that nobody listens on is left over from a crash. */
static void unlink_stale(struct str path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (path.len >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, path.ptr, path.len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0 &&
	    errno == ECONNREFUSED)
		(void)unlink(un.sun_path);
	(void)close(fd);
}

static int adopt(struct loop *loop, int fd, struct listen_set *out)
{
	struct io *io;
	int mine = dup(fd);
	int r;

	if (mine < 0)
		return -errno;
	r = io_adopt(loop, mine, &io);
	if (r < 0) {
		(void)close(mine);
		return r;
	}
	return add(out, io);
}

static int listen_unix(struct listen_plan *plan, struct loop *loop,
		       struct listen_set *out, struct buf *messages)
{
	struct str path = plan->config->unix_path;
	char text[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	struct io_addr a;
	int n, r;

	if (plan->unix_fd >= 0) {
		r = adopt(loop, plan->unix_fd, out);
		return r < 0 ? bind_failed(messages, path, r) : 0;
	}
	n = snprintf(text, sizeof(text), "unix:" STR_FMT, STR_ARG(path));
	r = (size_t)n < sizeof(text)
		    ? io_addr_parse((struct str){ text, (size_t)n }, 0, &a)
		    : -ENAMETOOLONG;
	if (r == 0) {
		unlink_stale(path);
		r = listen_addr(plan, loop, &a, out);
	}
	if (r < 0)
		return bind_failed(messages, path, r);
	plan->unix_fd = io_fd(out->ios[out->count - 1]);
	return 0;
}

int listen_open(struct listen_plan *plan, struct loop *loop,
		struct listen_set *out, struct buf *messages)
{
	int r = 0;

	*out = (struct listen_set){ 0 };
	for (int i = 0; i < plan->fd_count && r == 0; i++)
		r = adopt(loop, plan->fd + i, out);
	if (r < 0)
		return bind_failed(messages, STR("a passed socket"), r);
	if (plan->fd_count > 0)
		return 0;
	if (plan->config->unix_path.len > 0) {
		r = listen_unix(plan, loop, out, messages);
		/* A UNIX socket alone, unless a host was asked for. */
		if (r < 0 || plan->config->host.len == 0)
			return r;
	}
	if (plan->config->host.len == 0)
		return listen_any(plan, loop, out, messages);
	return listen_names(plan, loop, out, messages);
}
