/*
 * socket - stream sockets as the epoll back end wants them; private to src/io.
 *
 * All are non-blocking, closed on exec, and have TCP_NODELAY where there is
 * such a thing.
 */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include "io/io.h"

/* Returns the descriptor, or -errno. */
must_check int socket_open(const struct io_addr *addr);
must_check int socket_listen(const struct io_listen_cfg *cfg);

/* Make somebody else's socket so.  On failure it is as good as before. */
must_check int socket_adopt(int fd, bool *out_listens);

#endif
