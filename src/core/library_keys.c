#include "core/library_impl.h"
#include "recording/key.h"
#include "recording/ogx_shape.h"

static void add(struct library_keys *k, const char *name, int r)
{
	if (r != 0)
		return;
	k->names[k->count] = name;
	k->count++;
}

/* Those of OGX's recordings of the same request. */
static void add_ogx(const struct library_query *q, struct str session,
		    struct library_keys *k)
{
	const struct ogx_request req = {
		.op = q->op,
		.base_url = q->base_url,
		.body = q->request->body,
		.test_id = session,
		.is_watsonx = str_eq(q->request->upstream, STR("watsonx")),
	};
	struct ogx_keys keys;

	if (ogx_keys(&req, &keys) != 0)
		return;
	for (size_t i = 0; i < keys.count && k->count < LIBRARY_KEYS; i++) {
		memcpy(k->text[k->count], keys.keys[i], RECORDING_KEY_LEN);
		add(k, "ogx", 0);
	}
}

void library_keys(const struct library_query *q, struct str session,
		  bool strict, struct library_keys *out)
{
	const struct key_input input = { q->op, q->request };
	struct library_keys *k = out;

	k->count = 0;
	add(k, "exact", key_make(&input, KEY_EXACT, k->text[k->count], NULL));
	if (!strict) {
		add(k, "normalised",
		    key_make(&input, KEY_NORMAL, k->text[k->count], NULL));
	}
	add_ogx(q, session, k);
}
