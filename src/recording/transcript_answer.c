#include "recording/transcript_draft.h"

#include "base/base64.h"
#include "http/sse.h"

enum {
	NAMES_SHOWN = 8,
	NOTE_MAX = 2000,
	FRAME_PRELUDE = 12, /* two lengths and a sum */
	FRAME_SUM = 4,
};

struct answer {
	struct transcript_draft draft;
	struct transcript *out;
	const struct json *doc; /* the event's */
};

static uint32_t get(const struct answer *w, uint32_t v, const char *key)
{
	return json_get(w->doc, v, str_of(key));
}

static bool is_type(const struct answer *w, uint32_t v, const char *type)
{
	return json_is(w->doc, get(w, v, "type"), str_of(type));
}

static void add_text(struct answer *w, struct buf *to, uint32_t v)
{
	transcript_draft_text(&w->draft, to, w->doc, v);
}

static void set(struct answer *w, struct str *to, uint32_t v)
{
	transcript_draft_set(&w->draft, to, w->doc, v);
}

static struct transcript_draft_turn *turn_at(struct answer *w, uint32_t v,
					     const char *key)
{
	return transcript_draft_at(&w->draft,
				   transcript_draft_int(w->doc, v, str_of(key),
							0));
}

/* The first of the names that is there. */
static bool read_count(const struct answer *w, uint32_t v,
		       const char *const *names, int64_t *out)
{
	for (; *names != NULL; names++) {
		if (json_to_i64(w->doc, get(w, v, *names), out))
			return true;
	}
	return false;
}

static void read_usage(struct answer *w, uint32_t v)
{
	static const char *const in[] = { "prompt_tokens",
					  "input_tokens",
					  "promptTokenCount",
					  "inputTokens",
					  "prompt_eval_count",
					  "prompt_token_count",
					  NULL };
	static const char *const out[] = { "completion_tokens",
					   "output_tokens",
					   "candidatesTokenCount",
					   "outputTokens",
					   "eval_count",
					   "candidates_token_count",
					   NULL };
	static const char *const cached[] = { "cached_tokens",
					      "cache_read_input_tokens",
					      "cachedContentTokenCount", NULL };
	static const char *const reasoning[] = { "reasoning_tokens",
						 "thoughtsTokenCount", NULL };
	struct transcript_usage *u = &w->out->usage;
	uint32_t details[] = { v, get(w, v, "prompt_tokens_details"),
			       get(w, v, "completion_tokens_details"),
			       get(w, v, "input_tokens_details"),
			       get(w, v, "output_tokens_details") };

	if (json_type(w->doc, v) != JSON_OBJECT)
		return;
	if (read_count(w, v, in, &u->in))
		u->known = true;
	if (read_count(w, v, out, &u->out))
		u->known = true;
	for (size_t i = 0; i < countof(details); i++) {
		(void)read_count(w, details[i], cached, &u->cached);
		(void)read_count(w, details[i], reasoning, &u->reasoning);
	}
}

/* An object with a message, or a text. */
static void read_error(struct answer *w, uint32_t v)
{
	uint32_t message = get(w, v, "message");

	if (json_type(w->doc, v) == JSON_STRING)
		message = v;
	if (message != JSON_NONE) {
		set(w, &w->out->error, message);
	} else if (json_type(w->doc, v) == JSON_OBJECT) {
		w->out->error = arena_str(w->draft.a, json_raw(w->doc, v));
	}
}

static void read_choices(struct answer *w, uint32_t list)
{
	for (uint32_t i = json_first(w->doc, list); i != JSON_NONE;
	     i = json_next(w->doc, i)) {
		struct transcript_draft_turn *turn = turn_at(w, i, "index");
		uint32_t message = get(w, i, "delta");

		if (turn == NULL)
			return;
		if (message == JSON_NONE)
			message = get(w, i, "message");
		transcript_draft_message(&w->draft, turn, w->doc, message);
		add_text(w, &turn->text, get(w, i, "text"));
		set(w, &turn->finish, get(w, i, "finish_reason"));
	}
}

static void read_candidates(struct answer *w, uint32_t list)
{
	for (uint32_t i = json_first(w->doc, list); i != JSON_NONE;
	     i = json_next(w->doc, i)) {
		struct transcript_draft_turn *turn = turn_at(w, i, "index");

		if (turn == NULL)
			return;
		transcript_draft_message(&w->draft, turn, w->doc,
					 get(w, i, "content"));
		set(w, &turn->finish, get(w, i, "finishReason"));
		set(w, &turn->finish, get(w, i, "finish_reason"));
	}
}

