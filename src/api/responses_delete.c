/*
 * responses_delete - DELETE /v1/responses/{id}.
 *
 * First it is hidden: nobody sees it or begins to follow it any more, and its
 * text is gone but for the messages that its followers go on from.  Then it goes,
 * unless others follow it; when the last of them goes, so does it.
 */
#include "api/handlers.h"
#include "api/responses_stored.h"

enum {
	TRIES_MAX = 16, /* of a deletion that others disturb */
	SHOWN_MAX = 100,
};

static const int64_t apply_ns = 10 * CLOCK_S;

/* A group's time in the store, and the disk's. */
static const int64_t follower_ns = 100 * CLOCK_MS;

/* Nothing was heard of it for so long: its server is gone. */
static const int64_t abandoned_s = 60 * 60;

static struct store_op below(const struct store_object *row,
			     enum store_kind kind)
{
	return (struct store_op){
		.what = STORE_DELETE_CHILDREN,
		.object = { .kind = kind,
			    .owner = row->owner,
			    .parent = row->id },
	};
}

static int apply(struct store_job *job, const struct store_op *ops,
		 size_t count)
{
	return store_apply(job->store, ops, count,
			   clock_monotonic() + apply_ns);
}

/* STORE_CONFLICT: it has followers, or was changed. */
static int remove_row(struct store_job *job, const struct store_object *row)
{
	struct store_op ops[] = {
		{ .what = STORE_DELETE,
		  .childless = true,
		  .version = row->version,
		  .object = *row },
		below(row, STORE_EVENTS),
	};

	return apply(job, ops, countof(ops));
}

/* What history needs of a row that is not seen any more. */
static struct str body_of_hidden(const struct store_object *row,
				 struct arena *a)
{
	struct json_error bad;
	struct str text = STR("");
	struct json doc;
	uint32_t v;

	if (json_parse(row->body, NULL, &doc, &bad) != 0)
		return text;
	v = json_get(&doc, json_root(&doc), STR("conversation"));
	if (json_type(&doc, v) == JSON_OBJECT)
		text = arena_printf(a, "{\"conversation\":" STR_FMT "}",
				    STR_ARG(json_raw(&doc, v)));
	json_fini(&doc);
	return text;
}

/* The items before a row that holds them all: they are not what is deleted. */
static int input_of_hidden(struct store_job *job,
			   const struct store_object *row, struct str *out)
{
	struct history *h;
	struct item_list items = { 0 };
	struct json_writer w;
	struct buf text;
	int r;

	*out = STR("");
	if (!row->is_root || row->parent.len == 0)
		return 0;
	h = history_new();
	buf_init(&text, STORE_ROW_BYTES_MAX);
	r = responses_stored_load(job, row->parent, true, h, &items);
	if (r == STORE_UNKNOWN)
		r = 0;
	json_writer_init(&w, &text);
	responses_stored_add_items(&w, &items);
	if (r == 0)
		r = json_writer_done(&w);
	if (r == 0)
		*out = arena_str(&job->arena, buf_str(&text));
	buf_fini(&text);
	history_free(h);
	return r;
}

/* Its followers go on from what was said in it; nobody sees it. */
static int hide_row(struct store_job *job, const struct store_object *row)
{
	struct store_op ops[] = {
		{ .what = STORE_REPLACE,
		  .version = row->version,
		  .object = *row },
		below(row, STORE_EVENTS),
		below(row, STORE_RUN),
	};
	int r = input_of_hidden(job, row, &ops[0].object.input);

	if (r != 0)
		return r;
	ops[0].object.state = RESPONSES_STORED_HIDDEN;
	ops[0].object.body = body_of_hidden(row, &job->arena);
	return apply(job, ops, countof(ops));
}

/* The row and those above it, as far as they are hidden and not followed. */
static int do_remove(struct store_job *job, struct json_writer *w)
{
	struct str id = job->id;
	int r = 0;

	json_add_null(w);
	while (r == 0 && id.len > 0) {
		struct store_key key = { STORE_RESPONSE, job->owner, id };
		struct store_object row;

		r = store_object_get(job->store, &key, &job->arena, &row);
		if (r != 0 || !responses_stored_is_hidden(&row))
			break;
		r = remove_row(job, &row);
		id = row.parent;
	}
	return r < 0 ? r : 0;
}

/*
 * One that is being made would come back with its end; one that is as old as
 * that has lost its server.
 */
static int check_state(struct store_job *job, const struct store_object *row)
{
	if (!responses_stored_is_under_way(row) ||
	    row->stored_at + abandoned_s < clock_wall() / CLOCK_S)
		return 0;
	job->is_early = true;
	return store_job_refuse(job, 409, NULL, "response_not_done",
				"Response '" STR_FMT "' is still " STR_FMT
				"; wait for its end, or cancel it.",
				STR_ARG(str_take(row->id, SHOWN_MAX)),
				STR_ARG(row->state));
}

static int do_delete(struct store_job *job, struct json_writer *w)
{
	int r = STORE_CONFLICT;

	for (int i = 0; i < TRIES_MAX && r == STORE_CONFLICT; i++) {
		struct store_object row;

		r = responses_stored_row(job, &job->arena, &row);
		if (r == 0)
			r = check_state(job, &row);
		if (r == 0)
			r = hide_row(job, &row);
	}
	if (r == STORE_CONFLICT) {
		return store_job_refuse(job, 409, NULL, "conflict",
					"The response is being changed; try "
					"again.");
	}
	if (r != 0)
		return r;
	json_object(w);
	json_member_str(w, STR("id"), job->id);
	json_member_str(w, STR("object"), STR("response"));
	json_member_bool(w, STR("deleted"), true);
	json_end(w);
	return 0;
}

/* A follower that another server has just begun is seen after a moment. */
static void clean_up(struct api_call *c)
{
	struct store_job_ask ask = { .act = do_remove,
				     .words = &responses_stored_words,
				     .id = c->rest };
	struct store_job *job;

	if (store_is_shared(c->worker->store) &&
	    task_sleep(c->task, task_now(c->task) + follower_ns) < 0)
		return;
	if (store_job_try(c, &ask, &job) == 0)
		store_job_free(job);
}

void responses_delete(struct api_call *c)
{
	struct store_job_ask ask = { .act = do_delete,
				     .words = &responses_stored_words,
				     .id = c->rest };
	struct store_job *job;
	int r;

	if (!store_job_is_on(c, ask.words))
		return;
	r = store_job_try(c, &ask, &job);
	if (r != 0) {
		store_job_fail(c, ask.words, r);
		return;
	}
	if (job->r == 0)
		clean_up(c);
	store_job_answer(c, job);
	store_job_free(job);
}
