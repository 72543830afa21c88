#include "core/relay_whole.h"

#include "base/log.h"
#include "core/answer.h"
#include "core/keeper.h"
#include "core/relay_head.h"
#include "io/offload.h"
#include "llm/chunk.h"
#include "json/splice.h"

#include <errno.h>
#include <stdlib.h>

enum {
	LARGE = 1 << 20, /* bytes that others should not wait for */
	/* Memory is taken at once for what an upstream announces below this. */
	TRUSTED = 4 << 20,
	JOB_S = 60
};

#define DONE_TEXT "data: [DONE]\n\n"

static const struct config *config_of(const struct relay *r)
{
	return r->x->worker->catalog->registry->config;
}

/* A stream was asked for and JSON came: it is sent as the only event. */
static void send_as_stream(struct task *t, struct relay *r,
			   const struct json *doc)
{
	struct str parts[3] = { STR("data: "), STR_NULL,
				STR("\n\n" DONE_TEXT) };
	struct buf out;
	int rc;

	buf_init(&out, (size_t)config_of(r)->answer_max);
	rc = chunk_write(doc, r->model, &out);
	relay_commit(r);
	if (rc == 0) {
		parts[1] = buf_str(&out);
		if (r->req->status == 0)
			relay_head_stream(r);
		rc = request_write(t, r->req, parts, countof(parts));
	}
	if (rc == 0)
		rc = request_finish(t, r->req);
	if (rc < 0)
		request_cut(r->req);
	buf_fini(&out);
}

static void send_json(struct task *t, struct relay *r, const struct str *pieces,
		      size_t count)
{
	struct str type = STR("application/json");

	relay_commit(r);
	if (r->x->head != NULL &&
	    str_starts(http_value(r->x->head, HTTP_CONTENT_TYPE), type))
		type = http_value(r->x->head, HTTP_CONTENT_TYPE);
	relay_head_begin(r, r->x->status, type);
	if (request_send(t, r->req, pieces, count) < 0)
		log_debug("the client is gone");
}

/* What came, with the client's model. */
static void send_spliced(struct task *t, struct relay *r,
			 const struct json *doc)
{
	filled_later struct str pieces[SPLICE_PIECES_MAX];
	filled_later struct splice s;
	size_t count = 1;
	uint32_t model = json_get(doc, json_root(doc), STR("model"));

	pieces[0] = doc->text;
	splice_init(&s, doc->text);
	if (r->model.len > 0 && json_type(doc, model) == JSON_STRING &&
	    splice_replace(&s, doc, model, r->model) == 0)
		count = splice_pieces(&s, pieces);
	send_json(t, r, pieces, count);
}

/*
 * An answer that the endpoint makes on a thread, since that takes a while: it
 * owns all that it needs.
 */
struct job {
	struct offload_work work;
	relay_rewrite *rewrite;
	struct llm_request request;
	struct buf body;
	struct arena arena;
	struct json doc;
	struct json_error bad;
	struct llm_answer answer;
	int made;
};

static void run_job(struct offload_work *w)
{
	struct job *job = (struct job *)(void *)w;

	if (answer_parse(buf_str(&job->body), &job->doc, &job->bad) == 0 &&
	    json_type(&job->doc, json_root(&job->doc)) == JSON_OBJECT)
		job->made = job->rewrite(&job->answer);
}

static void free_job(struct offload_work *w)
{
	struct job *job = (struct job *)(void *)w;

	json_fini(&job->doc);
	buf_fini(&job->answer.out);
	buf_fini(&job->body);
	arena_fini(&job->arena);
	free(job);
}

/* Takes the bytes out of body. */
static struct job *make_job(const struct relay *r, struct buf *body)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->work = (struct offload_work){ .run = run_job, .free = free_job };
	job->rewrite = r->rewrite;
	job->request = *r->request;
	/* It may be in memory of the client's request. */
	job->request.model = STR_NULL;
	job->body = *body;
	buf_init(body, job->body.max);
	/* Numbers of one digit take twice their text as floats. */
	arena_init(&job->arena, 4 * job->body.max);
	job->answer = (struct llm_answer){ .doc = &job->doc,
					   .request = &job->request,
					   .arena = &job->arena };
	job->answer.model = arena_str(&job->arena, r->model);
	buf_init(&job->answer.out, job->body.max);
	return job;
}

