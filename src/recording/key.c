#include "recording/key.h"

#include "base/err.h"
#include "base/map.h"
#include "recording/digest.h"
#include "recording/pyjson.h"
#include "recording/secret.h"
#include "json/json.h"

enum {
	ID_MIN = 6, /* characters behind the prefix */
	ID_MAX = 128,
	UUID_LEN = 36,
	SKIP_MAX = 2,
};

/* One key in the making. */
struct maker {
	enum key_tier tier;
	struct buf *out;
	struct key_counts counts;
	struct map ids; /* to the number of each, plus one */
	struct arena a;
};

const char *key_rule_name(enum key_rule rule)
{
	static const char *const names[] = {
		[KEY_OBFUSCATION] = "include_obfuscation",
		[KEY_BOUNDARY] = "multipart boundary",
		[KEY_IDS] = "ids",
		[KEY_QUERY] = "signature in the query",
	};

	return (size_t)rule < countof(names) ? names[rule] : "";
}

static bool is_id_char(char c)
{
	return (c >= '0' && c <= '9') ||
	       (str_lower(c) >= 'a' && str_lower(c) <= 'z') || c == '_' ||
	       c == '-';
}

static bool is_uuid(struct str s)
{
	if (s.len != UUID_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		char c = str_lower(s.ptr[i]);
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

		if (dash ? c != '-' : !hex)
			return false;
	}
	return true;
}

bool key_is_id(struct str s)
{
	static const struct str prefixes[] = {
		STR_INIT("call_"),     STR_INIT("toolu_"),
		STR_INIT("resp_"),     STR_INIT("msg_"),
		STR_INIT("fc_"),       STR_INIT("rs_"),
		STR_INIT("chatcmpl-"), STR_INIT("conv_"),
		STR_INIT("item_"),     STR_INIT("chatcmpl-tool-"),
	};
	size_t n = 0;

	if (is_uuid(s))
		return true;
	for (size_t i = 0; i < countof(prefixes); i++) {
		if (str_starts(s, prefixes[i]) && prefixes[i].len > n)
			n = prefixes[i].len;
	}
	if (n == 0 || s.len < n + ID_MIN || s.len > ID_MAX)
		return false;
	for (; n < s.len; n++) {
		if (!is_id_char(s.ptr[n]))
			return false;
	}
	return true;
}

/* The same id is the same number, and the first one is 1. */
static bool rename_id(struct maker *m, struct str s, struct buf *out)
{
	uintptr_t number;

	if (m->tier != KEY_NORMAL || !key_is_id(s))
		return false;
	number = (uintptr_t)map_get(&m->ids, s);
	if (number == 0) {
		number = m->ids.len + 1;
		(void)map_put(&m->ids, arena_str(&m->a, s), (void *)number);
	}
	m->counts.counts[KEY_IDS]++;
	return buf_printf(out, "<id %zu>", (size_t)number) == 0;
}

static bool change_text(struct str s, struct buf *out, void *arg)
{
	return rename_id(arg, s, out) || secret_redact_text(s, out) > 0;
}

static void skip_obfuscation(struct maker *m, const struct json *doc,
			     struct pyjson_filter *filter, uint32_t *skips)
{
	uint32_t options = json_get(doc, json_root(doc), STR("stream_options"));
	uint32_t v = json_get(doc, options, STR("include_obfuscation"));

	if (m->tier != KEY_NORMAL || v == JSON_NONE)
		return;
	m->counts.counts[KEY_OBFUSCATION]++;
	/* An object that holds nothing else says nothing. */
	skips[0] = json_count(doc, options) == 1 ? options : v;
	filter->skip = skips;
	filter->skip_count = 1;
}

static int put_json(struct maker *m, const struct json *doc)
{
	uint32_t skips[SKIP_MAX];
	struct pyjson_filter filter = { .text = change_text,
					.text_arg = m,
					.decimals = true,
					.round_digits = -1 };

	skip_obfuscation(m, doc, &filter, skips);
	return pyjson_dump(doc, json_root(doc), &filter, m->out);
}

static int put_text(struct maker *m, struct str before, struct str s)
{
	struct buf redacted;
	int r = buf_add(m->out, before);

	buf_init(&redacted, RECORDING_FILE_MAX);
	if (r == 0) {
		bool found = secret_redact_text(s, &redacted) > 0;

		r = pyjson_quote(m->out, found ? buf_str(&redacted) : s);
	}
	buf_fini(&redacted);
	return r;
}

/* The boundary that a content type names, or "". */
static struct str boundary_of(const struct recording_request *req)
{
	struct str type = recording_header(req->headers, req->header_count,
					   STR("content-type"));
	struct str value = str_drop(type, str_find(type, STR("boundary=")));

	value = str_drop(value, sizeof("boundary=") - 1);
	(void)str_cut(value, ';', &value, &type);
	value = str_trim(value);
	if (value.len >= 2 && value.ptr[0] == '"')
		value = (struct str){ value.ptr + 1, value.len - 2 };
	return value;
}

