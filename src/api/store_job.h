/*
 * store_job - ask the store on a thread, and answer with the JSON that it makes.
 *
 *	static int do_get(struct store_job *job, struct json_writer *w)
 *	{
 *		struct store_object row;
 *		int r = store_object_get(job->store, ..., &job->arena, &row);
 *
 *		if (r == 0)
 *			json_add_raw(w, row.body);
 *		return r;
 *	}
 *
 *	void things_get(struct api_call *c)
 *	{
 *		store_job_run(c, &(struct store_job_ask){
 *					 .act = do_get,
 *					 .words = &words,
 *					 .id = c->rest });
 *	}
 *
 * The job has copies of all that it is asked with, as it outlives a client that
 * hangs up.  An act runs again, a few times, when what it looked for may be on its
 * way from another server.  An answer's size is bounded: a page that would be over 16 MB has
 * fewer rows than asked for and says that there are more, so that a walk still
 * sees all of them.
 */
#ifndef API_STORE_JOB_H
#define API_STORE_JOB_H

#include "api/route.h"
#include "io/offload.h"
#include "store/object.h"
#include "json/writer.h"

/* What an act returns, beside 0, what the store returned, and -errno. */
enum {
	STORE_JOB_REFUSED = 64 /* job->error says why */
};

/* How a kind of things is called in messages. */
struct store_job_words {
	const char *name;    /* "Response": begins a sentence */
	const char *many;    /* "responses": ends one */
	const char *row;     /* "response": what a cursor is the id of */
	const char *unknown; /* ends "Response 'ID' not found" */
	const char *code;    /* of the same: "response_not_found" */
	int cursor_status;   /* for a cursor that is none; 0: 400 */
	bool with_detail;    /* in all its errors */
};

struct store_job {
	struct store *store;
	struct str owner;
	struct str id;            /* "" without */
	struct str sub;           /* the second id of a path, or "" */
	struct store_query query; /* with the owner */
	struct json doc;          /* the body; an object */
	struct arena arena;       /* of these; goes with the job */
	struct buf answer;        /* an act may also write it itself */
	struct api_error error;   /* its texts are in the arena */
	int r;                    /* what the act returned */
	/* What an act tells the caller of store_job_try() beside its answer. */
	bool is_over, has_more;
	bool is_early; /* an act: another server may know better in a moment */
	/* Private. */
	struct offload_work work;
	const struct store_job_words *words;
	int (*act)(struct store_job *job, struct json_writer *w);
	struct str body;
	bool has_doc;
};

/* Texts are copied. */
struct store_job_ask {
	int (*act)(struct store_job *job, struct json_writer *w);
	const struct store_job_words *words;
	struct str id, sub;
	const struct store_query *query; /* or NULL */
	bool takes_body; /* a JSON object, else 400; act has job->doc */
};

/*
 * Run it and answer: 200 with what the act wrote, or its error.  Without a store
 * that is 404.
 */
void store_job_run(struct api_call *c, const struct store_job_ask *ask);

/* The same, with the page that the request's query asks for (page.h). */
struct page_usual;
void store_job_run_page(struct api_call *c, const struct store_job_ask *ask,
			const struct page_usual *usual);

/*
 * The same in steps, for those who ask more than once.  Is there a store?  If
 * not, the client was told.
 */
bool store_job_is_on(struct api_call *c, const struct store_job_words *words);

/*
 * Run it only.  0: the act has run, with job->r, and the job is the caller's, for
 * store_job_answer() and store_job_free().  -errno: it has not, see
 * store_job_fail(); nobody was told anything.
 */
must_check int store_job_try(struct api_call *c,
			     const struct store_job_ask *ask,
			     struct store_job **out);
void store_job_answer(struct api_call *c, const struct store_job *job);
void store_job_fail(struct api_call *c, const struct store_job_words *words,
		    int r);
void store_job_free(struct store_job *job);

/* Whose rows a client sees: nobody is told apart yet. */
struct str store_job_owner(const struct api_call *c);

/* --- for acts -------------------------------------------------------------- */

/* Fill job->error; returns STORE_JOB_REFUSED.  code: NULL for the usual one. */
must_check int store_job_refuse(struct store_job *job, int status,
				const char *param, const char *code,
				const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* What was kept is no JSON: logged, and 503. */
must_check int store_job_damaged(void);

/*
 * A page: call list() with an arena for its rows, and with half of the limit when
 * they do not fit.  It writes only when it has all of them.
 */
must_check int store_job_list(struct store_job *job, struct json_writer *w,
			      int (*list)(struct store_job *job,
					  struct json_writer *w,
					  struct arena *rows));

/* One row of the job's owner and of its id, in a. */
must_check int store_job_get(struct store_job *job, enum store_kind kind,
			     struct arena *a, struct store_object *out);

/* The page that the query asks for, of a kind; model is the label. */
struct store_objects_query store_job_query(const struct store_job *job,
					   enum store_kind kind);

#endif
