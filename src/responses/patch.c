#include "responses/patch.h"

#include <errno.h>

#include "base/err.h"
#include "json/json.h"
#include "json/splice.h"

enum {
	ERROR_MAX = 128 * 1024,
	STATUS_MAX = 32,
};

static int write_error(const struct patch *p, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object(&w);
	json_member_str(&w, STR("code"), p->error_code);
	json_member_str(&w, STR("message"), p->error_message);
	json_end(&w);
	return json_writer_done(&w);
}

static int edit(struct splice *s, const struct json *doc, const char *member,
		struct str json)
{
	uint32_t v = json_get(doc, json_root(doc), str_of(member));

	if (v == JSON_NONE)
		return err_new(-EUCLEAN, "what was kept is no response");
	return splice_replace(s, doc, v, json);
}

int patch_write(struct str body, const struct patch *p, struct buf *out)
{
	filled_later struct splice s;
	struct buf status, error;
	struct json_error bad;
	struct json doc;
	int r;

	if (json_parse(body, NULL, &doc, &bad) != 0)
		return err_new(-EUCLEAN, "what was kept is no response");
	buf_init(&status, STATUS_MAX);
	buf_init(&error, ERROR_MAX);
	splice_init(&s, body);
	r = json_quote(&status, object_status(p->status));
	if (r == 0)
		r = edit(&s, &doc, "status", buf_str(&status));
	if (r == 0 && p->status == RESPONSE_CANCELLED)
		r = edit(&s, &doc, "output", STR("[]"));
	if (r == 0 && p->status == RESPONSE_FAILED)
		r = write_error(p, &error);
	if (r == 0 && p->status == RESPONSE_FAILED)
		r = edit(&s, &doc, "error", buf_str(&error));
	if (r == 0)
		r = splice_write(&s, out);
	json_fini(&doc);
	buf_fini(&status);
	buf_fini(&error);
	return r;
}
