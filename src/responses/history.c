#include "responses/history.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "io/offload.h"
#include "responses/history_find.h"

enum {
	BYTES_MAX = 256 << 20, /* of a history */
	SHOWN_MAX = 200,       /* bytes of an id that a message repeats */
};

static const int64_t load_ns = 40 * CLOCK_S;

/* Between looks for what may come from another server: 175 ms in all. */
static const int64_t pause_first_ns = 25 * CLOCK_MS;
static const int64_t pause_last_ns = 100 * CLOCK_MS;

struct job {
	struct offload_work work;
	struct store *store;
	struct history_ask ask;      /* its texts are in h's arena */
	struct item_list references; /* the same */
	struct history *h;
	struct api_error error; /* the same */
	int r;
};

struct history *history_new(void)
{
	struct history *h = xcalloc(1, sizeof(*h));

	arena_init(&h->arena, BYTES_MAX);
	h->total_tokens = -1;
	return h;
}

void history_free(struct history *h)
{
	if (h == NULL)
		return;
	arena_fini(&h->arena);
	free(h);
}

static int not_found(struct job *job, const char *what, struct str id)
{
	bool is_response = what[0] == 'R';
	int r = api_fail(&job->error, &job->h->arena, 404,
			 "invalid_request_error", NULL,
			 "%s '" STR_FMT "' not found. %s", what,
			 STR_ARG(str_take(id, SHOWN_MAX)),
			 is_response ? "Use 'client.responses.list()' to list "
				       "available Responses."
				     : "It was never made, or it is deleted.");

	job->error.with_detail = true;
	return r;
}

static int refuse(struct job *job, const char *param, const char *code,
		  struct str text)
{
	int r = api_fail(&job->error, &job->h->arena, 400,
			 "invalid_request_error", param, STR_FMT,
			 STR_ARG(text));

	job->error.code = str_of(code);
	job->error.with_detail = true;
	return r;
}

/* An array of messages, as a row keeps it. */
static int add_messages(struct history *h, struct str text)
{
	if (!messages_read(&h->messages, &h->arena, text))
		return err_new(-EUCLEAN, "what was kept is no JSON");
	return 0;
}

static bool is_under_way(struct str state)
{
	return str_eq(state, STR("queued")) ||
	       str_eq(state, STR("in_progress"));
}

static int64_t total_of(struct str body)
{
	struct json_error error;
	int64_t total = -1;
	struct json doc;

	if (json_parse(body, NULL, &doc, &error) != 0)
		return -1;
	/* One without output is a compaction: that counts what is gone. */
	if (json_count(&doc, json_get(&doc, json_root(&doc), STR("output"))) ==
		    0 ||
	    !json_to_i64(&doc,
			 json_path(&doc, json_root(&doc),
				   STR("usage.total_tokens")),
			 &total))
		total = -1;
	json_fini(&doc);
	return total;
}

/* The conversation that a response was part of; "" for none. */
static struct str conversation_of(struct str body, struct arena *a)
{
	struct str id = STR_NULL;
	struct json_error error;
	struct json doc;
	uint32_t v;

	if (json_parse(body, NULL, &doc, &error) != 0)
		return id;
	v = json_path(&doc, json_root(&doc), STR("conversation.id"));
	if (json_type(&doc, v) == JSON_STRING)
		id = arena_str(a, json_string(&doc, v, a));
	json_fini(&doc);
	return id;
}

