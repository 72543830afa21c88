#include "responses/run_body.h"

#include <errno.h>

#include "responses/run_ask.h"

void run_body_init(struct run_body *b)
{
	*b = (struct run_body){ .is_read = false };
	buf_init(&b->text, RUN_BODY_MAX);
}

int run_body_read(struct run_body *b, int r)
{
	struct json_error error;

	b->is_read = r == 0 &&
		     json_parse(buf_str(&b->text), NULL, &b->doc, &error) == 0;
	return b->is_read ? 0 : -EMSGSIZE;
}

void run_body_fini(struct run_body *b)
{
	if (b->is_read)
		json_fini(&b->doc);
	buf_fini(&b->text);
	*b = (struct run_body){ .is_read = false };
}
