#include "responses/item.h"

#include "responses/id.h"
#include "json/writer.h"

enum {
	ITEM_BYTES_MAX = 512 << 20 /* more than any request's body */
};

static const struct field in_message[] = {
	{ STR_INIT("role"), FIELD_STR, .required = true },
	{ STR_INIT("content"), FIELD_STR_OR_ARRAY, .required = true },
	{ STR_INIT("id"), FIELD_STR },
	{ STR_INIT("status"), FIELD_STR },
	{ { 0 } },
};

static const struct field in_call[] = {
	{ STR_INIT("call_id"), FIELD_STR, .required = true },
	{ STR_INIT("name"), FIELD_STR, .required = true },
	{ STR_INIT("arguments"), FIELD_STR, .required = true },
	{ STR_INIT("id"), FIELD_STR },
	{ STR_INIT("status"), FIELD_STR },
	{ { 0 } },
};

static const struct field in_output[] = {
	{ STR_INIT("call_id"), FIELD_STR, .required = true },
	{ STR_INIT("output"), FIELD_STR_OR_ARRAY, .required = true },
	{ STR_INIT("id"), FIELD_STR },
	{ STR_INIT("status"), FIELD_STR },
	{ { 0 } },
};

static const struct field in_reasoning[] = {
	{ STR_INIT("id"), FIELD_STR },
	{ STR_INIT("summary"), FIELD_ARRAY },
	{ STR_INIT("content"), FIELD_ARRAY },
	{ STR_INIT("encrypted_content"), FIELD_STR },
	{ STR_INIT("status"), FIELD_STR },
	{ { 0 } },
};

static const struct field in_compaction[] = {
	{ STR_INIT("encrypted_content"), FIELD_STR, .required = true },
	{ STR_INIT("id"), FIELD_STR },
	{ { 0 } },
};

static const struct field in_mcp_call[] = {
	{ STR_INIT("id"), FIELD_STR, .required = true },
	{ STR_INIT("name"), FIELD_STR, .required = true },
	{ STR_INIT("arguments"), FIELD_STR, .required = true },
	{ STR_INIT("server_label"), FIELD_STR },
	{ STR_INIT("output"), FIELD_STR },
	{ { 0 } },
};

static const struct field in_reference[] = {
	{ STR_INIT("id"), FIELD_STR, .required = true },
	{ { 0 } },
};

static const struct field in_silent[] = {
	{ STR_INIT("id"), FIELD_STR },
	{ { 0 } },
};

enum {
	FIELDS_MAX = 6 /* of the tables above, with their end */
};

static const struct item_type {
	struct str name;
	enum item_kind kind;
	const struct field *fields;
} types[] = {
	{ STR_INIT("message"), ITEM_MESSAGE, in_message },
	{ STR_INIT("function_call"), ITEM_FUNCTION_CALL, in_call },
	{ STR_INIT("function_call_output"), ITEM_FUNCTION_OUTPUT, in_output },
	{ STR_INIT("reasoning"), ITEM_REASONING, in_reasoning },
	{ STR_INIT("compaction"), ITEM_COMPACTION, in_compaction },
	{ STR_INIT("item_reference"), ITEM_REFERENCE, in_reference },
	{ STR_INIT("mcp_call"), ITEM_MCP_CALL, in_mcp_call },
	{ STR_INIT("mcp_list_tools"), ITEM_SILENT, in_silent },
	{ STR_INIT("mcp_approval_request"), ITEM_SILENT, in_silent },
	{ STR_INIT("mcp_approval_response"), ITEM_SILENT, in_silent },
	{ STR_INIT("web_search_call"), ITEM_SILENT, in_silent },
	{ STR_INIT("file_search_call"), ITEM_SILENT, in_silent },
};

static const char type_names[] =
	"'message', 'function_call', 'function_call_output', 'reasoning', "
	"'compaction', 'item_reference', 'mcp_call', 'mcp_list_tools', "
	"'mcp_approval_request', 'mcp_approval_response', 'web_search_call' "
	"and 'file_search_call'";

