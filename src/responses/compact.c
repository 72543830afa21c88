#include "responses/compact.h"

#include "json/writer.h"

enum {
	DEPTH = 128,
	BYTES_MAX = 64 << 20, /* of one item */
	TOKEN_BYTES = 4,
};

/*
 * OGX's words, since they are part of its recordings' names: requests that are to
 * be found there must say the same.
 */
static const struct str usual_prompt = STR_INIT(
	"You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff "
	"summary for another LLM that will resume the task.\n\nInclude:\n- "
	"Current progress and key decisions made\n- Important context, "
	"constraints, or user preferences\n- What remains to be done (clear "
	"next steps)\n- Any critical data, examples, or references needed to "
	"continue\n\nBe concise, structured, and focused on helping the next "
	"LLM seamlessly continue the work.");

static const struct str usual_prefix = STR_INIT(
	"Another language model started to solve this problem and produced a "
	"summary of its thinking process. You also have access to the state "
	"of the tools that were used by that language model. Use this to "
	"build on the work that has already been done and avoid duplicating "
	"work. Here is the summary produced by the other language model, use "
	"the information in this summary to assist with your own analysis:");

static int parse(struct str text, struct json *doc)
{
	struct json_limits limits = { .depth = DEPTH };
	struct json_error e;

	return json_parse(text, &limits, doc, &e);
}

static bool is_said(const struct json *doc, uint32_t item)
{
	return item_kind(doc, item) == ITEM_MESSAGE &&
	       json_is(doc, json_get(doc, item, STR("role")), STR("user"));
}

int compact_of_items(const struct convert *cv, struct str items,
		     struct compact_source *out)
{
	struct json doc;
	int r;

	if (parse(items, &doc) != 0) {
		return api_fail(cv->error, cv->arena, 400,
				"invalid_request_error", "input",
				"The items to compact are too large.");
	}
	r = convert_input(cv, &doc, json_root(&doc), &out->messages);
	for (uint32_t v = json_first(&doc, json_root(&doc)); v != JSON_NONE;
	     v = json_next(&doc, v)) {
		uint32_t content = json_get(&doc, v, STR("content"));

		if (is_said(&doc, v)) {
			messages_add(&out->said, cv->arena,
				     json_raw(&doc, content));
		}
	}
	json_fini(&doc);
	return r;
}

/* --- of messages ----------------------------------------------------------- */

static void copy(struct json_writer *w, const struct json *doc, uint32_t object,
		 const char *key)
{
	uint32_t v = json_get(doc, object, str_of(key));

	if (v != JSON_NONE)
		json_member_raw(w, str_of(key), json_raw(doc, v));
}

/* A chat message's part as a part of an item; others are left out. */
static void put_part(struct json_writer *w, const struct json *doc,
		     uint32_t part)
{
	uint32_t image = json_get(doc, part, STR("image_url"));
	uint32_t file = json_get(doc, part, STR("file"));

	json_object(w);
	if (image != JSON_NONE) {
		json_member_str(w, STR("type"), STR("input_image"));
		json_member_raw(w, STR("image_url"),
				json_raw(doc,
					 json_get(doc, image, STR("url"))));
		copy(w, doc, image, "detail");
	} else if (file != JSON_NONE) {
		json_member_str(w, STR("type"), STR("input_file"));
		copy(w, doc, file, "file_data");
		copy(w, doc, file, "filename");
	} else {
		json_member_str(w, STR("type"), STR("input_text"));
		copy(w, doc, part, "text");
	}
	json_end(w);
}

static struct str content_of(const struct json *doc, uint32_t content,
			     struct arena *a)
{
	struct str text = STR("\"\"");
	struct json_writer w;
	struct buf out;

	if (json_type(doc, content) != JSON_ARRAY)
		return json_raw(doc, content);
	buf_init(&out, BYTES_MAX);
	json_writer_init(&w, &out);
	json_array(&w);
	for (uint32_t v = json_first(doc, content); v != JSON_NONE;
	     v = json_next(doc, v))
		put_part(&w, doc, v);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		text = arena_str(a, buf_str(&out));
	buf_fini(&out);
	return text;
}

void compact_of_messages(const struct messages *m, struct arena *a,
			 struct compact_source *out)
{
	struct json doc;

	*out = (struct compact_source){ .messages = *m };
	out->messages.cap = m->count;
	for (size_t i = 0; i < m->count; i++) {
		if (!messages_has_role(m->texts[i], STR("user")) ||
		    parse(m->texts[i], &doc) != 0)
			continue;
		messages_add(&out->said, a,
			     content_of(&doc,
					json_get(&doc, json_root(&doc),
						 STR("content")),
					a));
		json_fini(&doc);
	}
}

