#include "recording/ogx_shape.h"

#include "json/json.h"

enum {
	BODY_DEPTH = 128
};

enum kind {
	AS_IT_IS,
	AS_FLOAT,  /* 0 becomes 0.0 */
	AS_FLOATS, /* each member of an object */
	AS_MESSAGES,
	AS_FORMAT, /* response_format */
};

/* The SDK's own arguments; all else is extra_body. */
static const struct argument {
	const char *name;
	enum kind kind;
} chat[] = {
	{ "messages", AS_MESSAGES },
	{ "model", AS_IT_IS },
	{ "frequency_penalty", AS_FLOAT },
	{ "function_call", AS_IT_IS },
	{ "functions", AS_IT_IS },
	{ "logit_bias", AS_FLOATS },
	{ "logprobs", AS_IT_IS },
	{ "max_completion_tokens", AS_IT_IS },
	{ "max_tokens", AS_IT_IS },
	{ "n", AS_IT_IS },
	{ "parallel_tool_calls", AS_IT_IS },
	{ "presence_penalty", AS_FLOAT },
	{ "prompt_cache_key", AS_IT_IS },
	{ "reasoning_effort", AS_IT_IS },
	{ "response_format", AS_FORMAT },
	{ "safety_identifier", AS_IT_IS },
	{ "seed", AS_IT_IS },
	{ "service_tier", AS_IT_IS },
	{ "stop", AS_IT_IS },
	{ "stream", AS_IT_IS },
	{ "stream_options", AS_IT_IS },
	{ "temperature", AS_FLOAT },
	{ "tool_choice", AS_IT_IS },
	{ "tools", AS_IT_IS },
	{ "top_logprobs", AS_IT_IS },
	{ "top_p", AS_FLOAT },
	{ "user", AS_IT_IS },
	{ NULL, AS_IT_IS },
};

static const struct argument completions[] = {
	{ "model", AS_IT_IS },
	{ "prompt", AS_IT_IS },
	{ "best_of", AS_IT_IS },
	{ "echo", AS_IT_IS },
	{ "frequency_penalty", AS_FLOAT },
	{ "logit_bias", AS_FLOATS },
	{ "logprobs", AS_IT_IS },
	{ "max_tokens", AS_IT_IS },
	{ "n", AS_IT_IS },
	{ "presence_penalty", AS_FLOAT },
	{ "seed", AS_IT_IS },
	{ "stop", AS_IT_IS },
	{ "stream", AS_IT_IS },
	{ "stream_options", AS_IT_IS },
	{ "suffix", AS_IT_IS },
	{ "temperature", AS_FLOAT },
	{ "top_p", AS_FLOAT },
	{ "user", AS_IT_IS },
	{ NULL, AS_IT_IS },
};

static const struct argument embeddings[] = {
	{ "input", AS_IT_IS },           { "model", AS_IT_IS },
	{ "dimensions", AS_IT_IS },      { "user", AS_IT_IS },
	{ "encoding_format", AS_IT_IS }, { NULL, AS_IT_IS },
};

static const struct {
	const char *op, *endpoint;
	const struct argument *arguments; /* NULL: as they are */
} ops[] = {
	{ "chat.completions", "/v1/chat/completions", chat },
	{ "completions", "/v1/completions", completions },
	{ "embeddings", "/v1/embeddings", embeddings },
	{ "models", "/v1/models", NULL },
	{ "responses", "/v1/responses", NULL },
};

struct str ogx_shape_endpoint(struct str op)
{
	for (size_t i = 0; i < countof(ops); i++) {
		if (str_eq(op, str_of(ops[i].op)))
			return str_of(ops[i].endpoint);
	}
	return STR("");
}

/* How one variant of a body differs from today's. */
struct variant {
	bool usage;    /* stream_options as telemetry adds them */
	bool no_usage; /* none */
	bool extra;    /* an extra_body, even if empty */
};

struct shaper {
	const struct ogx_request *req;
	const struct json *doc;
	struct variant variant;
	struct buf out;
	int error;
	bool comma;
};

static void put(struct shaper *s, struct str text)
{
	if (s->error == 0)
		s->error = buf_add(&s->out, text);
}

static void put_raw(struct shaper *s, uint32_t v)
{
	put(s, json_raw(s->doc, v));
}

static bool is_null(const struct shaper *s, uint32_t v)
{
	return v == JSON_NONE || json_type(s->doc, v) == JSON_NULL;
}

