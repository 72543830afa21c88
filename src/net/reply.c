#include "net/reply.h"

#include "http/chunk.h"
#include "http/write.h"
#include "net/session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

enum {
	OUT_FIRST = 500, /* room at once for most heads */
	FEW = 8          /* pieces, as an event or a whole answer has them */
};

struct str request_id(const struct request *req)
{
	return (struct str){ req->id, req->id_len };
}

/* An IMF-fixdate (RFC 9110 section 5.6.7), made once a second. */
static struct str date_text(struct server *s, int64_t wall_ns)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed",
					    "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
					      "May", "Jun", "Jul", "Aug",
					      "Sep", "Oct", "Nov", "Dec" };
	time_t now = (time_t)(wall_ns / CLOCK_S);
	struct tm tm;

	if (now != s->date_s) {
		s->date_s = now;
		(void)gmtime_r(&now, &tm);
		(void)snprintf(s->date, sizeof(s->date),
			       "%s, %02d %s %04d %02d:%02d:%02d GMT",
			       days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
			       tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
			       tm.tm_sec);
	}
	return str_of(s->date);
}

/* The status line leaves room for nothing: fields are added behind it. */
void request_start(struct request *req, int status, struct str type)
{
	struct http_writer w = { .out = &req->out };
	const struct session *c = session_of(req);

	assert(!req->sent);
	buf_clear(&req->out);
	w.error = buf_reserve(&req->out, OUT_FIRST);
	req->status = status;
	req->has_length = false;
	http_write_status(&w, status);
	http_write_header(&w, STR("date"),
			  date_text(req->server, task_wall(c->task)));
	if (type.len > 0)
		http_write_header(&w, STR("content-type"), type);
	if (req->extra.len > 0 && w.error == 0)
		w.error = buf_add(&req->out, req->extra);
	assert(w.error == 0);
}

void request_header(struct request *req, struct str name, struct str value)
{
	struct http_writer w = { .out = &req->out };

	assert(req->status != 0 && !req->sent);
	http_write_header(&w, name, value);
}

void request_length(struct request *req, uint64_t length)
{
	req->has_length = true;
	req->length = length;
}

/*
 * Add what says where the body ends and what becomes of the connection.  An
 * answer to HEAD says what GET's would have said (RFC 9110 section 9.3.2).
 */
static int end_head(struct request *req)
{
	struct http_writer w = { .out = &req->out };
	bool never = req->status == 204 || req->status == 304;

	req->bodyless = never || str_eq(req->head.method, STR("HEAD"));
	if (req->has_length && !never) {
		http_write_number(&w, STR("content-length"), req->length);
	} else if (!never && req->head.minor >= 1) {
		req->chunked = !req->bodyless;
		http_write_header(&w, STR("transfer-encoding"), STR("chunked"));
	} else if (!never) {
		req->keep_alive = req->keep_alive && req->bodyless;
	}
	if (req->server->ending || upload_must_close(session_of(req)))
		req->keep_alive = false;
	if (!req->keep_alive)
		http_write_header(&w, STR("connection"), STR("close"));
	else if (req->head.minor == 0)
		http_write_header(&w, STR("connection"), STR("keep-alive"));
	return http_write_end(&w);
}

static int send_pieces(struct task *t, struct request *req,
		       const struct str *pieces, size_t count)
{
	int64_t now = task_now(t);
	int r;

	req->writing = true;
	r = io_write(t, req->io, pieces, count,
		     now + req->server->cfg.write_timeout_ns);
	if (r < 0) {
		req->keep_alive = false;
		return err_up(r);
	}
	req->writing = false;
	if (req->first_byte_ns == 0)
		req->first_byte_ns = now;
	if (!req->sent) {
		req->sent = true;
		buf_release(&req->out);
	}
	return 0;
}

static size_t total(const struct str *pieces, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += pieces[i].len;
	return n;
}

/* all has room for one more than count. */
static int send_with(struct task *t, struct request *req,
		     const struct str *pieces, size_t count, struct str *all)
{
	size_t len = total(pieces, count);
	int r;

	assert(!req->sent && count <= REQUEST_PIECES_MAX);
	request_length(req, len);
	r = end_head(req);
	if (r < 0)
		return err_up(r);
	all[0] = buf_str(&req->out);
	if (req->bodyless)
		count = 0;
	for (size_t i = 0; i < count; i++)
		all[1 + i] = pieces[i];
	r = send_pieces(t, req, all, 1 + count);
	if (r < 0)
		return err_up(r);
	req->bytes_out = req->bodyless ? 0 : len;
	req->finished = true;
	return 0;
}

