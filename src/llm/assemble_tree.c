#include "llm/assemble_tree.h"

enum {
	TEXT_FIRST = 32,
	LIST_FIRST = 4
};

#define TEXT_PART "{\"type\":\"text\",\"text\":"
#define EMPTY_MESSAGE \
	"{\"role\":\"assistant\",\"content\":null,\"refusal\":null}"

#define SHAPE(table) .rows = (table), .count = countof(table)

static const struct assemble_row function_rows[] = {
	{ STR_INIT("name"), ASSEMBLE_FIRST },
	{ STR_INIT("arguments"), ASSEMBLE_SOURCE, .missing = STR_INIT("\"\"") },
};

static const struct assemble_row custom_rows[] = {
	{ STR_INIT("name"), ASSEMBLE_FIRST },
	{ STR_INIT("input"), ASSEMBLE_SOURCE, .missing = STR_INIT("\"\"") },
};

static const struct assemble_row audio_rows[] = {
	{ STR_INIT("id"), ASSEMBLE_LAST },
};

static const struct assemble_shape function = { SHAPE(function_rows) };
static const struct assemble_shape custom = { SHAPE(custom_rows) };
static const struct assemble_shape audio = { SHAPE(audio_rows) };
static const struct assemble_shape logprobs = { .keeps_null = true };

static const struct assemble_row call_rows[] = {
	{ STR_INIT("id"), ASSEMBLE_LAST },
	{ STR_INIT("type"), ASSEMBLE_LAST, .missing = STR_INIT("\"function\""),
	  .unless = STR_INIT("custom") },
	{ STR_INIT("function"), ASSEMBLE_MERGE, &function },
	{ STR_INIT("custom"), ASSEMBLE_MERGE, &custom },
	{ STR_INIT("index"), ASSEMBLE_DROP },
};

static const struct assemble_shape call = {
	SHAPE(call_rows),
	.other = ASSEMBLE_LAST,
	.entries_max = ASSEMBLE_CALLS_MAX,
	.is_call = true,
};

static const struct assemble_row message_rows[] = {
	{ STR_INIT("role"), ASSEMBLE_LAST,
	  .missing = STR_INIT("\"assistant\"") },
	{ STR_INIT("content"), ASSEMBLE_JOIN, .missing = STR_INIT("null") },
	{ STR_INIT("refusal"), ASSEMBLE_JOIN, .missing = STR_INIT("null") },
	{ STR_INIT("tool_calls"), ASSEMBLE_EACH, &call },
	{ STR_INIT("function_call"), ASSEMBLE_MERGE, &function },
	{ STR_INIT("audio"), ASSEMBLE_MERGE, &audio },
};

static const struct assemble_shape message = { SHAPE(message_rows) };

static const struct assemble_row choice_rows[] = {
	{ STR_INIT("text"), ASSEMBLE_JOIN },
	{ STR_INIT("message"), ASSEMBLE_MERGE, &message,
	  .missing = STR_INIT(EMPTY_MESSAGE), .unless = STR_INIT("text") },
	{ STR_INIT("delta"), ASSEMBLE_MERGE, &message,
	  .as = STR_INIT("message") },
	{ STR_INIT("logprobs"), ASSEMBLE_MERGE, &logprobs,
	  .missing = STR_INIT("null") },
	{ STR_INIT("finish_reason"), ASSEMBLE_LAST,
	  .missing = STR_INIT("null") },
	{ STR_INIT("index"), ASSEMBLE_DROP },
	{ STR_INIT("obfuscation"), ASSEMBLE_DROP },
};

static const struct assemble_shape choice = {
	SHAPE(choice_rows),
	.other = ASSEMBLE_APPEND,
	.entries_max = ASSEMBLE_CHOICES_MAX,
};

