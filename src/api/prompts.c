/*
 * prompts - templates for responses, in versions that never change.
 *
 * What is not there is a 400, as in OGX.
 */
#include "api/handlers.h"
#include "api/page.h"
#include "api/store_job.h"
#include "http/url.h"
#include "llm/field.h"
#include "responses/id.h"
#include "responses/prompt.h"

#include <errno.h>

enum {
	LIST_MAX = 1000,     /* prompts of a page that asks for no limit */
	VERSIONS_MAX = 1000, /* of a prompt */
	BYTES_MAX = 1 << 20, /* of a version: its text and variables */
	SHOWN_MAX = 200,     /* bytes of an id that a message repeats */
	TRIES = 10,          /* when others write, too */
};

static const int64_t apply_ns = 30 * CLOCK_S;

static const struct store_job_words words = {
	.name = "Prompt",
	.many = "prompts",
	.row = "prompt",
	.unknown = ".",
	.code = "prompt_not_found",
	.with_detail = true,
};

/* What a row of STORE_PROMPT says. */
struct prompt {
	struct store_object row;
	int64_t default_version, latest;
};

/* What a body says. */
struct draft {
	struct str text;
	uint32_t variables; /* or JSON_NONE */
	int64_t version;
	bool is_default;
};

static int apply(const struct store_job *job, const struct store_op *ops,
		 size_t count)
{
	return store_apply(job->store, ops, count,
			   clock_monotonic() + apply_ns);
}

/* --- what is asked --------------------------------------------------------- */

static int undeclared(struct store_job *job, struct str name)
{
	return store_job_refuse(
		job, 400, "variables", "undeclared_variable",
		"The prompt has the variable '" STR_FMT
		"', which 'variables' does not declare: add it there, or take "
		"'{{ " STR_FMT " }}' out of the prompt.",
		STR_ARG(str_take(name, SHOWN_MAX)),
		STR_ARG(str_take(name, SHOWN_MAX)));
}

static int check_variables(struct store_job *job, uint32_t variables)
{
	struct field_checker c = { &job->doc, &job->arena, &job->error };
	const struct field_path *path = FIELD_PATH(NULL, "variables");
	uint32_t i = 0;

	for (uint32_t v = json_first(&job->doc, variables); v != JSON_NONE;
	     v = json_next(&job->doc, v), i++) {
		if (json_type(&job->doc, v) == JSON_STRING)
			continue;
		(void)field_wrong_type(&c, FIELD_ELEMENT(path, i), v,
				       "a string");
		return STORE_JOB_REFUSED;
	}
	return 0;
}

/* The body of a new prompt; of a new version it says which it follows. */
static int read_draft(struct store_job *job, bool is_new, struct draft *out)
{
	struct field fields[] = {
		{ STR_INIT("prompt"), FIELD_STR, .required = true },
		{ STR_INIT("variables"), FIELD_ARRAY },
		{ STR_INIT("version"), FIELD_INT, .required = !is_new },
		{ STR_INIT("set_as_default"), FIELD_BOOL },
		{ { 0 } },
	};
	struct field_checker c = { &job->doc, &job->arena, &job->error };
	struct str name;
	uint32_t at[4];
	int r;

	field_find(&job->doc, json_root(&job->doc), fields, at);
	if (field_check(&c, fields, at, NULL) != 0)
		return STORE_JOB_REFUSED;
	r = check_variables(job, at[1]);
	if (r != 0)
		return r;
	if (json_raw(&job->doc, at[0]).len + json_raw(&job->doc, at[1]).len >
	    BYTES_MAX) {
		return store_job_refuse(job, 400, "prompt",
					"string_above_max_length",
					"Invalid 'prompt': with its variables "
					"it has at most 1 MB.");
	}
	*out = (struct draft){
		.text = json_string(&job->doc, at[0], &job->arena),
		.variables = at[1],
		.is_default = json_type(&job->doc, at[3]) != JSON_FALSE,
	};
	(void)json_to_i64(&job->doc, at[2], &out->version);
	if (prompt_undeclared(out->text, &job->doc, at[1], &name))
		return undeclared(job, name);
	return 0;
}

/* --- rows ------------------------------------------------------------------ */

static struct str finish(struct store_job *job, struct json_writer *w,
			 struct buf *out)
{
	struct str text = STR_NULL;

	json_end(w);
	if (json_writer_done(w) == 0)
		text = arena_str(&job->arena, buf_str(out));
	buf_fini(out);
	return text;
}

