/*
 * dns - host names to addresses, without blocking the loop.
 *
 * getaddrinfo() runs on an offload thread.  Each loop keeps answers for 30 s
 * and failures for 1 s, at most 1,024 names; lookups of one name under way at
 * the same time share one call.  Numeric addresses and "unix:/path" are
 * answered at once.  "localhost" gives 127.0.0.1 and ::1.
 */
#ifndef IO_DNS_H
#define IO_DNS_H

#include "io/io.h"

enum {
	DNS_ADDR_MAX = 8
};

/*
 * Returns 0 with 1..DNS_ADDR_MAX addresses in the resolver's order, -ENOENT
 * (no such host; err_text() has getaddrinfo's words), -ETIMEDOUT, -ECANCELED
 * or -EAGAIN (too many lookups waiting).
 */
must_check int dns_lookup(struct task *t, struct str host, uint16_t port,
			  int64_t deadline_ns, struct io_addr out[DNS_ADDR_MAX],
			  size_t *out_n);

#endif
