/*
 * Any bytes, in any framing, come back from a file of the exact format as they
 * were; so does the request's body when it is no JSON.
 */
#include "recording/exact.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void round_trip(const struct recording *r)
{
	struct exact_options options = { 0 };
	struct recording_problem problem;
	struct recording again;
	struct arena a;
	struct buf out;
	bool sidecar;

	arena_init(&a, SIZE_MAX / 2);
	buf_init(&out, RECORDING_FILE_MAX);
	require(exact_write(r, &options, &out, &sidecar) == 0);
	require(!sidecar && exact_is(buf_str(&out)));
	require(exact_read(buf_str(&out), &a, &again, &problem) == 0);
	require(!again.edited);
	require(str_eq(again.response.body, r->response.body));
	require(again.response.framing == r->response.framing);
	require(again.response.end == r->response.end);
	buf_fini(&out);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str all = { (const char *)data, len }, body;
	struct recording r = { 0 };

	if (len == 0)
		return 0;
	body = str_drop(all, 1);
	r.request.method = STR("POST");
	r.request.path = STR("/");
	r.request.body = body;
	r.response.status = 200;
	r.response.framing =
		(enum recording_framing)(data[0] % (RECORDING_EVENTSTREAM + 1));
	r.response.end = (enum recording_end)(data[0] / 8 % 5);
	r.response.body = body;
	round_trip(&r);
	return 0;
}
