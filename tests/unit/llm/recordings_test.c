/*
 * Requests and answers that were recorded between OGX and real services: every
 * request passes the checks, and usage is found wherever it is.  The recordings
 * are not part of the source: without them beside it the test is skipped.
 */
#include "llm/chat.h"
#include "llm/usage.h"

#include "tests/unit/table.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FILE_MAX = 32 << 20,
	FOLDERS_OPEN = 16
};

/* nftw() has no argument to pass. */
static struct {
	size_t chats, usages;
} seen;

static struct str read_file(const char *path, struct arena *a)
{
	FILE *f = fopen(path, "rb");
	struct str text = STR_NULL;
	char *bytes;

	if (f == NULL)
		fail_msg("cannot open %s", path);
	bytes = arena_alloc(a, FILE_MAX);
	text = (struct str){ bytes, fread(bytes, 1, FILE_MAX, f) };
	(void)fclose(f);
	return text;
}

static void check_usage(const char *path, const struct json *doc, uint32_t data)
{
	struct usage u;

	if (!usage_read(doc, data, &u))
		return;
	seen.usages++;
	check_true(path, u.prompt_tokens >= 0 && u.total_tokens > 0);
	check_true(path, u.total_tokens >= u.prompt_tokens);
}

static void check_request(const char *path, struct str body, struct arena *a)
{
	struct chat_request chat;
	struct api_error e = { 0 };
	struct json_error bad;
	struct json doc;

	assert_int_equal(json_parse(body, &(struct json_limits){ 0 }, &doc,
				    &bad),
			 0);
	seen.chats++;
	/* One asks Ollama for max_tokens 0; OGX and OpenAI refuse that. */
	if (chat_validate(&doc, a, &chat, &e) != 0 &&
	    !str_eq(e.param, STR("max_tokens")))
		fail_msg("%s: refused: " STR_FMT, path, STR_ARG(e.message));
	json_fini(&doc);
}

static void check_recording(const char *path, struct str text, struct arena *a)
{
	struct json_error bad;
	struct json doc;
	uint32_t url, body;

	if (json_parse(text, &(struct json_limits){ 0 }, &doc, &bad) != 0)
		fail_msg("%s: %s at %zu", path, bad.what, bad.offset);
	url = json_path(&doc, json_root(&doc), STR("request.url"));
	if (str_ends(json_string(&doc, url, a), STR("/chat/completions"))) {
		uint32_t v =
			json_path(&doc, json_root(&doc), STR("request.body"));

		check_request(path, json_raw(&doc, v), a);
		body = json_path(&doc, json_root(&doc), STR("response.body"));
		check_usage(path, &doc, json_get(&doc, body, STR("__data__")));
		for (v = json_first(&doc, body); v != JSON_NONE;
		     v = json_next(&doc, v))
			check_usage(path, &doc,
				    json_get(&doc, v, STR("__data__")));
	}
	json_fini(&doc);
}

static int visit(const char *path, const struct stat *st, int type,
		 struct FTW *ftw)
{
	struct arena a;

	(void)st;
	(void)ftw;
	if (type != FTW_F || !str_ends(str_of(path), STR(".json")))
		return 0;
	arena_init(&a, (size_t)2 * FILE_MAX);
	check_recording(path, read_file(path, &a), &a);
	arena_fini(&a);
	return 0;
}

static void recorded_requests_pass(void **state)
{
	const char *root = getenv("QUIPU_SOURCE");
	char folder[1024];

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/../shared/recordings",
		       root != NULL ? root : ".");
	if (nftw(folder, visit, FOLDERS_OPEN, FTW_PHYS) != 0) {
		print_message("no recordings in %s: NOTHING WAS TESTED\n",
			      folder);
		skip();
	}
	print_message("%zu chat requests, %zu usages\n", seen.chats,
		      seen.usages);
	assert_true(seen.chats > 0 && seen.usages > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_requests_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
