#include "cli/recordings_impl.h"

#include "recording/exact.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	STEP = 64 * 1024
};

/* One of the three versions that git hands over. */
struct version {
	struct arena arena;
	struct str text;
	struct recording recording;
	bool is_recording;
};

/* git's names are hidden ones (.merge_file_...): file_read() has none of them. */
static struct str read_all(const char *path, struct arena *a)
{
	FILE *f = fopen(path, "rbe");
	struct str text = STR("");
	struct buf b;

	if (f == NULL)
		return text;
	buf_init(&b, RECORDING_FILE_MAX);
	while (buf_reserve(&b, STEP) == 0) {
		size_t n = fread(b.ptr + b.len, 1, STEP, f);

		b.len += n;
		if (n == 0)
			break;
	}
	(void)fclose(f);
	if (b.len > 0)
		text = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return text;
}

/* There is no base when both have added the file: it is empty. */
static void open_version(const char *path, struct version *v)
{
	struct recording_problem problem;

	arena_init(&v->arena, SIZE_MAX / 2);
	v->text = read_all(path, &v->arena);
	v->is_recording =
		exact_is(v->text) &&
		exact_read(v->text, &v->arena, &v->recording, &problem) == 0;
}

static struct str time_of(const struct version *v)
{
	return v->is_recording ? v->recording.meta.recorded_at : STR("");
}

/* Changed by hand, not by recording it anew? */
static bool is_edited(const struct version *base, const struct version *v)
{
	if (str_eq(base->text, v->text))
		return false;
	return v->recording.edited ||
	       (base->is_recording && str_eq(time_of(base), time_of(v)));
}

enum choice {
	OURS,
	THEIRS,
	CONFLICT
};

static enum choice choose(const struct version *base,
			  const struct version *ours,
			  const struct version *theirs, const char **why)
{
	struct str x = time_of(ours), y = time_of(theirs);

	if (str_eq(ours->text, theirs->text) ||
	    str_eq(theirs->text, base->text))
		return OURS;
	if (str_eq(ours->text, base->text))
		return THEIRS;
	*why = "it is no recording in the exact format";
	if (!ours->is_recording || !theirs->is_recording)
		return CONFLICT;
	*why = "it was edited by hand";
	if (is_edited(base, ours) || is_edited(base, theirs))
		return CONFLICT;
	*why = "it does not say when it was recorded";
	if (x.len == 0 || y.len == 0)
		return CONFLICT;
	/* RFC 3339 in UTC: the order of the texts is that of the times. */
	return str_cmp(x, y) >= 0 ? OURS : THEIRS;
}

static int replace(const char *path, struct str text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -1;
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0) {
			r = -1;
			break;
		}
		text = str_drop(text, (size_t)n);
	}
	return close(fd) < 0 ? -1 : r;
}

int recordings_merge_driver(const struct word_cmd *c)
{
	struct version v[3] = { 0 };
	const char *name = c->count > 3 ? c->args[3] : c->args[1];
	const char *why = "";
	int status = RECORDINGS_OK;

	for (size_t i = 0; i < countof(v); i++)
		open_version(c->args[i], &v[i]);
	switch (choose(&v[0], &v[1], &v[2], &why)) {
	case OURS:
		break;
	case THEIRS:
		if (replace(c->args[1], v[2].text) < 0) {
			status =
				words_fail(RECORDINGS_BAD,
					   "%s: cannot be written", c->args[1]);
		}
		break;
	case CONFLICT:
		status = words_fail(RECORDINGS_BAD,
				    "%s: conflict: %s; ours is left in "
				    "place",
				    name, why);
		break;
	}
	for (size_t i = 0; i < countof(v); i++)
		arena_fini(&v[i].arena);
	return status;
}
