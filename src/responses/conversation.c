#include "responses/conversation.h"

#include <errno.h>

#include "base/clock.h"
#include "responses/conversation_build.h"
#include "responses/history.h"
#include "responses/id.h"
#include "json/writer.h"

enum {
	OBJECT_MAX = 128 * 1024, /* bytes; its metadata is bounded */
	DROP_ROWS = 512,         /* in one transaction */
	TRIES = 10,              /* when others write, too */
};

static const int64_t apply_ns = 30 * CLOCK_S;

struct str conversation_row(const struct conversation *c, struct str item)
{
	struct str parts[] = { c->id, STR("/"), item };

	return arena_join(c->arena, parts, countof(parts));
}

struct str conversation_item_id(const struct conversation *c, struct str text)
{
	struct str id = STR_NULL;
	struct json_error error;
	struct json doc;

	if (json_parse(text, NULL, &doc, &error) == 0) {
		id = arena_str(c->arena,
			       json_string(&doc,
					   json_get(&doc, json_root(&doc),
						    STR("id")),
					   c->arena));
		json_fini(&doc);
	}
	return id;
}

static int apply(const struct conversation *c, const struct store_op *ops,
		 size_t count)
{
	return store_apply(c->store, ops, count, clock_monotonic() + apply_ns);
}

static struct store_object named(const struct conversation *c,
				 enum store_kind kind, struct str id)
{
	return (struct store_object){
		.kind = kind,
		.owner = c->owner,
		.id = id,
		.parent = kind == STORE_CONVERSATION ? STR_NULL : c->id,
	};
}

static int get(const struct conversation *c, enum store_kind kind,
	       struct str id, struct store_object *out)
{
	struct store_key key = { kind, c->owner, id };

	return store_object_get(c->store, &key, c->arena, out);
}

int conversation_get(const struct conversation *c, struct store_object *out)
{
	return get(c, STORE_CONVERSATION, c->id, out);
}

/* --- the object ------------------------------------------------------------ */

struct str conversation_object(const struct conversation *c, int64_t created_at,
			       const struct json *doc, uint32_t metadata)
{
	struct str text = STR("{}");
	struct json_writer w;
	struct buf out;

	buf_init(&out, OBJECT_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("id"), c->id);
	json_member_str(&w, STR("object"), STR("conversation"));
	json_member_int(&w, STR("created_at"), created_at);
	json_member_raw(&w, STR("metadata"),
			json_type(doc, metadata) == JSON_OBJECT
				? json_raw(doc, metadata)
				: STR("{}"));
	json_end(&w);
	if (json_writer_done(&w) == 0)
		text = arena_str(c->arena, buf_str(&out));
	buf_fini(&out);
	return text;
}

int conversation_set_metadata(const struct conversation *c,
			      const struct json *doc, uint32_t metadata,
			      struct str *out)
{
	struct store_op op = { .what = STORE_REPLACE };
	int r = STORE_CONFLICT;

	for (int i = 0; i < TRIES && r == STORE_CONFLICT; i++) {
		r = conversation_get(c, &op.object);
		if (r != 0)
			return r;
		op.version = op.object.version;
		op.object.body = conversation_object(c, op.object.created, doc,
						     metadata);
		*out = op.object.body;
		r = apply(c, &op, 1);
	}
	return r == STORE_CONFLICT ? -EBUSY : r;
}

/* --- items ----------------------------------------------------------------- */

static int refuse(const struct conversation *c, const char *param,
		  const char *code, struct str text)
{
	(void)api_fail(c->error, c->arena, 400, "invalid_request_error", param,
		       STR_FMT, STR_ARG(text));
	c->error->code = str_of(code);
	return CONVERSATION_REFUSED;
}

static int check_kind(const struct field_checker *c,
		      const struct field_path *path, uint32_t item)
{
	enum item_kind kind = item_kind(c->doc, item);
	uint32_t id = field_get(c->doc, item, STR("id"));

	if (json_is(c->doc, id, STR(""))) {
		return field_bad_value(c, FIELD_PATH(path, "id"), id,
				       "texts that are not empty");
	}
	if (kind != ITEM_COMPACTION && kind != ITEM_REFERENCE)
		return 0;
	(void)field_bad_value(c, FIELD_PATH(path, "type"),
			      field_get(c->doc, item, STR("type")), "");
	c->error->message =
		arena_printf(c->arena,
			     "Invalid '" STR_FMT
			     "': a conversation takes no items of the "
			     "type '%s'; give the items themselves.",
			     STR_ARG(c->error->param),
			     kind == ITEM_REFERENCE ? "item_reference"
						    : "compaction");
	return API_FAIL;
}

