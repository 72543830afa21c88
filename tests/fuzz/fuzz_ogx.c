/*
 * A file in OGX's format of whoever: it is refused, or has a key and can be
 * played; what is played can be written, and read again with the same key.
 */
#include "recording/ogx.h"
#include "recording/ogx_shape.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_again(const struct ogx_file *f, const struct recording *r)
{
	struct recording_problem problem = { .text = "" };
	char key[RECORDING_KEY_LEN], again[RECORDING_KEY_LEN];
	struct ogx_output o = { .recording = r,
				.call = &f->call,
				.endpoint = f->endpoint };
	struct ogx_file second;
	struct arena a;
	struct buf out;

	arena_init(&a, SIZE_MAX / 2);
	buf_init(&out, 8 * RECORDING_FILE_MAX);
	require(ogx_key(&f->call, OGX_KEY_NOW, key, NULL) == 0);
	o.key = (struct str){ key, RECORDING_KEY_LEN };
	if (f->call.family == OGX_INFERENCE && ogx_write(&o, &out) == 0 &&
	    ogx_read(buf_str(&out), &second, &a, &problem) == 0) {
		require(ogx_key(&second.call, OGX_KEY_NOW, again, NULL) == 0);
		/* The method and Infinity do not survive. */
		if (f->call.method.len == 0 ||
		    str_eq(f->call.method, STR("POST")))
			require(memcmp(key, again, sizeof(key)) == 0);
		ogx_fini(&second);
	}
	buf_fini(&out);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct recording_problem problem = { .text = "" };
	struct ogx_keys keys;
	struct ogx_name name;
	struct recording r;
	struct ogx_file f;
	struct arena a;

	arena_init(&a, SIZE_MAX / 2);
	if (ogx_read(text, &f, &a, &problem) == 0) {
		require(ogx_check_name(&f, STR("x.json"), &name) == 0);
		require(!name.matches && name.why != NULL);
		require(ogx_play(&f, &a, &r, &problem) == 0);
		require(r.response.status >= 200 && r.response.status <= 599);
		require(ogx_keys(
				&(struct ogx_request){
					.op = r.op,
					.base_url = r.request.upstream,
					.url = f.call.url,
					.body = r.request.body },
				&keys) == 0);
		check_again(&f, &r);
		ogx_fini(&f);
	} else {
		require(problem.text[0] != '\0');
	}
	arena_fini(&a);
	return 0;
}