/* A body that is no JSON, with its boundary taken out. */
static int put_bytes(struct maker *m, struct str body, struct str boundary)
{
	struct buf plain;
	int r = 0;

	if (m->tier != KEY_NORMAL || boundary.len == 0)
		return put_text(m, STR_NULL, body);
	buf_init(&plain, RECORDING_FILE_MAX);
	while (body.len > 0 && r == 0) {
		size_t at = str_find(body, boundary);

		r = buf_add(&plain, str_take(body, at));
		if (at < body.len)
			m->counts.counts[KEY_BOUNDARY]++;
		body = str_drop(body, at < body.len ? at + boundary.len : at);
	}
	if (r == 0)
		r = put_text(m, STR_NULL, buf_str(&plain));
	buf_fini(&plain);
	return r;
}

static int put_body(struct maker *m, const struct recording_request *req)
{
	struct json_error e;
	struct json doc;
	int r = buf_add(m->out, STR("{\"body\": "));

	if (r < 0)
		return r;
	if (req->body.len == 0)
		return buf_add(m->out, STR("null"));
	if (json_parse(req->body, NULL, &doc, &e) != 0)
		return put_bytes(m, req->body, boundary_of(req));
	r = put_json(m, &doc);
	json_fini(&doc);
	return r;
}

static int put_headers(struct maker *m, const struct recording_request *req)
{
	static const char *const semantic[] = { "anthropic-beta",
						"anthropic-version",
						"openai-beta" };
	int r = buf_add(m->out, STR(", \"headers\": {"));
	bool begun = false;

	for (size_t i = 0; i < countof(semantic) && r == 0; i++) {
		struct str name = str_of(semantic[i]);
		struct str value =
			recording_header(req->headers, req->header_count, name);

		if (value.len == 0)
			continue;
		r = put_text(m, begun ? STR(", ") : STR_NULL, name);
		begun = true;
		if (r == 0)
			r = put_text(m, STR(": "), value);
	}
	return r == 0 ? buf_add(m->out, STR("}")) : r;
}

/* Parameters that carry a key or a signature are no part of what is asked. */
static bool is_volatile(struct str parameter)
{
	static const struct str names[] = { STR_INIT("key="),
					    STR_INIT("api_key="),
					    STR_INIT("access_token=") };

	for (size_t i = 0; i < countof(names); i++) {
		if (str_starts(parameter, names[i]))
			return true;
	}
	return str_starts(parameter, STR("X-Amz-"));
}

static int put_path(struct maker *m, struct str path)
{
	struct str head, query, parameter;
	struct buf clean;
	bool more = str_cut(path, '?', &head, &query), begun = false;
	int r;

	buf_init(&clean, RECORDING_FILE_MAX);
	r = buf_add(&clean, head);
	while (more && r == 0) {
		more = str_cut(query, '&', &parameter, &query);
		if (is_volatile(parameter)) {
			m->counts.counts[KEY_QUERY]++;
			continue;
		}
		r = buf_add(&clean, begun ? STR("&") : STR("?"));
		begun = true;
		if (r == 0)
			r = buf_add(&clean, parameter);
	}
	if (r == 0)
		r = put_text(m, STR(", \"path\": "), buf_str(&clean));
	buf_fini(&clean);
	return r;
}

static int put_request(struct maker *m, const struct key_input *input)
{
	const struct recording_request *req = input->request;
	int r = put_body(m, req);

	if (r == 0)
		r = put_headers(m, req);
	if (r == 0)
		r = put_text(m, STR(", \"method\": "), req->method);
	if (r == 0)
		r = put_text(m, STR(", \"op\": "), input->op);
	if (r == 0)
		r = put_path(m, req->path);
	if (r == 0)
		r = put_text(m, STR(", \"upstream\": "), req->upstream);
	return r == 0 ? buf_add(m->out, STR("}")) : r;
}

static int make(struct maker *m, const struct key_input *input,
		char out[RECORDING_KEY_LEN])
{
	size_t from = m->out->len;
	int r;

	arena_init(&m->a, SIZE_MAX / 2);
	r = put_request(m, input);
	if (r == 0)
		(void)digest_hex(str_drop(buf_str(m->out), from), out);
	map_fini(&m->ids);
	arena_fini(&m->a);
	return r < 0 ? err_up(r) : 0;
}

int key_make(const struct key_input *input, enum key_tier tier,
	     char out[RECORDING_KEY_LEN], struct buf *canonical)
{
	struct buf own;
	struct maker m = { .tier = tier };
	int r;

	buf_init(&own, 2 * RECORDING_FILE_MAX);
	m.out = canonical != NULL ? canonical : &own;
	r = make(&m, input, out);
	buf_fini(&own);
	return r;
}

int key_count(const struct key_input *input, struct key_counts *counts)
{
	char key[RECORDING_KEY_LEN];
	struct buf own;
	struct maker m = { .tier = KEY_NORMAL, .out = &own };
	int r;

	buf_init(&own, 2 * RECORDING_FILE_MAX);
	r = make(&m, input, key);
	if (r == 0)
		*counts = m.counts;
	buf_fini(&own);
	return r;
}
