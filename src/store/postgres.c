#include "store/postgres.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"

enum {
	TESTED_VERSION = 150000
};

/* For the server to tell us of its own limit first. */
#define GRACE (2 * CLOCK_S)

static int64_t read_deadline(const struct postgres *s)
{
	return clock_monotonic() + s->read_ms * CLOCK_MS + GRACE;
}

static bool wait_idle(struct postgres *s, int64_t deadline_ns)
{
	const struct timespec until = { .tv_sec = deadline_ns / CLOCK_S,
					.tv_nsec = deadline_ns % CLOCK_S };

	return s->idle_count > 0 ||
	       pthread_cond_timedwait(&s->pool_free, &s->pool_lock, &until) !=
		       ETIMEDOUT;
}

int postgres_take(struct postgres *s, struct postgres_conn **out)
{
	int64_t deadline_ns = read_deadline(s);
	struct postgres_conn *c = NULL;
	int r;

	pthread_mutex_lock(&s->pool_lock);
	while (s->idle_count == 0 && wait_idle(s, deadline_ns))
		;
	if (s->idle_count > 0)
		c = s->idle[--s->idle_count];
	pthread_mutex_unlock(&s->pool_lock);
	if (c == NULL) {
		return err_new(-ETIMEDOUT,
			       "store: PostgreSQL: all connections are busy");
	}
	c->deadline_ns = deadline_ns;
	r = postgres_connect(c);
	if (r < 0) {
		postgres_give(s, c);
		return r;
	}
	c->deadline_ns = read_deadline(s);
	*out = c;
	return 0;
}

/* The last one that was used is the first to be used again. */
void postgres_give(struct postgres *s, struct postgres_conn *c)
{
	pthread_mutex_lock(&s->pool_lock);
	s->idle[s->idle_count++] = c;
	pthread_cond_signal(&s->pool_free);
	pthread_mutex_unlock(&s->pool_lock);
}

static void close_postgres(struct database *db)
{
	struct postgres *s = (struct postgres *)db;

	for (unsigned i = 0; i < POSTGRES_READERS; i++)
		postgres_hang_up(&s->readers[i]);
	postgres_hang_up(&s->writer);
	pthread_cond_destroy(&s->pool_free);
	pthread_mutex_destroy(&s->pool_lock);
	pthread_mutex_destroy(&s->write_lock);
	free(s->uri);
	free(s);
}

static void stop(struct database *db, int64_t deadline_ns)
{
	struct postgres *s = (struct postgres *)db;

	atomic_store(&s->stop_ns, deadline_ns);
}

/*
 * libpq takes another part of a password for the host, or for the port, and
 * names it in its errors.
 */
static bool is_password_plain(struct str where)
{
	size_t at = str_find(where, STR("@"));
	struct str rest = str_drop(where, at + 1);
	size_t slash = str_find(where, STR("/"));
	size_t more = str_find(rest, STR("@"));

	if (at == where.len || at > str_find(where, STR("?")))
		return true;
	return slash > at &&
	       (more == rest.len || more > str_find(rest, STR("?")));
}

/* What libpq says of a URI repeats parts of it. */
static int check_uri(const struct postgres *s, struct str where)
{
	PQconninfoOption *options = NULL;
	char *text = NULL;

	if (!is_password_plain(where)) {
		return err_new(-EINVAL,
			       "store: the user or password in the URI of "
			       "PostgreSQL has an @ or / that must be written "
			       "as %%40 or %%2F");
	}
	options = libpq.PQconninfoParse(s->uri, &text);
	libpq.PQfreemem(text);
	if (options == NULL) {
		return err_new(-EINVAL,
			       "store: not a URI that libpq can read; it is "
			       "postgres://USER@HOST:PORT/DATABASE, other "
			       "signs in it as %%XX");
	}
	libpq.PQconninfoFree(options);
	return 0;
}

static struct postgres *make(const struct store_cfg *cfg)
{
	struct postgres *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t attr;

	s->base.type = &store_postgres;
	s->busy_ms = cfg->busy_ms;
	s->read_ms = cfg->read_ms;
	s->sync = cfg->sync;
	atomic_store(&s->stop_ns, CLOCK_NEVER);
	s->batch = (int64_t)rand_u64();
	s->uri = xmalloc(cfg->uri.len + 1);
	memcpy(s->uri, cfg->uri.ptr, cfg->uri.len);
	s->uri[cfg->uri.len] = 0;
	s->writer.db = s;
	for (unsigned i = 0; i < POSTGRES_READERS; i++) {
		s->readers[i].db = s;
		s->idle[s->idle_count++] = &s->readers[i];
	}
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->write_lock, NULL);
	pthread_mutex_init(&s->pool_lock, NULL);
	pthread_cond_init(&s->pool_free, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

static int prepare(struct postgres *s)
{
	int r;

	s->writer.deadline_ns = CLOCK_NEVER;
	r = postgres_connect(&s->writer);
	if (r < 0)
		return r;
	if (libpq.PQserverVersion(s->writer.pg) < TESTED_VERSION) {
		log_warn("store: PostgreSQL is older than version 15, which "
			 "quipu is tested with");
	}
	return postgres_migrate(&s->writer, postgres_steps);
}

static int open_postgres(const struct store_cfg *cfg, struct str where,
			 struct database **out)
{
	struct postgres *s;
	int r;

	if (memchr(where.ptr, 0, where.len) != NULL)
		return err_new(-EINVAL, "store: the URI has a NUL in it");
	r = libpq_load();
	if (r < 0)
		return err_up(r);
	s = make(cfg);
	r = check_uri(s, where);
	if (r == 0)
		r = prepare(s);
	if (r < 0) {
		close_postgres(&s->base);
		return err_up(r);
	}
	*out = &s->base;
	return 0;
}

static bool is_shared(struct database *db)
{
	(void)db;
	return true;
}

const struct database_type store_postgres = {
	.is_shared = is_shared,
	.open = open_postgres,
	.close = close_postgres,
	.stop = stop,
	.put = postgres_put,
	.get = postgres_get,
	.list = postgres_list,
	.set_metadata = postgres_set_metadata,
	.drop = postgres_drop,
	.expire = postgres_expire,
	.info = postgres_info,
	.vacuum = postgres_vacuum,
	.check = postgres_check,
	.objects = &postgres_objects,
};