static void put_key(struct shaper *s, struct str raw_key)
{
	put(s, s->comma ? STR(",") : STR_NULL);
	put(s, raw_key);
	put(s, STR(":"));
	s->comma = true;
}

static void open_object(struct shaper *s)
{
	put(s, STR("{"));
	s->comma = false;
}

static void close_object(struct shaper *s)
{
	put(s, STR("}"));
	s->comma = true;
}

static void put_float(struct shaper *s, uint32_t v)
{
	struct str raw = json_raw(s->doc, v);
	bool whole = json_type(s->doc, v) == JSON_NUMBER;

	for (size_t i = 0; i < raw.len && whole; i++)
		whole = strchr(".eE", raw.ptr[i]) == NULL;
	put(s, raw);
	put(s, whole ? STR(".0") : STR_NULL);
}

static void put_floats(struct shaper *s, uint32_t v)
{
	open_object(s);
	for (uint32_t i = json_first(s->doc, v); i != JSON_NONE;
	     i = json_next(s->doc, i)) {
		put_key(s, json_raw(s->doc, json_key(s->doc, i)));
		put_float(s, i);
	}
	close_object(s);
}

/* Of an object the members with these names that are not null. */
static void put_members(struct shaper *s, uint32_t v, const char *const *names)
{
	open_object(s);
	for (; *names != NULL; names++) {
		uint32_t member = json_get(s->doc, v, str_of(*names));

		if (is_null(s, member))
			continue;
		put_key(s, json_raw(s->doc, json_key(s->doc, member)));
		put_raw(s, member);
	}
	close_object(s);
}

/* One that holds an object of such names under its own. */
static void put_nested(struct shaper *s, uint32_t v, const char *const *names,
		       const char *inner, const char *const *inner_names)
{
	uint32_t object = json_get(s->doc, v, str_of(inner));

	put_members(s, v, names);
	if (json_type(s->doc, object) != JSON_OBJECT || s->error != 0)
		return;
	/* Behind the last member. */
	s->out.len--;
	s->comma = s->out.ptr[s->out.len - 1] != '{';
	put_key(s, json_raw(s->doc, json_key(s->doc, object)));
	put_members(s, object, inner_names);
	close_object(s);
}

static void put_part(struct shaper *s, uint32_t v)
{
	static const char *const type[] = { "type", NULL };
	static const char *const text[] = { "type", "text", NULL };
	static const char *const image[] = { "url", "detail", NULL };
	static const char *const file[] = { "file_data", "file_id", "filename",
					    NULL };
	uint32_t kind = json_get(s->doc, v, STR("type"));

	if (json_is(s->doc, kind, STR("text"))) {
		put_members(s, v, text);
	} else if (json_is(s->doc, kind, STR("image_url"))) {
		put_nested(s, v, type, "image_url", image);
	} else if (json_is(s->doc, kind, STR("file"))) {
		put_nested(s, v, type, "file", file);
	} else {
		put_raw(s, v);
	}
}

static void put_tool_call(struct shaper *s, uint32_t v)
{
	static const char *const names[] = { "index", "id", "type", NULL };
	static const char *const function[] = { "name", "arguments", NULL };

	put_nested(s, v, names, "function", function);
}

static void put_list(struct shaper *s, uint32_t v,
		     void (*put_one)(struct shaper *s, uint32_t v))
{
	if (json_type(s->doc, v) != JSON_ARRAY) {
		put_raw(s, v);
		return;
	}
	put(s, STR("["));
	for (uint32_t i = json_first(s->doc, v); i != JSON_NONE;
	     i = json_next(s->doc, i)) {
		put_one(s, i);
		put(s, json_next(s->doc, i) != JSON_NONE ? STR(",") : STR_NULL);
	}
	put(s, STR("]"));
	s->comma = true;
}

static bool is_one_of(const struct json *doc, uint32_t v,
		      const char *const *names)
{
	for (; *names != NULL; names++) {
		if (json_is(doc, v, str_of(*names)))
			return true;
	}
	return false;
}

/* Of all roles but the assistant's, only what the SDK knows is kept. */
static bool is_kept(const struct shaper *s, uint32_t role, uint32_t key)
{
	static const char *const speakers[] = { "user", "system", "developer",
						NULL };
	static const char *const spoken[] = { "role", "content", "name", NULL };
	static const char *const result[] = { "role", "content", "tool_call_id",
					      NULL };

	if (is_one_of(s->doc, role, speakers))
		return is_one_of(s->doc, key, spoken);
	if (json_is(s->doc, role, STR("tool")))
		return is_one_of(s->doc, key, result);
	return true;
}

