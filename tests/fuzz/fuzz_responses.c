/*
 * Any text as a request for a response, in JSON or as a form: a refusal is always
 * told, and what passes is stored, converted and sent as JSON, once more on top of
 * what it has become.
 */
#include "llm/message.h"
#include "responses/chat_body.h"
#include "responses/convert.h"
#include "responses/id.h"
#include "responses/item.h"

#include "tests/fuzz/require.h"

enum {
	BODY_MAX = 64 << 20,
	DEPTH_MAX = 1000,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void parse(struct str text, struct json *doc)
{
	struct json_error bad;

	require(json_parse(text, &(struct json_limits){ .depth = DEPTH_MAX },
			   doc, &bad) == 0);
}

static void check_error(const struct api_error *e, struct arena *a)
{
	struct json doc;

	require((e->status == 400 || e->status == 503) && e->with_detail);
	require(e->type.len > 0 && e->message.len > 0);
	parse(json_quoted(a, e->message), &doc);
	json_fini(&doc);
	parse(json_quoted(a, e->param), &doc);
	json_fini(&doc);
}

static void check_items(const struct json *doc, uint32_t input, struct arena *a)
{
	struct id_source ids = id_fixed(STR("fuzz"));
	struct item_list items, found;
	struct json one;

	item_store(doc, input, &ids, a, &items);
	for (size_t i = 0; i < items.count; i++) {
		parse(items.texts[i], &one);
		require(json_type(&one, json_get(&one, 0, STR("id"))) ==
			JSON_STRING);
		require(json_type(&one, json_get(&one, 0, STR("type"))) ==
			JSON_STRING);
		json_fini(&one);
	}
	item_references(doc, input, a, &found);
	if (json_type(doc, input) != JSON_ARRAY)
		return;
	require(items.count + found.count == json_count(doc, input));
	for (size_t i = 0; i < found.count; i++)
		found.texts[i] = STR("{}");
	parse(item_resolve(doc, input, &found, a), &one);
	require(json_count(&one, 0) == json_count(doc, input));
	json_fini(&one);
}

static void check_body(const struct chat_iteration *it, struct arena *a,
		       int (*make)(const struct chat_iteration *it,
				   struct buf *out))
{
	struct api_error e = { 0 };
	struct json doc;
	struct field_checker c = { &doc, a, &e };
	struct buf out;
	uint32_t messages;

	buf_init(&out, BODY_MAX);
	require(make(it, &out) == 0);
	parse(buf_str(&out), &doc);
	messages = json_get(&doc, 0, STR("messages"));
	require(json_count(&doc, messages) ==
		it->system->count + it->history->count + it->turn->count);
	if (json_count(&doc, messages) > 0)
		require(message_check(&c, messages) == 0);
	require(!json_has_duplicates(&doc, 0) ||
		json_has_duplicates(it->request->doc, 0));
	json_fini(&doc);
	buf_fini(&out);
}

static void check_turn(const struct response_request *req,
		       const struct messages *history, struct messages *turn,
		       struct arena *a)
{
	struct messages system = { 0 };
	struct api_error e = { 0 };
	struct convert cv = { a, &e, history };
	struct chat_iteration it = {
		.request = req,
		.system = &system,
		.history = history,
		.turn = turn,
		.number = (int64_t)history->count + 1,
		.tier = req->model,
		.dialect = { .verbosity = true, .reasoning = true },
	};

	convert_system(&cv, req->instructions, &system);
	if (convert_input(&cv, req->doc, req->at[RESPONSE_INPUT], turn) != 0) {
		check_error(&e, a);
		return;
	}
	check_body(&it, a, chat_body);
	check_body(&it, a, chat_body_ogx);
	(void)messages_truncate(turn, req->model.len);
}

static void check_prompt(const struct response_request *req, struct arena *a)
{
	static const struct str names[] = { STR_INIT("a"), STR_INIT("b") };
	struct messages system = { 0 }, tail = { 0 };
	struct api_error e = { 0 };
	struct convert cv = { a, &e, NULL };
	struct convert_prompt p = { req->doc, req->at[RESPONSE_PROMPT],
				    STR("{{a}} {{ b }}"), names, 2 };
	struct json doc;

	if (p.value == JSON_NONE)
		return;
	if (convert_prompt(&cv, &p, &system, &tail) != 0) {
		check_error(&e, a);
		return;
	}
	require(system.count == 1 && tail.count <= 1);
	parse(system.texts[0], &doc);
	json_fini(&doc);
}

static void check_request(struct str text, struct arena *a)
{
	struct messages none = { 0 }, turn = { 0 }, again = { 0 };
	struct response_request req;
	struct api_error e = { 0 };
	struct json doc;

	parse(text, &doc);
	if (responses_read(&doc, a, &req, &e) != 0) {
		check_error(&e, a);
	} else {
		check_items(&doc, req.at[RESPONSE_INPUT], a);
		check_turn(&req, &none, &turn, a);
		check_turn(&req, &turn, &again, a);
		check_prompt(&req, a);
	}
	json_fini(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct json_error bad;
	struct api_error e = { 0 };
	struct arena a;
	struct json doc;
	struct buf form;

	arena_init(&a, SIZE_MAX);
	buf_init(&form, BODY_MAX);
	if (json_parse(text, NULL, &doc, &bad) == 0) {
		json_fini(&doc);
		check_request(text, &a);
	} else if (responses_of_form(text, &a, &form, &e) == 0) {
		check_request(buf_str(&form), &a);
	} else {
		check_error(&e, &a);
	}
	buf_fini(&form);
	arena_fini(&a);
	return 0;
}