static struct str prompt_body(struct store_job *job, const struct prompt *p)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, STORE_ROW_BYTES_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("prompt_id"), p->row.id);
	json_member_int(&w, STR("default_version"), p->default_version);
	json_member_int(&w, STR("latest"), p->latest);
	return finish(job, &w, &out);
}

static struct str version_body(struct store_job *job, const struct prompt *p,
			       const struct draft *d)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, STORE_ROW_BYTES_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("prompt_id"), p->row.id);
	json_member_int(&w, STR("version"), p->latest);
	json_member_str(&w, STR("prompt"), d->text);
	json_member_raw(&w, STR("variables"),
			d->variables != JSON_NONE
				? json_raw(&job->doc, d->variables)
				: STR("[]"));
	return finish(job, &w, &out);
}

static struct str version_name(struct store_job *job, struct str id, int64_t n)
{
	return arena_printf(&job->arena, STR_FMT "/%lld", STR_ARG(id),
			    (long long)n);
}

static int no_prompt(struct store_job *job)
{
	return store_job_refuse(job, 400, "prompt_id", "prompt_not_found",
				"Prompt '" STR_FMT "' not found.",
				STR_ARG(str_take(job->id, SHOWN_MAX)));
}

static int no_version(struct store_job *job, const struct prompt *p, int64_t n)
{
	return store_job_refuse(job, 400, "version", "prompt_not_found",
				"Version %lld of prompt '" STR_FMT
				"' not found: the latest is %lld.",
				(long long)n,
				STR_ARG(str_take(job->id, SHOWN_MAX)),
				(long long)p->latest);
}

static int find_prompt(struct store_job *job, struct prompt *out)
{
	int r = store_job_get(job, STORE_PROMPT, &job->arena, &out->row);
	struct json_error error;
	struct json doc;
	bool good;

	if (r == STORE_UNKNOWN)
		return no_prompt(job);
	if (r != 0)
		return r;
	if (json_parse(out->row.body, NULL, &doc, &error) != 0)
		return store_job_damaged();
	good = json_to_i64(&doc,
			   json_get(&doc, json_root(&doc),
				    STR("default_version")),
			   &out->default_version) &&
	       json_to_i64(&doc, json_get(&doc, json_root(&doc), STR("latest")),
			   &out->latest);
	json_fini(&doc);
	return good ? 0 : store_job_damaged();
}

/* The body of one of its versions. */
static int find_version(struct store_job *job, const struct prompt *p,
			int64_t n, struct str *out)
{
	struct store_key key = { STORE_PROMPT_VERSION, job->owner,
				 version_name(job, job->id, n) };
	struct store_object row;
	int r = store_object_get(job->store, &key, &job->arena, &row);

	*out = row.body;
	return r == STORE_UNKNOWN ? no_version(job, p, n) : r;
}

/* --- answers --------------------------------------------------------------- */

static int write_version(struct json_writer *w, struct str body,
			 int64_t default_version)
{
	static const struct str members[] = {
		STR_INIT("prompt"),
		STR_INIT("version"),
		STR_INIT("prompt_id"),
		STR_INIT("variables"),
	};
	struct json_error error;
	struct json doc;
	int64_t n = 0;

	if (json_parse(body, NULL, &doc, &error) != 0)
		return store_job_damaged();
	json_object(w);
	for (size_t i = 0; i < countof(members); i++) {
		json_member_raw(w, members[i],
				json_raw(&doc, json_get(&doc, json_root(&doc),
							members[i])));
	}
	(void)json_to_i64(&doc, json_get(&doc, json_root(&doc), members[1]),
			  &n);
	/* 0: it is known to be. */
	json_member_bool(w, STR("is_default"),
			 default_version == 0 || n == default_version);
	json_end(w);
	json_fini(&doc);
	return 0;
}

/* --- what threads do ------------------------------------------------------- */

static int do_create(struct store_job *job, struct json_writer *w)
{
	struct prompt p = { .default_version = 1, .latest = 1 };
	struct id_source ids = ID_RANDOM;
	struct store_op ops[2];
	struct draft d = { .variables = JSON_NONE };
	struct id id;
	int r = read_draft(job, true, &d);

	if (r != 0)
		return r;
	id_make(&ids, STR("pmpt_"), &id);
	p.row = (struct store_object){ .kind = STORE_PROMPT,
				       .owner = job->owner,
				       .id = id_str(&id),
				       .created = clock_wall() / CLOCK_S };
	p.row.body = prompt_body(job, &p);
	p.row.aux = version_body(job, &p, &d);
	ops[0] = (struct store_op){ .what = STORE_INSERT, .object = p.row };
	ops[1] = ops[0];
	ops[1].object.kind = STORE_PROMPT_VERSION;
	ops[1].object.id = version_name(job, p.row.id, 1);
	ops[1].object.parent = p.row.id;
	ops[1].object.body = p.row.aux;
	ops[1].object.aux = STR_NULL;
	r = apply(job, ops, 2);
	return r == 0 ? write_version(w, p.row.aux, 1) : r;
}