/* A chain that begins in a conversation: what was said there before it. */
static int load_before(struct job *job, const struct store_object *root)
{
	struct history *h = job->h;
	struct str parts[] = { conversation_of(root->body, &h->arena), STR("/"),
			       root->id };
	struct store_objects_query q = {
		.kind = STORE_MESSAGES,
		.owner = job->ask.owner,
		.parent = parts[0],
		.limit = STORE_OBJECTS_MAX,
		.newest_first = true,
	};
	struct store_objects rows;
	size_t n = 0;
	int r;

	if (parts[0].len == 0)
		return 0;
	q.after = arena_join(&h->arena, parts, countof(parts));
	r = store_object_list(job->store, &q, &h->arena, &rows);
	if (r != 0)
		return r == STORE_BAD_CURSOR ? 0 : r;
	while (n < rows.count && !rows.rows[n].is_root)
		n++;
	n += n < rows.count;
	h->lacks_items = n > 0;
	while (n > 0 && r == 0)
		r = add_messages(h, rows.rows[--n].body);
	return r;
}

/*
 * The input items are as much again as the messages, and few need them: who asks
 * for items, and the turn that is to keep the whole history.
 */
static int read_chain(struct job *job)
{
	struct history *h = job->h;
	struct store_chain_query q = {
		.from = { STORE_RESPONSE, job->ask.owner, job->ask.previous },
		.max = STORE_CHAIN_MAX,
		.without = job->ask.with_items ? 0 : STORE_INPUT,
	};
	int r = store_object_chain(job->store, &q, &h->arena, &h->chain);

	if (r != 0 || q.without == 0 || h->chain.count < HISTORY_DEPTH - 1)
		return r;
	q.without = 0;
	return store_object_chain(job->store, &q, &h->arena, &h->chain);
}

static int load_chain(struct job *job)
{
	struct history *h = job->h;
	const struct store_object *last;
	int r = read_chain(job);

	if (r == STORE_UNKNOWN)
		return not_found(job, "Response", job->ask.previous);
	if (r != 0)
		return r;
	last = &h->chain.rows[h->chain.count - 1];
	if (str_eq(last->state, STR("deleted")))
		return not_found(job, "Response", job->ask.previous);
	if (is_under_way(last->state)) {
		return refuse(job, "previous_response_id", "response_not_done",
			      arena_printf(&h->arena,
					   "Response '" STR_FMT
					   "' is still " STR_FMT
					   "; wait for its end.",
					   STR_ARG(last->id),
					   STR_ARG(last->state)));
	}
	if (!h->chain.is_whole) {
		return refuse(job, "previous_response_id", "history_gone",
			      arena_printf(&h->arena,
					   "A response before '" STR_FMT
					   "' is not kept any more; send the "
					   "whole input.",
					   STR_ARG(last->id)));
	}
	h->total_tokens = total_of(last->body);
	h->depth = h->chain.count;
	r = load_before(job, &h->chain.rows[0]);
	for (size_t i = 0; i < h->chain.count && r == 0; i++) {
		r = add_messages(h, h->chain.rows[i].aux);
		if (str_eq(h->chain.rows[i].state, STR("deleted")))
			h->lacks_items = true;
	}
	return r;
}

int history_read(struct store *s, struct str owner, struct str conversation,
		 struct history *h)
{
	struct store_key key = { STORE_CONVERSATION, owner, conversation };
	struct store_object row;
	int r = store_object_get(s, &key, &h->arena, &row);

	if (r == 0) {
		r = store_object_list(s,
				      &(struct store_objects_query){
					      .kind = STORE_MESSAGES,
					      .owner = owner,
					      .parent = conversation,
					      .limit = STORE_OBJECTS_MAX,
					      .from_root = true },
				      &h->arena, &h->turns);
	}
	if (r == 0 && h->turns.has_more)
		r = err_new(-EMSGSIZE, "more turns than fit in a page");
	if (r != 0)
		return r;
	h->depth = h->turns.count;
	h->lacks_items = h->turns.count > 0;
	for (size_t i = 0; i < h->turns.count && r == 0; i++) {
		h->has_turns = h->has_turns || h->turns.rows[i].label.len > 0;
		r = add_messages(h, h->turns.rows[i].body);
	}
	return r;
}