static const struct item_type *type_of(const struct json *doc, uint32_t item)
{
	uint32_t type = field_get(doc, item, STR("type"));

	for (size_t i = 0; i < countof(types) && type != JSON_NONE; i++) {
		if (json_is(doc, type, types[i].name))
			return &types[i];
	}
	if (type != JSON_NONE)
		return NULL;
	/* Two types need not be said. */
	if (field_get(doc, item, STR("role")) != JSON_NONE)
		return &types[0];
	return field_get(doc, item, STR("id")) != JSON_NONE ? &types[5] : NULL;
}

enum item_kind item_kind(const struct json *doc, uint32_t item)
{
	const struct item_type *type = type_of(doc, item);

	return type != NULL ? type->kind : ITEM_UNKNOWN;
}

const char *item_prefix(enum item_kind kind)
{
	static const char *const prefixes[] = {
		[ITEM_UNKNOWN] = "item_",     [ITEM_MESSAGE] = "msg_",
		[ITEM_FUNCTION_CALL] = "fc_", [ITEM_FUNCTION_OUTPUT] = "fco_",
		[ITEM_REASONING] = "rs_",     [ITEM_COMPACTION] = "cmp_",
		[ITEM_MCP_CALL] = "mcp_",     [ITEM_REFERENCE] = "item_",
		[ITEM_SILENT] = "item_",
	};

	return prefixes[kind];
}

static const struct field in_text[] = {
	{ STR_INIT("text"), FIELD_STR, .required = true },
	{ { 0 } },
};

static const struct field in_refusal[] = {
	{ STR_INIT("refusal"), FIELD_STR, .required = true },
	{ { 0 } },
};

static const struct field in_image[] = {
	{ STR_INIT("image_url"), FIELD_STR },
	{ STR_INIT("file_id"), FIELD_STR },
	{ STR_INIT("detail"), FIELD_STR },
	{ { 0 } },
};

static const struct field in_file[] = {
	{ STR_INIT("file_data"), FIELD_STR },
	{ STR_INIT("file_id"), FIELD_STR },
	{ STR_INIT("file_url"), FIELD_STR },
	{ STR_INIT("filename"), FIELD_STR },
	{ { 0 } },
};

static const struct part_type {
	struct str name;
	const struct field *fields;
	const char *instead; /* of file_id; NULL: it has none */
	bool of_output;      /* only an assistant says it */
} part_types[] = {
	{ STR_INIT("input_text"), in_text, NULL, false },
	{ STR_INIT("output_text"), in_text, NULL, false },
	{ STR_INIT("input_image"), in_image, "image_url", false },
	{ STR_INIT("input_file"), in_file, "file_data", false },
	{ STR_INIT("refusal"), in_refusal, NULL, true },
};

/* Pictures and files: by what they hold, not by an id. */
static int check_source(const struct field_checker *c,
			const struct field_path *path, uint32_t part,
			const struct part_type *type)
{
	uint32_t id = field_get(c->doc, part, STR("file_id"));

	if (field_get(c->doc, part, str_of(type->instead)) != JSON_NONE ||
	    field_get(c->doc, part, STR("file_url")) != JSON_NONE)
		return 0;
	if (id == JSON_NONE)
		return field_missing(c, FIELD_PATH(path, type->instead));
	(void)field_bad_value(c, FIELD_PATH(path, "file_id"), id, "none");
	c->error->message = arena_printf(
		c->arena,
		"Unsupported parameter: '" STR_FMT
		"'. Files by id are not supported yet; send the data, as a "
		"data URL, in '%s' instead.",
		STR_ARG(c->error->param), type->instead);
	c->error->code = STR("unsupported_parameter");
	return API_FAIL;
}

