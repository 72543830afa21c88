#include "recording/index.h"

#include "tests/unit/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "recording/key.h"
#include "recording/name.h"
#include "recording/ogx.h"

enum {
	THREADS = 4,
	TAKES = 50, /* each */
	MANY = 2000,
};

static char root[64];
static int root_fd;

static void drop_tree(int fd)
{
	DIR *d = fdopendir(dup(fd));
	struct dirent *e;

	rewinddir(d);
	while ((e = readdir(d)) != NULL) {
		int sub;

		if (str_eq(str_of(e->d_name), STR(".")) ||
		    str_eq(str_of(e->d_name), STR("..")))
			continue;
		if (unlinkat(fd, e->d_name, 0) == 0)
			continue;
		sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY);
		drop_tree(sub);
		(void)close(sub);
		(void)unlinkat(fd, e->d_name, AT_REMOVEDIR);
	}
	(void)closedir(d);
}

static int make_root(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/quipu-index-XXXXXX");
	assert_non_null(mkdtemp(root));
	root_fd = open(root, O_RDONLY | O_DIRECTORY);
	return root_fd < 0 ? -1 : 0;
}

static int drop_root(void **state)
{
	(void)state;
	drop_tree(root_fd);
	(void)close(root_fd);
	return rmdir(root);
}

/* A file at path below the root; its folders are made. */
static void put_file(const char *path, struct str bytes)
{
	struct file_options options = { 0 };
	struct str rest = str_of(path), part;
	int fd = dup(root_fd);
	char name[300];

	while (str_find(rest, STR("/")) < rest.len) {
		int next;

		(void)str_cut(rest, '/', &part, &rest);
		(void)snprintf(name, sizeof(name), STR_FMT, STR_ARG(part));
		next = file_open_dir(fd, name, true);
		check_true(path, next >= 0);
		(void)close(fd);
		fd = next;
	}
	(void)snprintf(name, sizeof(name), STR_FMT, STR_ARG(rest));
	check_int(path, file_save(fd, name, bytes, &options), 0);
	(void)close(fd);
}

/* An exact recording of a question, whose answer is a number. */
static void put_exact(const char *path, const char *question, int occ,
		      int answer)
{
	char body[128], text[64];
	struct recording r = {
		.op = STR("chat.completions"),
		.occ = occ,
		.request = { .method = STR("POST"), .path = STR("/v1/x") },
		.response = { .status = 200 },
	};
	struct file_options options = { 0 };
	struct str folder, name = str_of(path);
	char cz[300];
	int fd;

	(void)snprintf(body, sizeof(body), "{\"q\":\"%s\"}", question);
	(void)snprintf(text, sizeof(text), "%d", answer);
	r.request.body = str_of(body);
	r.response.body = str_of(text);
	(void)str_cut(str_of(path), '/', &folder, &name);
	(void)snprintf(cz, sizeof(cz), STR_FMT, STR_ARG(folder));
	fd = file_open_dir(root_fd, cz, true);
	check_true(path, fd >= 0);
	(void)snprintf(cz, sizeof(cz), STR_FMT, STR_ARG(name));
	check_int(path, file_save_exact(fd, cz, &r, &options), 0);
	(void)close(fd);
}

struct keys {
	char exact[RECORDING_KEY_LEN], normal[RECORDING_KEY_LEN];
};

static struct index_query query_of(const char *session, const char *question,
				   struct keys *keys)
{
	static char body[128];
	struct recording_request req = { .method = STR("POST"),
					 .path = STR("/v1/x") };
	struct key_input input = { STR("chat.completions"), &req };

	(void)snprintf(body, sizeof(body), "{\"q\":\"%s\"}", question);
	req.body = str_of(body);
	check_int(question, key_make(&input, KEY_EXACT, keys->exact, NULL), 0);
	check_int(question, key_make(&input, KEY_NORMAL, keys->normal, NULL),
		  0);
	return (struct index_query){
		.session = str_of(session),
		.keys = { { keys->exact, RECORDING_KEY_LEN },
			  { keys->normal, RECORDING_KEY_LEN } },
		.key_count = 2,
	};
}

static void note(void *arg, struct str path, const char *why)
{
	int r = buf_printf(arg, STR_FMT ": %s\n", STR_ARG(path), why);

	assert_int_equal(r, 0);
}

static struct index *open_index(struct buf *problems)
{
	struct index_options options = { .report = note, .arg = problems };
	struct index *ix;

	check_int("open", index_open(root, &options, &ix), 0);
	return ix;
}

