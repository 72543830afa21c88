#include "recording/miss.h"

#include "tests/unit/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording/differ.h"
#include "recording/key.h"

#define S(literal) STR_INIT(literal)

static const struct {
	const char *name;
	struct str was, now;
	size_t count, changing;
	struct str pointer, a, b;
} rows[] = {
	{ "the same", S("{\"a\":1,\"b\":[\"x\"]}"),
	  S("{\"b\":[\"\\u0078\"],\"a\":1.0}"), 0, 0, S(""), S(""), S("") },
	{ "a text", S("{\"m\":[{\"c\":\"hello world\"}]}"),
	  S("{\"m\":[{\"c\":\"hello there\"}]}"), 1, 0, S("/m/0/c"),
	  S("hello world"), S("hello there") },
	{ "a new member", S("{\"a\":1}"), S("{\"a\":1,\"b/~c\":{\"d\":2}}"), 1,
	  0, S("/b~1~0c"), S(""), S("{\"d\":2}") },
	{ "a member that is gone", S("{\"a\":1,\"b\":true}"), S("{\"a\":1}"), 1,
	  0, S("/b"), S("true"), S("") },
	{ "a list that is longer", S("[1]"), S("[1,2,3]"), 2, 0, S("/1"), S(""),
	  S("2") },
	{ "another kind", S("{\"a\":1}"), S("{\"a\":\"1\"}"), 1, 0, S("/a"),
	  S("1"), S("1") },
	{ "the whole", S("1"), S("[]"), 1, 0, S(""), S("1"), S("[]") },
	{ "ids and times", S("[\"call_abcdef\",\"2026-01-02T\",1754000000,1]"),
	  S("[\"call_ghijkl\",\"2026-02-03T\",1754000001,1]"), 3, 3, S("/0"),
	  S("call_abcdef"), S("call_ghijkl") },
	{ "a secret is not shown", S("[\"sk-a1b2c3d4e5f6g7h8i9\"]"),
	  S("[\"x\"]"), 1, 0, S("/0"), S("sk-******************"), S("x") },
	{ "a long text is shown around the place",
	  S("[\"0123456789012345678901234567890123456789012345678901 one\"]"),
	  S("[\"0123456789012345678901234567890123456789012345678901 two\"]"),
	  1, 0, S("/0"), S("...345678901234567890123456789012345678901 one"),
	  S("...345678901234567890123456789012345678901 two") },
};

static struct json parse(const char *name, struct str text)
{
	struct json_error error;
	struct json doc;

	check_int(name, json_parse(text, NULL, &doc, &error), 0);
	return doc;
}

static void differences_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct json was = parse(rows[i].name, rows[i].was);
		struct json now = parse(rows[i].name, rows[i].now);
		struct differ d;
		struct arena a;

		arena_init(&a, 1 << 20);
		differ_compare(&was, &now, &a, &d);
		check_int(rows[i].name, d.count, rows[i].count);
		check_int(rows[i].name, d.changing, rows[i].changing);
		check_str(rows[i].name, d.pointer, rows[i].pointer);
		check_str(rows[i].name, d.was, rows[i].a);
		check_str(rows[i].name, d.now, rows[i].b);
		json_fini(&was);
		json_fini(&now);
		arena_fini(&a);
	}
}

static char root[64];
static int root_fd, session_fd;

static int make_root(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/quipu-miss-XXXXXX");
	assert_non_null(mkdtemp(root));
	root_fd = open(root, O_RDONLY | O_DIRECTORY);
	session_fd = file_open_dir(root_fd, "s", true);
	return session_fd < 0 ? -1 : 0;
}

static int drop_root(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 9; i++) {
		(void)snprintf(name, sizeof(name), "%d.json", i);
		(void)unlinkat(session_fd, name, 0);
	}
	(void)close(session_fd);
	(void)unlinkat(root_fd, "s", AT_REMOVEDIR);
	(void)close(root_fd);
	return rmdir(root);
}

static struct recording_request asking(struct str body)
{
	return (struct recording_request){ .method = STR("POST"),
					   .path = STR("/v1/x"),
					   .body = body };
}

