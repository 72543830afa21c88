#include "provider/vertexai.h"

#include "provider/vertexai_config.h"
#include "json/writer.h"

#include <errno.h>

struct out {
	const struct json *doc;
	struct arena *arena;
	struct api_error *error;
	struct json_writer w;
	uint32_t messages;
	int r; /* the first failure; what is written after it is of no use */
};

static void refuse(struct out *o, struct str param, const char *why)
{
	if (o->r != 0)
		return;
	o->r = api_fail(o->error, o->arena, 400, "invalid_request_error",
			arena_cz(o->arena, param),
			"Invalid value for '" STR_FMT "': %s.", STR_ARG(param),
			why);
	o->error->code = STR("invalid_value");
}

static struct str text_of(struct out *o, uint32_t v)
{
	return json_string(o->doc, v, o->arena);
}

static uint32_t get(const struct out *o, uint32_t object, const char *name)
{
	uint32_t v = json_get(o->doc, object, str_of(name));

	return json_type(o->doc, v) == JSON_NULL ? JSON_NONE : v;
}

static void write_text(struct out *o, uint32_t v)
{
	if (json_raw(o->doc, v).len <= 2)
		return; /* an empty part is an error there */
	json_object(&o->w);
	json_member_raw(&o->w, STR("text"), json_raw(o->doc, v));
	json_end(&o->w);
}

static void write_data(struct out *o, struct str type, struct str data)
{
	json_object(&o->w);
	json_member(&o->w, STR("inlineData"));
	json_object(&o->w);
	json_member_str(&o->w, STR("mimeType"), type);
	json_member_str(&o->w, STR("data"), data);
	json_end(&o->w);
	json_end(&o->w);
}

/* "data:image/png;base64,AAAA", or a file in Google's storage. */
static void write_url(struct out *o, uint32_t v, struct str path)
{
	struct str url = text_of(o, v), type, data;

	if (str_starts(url, STR("gs://"))) {
		json_object(&o->w);
		json_member(&o->w, STR("fileData"));
		json_object(&o->w);
		json_member_str(&o->w, STR("fileUri"), url);
		json_end(&o->w);
		json_end(&o->w);
		return;
	}
	if (!str_starts(url, STR("data:")) ||
	    !str_cut(str_drop(url, 5), ',', &type, &data) ||
	    !str_ends(type, STR(";base64"))) {
		refuse(o, path, "it must be a data URL with base64");
		return;
	}
	write_data(o, str_take(type, type.len - 7), data);
}

static void write_audio(struct out *o, uint32_t v, struct str path)
{
	uint32_t format = get(o, v, "format"), data = get(o, v, "data");

	if (json_type(o->doc, format) != JSON_STRING ||
	    json_type(o->doc, data) != JSON_STRING) {
		refuse(o, path, "it needs the strings 'data' and 'format'");
		return;
	}
	write_data(o,
		   arena_printf(o->arena, "audio/" STR_FMT,
				STR_ARG(text_of(o, format))),
		   text_of(o, data));
}

static void write_part(struct out *o, uint32_t part, struct str path)
{
	static const struct {
		const char *type, *object, *member;
	} urls[] = {
		{ "image_url", "image_url", "url" },
		{ "file", "file", "file_data" },
	};
	uint32_t type = get(o, part, "type"), v;

	if (json_is(o->doc, type, STR("text"))) {
		write_text(o, get(o, part, "text"));
		return;
	}
	if (json_is(o->doc, type, STR("input_audio"))) {
		write_audio(o, get(o, part, "input_audio"), path);
		return;
	}
	for (size_t i = 0; i < countof(urls); i++) {
		if (!json_is(o->doc, type, str_of(urls[i].type)))
			continue;
		v = get(o, part, urls[i].object);
		if (json_type(o->doc, v) == JSON_OBJECT)
			v = get(o, v, urls[i].member);
		if (json_type(o->doc, v) == JSON_STRING) {
			write_url(o, v, path);
			return;
		}
	}
	refuse(o, path, "parts of this type cannot be sent to Vertex AI");
}

