#include "recording/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "recording/exact.h"
#include "recording/name.h"
#include "recording/ogx.h"

enum {
	TEMPORARY_MAX = 300
};

static int say_errno(struct recording_problem *problem, const char *what)
{
	char text[64];

	return recording_bad(problem, "%s: %s", what,
			     strerror_r(errno, text, sizeof(text)));
}

static int read_all(int fd, char *out, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, out + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		got += (size_t)n;
	}
	return 0;
}

static int read_fd(int fd, struct arena *a, struct str *out,
		   struct recording_problem *problem)
{
	struct stat st;
	char *bytes;

	if (fstat(fd, &st) < 0)
		return say_errno(problem, "fstat");
	if (!S_ISREG(st.st_mode))
		return recording_bad(problem, "not an ordinary file");
	if (st.st_size > RECORDING_FILE_MAX) {
		return recording_bad(problem, "over %d bytes",
				     RECORDING_FILE_MAX);
	}
	bytes = arena_alloc(a, (size_t)st.st_size + 1);
	if (read_all(fd, bytes, (size_t)st.st_size) < 0)
		return recording_bad(problem, "it changed while being read");
	*out = (struct str){ bytes, (size_t)st.st_size };
	return 0;
}

int file_read(int dir, const char *name, struct arena *a, struct str *out,
	      struct recording_problem *problem)
{
	int fd, r;

	if (!name_is_plain(str_of(name)))
		return recording_bad(problem, "not the name of a file here");
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		return recording_bad(problem, "a symbolic link");
	if (fd < 0)
		return say_errno(problem, "open");
	r = read_fd(fd, a, out, problem);
	(void)close(fd);
	return r;
}

static int load_sidecar(int dir, struct str text, struct file *f,
			struct recording_problem *problem)
{
	struct recording_response *res = &f->recording.response;
	const char *name = arena_cz(&f->arena, res->sidecar);
	int r = file_read(dir, name, &f->arena, &res->body, problem);

	if (r != 0)
		return r;
	res->marks[0].end = res->body.len;
	f->recording.edited = !exact_check(text, res->body);
	return 0;
}

static int read_text(struct str text, struct file *f,
		     struct recording_problem *problem)
{
	struct ogx_file ogx = { 0 };
	int r;

	if (exact_is(text))
		return exact_read(text, &f->arena, &f->recording, problem);
	r = ogx_read(text, &ogx, &f->arena, problem);
	if (r != 0)
		return r;
	r = ogx_play(&ogx, &f->arena, &f->recording, problem);
	ogx_fini(&ogx);
	return r;
}

int file_load(int dir, const char *name, struct file *out,
	      struct recording_problem *problem)
{
	struct file f = { 0 };
	struct str text = STR_NULL;
	int r;

	arena_init(&f.arena, SIZE_MAX / 2);
	r = file_read(dir, name, &f.arena, &text, problem);
	if (r == 0)
		r = read_text(text, &f, problem);
	if (r == 0 && f.recording.response.sidecar.len > 0)
		r = load_sidecar(dir, text, &f, problem);
	if (r != 0) {
		arena_fini(&f.arena);
		return r;
	}
	*out = f;
	return 0;
}

void file_fini(struct file *f)
{
	arena_fini(&f->arena);
	*f = (struct file){ 0 };
}

static int write_all(int fd, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes = str_drop(bytes, (size_t)n);
	}
	return 0;
}

static int fill(int fd, struct str bytes, bool sync)
{
	int r = write_all(fd, bytes);

	if (r == 0 && sync && fsync(fd) < 0)
		r = -errno;
	/* A full disk may only say so now. */
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

int file_save(int dir, const char *name, struct str bytes,
	      const struct file_options *options)
{
	static atomic_uint counter;
	char temporary[TEMPORARY_MAX];
	int fd, r;

	if (!name_is_plain(str_of(name)))
		return err_new(-EINVAL, "recording: bad file name");
	(void)snprintf(temporary, sizeof(temporary), ".%.200s.%d-%u.tmp", name,
		       (int)getpid(), atomic_fetch_add(&counter, 1));
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    options->private ? 0600 : 0644);
	if (fd < 0)
		return err_new(-errno, "recording: cannot create a file");
	r = fill(fd, bytes, options->sync);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = -errno;
	if (r == 0 && options->sync && fsync(dir) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir, temporary, 0);
		return err_new(r, "recording: cannot write a file");
	}
	return 0;
}

int file_save_exact(int dir, const char *name, const struct recording *rec,
		    const struct file_options *options)
{
	char sidecar[TEMPORARY_MAX];
	struct exact_options exact;
	struct buf text;
	bool beside = false;
	int r;

	(void)snprintf(sidecar, sizeof(sidecar), "%.200s.bin", name);
	exact.sidecar = str_of(sidecar);
	buf_init(&text, RECORDING_FILE_MAX);
	r = exact_write(rec, &exact, &text, &beside);
	if (r == 0 && beside)
		r = file_save(dir, sidecar, rec->response.body, options);
	if (r == 0)
		r = file_save(dir, name, buf_str(&text), options);
	buf_fini(&text);
	return r < 0 ? err_up(r) : 0;
}

int file_open_dir(int root, const char *name, bool create)
{
	int fd;

	if (!name_is_plain(str_of(name)))
		return -EINVAL;
	if (create && mkdirat(root, name, 0777) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(root, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
