#include "cli/doctor_impl.h"

#include "base/clock.h"
#include "cli/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#define RELEASED INT64_C(1767225600) /* 2026: no clock is right before it */

enum {
	SPARE_FILES = 256,       /* databases, recordings, the log */
	STREAM_BYTES = 16 << 10, /* of an idle stream */
};

static void check_files(struct doctor *d)
{
	int64_t need = d->config->max_connections * 2 + SPARE_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= (rlim_t)need) {
		doctor_note(d, DOCTOR_OK, "limits", NULL, "open files suffice");
		return;
	}
	doctor_note(d, DOCTOR_WARN, "limits",
		    "raise LimitNOFILE= of the unit or ulimit -Hn, or lower "
		    "server.max_connections",
		    "%llu open files; %lld connections, each with one "
		    "upstream, take %lld",
		    (unsigned long long)limit.rlim_max,
		    (long long)d->config->max_connections, (long long)need);
}

/* Of the machine, or what its control group may have. */
static int64_t memory_bytes(void)
{
	struct sysinfo info;
	int64_t total = INT64_MAX, own;
	char text[32];
	int fd = open("/sys/fs/cgroup/memory.max", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		(void)close(fd);
	if (sysinfo(&info) == 0)
		total = (int64_t)info.totalram * info.mem_unit;
	if (n > 0 &&
	    str_to_i64(str_trim((struct str){ text, (size_t)n }), 1, INT64_MAX,
		       &own) &&
	    own < total)
		total = own;
	return total;
}

static void check_memory(struct doctor *d)
{
	int64_t need = d->config->max_connections * STREAM_BYTES;
	int64_t have = memory_bytes();

	doctor_note(d, need < have / 2 ? DOCTOR_OK : DOCTOR_WARN, "limits",
		    "lower server.max_connections, or give it more memory",
		    "%lld MB of memory; %lld idle connections take %lld",
		    (long long)(have >> 20),
		    (long long)d->config->max_connections,
		    (long long)(need >> 20));
}

/* Nobody leaves it again, so a child tries. */
static void check_sandbox(struct doctor *d)
{
	bool must = str_eq(d->config->sandbox, STR("on"));
	int status = 0, r;
	pid_t pid = fork();

	if (pid == 0)
		_exit(-sandbox_enter() & 0xff);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return;
	r = -WEXITSTATUS(status);
	if (r == 0) {
		doctor_note(d, DOCTOR_OK, "kernel", NULL,
			    "filters of system calls (server.sandbox)");
		return;
	}
	/* A build for tests: nothing that an operator could change. */
	if (r == -ENOTSUP && !must)
		return;
	doctor_note(d, must ? DOCTOR_BAD : DOCTOR_WARN, "kernel",
		    "let the container or unit allow seccomp, or set "
		    "server.sandbox: off",
		    "no sandbox: %s", sandbox_reason(r));
}

static void check_clock(struct doctor *d)
{
	struct timex now = { .modes = 0 };

	if (clock_wall() / CLOCK_S < RELEASED) {
		doctor_note(d, DOCTOR_BAD, "clock", "set it: timedatectl",
			    "it is years behind: certificates and signatures "
			    "will be refused");
	} else if (adjtimex(&now) == TIME_ERROR &&
		   (now.status & STA_UNSYNC) != 0) {
		doctor_note(d, DOCTOR_WARN, "clock",
			    "timedatectl set-ntp true (not in a container)",
			    "nothing keeps it right");
	} else {
		doctor_note(d, DOCTOR_OK, "clock", NULL, "is set and kept");
	}
}

static int try_bind(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1, r;

	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (at->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
				 sizeof(one));
	r = bind(fd, at->ai_addr, at->ai_addrlen) < 0 ? -errno : 0;
	(void)close(fd);
	return r;
}

static int try_host(const char *host, int64_t port)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	char service[16];
	int r = 0;

	(void)snprintf(service, sizeof(service), "%lld", (long long)port);
	if (getaddrinfo(host, service, &hints, &list) != 0)
		return -EADDRNOTAVAIL;
	for (struct addrinfo *at = list; at != NULL && r == 0; at = at->ai_next)
		r = try_bind(at);
	freeaddrinfo(list);
	return r;
}

static void note_port(struct doctor *d, int r)
{
	long long port = d->config->port;

	if (r == 0) {
		doctor_note(d, DOCTOR_OK, "port", NULL, "%lld is free", port);
	} else if (r == -EADDRINUSE) {
		doctor_note(d, DOCTOR_WARN, "port",
			    "if that is not quipu: ss -ltnp tells who; or "
			    "choose another with --port",
			    "%lld is taken", port);
	} else {
		doctor_note(d, DOCTOR_BAD, "port",
			    r == -EACCES ? "below 1024 it must come from "
					   "quipu.socket, or choose another "
					   "with --port"
					 : "look at server.host: ip addr tells "
					   "which addresses there are",
			    "%lld: %s", port, strerrordesc_np(-r));
	}
}

static void check_port(struct doctor *d)
{
	struct str rest = d->config->host, one;
	int r = 0;

	if (d->config->port == 0 || getenv("LISTEN_FDS") != NULL)
		return;
	if (rest.len == 0)
		r = try_host(NULL, d->config->port);
	while (rest.len > 0 && r == 0) {
		(void)str_cut(rest, ',', &one, &rest);
		r = try_host(arena_cz(&d->arena, str_trim(one)),
			     d->config->port);
	}
	note_port(d, r);
}

void doctor_machine(struct doctor *d)
{
	/* First: a process of one thread may fork. */
	if (!str_eq(d->config->sandbox, STR("off")))
		check_sandbox(d);
	check_files(d);
	check_memory(d);
	check_clock(d);
	check_port(d);
}
