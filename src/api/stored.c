#include "api/stored.h"

#include "api/page.h"
#include "json/json.h"

/* Members that are not taken from what the upstream or request had more. */
static const struct str own_members[] = {
	STR_INIT("id"),
	STR_INIT("object"),
	STR_INIT("created"),
	STR_INIT("model"),
	STR_INIT("choices"),
	STR_INIT("usage"),
	STR_INIT("service_tier"),
	STR_INIT("system_fingerprint"),
	STR_INIT("metadata"),
	STR_INIT("input_user"),
	STR_INIT("input_messages"),
	STR_INIT("quipu"),
};

static void add_raw(struct json_writer *w, struct str key, struct str raw,
		    struct str none)
{
	json_member_raw(w, key, raw.len > 0 ? raw : none);
}

static void add_str(struct json_writer *w, struct str key, struct str s)
{
	if (s.len > 0)
		json_member_str(w, key, s);
	else
		json_member_null(w, key);
}

static bool is_own(const struct json *doc, uint32_t key)
{
	for (size_t i = 0; i < countof(own_members); i++) {
		if (json_is(doc, key, own_members[i]))
			return true;
	}
	return false;
}

static void add_extra(struct json_writer *w, const struct json *doc)
{
	for (uint32_t v = json_first(doc, json_root(doc)); v != JSON_NONE;
	     v = json_next(doc, v)) {
		uint32_t key = json_key(doc, v);

		if (!is_own(doc, key))
			json_member_copy(w, json_raw(doc, key),
					 json_raw(doc, v));
	}
}

/* The text of a member of extra, or "". */
static struct str extra_of(const struct json *doc, struct str key)
{
	return json_raw(doc, json_get(doc, json_root(doc), key));
}

/* What is not in the API that others have. */
static void add_quipu(struct json_writer *w, const struct store_completion *c)
{
	static const struct str statuses[] = {
		[STORE_COMPLETED] = STR_INIT("completed"),
		[STORE_CANCELLED] = STR_INIT("cancelled"),
		[STORE_FAILED] = STR_INIT("failed"),
	};

	json_member(w, STR("quipu"));
	json_object(w);
	json_member_str(w, STR("status"), statuses[c->status]);
	add_str(w, STR("provider"), c->provider);
	add_str(w, STR("provider_model"), c->model_served);
	if (c->first_byte_us >= 0)
		json_member_int(w, STR("first_byte_us"), c->first_byte_us);
	else
		json_member_null(w, STR("first_byte_us"));
	json_member_int(w, STR("total_us"), c->total_us);
	json_end(w);
}

static void write_members(struct json_writer *w,
			  const struct store_completion *c,
			  const struct json *extra)
{
	json_object(w);
	json_member_str(w, STR("id"), c->id);
	json_member_str(w, STR("object"), STR("chat.completion"));
	json_member_int(w, STR("created"), c->created);
	json_member_str(w, STR("model"), c->model_asked);
	add_raw(w, STR("choices"), c->choices, STR("[]"));
	add_raw(w, STR("usage"), c->usage, STR("null"));
	add_raw(w, STR("service_tier"), extra_of(extra, STR("service_tier")),
		STR("null"));
	add_raw(w, STR("system_fingerprint"),
		extra_of(extra, STR("system_fingerprint")), STR("null"));
	add_raw(w, STR("metadata"), c->metadata, STR("{}"));
	add_str(w, STR("input_user"), c->user);
	add_extra(w, extra);
	add_quipu(w, c);
	add_raw(w, STR("input_messages"), c->request, STR("[]"));
	json_end(w);
}

int stored_write(struct json_writer *w, const struct store_completion *c)
{
	struct str text = c->extra.len > 0 ? c->extra : STR("{}");
	struct json_error bad;
	struct json extra;

	if (json_parse(text, NULL, &extra, &bad) != 0)
		return STORED_DAMAGED;
	write_members(w, c, &extra);
	json_fini(&extra);
	return 0;
}

int stored_write_list(struct json_writer *w, const struct store_page *page)
{
	const struct store_completion *rows = page->rows;
	int r = 0;

	page_begin(w);
	for (size_t i = 0; i < page->count && r == 0; i++)
		r = stored_write(w, &rows[i]);
	if (r != 0)
		return r;
	page_end(w, page->count > 0 ? rows[0].id : STR(""),
		 page->count > 0 ? rows[page->count - 1].id : STR(""),
		 page->has_more);
	return 0;
}