/* Items of a response: all messages and calls are one turn. */
static void read_output(struct answer *w, uint32_t response)
{
	uint32_t list = get(w, response, "output");
	struct transcript_draft_turn *turn;

	transcript_draft_clear(&w->draft);
	turn = transcript_draft_at(&w->draft, 0);
	for (uint32_t i = json_first(w->doc, list);
	     i != JSON_NONE && turn != NULL; i = json_next(w->doc, i)) {
		if (is_type(w, i, "message")) {
			transcript_draft_message(&w->draft, turn, w->doc, i);
		} else if (is_type(w, i, "reasoning")) {
			uint32_t s = json_first(w->doc, get(w, i, "summary"));

			for (; s != JSON_NONE; s = json_next(w->doc, s))
				add_text(w, &turn->reasoning,
					 get(w, s, "text"));
		} else {
			transcript_draft_part(&w->draft, turn, w->doc, i);
		}
	}
	if (turn != NULL)
		set(w, &turn->finish, get(w, response, "status"));
	read_error(w, get(w, response, "error"));
	set(w, &w->out->answered_by, get(w, response, "model"));
	read_usage(w, get(w, response, "usage"));
}

static bool read_response_event(struct answer *w, struct str type)
{
	uint32_t response = get(w, json_root(w->doc), "response");
	struct transcript_draft_turn *turn;

	if (!str_starts(type, STR("response.")))
		return false;
	if (str_eq(type, STR("response.completed")) ||
	    str_eq(type, STR("response.incomplete")) ||
	    str_eq(type, STR("response.failed"))) {
		read_output(w, response);
	} else if (str_eq(type, STR("response.output_text.delta"))) {
		turn = transcript_draft_at(&w->draft, 0);
		if (turn != NULL)
			add_text(w, &turn->text,
				 get(w, json_root(w->doc), "delta"));
	}
	return true;
}

/* A block of an answer of Anthropic's is a part that comes in pieces. */
static void read_block_delta(struct answer *w, uint32_t delta, int64_t block)
{
	struct transcript_draft_turn *turn = transcript_draft_at(&w->draft, 0);
	struct transcript_draft_call *call = NULL;
	uint32_t json = get(w, delta, "partial_json");

	if (turn == NULL)
		return;
	add_text(w, &turn->text, get(w, delta, "text"));
	add_text(w, &turn->reasoning, get(w, delta, "thinking"));
	if (json != JSON_NONE)
		call = transcript_draft_call(turn, block);
	if (call != NULL)
		add_text(w, &call->arguments, json);
}

static void read_block(struct answer *w, uint32_t block, int64_t index)
{
	struct transcript_draft_turn *turn = transcript_draft_at(&w->draft, 0);
	struct transcript_draft_call *call = NULL;

	if (turn == NULL)
		return;
	add_text(w, &turn->text, get(w, block, "text"));
	if (is_type(w, block, "tool_use"))
		call = transcript_draft_call(turn, index);
	if (call == NULL)
		return;
	set(w, &call->id, get(w, block, "id"));
	set(w, &call->name, get(w, block, "name"));
}

static void read_message(struct answer *w, uint32_t message)
{
	struct transcript_draft_turn *turn = transcript_draft_at(&w->draft, 0);

	if (turn == NULL)
		return;
	transcript_draft_message(&w->draft, turn, w->doc, message);
	set(w, &turn->finish, get(w, message, "stop_reason"));
	set(w, &w->out->answered_by, get(w, message, "model"));
	read_usage(w, get(w, message, "usage"));
}

static void read_anthropic_event(struct answer *w, uint32_t root,
				 struct str type)
{
	int64_t index = transcript_draft_int(w->doc, root, STR("index"), 0);
	struct transcript_draft_turn *turn;
	uint32_t delta = get(w, root, "delta");

	if (str_eq(type, STR("message"))) {
		read_message(w, root);
	} else if (str_eq(type, STR("message_start"))) {
		read_message(w, get(w, root, "message"));
	} else if (str_eq(type, STR("content_block_start"))) {
		read_block(w, get(w, root, "content_block"), index);
	} else if (str_eq(type, STR("content_block_delta"))) {
		read_block_delta(w, delta, index);
	} else if (str_eq(type, STR("message_delta"))) {
		turn = transcript_draft_at(&w->draft, 0);
		if (turn != NULL)
			set(w, &turn->finish, get(w, delta, "stop_reason"));
	}
}

