/*
 * Requests of clients to the Responses API whose upstream calls OGX recorded:
 * each is made a chat completion, and the key of what OGX would have asked is the
 * name of a recording.  What that recording answers is what the next turn goes on
 * from.  The requests are in examples.json; the recordings are not part of the
 * source: without them beside it the test is skipped.
 */
#include "recording/ogx.h"
#include "recording/ogx_shape.h"
#include "responses/chat_body.h"
#include "responses/convert.h"
#include "responses/turn.h"

#include "tests/unit/responses/rows.h"

#include "json/splice.h"

enum {
	TURNS_MAX = 8,
	BODY_MAX = 8 << 20,
	EXAMPLES = 91, /* and the requests in them */
	REQUESTS = 108,
};

struct example {
	const struct json *doc;
	uint32_t v;
	const char *name;
	struct arena *a;
	struct messages turns[TURNS_MAX]; /* whole histories */
	struct messages conversation;
	bool talked; /* in the conversation */
};

/* What the model answered, as the message of the next turn's history. */
static struct str answer_of(const struct ogx_file *file, struct arena *a)
{
	uint32_t body = json_get(&file->doc, file->response, STR("body"));
	struct id_source ids = id_fixed(STR("examples"));
	struct events none = { .out = NULL };
	struct json chunk;
	struct turn *turn = arena_alloc(a, sizeof(*turn));
	struct buf out;
	struct str text;

	buf_init(&out, BODY_MAX);
	turn_init(turn,
		  &(struct turn_setup){ .ids = &ids, .bytes_max = BODY_MAX });
	for (uint32_t v = json_first(&file->doc, body); v != JSON_NONE;
	     v = json_next(&file->doc, v)) {
		rows_parse("chunk",
			   json_raw(&file->doc,
				    json_get(&file->doc, v, STR("__data__"))),
			   &chunk);
		assert_int_equal(turn_chunk(turn, &chunk, &none), 0);
		json_fini(&chunk);
	}
	assert_int_equal(turn_end(turn, &none), 0);
	assert_int_equal(turn_write_message(turn, &out), 0);
	text = arena_str(a, buf_str(&out));
	turn_fini(turn);
	buf_fini(&out);
	return text;
}

/* The upstream's own name for the model, as provider/ puts it there. */
static struct str rename_model(const struct example *x, struct str body,
			       struct str model)
{
	struct splice s = { .text = body };
	struct json doc;
	struct buf out;
	struct str provider, own;

	rows_parse(x->name, body, &doc);
	assert_true(str_cut(model, '/', &provider, &own));
	assert_int_equal(splice_set(&s, &doc, json_root(&doc), STR("model"),
				    json_quoted(x->a, own)),
			 0);
	buf_init(&out, BODY_MAX);
	assert_int_equal(splice_write(&s, &out), 0);
	body = arena_str(x->a, buf_str(&out));
	buf_fini(&out);
	json_fini(&doc);
	return body;
}

static void check_wire(const struct example *x, struct str body)
{
	/* Of OGX's own additions nothing is sent. */
	static const struct str never[] = {
		STR_INIT("\"function\":{\"type\""),
		STR_INIT("\"index\""),
		STR_INIT("\"extra_body\""),
		STR_INIT("\"previous_response_id\""),
		STR_INIT("\"input\""),
	};

	for (size_t i = 0; i < countof(never); i++) {
		if (str_find(body, never[i]) < body.len) {
			fail_msg("%s: " STR_FMT " in " STR_FMT, x->name,
				 STR_ARG(never[i]), STR_ARG(body));
		}
	}
}

/* Both bodies of an iteration; returns the one that the key is made of. */
static struct str bodies(const struct example *x,
			 const struct chat_iteration *it)
{
	struct buf out;
	struct str ogx;

	buf_init(&out, BODY_MAX);
	assert_int_equal(chat_body(it, &out), 0);
	check_wire(x, buf_str(&out));
	buf_clear(&out);
	assert_int_equal(chat_body_ogx(it, &out), 0);
	ogx = rename_model(x, buf_str(&out), it->request->model);
	buf_fini(&out);
	return ogx;
}