/* The version that the query names; 0: the default one. */
static int asked_version(struct store_job *job, int64_t *out)
{
	int64_t n = 0;

	for (size_t i = 0; i < job->sub.len; i++) {
		char c = job->sub.ptr[i];

		if (c < '0' || c > '9' || n > VERSIONS_MAX) {
			return store_job_refuse(
				job, 400, "version", "invalid_value",
				"Invalid 'version': it is a number from 1 on, "
				"or left out for the default version.");
		}
		n = 10 * n + (c - '0');
	}
	*out = n;
	return 0;
}

static int do_get(struct store_job *job, struct json_writer *w)
{
	struct prompt p = { .latest = 0 };
	struct str body;
	int64_t n = 0;
	int r = asked_version(job, &n);

	if (r == 0)
		r = find_prompt(job, &p);
	if (r != 0)
		return r;
	body = p.row.aux;
	if (job->sub.len > 0)
		r = find_version(job, &p, n, &body);
	return r == 0 ? write_version(w, body, p.default_version) : r;
}

/* The next version; STORE_CONFLICT when somebody else has written. */
static int try_update(struct store_job *job, const struct draft *d,
		      struct prompt *p, struct str *body)
{
	struct store_op ops[2] = { { .what = STORE_REPLACE } };
	int r = find_prompt(job, p);

	if (r != 0)
		return r;
	if (d->version != p->latest) {
		return store_job_refuse(
			job, 400, "version", "not_the_latest_version",
			"'version' is the one that the new one follows: %lld, "
			"the latest, not %lld.",
			(long long)p->latest, (long long)d->version);
	}
	if (p->latest == VERSIONS_MAX) {
		return store_job_refuse(job, 400, "version",
					"too_many_versions",
					"A prompt has at most %d versions.",
					VERSIONS_MAX);
	}
	ops[0].version = p->row.version;
	p->latest++;
	*body = version_body(job, p, d);
	if (d->is_default) {
		p->default_version = p->latest;
		p->row.aux = *body;
	}
	p->row.body = prompt_body(job, p);
	ops[0].object = p->row;
	ops[1].what = STORE_INSERT;
	ops[1].object = (struct store_object){
		.kind = STORE_PROMPT_VERSION,
		.owner = job->owner,
		.id = version_name(job, job->id, p->latest),
		.parent = job->id,
		.created = clock_wall() / CLOCK_S,
		.body = *body,
	};
	return apply(job, ops, 2);
}

static int do_update(struct store_job *job, struct json_writer *w)
{
	struct prompt p = { 0 };
	struct draft d = { 0 };
	struct str body;
	int r = read_draft(job, false, &d);

	if (r != 0)
		return r;
	r = STORE_CONFLICT;
	for (int i = 0; i < TRIES && r == STORE_CONFLICT; i++)
		r = try_update(job, &d, &p, &body);
	if (r == STORE_CONFLICT)
		return -EBUSY;
	return r == 0 ? write_version(w, body, p.default_version) : r;
}

static int try_set_default(struct store_job *job, int64_t n, struct prompt *p)
{
	struct store_op op = { .what = STORE_REPLACE };
	int r = find_prompt(job, p);

	if (r == 0)
		r = find_version(job, p, n, &p->row.aux);
	if (r != 0)
		return r;
	op.version = p->row.version;
	p->default_version = n;
	p->row.body = prompt_body(job, p);
	op.object = p->row;
	return apply(job, &op, 1);
}

