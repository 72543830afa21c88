#include "core/player.h"

#include "base/clock.h"
#include "base/err.h"

#include <errno.h>

#define HOLD_POLL_NS (10 * CLOCK_MS)
#define HOLD_MAX_NS  (600 * CLOCK_S)

enum {
	HEAD_BYTES_MAX = 64 * 1024
};

struct player {
	struct source base;
	struct exchange *x;
	struct player_cfg cfg;
	struct http_head head;
	struct script script;
	struct str body; /* instead of the script's: of an injected status */
	bool is_status;
};

static int hold(struct task *t, const struct player *p)
{
	int64_t give_up = task_now(t) + HOLD_MAX_NS;
	int r = 0;

	while (r == 0 && !p->cfg.released(p->cfg.arg) && task_now(t) < give_up)
		r = source_wait(t, p->x, task_now(t) + HOLD_POLL_NS);
	return r;
}

static int ended(enum script_end end)
{
	switch (end) {
	case SCRIPT_CUT:
		return err_new(-EPROTO, "recorded: closed in the middle");
	case SCRIPT_RESET:
		return err_new(-ECONNRESET, "recorded: reset by the upstream");
	case SCRIPT_TIMEOUT:
		return err_new(-ETIMEDOUT, "recorded: nothing more came");
	case SCRIPT_EOF:
		break;
	}
	return 0;
}

static int player_read(struct task *t, struct source *s, struct str *data)
{
	struct player *p = (struct player *)(void *)s;
	struct script_step step;
	int r = 0;

	*data = STR_NULL;
	if (p->is_status) {
		*data = p->body;
		p->body = STR_NULL;
		return 0;
	}
	do {
		if (!script_next(&p->script, &step))
			return ended(p->script.end);
		if (step.hold)
			r = hold(t, p);
		if (r == 0 && step.wait_ns > 0)
			r = source_wait(t, p->x, task_now(t) + step.wait_ns);
	} while (r == 0 && step.bytes.len == 0);
	if (r == 0)
		*data = step.bytes;
	return r;
}

static void player_close(struct source *s)
{
	struct player *p = (struct player *)(void *)s;

	p->cfg.done(p->cfg.arg);
}

static const struct source_type player_type = { player_read, player_close };

/* A head as if it had come over the network. */
static int make_head(struct player *p, int status,
		     const struct http_header *headers, size_t count)
{
	struct arena *a = p->x->arena;
	struct http_fault fault;
	struct buf text;
	int r;

	buf_init(&text, HEAD_BYTES_MAX);
	r = buf_printf(&text, "HTTP/1.1 %d \r\n", status);
	for (size_t i = 0; i < count && r == 0; i++) {
		r = buf_printf(&text, STR_FMT ": " STR_FMT "\r\n",
			       STR_ARG(headers[i].name),
			       STR_ARG(headers[i].value));
	}
	if (r == 0)
		r = buf_add(&text, STR("\r\n"));
	if (r == 0 &&
	    http_parse_response(arena_str(a, buf_str(&text)), STR("POST"), a,
				&p->head, &fault) != 0)
		r = -EINVAL;
	buf_fini(&text);
	if (r != 0)
		return err_new(-EPROTO, "the recording's headers are not HTTP");
	p->base.head = &p->head;
	return 0;
}

static int fail(enum recording_fail why, enum client_stage *stage)
{
	static const struct {
		int code;
		enum client_stage stage;
		const char *text;
	} fails[] = {
		[RECORDING_REFUSED] = { -ECONNREFUSED, CLIENT_CONNECT,
					"recorded: connection refused" },
		[RECORDING_DNS] = { -ENOENT, CLIENT_DNS,
				    "recorded: no such name" },
		[RECORDING_TLS] = { -EPROTO, CLIENT_TLS,
				    "recorded: TLS failed" },
		[RECORDING_TIMEOUT] = { -ETIMEDOUT, CLIENT_FIRST_BYTE,
					"recorded: no answer in time" },
		[RECORDING_RESET] = { -ECONNRESET, CLIENT_FIRST_BYTE,
				      "recorded: reset before an answer" },
	};

	*stage = fails[why].stage;
	return err_new(fails[why].code, "%s", fails[why].text);
}

static int open_status(struct player *p, const struct fault_item *f)
{
	struct arena *a = p->x->arena;
	struct http_header headers[2] = {
		{ .name = STR("content-type"),
		  .value = STR("application/json") },
		{ .name = STR("retry-after") },
	};

	if (f->retry_after >= 0) {
		headers[1].value =
			arena_printf(a, "%lld", (long long)f->retry_after);
	}
	p->is_status = true;
	p->body = arena_printf(a,
			       "{\"error\":{\"message\":\"Injected fault.\","
			       "\"type\":\"%s\",\"param\":null,\"code\":"
			       "\"injected_fault\"}}",
			       f->status == 429 ? "rate_limit_error"
						: "upstream_error");
	return make_head(p, f->status, headers, f->retry_after >= 0 ? 2 : 1);
}

int player_open(struct task *t, struct exchange *x,
		const struct player_cfg *cfg, struct source **out,
		enum client_stage *stage)
{
	const struct recording *r = cfg->recording;
	const struct playback *pb = &x->edge->playback;
	const struct fault_item *f =
		fault_find(&pb->faults, FAULT_STATUS, cfg->occurrence);
	struct player *p = arena_zalloc(x->arena, sizeof(*p));
	int rc;

	p->base.type = &player_type;
	p->x = x;
	p->cfg = *cfg;
	x->sent_ns = task_now(t);
	*stage = CLIENT_HEAD;
	if (f != NULL) {
		rc = open_status(p, f);
	} else if (r->response.fail != RECORDING_ANSWERED) {
		rc = fail(r->response.fail, stage);
	} else {
		rc = make_head(p, r->response.status, r->response.headers,
			       r->response.header_count);
		script_init(&p->script, r, pb, cfg->occurrence, x->arena);
	}
	if (rc != 0)
		cfg->done(cfg->arg);
	else
		*out = &p->base;
	return rc;
}
