#include "store/postgres.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/block.h"

#define LOOK_EVERY (200 * CLOCK_MS)

enum {
	CONNECT_S = 5, /* unless connect_timeout says else */
	WRITE_MS = 60000,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	HOSTS_MAX = 16,
	CARRIED_MAX = 8 << 20,
};

/* SQLSTATE, appendix A of PostgreSQL's manual; a class is its first two. */
static const struct {
	const char *state;
	int error;
} errors[] = {
	{ "53100", -ENOSPC },    { "53300", -EBUSY },   { "25006", -EROFS },
	{ "55P03", -EBUSY },     { "40001", -EDEADLK }, { "40P01", -EDEADLK },
	{ "57014", -ETIMEDOUT }, { "42501", -EACCES },  { "54000", -EMSGSIZE },
	{ "XX001", -EUCLEAN },   { "XX002", -EUCLEAN }, { "57P", -ENOTCONN },
	{ "08", -ENOTCONN },
};

/* What a connection's failure means to whoever starts quipu. */
static const struct {
	struct str part;
	int error;
	const char *advice;
} refusals[] = {
	{ STR_INIT("password authentication failed"), -EACCES,
	  "user or password are wrong" },
	{ STR_INIT("no password supplied"), -EACCES, "it wants a password" },
	{ STR_INIT("pg_hba.conf"), -EACCES,
	  "it does not let this user in from here" },
	{ STR_INIT("role \""), -EACCES, "make the user, or name another" },
	{ STR_INIT("database \""), -ENOENT,
	  "make the database with createdb, or name another" },
	{ STR_INIT("Connection refused"), -ENOTCONN,
	  "is it running, on that host and port?" },
	{ STR_INIT("No such file"), -ENOTCONN,
	  "is it running, with that socket?" },
	{ STR_INIT("session is read-only"), -EROFS,
	  "name the primary server, not a standby" },
};

void postgres_add_text(struct postgres_args *a, struct str s)
{
	int i = a->count++;

	a->types[i] = OID_BYTEA;
	a->values[i] = s.len > 0 ? s.ptr : "";
	a->lens[i] = (int)s.len;
	a->formats[i] = 1;
}

void postgres_add_number(struct postgres_args *a, int64_t n)
{
	int i = a->count++;

	a->numbers[i] = htobe64((uint64_t)n);
	a->types[i] = OID_INT8;
	a->values[i] = (const char *)&a->numbers[i];
	a->lens[i] = sizeof(a->numbers[i]);
	a->formats[i] = 1;
}

int64_t postgres_number(const PGresult *res, int column)
{
	uint64_t n = 0;

	if (libpq.PQgetlength(res, 0, column) == sizeof(n))
		memcpy(&n, libpq.PQgetvalue(res, 0, column), sizeof(n));
	return (int64_t)be64toh(n);
}

struct str postgres_text(const PGresult *res, int column)
{
	return (struct str){ libpq.PQgetvalue(res, 0, column),
			     (size_t)libpq.PQgetlength(res, 0, column) };
}

static struct str first_line(const char *cz)
{
	struct str s = str_of(cz);

	return str_trim(str_take(s, str_find(s, STR("\n"))));
}

void postgres_hang_up(struct postgres_conn *c)
{
	if (c->pg != NULL)
		libpq.PQfinish(c->pg);
	c->pg = NULL;
	c->is_ready = false;
	c->carried = 0;
}

static int code_of(const char *state)
{
	for (size_t i = 0; i < countof(errors) && state != NULL; i++) {
		if (str_starts(str_of(state), str_of(errors[i].state)))
			return errors[i].error;
	}
	return -EIO;
}

int postgres_failed(struct postgres_conn *c, const PGresult *res)
{
	const char *state = NULL, *text = NULL;
	int code = -ENOTCONN;

	if (res != NULL) {
		state = libpq.PQresultErrorField(res, PG_DIAG_SQLSTATE);
		text = libpq.PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	}
	if (state != NULL || libpq.PQstatus(c->pg) == CONNECTION_OK)
		code = code_of(state);
	if (text == NULL)
		text = libpq.PQerrorMessage(c->pg);
	code = err_new(code, "store: PostgreSQL: " STR_FMT,
		       STR_ARG(first_line(text)));
	postgres_hang_up(c);
	return code;
}