/* What the next one answers; the outcome below 0 when there is none. */
static int ask(struct index *ix, const struct index_query *q)
{
	struct recording_problem problem;
	struct index_hit hit;
	struct file f;
	int r = index_take(ix, q, &hit), answer;

	if (r != 0)
		return -r;
	check_int("load", index_load(ix, q, &hit, &f, &problem), 0);
	answer = (int)strtol(f.recording.response.body.ptr, NULL, 10);
	file_fini(&f);
	return answer;
}

static void sessions_have_their_own(void **state)
{
	struct buf problems;
	struct index_query q;
	struct keys keys;
	struct index *ix;

	(void)state;
	buf_init(&problems, 1 << 16);
	put_exact("one/01-a.json", "hi", 1, 11);
	put_exact("one/02-a.json", "hi", 2, 12);
	put_exact("two/01-a.json", "hi", 1, 21);
	put_exact("_shared/01-a.json", "hello", 1, 31);
	ix = open_index(&problems);
	check_str("problems", buf_str(&problems), STR(""));
	check_int("count", index_count(ix), 4);

	q = query_of("one", "hi", &keys);
	check_int("first", ask(ix, &q), 11);
	check_int("second", ask(ix, &q), 12);
	check_int("too many", ask(ix, &q), -INDEX_EXHAUSTED);
	q.on_exhausted = INDEX_LAST;
	check_int("last", ask(ix, &q), 12);
	q.on_exhausted = INDEX_CYCLE;
	check_int("cycle", ask(ix, &q), 11);
	q.occurrence = 2;
	check_int("this one", ask(ix, &q), 12);
	q = query_of("two", "hi", &keys);
	check_int("another", ask(ix, &q), 21);
	q = query_of("two", "hello", &keys);
	check_int("shared", ask(ix, &q), 31);
	q = query_of("three", "hi", &keys);
	check_int("not its own", ask(ix, &q), -INDEX_MISS);
	q = query_of("", "hi", &keys);
	check_int("no session", ask(ix, &q), 11);
	q = query_of("one", "hey", &keys);
	check_int("unknown", ask(ix, &q), -INDEX_MISS);

	index_reset(ix, STR("one"));
	q = query_of("one", "hi", &keys);
	check_int("anew", ask(ix, &q), 11);
	index_close(ix);
	buf_fini(&problems);
}

static void recordings_come_and_go(void **state)
{
	struct recording_problem problem;
	struct buf problems;
	struct index_query q;
	struct keys keys;
	struct index *ix;

	(void)state;
	buf_init(&problems, 1 << 16);
	put_exact("one/02-a.json", "hi", 2, 12);
	ix = open_index(&problems);
	put_exact("one/01-a.json", "hi", 1, 11);
	check_int("add", index_add(ix, STR("one"), "01-a.json", &problem), 0);
	put_exact("one/03-a.json", "hi", 1, 13);
	check_int("twin", index_add(ix, STR("one"), "03-a.json", &problem),
		  RECORDING_BAD);
	check_str("why", str_of(problem.text),
		  STR("the same request as one/01-a.json"));
	check_int("anew", index_add(ix, STR("one"), "01-a.json", &problem), 0);
	check_int("two", index_count(ix), 2);
	check_int("absent", index_add(ix, STR("two"), "01-a.json", &problem),
		  RECORDING_BAD);
	check_int("up", index_add(ix, STR(".."), "01-a.json", &problem),
		  RECORDING_BAD);
	q = query_of("one", "hi", &keys);
	check_int("in the order of occ", ask(ix, &q), 11);
	check_int("second", ask(ix, &q), 12);
	index_forget(ix, STR("one"), NULL, NULL);
	check_int("count", index_count(ix), 0);
	check_int("gone", ask(ix, &q), -INDEX_MISS);
	check_int("added", index_add(ix, STR("one"), "01-a.json", &problem), 0);
	index_reset(ix, STR("one"));
	check_int("there", ask(ix, &q), 11);
	index_close(ix);
	buf_fini(&problems);
}

static const char ogx_text[] =
	"{\"test_id\": \"tests/integration/a/test_x.py::test_y\","
	"\"request\":{\"method\":\"POST\",\"url\":\"http://h/v1/v1/chat/"
	"completions\",\"headers\":{},\"body\":{\"model\":\"m\"},\"endpoint\":"
	"\"/v1/chat/completions\",\"model\":\"m\"},\"response\":{\"body\":7,"
	"\"is_streaming\":false}}";

