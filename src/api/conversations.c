/*
 * conversations - what turns have in common, and its items.
 *
 * What changes the items has the conversation for itself: it waits for a turn that
 * is under way, as turns do for each other (responses/busy.h).
 */
#include "api/handlers.h"
#include "api/page.h"
#include "api/store_job.h"
#include "llm/metadata.h"
#include "responses/busy.h"
#include "responses/conversation.h"
#include "responses/id.h"

enum {
	SHOWN_MAX = 200 /* bytes of an id that a message repeats */
};

static const struct store_job_words words = {
	.name = "Conversation",
	.many = "conversations",
	.row = "item of this conversation",
	.unknown = ". It was never made, or it is deleted.",
	.code = "conversation_not_found",
	.with_detail = true,
};

static struct conversation of(struct store_job *job)
{
	return (struct conversation){ job->store, job->owner, job->id,
				      &job->arena, &job->error };
}

static int64_t now_s(void)
{
	return clock_wall() / CLOCK_S;
}

/* CONVERSATION_REFUSED in this module's words. */
static int said(int r)
{
	return r == CONVERSATION_REFUSED ? STORE_JOB_REFUSED : r;
}

/* --- bodies ---------------------------------------------------------------- */

static int check_metadata(const struct field_checker *c, uint32_t v)
{
	return v == JSON_NONE ? 0 : metadata_check(c, v);
}

static int check_body(struct store_job *job, bool needs_items, size_t max)
{
	struct field_checker c = { &job->doc, &job->arena, &job->error };
	uint32_t root = json_root(&job->doc);
	uint32_t items = field_get(&job->doc, root, STR("items"));
	int r = check_metadata(&c, field_get(&job->doc, root, STR("metadata")));

	if (r == 0 && items != JSON_NONE)
		r = conversation_check_items(&c, items, max);
	else if (r == 0 && needs_items)
		r = field_missing(&c, FIELD_PATH(NULL, "items"));
	return r == 0 ? 0 : STORE_JOB_REFUSED;
}

/* --- answers --------------------------------------------------------------- */

/* The id of an item, of its row. */
static struct str id_of(const struct store_job *job,
			const struct store_object *row)
{
	return str_drop(row->id, job->id.len + 1);
}

static void end_list(struct json_writer *w, struct str first, struct str last,
		     bool has_more)
{
	json_end(w);
	json_member_str(w, STR("first_id"), first);
	json_member_str(w, STR("last_id"), last);
	json_member_bool(w, STR("has_more"), has_more);
	json_end(w);
}

static void begin_list(struct json_writer *w)
{
	json_object(w);
	json_member_str(w, STR("object"), STR("list"));
	json_member(w, STR("data"));
	json_array(w);
}

/* --- what threads do ------------------------------------------------------- */

static int do_create(struct store_job *job, struct json_writer *w)
{
	struct conversation c = of(job);
	struct id_source ids = ID_RANDOM;
	struct str object;
	struct id id;
	int r = check_body(job, false, CONVERSATION_CREATE_MAX);

	id_make(&ids, STR("conv_"), &id);
	c.id = id_str(&id);
	if (r == 0)
		r = conversation_create(&c, &job->doc, now_s(), &object);
	if (r == 0)
		json_add_raw(w, object);
	return said(r);
}

static int do_get(struct store_job *job, struct json_writer *w)
{
	struct conversation c = of(job);
	struct store_object row;
	int r = conversation_get(&c, &row);

	if (r == 0)
		json_add_raw(w, row.body);
	return r;
}

static int do_update(struct store_job *job, struct json_writer *w)
{
	struct field_checker checker = { &job->doc, &job->arena, &job->error };
	uint32_t v = json_get(&job->doc, json_root(&job->doc), STR("metadata"));
	struct conversation c = of(job);
	struct str object;
	int r = 0;

	if (v == JSON_NONE)
		r = field_missing(&checker, FIELD_PATH(NULL, "metadata"));
	else if (json_type(&job->doc, v) != JSON_NULL)
		r = metadata_check(&checker, v);
	if (r != 0)
		return STORE_JOB_REFUSED;
	r = conversation_set_metadata(&c, &job->doc, v, &object);
	if (r == 0)
		json_add_raw(w, object);
	return r;
}

static int do_delete(struct store_job *job, struct json_writer *w)
{
	struct conversation c = of(job);
	int r = conversation_drop(&c);

	if (r != 0)
		return r;
	json_object(w);
	json_member_str(w, STR("id"), job->id);
	json_member_str(w, STR("object"), STR("conversation.deleted"));
	json_member_bool(w, STR("deleted"), true);
	json_end(w);
	return 0;
}

static int list_items(struct store_job *job, struct json_writer *w,
		      struct arena *rows)
{
	struct store_objects_query q = store_job_query(job, STORE_ITEM);
	struct conversation c = of(job);
	struct store_objects page;
	int r;

	q.parent = job->id;
	q.label = STR_NULL;
	q.without = STORE_INPUT | STORE_AUX;
	if (q.after.len > 0)
		q.after = conversation_row(&c, q.after);
	if (q.before.len > 0)
		q.before = conversation_row(&c, q.before);
	r = store_object_list(job->store, &q, rows, &page);
	if (r != 0)
		return r;
	begin_list(w);
	for (size_t i = 0; i < page.count; i++)
		json_add_raw(w, page.rows[i].body);
	end_list(w, page.count > 0 ? id_of(job, &page.rows[0]) : STR(""),
		 page.count > 0 ? id_of(job, &page.rows[page.count - 1])
				: STR(""),
		 page.has_more);
	return 0;
}

