#include "core/exchange.h"

#include "base/log.h"
#include "base/rand.h"
#include "core/credentials.h"
#include "core/edge.h"
#include "core/images.h"
#include "core/library.h"
#include "core/source.h"
#include "core/tracing.h"

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
		.via = target->upstream,
		.key = target->key,
		.request = { .model = target->upstream_id },
		.choice = { target->targets, target->target_count, 0 },
	};
	buf_init(&x->body, ERROR_BODY_MAX);
}

static void drop_source(struct exchange *x)
{
	if (x->source != NULL)
		x->source->type->close(x->source);
	x->source = NULL;
	x->head = NULL;
}

void exchange_close(struct exchange *x)
{
	/* Of the one that answered. */
	tracing_attempt_end(x->trace, x, x->error.code);
	drop_source(x);
	if (x->attempt.probe) {
		breaker_end(&x->worker->breakers, x->key, 0, &x->attempt,
			    BREAKER_NONE);
	}
	images_drop(x);
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

void exchange_count(struct exchange *x)
{
	x->attempts++;
	count_attempt(x);
	if (x->status >= 400)
		count_error(x, error_of_status(x->status));
}

/* Say in x->error that the upstream did not answer. */
int exchange_no_answer(struct exchange *x, int r, enum client_stage stage)
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
	return exchange_no_answer(x, r, stage);
}

/*
 * What a failed attempt means.  A fault of the request is the same everywhere;
 * what the target could not do, another may.
 */
enum fault {
	FAULT_REQUEST, /* told to the client at once */
	FAULT_TARGET,  /* asking it again would not help */
	FAULT_MOMENT,  /* asking it again may help */
	FAULT_KEY,     /* its key was renewed: asking it again will help */
};

static bool is_moment(const struct http_head *head)
{
	struct str should = http_value(head, HTTP_X_SHOULD_RETRY);

	if (str_eq(should, STR("true")))
		return true;
	if (str_eq(should, STR("false")))
		return false;
	return head->status == 408 || head->status == 409 ||
	       head->status == 429 || head->status >= 500;
}

/* Some moderate before they answer, and say so with 403 or even 5xx. */
static bool is_filtered(const struct api_error *e)
{
	static const struct str words[] = {
		STR_INIT("content_filter"),
		STR_INIT("content_policy"),
		STR_INIT("moderation"),
	};

	for (size_t i = 0; i < countof(words); i++) {
		if (str_find(e->code, words[i]) < e->code.len ||
		    str_find(e->type, words[i]) < e->type.len)
			return true;
	}
	return false;
}

/* Of an answer's status, or of the error in an answer with status 200. */
static enum fault fault_of_error(const struct exchange *x, int status)
{
	bool own_key = x->request.key.len > 0;

	if (is_filtered(&x->error))
		return FAULT_REQUEST;
	/* Who has brought the key is told that it is refused. */
	if (status >= 401 && status <= 403)
		return own_key ? FAULT_REQUEST : FAULT_TARGET;
	if (status < 400 || status >= 500 || status == 408 || status == 409 ||
	    status == 429)
		return FAULT_TARGET;
	return FAULT_REQUEST;
}

static enum fault fault_of_answer(const struct exchange *x)
{
	enum fault fault = fault_of_error(x, x->status);

	return is_moment(x->head) && !is_filtered(&x->error) ? FAULT_MOMENT
							     : fault;
}

/* No request could be made of it: for want of a key, or for what it says. */
static enum fault fault_of_encoding(const struct exchange *x)
{
	bool is_miss = str_eq(x->error.code, STR(LIBRARY_MISS));

	return x->error.param.len > 0 || is_miss ? FAULT_REQUEST : FAULT_TARGET;
}

/*
 * A failure to connect, or a connection that died before any byte came; but
 * what timed out after it was sent may still be at work (and be billed).
 */
