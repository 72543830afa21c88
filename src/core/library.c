#include "core/library.h"

#include "base/log.h"
#include "core/library_impl.h"
#include "io/offload.h"
#include "recording/key.h"
#include "recording/miss.h"
#include "recording/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum {
	FIND_BYTES_MAX = 512 << 20,
	VERIFY_BYTES_MAX = 256 << 20,
};

#define FIND_TIMEOUT_NS (60 * CLOCK_S)

/* One look-up, on a thread. */
struct find {
	struct offload_work work;
	struct library *l;
	struct session *session;
	uint64_t releases; /* of the session, when it began */
	struct arena arena;
	struct library_query q; /* in the arena */
	struct recording_request request;
	struct str session_name;
	bool strict, takes_edited;
	int64_t occurrence;
	enum index_policy policy;
	/* Found. */
	int result;
	struct library_keys keys;
	struct index_query index_query;
	struct index_hit hit;
	struct cached *cached;
	struct recording recording; /* a copy: ids are put into it */
	struct recording_problem problem;
	struct miss_report miss;
};

static void find_free(struct find *f)
{
	cache_unref(f->cached);
	arena_fini(&f->arena);
	free(f);
}

static void free_work(struct offload_work *w)
{
	find_free((struct find *)(void *)w);
}

/* Nothing was found: say what comes near, and what to do. */
static void explain(struct find *f)
{
	/* Asked for all providers at the start; nobody reads it. */
	if (str_eq(f->q.op, STR("models"))) {
		f->miss.text = STR("no list of models was recorded");
		return;
	}
	miss_explain(&(struct miss_input){ .index = f->l->index,
					   .query = &f->index_query,
					   .op = f->q.op,
					   .request = &f->request,
					   .exhausted = f->result ==
							INDEX_EXHAUSTED },
		     &f->arena, &f->miss);
}

/* A recording is there, and not served. */
static void refuse(struct find *f, const char *why)
{
	f->result = INDEX_MISS;
	f->miss.text =
		arena_printf(&f->arena,
			     "The recording " STR_FMT " is not served: %s.",
			     STR_ARG(f->hit.entry->path), why);
}

/* Is it still a recording of this request?  Whoever edits it may change it. */
static bool is_of_request(const struct find *f, const struct recording *r)
{
	const struct index_entry *e = f->hit.entry;
	char key[RECORDING_KEY_LEN];

	return e->is_ogx || (key_make(&(struct key_input){ r->op, &r->request },
				      KEY_EXACT, key, NULL) == 0 &&
			     memcmp(key, e->key, sizeof(key)) == 0);
}

/* Read what was hit, unless it is known.  What is not to be played is refused. */
static int read_hit(struct find *f)
{
	const struct index_entry *e = f->hit.entry;
	struct cache *cache = &f->l->cache;
	struct stat st = { 0 };
	struct file file;

	/* A list of models is made of several files. */
	if (!e->is_list &&
	    fstatat(index_root(f->l->index), arena_cz(&f->arena, e->path), &st,
		    AT_SYMLINK_NOFOLLOW) == 0)
		f->cached = cache_get(cache, e->path, &st);
	if (f->cached != NULL)
		return 0;
	if (index_load(f->l->index, &f->index_query, &f->hit, &file,
		       &f->problem) != 0) {
		refuse(f, f->problem.text);
		return -1;
	}
	if (!is_of_request(f, &file.recording)) {
		file_fini(&file);
		refuse(f, "it is one of another request since it was edited; "
			  "a reload has it found by that");
		return -1;
	}
	f->cached = cache_add(cache, e->path, e->is_list ? NULL : &st, &file);
	return 0;
}

static void load(struct find *f)
{
	struct recording *r = &f->recording;

	if (read_hit(f) < 0)
		return;
	*r = f->cached->file.recording;
	if (f->strict && r->edited && !f->takes_edited) {
		refuse(f, "it was edited after it was recorded, and matching "
			  "is strict (x-replay-strict, recordings.strict); "
			  "record it anew");
	} else if (strcmp(f->keys.names[f->hit.tier], "normalised") == 0 &&
		   session_unify(&f->l->sessions, f->session, r->request.body,
				 f->request.body) != 0) {
		refuse(f, "an id in the request stands for another one than "
			  "in this session before");
	} else {
		session_rename(&f->l->sessions, f->session, r, &f->arena);
	}
}

