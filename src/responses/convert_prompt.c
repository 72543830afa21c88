#include "responses/convert.h"

#include "responses/convert_part.h"
#include "responses/item.h"

enum {
	TEXT_MAX = 64 << 20
};

struct filler {
	const struct convert *cv;
	const struct json *doc;
	uint32_t variables;
	struct field_checker checker;
};

static bool is_declared(const struct convert_prompt *t, struct str name)
{
	for (size_t i = 0; i < t->variable_count; i++) {
		if (str_eq(t->variables[i], name))
			return true;
	}
	return false;
}

static int check_variable(const struct filler *f, uint32_t v,
			  const struct convert_prompt *t)
{
	struct arena *a = f->cv->arena;
	struct str name = json_string(f->doc, json_key(f->doc, v), a);
	const struct field_path *path =
		FIELD_PATH(FIELD_PATH(FIELD_PATH(NULL, "prompt"), "variables"),
			   arena_cz(a, name));

	if (!is_declared(t, name)) {
		(void)field_missing(&f->checker, path);
		f->cv->error->message =
			arena_printf(a,
				     "Invalid prompt variable: '" STR_FMT
				     "' is not declared by the prompt.",
				     STR_ARG(str_take(name, 100)));
		f->cv->error->code = STR("invalid_value");
		return API_FAIL;
	}
	if (json_type(f->doc, v) == JSON_STRING)
		return 0;
	return item_check_part(&f->checker, path, v, false);
}

static int check_variables(const struct filler *f,
			   const struct convert_prompt *t)
{
	int r = 0;

	for (uint32_t v = json_first(f->doc, f->variables);
	     v != JSON_NONE && r == 0; v = json_next(f->doc, v))
		r = check_variable(f, v, t);
	f->cv->error->with_detail = r != 0;
	return r;
}

static bool is_text(const struct json *doc, uint32_t v)
{
	return json_get(doc, v, STR("text")) != JSON_NONE;
}

/* What stands in the text for a variable; false leaves the placeholder. */
static bool value_of(const struct filler *f, struct str name, struct str *out)
{
	struct arena *a = f->cv->arena;
	uint32_t v = json_get(f->doc, f->variables, name);

	if (v == JSON_NONE)
		return false;
	if (json_type(f->doc, v) == JSON_STRING) {
		*out = json_string(f->doc, v, a);
	} else if (is_text(f->doc, v)) {
		*out = json_string(f->doc, json_get(f->doc, v, STR("text")), a);
	} else {
		*out = arena_printf(a, "[%s: " STR_FMT "]",
				    convert_part_is_image(f->doc, v) ? "Image"
								     : "File",
				    STR_ARG(name));
	}
	return true;
}

static int fill(const struct filler *f, struct str text, struct buf *out)
{
	int r = 0;

	while (text.len > 0 && r == 0) {
		size_t open = str_find(text, STR("{{"));
		struct str inner = str_drop(text, open + 2), value;
		size_t close = str_find(inner, STR("}}"));
		size_t len = open + 2 + close + 2;

		if (inner.len == close) {
			return buf_add(out, text);
		}
		r = buf_add(out, str_take(text, open));
		if (r == 0 &&
		    value_of(f, str_trim(str_take(inner, close)), &value)) {
			r = buf_add(out, value);
		} else if (r == 0) {
			/* Another may begin with its second brace. */
			len = open + 1;
			r = buf_add(out, STR("{"));
		}
		text = str_drop(text, len);
	}
	return r;
}

/* Pictures and files of variables. */
static void add_parts(const struct filler *f, struct messages *tail)
{
	struct json_writer w;
	struct buf out;
	size_t n = 0;

	buf_init(&out, TEXT_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("role"), STR("user"));
	json_member(&w, STR("content"));
	json_array(&w);
	for (uint32_t v = json_first(f->doc, f->variables); v != JSON_NONE;
	     v = json_next(f->doc, v)) {
		if (json_type(f->doc, v) == JSON_STRING || is_text(f->doc, v))
			continue;
		convert_part(&w, f->doc, v, f->cv->arena);
		n++;
	}
	json_end(&w);
	json_end(&w);
	if (n > 0 && json_writer_done(&w) == 0) {
		messages_add(tail, f->cv->arena,
			     arena_str(f->cv->arena, buf_str(&out)));
	}
	buf_fini(&out);
}

int convert_prompt(const struct convert *cv, const struct convert_prompt *p,
		   struct messages *system, struct messages *tail)
{
	struct filler f = { .cv = cv, .doc = p->doc };
	struct buf text;
	int r;

	f.variables = field_get(p->doc, p->value, STR("variables"));
	f.checker = (struct field_checker){ p->doc, cv->arena, cv->error };
	r = check_variables(&f, p);
	if (r != 0)
		return r;
	buf_init(&text, TEXT_MAX);
	r = fill(&f, p->text, &text);
	if (r == 0) {
		convert_system(cv, buf_str(&text), system);
		add_parts(&f, tail);
	} else {
		r = api_fail(cv->error, cv->arena, 400, NULL, "prompt",
			     "The prompt and its variables are too long.");
	}
	buf_fini(&text);
	return r;
}
