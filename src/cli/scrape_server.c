#include "cli/scrape_server.h"

#include "api/handlers.h"
#include "base/log.h"
#include "cli/say.h"

#include <errno.h>

enum {
	CONNECTIONS_MAX = 64
};

/* "127.0.0.1:9464", "[::1]:9464", "localhost:9464", ":9464" for all. */
static int parse(struct str text, struct io_addr *out)
{
	size_t colon = text.len;
	struct str host;
	int64_t port;

	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (colon == 0 || !str_to_i64(str_drop(text, colon), 0, 65535, &port))
		return -EINVAL;
	host = str_take(text, colon - 1);
	if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
		host = str_take(str_drop(host, 1), host.len - 2);
	else if (str_find(host, STR(":")) < host.len)
		return -EINVAL;
	if (host.len == 0)
		host = STR("::");
	if (str_eq(host, STR("localhost")))
		host = STR("127.0.0.1");
	return io_addr_parse(host, (uint16_t)port, out);
}

static struct server_cfg config_of(struct worker *w)
{
	const struct config *cfg = w->catalog->registry->config;
	size_t max = (size_t)cfg->head_max;

	return (struct server_cfg){
		.handle = scrape_request,
		.refuse = route_refuse,
		.user = w,
		.head_max = max,
		.body_max = max,
		.inflated_max = max,
		.head_timeout_ns = cfg->head_timeout_ns,
		.body_timeout_ns = cfg->body_timeout_ns,
		.keepalive_timeout_ns = cfg->keepalive_timeout_ns,
		.write_timeout_ns = cfg->write_timeout_ns,
		.connection_max = CONNECTIONS_MAX,
	};
}

static void announce(const struct io *io)
{
	char text[IO_ADDR_TEXT_MAX];
	struct io_addr a;

	io_local_addr(io, &a);
	log_info("metrics at http://" STR_FMT, STR_ARG(io_addr_text(&a, text)));
}

int scrape_server_open(struct worker *w, struct server **out,
		       struct buf *messages)
{
	const struct config *cfg = w->catalog->registry->config;
	struct io_listen_cfg listen = { 0 };
	struct server_cfg server = config_of(w);
	struct io *io;
	int r;

	*out = NULL;
	if (!cfg->metrics_on || cfg->metrics_listen.len == 0)
		return 0;
	r = parse(cfg->metrics_listen, &listen.addr);
	if (r == 0)
		r = io_listen(w->loop, &listen, &io);
	if (r == 0) {
		*out = server_new(w->loop, &server);
		r = server_listen(*out, io);
	}
	if (r == 0) {
		announce(io);
		return 0;
	}
	say(messages, "metrics.listen: cannot listen on " STR_FMT ": %s\n",
	    STR_ARG(cfg->metrics_listen),
	    r == -EINVAL ? "not an address:port" : strerrordesc_np(-r));
	return -1;
}
