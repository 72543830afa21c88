#include "provider/vertexai.h"

#include "json/writer.h"

#include <stdio.h>

enum {
	ID_MAX = 96,
	TEXT_MAX = 64 << 20,
	CANDIDATES_MAX = 64, /* of which first and calls are remembered */
};

struct provider_stream {
	bool is_stream;
	bool wants_usage; /* a chunk of its own, at the end */
	bool has_usage;
	int64_t created_s;
	int64_t prompt, completion, total, cached, thoughts;
	char id[ID_MAX];
	size_t id_len;
	uint64_t begun;  /* candidates that have had their first chunk */
	uint64_t called; /* that have called a function */
	unsigned calls;  /* of all: for ids */
	unsigned indices[CANDIDATES_MAX]; /* of each candidate's */
	unsigned at;                      /* the candidate being written */
};

struct provider_stream *vertexai_begin(const struct provider_request *req,
				       struct arena *a)
{
	struct provider_stream *s = arena_zalloc(a, sizeof(*s));
	uint32_t wants = json_path(req->doc, json_root(req->doc),
				   STR("stream_options.include_usage"));

	s->is_stream = req->stream;
	s->wants_usage = req->add_usage || json_is_true(req->doc, wants);
	s->created_s = req->wall_ns / 1000000000;
	return s;
}

static int64_t count(const struct json *doc, uint32_t usage, const char *name)
{
	int64_t n = 0;

	(void)json_to_i64(doc, json_get(doc, usage, str_of(name)), &n);
	return n;
}

static void read_meta(struct provider_stream *s, const struct json *doc)
{
	uint32_t root = json_root(doc);
	uint32_t usage = json_get(doc, root, STR("usageMetadata"));
	struct str id = json_raw(doc, json_get(doc, root, STR("responseId")));

	/* Quotes off; an id has no escapes. */
	if (id.len > 2 && id.len <= ID_MAX && s->id_len == 0) {
		s->id_len = id.len - 2;
		memcpy(s->id, id.ptr + 1, s->id_len);
	}
	if (json_type(doc, usage) != JSON_OBJECT)
		return;
	s->has_usage = true;
	s->prompt = count(doc, usage, "promptTokenCount") +
		    count(doc, usage, "toolUsePromptTokenCount");
	s->thoughts = count(doc, usage, "thoughtsTokenCount");
	s->completion = count(doc, usage, "candidatesTokenCount") + s->thoughts;
	s->total = count(doc, usage, "totalTokenCount");
	s->cached = count(doc, usage, "cachedContentTokenCount");
}

static void write_usage(const struct provider_stream *s, struct json_writer *w)
{
	json_member(w, STR("usage"));
	json_object(w);
	json_member_int(w, STR("prompt_tokens"), s->prompt);
	json_member_int(w, STR("completion_tokens"), s->completion);
	json_member_int(w, STR("total_tokens"), s->total);
	json_member(w, STR("prompt_tokens_details"));
	json_object(w);
	json_member_int(w, STR("cached_tokens"), s->cached);
	json_end(w);
	json_member(w, STR("completion_tokens_details"));
	json_object(w);
	json_member_int(w, STR("reasoning_tokens"), s->thoughts);
	json_end(w);
	json_end(w);
}

static struct str finish_of(const struct json *doc, uint32_t reason,
			    bool called)
{
	static const struct {
		struct str theirs, ours;
	} reasons[] = {
		{ STR_INIT("MAX_TOKENS"), STR_INIT("length") },
		{ STR_INIT("SAFETY"), STR_INIT("content_filter") },
		{ STR_INIT("RECITATION"), STR_INIT("content_filter") },
		{ STR_INIT("LANGUAGE"), STR_INIT("content_filter") },
		{ STR_INIT("BLOCKLIST"), STR_INIT("content_filter") },
		{ STR_INIT("PROHIBITED_CONTENT"), STR_INIT("content_filter") },
		{ STR_INIT("SPII"), STR_INIT("content_filter") },
		{ STR_INIT("IMAGE_SAFETY"), STR_INIT("content_filter") },
		{ STR_INIT("MODEL_ARMOR"), STR_INIT("content_filter") },
	};

	for (size_t i = 0; i < countof(reasons); i++) {
		if (json_is(doc, reason, reasons[i].theirs))
			return reasons[i].ours;
	}
	return called ? STR("tool_calls") : STR("stop");
}