/* --- what is asked, and what is left --------------------------------------- */

struct str compact_prompt(struct str configured, struct str instructions,
			  struct arena *a)
{
	struct str prompt = configured.len > 0 ? configured : usual_prompt;
	struct str parts[] = { instructions, STR("\n\n"), prompt };
	struct str text = STR("{}");
	struct json_writer w;
	struct buf out;

	if (instructions.len > 0)
		prompt = arena_join(a, parts, countof(parts));
	buf_init(&out, BYTES_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("role"), STR("user"));
	json_member_str(&w, STR("content"), prompt);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		text = arena_str(a, buf_str(&out));
	buf_fini(&out);
	return text;
}

static void begin(struct json_writer *w, struct buf *out, struct id_source *ids,
		  enum item_kind kind)
{
	struct id id;

	buf_init(out, BYTES_MAX);
	json_writer_init(w, out);
	json_object(w);
	id_make(ids, str_of(item_prefix(kind)), &id);
	json_member_str(w, STR("id"), id_str(&id));
}

/* All of it came in one body or answer, which has less than the limit. */
static void end(struct json_writer *w, struct buf *out, struct arena *a,
		struct item_list *items)
{
	json_end(w);
	if (json_writer_done(w) == 0)
		items->texts[items->count++] = arena_str(a, buf_str(out));
	buf_fini(out);
}

void compact_items(const struct compact_source *s,
		   const struct compact_text *text, struct id_source *ids,
		   struct arena *a, struct item_list *out)
{
	struct str prefix = text->prefix.len > 0 ? text->prefix : usual_prefix;
	struct str parts[] = { prefix, STR("\n"), text->summary };
	struct json_writer w;
	struct buf item;

	out->count = 0;
	out->texts = arena_alloc(a, (s->said.count + 1) * sizeof(*out->texts));
	for (size_t i = 0; i < s->said.count; i++) {
		begin(&w, &item, ids, ITEM_MESSAGE);
		json_member_str(&w, STR("type"), STR("message"));
		json_member_str(&w, STR("status"), STR("completed"));
		json_member_str(&w, STR("role"), STR("user"));
		json_member_raw(&w, STR("content"), s->said.texts[i]);
		end(&w, &item, a, out);
	}
	begin(&w, &item, ids, ITEM_COMPACTION);
	json_member_str(&w, STR("type"), STR("compaction"));
	json_member_str(&w, STR("encrypted_content"),
			arena_join(a, parts, countof(parts)));
	end(&w, &item, a, out);
}

struct str compact_array(const struct item_list *items, struct arena *a)
{
	struct str *parts =
		arena_alloc(a, (2 * items->count + 2) * sizeof(*parts));
	size_t n = 0;

	parts[n++] = STR("[");
	for (size_t i = 0; i < items->count; i++) {
		if (i > 0)
			parts[n++] = STR(",");
		parts[n++] = items->texts[i];
	}
	parts[n++] = STR("]");
	return arena_join(a, parts, n);
}

/* --- how much it is -------------------------------------------------------- */

static size_t size_of_text(const struct json *doc, uint32_t v)
{
	return json_type(doc, v) == JSON_STRING ? json_raw(doc, v).len - 2 : 0;
}

static size_t size_of_message(const struct json *doc)
{
	uint32_t root = json_root(doc);
	uint32_t content = json_get(doc, root, STR("content"));
	uint32_t calls = json_get(doc, root, STR("tool_calls"));
	size_t size = size_of_text(doc, content);

	if (json_type(doc, content) != JSON_ARRAY)
		content = JSON_NONE;
	for (uint32_t v = json_first(doc, content); v != JSON_NONE;
	     v = json_next(doc, v))
		size += size_of_text(doc, json_get(doc, v, STR("text")));
	for (uint32_t v = json_first(doc, calls); v != JSON_NONE;
	     v = json_next(doc, v)) {
		size += size_of_text(doc, json_path(doc, v,
						    STR("function.arguments")));
	}
	return size;
}

int64_t compact_estimate(const struct messages *m)
{
	size_t size = 0;
	struct json doc;

	for (size_t i = 0; i < m->count; i++) {
		if (parse(m->texts[i], &doc) != 0)
			continue;
		size += size_of_message(&doc);
		json_fini(&doc);
	}
	return (int64_t)((size + TOKEN_BYTES - 1) / TOKEN_BYTES);
}
