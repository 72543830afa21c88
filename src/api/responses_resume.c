/*
 * responses_resume - GET /v1/responses/{id}?stream=true: events, as they were sent.
 *
 * They are in the store, some frames to a row, in their order.  While the
 * response is being made, here or by another server of the same database, its
 * rows are looked for again and again: what one look brings leaves at once.
 */
#include "api/respond.h"
#include "api/responses_stored.h"
#include "base/log.h"
#include "responses/events.h"

#include <errno.h>

enum {
	ROWS_MAX = 8 /* of a look; each has some 64 KB of frames */
};

static const int64_t pause_first_ns = 100 * CLOCK_MS;
static const int64_t pause_last_ns = 200 * CLOCK_MS;

/* A response of which nothing is heard for so long has lost its server. */
static const int64_t silence_ns = 15 * 60 * CLOCK_S;

struct resume {
	struct api_call *call;
	struct arena arena; /* of the query's text; reset by each look */
	struct store_query query;
	int64_t sequence; /* of the last event that the client has */
	int64_t pause_ns; /* before the next look */
	int64_t heard_ns; /* when frames came */
	int64_t sent_ns;  /* when anything was sent */
	bool is_over;     /* no more frames will come */
};

/* --- on the thread --------------------------------------------------------- */

/* The row without its JSON, which may be long. */
static int read_state(struct store_job *job)
{
	struct store_chain_query q = {
		.from = { STORE_RESPONSE, job->owner, job->id },
		.max = 1,
		.without = STORE_BODY | STORE_INPUT | STORE_AUX,
	};
	struct store_chain chain;
	int r = store_object_chain(job->store, &q, &job->arena, &chain);

	if (r != 0)
		return r;
	if (responses_stored_is_hidden(&chain.rows[0]))
		return STORE_UNKNOWN;
	job->is_over = !responses_stored_is_under_way(&chain.rows[0]);
	return 0;
}

static int no_events(struct store_job *job)
{
	return store_job_refuse(job, 400, "stream", "no_events",
				"This response was not streamed: no events "
				"were kept of it.");
}

/*
 * The state comes first: when it says that all is over, all frames are there.
 */
static int do_read(struct store_job *job, struct json_writer *w)
{
	struct store_objects_query q = store_job_query(job, STORE_EVENTS);
	struct store_objects rows;
	int r = read_state(job);

	(void)w;
	q.parent = job->id;
	if (r == 0)
		r = store_object_list(job->store, &q, &job->arena, &rows);
	if (r != 0)
		return r == STORE_BAD_CURSOR ? STORE_UNKNOWN : r;
	for (size_t i = 0; i < rows.count && r == 0; i++)
		r = buf_add(&job->answer, rows.rows[i].body);
	if (rows.count > 0)
		job->query.after = rows.rows[rows.count - 1].id;
	else if (job->is_over && q.after.len == 0)
		return no_events(job);
	job->has_more = rows.has_more;
	return r;
}

/* --- on the loop ----------------------------------------------------------- */

static bool is_terminal(struct str frame)
{
	return str_starts(frame, STR("event: response.completed\n")) ||
	       str_starts(frame, STR("event: response.incomplete\n")) ||
	       str_starts(frame, STR("event: response.failed\n"));
}

/* What is new of a row's frames, sent as one.  0 or -errno. */
static int send_new(struct resume *s, struct str frames)
{
	struct task *t = s->call->task;
	struct event_frame frame;
	struct str fresh = STR_NULL, rest = frames;

	while (events_take(&rest, &frame)) {
		if (frame.sequence <= s->sequence)
			continue;
		if (fresh.len == 0)
			fresh.ptr = frame.raw.ptr;
		fresh.len = (size_t)(frame.raw.ptr - fresh.ptr) + frame.raw.len;
		s->sequence = frame.sequence;
		s->is_over = s->is_over || is_terminal(frame.raw);
	}
	if (fresh.len == 0)
		return 0;
	s->heard_ns = s->sent_ns = task_now(t);
	return request_write(t, s->call->req, &fresh, 1);
}

/* What a look has found.  0 or -errno. */
static int take(struct resume *s, struct store_job *job)
{
	bool found = job->answer.len > 0;

	arena_reset(&s->arena);
	s->query.after = arena_str(&s->arena, job->query.after);
	s->pause_ns = found ? pause_first_ns : pause_last_ns;
	if (job->has_more)
		s->pause_ns = 0;
	s->is_over = job->is_over && !job->has_more;
	return send_new(s, buf_str(&job->answer));
}

static int ping(struct resume *s)
{
	struct task *t = s->call->task;
	const struct config *cfg = s->call->catalog->registry->config;
	struct str comment = STR(": ping\n\n");

	if (cfg->ping_interval_ns == 0 ||
	    task_now(t) - s->sent_ns < cfg->ping_interval_ns)
		return 0;
	s->sent_ns = task_now(t);
	return request_write(t, s->call->req, &comment, 1);
}

/* Until the next look: 0, or != 0 when there is to be none. */
static int wait_a_little(struct resume *s)
{
	struct task *t = s->call->task;
	struct io_wait hang_up = { .io = s->call->req->io,
				   .events = IO_HUNG_UP };
	int r;

	if (s->pause_ns == 0)
		return 0;
	if (task_now(t) - s->heard_ns > silence_ns)
		return -ETIMEDOUT;
	r = io_wait_any(t, &hang_up, 1, task_now(t) + s->pause_ns);
	if (r == -ETIMEDOUT)
		return ping(s);
	return r == 0 ? -EPIPE : r;
}

/* The looks after the first.  0 when the client has all, else it is cut. */
static int follow(struct resume *s, const struct store_job_ask *ask)
{
	int r = 0;

	while (r == 0 && !s->is_over) {
		struct store_job *job;

		r = wait_a_little(s);
		if (r == 0)
			r = store_job_try(s->call, ask, &job);
		if (r != 0)
			break;
		r = job->r == 0 ? take(s, job) : -EPIPE;
		store_job_free(job);
	}
	return r;
}

static void serve(struct resume *s, const struct store_job_ask *ask,
		  struct store_job *first)
{
	struct request *req = s->call->req;
	int r;

	respond_begin_stream(req);
	r = take(s, first);
	store_job_free(first);
	if (r == 0 && !req->sent)
		r = request_flush(s->call->task, req);
	if (r == 0)
		r = follow(s, ask);
	if (r != 0)
		request_cut(req);
	else if (request_finish(s->call->task, req) < 0)
		log_debug("the client is gone");
}

void responses_resume(struct api_call *c, int64_t starting_after)
{
	struct resume *s = arena_zalloc(&c->req->arena, sizeof(*s));
	struct store_job_ask ask = { .act = do_read,
				     .words = &responses_stored_words,
				     .id = c->rest,
				     .query = &s->query };
	struct store_job *job;
	int r;

	if (!store_job_is_on(c, &responses_stored_words))
		return;
	*s = (struct resume){
		.call = c,
		.query = { .limit = ROWS_MAX },
		.sequence = starting_after,
		.heard_ns = task_now(c->task),
		.sent_ns = task_now(c->task),
	};
	arena_init(&s->arena, SIZE_MAX / 2);
	r = store_job_try(c, &ask, &job);
	if (r != 0) {
		store_job_fail(c, &responses_stored_words, r);
	} else if (job->r != 0) {
		store_job_answer(c, job);
		store_job_free(job);
	} else {
		serve(s, &ask, job);
	}
	arena_fini(&s->arena);
}
