/*
 * responses_stored - what the routes of kept responses share; private to them.
 */
#ifndef API_RESPONSES_STORED_H
#define API_RESPONSES_STORED_H

#include "api/store_job.h"
#include "responses/history.h"

extern const struct store_job_words responses_stored_words;

/* The state of a row that only its followers may see. */
#define RESPONSES_STORED_HIDDEN STR("deleted")

static inline bool responses_stored_is_hidden(const struct store_object *row)
{
	return str_eq(row->state, RESPONSES_STORED_HIDDEN);
}

/* Is it still being made, as far as the store knows? */
static inline bool responses_stored_is_under_way(const struct store_object *row)
{
	return str_eq(row->state, STR("queued")) ||
	       str_eq(row->state, STR("in_progress"));
}

/* The row, if clients may see it. */
must_check int responses_stored_row(struct store_job *job, struct arena *a,
				    struct store_object *out);

/*
 * The items that a response was made of, in h, with its chain; own: and those of
 * its output.
 */
must_check int responses_stored_load(struct store_job *job, struct str id,
				     bool own, struct history *h,
				     struct item_list *out);

/* An array of them. */
void responses_stored_add_items(struct json_writer *w,
				const struct item_list *items);

/*
 * responses_resume.c: GET /v1/responses/{id}?stream=true: its events, those
 * beyond starting_after (-1: all).
 */
void responses_resume(struct api_call *c, int64_t starting_after);

#endif
