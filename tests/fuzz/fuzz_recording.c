/*
 * A file of whoever: it is refused, or read as a recording that is whole in
 * itself and can be written and read again.
 */
#include "recording/exact.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_marks(const struct recording_response *res)
{
	uint64_t at = 0;

	for (size_t i = 0; i < res->mark_count; i++) {
		require(res->marks[i].end >= at);
		at = res->marks[i].end;
	}
	require(at == res->body.len);
	for (size_t i = 0; i < res->header_count; i++) {
		struct str value = res->headers[i].value;

		require(str_find(value, STR("\r")) == value.len);
		require(str_find(value, STR("\n")) == value.len);
	}
}

static void check_again(const struct recording *r)
{
	struct exact_options options = { 0 };
	struct recording again;
	struct arena a;
	struct buf out;
	bool sidecar;

	arena_init(&a, SIZE_MAX / 2);
	buf_init(&out, 4 * RECORDING_FILE_MAX);
	require(exact_write(r, &options, &out, &sidecar) == 0);
	require(exact_read(buf_str(&out), &a, &again, NULL) == 0);
	require(str_eq(again.response.body, r->response.body));
	require(again.response.fail == r->response.fail);
	require(again.response.header_count == r->response.header_count);
	buf_fini(&out);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct recording_problem problem = { .text = "" };
	struct recording r;
	struct arena a;

	arena_init(&a, SIZE_MAX / 2);
	if (exact_read(text, &a, &r, &problem) == 0) {
		if (r.response.fail == RECORDING_ANSWERED)
			check_marks(&r.response);
		check_again(&r);
	} else {
		require(problem.text[0] != '\0');
	}
	arena_fini(&a);
	return 0;
}
