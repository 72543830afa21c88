#include "provider/provider_data.h"

#include "json/json.h"

static const char *const names[] = {
	[0] = "x-ogx-provider-data",
	[1] = "x-llamastack-provider-data",
};

/* API_FAIL for the header, which is called what the client called it. */
static int bad_header(const struct http_header *h, const char *why,
		      struct arena *a, struct api_error *e)
{
	bool is_old = h->id == HTTP_X_LLAMASTACK_PROVIDER_DATA;

	(void)api_fail(e, a, 400, "invalid_request_error", NULL,
		       "The header %s %s. It takes a JSON object such as "
		       "{\"openai_api_key\": \"<API_KEY>\"}.",
		       names[is_old ? 1 : 0], why);
	e->code = STR("invalid_provider_data");
	return API_FAIL;
}

static int find_header(const struct http_head *head, struct arena *a,
		       const struct http_header **out, struct api_error *e)
{
	const struct http_header *h = http_find(head, HTTP_X_OGX_PROVIDER_DATA);

	if (h == NULL)
		h = http_find(head, HTTP_X_LLAMASTACK_PROVIDER_DATA);
	if (h == NULL)
		return 0;
	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *other = &head->headers[i];

		/* Which one counts must not depend on who reads it. */
		if (other != h && other->id == h->id)
			return bad_header(h, "is given twice", a, e);
	}
	*out = h;
	return 0;
}

static struct provider_data_member *find(const struct provider_data *data,
					 struct str name)
{
	for (size_t i = 0; data != NULL && i < data->count; i++) {
		if (str_eq(data->members[i].name, name))
			return &data->members[i];
	}
	return NULL;
}

static void add_member(struct provider_data *data, const struct json *doc,
		       uint32_t v, struct arena *a)
{
	bool is_string = json_type(doc, v) == JSON_STRING;
	struct str value =
		is_string ? json_string(doc, v, a) : json_raw(doc, v);

	if (json_type(doc, v) == JSON_NULL)
		return;
	data->members[data->count++] = (struct provider_data_member){
		.name = arena_str(a, json_string(doc, json_key(doc, v), a)),
		.value = arena_str(a, value),
		.is_string = is_string,
	};
}

static const struct provider_data *read_members(const struct json *doc,
						struct arena *a)
{
	struct provider_data *data = arena_zalloc(a, sizeof(*data));
	uint32_t root = json_root(doc), v;

	data->members =
		arena_zalloc(a, json_count(doc, root) * sizeof(*data->members));
	for (v = json_first(doc, root); v != JSON_NONE; v = json_next(doc, v)) {
		struct str name = json_string(doc, json_key(doc, v), a);

		/* Of equal names the last: json_get() finds that one. */
		if (json_get(doc, root, name) == v)
			add_member(data, doc, v, a);
	}
	return data;
}

int provider_data_read(const struct http_head *head, struct arena *a,
		       const struct provider_data **out, struct api_error *e)
{
	static const struct json_limits limits = { .depth = 8, .nodes = 1000 };
	const struct http_header *h = NULL;
	struct json_error bad;
	struct json doc;
	int r = find_header(head, a, &h, e);

	*out = NULL;
	if (r != 0 || h == NULL)
		return r;
	if (h->value.len > PROVIDER_DATA_BYTES_MAX)
		return bad_header(h, "is over 16 KB", a, e);
	if (json_parse(h->value, &limits, &doc, &bad) != 0) {
		struct str why = arena_printf(a,
					      "is not valid JSON (column %u: "
					      "%s)",
					      bad.column, bad.what);

		return bad_header(h, arena_cz(a, why), a, e);
	}
	if (json_type(&doc, json_root(&doc)) != JSON_OBJECT) {
		r = bad_header(h, "is not a JSON object", a, e);
	} else if (json_count(&doc, json_root(&doc)) >
		   PROVIDER_DATA_MEMBERS_MAX) {
		r = bad_header(h, "has over 64 members", a, e);
	} else {
		*out = read_members(&doc, a);
	}
	json_fini(&doc);
	return r;
}

struct str provider_data_get(const struct provider_data *data, struct str name)
{
	const struct provider_data_member *m = find(data, name);

	return m != NULL && m->is_string ? m->value : STR_NULL;
}

static int bad_field(struct str name, const char *why, struct arena *a,
		     struct api_error *e)
{
	(void)api_fail(e, a, 400, "invalid_request_error", NULL,
		       "'" STR_FMT "' in the header x-ogx-provider-data %s.",
		       STR_ARG(str_take(name, 100)), why);
	e->code = STR("invalid_provider_data");
	return API_FAIL;
}

int provider_data_field(const struct provider_data *data, struct str name,
			struct arena *a, struct str *out, struct api_error *e)
{
	const struct provider_data_member *m = find(data, name);

	*out = STR_NULL;
	if (m == NULL)
		return 0;
	if (!m->is_string)
		return bad_field(name, "must be a string", a, e);
	if (m->value.len > PROVIDER_DATA_VALUE_MAX)
		return bad_field(name, "is over 8 KB", a, e);
	for (size_t i = 0; i < m->value.len; i++) {
		if (m->value.ptr[i] <= ' ' || m->value.ptr[i] > '~') {
			return bad_field(name,
					 "must have visible ASCII "
					 "characters only",
					 a, e);
		}
	}
	*out = m->value;
	return 0;
}

struct str provider_data_hide(struct str text, struct str secret,
			      struct arena *a)
{
	static const struct str mask = STR_INIT("********");
	size_t at = str_find(text, secret), len = 0;
	char *out;

	/* A shorter one would mask ordinary words. */
	if (secret.len < mask.len || at == text.len)
		return text;
	out = arena_alloc(a, text.len);
	while (at < text.len) {
		memcpy(out + len, text.ptr, at);
		memcpy(out + len + at, mask.ptr, mask.len);
		len += at + mask.len;
		text = str_drop(text, at + secret.len);
		at = str_find(text, secret);
	}
	if (text.len > 0)
		memcpy(out + len, text.ptr, text.len);
	return (struct str){ out, len + text.len };
}

static bool is_secret(struct str name)
{
	static const struct str endings[] = {
		STR_INIT("_base"), STR_INIT("_url"),     STR_INIT("_version"),
		STR_INIT("_type"), STR_INIT("_project"), STR_INIT("_location"),
		STR_INIT("_id"),
	};

	for (size_t i = 0; i < countof(endings); i++) {
		if (str_ends(name, endings[i]))
			return false;
	}
	return true;
}

struct str provider_data_mask(const struct provider_data *data, struct str text,
			      struct arena *a)
{
	for (size_t i = 0; data != NULL && i < data->count; i++) {
		const struct provider_data_member *m = &data->members[i];

		if (m->is_string && is_secret(m->name))
			text = provider_data_hide(text, m->value, a);
	}
	return text;
}
