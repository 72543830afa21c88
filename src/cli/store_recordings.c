#include "cli/store_impl.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "cli/load.h"
#include "core/registry.h"
#include "llm/disassemble.h"
#include "recording/file.h"
#include "recording/key.h"
#include "recording/name.h"
#include "recording/secret.h"
#include "store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_TYPE STR("application/json")
#define SSE_TYPE  STR("text/event-stream")
#define TRUNCATED STR("quipu_truncated")
#define CHAT      STR("chat.completions")

enum {
	ROW_ARENA = 8 * STORE_ROW_BYTES_MAX,
	SECONDS = 19, /* of a time's text: without what is behind the dot */
};

struct writer {
	int dir;
	struct registry *registry;
	struct catalog *catalog;
	struct map turns; /* key to how many were equal, from 1 */
	struct arena keys;
	struct store_progress progress;
	int64_t written, left_out;
};

/* One row on its way; all of it lives in the arena. */
struct job {
	struct writer *w;
	const struct store_completion *c;
	struct arena arena;
	struct json body; /* the client's */
	bool has_body;
	struct buf answer;
	struct recording recording;
	struct recording_mark marks[1];
	const char *why; /* it is left out */
};

enum {
	LEFT_OUT = 1
};

static int leave_out(struct job *j, const char *why)
{
	j->why = why;
	return LEFT_OUT;
}

/* The client's body: its other members, and the messages. */
static int make_body(struct job *j)
{
	const struct store_completion *c = j->c;
	struct json_error bad;
	struct str text;

	if (c->params.len < 2 || c->request.len == 0)
		return leave_out(j, "its request was not kept whole");
	text = arena_join(&j->arena,
			  (struct str[]){
				  str_take(c->params, c->params.len - 1),
				  c->params.len > 2 ? STR(",") : STR(""),
				  STR("\"messages\":"), c->request, STR("}") },
			  5);
	if (json_parse(text, NULL, &j->body, &bad) != 0)
		return leave_out(j, "its request is not JSON");
	j->has_body = true;
	return 0;
}

static uint32_t member(const struct job *j, struct str name)
{
	return json_get(&j->body, json_root(&j->body), name);
}

static bool is_stream(const struct job *j)
{
	return json_is_true(&j->body, member(j, STR("stream")));
}

static bool wants_usage(const struct job *j)
{
	return json_is_true(&j->body,
			    json_get(&j->body, member(j, STR("stream_options")),
				     STR("include_usage")));
}

/* Who answered, and by which name the model goes there. */
static int find_target(struct job *j, struct model_target *out)
{
	struct api_error error = { 0 };
	const struct upstream *u =
		registry_find(j->w->registry, j->c->provider);

	if (u == NULL)
		return leave_out(j, "its provider is not configured; name the "
				    "server's file with --config");
	if (u->provider.type->caps & PROVIDER_LOCAL)
		return leave_out(j, "its provider answers by itself");
	if (catalog_resolve(j->w->catalog, j->c->model_asked, &j->arena, out,
			    &error) != 0 ||
	    out->upstream != u)
		return leave_out(j, "its model leads to another provider now");
	return 0;
}

static int make_request(struct job *j)
{
	struct provider_call *call = arena_zalloc(&j->arena, sizeof(*call));
	struct recording_request *out = &j->recording.request;
	struct model_target target;
	struct api_error error = { 0 };
	struct provider_request req = {
		.op = LLM_CHAT,
		.doc = &j->body,
		.stream = is_stream(j),
		.has_models = member(j, STR("models")) != JSON_NONE,
		.wall_ns = j->c->created * CLOCK_S,
		.key = STR("replay"),
	};
	const struct provider *p;
	int r = find_target(j, &target);

	if (r != 0)
		return r;
	p = &target.upstream->provider;
	req.model = target.upstream_id;
	if (p->type->translate_begin != NULL &&
	    p->type->translate_begin(p, &req, &j->arena) != NULL)
		return leave_out(j, "its provider has another dialect");
	if (provider_encode(p, &req, &j->arena, call, &error) != 0)
		return leave_out(j, "its provider would not take the request");
	*out = (struct recording_request){
		.method = call->method,
		.path = call->target,
		.upstream = p->id,
		.body = arena_join(&j->arena, call->pieces, call->piece_count),
	};
	out->header_count =
		secret_keep_headers(call->headers, call->header_count,
				    SECRET_REQUEST, &j->arena, &out->headers);
	return 0;
}

static struct http_header *type_header(struct job *j)
{
	struct http_header *h = arena_zalloc(&j->arena, sizeof(*h));

	h->name = STR("content-type");
	h->value = is_stream(j) ? SSE_TYPE : JSON_TYPE;
	return h;
}

static int make_answer(struct job *j)
{
	const struct store_completion *c = j->c;
	const struct disassemble_parts parts = {
		.id = c->id,
		.model = c->model_served,
		.created = c->created,
		.choices = c->choices,
		.usage = c->usage,
		.extra = c->extra,
	};
	int r = is_stream(j)
			? disassemble_stream(&parts, wants_usage(j), &j->answer)
			: disassemble_whole(&parts, &j->answer);

	if (r != 0)
		return leave_out(j, "its answer cannot be made anew");
	j->marks[0].end = j->answer.len;
	if (c->first_byte_us > 0 && c->first_byte_us / 1000 < INT32_MAX)
		j->marks[0].ms = (uint32_t)(c->first_byte_us / 1000);
	j->recording.response = (struct recording_response){
		.status = 200,
		.headers = type_header(j),
		.header_count = 1,
		.framing = is_stream(j) ? RECORDING_SSE : RECORDING_WHOLE,
		.body = buf_str(&j->answer),
		.marks = j->marks,
		.mark_count = 1,
	};
	return 0;
}

