#include "responses/run_compact.h"

#include "responses/compact.h"
#include "responses/run_once.h"
#include "responses/state.h"
#include "responses/view.h"

/* What came of it. */
struct compacted {
	struct id id; /* of the response that it is kept as */
	struct item_list items;
	struct messages messages;
	struct usage usage;
};

/* --- what is compacted ----------------------------------------------------- */

/* The history and the input, as messages. */
static void join(const struct run *run, struct messages *out)
{
	const struct messages *m = &run->history;

	for (size_t i = 0; i < m->count; i++)
		messages_add(out, run->arena, m->texts[i]);
	for (size_t i = 0; i < run->asked; i++)
		messages_add(out, run->arena, run->turn.texts[i]);
}

/* The elements of the input, with commas; a string is a user's message. */
static struct str new_items(const struct run *run)
{
	const struct response_request *req = run->setup.request;
	uint32_t input = req->at[RESPONSE_INPUT];
	struct str list;

	if (json_type(req->doc, input) == JSON_STRING) {
		struct str parts[] = { STR("{\"role\":\"user\",\"content\":"),
				       json_raw(req->doc, input), STR("}") };

		return arena_join(run->arena, parts, countof(parts));
	}
	if (json_type(req->doc, input) != JSON_ARRAY)
		return STR_NULL;
	list = item_resolve(req->doc, input, &run->setup.history->found,
			    run->arena);
	return (struct str){ list.ptr + 1, list.len - 2 };
}

static struct str all_items(const struct run *run)
{
	struct str fresh = new_items(run), parts[4];
	struct item_list before;

	history_items(run->setup.history, &before);
	parts[0] = compact_array(&before, run->arena);
	parts[0].len--;
	parts[1] = before.count > 0 && fresh.len > 0 ? STR(",") : STR_NULL;
	parts[2] = fresh;
	parts[3] = STR("]");
	return arena_join(run->arena, parts, countof(parts));
}

/*
 * By the items, as OGX does.  Where not all of them are known, or they do not fit
 * together (some models use ids of calls again), by what was really said.
 */
static void find_source(const struct run *run, struct compact_source *out)
{
	struct api_error unused = { 0 };
	struct convert cv = { .arena = run->arena, .error = &unused };
	struct messages all = { 0 };

	*out = (struct compact_source){ 0 };
	if (!run->setup.history->lacks_items &&
	    compact_of_items(&cv, all_items(run), out) == 0)
		return;
	join(run, &all);
	compact_of_messages(&all, run->arena, out);
}

/* --- the model's summary --------------------------------------------------- */

/* 0, or EXCHANGE_FAILED with run->error. */
static int convert_items(struct run *run, struct compacted *c)
{
	struct convert cv = { .arena = run->arena, .error = &run->error };
	struct compact_source again = { 0 };

	if (compact_of_items(&cv, compact_array(&c->items, run->arena),
			     &again) != 0)
		return EXCHANGE_FAILED;
	c->messages = again.messages;
	return 0;
}

/* Ask for the summary; instructions of the request may go before the question. */
static int summarise(struct task *t, struct run *run,
		     const struct compact_source *source,
		     struct str instructions, struct run_said *out)
{
	const struct response_request *req = run->setup.request;
	uint32_t key = req->at[RESPONSE_PROMPT_CACHE_KEY];
	struct messages asked = source->messages;
	struct chat_question q = { .messages = &asked };

	if (key != JSON_NONE)
		q.prompt_cache_key = json_raw(req->doc, key);
	asked.cap = asked.count; /* the source's own list stays */
	messages_add(&asked, run->arena,
		     compact_prompt(run->setup.config->responses.compact_prompt,
				    instructions, run->arena));
	return run_once(t, run, &q, out);
}

/* out->id is set. */
static int compact(struct task *t, struct run *run,
		   const struct compact_source *source, struct str instructions,
		   struct compacted *out)
{
	struct id_source ids = id_of_response(&out->id);
	struct compact_text text = {
		.prefix = run->setup.config->responses.compact_prefix
	};
	struct run_said said;
	int r = summarise(t, run, source, instructions, &said);

