#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "recording/digest.h"
#include "store/migration.h"

/*
 * The writer's pages are worth keeping: each row goes to a random place of the
 * index by id.  Readers take what they need again.
 */
#define WRITER_CACHE "PRAGMA cache_size = -16384"
#define CHECKPOINT   "PRAGMA wal_autocheckpoint = 8192"
#define READER_CACHE "PRAGMA cache_size = -512"

/* After a burst the log is cut back to this. */
#define LOG_SIZE "PRAGMA journal_size_limit = 67108864"

/* Far behind the bytes that SQLite locks itself. */
#define HERE_BYTE (INT64_C(1) << 62)

enum {
	LOOK_EVERY = 10000 /* steps of SQLite's machine, some 100 us */
};

static int code_of(sqlite3 *db)
{
	int system = sqlite3_system_errno(db);

	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR:
		return system == EFBIG || system == EDQUOT ? -ENOSPC : -EIO;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return system > 0 ? -system : -EACCES;
	case SQLITE_INTERRUPT:
		return -ETIMEDOUT;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

int sqlite_failed(sqlite3 *db, const char *doing)
{
	return err_new(code_of(db), "store: %s: %s", doing, sqlite3_errmsg(db));
}

int sqlite_run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return sqlite_failed(db, "the database");
}

int sqlite_bind(sqlite3_stmt *stmt, int *at, struct str s)
{
	int r = sqlite3_bind_text64(stmt, (*at)++, s.len > 0 ? s.ptr : "",
				    s.len, SQLITE_STATIC, SQLITE_UTF8);

	return r == SQLITE_OK ? 0 : -ENOMEM;
}

static struct str text_of(sqlite3_value *v)
{
	const void *text = sqlite3_value_blob(v);

	return (struct str){ text != NULL ? text : "",
			     (size_t)sqlite3_value_bytes(v) };
}

/* quipu_key(owner, id), for the migration of what has none. */
static void make_key(sqlite3_context *ctx, int count, sqlite3_value **values)
{
	(void)count;
	sqlite3_result_int64(ctx,
			     row_key(text_of(values[0]), text_of(values[1])));
}

/* quipu_hash(bytes), for the check. */
static void make_hash(sqlite3_context *ctx, int count, sqlite3_value **values)
{
	uint8_t sum[DIGEST_BYTES];

	(void)count;
	digest_sum(text_of(values[0]), sum);
	sqlite3_result_blob(ctx, sum, sizeof(sum), SQLITE_TRANSIENT);
}

static int add_functions(sqlite3 *db)
{
	int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;

	if (sqlite3_create_function(db, "quipu_key", 2, flags, NULL, make_key,
				    NULL, NULL) != SQLITE_OK ||
	    sqlite3_create_function(db, "quipu_hash", 1, flags, NULL, make_hash,
				    NULL, NULL) != SQLITE_OK)
		return sqlite_failed(db, "the database");
	return 0;
}

/* Also when it failed, the connection is there to be closed. */
static int connect_to(struct sqlite *s, int flags, sqlite3 **out)
{
	int r = sqlite3_open_v2(s->path, out, flags | SQLITE_OPEN_NOMUTEX,
				NULL);

	if (*out == NULL)
		return err_new(-ENOMEM, "store: no memory for SQLite");
	if (r != SQLITE_OK)
		return sqlite_failed(*out, s->path);
	(void)sqlite3_extended_result_codes(*out, 1);
	(void)sqlite3_busy_timeout(*out, (int)s->busy_ms);
	return add_functions(*out);
}

/* SQLite asks now and then; not 0 interrupts. */
static int is_late(void *arg)
{
	const struct sqlite_reader *reader = arg;

	return clock_monotonic() >= reader->deadline_ns;
}

static void close_reader(struct sqlite_reader *reader)
{
	(void)sqlite3_close(reader->db);
	free(reader);
}

static int make_reader(struct sqlite *s, struct sqlite_reader **out)
{
	struct sqlite_reader *reader = xcalloc(1, sizeof(*reader));
	int r = connect_to(s, SQLITE_OPEN_READWRITE, &reader->db);

	if (r == 0)
		r = sqlite_run(reader->db, READER_CACHE);
	if (r < 0) {
		close_reader(reader);
		return r;
	}
	sqlite3_progress_handler(reader->db, LOOK_EVERY, is_late, reader);
	*out = reader;
	return 0;
}

int sqlite_take(struct sqlite *s, struct sqlite_reader **out)
{
	struct sqlite_reader *reader = NULL;
	int r = 0;

	pthread_mutex_lock(&s->pool_lock);
	while (s->idle_count == 0 && s->reader_count == SQLITE_READERS)
		pthread_cond_wait(&s->pool_free, &s->pool_lock);
	if (s->idle_count > 0)
		reader = s->idle[--s->idle_count];
	else
		s->reader_count++;
	pthread_mutex_unlock(&s->pool_lock);
	if (reader == NULL)
		r = make_reader(s, &reader);
	if (r == 0) {
		reader->deadline_ns = clock_monotonic() + s->read_ms * CLOCK_MS;
		*out = reader;
		return 0;
	}
	pthread_mutex_lock(&s->pool_lock);
	s->reader_count--;
	pthread_cond_signal(&s->pool_free);
	pthread_mutex_unlock(&s->pool_lock);
	return r;
}

