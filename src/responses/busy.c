#include "responses/busy.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "base/map.h"

enum {
	BUCKETS = 256,
};

static const int64_t pause_first_ns = CLOCK_MS;
static const int64_t pause_last_ns = 50 * CLOCK_MS;

/* A bucket that was never used is all zero. */
static struct {
	pthread_mutex_t lock;
	struct list buckets[BUCKETS];
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool is_in(struct list *bucket, const struct busy *b)
{
	list_for_each(l, bucket) {
		const struct busy *other = list_entry(l, struct busy, link);

		if (str_eq(other->id, b->id) && str_eq(other->owner, b->owner))
			return true;
	}
	return false;
}

bool busy_try(struct busy *b, struct str owner, struct str id)
{
	struct list *bucket = &table.buckets[map_hash(0, id) % BUCKETS];

	assert(!b->is_held);
	b->owner = owner;
	b->id = id;
	pthread_mutex_lock(&table.lock);
	if (bucket->next == NULL)
		list_init(bucket);
	b->is_held = !is_in(bucket, b);
	if (b->is_held)
		list_add(bucket, &b->link);
	pthread_mutex_unlock(&table.lock);
	return b->is_held;
}

int busy_take(struct task *t, struct busy *b, struct str owner, struct str id,
	      int64_t deadline_ns)
{
	int64_t pause_ns = pause_first_ns;

	while (!busy_try(b, owner, id)) {
		if (task_now(t) >= deadline_ns)
			return BUSY_TAKEN;
		if (task_sleep(t, task_now(t) + pause_ns) < 0)
			return -ECANCELED;
		if (pause_ns < pause_last_ns)
			pause_ns *= 2;
	}
	return 0;
}

void busy_release(struct busy *b)
{
	if (!b->is_held)
		return;
	pthread_mutex_lock(&table.lock);
	list_drop(&b->link);
	pthread_mutex_unlock(&table.lock);
	b->is_held = false;
}

int busy_refuse(struct api_error *e, struct arena *a, struct str id)
{
	(void)api_fail(e, a, 409, "invalid_request_error", "conversation",
		       "Conversation '" STR_FMT
		       "' is busy: another turn or change of it is under way. "
		       "Try again in a few seconds.",
		       STR_ARG(id));
	e->code = STR("conversation_locked");
	e->with_detail = true;
	return API_FAIL;
}
