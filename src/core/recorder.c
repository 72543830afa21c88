#include "core/recorder.h"

#include "base/log.h"
#include "core/library.h"
#include "recording/secret.h"

#include <errno.h>
#include <stdlib.h>

struct recorder {
	struct source base;
	struct source *inner;
	struct exchange *x;
	struct recorder_request *req;
	struct buf body;
	struct buf marks; /* of struct recording_mark */
	int64_t last_ns;
	bool ended;    /* as end says */
	bool overflow; /* not all of it could be kept */
	bool compares; /* it is not kept at all */
	bool given;    /* to the library: body and request are its own */
	enum recording_end end;
};

static void note_bytes(struct task *t, struct recorder *rec, struct str data)
{
	int64_t now = task_now(t);
	struct recording_mark mark;

	if (rec->overflow)
		return;
	if (buf_add(&rec->body, data) < 0) {
		rec->overflow = true;
		return;
	}
	mark = (struct recording_mark){
		.end = rec->body.len,
		.ms = (uint32_t)((now - rec->last_ns) / CLOCK_MS),
	};
	/* What was cut off is given to the next. */
	rec->last_ns += (int64_t)mark.ms * CLOCK_MS;
	rec->overflow = buf_add(&rec->marks, (struct str){ (const char *)&mark,
							   sizeof(mark) }) < 0;
}

static enum recording_end end_of(int r)
{
	switch (r) {
	case 0:
		return RECORDING_EOF;
	case -ECONNRESET:
		return RECORDING_END_RESET;
	case -ETIMEDOUT:
		return RECORDING_END_TIMEOUT;
	case CLIENT_HUNG_UP:
	case CLIENT_TICK_END:
	case -ECANCELED:
		return RECORDING_CLIENT_ABORT;
	default:
		return RECORDING_UNTERMINATED;
	}
}

/* Who knows the length does not ask for what is behind it. */
static bool is_whole(const struct recorder *rec)
{
	const struct http_head *head = rec->inner->head;

	return head->framing == HTTP_BODY_NONE ||
	       (head->framing == HTTP_BODY_LENGTH &&
		head->content_length == rec->body.len);
}

static void fill_in(struct recorder *rec)
{
	struct recording_response *res = &rec->req->recording.response;

	res->body = buf_str(&rec->body);
	res->marks = (struct recording_mark *)(void *)rec->marks.ptr;
	res->mark_count = rec->marks.len / sizeof(*res->marks);
	res->framing =
		recording_framing_of(recording_header(res->headers,
						      res->header_count,
						      STR("content-type")),
				     res->body);
	res->end = rec->ended ? rec->end : RECORDING_EOF;
}

/* Before the reader knows that it was the last byte. */
static void verify(struct recorder *rec)
{
	struct recorder_request *req = rec->req;

	if (req->found == NULL || rec->overflow ||
	    (!rec->ended && !is_whole(rec)))
		return;
	rec->ended = true;
	fill_in(rec);
	if (rec->end != RECORDING_CLIENT_ABORT) {
		library_verify(rec->x->edge->library, req->found,
			       &req->recording, rec->x->edge);
	}
	library_done(req->found);
	req->found = NULL;
}

static void hand_over(struct recorder *rec)
{
	fill_in(rec);
	rec->given = true;
	library_keep(rec->x->edge->library,
		     &(struct library_job){
			     .recording = rec->req->recording,
			     .session = rec->req->session,
			     .base_url = rec->req->base_url,
			     .ogx_body = rec->req->ogx_body,
			     .key = rec->req->key,
			     .arena = rec->req->arena,
			     .body = rec->body,
			     .marks = rec->marks,
		     });
}

/* Why it is not kept, or NULL. */
static const char *why_not(const struct recorder *rec)
{
	if (rec->given)
		return NULL;
	if (rec->overflow)
		return "the answer is too large";
	if (!rec->ended && !is_whole(rec))
		return "the answer was not read to its end";
	if (rec->ended && rec->end == RECORDING_CLIENT_ABORT)
		return "the request was given up before the answer's end";
	return NULL;
}

