/*
 * proxy - which hosts go through an HTTP proxy, and how.
 *
 *	if (!proxy_is_bypassed(no_proxy, host, port)) {
 *		r = io_connect(t, &proxy_addr, deadline, &io);
 *		r = proxy_connect(t, io, &proxy, STR("api.x.com:443"), deadline);
 *	}
 *
 * Plain http:// requests need no tunnel: they are sent to the proxy with the
 * target in absolute form and proxy_authorization().
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "http/url.h"
#include "io/io.h"

/*
 * Does the list exempt the host?  Entries are separated by commas or spaces:
 * "*" is all; "example.com", ".example.com" and "*.example.com" are the domain
 * and what is below it; "10.0.0.0/8" and "fd00::/8" are networks and match
 * numeric hosts only; a ":port" at the end of a name or address limits it.
 * Names are compared in any case.
 */
bool proxy_is_bypassed(struct str no_proxy, struct str host, uint16_t port);

/*
 * The value of Proxy-Authorization, or "" without userinfo in the URL.  Returns
 * 0 with *out in the arena, or -EINVAL.
 */
must_check int proxy_authorization(const struct url *proxy, struct arena *a,
				   struct str *out);

/*
 * Ask the proxy at the other end of io for a tunnel to target, "host:port".
 * Returns 0, -ECONNREFUSED when the answer is not 2xx (err_text() has the
 * status), -EPROTO when it is not HTTP, or what io_read() and io_write() do.
 */
must_check int proxy_connect(struct task *t, struct io *io,
			     const struct url *proxy, struct str target,
			     int64_t deadline_ns);

#endif
