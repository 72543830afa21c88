/*
 * Bodies that are passed through, in the simulator.  The byte at each place is
 * known, and how many there are stands in the path: what arrives is all of it or
 * seen to be cut, and a client hears the upstream's answer or an error.
 */
#include "core/origin.h"
#include "http/chunk.h"

#include "tests/sim/world.h"
#include "tests/unit/table.h"

#include "base/log.h"
#include "base/rand.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	BODY_MAX = 200000,
	PIECE_MAX = 3000,
	HEAD_MAX = 8000,
};

/* How an upstream treats an upload: by upstream_way. */
#define UP_EARLY UP_BUSY

static enum upstream_way way_of(const struct world_cfg *cfg)
{
	return cfg->mix ? (enum upstream_way)rand_below(UP_WAYS)
			: cfg->upstream;
}

static char byte_at(size_t i)
{
	return (char)(i * 7 + i / 251);
}

static void lie(struct world_result *r, const char *what, size_t n)
{
	r->lies++;
	(void)snprintf(r->lie, sizeof(r->lie), "%s (%zu)", what, n);
}

/* Bytes of a connection, as they come. */
struct reader {
	struct io *io;
	struct buf in;
};

static int more(struct task *t, struct reader *r)
{
	size_t n;
	int rc = buf_reserve(&r->in, 4096);

	if (rc == 0)
		rc = io_read(t, r->io, r->in.ptr + r->in.len, 4096,
			     task_now(t) + 5000 * CLOCK_S, &n);
	if (rc < 0 || n == 0)
		return rc < 0 ? rc : -1;
	r->in.len += n;
	return 0;
}

/* The length of a head in the buffer, or -errno. */
static int head_of(struct task *t, struct reader *r, size_t *out)
{
	size_t scan = 0;
	int rc = 0;

	while ((*out = http_head_end(buf_str(&r->in), &scan)) == 0 && rc == 0)
		rc = more(t, r);
	return *out > 0 ? 0 : rc;
}

static size_t number_after(struct str text, struct str mark)
{
	struct str rest = str_drop(text, str_find(text, mark) + mark.len);
	int64_t n = 0;
	size_t len = 0;

	while (len < rest.len && rest.ptr[len] >= '0' && rest.ptr[len] <= '9')
		len++;
	(void)str_to_i64(str_take(rest, len), 0, INT32_MAX, &n);
	return (size_t)n;
}

static int check_bytes(struct world_result *result, struct str data, size_t at)
{
	for (size_t i = 0; i < data.len; i++) {
		if (data.ptr[i] == byte_at(at + i))
			continue;
		lie(result, "a wrong byte arrived", at + i);
		return -1;
	}
	return 0;
}

struct framing {
	bool chunked;
	size_t length; /* else */
	size_t stop;   /* bytes after which nobody reads on */
};

/* Read a body to its end, or its stop.  Returns 0 with *out, or != 0. */
static int take_body(struct task *t, struct reader *r, const struct framing *f,
		     struct world_result *result, size_t *out)
{
	struct chunk_decoder d = { 0 };
	int rc = 0;

	*out = 0;
	while (rc == 0 && *out < f->stop && (f->chunked || *out < f->length)) {
		struct str in = buf_str(&r->in), data;
		int what = CHUNK_DATA;

		if (f->chunked) {
			what = chunk_next(&d, &in, &data);
		} else {
			data = str_take(in, f->length - *out);
			in = str_drop(in, data.len);
		}
		if (what < 0)
			return -1;
		if (what == CHUNK_DATA && data.len > 0) {
			rc = check_bytes(result, data, *out);
			*out += data.len;
		}
		buf_drop(&r->in, r->in.len - in.len);
		if (what == CHUNK_END)
			break;
		if (rc == 0 && r->in.len == 0 &&
		    (f->chunked || *out < f->length))
			rc = more(t, r);
	}
	return rc;
}

static int say(struct task *t, struct io *io, int status, size_t n)
{
	char text[160], body[32];
	int len = snprintf(body, sizeof(body), "got %zu", n);
	struct str piece = { text, 0 };

	len = snprintf(text, sizeof(text),
		       "HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s", status,
		       len, body);
	piece.len = (size_t)len;
	return io_write(t, io, &piece, 1, task_now(t) + 60 * CLOCK_S);
}

