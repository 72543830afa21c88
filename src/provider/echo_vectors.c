#include "provider/echo.h"

#include <errno.h>
#include <math.h>

#include "base/base64.h"
#include "base/map.h"
#include "json/floats.h"

enum {
	DIMENSIONS = 256, /* when none are asked for */
	DIMENSIONS_MAX = 8192,
};

/* The next of a row of numbers that look random (splitmix64). */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* The vector of a text: from -1 to 1 each, then brought to length 1. */
static void make_vector(struct str text, float *out, size_t count)
{
	uint64_t state = map_hash(4, text);
	double sum = 0;

	for (size_t i = 0; i < count; i++) {
		double d = (double)(int64_t)next(&state) / 0x1p63;

		out[i] = (float)d;
		sum += d * d;
	}
	for (size_t i = 0; i < count; i++)
		out[i] = (float)((double)out[i] / sqrt(sum));
}

static int write_numbers(const float *vector, size_t count, bool base64,
			 struct buf *out)
{
	struct str bytes = { (const char *)vector, count * sizeof(*vector) };
	int r;

	if (!base64)
		return floats_write(out, (const uint8_t *)vector, count);
	r = buf_add(out, STR("\""));
	if (r == 0)
		r = base64_write(out, bytes);
	return r == 0 ? buf_add(out, STR("\"")) : r;
}

/* The inputs one by one: the list's elements, or what there is. */
struct inputs {
	const struct provider_request *req;
	float *vector;
	size_t dimensions;
	int64_t index, tokens;
	bool base64;
};

static int write_input(struct inputs *in, uint32_t v, struct arena *a,
		       struct buf *out)
{
	const struct json *doc = in->req->doc;
	struct arena_mark mark = arena_mark(a);
	struct str text = json_raw(doc, v);
	int r;

	if (json_type(doc, v) == JSON_STRING)
		text = json_string(doc, v, a);
	in->tokens += json_type(doc, v) == JSON_STRING
			      ? echo_plan_count(text)
			      : (int64_t)json_count(doc, v);
	make_vector(text, in->vector, in->dimensions);
	arena_rewind(a, mark);
	r = buf_printf(out,
		       "%s{\"object\":\"embedding\",\"index\":%lld,"
		       "\"embedding\":",
		       in->index > 0 ? "," : "", (long long)in->index);
	in->index++;
	if (r == 0)
		r = write_numbers(in->vector, in->dimensions, in->base64, out);
	return r == 0 ? buf_add(out, STR("}")) : r;
}

static int write_inputs(struct inputs *in, struct arena *a, struct buf *out)
{
	const struct json *doc = in->req->doc;
	uint32_t input = json_get(doc, json_root(doc), STR("input"));
	uint32_t v = json_first(doc, input);
	int r = 0;

	if (json_type(doc, input) == JSON_STRING ||
	    json_type(doc, v) == JSON_NUMBER)
		return write_input(in, input, a, out);
	for (; v != JSON_NONE && r == 0; v = json_next(doc, v))
		r = write_input(in, v, a, out);
	return r;
}

static int write_all(struct inputs *in, struct arena *a, struct buf *out)
{
	int r = buf_add(out, STR("{\"object\":\"list\",\"data\":["));

	if (r == 0)
		r = write_inputs(in, a, out);
	if (r == 0)
		r = buf_add(out, STR("],\"model\":"));
	if (r == 0)
		r = json_quote(out, in->req->model);
	if (r < 0)
		return r;
	return buf_printf(out,
			  ",\"usage\":{\"prompt_tokens\":%lld,"
			  "\"total_tokens\":%lld}}",
			  (long long)in->tokens, (long long)in->tokens);
}

int echo_vectors_write(const struct provider_request *req, struct arena *a,
		       struct buf *out, struct api_error *e)
{
	const struct json *doc = req->doc;
	uint32_t root = json_root(doc);
	struct inputs in = { .req = req };
	int64_t dimensions = DIMENSIONS;

	(void)json_to_i64(doc, json_get(doc, root, STR("dimensions")),
			  &dimensions);
	if (dimensions < 1 || dimensions > DIMENSIONS_MAX) {
		return api_fail(e, a, 400, NULL, "dimensions",
				"Invalid 'dimensions': echo gives from 1 to "
				"%d.",
				DIMENSIONS_MAX);
	}
	in.dimensions = (size_t)dimensions;
	in.vector = arena_alloc(a, in.dimensions * sizeof(*in.vector));
	in.base64 = json_is(doc, json_get(doc, root, STR("encoding_format")),
			    STR("base64"));
	if (write_all(&in, a, out) == 0)
		return 0;
	return api_fail(e, a, 400, NULL, NULL,
			"The answer would be longer than echo may give.");
}