	if (r != 0)
		return r;
	text.summary = said.text;
	out->usage = said.usage;
	compact_items(source, &text, &ids, run->arena, &out->items);
	return convert_items(run, out);
}

/* --- by context_management ------------------------------------------------- */

/* A response of its own: completed, without output, nothing before it. */
static void keep(struct task *t, struct run *run, const struct compacted *c)
{
	struct run *row = arena_zalloc(run->arena, sizeof(*row));
	struct response_request *bare = arena_alloc(run->arena, sizeof(*bare));

	*bare = responses_bare(run->setup.request);
	row->setup = run->setup;
	row->setup.request = bare;
	row->setup.version = 0;
	row->arena = run->arena;
	row->id = c->id;
	view_make(bare, run->arena, &row->view);
	row->view.id = id_str(&row->id);
	row->view.created_at = task_wall(t) / CLOCK_S;
	row->view.store = true;
	row->now = (struct response_now){
		.status = RESPONSE_COMPLETED,
		.completed_at = row->view.created_at,
		.usage = c->usage,
	};
	row->input = c->items;
	row->turn = c->messages;
	if (state_is_kept(row))
		state_keep(t, row);
}

/* What was told to the model in a role that compaction does not sum up. */
static void add_orders(const struct messages *from, struct arena *a,
		       struct messages *out)
{
	for (size_t i = 0; i < from->count; i++) {
		if (messages_has_role(from->texts[i], STR("system")) ||
		    messages_has_role(from->texts[i], STR("developer")))
			messages_add(out, a, from->texts[i]);
	}
}

/* The run goes on from it, and so does the next turn. */
static void adopt(struct run *run, const struct compacted *c)
{
	struct messages input = { run->turn.texts, run->asked, run->asked };
	struct messages orders = { 0 }, now = { 0 }, later = { 0 };

	add_orders(&run->history, run->arena, &now);
	add_orders(&run->history, run->arena, &later);
	add_orders(&input, run->arena, &now);
	add_orders(&input, run->arena, &orders);
	messages_carry(&orders, run->arena, &later);
	for (size_t i = 0; i < c->messages.count; i++) {
		messages_add(&now, run->arena, c->messages.texts[i]);
		messages_add(&later, run->arena, c->messages.texts[i]);
	}
	run->history = now;
	run->compacted = later;
	run->compacted_items = c->items;
	/* What a prompt's variables brought is not part of what was said. */
	run->said = (struct messages){ 0 };
	for (size_t i = run->asked; i < run->turn.count; i++)
		messages_add(&run->said, run->arena, run->turn.texts[i]);
}

static bool is_over_threshold(const struct run *run)
{
	int64_t threshold = run->setup.request->compact_threshold;
	int64_t tokens = run->setup.history->total_tokens;

	if (threshold == 0)
		threshold = run->setup.config->responses.compact_threshold;
	if (threshold <= 0)
		return false;
	if (tokens < 0) {
		struct messages all = { 0 };

		join(run, &all);
		tokens = compact_estimate(&all);
	}
	return tokens > threshold;
}

static void new_id(struct id *out)
{
	struct id_source fresh = ID_RANDOM;

	id_make(&fresh, STR("resp_"), out);
}

int run_compact(struct task *t, struct run *run)
{
	struct compact_source source;
	struct compacted c = { 0 };
	int r;

	if (!is_over_threshold(run))
		return 0;
	new_id(&c.id);
	find_source(run, &source);
	r = compact(t, run, &source, STR_NULL, &c);
	if (r != 0)
		return r;
	keep(t, run, &c);
	adopt(run, &c);
	return 0;
}

/* --- on request ------------------------------------------------------------ */

int run_compact_only(struct task *t, struct run *run)
{
	const struct response_request *req = run->setup.request;
	struct compact_source source;
	struct compacted c = { .id = run->id };
	int r;

	find_source(run, &source);
	if (req->previous_response_id.len > 0 && run->asked > 0) {
		source.messages = (struct messages){ 0 };
		join(run, &source.messages);
	}
	r = compact(t, run, &source, req->instructions, &c);
	if (r != 0) {
		run->error.with_detail = true;
		return r;
	}
	run->input = c.items;
	run->now.usage = c.usage;
	keep(t, run, &c);
	return 0;
}
