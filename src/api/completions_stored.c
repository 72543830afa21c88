/*
 * completions_stored - the chat completions that were kept: list, get, messages,
 * update, delete.
 *
 * The database is asked, and the answer written, by a thread.  An answer's size is
 * bounded: a page that would be over PAGE_BYTES_MAX has fewer rows than asked for
 * and says that there are more, so that a walk still sees all of them.
 */
#include "api/handlers.h"
#include "api/page.h"
#include "api/stored.h"
#include "api/stored_messages.h"
#include "base/err.h"
#include "base/log.h"
#include "io/offload.h"
#include "llm/metadata.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PAGE_BYTES_MAX = 16 << 20, /* of more than one row */
	ROW_BYTES_MAX = STORE_ROW_BYTES_MAX + (1 << 20),
	ANSWER_MAX = ROW_BYTES_MAX + (1 << 20),
	SHOWN_MAX = 200 /* bytes of an id that a message repeats */
};

/* Above what the store itself allows a call. */
#define STORED_TIME_NS (40 * CLOCK_S)

/* Between looks for what may come from another server: 175 ms in all. */
#define PAUSE_FIRST (25 * CLOCK_MS)
#define PAUSE_LAST  (100 * CLOCK_MS)

struct job {
	struct offload_work work;
	int (*act)(struct job *job, struct json_writer *w);
	struct store *store;
	struct str id;
	struct str metadata;
	struct store_query query; /* its owner is everyone's */
	struct arena arena;       /* of the texts above */
	struct buf answer;
	int r;
};

/* Whose rows a client sees: nobody is told apart yet. */
static struct str owner_of(const struct api_call *c)
{
	(void)c;
	return STR("");
}

static int damaged(void)
{
	return err_new(-EUCLEAN, "what was kept is no JSON");
}

static int do_list_some(struct job *job, struct json_writer *w)
{
	struct store_page page;
	struct arena rows;
	int r;

	arena_init(&rows,
		   job->query.limit == 1 ? ROW_BYTES_MAX : PAGE_BYTES_MAX);
	r = store_list(job->store, &job->query, &rows, &page);
	if (r == 0 && stored_write_list(w, &page) != 0)
		r = damaged();
	arena_fini(&rows);
	return r;
}

static int do_list(struct job *job, struct json_writer *w)
{
	int r = do_list_some(job, w);

	while (r == -EMSGSIZE && job->query.limit > 1) {
		job->query.limit /= 2;
		r = do_list_some(job, w);
	}
	return r;
}

static int do_get(struct job *job, struct json_writer *w)
{
	struct store_completion row;
	struct arena a;
	int r;

	arena_init(&a, ROW_BYTES_MAX);
	r = store_get(job->store, job->query.owner, job->id, &a, &row);
	if (r == 0 && stored_write(w, &row) != 0)
		r = damaged();
	arena_fini(&a);
	return r;
}

static int do_messages(struct job *job, struct json_writer *w)
{
	struct store_completion row;
	struct arena a;
	int r;

	arena_init(&a, ROW_BYTES_MAX);
	r = store_get(job->store, job->query.owner, job->id, &a, &row);
	if (r == 0) {
		r = stored_messages_write(w, &row, &job->query);
		if (r == STORED_MESSAGES_BAD_CURSOR)
			r = STORE_BAD_CURSOR;
		else if (r != 0)
			r = damaged();
	}
	arena_fini(&a);
	return r;
}

static int do_update(struct job *job, struct json_writer *w)
{
	int r = store_set_metadata(job->store, job->query.owner, job->id,
				   job->metadata);

	return r == 0 ? do_get(job, w) : r;
}

static int do_delete(struct job *job, struct json_writer *w)
{
	int r = store_drop(job->store, job->query.owner, job->id);

	if (r != 0)
		return r;
	json_object(w);
	json_member_str(w, STR("object"), STR("chat.completion.deleted"));
	json_member_str(w, STR("id"), job->id);
	json_member_bool(w, STR("deleted"), true);
	json_end(w);
	return 0;
}

static void run_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;
	struct json_writer w;

	json_writer_init(&w, &job->answer);
	job->r = job->act(job, &w);
	if (job->r == 0)
		job->r = json_writer_done(&w);
	if (job->r < 0)
		log_warn("store: " STR_FMT, STR_ARG(err_text()));
}

static void free_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;

	arena_fini(&job->arena);
	buf_fini(&job->answer);
	free(job);
}

static void fail(struct api_call *c, int status, struct str code,
		 const char *text)
{
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, status, api_error_type(status), NULL,
		       "%s", text);
	e.code = code;
	route_fail(c, &e);
}

static void fail_unknown(struct api_call *c)
{
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, 404, "invalid_request_error", NULL,
		       "Chat completion '" STR_FMT
		       "' not found: it was never kept, or it is deleted. GET "
		       "/v1/chat/completions lists those that are kept.",
		       STR_ARG(str_take(c->rest, SHOWN_MAX)));
	e.code = STR("completion_not_found");
	route_fail(c, &e);
}

static void fail_cursor(struct api_call *c, const struct job *job)
{
	const char *param = job->query.after.len > 0 ? "after" : "before";
	struct str id =
		job->query.after.len > 0 ? job->query.after : job->query.before;
	bool messages = job->act == do_messages;
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, 400, "invalid_request_error", param,
		       "Invalid '%s': no %s has the id '" STR_FMT
		       "'; it is the id of one that a page before this has "
		       "shown, and was not deleted since.",
		       param,
		       messages ? "message of this chat completion"
				: "kept chat completion",
		       STR_ARG(str_take(id, SHOWN_MAX)));
	e.code = STR("invalid_cursor");
	route_fail(c, &e);
}

