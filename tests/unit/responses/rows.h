/*
 * rows - a table of a test that is a JSON file beside it: an array of objects,
 * each with a name.
 */
#ifndef TESTS_RESPONSES_ROWS_H
#define TESTS_RESPONSES_ROWS_H

#include "llm/field.h"
#include "recording/file.h"
#include "responses/messages.h"
#include "json/json.h"

#include "tests/unit/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline const char *rows_source(void)
{
	const char *path = getenv("QUIPU_SOURCE");

	return path != NULL ? path : ".";
}

static inline void rows_parse(const char *name, struct str text,
			      struct json *doc)
{
	struct json_error e;

	if (json_parse(text, NULL, doc, &e) != 0)
		fail_msg("%s: %s at %zu", name, e.what, e.offset);
}

static inline void rows_load(const char *file, struct arena *a,
			     struct json *doc)
{
	struct recording_problem problem = { .text = "" };
	char path[1024];
	struct str text;
	int dir;

	(void)snprintf(path, sizeof(path), "%s/tests/unit/responses",
		       rows_source());
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	check_int(file, file_read(dir, file, a, &text, &problem), 0);
	(void)close(dir);
	rows_parse(file, text, doc);
}

static inline struct str rows_text(const struct json *doc, uint32_t row,
				   const char *name, struct arena *a)
{
	uint32_t v = field_get(doc, row, str_of(name));

	return v != JSON_NONE ? json_string(doc, v, a) : STR_NULL;
}

/* One to a line. */
static inline struct str rows_lines(const struct messages *m, struct arena *a)
{
	struct str all = STR_NULL;

	for (size_t i = 0; i < m->count; i++) {
		all = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(all),
				   i > 0 ? "\n" : "", STR_ARG(m->texts[i]));
	}
	return all;
}

#endif
