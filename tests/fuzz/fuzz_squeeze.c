/*
 * Any events, one in a line: squeezed or not, what is assembled is the same.
 */
#include "llm/squeeze.h"

#include "llm/assemble.h"

#include "tests/fuzz/require.h"

enum {
	OUT_MAX = 16 << 20,
	LEN_MAX = 32 << 10
};

struct result {
	struct arena arena;
	struct assembly as;
	struct buf out;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void open_result(struct result *r)
{
	arena_init(&r->arena, OUT_MAX);
	assemble_init(&r->as, &r->arena);
	buf_init(&r->out, OUT_MAX);
}

static void close_result(struct result *r)
{
	arena_fini(&r->arena);
	buf_fini(&r->out);
}

static void write_result(struct result *r)
{
	int rc;

	require(assemble_write_choices(&r->as, &r->out) == 0);
	require(assemble_write_extra(&r->as, &r->out) == 0);
	rc = buf_printf(&r->out, "%lld %d %d", (long long)r->as.created,
			r->as.is_done, assemble_is_complete(&r->as));
	require(rc == 0);
	require(buf_add(&r->out, assemble_usage(&r->as)) == 0);
	require(buf_add(&r->out, r->as.error) == 0);
	require(buf_add(&r->out, assemble_id(&r->as)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str rest = { (const char *)data, len < LEN_MAX ? len : LEN_MAX };
	struct result plain, squeezed;
	struct squeeze s;
	struct str event;

	open_result(&plain);
	open_result(&squeezed);
	squeeze_init(&s, OUT_MAX);
	while (rest.len > 0) {
		(void)str_cut(rest, '\n', &event, &rest);
		require(assemble_event(&plain.as, event) == 0 ||
			plain.as.is_full);
		require(squeeze_add(&s, event) == 0);
	}
	squeeze_close(&s);
	while (squeeze_next(&s, &event)) {
		require(assemble_event(&squeezed.as, event) == 0 ||
			squeezed.as.is_full);
	}
	if (!plain.as.is_full && !squeezed.as.is_full) {
		write_result(&plain);
		write_result(&squeezed);
		require(str_eq(buf_str(&plain.out), buf_str(&squeezed.out)));
	}
	squeeze_release(&s);
	close_result(&plain);
	close_result(&squeezed);
	return 0;
}
