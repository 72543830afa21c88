#include "recording/file.h"

#include "tests/unit/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording/exact.h"
#include "recording/name.h"

static char folder[] = "/tmp/quipu-file-XXXXXX";
static int dir;

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY);
	return dir < 0 ? -1 : 0;
}

static int drop_folder(void **state)
{
	DIR *list = fdopendir(dir);
	struct dirent *e;

	(void)state;
	while ((e = readdir(list)) != NULL) {
		if (unlinkat(dir, e->d_name, 0) < 0)
			(void)unlinkat(dir, e->d_name, AT_REMOVEDIR);
	}
	(void)closedir(list);
	return rmdir(folder);
}

static struct recording some(struct str body)
{
	return (struct recording){
		.request = { .method = STR("POST"), .path = STR("/v1/x") },
		.response = { .status = 200, .body = body },
	};
}

static void a_recording_is_saved_and_loaded(void **state)
{
	struct recording r = some(STR("{\"a\":1}"));
	struct recording_problem problem;
	struct file_options options = { .sync = true };
	struct file f;

	(void)state;
	check_int("save", file_save_exact(dir, "a.json", &r, &options), 0);
	check_int("load", file_load(dir, "a.json", &f, &problem), 0);
	check_str("body", f.recording.response.body, STR("{\"a\":1}"));
	file_fini(&f);
}

static void a_large_body_is_saved_beside(void **state)
{
	struct file_options options = { .private = true };
	struct recording_problem problem;
	struct recording r;
	struct buf bytes;
	struct stat st;
	struct file f;

	(void)state;
	buf_init(&bytes, 1 << 20);
	check_int("reserve", buf_reserve(&bytes, 1 << 20), 0);
	memset(bytes.ptr, 0xfe, 1 << 20);
	bytes.len = 1 << 20;
	r = some(buf_str(&bytes));
	check_int("save", file_save_exact(dir, "b.json", &r, &options), 0);
	check_int("load", file_load(dir, "b.json", &f, &problem), 0);
	check_true("body", str_eq(f.recording.response.body, buf_str(&bytes)));
	check_true("as it was", !f.recording.edited);
	check_int("mark", f.recording.response.marks[0].end, 1 << 20);
	file_fini(&f);
	check_int("text", fstatat(dir, "b.json", &st, 0), 0);
	check_true("text", st.st_size < 4096 && (st.st_mode & 0777) == 0600);

	check_int("change", file_save(dir, "b.json.bin", STR("x"), &options),
		  0);
	check_int("load", file_load(dir, "b.json", &f, &problem), 0);
	check_true("edited", f.recording.edited);
	file_fini(&f);
	check_int("drop", unlinkat(dir, "b.json.bin", 0), 0);
	check_int("load", file_load(dir, "b.json", &f, &problem),
		  RECORDING_BAD);
	check_str("why", str_of(problem.text),
		  STR("open: No such file or directory"));
	buf_fini(&bytes);
}

static void what_is_no_ordinary_file_is_not_read(void **state)
{
	struct recording_problem problem;
	struct file f;

	(void)state;
	check_int("link", symlinkat("/etc/passwd", dir, "link.json"), 0);
	check_int("fifo", mkfifoat(dir, "fifo.json", 0600), 0);
	check_int("folder", mkdirat(dir, "folder.json", 0700), 0);
	check_int("link", file_load(dir, "link.json", &f, &problem),
		  RECORDING_BAD);
	check_str("link", str_of(problem.text), STR("a symbolic link"));
	check_int("fifo", file_load(dir, "fifo.json", &f, &problem),
		  RECORDING_BAD);
	check_str("fifo", str_of(problem.text), STR("not an ordinary file"));
	check_int("folder", file_load(dir, "folder.json", &f, &problem),
		  RECORDING_BAD);
	check_int("up", file_load(dir, "../x.json", &f, &problem),
		  RECORDING_BAD);
	check_str("up", str_of(problem.text),
		  STR("not the name of a file here"));
	check_int("folder", file_open_dir(dir, "..", false), -EINVAL);
	check_int("folder", symlinkat("/tmp", dir, "tmp"), 0);
	check_true("folder", file_open_dir(dir, "tmp", true) < 0);
}

static void a_failed_write_leaves_the_old_file(void **state)
{
	struct file_options options = { 0 };
	struct recording_problem problem;
	struct str text;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	check_int("old", file_save(dir, "c.json", STR("old"), &options), 0);
	check_int("full", mkdirat(dir, "d.json", 0700), 0);
	check_true("over a folder",
		   file_save(dir, "d.json", STR("new"), &options) < 0);
	check_int("read", file_read(dir, "c.json", &a, &text, &problem), 0);
	check_str("read", text, STR("old"));
	check_int("bad", file_save(dir, "../c.json", STR("x"), &options),
		  -EINVAL);
	arena_fini(&a);
}

static void names_say_what_they_are(void **state)
{
	static const struct {
		const char *session, *want;
	} rows[] = {
		{ "", "default" },
		{ "checkout", "checkout" },
		{ "Checkout", "checkout-99e71f48" },
		{ "tests/a.py::test_x[y]", "tests-a.py-test_x-y-68416e66" },
		{ "../../etc", "etc-74ccf3c5" },
		{ "..", "5ec1f7e7" },
		{ "\xff/", "d8f3809e" },
	};
	char out[RECORDING_NAME_MAX + 1], longest[300];

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str name = name_session(str_of(rows[i].session), out);

		check_true(rows[i].session, name_is_plain(name));
		check_str(rows[i].session, name, str_of(rows[i].want));
	}
	memset(longest, 'x', sizeof(longest));
	check_int(
		"bounded",
		name_session((struct str){ longest, sizeof(longest) }, out).len,
		RECORDING_NAME_MAX);
	check_str("file",
		  name_file(&(struct name_parts){ 3, STR("chat.completions"),
						  STR("meta/Llama 3:8b"),
						  STR("9f31c0de77") },
			    out),
		  STR("03-chat.completions-meta-llama-3-8b-9f31c0de.json"));
	check_true("bounded",
		   name_file(&(struct name_parts){ 999999999,
						   { longest, 300 },
						   { longest, 300 },
						   { longest, 300 } },
			     out)
				   .len <= RECORDING_NAME_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recording_is_saved_and_loaded),
		cmocka_unit_test(a_large_body_is_saved_beside),
		cmocka_unit_test(what_is_no_ordinary_file_is_not_read),
		cmocka_unit_test(a_failed_write_leaves_the_old_file),
		cmocka_unit_test(names_say_what_they_are),
	};

	return cmocka_run_group_tests_name("file", tests, make_folder,
					   drop_folder);
}