static void write_content(struct out *o, uint32_t content, uint32_t message)
{
	uint32_t i = 0;

	if (json_type(o->doc, content) == JSON_STRING)
		write_text(o, content);
	if (json_type(o->doc, content) != JSON_ARRAY)
		return;
	for (uint32_t v = json_first(o->doc, content); v != JSON_NONE;
	     v = json_next(o->doc, v)) {
		write_part(o, v,
			   arena_printf(o->arena, "messages[%u].content[%u]",
					message, i++));
	}
}

/* The text of a JSON object, checked, or "". */
static struct str object_text(struct str text)
{
	struct json_error bad;
	struct json doc;
	bool is_object;

	if (json_parse(text, NULL, &doc, &bad) != 0)
		return STR_NULL;
	is_object = json_type(&doc, json_root(&doc)) == JSON_OBJECT;
	json_fini(&doc);
	return is_object ? text : STR_NULL;
}

static void write_call(struct out *o, uint32_t call, struct str path)
{
	uint32_t f = get(o, call, "function");
	uint32_t arguments = get(o, f, "arguments");
	uint32_t signature =
		json_path(o->doc, call,
			  STR("extra_content.google.thought_signature"));
	struct str text = STR("{}");

	if (f == JSON_NONE) {
		refuse(o, path, "only calls of functions can be sent");
		return;
	}
	if (json_raw(o->doc, arguments).len > 2)
		text = object_text(text_of(o, arguments));
	if (text.len == 0) {
		refuse(o, path, "the arguments are no JSON object");
		return;
	}
	json_object(&o->w);
	json_member(&o->w, STR("functionCall"));
	json_object(&o->w);
	json_member_raw(&o->w, STR("name"),
			json_raw(o->doc, get(o, f, "name")));
	json_member_raw(&o->w, STR("args"), text);
	json_end(&o->w);
	if (json_type(o->doc, signature) == JSON_STRING) {
		json_member_raw(&o->w, STR("thoughtSignature"),
				json_raw(o->doc, signature));
	}
	json_end(&o->w);
}

static void write_calls(struct out *o, uint32_t calls, uint32_t message)
{
	uint32_t i = 0;

	for (uint32_t v = json_first(o->doc, calls); v != JSON_NONE;
	     v = json_next(o->doc, v)) {
		write_call(o, v,
			   arena_printf(o->arena, "messages[%u].tool_calls[%u]",
					message, i++));
	}
}

/* A result has the call's id, but Google wants the function's name. */
static uint32_t name_of_call(const struct out *o, uint32_t result)
{
	struct str id = json_raw(o->doc, get(o, result, "tool_call_id"));
	uint32_t name = JSON_NONE;

	for (uint32_t m = json_first(o->doc, o->messages); m != result;
	     m = json_next(o->doc, m)) {
		uint32_t calls = get(o, m, "tool_calls");

		for (uint32_t v = json_first(o->doc, calls); v != JSON_NONE;
		     v = json_next(o->doc, v)) {
			if (str_eq(json_raw(o->doc, get(o, v, "id")), id))
				name = json_path(o->doc, v,
						 STR("function.name"));
		}
	}
	return name;
}

static struct str all_text(struct out *o, uint32_t content)
{
	struct str all = STR_NULL;

	if (json_type(o->doc, content) == JSON_STRING)
		return text_of(o, content);
	for (uint32_t v = json_first(o->doc, content); v != JSON_NONE;
	     v = json_next(o->doc, v)) {
		uint32_t text = get(o, v, "text");

		if (json_type(o->doc, text) == JSON_STRING) {
			all = arena_join(o->arena,
					 (struct str[]){ all,
							 text_of(o, text) },
					 2);
		}
	}
	return all;
}

static void write_result(struct out *o, uint32_t message, uint32_t index)
{
	uint32_t name = name_of_call(o, message);
	struct str text = all_text(o, get(o, message, "content"));
	struct str object = object_text(text);

	if (json_type(o->doc, name) != JSON_STRING) {
		refuse(o,
		       arena_printf(o->arena, "messages[%u].tool_call_id",
				    index),
		       "no assistant message before has a call of that id");
		return;
	}
	json_object(&o->w);
	json_member(&o->w, STR("functionResponse"));
	json_object(&o->w);
	json_member_raw(&o->w, STR("name"), json_raw(o->doc, name));
	json_member(&o->w, STR("response"));
	if (object.len > 0) {
		json_add_raw(&o->w, object);
	} else {
		json_object(&o->w);
		json_member_str(&o->w, STR("output"), text);
		json_end(&o->w);
	}
	json_end(&o->w);
	json_end(&o->w);
}