static int do_list(struct store_job *job, struct json_writer *w)
{
	struct conversation c = of(job);
	struct store_object row;
	int r = conversation_get(&c, &row);

	return r == 0 ? store_job_list(job, w, list_items) : r;
}

static int do_add(struct store_job *job, struct json_writer *w)
{
	struct conversation c = of(job);
	struct item_list texts = { 0 };
	struct str first = STR(""), last = STR("");
	int r = check_body(job, true, CONVERSATION_ADD_MAX);

	if (r == 0) {
		r = conversation_add(&c, &job->doc,
				     json_get(&job->doc, json_root(&job->doc),
					      STR("items")),
				     now_s(), &texts);
	}
	if (r != 0)
		return said(r);
	begin_list(w);
	for (size_t i = 0; i < texts.count; i++)
		json_add_raw(w, texts.texts[i]);
	if (texts.count > 0) {
		first = conversation_item_id(&c, texts.texts[0]);
		last = conversation_item_id(&c, texts.texts[texts.count - 1]);
	}
	end_list(w, first, last, false);
	return 0;
}

/* STORE_UNKNOWN is the conversation's. */
static int find_item(struct store_job *job, struct store_object *out)
{
	struct conversation c = of(job);
	struct store_object row;
	int r = conversation_get(&c, &row);

	if (r != 0)
		return r;
	r = conversation_item(&c, job->sub, out);
	if (r != STORE_UNKNOWN)
		return r;
	return store_job_refuse(job, 404, NULL, "item_not_found",
				"Item '" STR_FMT
				"' not found in conversation '" STR_FMT "'.",
				STR_ARG(str_take(job->sub, SHOWN_MAX)),
				STR_ARG(job->id));
}

static int do_item(struct store_job *job, struct json_writer *w)
{
	struct store_object row;
	int r = find_item(job, &row);

	if (r == 0)
		json_add_raw(w, row.body);
	return r;
}

/* OpenAI answers with the conversation. */
static int do_remove(struct store_job *job, struct json_writer *w)
{
	struct conversation c = of(job);
	struct store_object row;
	struct str object;
	int r = find_item(job, &row);

	if (r == 0)
		r = conversation_remove(&c, job->sub, &object);
	if (r == 0)
		json_add_raw(w, object);
	return said(r);
}

/* --- on the loop ----------------------------------------------------------- */

static bool has_good_id(struct api_call *c)
{
	struct api_error e;

	if (id_is(c->rest, STR("conv_")))
		return true;
	(void)api_fail(&e, &c->req->arena, 400, "invalid_request_error",
		       "conversation_id",
		       "Invalid 'conversation_id': '" STR_FMT
		       "'. The id of a conversation is 'conv_' and 48 "
		       "hexadecimal digits in lower case.",
		       STR_ARG(str_take(c->rest, SHOWN_MAX)));
	e.code = STR("invalid_value");
	e.with_detail = true;
	route_fail(c, &e);
	return false;
}

static void run(struct api_call *c,
		int (*act)(struct store_job *job, struct json_writer *w),
		bool takes_body)
{
	if (has_good_id(c)) {
		store_job_run(c, &(struct store_job_ask){ .act = act,
							  .words = &words,
							  .id = c->rest,
							  .sub = c->sub,
							  .takes_body =
								  takes_body });
	}
}

/* The same of what changes the items. */
static void run_alone(struct api_call *c,
		      int (*act)(struct store_job *job, struct json_writer *w),
		      bool takes_body)
{
	struct busy busy = { 0 };
	struct api_error e;
	int r;

	if (!has_good_id(c))
		return;
	r = busy_take(c->task, &busy, store_job_owner(c), c->rest,
		      task_now(c->task) + BUSY_WAIT_NS);
	if (r == 0) {
		run(c, act, takes_body);
	} else if (r == BUSY_TAKEN) {
		(void)busy_refuse(&e, &c->req->arena, c->rest);
		route_fail(c, &e);
	} else {
		request_cut(c->req);
	}
	busy_release(&busy);
}

void conversations_create(struct api_call *c)
{
	/* A body is not needed. */
	if (c->req->body.len == 0)
		c->req->body = STR("{}");
	store_job_run(c, &(struct store_job_ask){ .act = do_create,
						  .words = &words,
						  .takes_body = true });
}

void conversations_get(struct api_call *c)
{
	run(c, do_get, false);
}

void conversations_update(struct api_call *c)
{
	run(c, do_update, true);
}

void conversations_delete(struct api_call *c)
{
	run_alone(c, do_delete, false);
}

void conversations_items_list(struct api_call *c)
{
	if (has_good_id(c)) {
		store_job_run_page(c,
				   &(struct store_job_ask){ .act = do_list,
							    .words = &words,
							    .id = c->rest },
				   &(struct page_usual){ 20, .newest_first =
								     true });
	}
}

void conversations_items_create(struct api_call *c)
{
	run_alone(c, do_add, true);
}

void conversations_items_get(struct api_call *c)
{
	run(c, do_item, false);
}

void conversations_items_delete(struct api_call *c)
{
	run_alone(c, do_remove, false);
}