static int send_job(struct task *t, struct relay *r, struct job *job)
{
	const struct llm_answer *a = &job->answer;

	if (answer_judge(r->x, buf_str(&job->body), &job->doc, &job->bad) != 0)
		return EXCHANGE_FAILED;
	if (job->made != 0)
		return answer_bad(r->x, "answered with " STR_FMT,
				  STR_ARG(a->bad));
	(void)usage_read(&job->doc, json_root(&job->doc), &r->usage);
	send_json(t, r, a->pieces, a->count);
	return 0;
}

/* A large answer; body is empty then.  Returns as relay_whole(). */
__attribute__((noinline)) static int send_large(struct task *t, struct relay *r,
						struct buf *body)
{
	struct job *job = make_job(r, body);
	int rc = offload_run(t, &job->work, task_now(t) + JOB_S * CLOCK_S);

	if (rc == -EAGAIN) {
		run_job(&job->work);
		rc = 0;
	}
	if (rc == -ETIMEDOUT)
		return answer_bad(r->x, "answered with more than could be "
					"converted in time.");
	if (rc != 0)
		return rc;
	rc = send_job(t, r, job);
	free_job(&job->work);
	return rc;
}

/* What the endpoint makes of it.  Returns as relay_whole(). */
static int send_rewritten(struct task *t, struct relay *r,
			  const struct json *doc)
{
	struct llm_answer a = {
		.doc = doc,
		.request = r->request,
		.model = r->model,
		.arena = &r->req->arena,
	};
	int rc;

	buf_init(&a.out, (size_t)config_of(r)->answer_max);
	rc = r->rewrite(&a);
	if (rc == 0)
		send_json(t, r, a.pieces, a.count);
	else
		rc = answer_bad(r->x, "answered with " STR_FMT, STR_ARG(a.bad));
	buf_fini(&a.out);
	return rc;
}

/* A whole JSON body.  Returns as relay_whole(). */
static int send_whole(struct task *t, struct relay *r, struct str body)
{
	struct json doc;
	int rc = 0;

	if (answer_read(r->x, body, &doc) != 0)
		return EXCHANGE_FAILED;
	(void)usage_read(&doc, json_root(&doc), &r->usage);
	if (r->keeper != NULL)
		keeper_whole(t, r->x, r->keeper, &doc);
	if (r->stream)
		send_as_stream(t, r, &doc);
	else if (r->rewrite != NULL)
		rc = send_rewritten(t, r, &doc);
	else
		send_spliced(t, r, &doc);
	json_fini(&doc);
	return rc;
}

int relay_whole(struct task *t, struct relay *r, struct str data)
{
	const struct http_head *head = r->x->head;
	bool has_length = head != NULL && head->framing == HTTP_BODY_LENGTH;
	struct buf all;
	int rc = 0;

	if (has_length && data.len == head->content_length)
		return send_whole(t, r, data);
	buf_init(&all, (size_t)config_of(r)->answer_max);
	if (has_length && head->content_length > all.max)
		rc = -EMSGSIZE;
	else if (has_length && head->content_length < TRUSTED)
		rc = buf_reserve(&all, head->content_length);
	while (rc == 0 && data.len > 0) {
		rc = buf_add(&all, data);
		if (rc == 0)
			rc = exchange_read(t, r->x, &data);
	}
	relay_head_answered(r);
	if (rc == -EMSGSIZE) {
		rc = answer_bad(r->x,
				"answered with more than %zu bytes "
				"(upstream.answer_max).",
				all.max);
	}
	if (rc == 0 && r->rewrite != NULL && all.len >= LARGE)
		rc = send_large(t, r, &all);
	else if (rc == 0)
		rc = send_whole(t, r, buf_str(&all));
	buf_fini(&all);
	return rc;
}