static int take(struct find *f)
{
	struct index_query *iq = &f->index_query;
	size_t n = 0;
	int r;

	library_keys(&f->q, &f->keys);
	*iq = (struct index_query){ .session = f->session_name,
				    .on_exhausted = f->policy,
				    .occurrence = f->occurrence };
	do {
		for (; n < f->keys.count; n++) {
			iq->keys[n] = (struct str){ f->keys.text[n],
						    RECORDING_KEY_LEN };
		}
		iq->key_count = n;
		r = index_take(f->l->index, iq, &f->hit);
	} while (
		r == INDEX_MISS &&
		library_more_keys(&f->q, f->strict, f->session_name, &f->keys));
	return r;
}

static void run_find(struct offload_work *w)
{
	struct find *f = (struct find *)(void *)w;

	f->result = take(f);
	if (f->result < 0) {
		f->miss.text = STR("There are too many sessions: restart quipu "
				   "or use fewer names for them.");
	} else if (f->result != 0) {
		explain(f);
	} else {
		load(f);
	}
}

static enum index_policy policy_of(enum library_exhausted e)
{
	static const enum index_policy policies[] = {
		[LIBRARY_ERROR] = INDEX_STOP,
		[LIBRARY_LAST] = INDEX_LAST,
		[LIBRARY_CYCLE] = INDEX_CYCLE,
	};

	return policies[e];
}

static struct find *find_new(struct library *l, const struct library_query *q)
{
	const struct edge *edge = q->edge;
	struct find *f = xcalloc(1, sizeof(*f));
	struct arena *a = &f->arena;

	f->work.run = run_find;
	f->work.free = free_work;
	f->l = l;
	arena_init(a, FIND_BYTES_MAX);
	f->session_name = arena_str(a, edge->session);
	f->session = session_get(&l->sessions, edge->session);
	f->releases = atomic_load(&f->session->releases);
	f->request = *q->request;
	f->request.method = arena_str(a, q->request->method);
	f->request.path = arena_str(a, q->request->path);
	f->request.upstream = arena_str(a, q->request->upstream);
	f->request.body = arena_str(a, q->request->body);
	f->request.headers = arena_alloc(a, (f->request.header_count + 1) *
						    sizeof(struct http_header));
	for (size_t i = 0; i < f->request.header_count; i++) {
		f->request.headers[i] = q->request->headers[i];
		f->request.headers[i].name =
			arena_str(a, q->request->headers[i].name);
		f->request.headers[i].value =
			arena_str(a, q->request->headers[i].value);
	}
	f->q = (struct library_query){ .op = q->op,
				       .base_url = arena_str(a, q->base_url),
				       .ogx_body = arena_str(a, q->ogx_body),
				       .request = &f->request };
	f->strict = edge->strict;
	f->takes_edited =
		edge->mode == EDGE_REFRESH || edge->mode == EDGE_VERIFY;
	f->occurrence = edge->playback.occurrence;
	f->policy = policy_of(l->cfg.on_exhausted);
	return f;
}

static bool is_old(const struct library *l, int64_t age_s)
{
	return l->cfg.max_age_ns > 0 && age_s > l->cfg.max_age_ns / CLOCK_S;
}

static int64_t age_of(struct task *t, const struct recording *r)
{
	int64_t age_s, at_s;

	if (!clock_read(r->meta.recorded_at, &at_s))
		return -1;
	age_s = task_wall(t) / CLOCK_S - at_s;
	return age_s > 0 ? age_s : 0;
}