static const struct assemble_row root_rows[] = {
	{ STR_INIT("id"), ASSEMBLE_FIRST },
	{ STR_INIT("model"), ASSEMBLE_FIRST },
	{ STR_INIT("choices"), ASSEMBLE_EACH, &choice },
	{ STR_INIT("usage"), ASSEMBLE_LAST_OBJECT },
	{ STR_INIT("created"), ASSEMBLE_DROP },
	{ STR_INIT("object"), ASSEMBLE_DROP },
	{ STR_INIT("error"), ASSEMBLE_DROP },
	{ STR_INIT("obfuscation"), ASSEMBLE_DROP },
};

const struct assemble_shape assemble_tree_root = {
	SHAPE(root_rows),
	.other = ASSEMBLE_LAST,
};

/* Where what is merged comes from, and the memory for it. */
struct merger {
	struct arena *a;
	const struct json *doc;
};

/* Twice as much room as before, and for more. */
static int grow_text(struct merger *m, struct assemble_text *t, size_t more)
{
	size_t cap = t->cap > 0 ? 2 * t->cap : TEXT_FIRST;
	char *ptr;

	if (t->cap - t->len >= more)
		return 0;
	if (cap < t->len + more)
		cap = t->len + more;
	ptr = arena_try(m->a, cap);
	if (ptr == NULL)
		return ASSEMBLE_FULL;
	if (t->len > 0)
		memcpy(ptr, t->ptr, t->len);
	t->ptr = ptr;
	t->cap = cap;
	return 0;
}

static int add_bytes(struct merger *m, struct assemble_text *t, struct str s)
{
	if (grow_text(m, t, s.len) != 0)
		return ASSEMBLE_FULL;
	if (s.len > 0)
		memcpy(t->ptr + t->len, s.ptr, s.len);
	t->len += s.len;
	return 0;
}

static int add_string(struct merger *m, struct assemble_text *t, uint32_t v)
{
	if (grow_text(m, t, json_raw(m->doc, v).len) != 0)
		return ASSEMBLE_FULL;
	t->len += json_unescape(m->doc, v, t->ptr + t->len);
	return 0;
}

/* An array for one more of size bytes: list itself, or a larger copy. */
static void *grow_list(struct merger *m, void *list, uint32_t *cap, size_t size)
{
	uint32_t more = *cap > 0 ? 2 * *cap : LIST_FIRST;
	char *grown = arena_try(m->a, more * size);

	if (grown == NULL)
		return NULL;
	memset(grown, 0, more * size);
	if (*cap > 0)
		memcpy(grown, list, *cap * size);
	*cap = more;
	return grown;
}

/* The member of that name; a new one has the kind NULL.  NULL: no room. */
static struct assemble_member *member_at(struct merger *m,
					 struct assemble_object *o,
					 uint32_t key, struct str name)
{
	struct assemble_text text = { 0 };
	struct assemble_member *members = o->members;

	for (uint32_t i = 0; i < o->count; i++) {
		struct str is = members[i].key;

		if (name.len > 0 ? str_eq(is, name) : json_is(m->doc, key, is))
			return &members[i];
	}
	if (o->count == ASSEMBLE_MEMBERS_MAX)
		return NULL;
	if (name.len == 0 && add_string(m, &text, key) != 0)
		return NULL;
	if (o->count == o->cap) {
		members = grow_list(m, members, &o->cap, sizeof(*members));
		if (members == NULL)
			return NULL;
		o->members = members;
	}
	members[o->count].key =
		name.len > 0 ? name : (struct str){ text.ptr, text.len };
	return &members[o->count++];
}

/* What was of another kind is gone. */
static void become(struct assemble_member *to, enum assemble_kind kind)
{
	if (to->kind != kind)
		to->text.len = 0;
	if (to->kind != kind && kind != ASSEMBLE_LIST)
		to->list.len = 0;
	to->kind = kind;
}

static int set_raw(struct merger *m, struct assemble_member *to, uint32_t v)
{
	struct str raw = json_raw(m->doc, v);

	/* Never empty, or it would be no JSON. */
	if (grow_text(m, &to->text, raw.len) != 0)
		return ASSEMBLE_FULL;
	become(to, ASSEMBLE_RAW);
	to->text.len = 0;
	return add_bytes(m, &to->text, raw);
}

