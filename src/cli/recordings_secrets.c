#include "cli/recordings_impl.h"

#include "recording/secret.h"

struct scan {
	const struct word_cmd *c;
	struct print print;
	struct buf json;
	const struct recordings_place *at; /* the file */
	size_t files, found, bad, cleaned;
};

static void say_place(struct scan *s, const char *where, struct str what,
		      size_t at)
{
	struct json_writer w;

	s->found++;
	if (!s->c->json) {
		print_add(&s->print, s->at->path);
		print_fmt(&s->print, ": %s", where);
		if (at != SIZE_MAX)
			print_fmt(&s->print, " at byte %zu", at);
		print_fmt(&s->print, ": " STR_FMT "\n", STR_ARG(what));
		return;
	}
	json_writer_init(&w, &s->json);
	json_object(&w);
	json_member_str(&w, STR("file"), s->at->path);
	json_member_str(&w, STR("where"), str_of(where));
	if (at != SIZE_MAX)
		json_member_int(&w, STR("at"), (int64_t)at);
	json_member_str(&w, STR("what"), what);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&s->json);
}

static void say_find(void *arg, const struct secret_find *find)
{
	struct arena a;

	arena_init(&a, SIZE_MAX / 2);
	say_place(arg, find->where,
		  arena_printf(&a, "%s of %zu bytes%s", find->kind, find->len,
			       find->split ? ", split over events" : ""),
		  find->at);
	arena_fini(&a);
}

/* Headers that quipu would never have kept; somebody put them there. */
static void scan_headers(struct scan *s, const struct recording *r)
{
	const struct recording_request *req = &r->request;
	const struct recording_response *res = &r->response;

	for (size_t i = 0; i < req->header_count; i++) {
		if (!secret_keeps_header(req->headers[i].name, SECRET_REQUEST))
			say_place(s, "request.headers", req->headers[i].name,
				  SIZE_MAX);
	}
	for (size_t i = 0; i < res->header_count; i++) {
		if (!secret_keeps_header(res->headers[i].name, SECRET_RESPONSE))
			say_place(s, "response.headers", res->headers[i].name,
				  SIZE_MAX);
	}
}

static void drop_headers(struct file *f)
{
	struct recording_request *req = &f->recording.request;
	struct recording_response *res = &f->recording.response;

	req->header_count =
		secret_keep_headers(req->headers, req->header_count,
				    SECRET_REQUEST, &f->arena, &req->headers);
	res->header_count =
		secret_keep_headers(res->headers, res->header_count,
				    SECRET_RESPONSE, &f->arena, &res->headers);
}

static void load(struct scan *s, struct file *f)
{
	struct secret_job job = { .policy = SECRET_REPORT,
				  .say = say_find,
				  .arg = s };

	scan_headers(s, &f->recording);
	(void)secret_clean(&f->recording, &f->arena, &job);
}

static bool open_file(struct scan *s, const struct recordings_place *at,
		      struct file *f)
{
	struct recording_problem problem;

	s->at = at;
	s->files++;
	if (file_load(at->dir, at->name, f, &problem) == 0)
		return true;
	s->bad++;
	(void)words_fail(0, STR_FMT ": %s", STR_ARG(at->path), problem.text);
	return false;
}

static int scan_one(void *arg, const struct recordings_place *at)
{
	struct scan *s = arg;
	struct file f;

	if (!open_file(s, at, &f))
		return 0;
	load(s, &f);
	print_flush(&s->print);
	file_fini(&f);
	return 0;
}

/* OGX's files are texts of its own: what is overwritten is the text. */
static int redact_ogx(const struct recordings_place *at, struct arena *a)
{
	const struct file_options options = { .sync = true };
	struct recording_problem problem;
	struct str text;
	struct buf clean;
	int r = 0;

	if (file_read(at->dir, at->name, a, &text, &problem) != 0)
		return -1;
	buf_init(&clean, RECORDING_FILE_MAX);
	if (secret_redact_text(text, &clean) > 0)
		r = file_save(at->dir, at->name, buf_str(&clean), &options);
	buf_fini(&clean);
	return r;
}

static int redact_exact(const struct recordings_place *at, struct file *f)
{
	const struct secret_job job = { .policy = SECRET_REDACT };
	const struct file_options options = { .sync = true };

	(void)secret_clean(&f->recording, &f->arena, &job);
	drop_headers(f);
	return file_save_exact(at->dir, at->name, &f->recording, &options);
}

/* What is still found afterwards is said again, and counts. */
static void check(struct scan *s, const struct recordings_place *at)
{
	size_t before = s->found;
	struct file f;

	s->files--;
	if (!open_file(s, at, &f))
		return;
	load(s, &f);
	if (s->found > before) {
		s->bad++;
		(void)words_fail(0, STR_FMT ": secrets remain",
				 STR_ARG(at->path));
	} else {
		s->cleaned++;
	}
	s->found = before;
	file_fini(&f);
}

static int redact_one(void *arg, const struct recordings_place *at)
{
	struct scan *s = arg;
	size_t before = s->found;
	struct file f;
	int r = 0;

	if (!open_file(s, at, &f))
		return 0;
	load(s, &f);
	if (s->found > before) {
		r = f.recording.is_ogx ? redact_ogx(at, &f.arena)
				       : redact_exact(at, &f);
	}
	file_fini(&f);
	if (r < 0) {
		s->bad++;
		(void)words_fail(0, STR_FMT ": cannot be written",
				 STR_ARG(at->path));
	} else if (s->found > before) {
		check(s, at);
	}
	print_flush(&s->print);
	return 0;
}

static int walk(struct scan *s,
		int (*fn)(void *, const struct recordings_place *))
{
	const struct recordings_visitor v = { .file = fn, .arg = s };
	int r = 0;

	print_init(&s->print, s->c->color);
	buf_init(&s->json, PRINT_MAX);
	for (size_t i = 0; i < s->c->count && r >= 0; i++)
		r = recordings_walk(s->c->args[i], &v);
	return r;
}

static void finish(struct scan *s)
{
	print_flush(&s->print);
	print_fini(&s->print);
	buf_fini(&s->json);
}

int recordings_scan(const struct word_cmd *c)
{
	struct scan s = { .c = c };
	int r = walk(&s, scan_one);

	if (r >= 0 && !c->json)
		print_fmt(&s.print, "%zu files, %zu secrets\n", s.files,
			  s.found);
	finish(&s);
	if (s.found > 0)
		return RECORDINGS_SECRETS;
	return r < 0 || s.bad > 0 ? RECORDINGS_BAD : RECORDINGS_OK;
}

int recordings_redact(const struct word_cmd *c)
{
	struct scan s = { .c = c };
	int r = walk(&s, redact_one);

	if (r >= 0 && !c->json)
		print_fmt(&s.print, "%zu files, %zu redacted\n", s.files,
			  s.cleaned);
	finish(&s);
	return r < 0 || s.bad > 0 ? RECORDINGS_BAD : RECORDINGS_OK;
}
