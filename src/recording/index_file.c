#include "recording/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "recording/exact.h"
#include "recording/key.h"
#include "recording/ogx.h"
#include "json/json.h"

enum {
	LIST_SUM_AT = sizeof("models-") - 1,
};

struct model {
	struct str id, raw;
	size_t order;
};

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return false;
	}
	return true;
}

/* The key that a file's name says it has, or "". */
static struct str named_key(struct str name, bool is_list)
{
	struct str key = str_take(str_drop(name, is_list ? LIST_SUM_AT : 0),
				  RECORDING_KEY_LEN);

	return key.len == RECORDING_KEY_LEN && is_hex(key) ? key : STR_NULL;
}

/*
 * The name is what counts: some bodies were edited after they were recorded.
 * Names of the first generation are sums of another kind.
 */
static int key_ogx(const struct ogx_file *f, struct str name,
		   struct index_entry *out)
{
	struct str key = named_key(name, out->is_list);
	int r = ogx_key(&f->call, OGX_KEY_NO_TEST, out->loose, NULL);

	if (r == 0 && key.len > 0) {
		memcpy(out->key, key.ptr, RECORDING_KEY_LEN);
	} else if (r == 0) {
		r = ogx_key(&f->call, OGX_KEY_NOW, out->key, NULL);
	}
	return r;
}

static int read_ogx(struct str text, struct str name, struct arena *scratch,
		    struct index_entry *out, struct recording_problem *problem)
{
	struct ogx_file f;
	int r = ogx_read(text, &f, scratch, problem);

	if (r != 0)
		return r;
	out->is_ogx = true;
	out->is_list = str_starts(name, STR("models-"));
	if (key_ogx(&f, name, out) < 0)
		r = recording_bad(problem, "the request is too long");
	out->op = ogx_op(&f);
	out->test_id = f.test_id;
	out->model = f.model;
	out->occ = 1;
	ogx_fini(&f);
	return r;
}

/* The request's model; in scratch. */
static struct str model_of(struct str body, struct arena *scratch)
{
	struct json_error e;
	struct json doc;
	struct str model;

	if (json_parse(body, NULL, &doc, &e) != 0)
		return STR_NULL;
	model = json_string(&doc, json_get(&doc, json_root(&doc), STR("model")),
			    scratch);
	json_fini(&doc);
	return model;
}

static int read_exact(struct str text, struct arena *scratch,
		      struct index_entry *out,
		      struct recording_problem *problem)
{
	struct recording rec;
	struct key_input input = { .request = &rec.request };
	int r = exact_read(text, scratch, &rec, problem);

	if (r != 0)
		return r;
	if (rec.response.end == RECORDING_CLIENT_ABORT) {
		return recording_bad(problem, "not whole: the client went away "
					      "while it was recorded");
	}
	input.op = rec.op;
	if (key_make(&input, KEY_EXACT, out->key, NULL) < 0 ||
	    key_make(&input, KEY_NORMAL, out->loose, NULL) < 0)
		return recording_bad(problem, "the request is too long");
	out->op = rec.op;
	out->test_id = rec.test_id;
	out->model = model_of(rec.request.body, scratch);
	out->occ = rec.occ;
	return 0;
}

int index_file_read(int dir, const char *name, struct arena *a,
		    struct index_entry *out, struct recording_problem *problem)
{
	struct index_entry e = { .occ = 1 };
	struct arena scratch;
	struct str text;
	int r;

	arena_init(&scratch, SIZE_MAX / 2);
	r = file_read(dir, name, &scratch, &text, problem);
	if (r == 0) {
		r = exact_is(text) ? read_exact(text, &scratch, &e, problem)
				   : read_ogx(text, str_of(name), &scratch, &e,
					      problem);
	}
	if (r == 0) {
		*out = e;
		out->op = arena_str(a, e.op);
		out->model = arena_str(a, e.model);
		out->test_id = arena_str(a, e.test_id);
	}
	arena_fini(&scratch);
	return r;
}