static int add_element(struct merger *m, struct assemble_text *list,
		       struct str element)
{
	/* Both or nothing: what there is stays JSON. */
	if (grow_text(m, list, element.len + 1) != 0)
		return ASSEMBLE_FULL;
	if (list->len > 0)
		list->ptr[list->len++] = ',';
	return add_bytes(m, list, element);
}

/* A text before an array becomes a part of it. */
static int text_to_part(struct merger *m, struct assemble_member *to)
{
	struct buf part;
	int r;

	buf_init(&part, m->a->max);
	r = buf_add(&part, STR(TEXT_PART));
	if (r == 0)
		r = json_quote(&part,
			       (struct str){ to->text.ptr, to->text.len });
	if (r == 0)
		r = buf_add(&part, STR("}"));
	if (r == 0)
		r = add_element(m, &to->list, buf_str(&part));
	buf_fini(&part);
	if (r != 0)
		return ASSEMBLE_FULL;
	to->text.len = 0;
	return 0;
}

static int join_array(struct merger *m, struct assemble_member *to, uint32_t v)
{
	struct str raw = json_raw(m->doc, v);

	if (json_count(m->doc, v) > 0 && to->text.len > 0 &&
	    (to->kind == ASSEMBLE_TEXT || to->kind == ASSEMBLE_LIST) &&
	    text_to_part(m, to) != 0)
		return ASSEMBLE_FULL;
	if (json_count(m->doc, v) > 0 || to->kind != ASSEMBLE_TEXT)
		become(to, ASSEMBLE_LIST);
	if (json_count(m->doc, v) == 0)
		return 0;
	raw = str_trim((struct str){ raw.ptr + 1, raw.len - 2 });
	return add_element(m, &to->list, raw);
}

static int join(struct merger *m, struct assemble_member *to, uint32_t v)
{
	enum json_type type = json_type(m->doc, v);

	if (type == JSON_NULL)
		return 0;
	if (type == JSON_ARRAY)
		return join_array(m, to, v);
	if (type != JSON_STRING)
		return set_raw(m, to, v);
	if (to->kind != ASSEMBLE_LIST || to->list.len == 0)
		become(to, ASSEMBLE_TEXT);
	return add_string(m, &to->text, v);
}

static bool is_empty(const struct json *doc, uint32_t v)
{
	enum json_type type = json_type(doc, v);

	if (type == JSON_STRING)
		return json_raw(doc, v).len == 2;
	if (type == JSON_ARRAY || type == JSON_OBJECT)
		return json_count(doc, v) == 0;
	return type == JSON_NULL;
}

static int set(struct merger *m, struct assemble_member *to, uint32_t v)
{
	if (json_type(m->doc, v) != JSON_STRING)
		return set_raw(m, to, v);
	become(to, ASSEMBLE_TEXT);
	to->text.len = 0;
	return add_string(m, &to->text, v);
}

static int merge_object(struct merger *m, struct assemble_object *to,
			const struct assemble_shape *shape, uint32_t v);

static int merge_into(struct merger *m, struct assemble_member *to,
		      const struct assemble_shape *shape, uint32_t v)
{
	if (json_type(m->doc, v) != JSON_OBJECT)
		return set_raw(m, to, v);
	if (to->object == NULL) {
		to->object = arena_try(m->a, sizeof(*to->object));
		if (to->object == NULL)
			return ASSEMBLE_FULL;
		*to->object = (struct assemble_object){ 0 };
	}
	become(to, ASSEMBLE_OBJECT);
	return merge_object(m, to->object, shape, v);
}

/* The newest of that index, or NULL. */
static struct assemble_entry *find_entry(const struct assemble_entries *e,
					 int64_t index)
{
	if (e->newest != NULL && e->newest->index == index)
		return e->newest;
	for (uint32_t i = e->count; i > 0; i--) {
		if (e->list[i - 1]->index == index)
			return e->list[i - 1];
	}
	return NULL;
}

