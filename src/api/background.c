#include "api/background.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/background_secrets.h"
#include "base/log.h"
#include "base/rand.h"
#include "core/fail.h"
#include "io/offload.h"
#include "responses/patch.h"
#include "responses/state.h"
#include "responses/state_apply.h"
#include "store/claim.h"

enum {
	HOLDER_LEN = 24,
	ROWS_MAX = 160 << 20, /* bytes of a run's two rows */
	ANSWER_MAX = 128 << 20,
	LEASE_MS = 30 * 1000,
};

static const int64_t poll_ns = CLOCK_S; /* for work of other processes */
static const int64_t look_ns = CLOCK_S; /* whether it was cancelled */
static const int64_t renew_ns = 10 * CLOCK_S;
static const int64_t job_ns = 40 * CLOCK_S;

struct background {
	struct background_cfg cfg;
	struct background_secrets secrets;
	char holder[HOLDER_LEN];
};

/* Of a worker, on the stack of its task. */
struct background_worker {
	struct worker *worker;
	struct background *shared;
	struct task *task;
	struct task_event work; /* there may be some, or room for it */
	struct task_group runs;
	size_t running;
};

struct background *background_new(const struct background_cfg *cfg)
{
	struct background *b = xcalloc(1, sizeof(*b));

	b->cfg = *cfg;
	background_secrets_init(&b->secrets);
	rand_hex(b->holder, sizeof(b->holder));
	return b;
}

void background_free(struct background *b)
{
	if (b == NULL)
		return;
	background_secrets_fini(&b->secrets);
	free(b);
}

static struct str holder_of(const struct background *b)
{
	return (struct str){ b->holder, sizeof(b->holder) };
}

/* --- what threads do ------------------------------------------------------- */

enum errand {
	TAKE,  /* claim a run, and read its response */
	RENEW, /* the lease */
	LOOK,  /* is the run still there? */
	COUNT, /* those that wait */
};

struct job {
	struct offload_work work;
	enum errand errand;
	struct background *shared;
	struct arena arena;
	struct str id, owner;
	struct store_object run, response;
	bool has_response;
	unsigned waiting;
	int r;
};

static void take(struct job *job)
{
	struct store *s = job->shared->cfg.store;
	int64_t now_ms = clock_wall() / CLOCK_MS;
	struct store_claimant who = { STORE_RUN, holder_of(job->shared), now_ms,
				      now_ms + LEASE_MS };
	struct store_key key = { .kind = STORE_RESPONSE };
	int r;

	job->r = store_claim(s, &who, &job->arena, &job->run);
	if (job->r != 0)
		return;
	key.owner = job->run.owner;
	key.id = job->run.id;
	r = store_object_get(s, &key, &job->arena, &job->response);
	job->has_response = r == 0;
	if (r < 0)
		job->r = r;
}

static void run_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;
	struct store *s = job->shared->cfg.store;
	struct store_key key = { STORE_RUN, job->owner, job->id };

	if (job->errand == TAKE) {
		take(job);
	} else if (job->errand == RENEW) {
		job->r = store_lease(s, &key, holder_of(job->shared),
				     clock_wall() / CLOCK_MS + LEASE_MS);
	} else if (job->errand == LOOK) {
		job->r = store_object_get(s, &key, &job->arena, &job->run);
	} else {
		job->r = store_object_count(s, STORE_RUN, STORE_STATE_QUEUED,
					    job->shared->cfg.queue,
					    &job->waiting);
	}
}

static void free_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;

	arena_fini(&job->arena);
	free(job);
}

static struct job *make_job(struct background *b, enum errand errand,
			    struct str id)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->work = (struct offload_work){ .run = run_job,
					   .free = free_job,
					   .is_slow = true };
	job->errand = errand;
	job->shared = b;
	arena_init(&job->arena, ROWS_MAX);
	job->id = arena_str(&job->arena, id);
	return job;
}

/* Returns what the job did; it is NULL when it is not the caller's any more. */
static int do_job(struct task *t, struct job **job)
{
	int r = offload_run(t, &(*job)->work, task_now(t) + job_ns);

	if (r == 0)
		return (*job)->r;
	if (r == -EAGAIN)
		free_job(&(*job)->work);
	*job = NULL;
	return r;
}

/* One errand of which only its return matters. */
static int run_errand(struct task *t, struct background *b, enum errand errand,
		      struct str id)
{
	struct job *job = make_job(b, errand, id);
	int r = do_job(t, &job);

	if (job != NULL)
		free_job(&job->work);
	return r;
}

/* --- one run --------------------------------------------------------------- */

/* A run is its own listener: it notices that it is not wanted any more. */
struct watcher {
	struct run_sink sink;
	struct background *shared;
	struct str id;
	int64_t looked_ns, renewed_ns;
};

