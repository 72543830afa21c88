/*
 * sessions - /v1alpha/replay/sessions: a test's recordings, begun and judged.
 *
 * What blocks (the writer, files that go) is done on a thread.
 */
#include "api/handlers.h"
#include "base/log.h"
#include "core/verdict.h"
#include "io/offload.h"
#include "llm/field.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ANSWER_MAX = 64 << 20,
	NAME_MAX_BYTES = 1000
};

#define SESSION_TIME_NS (60 * CLOCK_S)

enum action {
	BEGIN,
	LOOK,
	FINISH,
};

struct job {
	struct offload_work work;
	struct library *library;
	enum action action;
	struct str session; /* in the arena */
	struct library_rules rules;
	struct arena arena;
	struct verdict verdict;
	bool found;
};

static void fail(struct api_call *c, int status, const char *code,
		 const char *text)
{
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, status, api_error_type(status), NULL,
		       "%s", text);
	e.code = str_of(code);
	route_fail(c, &e);
}

/* Answers when not. */
static bool is_on(struct api_call *c)
{
	if (c->worker->library != NULL)
		return true;
	fail(c, 404, "recordings_off",
	     "This server has no recordings: start it with --record-mode and "
	     "--recordings, or run the tests by quipu run.");
	return false;
}

static void no_session(struct api_call *c, struct str session)
{
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, 404, "invalid_request_error", NULL,
		       "No request came in the session '" STR_FMT
		       "', and nobody began it.",
		       STR_ARG(str_take(session, 200)));
	e.code = STR("session_not_found");
	route_fail(c, &e);
}

static void free_job(struct offload_work *w)
{
	struct job *job = (struct job *)(void *)w;

	arena_fini(&job->arena);
	free(job);
}

static void run_job(struct offload_work *w)
{
	struct job *job = (struct job *)(void *)w;

	job->found = true;
	if (job->action == BEGIN)
		library_begin(job->library, job->session, &job->rules);
	if (job->action == FINISH) {
		job->found = library_finish(job->library, job->session,
					    &job->arena, &job->verdict);
	} else {
		job->found = library_look(job->library, job->session,
					  &job->arena, &job->verdict);
	}
}

static bool wants_junit(const struct api_call *c)
{
	struct str accept = http_value(&c->req->head, HTTP_ACCEPT);
	struct str part, rest = c->req->query;

	while (rest.len > 0) {
		(void)str_cut(rest, '&', &part, &rest);
		if (str_eq(part, STR("format=junit")))
			return true;
	}
	return str_starts(accept, STR("application/xml")) ||
	       str_starts(accept, STR("text/xml"));
}

static int write_answer(const struct verdict *v, bool junit, struct buf *out)
{
	struct json_writer w;
	int r;

	if (!junit) {
		json_writer_init(&w, out);
		verdict_write(v, &w);
		return json_writer_done(&w);
	}
	r = buf_add(out, VERDICT_JUNIT_HEAD);
	if (r == 0)
		r = verdict_junit(v, out);
	return r == 0 ? buf_add(out, VERDICT_JUNIT_TAIL) : r;
}

static void reply(struct api_call *c, const struct verdict *v)
{
	bool junit = wants_junit(c);
	struct buf out;

	buf_init(&out, ANSWER_MAX);
	if (write_answer(v, junit, &out) < 0)
		fail(c, 500, "too_long", "There is too much to tell.");
	else if (request_reply(c->task, c->req, 200,
			       junit ? STR("application/xml")
				     : STR("application/json"),
			       buf_str(&out)) < 0)
		log_debug("the client is gone");
	buf_fini(&out);
}

static void act(struct api_call *c, enum action action, struct str session,
		const struct library_rules *rules)
{
	struct job *job = xcalloc(1, sizeof(*job));
	int r;

	job->work = (struct offload_work){ .run = run_job, .free = free_job };
	job->library = c->worker->library;
	job->action = action;
	job->rules = *rules;
	arena_init(&job->arena, SIZE_MAX / 2);
	job->session = arena_str(&job->arena, session);
	r = offload_run(c->task, &job->work,
			task_now(c->task) + SESSION_TIME_NS);
	if (r < 0) {
		fail(c, 503, "session_unknown",
		     "It took too long to look at the recordings.");
	} else if (job->found) {
		reply(c, &job->verdict);
	} else {
		no_session(c, session);
	}
	if (r == 0 || r == -EAGAIN)
		free_job(&job->work);
}