int conversation_check_items(const struct field_checker *c, uint32_t items,
			     size_t max)
{
	const struct field_path *path = FIELD_PATH(NULL, "items");
	uint32_t i = 0;
	int r;

	if (json_type(c->doc, items) != JSON_ARRAY)
		return field_wrong_type(c, path, items, "an array of items");
	if (json_count(c->doc, items) > max) {
		return field_long_array(c, path, json_count(c->doc, items),
					(uint32_t)max);
	}
	r = item_check_input(c, path, items);
	for (uint32_t v = json_first(c->doc, items); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = check_kind(c, FIELD_ELEMENT(path, i++), v);
	return r;
}

/* Items on their way into the conversation. */
struct addition {
	const struct conversation *c;
	const struct json *doc;
	uint32_t items;
	int64_t created_at;
	struct item_list texts;
	struct str *names;    /* of their rows */
	struct store_op *ops; /* room for all, and two more */
	size_t count;
	struct buf messages;     /* of the row that says them */
	struct store_object old; /* the newest such row, or no id */
};

static int begin(struct addition *add)
{
	const struct conversation *c = add->c;
	struct id_source ids = ID_RANDOM;

	item_store(add->doc, add->items, &ids, c->arena, &add->texts);
	add->names = arena_alloc(c->arena,
				 (add->texts.count + 1) * sizeof(*add->names));
	add->ops = arena_alloc(c->arena,
			       (add->texts.count + 3) * sizeof(*add->ops));
	buf_init(&add->messages, STORE_ROW_BYTES_MAX);
	for (size_t i = 0; i < add->texts.count; i++) {
		add->names[i] = conversation_row(
			c, conversation_item_id(c, add->texts.texts[i]));
		for (size_t j = 0; j < i; j++) {
			if (str_eq(add->names[j], add->names[i])) {
				return refuse(c, "items", "duplicate_item",
					      STR("Invalid 'items': two of "
						  "them have the same id."));
			}
		}
	}
	return 0;
}

static void add_items(struct addition *add)
{
	for (size_t i = 0; i < add->texts.count; i++) {
		struct store_op *op = &add->ops[add->count++];

		*op = (struct store_op){
			.what = STORE_PUT,
			.object = named(add->c, STORE_ITEM, add->names[i]),
		};
		op->object.created = add->created_at;
		op->object.body = add->texts.texts[i];
	}
}

/* The row of messages: what these items bring, or all. */
static void add_row(struct addition *add, const char *word, struct str label,
		    bool is_root)
{
	struct store_op *op = &add->ops[add->count++];
	struct id_source ids = ID_RANDOM;
	struct id id;

	id_make(&ids, str_of(word), &id);
	*op = (struct store_op){
		.what = STORE_PUT,
		.object =
			named(add->c, STORE_MESSAGES,
			      conversation_row(add->c, arena_str(add->c->arena,
								 id_str(&id)))),
	};
	op->object.created = add->created_at;
	op->object.label = label;
	op->object.is_root = is_root;
	op->object.body = buf_str(&add->messages);
}

static int write_texts(struct addition *add, const struct messages *m)
{
	int r = 0;

	for (size_t i = 0; i < m->count && r == 0; i++) {
		if (add->messages.len > 1)
			r = buf_add(&add->messages, STR(","));
		if (r == 0)
			r = buf_add(&add->messages, m->texts[i]);
	}
	return r;
}

static int write_messages(struct addition *add, const struct messages *before,
			  const struct messages *now)
{
	int r = buf_add(&add->messages, STR("["));

	if (r == 0)
		r = write_texts(add, before);
	if (r == 0)
		r = write_texts(add, now);
	return r == 0 ? buf_add(&add->messages, STR("]")) : r;
}

/* What the new items say is added to what was said. */
static int extend(struct addition *add, const struct history *h)
{
	const struct conversation *c = add->c;
	bool whole = h->depth >= HISTORY_DEPTH - 1;
	struct convert cv = { .arena = c->arena,
			      .error = c->error,
			      .previous = &h->messages,
			      .keeps_repeats = true };
	struct messages none = { 0 }, now = { 0 };
	int r;

	if (convert_input(&cv, add->doc, add->items, &now) != 0) {
		c->error->param = STR("items");
		return CONVERSATION_REFUSED;
	}
	r = write_messages(add, whole ? &h->messages : &none, &now);
	if (r == 0)
		add_row(add, "add_",
			whole && h->has_turns ? STR("turns") : STR_NULL, whole);
	return r;
}

/* What was said is made anew from the items. */
static int rebuild(struct addition *add, struct str dropped)
{
	const struct conversation *c = add->c;
	struct conversation_build b = { .conversation = c,
					.dropped = dropped,
					.names = add->names,
					.texts = &add->texts };
	struct messages none = { 0 };
	int r = conversation_build(&b);

	if (r == 0)
		r = write_messages(add, &none, &b.messages);
	if (r != 0)
		return r;
	/* One that nobody looks at any more. */
	if (conversation_build_is_edit(c, &b.newest)) {
		add->ops[add->count++] = (struct store_op){
			.what = STORE_DELETE,
			.object = b.newest,
		};
	}
	add_row(add, CONVERSATION_BUILD_EDIT, b.label, true);
	return 0;
}

static int too_large(const struct conversation *c)
{
	return refuse(c, "items", "conversation_too_large",
		      STR("The conversation is too large: what its items say "
			  "does not fit in 64 MB."));
}

static int end(struct addition *add, int r)
{
	if (r == 0)
		r = apply(add->c, add->ops, add->count);
	buf_fini(&add->messages);
	return r == -EMSGSIZE ? too_large(add->c) : r;
}

int conversation_create(const struct conversation *c, const struct json *doc,
			int64_t created_at, struct str *out)
{
	uint32_t root = json_root(doc);
	struct addition add = { .c = c,
				.doc = doc,
				.items = field_get(doc, root, STR("items")),
				.created_at = created_at };
	struct history *h = history_new();
	struct store_op *op;
	int r = begin(&add);

	*out = conversation_object(c, created_at, doc,
				   field_get(doc, root, STR("metadata")));
	op = &add.ops[add.count++];
	*op = (struct store_op){ .what = STORE_INSERT,
				 .object =
					 named(c, STORE_CONVERSATION, c->id) };
	op->object.created = created_at;
	op->object.body = *out;
	add_items(&add);
	if (r == 0 && add.texts.count > 0)
		r = extend(&add, h);
	history_free(h);
	return end(&add, r);
}

/* Is one of the ids taken? */
static int find_taken(const struct addition *add, bool *out)
{
	struct store_object row;
	int r = STORE_UNKNOWN;

	for (size_t i = 0; i < add->texts.count && r == STORE_UNKNOWN; i++)
		r = get(add->c, STORE_ITEM, add->names[i], &row);
	*out = r == 0;
	return r == STORE_UNKNOWN ? 0 : r;
}

static void expect(struct addition *add)
{
	add->ops[add->count++] = (struct store_op){
		.what = STORE_EXPECT,
		.object = named(add->c, STORE_CONVERSATION, add->c->id),
	};
}

int conversation_add(const struct conversation *c, const struct json *doc,
		     uint32_t items, int64_t created_at, struct item_list *out)
{
	struct addition add = {
		.c = c, .doc = doc, .items = items, .created_at = created_at
	};
	struct history *h = history_new();
	bool is_taken = false;
	int r = history_read(c->store, c->owner, c->id, h);

	if (r == 0)
		r = begin(&add);
	if (r == 0)
		r = find_taken(&add, &is_taken);
	if (r == 0) {
		expect(&add);
		add_items(&add);
	}
	if (r == 0 && add.texts.count > 0)
		r = is_taken ? rebuild(&add, STR_NULL) : extend(&add, h);
	*out = add.texts;
	history_free(h);
	return end(&add, r);
}

int conversation_item(const struct conversation *c, struct str item,
		      struct store_object *out)
{
	return get(c, STORE_ITEM, conversation_row(c, item), out);
}

int conversation_remove(const struct conversation *c, struct str item,
			struct str *out)
{
	struct str name = conversation_row(c, item);
	struct store_op ops[5];
	struct addition add = { .c = c,
				.created_at = clock_wall() / CLOCK_S,
				.ops = ops };
	struct store_object row;
	int r = conversation_get(c, &row);

	if (r != 0)
		return r;
	*out = row.body;
	buf_init(&add.messages, STORE_ROW_BYTES_MAX);
	expect(&add);
	ops[add.count++] = (struct store_op){
		.what = STORE_DELETE,
		.object = named(c, STORE_ITEM, name),
	};
	return end(&add, rebuild(&add, name));
}

/* --- its end --------------------------------------------------------------- */

/* Of one kind, until few are left. */
static int drop_many(const struct conversation *c, enum store_kind kind)
{
	struct store_objects_query q = {
		.kind = kind,
		.owner = c->owner,
		.parent = c->id,
		.limit = DROP_ROWS,
		.without = STORE_BODY | STORE_INPUT | STORE_AUX,
	};
	struct store_op *ops = arena_alloc(c->arena, DROP_ROWS * sizeof(*ops));
	struct store_objects rows = { .has_more = true };
	int r = 0;

	while (r == 0 && rows.has_more) {
		struct arena_mark mark = arena_mark(c->arena);

		r = store_object_list(c->store, &q, c->arena, &rows);
		for (size_t i = 0; i < rows.count && r == 0; i++) {
			ops[i] = (struct store_op){ .what = STORE_DELETE,
						    .object = rows.rows[i] };
		}
		if (r == 0 && rows.has_more)
			r = apply(c, ops, rows.count);
		arena_rewind(c->arena, mark);
	}
	return r;
}

int conversation_drop(const struct conversation *c)
{
	struct store_object row;
	struct store_op ops[] = {
		{ .what = STORE_DELETE,
		  .object = named(c, STORE_CONVERSATION, c->id) },
		{ .what = STORE_DELETE_CHILDREN,
		  .object = named(c, STORE_ITEM, STR_NULL) },
		{ .what = STORE_DELETE_CHILDREN,
		  .object = named(c, STORE_MESSAGES, STR_NULL) },
	};
	int r = conversation_get(c, &row);

	if (r == 0)
		r = drop_many(c, STORE_ITEM);
	if (r == 0)
		r = drop_many(c, STORE_MESSAGES);
	return r == 0 ? apply(c, ops, countof(ops)) : r;
}
