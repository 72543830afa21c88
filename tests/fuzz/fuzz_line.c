/*
 * A line that is read is written again; what is written then is read as the same
 * row, and written as the same line.
 */
#include "store/line.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void write_line(const struct store_completion *c, struct buf *out)
{
	require(line_write(c, out) == 0);
	require(out->len > 0 && out->ptr[out->len - 1] == '\n');
	require(memchr(out->ptr, '\n', out->len - 1) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct store_completion first, second;
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
		require(str_eq(first.request, second.request));
		require(str_eq(first.params, second.params));
		require(str_eq(first.user, second.user));
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
