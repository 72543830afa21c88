#include "responses/convert.h"

#include "base/map.h"
#include "responses/convert_part.h"
#include "responses/item.h"

enum {
	MESSAGE_BYTES_MAX = 512 << 20, /* more than any request's body */
	CONTENT_DEPTH = 8,             /* of what two contents may hold */
};

/* A function's output, until its call was found. */
struct output {
	uint32_t item;
	size_t index; /* of the input's items */
	bool is_said;
};

struct walk {
	const struct convert *cv;
	const struct json *doc;
	struct messages *out;
	struct buf text; /* of one message */
	struct json_writer w;
	struct output *outputs;
	size_t output_count;
	struct map by_call;   /* outputs, by the call's id */
	struct map called;    /* ids of calls in previous, from there on */
	size_t unread;        /* how many of previous come before */
	struct str reasoning; /* for the next item */
	struct json last;     /* what a user said last, before */
	bool has_last;
};

static void begin(struct walk *k, struct str role)
{
	buf_clear(&k->text);
	json_writer_init(&k->w, &k->text);
	json_object(&k->w);
	json_member_str(&k->w, STR("role"), role);
}

static void add(struct walk *k)
{
	json_end(&k->w);
	/* Nothing in a body is long enough to fail. */
	if (json_writer_done(&k->w) == 0) {
		messages_add(k->out, k->cv->arena,
			     arena_str(k->cv->arena, buf_str(&k->text)));
	}
}

/* A call's id and the like, escapes undone. */
static struct str member(const struct walk *k, uint32_t item, struct str name)
{
	return json_string(k->doc, json_get(k->doc, item, name), k->cv->arena);
}

static struct str member_raw(const struct walk *k, uint32_t item,
			     struct str name)
{
	return json_raw(k->doc, json_get(k->doc, item, name));
}

static void put_reasoning(struct walk *k)
{
	if (k->reasoning.len > 0) {
		json_member_str(&k->w, STR("reasoning_content"), k->reasoning);
	}
	k->reasoning = STR_NULL;
}

/* Its texts, with a space between. */
static struct str reasoning_of(const struct walk *k, uint32_t item)
{
	uint32_t content = field_get(k->doc, item, STR("content"));
	size_t n = 0;
	struct str *parts =
		arena_alloc(k->cv->arena,
			    (2 * (size_t)json_count(k->doc, content) + 1) *
				    sizeof(*parts));

	for (uint32_t v = json_first(k->doc, content); v != JSON_NONE;
	     v = json_next(k->doc, v)) {
		if (n > 0)
			parts[n++] = STR(" ");
		parts[n++] = member(k, v, STR("text"));
	}
	return arena_join(k->cv->arena, parts, n);
}

/* Of now and of last; members were all written in one order, by us. */
static bool is_same(const struct walk *k, const struct json *now, uint32_t v,
		    uint32_t u, int depth)
{
	enum json_type type = json_type(now, v);
	uint32_t i = json_first(now, v), j = json_first(&k->last, u);

	if (type != json_type(&k->last, u) || depth == 0 ||
	    json_count(now, v) != json_count(&k->last, u))
		return false;
	if (type == JSON_STRING) {
		return json_is(now, v, json_string(&k->last, u, k->cv->arena));
	}
	while (i != JSON_NONE && is_same(k, now, i, j, depth - 1)) {
		i = json_next(now, i);
		j = json_next(&k->last, j);
	}
	return i == JSON_NONE;
}

static void find_last(struct walk *k)
{
	const struct messages *m = k->cv->previous;
	size_t i = m != NULL ? m->count : 0;
	struct json_error e;

	while (i-- > 0 && !k->has_last) {
		if (!messages_has_role(m->texts[i], STR("user")))
			continue;
		k->has_last = json_parse(m->texts[i], NULL, &k->last, &e) == 0;
		return;
	}
}

/* Does the message that was just added say what a user said last? */
static bool is_repeated(struct walk *k)
{
	struct json_error e;
	struct json now;
	bool same;

	if (!k->has_last ||
	    json_parse(k->out->texts[k->out->count - 1], NULL, &now, &e) != 0)
		return false;
	same = is_same(k, &now, json_get(&now, json_root(&now), STR("content")),
		       json_get(&k->last, json_root(&k->last), STR("content")),
		       CONTENT_DEPTH);
	json_fini(&now);
	return same;
}

static void put_parts(struct walk *k, uint32_t parts, bool images_only)
{
	json_member(&k->w, STR("content"));
	json_array(&k->w);
	for (uint32_t v = json_first(k->doc, parts); v != JSON_NONE;
	     v = json_next(k->doc, v)) {
		if (!images_only || convert_part_is_image(k->doc, v))
			convert_part(&k->w, k->doc, v, k->cv->arena);
	}
	json_end(&k->w);
}

