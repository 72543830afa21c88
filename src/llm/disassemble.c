#include "llm/disassemble.h"

#include "json/json.h"
#include "json/writer.h"

struct maker {
	const struct disassemble_parts *parts;
	struct json choices, extra;
	struct buf *out;
	struct json_writer w;
};

static bool parse(struct str text, enum json_type type, struct json *out)
{
	struct json_error bad;

	if (json_parse(text, NULL, out, &bad) != 0)
		return false;
	if (json_type(out, json_root(out)) == type)
		return true;
	json_fini(out);
	return false;
}

static int begin(struct maker *m, const struct disassemble_parts *parts,
		 struct buf *out)
{
	struct str extra = parts->extra.len > 0 ? parts->extra : STR("{}");

	*m = (struct maker){ .parts = parts, .out = out };
	if (!parse(parts->choices, JSON_ARRAY, &m->choices))
		return DISASSEMBLE_BAD;
	if (parse(extra, JSON_OBJECT, &m->extra))
		return 0;
	json_fini(&m->choices);
	return DISASSEMBLE_BAD;
}

static void end(struct maker *m)
{
	json_fini(&m->choices);
	json_fini(&m->extra);
}

/* The members of an object but some, as they were written. */
static void copy_members(struct json_writer *w, const struct json *doc,
			 uint32_t object, const struct str *but, size_t count)
{
	uint32_t v = json_first(doc, object);

	for (; v != JSON_NONE; v = json_next(doc, v)) {
		uint32_t key = json_key(doc, v);
		size_t i = 0;

		while (i < count && !json_is(doc, key, but[i]))
			i++;
		if (i == count)
			json_member_copy(w, json_raw(doc, key),
					 json_raw(doc, v));
	}
}

/* What every object begins with. */
static void open_object(struct maker *m, struct str kind)
{
	json_writer_init(&m->w, m->out);
	json_object(&m->w);
	json_member_str(&m->w, STR("id"), m->parts->id);
	json_member_str(&m->w, STR("object"), kind);
	json_member_int(&m->w, STR("created"), m->parts->created);
	json_member_str(&m->w, STR("model"), m->parts->model);
	copy_members(&m->w, &m->extra, json_root(&m->extra), NULL, 0);
}

int disassemble_whole(const struct disassemble_parts *parts, struct buf *out)
{
	struct maker m;
	int r = begin(&m, parts, out);

	if (r != 0)
		return r;
	open_object(&m, STR("chat.completion"));
	json_member_raw(&m.w, STR("choices"), parts->choices);
	if (parts->usage.len > 0)
		json_member_raw(&m.w, STR("usage"), parts->usage);
	json_end(&m.w);
	r = json_writer_done(&m.w);
	end(&m);
	return r;
}

static int open_chunk(struct maker *m)
{
	int r = buf_add(m->out, STR("data: "));

	open_object(m, STR("chat.completion.chunk"));
	json_member(&m->w, STR("choices"));
	json_array(&m->w);
	return r;
}

static int close_chunk(struct maker *m)
{
	int r;

	json_end(&m->w);
	r = json_writer_done(&m->w);
	return r == 0 ? buf_add(m->out, STR("\n\n")) : r;
}

/* Calls of a stream say which one they are. */
static void write_calls(struct maker *m, uint32_t calls)
{
	const struct json *doc = &m->choices;
	static const struct str but[] = { STR_INIT("index") };
	uint32_t v = json_first(doc, calls);

	json_member(&m->w, STR("tool_calls"));
	json_array(&m->w);
	for (int64_t i = 0; v != JSON_NONE; v = json_next(doc, v)) {
		json_object(&m->w);
		json_member_int(&m->w, STR("index"), i++);
		copy_members(&m->w, doc, v, but, countof(but));
		json_end(&m->w);
	}
	json_end(&m->w);
}

static void write_delta(struct maker *m, uint32_t message)
{
	static const struct str but[] = { STR_INIT("tool_calls") };
	uint32_t calls = json_get(&m->choices, message, but[0]);

	json_member(&m->w, STR("delta"));
	json_object(&m->w);
	copy_members(&m->w, &m->choices, message, but, countof(but));
	if (json_type(&m->choices, calls) == JSON_ARRAY)
		write_calls(m, calls);
	json_end(&m->w);
}

/* What a choice says. */
static int write_said(struct maker *m, uint32_t choice)
{
	static const struct str but[] = { STR_INIT("message"),
					  STR_INIT("finish_reason") };
	int r = open_chunk(m);

	json_object(&m->w);
	copy_members(&m->w, &m->choices, choice, but, countof(but));
	write_delta(m, json_get(&m->choices, choice, but[0]));
	json_member_null(&m->w, but[1]);
	json_end(&m->w);
	json_end(&m->w);
	return r == 0 ? close_chunk(m) : r;
}

/* ... and why it ended. */
static int write_ended(struct maker *m, uint32_t choice)
{
	const struct json *doc = &m->choices;
	uint32_t index = json_get(doc, choice, STR("index"));
	uint32_t why = json_get(doc, choice, STR("finish_reason"));
	int r = open_chunk(m);

	json_object(&m->w);
	if (index != JSON_NONE)
		json_member_raw(&m->w, STR("index"), json_raw(doc, index));
	json_member(&m->w, STR("delta"));
	json_object(&m->w);
	json_end(&m->w);
	json_member_raw(&m->w, STR("finish_reason"),
			why != JSON_NONE ? json_raw(doc, why) : STR("null"));
	json_end(&m->w);
	json_end(&m->w);
	return r == 0 ? close_chunk(m) : r;
}

static int write_usage(struct maker *m)
{
	int r = open_chunk(m);

	json_end(&m->w);
	json_member_raw(&m->w, STR("usage"), m->parts->usage);
	return r == 0 ? close_chunk(m) : r;
}

int disassemble_stream(const struct disassemble_parts *parts, bool with_usage,
		       struct buf *out)
{
	struct maker m;
	int r = begin(&m, parts, out);
	uint32_t v;

	if (r != 0)
		return r;
	v = json_first(&m.choices, json_root(&m.choices));
	for (; v != JSON_NONE && r == 0; v = json_next(&m.choices, v)) {
		if (json_type(&m.choices, v) != JSON_OBJECT)
			r = DISASSEMBLE_BAD;
		if (r == 0)
			r = write_said(&m, v);
		if (r == 0)
			r = write_ended(&m, v);
	}
	if (r == 0 && with_usage && parts->usage.len > 0)
		r = write_usage(&m);
	if (r == 0)
		r = buf_add(out, STR("data: [DONE]\n\n"));
	end(&m);
	return r;
}