static void make_key(const struct example *x, struct str model, struct str body,
		     struct ogx_keys *keys)
{
	const struct ogx_request request = {
		.op = STR("chat.completions"),
		.base_url = str_starts(model, STR("ollama/"))
				    ? STR("http://0.0.0.0:11434/v1")
				    : STR("https://api.openai.com/v1"),
		.body = body,
		.test_id = rows_text(x->doc, x->v, "test_id", x->a),
	};

	*keys = (struct ogx_keys){ .count = 0 };
	assert_int_equal(ogx_keys_next(&request, keys), 0);
}

/* The recording of that name, which must be there; what it answered. */
static struct str play(const struct example *x, struct str key)
{
	struct recording_problem problem = { .text = "" };
	struct str folder = rows_text(x->doc, x->v, "recordings", x->a);
	struct str path =
		arena_printf(x->a,
			     "%s/../shared/recordings/" STR_FMT "/recordings",
			     rows_source(), STR_ARG(folder));
	struct str name = arena_printf(x->a, STR_FMT ".json", STR_ARG(key));
	struct ogx_file file;
	struct str text;
	int dir;

	dir = open(arena_cz(x->a, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	check_int(x->name,
		  file_read(dir, arena_cz(x->a, name), x->a, &text, &problem),
		  0);
	(void)close(dir);
	check_int(x->name, ogx_read(text, &file, x->a, &problem), 0);
	text = answer_of(&file, x->a);
	ogx_fini(&file);
	return text;
}

static void add_system(const struct example *x, const struct convert *cv,
		       const struct response_request *req,
		       struct messages *system, struct messages *tail)
{
	uint32_t prompt = field_get(x->doc, x->v, STR("prompt"));
	uint32_t names = json_get(x->doc, prompt, STR("variables"));
	struct convert_prompt p = { req->doc, req->at[RESPONSE_PROMPT] };
	struct messages list = { 0 };

	if (prompt != JSON_NONE) {
		for (uint32_t v = json_first(x->doc, names); v != JSON_NONE;
		     v = json_next(x->doc, v))
			messages_add(&list, x->a, json_string(x->doc, v, x->a));
		p.text = rows_text(x->doc, prompt, "text", x->a);
		p.variables = list.texts;
		p.variable_count = list.count;
		check_int(x->name, convert_prompt(cv, &p, system, tail), 0);
	}
	convert_system(cv, req->instructions, system);
}

/* The items of a new conversation and those of the request, together. */
static void convert_items(const struct example *x, const struct convert *cv,
			  const struct response_request *req,
			  struct messages *turn)
{
	uint32_t items = json_path(x->doc, x->v, STR("conversation.items"));
	uint32_t input = req->at[RESPONSE_INPUT];
	struct str before = json_raw(x->doc, items);
	struct str after = json_raw(req->doc, input), all;
	struct json doc;

	if (json_count(x->doc, items) == 0) {
		check_int(x->name, convert_input(cv, req->doc, input, turn), 0);
		return;
	}
	before.len--;
	all = arena_printf(x->a, STR_FMT "," STR_FMT, STR_ARG(before),
			   STR_ARG(str_drop(after, 1)));
	rows_parse(x->name, all, &doc);
	check_int(x->name, convert_input(cv, &doc, json_root(&doc), turn), 0);
	json_fini(&doc);
}

static void find_history(const struct example *x, uint32_t v,
			 struct messages *out)
{
	int64_t previous;

	if (json_to_i64(x->doc, json_get(x->doc, v, STR("previous")),
			&previous)) {
		assert_in_range(previous, 0, TURNS_MAX - 1);
		*out = x->turns[previous];
	} else if (json_is_true(x->doc,
				json_get(x->doc, v, STR("in_conversation")))) {
		*out = x->conversation;
	} else {
		messages_add_array(out, x->a, x->doc,
				   json_get(x->doc, v, STR("history")));
	}
}

static void run_request(struct example *x, uint32_t v, size_t n)
{
	uint32_t body = json_get(x->doc, v, STR("body"));
	bool talks = json_is_true(x->doc,
				  json_get(x->doc, v, STR("in_conversation")));
	struct messages system = { 0 }, history = { 0 }, turn = { 0 };
	struct messages tail = { 0 }, all = { 0 };
	struct api_error e = { 0 };
	struct convert cv = { x->a, &e, &history };
	struct response_request req;
	struct ogx_keys *keys = arena_alloc(x->a, sizeof(*keys));
	struct str ogx, want;
	struct json doc;

	assert_true(n < TURNS_MAX);
	rows_parse(x->name, json_raw(x->doc, body), &doc);
	if (responses_read(&doc, x->a, &req, &e) != 0)
		fail_msg("%s: " STR_FMT, x->name, STR_ARG(e.message));
	find_history(x, v, &history);
	add_system(x, &cv, &req, &system, &tail);
	if (talks && !x->talked) {
		convert_items(x, &cv, &req, &turn);
	} else {
		check_int(x->name,
			  convert_input(&cv, &doc, req.at[RESPONSE_INPUT],
					&turn),
			  0);
	}
	x->talked = x->talked || talks;
	ogx = bodies(x, &(struct chat_iteration){
				.request = &req,
				.system = &system,
				.history = &history,
				.turn = &turn,
				.number = 1,
				.dialect = chat_body_dialect(
					str_starts(req.model, STR("ollama/"))
						? STR("remote::ollama")
						: STR("remote::openai")) });
	make_key(x, req.model, ogx, keys);
	want = json_string(x->doc, json_path(x->doc, v, STR("keys.0")), x->a);
	if (!str_starts((struct str){ keys->keys[0], RECORDING_KEY_LEN },
			want)) {
		fail_msg("%s, request %zu: the key is not " STR_FMT
			 "...: " STR_FMT,
			 x->name, n, STR_ARG(want), STR_ARG(ogx));
	}
	messages_add(&turn, x->a,
		     play(x, (struct str){ keys->keys[0], RECORDING_KEY_LEN }));
	messages_carry(&history, x->a, &all);
	messages_carry(&turn, x->a, &all);
	x->turns[n] = all;
	if (talks)
		x->conversation = all;
	json_fini(&doc);
}

static void need_recordings(void)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s/../shared/recordings",
		       rows_source());
	if (access(path, R_OK) == 0)
		return;
	print_message("no recordings in %s: NOTHING WAS TESTED\n", path);
	skip();
}

static void every_key_is_a_recording(void **state)
{
	size_t examples = 0, requests = 0, n;
	struct arena a, own;
	struct json doc;

	(void)state;
	need_recordings();
	arena_init(&own, SIZE_MAX / 2);
	arena_init(&a, SIZE_MAX / 2);
	rows_load("examples.json", &own, &doc);
	for (uint32_t v = json_first(&doc, json_root(&doc)); v != JSON_NONE;
	     v = json_next(&doc, v)) {
		struct example x = { .doc = &doc, .v = v, .a = &a };
		uint32_t list = json_get(&doc, v, STR("requests"));

		x.name = arena_cz(&a, rows_text(&doc, v, "name", &a));
		n = 0;
		for (uint32_t q = json_first(&doc, list); q != JSON_NONE;
		     q = json_next(&doc, q))
			run_request(&x, q, n++);
		requests += n;
		examples++;
		arena_reset(&a);
	}
	check_int("examples", examples, EXAMPLES);
	check_int("requests", requests, REQUESTS);
	json_fini(&doc);
	arena_fini(&a);
	arena_fini(&own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_a_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
