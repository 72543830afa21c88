/*
 * Each file in data/ has three sections: a configuration, a client's request,
 * and the whole upstream request, or the error, that must come of it.
 *
 *	== config
 *	(YAML of one provider)
 *	== request chat MODEL [KEY]
 *	(the client's body; "raw METHOD PATH [KEY]": a header a line, a blank
 *	line and the body)
 *	== call
 *	(request line, headers, a blank line, the body)
 */
#include "config/config.h"
#include "provider/provider.h"
#include "provider/raw.h"

#include "tests/unit/table.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FILE_MAX = 1 << 20
};

/* 2026-05-01 12:00:00 UTC */
#define WHEN (INT64_C(1777636800) * 1000000000)

struct golden {
	const char *name;
	struct arena arena;
	struct str config, request, want, body;
	bool wants_error;
};

static struct str read_file(const char *path, struct arena *a)
{
	FILE *f = fopen(path, "rb");
	char *text = arena_alloc(a, FILE_MAX);
	size_t n;

	if (f == NULL)
		fail_msg("%s: error %d", path, errno);
	n = fread(text, 1, FILE_MAX, f);
	assert_true(n < FILE_MAX);
	(void)fclose(f);
	return (struct str){ text, n };
}

/* Take the text up to mark; what stands behind it on its line is *rest. */
static struct str section(const struct golden *g, struct str *text,
			  const char *mark, struct str *rest)
{
	struct str head = str_take(*text, str_find(*text, str_of(mark)));

	if (head.len == text->len)
		fail_msg("%s: no section '%s'", g->name, mark);
	*text = str_drop(*text, head.len + strlen(mark));
	(void)str_cut(*text, '\n', rest, text);
	*rest = str_trim(*rest);
	return head;
}

static void split(struct golden *g, struct str text)
{
	struct str none, body;

	(void)section(g, &text, "== config", &none);
	g->config = section(g, &text, "== request", &g->request);
	body = section(g, &text, "\n== ", &none);
	g->body = body;
	g->wants_error = str_eq(none, STR("error"));
	if (!g->wants_error)
		check_str(g->name, none, STR("call"));
	g->want = text;
	while (str_ends(g->want, STR("\n")))
		g->want.len--;
}

static struct str render(const struct provider *p,
			 const struct provider_call *c, struct arena *a)
{
	struct provider there = *p;
	struct str text;
	uint64_t len = 0;

	assert_true(c->place <= p->place_count);
	if (c->place > 0)
		there.base = p->places[c->place - 1];
	text = arena_printf(a,
			    STR_FMT " " STR_FMT " HTTP/1.1\nhost: " STR_FMT
				    "\n",
			    STR_ARG(c->method), STR_ARG(c->target),
			    STR_ARG(provider_host(&there, a)));
	for (size_t i = 0; i < c->header_count; i++) {
		text = arena_printf(a, STR_FMT STR_FMT ": " STR_FMT "\n",
				    STR_ARG(text), STR_ARG(c->headers[i].name),
				    STR_ARG(c->headers[i].value));
	}
	for (size_t i = 0; i < c->piece_count; i++) {
		text = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(text),
				    i == 0 ? "\n" : "", STR_ARG(c->pieces[i]));
		len += c->pieces[i].len;
	}
	assert_int_equal(len, c->body_len);
	while (str_ends(text, STR("\n")))
		text.len--;
	return text;
}

static struct str render_error(const struct api_error *e, struct arena *a)
{
	return arena_printf(a, "%d " STR_FMT " code=" STR_FMT "\n" STR_FMT,
			    e->status, STR_ARG(e->type), STR_ARG(e->code),
			    STR_ARG(e->message));
}

static enum llm_op op_of(const struct golden *g, struct str name)
{
	static const struct str names[] = {
		[LLM_CHAT] = STR_INIT("chat"),
		[LLM_COMPLETIONS] = STR_INIT("completions"),
		[LLM_EMBEDDINGS] = STR_INIT("embeddings"),
		[LLM_MODERATIONS] = STR_INIT("moderations"),
		[LLM_RERANK] = STR_INIT("rerank"),
		[LLM_MODELS] = STR_INIT("models"),
		[LLM_RAW] = STR_INIT("raw"),
	};

	for (size_t i = 0; i < countof(names); i++) {
		if (str_eq(names[i], name))
			return (enum llm_op)i;
	}
	fail_msg("%s: no operation '" STR_FMT "'", g->name, STR_ARG(name));
	return LLM_CHAT;
}