int item_check_part(const struct field_checker *c,
		    const struct field_path *path, uint32_t part,
		    bool is_assistant)
{
	uint32_t type = field_get(c->doc, part, STR("type"));
	uint32_t at[FIELDS_MAX];
	const struct part_type *found = NULL;
	int r;

	if (json_type(c->doc, part) != JSON_OBJECT)
		return field_wrong_type(c, path, part, "an object");
	if (type == JSON_NONE)
		return field_missing(c, FIELD_PATH(path, "type"));
	for (size_t i = 0; i < countof(part_types) && found == NULL; i++) {
		if (json_is(c->doc, type, part_types[i].name) &&
		    (is_assistant || !part_types[i].of_output))
			found = &part_types[i];
	}
	if (found == NULL) {
		return field_bad_value(
			c, FIELD_PATH(path, "type"), type,
			"'input_text', 'input_image', 'input_file', "
			"'output_text' and, of an assistant, 'refusal'");
	}
	field_find(c->doc, part, found->fields, at);
	r = field_check(c, found->fields, at, path);
	if (r == 0 && found->instead != NULL)
		r = check_source(c, path, part, found);
	return r;
}

static int check_parts(const struct field_checker *c,
		       const struct field_path *path, uint32_t parts,
		       bool is_assistant)
{
	uint32_t i = 0;
	int r = 0;

	if (json_type(c->doc, parts) != JSON_ARRAY)
		return 0;
	for (uint32_t v = json_first(c->doc, parts); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v)) {
		r = item_check_part(c, FIELD_ELEMENT(path, i++), v,
				    is_assistant);
	}
	return r;
}

/* Of reasoning: a list of {"type", "text"}. */
static int check_texts(const struct field_checker *c,
		       const struct field_path *path, uint32_t texts)
{
	uint32_t i = 0, at[1];
	int r = 0;

	for (uint32_t v = json_first(c->doc, texts); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v)) {
		const struct field_path *element = FIELD_ELEMENT(path, i++);

		if (json_type(c->doc, v) != JSON_OBJECT)
			return field_wrong_type(c, element, v, "an object");
		field_find(c->doc, v, in_text, at);
		r = field_check(c, in_text, at, element);
	}
	return r;
}

static int check_message(const struct field_checker *c,
			 const struct field_path *path, const uint32_t *at)
{
	static const struct str roles[] = {
		STR_INIT("user"),
		STR_INIT("system"),
		STR_INIT("developer"),
		STR_INIT("assistant"),
	};
	bool known = false;

	for (size_t i = 0; i < countof(roles); i++)
		known = known || json_is(c->doc, at[0], roles[i]);
	if (!known) {
		return field_bad_value(c, FIELD_PATH(path, "role"), at[0],
				       "'user', 'assistant', 'system' and "
				       "'developer'");
	}
	return check_parts(c, FIELD_PATH(path, "content"), at[1],
			   json_is(c->doc, at[0], STR("assistant")));
}

static int check_reasoning(const struct field_checker *c,
			   const struct field_path *path, const uint32_t *at)
{
	int r = check_texts(c, FIELD_PATH(path, "summary"), at[1]);

	return r == 0 ? check_texts(c, FIELD_PATH(path, "content"), at[2]) : r;
}

/* Rows are named by it. */
static int check_id(const struct field_checker *c,
		    const struct field_path *path, uint32_t item)
{
	uint32_t id = field_get(c->doc, item, STR("id"));

	if (id == JSON_NONE || json_raw(c->doc, id).len <= ITEM_ID_MAX + 2)
		return 0;
	(void)field_bad_value(c, FIELD_PATH(path, "id"), id, "none");
	c->error->message = arena_printf(c->arena,
					 "Invalid '" STR_FMT
					 "': an id has at most %d bytes.",
					 STR_ARG(c->error->param), ITEM_ID_MAX);
	c->error->code = STR("string_above_max_length");
	return API_FAIL;
}

