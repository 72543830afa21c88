#include "io/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BACKLOG = 4096
};

static void set_option(int fd, int level, int name)
{
	int one = 1;

	(void)setsockopt(fd, level, name, &one, sizeof(one));
}

int socket_open(const struct io_addr *addr)
{
	int fd = socket(addr->sa.sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_new(-errno, "socket: %s", strerrordesc_np(errno));
	/* Accepted sockets inherit it from their listener. */
	if (addr->sa.sa_family != AF_UNIX)
		set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	return fd;
}

/* Does nobody listen at the path that bind() found taken? */
static bool is_stale(const struct io_addr *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, &addr->sa, addr->len) < 0 && errno == ECONNREFUSED;
	(void)close(fd);
	return stale;
}

static int bind_unix(int fd, const struct io_listen_cfg *cfg)
{
	const struct io_addr *addr = &cfg->addr;
	int r;

	/* Before bind(), so that the file never allows more than this. */
	if (cfg->unix_mode != 0)
		(void)fchmod(fd, cfg->unix_mode);
	r = bind(fd, &addr->sa, addr->len);
	if (r < 0 && errno == EADDRINUSE && is_stale(addr)) {
		(void)unlink(addr->un.sun_path);
		r = bind(fd, &addr->sa, addr->len);
	}
	/* Then without the umask. */
	if (r == 0 && cfg->unix_mode != 0)
		r = chmod(addr->un.sun_path, cfg->unix_mode);
	return r < 0 ? -errno : 0;
}

static int bind_socket(int fd, const struct io_listen_cfg *cfg)
{
	const struct io_addr *addr = &cfg->addr;
	int only = cfg->v6_only;

	if (addr->sa.sa_family == AF_UNIX)
		return bind_unix(fd, cfg);
	set_option(fd, SOL_SOCKET, SO_REUSEADDR);
	if (cfg->reuse_port)
		set_option(fd, SOL_SOCKET, SO_REUSEPORT);
	if (addr->sa.sa_family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only,
				 sizeof(only));
	}
	return bind(fd, &addr->sa, addr->len) < 0 ? -errno : 0;
}

int socket_listen(const struct io_listen_cfg *cfg)
{
	char text[IO_ADDR_TEXT_MAX];
	int fd, r;

	fd = socket_open(&cfg->addr);
	if (fd < 0)
		return fd;
	r = bind_socket(fd, cfg);
	if (r == 0 && listen(fd, cfg->backlog > 0 ? cfg->backlog : BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return err_new(r, "listen on " STR_FMT ": %s",
		       STR_ARG(io_addr_text(&cfg->addr, text)),
		       strerrordesc_np(-r));
}

int socket_adopt(int fd, bool *out_listens)
{
	int listens = 0, type = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_STREAM)
		return err_new(-EINVAL, "fd %d is no stream socket", fd);
	len = sizeof(int);
	(void)getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_new(-errno, "fd %d: %s", fd, strerrordesc_np(errno));
	/* Fails on UNIX sockets, which never wait for more anyway. */
	set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	*out_listens = listens != 0;
	return 0;
}