static void fail_store(struct api_call *c, int r)
{
	if (r == -EMSGSIZE) {
		fail(c, 500, STR("internal_error"),
		     "The chat completion is too large to be shown.");
	} else if (r == -ETIMEDOUT && c->rest.len == 0) {
		fail(c, 503, STR("store_unavailable"),
		     "The store takes too long. A filter on metadata looks at "
		     "every row: name a model, too.");
	} else {
		fail(c, 503, STR("store_unavailable"), stored_trouble(r));
	}
}

static void answer(struct api_call *c, const struct job *job)
{
	if (job->r == 0)
		route_reply(c, 200, buf_str(&job->answer));
	else if (job->r == STORE_UNKNOWN)
		fail_unknown(c);
	else if (job->r == STORE_BAD_CURSOR)
		fail_cursor(c, job);
	else
		fail_store(c, job->r);
}

/* Answers when there is none. */
static bool has_store(struct api_call *c)
{
	if (c->worker->store != NULL)
		return true;
	fail(c, 404, STR("store_off"),
	     "This server keeps no chat completions: start it with --store "
	     "sqlite:PATH or with store.uri in its configuration.");
	return false;
}

/*
 * An id that is not there may be on its way from another server of the same
 * database: its client has seen it, and asks for it here.
 */
static bool may_come(const struct job *job)
{
	bool is_missing = job->r == STORE_UNKNOWN ||
			  (job->r == STORE_BAD_CURSOR && job->act == do_list);

	return is_missing && store_is_shared(job->store);
}

/* Returns as offload_run(). */
static int look(struct api_call *c, struct job *job)
{
	int64_t deadline = task_now(c->task) + STORED_TIME_NS;
	int r = offload_run(c->task, &job->work, deadline);

	for (int64_t pause = PAUSE_FIRST;
	     r == 0 && pause <= PAUSE_LAST && may_come(job); pause *= 2) {
		if (task_sleep(c->task, task_now(c->task) + pause) < 0)
			break;
		buf_clear(&job->answer);
		r = offload_run(c->task, &job->work, deadline);
	}
	return r;
}

static void run(struct api_call *c,
		int (*act)(struct job *, struct json_writer *),
		const struct store_query *query, struct str metadata)
{
	struct job *job = xcalloc(1, sizeof(*job));
	int r;

	job->work = (struct offload_work){ .run = run_job,
					   .free = free_job,
					   .is_slow = true };
	job->act = act;
	job->store = c->worker->store;
	arena_init(&job->arena, SIZE_MAX / 2);
	buf_init(&job->answer, ANSWER_MAX);
	job->query = page_copy(query, &job->arena);
	job->query.owner = arena_str(&job->arena, owner_of(c));
	job->id = arena_str(&job->arena, c->rest);
	job->metadata = arena_str(&job->arena, metadata);
	r = look(c, job);
	if (r == 0)
		answer(c, job);
	else
		fail_store(c, r);
	if (r == 0 || r == -EAGAIN)
		free_job(&job->work);
}

/* A page of a list, whose usual order is the newest first or last. */
static void run_page(struct api_call *c, bool newest_first,
		     int (*act)(struct job *, struct json_writer *))
{
	struct store_query query;
	struct api_error e;

	if (!has_store(c))
		return;
	if (page_read(c->req->query, newest_first, &c->req->arena, &query,
		      &e) == 0)
		run(c, act, &query, STR_NULL);
	else
		route_fail(c, &e);
}

void completions_stored_list(struct api_call *c)
{
	run_page(c, true, do_list);
}

void completions_stored_messages(struct api_call *c)
{
	run_page(c, false, do_messages);
}

void completions_stored_get(struct api_call *c)
{
	if (has_store(c))
		run(c, do_get, &(struct store_query){ 0 }, STR_NULL);
}

void completions_stored_delete(struct api_call *c)
{
	if (has_store(c))
		run(c, do_delete, &(struct store_query){ 0 }, STR_NULL);
}

/* The body's metadata; null takes away what there is. */
static int read_metadata(struct api_call *c, const struct json *doc,
			 struct str *out, struct api_error *e)
{
	struct field_checker checker = { doc, &c->req->arena, e };
	uint32_t root = json_root(doc), v;
	int r = field_check_object(&checker, root);

	if (r != 0)
		return r;
	v = json_get(doc, root, STR("metadata"));
	if (v == JSON_NONE)
		return field_missing(&checker, FIELD_PATH(NULL, "metadata"));
	*out = STR_NULL;
	if (json_type(doc, v) == JSON_NULL)
		return 0;
	*out = json_raw(doc, v);
	return metadata_check(&checker, v);
}

void completions_stored_update(struct api_call *c)
{
	struct json_error bad;
	struct str metadata;
	struct api_error e;
	struct json doc;

	if (!has_store(c))
		return;
	if (json_parse(c->req->body, NULL, &doc, &bad) != 0) {
		fail(c, 400, STR("invalid_json"),
		     "The request's body is not valid JSON; send an object "
		     "with metadata.");
		return;
	}
	if (read_metadata(c, &doc, &metadata, &e) == 0)
		run(c, do_update, &(struct store_query){ 0 }, metadata);
	else
		route_fail(c, &e);
	json_fini(&doc);
}