static int watch(struct task *t, struct run_sink *sink)
{
	struct watcher *w = (struct watcher *)(void *)sink;
	bool renews = task_now(t) - w->renewed_ns >= renew_ns;
	int r;

	if (task_now(t) - w->looked_ns < look_ns)
		return 0;
	r = run_errand(t, w->shared, renews ? RENEW : LOOK, w->id);
	w->looked_ns = task_now(t);
	if (renews && r == 0)
		w->renewed_ns = task_now(t);
	return r == STORE_UNKNOWN || r == STORE_CONFLICT;
}

static int watch_frames(struct task *t, struct run_sink *sink,
			struct str frames)
{
	(void)frames;
	return watch(t, sink);
}

/* Its end, when there is no run to say it: body is the response as it was. */
static void fail(struct task *t, const struct job *job,
		 const struct api_error *e)
{
	struct store_op ops[2] = {
		{ .what = STORE_REPLACE,
		  .version = job->response.version,
		  .object = job->response },
		{ .what = STORE_DELETE_CHILDREN,
		  .object = { .kind = STORE_RUN,
			      .owner = job->run.owner,
			      .parent = job->run.id } },
	};
	struct patch p = { RESPONSE_FAILED, STR("server_error"), e->message };
	struct buf body;

	buf_init(&body, ANSWER_MAX);
	if (patch_write(job->response.body, &p, &body) == 0) {
		ops[0].object.state = object_status(RESPONSE_FAILED);
		ops[0].object.body = buf_str(&body);
		if (state_apply(t, job->shared->cfg.store, ops, 2) < 0) {
			log_warn("response " STR_FMT
				 " has failed, and that could not be kept",
				 STR_ARG(job->run.id));
		}
	}
	buf_fini(&body);
}

static void forget(struct task *t, const struct job *job)
{
	struct store_op op = { .what = STORE_DELETE_CHILDREN,
			       .object = { .kind = STORE_RUN,
					   .owner = job->run.owner,
					   .parent = job->run.id } };

	if (state_apply(t, job->shared->cfg.store, &op, 1) < 0)
		log_debug("a run that is over stays until its lease ends");
}

/* The server stops: somebody else may begin at once. */
static void give_back(struct task *t, struct worker *w, const struct job *job)
{
	struct store_op op = { .what = STORE_PUT, .object = job->run };

	op.object.state = STORE_STATE_QUEUED;
	op.object.due_ms = 0;
	state_post(t, w, &op, 1);
}

static void make(struct task *t, struct api_call *c, struct job *job,
		 struct watcher *w)
{
	struct respond *r = arena_alloc(&c->req->arena, sizeof(*r));
	struct api_error e;
	int rc;

	respond_init(r, c);
	r->setup.id = job->response.id;
	r->setup.created_at = job->response.created;
	r->setup.version = job->response.version;
	rc = respond_prepare(r, job->run.body, &w->sink, true, &e);
	if (rc == 0) {
		run_go(t, r->run);
		if (r->run->now.status == RESPONSE_IN_PROGRESS)
			rc = -ECANCELED;
	}
	if (rc == API_FAIL)
		fail(t, job, &e);
	else if (rc < 0)
		give_back(t, c->worker, job);
	respond_fini(r);
}

/* As if the client's request came now. */
static void serve(struct task *t, struct background_worker *bw, struct job *job)
{
	struct request *req = xcalloc(1, sizeof(*req));
	struct api_call c = { .task = t,
			      .req = req,
			      .worker = bw->worker,
			      .catalog = catalog_ref(bw->worker->catalog) };
	struct watcher w = {
		.sink = { .send = watch_frames,
			  .ping = watch,
			  .ping_ns = STATE_EVENTS_NS },
		.shared = bw->shared,
		.id = job->run.id,
		.looked_ns = task_now(t),
		.renewed_ns = task_now(t),
	};

	arena_init(&req->arena, ROWS_MAX);
	req->user = bw->worker;
	background_secrets_take(&bw->shared->secrets, job->run.id, &req->arena,
				&req->head, &c.session);
	make(t, &c, job, &w);
	catalog_unref(c.catalog);
	arena_fini(&req->arena);
	free(req);
}

static bool is_to_be_made(const struct job *job)
{
	return job->has_response &&
	       (str_eq(job->response.state, object_status(RESPONSE_QUEUED)) ||
		str_eq(job->response.state,
		       object_status(RESPONSE_IN_PROGRESS)));
}

