/*
 * respond - a request for a response, whatever it came by.
 *
 *	respond_init(&r, call);
 *	rc = respond_prepare(&r, body, sink, &error);
 *	if (rc == 0) {
 *		run_go(t, r.run);
 *		...
 *	}
 *	respond_fini(&r);
 *
 * Read and check it, find who serves the model and what was said before, and make
 * a run of it.  A conversation is its alone until it ends (responses/busy.h).
 */
#ifndef API_RESPOND_H
#define API_RESPOND_H

#include "api/route.h"
#include "responses/run.h"

struct respond {
	struct api_call *call;
	struct arena
		arena; /* of the run; large ones do not fit the request's */
	struct json doc;
	bool has_doc;
	/* What reads the request; responses_read unless changed. */
	int (*read)(const struct json *doc, struct arena *a,
		    struct response_request *out, struct api_error *e);
	struct response_request request;
	struct model_target target;
	struct busy busy;       /* of the conversation */
	struct run_setup setup; /* a history that is set is not looked for */
	struct run *run;
};

void respond_init(struct respond *r, struct api_call *c);
void respond_fini(struct respond *r);

/*
 * The body as JSON, as it is or out of a form, for which form has room.  Returns
 * 0, or API_FAIL with *e.
 */
must_check int respond_body(struct api_call *c, struct buf *form,
			    struct str *out, struct api_error *e);

enum {
	RESPOND_FORM_MAX = 64 << 20,
};

/*
 * body is JSON and outlives r.  Of sink, a stream's, and is_streamed: events are
 * made when the request asks for them, or is_streamed says that it need not ask.
 * Returns 0 with r->run, API_FAIL with *e, or -ECANCELED.
 */
must_check int respond_prepare(struct respond *r, struct str body,
			       struct run_sink *sink, bool is_streamed,
			       struct api_error *e);

/* Begin an answer that is a stream of events. */
void respond_begin_stream(struct request *req);

/* What log, metrics and trace tell of the run. */
void respond_note(struct respond *r);

/* Answer with JSON, or an error; the head tells who was asked. */
void respond_reply(struct respond *r, int status, struct str body);
void respond_fail(struct respond *r, const struct api_error *e);

/* The final object in JSON.  0, or -EMSGSIZE. */
must_check int respond_write(const struct respond *r, struct buf *out);

#endif