enum speaker {
	SYSTEM,
	USER,
	MODEL
};

static enum speaker speaker_of(const struct out *o, uint32_t message)
{
	uint32_t role = get(o, message, "role");

	if (json_is(o->doc, role, STR("system")) ||
	    json_is(o->doc, role, STR("developer")))
		return SYSTEM;
	return json_is(o->doc, role, STR("assistant")) ? MODEL : USER;
}

static void write_message(struct out *o, uint32_t message, uint32_t index)
{
	uint32_t role = get(o, message, "role");

	if (json_is(o->doc, role, STR("tool"))) {
		write_result(o, message, index);
		return;
	}
	write_content(o, get(o, message, "content"), index);
	write_calls(o, get(o, message, "tool_calls"), index);
}

/* Is there something of this message that can be sent? */
static bool says_something(const struct out *o, uint32_t message)
{
	uint32_t content = get(o, message, "content");

	return json_is(o->doc, get(o, message, "role"), STR("tool")) ||
	       json_count(o->doc, get(o, message, "tool_calls")) > 0 ||
	       json_count(o->doc, content) > 0 ||
	       (json_type(o->doc, content) == JSON_STRING &&
		json_raw(o->doc, content).len > 2);
}

/* Neighbours of one speaker are one turn: the results of several calls are. */
static void write_contents(struct out *o)
{
	enum speaker last = SYSTEM;
	uint32_t i = 0;

	json_member(&o->w, STR("contents"));
	json_array(&o->w);
	for (uint32_t m = json_first(o->doc, o->messages); m != JSON_NONE;
	     m = json_next(o->doc, m), i++) {
		enum speaker who = speaker_of(o, m);

		if (who == SYSTEM || !says_something(o, m))
			continue;
		if (who != last && last != SYSTEM) {
			json_end(&o->w);
			json_end(&o->w);
		}
		if (who != last) {
			json_object(&o->w);
			json_member_str(&o->w, STR("role"),
					who == MODEL ? STR("model")
						     : STR("user"));
			json_member(&o->w, STR("parts"));
			json_array(&o->w);
		}
		write_message(o, m, i);
		last = who;
	}
	if (last != SYSTEM) {
		json_end(&o->w);
		json_end(&o->w);
	}
	json_end(&o->w);
}

static void write_system(struct out *o)
{
	bool any = false;
	uint32_t i = 0;

	for (uint32_t m = json_first(o->doc, o->messages); m != JSON_NONE;
	     m = json_next(o->doc, m), i++) {
		if (speaker_of(o, m) != SYSTEM || !says_something(o, m))
			continue;
		if (!any) {
			json_member(&o->w, STR("systemInstruction"));
			json_object(&o->w);
			json_member(&o->w, STR("parts"));
			json_array(&o->w);
		}
		any = true;
		write_message(o, m, i);
	}
	if (any) {
		json_end(&o->w);
		json_end(&o->w);
	}
}

int vertexai_write(const struct json *doc, struct arena *a, struct buf *out,
		   struct api_error *e)
{
	struct out o = { .doc = doc, .arena = a, .error = e };
	int r;

	json_writer_init(&o.w, out);
	o.messages = json_get(doc, json_root(doc), STR("messages"));
	json_object(&o.w);
	write_system(&o);
	write_contents(&o);
	r = vertexai_write_tools(&o.w, doc, a, e);
	vertexai_write_config(&o.w, doc);
	json_end(&o.w);
	if (o.r == 0)
		o.r = r;
	if (json_writer_done(&o.w) != 0 && o.r == 0) {
		o.r = api_fail(e, a, 400, NULL, "messages",
			       "The messages are too large.");
	}
	return o.r;
}
