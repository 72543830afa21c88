#include "api/store_job.h"

#include "api/page.h"
#include "api/stored.h"
#include "base/err.h"
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PAGE_BYTES_MAX = 16 << 20, /* of more than one row */
	ROW_BYTES_MAX = STORE_ROW_BYTES_MAX + (1 << 20),
	ANSWER_MAX = ROW_BYTES_MAX + (1 << 20),
	MESSAGE_MAX = 1024,
	SHOWN_MAX = 200 /* bytes of an id that a message repeats */
};

/* Above what the store itself allows a call. */
static const int64_t job_ns = 40 * CLOCK_S;

/* Between looks for what may come from another server: 175 ms in all. */
static const int64_t pause_first_ns = 25 * CLOCK_MS;
static const int64_t pause_last_ns = 100 * CLOCK_MS;

struct str store_job_owner(const struct api_call *c)
{
	(void)c;
	return STR("");
}

/* --- for acts -------------------------------------------------------------- */

int store_job_refuse(struct store_job *job, int status, const char *param,
		     const char *code, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)api_fail(&job->error, &job->arena, status, api_error_type(status),
		       param, "%s", text);
	if (code != NULL)
		job->error.code = str_of(code);
	return STORE_JOB_REFUSED;
}

int store_job_damaged(void)
{
	return err_new(-EUCLEAN, "what was kept is no JSON");
}

int store_job_list(struct store_job *job, struct json_writer *w,
		   int (*list)(struct store_job *job, struct json_writer *w,
			       struct arena *rows))
{
	struct store_query *q = &job->query;
	int r = -EMSGSIZE;

	for (unsigned n = q->limit; n > 0 && r == -EMSGSIZE; n /= 2) {
		struct arena rows;

		arena_init(&rows, n == 1 ? ROW_BYTES_MAX : PAGE_BYTES_MAX);
		q->limit = n;
		r = list(job, w, &rows);
		arena_fini(&rows);
	}
	return r;
}

int store_job_get(struct store_job *job, enum store_kind kind, struct arena *a,
		  struct store_object *out)
{
	struct store_key key = { kind, job->owner, job->id };

	return store_object_get(job->store, &key, a, out);
}

struct store_objects_query store_job_query(const struct store_job *job,
					   enum store_kind kind)
{
	const struct store_query *q = &job->query;

	return (struct store_objects_query){
		.kind = kind,
		.owner = job->owner,
		.label = q->model,
		.after = q->after,
		.before = q->before,
		.limit = q->limit,
		.newest_first = q->newest_first,
	};
}

/* --- on the thread --------------------------------------------------------- */

static int read_body(struct store_job *job)
{
	struct json_error bad;

	if (job->body.len == 0) {
		return store_job_refuse(
			job, 400, NULL, NULL,
			"The request has no body; send a JSON object.");
	}
	if (json_parse(job->body, NULL, &job->doc, &bad) != 0) {
		return store_job_refuse(
			job, 400, NULL,
			bad.is_limit ? "json_limit" : "invalid_json",
			"The request's body is %s: line %u, column %u: %s.",
			bad.is_limit ? "too large a JSON text"
				     : "not valid JSON",
			bad.line, bad.column, bad.what);
	}
	job->has_doc = true;
	if (json_type(&job->doc, json_root(&job->doc)) == JSON_OBJECT)
		return 0;
	return store_job_refuse(job, 400, NULL, "invalid_type",
				"The request's body is not a JSON object.");
}

static struct store_job *job_of(struct offload_work *work)
{
	return (struct store_job *)(void *)((char *)work -
					    offsetof(struct store_job, work));
}

static void run_job(struct offload_work *work)
{
	struct store_job *job = job_of(work);
	struct json_writer w;

	json_writer_init(&w, &job->answer);
	job->is_early = false;
	job->r = job->body.ptr != NULL && !job->has_doc ? read_body(job) : 0;
	if (job->r == 0)
		job->r = job->act(job, &w);
	if (job->r == 0)
		job->r = json_writer_done(&w);
	if (job->r < 0)
		log_warn("store: " STR_FMT, STR_ARG(err_text()));
}

void store_job_free(struct store_job *job)
{
	if (job->has_doc)
		json_fini(&job->doc);
	arena_fini(&job->arena);
	buf_fini(&job->answer);
	free(job);
}

static void free_job(struct offload_work *work)
{
	store_job_free(job_of(work));
}

/* --- errors ---------------------------------------------------------------- */

static void fail(struct api_call *c, const struct store_job_words *words,
		 struct api_error *e)
{
	e->with_detail = words->with_detail;
	route_fail(c, e);
}

static void fail_unknown(struct api_call *c, const struct store_job *job)
{
	const struct store_job_words *words = job->words;
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, 404, "invalid_request_error", NULL,
		       "%s '" STR_FMT "' not found%s", words->name,
		       STR_ARG(str_take(job->id, SHOWN_MAX)), words->unknown);
	e.code = str_of(words->code);
	fail(c, words, &e);
}

