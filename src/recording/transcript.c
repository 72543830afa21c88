#include "recording/transcript.h"

#include "recording/transcript_draft.h"

enum {
	OPTIONS_MAX = 4096,
	OPTION_MAX = 60, /* of a value that is shown */
};

/* What a request is made of; the rest of its members are settings. */
static const char *const contents[] = {
	"model",        "messages",   "input", "prompt",
	"instructions", "system",     "tools", "systemInstruction",
	"contents",     "toolConfig", "query", "documents",
};

struct request {
	const struct json *doc;
	uint32_t root;
	struct transcript_draft draft;
	struct transcript *out;
};

static uint32_t get(const struct request *q, const char *key)
{
	return json_get(q->doc, q->root, str_of(key));
}

/* A member that is the content of one turn. */
static void add_member(struct request *q, const char *key, struct str role)
{
	uint32_t v = get(q, key);
	struct transcript_draft_turn *turn;

	if (v == JSON_NONE || json_type(q->doc, v) == JSON_NULL)
		return;
	turn = transcript_draft_add(&q->draft, role);
	if (turn != NULL)
		transcript_draft_content(&q->draft, turn, q->doc, v);
}

static void add_system(struct request *q)
{
	uint32_t v = get(q, "systemInstruction");
	struct transcript_draft_turn *turn;

	add_member(q, "system", STR("system"));
	add_member(q, "instructions", STR("system"));
	if (v == JSON_NONE)
		return;
	turn = transcript_draft_add(&q->draft, STR("system"));
	if (turn != NULL)
		transcript_draft_message(&q->draft, turn, q->doc, v);
}

static void add_messages(struct request *q, const char *key)
{
	uint32_t list = get(q, key);

	for (uint32_t i = json_first(q->doc, list); i != JSON_NONE;
	     i = json_next(q->doc, i)) {
		struct transcript_draft_turn *turn =
			transcript_draft_add(&q->draft, STR("user"));

		if (turn == NULL)
			return;
		transcript_draft_message(&q->draft, turn, q->doc, i);
	}
}

/* An item of a response's input: a message, a call, or what a call gave. */
static void add_item(struct request *q, uint32_t item)
{
	uint32_t type = json_get(q->doc, item, STR("type"));
	struct transcript_draft_turn *turn;

	turn = transcript_draft_add(&q->draft, STR("user"));
	if (turn == NULL)
		return;
	if (json_is(q->doc, type, STR("function_call_output"))) {
		turn->role = STR("tool");
		transcript_draft_set(&q->draft, &turn->call_id, q->doc,
				     json_get(q->doc, item, STR("call_id")));
		transcript_draft_content(&q->draft, turn, q->doc,
					 json_get(q->doc, item, STR("output")));
	} else if (type == JSON_NONE || json_is(q->doc, type, STR("message"))) {
		transcript_draft_message(&q->draft, turn, q->doc, item);
	} else {
		turn->role = STR("assistant");
		transcript_draft_part(&q->draft, turn, q->doc, item);
	}
}

/* Of a response, embeddings or moderations; or a prompt. */
static void add_input(struct request *q, const char *key)
{
	uint32_t v = get(q, key), i = json_first(q->doc, v);

	if (json_type(q->doc, v) == JSON_STRING ||
	    json_type(q->doc, i) == JSON_NUMBER ||
	    json_type(q->doc, i) == JSON_ARRAY) {
		struct transcript_draft_turn *turn =
			transcript_draft_add(&q->draft, STR("user"));

		if (turn != NULL && i == JSON_NONE) {
			transcript_draft_text(&q->draft, &turn->text, q->doc,
					      v);
		}
		/* Tokens say nothing to a reader. */
		if (turn != NULL && i != JSON_NONE &&
		    buf_printf(&turn->text, "[%u tokens or lists of them]",
			       json_count(q->doc, v)) < 0)
			return;
		return;
	}
	for (; i != JSON_NONE; i = json_next(q->doc, i)) {
		struct transcript_draft_turn *turn;

		if (json_type(q->doc, i) == JSON_OBJECT) {
			add_item(q, i);
			continue;
		}
		turn = transcript_draft_add(&q->draft, STR("user"));
		if (turn == NULL)
			return;
		transcript_draft_text(&q->draft, &turn->text, q->doc, i);
	}
}

/* The texts with ", " between them; what does not fit is left out. */
static void add_listed(struct buf *list, struct str s)
{
	if (s.len == 0 || list->len + s.len + 2 > list->max)
		return;
	if (list->len > 0 && buf_add(list, STR(", ")) < 0)
		return;
	if (buf_add(list, s) < 0)
		return;
}

static struct str finish_list(struct arena *a, struct buf *list)
{
	struct str s = list->len > 0 ? arena_str(a, buf_str(list)) : STR("");

	buf_fini(list);
	return s;
}

static void read_tools(struct request *q)
{
	uint32_t tools = get(q, "tools");
	struct arena *a = q->draft.a;
	struct buf list;

	buf_init(&list, OPTIONS_MAX);
	for (uint32_t i = json_first(q->doc, tools); i != JSON_NONE;
	     i = json_next(q->doc, i)) {
		uint32_t name = json_path(q->doc, i, STR("function.name"));

		if (name == JSON_NONE)
			name = json_get(q->doc, i, STR("name"));
		if (name == JSON_NONE)
			name = json_get(q->doc, i, STR("type"));
		add_listed(&list, json_string(q->doc, name, a));
	}
	q->out->tools = finish_list(a, &list);
}

static bool is_content(const struct request *q, uint32_t member)
{
	for (size_t i = 0; i < countof(contents); i++) {
		if (json_is(q->doc, json_key(q->doc, member),
			    str_of(contents[i])))
			return true;
	}
	return false;
}

static void read_options(struct request *q)
{
	struct arena *a = q->draft.a;
	struct buf list;

	buf_init(&list, OPTIONS_MAX);
	for (uint32_t i = json_first(q->doc, q->root); i != JSON_NONE;
	     i = json_next(q->doc, i)) {
		struct str key = json_string(q->doc, json_key(q->doc, i), a);
		struct str raw = recording_compact(json_raw(q->doc, i), a);

		if (is_content(q, i))
			continue;
		add_listed(&list,
			   arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(key),
					STR_ARG(raw.len <= OPTION_MAX
							? raw
							: STR("..."))));
	}
	q->out->options = finish_list(a, &list);
}

static void read_request(const struct recording *r, struct arena *a,
			 struct transcript *out)
{
	struct request q = { .out = out };
	struct json_error e;
	struct json doc;

	if (json_parse(r->request.body, NULL, &doc, &e) != 0)
		return;
	q.doc = &doc;
	q.root = json_root(&doc);
	transcript_draft_init(&q.draft, a);
	if (json_type(&doc, q.root) == JSON_OBJECT) {
		transcript_draft_set(&q.draft, &out->model, &doc,
				     get(&q, "model"));
		add_system(&q);
		add_messages(&q, "messages");
		add_messages(&q, "contents");
		add_input(&q, "input");
		add_input(&q, "prompt");
		add_member(&q, "query", STR("query"));
		add_input(&q, "documents");
		read_tools(&q);
		read_options(&q);
	}
	out->asked_count = transcript_draft_done(&q.draft, &out->asked);
	json_fini(&doc);
}

void transcript_make(const struct recording *r, struct arena *a,
		     struct transcript *out)
{
	*out = (struct transcript){ 0 };
	read_request(r, a, out);
	transcript_answer_read(r, a, out);
}
