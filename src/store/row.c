#include "store/row.h"

#include <stdlib.h>

#include "base/buf.h"

void row_texts(struct store_completion *c, struct str *out[ROW_TEXTS])
{
	struct str *all[ROW_TEXTS] = {
		&c->id,       &c->owner,    &c->model_asked, &c->model_served,
		&c->provider, &c->request,  &c->choices,     &c->usage,
		&c->extra,    &c->metadata, &c->user,
	};

	memcpy(out, all, sizeof(all));
}

size_t row_bytes(const struct store_completion *c)
{
	struct store_completion copy = *c;
	struct str *texts[ROW_TEXTS];
	size_t n = 0;

	row_texts(&copy, texts);
	for (size_t i = 0; i < ROW_TEXTS; i++)
		n += texts[i]->len;
	return n;
}

bool row_is_valid(const struct store_completion *c)
{
	const struct str names[] = { c->id,          c->owner,
				     c->model_asked, c->model_served,
				     c->provider,    c->user };

	for (size_t i = 0; i < countof(names); i++) {
		if (names[i].len > STORE_TEXT_MAX)
			return false;
	}
	return c->id.len > 0 && row_bytes(c) <= STORE_ROW_BYTES_MAX;
}

size_t row_size(const struct store_completion *c)
{
	return sizeof(struct row) + row_bytes(c);
}

struct row *row_new(const struct store_completion *c)
{
	struct str *texts[ROW_TEXTS];
	struct row *r;
	size_t size = row_size(c);
	char *at;

	r = xmalloc(size);
	r->c = *c;
	r->size = size;
	row_texts(&r->c, texts);
	at = r->bytes;
	for (size_t i = 0; i < ROW_TEXTS; i++) {
		if (texts[i]->len > 0)
			memcpy(at, texts[i]->ptr, texts[i]->len);
		texts[i]->ptr = at;
		at += texts[i]->len;
	}
	return r;
}

void row_free(struct row *r)
{
	free(r);
}