/* One request at the upstream.  Returns 0 when another may follow. */
static int serve_one(struct task *t, struct reader *r, enum upstream_way way,
		     struct world_result *result)
{
	struct framing f = { .stop = SIZE_MAX };
	size_t head, want, got;
	int rc = head_of(t, r, &head);
	struct str text;

	if (rc != 0)
		return rc;
	text = str_take(buf_str(&r->in), head);
	want = number_after(text, STR("/files/"));
	f.length = number_after(text, STR("content-length: "));
	f.chunked =
		str_find(text, STR("transfer-encoding: chunked")) < text.len;
	buf_drop(&r->in, head);
	if (way != UP_GOOD && way != UP_CLOSE_AFTER_ANSWER)
		f.stop = (size_t)rand_below(BODY_MAX);
	rc = take_body(t, r, &f, result, &got);
	if (rc != 0)
		return rc;
	if (got < f.stop && got != want)
		lie(result, "another length arrived as if it were whole", got);
	if (way == UP_EARLY)
		return say(t, r->io, 413, got) != 0 || got != want;
	if (way == UP_STALL_BEFORE_HEAD || way == UP_STALL_MID_STREAM)
		return task_sleep(t, task_now(t) + 3600 * CLOCK_S) | 1;
	if (way == UP_RESET_BEFORE_ANSWER || way == UP_RESET_MID_EVENT)
		sim_reset(r->io);
	if (way != UP_GOOD && way != UP_CLOSE_AFTER_ANSWER)
		return -1;
	rc = say(t, r->io, 200, got);
	return way == UP_CLOSE_AFTER_ANSWER ? -1 : rc;
}

static void serve(struct task *t, const struct world_cfg *cfg, struct io *io,
		  struct world_result *result)
{
	struct reader r = { .io = io };

	buf_init(&r.in, 1 << 20);
	while (serve_one(t, &r, way_of(cfg), result) == 0)
		continue;
	buf_fini(&r.in);
}

static int send_piece(struct task *t, struct io *io, size_t at, size_t n,
		      bool chunked)
{
	char bytes[PIECE_MAX], head[CHUNK_HEAD_MAX];
	struct str pieces[] = { STR_NULL, { bytes, n }, STR_NULL };

	for (size_t i = 0; i < n; i++)
		bytes[i] = byte_at(at + i);
	if (chunked) {
		pieces[0] = chunk_head(n, head);
		pieces[2] = STR("\r\n");
	}
	return io_write(t, io, pieces, 3, task_now(t) + 900 * CLOCK_S);
}

static int send_head(struct task *t, struct io *io, size_t size, bool chunked)
{
	char text[300];
	struct str piece = { text, 0 };
	int n = snprintf(text, sizeof(text),
			 "POST /v1/passthrough/openai/files/%zu HTTP/1.1\r\n"
			 "host: q\r\n",
			 size);

	if (chunked) {
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "transfer-encoding: chunked\r\n\r\n");
	} else {
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "content-length: %zu\r\n\r\n", size);
	}
	piece.len = (size_t)n;
	return io_write(t, io, &piece, 1, task_now(t) + 60 * CLOCK_S);
}

/* Returns 0, 1 when this client hung up in the middle, or -errno. */
static int upload(struct task *t, const struct world_cfg *cfg, struct io *io,
		  size_t size, bool chunked)
{
	struct str last = CHUNK_LAST;
	size_t at = 0, n;
	int r = send_head(t, io, size, chunked);

	while (r == 0 && at < size) {
		n = 1 + (size_t)rand_below(PIECE_MAX - 1);
		n = n < size - at ? n : size - at;
		if (cfg->client == CLIENT_HANGS_UP && rand_below(10) == 0)
			return 1;
		if (cfg->client == CLIENT_SLOW && rand_below(4) == 0)
			r = task_sleep(t, task_now(t) + 2 * CLOCK_S);
		if (r == 0)
			r = send_piece(t, io, at, n, chunked);
		at += n;
	}
	if (r == 0 && chunked)
		r = io_write(t, io, &last, 1, task_now(t) + 60 * CLOCK_S);
	return r;
}

