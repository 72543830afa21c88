#include "store/row.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "recording/digest.h"

#define BLOB_MARK STR(";base64,")

void row_texts(struct store_completion *c, struct str *out[ROW_TEXTS])
{
	struct str *all[ROW_TEXTS] = {
		&c->id,       &c->owner,    &c->model_asked, &c->model_served,
		&c->provider, &c->request,  &c->choices,     &c->usage,
		&c->extra,    &c->metadata, &c->user,        &c->params,
	};

	memcpy(out, all, sizeof(all));
}

int64_t row_key(struct str owner, struct str id)
{
	uint8_t text[2 * STORE_TEXT_MAX + 1], sum[DIGEST_BYTES];
	struct str o = str_take(owner, STORE_TEXT_MAX);
	struct str i = str_take(id, STORE_TEXT_MAX);
	uint64_t key = 0;

	/* An id that begins with a zero is no other owner's. */
	if (o.len > 0)
		memcpy(text, o.ptr, o.len);
	text[o.len] = 0;
	if (i.len > 0)
		memcpy(text + o.len + 1, i.ptr, i.len);
	digest_sum((struct str){ (char *)text, o.len + 1 + i.len }, sum);
	for (size_t n = 0; n < sizeof(key); n++)
		key = key << 8 | sum[n];
	return (int64_t)key;
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
	*r = (struct row){ .c = *c, .size = size };
	row_texts(&r->c, texts);
	at = r->bytes;
	for (size_t i = 0; i < ROW_TEXTS; i++) {
		if (texts[i]->len > 0)
			memcpy(at, texts[i]->ptr, texts[i]->len);
		texts[i]->ptr = at;
		at += texts[i]->len;
	}
	r->rest = r->c.request;
	return r;
}

size_t row_batch_size(const struct store_op *ops, size_t count)
{
	return sizeof(struct row) + op_size(ops, count);
}

struct row *row_batch_new(const struct store_op *ops, size_t count)
{
	size_t size = row_batch_size(ops, count);
	struct row *r = xmalloc(size);

	*r = (struct row){ .size = size, .op_count = count };
	r->ops = op_copy(ops, count, r->bytes);
	return r;
}

void row_free(struct row *r)
{
	free(r->cut);
	free(r->blobs);
	free(r);
}

/* The next base64 behind a mark, from at on; "" when there is none. */
static struct str next_blob(struct str s, size_t at)
{
	while (at < s.len) {
		struct str rest = str_drop(s, at);
		size_t mark = str_find(rest, BLOB_MARK);
		struct str text;

		if (mark == rest.len)
			break;
		text = str_drop(rest, mark + BLOB_MARK.len);
		text = str_take(text, str_find(text, STR("\"")));
		if (text.len >= ROW_BLOB_BYTES_MIN)
			return text;
		at = (size_t)(text.ptr - s.ptr) + text.len;
	}
	return STR_NULL;
}

/* The places of the blobs, in the messages. */
static struct row_blob *find_blobs(struct str s, size_t *count)
{
	struct str text = next_blob(s, 0);
	struct row_blob *out = NULL;
	size_t n = 0;

	while (text.len > 0 && n < ROW_BLOBS_MAX) {
		size_t at = (size_t)(text.ptr - s.ptr);

		if ((n & (n - 1)) == 0)
			out = xrealloc(out, (n > 0 ? 2 * n : 1) * sizeof(*out));
		out[n].at = at;
		out[n++].bytes = text;
		text = next_blob(s, at + text.len);
	}
	*count = n;
	return out;
}

/* What is between the blobs; their places are then in it. */
static size_t cut_blobs(struct str s, struct row_blob *blobs, size_t count,
			char *out)
{
	size_t from = 0, n = 0;

	for (size_t i = 0; i < count; i++) {
		size_t len = blobs[i].at - from;

		memcpy(out + n, s.ptr + from, len);
		from = blobs[i].at + blobs[i].bytes.len;
		n += len;
		blobs[i].at = n;
	}
	memcpy(out + n, s.ptr + from, s.len - from);
	return n + s.len - from;
}

void row_take_blobs(struct row *r)
{
	if (r->c.request.len < ROW_BLOB_BYTES_MIN || r->blob_count > 0)
		return;
	r->blobs = find_blobs(r->c.request, &r->blob_count);
	if (r->blob_count == 0)
		return;
	r->cut = xmalloc(r->c.request.len);
	r->rest.ptr = r->cut;
	r->rest.len = cut_blobs(r->c.request, r->blobs, r->blob_count, r->cut);
	for (size_t i = 0; i < r->blob_count; i++)
		digest_sum(r->blobs[i].bytes, r->blobs[i].hash);
}

size_t row_kept_bytes(const struct row *r)
{
	return row_bytes(&r->c) - r->c.request.len + r->rest.len;
}

int row_join(struct str rest, const struct row_blob *blobs, size_t count,
	     struct arena *a, struct str *out)
{
	size_t len = rest.len, from = 0;
	char *text, *to;

	for (size_t i = 0; i < count; i++)
		len += blobs[i].bytes.len;
	text = to = arena_try(a, len + 1);
	if (text == NULL)
		return err_new(-EMSGSIZE, "store: too much for one answer");
	for (size_t i = 0; i < count; i++) {
		const struct row_blob *b = &blobs[i];

		if (b->at < from || b->at > rest.len)
			return err_new(-EUCLEAN, "store: a blob has no place");
		memcpy(to, rest.ptr + from, b->at - from);
		to += b->at - from;
		from = b->at;
		memcpy(to, b->bytes.ptr, b->bytes.len);
		to += b->bytes.len;
	}
	memcpy(to, rest.ptr + from, rest.len - from);
	*out = (struct str){ text, len };
	return 0;
}
