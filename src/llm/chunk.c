#include "llm/chunk.h"

#include "json/writer.h"

/* Is the member that v is the value of called name. */
static bool is_named(const struct json *doc, uint32_t v, struct str name)
{
	return json_is(doc, json_key(doc, v), name);
}

static void copy_member(struct json_writer *w, const struct json *doc,
			uint32_t v)
{
	json_member_copy(w, json_raw(doc, json_key(doc, v)), json_raw(doc, v));
}

static void write_call(struct json_writer *w, const struct json *doc,
		       uint32_t call, int64_t index)
{
	if (json_type(doc, call) != JSON_OBJECT) {
		json_add_raw(w, json_raw(doc, call));
		return;
	}
	json_object(w);
	if (json_get(doc, call, STR("index")) == JSON_NONE)
		json_member_int(w, STR("index"), index);
	for (uint32_t v = json_first(doc, call); v != JSON_NONE;
	     v = json_next(doc, v))
		copy_member(w, doc, v);
	json_end(w);
}

static void write_delta(struct json_writer *w, const struct json *doc,
			uint32_t message)
{
	int64_t index = 0;

	json_member(w, STR("delta"));
	json_object(w);
	for (uint32_t v = json_first(doc, message); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (!is_named(doc, v, STR("tool_calls")) ||
		    json_type(doc, v) != JSON_ARRAY) {
			copy_member(w, doc, v);
			continue;
		}
		json_member(w, STR("tool_calls"));
		json_array(w);
		for (uint32_t call = json_first(doc, v); call != JSON_NONE;
		     call = json_next(doc, call))
			write_call(w, doc, call, index++);
		json_end(w);
	}
	json_end(w);
}

static void write_choice(struct json_writer *w, const struct json *doc,
			 uint32_t choice)
{
	if (json_type(doc, choice) != JSON_OBJECT) {
		json_add_raw(w, json_raw(doc, choice));
		return;
	}
	json_object(w);
	for (uint32_t v = json_first(doc, choice); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (is_named(doc, v, STR("message")) &&
		    json_type(doc, v) == JSON_OBJECT)
			write_delta(w, doc, v);
		else
			copy_member(w, doc, v);
	}
	json_end(w);
}

static void write_choices(struct json_writer *w, const struct json *doc,
			  uint32_t choices)
{
	json_member(w, STR("choices"));
	json_array(w);
	for (uint32_t v = json_first(doc, choices); v != JSON_NONE;
	     v = json_next(doc, v))
		write_choice(w, doc, v);
	json_end(w);
}

int chunk_write(const struct json *doc, struct str model, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object(&w);
	for (uint32_t v = json_first(doc, json_root(doc)); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (json_is(doc, v, STR("chat.completion"))) {
			json_member_str(&w, STR("object"),
					STR("chat.completion.chunk"));
		} else if (is_named(doc, v, STR("model"))) {
			json_member_raw(&w, STR("model"), model);
		} else if (is_named(doc, v, STR("choices")) &&
			   json_type(doc, v) == JSON_ARRAY) {
			write_choices(&w, doc, v);
		} else {
			copy_member(&w, doc, v);
		}
	}
	json_end(&w);
	return json_writer_done(&w);
}