/*
 * The texts of all parts of one sort, joined as the JSON strings that they are:
 * what is between the quotes can be put together.
 */
static int write_texts(struct json_writer *w, const struct json *doc,
		       uint32_t parts, bool thoughts, struct str name)
{
	struct buf all;
	int r;

	buf_init(&all, TEXT_MAX);
	r = buf_add(&all, STR("\""));
	for (uint32_t v = json_first(doc, parts); v != JSON_NONE && r == 0;
	     v = json_next(doc, v)) {
		uint32_t text = json_get(doc, v, STR("text"));
		struct str raw = json_raw(doc, text);
		bool is_thought =
			json_is_true(doc, json_get(doc, v, STR("thought")));

		if (json_type(doc, text) == JSON_STRING &&
		    is_thought == thoughts)
			r = buf_add(&all,
				    str_take(str_drop(raw, 1), raw.len - 2));
	}
	if (r == 0)
		r = buf_add(&all, STR("\""));
	if (r == 0 && all.len > 2)
		json_member_raw(w, name, buf_str(&all));
	else if (r == 0 && !thoughts)
		json_member_null(w, name);
	buf_fini(&all);
	return r;
}

static void write_call(struct provider_stream *s, struct json_writer *w,
		       const struct json *doc, uint32_t part)
{
	uint32_t call = json_get(doc, part, STR("functionCall"));
	uint32_t id = json_get(doc, call, STR("id"));
	uint32_t name = json_get(doc, call, STR("name"));
	uint32_t args = json_get(doc, call, STR("args"));
	uint32_t signature = json_get(doc, part, STR("thoughtSignature"));
	char text[ID_MAX + 32];
	int n = snprintf(text, sizeof(text), "call_%.*s_%u", (int)s->id_len,
			 s->id, s->calls++);

	json_object(w);
	json_member_int(w, STR("index"), s->indices[s->at]++);
	if (json_type(doc, id) == JSON_STRING)
		json_member_raw(w, STR("id"), json_raw(doc, id));
	else
		json_member_str(w, STR("id"), (struct str){ text, (size_t)n });
	json_member_str(w, STR("type"), STR("function"));
	json_member(w, STR("function"));
	json_object(w);
	if (json_type(doc, name) == JSON_STRING)
		json_member_raw(w, STR("name"), json_raw(doc, name));
	json_member_str(w, STR("arguments"),
			json_type(doc, args) == JSON_OBJECT
				? json_raw(doc, args)
				: STR("{}"));
	json_end(w);
	/* Gemini wants it back with the call: as Google's own endpoint has it. */
	if (json_type(doc, signature) == JSON_STRING) {
		json_member(w, STR("extra_content"));
		json_object(w);
		json_member(w, STR("google"));
		json_object(w);
		json_member_raw(w, STR("thought_signature"),
				json_raw(doc, signature));
		json_end(w);
		json_end(w);
	}
	json_end(w);
}

/* Returns whether there is one. */
static bool write_calls(struct provider_stream *s, struct json_writer *w,
			const struct json *doc, uint32_t parts)
{
	bool any = false;

	for (uint32_t v = json_first(doc, parts); v != JSON_NONE;
	     v = json_next(doc, v)) {
		uint32_t call = json_get(doc, v, STR("functionCall"));

		if (json_type(doc, call) != JSON_OBJECT)
			continue;
		if (!any) {
			json_member(w, STR("tool_calls"));
			json_array(w);
		}
		any = true;
		write_call(s, w, doc, v);
	}
	if (any)
		json_end(w);
	return any;
}

