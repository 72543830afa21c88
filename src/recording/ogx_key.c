#include "recording/ogx_key.h"

#include "base/err.h"
#include "http/url.h"
#include "recording/digest.h"
#include "recording/pyjson.h"

enum {
	SKIP_MAX = 64,
	FLOAT_DIGITS = 5
};

/* The members that OGX leaves out. */
struct skips {
	uint32_t members[SKIP_MAX];
	size_t count;
};

static void skip(struct skips *s, uint32_t member)
{
	if (member != JSON_NONE && s->count < SKIP_MAX)
		s->members[s->count++] = member;
}

static void skip_project(struct skips *s, const struct json *doc, uint32_t v)
{
	static const char *const holders[] = { "extra_body", "extra_query" };

	for (size_t i = 0; i < countof(holders); i++) {
		uint32_t holder = json_get(doc, v, str_of(holders[i]));

		skip(s, json_get(doc, holder, STR("project_id")));
	}
}

/*
 * The outermost object, and by an accident of OGX's any that is an element of a
 * list.  On the tape a value's index is above its container's: no recursion.
 */
static void find_projects(struct skips *s, const struct json *doc,
			  uint32_t root)
{
	skip_project(s, doc, root);
	for (uint32_t v = root + 1; v < doc->node_count; v++) {
		if (json_type(doc, v) != JSON_ARRAY)
			continue;
		for (uint32_t i = json_first(doc, v); i != JSON_NONE;
		     i = json_next(doc, i))
			skip_project(s, doc, i);
	}
}

/* Behind "://", up to the path. */
static struct str host_of(struct str url)
{
	struct str rest = str_drop(url, str_find(url, STR("://")) + 3);
	struct str host, path;

	(void)str_cut(rest, '/', &host, &path);
	return host;
}

static bool contains(struct str s, struct str what)
{
	return str_find(s, what) < s.len;
}

struct str ogx_endpoint(struct str url, struct arena *a)
{
	static const struct str databricks = STR_INIT("cloud.databricks.com");
	struct str rest, host, path;
	size_t at = str_find(url, databricks);

	if (at < url.len) {
		struct str parts[] = { STR("__databricks__"),
				       str_drop(url, at + databricks.len) };

		return arena_join(a, parts, countof(parts));
	}
	rest = str_drop(url, str_find(url, STR("://")) + 3);
	(void)str_cut(rest, '/', &host, &path);
	rest = str_drop(rest, host.len);
	(void)str_cut(rest, '#', &path, &host);
	(void)str_cut(path, '?', &rest, &host);
	return rest;
}

/* The exact paths of model lists that OGX shares among all tests. */
static bool is_shared(struct str endpoint)
{
	return str_eq(endpoint, STR("/api/tags")) ||
	       str_eq(endpoint, STR("/v1/models")) ||
	       str_eq(endpoint, STR("/v1/openai/v1/models"));
}

static struct pyjson_filter filter_of(int rule)
{
	struct pyjson_filter f = { .text = ogx_normalise,
				   .round_digits = FLOAT_DIGITS };

	if (rule == OGX_KEY_NO_TEXTS || rule == OGX_KEY_PLAIN)
		f.text = NULL;
	if (rule == OGX_KEY_FIRST || rule == OGX_KEY_PLAIN)
		f = (struct pyjson_filter){ .round_digits = -1 };
	return f;
}

/* The member as text; a body that is absent is an empty object. */
static int put_body(const struct ogx_call *call, const struct skips *skips,
		    int rule, struct buf *out)
{
	struct pyjson_filter filter = filter_of(rule);

	if (call->body == JSON_NONE)
		return buf_add(out, STR("{}"));
	filter.skip = skips->members;
	filter.skip_count = skips->count;
	return pyjson_dump(call->doc, call->body, &filter, out);
}

static int put_text(struct buf *out, struct str before, struct str s)
{
	int r = buf_add(out, before);

	return r == 0 ? pyjson_quote(out, s) : r;
}

static int put_test_id(const struct ogx_call *call, int rule, struct buf *out)
{
	int r = buf_add(out, STR(", \"test_id\": "));

	if (r < 0)
		return r;
	if (!call->has_test_id || rule == OGX_KEY_NO_TEST)
		return buf_add(out, STR("null"));
	return pyjson_quote(out, call->test_id);
}

static int put_inference(const struct ogx_call *call, int rule, struct str path,
			 struct buf *out)
{
	struct skips skips = { .count = 0 };
	int r;

	if (rule != OGX_KEY_FIRST && rule != OGX_KEY_PLAIN &&
	    call->body != JSON_NONE)
		find_projects(&skips, call->doc, call->body);
	if (contains(host_of(call->url), STR("bedrock"))) {
		skip(&skips,
		     json_get(call->doc, call->body, STR("stream_options")));
	}
	r = buf_add(out, STR("{\"body\": "));
	if (r == 0)
		r = put_body(call, &skips, rule, out);
	if (r == 0)
		r = put_text(out, STR(", \"endpoint\": "), path);
	if (r == 0)
		r = put_text(out, STR(", \"method\": "),
			     call->method.len > 0 ? call->method : STR("POST"));
	if (r == 0 && rule != OGX_KEY_FIRST && !is_shared(path))
		r = put_test_id(call, rule, out);
	return r == 0 ? buf_add(out, STR("}")) : r;
}

static int put_http(const struct ogx_call *call, int rule, struct buf *out)
{
	struct skips skips = { .count = 0 };
	int r;

	if (call->body != JSON_NONE)
		find_projects(&skips, call->doc, call->body);
	r = put_text(out, STR("{\"method\": "),
		     call->method.len > 0 ? call->method : STR("POST"));
	if (r == 0)
		r = buf_add(out, STR(", \"payload\": "));
	if (r == 0)
		r = put_body(call, &skips, rule, out);
	if (r == 0)
		r = put_test_id(call, rule, out);
	if (r == 0)
		r = put_text(out, STR(", \"url\": "), call->url);
	return r == 0 ? buf_add(out, STR("}")) : r;
}

static int put_tool(const struct ogx_call *call, struct buf *out)
{
	int r = buf_add(out, STR("{\"kwargs\": "));

	if (r == 0) {
		r = call->body == JSON_NONE
			    ? buf_add(out, STR("{}"))
			    : pyjson_dump(call->doc, call->body, NULL, out);
	}
	if (r == 0)
		r = put_text(out, STR(", \"provider\": "), call->provider);
	if (r == 0)
		r = put_text(out, STR(", \"tool_name\": "), call->tool_name);
	return r == 0 ? buf_add(out, STR("}")) : r;
}

static int put_call(const struct ogx_call *call, int rule, struct buf *out)
{
	struct arena a;
	int r;

	if (call->family == OGX_TOOL)
		return put_tool(call, out);
	if (call->family == OGX_HTTP)
		return put_http(call, rule, out);
	arena_init(&a, SIZE_MAX / 2);
	r = put_inference(call, rule, ogx_endpoint(call->url, &a), out);
	arena_fini(&a);
	return r;
}

int ogx_key(const struct ogx_call *call, int rule, char out[RECORDING_KEY_LEN],
	    struct buf *canonical)
{
	struct buf own, *text = canonical != NULL ? canonical : &own;
	size_t from;
	int r;

	buf_init(&own, OGX_KEY_TEXT_MAX);
	from = text->len;
	r = put_call(call, rule, text);
	if (r == 0)
		(void)digest_hex(str_drop(buf_str(text), from), out);
	buf_fini(&own);
	return r < 0 ? err_up(r) : 0;
}