static void bad_files_are_reported_once(void **state)
{
	static const char want[] =
		".a.json.1-2.tmp: a write that was not finished\n"
		"a/b.json: line 1, column 13: the text ends inside an object\n"
		"a/c.json: no request\n"
		"a/d.json: the same request as a/a.json\n"
		"a/deep.json: line 1, column 129: nested deeper than the limit "
		"allows\n"
		"a/empty.json: line 1, column 1: the text is empty\n"
		"a/link.json: a symbolic link\n"
		"a/list.json: no request\n"
		"a/v9.json: not version 1 of this format\n";
	char deep[400];
	struct buf problems;
	struct index *ix;
	int fd;

	(void)state;
	buf_init(&problems, 1 << 16);
	put_exact("a/a.json", "hi", 1, 1);
	put_exact("a/d.json", "hi", 1, 2);
	put_file("a/b.json", STR("{\"v\":1,\"op\":"));
	put_file("a/c.json", STR("{\"hello\":1}"));
	put_file("a/list.json", STR("[1]"));
	put_file("a/empty.json", STR(""));
	put_file("a/v9.json", STR("{\"v\":9}"));
	put_file("a/notes.txt", STR("not looked at"));
	memset(deep, '[', sizeof(deep));
	put_file("a/deep.json", (struct str){ deep, sizeof(deep) });
	fd = openat(root_fd, ".a.json.1-2.tmp", O_CREAT | O_WRONLY, 0600);
	(void)close(fd);
	fd = openat(root_fd, "a", O_RDONLY | O_DIRECTORY);
	check_int("link", symlinkat("/etc/passwd", fd, "link.json"), 0);
	(void)close(fd);
	ix = open_index(&problems);
	check_str("problems", buf_str(&problems), str_of(want));
	check_int("count", index_count(ix), 1);
	index_close(ix);
	buf_fini(&problems);
	check_int("no folder",
		  index_open("/nonexistent", &(struct index_options){ 0 }, &ix),
		  -ENOENT);
}

static void tests_of_ogx_find_theirs(void **state)
{
	const char *test = "tests/integration/a/test_x.py::test_y";
	struct json_error e;
	struct json doc;
	struct ogx_call call = { .url = STR("http://h/v1/v1/chat/completions"),
				 .doc = &doc,
				 .has_test_id = true,
				 .test_id = str_of(test) };
	char key[RECORDING_KEY_LEN], no_test[RECORDING_KEY_LEN];
	char path[200], folder[100];
	struct index_query q = { .session = str_of(test),
				 .keys = { { key, RECORDING_KEY_LEN },
					   { no_test, RECORDING_KEY_LEN } },
				 .key_count = 2 };
	struct index_hit hit;
	struct buf problems;
	struct index *ix;

	(void)state;
	buf_init(&problems, 1 << 16);
	check_int("parse", json_parse(STR("{\"model\":\"m\"}"), NULL, &doc, &e),
		  0);
	check_int("key", ogx_key(&call, OGX_KEY_NOW, key, NULL), 0);
	check_int("key", ogx_key(&call, OGX_KEY_NO_TEST, no_test, NULL), 0);
	check_str("folder",
		  index_test_folder(str_of(test), folder, sizeof(folder)),
		  STR("tests/integration/a/recordings"));
	(void)snprintf(path, sizeof(path), "b/recordings/%.64s.json", key);
	put_file(path, str_of(ogx_text));
	(void)snprintf(path, sizeof(path), "a/recordings/%.64s.json", key);
	put_file(path, str_of(ogx_text));
	ix = open_index(&problems);
	check_str("problems", buf_str(&problems), STR(""));
	check_int("hit", index_take(ix, &q, &hit), 0);
	check_str("of its folder", hit.entry->folder, STR("a/recordings"));
	check_int("again", index_take(ix, &q, &hit), 0);
	check_true("again", hit.again && hit.tier == 0 && !hit.loose);
	q.session = STR("tests/integration/a/test_x.py::test_z");
	q.keys[0] = q.keys[1];
	check_int("without its id", index_take(ix, &q, &hit), 0);
	check_true("without its id", hit.loose);
	check_str("of its folder", hit.entry->folder, STR("a/recordings"));
	index_close(ix);
	json_fini(&doc);
	buf_fini(&problems);
}

static void put_list(const char *path, const char *models)
{
	char text[600];

	(void)snprintf(text, sizeof(text),
		       "{\"test_id\":null,\"request\":{\"method\":\"POST\","
		       "\"url\":\"http://h/v1/v1/models\",\"body\":{},"
		       "\"endpoint\":\"/v1/models\",\"model\":\"\"},"
		       "\"response\":{\"body\":[%s],\"is_streaming\":false}}",
		       models);
	put_file(path, str_of(text));
}

#define MODEL(id)                                              \
	"{\"__type__\":\"x.Model\",\"__data__\":{\"id\":\"" id \
	"\",\"object\":\"model\"}}"
#define LIST_KEY \
	"64a2277c90f0f42576f60c1030e3a020403d34a95f56931b792d5939f4cebc57"

