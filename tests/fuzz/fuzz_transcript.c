/*
 * Any bytes, as a request and as an answer in any framing, are a transcript; and
 * so they say the same however often they are read.
 */
#include "recording/transcript.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str all = { (const char *)data, len };
	struct recording r = { 0 };
	struct transcript t, again;
	struct arena a;

	if (len == 0)
		return 0;
	r.response.framing =
		(enum recording_framing)(data[0] % (RECORDING_EVENTSTREAM + 1));
	r.request.body = str_drop(all, 1);
	r.response.body = str_drop(all, 1);
	arena_init(&a, SIZE_MAX / 2);
	transcript_make(&r, &a, &t);
	transcript_make(&r, &a, &again);
	require(t.asked_count <= TRANSCRIPT_TURNS_MAX);
	require(t.answer_count <= TRANSCRIPT_TURNS_MAX);
	require(t.answer_count == again.answer_count);
	for (size_t i = 0; i < t.answer_count; i++) {
		require(t.answers[i].call_count <= TRANSCRIPT_CALLS_MAX);
		require(str_eq(t.answers[i].text, again.answers[i].text));
	}
	arena_fini(&a);
	return 0;
}
