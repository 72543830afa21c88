#include "cli/store_impl.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/load.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define SQLITE   STR("sqlite:")
#define CLOSE_NS (60 * CLOCK_S)

/* These walk over everything. */
#define READ_MS INT64_C(86400000)

int store_cmd_failed(void)
{
	return words_fail(STORE_EXIT_BAD, STR_FMT, STR_ARG(err_text()));
}

static int find_config(const struct word_cmd *c, struct arena *a,
		       struct config **out)
{
	const char *file = words_option(c, "--config");
	const char *uri = words_option(c, "--store");
	char *argv[6] = { NULL };
	struct buf messages;
	size_t n = 0;
	int r;

	if (file != NULL)
		argv[n++] = arena_cz(a, str_of(file));
	if (uri != NULL)
		argv[n++] = arena_cz(a, STR("--store"));
	if (uri != NULL)
		argv[n++] = arena_cz(a, str_of(uri));
	/* Who needs no key then is there without one. */
	if (words_option(c, "--as-recordings") != NULL) {
		argv[n++] = arena_cz(a, STR("--record-mode"));
		argv[n++] = arena_cz(a, STR("replay"));
	}
	buf_init(&messages, LOAD_MESSAGES_MAX);
	r = load_config(argv, environ, out, &messages);
	if (r < 0)
		(void)fprintf(stderr, STR_FMT, STR_ARG(buf_str(&messages)));
	buf_fini(&messages);
	return r < 0 ? STORE_EXIT_BAD : 0;
}

static int open_it(const char *uri, bool create, struct store_opened *out)
{
	struct str path = str_of(uri);
	int r;

	if (path.len == 0 || str_eq(path, STR("none"))) {
		return words_fail(STORE_EXIT_BAD,
				  "there is no store; name one with --store");
	}
	out->uri = "postgres";
	if (str_starts(path, SQLITE)) {
		path = str_drop(path, SQLITE.len);
		out->uri = uri;
		if (!create && access(path.ptr, F_OK) != 0)
			return words_fail(STORE_EXIT_BAD, "%s: %s", path.ptr,
					  strerrordesc_np(errno));
	}
	r = store_open(&(struct store_cfg){ .uri = str_of(uri),
					    .read_ms = READ_MS },
		       &out->store);
	return r < 0 ? store_cmd_failed() : 0;
}

static void let_go(struct store_opened *s)
{
	config_unref(s->config);
	arena_fini(&s->arena);
}

int store_cmd_open(const struct word_cmd *c, bool create,
		   struct store_opened *out)
{
	int r;

	*out = (struct store_opened){ 0 };
	arena_init(&out->arena, 1 << 20);
	r = find_config(c, &out->arena, &out->config);
	if (r == 0)
		r = open_it(arena_cz(&out->arena, out->config->store_uri),
			    create, out);
	if (r != 0)
		let_go(out);
	return r;
}

int store_cmd_close(struct store_opened *s, int code)
{
	uint64_t lost = store_close(s->store, clock_monotonic() + CLOSE_NS);

	let_go(s);
	return lost > 0 ? STORE_EXIT_BAD : code;
}

/* A day, a time of RFC 3339, or seconds. */
static bool read_time(const char *text, int64_t *out)
{
	char day[64];

	if (str_to_i64(str_of(text), 1, INT64_MAX, out) ||
	    clock_read(str_of(text), out))
		return true;
	(void)snprintf(day, sizeof(day), "%sT00:00:00Z", text);
	return clock_read(str_of(day), out);
}

static int take_time(const struct word_cmd *c, const char *name, int64_t *out)
{
	const char *text = words_option(c, name);

	if (text == NULL || read_time(text, out))
		return 0;
	return words_fail(WORDS_USAGE,
			  "%s: '%s' is no time: 2026-11-01, "
			  "2026-11-01T08:00:00Z, or seconds since 1970",
			  name, text);
}

static int take_metadata(const struct word_cmd *c, struct store_query *q)
{
	const char *text;
	size_t at = 0;

	while ((text = words_next(c, "--metadata", &at)) != NULL) {
		struct store_filter *f = &q->metadata[q->metadata_count];

		if (q->metadata_count == STORE_FILTERS_MAX) {
			return words_fail(WORDS_USAGE,
					  "--metadata: at most %d of them",
					  STORE_FILTERS_MAX);
		}
		if (!str_cut(str_of(text), '=', &f->key, &f->value)) {
			return words_fail(WORDS_USAGE,
					  "--metadata: '%s' is not KEY=VALUE",
					  text);
		}
		q->metadata_count++;
	}
	return 0;
}

int store_cmd_query(const struct word_cmd *c, struct store_query *out)
{
	const char *owner = words_option(c, "--owner");
	const char *model = words_option(c, "--model");
	struct store_query q = { .walk = true };
	int r = take_time(c, "--since", &q.since);

	if (r == 0)
		r = take_time(c, "--until", &q.until);
	if (r == 0)
		r = take_metadata(c, &q);
	if (r != 0)
		return r;
	q.one_owner = owner != NULL;
	q.owner = str_of(owner != NULL ? owner : "");
	q.model = str_of(model != NULL ? model : "");
	*out = q;
	return 0;
}

static void tell(struct store_progress *p)
{
	(void)fprintf(stderr, "\r%s %lld", p->what, (long long)p->count);
	p->told_ns = clock_monotonic();
}

void store_progress_init(struct store_progress *p, const char *what)
{
	*p = (struct store_progress){ .shown = isatty(STDERR_FILENO) == 1,
				      .what = what };
}

void store_progress_add(struct store_progress *p)
{
	p->count++;
	if (p->shown && p->count % 64 == 0 &&
	    clock_monotonic() > p->told_ns + CLOCK_S / 5)
		tell(p);
}

void store_progress_end(struct store_progress *p)
{
	if (!p->shown || p->told_ns == 0)
		return;
	tell(p);
	(void)fputc('\n', stderr);
}