/* Ollama's chats and generations, and Bedrock's Converse. */
static void read_single(struct answer *w, uint32_t root)
{
	uint32_t output = get(w, get(w, root, "output"), "message");
	uint32_t text = get(w, root, "response");
	uint32_t message = get(w, root, "message"), delta;
	struct transcript_draft_turn *turn;

	if (output != JSON_NONE)
		message = output;
	delta = get(w, root, "contentBlockIndex") != JSON_NONE
			? get(w, root, "delta")
			: JSON_NONE;
	if (json_type(w->doc, message) != JSON_OBJECT &&
	    json_type(w->doc, text) != JSON_STRING && delta == JSON_NONE &&
	    get(w, root, "stopReason") == JSON_NONE)
		return;
	turn = transcript_draft_at(&w->draft, 0);
	if (turn == NULL)
		return;
	transcript_draft_message(&w->draft, turn, w->doc, message);
	add_text(w, &turn->text, text);
	add_text(w, &turn->text, get(w, delta, "text"));
	set(w, &turn->finish, get(w, root, "done_reason"));
	set(w, &turn->finish, get(w, root, "stopReason"));
}

/* An interaction of Gemini's: parts at its end, or their texts as they come. */
static void read_interaction(struct answer *w, uint32_t root)
{
	uint32_t list = get(w, root, "outputs");
	bool is_delta = json_is(w->doc, get(w, root, "event_type"),
				STR("content.delta"));
	struct transcript_draft_turn *turn;

	if (!is_delta && list == JSON_NONE)
		return;
	turn = transcript_draft_at(&w->draft, 0);
	if (turn == NULL)
		return;
	if (is_delta)
		add_text(w, &turn->text, get(w, get(w, root, "delta"), "text"));
	for (uint32_t i = json_first(w->doc, list); i != JSON_NONE;
	     i = json_next(w->doc, i))
		transcript_draft_part(&w->draft, turn, w->doc, i);
	set(w, &turn->finish, get(w, root, "status"));
}

/* "3 models: a, b, c", "2 vectors of 3 numbers", "2 results". */
static void read_list(struct answer *w, uint32_t list)
{
	uint32_t first = json_first(w->doc, list), n = 0;
	uint32_t vector = get(w, first, "embedding");
	struct arena *a = w->draft.a;
	struct buf note;
	int r;

	if (json_type(w->doc, list) != JSON_ARRAY)
		return;
	buf_init(&note, NOTE_MAX);
	if (vector != JSON_NONE) {
		r = buf_printf(&note, "%u vector%s of %zu %s",
			       json_count(w->doc, list),
			       json_count(w->doc, list) == 1 ? "" : "s",
			       json_type(w->doc, vector) == JSON_STRING
				       ? json_raw(w->doc, vector).len - 2
				       : json_count(w->doc, vector),
			       json_type(w->doc, vector) == JSON_STRING
				       ? "characters of base64"
				       : "numbers");
	} else {
		r = buf_printf(&note, "%u in a list", json_count(w->doc, list));
	}
	for (; first != JSON_NONE && r == 0 && n < NAMES_SHOWN;
	     first = json_next(w->doc, first)) {
		uint32_t id = get(w, first, "id");

		if (json_type(w->doc, id) != JSON_STRING)
			break;
		r = buf_printf(&note, "%s" STR_FMT, n++ == 0 ? ": " : ", ",
			       STR_ARG(json_string(w->doc, id, a)));
	}
	/* What does not fit is left out. */
	if (r == 0 && n > 0 && first != JSON_NONE)
		(void)!buf_add(&note, STR(", ..."));
	w->out->note = arena_str(a, buf_str(&note));
	buf_fini(&note);
}

