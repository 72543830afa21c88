#include "core/tokens.h"

#include "base/log.h"
#include "base/rand.h"
#include "core/origin.h"
#include "core/token_steps.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum {
	ID_LEN = 32,
	ENTRY_BYTES_MAX = 4 << 20,
	ATTEMPTS_MAX = 3,
};

#define FETCH_NS  (15 * CLOCK_S) /* of all attempts */
#define PAUSE_NS  (250 * CLOCK_MS)
#define FAILED_NS CLOCK_S         /* a failure stands so long */
#define MARGIN_NS (60 * CLOCK_S)  /* not used so shortly before its end */
#define EARLY_NS  (240 * CLOCK_S) /* renewed so long before that */
#define FRESH_NS  (5 * CLOCK_S)   /* a refusal is no reason to fetch again */

struct entry {
	struct list link; /* of all, the last used first */
	char id[ID_LEN];
	struct tokens *owner;
	struct arena arena; /* of what follows, for the entry's life */
	struct grant grant;
	const struct client_origin *origin;
	struct str provider_id;
	struct arena token_arena;
	struct grant_token token;
	bool has_token;
	int64_t got_ns;                /* wall */
	int64_t renew_ns, unusable_ns; /* wall: from when on */
	struct arena error_arena;
	struct api_error error;
	int64_t failed_until_ns; /* monotonic */
	struct task *fetcher;
	struct task_event done;
	size_t waiters;
	bool running;
};

struct tokens {
	struct loop *loop;
	struct client *client;
	struct list entries;
	struct map by_id;
	bool ending;
};

struct tokens *tokens_new(struct loop *loop, struct client *client)
{
	struct tokens *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->client = client;
	list_init(&s->entries);
	return s;
}

static struct str id_of(const struct entry *e)
{
	return (struct str){ e->id, ID_LEN };
}

static void entry_free(struct entry *e)
{
	assert(!e->running && e->waiters == 0);

	(void)map_drop(&e->owner->by_id, id_of(e));
	list_drop(&e->link);
	origin_put(e->origin);
	arena_wipe(&e->arena);
	arena_wipe(&e->token_arena);
	arena_fini(&e->error_arena);
	free(e);
}

void tokens_end(struct tokens *s)
{
	s->ending = true;
	list_for_each(at, &s->entries) {
		struct entry *e = list_entry(at, struct entry, link);

		if (e->fetcher != NULL && e->waiters == 0)
			task_cancel(e->fetcher);
	}
}

void tokens_free(struct tokens *s)
{
	struct list *at, *next;

	if (s == NULL)
		return;
	for (at = s->entries.next; at != &s->entries; at = next) {
		next = at->next;
		entry_free(list_entry(at, struct entry, link));
	}
	map_fini(&s->by_id);
	free(s);
}

/* A client's key must find its own token only: no weaker hash will do. */
static void make_id(const struct tokens_ask *ask, char out[ID_LEN])
{
	const struct grant *g = ask->grant;
	const struct client_origin *o = ask->upstream->token_origin;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);

	ok = ok && EVP_DigestUpdate(ctx, g->type->name, strlen(g->type->name));
	ok = ok && (o == NULL || EVP_DigestUpdate(ctx, o->id.ptr, o->id.len));
	for (size_t i = 0; i < GRANT_ARGS_MAX; i++) {
		ok = ok && EVP_DigestUpdate(ctx, &g->args[i].len,
					    sizeof(g->args[i].len));
		ok = ok &&
		     (g->args[i].len == 0 ||
		      EVP_DigestUpdate(ctx, g->args[i].ptr, g->args[i].len));
	}
	ok = ok && EVP_DigestFinal_ex(ctx, (unsigned char *)out, NULL);
	EVP_MD_CTX_free(ctx);
	assert(ok);
}

static void make_room(struct tokens *s)
{
	size_t count = s->by_id.len;

	for (struct list *at = s->entries.prev, *before;
	     at != &s->entries && count >= TOKENS_MAX; at = before) {
		struct entry *e = list_entry(at, struct entry, link);

		before = at->prev;
		if (!e->running && e->waiters == 0) {
			entry_free(e);
			count--;
		}
	}
}

static struct entry *add_entry(struct tokens *s, const struct tokens_ask *ask,
			       struct str id)
{
	struct entry *e;

	make_room(s);
	if (s->by_id.len >= TOKENS_MAX)
		return NULL;
	e = xcalloc(1, sizeof(*e));
	e->owner = s;
	memcpy(e->id, id.ptr, ID_LEN);
	arena_init(&e->arena, ENTRY_BYTES_MAX);
	arena_init(&e->token_arena, ENTRY_BYTES_MAX);
	arena_init(&e->error_arena, ENTRY_BYTES_MAX);
	task_event_init(&e->done);
	e->grant.type = ask->grant->type;
	for (size_t i = 0; i < GRANT_ARGS_MAX; i++)
		e->grant.args[i] = arena_str(&e->arena, ask->grant->args[i]);
	e->origin = origin_ref(ask->upstream->token_origin);
	e->provider_id = arena_str(&e->arena, ask->upstream->provider.id);
	list_init(&e->link);
	(void)map_put(&s->by_id, id_of(e), e);
	return e;
}

static struct entry *entry_of(struct tokens *s, const struct tokens_ask *ask)
{
	struct entry *e;
	char id[ID_LEN];

	make_id(ask, id);
	e = map_get(&s->by_id, (struct str){ id, ID_LEN });
	if (e == NULL)
		e = add_entry(s, ask, (struct str){ id, ID_LEN });
	if (e == NULL)
		return NULL;
	list_drop(&e->link);
	list_add_first(&s->entries, &e->link);
	return e;
}

