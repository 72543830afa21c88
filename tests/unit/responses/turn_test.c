#include "responses/turn.h"

#include "tests/unit/table.h"
#include "turn_run.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	FILE_MAX = 1 << 20
};

/* One case of turn.cases. */
struct turn_case {
	struct str name, lines;
	bool has_events, has_summary;
};

static void read_cases(struct buf *out)
{
	char path[1024];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/tests/unit/responses/turn.cases",
		       getenv("QUIPU_SOURCE"));
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	assert_int_equal(buf_reserve(out, FILE_MAX), 0);
	out->len = fread(out->ptr, 1, FILE_MAX, file);
	(void)fclose(file);
}

static bool has_line(struct str lines, struct str mark)
{
	return str_find(lines, mark) < lines.len;
}

/* Take the next case off *rest; what stands before the first is a comment. */
static bool next_case(struct str *rest, struct turn_case *out)
{
	struct str begin = STR("\n\n# ");
	size_t at = str_find(*rest, begin);

	if (at == rest->len)
		return false;
	str_cut(str_drop(*rest, at + begin.len), '\n', &out->name, rest);
	out->lines = str_take(*rest, str_find(*rest, begin));
	out->has_events = has_line(out->lines, STR("\n- "));
	out->has_summary = has_line(out->lines, STR("\n> ~"));
	return true;
}

/* Each line of text, with a mark before it. */
static void add_lines(struct buf *out, const char *mark, struct str text)
{
	struct str line;

	while (text.len > 0) {
		str_cut(text, '\n', &line, &text);
		assert_int_equal(buf_printf(out, "%s " STR_FMT "\n", mark,
					    STR_ARG(line)),
				 0);
	}
}

static void feed(struct turn_run *run, struct str lines, struct buf *out)
{
	struct str line;

	while (lines.len > 0) {
		str_cut(lines, '\n', &line, &lines);
		if (!str_starts(line, STR("> ")))
			continue;
		turn_run_chunk(run, str_drop(line, 2));
		add_lines(out, ">", str_drop(line, 2));
	}
}

static void run_case(const struct turn_case *c, bool parses_all)
{
	struct turn_setup setup = { .is_summarised = c->has_summary };
	struct turn_run run;
	struct buf got;

	buf_init(&got, FILE_MAX);
	turn_run_init(&run, &setup);
	run.parses_all = parses_all;
	feed(&run, c->lines, &got);
	turn_run_end(&run);
	if (c->has_events)
		add_lines(&got, "-", buf_str(&run.shown));
	add_lines(&got, "*", buf_str(&run.output));
	add_lines(&got, "=", buf_str(&run.message));
	if (run.r != 0)
		assert_int_equal(buf_printf(&got, "! %d\n", run.r), 0);
	if (!str_eq(str_trim(buf_str(&got)), str_trim(c->lines))) {
		fail_msg(STR_FMT ": got\n" STR_FMT "want\n" STR_FMT,
			 STR_ARG(c->name), STR_ARG(buf_str(&got)),
			 STR_ARG(c->lines));
	}
	turn_run_fini(&run);
	buf_fini(&got);
}

static void chunks_become_what_the_file_says(void **state)
{
	struct turn_case c;
	struct buf file;
	struct str rest;
	size_t count = 0;

	(void)state;
	if (getenv("QUIPU_SOURCE") == NULL) {
		print_message("QUIPU_SOURCE is not set\n");
		skip();
	}
	buf_init(&file, FILE_MAX);
	read_cases(&file);
	rest = buf_str(&file);
	for (; next_case(&rest, &c); count++) {
		run_case(&c, false);
		run_case(&c, true);
	}
	assert_true(count > 20);
	buf_fini(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_become_what_the_file_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