/* Behind those of the same index.  NULL: no room. */
static struct assemble_entry *
add_entry(struct merger *m, struct assemble_entries *e, int64_t index)
{
	struct assemble_entry *entry = arena_try(m->a, sizeof(*entry));
	struct assemble_entry **list = e->list;
	uint32_t at = e->count;

	if (entry == NULL)
		return NULL;
	if (e->count == e->cap) {
		list = grow_list(m, list, &e->cap, sizeof(struct str *));
		if (list == NULL)
			return NULL;
		e->list = list;
	}
	for (; at > 0 && list[at - 1]->index > index; at--)
		list[at] = list[at - 1];
	*entry = (struct assemble_entry){ .index = index };
	list[at] = entry;
	e->count++;
	return entry;
}

static bool has_name(const struct json *doc, uint32_t v, struct str member)
{
	uint32_t name = json_get(doc, json_get(doc, v, member), STR("name"));

	return json_type(doc, name) == JSON_STRING && !is_empty(doc, name);
}

/* Is v a call of its own, although there is the entry that it would go to? */
static bool begins_call(const struct json *doc, uint32_t v, bool has_index,
			const struct assemble_entry *entry)
{
	struct str id = assemble_tree_text(&entry->object, STR("id"));
	uint32_t new_id = json_get(doc, v, STR("id"));
	bool has_id =
		json_type(doc, new_id) == JSON_STRING && !is_empty(doc, new_id);

	if (!has_name(doc, v, STR("function")) &&
	    !has_name(doc, v, STR("custom")))
		return false;
	if (!has_id)
		return !has_index;
	return id.len > 0 ? !json_is(doc, new_id, id) : !has_index;
}

/* Where the element v goes; NULL: no room. */
static struct assemble_entry *entry_of(struct merger *m,
				       struct assemble_entries *e,
				       const struct assemble_shape *shape,
				       uint32_t v)
{
	int64_t index = 0;
	bool has_index =
		json_to_i64(m->doc, json_get(m->doc, v, STR("index")), &index);
	struct assemble_entry *entry;

	if (shape->is_call && !has_index) {
		entry = e->newest;
		index = e->count > 0 ? e->list[e->count - 1]->index : -1;
		index = index < INT64_MAX ? index + 1 : index;
	} else {
		entry = find_entry(e, index);
	}
	if (entry != NULL && shape->is_call &&
	    begins_call(m->doc, v, has_index, entry))
		entry = NULL;
	if (entry == NULL && e->count < shape->entries_max)
		entry = add_entry(m, e, index);
	if (entry != NULL)
		e->newest = entry;
	return entry;
}

static int merge_each(struct merger *m, struct assemble_member *to,
		      const struct assemble_shape *shape, uint32_t v)
{
	struct assemble_entry *entry;
	int r = 0;

	if (to->entries == NULL) {
		to->entries = arena_try(m->a, sizeof(*to->entries));
		if (to->entries == NULL)
			return ASSEMBLE_FULL;
		*to->entries = (struct assemble_entries){ 0 };
	}
	become(to, ASSEMBLE_ENTRIES);
	for (v = json_first(m->doc, v); v != JSON_NONE && r == 0;
	     v = json_next(m->doc, v)) {
		if (json_type(m->doc, v) != JSON_OBJECT)
			continue;
		entry = entry_of(m, to->entries, shape, v);
		if (entry == NULL)
			return ASSEMBLE_FULL;
		r = merge_object(m, &entry->object, shape, v);
	}
	return r;
}

/* What changes nothing makes no member either. */
static bool is_ignored(const struct json *doc, uint32_t v,
		       enum assemble_rule rule,
		       const struct assemble_shape *shape)
{
	enum json_type type = json_type(doc, v);

	switch (rule) {
	case ASSEMBLE_APPEND:
	case ASSEMBLE_LAST:
	case ASSEMBLE_FIRST:
		return is_empty(doc, v);
	case ASSEMBLE_LAST_OBJECT:
		return type != JSON_OBJECT || is_empty(doc, v);
	case ASSEMBLE_EACH:
		return type != JSON_ARRAY || is_empty(doc, v);
	case ASSEMBLE_DROP:
		return true;
	case ASSEMBLE_JOIN:
	case ASSEMBLE_SOURCE:
	case ASSEMBLE_MERGE:
		break;
	}
	return type == JSON_NULL && !shape->keeps_null;
}

