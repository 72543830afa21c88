#include "api/page.h"

#include "tests/unit/table.h"

static const struct page_usual newest = { 20, .newest_first = true };

/* "after before limit order model k=v;..." */
static struct str describe(const struct store_query *q, struct arena *a)
{
	struct str s = arena_printf(a, STR_FMT "|" STR_FMT "|%u|%s|" STR_FMT,
				    STR_ARG(q->after), STR_ARG(q->before),
				    q->limit, q->newest_first ? "desc" : "asc",
				    STR_ARG(q->model));

	for (size_t i = 0; i < q->metadata_count; i++) {
		s = arena_printf(a, STR_FMT "|" STR_FMT "=" STR_FMT, STR_ARG(s),
				 STR_ARG(q->metadata[i].key),
				 STR_ARG(q->metadata[i].value));
	}
	return s;
}

static void queries_are_read(void **state)
{
	static const struct {
		const char *name, *query, *want;
	} cases[] = {
		{ "nothing", "", "||20|desc|" },
		{ "all", "after=a&limit=7&order=asc&model=m%2Fn",
		  "a||7|asc|m/n" },
		{ "before", "before=b&order=desc", "|b|20|desc|" },
		{ "the ends", "limit=1", "||1|desc|" },
		{ "the other end", "limit=100", "||100|desc|" },
		{ "empty is absent", "after=&before=&limit=&order=&model=&x=1",
		  "||20|desc|" },
		{ "others are passed over", "api-version=1&metadata=x&limi=0",
		  "||20|desc|" },
		{ "the last counts", "limit=1&limit=2", "||2|desc|" },
		{ "filters", "metadata%5Ba%5D=1&metadata[b+c]=&metadata[d]]=e",
		  "||20|desc||a=1|b c=|d]=e" },
	};
	struct arena a, b;

	(void)state;
	arena_init(&a, 1 << 20);
	arena_init(&b, 1 << 20);
	for (size_t i = 0; i < countof(cases); i++) {
		struct store_query q;
		struct api_error e;

		check_int(cases[i].name,
			  page_read(str_of(cases[i].query), &newest, &a, &q,
				    &e),
			  0);
		check_str(cases[i].name, describe(&q, &a),
			  str_of(cases[i].want));
		q = page_copy(&q, &b);
		arena_reset(&a);
		check_str(cases[i].name, describe(&q, &b),
			  str_of(cases[i].want));
	}
	arena_fini(&a);
	arena_fini(&b);
}

static void bad_queries_are_refused(void **state)
{
	static const struct {
		const char *name, *query, *param, *code;
	} cases[] = {
		{ "limit 0", "limit=0", "limit", "integer_below_min_value" },
		{ "limit -1", "limit=-1", "limit", "integer_below_min_value" },
		{ "limit 101", "limit=101", "limit",
		  "integer_above_max_value" },
		{ "limit beyond 64 bits", "limit=99999999999999999999", "limit",
		  "invalid_type" },
		{ "a word as limit", "limit=ten", "limit", "invalid_type" },
		{ "a fraction as limit", "limit=1.5", "limit", "invalid_type" },
		{ "order", "order=up", "order", "invalid_value" },
		{ "order in capitals", "order=ASC", "order", "invalid_value" },
		{ "both cursors", "after=a&before=b", "before",
		  "invalid_value" },
		{ "a filter without a key", "metadata[]=x", "metadata",
		  "invalid_value" },
		{ "a bad escape", "after=%zz", "", "invalid_value" },
		{ "a NUL", "after=%00", "", "invalid_value" },
		{ "seventeen filters",
		  "metadata[1]=&metadata[2]=&metadata[3]=&metadata[4]=&"
		  "metadata[5]=&metadata[6]=&metadata[7]=&metadata[8]=&"
		  "metadata[9]=&metadata[a]=&metadata[b]=&metadata[c]=&"
		  "metadata[d]=&metadata[e]=&metadata[f]=&metadata[g]=&"
		  "metadata[h]=",
		  "metadata", "object_above_max_properties" },
		{ "a key of 65",
		  "metadata[12345678901234567890123456789012345678901234567890"
		  "123456789012345]=",
		  "metadata", "invalid_value" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(cases); i++) {
		struct store_query q = { .limit = 77 };
		struct api_error e = { 0 };

		check_int(cases[i].name,
			  page_read(str_of(cases[i].query), &newest, &a, &q,
				    &e),
			  API_FAIL);
		check_int(cases[i].name, e.status, 400);
		check_str(cases[i].name, e.param, str_of(cases[i].param));
		check_str(cases[i].name, e.code, str_of(cases[i].code));
		check_int(cases[i].name, q.limit, 77);
	}
	arena_fini(&a);
}

static void spans_are_cut(void **state)
{
	static const struct {
		const char *name;
		bool before;
		unsigned limit;
		size_t at, total, first, count;
		bool has_more;
	} cases[] = {
		{ "nothing there", false, 2, SIZE_MAX, 0, 0, 0, false },
		{ "all", false, 2, SIZE_MAX, 2, 0, 2, false },
		{ "one more", false, 2, SIZE_MAX, 3, 0, 2, true },
		{ "behind the first", false, 2, 0, 3, 1, 2, false },
		{ "behind the last", false, 2, 2, 3, 3, 0, false },
		{ "in the middle", false, 1, 1, 4, 2, 1, true },
		{ "ahead of the first", true, 2, 0, 3, 0, 0, false },
		{ "ahead of the third", true, 2, 2, 3, 0, 2, false },
		{ "ahead of the fourth", true, 2, 3, 5, 1, 2, true },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct store_query q = { .limit = cases[i].limit };
		struct page_span span;

		if (cases[i].before)
			q.before = STR("x");
		else if (cases[i].at != SIZE_MAX)
			q.after = STR("x");
		span = page_span(&q, cases[i].at, cases[i].total);
		check_int(cases[i].name, span.first, cases[i].first);
		check_int(cases[i].name, span.count, cases[i].count);
		check_int(cases[i].name, span.has_more, cases[i].has_more);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_are_read),
		cmocka_unit_test(bad_queries_are_refused),
		cmocka_unit_test(spans_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