static void put_message(struct shaper *s, uint32_t v)
{
	uint32_t role = json_get(s->doc, v, STR("role"));

	open_object(s);
	for (uint32_t i = json_first(s->doc, v); i != JSON_NONE;
	     i = json_next(s->doc, i)) {
		uint32_t key = json_key(s->doc, i);

		if (is_null(s, i) || !is_kept(s, role, key))
			continue;
		put_key(s, json_raw(s->doc, key));
		if (json_is(s->doc, key, STR("content"))) {
			put_list(s, i, put_part);
		} else if (json_is(s->doc, key, STR("tool_calls"))) {
			put_list(s, i, put_tool_call);
		} else {
			put_raw(s, i);
		}
	}
	close_object(s);
}

static void put_format(struct shaper *s, uint32_t v)
{
	static const char *const type[] = { "type", NULL };
	static const char *const schema[] = { "name", "description", "strict",
					      "schema", NULL };

	put_nested(s, v, type, "json_schema", schema);
}

static void put_value(struct shaper *s, uint32_t v, enum kind kind)
{
	bool object = json_type(s->doc, v) == JSON_OBJECT;

	if (kind == AS_FLOAT) {
		put_float(s, v);
	} else if (kind == AS_FLOATS && object) {
		put_floats(s, v);
	} else if (kind == AS_MESSAGES) {
		put_list(s, v, put_message);
	} else if (kind == AS_FORMAT && object) {
		put_format(s, v);
	} else {
		put_raw(s, v);
	}
}

static const struct argument *find(const struct shaper *s,
				   const struct argument *list, uint32_t key)
{
	while (list->name != NULL && !json_is(s->doc, key, str_of(list->name)))
		list++;
	return list->name != NULL ? list : NULL;
}

/* "tool_choice": "none" takes the tools away, and itself. */
static bool is_dropped(const struct shaper *s, uint32_t key)
{
	uint32_t root = json_root(s->doc);
	uint32_t choice = json_get(s->doc, root, STR("tool_choice"));
	bool none =
		json_is(s->doc, choice, STR("none")) &&
		json_count(s->doc, json_get(s->doc, root, STR("tools"))) > 0;

	if (none && (json_is(s->doc, key, STR("tools")) ||
		     json_is(s->doc, key, STR("tool_choice"))))
		return true;
	if (json_is(s->doc, key, STR("stream_options")))
		return s->variant.no_usage || s->variant.usage;
	return s->req->is_watsonx &&
	       json_is(s->doc, key, STR("parallel_tool_calls"));
}

/* Those that are arguments, or (extra) those that are not. */
static size_t put_arguments(struct shaper *s, const struct argument *list,
			    bool extra)
{
	size_t n = 0;

	for (uint32_t i = json_first(s->doc, json_root(s->doc)); i != JSON_NONE;
	     i = json_next(s->doc, i)) {
		uint32_t key = json_key(s->doc, i);
		const struct argument *arg = find(s, list, key);

		if ((arg == NULL) != extra ||
		    (!extra && (is_null(s, i) || is_dropped(s, key))))
			continue;
		put_key(s, json_raw(s->doc, key));
		put_value(s, i, arg != NULL ? arg->kind : AS_IT_IS);
		n++;
	}
	return n;
}

static void put_extra(struct shaper *s, const struct argument *list)
{
	size_t from = s->out.len;
	bool comma = s->comma;

	put_key(s, STR("\"extra_body\""));
	open_object(s);
	if (put_arguments(s, list, true) > 0 || s->variant.extra) {
		close_object(s);
	} else if (s->error == 0) {
		s->out.len = from;
		s->comma = comma;
	}
}

static void put_kwargs(struct shaper *s, const struct argument *list)
{
	open_object(s);
	(void)put_arguments(s, list, false);
	if (s->variant.usage) {
		put_key(s, STR("\"stream_options\""));
		put(s, STR("{\"include_usage\":true}"));
	}
	/* The embeddings SDK is always told. */
	if (list == embeddings &&
	    is_null(s, json_get(s->doc, 0, STR("encoding_format")))) {
		put_key(s, STR("\"encoding_format\""));
		put(s, STR("\"float\""));
	}
	put_extra(s, list);
	close_object(s);
}

