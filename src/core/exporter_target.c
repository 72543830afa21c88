#include "core/exporter_target.h"

#include "core/origin.h"

enum {
	ANSWER_MAX = 64 * 1024,
	TEXTS_MAX = 1 << 20
};

#define CONNECT_NS (5 * CLOCK_S)
#define TICK_NS    (CLOCK_S / 2)

static struct str own_endpoint(const struct config *c,
			       enum exporter_signal signal)
{
	return signal == EXPORTER_TRACES ? c->otlp_traces : c->otlp_metrics;
}

bool exporter_target_is_wanted(const struct config *c,
			       enum exporter_signal signal)
{
	bool on = signal == EXPORTER_TRACES ? c->otlp_has_traces
					    : c->otlp_has_metrics;

	return c->telemetry_on && on &&
	       (own_endpoint(c, signal).len > 0 || c->otlp_endpoint.len > 0);
}

/* "name=value,name=value"; values may have %-escapes, as in baggage. */
static int add_headers(struct exporter_target *x, struct str text,
		       struct arena *a, struct api_error *error)
{
	text = arena_str(&x->arena, text);
	while (text.len > 0) {
		struct str one, name, value;

		(void)str_cut(text, ',', &one, &text);
		if (str_trim(one).len == 0)
			continue;
		if (!str_cut(one, '=', &name, &value) ||
		    url_decode(str_trim(value), &x->arena, &value) < 0 ||
		    x->header_count == EXPORTER_HEADERS_MAX) {
			return api_fail(error, a, 500, "config", NULL,
					"telemetry.otlp.headers: not "
					"name=value,name=value, or too many");
		}
		name = str_trim(name);
		x->headers[x->header_count++] = (struct http_header){
			.id = http_name_find(name), .name = name, .value = value
		};
	}
	return 0;
}

static struct str path_of(const struct url *u, const struct config *c,
			  enum exporter_signal signal, struct arena *a)
{
	struct str path = u->path, more = STR_NULL;

	if (own_endpoint(c, signal).len == 0) {
		more = signal == EXPORTER_TRACES ? STR("/v1/traces")
						 : STR("/v1/metrics");
		while (str_ends(path, STR("/")))
			path.len--;
	}
	if (path.len + more.len == 0)
		more = STR("/");
	return arena_join(a,
			  (struct str[]){ path, more,
					  u->query.len > 0 ? STR("?")
							   : STR_NULL,
					  u->query },
			  4);
}

static int find_origin(struct exporter_target *x, const struct config *c,
		       const struct url *u, struct arena *a,
		       struct api_error *error)
{
	/* As a provider is reached: proxies and certificates alike. */
	struct provider *p = arena_zalloc(a, sizeof(*p));

	p->id = STR("telemetry");
	p->base = *u;
	p->network = &c->network;
	return origin_get(p, a, &x->origin, error);
}

int exporter_target_init(struct exporter_target *x, const struct config *c,
			 enum exporter_signal signal, struct arena *a,
			 struct api_error *error)
{
	struct str text = own_endpoint(c, signal);
	struct url u;
	int r;

	*x = (struct exporter_target){ 0 };
	if (!exporter_target_is_wanted(c, signal))
		return 0;
	if (text.len == 0)
		text = c->otlp_endpoint;
	if (url_parse(text, a, &u) < 0) {
		return api_fail(error, a, 500, "config", NULL,
				"telemetry.otlp: " STR_FMT ": " STR_FMT,
				STR_ARG(text), STR_ARG(err_text()));
	}
	arena_init(&x->arena, TEXTS_MAX);
	x->path = path_of(&u, c, signal, &x->arena);
	x->headers[x->header_count++] =
		(struct http_header){ .id = http_name_find(STR("content-type")),
				      .name = STR("content-type"),
				      .value = STR("application/json") };
	x->headers[x->header_count++] =
		(struct http_header){ .id = http_name_find(STR("user-agent")),
				      .name = STR("user-agent"),
				      .value = STR("quipu/" QUIPU_VERSION) };
	r = add_headers(x, c->otlp_headers, a, error);
	return r == 0 ? find_origin(x, c, &u, a, error) : r;
}

void exporter_target_fini(struct exporter_target *x)
{
	origin_put(x->origin);
	x->origin = NULL;
	if (x->arena.max != 0)
		arena_fini(&x->arena);
}

static int64_t retry_after(const struct http_head *head)
{
	int64_t n;

	if (!str_to_i64(http_value(head, HTTP_RETRY_AFTER), 0, INT32_MAX, &n))
		return 0;
	return n * CLOCK_S;
}

int exporter_target_send(struct task *t, const struct exporter_target *x,
			 struct client *client,
			 const struct exporter_message *m, int64_t *wait_ns)
{
	struct client_request req = {
		.origin = x->origin,
		.method = STR("POST"),
		.target = x->path,
		.headers = x->headers,
		.header_count = x->header_count,
		.pieces = &m->body,
		.piece_count = 1,
		.timeouts = { .connect_ns = CONNECT_NS,
			      .deadline_ns = m->deadline_ns },
		.tick_ns = TICK_NS,
		.tick = m->tick,
		.tick_arg = m->tick_arg,
	};
	struct client_response *res;
	enum client_stage stage;
	struct buf answer;
	int status = 0;

	*wait_ns = 0;
	if (client_send(t, client, &req, &res, &stage) != 0)
		return 0;
	status = res->head.status;
	*wait_ns = retry_after(&res->head);
	/* Read to its end, so that the connection serves again. */
	buf_init(&answer, ANSWER_MAX);
	(void)!client_read_all(t, res, ANSWER_MAX, &answer);
	buf_fini(&answer);
	client_done(res);
	return status;
}
