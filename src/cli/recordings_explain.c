#include "cli/recordings_impl.h"

#include "core/library_impl.h"
#include "recording/index.h"
#include "recording/miss.h"
#include "json/json.h"

enum {
	ROUTES_MAX = 16, /* upstreams and paths that are tried */
	READ_MAX = 2000, /* recordings that are read to find them */
};

/* Where the recordings of an operation were sent to. */
struct route {
	struct str upstream, path, method;
	struct http_header *headers;
	size_t header_count;
};

struct explain {
	const struct word_cmd *c;
	struct arena arena;
	struct index *index;
	struct str op, body, session;
	struct route routes[ROUTES_MAX];
	size_t route_count, read;
	/* What was found, or the query that was missed. */
	struct index_query query;
	struct library_keys keys;
	struct recording_request request;
	struct index_hit hit;
};

static bool has_value(const struct explain *x, const char *option,
		      struct str *out)
{
	struct str s = str_of(words_option(x->c, option));

	if (s.len > 0)
		*out = s;
	return s.len > 0;
}

/* What a body asks for, by what is in it. */
static struct str guess_op(const struct json *doc)
{
	static const struct {
		const char *member, *op;
	} guesses[] = {
		{ "messages", "chat.completions" }, { "contents", "genai" },
		{ "documents", "rerank" },          { "prompt", "completions" },
		{ "input", "embeddings" },
	};
	uint32_t root = json_root(doc);

	if (json_get(doc, root, STR("max_output_tokens")) != JSON_NONE ||
	    json_get(doc, root, STR("instructions")) != JSON_NONE)
		return STR("responses");
	for (size_t i = 0; i < countof(guesses); i++) {
		if (json_get(doc, root, str_of(guesses[i].member)) != JSON_NONE)
			return str_of(guesses[i].op);
	}
	return STR("models");
}

static void add_route(struct explain *x, const struct recording_request *req)
{
	struct arena *a = &x->arena;
	struct http_header *h;

	for (size_t i = 0; i < x->route_count; i++) {
		if (str_eq(x->routes[i].upstream, req->upstream) &&
		    str_eq(x->routes[i].path, req->path))
			return;
	}
	if (x->route_count == ROUTES_MAX)
		return;
	h = arena_zalloc(a, (req->header_count + 1) * sizeof(*h));
	for (size_t i = 0; i < req->header_count; i++) {
		h[i] = req->headers[i];
		h[i].name = arena_str(a, h[i].name);
		h[i].value = arena_str(a, h[i].value);
	}
	x->routes[x->route_count++] =
		(struct route){ .upstream = arena_str(a, req->upstream),
				.path = arena_str(a, req->path),
				.method = arena_str(a, req->method),
				.headers = h,
				.header_count = req->header_count };
}

static int look_at(void *arg, const struct index_entry *e)
{
	struct recording_problem problem;
	struct explain *x = arg;
	struct str upstream, path;
	struct file f;

	if (!str_eq(e->op, x->op) || x->read == READ_MAX ||
	    index_read(x->index, e->path, &f, &problem) != 0)
		return 0;
	x->read++;
	if (has_value(x, "--upstream", &upstream))
		f.recording.request.upstream = upstream;
	if (has_value(x, "--path", &path))
		f.recording.request.path = path;
	add_route(x, &f.recording.request);
	file_fini(&f);
	return 0;
}

/* A recording's own request, or a body as a client sends it. */
static int read_input(struct explain *x)
{
	struct recording_problem problem;
	struct json_error e;
	struct json doc;
	struct file f;
	int r = recordings_read(x->c->args[0], &x->arena, &x->body);

	if (r != 0)
		return r;
	if (json_parse(x->body, NULL, &doc, &e) != 0) {
		return words_fail(RECORDINGS_BAD, "%s:%u:%u: %s", x->c->args[0],
				  e.line, e.column, e.what);
	}
	x->op = guess_op(&doc);
	(void)has_value(x, "--session", &x->session);
	if (recordings_try(x->c->args[0], &f, &problem) == 0) {
		x->op = arena_str(&x->arena, f.recording.op);
		x->body = arena_str(&x->arena, f.recording.request.body);
		if (x->session.len == 0)
			x->session = arena_str(&x->arena, f.recording.test_id);
		add_route(x, &f.recording.request);
		file_fini(&f);
	}
	json_fini(&doc);
	(void)has_value(x, "--op", &x->op);
	return 0;
}

/*
 * The upstream's name of a model: quipu's is "UPSTREAM/MODEL".  The body without
 * it, or an empty text.
 */
static struct str without_prefix(struct explain *x, struct str body)
{
	struct arena *a = &x->arena;
	struct str out = STR_NULL, model, prefix, rest;
	struct json_error e;
	struct json doc;
	uint32_t v;

	if (json_parse(body, NULL, &doc, &e) != 0)
		return out;
	v = json_get(&doc, json_root(&doc), STR("model"));
	model = json_string(&doc, v, a);
	if (str_cut(model, '/', &prefix, &rest)) {
		size_t at = json_offset(&doc, v);
		size_t end = at + json_raw(&doc, v).len;

		out = arena_join(a,
				 (struct str[]){ str_take(body, at),
						 json_quoted(a, rest),
						 str_drop(body, end) },
				 3);
	}
	json_fini(&doc);
	return out;
}