/* Returns 0 when the connection may be used again. */
static int hear(struct task *t, struct reader *r, size_t size,
		struct world_result *result)
{
	struct str all, body;
	size_t head, length;
	bool closes;
	int rc = head_of(t, r, &head);

	if (rc != 0) {
		result->failures++;
		return rc;
	}
	length = number_after(buf_str(&r->in), STR("content-length: "));
	while (rc == 0 && r->in.len < head + length)
		rc = more(t, r);
	all = buf_str(&r->in);
	body = str_drop(all, head);
	closes = str_find(all, STR("connection: close")) < all.len;
	if (rc != 0 || !str_starts(all, STR("HTTP/1.1 200")))
		result->failures++;
	else if (number_after(body, STR("got ")) == size)
		result->answers++;
	else
		lie(result, "an answer that is not the upstream's", size);
	buf_clear(&r->in);
	return rc != 0 || closes;
}

/* What the client could not send any more, its answer may still be there. */
static void visit(struct task *t, const struct world_cfg *cfg, struct io *io,
		  struct world_result *result)
{
	struct reader r = { .io = io };
	int rc = 0;

	buf_init(&r.in, 1 << 20);
	for (int i = 0; i < 3 && rc == 0; i++) {
		size_t size = (size_t)rand_below(BODY_MAX);

		rc = upload(t, cfg, io, size, rand_below(2) == 0);
		if (rc != 1)
			rc = hear(t, &r, size, result) | (rc != 0);
	}
	buf_fini(&r.in);
}

static const struct world_play play = { visit, serve };

static uint64_t seeds(void)
{
	int64_t n = 60;

	(void)str_to_i64(str_of(getenv("SIM_SEEDS")), 1, 100000000, &n);
	return (uint64_t)n;
}

static void run(const char *name, struct world_cfg cfg, unsigned least_answers)
{
	cfg.play = &play;
	for (uint64_t seed = 1; seed <= seeds(); seed++) {
		struct world_result r;

		cfg.seed = seed;
		r = world_run(&cfg);
		if (r.lies > 0 || r.streams_left > 0 ||
		    r.answers < least_answers) {
			fail_msg("%s, seed %llu: %u answers, %u failures, "
				 "%zu streams left, %u lies: %s",
				 name, (unsigned long long)seed, r.answers,
				 r.failures, r.streams_left, r.lies, r.lie);
		}
	}
}

static void all_is_well(void **state)
{
	(void)state;
	run("all is well", (struct world_cfg){ .clients = 3 }, 9);
	run("clients are slow",
	    (struct world_cfg){ .clients = 2, .client = CLIENT_SLOW }, 6);
}

static void clients_hang_up(void **state)
{
	(void)state;
	run("clients hang up",
	    (struct world_cfg){ .clients = 4, .client = CLIENT_HANGS_UP }, 0);
}

static void the_upstream_answers_early(void **state)
{
	(void)state;
	run("the upstream answers early",
	    (struct world_cfg){ .clients = 3, .upstream = UP_EARLY }, 0);
}

static void the_upstream_fails(void **state)
{
	static const enum upstream_way ways[] = {
		UP_RESET_MID_EVENT,
		UP_CUT_MID_EVENT,
		UP_STALL_BEFORE_HEAD,
		UP_CLOSE_AFTER_ANSWER,
	};

	(void)state;
	for (size_t i = 0; i < countof(ways); i++)
		run("the upstream fails",
		    (struct world_cfg){ .clients = 2, .upstream = ways[i] }, 0);
}

static void the_server_shuts_down(void **state)
{
	(void)state;
	run("the server shuts down",
	    (struct world_cfg){ .clients = 4, .shutdown = true }, 0);
}

static void everything_at_once(void **state)
{
	(void)state;
	run("everything at once",
	    (struct world_cfg){ .clients = 6, .mix = true, .reset_ppm = 200 },
	    0);
}

static int silence(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(clients_hang_up),
		cmocka_unit_test(the_upstream_answers_early),
		cmocka_unit_test(the_upstream_fails),
		cmocka_unit_test(the_server_shuts_down),
		cmocka_unit_test(everything_at_once),
	};

	return cmocka_run_group_tests_name("upload", tests, silence, NULL);
}
