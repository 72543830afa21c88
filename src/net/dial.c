#include "net/dial.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "io/dns.h"
#include "io/tls.h"
#include "net/proxy.h"

enum {
	TARGET_MAX = 280, /* a host name has 255 bytes at most */
};

/* "Connection refused" reads better in the middle of a sentence in small. */
static struct str reason(int code, char out[ERR_TEXT_MAX])
{
	const char *text = strerrordesc_np(-code);

	if (text == NULL)
		text = "failed";
	if (code == -ETIMEDOUT)
		text = "timed out";
	(void)snprintf(out, ERR_TEXT_MAX, "%c%s", text[0] | 0x20, text + 1);
	return str_of(out);
}

static int connect_error(const struct io_addr *addr, size_t count, int code)
{
	char where[IO_ADDR_TEXT_MAX], why[ERR_TEXT_MAX];
	struct str text = io_addr_text(addr, where);

	(void)reason(code, why);
	if (count > 1) {
		return err_new(code,
			       "connect to " STR_FMT " (the last of %zu "
			       "addresses): %s",
			       STR_ARG(text), count, why);
	}
	return err_new(code, "connect to " STR_FMT ": %s", STR_ARG(text), why);
}

static int connect_any(struct task *t, const struct io_addr *addrs,
		       size_t count, int64_t deadline_ns, struct io **out)
{
	int r = -ENOENT;

	assert(count > 0);

	for (size_t i = 0; i < count; i++) {
		int64_t now = task_now(t);
		int64_t share = (deadline_ns - now) / (int64_t)(count - i);

		r = io_connect(t, &addrs[i], now + share, out);
		if (r == 0)
			return 0;
		if (task_is_cancelled(t))
			return err_up(r);
	}
	return connect_error(&addrs[count - 1], count, r);
}

static int look_up(struct task *t, const struct client_origin *to,
		   int64_t deadline_ns, struct io_addr addrs[DNS_ADDR_MAX],
		   size_t *count)
{
	char path[sizeof("unix:") + sizeof(addrs[0].un.sun_path)];
	int n;

	if (to->is_unix) {
		n = snprintf(path, sizeof(path), "unix:" STR_FMT,
			     STR_ARG(to->host));
		if (n < 0 || (size_t)n >= sizeof(path)) {
			return err_new(-EINVAL,
				       "the socket's path is too long");
		}
		*count = 1;
		return io_addr_parse(str_of(path), 0, &addrs[0]);
	}
	if (to->proxy.tls || to->proxy.is_unix)
		return err_new(-ENOTSUP, "only http:// proxies can be used");
	if (to->proxy.host.len > 0) {
		return dns_lookup(t, to->proxy.host, to->proxy.port,
				  deadline_ns, addrs, count);
	}
	return dns_lookup(t, to->host, to->port, deadline_ns, addrs, count);
}

/* Leave out what must not be connected to.  Returns 0 or -EACCES. */
static int sift(const struct client_origin *to, struct io_addr *addrs,
		size_t *count)
{
	size_t n = 0;

	if (to->allow == NULL)
		return 0;
	for (size_t i = 0; i < *count; i++) {
		if (to->allow(&addrs[i]))
			addrs[n++] = addrs[i];
	}
	*count = n;
	return n > 0 ? 0 : err_new(-EACCES, "its address is not allowed");
}

static int tunnel(struct task *t, struct io *io, const struct client_origin *to,
		  int64_t deadline_ns)
{
	bool is_v6 = memchr(to->host.ptr, ':', to->host.len) != NULL;
	char text[TARGET_MAX];
	int n = snprintf(text, sizeof(text), "%s" STR_FMT "%s:%u",
			 is_v6 ? "[" : "", STR_ARG(to->host), is_v6 ? "]" : "",
			 to->port);

	if (n < 0 || (size_t)n >= sizeof(text))
		return err_new(-EINVAL, "the host's name is too long");
	return proxy_connect(t, io, &to->proxy, str_of(text), deadline_ns);
}

static int stage_error(const struct client_origin *to, enum client_stage stage,
		       int code)
{
	static const char *const doing[] = {
		[CLIENT_DNS] = "look up",
		[CLIENT_PROXY] = "ask the proxy for",
		[CLIENT_TLS] = "start TLS with",
	};
	const struct str *host = stage == CLIENT_DNS && to->proxy.host.len > 0
					 ? &to->proxy.host
					 : &to->host;
	struct str why = err_text();
	char text[ERR_TEXT_MAX];
	size_t len = why.len;

	if (len > 0)
		memcpy(text, why.ptr, len);
	return err_new(code, "%s " STR_FMT ": " STR_FMT, doing[stage],
		       STR_ARG(*host), (int)len, text);
}

