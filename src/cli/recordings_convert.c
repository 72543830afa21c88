#include "cli/recordings_impl.h"

#include "base/err.h"
#include "base/map.h"
#include "recording/cassette.h"
#include "recording/index.h"
#include "recording/key.h"
#include "recording/name.h"
#include "recording/ogx.h"
#include "recording/ogx_shape.h"
#include "recording/secret.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FOLDER_MAX = 1024
};

struct convert {
	const struct word_cmd *c;
	struct arena arena; /* of the map's keys */
	struct map turns;   /* folder and key: how many there were */
	struct map numbers; /* folder: the last file's number */
	struct print print;
	struct str session, upstream, base_url; /* "": as in the file */
	const char *out;
	bool to_ogx;
	size_t written, left_out, secrets;
};

/* Counts up what a map has for a key, from 1. */
static int64_t next_of(struct convert *x, struct map *map, struct str key)
{
	int64_t *n = map_get(map, key);

	if (n == NULL) {
		n = arena_zalloc(&x->arena, sizeof(*n));
		(void)map_put(map, arena_str(&x->arena, key), n);
	}
	return ++*n;
}

/* The folder at path below the output, made part by part; a descriptor. */
static int open_folder(const struct convert *x, struct str path)
{
	struct str part;
	struct arena a;
	int fd, next;

	if (mkdir(x->out, 0777) < 0 && errno != EEXIST)
		return -errno;
	fd = open(x->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	arena_init(&a, SIZE_MAX / 2);
	while (path.len > 0 && fd >= 0) {
		(void)str_cut(path, '/', &part, &path);
		if (part.len == 0)
			continue;
		next = file_open_dir(fd, arena_cz(&a, part), true);
		(void)close(fd);
		fd = next;
	}
	arena_fini(&a);
	return fd;
}

static void leave_out(struct convert *x, struct str path, const char *why)
{
	x->left_out++;
	(void)words_fail(0, STR_FMT ": %s", STR_ARG(path), why);
}

static void say_written(struct convert *x, struct str from, struct str folder,
			struct str name)
{
	struct json_writer w;
	struct buf out;

	x->written++;
	if (!x->c->json) {
		print_fmt(&x->print,
			  STR_FMT " -> %s/" STR_FMT "%s" STR_FMT "\n",
			  STR_ARG(from), x->out, STR_ARG(folder),
			  folder.len > 0 ? "/" : "", STR_ARG(name));
		print_flush(&x->print);
		return;
	}
	buf_init(&out, PRINT_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("from"), from);
	json_member_str(&w, STR("folder"), folder);
	json_member_str(&w, STR("file"), name);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&out);
	buf_fini(&out);
}

static void clean(struct convert *x, struct recording *r, struct arena *a)
{
	const struct secret_job job = { .policy = SECRET_REDACT };
	struct recording_request *req = &r->request;
	struct recording_response *res = &r->response;

	req->header_count =
		secret_keep_headers(req->headers, req->header_count,
				    SECRET_REQUEST, a, &req->headers);
	res->header_count =
		secret_keep_headers(res->headers, res->header_count,
				    SECRET_RESPONSE, a, &res->headers);
	x->secrets += secret_clean(r, a, &job);
}

static void save_exact(struct convert *x, struct recording *r, struct arena *a,
		       struct str from)
{
	const struct key_input input = { r->op, &r->request };
	const struct file_options options = { 0 };
	char key[RECORDING_KEY_LEN], name[RECORDING_NAME_MAX + 1];
	char slug[RECORDING_NAME_MAX + 1];
	struct str folder = x->session.len > 0 ? x->session : r->test_id;
	struct name_parts parts = { .op = r->op };
	struct transcript t;
	int dir;