static void model_lists_are_united(void **state)
{
	struct index_query q = { .keys = { STR(LIST_KEY) }, .key_count = 1 };
	struct recording_problem problem;
	struct index_hit hit;
	struct buf problems;
	struct index *ix;
	struct file f;

	(void)state;
	buf_init(&problems, 1 << 16);
	put_list("common/recordings/models-" LIST_KEY "-00000001.json",
		 MODEL("b") "," MODEL("a"));
	put_list("common/recordings/models-" LIST_KEY "-00000002.json",
		 MODEL("c") "," MODEL("a"));
	put_list("x/recordings/models-" LIST_KEY "-00000003.json", MODEL("z"));
	ix = open_index(&problems);
	check_str("problems", buf_str(&problems), STR(""));
	check_int("hit", index_take(ix, &q, &hit), 0);
	check_int("load", index_load(ix, &q, &hit, &f, &problem), 0);
	check_str("list", f.recording.response.body,
		  STR("{\"object\":\"list\",\"data\":["
		      "{\"id\":\"a\",\"object\":\"model\"},"
		      "{\"id\":\"b\",\"object\":\"model\"},"
		      "{\"id\":\"c\",\"object\":\"model\"}]}"));
	file_fini(&f);
	index_close(ix);
	buf_fini(&problems);
}

struct race {
	struct index *ix;
	struct index_query query;
	atomic_int taken[THREADS * TAKES + 1];
};

static void *take_some(void *arg)
{
	struct race *race = arg;

	for (int i = 0; i < TAKES; i++) {
		struct index_hit hit;

		if (index_take(race->ix, &race->query, &hit) == 0)
			atomic_fetch_add(&race->taken[hit.entry->occ], 1);
	}
	return NULL;
}

static void each_is_taken_once_by_many_threads(void **state)
{
	static struct race race;
	pthread_t threads[THREADS];
	struct buf problems;
	struct keys keys;
	char path[64];

	(void)state;
	buf_init(&problems, 1 << 16);
	for (int i = 1; i <= THREADS * TAKES; i++) {
		(void)snprintf(path, sizeof(path), "s/%03d.json", i);
		put_exact(path, "hi", i, i);
	}
	race.ix = open_index(&problems);
	race.query = query_of("s", "hi", &keys);
	for (int i = 0; i < THREADS; i++) {
		check_int("start",
			  pthread_create(&threads[i], NULL, take_some, &race),
			  0);
	}
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	for (int i = 1; i <= THREADS * TAKES; i++)
		check_int("taken", race.taken[i], 1);
	index_close(race.ix);
	buf_fini(&problems);
}

static size_t resident(void)
{
	char text[128] = "";
	FILE *f = fopen("/proc/self/statm", "re");
	char *rest;

	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	(void)fclose(f);
	(void)strtol(text, &rest, 10);
	return (size_t)strtol(rest, NULL, 10) * 4096;
}

/* The numbers are printed; what is demanded leaves room for a busy machine. */
static void many_are_found_quickly(void **state)
{
	char path[64], question[64];
	struct buf problems;
	struct index_query q;
	struct keys keys;
	struct index *ix;
	struct index_hit hit;
	size_t before;
	int64_t start, open_ns, take_ns;

	(void)state;
	buf_init(&problems, 1 << 16);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(path, sizeof(path), "s%d/%05d.json", i % 100, i);
		(void)snprintf(question, sizeof(question), "question %d", i);
		put_exact(path, question, 1, i);
	}
	before = resident();
	start = clock_monotonic();
	ix = open_index(&problems);
	open_ns = clock_monotonic() - start;
	check_int("count", index_count(ix), MANY);
	q = query_of("s77", "question 1277", &keys);
	q.occurrence = 1;
	start = clock_monotonic();
	for (int i = 0; i < 1000; i++)
		check_int("take", index_take(ix, &q, &hit), 0);
	take_ns = (clock_monotonic() - start) / 1000;
	(void)printf("%d recordings: %lld ms, %zu KB, a lookup %lld ns\n", MANY,
		     (long long)(open_ns / CLOCK_MS),
		     (resident() - before) / 1024, (long long)take_ns);
	check_true("memory", resident() - before < 100 << 20);
	check_true("lookup", take_ns < 100 * CLOCK_US);
	index_close(ix);
	buf_fini(&problems);
}

#define in_root(f) cmocka_unit_test_setup_teardown(f, make_root, drop_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_root(sessions_have_their_own),
		in_root(recordings_come_and_go),
		in_root(bad_files_are_reported_once),
		in_root(tests_of_ogx_find_theirs),
		in_root(model_lists_are_united),
		in_root(each_is_taken_once_by_many_threads),
		in_root(many_are_found_quickly),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
