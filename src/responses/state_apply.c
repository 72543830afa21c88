#include "responses/state_apply.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "io/offload.h"

static const int64_t apply_ns = 30 * CLOCK_S;

struct job {
	struct offload_work work;
	struct store *store;
	struct store_op *ops; /* with their texts in the arena */
	size_t count;
	struct arena arena;
	int r;
};

static void run_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;

	job->r = store_apply(job->store, job->ops, job->count,
			     clock_monotonic() + apply_ns);
	if (job->r < 0)
		log_warn("store: " STR_FMT, STR_ARG(err_text()));
}

static void free_job(struct offload_work *work)
{
	struct job *job = (struct job *)(void *)work;

	arena_fini(&job->arena);
	free(job);
}

static void copy_op(struct arena *a, struct store_op *op)
{
	struct store_object *o = &op->object;

	o->owner = arena_str(a, o->owner);
	o->id = arena_str(a, o->id);
	o->parent = arena_str(a, o->parent);
	o->label = arena_str(a, o->label);
	o->state = arena_str(a, o->state);
	o->body = arena_str(a, o->body);
	o->input = arena_str(a, o->input);
	o->aux = arena_str(a, o->aux);
}

int state_apply(struct task *t, struct store *s, const struct store_op *ops,
		size_t count)
{
	struct job *job = xcalloc(1, sizeof(*job));
	int r;

	job->work = (struct offload_work){ .run = run_job,
					   .free = free_job,
					   .is_slow = true };
	job->store = s;
	job->count = count;
	arena_init(&job->arena, SIZE_MAX / 2);
	job->ops = arena_alloc(&job->arena, count * sizeof(struct store_op));
	for (size_t i = 0; i < count; i++) {
		job->ops[i] = ops[i];
		copy_op(&job->arena, &job->ops[i]);
	}
	r = offload_run(t, &job->work, task_now(t) + 2 * apply_ns);
	if (r == 0)
		r = job->r;
	else if (r != -EAGAIN)
		return r;
	free_job(&job->work);
	return r;
}