static void put(int number, struct str body, struct str client_key)
{
	struct recording r = { .op = STR("chat"),
			       .occ = 1,
			       .request = asking(body),
			       .response = { .status = 200 },
			       .meta = { .client_key = client_key } };
	struct file_options options = { 0 };
	char name[16];

	(void)snprintf(name, sizeof(name), "%d.json", number);
	check_int(name, file_save_exact(session_fd, name, &r, &options), 0);
}

static void explain(struct recording_request *req, const char *session,
		    bool exhausted, struct arena *a, struct miss_report *out)
{
	char key[RECORDING_KEY_LEN];
	struct key_input input = { STR("chat"), req };
	struct index_query q = { .session = str_of(session),
				 .keys = { { key, RECORDING_KEY_LEN } },
				 .key_count = 1 };
	struct index_options options = { 0 };
	struct index *ix;
	struct miss_input miss = { .query = &q,
				   .op = STR("chat"),
				   .request = req,
				   .client_key = STR("ck"),
				   .exhausted = exhausted };

	check_int("open", index_open(root, &options, &ix), 0);
	check_int("key", key_make(&input, KEY_EXACT, key, NULL), 0);
	miss.index = ix;
	miss_explain(&miss, a, out);
	index_close(ix);
}

static void a_miss_explains_itself(void **state)
{
	struct recording_request req = asking(
		STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
		    "\"content\":\"What is the capital of France?\"}]}"));
	struct miss_report report;
	struct arena a;

	(void)state;
	arena_init(&a, SIZE_MAX / 2);
	put(1,
	    STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
		"\"content\":\"What is the capital of Spain?\"}]}"),
	    STR(""));
	put(2,
	    STR("{\"model\":\"m\",\"temperature\":1,\"messages\":[{\"role\":"
		"\"user\",\"content\":\"Hello\"}]}"),
	    STR(""));
	put(3, STR("{\"model\":\"n\",\"messages\":[]}"), STR(""));
	put(4, STR("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}"), STR(""));
	explain(&req, "s", false, &a, &report);
	check_int("cause", report.cause, MISS_NOT_RECORDED);
	check_int("near", report.near_count, 3);
	check_str("nearest", report.near[0].path, STR("s/1.json"));
	check_str("where", report.near[0].pointer, STR("/messages/0/content"));
	check_str("second", report.near[1].path, STR("s/2.json"));
	check_str("third", report.near[2].path, STR("s/3.json"));
	check_true("text",
		   str_find(report.text,
			    STR("  s/1.json: 1 difference, the first at "
				"/messages/0/content\n"
				"    - What is the capital of Spain?\n"
				"    + What is the capital of France?\n")) <
			   report.text.len);
	arena_fini(&a);
}

static void causes_are_told_apart(void **state)
{
	struct recording_request one =
		asking(STR("{\"id\":\"call_abcdefgh\"}"));
	struct recording_request two =
		asking(STR("{\"id\":\"call_ijklmnop\"}"));
	struct recording_request three = asking(STR("{\"x\":1}"));
	struct miss_report report;
	struct arena a;

	(void)state;
	arena_init(&a, SIZE_MAX / 2);
	put(1, one.body, STR(""));
	explain(&two, "s", false, &a, &report);
	check_str("ids", str_of(miss_cause_name(report.cause)),
		  STR("only_ids_or_times_differ"));
	check_str("ids", report.fix,
		  STR("let /id be the same in each run, or record it anew"));
	explain(&one, "t", false, &a, &report);
	check_int("session", report.cause, MISS_OTHER_SESSION);
	check_str("session", report.other, STR("s/1.json"));
	explain(&one, "s", true, &a, &report);
	check_int("exhausted", report.cause, MISS_EXHAUSTED);
	put(2, STR("{\"x\":2}"), STR("ck"));
	explain(&three, "s", false, &a, &report);
	check_int("translation", report.cause, MISS_TRANSLATION);
	three.body = STR("no json");
	explain(&three, "s", false, &a, &report);
	check_int("no json", report.cause, MISS_NOT_RECORDED);
	check_int("no json", report.near_count, 0);
	arena_fini(&a);
}

#define in_root(f) cmocka_unit_test_setup_teardown(f, make_root, drop_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_are_found),
		in_root(a_miss_explains_itself),
		in_root(causes_are_told_apart),
	};

	return cmocka_run_group_tests_name("miss", tests, NULL, NULL);
}
