#include "responses/state.h"

#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "responses/state_apply.h"
#include "store/claim.h"

enum {
	ROW_MAX = STORE_ROW_BYTES_MAX
};

static const int64_t wait_ns = 5 * CLOCK_S; /* for room in the queue */

bool state_is_kept(const struct run *run)
{
	const struct response_request *req = run->setup.request;

	if (req->at[RESPONSE_STORE] == JSON_NONE &&
	    !run->setup.config->store_by_default && !req->background)
		return false;
	return run->setup.worker->store != NULL && req->store;
}

void state_post(struct task *t, struct worker *w, const struct store_op *ops,
		size_t count)
{
	int64_t end_ns = task_now(t) + wait_ns, pause_ns = CLOCK_MS;
	int r = store_post(w->store, w->producer, ops, count);

	while (r == STORE_FULL && task_now(t) < end_ns) {
		if (task_sleep(t, task_now(t) + pause_ns) < 0)
			break;
		pause_ns *= 2;
		r = store_post(w->store, w->producer, ops, count);
	}
	if (r != 0) {
		log_warn("store: response " STR_FMT " is not kept: " STR_FMT,
			 STR_ARG(ops[0].object.id),
			 STR_ARG(r > 0 ? STR("the queue is full")
				       : err_text()));
	}
}

/* A JSON array of texts.  0 or -EMSGSIZE. */
static int add_array(struct buf *out, const struct str *texts, size_t count)
{
	int r = buf_add(out, STR("["));

	for (size_t i = 0; i < count && r == 0; i++) {
		if (i > 0)
			r = buf_add(out, STR(","));
		if (r == 0)
			r = buf_add(out, texts[i]);
	}
	return r == 0 ? buf_add(out, STR("]")) : r;
}

/* The texts of one of a response's rows. */
struct row {
	struct buf body, input, aux;
};

static void row_init(struct row *row)
{
	buf_init(&row->body, ROW_MAX);
	buf_init(&row->input, ROW_MAX);
	buf_init(&row->aux, ROW_MAX);
}

static void row_fini(struct row *row)
{
	buf_fini(&row->body);
	buf_fini(&row->input);
	buf_fini(&row->aux);
}

static bool is_chained(const struct run *run)
{
	return run->setup.request->previous_response_id.len > 0;
}

/* Is this the row that is to hold the whole history? */
static bool is_snapshot(const struct run *run)
{
	return run->setup.history->depth >= HISTORY_DEPTH - 1;
}

static bool is_compacted(const struct run *run)
{
	return run->compacted.count > 0;
}

void state_messages(const struct run *run, bool whole, struct messages *out)
{
	const struct messages *before = is_compacted(run)
						? &run->compacted
						: &run->setup.history->messages;
	struct messages turn = run->turn;

	/* Of the system's, it has what was put into a conversation itself. */
	for (size_t i = 0; whole && i < before->count; i++)
		messages_add(out, run->arena, before->texts[i]);
	if (whole && is_compacted(run) && run->asked > 0) {
		turn.texts += run->asked;
		turn.count -= run->asked;
	}
	messages_carry(&turn, run->arena, out);
}

static int write_messages(const struct run *run, bool whole, struct buf *out)
{
	struct messages all = { 0 };

	state_messages(run, whole, &all);
	return messages_write(&all, out);
}

static int write_input(const struct run *run, bool whole, struct buf *out)
{
	struct item_list all = run->input;
	struct str *texts;

	if (whole && is_compacted(run)) {
		all = run->compacted_items;
	} else if (whole) {
		struct item_list before;

		history_items(run->setup.history, &before);
		all.count = before.count + run->input.count;
		texts = arena_alloc(run->arena,
				    (all.count + 1) * sizeof(*texts));
		for (size_t i = 0; i < before.count; i++)
			texts[i] = before.texts[i];
		for (size_t i = 0; i < run->input.count; i++)
			texts[before.count + i] = run->input.texts[i];
		all.texts = texts;
	}
	return add_array(out, all.texts, all.count);
}

