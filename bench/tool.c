#include "bench/tool.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	LISTEN_BACKLOG = 4096, /* the kernel's own default for somaxconn */
};

void tool_die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

int64_t tool_int(const char *name, const char *text, int64_t min, int64_t max)
{
	int64_t n = 0;

	if (!str_to_i64(str_of(text), min, max, &n)) {
		tool_die("%s: \"%s\" is not a number from %lld to %lld", name,
			 text, (long long)min, (long long)max);
	}
	return n;
}

struct sockaddr_in tool_addr(const char *text)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct str host, port;
	char host_z[16] = "";
	int64_t n = 0;

	(void)str_cut(str_of(text), ':', &host, &port);
	if (host.len >= sizeof(host_z) || !str_to_i64(port, 0, 65535, &n))
		tool_die("\"%s\" is not ADDRESS:PORT", text);
	memcpy(host_z, host.ptr, host.len);
	if (inet_pton(AF_INET, host_z, &addr.sin_addr) != 1 ||
	    ntohl(addr.sin_addr.s_addr) >> 24 != 127)
		tool_die("\"%s\" is not an address in 127.0.0.0/8", host_z);
	addr.sin_port = htons((uint16_t)n);
	return addr;
}

static void set_nodelay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int tool_listen(struct sockaddr_in *addr)
{
	int on = 1;
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		tool_die("socket: %s", strerrordesc_np(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)addr, sizeof(*addr)) < 0 ||
	    listen(fd, LISTEN_BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) < 0)
		tool_die("listen: %s", strerrordesc_np(errno));
	return fd;
}

int tool_connect(const struct sockaddr_in *to)
{
	int r;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	set_nodelay(fd);
	r = connect(fd, (const struct sockaddr *)to, sizeof(*to));
	if (r < 0 && errno != EINPROGRESS) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int tool_connect_now(const struct sockaddr_in *to, int timeout_s)
{
	struct timeval limit = { .tv_sec = timeout_s };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		tool_die("socket: %s", strerrordesc_np(errno));
	set_nodelay(fd);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0) {
		tool_die("connect to port %d: %s", ntohs(to->sin_port),
			 strerrordesc_np(errno));
	}
	return fd;
}

void tool_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The first number of the file, which is the time on the CPU. */
static int64_t read_schedstat(const char *path)
{
	char text[64];
	struct str ns, rest;
	int64_t n = 0;
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0; /* the thread has just ended */
	len = read(fd, text, sizeof(text));
	close(fd);
	if (len <= 0)
		return 0;
	(void)str_cut((struct str){ text, (size_t)len }, ' ', &ns, &rest);
	return str_to_i64(ns, 0, INT64_MAX, &n) ? n : 0;
}

int64_t tool_cpu_ns(int pid)
{
	char path[320];
	int64_t sum = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (dir == NULL)
		tool_die("process %d is gone", pid);
	for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid,
			 e->d_name);
		sum += read_schedstat(path);
	}
	closedir(dir);
	return sum;
}
