/*
 * Redaction keeps every length, changes nothing but to '*', and leaves nothing
 * for a second look; so does cleaning a recording's body.
 */
#include "recording/secret.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_stars(struct str before, struct str after)
{
	require(before.len == after.len);
	for (size_t i = 0; i < before.len; i++)
		require(before.ptr[i] == after.ptr[i] || after.ptr[i] == '*');
}

static void clean(struct str body, enum recording_framing framing)
{
	struct secret_job job = { .policy = SECRET_REDACT };
	struct recording r = { .response = { .framing = framing,
					     .body = body } };
	struct arena a;

	arena_init(&a, SIZE_MAX / 2);
	(void)secret_clean(&r, &a, &job);
	check_stars(body, r.response.body);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str all = { (const char *)data, len }, text;
	struct secret_find find;
	struct buf out;

	if (len == 0)
		return 0;
	text = str_drop(all, 1);
	buf_init(&out, len);
	if (secret_redact_text(text, &out) > 0)
		check_stars(text, buf_str(&out));
	if (secret_next(text, 0, &find))
		require(find.len > 0 && find.at + find.len <= text.len);
	clean(text, (enum recording_framing)(data[0] % 5));
	buf_fini(&out);
	return 0;
}