static __attribute__((noinline)) int send_many(struct task *t,
					       struct request *req,
					       const struct str *pieces,
					       size_t count)
{
	filled_later struct str all[REQUEST_PIECES_MAX + 1];

	return send_with(t, req, pieces, count, all);
}

int request_send(struct task *t, struct request *req, const struct str *pieces,
		 size_t count)
{
	filled_later struct str all[FEW + 1];

	return count > FEW ? send_many(t, req, pieces, count)
			   : send_with(t, req, pieces, count, all);
}

int request_flush(struct task *t, struct request *req)
{
	struct str head;
	int r;

	assert(req->status != 0 && !req->sent);
	r = end_head(req);
	if (r < 0)
		return err_up(r);
	head = buf_str(&req->out);
	r = send_pieces(t, req, &head, 1);
	return r < 0 ? err_up(r) : 0;
}

/* all has room for three more than count. */
static int write_with(struct task *t, struct request *req,
		      const struct str *pieces, size_t count, struct str *all)
{
	char chunk[CHUNK_HEAD_MAX];
	size_t len = total(pieces, count);
	size_t n = 0;
	int r;

	assert(req->status != 0 && count <= REQUEST_PIECES_MAX);
	if (len == 0 || (req->sent && req->bodyless))
		return 0;
	if (req->has_length && len > req->length - req->bytes_out)
		return err_new(-EMSGSIZE, "the body is longer than announced");
	if (!req->sent) {
		r = end_head(req);
		if (r < 0)
			return err_up(r);
		all[n++] = buf_str(&req->out);
	}
	if (req->chunked)
		all[n++] = chunk_head(len, chunk);
	if (req->bodyless)
		count = 0;
	for (size_t i = 0; i < count; i++)
		all[n++] = pieces[i];
	if (req->chunked)
		all[n++] = STR("\r\n");
	r = send_pieces(t, req, all, n);
	if (r < 0)
		return err_up(r);
	req->bytes_out += req->bodyless ? 0 : len;
	return 0;
}

static __attribute__((noinline)) int write_many(struct task *t,
						struct request *req,
						const struct str *pieces,
						size_t count)
{
	filled_later struct str all[REQUEST_PIECES_MAX + 3];

	return write_with(t, req, pieces, count, all);
}

int request_write(struct task *t, struct request *req, const struct str *pieces,
		  size_t count)
{
	filled_later struct str all[FEW + 3];

	return count > FEW ? write_many(t, req, pieces, count)
			   : write_with(t, req, pieces, count, all);
}

int request_finish(struct task *t, struct request *req)
{
	struct str last = CHUNK_LAST;
	int r = 0;

	assert(req->status != 0);
	if (!req->sent && !req->has_length)
		return request_send(t, req, NULL, 0);
	if (!req->sent)
		r = request_flush(t, req);
	if (r == 0 && req->chunked)
		r = send_pieces(t, req, &last, 1);
	if (r < 0)
		return err_up(r);
	if (req->has_length && !req->bodyless && req->bytes_out < req->length)
		return err_new(-EPROTO, "the body is short of its length");
	req->finished = true;
	return 0;
}

int request_upgrade(struct task *t, struct request *req)
{
	struct http_writer w = { .out = &req->out };
	struct str head;
	int r = http_write_end(&w);

	if (r < 0)
		return err_up(r);
	req->keep_alive = false;
	head = buf_str(&req->out);
	r = send_pieces(t, req, &head, 1);
	return r < 0 ? err_up(r) : 0;
}

int request_raw(struct task *t, struct request *req, const struct str *pieces,
		size_t count)
{
	int r = send_pieces(t, req, pieces, count);

	return r < 0 ? err_up(r) : 0;
}

void request_cut(struct request *req)
{
	req->keep_alive = false;
	req->finished = false;
}

int request_reply(struct task *t, struct request *req, int status,
		  struct str type, struct str body)
{
	request_start(req, status, type);
	request_header(req, STR("x-request-id"), request_id(req));
	return request_send(t, req, &body, 1);
}

void request_release_input(struct request *req)
{
	struct session *c = session_of(req);
	struct str rest = session_rest(c);

	req->head.headers = NULL;
	req->head.header_count = 0;
	req->head.method = STR("POST");
	req->head.target = req->path = req->query = req->body = STR_NULL;
	/* A client that pipelines a lot keeps its buffer. */
	if (rest.len > 0 && (c->next.len > 0 || buf_add(&c->next, rest) < 0))
		return;
	buf_release(&c->in);
	c->used = 0;
}