/* The how-many-eth of equal requests it is. */
static int64_t take_turn(struct writer *w, const char key[RECORDING_KEY_LEN])
{
	struct str name = { key, RECORDING_KEY_LEN };
	int64_t *turn = map_get(&w->turns, name);

	if (turn == NULL) {
		turn = arena_zalloc(&w->keys, sizeof(*turn));
		(void)map_put(&w->turns, arena_str(&w->keys, name), turn);
	}
	return ++*turn;
}

static void note_meta(struct job *j)
{
	char text[CLOCK_TEXT_LEN + 1];
	struct str when = clock_text(j->c->created * CLOCK_S, text);

	j->recording.meta = (struct recording_meta){
		.recorded_at = arena_printf(&j->arena, STR_FMT "Z",
					    STR_ARG(str_take(when, SECONDS))),
		.gateway = STR(QUIPU_VERSION),
		.attempt = 1,
	};
}

static int save(struct job *j)
{
	const struct secret_job how = { .policy = SECRET_REDACT };
	const struct file_options options = { .private = true };
	struct recording *r = &j->recording;
	char key[RECORDING_KEY_LEN], name[RECORDING_NAME_MAX + 1];
	struct name_parts parts = { .op = CHAT, .model = j->c->model_asked };
	int rc;

	r->op = CHAT;
	note_meta(j);
	(void)secret_clean(r, &j->arena, &how);
	if (key_make(&(struct key_input){ r->op, &r->request }, KEY_EXACT, key,
		     NULL) != 0)
		return leave_out(j, "its request is too large");
	r->key = parts.key = (struct str){ key, sizeof(key) };
	r->occ = take_turn(j->w, key);
	parts.number = (unsigned)r->occ;
	(void)name_file(&parts, name);
	rc = file_save_exact(j->w->dir, name, r, &options);
	r->key = STR_NULL; /* it is of this call */
	return rc < 0 ? err_new(rc, "%s: %s", name, strerrordesc_np(-rc)) : 0;
}

static bool is_truncated(const struct store_completion *c)
{
	return str_find(c->extra, TRUNCATED) < c->extra.len;
}

static int make(struct job *j)
{
	int r;

	if (j->c->status != STORE_COMPLETED)
		return leave_out(j, "it did not end well");
	if (is_truncated(j->c))
		return leave_out(j, "its answer was not kept whole");
	r = make_body(j);
	if (r == 0)
		r = make_request(j);
	if (r == 0)
		r = make_answer(j);
	return r == 0 ? save(j) : r;
}

static int write_row(void *arg, const struct store_completion *c)
{
	struct writer *w = arg;
	struct job j = { .w = w, .c = c };
	int r;

	arena_init(&j.arena, ROW_ARENA);
	buf_init(&j.answer, RECORDING_BODY_MAX);
	r = make(&j);
	if (r == LEFT_OUT) {
		w->left_out++;
		(void)words_fail(0, STR_FMT ": left out: %s", STR_ARG(c->id),
				 j.why);
		r = 0;
	} else if (r == 0) {
		w->written++;
	}
	store_progress_add(&w->progress);
	if (j.has_body)
		json_fini(&j.body);
	buf_fini(&j.answer);
	arena_fini(&j.arena);
	return r;
}

static int open_dir(const char *path)
{
	int dir = -1;

	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir >= 0 ? dir
			: err_new(-errno, "%s: %s", path,
				  strerrordesc_np(errno));
}

static void tell(const struct word_cmd *c, const struct writer *w)
{
	(void)printf(
		c->json ? "{\"written\":%lld,\"left_out\":%lld}\n"
			: "%lld recordings, %lld rows left out; events and "
			  "their times are approximate\n",
		(long long)w->written, (long long)w->left_out);
}

static int run(struct writer *w, const char *path, struct store *s,
	       const struct store_query *q)
{
	int r;

	w->dir = open_dir(path);
	if (w->dir < 0)
		return w->dir;
	w->catalog = catalog_new(w->registry, NULL, NULL, 0);
	arena_init(&w->keys, SIZE_MAX / 2);
	store_progress_init(&w->progress, "rows read:");
	r = store_walk(s, q, write_row, w);
	store_progress_end(&w->progress);
	map_fini(&w->turns);
	arena_fini(&w->keys);
	catalog_unref(w->catalog);
	(void)close(w->dir);
	return r;
}

int store_cmd_recordings(const struct word_cmd *c, struct store_opened *s,
			 const struct store_query *q)
{
	struct writer w = { 0 };
	struct api_error error = { 0 };
	int r;

	if (registry_new(s->config, s->config->environment, &s->arena,
			 &w.registry, &error) != 0)
		return words_fail(STORE_EXIT_BAD, STR_FMT,
				  STR_ARG(error.message));
	r = run(&w, c->args[0], s->store, q);
	registry_unref(w.registry);
	if (r < 0)
		return store_cmd_failed();
	tell(c, &w);
	return w.left_out > 0 ? STORE_EXIT_BAD : 0;
}