static void run_one(struct task *t, void *arg)
{
	struct job *job = arg;
	struct worker *worker = loop_user(task_loop(t));
	struct background_worker *bw = worker->background_worker;
	struct api_error e;

	if (!is_to_be_made(job)) {
		forget(t, job);
	} else if (job->run.claims > BACKGROUND_TRIES) {
		(void)api_fail(&e, &job->arena, 500, "server_error", NULL,
			       "The response was begun %d times, and each "
			       "time its worker died.",
			       BACKGROUND_TRIES);
		fail(t, job, &e);
	} else {
		serve(t, bw, job);
	}
	free_job(&job->work);
	bw->running--;
	task_event_set(&bw->work);
}

/* --- the worker ------------------------------------------------------------ */

/* Returns 0 when there may be more. */
static int take_one(struct task *t, struct background_worker *bw)
{
	struct job *job;
	int r;

	if (bw->running >= bw->shared->cfg.runs)
		return STORE_UNKNOWN;
	job = make_job(bw->shared, TAKE, STR_NULL);
	r = do_job(t, &job);
	if (r == 0)
		r = task_group_spawn(t, &bw->runs, "background run", run_one,
				     job);
	if (r == 0) {
		bw->running++;
		return 0;
	}
	if (job != NULL)
		free_job(&job->work);
	return r;
}

void background_serve(struct task *t, void *worker)
{
	struct worker *w = worker;
	struct background_worker bw = { .worker = w,
					.shared = w->background,
					.task = t };

	/* It may end before this has begun, and would not be told. */
	if (server_is_ending(w->server))
		return;
	task_event_init(&bw.work);
	task_group_init(&bw.runs);
	w->background_worker = &bw;
	while (!task_is_cancelled(t)) {
		task_event_clear(&bw.work);
		if (take_one(t, &bw) == 0)
			continue;
		if (task_event_wait(t, &bw.work, task_now(t) + poll_ns) ==
		    -ECANCELED)
			break;
	}
	task_group_cancel(&bw.runs);
	task_group_join(t, &bw.runs, CLOCK_NEVER);
	w->background_worker = NULL;
}

void background_stop(struct worker *w)
{
	if (w->background_worker != NULL)
		task_cancel(w->background_worker->task);
}

/* --- what clients ask ------------------------------------------------------ */

static void refuse(struct api_call *c, int status, const char *code,
		   const char *text)
{
	struct api_error e;
	struct str body;

	(void)api_fail(&e, &c->req->arena, status, api_error_type(status), NULL,
		       "%s", text);
	e.code = str_of(code);
	e.with_detail = true;
	body = fail_text(&e, &c->req->arena);
	request_start(c->req, status, STR("application/json"));
	request_header(c->req, STR("retry-after"), STR("5"));
	request_header(c->req, STR("x-request-id"), request_id(c->req));
	if (request_send(c->task, c->req, &body, 1) < 0)
		log_debug("the client is gone");
}

static void answer_queued(struct api_call *c, const struct respond *r)
{
	struct buf out;

	buf_init(&out, ANSWER_MAX);
	if (respond_write(r, &out) == 0)
		route_reply(c, 200, buf_str(&out));
	else
		request_cut(c->req);
	buf_fini(&out);
}

static int queue(struct api_call *c, struct respond *r, struct str body)
{
	struct background *b = c->worker->background;
	struct str id = r->run->view.id, session;
	struct http_head head;
	int rc;

	r->run->now.status = RESPONSE_QUEUED;
	background_secrets_keep(&b->secrets, id, &c->req->head, c->session);
	rc = state_queue(c->task, r->run, body);
	if (rc != 0)
		background_secrets_take(&b->secrets, id, &c->req->arena, &head,
					&session);
	return rc;
}

void background_accept(struct api_call *c, struct respond *r, struct str body)
{
	struct background *b = c->worker->background;
	struct job *job;
	int rc;

	if (b == NULL) {
		refuse(c, 503, "store_off",
		       "Background responses need a store: start the server "
		       "with --store sqlite:PATH.");
		return;
	}
	job = make_job(b, COUNT, STR_NULL);
	rc = do_job(c->task, &job);
	if (rc == 0 && job->waiting >= b->cfg.queue) {
		refuse(c, 429, "queue_full",
		       "Too many background responses wait already; try again "
		       "later.");
		free_job(&job->work);
		return;
	}
	if (job != NULL)
		free_job(&job->work);
	if (rc == 0)
		rc = queue(c, r, body);
	if (rc == 0) {
		answer_queued(c, r);
		if (c->worker->background_worker != NULL)
			task_event_set(&c->worker->background_worker->work);
	} else if (rc == -ECANCELED) {
		request_cut(c->req);
	} else {
		refuse(c, 503, "store_unavailable",
		       "The store does not answer; try again later.");
	}
}
