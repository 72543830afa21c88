/*
 * Any bytes are a cassette or none; YAML that is read is JSON, and what comes out
 * of a cassette is a whole recording that can be written, and read for people.
 */
#include "recording/cassette.h"

#include "recording/exact.h"
#include "recording/transcript.h"
#include "recording/yamljson.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_recording(const struct recording *r, struct arena *a)
{
	struct exact_options options = { 0 };
	struct transcript t;
	struct buf out;
	bool sidecar;

	require(r->op.len > 0 && r->request.path.len > 0);
	require(r->response.status >= 200 && r->response.status <= 599);
	require(r->response.mark_count == 1);
	require(r->response.marks[0].end == r->response.body.len);
	transcript_make(r, a, &t);
	buf_init(&out, RECORDING_FILE_MAX);
	require(exact_write(r, &options, &out, &sidecar) <= 0);
	buf_fini(&out);
}

static void check_yaml(struct str text)
{
	struct recording_problem problem = { .text = "" };
	struct json_error e;
	struct json doc;
	struct buf out;

	buf_init(&out, 1 << 20);
	if (yamljson_write(text, &out, &problem) != 0) {
		require(problem.text[0] != '\0');
	} else if (out.len > 0) {
		require(json_parse(buf_str(&out), NULL, &doc, &e) == 0);
		json_fini(&doc);
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct recording_problem problem;
	struct recording r;
	struct cassette c;
	struct arena a;
	int status;

	if (len == 0)
		return 0;
	check_yaml(text);
	if (cassette_open(text, &c, &problem) != 0)
		return 0;
	arena_init(&a, SIZE_MAX / 2);
	while ((status = cassette_next(&c, &a, &r, &problem)) != CASSETTE_END) {
		if (status == 0)
			check_recording(&r, &a);
	}
	cassette_close(&c);
	arena_fini(&a);
	return 0;
}
