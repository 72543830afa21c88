#include "api/page.h"

#include "http/url.h"
#include "llm/metadata.h"

enum {
	SHOWN_MAX = 100 /* bytes of a client's value that a message repeats */
};

/* What a parameter is read into. */
struct reading {
	struct arena *arena;
	struct store_query *query;
	struct api_error *error;
};

static int refuse(const struct reading *r, struct str param, const char *code,
		  const char *what)
{
	(void)api_fail(r->error, r->arena, 400, "invalid_request_error", NULL,
		       "Invalid '" STR_FMT "': %s.",
		       STR_ARG(str_take(param, SHOWN_MAX)), what);
	r->error->param = str_take(param, SHOWN_MAX);
	r->error->code = str_of(code);
	return API_FAIL;
}

static int read_limit(const struct reading *r, struct str value)
{
	struct str param = STR("limit");
	int64_t n;

	if (!str_to_i64(value, INT64_MIN, INT64_MAX, &n)) {
		return refuse(r, param, "invalid_type",
			      "expected an integer from 1 to 100");
	}
	if (n < 1) {
		return refuse(r, param, "integer_below_min_value",
			      "expected a value >= 1");
	}
	if (n > STORE_LIMIT_MAX) {
		return refuse(r, param, "integer_above_max_value",
			      "expected a value <= 100; what is beyond is on "
			      "further pages (after)");
	}
	r->query->limit = (unsigned)n;
	return 0;
}

static int read_order(const struct reading *r, struct str value)
{
	r->query->newest_first = str_eq(value, STR("desc"));
	if (r->query->newest_first || str_eq(value, STR("asc")))
		return 0;
	return refuse(r, STR("order"), "invalid_value",
		      "the order is 'asc' or 'desc'");
}

/* "metadata[KEY]": is it one? */
static bool cut_key(struct str name, struct str *out)
{
	static const struct str head = STR_INIT("metadata[");

	if (!str_starts(name, head) || !str_ends(name, STR("]")))
		return false;
	*out = str_drop(name, head.len);
	out->len--;
	return true;
}

static int read_filter(const struct reading *r, struct str key,
		       struct str value)
{
	struct store_query *q = r->query;

	if (key.len == 0 || metadata_chars(key) > METADATA_KEY_MAX) {
		return refuse(r, STR("metadata"), "invalid_value",
			      "a filter is metadata[KEY]=VALUE, and a key has "
			      "1 to 64 characters");
	}
	if (q->metadata_count == STORE_FILTERS_MAX) {
		return refuse(r, STR("metadata"), "object_above_max_properties",
			      "at most 16 filters");
	}
	q->metadata[q->metadata_count++] = (struct store_filter){ key, value };
	return 0;
}

static int read_one(const struct reading *r, struct str name, struct str value)
{
	struct store_query *q = r->query;
	struct str key;

	if (cut_key(name, &key))
		return read_filter(r, key, value);
	if (value.len == 0)
		return 0;
	if (str_eq(name, STR("limit")))
		return read_limit(r, value);
	if (str_eq(name, STR("order")))
		return read_order(r, value);
	if (str_eq(name, STR("after")))
		q->after = value;
	else if (str_eq(name, STR("before")))
		q->before = value;
	else if (str_eq(name, STR("model")))
		q->model = value;
	return 0;
}

static int bad_query(const struct reading *r)
{
	(void)api_fail(r->error, r->arena, 400, "invalid_request_error", NULL,
		       "The query of the URL has a bad %%-escape, a NUL, or "
		       "bytes that are not UTF-8.");
	r->error->code = STR("invalid_value");
	return API_FAIL;
}

int page_read(struct str query, const struct page_usual *usual, struct arena *a,
	      struct store_query *out, struct api_error *e)
{
	struct store_query q = { .limit = usual->limit,
				 .newest_first = usual->newest_first };
	struct reading reading = { a, &q, e };
	struct str name, value;
	int r;

	while ((r = url_query_next(&query, a, &name, &value)) == 1) {
		r = read_one(&reading, name, value);
		if (r != 0)
			return r;
	}
	if (r < 0)
		return bad_query(&reading);
	if (q.after.len > 0 && q.before.len > 0) {
		return refuse(&reading, STR("before"), "invalid_value",
			      "a page is after a row or before one, not both");
	}
	*out = q;
	return 0;
}

struct store_query page_copy(const struct store_query *q, struct arena *a)
{
	struct store_query copy = *q;

	copy.owner = arena_str(a, q->owner);
	copy.after = arena_str(a, q->after);
	copy.before = arena_str(a, q->before);
	copy.model = arena_str(a, q->model);
	for (size_t i = 0; i < q->metadata_count; i++) {
		copy.metadata[i] = (struct store_filter){
			arena_str(a, q->metadata[i].key),
			arena_str(a, q->metadata[i].value),
		};
	}
	return copy;
}

struct page_span page_span(const struct store_query *q, size_t at, size_t total)
{
	struct page_span s = { 0 };

	if (q->before.len > 0) {
		s.first = at > q->limit ? at - q->limit : 0;
		s.count = at - s.first;
		s.has_more = s.first > 0;
		return s;
	}
	s.first = at == SIZE_MAX ? 0 : at + 1;
	s.count = total - s.first;
	s.has_more = s.count > q->limit;
	if (s.has_more)
		s.count = q->limit;
	return s;
}

void page_begin(struct json_writer *w)
{
	json_object(w);
	json_member_str(w, STR("object"), STR("list"));
	json_member(w, STR("data"));
	json_array(w);
}

void page_end(struct json_writer *w, struct str first, struct str last,
	      bool has_more)
{
	json_end(w);
	json_member_str(w, STR("first_id"), first);
	json_member_str(w, STR("last_id"), last);
	json_member_bool(w, STR("has_more"), has_more);
	json_end(w);
}