static void copy_token(struct arena *a, const struct grant_token *from,
		       struct grant_token *to)
{
	to->expires_ns = from->expires_ns;
	for (size_t i = 0; i < GRANT_VALUES_MAX; i++)
		to->values[i] = arena_str(a, from->values[i]);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void keep_token(struct entry *e, const struct grant_token *token,
		       int64_t wall_ns)
{
	int64_t life = token->expires_ns - wall_ns;

	arena_reset(&e->token_arena);
	copy_token(&e->token_arena, token, &e->token);
	e->has_token = true;
	e->got_ns = wall_ns;
	e->unusable_ns = token->expires_ns - least(MARGIN_NS, life / 4);
	e->renew_ns = e->unusable_ns - least(EARLY_NS, life / 4);
	e->failed_until_ns = 0;
	/* Of a few files, and as lasting as those. */
	for (size_t i = 0; i < GRANT_VALUES_MAX && e->grant.type->is_file; i++)
		log_secret(e->token.values[i]);
}

static void keep_error(struct entry *e, const struct api_error *error,
		       int64_t now)
{
	arena_reset(&e->error_arena);
	e->error = *error;
	e->error.message =
		arena_printf(&e->error_arena,
			     "No credentials for provider '" STR_FMT
			     "': " STR_FMT,
			     STR_ARG(e->provider_id), STR_ARG(error->message));
	e->failed_until_ns = now + FAILED_NS;
	log_warn("provider=" STR_FMT " no token: " STR_FMT,
		 STR_ARG(e->provider_id), STR_ARG(error->message));
}

/* All attempts of one fetch. */
static void fetch_token(struct task *t, struct entry *e)
{
	struct token_steps steps = {
		.client = e->owner->client,
		.origin = e->origin,
		.grant = &e->grant,
		.deadline_ns = task_now(t) + FETCH_NS,
	};
	struct grant_token token = { 0 };
	struct api_error error = { 0 };
	struct arena arena;
	int r;

	arena_init(&arena, ENTRY_BYTES_MAX);
	steps.arena = &arena;
	for (unsigned i = 1;; i++) {
		int64_t pause =
			PAUSE_NS * i + (int64_t)rand_below((uint64_t)PAUSE_NS);

		r = token_steps_run(t, &steps, &token, &error);
		if (r != API_FAIL || error.status < 500 || i == ATTEMPTS_MAX ||
		    task_now(t) + pause >= steps.deadline_ns ||
		    task_sleep(t, task_now(t) + pause) < 0)
			break;
	}
	if (r == 0)
		keep_token(e, &token, task_wall(t));
	else if (r == API_FAIL)
		keep_error(e, &error, task_now(t));
	arena_fini(&arena);
}

static void fetch(struct task *t, void *arg)
{
	struct entry *e = arg;

	e->fetcher = t;
	if (!e->owner->ending || e->waiters > 0)
		fetch_token(t, e);
	e->fetcher = NULL;
	e->running = false;
	task_event_set(&e->done);
}

/* Returns 0 when a fetch runs. */
static int start(struct entry *e)
{
	int r;

	if (e->running)
		return 0;
	task_event_clear(&e->done);
	r = task_spawn(e->owner->loop, "token", fetch, e);
	e->running = r == 0;
	return r;
}

static int no_room(const struct tokens_ask *ask, struct arena *a,
		   struct api_error *e)
{
	(void)api_fail(e, a, 503, NULL, NULL,
		       "Provider '" STR_FMT
		       "': too many tokens are being fetched at once.",
		       STR_ARG(ask->upstream->provider.id));
	e->code = STR("upstream_credentials");
	return API_FAIL;
}

static int tell(const struct entry *entry, struct arena *a, struct api_error *e)
{
	*e = entry->error;
	e->message = arena_str(a, entry->error.message);
	return API_FAIL;
}

static bool is_usable(const struct entry *e, int64_t wall_ns)
{
	return e->has_token && wall_ns < e->unusable_ns;
}

/* Wait for the fetch that runs, and whose own deadlines hold. */
static int wait_fetch(struct task *t, struct entry *e)
{
	int r;

	e->waiters++;
	r = task_event_wait(t, &e->done, CLOCK_NEVER);
	e->waiters--;
	if (e->owner->ending && e->waiters == 0 && e->fetcher != NULL)
		task_cancel(e->fetcher);
	return r;
}

int tokens_get(struct task *t, struct tokens *s, const struct tokens_ask *ask,
	       struct arena *a, struct grant_token *out, struct api_error *e)
{
	struct entry *entry = entry_of(s, ask);
	int r = 0;

	if (entry == NULL)
		return no_room(ask, a, e);
	if (is_usable(entry, task_wall(t))) {
		/* Should no task be had: there is time to try again. */
		if (task_wall(t) >= entry->renew_ns &&
		    task_now(t) >= entry->failed_until_ns)
			(void)!start(entry);
		copy_token(a, &entry->token, out);
		return 0;
	}
	if (!entry->running && task_now(t) < entry->failed_until_ns)
		return tell(entry, a, e);
	if (start(entry) < 0)
		return no_room(ask, a, e);
	r = wait_fetch(t, entry);
	if (r < 0)
		return r;
	if (entry->failed_until_ns > 0)
		return tell(entry, a, e);
	if (!entry->has_token)
		return -ECANCELED;
	copy_token(a, &entry->token, out);
	return 0;
}

bool tokens_drop(struct task *t, struct tokens *s, const struct tokens_ask *ask)
{
	struct entry *e;
	char id[ID_LEN];

	make_id(ask, id);
	e = map_get(&s->by_id, (struct str){ id, ID_LEN });
	if (e == NULL || !e->has_token || task_wall(t) - e->got_ns < FRESH_NS)
		return false;
	e->has_token = false;
	return true;
}