static void say_message(struct walk *k, uint32_t item)
{
	struct str role = member(k, item, STR("role"));
	uint32_t content = json_get(k->doc, item, STR("content"));

	begin(k, role);
	if (json_type(k->doc, content) == JSON_STRING) {
		json_member_raw(&k->w, STR("content"),
				json_raw(k->doc, content));
	} else {
		put_parts(k, content, false);
	}
	if (str_eq(role, STR("assistant")))
		put_reasoning(k);
	add(k);
	if (str_eq(role, STR("user")) && is_repeated(k))
		k->out->count--;
}

static void say_call(struct walk *k, uint32_t item, struct str id)
{
	begin(k, STR("assistant"));
	put_reasoning(k);
	json_member(&k->w, STR("tool_calls"));
	json_array(&k->w);
	json_object(&k->w);
	json_member_raw(&k->w, STR("id"), member_raw(k, item, id));
	json_member_str(&k->w, STR("type"), STR("function"));
	json_member(&k->w, STR("function"));
	json_object(&k->w);
	json_member_raw(&k->w, STR("name"), member_raw(k, item, STR("name")));
	json_member_raw(&k->w, STR("arguments"),
			member_raw(k, item, STR("arguments")));
	json_end(&k->w);
	json_end(&k->w);
	json_end(&k->w);
	add(k);
}

static void begin_result(struct walk *k, uint32_t item, struct str id)
{
	begin(k, STR("tool"));
	json_member_raw(&k->w, STR("tool_call_id"), member_raw(k, item, id));
}

static bool has_images(const struct walk *k, uint32_t output)
{
	uint32_t v = JSON_NONE;

	if (json_type(k->doc, output) == JSON_ARRAY)
		v = json_first(k->doc, output);
	while (v != JSON_NONE && !convert_part_is_image(k->doc, v))
		v = json_next(k->doc, v);
	return v != JSON_NONE;
}

static bool has_texts(const struct walk *k, uint32_t output)
{
	uint32_t v = json_first(k->doc, output);

	while (v != JSON_NONE && convert_part_is_image(k->doc, v))
		v = json_next(k->doc, v);
	return v != JSON_NONE;
}

static void say_output(struct walk *k, struct output *o)
{
	uint32_t output = json_get(k->doc, o->item, STR("output"));

	o->is_said = true;
	begin_result(k, o->item, STR("call_id"));
	if (json_type(k->doc, output) == JSON_STRING) {
		json_member_raw(&k->w, STR("content"),
				json_raw(k->doc, output));
	} else if (!has_texts(k, output) && has_images(k, output)) {
		json_member_raw(&k->w, STR("content"),
				STR("[{\"type\":\"text\",\"text\":"
				    "\"[image]\"}]"));
	} else {
		json_member(&k->w, STR("content"));
		json_array(&k->w);
		convert_part_texts(&k->w, k->doc, output, k->cv->arena);
		json_end(&k->w);
	}
	add(k);
}

/* No tool's message may have them: a user shows them. */
static void say_images(struct walk *k, const struct output *o)
{
	uint32_t output = json_get(k->doc, o->item, STR("output"));

	if (!has_images(k, output))
		return;
	begin(k, STR("user"));
	put_parts(k, output, true);
	add(k);
}

static void say_mcp_call(struct walk *k, uint32_t item)
{
	uint32_t output = field_get(k->doc, item, STR("output"));

	say_call(k, item, STR("id"));
	begin_result(k, item, STR("id"));
	json_member_raw(&k->w, STR("content"),
			output != JSON_NONE ? json_raw(k->doc, output)
					    : STR("\"\""));
	add(k);
}

static void say_function_call(struct walk *k, uint32_t item)
{
	struct output *o;

	say_call(k, item, STR("call_id"));
	o = map_get(&k->by_call, member(k, item, STR("call_id")));
	if (o == NULL)
		return;
	say_output(k, o);
	say_images(k, o);
}

static void say_compaction(struct walk *k, uint32_t item)
{
	begin(k, STR("assistant"));
	json_member_raw(&k->w, STR("content"),
			member_raw(k, item, STR("encrypted_content")));
	add(k);
}

static void say(struct walk *k, uint32_t item)
{
	struct str reasoning = STR_NULL;

	switch (item_kind(k->doc, item)) {
	case ITEM_MESSAGE:
		say_message(k, item);
		break;
	case ITEM_FUNCTION_CALL:
		say_function_call(k, item);
		break;
	case ITEM_MCP_CALL:
		say_mcp_call(k, item);
		break;
	case ITEM_COMPACTION:
		say_compaction(k, item);
		break;
	case ITEM_REASONING:
		reasoning = reasoning_of(k, item);
		break;
	case ITEM_FUNCTION_OUTPUT:
	case ITEM_REFERENCE:
	case ITEM_SILENT:
	case ITEM_UNKNOWN:
		break;
	}
	/* It goes with what comes next, and with nothing else. */
	k->reasoning = reasoning;
}

static int fail(const struct walk *k, const struct output *o, const char *fmt)
{
	struct arena *a = k->cv->arena;
	struct str id = member(k, o->item, STR("call_id"));

	(void)api_fail(k->cv->error, a, 400, NULL, NULL, "%s '" STR_FMT "'%s",
		       "The function_call_output with the call_id",
		       STR_ARG(str_take(id, 100)), fmt);
	k->cv->error->param = arena_printf(a, "input[%zu].call_id", o->index);
	k->cv->error->with_detail = true;
	return API_FAIL;
}