/* In pieces, so that a stop is seen. */
static int wait_for(struct postgres_conn *c, unsigned events, unsigned *ready)
{
	for (;;) {
		int64_t now = clock_monotonic(), until = c->deadline_ns;
		int64_t stop = atomic_load(&c->db->stop_ns);
		int r;

		until = until < stop ? until : stop;
		r = block_until(libpq.PQsocket(c->pg), events,
				until < now + LOOK_EVERY ? until
							 : now + LOOK_EVERY,
				ready);
		if (r == 0)
			return 0;
		if (r == -ETIMEDOUT && clock_monotonic() < until)
			continue;
		postgres_hang_up(c);
		if (r == -ETIMEDOUT)
			return err_new(r, "store: PostgreSQL does not answer");
		return err_up(r);
	}
}

int postgres_push(struct postgres_conn *c)
{
	int left;

	while ((left = libpq.PQflush(c->pg)) == 1) {
		unsigned ready = 0;
		int r = wait_for(c, BLOCK_READ | BLOCK_WRITE, &ready);

		if (r < 0)
			return r;
		if ((ready & BLOCK_READ) != 0 &&
		    libpq.PQconsumeInput(c->pg) == 0)
			return postgres_failed(c, NULL);
	}
	return left < 0 ? postgres_failed(c, NULL) : 0;
}

static bool is_error(const PGresult *res)
{
	switch ((int)libpq.PQresultStatus(res)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
	case PGRES_EMPTY_QUERY:
	case PGRES_PIPELINE_SYNC:
		return false;
	default:
		return true;
	}
}

int postgres_next(struct postgres_conn *c, PGresult **out)
{
	PGresult *res;
	unsigned ready;
	int r = postgres_push(c);

	while (r == 0 && libpq.PQisBusy(c->pg) != 0) {
		r = wait_for(c, BLOCK_READ, &ready);
		if (r == 0 && libpq.PQconsumeInput(c->pg) == 0)
			r = postgres_failed(c, NULL);
	}
	if (r < 0)
		return r;
	res = libpq.PQgetResult(c->pg);
	if (res != NULL && is_error(res)) {
		r = postgres_failed(c, res);
		libpq.PQclear(res);
		return r;
	}
	*out = res;
	return 0;
}

int postgres_ask(struct postgres_conn *c, const char *sql,
		 const struct postgres_args *args)
{
	if (libpq.PQsendQueryParams(c->pg, sql, args->count, args->types,
				    args->values, args->lens, args->formats,
				    1) == 0 ||
	    libpq.PQsetSingleRowMode(c->pg) == 0)
		return postgres_failed(c, NULL);
	return 0;
}

static int drain(struct postgres_conn *c)
{
	PGresult *res = NULL;
	int r;

	while ((r = postgres_next(c, &res)) == 0 && res != NULL)
		libpq.PQclear(res);
	return r;
}

int postgres_run(struct postgres_conn *c, const char *sql)
{
	if (libpq.PQsendQuery(c->pg, sql) == 0)
		return postgres_failed(c, NULL);
	return drain(c);
}

int postgres_numbers(struct postgres_conn *c, const char *sql,
		     const struct postgres_args *args, int64_t *out,
		     size_t count)
{
	static const struct postgres_args none;
	PGresult *res = NULL;
	bool is_there;
	int r = postgres_ask(c, sql, args != NULL ? args : &none);

	if (r == 0)
		r = postgres_next(c, &res);
	if (r < 0 || res == NULL)
		return r < 0 ? r : postgres_failed(c, NULL);
	is_there = libpq.PQntuples(res) > 0;
	for (size_t i = 0; i < count && is_there; i++)
		out[i] = postgres_number(res, (int)i);
	libpq.PQclear(res);
	r = drain(c);
	if (r < 0)
		return r;
	return is_there ? 0 : 1;
}

static int refused(struct postgres_conn *c)
{
	struct str line = first_line(libpq.PQerrorMessage(c->pg));
	const char *advice = "no connection";
	int code = -ENOTCONN;

	for (size_t i = 0; i < countof(refusals); i++) {
		if (str_find(line, refusals[i].part) == line.len)
			continue;
		code = refusals[i].error;
		advice = refusals[i].advice;
		break;
	}
	code = err_new(code, "store: PostgreSQL: %s: " STR_FMT, advice,
		       STR_ARG(line));
	postgres_hang_up(c);
	return code;
}

static void ignore_notice(void *arg, const char *text)
{
	(void)arg;
	log_debug("store: PostgreSQL: " STR_FMT, STR_ARG(first_line(text)));
}

/*
 * What libpq has no better idea of: before the URI, so that it goes first, as
 * does the environment where there is a variable.
 */
