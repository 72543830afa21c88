#include "responses/include.h"

unsigned include_of(struct str word)
{
	static const struct str words[] = {
		STR_INIT("web_search_call.action.sources"),
		STR_INIT("code_interpreter_call.outputs"),
		STR_INIT("computer_call_output.output.image_url"),
		STR_INIT("file_search_call.results"),
		STR_INIT("message.input_image.image_url"),
		STR_INIT("message.output_text.logprobs"),
		STR_INIT("reasoning.encrypted_content"),
	};

	for (unsigned i = 0; i < countof(words); i++) {
		if (str_eq(word, words[i]))
			return 1U << i;
	}
	return 0;
}

/* Members that need to be asked for, by the type of what they are in. */
static const struct rule {
	struct str type, member;
	unsigned include;
} rules[] = {
	{ STR_INIT("file_search_call"), STR_INIT("results"),
	  INCLUDE_FILE_RESULTS },
	{ STR_INIT("reasoning"), STR_INIT("content"), INCLUDE_REASONING },
	{ STR_INIT("reasoning"), STR_INIT("encrypted_content"),
	  INCLUDE_REASONING },
	{ STR_INIT("input_image"), STR_INIT("image_url"), INCLUDE_INPUT_IMAGE },
	{ STR_INIT("output_text"), STR_INIT("logprobs"), INCLUDE_LOGPROBS },
};

static bool is_left_out(const struct json *doc, uint32_t type, uint32_t key,
			unsigned wanted)
{
	for (size_t i = 0; i < countof(rules); i++) {
		if ((wanted & rules[i].include) == 0 &&
		    json_is(doc, type, rules[i].type) &&
		    json_is(doc, key, rules[i].member))
			return true;
	}
	return false;
}

/* An object, or a part of a content, which has no further ones. */
static void write_part(struct json_writer *w, const struct json *doc,
		       uint32_t part, unsigned wanted)
{
	uint32_t type = json_get(doc, part, STR("type"));

	if (json_type(doc, part) != JSON_OBJECT) {
		json_add_raw(w, json_raw(doc, part));
		return;
	}
	json_object(w);
	for (uint32_t v = json_first(doc, part); v != JSON_NONE;
	     v = json_next(doc, v)) {
		uint32_t key = json_key(doc, v);
		bool gone = is_left_out(doc, type, key, wanted);

		json_member_copy(w, json_raw(doc, key),
				 gone ? STR("null") : json_raw(doc, v));
	}
	json_end(w);
}

static void write_parts(struct json_writer *w, const struct json *doc,
			uint32_t parts, unsigned wanted)
{
	json_array(w);
	for (uint32_t v = json_first(doc, parts); v != JSON_NONE;
	     v = json_next(doc, v))
		write_part(w, doc, v, wanted);
	json_end(w);
}

/* The list of parts that an item may have; JSON_NONE. */
static uint32_t parts_of(const struct json *doc, uint32_t item)
{
	uint32_t type = json_get(doc, item, STR("type")), parts = JSON_NONE;

	if (json_is(doc, type, STR("message")))
		parts = json_get(doc, item, STR("content"));
	else if (json_is(doc, type, STR("function_call_output")))
		parts = json_get(doc, item, STR("output"));
	return json_type(doc, parts) == JSON_ARRAY ? parts : JSON_NONE;
}

void include_write(struct json_writer *w, const struct json *doc, uint32_t item,
		   unsigned wanted)
{
	uint32_t parts = parts_of(doc, item);

	if (parts == JSON_NONE) {
		write_part(w, doc, item, wanted);
		return;
	}
	json_object(w);
	for (uint32_t v = json_first(doc, item); v != JSON_NONE;
	     v = json_next(doc, v)) {
		struct str key = json_raw(doc, json_key(doc, v));

		if (v == parts) {
			json_member(w, json_is(doc, json_key(doc, v),
					       STR("content"))
					       ? STR("content")
					       : STR("output"));
			write_parts(w, doc, v, wanted);
		} else {
			json_member_copy(w, key, json_raw(doc, v));
		}
	}
	json_end(w);
}
