/*
 * tool - what the measuring programs share: options, sockets, limits.
 *
 *	struct sockaddr_in to = tool_addr("127.0.0.1:8321");
 *	int fd = tool_connect(&to);
 *
 * These programs measure one machine over loopback.  A failure to set up is
 * the end of the program with one line on standard error, never a wrong number.
 */
#ifndef BENCH_TOOL_H
#define BENCH_TOOL_H

#include "base/str.h"

#include <netinet/in.h>

void tool_die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* The value of an option as an integer within the bounds. */
int64_t tool_int(const char *name, const char *text, int64_t min, int64_t max);

/* "127.0.0.1:8321"; only numbers, only v4, only 127.0.0.0/8. */
struct sockaddr_in tool_addr(const char *text);

/* A listening, non-blocking socket; addr gets the port that was chosen. */
int tool_listen(struct sockaddr_in *addr);

/* Begin to connect; non-blocking, no delay.  Returns the socket or -errno. */
must_check int tool_connect(const struct sockaddr_in *to);

/* As above, but wait until connected, and stay blocking with a time limit. */
int tool_connect_now(const struct sockaddr_in *to, int timeout_s);

/* Raise the soft limit of open files to the hard one. */
void tool_raise_files(void);

/* CPU time, in ns, that all threads of the process have used so far. */
int64_t tool_cpu_ns(int pid);

#endif