void sqlite_give(struct sqlite *s, struct sqlite_reader *reader)
{
	pthread_mutex_lock(&s->pool_lock);
	s->idle[s->idle_count++] = reader;
	pthread_cond_signal(&s->pool_free);
	pthread_mutex_unlock(&s->pool_lock);
}

/* SQLite would let others read it. */
static int make_file(struct sqlite *s)
{
	struct flock here = { .l_type = F_RDLCK,
			      .l_start = HERE_BYTE,
			      .l_len = 1 };

	s->file = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->file < 0)
		return err_new(-errno, "store: %s: cannot be opened: %m",
			       s->path);
	/* Without it nobody is waited for: see is_shared(). */
	(void)fcntl(s->file, F_OFD_SETLK, &here);
	return 0;
}

/* Our own lock is in nobody's way; that of another who has opened it is. */
static bool is_shared(struct database *db)
{
	struct sqlite *s = (struct sqlite *)db;
	struct flock other = { .l_type = F_WRLCK,
			       .l_start = HERE_BYTE,
			       .l_len = 1 };

	return fcntl(s->file, F_OFD_GETLK, &other) == 0 &&
	       other.l_type != F_UNLCK;
}

static const char *sync_pragma(enum store_sync sync)
{
	return sync == STORE_SYNC_NORMAL ? "PRAGMA synchronous = NORMAL"
					 : "PRAGMA synchronous = FULL";
}

/* Whose file it is comes first: a stranger's is left as it was. */
static int prepare(struct sqlite *s)
{
	int r = make_file(s);

	if (r == 0)
		r = connect_to(s, SQLITE_OPEN_READWRITE, &s->writer);
	if (r == 0)
		r = migration_run(s->writer, migration_steps);
	if (r == 0)
		r = sqlite_run(s->writer, "PRAGMA journal_mode = WAL");
	if (r == 0)
		r = sqlite_run(s->writer, sync_pragma(s->sync));
	if (r == 0)
		r = sqlite_run(s->writer, WRITER_CACHE);
	if (r == 0)
		r = sqlite_run(s->writer, LOG_SIZE);
	if (r == 0)
		r = sqlite_run(s->writer, CHECKPOINT);
	return r;
}

static void close_sqlite(struct database *db)
{
	struct sqlite *s = (struct sqlite *)db;

	for (unsigned i = 0; i < s->idle_count; i++)
		close_reader(s->idle[i]);
	for (size_t i = 0; i < SQLITE_STATEMENTS; i++)
		(void)sqlite3_finalize(s->statements[i]);
	for (size_t i = 0; i < SQLITE_OBJECT_STATEMENTS; i++)
		(void)sqlite3_finalize(s->objects[i]);
	if (sqlite3_close(s->writer) != SQLITE_OK)
		log_error("store: a statement was left open");
	/* Not before: it would take SQLite's locks along. */
	if (s->file >= 0)
		(void)close(s->file);
	pthread_cond_destroy(&s->pool_free);
	pthread_mutex_destroy(&s->pool_lock);
	pthread_mutex_destroy(&s->write_lock);
	free(s->path);
	free(s);
}

static int open_sqlite(const struct store_cfg *cfg, struct str where,
		       struct database **out)
{
	struct sqlite *s;
	int r;

	if (where.len == 0 || memchr(where.ptr, 0, where.len) != NULL)
		return err_new(-EINVAL, "store: sqlite: needs a path");
	s = xcalloc(1, sizeof(*s));
	s->base.type = &store_sqlite;
	s->file = -1;
	s->busy_ms = cfg->busy_ms;
	s->read_ms = cfg->read_ms;
	s->sync = cfg->sync;
	s->path = xmalloc(where.len + 1);
	memcpy(s->path, where.ptr, where.len);
	s->path[where.len] = 0;
	pthread_mutex_init(&s->write_lock, NULL);
	pthread_mutex_init(&s->pool_lock, NULL);
	pthread_cond_init(&s->pool_free, NULL);
	r = prepare(s);
	if (r < 0) {
		close_sqlite(&s->base);
		return err_up(r);
	}
	*out = &s->base;
	return 0;
}

const struct database_type store_sqlite = {
	.is_shared = is_shared,
	.open = open_sqlite,
	.close = close_sqlite,
	.put = sqlite_put,
	.get = sqlite_get,
	.list = sqlite_list,
	.set_metadata = sqlite_set_metadata,
	.drop = sqlite_drop,
	.expire = sqlite_expire,
	.info = sqlite_info,
	.vacuum = sqlite_vacuum,
	.check = sqlite_check,
	.objects = &sqlite_objects,
};