static struct store_op op_of(const struct run *run, enum store_kind kind)
{
	return (struct store_op){
		.what = STORE_PUT,
		.object = { .kind = kind,
			    .owner = run->setup.owner,
			    .created = run->view.created_at },
	};
}

/* A conversation keeps its history in rows of its own. */
static bool is_whole(const struct run *run)
{
	if (is_compacted(run))
		return run->setup.request->conversation.len == 0;
	return is_chained(run) && is_snapshot(run);
}

static int make_response(const struct run *run, struct row *row,
			 struct store_op *op)
{
	bool whole = is_whole(run);
	int r = object_write(&run->view, &run->now, &row->body);

	if (r == 0)
		r = write_input(run, whole, &row->input);
	if (r == 0)
		r = write_messages(run, whole, &row->aux);
	*op = op_of(run, STORE_RESPONSE);
	op->object.id = run->view.id;
	op->object.parent = run->setup.request->previous_response_id;
	op->object.is_root = whole || !is_chained(run);
	op->object.label = run->setup.request->model;
	op->object.state = object_status(run->now.status);
	op->object.body = buf_str(&row->body);
	op->object.input = buf_str(&row->input);
	op->object.aux = buf_str(&row->aux);
	return r;
}

static bool is_synced(const struct run *run)
{
	return run->setup.request->conversation.len > 0 &&
	       (run->now.status == RESPONSE_COMPLETED ||
		run->now.status == RESPONSE_INCOMPLETE);
}

static struct str name_below(const struct run *run, struct str parent,
			     struct str id)
{
	struct str parts[] = { parent, STR("/"), id };

	return arena_join(run->arena, parts, countof(parts));
}

/* An item's id, and the name of its row. */
static struct str item_name(const struct run *run, struct str text)
{
	struct str id = STR_NULL;
	struct json_error error;
	struct json doc;

	if (json_parse(text, NULL, &doc, &error) == 0) {
		id = arena_str(run->arena,
			       json_string(&doc,
					   json_get(&doc, json_root(&doc),
						    STR("id")),
					   run->arena));
		json_fini(&doc);
	}
	return name_below(run, run->setup.request->conversation, id);
}

static size_t add_item(const struct run *run, struct str text,
		       struct store_op *ops, size_t count)
{
	if (count == STORE_OPS_MAX - 1)
		return count;
	ops[count] = op_of(run, STORE_ITEM);
	ops[count].object.id = item_name(run, text);
	ops[count].object.parent = run->setup.request->conversation;
	ops[count].object.label = run->view.id;
	ops[count].object.body = text;
	return count + 1;
}

/* The conversation gets the input, what was answered, and the messages. */
static size_t add_conversation(const struct run *run, struct row *row,
			       struct store_op *ops, size_t count)
{
	struct str parts[] = { STR("["), run->now.output, STR("]") };
	struct str output = arena_join(run->arena, parts, countof(parts));
	bool whole = is_snapshot(run) || is_compacted(run);
	struct json_error error;
	struct store_op *op;
	struct json doc;

	if (write_messages(run, whole, &row->aux) != 0)
		return count;
	op = &ops[count++];
	*op = op_of(run, STORE_MESSAGES);
	op->object.parent = run->setup.request->conversation;
	op->object.id = name_below(run, op->object.parent, run->view.id);
	op->object.label = run->view.id;
	op->object.is_root = whole;
	op->object.body = buf_str(&row->aux);

	for (size_t i = 0; i < run->input.count; i++)
		count = add_item(run, run->input.texts[i], ops, count);
	if (json_parse(output, NULL, &doc, &error) != 0)
		return count;
	for (uint32_t v = json_first(&doc, json_root(&doc)); v != JSON_NONE;
	     v = json_next(&doc, v))
		count = add_item(run, json_raw(&doc, v), ops, count);
	json_fini(&doc);
	return count;
}

static bool is_over(const struct run *run)
{
	return run->now.status != RESPONSE_QUEUED &&
	       run->now.status != RESPONSE_IN_PROGRESS;
}

