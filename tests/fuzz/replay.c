/*
 * replay - run a fuzz target over its corpus, without libFuzzer.
 *
 *	fuzz_sse corpus/sse [FILE ...]
 *
 * Each argument is a file or a directory of files.  The empty input is always
 * tried.  A violated property aborts; the last "input" line names the culprit.
 */
#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	INPUT_MAX = 16 << 20,
	NAME_MAX_BYTES = 1024
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static bool read_all(FILE *file, struct buf *out)
{
	for (;;) {
		size_t n;

		if (buf_reserve(out, 4096) < 0)
			return false;
		n = fread(out->ptr + out->len, 1, 4096, file);
		out->len += n;
		if (n == 0)
			return !ferror(file);
	}
}

/* The copy has the exact size, so that ASan sees a read past the end. */
static void run_bytes(const char *name, struct str bytes)
{
	uint8_t *copy = xmalloc(bytes.len);

	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	printf("input %s\n", name);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(copy, bytes.len);
	free(copy);
}

static bool run_file(const char *path)
{
	FILE *file = fopen(path, "rbe");
	struct buf bytes;
	bool ok;

	if (file == NULL)
		return false;
	buf_init(&bytes, INPUT_MAX);
	ok = read_all(file, &bytes);
	if (ok)
		run_bytes(path, buf_str(&bytes));
	buf_fini(&bytes);
	(void)fclose(file);
	return ok;
}

static bool run_dir(const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort);
	bool ok = n >= 0;

	for (int i = 0; i < n; i++) {
		char full[NAME_MAX_BYTES];

		(void)snprintf(full, sizeof(full), "%s/%s", path,
			       names[i]->d_name);
		if (names[i]->d_name[0] != '.' && !run_file(full)) {
			perror(full);
			ok = false;
		}
		free(names[i]);
	}
	free((void *)names);
	return ok;
}

static bool run_path(const char *path)
{
	struct stat st;

	/* A target without a corpus is legal: it has the empty input. */
	if (stat(path, &st) < 0)
		return errno == ENOENT;
	return S_ISDIR(st.st_mode) ? run_dir(path) : run_file(path);
}

int main(int argc, char **argv)
{
	bool ok = true;

	if (LLVMFuzzerInitialize != NULL)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	run_bytes("(empty)", (struct str){ NULL, 0 });
	for (int i = 1; i < argc; i++)
		ok = run_path(argv[i]) && ok;
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
