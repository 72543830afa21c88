/*
 * scribe - the thread that writes what producers hand over.
 *
 * Private to store/.  It sleeps while there is nothing, waits up to group_ns for
 * more once there is something, and commits up to SCRIBE_GROUP_MAX rows at once.
 * Whoever flushes makes it hurry.  A group that fails is kept and tried again,
 * first after 50 ms and then after up to a second: the rings fill up meanwhile,
 * which is what tells the producers.
 */
#ifndef STORE_SCRIBE_H
#define STORE_SCRIBE_H

#include "store/database.h"

enum {
	SCRIBE_GROUP_MAX = 500
};

struct scribe;

/* cfg has no defaults left.  Returns 0 or -errno of the thread. */
must_check int scribe_start(const struct store_cfg *cfg, struct database *db,
			    struct scribe **out);

/* Drains until the deadline and joins.  Returns the rows that were lost. */
uint64_t scribe_stop(struct scribe *s, int64_t deadline_ns);

/* What is handed over: a completion, or ops. */
struct scribe_item {
	const struct store_completion *c;
	const struct store_op *ops;
	size_t count;
};

/* As store_put(), store_put_wait(), store_post(), store_flush(). */
must_check int scribe_put(struct scribe *s, unsigned producer,
			  const struct scribe_item *item);
must_check int scribe_put_wait(struct scribe *s, unsigned producer,
			       const struct scribe_item *item,
			       int64_t deadline_ns);
must_check int scribe_flush(struct scribe *s, int64_t deadline_ns);

/* Is anything handed over that is not committed? */
bool scribe_is_behind(const struct scribe *s);

/* Could anything of that id or parent be among it?  False only if not. */
bool scribe_may_have(const struct scribe *s, struct str owner, struct str id);

void scribe_counts(struct scribe *s, struct store_counts *out);

#endif
