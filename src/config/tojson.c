#include "config/tojson.h"

#include "config/env.h"
#include "json/writer.h"

enum {
	TOJSON_BYTES_MAX = 1 << 20
};

struct tojson {
	struct load *load;
	struct str path; /* for messages */
	struct json_writer writer;
};

static size_t digits(struct str s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	return n;
}

/* RFC 8259 section 6 */
static bool is_number(struct str s)
{
	size_t n;

	if (str_starts(s, STR("-")))
		s = str_drop(s, 1);
	n = digits(s);
	if (n == 0 || (n > 1 && s.ptr[0] == '0'))
		return false;
	s = str_drop(s, n);
	if (str_starts(s, STR("."))) {
		n = digits(str_drop(s, 1));
		if (n == 0)
			return false;
		s = str_drop(s, n + 1);
	}
	if (s.len == 0)
		return true;
	if (str_lower(s.ptr[0]) != 'e')
		return false;
	s = str_drop(s, 1);
	if (s.len > 0 && (s.ptr[0] == '+' || s.ptr[0] == '-'))
		s = str_drop(s, 1);
	return s.len > 0 && digits(s) == s.len;
}

static void add_typed(struct json_writer *w, struct str s)
{
	if (str_eq_nocase(s, STR("true"))) {
		json_add_bool(w, true);
	} else if (str_eq_nocase(s, STR("false"))) {
		json_add_bool(w, false);
	} else if (is_number(s)) {
		json_add_raw(w, s);
	} else {
		json_add_str(w, s);
	}
}

static int add_scalar(struct tojson *j, const struct tree_node *n)
{
	struct str text;
	int r = load_text(j->load, n, j->path, &text);

	if (r == LOAD_NOTHING && n->quoted && n->text.len == 0) {
		json_add_str(&j->writer, STR(""));
	} else if (r == LOAD_NOTHING) {
		json_add_null(&j->writer);
	} else if (r != 0) {
		return r;
	} else if (n->quoted && !env_has_names(n->text)) {
		json_add_str(&j->writer, text);
	} else {
		add_typed(&j->writer, text);
	}
	return 0;
}

/* TREE_DEPTH_MAX bounds the recursion. */
static int add_node(struct tojson *j, const struct tree_node *n)
{
	bool is_map = n->kind == TREE_MAP;
	int r = 0;

	if (n->kind == TREE_SCALAR)
		return add_scalar(j, n);
	if (is_map) {
		json_object(&j->writer);
	} else {
		json_array(&j->writer);
	}
	for (n = n->first; n != NULL && r == 0; n = n->next) {
		if (is_map)
			json_member(&j->writer, n->key);
		r = add_node(j, n);
	}
	if (r == 0)
		json_end(&j->writer);
	return r;
}

int tojson(struct load *l, const struct tree_node *n, struct str path,
	   struct str *out)
{
	struct tojson j = { .load = l, .path = path };
	struct buf text;
	int r;

	buf_init(&text, TOJSON_BYTES_MAX);
	json_writer_init(&j.writer, &text);
	r = add_node(&j, n);
	if (r == 0 && json_writer_done(&j.writer) < 0) {
		problem_error(&l->problems, n->at, STR_FMT ": is too long",
			      STR_ARG(path));
		r = LOAD_BAD;
	}
	if (r == 0)
		*out = arena_str(l->arena, buf_str(&text));
	buf_fini(&text);
	return r;
}