static enum fault fault_of_failure(int r, enum client_stage stage)
{
	if (stage == CLIENT_HEAD || stage == CLIENT_BODY)
		return FAULT_TARGET;
	if (stage == CLIENT_FIRST_BYTE && r == -ETIMEDOUT)
		return FAULT_TARGET;
	return FAULT_MOMENT;
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

/* An exponential pause with jitter: three quarters to all of it. */
static int64_t backoff(const struct exchange *x)
{
	int64_t pause = BACKOFF_FIRST_NS;

	for (unsigned i = 0; i < x->pauses && pause < BACKOFF_MAX_NS; i++)
		pause *= 2;
	return pause - (int64_t)rand_below((uint64_t)pause / 4);
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

static int refused(struct task *t, struct exchange *x, enum fault *fault)
{
	int r;

	count_error(x, error_of_status(x->status));
	r = read_error_body(t, x);
	if (r != 0)
		return outcome(x, r, CLIENT_BODY);
	provider_map_error(&x->via->provider, x->status, buf_str(&x->body),
			   x->arena, &x->error);
	credentials_hide(x);
	*fault = fault_of_answer(x);
	return EXCHANGE_FAILED;
}

/* A breaker may have opened or closed: tell the provider's counters. */
static void count_breakers(const struct exchange *x,
			   const struct breakers *before)
{
	const struct breakers *now = &x->worker->breakers;
	struct metrics_provider *p;

	if (now->opened == before->opened && now->open == before->open)
		return;
	p = counters(x);
	counter_add(&p->breakers_opened, now->opened - before->opened);
	counter_add(&p->breakers_open, now->open - before->open);
}

/* Tell the breaker how the attempt went. */
static __attribute__((noinline)) void report(struct task *t, struct exchange *x,
					     enum breaker_sign sign)
{
	struct breakers before = x->worker->breakers;

	/*
	 * What a client's own server does says nothing of the target, and a
	 * recording nothing of today.
	 */
	if (x->via != x->upstream || edge_is_played(x->edge))
		sign = BREAKER_NONE;
	breaker_end(&x->worker->breakers, x->key, task_now(t), &x->attempt,
		    sign);
	count_breakers(x, &before);
}

static void report_refusal(struct task *t, struct exchange *x, enum fault fault)
{
	int64_t asked = retry_after(x->head);
	/* Limits of a client's own key are not others' business. */
	bool is_own = x->request.key.len > 0 && x->status < 500;
	struct breakers before;

	report(t, x,
	       is_own                   ? BREAKER_NONE
	       : fault == FAULT_REQUEST ? BREAKER_GOOD
					: BREAKER_BAD);
	is_own = is_own || edge_is_played(x->edge);
	if (asked > 0 && !is_own && x->via == x->upstream &&
	    (x->status == 429 || x->status == 503)) {
		before = x->worker->breakers;
		breaker_pause(&x->worker->breakers, x->key, task_now(t), asked);
		count_breakers(x, &before);
	}
}

/*
 * It answered, but not with 2xx.  Returns as exchange_open().  Out of line, as
 * what else is rare: a stream begins on one page of stack, and stays there.
 */
static __attribute__((noinline)) int
not_good(struct task *t, struct exchange *x, enum fault *fault)
{
	bool renewed = (x->status == 401 || x->status == 403) &&
		       credentials_renew(t, x);
	int r = refused(t, x, fault);

	if (r != EXCHANGE_FAILED)
		return r;
	report_refusal(t, x, *fault);
	if (renewed)
		*fault = FAULT_KEY;
	return r;
}

static __attribute__((noinline)) int no_answer(struct task *t,
					       struct exchange *x, int r,
					       enum client_stage stage,
					       enum fault *fault)
{
	*fault = r == SOURCE_REFUSED ? fault_of_encoding(x)
				     : fault_of_failure(r, stage);
	report(t, x,
	       r < 0 && r != -ECANCELED ? BREAKER_UNREACHABLE : BREAKER_NONE);
	return outcome(x, r, stage);
}

/* One attempt.  Returns as exchange_open(), with *fault if it failed. */
static int attempt(struct task *t, struct exchange *x, enum fault *fault)
{
	enum client_stage stage = CLIENT_CONNECT;
	int r;

	*fault = FAULT_TARGET;
	x->attempts++;
	x->status = 0;
	x->head = NULL;
	buf_clear(&x->body);
	x->via = x->upstream;
	x->error = (struct api_error){ 0 };
	x->request.wall_ns = task_wall(t);
	task_note(t, "asking provider", x->upstream->provider.id);
	breaker_begin(&x->worker->breakers, x->key, task_now(t), &x->attempt);
	r = source_open(t, x, &x->source, &stage);
	if (r != SOURCE_REFUSED)
		count_attempt(x);
	if (r != 0)
		return no_answer(t, x, r, stage, fault);
	x->head = x->source->head;
	x->status = x->head != NULL ? x->head->status : 200;
	if (x->status >= 200 && x->status < 300) {
		report(t, x, BREAKER_GOOD);
		return 0;
	}
	return not_good(t, x, fault);
}

static void note_failure(const struct exchange *x, const char *next)
{
	/* A key that is refused is for the operator to mend. */
	enum log_level level =
		x->status >= 401 && x->status <= 403 ? LOG_WARN : LOG_INFO;

	log_at(level,
	       "provider=" STR_FMT " attempt=%u status=%d " STR_FMT " %s",
	       STR_ARG(x->upstream->provider.id), x->attempts, x->status,
	       STR_ARG(str_take(x->error.message, 300)), next);
}

static void aim(struct exchange *x, size_t index)
{
	const struct target *target = &x->choice.targets[index];

	x->index = index;
	x->upstream = target->upstream;
	x->request.model = target->upstream_id;
	x->key = target->key;
	x->model = target->model;
}

/* Aim at another target that may be asked at once, if there is one. */
static bool aim_elsewhere(struct task *t, struct exchange *x, bool again)
{
	size_t next;

	if (x->choice.count == 0)
		return false;
	x->choice.tried |= UINT64_C(1) << x->index;
	if (!again)
		x->spent |= UINT64_C(1) << x->index;
	next = choice_next(&x->choice, &x->worker->breakers, task_now(t));
	if (next == x->choice.count)
		return false;
	note_failure(x, "another target is asked");
	aim(x, next);
	return true;
}

/*
 * The first target: when all have open breakers, the one that may be asked the
 * soonest, for a breaker is never to make things worse.
 */
static void aim_first(struct task *t, struct exchange *x)
{
	size_t first =
		choice_next(&x->choice, &x->worker->breakers, task_now(t));

	if (first == x->choice.count)
		first = choice_soonest(&x->choice, &x->worker->breakers);
	aim(x, first);
}

/* Aim for a further round, after a pause: its length, or -1 for none. */
static int64_t aim_again(struct task *t, struct exchange *x)
{
	const struct config *cfg = x->worker->catalog->registry->config;
	int64_t pause = backoff(x), due;
	size_t next;

	x->choice.tried = x->spent;
	next = choice_next(&x->choice, &x->worker->breakers,
			   task_now(t) + pause);
	if (next == x->choice.count) {
		next = choice_soonest(&x->choice, &x->worker->breakers);
		if (next == x->choice.count)
			return -1;
		due = breaker_due(breaker_find(&x->worker->breakers,
					       x->choice.targets[next].key));
		if (due - task_now(t) > cfg->retry_after_max_ns)
			return -1;
		pause = due - task_now(t);
	}
	note_failure(x, "a further round follows");
	aim(x, next);
	return pause;
}

/* How long to pause before asking the same target again, or -1. */
static int64_t pause_for_same(const struct exchange *x, enum fault fault)
{
	const struct config *cfg = x->worker->catalog->registry->config;
	int64_t asked = x->head != NULL ? retry_after(x->head) : -1;

	if (fault != FAULT_MOMENT || asked > cfg->retry_after_max_ns)
		return -1;
	note_failure(x, "it is asked again after a pause");
	return asked >= 0 ? asked : backoff(x);
}

/*
 * After a failure: another target at once, or a pause and a further round.
 * Returns 0 to go on, EXCHANGE_FAILED when there is nothing to do any more, or
 * as exchange_open().
 */
static __attribute__((noinline)) int go_on(struct task *t, struct exchange *x,
					   enum fault fault)
{
	const struct config *cfg = x->worker->catalog->registry->config;
	int64_t pause_ns;
	int r;

	if (fault == FAULT_REQUEST)
		return EXCHANGE_FAILED;
	if (fault == FAULT_KEY || aim_elsewhere(t, x, fault == FAULT_MOMENT)) {
		drop_source(x);
		return 0;
	}
	if (x->pauses >= cfg->retries)
		return EXCHANGE_FAILED;
	pause_ns = x->choice.count > 0 ? aim_again(t, x)
				       : pause_for_same(x, fault);
	if (pause_ns < 0)
		return EXCHANGE_FAILED;
	x->pauses++;
	drop_source(x);
	/* Nobody has to recover from what was recorded. */
	if (edge_is_played(x->edge))
		pause_ns = 0;
	r = source_wait(t, x, task_now(t) + pause_ns);
	return r != 0 ? outcome(x, r, CLIENT_CONNECT) : 0;
}

/* Its span is over: it failed. */
static __attribute__((noinline)) void end_attempt(struct exchange *x, int r)
{
	struct str why = x->error.code;

	if (x->trace == NULL)
		return;
	if (r == EXCHANGE_HUNG_UP)
		why = STR("client_hung_up");
	else if (r == -ECANCELED)
		why = STR("cancelled");
	else if (x->status >= 300)
		why = arena_printf(x->arena, "%d", x->status);
	tracing_attempt_end(x->trace, x, why);
}

static int run(struct task *t, struct exchange *x)
{
	enum fault fault;
	int r;

	do {
		tracing_attempt(x->trace);
		r = attempt(t, x, &fault);
		if (r != 0)
			end_attempt(x, r);
		if (r == EXCHANGE_FAILED)
			r = go_on(t, x, fault);
		else
			return r;
	} while (r == 0);
	return r;
}

int exchange_open(struct task *t, struct exchange *x)
{
	if (x->choice.count > 0)
		aim_first(t, x);
	return run(t, x);
}

int exchange_again(struct task *t, struct exchange *x)
{
	if (fault_of_error(x, x->error.status) == FAULT_REQUEST ||
	    !aim_elsewhere(t, x, false))
		return EXCHANGE_FAILED;
	end_attempt(x, EXCHANGE_FAILED);
	drop_source(x);
	return run(t, x);
}

int exchange_read(struct task *t, struct exchange *x, struct str *data)
{
	int r = x->source->type->read(t, x->source, data);

	if (r == 0)
		return 0;
	r = outcome(x, r, CLIENT_BODY);
	if (r == EXCHANGE_FAILED)
		report(t, x, BREAKER_UNREACHABLE);
	end_attempt(x, r);
	return r;
}