static int merge_value(struct merger *m, struct assemble_member *to,
		       const struct assemble_row *row, uint32_t v)
{
	bool is_array = json_type(m->doc, v) == JSON_ARRAY;

	switch (row->rule) {
	case ASSEMBLE_SOURCE:
		if (json_type(m->doc, v) == JSON_STRING)
			return join(m, to, v);
		become(to, ASSEMBLE_TEXT);
		return add_bytes(m, &to->text, json_raw(m->doc, v));
	case ASSEMBLE_APPEND:
		return is_array ? join_array(m, to, v) : set(m, to, v);
	case ASSEMBLE_LAST:
	case ASSEMBLE_LAST_OBJECT:
		return set(m, to, v);
	case ASSEMBLE_FIRST:
		return to->kind == ASSEMBLE_NULL ? set(m, to, v) : 0;
	case ASSEMBLE_MERGE:
		return merge_into(m, to, row->shape, v);
	case ASSEMBLE_EACH:
		return merge_each(m, to, row->shape, v);
	case ASSEMBLE_JOIN:
	case ASSEMBLE_DROP:
		break;
	}
	return join(m, to, v);
}

static const struct assemble_row *find_row(const struct assemble_shape *shape,
					   const struct json *doc, uint32_t key)
{
	for (size_t i = 0; i < shape->count; i++) {
		if (json_is(doc, key, shape->rows[i].name))
			return &shape->rows[i];
	}
	return NULL;
}

static int merge_object(struct merger *m, struct assemble_object *to,
			const struct assemble_shape *shape, uint32_t v)
{
	const struct assemble_row other = { .rule = shape->other };
	struct assemble_member *member;
	int r = 0;

	for (v = json_first(m->doc, v); v != JSON_NONE && r == 0;
	     v = json_next(m->doc, v)) {
		uint32_t key = json_key(m->doc, v);
		const struct assemble_row *row = find_row(shape, m->doc, key);

		if (row == NULL)
			row = &other;
		if (is_ignored(m->doc, v, row->rule, shape))
			continue;
		member = member_at(m, to, key,
				   row->as.len > 0 ? row->as : row->name);
		if (member == NULL)
			return ASSEMBLE_FULL;
		r = merge_value(m, member, row, v);
	}
	return r;
}

int assemble_tree_merge(struct arena *a, const struct json *doc, uint32_t v,
			struct assemble_object *to)
{
	struct merger m = { a, doc };

	return merge_object(&m, to, &assemble_tree_root, v);
}

const struct assemble_row *assemble_tree_row(const struct assemble_shape *shape,
					     struct str name)
{
	for (size_t i = 0; i < shape->count; i++) {
		if (str_eq(shape->rows[i].name, name))
			return &shape->rows[i];
	}
	return NULL;
}

struct assemble_member *assemble_tree_get(const struct assemble_object *o,
					  struct str key)
{
	for (uint32_t i = 0; o != NULL && i < o->count; i++) {
		if (str_eq(o->members[i].key, key))
			return &o->members[i];
	}
	return NULL;
}

struct str assemble_tree_text(const struct assemble_object *o, struct str key)
{
	const struct assemble_member *m = assemble_tree_get(o, key);

	return m != NULL && m->kind == ASSEMBLE_TEXT
		       ? (struct str){ m->text.ptr, m->text.len }
		       : STR_NULL;
}

struct assemble_object *assemble_tree_object(const struct assemble_object *o,
					     struct str key)
{
	const struct assemble_member *m = assemble_tree_get(o, key);

	return m != NULL && m->kind == ASSEMBLE_OBJECT ? m->object : NULL;
}

struct assemble_entries *assemble_tree_entries(const struct assemble_object *o,
					       struct str key)
{
	const struct assemble_member *m = assemble_tree_get(o, key);

	return m != NULL && m->kind == ASSEMBLE_ENTRIES ? m->entries : NULL;
}
