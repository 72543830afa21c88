#include "core/writer_ogx.h"

#include "recording/file.h"
#include "recording/name.h"
#include "recording/ogx.h"
#include "recording/ogx_shape.h"
#include "json/json.h"

#include <unistd.h>

enum {
	FOLDER_MAX = 1024
};

#define SHARED STR("recordings")

/* Of the operations whose answers its SDK has classes for; NULL for others. */
static const char *endpoint_of(struct str op)
{
	static const struct {
		struct str op;
		const char *endpoint;
	} rows[] = {
		{ STR_INIT("chat.completions"), "/v1/chat/completions" },
		{ STR_INIT("completions"), "/v1/completions" },
		{ STR_INIT("embeddings"), "/v1/embeddings" },
		{ STR_INIT("models"), "/v1/models" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (str_eq(op, rows[i].op))
			return rows[i].endpoint;
	}
	return NULL;
}

/* Is each part of the path a name that may be made? */
static bool is_plain(struct str folder)
{
	struct str part;

	while (folder.len > 0) {
		(void)str_cut(folder, '/', &part, &folder);
		if (!name_is_plain(part))
			return false;
	}
	return true;
}

/* The descriptor of a folder below root, whose parts are made; or -errno. */
static int open_folder(int root, struct str folder, struct arena *a)
{
	struct str part;
	int fd = dup(root), next;

	while (fd >= 0 && folder.len > 0) {
		(void)str_cut(folder, '/', &part, &folder);
		next = file_open_dir(fd, arena_cz(a, part), true);
		(void)close(fd);
		fd = next;
	}
	return fd;
}

/* Beside its test where the session is a test's id, else the shared one. */
static struct str folder_of(struct str session, struct arena *a)
{
	char text[FOLDER_MAX];
	struct str folder = index_test_folder(session, text, sizeof(text));

	if (folder.len == 0 || !is_plain(folder))
		return SHARED;
	return arena_str(a, folder);
}

/* The file's name and text.  Returns 0, or RECORDING_BAD for what does not fit. */
static int make(struct library_job *job, const struct ogx_request *req,
		struct buf *out, const char **name)
{
	struct recording *r = &job->recording;
	struct arena *a = &job->arena;
	char text[RECORDING_NAME_MAX + 1], key[RECORDING_KEY_LEN];
	struct ogx_call call = { .test_id = req->test_id,
				 .has_test_id = req->test_id.len > 0 };
	struct ogx_output o = { .recording = r, .call = &call };
	struct json_error e;
	struct str kwargs;
	struct json doc;
	int rc = ogx_shape(req, a, &call.url, &kwargs);

	if (rc != 0 || json_parse(kwargs, NULL, &doc, &e) != 0)
		return RECORDING_BAD;
	call.doc = &doc;
	call.body = json_root(&doc);
	rc = ogx_key(&call, OGX_KEY_NOW, key, NULL);
	if (rc == 0) {
		o.endpoint = str_of(endpoint_of(r->op));
		o.key = (struct str){ key, sizeof(key) };
		rc = ogx_write(&o, out);
		*name = arena_cz(a, ogx_file_name(&o, text));
	}
	json_fini(&doc);
	return rc != 0 ? RECORDING_BAD : 0;
}

int writer_ogx_save(struct library *l, struct library_job *job,
		    struct str *out_folder, const char **out_name)
{
	const struct recording *r = &job->recording;
	const struct file_options options = { .sync = false };
	bool is_shared = str_eq(job->session, STR("_shared"));
	const struct ogx_request req = {
		.op = r->op,
		.base_url = job->base_url,
		.body = job->ogx_body.len > 0 ? job->ogx_body : r->request.body,
		.test_id = is_shared ? STR_NULL : job->session,
		.is_watsonx = str_eq(r->request.upstream, STR("watsonx")),
	};
	struct str folder = folder_of(req.test_id, &job->arena);
	struct buf text;
	int dir, rc;

	if (endpoint_of(r->op) == NULL)
		return WRITER_OGX_UNFIT;
	buf_init(&text, RECORDING_FILE_MAX);
	rc = make(job, &req, &text, out_name);
	if (rc == 0) {
		dir = open_folder(index_root(l->index), folder, &job->arena);
		rc = dir < 0 ? dir
			     : file_save(dir, *out_name, buf_str(&text),
					 &options);
		if (dir >= 0)
			(void)close(dir);
		*out_folder = folder;
	} else {
		rc = WRITER_OGX_UNFIT;
	}
	buf_fini(&text);
	return rc;
}