static int load_conversation(struct job *job)
{
	int r = history_read(job->store, job->ask.owner, job->ask.conversation,
			     job->h);

	if (r == STORE_UNKNOWN)
		return not_found(job, "Conversation", job->ask.conversation);
	return r;
}

static int load_prompt(struct job *job)
{
	struct history *h = job->h;
	int r = history_find_prompt(job->store, &job->ask, &h->arena,
				    &h->prompt);

	if (r != STORE_UNKNOWN)
		return r;
	return refuse(
		job, "prompt", "prompt_not_found",
		arena_printf(&h->arena,
			     "Prompt '" STR_FMT "'%s" STR_FMT " not found.",
			     STR_ARG(str_take(job->ask.prompt, SHOWN_MAX)),
			     job->ask.version.len > 0 ? " with version " : "",
			     STR_ARG(str_take(job->ask.version, SHOWN_MAX))));
}

static int load_references(struct job *job)
{
	struct history *h = job->h;
	const struct item_list *ids = job->ask.references;
	int r = 0;

	h->found.texts =
		arena_zalloc(&h->arena, ids->count * sizeof(*h->found.texts));
	for (size_t i = 0; i < ids->count && r == 0; i++) {
		r = history_find_item(job->store, h, &job->ask, ids->texts[i],
				      &h->found.texts[i]);
		if (r == STORE_UNKNOWN) {
			r = refuse(
				job, "input", "item_not_found",
				arena_printf(&h->arena,
					     "Item with id '" STR_FMT
					     "' not found: it was not kept, "
					     "or is in another conversation.",
					     STR_ARG(str_take(ids->texts[i],
							      SHOWN_MAX))));
		}
	}
	h->found.count = ids->count;
	return r;
}

static void run_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;

	job->r = 0;
	if (job->ask.previous.len > 0)
		job->r = load_chain(job);
	else if (job->ask.conversation.len > 0)
		job->r = load_conversation(job);
	if (job->r == 0 && job->ask.prompt.len > 0)
		job->r = load_prompt(job);
	if (job->r == 0 && job->ask.references != NULL)
		job->r = load_references(job);
	if (job->r < 0)
		log_warn("store: " STR_FMT, STR_ARG(err_text()));
}

static void free_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;

	history_free(job->h);
	free(job);
}

/* The job outlives who asks: it has its own copies. */
static struct job *make_job(struct store *s, const struct history_ask *ask)
{
	struct job *job = xcalloc(1, sizeof(*job));
	struct history *h = history_new();
	struct item_list *refs = &job->references;

	job->work = (struct offload_work){ .run = run_job, .free = free_job };
	job->store = s;
	job->h = h;
	job->ask = (struct history_ask){
		.owner = arena_str(&h->arena, ask->owner),
		.previous = arena_str(&h->arena, ask->previous),
		.conversation = arena_str(&h->arena, ask->conversation),
		.prompt = arena_str(&h->arena, ask->prompt),
		.version = arena_str(&h->arena, ask->version),
		.with_items = ask->with_items,
	};
	if (ask->references == NULL || ask->references->count == 0)
		return job;
	job->ask.with_items = true;
	refs->count = ask->references->count;
	refs->texts =
		arena_alloc(&h->arena, refs->count * sizeof(*refs->texts));
	for (size_t i = 0; i < refs->count; i++)
		refs->texts[i] =
			arena_str(&h->arena, ask->references->texts[i]);
	job->ask.references = refs;
	return job;
}

/* What the client is told of a store that does not answer. */
static int unavailable(struct api_error *e, struct arena *a)
{
	(void)api_fail(e, a, 503, "server_error", NULL,
		       "The store does not answer; try again later. The "
		       "server's log says why.");
	e->code = STR("store_unavailable");
	e->with_detail = true;
	return API_FAIL;
}

static int no_store(const struct history_ask *ask, struct arena *a,
		    struct api_error *e)
{
	const char *what = ask->prompt.len > 0 ? "prompt" : "response";
	struct str id = ask->prompt;

