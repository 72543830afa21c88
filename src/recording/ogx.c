#include "recording/ogx.h"

#include <stdlib.h>

#include "recording/digest.h"

enum {
	FILE_DEPTH = 128,
	LIST_SUM_LEN = 8, /* behind a model list's key */
	NAME_SUFFIX_LEN = sizeof(".json") - 1,
};

static uint32_t get(const struct ogx_file *f, uint32_t v, const char *key)
{
	return json_get(&f->doc, v, str_of(key));
}

static enum json_type type_at(const struct ogx_file *f, uint32_t v,
			      const char *key)
{
	return json_type(&f->doc, get(f, v, key));
}

static struct str text_at(const struct ogx_file *f, uint32_t v, const char *key,
			  struct arena *a)
{
	return json_string(&f->doc, get(f, v, key), a);
}

static void read_tool(struct ogx_file *f, uint32_t request, struct arena *a)
{
	f->call.family = OGX_TOOL;
	f->call.body = get(f, request, "kwargs");
	f->call.provider = text_at(f, request, "provider", a);
	f->call.tool_name = text_at(f, request, "tool_name", a);
}

static void read_request(struct ogx_file *f, uint32_t request, struct arena *a)
{
	f->call.url = text_at(f, request, "url", a);
	f->call.method = text_at(f, request, "method", a);
	f->endpoint = text_at(f, request, "endpoint", a);
	f->model = text_at(f, request, "model", a);
	f->call.body = get(f, request, "body");
	if (type_at(f, request, "tool_name") == JSON_STRING) {
		read_tool(f, request, a);
	} else if (get(f, request, "payload") != JSON_NONE) {
		f->call.family = OGX_HTTP;
		f->call.body = get(f, request, "payload");
	}
}

static int check(const struct ogx_file *f, uint32_t request,
		 struct recording_problem *problem)
{
	if (json_type(&f->doc, request) != JSON_OBJECT)
		return recording_bad(problem, "no request");
	if (json_type(&f->doc, f->response) != JSON_OBJECT)
		return recording_bad(problem, "no response");
	if (f->call.family != OGX_TOOL && f->call.url.len == 0)
		return recording_bad(problem, "the request has no url");
	if (json_type(&f->doc, f->call.body) != JSON_OBJECT) {
		return recording_bad(problem,
				     "the request has no body, payload or "
				     "kwargs");
	}
	if (get(f, f->response, "body") == JSON_NONE && !f->is_exception)
		return recording_bad(problem, "the response has no body");
	if (f->is_streaming && !f->is_exception &&
	    type_at(f, f->response, "body") != JSON_ARRAY) {
		return recording_bad(problem,
				     "the response's body is not a list, as "
				     "that of a stream is");
	}
	return 0;
}

int ogx_read(struct str text, struct ogx_file *out, struct arena *a,
	     struct recording_problem *problem)
{
	struct json_limits limits = { .depth = FILE_DEPTH };
	struct ogx_file f = { 0 };
	struct json_error e;
	uint32_t root, request;
	int r;

	if (json_parse(text, &limits, &f.doc, &e) != 0) {
		return recording_bad(problem, "line %u, column %u: %s", e.line,
				     e.column, e.what);
	}
	root = json_root(&f.doc);
	request = get(&f, root, "request");
	f.response = get(&f, root, "response");
	read_request(&f, request, a);
	f.test_id = text_at(&f, root, "test_id", a);
	f.call.has_test_id = type_at(&f, root, "test_id") == JSON_STRING;
	if (f.call.family == OGX_HTTP) {
		f.test_id = text_at(&f, request, "test_id", a);
		f.call.has_test_id =
			type_at(&f, request, "test_id") == JSON_STRING;
	}
	f.call.test_id = f.test_id;
	f.is_streaming =
		json_is_true(&f.doc, get(&f, f.response, "is_streaming"));
	f.is_exception =
		json_is_true(&f.doc, get(&f, f.response, "is_exception"));
	r = check(&f, request, problem);
	if (r != 0) {
		json_fini(&f.doc);
		return r;
	}
	*out = f;
	/* The caller's copy of the tape is the one that stays. */
	out->call.doc = &out->doc;
	return 0;
}