int index_file_folder(int root, struct str path)
{
	int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);

	while (path.len > 0 && fd >= 0) {
		struct str part;
		char name[256];
		int next;

		(void)str_cut(path, '/', &part, &path);
		if (part.len >= sizeof(name)) {
			(void)close(fd);
			return -ENAMETOOLONG;
		}
		memcpy(name, part.ptr, part.len);
		name[part.len] = '\0';
		next = file_open_dir(fd, name, false);
		(void)close(fd);
		fd = next;
	}
	return fd;
}

int index_file_load(int root, struct str path, struct file *out,
		    struct recording_problem *problem)
{
	const char *slash =
		path.len > 0 ? memrchr(path.ptr, '/', path.len) : NULL;
	size_t at = slash != NULL ? (size_t)(slash - path.ptr) : 0;
	struct str name = str_drop(path, slash != NULL ? at + 1 : 0);
	char cz[256];
	int fd, r;

	if (name.len >= sizeof(cz))
		return recording_bad(problem, "the name is too long");
	memcpy(cz, name.ptr, name.len);
	cz[name.len] = '\0';
	fd = index_file_folder(root, str_take(path, at));
	if (fd < 0)
		return recording_bad(problem, "its folder is gone");
	r = file_load(fd, cz, out, problem);
	(void)close(fd);
	return r;
}

static int by_id(const void *a, const void *b)
{
	const struct model *x = a, *y = b;
	int r = str_cmp(x->id, y->id);

	return r != 0 ? r : (x->order > y->order) - (x->order < y->order);
}

/* The models of a body are added to list, which has room for room more. */
static size_t add_models(struct str body, struct model *list, size_t room,
			 struct arena *a)
{
	struct json_error e;
	struct json doc;
	uint32_t data;
	size_t n = 0;

	if (json_parse(body, NULL, &doc, &e) != 0)
		return 0;
	data = json_get(&doc, json_root(&doc), STR("data"));
	for (uint32_t v = json_first(&doc, data); v != JSON_NONE && n < room;
	     v = json_next(&doc, v)) {
		struct str id =
			json_string(&doc, json_get(&doc, v, STR("id")), a);

		/* The tape's text is the body, which stays. */
		list[n++] =
			(struct model){ .id = id, .raw = json_raw(&doc, v) };
	}
	json_fini(&doc);
	return n;
}

struct str index_file_unite(const struct str *bodies, size_t count,
			    struct arena *a)
{
	size_t room = 0, n = 0, parts = 1;
	struct model *list;
	struct str *text;

	/* No model is shorter than {"id":"a"}. */
	for (size_t i = 0; i < count; i++)
		room += bodies[i].len / 8;
	list = arena_alloc(a, (room + 1) * sizeof(*list));
	text = arena_alloc(a, (2 * room + 3) * sizeof(*text));
	for (size_t i = 0; i < count; i++)
		n += add_models(bodies[i], list + n, room - n, a);
	for (size_t i = 0; i < n; i++)
		list[i].order = i;
	qsort(list, n, sizeof(*list), by_id);
	text[0] = STR("{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < n; i++) {
		/* Of one id the last that was read. */
		if (i + 1 < n && str_eq(list[i].id, list[i + 1].id))
			continue;
		if (parts > 1)
			text[parts++] = STR(",");
		text[parts++] = list[i].raw;
	}
	text[parts++] = STR("]}");
	return arena_join(a, text, parts);
}

struct str index_test_folder(struct str test_id, char *out, size_t max)
{
	static const struct str end = STR_INIT("recordings");
	size_t file = str_find(test_id, STR("::")), n = 0;

	if (file == test_id.len)
		return STR_NULL;
	for (size_t i = 0; i < file; i++) {
		if (test_id.ptr[i] == '/')
			n = i + 1;
	}
	if (n + end.len > max)
		return STR_NULL;
	memcpy(out, test_id.ptr, n);
	memcpy(out + n, end.ptr, end.len);
	return (struct str){ out, n + end.len };
}
