/*
 * completions_stored - the chat completions that were kept: list, get, messages,
 * update, delete.
 */
#include "api/handlers.h"
#include "api/page.h"
#include "api/store_job.h"
#include "api/stored.h"
#include "api/stored_messages.h"
#include "llm/metadata.h"

static const struct store_job_words words = {
	.name = "Chat completion",
	.many = "chat completions",
	.row = "kept chat completion",
	.unknown = ": it was never kept, or it is deleted. GET "
		   "/v1/chat/completions lists those that are kept.",
	.code = "completion_not_found",
};

static int list_some(struct store_job *job, struct json_writer *w,
		     struct arena *rows)
{
	struct store_page page;
	int r = store_list(job->store, &job->query, rows, &page);

	if (r == 0 && stored_write_list(w, &page) != 0)
		r = store_job_damaged();
	return r;
}

static int do_list(struct store_job *job, struct json_writer *w)
{
	return store_job_list(job, w, list_some);
}

static int get_row(struct store_job *job, struct store_completion *out)
{
	return store_get(job->store, job->owner, job->id, &job->arena, out);
}

static int do_get(struct store_job *job, struct json_writer *w)
{
	struct store_completion row;
	int r = get_row(job, &row);

	if (r == 0 && stored_write(w, &row) != 0)
		r = store_job_damaged();
	return r;
}

static int do_messages(struct store_job *job, struct json_writer *w)
{
	struct store_completion row;
	int r = get_row(job, &row);

	if (r != 0)
		return r;
	r = stored_messages_write(w, &row, &job->query);
	if (r == STORED_MESSAGES_BAD_CURSOR)
		return STORE_BAD_CURSOR;
	return r == 0 ? 0 : store_job_damaged();
}

/* The body's metadata; null takes away what there is. */
static int read_metadata(struct store_job *job, struct str *out)
{
	const struct json *doc = &job->doc;
	struct field_checker checker = { doc, &job->arena, &job->error };
	uint32_t v = json_get(doc, json_root(doc), STR("metadata"));
	int r = 0;

	*out = STR_NULL;
	if (v == JSON_NONE)
		r = field_missing(&checker, FIELD_PATH(NULL, "metadata"));
	else if (json_type(doc, v) != JSON_NULL)
		r = metadata_check(&checker, v);
	if (r != 0)
		return STORE_JOB_REFUSED;
	if (json_type(doc, v) != JSON_NULL)
		*out = json_raw(doc, v);
	return 0;
}

static int do_update(struct store_job *job, struct json_writer *w)
{
	struct str metadata;
	int r = read_metadata(job, &metadata);

	if (r == 0)
		r = store_set_metadata(job->store, job->owner, job->id,
				       metadata);
	return r == 0 ? do_get(job, w) : r;
}

static int do_delete(struct store_job *job, struct json_writer *w)
{
	int r = store_drop(job->store, job->owner, job->id);

	if (r != 0)
		return r;
	json_object(w);
	json_member_str(w, STR("object"), STR("chat.completion.deleted"));
	json_member_str(w, STR("id"), job->id);
	json_member_bool(w, STR("deleted"), true);
	json_end(w);
	return 0;
}

void completions_stored_list(struct api_call *c)
{
	store_job_run_page(c,
			   &(struct store_job_ask){ .act = do_list,
						    .words = &words },
			   &(struct page_usual){ 20, .newest_first = true });
}

void completions_stored_messages(struct api_call *c)
{
	static const struct store_job_words in_one = {
		.name = "Chat completion",
		.many = "chat completions",
		.row = "message of this chat completion",
		.unknown = ": it was never kept, or it is deleted. GET "
			   "/v1/chat/completions lists those that are kept.",
		.code = "completion_not_found",
	};

	store_job_run_page(c,
			   &(struct store_job_ask){ .act = do_messages,
						    .words = &in_one,
						    .id = c->rest },
			   &(struct page_usual){ 20 });
}

void completions_stored_get(struct api_call *c)
{
	store_job_run(c, &(struct store_job_ask){ .act = do_get,
						  .words = &words,
						  .id = c->rest });
}

void completions_stored_delete(struct api_call *c)
{
	store_job_run(c, &(struct store_job_ask){ .act = do_delete,
						  .words = &words,
						  .id = c->rest });
}

void completions_stored_update(struct api_call *c)
{
	store_job_run(c, &(struct store_job_ask){ .act = do_update,
						  .words = &words,
						  .id = c->rest,
						  .takes_body = true });
}