/* What goes over the fresh connection before the request does. */
static int prepare(struct task *t, struct io *io,
		   const struct client_origin *to, int64_t deadline_ns,
		   enum client_stage *stage)
{
	int r;

	if (!to->tls)
		return 0;
	if (to->proxy.host.len > 0 && !to->is_unix) {
		*stage = CLIENT_PROXY;
		r = tunnel(t, io, to, deadline_ns);
		if (r < 0)
			return err_up(r);
	}
	*stage = CLIENT_TLS;
	r = tls_connect(t, io, to->tls_ctx, to->host, deadline_ns);
	return r < 0 ? err_up(r) : 0;
}

int dial_open(struct task *t, const struct client_origin *to,
	      int64_t deadline_ns, enum client_stage *stage, struct io **out)
{
	struct io_addr addrs[DNS_ADDR_MAX];
	struct io *io = NULL;
	size_t count = 0;
	int r;

	assert(!to->tls || to->tls_ctx != NULL);

	*stage = CLIENT_DNS;
	r = look_up(t, to, deadline_ns, addrs, &count);
	if (r == 0)
		r = sift(to, addrs, &count);
	if (r < 0)
		return stage_error(to, *stage, r);
	*stage = CLIENT_CONNECT;
	r = connect_any(t, addrs, count, deadline_ns, &io);
	if (r < 0)
		return err_up(r);
	r = prepare(t, io, to, deadline_ns, stage);
	if (r < 0) {
		io_close(io);
		return stage_error(to, *stage, r);
	}
	*out = io;
	return 0;
}

/* One child dials and one watches; whoever is first ends the other. */
struct dial {
	const struct client_request *req;
	int64_t deadline_ns;
	enum client_stage stage;
	struct io *io;
	int r;
	bool hung_up;
	struct task_event done;
	size_t text_len;
	char text[ERR_TEXT_MAX]; /* errors are noted per task: carry it over */
};

static void run_dial(struct task *t, void *arg)
{
	struct dial *d = arg;
	struct str text;

	d->r = dial_open(t, d->req->origin, d->deadline_ns, &d->stage, &d->io);
	if (d->r < 0) {
		text = str_take(err_text(), sizeof(d->text));
		d->text_len = text.len;
		if (text.len > 0)
			memcpy(d->text, text.ptr, text.len);
	}
	task_event_set(&d->done);
}

static void run_watch(struct task *t, void *arg)
{
	struct dial *d = arg;
	struct io_wait wait = { .io = d->req->watch, .events = IO_HUNG_UP };

	if (io_wait_any(t, &wait, 1, CLOCK_NEVER) == 0)
		d->hung_up = true;
	task_event_set(&d->done);
}

static int race(struct task *t, struct dial *d)
{
	struct task_group group;
	int r;

	task_group_init(&group);
	r = task_group_spawn(t, &group, "dial", run_dial, d);
	if (r == 0)
		r = task_group_spawn(t, &group, "dial watch", run_watch, d);
	if (r == 0)
		r = task_event_wait(t, &d->done, CLOCK_NEVER);
	task_group_cancel(&group);
	task_group_join(t, &group, CLOCK_NEVER);
	return r;
}

int dial_watched(struct task *t, const struct client_request *req,
		 int64_t deadline_ns, enum client_stage *stage, struct io **out)
{
	struct dial d = {
		.req = req,
		.deadline_ns = deadline_ns,
		.r = -ECANCELED,
	};
	int r;

	if (req->watch == NULL)
		return dial_open(t, req->origin, deadline_ns, stage, out);
	task_event_init(&d.done);
	r = race(t, &d);
	*stage = d.stage;
	if (d.r == 0 && r == 0 && !d.hung_up) {
		*out = d.io;
		return 0;
	}
	if (d.r == 0)
		io_close(d.io);
	if (d.hung_up && r == 0)
		return CLIENT_HUNG_UP;
	if (r < 0)
		return err_up(r);
	return err_new(d.r, STR_FMT, (int)d.text_len, d.text);
}
