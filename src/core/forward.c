#include "core/forward.h"

#include "base/log.h"
#include "core/credentials.h"
#include "core/fail.h"
#include "core/forward_head.h"
#include "core/source.h"
#include "core/tracing.h"
#include "net/upload.h"

#include <errno.h>

enum {
	WHOLE_MAX = 64 * 1024
};

void forward_init(struct forward *f, struct request *req, struct worker *w,
		  const struct upstream *u)
{
	*f = (struct forward){ .req = req };
	exchange_init(&f->x, w, &(struct model_target){ .upstream = u });
	f->x.arena = &req->arena;
	f->x.watch = req->io;
	f->x.request.op = LLM_RAW;
	f->x.request.raw = &f->raw;
	f->x.request.bearer = http_value(&req->head, HTTP_AUTHORIZATION);
}

/* The client's body could not be read; r is of net/upload.h. */
static void body_failed(struct task *t, struct forward *f, int r)
{
	const struct http_fault *fault;

	if (r != HTTP_BAD) {
		request_cut(f->req);
		return;
	}
	fault = upload_fault(f->req);
	(void)api_fail(&f->x.error, f->x.arena, fault->status,
		       api_error_type(fault->status), NULL, "%s.", fault->text);
	f->x.error.code = STR("bad_http_request");
	fail_send(t, f->req, &f->x.error);
}

/* Returns as upload_read(). */
static int read_whole(struct task *t, struct forward *f)
{
	struct str data;
	struct buf all;
	int r;

	buf_init(&all, SIZE_MAX / 2);
	for (;;) {
		r = upload_read(t, f->req, &data);
		if (r != 0 || data.len == 0)
			break;
		r = buf_add(&all, data);
		if (r != 0)
			break;
	}
	if (r == 0)
		f->raw.body = arena_str(f->x.arena, buf_str(&all));
	buf_fini(&all);
	return r;
}

static bool is_signed(const struct forward *f)
{
	const struct provider *p = &f->x.upstream->provider;

	return (p->type->caps & PROVIDER_SIGNS_BODY) != 0 &&
	       provider_key(p, &f->x.request).len == 0;
}

/* What must be there before the request can be made. */
static int read_early(struct task *t, struct forward *f)
{
	const struct http_head *head = &f->req->head;
	const struct config *cfg = f->x.worker->catalog->registry->config;
	uint64_t max = f->body_max > 0 ? f->body_max : UINT64_MAX;
	bool all = is_signed(f);

	if (all && max > (uint64_t)cfg->body_max)
		max = (uint64_t)cfg->body_max;
	upload_limit(f->req, max);
	if (all || (head->framing == HTTP_BODY_LENGTH &&
		    head->content_length <= WHOLE_MAX))
		return read_whole(t, f);
	return 0;
}

static int next_bytes(struct task *t, void *arg, struct str *data)
{
	struct forward *f = arg;

	return upload_try(t, f->req, data);
}

/* Returns 0, EXCHANGE_FAILED, or -ECANCELED. */
static int make_request(struct task *t, struct forward *f)
{
	const struct http_head *head = &f->req->head;
	struct client_request *r = &f->request;
	size_t count;
	int rc;

	/* A span tells it when the head may have been given back. */
	f->raw.method = f->x.trace == NULL
				? head->method
				: arena_str(f->x.arena, head->method);
	f->raw.path = f->path;
	f->raw.query = f->query;
	f->x.request.data = f->data;
	f->x.request.wall_ns = task_wall(t);
	rc = credentials_take(t, &f->x);
	tracing_attempt(f->x.trace);
	if (rc == 0)
		rc = source_request(&f->x, task_now(t), r);
	if (rc != 0)
		return rc < 0 ? rc : EXCHANGE_FAILED;
	count = f->raw.header_count;
	r->headers = forward_head_merge(r->headers, r->header_count,
					f->raw.headers, &count, f->x.arena);
	r->header_count = count;
	r->raw = true;
	r->once = f->raw.body.len > 0;
	if (upload_is_ended(f->req))
		return 0;
	f->body = (struct client_body){
		.next = next_bytes,
		.arg = f,
		.io = f->req->io,
		.idle_ns = upload_timeout_ns(f->req),
		.has_length = head->framing == HTTP_BODY_LENGTH,
		.length = head->content_length,
	};
	r->body = &f->body;
	return 0;
}

