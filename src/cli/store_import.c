#include "cli/store_impl.h"

#include "base/clock.h"
#include "base/err.h"
#include "store/line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	READ_BYTES = 256 << 10
};

#define WAIT_NS (60 * CLOCK_S)

struct source {
	int fd;
	const char *name;
	struct store *store;
	struct buf in;      /* what is read and not taken */
	struct arena arena; /* of a line */
	int64_t line;
	int64_t objects;
	struct store_progress progress;
};

static int bad_line(const struct source *s, const char *why)
{
	return words_fail(STORE_EXIT_BAD, "%s:%lld: %s", s->name,
			  (long long)s->line, why);
}

/* In the place of what is there. */
static int put(struct source *s, const struct line_row *row)
{
	const struct store_op op = { .what = STORE_PUT, .object = row->object };
	int64_t until = clock_monotonic() + WAIT_NS;

	if (!row->is_object)
		return store_put_wait(s->store, 0, &row->completion, until);
	s->objects++;
	return store_post_wait(s->store, 0, &op, 1, until);
}

static int take_line(struct source *s, struct str text)
{
	struct line_problem problem;
	struct line_row row;
	int r;

	s->line++;
	if (str_trim(text).len == 0)
		return 0;
	arena_reset(&s->arena);
	if (line_read(text, &s->arena, &row, &problem) != 0)
		return bad_line(s, problem.text);
	r = put(s, &row);
	if (r == -EMSGSIZE)
		return bad_line(s, "the row is too large");
	if (r < 0)
		return store_cmd_failed();
	store_progress_add(&s->progress);
	return 0;
}

/* All lines that are whole; what is left moves to the front. */
static int take_lines(struct source *s, size_t searched)
{
	struct str rest = buf_str(&s->in);
	int r = 0;

	while (r == 0) {
		const char *end =
			memchr(rest.ptr + searched, '\n', rest.len - searched);
		size_t len = end == NULL ? 0 : (size_t)(end - rest.ptr);

		if (end == NULL)
			break;
		r = take_line(s, str_take(rest, len));
		rest = str_drop(rest, len + 1);
		searched = 0;
	}
	buf_drop(&s->in, s->in.len - rest.len);
	return r;
}

/* 0, STORE_EXIT_BAD, or EOF. */
static int read_more(struct source *s)
{
	size_t was = s->in.len;
	ssize_t n;

	if (was > LINE_MAX || buf_reserve(&s->in, READ_BYTES) < 0) {
		s->line++;
		return bad_line(s, "the line is too long");
	}
	n = read(s->fd, s->in.ptr + was, READ_BYTES);
	if (n < 0)
		return words_fail(STORE_EXIT_BAD, "%s: %s", s->name,
				  strerrordesc_np(errno));
	if (n == 0)
		return EOF;
	s->in.len += (size_t)n;
	return take_lines(s, was);
}

static int read_all(struct source *s)
{
	int r = 0;

	while (r == 0)
		r = read_more(s);
	if (r == EOF)
		r = s->in.len > 0 ? take_line(s, buf_str(&s->in)) : 0;
	/* What came before a bad line is in the store. */
	if (store_flush(s->store, clock_monotonic() + WAIT_NS) < 0)
		return store_cmd_failed();
	return r;
}

static void tell(const struct word_cmd *c, const struct source *s)
{
	struct store_counts counts;

	store_counts(s->store, &counts);
	(void)printf(c->json ? "{\"rows\":%lld,\"replaced\":%lld,"
			       "\"objects\":%lld}\n"
			     : "%lld rows, of which %lld were there; "
			       "%lld objects\n",
		     (long long)counts.written - s->objects,
		     (long long)counts.replaced, (long long)s->objects);
}

int store_cmd_import(const struct word_cmd *c)
{
	bool from_file = c->count > 0 && !str_eq(str_of(c->args[0]), STR("-"));
	struct source s = { .fd = STDIN_FILENO, .name = "standard input" };
	struct store_opened opened;
	int r = store_cmd_open(c, true, &opened);

	if (r != 0)
		return r;
	if (from_file) {
		s.name = c->args[0];
		s.fd = open(s.name, O_RDONLY | O_CLOEXEC);
	}
	if (s.fd < 0) {
		return store_cmd_close(&opened,
				       words_fail(STORE_EXIT_BAD, "%s: %s",
						  s.name,
						  strerrordesc_np(errno)));
	}
	s.store = opened.store;
	buf_init(&s.in, LINE_MAX + READ_BYTES);
	arena_init(&s.arena, (size_t)2 * LINE_MAX);
	store_progress_init(&s.progress, "rows read:");
	r = read_all(&s);
	store_progress_end(&s.progress);
	tell(c, &s);
	arena_fini(&s.arena);
	buf_fini(&s.in);
	if (from_file)
		(void)close(s.fd);
	return store_cmd_close(&opened, r);
}