/* The frames that are left, as one more row. */
static size_t add_frames(struct run *run, struct store_op *ops, size_t count)
{
	struct store_op *op = &ops[count];

	if (run->kept.len == 0)
		return count;
	*op = op_of(run, STORE_EVENTS);
	op->object.id = arena_printf(run->arena, STR_FMT "/%06u",
				     STR_ARG(run->view.id), run->pieces++);
	op->object.parent = run->view.id;
	op->object.body = buf_str(&run->kept);
	return count + 1;
}

static struct store_op below(const struct run *run, enum store_what what,
			     enum store_kind kind)
{
	struct store_op op = op_of(run, kind);

	op.what = what;
	op.object.parent = run->view.id;
	return op;
}

/*
 * A background run writes only while nobody else has: neither who cancels it nor
 * who took it for dead.
 */
static void overwrite(struct task *t, struct run *run, struct store_op *ops,
		      size_t count)
{
	int r;

	ops[0].what = STORE_REPLACE;
	ops[0].version = run->version;
	if (is_over(run))
		ops[count++] = below(run, STORE_DELETE_CHILDREN, STORE_RUN);
	else if (run->pieces == 0) /* an attempt before this left some */
		ops[count++] = below(run, STORE_DELETE_CHILDREN, STORE_EVENTS);
	r = state_apply(t, run->setup.worker->store, ops, count);
	if (r == 0)
		run->version++;
	if (r == STORE_CONFLICT || r == STORE_UNKNOWN)
		run->is_gone = true;
}

/* What is to be kept of a run as it stands; ops has room.  Returns the count. */
static size_t make_ops(struct run *run, struct row rows[2],
		       struct store_op *ops)
{
	size_t count = 1;

	if (make_response(run, &rows[0], &ops[0]) != 0) {
		log_warn("store: response " STR_FMT " is not kept: it is over "
			 "%d MB",
			 STR_ARG(run->view.id), ROW_MAX >> 20);
		return 0;
	}
	if (is_over(run))
		count = add_frames(run, ops, count);
	if (is_over(run) && is_synced(run))
		count = add_conversation(run, &rows[1], ops, count);
	return count;
}

static struct store_op *room_for(const struct run *run)
{
	size_t room = run->input.count + run->output_count;

	if (room > STORE_OPS_MAX)
		room = STORE_OPS_MAX;
	return arena_alloc(run->arena, (room + 8) * sizeof(struct store_op));
}

void state_keep(struct task *t, struct run *run)
{
	struct arena_mark mark = arena_mark(run->arena);
	struct store_op *ops = room_for(run);
	struct row rows[2];
	size_t count;

	row_init(&rows[0]);
	row_init(&rows[1]);
	count = make_ops(run, rows, ops);
	if (count > 0 && run->setup.version > 0)
		overwrite(t, run, ops, count);
	else if (count > 0)
		state_post(t, run->setup.worker, ops, count);
	row_fini(&rows[0]);
	row_fini(&rows[1]);
	arena_rewind(run->arena, mark);
}

int state_queue(struct task *t, struct run *run, struct str request)
{
	struct store_op ops[2];
	struct row row;
	int r;

	row_init(&row);
	r = make_response(run, &row, &ops[0]);
	ops[0].what = STORE_INSERT;
	ops[1] = below(run, STORE_INSERT, STORE_RUN);
	ops[1].object.id = run->view.id;
	ops[1].object.state = STORE_STATE_QUEUED;
	ops[1].object.body = request;
	if (r == 0)
		r = state_apply(t, run->setup.worker->store, ops, 2);
	row_fini(&row);
	return r;
}

void state_keep_frames(struct task *t, struct run *run, struct str frames,
		       bool all)
{
	struct store_op op;
	bool late = run->setup.version > 0 &&
		    task_now(t) - run->kept_ns >= STATE_EVENTS_NS;

	if (buf_add(&run->kept, frames) != 0 || all ||
	    (run->kept.len < STATE_EVENTS_MAX && !late))
		return;
	run->kept_ns = task_now(t);
	if (add_frames(run, &op, 0) == 1)
		state_post(t, run->setup.worker, &op, 1);
	buf_clear(&run->kept);
}
