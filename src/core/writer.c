#include "core/library_impl.h"

#include "base/log.h"
#include "core/writer_ogx.h"
#include "recording/key.h"
#include "recording/name.h"
#include "recording/secret.h"
#include "json/json.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	JOBS_MAX = 512,
	JOB_BYTES_MAX = 256 << 20,
};

struct writer {
	struct library *library;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct library_job jobs[JOBS_MAX];
	size_t first, count; /* of a ring; the first one is being written */
	size_t bytes;
	bool end;
};

static size_t job_bytes(const struct library_job *job)
{
	return job->arena.used + job->body.len + job->marks.len;
}

static void job_free(struct library_job *job)
{
	buf_fini(&job->body);
	buf_fini(&job->marks);
	arena_fini(&job->arena);
}

static struct str model_of(const struct recording *r, struct arena *a)
{
	struct json_error bad;
	struct str model = STR_NULL;
	struct json doc;
	uint32_t v;

	if (json_parse(r->request.body, NULL, &doc, &bad) != 0)
		return model;
	v = json_get(&doc, json_root(&doc), STR("model"));
	if (json_type(&doc, v) == JSON_STRING)
		model = arena_str(a, json_string(&doc, v, a));
	json_fini(&doc);
	return model;
}

/* The file that has the same exchange already: it is written anew. */
struct former {
	const struct recording *r;
	struct arena *arena;
	struct str name;
	size_t count;
};

static int look_at(void *arg, const struct index_entry *e)
{
	struct former *f = arg;
	size_t slash;

	f->count++;
	if (e->occ != f->r->occ || e->is_ogx ||
	    !str_eq((struct str){ e->key, RECORDING_KEY_LEN }, f->r->key))
		return 0;
	slash = str_find(e->path, STR("/"));
	f->name = arena_str(f->arena, str_drop(e->path, slash + 1));
	return 0;
}

static const char *name_of(struct library *l, struct session *session,
			   const struct recording *r, struct arena *a)
{
	struct former f = { .r = r, .arena = a };
	char name[RECORDING_NAME_MAX + 1];
	struct name_parts parts = { .op = r->op,
				    .key = r->key,
				    .model = model_of(r, a) };

	(void)index_each(l->index, &session->folder, look_at, &f);
	if (f.name.len > 0)
		return arena_cz(a, f.name);
	if (session->next_number == 0)
		session->next_number = (unsigned)f.count + 1;
	parts.number = session->next_number++;
	return arena_cz(a, name_file(&parts, name));
}

/* Where it is: the folder from the root, and the name. */
struct place {
	struct str folder;
	const char *name;
};

static int save_exact(struct library *l, struct session *session,
		      struct library_job *job, struct place *out)
{
	struct recording *r = &job->recording;
	struct arena *a = &job->arena;
	const struct file_options options = { .sync = false };
	const char *folder = arena_cz(a, session->folder);
	int dir, rc;

	out->folder = session->folder;
	out->name = name_of(l, session, r, a);
	dir = file_open_dir(index_root(l->index), folder, true);
	if (dir < 0)
		return dir;
	rc = file_save_exact(dir, out->name, r, &options);
	(void)close(dir);
	return rc;
}

/* What OGX's format cannot hold is kept in the other. */
static int save(struct library *l, struct session *session,
		struct library_job *job, struct place *out)
{
	int r = l->cfg.write_ogx
			? writer_ogx_save(l, job, &out->folder, &out->name)
			: WRITER_OGX_UNFIT;

	return r == WRITER_OGX_UNFIT ? save_exact(l, session, job, out) : r;
}

/* Of the keys that are known, too, whatever they look like. */
static size_t clean(struct library_job *job)
{
	struct arena *a = &job->arena;
	struct secret_job how = { .policy = SECRET_REDACT };
	struct str *items;

	how.known.count = log_secrets(a, &items);
	items[how.known.count++] = job->key;
	how.known.items = items;
	if (job->ogx_body.len > 0) {
		struct recording other = {
			.op = job->recording.op,
			.request = { .body = job->ogx_body },
		};

		(void)secret_clean(&other, a, &how);
		job->ogx_body = other.request.body;
	}
	return secret_clean(&job->recording, a, &how);
}

static void write_job(struct library *l, struct library_job *job)
{
	struct session *session = session_get(&l->sessions, job->session);
	struct recording *r = &job->recording;
	struct recording_problem problem;
	char key[RECORDING_KEY_LEN];
	struct place place;
	size_t secrets;
	int rc;

	secrets = clean(job);
	rc = key_make(&(struct key_input){ r->op, &r->request }, KEY_EXACT, key,
		      NULL);
	if (rc != 0) {
		library_lost(l, session->name, "the request is too large");
		return;
	}
	r->key = (struct str){ key, sizeof(key) };
	/* Lists of models are asked for again and again: the last one counts. */
	if (str_eq(r->op, STR("models")))
		r->occ = 1;
	else if (r->occ == 0)
		r->occ = session_occurrence(&l->sessions, session, r->key);
	r->meta.gateway = STR(QUIPU_VERSION);
	rc = save(l, session, job, &place);
	if (rc < 0) {
		library_lost(l, session->name, strerrordesc_np(-rc));
		return;
	}
	if (secrets > 0) {
		log_warn("recording=" STR_FMT "/%s secrets_redacted=%zu",
			 STR_ARG(place.folder), place.name, secrets);
	}
	if (index_add(l->index, place.folder, place.name, &problem) != 0)
		library_lost(l, session->name, problem.text);
	session_wrote(&l->sessions, session, str_of(place.name));
	session_note(&l->sessions, session, SESSION_RECORDED,
		     str_of(place.name));
}

static void *run(void *arg)
{
	struct writer *w = arg;

	(void)pthread_mutex_lock(&w->lock);
	while (w->count > 0 || !w->end) {
		struct library_job *job = &w->jobs[w->first];
		size_t bytes;

		if (w->count == 0) {
			(void)pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&w->lock);
		bytes = job_bytes(job);
		write_job(w->library, job);
		job_free(job);
		(void)pthread_mutex_lock(&w->lock);
		w->bytes -= bytes;
		w->first = (w->first + 1) % JOBS_MAX;
		w->count--;
		(void)pthread_cond_broadcast(&w->changed);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct writer *writer_new(struct library *l)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	sigset_t all, before;
	int r;

	w->library = l;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->changed, NULL);
	/* Signals are for another thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&w->thread, NULL, run, w);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert(r == 0);
	return w;
}

void writer_flush(struct writer *w)
{
	(void)pthread_mutex_lock(&w->lock);
	while (w->count > 0)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}

void writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->end = true;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->changed);
	free(w);
}

void writer_give(struct writer *w, const struct library_job *job)
{
	struct library_job copy = *job;
	size_t bytes = job_bytes(job);
	bool taken;

	(void)pthread_mutex_lock(&w->lock);
	taken = w->count < JOBS_MAX && w->bytes + bytes <= JOB_BYTES_MAX;
	if (taken) {
		w->jobs[(w->first + w->count) % JOBS_MAX] = copy;
		w->count++;
		w->bytes += bytes;
		(void)pthread_cond_broadcast(&w->changed);
	}
	(void)pthread_mutex_unlock(&w->lock);
	if (taken)
		return;
	library_lost(w->library, copy.session,
		     "recordings come faster than they can be written");
	job_free(&copy);
}
