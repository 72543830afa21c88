/*
 * listen - the sockets that a configuration asks for.
 */
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include "config/config.h"
#include "io/io.h"

enum {
	LISTEN_MAX = 8
};

struct listen_set {
	struct io *ios[LISTEN_MAX]; /* owned until taken */
	size_t count;
};

/*
 * Bind for one worker: the passed sockets if there are any (fd, fd_count), else
 * host and port, and the UNIX socket.  *port is what the configuration says, or
 * what the kernel gave the first worker for port 0.  The UNIX socket is bound
 * once (first) and shared: *unix_fd.  Returns 0, or -1 with the reason in
 * messages.
 */
struct listen_plan {
	const struct config *config;
	int fd, fd_count;
	uint16_t port;
	int unix_fd; /* -1 before the first worker */
};
int listen_open(struct listen_plan *plan, struct loop *loop,
		struct listen_set *out, struct buf *messages);

#endif