	if (key_make(&input, KEY_EXACT, key, NULL) != 0) {
		leave_out(x, from, "the request is too large");
		return;
	}
	r->key = parts.key = arena_str(a, (struct str){ key, sizeof(key) });
	folder = folder.len > 0 ? name_session(folder, slug) : STR("_shared");
	r->occ = next_of(x, &x->turns,
			 arena_printf(a, STR_FMT "\n" STR_FMT, STR_ARG(folder),
				      STR_ARG(r->key)));
	transcript_make(r, a, &t);
	parts.model = t.model;
	parts.number = (unsigned)next_of(x, &x->numbers, folder);
	(void)name_file(&parts, name);
	dir = open_folder(x, folder);
	if (dir < 0 || file_save_exact(dir, name, r, &options) < 0)
		leave_out(x, from, "cannot be written");
	else
		say_written(x, from, folder, str_of(name));
	if (dir >= 0)
		(void)close(dir);
}

/* What the upstream's URL is: only its path is in OGX's keys. */
static struct str base_of(const struct convert *x, const struct recording *r,
			  struct arena *a)
{
	static const char *const ends[] = { "/chat/completions", "/completions",
					    "/embeddings", "/models",
					    "/responses" };
	struct str path = r->request.path, rest;

	if (x->base_url.len > 0)
		return x->base_url;
	if (str_find(r->request.upstream, STR("://")) < r->request.upstream.len)
		return r->request.upstream;
	(void)str_cut(path, '?', &path, &rest);
	for (size_t i = 0; i < countof(ends); i++) {
		if (str_ends(path, str_of(ends[i]))) {
			path = str_take(path, path.len - strlen(ends[i]));
			break;
		}
	}
	return arena_printf(a, "https://" STR_FMT STR_FMT,
			    STR_ARG(r->request.upstream), STR_ARG(path));
}

static int write_ogx(const struct ogx_output *o, const struct convert *x,
		     struct str folder, const char *name)
{
	const struct file_options options = { 0 };
	int r, dir = -1;
	struct buf text;

	buf_init(&text, RECORDING_FILE_MAX);
	r = ogx_write(o, &text);
	if (r == 0) {
		dir = open_folder(x, folder);
		r = dir < 0 ? dir
			    : file_save(dir, name, buf_str(&text), &options);
	}
	if (dir >= 0)
		(void)close(dir);
	buf_fini(&text);
	return r;
}

static void save_shaped(struct convert *x, const struct recording *r,
			struct ogx_call *call, struct str from)
{
	char key[RECORDING_KEY_LEN], name[RECORDING_NAME_MAX + 1];
	char folder[FOLDER_MAX];
	struct ogx_output o = { .recording = r, .call = call };
	struct str where;
	int status;

	if (ogx_key(call, OGX_KEY_NOW, key, NULL) != 0) {
		leave_out(x, from, "the request is too large");
		return;
	}
	o.key = (struct str){ key, sizeof(key) };
	o.endpoint = ogx_shape_endpoint(r->op);
	where = index_test_folder(call->test_id, folder, sizeof(folder));
	if (where.len == 0)
		where = STR("recordings");
	(void)ogx_file_name(&o, name);
	status = write_ogx(&o, x, where, name);
	if (status > 0)
		leave_out(x, from, "OGX's format cannot hold such an answer");
	else if (status < 0)
		leave_out(x, from, "cannot be written");
	else
		say_written(x, from, where, str_of(name));
}

static void save_ogx(struct convert *x, const struct recording *r,
		     struct arena *a, struct str from)
{
	const struct ogx_request req = {
		.op = r->op,
		.base_url = base_of(x, r, a),
		.body = r->request.body.len > 0 ? r->request.body : STR("{}"),
		.test_id = x->session.len > 0 ? x->session : r->test_id,
		.is_watsonx = str_eq(r->request.upstream, STR("watsonx")),
	};
	struct ogx_call call = { .family = OGX_INFERENCE,
				 .method = STR("POST"),
				 .test_id = req.test_id,
				 .has_test_id = req.test_id.len > 0 };
	struct json_error e;
	struct str kwargs;
	struct json doc;

	if (ogx_shape_endpoint(r->op).len == 0 ||
	    ogx_shape(&req, a, &call.url, &kwargs) != 0 ||
	    json_parse(kwargs, NULL, &doc, &e) != 0) {
		leave_out(x, from, "OGX records no such request");
		return;
	}
	call.doc = &doc;
	call.body = json_root(&doc);
	save_shaped(x, r, &call, from);
	json_fini(&doc);
}

