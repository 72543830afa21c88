/*
 * exchange - one request of a client carried to its upstream, with retries.
 *
 *	exchange_init(&x, worker, &target);
 *	x.request = ...;
 *	r = exchange_open(t, &x);
 *	if (r == 0)
 *		while ((r = exchange_read(t, &x, &data)) == 0 && data.len > 0)
 *			use(data);
 *	exchange_close(&x);
 *
 * Attempts that fail before the first byte of an answer are repeated as the
 * configuration allows: connection failures, 408, 409, 429 and 5xx.  While the
 * model has another target that may be asked, that is the next, at once; a
 * round of all of them is followed by an exponential pause with jitter, or what
 * Retry-After asks for.  A fault of the request (400, 404, 413, 422, a content
 * filter) is the answer.  A provider that answers by itself looks the same from
 * here.
 */
#ifndef CORE_EXCHANGE_H
#define CORE_EXCHANGE_H

#include "core/worker.h"

struct images;
struct edge;
struct source;
struct tracing;
struct usage;

struct exchange {
	/* Set by the caller. */
	struct worker *worker;
	const struct upstream *upstream; /* that is or was asked */
	struct provider_request request;
	struct arena *arena;
	struct edge *edge; /* what recordings do with it, or NULL */
	struct io *watch;  /* the client's connection, or NULL */
	/* Called after each tick_ns without a byte; != 0 gives up. */
	int64_t tick_ns; /* 0: never */
	int (*tick)(struct task *t, void *arg);
	void *tick_arg;
	/* For the attempts' spans; both may be NULL. */
	struct tracing *trace;
	const struct usage *usage;

	/* Set by exchange_open(). */
	const struct upstream *via;   /* upstream, as the client addressed it */
	const struct http_head *head; /* of the answer; NULL when local */
	int status;                   /* of the last attempt; 0: none came */
	unsigned attempts;
	struct str model; /* JSON text, of a fallback's answer; or "" */
	int64_t sent_ns;  /* of the last attempt */
	struct buf body;  /* of an error answer */
	struct api_error error;

	/* Private. */
	struct source *source;
	struct choice choice; /* no targets: there is only upstream */
	uint64_t spent;       /* targets that are not to be asked again */
	size_t index;         /* of the target that is or was asked */
	unsigned pauses;
	struct str key; /* of its breaker */
	struct breaker_attempt attempt;
	struct images *images; /* fetched for the upstream, or NULL */
};

enum {
	EXCHANGE_FAILED = API_FAIL, /* x->error says why */
	EXCHANGE_HUNG_UP = 2,       /* the client did, or tick gave up */
};

void exchange_init(struct exchange *x, struct worker *w,
		   const struct model_target *target);

/*
 * Returns 0 when a 2xx answer has begun, EXCHANGE_FAILED, EXCHANGE_HUNG_UP, or
 * -ECANCELED.  After EXCHANGE_FAILED with an answer of the upstream, head and
 * body are that answer's.
 */
must_check int exchange_open(struct task *t, struct exchange *x);

/*
 * An answer broke off, and nothing of it has been used: ask another target.
 * Returns as exchange_open(); EXCHANGE_FAILED, and x->error as it was, when
 * there is none.
 */
must_check int exchange_again(struct task *t, struct exchange *x);

/*
 * The next bytes of the answer's body; none is its end.  Returns as
 * exchange_open(), never both bytes and an error.
 */
must_check int exchange_read(struct task *t, struct exchange *x,
			     struct str *data);

void exchange_close(struct exchange *x);

/*
 * For who makes the one attempt by itself: count it, and its status if there
 * is one; and fill x->error for an upstream that did not answer, which is
 * EXCHANGE_FAILED.
 */
void exchange_count(struct exchange *x);
int exchange_no_answer(struct exchange *x, int r, enum client_stage stage);

#endif