void ogx_fini(struct ogx_file *f)
{
	json_fini(&f->doc);
}

static bool is_name_of(const struct ogx_file *f, struct str name, int rule,
		       char key[RECORDING_KEY_LEN])
{
	struct str sum = { key, RECORDING_KEY_LEN };

	if (rule == OGX_KEY_FIRST)
		sum.len = OGX_SHORT_KEY_LEN;
	return ogx_key(&f->call, rule, key, NULL) == 0 && str_eq(name, sum);
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The ids of a list in order, each once, with bars between: one sum. */
static int list_sum(const struct ogx_file *f, struct buf *text,
		    char out[DIGEST_LEN])
{
	uint32_t body = get(f, f->response, "body");
	size_t count = 0, n = json_count(&f->doc, body);
	struct str *ids;
	struct arena a;
	int r = 0;

	arena_init(&a, SIZE_MAX / 2);
	ids = arena_alloc(&a, (n + 1) * sizeof(*ids));
	for (uint32_t v = json_first(&f->doc, body); v != JSON_NONE;
	     v = json_next(&f->doc, v))
		ids[count++] = text_at(f, get(f, v, "__data__"), "id", &a);
	qsort(ids, count, sizeof(*ids), by_text);
	for (size_t i = 0; i < count && r == 0; i++) {
		if (i > 0 && str_eq(ids[i], ids[i - 1]))
			continue;
		r = buf_add(text, i > 0 ? STR("|") : STR_NULL);
		if (r == 0)
			r = buf_add(text, ids[i]);
	}
	arena_fini(&a);
	(void)digest_hex(buf_str(text), out);
	return r;
}

static const char *check_list(const struct ogx_file *f, struct str sum)
{
	char want[DIGEST_LEN];
	struct buf text;
	int r;

	buf_init(&text, OGX_KEY_TEXT_MAX);
	r = list_sum(f, &text, want);
	buf_fini(&text);
	if (r < 0)
		return "the model list is too long";
	return str_eq(sum, (struct str){ want, LIST_SUM_LEN })
		       ? NULL
		       : "the list's ids are not those its name was made of";
}

static const char *explain(const struct ogx_file *f, struct str name)
{
	static const struct {
		int rule;
		const char *why;
	} rules[] = {
		{ OGX_KEY_NO_TEST,
		  "the name was made without the test id that is in the file" },
		{ OGX_KEY_NO_TEXTS,
		  "stale: named before texts were normalised (2026-04)" },
		{ OGX_KEY_PLAIN,
		  "stale: named before numbers were rounded (2025-10)" },
	};
	char key[RECORDING_KEY_LEN];

	for (size_t i = 0; i < countof(rules); i++) {
		if (is_name_of(f, name, rules[i].rule, key))
			return rules[i].why;
	}
	return "the request was changed after it was recorded, or its rules "
	       "are not known";
}

int ogx_check_name(const struct ogx_file *f, struct str name,
		   struct ogx_name *out)
{
	struct str head, sum = STR_NULL;
	char first[RECORDING_KEY_LEN];
	int r;

	*out = (struct ogx_name){ .rule = OGX_KEY_NOW };
	r = ogx_key(&f->call, OGX_KEY_NOW, out->key, NULL);
	if (r < 0)
		return r;
	if (str_ends(name, STR(".json")))
		name.len -= NAME_SUFFIX_LEN;
	if (str_starts(name, STR("models-"))) {
		(void)str_cut(str_drop(name, sizeof("models-") - 1), '-', &head,
			      &sum);
		name = head;
		out->why = check_list(f, sum);
	}
	if (str_eq(name, (struct str){ out->key, RECORDING_KEY_LEN })) {
		out->matches = out->why == NULL;
		return 0;
	}
	if (is_name_of(f, name, OGX_KEY_FIRST, first)) {
		out->rule = OGX_KEY_FIRST;
		out->matches = out->why == NULL;
		return 0;
	}
	out->why = explain(f, name);
	return 0;
}