enum member {
	NAME,
	MODE,
	STRICT,
	MEMBER_COUNT,
};

static const struct field fields[MEMBER_COUNT + 1] = {
	[NAME] = { STR_INIT("name"), FIELD_STR, .required = true },
	[MODE] = { STR_INIT("mode"), FIELD_STR },
	[STRICT] = { STR_INIT("strict"), FIELD_BOOL },
};

/* What a request's header may not do a session may not do either. */
static int check_allowed(const struct api_call *c,
			 const struct library_rules *rules, struct api_error *e)
{
	const struct config *config = c->catalog->registry->config;
	enum edge_mode mode = library_mode(c->worker->library);

	if ((rules->has_mode || rules->has_strict) &&
	    !config->record_overrides) {
		return api_fail(e, &c->req->arena, 403, "permission_error",
				"mode",
				"This server does not let its clients choose "
				"(recordings.overrides).");
	}
	if (mode == EDGE_REPLAY && rules->has_mode &&
	    rules->mode != EDGE_REPLAY) {
		return api_fail(e, &c->req->arena, 403, "permission_error",
				"mode",
				"This server only replays (recordings.mode).");
	}
	return 0;
}

static int read_members(struct api_call *c, const struct json *doc,
			struct str *name, struct library_rules *rules,
			struct api_error *e)
{
	struct arena *a = &c->req->arena;
	struct field_checker checker = { doc, a, e };
	uint32_t at[MEMBER_COUNT];
	int r = field_check_object(&checker, json_root(doc));

	if (r != 0)
		return r;
	field_find(doc, json_root(doc), fields, at);
	r = field_check(&checker, fields, at, NULL);
	if (r != 0)
		return r;
	*name = arena_str(a, json_string(doc, at[NAME], a));
	rules->has_mode = at[MODE] != JSON_NONE;
	rules->has_strict = at[STRICT] != JSON_NONE;
	rules->strict = json_is_true(doc, at[STRICT]);
	if (rules->has_mode &&
	    !edge_mode_parse(json_string(doc, at[MODE], a), &rules->mode)) {
		return field_bad_value(&checker, FIELD_PATH(NULL, "mode"),
				       at[MODE],
				       "'off', 'record', 'auto', 'replay', "
				       "'spy', 'refresh' and 'verify'");
	}
	if (name->len > NAME_MAX_BYTES) {
		return api_fail(e, a, 400, "invalid_request_error", "name",
				"A session's name has at most %d bytes.",
				NAME_MAX_BYTES);
	}
	return check_allowed(c, rules, e);
}

void sessions_begin(struct api_call *c)
{
	struct library_rules rules = { 0 };
	struct json_error bad;
	struct str name;
	struct api_error e;
	struct json doc;
	int r;

	if (!is_on(c))
		return;
	if (json_parse(c->req->body, NULL, &doc, &bad) != 0) {
		fail(c, 400, "invalid_json",
		     "The request's body is not valid JSON; send an object "
		     "with name.");
		return;
	}
	r = read_members(c, &doc, &name, &rules, &e);
	json_fini(&doc);
	if (r == 0)
		act(c, BEGIN, name, &rules);
	else
		route_fail(c, &e);
}

void sessions_get(struct api_call *c)
{
	if (is_on(c))
		act(c, LOOK, c->rest, &(struct library_rules){ 0 });
}

void sessions_finish(struct api_call *c)
{
	if (is_on(c))
		act(c, FINISH, c->rest, &(struct library_rules){ 0 });
}

void sessions_release(struct api_call *c)
{
	static const struct str end = STR_INIT("/release");
	struct str session = c->rest;

	if (!is_on(c))
		return;
	if (!str_ends(session, end)) {
		fail(c, 404, "not_found",
		     "POST is for /v1alpha/replay/sessions/{id}/release.");
		return;
	}
	session.len -= end.len;
	if (library_release(c->worker->library, session)) {
		route_reply(c, 200,
			    STR("{\"object\":\"replay.session.release\","
				"\"released\":true}"));
	} else {
		no_session(c, session);
	}
}
