#include "core/token_steps.h"

#include "io/offload.h"
#include "provider/provider_data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECT_NS    (5 * CLOCK_S)
#define FIRST_BYTE_NS (10 * CLOCK_S)
#define FILE_NS       (10 * CLOCK_S)

/* Files may be on a network's disk: they are read on a thread. */
struct file_job {
	struct offload_work work;
	char *path;
	char *text; /* GRANT_ANSWER_MAX bytes */
	size_t len;
	bool ok;
};

static void read_file(struct offload_work *w)
{
	struct file_job *job = (struct file_job *)(void *)w;
	int fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return;
	job->ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		  st.st_size < GRANT_ANSWER_MAX;
	while (job->ok && job->len < GRANT_ANSWER_MAX) {
		n = read(fd, job->text + job->len, GRANT_ANSWER_MAX - job->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		job->len += (size_t)n;
	}
	job->ok = job->ok && n == 0;
	(void)close(fd);
}

static void free_file(struct offload_work *w)
{
	struct file_job *job = (struct file_job *)(void *)w;

	/* Credentials are not left lying about. */
	explicit_bzero(job->text, job->len);
	free(job->text);
	free(job->path);
	free(job);
}

static int take_file(struct task *t, const struct token_steps *s,
		     struct str path, struct grant_answer *answer)
{
	struct file_job *job = xcalloc(1, sizeof(*job));
	int r;

	job->work.run = read_file;
	job->work.free = free_file;
	job->path = xmalloc(path.len + 1);
	memcpy(job->path, path.ptr, path.len);
	job->path[path.len] = '\0';
	job->text = xmalloc(GRANT_ANSWER_MAX);

	*answer = (struct grant_answer){ .status = 404 };
	r = offload_run(t, &job->work, task_now(t) + FILE_NS);
	if (r == 0 && job->ok) {
		answer->status = 200;
		answer->body = arena_str(s->arena,
					 (struct str){ job->text, job->len });
	}
	if (r == 0 || r == -EAGAIN)
		free_file(&job->work);
	return r == -ECANCELED ? r : 0;
}

static int unreachable(const struct token_steps *s, const struct grant_run *run,
		       int r, struct api_error *e)
{
	bool late = r == -ETIMEDOUT;

	return grant_fail(run, e, late ? 504 : 502,
			  STR_FMT " did not answer: " STR_FMT,
			  STR_ARG(s->origin->host_header), STR_ARG(err_text()));
}

static int read_answer(struct task *t, const struct token_steps *s,
		       struct client_response *res, struct grant_answer *answer)
{
	struct buf body;
	int r;

	buf_init(&body, GRANT_ANSWER_MAX);
	r = client_read_all(t, res, GRANT_ANSWER_MAX - 1, &body);
	if (r == 0) {
		answer->status = res->head.status;
		answer->body = arena_str(s->arena, buf_str(&body));
	}
	buf_fini(&body);
	return r;
}

static int ask(struct task *t, const struct token_steps *s,
	       const struct grant_step *step, struct grant_answer *answer)
{
	struct client_request req = {
		.origin = s->origin,
		.method = step->method,
		.target = step->target,
		.headers = step->headers,
		.header_count = step->header_count,
		.pieces = &step->body,
		.piece_count = step->body.len > 0 ? 1 : 0,
		.timeouts = { .connect_ns = CONNECT_NS,
			      .first_byte_ns = FIRST_BYTE_NS,
			      .idle_ns = FIRST_BYTE_NS,
			      .deadline_ns = s->deadline_ns },
	};
	struct client_response *res;
	enum client_stage stage;
	int r = client_send(t, s->client, &req, &res, &stage);

	if (r != 0)
		return r;
	r = read_answer(t, s, res, answer);
	client_done(res);
	return r;
}

static int do_step(struct task *t, const struct token_steps *s,
		   const struct grant_run *run, const struct grant_step *step,
		   struct grant_answer *answer)
{
	if (step->path.len > 0)
		return take_file(t, s, step->path, answer);
	if (s->origin == NULL) {
		return err_new(-EDESTADDRREQ, "there is nobody to ask for %s",
			       run->grant->type->name);
	}
	return ask(t, s, step, answer);
}

/* A service may repeat what it was asked with; a file's name is no secret. */
static void hide_secrets(const struct token_steps *s,
			 const struct grant_run *run, struct api_error *e)
{
	const struct grant *g = s->grant;

	for (unsigned i = 0; i < GRANT_ARGS_MAX; i++) {
		if ((g->type->secrets >> i & 1) != 0)
			e->message = provider_data_hide(e->message, g->args[i],
							s->arena);
	}
	for (unsigned i = 0; i < GRANT_NOTES_MAX && !g->type->is_file; i++) {
		e->message =
			provider_data_hide(e->message, run->notes[i], s->arena);
	}
}

int token_steps_run(struct task *t, const struct token_steps *s,
		    struct grant_token *out, struct api_error *e)
{
	struct grant_run *run = arena_zalloc(s->arena, sizeof(*run));
	struct grant_step *step = arena_zalloc(s->arena, sizeof(*step));
	struct grant_answer answer;
	int r, waited;

	run->grant = s->grant;
	run->arena = s->arena;
	run->wall_ns = task_wall(t);
	r = s->grant->type->next(run, NULL, step, out, e);
	while (r == GRANT_ASK) {
		waited = do_step(t, s, run, step, &answer);
		if (waited == -ECANCELED)
			return waited;
		if (waited != 0)
			return unreachable(s, run, waited, e);
		run->at++;
		run->wall_ns = task_wall(t);
		r = run->at < GRANT_STEPS_MAX
			    ? s->grant->type->next(run, &answer, step, out, e)
			    : grant_fail(run, e, 502, "it never ends");
	}
	if (r != 0)
		hide_secrets(s, run, e);
	return r;
}
