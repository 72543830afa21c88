/*
 * systemd - socket activation and readiness, by sd_listen_fds(3) and
 * sd_notify(3)'s protocols.
 */
#ifndef CLI_SYSTEMD_H
#define CLI_SYSTEMD_H

/* The first passed descriptor; *out_n of them (0: none). */
int systemd_sockets(int *out_n);

/* "READY=1", "STOPPING=1", ...: nothing happens without NOTIFY_SOCKET. */
void systemd_notify(const char *state);

#endif
