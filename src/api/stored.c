#include "api/stored.h"

#include "api/page.h"
#include "json/json.h"

#include <errno.h>

/* Members that are not taken from what the upstream has said beside them. */
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

/* What OpenAI shows of the request, null or not. */
static const struct str shown_params[] = {
	STR_INIT("tool_choice"),
	STR_INIT("seed"),
	STR_INIT("top_p"),
	STR_INIT("temperature"),
	STR_INIT("presence_penalty"),
	STR_INIT("frequency_penalty"),
	STR_INIT("tools"),
	STR_INIT("response_format"),
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

static bool is_one_of(const struct json *doc, uint32_t key,
		      const struct str *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (json_is(doc, key, names[i]))
			return true;
	}
	return false;
}

static void add_extra(struct json_writer *w, const struct json *doc)
{
	for (uint32_t v = json_first(doc, json_root(doc)); v != JSON_NONE;
	     v = json_next(doc, v)) {
		uint32_t key = json_key(doc, v);

		if (is_one_of(doc, key, own_members, countof(own_members)) ||
		    is_one_of(doc, key, shown_params, countof(shown_params)))
			continue;
		json_member_copy(w, json_raw(doc, key), json_raw(doc, v));
	}
}

/* The text of a member, or "". */
static struct str member_of(const struct json *doc, struct str key)
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

static void add_params(struct json_writer *w, const struct json *params)
{
	for (size_t i = 0; i < countof(shown_params); i++) {
		add_raw(w, shown_params[i], member_of(params, shown_params[i]),
			STR("null"));
	}
}

static void write_members(struct json_writer *w,
			  const struct store_completion *c,
			  const struct json *extra, const struct json *params)
{
	json_object(w);
	json_member_str(w, STR("id"), c->id);
	json_member_str(w, STR("object"), STR("chat.completion"));
	json_member_int(w, STR("created"), c->created);
	json_member_str(w, STR("model"), c->model_asked);
	add_raw(w, STR("choices"), c->choices, STR("[]"));
	add_raw(w, STR("usage"), c->usage, STR("null"));
	add_raw(w, STR("service_tier"), member_of(extra, STR("service_tier")),
		STR("null"));
	add_raw(w, STR("system_fingerprint"),
		member_of(extra, STR("system_fingerprint")), STR("null"));
	add_raw(w, STR("metadata"), c->metadata, STR("{}"));
	add_str(w, STR("input_user"), c->user);
	add_params(w, params);
	add_extra(w, extra);
	add_quipu(w, c);
	add_raw(w, STR("input_messages"), c->request, STR("[]"));
	json_end(w);
}

static bool parse_object(struct str text, struct json *out)
{
	struct json_error bad;

	if (text.len == 0)
		text = STR("{}");
	if (json_parse(text, NULL, out, &bad) != 0)
		return false;
	if (json_type(out, json_root(out)) == JSON_OBJECT)
		return true;
	json_fini(out);
	return false;
}

int stored_write(struct json_writer *w, const struct store_completion *c)
{
	struct json extra, params;

	if (!parse_object(c->extra, &extra))
		return STORED_DAMAGED;
	if (!parse_object(c->params, &params)) {
		json_fini(&extra);
		return STORED_DAMAGED;
	}
	write_members(w, c, &extra, &params);
	json_fini(&extra);
	json_fini(&params);
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

const char *stored_trouble(int r)
{
	static const struct {
		int r;
		const char *text;
	} reasons[] = {
		{ -ETIMEDOUT, "The store takes too long." },
		{ -EBUSY, "The store is locked by another program." },
		{ -EAGAIN, "The store has too much to do; try again." },
		{ -ENOSPC, "The store's disk is full." },
		{ -EROFS, "The store cannot be written to." },
		{ -EUCLEAN, "The store is damaged; the log says more." },
	};

	for (size_t i = 0; i < countof(reasons); i++) {
		if (reasons[i].r == r)
			return reasons[i].text;
	}
	return "The store does not answer; the log says more.";
}
