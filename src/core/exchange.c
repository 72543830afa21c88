#include "core/exchange.h"

#include "base/log.h"
#include "base/rand.h"
#include "core/credentials.h"
#include "core/source.h"

#include <assert.h>
#include <errno.h>

enum {
	ERROR_BODY_MAX = 1 << 20
};

#define BACKOFF_FIRST_NS (500 * CLOCK_MS)
#define BACKOFF_MAX_NS   (8 * CLOCK_S)

void exchange_init(struct exchange *x, struct worker *w,
		   const struct model_target *target)
{
	*x = (struct exchange){
		.worker = w,
		.upstream = target->upstream,
		.request = { .model = target->upstream_id },
	};
	buf_init(&x->body, ERROR_BODY_MAX);
}

static void drop_source(struct exchange *x)
{
	if (x->source != NULL)
		x->source->type->close(x->source);
	x->source = NULL;
}

void exchange_close(struct exchange *x)
{
	drop_source(x);
	buf_fini(&x->body);
}

static struct metrics_provider *counters(const struct exchange *x)
{
	return metrics_provider(x->worker->metrics, x->upstream->provider.id);
}

static void count_error(const struct exchange *x, enum metrics_error e)
{
	counter_add(&counters(x)->errors[e], 1);
}

static enum metrics_error error_of_status(int status)
{
	if (status == 429)
		return METRICS_HTTP_429;
	if (status >= 500)
		return METRICS_HTTP_5XX;
	return status >= 400 ? METRICS_HTTP_4XX : METRICS_ERROR_OTHER;
}

static void count_attempt(const struct exchange *x)
{
	struct metrics_provider *p = counters(x);

	counter_add(&p->attempts, 1);
	if (x->attempts > 1)
		counter_add(&p->retries, 1);
}

/* Say in x->error that the upstream did not answer. */
static int no_answer(struct exchange *x, int r, enum client_stage stage)
{
	static const enum metrics_error counts[] = {
		[CLIENT_DNS] = METRICS_DNS,
		[CLIENT_CONNECT] = METRICS_CONNECT,
		[CLIENT_PROXY] = METRICS_PROXY,
		[CLIENT_TLS] = METRICS_TLS,
		[CLIENT_WRITE] = METRICS_WRITE,
		[CLIENT_FIRST_BYTE] = METRICS_NO_ANSWER,
		[CLIENT_HEAD] = METRICS_BAD_ANSWER,
		[CLIENT_BODY] = METRICS_CUT,
	};
	static const struct {
		const char *code, *text;
	} stages[] = {
		[CLIENT_DNS] = { "upstream_dns", "its name was not found" },
		[CLIENT_CONNECT] = { "upstream_connect",
				     "it could not be reached" },
		[CLIENT_PROXY] = { "upstream_proxy",
				   "the proxy did not let it through" },
		[CLIENT_TLS] = { "upstream_tls", "TLS failed" },
		[CLIENT_WRITE] = { "upstream_write",
				   "the request could not be sent" },
		[CLIENT_FIRST_BYTE] = { "upstream_no_answer",
					"it did not answer" },
		[CLIENT_HEAD] = { "upstream_bad_answer",
				  "it answered with something that is not "
				  "HTTP" },
		[CLIENT_BODY] = { "upstream_cut", "its answer was cut short" },
	};
	bool late = r == -ETIMEDOUT;

	count_error(x, late ? METRICS_TIMEOUT : counts[stage]);
	(void)api_fail(&x->error, x->arena, late ? 504 : 502, "upstream_error",
		       NULL,
		       "Provider '" STR_FMT "' failed: %s (" STR_FMT
		       "). Tried %u time%s.",
		       STR_ARG(x->upstream->provider.id),
		       late ? "it took too long" : stages[stage].text,
		       STR_ARG(err_text()), x->attempts,
		       x->attempts == 1 ? "" : "s");
	x->error.code =
		late ? STR("upstream_timeout") : str_of(stages[stage].code);
	return EXCHANGE_FAILED;
}

static int outcome(struct exchange *x, int r, enum client_stage stage)
{
	if (r == CLIENT_HUNG_UP || r == CLIENT_TICK_END)
		return EXCHANGE_HUNG_UP;
	if (r == -ECANCELED || r == SOURCE_REFUSED)
		return r == -ECANCELED ? r : EXCHANGE_FAILED;
	return no_answer(x, r, stage);
}

static bool is_retriable_status(const struct http_head *head)
{
	struct str should = http_value(head, HTTP_X_SHOULD_RETRY);

	if (str_eq(should, STR("true")))
		return true;
	if (str_eq(should, STR("false")))
		return false;
	return head->status == 408 || head->status == 409 ||
	       head->status == 429 || head->status >= 500;
}

/*
 * A failure to connect, or a connection that died before any byte came; but
 * what timed out after it was sent may still be at work (and be billed).
 */
static bool is_retriable_failure(int r, enum client_stage stage)
{
	if (r >= 0 || r == -ECANCELED)
		return false;
	if (stage == CLIENT_HEAD || stage == CLIENT_BODY)
		return false;
	return stage != CLIENT_FIRST_BYTE || r != -ETIMEDOUT;
}