	if (ask->previous.len > 0)
		id = ask->previous;
	if (ask->conversation.len > 0) {
		what = "conversation";
		id = ask->conversation;
	}
	(void)api_fail(e, a, 404, "invalid_request_error", NULL,
		       "There is no %s '" STR_FMT
		       "': this server keeps nothing; start it with --store "
		       "sqlite:PATH.",
		       what, STR_ARG(str_take(id, SHOWN_MAX)));
	e->code = STR("store_off");
	e->with_detail = true;
	return API_FAIL;
}

/* The job has run: what it found, or why not. */
static int result(struct job *job, struct arena *a, struct history **out,
		  struct api_error *e)
{
	int r = job->r;

	if (r == 0) {
		*out = job->h;
		job->h = NULL;
	} else if (r == API_FAIL) {
		*e = job->error;
		e->message = arena_str(a, e->message);
	} else {
		r = unavailable(e, a);
	}
	free_job(&job->work);
	return r;
}

/* The elements of an array, or of a member of an object, in the arena. */
static void add_items(struct history *h, struct item_list *out, size_t *cap,
		      struct str text, struct str member)
{
	struct json_error error;
	struct json doc;
	uint32_t list;

	if (text.len == 0 || json_parse(text, NULL, &doc, &error) != 0)
		return;
	list = json_root(&doc);
	if (member.len > 0)
		list = json_get(&doc, list, member);
	for (uint32_t v = json_first(&doc, list); v != JSON_NONE;
	     v = json_next(&doc, v)) {
		if (out->count == *cap) {
			struct str *more =
				arena_alloc(&h->arena,
					    2 * (*cap + 8) * sizeof(*more));

			for (size_t i = 0; i < out->count; i++)
				more[i] = out->texts[i];
			out->texts = more;
			*cap = 2 * (*cap + 8);
		}
		out->texts[out->count++] = json_raw(&doc, v);
	}
	json_fini(&doc);
}

void history_items(struct history *h, struct item_list *out)
{
	size_t cap = 0;

	*out = (struct item_list){ 0 };
	for (size_t i = 0; i < h->chain.count; i++) {
		const struct store_object *row = &h->chain.rows[i];

		add_items(h, out, &cap, row->input, STR_NULL);
		add_items(h, out, &cap, row->body, STR("output"));
	}
}

/* What is not there, or not done, may be on its way from another server. */
static bool may_come(const struct job *job)
{
	return job->r == API_FAIL && store_is_shared(job->store);
}

/* Returns as offload_run(): the job is the caller's after 0 and -EAGAIN. */
static int look(struct task *t, struct store *s, const struct history_ask *ask,
		struct job **out)
{
	struct job *job = make_job(s, ask);
	int r = offload_run(t, &job->work, task_now(t) + load_ns);

	for (int64_t pause = pause_first_ns;
	     r == 0 && pause <= pause_last_ns && may_come(job); pause *= 2) {
		if (task_sleep(t, task_now(t) + pause) < 0)
			break;
		free_job(&job->work);
		job = make_job(s, ask);
		r = offload_run(t, &job->work, task_now(t) + load_ns);
	}
	*out = job;
	return r;
}

int history_load(struct task *t, struct store *s, const struct history_ask *ask,
		 struct arena *a, struct history **out, struct api_error *e)
{
	bool asks =
		ask->previous.len + ask->conversation.len + ask->prompt.len > 0;
	struct job *job;
	int r;

	asks = asks || (ask->references != NULL && ask->references->count > 0);
	if (!asks) {
		*out = history_new();
		return 0;
	}
	if (s == NULL)
		return no_store(ask, a, e);
	r = look(t, s, ask, &job);
	if (r == 0)
		return result(job, a, out, e);
	if (r == -EAGAIN)
		free_job(&job->work);
	return r == -ECANCELED ? r : unavailable(e, a);
}
