#include "provider/openai.h"

#include "provider/shown.h"

enum {
	PARSED_MAX = 1 << 20, /* a longer body is no error object */
	FIELD_MAX = 128,
	MESSAGE_MAX = 16 * 1024,
	DEPTH_MAX = 32,
};

/*
 * Where an error object may be: OpenAI and most others; Google's list of one;
 * the object itself (Mistral, Cerebras, older vLLM, AWS).
 */
static uint32_t error_object(const struct json *doc)
{
	static const struct str paths[] = {
		STR_INIT("error"),
		STR_INIT("0.error"),
	};
	uint32_t root = json_root(doc);

	for (size_t i = 0; i < countof(paths); i++) {
		uint32_t v = json_path(doc, root, paths[i]);

		if (json_type(doc, v) == JSON_OBJECT)
			return v;
	}
	return json_type(doc, root) == JSON_OBJECT ? root : JSON_NONE;
}

/* At most max bytes, and no part of a UTF-8 character. */
static struct str cut(struct str text, size_t max)
{
	if (text.len <= max)
		return text;
	while (max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
		max--;
	return str_take(text, max);
}

/* FastAPI says detail, Ollama has error as a string, AWS writes Message. */
static struct str message_of(const struct json *doc, uint32_t object,
			     struct arena *a)
{
	static const struct str keys[] = {
		STR_INIT("message"),       STR_INIT("Message"),
		STR_INIT("error"),         STR_INIT("detail"),
		STR_INIT("error_message"),
	};

	for (size_t i = 0; i < countof(keys); i++) {
		uint32_t v = json_get(doc, object, keys[i]);

		if (json_type(doc, v) == JSON_STRING) {
			return arena_str(a, cut(json_string(doc, v, a),
						MESSAGE_MAX));
		}
	}
	return STR_NULL;
}

/* A string, or a number as it is written; "" for all else. */
static struct str scalar_of(const struct json *doc, uint32_t object,
			    const char *key, struct arena *a)
{
	uint32_t v = json_get(doc, object, str_of(key));
	struct str text = STR_NULL;

	if (json_type(doc, v) == JSON_STRING) {
		text = json_string(doc, v, a);
	} else if (json_type(doc, v) == JSON_NUMBER) {
		text = json_raw(doc, v);
	}
	return arena_str(a, cut(text, FIELD_MAX));
}

static bool read_object(const struct json *doc, struct arena *a,
			struct api_error *out)
{
	uint32_t object = error_object(doc);
	struct str message, type;

	if (object == JSON_NONE)
		return false;
	message = message_of(doc, object, a);
	if (message.len == 0)
		return false;

	out->message = message;
	type = scalar_of(doc, object, "type", a);
	if (type.len > 0)
		out->type = type;
	out->param = scalar_of(doc, object, "param", a);
	/* Google has its name for the error in status. */
	out->code = scalar_of(doc, object, "status", a);
	if (out->code.len == 0 || !(out->code.ptr[0] >= 'A'))
		out->code = scalar_of(doc, object, "code", a);
	return true;
}

void openai_map_error(const struct provider *p, int status, struct str body,
		      struct arena *a, struct api_error *out)
{
	static const struct json_limits limits = { .depth = DEPTH_MAX,
						   .nodes = 10000 };
	struct json doc;
	struct json_error bad;
	int our_status = status >= 400 && status <= 599 ? status : 502;
	bool known = false;

	*out = (struct api_error){
		.status = our_status,
		.type = str_of(api_error_type(our_status)),
	};
	if (body.len > 0 && body.len <= PARSED_MAX &&
	    json_parse(body, &limits, &doc, &bad) == 0) {
		known = read_object(&doc, a, out);
		json_fini(&doc);
	}
	if (known)
		return;
	body = shown_text(body, a);
	out->message = arena_printf(a,
				    "Provider '" STR_FMT
				    "' answered with status %d%s" STR_FMT,
				    STR_ARG(p->id), status,
				    body.len > 0 ? ": " : " and no body.",
				    STR_ARG(body));
}