/* What the upstream asks to wait, or -1; seconds only, dates are rare. */
static int64_t retry_after(const struct http_head *head)
{
	int64_t n;

	if (str_to_i64(http_value(head, HTTP_RETRY_AFTER_MS), 0, INT32_MAX, &n))
		return n * CLOCK_MS;
	if (str_to_i64(http_value(head, HTTP_RETRY_AFTER), 0, INT32_MAX, &n))
		return n * CLOCK_S;
	return -1;
}

/*
 * How long to pause before the next attempt, or -1 for none: head is the
 * answer's, or NULL.
 */
static int64_t pause_before_retry(const struct exchange *x,
				  const struct http_head *head)
{
	const struct config *cfg = x->worker->catalog->registry->config;
	int64_t asked = head != NULL ? retry_after(head) : -1;
	int64_t pause = BACKOFF_FIRST_NS;

	if (x->attempts > cfg->retries)
		return -1;
	if (asked >= 0)
		return asked <= cfg->retry_after_max_ns ? asked : -1;
	for (unsigned i = 1; i < x->attempts && pause < BACKOFF_MAX_NS; i++)
		pause *= 2;
	/* Jitter: three quarters to all of it. */
	return pause - (int64_t)rand_below((uint64_t)pause / 4);
}

/* Pause, watching the client. */
static int wait_pause(struct task *t, struct exchange *x, int64_t pause_ns)
{
	struct io_wait hang_up = { .io = x->watch, .events = IO_HUNG_UP };
	int64_t end = task_now(t) + pause_ns;
	int r;

	while (task_now(t) < end) {
		int64_t until = end;

		if (x->tick_ns > 0 && task_now(t) + x->tick_ns < end)
			until = task_now(t) + x->tick_ns;
		r = x->watch != NULL ? io_wait_any(t, &hang_up, 1, until)
				     : task_sleep(t, until);
		if (r == 0 && x->watch != NULL)
			return CLIENT_HUNG_UP;
		if (r < 0 && r != -ETIMEDOUT)
			return r;
		if (until < end && x->tick(t, x->tick_arg) != 0)
			return CLIENT_TICK_END;
	}
	return 0;
}

/* Keep an error answer whole; a part of it when it is endless. */
static int read_error_body(struct task *t, struct exchange *x)
{
	struct str data;
	int r;

	buf_clear(&x->body);
	while ((r = x->source->type->read(t, x->source, &data)) == 0 &&
	       data.len > 0) {
		if (buf_add(&x->body, data) < 0)
			return 0;
	}
	return r > 0 || r == -ECANCELED ? r : 0;
}

static int refused(struct task *t, struct exchange *x)
{
	int r;

	count_error(x, error_of_status(x->status));
	r = read_error_body(t, x);
	if (r != 0)
		return outcome(x, r, CLIENT_BODY);
	provider_map_error(&x->upstream->provider, x->status, buf_str(&x->body),
			   x->arena, &x->error);
	credentials_hide(x);
	return EXCHANGE_FAILED;
}

/*
 * One attempt.  Returns as exchange_open(), with *pause_ns >= 0 when another
 * attempt may follow.
 */
static int attempt(struct task *t, struct exchange *x, int64_t *pause_ns)
{
	enum client_stage stage = CLIENT_CONNECT;
	int r;

	*pause_ns = -1;
	x->attempts++;
	x->status = 0;
	x->head = NULL;
	x->request.wall_ns = task_wall(t);
	r = source_open(t, x, &x->source, &stage);
	if (r != SOURCE_REFUSED)
		count_attempt(x);
	if (r != 0) {
		if (is_retriable_failure(r, stage))
			*pause_ns = pause_before_retry(x, NULL);
		return outcome(x, r, stage);
	}
	x->head = x->source->head;
	x->status = x->head != NULL ? x->head->status : 200;
	if (x->status >= 200 && x->status < 300)
		return 0;
	if (is_retriable_status(x->head))
		*pause_ns = pause_before_retry(x, x->head);
	else if ((x->status == 401 || x->status == 403) &&
		 credentials_renew(t, x))
		*pause_ns = 0;
	return refused(t, x);
}

int exchange_open(struct task *t, struct exchange *x)
{
	int64_t pause_ns;
	int r;

	task_note(t, "asking provider", x->upstream->provider.id);
	for (;;) {
		r = attempt(t, x, &pause_ns);
		if (r != EXCHANGE_FAILED || pause_ns < 0)
			return r;
		log_info("provider=" STR_FMT " attempt=%u status=%d " STR_FMT
			 " retry_in_ms=%lld",
			 STR_ARG(x->upstream->provider.id), x->attempts,
			 x->status, STR_ARG(str_take(x->error.message, 300)),
			 (long long)(pause_ns / CLOCK_MS));
		drop_source(x);
		r = wait_pause(t, x, pause_ns);
		if (r != 0)
			return outcome(x, r, CLIENT_CONNECT);
	}
}

int exchange_read(struct task *t, struct exchange *x, struct str *data)
{
	int r = x->source->type->read(t, x->source, data);

	return r == 0 ? 0 : outcome(x, r, CLIENT_BODY);
}
