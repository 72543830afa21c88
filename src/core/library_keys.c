#include "core/library_impl.h"
#include "recording/key.h"

static bool add(const struct library_query *q, enum key_tier tier,
		struct library_keys *k)
{
	const struct key_input input = { q->op, q->request };

	if (key_make(&input, tier, k->text[k->count], NULL) != 0)
		return false;
	k->names[k->count++] = tier == KEY_EXACT ? "exact" : "normalised";
	return true;
}

void library_keys(const struct library_query *q, struct library_keys *out)
{
	out->count = 0;
	out->has_normal = false;
	out->ogx = (struct ogx_keys){ .count = 0 };
	(void)add(q, KEY_EXACT, out);
}

static bool add_ogx(const struct library_query *q, struct str session,
		    struct library_keys *k)
{
	const struct ogx_request req = {
		.op = q->op,
		.base_url = q->base_url,
		.body = q->ogx_body.len > 0 ? q->ogx_body : q->request->body,
		.test_id = session,
		.is_watsonx = str_eq(q->request->upstream, STR("watsonx")),
	};
	size_t before = k->ogx.count;

	while (k->ogx.count == before) {
		if (ogx_keys_next(&req, &k->ogx) != 0)
			return false;
	}
	memcpy(k->text[k->count], k->ogx.keys[before], RECORDING_KEY_LEN);
	k->names[k->count++] = "ogx";
	return true;
}

bool library_more_keys(const struct library_query *q, bool strict,
		       struct str session, struct library_keys *k)
{
	if (k->count == LIBRARY_KEYS)
		return false;
	if (!k->has_normal) {
		k->has_normal = true;
		if (!strict && add(q, KEY_NORMAL, k))
			return true;
	}
	return add_ogx(q, session, k);
}

void library_all_keys(const struct library_query *q, struct str session,
		      bool strict, struct library_keys *out)
{
	library_keys(q, out);
	while (library_more_keys(q, strict, session, out))
		;
}