static void save(struct convert *x, struct recording *r, struct arena *a,
		 struct str from)
{
	if (x->upstream.len > 0)
		r->request.upstream = x->upstream;
	clean(x, r, a);
	if (x->to_ogx)
		save_ogx(x, r, a, from);
	else
		save_exact(x, r, a, from);
}

static void convert_cassette(struct convert *x, struct cassette *c,
			     const struct recordings_place *at)
{
	struct recording_problem problem;
	struct recording r;
	struct arena a;
	int status;

	arena_init(&a, SIZE_MAX / 2);
	while ((status = cassette_next(c, &a, &r, &problem)) != CASSETTE_END) {
		r.meta.gateway = STR(QUIPU_VERSION);
		r.test_id = arena_str(&a, str_of(at->name));
		if (x->to_ogx)
			r.test_id = STR("");
		if (status == 0)
			save(x, &r, &a, at->path);
		else
			leave_out(x, at->path, problem.text);
		arena_reset(&a);
	}
	arena_fini(&a);
}

static int convert_one(void *arg, const struct recordings_place *at)
{
	struct recording_problem problem, why;
	struct convert *x = arg;
	struct cassette c;
	struct file f;
	struct str text;
	struct arena a;

	if (file_load(at->dir, at->name, &f, &problem) == 0) {
		if (!f.recording.is_ogx && f.recording.test_id.len == 0 &&
		    !str_eq(at->folder, STR("_shared")))
			f.recording.test_id = at->folder;
		save(x, &f.recording, &f.arena, at->path);
		file_fini(&f);
		return 0;
	}
	arena_init(&a, SIZE_MAX / 2);
	if (file_read(at->dir, at->name, &a, &text, &why) != 0) {
		leave_out(x, at->path, why.text);
	} else if (cassette_open(text, &c, &why) == 0) {
		convert_cassette(x, &c, at);
		cassette_close(&c);
	} else {
		leave_out(x, at->path,
			  str_ends(str_of(at->name), STR(".json"))
				  ? problem.text
				  : why.text);
	}
	arena_fini(&a);
	return 0;
}

static void convert_other(void *arg, const struct recordings_place *at)
{
	struct str name = str_of(at->name);

	if (str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml")) ||
	    str_ends(name, STR(".har")))
		(void)convert_one(arg, at);
}

static bool read_options(struct convert *x)
{
	const struct word_cmd *c = x->c;
	struct str to = str_of(words_option(c, "--to"));

	x->session = str_of(words_option(c, "--session"));
	x->upstream = str_of(words_option(c, "--upstream"));
	x->base_url = str_of(words_option(c, "--base-url"));
	x->out = words_option(c, "--out");
	x->to_ogx = str_eq(to, STR("ogx"));
	if (x->out == NULL)
		x->out = "recordings";
	return to.len == 0 || x->to_ogx || str_eq(to, STR("exact"));
}

int recordings_convert(const struct word_cmd *c)
{
	struct convert x = { .c = c };
	struct recordings_visitor v = { .file = convert_one,
					.other = convert_other,
					.arg = &x };
	int r = 0;

	if (!read_options(&x))
		return words_fail(WORDS_USAGE, "convert: --to is exact or ogx");
	arena_init(&x.arena, SIZE_MAX / 2);
	print_init(&x.print, c->color);
	for (size_t i = 0; i < c->count && r >= 0; i++)
		r = recordings_walk(c->args[i], &v);
	if (!c->json) {
		print_fmt(&x.print,
			  "%zu written, %zu left out, %zu secrets redacted\n",
			  x.written, x.left_out, x.secrets);
	}
	print_flush(&x.print);
	print_fini(&x.print);
	map_fini(&x.turns);
	map_fini(&x.numbers);
	arena_fini(&x.arena);
	return r < 0 || x.left_out > 0 ? RECORDINGS_BAD : RECORDINGS_OK;
}