static void start(struct postgres_conn *c)
{
	const char *words[] = { "fallback_application_name",
				"keepalives_idle",
				"keepalives_interval",
				"keepalives_count",
				"tcp_user_timeout",
				"target_session_attrs",
				"dbname",
				"client_encoding",
				NULL };
	const char *values[] = { "quipu",      "30",       "10",   "3", "30000",
				 "read-write", c->db->uri, "UTF8", NULL };

	/* A value that is NULL leaves the word out. */
	if (getenv("PGTARGETSESSIONATTRS") != NULL)
		values[5] = NULL;
	c->pg = libpq.PQconnectStartParams(words, values, 1);
	if (c->pg == NULL)
		abort();
	(void)libpq.PQsetNoticeProcessor(c->pg, ignore_notice, NULL);
}

/* connect_timeout is for each host; libpq leaves it to whoever polls. */
static int64_t connect_ns(struct postgres_conn *c)
{
	PQconninfoOption *all = libpq.PQconninfo(c->pg);
	int64_t seconds = 0, hosts = 1;

	for (PQconninfoOption *o = all; o != NULL && o->keyword != NULL; o++) {
		struct str name = str_of(o->keyword), value = str_of(o->val);
		struct str head;

		if (str_eq(name, STR("connect_timeout")))
			(void)str_to_i64(value, 1, 3600, &seconds);
		if (str_eq(name, STR("password")))
			log_secret(value);
		while (str_eq(name, STR("host")) && hosts < HOSTS_MAX &&
		       str_cut(value, ',', &head, &value))
			hosts++;
	}
	libpq.PQconninfoFree(all);
	return hosts * CLOCK_S * (seconds > 0 ? seconds : CONNECT_S);
}

static int shake_hands(struct postgres_conn *c)
{
	PostgresPollingStatusType how = PGRES_POLLING_WRITING;
	unsigned ready;

	while (how != PGRES_POLLING_OK) {
		int r;

		if (how == PGRES_POLLING_FAILED ||
		    libpq.PQstatus(c->pg) == CONNECTION_BAD)
			return refused(c);
		r = wait_for(c,
			     how == PGRES_POLLING_READING ? BLOCK_READ
							  : BLOCK_WRITE,
			     &ready);
		if (r < 0)
			return r;
		how = libpq.PQconnectPoll(c->pg);
	}
	return 0;
}

/*
 * A server whose commits do not wait for its disk is asked to, unless the store
 * need not.  Any other setting of it is the administrator's.  A plan that was made
 * while a table was small is kept, and must not look through it when it is large.
 */
static int set_up(struct postgres_conn *c)
{
	bool writes = c == &c->db->writer;
	char sql[720];

	(void)snprintf(
		sql, sizeof(sql),
		"SELECT set_config('statement_timeout', '%lld', false),"
		" set_config('lock_timeout', '%lld', false),"
		" set_config('idle_in_transaction_session_timeout', '60000',"
		" false), set_config('client_min_messages', 'warning', false),"
		" set_config('enable_seqscan', 'off', false),"
		" set_config('synchronous_commit', CASE WHEN %d = 1 THEN 'off'"
		" WHEN current_setting('synchronous_commit') = 'off' THEN 'on'"
		" ELSE current_setting('synchronous_commit') END, false)",
		(long long)(writes ? WRITE_MS : c->db->read_ms),
		(long long)c->db->busy_ms, c->db->sync == STORE_SYNC_NORMAL);
	return postgres_run(c, sql);
}

/* Is an idle connection still one?  The server's end of it is seen here. */
static bool is_alive(struct postgres_conn *c)
{
	unsigned ready;

	if (c->carried > CARRIED_MAX || libpq.PQstatus(c->pg) != CONNECTION_OK)
		return false;
	if (block_until(libpq.PQsocket(c->pg), BLOCK_READ, 0, &ready) < 0)
		return true;
	return libpq.PQconsumeInput(c->pg) != 0 &&
	       block_until(libpq.PQsocket(c->pg), BLOCK_READ, 0, &ready) < 0;
}

int postgres_connect(struct postgres_conn *c)
{
	int64_t deadline = c->deadline_ns, limit;
	int r;

	if (c->pg != NULL && is_alive(c))
		return 0;
	postgres_hang_up(c);
	start(c);
	limit = clock_monotonic() + connect_ns(c);
	c->deadline_ns = limit < deadline ? limit : deadline;
	r = shake_hands(c);
	c->deadline_ns = deadline;
	if (r == 0 && libpq.PQsetnonblocking(c->pg, 1) != 0)
		r = postgres_failed(c, NULL);
	if (r == 0)
		r = set_up(c);
	return r;
}