/* What the answer's headers and the session's verdict tell of a hit. */
static void note_hit(struct find *f, struct edge *edge, struct arena *a)
{
	struct session_set *set = &f->l->sessions;
	const struct recording *r = &f->recording;

	edge->status = EDGE_HIT;
	edge->id = arena_str(a, f->hit.entry->path);
	edge->key =
		arena_str(a, str_take(f->index_query.keys[f->hit.tier], 16));
	edge->match = f->keys.names[f->hit.tier];
	if (r->edited) {
		edge->status = EDGE_EDITED;
		session_note(set, f->session, SESSION_EDITED, edge->id);
	}
	if (is_old(f->l, edge->age_s)) {
		edge->status = EDGE_STALE;
		session_note(set, f->session, SESSION_STALE, edge->id);
	}
	if (edge_plays(edge))
		session_note(set, f->session, SESSION_SERVED, edge->id);
}

bool library_goes_live(const struct library *l, const struct edge *e)
{
	return e->mode != EDGE_REPLAY &&
	       (e->mode != EDGE_AUTO || l->cfg.may_record);
}

static void note_miss(struct find *f, const struct edge *edge, struct str text)
{
	struct session_set *set = &f->l->sessions;

	if (edge->mode == EDGE_SPY)
		session_note(set, f->session, SESSION_LIVE, f->q.op);
	else if (f->result == INDEX_EXHAUSTED)
		session_note(set, f->session, SESSION_EXHAUSTED, text);
	else
		session_note(set, f->session, SESSION_MISSED, text);
}

static int miss(struct find *f, const struct library_query *q,
		struct api_error *e)
{
	struct edge *edge = q->edge;
	struct arena *a = q->arena;
	bool is_exhausted = f->result == INDEX_EXHAUSTED;
	bool is_live = library_goes_live(f->l, edge);
	bool is_kept = is_live && edge_keeps(edge);
	bool is_list = str_eq(f->q.op, STR("models"));

	edge->status = is_exhausted ? EDGE_EXHAUSTED : EDGE_MISS;
	edge->key = arena_str(a, (struct str){ f->keys.text[0], 16 });
	if (is_exhausted)
		edge->occ = f->hit.turn;
	(void)api_fail(
		e, a, f->l->cfg.miss_status, "invalid_request_error", NULL,
		STR_FMT "%s", STR_ARG(f->miss.text),
		is_live || edge->mode == EDGE_REPLAY
			? ""
			: " Mode auto records nothing where the variable "
			  "CI is set; recordings.in_ci says otherwise.");
	e->code = STR(LIBRARY_MISS);
	if (is_kept)
		return API_FAIL;
	if (!is_list)
		note_miss(f, edge, e->message);
	log_at(is_list ? LOG_DEBUG : LOG_WARN,
	       "no recording: session=" STR_FMT " key=" STR_FMT " " STR_FMT,
	       STR_ARG(str_take(f->session_name, 200)), STR_ARG(edge->key),
	       STR_ARG(str_take(e->message, 1000)));
	return API_FAIL;
}

/* The disk does not answer; the look-up is freed when it is through. */
static int late(struct library *l, const struct library_query *q,
		struct api_error *e)
{
	q->edge->status = EDGE_MISS;
	(void)api_fail(e, q->arena, l->cfg.miss_status, "invalid_request_error",
		       NULL, "The recordings could not be read within %d s.",
		       (int)(FIND_TIMEOUT_NS / CLOCK_S));
	e->code = STR(LIBRARY_MISS);
	return API_FAIL;
}

int library_find(struct task *t, struct library *l,
		 const struct library_query *q, struct library_found *out,
		 struct api_error *error)
{
	struct find *f = find_new(l, q);
	int r = offload_run(t, &f->work, task_now(t) + FIND_TIMEOUT_NS);

	if (r == -EAGAIN)
		run_find(&f->work);
	else if (r == -ETIMEDOUT)
		return late(l, q, error);
	else if (r < 0)
		return r;
	if (f->result != 0) {
		r = miss(f, q, error);
		find_free(f);
		return r;
	}
	q->edge->age_s = age_of(t, &f->recording);
	note_hit(f, q->edge, q->arena);
	*out = (struct library_found){ .recording = &f->recording,
				       .occurrence = f->hit.turn,
				       .private = f };
	return 0;
}

