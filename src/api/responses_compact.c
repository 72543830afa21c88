/*
 * responses_compact - POST /v1/responses/compact: a conversation made short.
 */
#include "api/handlers.h"
#include "api/respond.h"
#include "responses/compact.h"
#include "responses/run_compact.h"

enum {
	ANSWER_MAX = 128 << 20,
};

static int write_answer(const struct run *run, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object(&w);
	json_member_str(&w, STR("id"), run->view.id);
	json_member_int(&w, STR("created_at"), run->view.created_at);
	json_member_str(&w, STR("object"), STR("response.compaction"));
	json_member_raw(&w, STR("output"),
			compact_array(&run->input, run->arena));
	object_add_usage(&w, &run->now.usage);
	json_end(&w);
	return json_writer_done(&w);
}

static void answer(struct respond *r)
{
	struct api_error e;
	struct buf out;

	buf_init(&out, ANSWER_MAX);
	if (write_answer(r->run, &out) == 0) {
		respond_reply(r, 200, buf_str(&out));
	} else {
		(void)api_fail(&e, &r->call->req->arena, 502, "server_error",
			       NULL, "The compaction is too large.");
		respond_fail(r, &e);
	}
	buf_fini(&out);
}

/* Returns 0, or API_FAIL with *e, or what says that nobody waits for it. */
static int make(struct respond *r, struct str body, struct api_error *e)
{
	int rc = respond_prepare(r, body, NULL, false, e);

	if (rc != 0)
		return rc;
	rc = run_compact_only(r->call->task, r->run);
	respond_note(r);
	if (rc == EXCHANGE_FAILED)
		*e = r->run->error;
	return rc;
}

void responses_compact(struct api_call *c)
{
	struct respond *r = arena_alloc(&c->req->arena, sizeof(*r));
	struct api_error e;
	struct str body;
	struct buf form;
	int rc;

	respond_init(r, c);
	r->read = responses_read_compact;
	buf_init(&form, RESPOND_FORM_MAX);
	rc = respond_body(c, &form, &body, &e);
	if (rc == 0)
		rc = make(r, body, &e);
	if (rc == 0)
		answer(r);
	else if (rc == API_FAIL && r->run != NULL)
		respond_fail(r, &e);
	else if (rc == API_FAIL)
		route_fail(c, &e);
	else
		request_cut(c->req);
	respond_fini(r);
	buf_fini(&form);
}
