#include "cli/systemd.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	FIRST_FD = 3,
	FDS_MAX = 16
};

static bool env_int(const char *name, int64_t *out)
{
	return str_to_i64(str_of(getenv(name)), 0, INT32_MAX, out);
}

int systemd_sockets(int *out_n)
{
	int64_t pid, n;

	*out_n = 0;
	if (env_int("LISTEN_PID", &pid) && pid == getpid() &&
	    env_int("LISTEN_FDS", &n) && n <= FDS_MAX)
		*out_n = (int)n;
	return FIRST_FD;
}

void systemd_notify(const char *state)
{
	struct str path = str_of(getenv("NOTIFY_SOCKET"));
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(state);
	int fd;

	if (path.len == 0 || path.len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path.ptr, path.len);
	if (addr.sun_path[0] == '@') /* the abstract name space */
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, len, MSG_NOSIGNAL, (struct sockaddr *)&addr,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			       path.len)) != (ssize_t)len)
		log_warn("cannot notify the service manager: %s",
			 strerrorname_np(errno));
	(void)close(fd);
}