static int shape_body(const struct ogx_request *req, const struct variant *v,
		      const struct argument *list, struct arena *a,
		      struct str *out)
{
	struct json_limits limits = { .depth = BODY_DEPTH };
	struct str body = req->body.len > 0 ? req->body : STR("{}");
	struct json_error e;
	struct json doc;
	struct shaper s = { .req = req, .doc = &doc, .variant = *v };

	if (json_parse(body, &limits, &doc, &e) != 0)
		return RECORDING_BAD;
	if (json_type(&doc, json_root(&doc)) != JSON_OBJECT) {
		json_fini(&doc);
		return RECORDING_BAD;
	}
	buf_init(&s.out, 2 * RECORDING_BODY_MAX);
	if (list == NULL) {
		put(&s, body);
	} else {
		put_kwargs(&s, list);
	}
	*out = arena_str(a, buf_str(&s.out));
	buf_fini(&s.out);
	json_fini(&doc);
	return s.error == 0 ? 0 : RECORDING_BAD;
}

static int shape(const struct ogx_request *req, const struct variant *v,
		 struct arena *a, struct str *url, struct str *kwargs)
{
	for (size_t i = 0; i < countof(ops); i++) {
		struct str parts[] = { req->base_url, str_of(ops[i].endpoint) };

		if (!str_eq(req->op, str_of(ops[i].op)))
			continue;
		*url = arena_join(a, parts, countof(parts));
		return shape_body(req, v, ops[i].arguments, a, kwargs);
	}
	*url = req->url;
	return shape_body(req, v, NULL, a, kwargs);
}

int ogx_shape(const struct ogx_request *req, struct arena *a, struct str *url,
	      struct str *kwargs)
{
	struct variant none = { 0 };

	return shape(req, &none, a, url, kwargs);
}

/* Does the request say so itself, in its outermost object? */
static bool has_member(struct str body, struct str name)
{
	struct json_error e;
	struct json doc;
	bool found;

	if (json_parse(body, NULL, &doc, &e) != 0)
		return false;
	found = json_get(&doc, json_root(&doc), name) != JSON_NONE;
	json_fini(&doc);
	return found;
}

static int add_key(const struct ogx_request *req, const struct variant *v,
		   int rule, struct arena *a, struct ogx_keys *out)
{
	struct ogx_call call = { .test_id = req->test_id,
				 .has_test_id = req->test_id.len > 0 };
	struct json_error e;
	struct str kwargs;
	struct json doc;
	int r = shape(req, v, a, &call.url, &kwargs);

	if (r != 0 || json_parse(kwargs, NULL, &doc, &e) != 0)
		return RECORDING_BAD;
	if (str_eq(call.url, req->url) && req->url.len > 0)
		call.family = OGX_HTTP;
	call.doc = &doc;
	call.body = json_root(&doc);
	r = ogx_key(&call, rule, out->keys[out->count], NULL);
	json_fini(&doc);
	if (r < 0)
		return RECORDING_BAD;
	for (size_t i = 0; i < out->count; i++) {
		if (memcmp(out->keys[i], out->keys[out->count],
			   RECORDING_KEY_LEN) == 0)
			return 0;
	}
	out->count++;
	return 0;
}

int ogx_keys_next(const struct ogx_request *req, struct ogx_keys *k)
{
	bool usage = has_member(req->body, STR("stream_options"));
	const struct variant variants[] = {
		{ 0 },
		{ .extra = true },
		{ .no_usage = usage, .usage = !usage },
		{ .no_usage = usage, .usage = !usage, .extra = true },
	};
	bool late = k->tried >= countof(variants);
	struct arena a;
	int r;

	if (k->tried == OGX_KEYS_MAX)
		return OGX_KEYS_END;
	arena_init(&a, SIZE_MAX / 2);
	r = add_key(req, &variants[k->tried % countof(variants)],
		    late ? OGX_KEY_NO_TEST : OGX_KEY_NOW, &a, k);
	k->tried++;
	arena_fini(&a);
	return r;
}

int ogx_keys(const struct ogx_request *req, struct ogx_keys *out)
{
	int r;

	*out = (struct ogx_keys){ .count = 0 };
	do
		r = ogx_keys_next(req, out);
	while (r == 0);
	return r == OGX_KEYS_END ? 0 : r;
}
