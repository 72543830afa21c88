#include "core/breaker.h"

#include "base/buf.h"
#include "base/log.h"

#include <stdlib.h>

static void drop(struct breakers *all, struct breaker *b)
{
	(void)map_drop(&all->by_key, b->key);
	free(b);
}

void breaker_clear(struct breakers *all)
{
	const struct map_entry *e;
	size_t at = 0;

	while ((e = map_next(&all->by_key, &at)) != NULL)
		free(e->value);
	map_fini(&all->by_key);
	all->by_key = (struct map){ 0 };
	all->open = 0;
}

void breaker_fini(struct breakers *all)
{
	breaker_clear(all);
}

struct breaker *breaker_find(const struct breakers *all, struct str key)
{
	return all->by_key.len > 0 ? map_get(&all->by_key, key) : NULL;
}

/* Make room: the first that is closed and not in use goes. */
static bool make_room(struct breakers *all)
{
	const struct map_entry *e;
	size_t at = 0;

	if (all->by_key.len < BREAKERS_MAX)
		return true;
	while ((e = map_next(&all->by_key, &at)) != NULL) {
		struct breaker *b = e->value;

		if (b->open || b->probes > 0)
			continue;
		drop(all, b);
		return true;
	}
	return false;
}

/* Find or make one; NULL when there are too many. */
static struct breaker *get(struct breakers *all, struct str key, int64_t now_ns)
{
	struct breaker *b = breaker_find(all, key);
	char *copy;

	if (b != NULL || key.len == 0 || !make_room(all))
		return b;
	b = xcalloc(1, sizeof(*b) + key.len);
	copy = (char *)(b + 1);
	if (key.len > 0)
		memcpy(copy, key.ptr, key.len);
	b->key = (struct str){ copy, key.len };
	b->window_ns = now_ns;
	(void)map_put(&all->by_key, b->key, b);
	return b;
}

bool breaker_admits(const struct breaker *b, int64_t now_ns)
{
	return b == NULL || !b->open ||
	       (now_ns >= b->until_ns && b->probes < BREAKER_PROBES_MAX);
}

int64_t breaker_due(const struct breaker *b)
{
	return b != NULL && b->open ? b->until_ns : INT64_MIN;
}

const char *breaker_state(const struct breaker *b, int64_t now_ns)
{
	if (b == NULL || !b->open)
		return "closed";
	return now_ns >= b->until_ns ? "half_open" : "open";
}

void breaker_begin(struct breakers *all, struct str key, int64_t now_ns,
		   struct breaker_attempt *out)
{
	struct breaker *b = breaker_find(all, key);

	*out = (struct breaker_attempt){ .began_ns = now_ns };
	if (b == NULL || !b->open || now_ns < b->until_ns)
		return;
	out->probe = true;
	b->probes++;
}

static void start_window(struct breaker *b, int64_t now_ns)
{
	b->window_ns = now_ns;
	b->good = 0;
	b->bad = 0;
}

/* Twice as long each time, unless it was well for as long as it was not. */
static int64_t next_pause(const struct breaker *b, int64_t now_ns)
{
	int64_t pause = 2 * b->pause_ns;

	if (b->pause_ns == 0 ||
	    (!b->open && now_ns - b->closed_ns >= 2 * b->pause_ns))
		return BREAKER_PAUSE_FIRST_NS;
	return pause < BREAKER_PAUSE_MAX_NS ? pause : BREAKER_PAUSE_MAX_NS;
}

static void trip(struct breakers *all, struct breaker *b, int64_t now_ns,
		 int64_t pause_ns)
{
	if (!b->open) {
		all->opened++;
		all->open++;
		log_warn("target=" STR_FMT " is left alone for %lld ms",
			 STR_ARG(b->key), (long long)(pause_ns / CLOCK_MS));
	}
	b->open = true;
	b->opened_ns = now_ns;
	b->until_ns = now_ns + pause_ns;
}

static void mend(struct breakers *all, struct breaker *b, int64_t now_ns)
{
	all->open--;
	log_info("target=" STR_FMT " answers again", STR_ARG(b->key));
	b->open = false;
	b->closed_ns = now_ns;
	b->row = 0;
	start_window(b, now_ns);
}

static bool is_enough(const struct breaker *b)
{
	unsigned all = b->good + b->bad;

	return b->row >= BREAKER_ROW_MAX ||
	       (all >= BREAKER_SAMPLE_MIN &&
		100 * b->bad >= BREAKER_BAD_PERCENT * all);
}

static void count(struct breaker *b, int64_t now_ns, enum breaker_sign sign)
{
	if (now_ns - b->window_ns >= BREAKER_WINDOW_NS)
		start_window(b, now_ns);
	b->row = sign == BREAKER_UNREACHABLE ? b->row + 1 : 0;
	b->good += sign == BREAKER_GOOD;
	b->bad += sign != BREAKER_GOOD;
}

/* What began before it was opened tells nothing new. */
static void judge_open(struct breakers *all, struct breaker *b, int64_t now_ns,
		       const struct breaker_attempt *attempt,
		       enum breaker_sign sign)
{
	if (attempt->began_ns <= b->opened_ns)
		return;
	if (sign == BREAKER_GOOD) {
		mend(all, b, now_ns);
	} else if (attempt->probe) {
		b->why = sign;
		b->pause_ns = next_pause(b, now_ns);
		trip(all, b, now_ns, b->pause_ns);
	}
}

void breaker_end(struct breakers *all, struct str key, int64_t now_ns,
		 struct breaker_attempt *attempt, enum breaker_sign sign)
{
	bool failed = sign == BREAKER_BAD || sign == BREAKER_UNREACHABLE;
	struct breaker *b =
		failed ? get(all, key, now_ns) : breaker_find(all, key);

	if (b == NULL)
		return;
	if (attempt->probe && b->probes > 0)
		b->probes--;
	if (sign != BREAKER_NONE && b->open) {
		judge_open(all, b, now_ns, attempt, sign);
	} else if (sign != BREAKER_NONE) {
		count(b, now_ns, sign);
		if (failed && is_enough(b)) {
			b->why = sign;
			b->pause_ns = next_pause(b, now_ns);
			trip(all, b, now_ns, b->pause_ns);
		}
	}
	attempt->probe = false;
}

void breaker_pause(struct breakers *all, struct str key, int64_t now_ns,
		   int64_t pause_ns)
{
	struct breaker *b = get(all, key, now_ns);

	if (b == NULL || pause_ns <= 0)
		return;
	if (pause_ns > BREAKER_ASKED_MAX_NS)
		pause_ns = BREAKER_ASKED_MAX_NS;
	if (b->open && b->until_ns >= now_ns + pause_ns)
		return;
	b->why = BREAKER_BAD;
	trip(all, b, now_ns, pause_ns);
}
