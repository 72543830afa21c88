#include "cli/store_impl.h"

#include "base/err.h"
#include "store/line.h"
#include "store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	FLUSH_BYTES = 256 << 10
};

struct target {
	int fd;
	const char *name;
	struct buf out;
	struct store_progress progress;
	int64_t skipped;
};

static int flush(struct target *t)
{
	struct str rest = buf_str(&t->out);

	while (rest.len > 0) {
		ssize_t n = write(t->fd, rest.ptr, rest.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_new(-errno, "%s: %s", t->name,
				       strerrordesc_np(errno));
		rest = str_drop(rest, (size_t)n);
	}
	buf_clear(&t->out);
	return 0;
}

static int written(struct target *t, int r, int64_t seq, struct str id)
{
	if (r == LINE_BAD) {
		t->skipped++;
		(void)words_fail(0,
				 "row %lld (" STR_FMT ") is damaged: left out",
				 (long long)seq, STR_ARG(id));
		return 0;
	}
	store_progress_add(&t->progress);
	if (r == 0 && t->out.len >= FLUSH_BYTES)
		r = flush(t);
	return r;
}

static int write_row(void *arg, const struct store_completion *c)
{
	struct target *t = arg;

	return written(t, line_write(c, &t->out), c->seq, c->id);
}

static int write_object(void *arg, const struct store_object *o)
{
	struct target *t = arg;

	return written(t, line_write_object(o, &t->out), o->seq, o->id);
}

/* A model and metadata are a completion's. */
static int write_objects(struct target *t, struct store *s,
			 const struct store_query *q)
{
	if (q->model.len > 0 || q->metadata_count > 0)
		return 0;
	return store_walk_objects(s, q, write_object, t);
}

static int export(const struct word_cmd *c, struct store *s,
		  const struct store_query *q)
{
	const char *name = c->count > 0 ? c->args[0] : "-";
	bool to_file = !str_eq(str_of(name), STR("-"));
	struct target t = { .fd = STDOUT_FILENO, .name = "standard output" };
	int r;

	if (to_file) {
		t.name = name;
		t.fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			    0600);
	}
	if (t.fd < 0) {
		return words_fail(STORE_EXIT_BAD, "%s: %s", name,
				  strerrordesc_np(errno));
	}
	buf_init(&t.out, LINE_MAX + FLUSH_BYTES);
	store_progress_init(&t.progress, "rows written:");
	r = store_walk(s, q, write_row, &t);
	if (r == 0)
		r = write_objects(&t, s, q);
	if (r == 0)
		r = flush(&t);
	if (to_file && close(t.fd) != 0 && r == 0)
		r = err_new(-errno, "%s: %s", name, strerrordesc_np(errno));
	store_progress_end(&t.progress);
	buf_fini(&t.out);
	if (r < 0)
		return store_cmd_failed();
	return t.skipped > 0 ? STORE_EXIT_BAD : 0;
}

int store_cmd_export(const struct word_cmd *c)
{
	bool recordings = words_option(c, "--as-recordings") != NULL;
	struct store_opened s;
	struct store_query q;
	int r = store_cmd_query(c, &q);

	if (r != 0)
		return r;
	if (recordings && c->count == 0) {
		return words_fail(
			WORDS_USAGE,
			"store export --as-recordings: which folder?");
	}
	r = store_cmd_open(c, false, &s);
	if (r != 0)
		return r;
	r = recordings ? store_cmd_recordings(c, &s, &q)
		       : export(c, s.store, &q);
	return store_cmd_close(&s, r);
}