static int ask(struct explain *x, const struct route *route, struct str body)
{
	const struct library_query q = {
		.op = x->op,
		.base_url = route->upstream,
		.request = &x->request,
	};

	x->request = (struct recording_request){
		.method = route->method,
		.path = route->path,
		.upstream = route->upstream,
		.headers = route->headers,
		.header_count = route->header_count,
		.body = body,
	};
	library_all_keys(&q, x->session, false, &x->keys);
	x->query = (struct index_query){ .session = x->session,
					 .key_count = x->keys.count };
	for (size_t i = 0; i < x->keys.count; i++) {
		x->query.keys[i] =
			(struct str){ x->keys.text[i], RECORDING_KEY_LEN };
	}
	return index_peek(x->index, &x->query, &x->hit);
}

/* The first route by which a recording would be found. */
static bool find(struct explain *x)
{
	struct str short_body = without_prefix(x, x->body);

	for (size_t i = 0; i < x->route_count; i++) {
		if (ask(x, &x->routes[i], x->body) == 0)
			return true;
		if (short_body.len > 0 &&
		    ask(x, &x->routes[i], short_body) == 0)
			return true;
	}
	if (x->route_count > 0) {
		(void)ask(x, &x->routes[0],
			  short_body.len > 0 ? short_body : x->body);
	}
	return false;
}

static void write_near(struct json_writer *w, const struct miss_report *m)
{
	json_member_str(w, STR("cause"), str_of(miss_cause_name(m->cause)));
	json_member_str(w, STR("why"), m->why);
	json_member_str(w, STR("fix"), m->fix);
	json_member(w, STR("nearest"));
	json_array(w);
	for (size_t i = 0; i < m->near_count; i++) {
		json_object(w);
		json_member_str(w, STR("file"), m->near[i].path);
		json_member_int(w, STR("differences"),
				(int64_t)m->near[i].differences);
		json_member_str(w, STR("pointer"), m->near[i].pointer);
		json_member_str(w, STR("was"), m->near[i].was);
		json_member_str(w, STR("now"), m->near[i].now);
		json_end(w);
	}
	json_end(w);
}

static void say_json(struct explain *x, const struct miss_report *miss)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, PRINT_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_bool(&w, STR("hit"), miss == NULL);
	json_member_str(&w, STR("op"), x->op);
	json_member_str(&w, STR("session"), x->session);
	json_member_str(&w, STR("upstream"), x->request.upstream);
	json_member_str(&w, STR("path"), x->request.path);
	if (x->query.key_count > 0)
		json_member_str(&w, STR("key"), x->query.keys[0]);
	if (miss == NULL) {
		json_member_str(&w, STR("file"), x->hit.entry->path);
		json_member_str(&w, STR("match"),
				str_of(x->keys.names[x->hit.tier]));
		json_member_int(&w, STR("turn"), x->hit.turn);
	} else {
		write_near(&w, miss);
	}
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&out);
	buf_fini(&out);
}

static void say_hit(struct explain *x)
{
	struct print p;

	print_init(&p, x->c->color);
	print_styled(&p, PRINT_GREEN, STR("hit "));
	print_styled(&p, PRINT_BOLD, x->hit.entry->path);
	print_fmt(&p,
		  "\nmatch    %s%s\nkey      " STR_FMT "\nas       " STR_FMT
		  " to " STR_FMT " " STR_FMT "\n",
		  x->keys.names[x->hit.tier],
		  x->hit.loose ? ", by what it forgives" : "",
		  STR_ARG(x->query.keys[x->hit.tier]), STR_ARG(x->op),
		  STR_ARG(x->request.upstream), STR_ARG(x->request.path));
	print_flush(&p);
	print_fini(&p);
}

static int explain(struct explain *x)
{
	struct miss_report miss;
	struct print p;

	(void)index_each(x->index, NULL, look_at, x);
	if (find(x)) {
		if (x->c->json)
			say_json(x, NULL);
		else
			say_hit(x);
		return RECORDINGS_OK;
	}
	if (x->route_count == 0) {
		x->request.body = x->body;
		x->query.session = x->session;
	}
	miss_explain(&(struct miss_input){ .index = x->index,
					   .query = &x->query,
					   .op = x->op,
					   .request = &x->request },
		     &x->arena, &miss);
	if (x->c->json) {
		say_json(x, &miss);
		return RECORDINGS_BAD;
	}
	print_init(&p, x->c->color);
	print_styled(&p, PRINT_RED, STR("miss "));
	print_add(&p, miss.text);
	print_add(&p, STR("\n"));
	print_flush(&p);
	print_fini(&p);
	return RECORDINGS_BAD;
}

int recordings_explain(const struct word_cmd *c)
{
	struct explain x = { .c = c };
	const struct index_options options = { 0 };
	struct str dir;
	int status;

	arena_init(&x.arena, SIZE_MAX / 2);
	if (!has_value(&x, "--dir", &dir))
		dir = STR("recordings");
	status = read_input(&x);
	if (status == 0 && index_open(dir.ptr, &options, &x.index) != 0) {
		status = words_fail(RECORDINGS_BAD, "cannot read %s", dir.ptr);
	} else if (status == 0) {
		status = explain(&x);
		index_close(x.index);
	}
	arena_fini(&x.arena);
	return status;
}