static void read_object(struct answer *w, uint32_t root)
{
	struct str type = STR_NULL;
	uint32_t error = get(w, root, "error");

	set(w, &type, get(w, root, "type"));
	if (read_response_event(w, type))
		return;
	set(w, &w->out->answered_by, get(w, root, "model"));
	set(w, &w->out->answered_by, get(w, root, "modelVersion"));
	set(w, &w->out->answered_by, get(w, root, "model_version"));
	read_usage(w, get(w, root, "usage"));
	read_usage(w, get(w, root, "usageMetadata"));
	read_usage(w, get(w, root, "usage_metadata"));
	read_usage(w, root); /* Ollama */
	read_choices(w, get(w, root, "choices"));
	read_candidates(w, get(w, root, "candidates"));
	read_interaction(w, root);
	if (json_is(w->doc, get(w, root, "object"), STR("response")))
		read_output(w, root);
	else if (type.len > 0)
		read_anthropic_event(w, root, type);
	else
		read_single(w, root);
	read_list(w, get(w, root, "data"));
	read_list(w, get(w, root, "models"));
	read_list(w, get(w, root, "results"));
	if (error != JSON_NONE)
		read_error(w, error);
	else if (is_type(w, root, "error") ||
		 json_is(w->doc, get(w, root, "object"), STR("error")))
		read_error(w, root);
}

static void read_json(struct answer *w, struct str text)
{
	struct json_error e;
	struct json doc;
	uint32_t root, i;

	if (json_parse(text, NULL, &doc, &e) != 0)
		return;
	w->doc = &doc;
	root = json_root(&doc);
	if (json_type(&doc, root) == JSON_OBJECT)
		read_object(w, root);
	if (json_type(&doc, root) == JSON_ARRAY) {
		for (i = json_first(&doc, root); i != JSON_NONE;
		     i = json_next(&doc, i))
			read_object(w, i);
	}
	w->doc = NULL;
	json_fini(&doc);
}

static void read_sse(struct answer *w, struct str body)
{
	struct sse_parser p;
	struct sse_event ev;
	int r;

	sse_init(&p, RECORDING_BODY_MAX);
	if (sse_feed(&p, body) == 0) {
		while ((r = sse_next(&p, &ev)) > 0) {
			if (r == SSE_EVENT)
				read_json(w, ev.data);
		}
	}
	sse_fini(&p);
}

static void read_lines(struct answer *w, struct str body)
{
	struct str line;

	while (body.len > 0) {
		(void)str_cut(body, '\n', &line, &body);
		read_json(w, line);
	}
}

static size_t big_endian(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;

	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
	       p[3];
}

/* A frame's payload is JSON, or JSON in base64 in JSON. */
static void read_payload(struct answer *w, struct str payload)
{
	struct arena *a = w->draft.a;
	struct str inner = payload;
	struct json_error e;
	struct json doc;
	uint32_t bytes;

	if (json_parse(payload, NULL, &doc, &e) != 0)
		return;
	bytes = json_get(&doc, json_root(&doc), STR("bytes"));
	if (bytes != JSON_NONE &&
	    !base64_read(json_string(&doc, bytes, a), a, &inner))
		inner = STR_NULL;
	json_fini(&doc);
	read_json(w, inner);
}

static void read_frames(struct answer *w, struct str body)
{
	while (body.len >= FRAME_PRELUDE + FRAME_SUM) {
		size_t total = big_endian(body);
		size_t headers = big_endian(str_drop(body, 4));
		struct str frame = str_take(body, total);

		if (total > body.len || headers > total ||
		    total - headers < FRAME_PRELUDE + FRAME_SUM)
			return;
		frame = str_drop(frame, FRAME_PRELUDE + headers);
		read_payload(w, str_take(frame, frame.len - FRAME_SUM));
		body = str_drop(body, total);
	}
}

void transcript_answer_read(const struct recording *r, struct arena *a,
			    struct transcript *out)
{
	const struct recording_response *res = &r->response;
	struct answer w = { .out = out };

	transcript_draft_init(&w.draft, a);
	switch (res->framing) {
	case RECORDING_SSE:
		read_sse(&w, res->body);
		break;
	case RECORDING_NDJSON:
		read_lines(&w, res->body);
		break;
	case RECORDING_EVENTSTREAM:
		read_frames(&w, res->body);
		break;
	case RECORDING_WHOLE:
	case RECORDING_ARRAY:
		read_json(&w, res->body);
		break;
	}
	out->answer_count = transcript_draft_done(&w.draft, &out->answers);
	if (!out->usage.known && r->meta.tokens_in + r->meta.tokens_out > 0) {
		out->usage.known = true;
		out->usage.in = r->meta.tokens_in;
		out->usage.out = r->meta.tokens_out;
	}
}