static void fail_cursor(struct api_call *c, const struct store_job *job)
{
	const struct store_job_words *words = job->words;
	bool after = job->query.after.len > 0;
	struct str id = after ? job->query.after : job->query.before;
	const char *param = after ? "after" : "before";
	struct api_error e;

	(void)api_fail(&e, &c->req->arena,
		       words->cursor_status > 0 ? words->cursor_status : 400,
		       "invalid_request_error", param,
		       "Invalid '%s': no %s has the id '" STR_FMT
		       "'; it is the id of one that a page before this has "
		       "shown, and was not deleted since.",
		       param, words->row, STR_ARG(str_take(id, SHOWN_MAX)));
	e.code = STR("invalid_cursor");
	fail(c, words, &e);
}

static void fail_store(struct api_call *c, const struct store_job_words *words,
		       int r, bool filters)
{
	const char *text = stored_trouble(r), *code = "store_unavailable";
	struct api_error e;
	int status = 503;

	if (r == -EMSGSIZE) {
		status = 500;
		code = "internal_error";
		text = "What was kept is too large to be shown.";
	} else if (r == -ETIMEDOUT && filters) {
		text = "The store takes too long. A filter on metadata looks "
		       "at every row: name a model, too.";
	}
	(void)api_fail(&e, &c->req->arena, status, api_error_type(status), NULL,
		       "%s", text);
	e.code = str_of(code);
	fail(c, words, &e);
}

void store_job_fail(struct api_call *c, const struct store_job_words *words,
		    int r)
{
	fail_store(c, words, r, false);
}

void store_job_answer(struct api_call *c, const struct store_job *job)
{
	struct api_error e = job->error;

	if (job->r == 0)
		route_reply(c, 200, buf_str(&job->answer));
	else if (job->r == STORE_UNKNOWN)
		fail_unknown(c, job);
	else if (job->r == STORE_BAD_CURSOR)
		fail_cursor(c, job);
	else if (job->r == STORE_JOB_REFUSED)
		fail(c, job->words, &e);
	else
		fail_store(c, job->words, job->r,
			   job->query.metadata_count > 0);
}

/* --- on the loop ----------------------------------------------------------- */

bool store_job_is_on(struct api_call *c, const struct store_job_words *words)
{
	struct api_error e;

	if (c->worker->store != NULL)
		return true;
	(void)api_fail(&e, &c->req->arena, 404, api_error_type(404), NULL,
		       "This server keeps no %s: start it with --store "
		       "sqlite:PATH or with store.uri in its configuration.",
		       words->many);
	e.code = STR("store_off");
	fail(c, words, &e);
	return false;
}

static struct store_job *make_job(struct api_call *c,
				  const struct store_job_ask *ask)
{
	struct store_job *job = xcalloc(1, sizeof(*job));

	job->work = (struct offload_work){ .run = run_job,
					   .free = free_job,
					   .is_slow = true };
	job->act = ask->act;
	job->words = ask->words;
	job->store = c->worker->store;
	arena_init(&job->arena, SIZE_MAX / 2);
	buf_init(&job->answer, ANSWER_MAX);
	job->owner = arena_str(&job->arena, store_job_owner(c));
	job->id = arena_str(&job->arena, ask->id);
	job->sub = arena_str(&job->arena, ask->sub);
	if (ask->query != NULL)
		job->query = page_copy(ask->query, &job->arena);
	job->query.owner = job->owner;
	if (ask->takes_body) {
		job->body = c->req->body.len > 0
				    ? arena_str(&job->arena, c->req->body)
				    : STR("");
	}
	return job;
}

/*
 * An id that is not there may be on its way from another server of the same
 * database: its client has seen it, and asks for it here.
 */
static bool may_come(const struct store_job *job)
{
	return (job->r == STORE_UNKNOWN || job->r == STORE_BAD_CURSOR ||
		job->is_early) &&
	       store_is_shared(job->store);
}

/* Returns as offload_run(). */
static int look(struct api_call *c, struct store_job *job)
{
	int64_t deadline = task_now(c->task) + job_ns;
	int r = offload_run(c->task, &job->work, deadline);

	for (int64_t pause = pause_first_ns;
	     r == 0 && pause <= pause_last_ns && may_come(job); pause *= 2) {
		if (task_sleep(c->task, task_now(c->task) + pause) < 0)
			break;
		buf_clear(&job->answer);
		r = offload_run(c->task, &job->work, deadline);
	}
	return r;
}

int store_job_try(struct api_call *c, const struct store_job_ask *ask,
		  struct store_job **out)
{
	struct store_job *job = make_job(c, ask);
	int r = look(c, job);

	if (r == 0)
		*out = job;
	else if (r == -EAGAIN)
		store_job_free(job);
	return r;
}

void store_job_run(struct api_call *c, const struct store_job_ask *ask)
{
	struct store_job *job;
	int r;

	if (!store_job_is_on(c, ask->words))
		return;
	r = store_job_try(c, ask, &job);
	if (r != 0) {
		store_job_fail(c, ask->words, r);
		return;
	}
	store_job_answer(c, job);
	store_job_free(job);
}

void store_job_run_page(struct api_call *c, const struct store_job_ask *ask,
			const struct page_usual *usual)
{
	struct store_job_ask whole = *ask;
	struct store_query query;
	struct api_error e;

	if (!store_job_is_on(c, ask->words))
		return;
	whole.query = &query;
	if (page_read(c->req->query, usual, &c->req->arena, &query, &e) == 0)
		store_job_run(c, &whole);
	else
		fail(c, ask->words, &e);
}
