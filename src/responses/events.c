#include "responses/events.h"

#include <assert.h>

#include "json/json.h"

static void fail(struct events *e, int error)
{
	e->error = error;
	e->out->len = e->start;
}

struct json_writer *events_begin(struct events *e, struct str type)
{
	int r;

	assert(e->type.len == 0);
	if (e->out == NULL || e->error < 0)
		return NULL;
	e->start = e->out->len;
	if ((r = buf_add(e->out, STR("event: "))) < 0 ||
	    (r = buf_add(e->out, type)) < 0 ||
	    (r = buf_add(e->out, STR("\ndata: "))) < 0) {
		fail(e, r);
		return NULL;
	}
	e->type = type;
	json_writer_init(&e->writer, e->out);
	json_object(&e->writer);
	return &e->writer;
}

void events_end(struct events *e)
{
	struct json_writer *w = &e->writer;
	int r;

	assert(e->type.len > 0);
	json_member_int(w, STR("sequence_number"), e->sequence);
	json_member_str(w, STR("type"), e->type);
	json_end(w);
	e->type = STR_NULL;
	if ((r = json_writer_done(w)) < 0 ||
	    (r = buf_add(e->out, STR("\n\n"))) < 0)
		fail(e, r);
	else
		e->sequence++;
}

void events_response(struct events *e, struct str type,
		     const struct response_view *view,
		     const struct response_now *now)
{
	struct json_writer *w = events_begin(e, type);

	if (w == NULL)
		return;
	json_member(w, STR("response"));
	object_add(w, view, now);
	events_end(e);
}

struct str events_terminal(enum response_status status)
{
	switch (status) {
	case RESPONSE_COMPLETED:
		return STR("response.completed");
	case RESPONSE_INCOMPLETE:
		return STR("response.incomplete");
	case RESPONSE_FAILED:
		return STR("response.failed");
	case RESPONSE_QUEUED:
	case RESPONSE_IN_PROGRESS:
	case RESPONSE_CANCELLED:
		break;
	}
	return STR_NULL;
}

/* The number that events_end() wrote, before the last comma. */
static int64_t sequence_of(struct str data)
{
	struct str name = STR("\"sequence_number\":");
	size_t end = data.len, start;
	int64_t n;

	while (end > 0 && data.ptr[end - 1] != ',')
		end--;
	for (start = end; start > 0 && data.ptr[start - 1] != ':'; start--) {
	}
	if (!str_ends(str_take(data, start), name) ||
	    !str_to_i64(str_drop(str_take(data, end - 1), start), 0, INT64_MAX,
			&n))
		return -1;
	return n;
}

bool events_take(struct str *rest, struct event_frame *out)
{
	struct str end = STR("\n\n"), mark = STR("\ndata: ");
	size_t len = str_find(*rest, end), at;
	struct str raw;

	if (len == rest->len)
		return false;
	raw = str_take(*rest, len);
	at = str_find(raw, mark);
	out->data = str_drop(raw, at + mark.len);
	out->raw = str_take(*rest, len + end.len);
	out->sequence = sequence_of(out->data);
	*rest = str_drop(*rest, len + end.len);
	return true;
}