static int write_choice(struct provider_stream *s, struct json_writer *w,
			const struct json *doc, uint32_t candidate)
{
	uint32_t parts = json_path(doc, candidate, STR("content.parts"));
	uint32_t reason = json_get(doc, candidate, STR("finishReason"));
	int64_t index = count(doc, candidate, "index");
	uint64_t bit = UINT64_C(1) << (index & (CANDIDATES_MAX - 1));
	int r;

	s->at = (unsigned)(index & (CANDIDATES_MAX - 1));
	json_object(w);
	json_member_int(w, STR("index"), index);
	json_member(w, s->is_stream ? STR("delta") : STR("message"));
	json_object(w);
	if ((s->begun & bit) == 0)
		json_member_str(w, STR("role"), STR("assistant"));
	s->begun |= bit;
	r = write_texts(w, doc, parts, false, STR("content"));
	if (r == 0)
		r = write_texts(w, doc, parts, true, STR("reasoning_content"));
	if (write_calls(s, w, doc, parts))
		s->called |= bit;
	json_end(w);
	json_member(w, STR("finish_reason"));
	if (json_type(doc, reason) == JSON_STRING) {
		json_add_str(w, finish_of(doc, reason, (s->called & bit) != 0));
	} else {
		json_add_null(w);
	}
	json_end(w);
	return r;
}

/* The prompt was refused: there are no candidates. */
static void write_blocked(struct provider_stream *s, struct json_writer *w)
{
	json_object(w);
	json_member_int(w, STR("index"), 0);
	json_member(w, s->is_stream ? STR("delta") : STR("message"));
	json_object(w);
	json_member_str(w, STR("role"), STR("assistant"));
	json_member_null(w, STR("content"));
	json_end(w);
	json_member_str(w, STR("finish_reason"), STR("content_filter"));
	json_end(w);
}

static bool has_choices(const struct json *doc)
{
	uint32_t root = json_root(doc);

	return json_count(doc, json_get(doc, root, STR("candidates"))) > 0 ||
	       json_path(doc, root, STR("promptFeedback.blockReason")) !=
		       JSON_NONE;
}

static int write_choices(struct provider_stream *s, struct json_writer *w,
			 const struct json *doc)
{
	uint32_t root = json_root(doc);
	uint32_t list = json_get(doc, root, STR("candidates"));
	uint32_t blocked =
		json_path(doc, root, STR("promptFeedback.blockReason"));
	int r = 0;

	for (uint32_t v = json_first(doc, list); v != JSON_NONE && r == 0;
	     v = json_next(doc, v))
		r = write_choice(s, w, doc, v);
	if (blocked != JSON_NONE && json_count(doc, list) == 0)
		write_blocked(s, w);
	return r;
}

static void write_head(struct provider_stream *s, struct json_writer *w)
{
	char id[ID_MAX + 16];
	int n = snprintf(id, sizeof(id), "chatcmpl-%.*s", (int)s->id_len,
			 s->id);

	json_member_str(w, STR("id"), (struct str){ id, (size_t)n });
	json_member_str(w, STR("object"),
			s->is_stream ? STR("chat.completion.chunk")
				     : STR("chat.completion"));
	json_member_int(w, STR("created"), s->created_s);
	json_member_str(w, STR("model"), STR("gemini")); /* is replaced */
}

int vertexai_translate(struct provider_stream *s, const struct json *doc,
		       struct buf *out)
{
	struct json_writer w;
	int r = 0, done;

	if (doc == NULL && !(s->wants_usage && s->has_usage))
		return 0;
	if (doc != NULL)
		read_meta(s, doc);
	/* Usage alone: it is told at the end. */
	if (s->is_stream && doc != NULL && !has_choices(doc))
		return 0;
	json_writer_init(&w, out);
	json_object(&w);
	write_head(s, &w);
	json_member(&w, STR("choices"));
	json_array(&w);
	if (doc != NULL)
		r = write_choices(s, &w, doc);
	json_end(&w);
	if (doc == NULL || (!s->is_stream && s->has_usage))
		write_usage(s, &w);
	json_end(&w);
	done = json_writer_done(&w);
	return r < 0 ? r : done;
}
