#include "core/fail.h"

#include "base/log.h"
#include "json/writer.h"

enum {
	FAIL_TEXT_MAX = 64 * 1024
};

static void member(struct json_writer *w, struct str key, struct str value)
{
	if (value.len > 0)
		json_member_str(w, key, value);
	else
		json_member_null(w, key);
}

struct str fail_text(const struct api_error *e, struct arena *a)
{
	struct json_writer w;
	struct buf out;
	struct str text = STR("{\"error\":{\"message\":\"The error is too long "
			      "to be told.\",\"type\":\"server_error\","
			      "\"param\":null,\"code\":null}}");

	buf_init(&out, FAIL_TEXT_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member(&w, STR("error"));
	json_object(&w);
	json_member_str(&w, STR("message"), e->message);
	member(&w, STR("type"), e->type);
	member(&w, STR("param"), e->param);
	member(&w, STR("code"), e->code);
	json_end(&w);
	if (e->with_detail)
		json_member_str(&w, STR("detail"), e->message);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		text = arena_str(a, buf_str(&out));
	buf_fini(&out);
	return text;
}

void fail_send(struct task *t, struct request *req, const struct api_error *e)
{
	struct str text = fail_text(e, &req->arena);
	struct str event[] = { STR("data: "), text, STR("\n\n") };

	if (!req->sent) {
		if (request_reply(t, req, e->status, STR("application/json"),
				  text) < 0)
			log_debug("the client is gone");
		return;
	}
	if (request_write(t, req, event, countof(event)) < 0)
		log_debug("the client is gone");
	request_cut(req);
}