static int recorder_read(struct task *t, struct source *s, struct str *data)
{
	struct recorder *rec = (struct recorder *)(void *)s;
	int r = rec->inner->type->read(t, rec->inner, data);

	if (rec->given)
		return r;
	if (r == 0 && data->len > 0) {
		note_bytes(t, rec, *data);
	} else {
		rec->ended = true;
		rec->end = end_of(r);
	}
	verify(rec);
	/* Before its last byte leaves: equal requests are kept in their order. */
	if (why_not(rec) == NULL && !rec->compares)
		hand_over(rec);
	return r;
}

static void keep_head(struct recorder *rec)
{
	struct recording_response *res = &rec->req->recording.response;
	const struct http_head *head = rec->inner->head;

	res->status = head->status;
	res->header_count =
		secret_keep_headers(head->headers, head->header_count,
				    SECRET_RESPONSE, &rec->req->arena,
				    &res->headers);
}

static void let_go(struct recorder_request *req)
{
	library_expected(req->library, req->expects);
	free(req);
}

void recorder_drop(struct recorder_request *req)
{
	if (req->found != NULL)
		library_done(req->found);
	arena_fini(&req->arena);
	let_go(req);
}

static void recorder_close(struct source *s)
{
	struct recorder *rec = (struct recorder *)(void *)s;
	const char *why;

	if (!rec->given && !rec->ended && !is_whole(rec) &&
	    rec->x->error.message.len > 0) {
		/* Nobody went: an error in the answer was its end. */
		rec->ended = true;
		rec->end = RECORDING_UNTERMINATED;
	}
	why = why_not(rec);
	rec->inner->type->close(rec->inner);
	if (why == NULL && !rec->compares) {
		if (!rec->given)
			hand_over(rec);
		let_go(rec->req);
	} else {
		if (!rec->compares)
			library_lost(rec->x->edge->library, rec->req->session,
				     why);
		buf_fini(&rec->body);
		buf_fini(&rec->marks);
		recorder_drop(rec->req);
	}
	free(rec);
}

static const struct source_type recorder_type = { recorder_read,
						  recorder_close };

void recorder_wrap(struct exchange *x, struct recorder_request *req,
		   struct source **source)
{
	struct recorder *rec = xcalloc(1, sizeof(*rec));

	rec->base = (struct source){ &recorder_type, (*source)->head };
	rec->inner = *source;
	rec->x = x;
	rec->req = req;
	rec->compares = req->found != NULL;
	rec->last_ns = x->sent_ns;
	buf_init(&rec->body, RECORDING_BODY_MAX);
	buf_init(&rec->marks,
		 RECORDING_EVENTS_MAX * sizeof(struct recording_mark));
	keep_head(rec);
	*source = &rec->base;
}

static enum recording_fail fail_of(int r, enum client_stage stage)
{
	if (r == -ETIMEDOUT)
		return RECORDING_TIMEOUT;
	switch (stage) {
	case CLIENT_DNS:
		return RECORDING_DNS;
	case CLIENT_CONNECT:
	case CLIENT_PROXY:
		return RECORDING_REFUSED;
	case CLIENT_TLS:
		return RECORDING_TLS;
	case CLIENT_WRITE:
	case CLIENT_FIRST_BYTE:
	case CLIENT_HEAD:
	case CLIENT_BODY:
		break;
	}
	return RECORDING_RESET;
}

void recorder_failed(struct task *t, struct exchange *x,
		     struct recorder_request *req, int r,
		     enum client_stage stage)
{
	struct recording_response *res = &req->recording.response;
	int64_t ms = (task_now(t) - req->start_ns) / CLOCK_MS;

	if (r > 0 || r == -ECANCELED) {
		recorder_drop(req);
		return;
	}
	res->fail = fail_of(r, stage);
	res->fail_ms = (uint32_t)ms;
	if (req->found != NULL) {
		library_verify(x->edge->library, req->found, &req->recording,
			       x->edge);
		recorder_drop(req);
		return;
	}
	library_keep(x->edge->library,
		     &(struct library_job){ .recording = req->recording,
					    .session = req->session,
					    .base_url = req->base_url,
					    .ogx_body = req->ogx_body,
					    .key = req->key,
					    .arena = req->arena });
	let_go(req);
}