void library_verify(struct library *l, const struct library_found *found,
		    const struct recording *now, struct edge *edge)
{
	const struct find *f = found->private;
	struct verify report;
	struct arena a;

	arena_init(&a, VERIFY_BYTES_MAX);
	verify_compare(found->recording, now, &a, &report);
	edge->status = report.count > 0 ? EDGE_DIFFERS : EDGE_VERIFIED;
	session_note(&l->sessions, f->session,
		     report.count > 0 ? SESSION_DIFFERS : SESSION_VERIFIED,
		     f->hit.entry->path);
	if (report.count > 0) {
		log_warn("recording=" STR_FMT
			 " the answer is another one now: " STR_FMT,
			 STR_ARG(f->hit.entry->path), STR_ARG(report.text));
	}
	arena_fini(&a);
}

void library_done(struct library_found *found)
{
	find_free(found->private);
}

bool library_released(const struct library_found *found)
{
	const struct find *f = found->private;

	return atomic_load(&f->session->releases) != f->releases;
}

struct edge *library_edge(struct library *l, struct arena *a)
{
	struct edge *e;

	if (l == NULL || l->cfg.mode == EDGE_OFF)
		return NULL;
	e = arena_zalloc(a, sizeof(*e));
	e->library = l;
	e->mode = l->cfg.mode;
	e->session = STR("_shared");
	e->age_s = -1;
	playback_init(&e->playback);
	return e;
}

enum edge_mode library_mode(const struct library *l)
{
	return l->cfg.mode;
}

const struct playback *library_playback(const struct library *l)
{
	return &l->playback;
}

static int read_playback(struct library *l, struct buf *messages)
{
	const struct {
		const char *key;
		enum playback_option option;
		struct str text;
	} rows[] = {
		{ "speed", PLAYBACK_SPEED, l->cfg.speed },
		{ "ttft", PLAYBACK_TTFT, l->cfg.ttft },
		{ "segment", PLAYBACK_SEGMENT, l->cfg.segment },
		{ "fault", PLAYBACK_FAULT, l->cfg.fault },
	};
	struct recording_problem problem;

	playback_init(&l->playback);
	for (size_t i = 0; i < countof(rows); i++) {
		struct str text = arena_str(&l->arena, rows[i].text);

		if (text.len == 0 || playback_set(&l->playback, rows[i].option,
						  text, &problem) == 0)
			continue;
		(void)!buf_printf(messages, "recordings.%s: %s\n", rows[i].key,
				  problem.text);
		return -1;
	}
	return 0;
}

int library_open(const struct library_cfg *cfg, struct library **out,
		 struct buf *messages)
{
	struct library *l = xcalloc(1, sizeof(*l));

	l->cfg = *cfg;
	arena_init(&l->arena, 1 << 20);
	session_set_init(&l->sessions);
	cache_init(&l->cache);
	l->cfg.dir = arena_str(&l->arena, cfg->dir);
	if (read_playback(l, messages) < 0 ||
	    library_folder_open(l, messages) < 0) {
		library_close(l);
		return -1;
	}
	l->writer = writer_new(l);
	*out = l;
	return 0;
}

void library_close(struct library *l)
{
	if (l == NULL)
		return;
	writer_free(l->writer);
	index_close(l->index);
	session_set_fini(&l->sessions);
	cache_fini(&l->cache);
	arena_fini(&l->arena);
	free(l);
}

size_t library_count(const struct library *l)
{
	return index_count(l->index);
}

void library_keep(struct library *l, const struct library_job *job)
{
	writer_give(l->writer, job);
}

struct session *library_expect(struct library *l, struct str session)
{
	struct session *s = session_get(&l->sessions, session);

	session_expect(&l->sessions, s, 1);
	return s;
}

void library_expected(struct library *l, struct session *session)
{
	session_expect(&l->sessions, session, -1);
}

void library_lost(struct library *l, struct str session, const char *why)
{
	log_error("not recorded: %s", why);
	session_note(&l->sessions, session_get(&l->sessions, session),
		     SESSION_LOST, str_of(why));
}
