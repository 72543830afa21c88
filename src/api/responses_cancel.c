/*
 * responses_cancel - POST /v1/responses/{id}/cancel.
 *
 * Whoever writes the response's row first wins: a cancellation stays, and one that
 * comes too late is told so.  To cancel again changes nothing.
 */
#include "api/handlers.h"
#include "base/log.h"
#include "io/offload.h"
#include "responses/patch.h"
#include "store/object.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ANSWER_MAX = 128 << 20,
	TRIES = 20,
	SHOWN_MAX = 200,
};

static const int64_t cancel_ns = 40 * CLOCK_S;

enum outcome {
	CANCELLED,
	NOT_FOUND,
	NOT_BACKGROUND,
	OVER,
	TROUBLE,
};

struct job {
	struct offload_work work;
	struct store *store;
	struct arena arena;
	struct str owner, id;
	struct buf answer;
	struct str state; /* of one that is over */
	enum outcome outcome;
};

static bool is_background(struct str body)
{
	struct json_error error;
	struct json doc;
	bool yes;

	if (json_parse(body, NULL, &doc, &error) != 0)
		return false;
	yes = json_is_true(&doc,
			   json_get(&doc, json_root(&doc), STR("background")));
	json_fini(&doc);
	return yes;
}

static bool is_under_way(struct str state)
{
	return str_eq(state, object_status(RESPONSE_QUEUED)) ||
	       str_eq(state, object_status(RESPONSE_IN_PROGRESS));
}

/* Returns as store_apply(). */
static int write_end(struct job *job, const struct store_object *row)
{
	struct store_op ops[2] = {
		{ .what = STORE_REPLACE,
		  .version = row->version,
		  .object = *row },
		{ .what = STORE_DELETE_CHILDREN,
		  .object = { .kind = STORE_RUN,
			      .owner = row->owner,
			      .parent = row->id } },
	};
	struct patch p = { .status = RESPONSE_CANCELLED };
	int r;

	buf_clear(&job->answer);
	r = patch_write(row->body, &p, &job->answer);
	if (r != 0)
		return r;
	ops[0].object.state = object_status(RESPONSE_CANCELLED);
	ops[0].object.body = buf_str(&job->answer);
	return store_apply(job->store, ops, 2, clock_monotonic() + cancel_ns);
}

/* Returns STORE_CONFLICT when the row was written meanwhile. */
static int try_once(struct job *job)
{
	struct store_key key = { STORE_RESPONSE, job->owner, job->id };
	struct store_object row;
	int r = store_object_get(job->store, &key, &job->arena, &row);

	if (r == STORE_UNKNOWN ||
	    (r == 0 && str_eq(row.state, STR("deleted")))) {
		job->outcome = NOT_FOUND;
		return 0;
	}
	if (r != 0)
		return r;
	job->state = row.state;
	if (str_eq(row.state, object_status(RESPONSE_CANCELLED))) {
		job->outcome = CANCELLED;
		return buf_add(&job->answer, row.body);
	}
	if (!is_background(row.body)) {
		job->outcome = NOT_BACKGROUND;
		return 0;
	}
	if (!is_under_way(row.state)) {
		job->outcome = OVER;
		return 0;
	}
	job->outcome = CANCELLED;
	return write_end(job, &row);
}

static void run_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;
	int r = STORE_CONFLICT;

	for (int i = 0; i < TRIES && r == STORE_CONFLICT; i++)
		r = try_once(job);
	if (r == STORE_UNKNOWN)
		job->outcome = NOT_FOUND;
	else if (r != 0)
		job->outcome = TROUBLE;
}

static void free_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;

	arena_fini(&job->arena);
	buf_fini(&job->answer);
	free(job);
}

static void fail(struct api_call *c, int status, const char *code,
		 struct str text)
{
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, status, api_error_type(status), NULL,
		       STR_FMT, STR_ARG(text));
	e.code = str_of(code);
	e.with_detail = true;
	route_fail(c, &e);
}

static void answer(struct api_call *c, const struct job *job)
{
	struct arena *a = &c->req->arena;
	struct str id = str_take(job->id, SHOWN_MAX);

	switch (job->outcome) {
	case CANCELLED:
		route_reply(c, 200, buf_str(&job->answer));
		break;
	case NOT_FOUND:
		fail(c, 404, "response_not_found",
		     arena_printf(a,
				  "Response '" STR_FMT
				  "' not found. Use 'client.responses.list()' "
				  "to list available Responses.",
				  STR_ARG(id)));
		break;
	case NOT_BACKGROUND:
		fail(c, 409, "conflict",
		     arena_printf(a,
				  "Cannot cancel response '" STR_FMT
				  "': only background responses can be "
				  "cancelled.",
				  STR_ARG(id)));
		break;
	case OVER:
		fail(c, 409, "conflict",
		     arena_printf(a,
				  "Cannot cancel response '" STR_FMT
				  "': it is " STR_FMT " already.",
				  STR_ARG(id), STR_ARG(job->state)));
		break;
	case TROUBLE:
	default:
		fail(c, 503, "store_unavailable",
		     STR("The store does not answer; try again later."));
		break;
	}
}

void responses_cancel(struct api_call *c)
{
	struct job *job;
	int r;

	if (c->worker->store == NULL) {
		fail(c, 404, "store_off",
		     STR("This server keeps no responses: start it with "
			 "--store sqlite:PATH."));
		return;
	}
	job = xcalloc(1, sizeof(*job));
	job->work = (struct offload_work){ .run = run_job,
					   .free = free_job,
					   .is_slow = true };
	job->store = c->worker->store;
	arena_init(&job->arena, SIZE_MAX / 2);
	buf_init(&job->answer, ANSWER_MAX);
	job->id = arena_str(&job->arena, c->rest);
	r = offload_run(c->task, &job->work, task_now(c->task) + 2 * cancel_ns);
	if (r == 0)
		answer(c, job);
	else if (r == -ECANCELED)
		request_cut(c->req);
	else
		fail(c, 503, "store_unavailable",
		     STR("The store does not answer; try again later."));
	if (r == 0 || r == -EAGAIN)
		free_job(&job->work);
}