/* Returns 0 when there is an answer; else the client was told. */
static int ask(struct task *t, struct forward *f)
{
	enum client_stage stage = CLIENT_CONNECT;
	int r = client_send(t, f->x.worker->client, &f->request, &f->res,
			    &stage);

	f->x.status = r == 0 ? f->res->head.status : 0;
	exchange_count(&f->x);
	if (r == CLIENT_BODY_FAILED && f->body.failed == -ETIMEDOUT)
		f->body.failed = upload_late(f->req);
	if (r == CLIENT_BODY_FAILED) {
		body_failed(t, f, f->body.failed);
	} else if (r < 0 && r != -ECANCELED) {
		(void)exchange_no_answer(&f->x, r, stage);
		fail_send(t, f->req, &f->x.error);
	} else if (r != 0) {
		request_cut(f->req);
	}
	return r;
}

static bool is_cors(const struct http_header *h)
{
	struct str start = STR("access-control-");

	return str_eq_nocase(str_take(h->name, start.len), start);
}

static void begin(struct forward *f)
{
	const struct http_head *head = &f->res->head;
	bool has_id = false;

	request_start(f->req, head->status, STR_NULL);
	request_header(f->req, STR("x-quipu-provider"),
		       f->x.upstream->provider.id);
	request_header(f->req, STR("x-quipu-attempts"), STR("1"));
	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];

		if (!forward_head_passes(head, h) ||
		    (f->own_cors && is_cors(h)))
			continue;
		has_id = has_id || h->id == HTTP_X_REQUEST_ID;
		request_header(f->req, h->name, h->value);
	}
	if (!has_id)
		request_header(f->req, STR("x-request-id"), request_id(f->req));
	if (http_find(head, HTTP_CONTENT_LENGTH) != NULL)
		request_length(f->req, head->content_length);
}

/* A head that cannot be said again is an error of its own. */
static void bad_head(struct task *t, struct forward *f)
{
	(void)api_fail(&f->x.error, f->x.arena, 502, "upstream_error", NULL,
		       "The head of provider '" STR_FMT
		       "'s answer cannot be passed on: " STR_FMT ".",
		       STR_ARG(f->x.upstream->provider.id),
		       STR_ARG(err_text()));
	f->x.error.code = STR("upstream_bad_answer");
	fail_send(t, f->req, &f->x.error);
}

/* Returns 0, what client_read() says, or -errno of the client's side. */
static int relay(struct task *t, struct forward *f)
{
	struct str data;
	int r = 0;

	/* A head without a body to follow at once does not wait for it. */
	if (str_eq(f->req->head.method, STR("HEAD")) ||
	    !client_is_ready(f->res))
		r = request_flush(t, f->req);
	while (r == 0) {
		r = client_read(t, f->res, &data);
		if (r != 0 || data.len == 0)
			break;
		r = request_write(t, f->req, &data, 1);
		/* An idle stream is not to hold its request. */
		if (r == 0 && f->req->head.header_count > 0 &&
		    upload_is_ended(f->req))
			request_release_input(f->req);
	}
	return r == 0 ? request_finish(t, f->req) : r;
}

static void answer(struct task *t, struct forward *f)
{
	int r;

	task_note(t, "passing on an answer of provider",
		  f->x.upstream->provider.id);
	begin(f);
	r = relay(t, f);
	if (r < 0 && r != -ECANCELED && !f->req->sent && !f->req->writing) {
		bad_head(t, f);
	} else if (r != 0) {
		log_debug("passing on an answer: " STR_FMT,
			  STR_ARG(err_text()));
		request_cut(f->req);
	}
	client_done(f->res);
}

/* What can be read and made before anybody upstream is asked, and the rest. */
static void run(struct task *t, struct forward *f)
{
	int r = read_early(t, f);

	if (r != 0) {
		body_failed(t, f, r);
		return;
	}
	r = make_request(t, f);
	if (r == EXCHANGE_FAILED) {
		fail_send(t, f->req, &f->x.error);
		return;
	}
	if (r == 0 && ask(t, f) == 0)
		answer(t, f);
}

void forward_run(struct task *t, struct forward *f)
{
	f->raw.headers = forward_head_request(&f->req->head, f->x.arena,
					      &f->raw.header_count);
	task_note(t, "passing on a request to provider",
		  f->x.upstream->provider.id);
	run(t, f);
	exchange_close(&f->x);
}