static int find_outputs(struct walk *k, uint32_t input)
{
	size_t i = 0;

	k->outputs = arena_alloc(k->cv->arena,
				 ((size_t)json_count(k->doc, input) + 1) *
					 sizeof(*k->outputs));
	for (uint32_t v = json_first(k->doc, input); v != JSON_NONE;
	     v = json_next(k->doc, v)) {
		struct output *o = &k->outputs[k->output_count];

		*o = (struct output){ .item = v, .index = i++ };
		if (item_kind(k->doc, v) != ITEM_FUNCTION_OUTPUT)
			continue;
		k->output_count++;
		if (map_put(&k->by_call, member(k, v, STR("call_id")), o) !=
		    NULL) {
			return fail(k, o,
				    " comes twice: give one output for each "
				    "function_call.");
		}
	}
	return 0;
}

/* The ids of the calls of this input. */
static void find_calls(const struct walk *k, uint32_t input, struct map *calls)
{
	for (uint32_t v = json_first(k->doc, input); v != JSON_NONE;
	     v = json_next(k->doc, v)) {
		if (item_kind(k->doc, v) == ITEM_FUNCTION_CALL) {
			(void)map_put(calls, member(k, v, STR("call_id")),
				      k->outputs);
		}
	}
}

/* Note the ids of the calls in a message. */
static void read_calls(struct walk *k, struct str message)
{
	struct json_error e;
	struct json doc;
	uint32_t calls;

	if (!messages_has_role(message, STR("assistant")) ||
	    str_find(message, STR("\"tool_calls\"")) == message.len ||
	    json_parse(message, NULL, &doc, &e) != 0)
		return;
	calls = json_get(&doc, json_root(&doc), STR("tool_calls"));
	for (uint32_t v = json_first(&doc, calls); v != JSON_NONE;
	     v = json_next(&doc, v)) {
		struct str id = json_string(&doc, json_get(&doc, v, STR("id")),
					    k->cv->arena);

		(void)map_put(&k->called, id, k->outputs);
	}
	json_fini(&doc);
}

/* The newest first, and no message twice: there it nearly always is. */
static bool is_called_before(struct walk *k, struct str id)
{
	while (map_get(&k->called, id) == NULL) {
		if (k->unread == 0)
			return false;
		read_calls(k, k->cv->previous->texts[--k->unread]);
	}
	return true;
}

/*
 * What answers calls of an earlier turn comes first, and its pictures after all
 * of it, since nothing else may stand between calls and their results.
 */
static int say_answers(struct walk *k, const struct map *calls)
{
	for (size_t i = 0; i < k->output_count; i++) {
		struct output *o = &k->outputs[i];
		struct str id = member(k, o->item, STR("call_id"));

		if (map_get(calls, id) != NULL)
			continue;
		if (!is_called_before(k, id)) {
			return fail(k, o,
				    " has no corresponding function_call, "
				    "neither in the input nor before it.");
		}
		say_output(k, o);
	}
	for (size_t i = 0; i < k->output_count; i++) {
		if (k->outputs[i].is_said)
			say_images(k, &k->outputs[i]);
	}
	return 0;
}

static int say_all(struct walk *k, uint32_t input)
{
	struct map calls = { 0 };
	int r = find_outputs(k, input);

	if (r == 0 && k->output_count > 0) {
		find_calls(k, input, &calls);
		r = say_answers(k, &calls);
	}
	map_fini(&calls);
	if (r != 0)
		return r;
	if (!k->cv->keeps_repeats)
		find_last(k);
	for (uint32_t v = json_first(k->doc, input); v != JSON_NONE;
	     v = json_next(k->doc, v))
		say(k, v);
	return 0;
}

int convert_input(const struct convert *cv, const struct json *doc,
		  uint32_t input, struct messages *out)
{
	struct walk k = { .cv = cv, .doc = doc, .out = out };
	int r = 0;

	k.unread = cv->previous != NULL ? cv->previous->count : 0;
	buf_init(&k.text, MESSAGE_BYTES_MAX);
	if (json_type(doc, input) == JSON_STRING) {
		begin(&k, STR("user"));
		json_member_raw(&k.w, STR("content"), json_raw(doc, input));
		add(&k);
	} else if (json_type(doc, input) == JSON_ARRAY) {
		r = say_all(&k, input);
	}
	if (k.has_last)
		json_fini(&k.last);
	map_fini(&k.by_call);
	map_fini(&k.called);
	buf_fini(&k.text);
	return r;
}

void convert_system(const struct convert *cv, struct str text,
		    struct messages *out)
{
	struct walk k = { .cv = cv, .out = out };

	if (text.len == 0)
		return;
	buf_init(&k.text, MESSAGE_BYTES_MAX);
	begin(&k, STR("system"));
	json_member_str(&k.w, STR("content"), text);
	add(&k);
	buf_fini(&k.text);
}
