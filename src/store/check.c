#include "store/check.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "store/walk.h"
#include "json/json.h"

enum {
	DEPTH = 512,
};

struct part {
	const char *name;
	struct str text;
	char first; /* '[' or '{' */
};

static void tell(const struct store_finding *f, const char *row, int64_t seq,
		 const char *name, const char *what)
{
	char text[160];
	int len = snprintf(text, sizeof(text), "%s %lld: %s %s", row,
			   (long long)seq, name, what);

	f->found(f->arg, (struct str){ text, (size_t)len });
}

static void check_part(const struct part *p, const char *row, int64_t seq,
		       const struct store_finding *f)
{
	const struct json_limits limits = { .depth = DEPTH };
	struct json_error error;
	struct json doc;

	if (p->text.len == 0)
		return;
	if (json_parse(p->text, &limits, &doc, &error) != 0) {
		if (!error.is_limit)
			tell(f, row, seq, p->name, "is not JSON");
		return;
	}
	if (str_trim(p->text).ptr[0] != p->first)
		tell(f, row, seq, p->name,
		     p->first == '[' ? "is no array" : "is no object");
	json_fini(&doc);
}

static int check_row(void *arg, const struct store_completion *c)
{
	const struct store_finding *f = *(const struct store_finding **)arg;
	const struct part parts[] = {
		{ "request", c->request, '[' },
		{ "choices", c->choices, '[' },
		{ "usage", c->usage, '{' },
		{ "extra", c->extra, '{' },
		{ "params", c->params, '{' },
		{ "metadata", c->metadata, '{' },
	};

	if (c->id.len == 0)
		tell(f, "row", c->seq, "id", "is missing");
	if (c->status >= STORE_STATUSES)
		tell(f, "row", c->seq, "status", "is none");
	for (size_t i = 0; i < countof(parts); i++)
		check_part(&parts[i], "row", c->seq, f);
	return 0;
}

static int check_object(void *arg, const struct store_object *o)
{
	const struct store_finding *f = *(const struct store_finding **)arg;
	const struct part body = { "body", o->body, '{' };

	if (o->id.len == 0)
		tell(f, "object", o->seq, "id", "is missing");
	if (o->kind < 1 || o->kind >= STORE_KINDS)
		tell(f, "object", o->seq, "kind", "is none");
	/* Of the others it is what their users made of it. */
	if (o->kind == STORE_RESPONSE || o->kind == STORE_CONVERSATION ||
	    o->kind == STORE_ITEM || o->kind == STORE_PROMPT)
		check_part(&body, "object", o->seq, f);
	return 0;
}

int check_rows(struct store *s, const struct store_finding *f)
{
	int r = store_walk(s, &(struct store_query){ .walk = true }, check_row,
			   &f);

	if (r == 0)
		r = store_walk_objects(s, &(struct store_query){ .walk = true },
				       check_object, &f);
	if (r != -EUCLEAN)
		return r;
	f->found(f->arg, err_text());
	f->found(f->arg, STR("the JSON of the rows behind it was not checked"));
	return 0;
}