static int do_set_default(struct store_job *job, struct json_writer *w)
{
	static const struct field fields[] = {
		{ STR_INIT("version"), FIELD_INT, .required = true },
		{ { 0 } },
	};
	struct field_checker c = { &job->doc, &job->arena, &job->error };
	struct prompt p = { 0 };
	int r = STORE_CONFLICT;
	int64_t n = 0;
	uint32_t at[1];

	field_find(&job->doc, json_root(&job->doc), fields, at);
	if (field_check(&c, fields, at, NULL) != 0)
		return STORE_JOB_REFUSED;
	(void)json_to_i64(&job->doc, at[0], &n);
	for (int i = 0; i < TRIES && r == STORE_CONFLICT; i++)
		r = try_set_default(job, n, &p);
	if (r == STORE_CONFLICT)
		return -EBUSY;
	return r == 0 ? write_version(w, p.row.aux, n) : r;
}

static int do_delete(struct store_job *job, struct json_writer *w)
{
	struct store_op ops[] = {
		{ .what = STORE_DELETE,
		  .object = { .kind = STORE_PROMPT,
			      .owner = job->owner,
			      .id = job->id } },
		{ .what = STORE_DELETE_CHILDREN,
		  .object = { .kind = STORE_PROMPT_VERSION,
			      .owner = job->owner,
			      .parent = job->id } },
	};
	int r = apply(job, ops, countof(ops));

	if (r == 0)
		json_add_null(w);
	return r == STORE_UNKNOWN ? no_prompt(job) : r;
}

/* --- lists ----------------------------------------------------------------- */

static void begin_list(struct json_writer *w)
{
	json_object(w);
	json_member_str(w, STR("object"), STR("list"));
	json_member(w, STR("data"));
	json_array(w);
}

static int list_prompts(struct store_job *job, struct json_writer *w,
			struct arena *rows)
{
	struct store_objects_query q = store_job_query(job, STORE_PROMPT);
	struct store_objects page;
	int r;

	q.label = STR_NULL;
	q.without = STORE_BODY | STORE_INPUT;
	r = store_object_list(job->store, &q, rows, &page);
	if (r != 0)
		return r;
	begin_list(w);
	for (size_t i = 0; i < page.count && r == 0; i++)
		r = write_version(w, page.rows[i].aux, 0);
	if (r != 0)
		return r;
	json_end(w);
	json_member_str(w, STR("first_id"),
			page.count > 0 ? page.rows[0].id : STR(""));
	json_member_str(w, STR("last_id"),
			page.count > 0 ? page.rows[page.count - 1].id
				       : STR(""));
	json_member_bool(w, STR("has_more"), page.has_more);
	json_end(w);
	return 0;
}

static int do_list(struct store_job *job, struct json_writer *w)
{
	return store_job_list(job, w, list_prompts);
}

/* One after the other: their texts may be large. */
static int do_versions(struct store_job *job, struct json_writer *w)
{
	struct prompt p = { .latest = 0 };
	int r = find_prompt(job, &p);

	if (r != 0)
		return r;
	begin_list(w);
	for (int64_t n = 1; n <= p.latest && r == 0; n++) {
		struct arena_mark mark = arena_mark(&job->arena);
		struct str body;

		r = find_version(job, &p, n, &body);
		if (r == 0)
			r = write_version(w, body, p.default_version);
		arena_rewind(&job->arena, mark);
	}
	if (r != 0)
		return r;
	json_end(w);
	json_end(w);
	return 0;
}

/* --- on the loop ----------------------------------------------------------- */

static void run(struct api_call *c,
		int (*act)(struct store_job *job, struct json_writer *w),
		struct str version, bool takes_body)
{
	store_job_run(c, &(struct store_job_ask){ .act = act,
						  .words = &words,
						  .id = c->rest,
						  .sub = version,
						  .takes_body = takes_body });
}

void prompts_list(struct api_call *c)
{
	store_job_run_page(
		c, &(struct store_job_ask){ .act = do_list, .words = &words },
		&(struct page_usual){ LIST_MAX, .newest_first = true });
}

void prompts_create(struct api_call *c)
{
	run(c, do_create, STR_NULL, true);
}

void prompts_get(struct api_call *c)
{
	struct str query = c->req->query, name, value, version = STR_NULL;

	while (url_query_next(&query, &c->req->arena, &name, &value) == 1) {
		if (str_eq(name, STR("version")))
			version = value;
	}
	run(c, do_get, version, false);
}

void prompts_versions(struct api_call *c)
{
	run(c, do_versions, STR_NULL, false);
}

void prompts_update(struct api_call *c)
{
	run(c, do_update, STR_NULL, true);
}

void prompts_set_default(struct api_call *c)
{
	run(c, do_set_default, STR_NULL, true);
}

void prompts_delete(struct api_call *c)
{
	run(c, do_delete, STR_NULL, false);
}
