/*
 * A line that is read is written again; what is written then is read as the same
 * row, and written as the same line.
 */
#include "store/line.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void write_line(const struct line_row *row, struct buf *out)
{
	require((row->is_object ? line_write_object(&row->object, out)
				: line_write(&row->completion, out)) == 0);
	require(out->len > 0 && out->ptr[out->len - 1] == '\n');
	require(memchr(out->ptr, '\n', out->len - 1) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct line_row first, second;
	struct line_problem problem;
	struct buf one, two;
	struct arena a;

	arena_init(&a, 64 << 20);
	buf_init(&one, 64 << 20);
	buf_init(&two, 64 << 20);
	if (line_read(text, &a, &first, &problem) == 0) {
		write_line(&first, &one);
		require(line_read(str_take(buf_str(&one), one.len - 1), &a,
				  &second, &problem) == 0);
		require(first.is_object == second.is_object);
		require(str_eq(first.completion.request,
			       second.completion.request));
		require(str_eq(first.completion.params,
			       second.completion.params));
		require(str_eq(first.completion.user, second.completion.user));
		require(str_eq(first.object.body, second.object.body));
		require(str_eq(first.object.aux, second.object.aux));
		write_line(&second, &two);
		require(str_eq(buf_str(&one), buf_str(&two)));
	} else {
		require(memchr(problem.text, 0, sizeof(problem.text)) != NULL);
	}
	buf_fini(&two);
	buf_fini(&one);
	arena_fini(&a);
	return 0;
}