static void compare(const struct golden *g, bool is_error, struct str got)
{
	if (is_error == g->wants_error && str_eq(got, g->want))
		return;
	fail_msg("%s: got %s\n" STR_FMT "\n--- want\n" STR_FMT "\n---", g->name,
		 is_error ? "an error" : "a call", STR_ARG(got),
		 STR_ARG(g->want));
}

/* "METHOD PATH?QUERY [KEY]"; the section holds headers and the body. */
static void read_raw(struct golden *g, struct str words,
		     struct provider_raw *raw, struct provider_request *req)
{
	struct http_header *headers =
		arena_alloc(&g->arena, 8 * sizeof(*headers));
	struct str text = g->body, line, name, value;

	(void)str_cut(words, ' ', &raw->method, &words);
	(void)str_cut(words, ' ', &words, &req->key);
	(void)str_cut(words, '?', &raw->path, &raw->query);
	while (str_cut(text, '\n', &line, &text) && line.len > 0) {
		(void)str_cut(line, ':', &name, &value);
		headers[raw->header_count++] =
			(struct http_header){ http_name_find(name), name,
					      str_trim(value) };
	}
	raw->headers = headers;
	raw->body = text;
	req->raw = raw;
}

static void run_request(struct golden *g, const struct provider *p)
{
	struct provider_request req = { .wall_ns = WHEN };
	struct provider_raw raw = { 0 };
	struct provider_call call;
	struct api_error e = { 0 };
	struct json_error bad;
	struct json doc = { 0 };
	struct str op, rest;
	int r;

	(void)str_cut(g->request, ' ', &op, &rest);
	req.op = op_of(g, op);
	if (req.op == LLM_RAW)
		read_raw(g, rest, &raw, &req);
	else
		(void)str_cut(rest, ' ', &req.model, &req.key);
	if (req.op != LLM_RAW && req.op != LLM_MODELS) {
		assert_int_equal(json_parse(g->body, &(struct json_limits){ 0 },
					    &doc, &bad),
				 0);
		req.doc = &doc;
	}
	r = provider_encode(p, &req, &g->arena, &call, &e);
	compare(g, r != 0,
		r == 0 ? render(p, &call, &g->arena)
		       : render_error(&e, &g->arena));
	json_fini(&doc);
}

static void run_golden(struct golden *g)
{
	struct config_sources sources = { .file = g->name, .text = g->config };
	struct config *cfg = NULL;
	struct api_error e = { 0 };
	struct provider p;
	struct buf messages;

	buf_init(&messages, CONFIG_MESSAGES_MAX);
	(void)!config_load(&sources, provider_config_types(&g->arena), &cfg,
			   &messages);
	if (cfg == NULL || messages.len > 0) {
		fail_msg("%s: " STR_FMT, g->name, STR_ARG(buf_str(&messages)));
		return;
	}
	assert_int_equal(cfg->provider_count, 1);
	if (provider_init(&p, &cfg->providers[0], &g->arena, &e) == 0) {
		run_request(g, &p);
	} else {
		compare(g, true, render_error(&e, &g->arena));
	}
	buf_fini(&messages);
	config_unref(cfg);
}

/* The test's working directory is the build's. */
static struct str data_folder(struct arena *a)
{
	const char *root = getenv("QUIPU_SOURCE");

	return arena_printf(a, "%s/tests/unit/provider/data",
			    root != NULL ? root : ".");
}

static void requests_become_calls(void **state)
{
	struct arena names;
	struct str folder;
	struct dirent *entry;
	DIR *dir;
	int count = 0;

	(void)state;
	arena_init(&names, 1 << 20);
	folder = data_folder(&names);
	dir = opendir(arena_cz(&names, folder));
	if (dir == NULL) {
		fail_msg("no folder " STR_FMT, STR_ARG(folder));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		struct golden g = { .name = entry->d_name };
		struct str path;

		if (entry->d_name[0] == '.')
			continue;
		arena_init(&g.arena, 16 << 20);
		path = arena_printf(&g.arena, STR_FMT "/%s", STR_ARG(folder),
				    entry->d_name);
		split(&g, read_file(arena_cz(&g.arena, path), &g.arena));
		run_golden(&g);
		arena_fini(&g.arena);
		count++;
	}
	(void)closedir(dir);
	arena_fini(&names);
	assert_true(count >= 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_become_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