static int check_item(const struct field_checker *c,
		      const struct field_path *path, uint32_t item)
{
	const struct item_type *type;
	uint32_t at[FIELDS_MAX], name;
	int r;

	if (json_type(c->doc, item) != JSON_OBJECT)
		return field_wrong_type(c, path, item, "an object");
	type = type_of(c->doc, item);
	name = field_get(c->doc, item, STR("type"));
	if (type == NULL && name == JSON_NONE)
		return field_missing(c, FIELD_PATH(path, "type"));
	if (type == NULL) {
		return field_bad_value(c, FIELD_PATH(path, "type"), name,
				       type_names);
	}
	field_find(c->doc, item, type->fields, at);
	r = field_check(c, type->fields, at, path);
	if (r == 0)
		r = check_id(c, path, item);
	if (r != 0)
		return r;
	if (type->kind == ITEM_MESSAGE)
		return check_message(c, path, at);
	if (type->kind == ITEM_REASONING)
		return check_reasoning(c, path, at);
	if (type->kind == ITEM_FUNCTION_OUTPUT)
		return check_parts(c, FIELD_PATH(path, "output"), at[1], false);
	return 0;
}

int item_check_input(const struct field_checker *c,
		     const struct field_path *path, uint32_t input)
{
	uint32_t i = 0;
	int r = 0;

	if (json_type(c->doc, input) == JSON_STRING)
		return 0;
	if (json_type(c->doc, input) != JSON_ARRAY) {
		return field_wrong_type(c, path, input,
					"a string or an array of items");
	}
	for (uint32_t v = json_first(c->doc, input); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = check_item(c, FIELD_ELEMENT(path, i++), v);
	return r;
}

static void begin(struct json_writer *w, struct buf *out, struct id_source *ids,
		  enum item_kind kind)
{
	struct id id;

	buf_init(out, ITEM_BYTES_MAX);
	json_writer_init(w, out);
	json_object(w);
	id_make(ids, str_of(item_prefix(kind)), &id);
	json_member_str(w, STR("id"), id_str(&id));
}

/* What the limit above would cut cannot be: a body has less. */
static struct str end(struct json_writer *w, struct buf *out, struct arena *a)
{
	struct str text = STR("{}");

	json_end(w);
	if (json_writer_done(w) == 0)
		text = arena_str(a, buf_str(out));
	buf_fini(out);
	return text;
}

/* A text alone, as the list of one part that it is. */
static void put_content(struct json_writer *w, const struct json *doc,
			uint32_t text, bool is_answer)
{
	json_member(w, STR("content"));
	json_array(w);
	json_object(w);
	json_member_str(w, STR("type"),
			is_answer ? STR("output_text") : STR("input_text"));
	json_member_raw(w, STR("text"), json_raw(doc, text));
	if (is_answer) {
		json_member(w, STR("annotations"));
		json_array(w);
		json_end(w);
		json_member(w, STR("logprobs"));
		json_array(w);
		json_end(w);
	}
	json_end(w);
	json_end(w);
}

static struct str store_text(const struct json *doc, uint32_t input,
			     struct id_source *ids, struct arena *a)
{
	struct json_writer w;
	struct buf out;

	begin(&w, &out, ids, ITEM_MESSAGE);
	json_member_str(&w, STR("type"), STR("message"));
	json_member_str(&w, STR("role"), STR("user"));
	put_content(&w, doc, input, false);
	json_member_str(&w, STR("status"), STR("completed"));
	return end(&w, &out, a);
}

/* What an item that is shown has, and one that is given may lack. */
struct lacks {
	bool id, type, status;
	bool parts; /* its content is a text alone */
};

static struct lacks lacks_of(const struct json *doc, uint32_t item,
			     enum item_kind kind)
{
	bool counts = kind == ITEM_MESSAGE || kind == ITEM_FUNCTION_CALL ||
		      kind == ITEM_FUNCTION_OUTPUT;
	uint32_t content = json_get(doc, item, STR("content"));

	return (struct lacks){
		.id = field_get(doc, item, STR("id")) == JSON_NONE,
		.type = field_get(doc, item, STR("type")) == JSON_NONE,
		.status = counts &&
			  field_get(doc, item, STR("status")) == JSON_NONE,
		.parts = kind == ITEM_MESSAGE &&
			 json_type(doc, content) == JSON_STRING,
	};
}

static void put_member(struct json_writer *w, const struct json *doc,
		       uint32_t item, uint32_t v, const struct lacks *lacks)
{
	uint32_t key = json_key(doc, v);

	/* They may be there, as null. */
	if ((lacks->type && json_is(doc, key, STR("type"))) ||
	    (lacks->id && json_is(doc, key, STR("id"))) ||
	    (lacks->status && json_is(doc, key, STR("status"))))
		return;
	if (lacks->parts && json_is(doc, key, STR("content"))) {
		put_content(w, doc, v,
			    json_is(doc, json_get(doc, item, STR("role")),
				    STR("assistant")));
		return;
	}
	json_member_copy(w, json_raw(doc, key), json_raw(doc, v));
}

static struct str store_one(const struct json *doc, uint32_t item,
			    enum item_kind kind, struct id_source *ids,
			    struct arena *a)
{
	struct lacks lacks = lacks_of(doc, item, kind);
	struct json_writer w;
	struct buf out;

	if (!lacks.id && !lacks.type && !lacks.status && !lacks.parts)
		return json_raw(doc, item);
	if (lacks.id) {
		begin(&w, &out, ids, kind);
	} else {
		buf_init(&out, ITEM_BYTES_MAX);
		json_writer_init(&w, &out);
		json_object(&w);
	}
	if (lacks.type)
		json_member_str(&w, STR("type"), STR("message"));
	for (uint32_t v = json_first(doc, item); v != JSON_NONE;
	     v = json_next(doc, v))
		put_member(&w, doc, item, v, &lacks);
	if (lacks.status)
		json_member_str(&w, STR("status"), STR("completed"));
	return end(&w, &out, a);
}

void item_store(const struct json *doc, uint32_t input, struct id_source *ids,
		struct arena *a, struct item_list *out)
{
	bool is_list = json_type(doc, input) == JSON_ARRAY;
	size_t max = is_list ? json_count(doc, input) : 1;

	out->count = 0;
	out->texts = arena_alloc(a, (max + 1) * sizeof(*out->texts));
	if (json_type(doc, input) == JSON_STRING)
		out->texts[out->count++] = store_text(doc, input, ids, a);
	if (!is_list)
		return;
	for (uint32_t v = json_first(doc, input); v != JSON_NONE;
	     v = json_next(doc, v)) {
		enum item_kind kind = item_kind(doc, v);

		if (kind != ITEM_REFERENCE && out->count < max) {
			out->texts[out->count++] =
				store_one(doc, v, kind, ids, a);
		}
	}
}

void item_references(const struct json *doc, uint32_t input, struct arena *a,
		     struct item_list *out)
{
	size_t max = json_count(doc, input);

	*out = (struct item_list){ .count = 0 };
	if (json_type(doc, input) != JSON_ARRAY)
		return;
	for (uint32_t v = json_first(doc, input); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (item_kind(doc, v) != ITEM_REFERENCE)
			continue;
		/* Most inputs have none. */
		if (out->texts == NULL)
			out->texts = arena_alloc(a, max * sizeof(*out->texts));
		out->texts[out->count++] =
			json_string(doc, json_get(doc, v, STR("id")), a);
	}
}

struct str item_resolve(const struct json *doc, uint32_t input,
			const struct item_list *found, struct arena *a)
{
	size_t n = 0, next = 0;
	struct str *parts = arena_alloc(a, (2 * (size_t)json_count(doc, input) +
					    2) * sizeof(*parts));

	parts[n++] = STR("[");
	for (uint32_t v = json_first(doc, input); v != JSON_NONE;
	     v = json_next(doc, v)) {
		bool is_one = item_kind(doc, v) == ITEM_REFERENCE;

		if (n > 1)
			parts[n++] = STR(",");
		parts[n++] = is_one && next < found->count
				     ? found->texts[next++]
				     : json_raw(doc, v);
	}
	parts[n++] = STR("]");
	return arena_join(a, parts, n);
}
