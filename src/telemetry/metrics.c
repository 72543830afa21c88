#include "telemetry/metrics.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

enum {
	METRICS_BYTES_MAX = 8 << 20,
	LABEL_MAX = 256, /* bytes of a provider's or model's name */
	OPERATION_MAX = 32,
	KEY_MAX = OPERATION_MAX + 1 + LABEL_MAX
};

/*
 * The statuses that are told apart, the most frequent first; others count by
 * their class.
 */
static const struct {
	int status;
	const char *text;
} codes[METRICS_CODES] = {
	{ 200, "200" }, { 400, "400" }, { 404, "404" }, { 429, "429" },
	{ 500, "500" }, { 502, "502" }, { 503, "503" }, { 504, "504" },
	{ 401, "401" }, { 403, "403" }, { 422, "422" }, { 499, "499" },
	{ 201, "201" }, { 202, "202" }, { 204, "204" }, { 206, "206" },
	{ 301, "301" }, { 302, "302" }, { 304, "304" }, { 307, "307" },
	{ 308, "308" }, { 402, "402" }, { 405, "405" }, { 406, "406" },
	{ 408, "408" }, { 409, "409" }, { 410, "410" }, { 411, "411" },
	{ 412, "412" }, { 413, "413" }, { 414, "414" }, { 415, "415" },
	{ 416, "416" }, { 417, "417" }, { 424, "424" }, { 426, "426" },
	{ 431, "431" }, { 451, "451" }, { 501, "501" }, { 505, "505" },
	{ 507, "507" }, { 529, "529" }, { 1, "1xx" },   { 2, "2xx" },
	{ 3, "3xx" },   { 4, "4xx" },   { 5, "5xx" },   { 0, "other" },
};

unsigned metrics_code(int status)
{
	/* The client went before there was an answer: as nginx says it. */
	int wanted = status == 0 ? 499 : status;
	unsigned i = 0;

	while (i < METRICS_CODES - 1 && codes[i].status != wanted)
		i++;
	if (i < METRICS_CODES - 1 || wanted < 100)
		return i;
	return metrics_code(wanted / 100);
}

const char *metrics_code_text(unsigned code)
{
	assert(code < METRICS_CODES);
	return codes[code].text;
}

const char *metrics_error_text(enum metrics_error e)
{
	static const char *const texts[METRICS_ERRORS] = {
		[METRICS_DNS] = "dns",
		[METRICS_CONNECT] = "connect",
		[METRICS_PROXY] = "proxy",
		[METRICS_TLS] = "tls",
		[METRICS_WRITE] = "write",
		[METRICS_NO_ANSWER] = "no_answer",
		[METRICS_BAD_ANSWER] = "bad_answer",
		[METRICS_CUT] = "cut",
		[METRICS_TIMEOUT] = "timeout",
		[METRICS_HTTP_429] = "http_429",
		[METRICS_HTTP_4XX] = "http_4xx",
		[METRICS_HTTP_5XX] = "http_5xx",
		[METRICS_ERROR_OTHER] = "other",
	};

	return texts[e];
}

const char *metrics_token_text(enum metrics_token k)
{
	static const char *const texts[METRICS_TOKENS] = {
		[METRICS_PROMPT] = "prompt",
		[METRICS_COMPLETION] = "completion",
		[METRICS_CACHED] = "cached",
		[METRICS_REASONING] = "reasoning",
	};

	return texts[k];
}

struct metrics *metrics_new(size_t route_count)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

	arena_init(&m->arena, METRICS_BYTES_MAX);
	m->route_count = route_count;
	m->routes = xcalloc(route_count + 1, sizeof(*m->routes));
	return m;
}

void metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	for (uint64_t i = 0; i < m->provider_count; i++)
		map_fini(&m->providers[i]->by_model);
	map_fini(&m->by_provider);
	arena_fini(&m->arena);
	free(m->routes);
	free(m);
}

static struct metrics_provider *add_provider(struct metrics *m, struct str id)
{
	struct metrics_provider *p = arena_zalloc(&m->arena, sizeof(*p));
	uint64_t n = m->provider_count;

	p->id = arena_str(&m->arena, id);
	(void)map_put(&m->by_provider, p->id, p);
	m->providers[n] = p;
	__atomic_store_n(&m->provider_count, n + 1, __ATOMIC_RELEASE);
	return p;
}

struct metrics_provider *metrics_provider(struct metrics *m, struct str id)
{
	struct metrics_provider *p;

	id = str_take(id, LABEL_MAX);
	p = map_get(&m->by_provider, id);
	if (p != NULL)
		return p;
	if (m->provider_count < METRICS_PROVIDERS_MAX)
		return add_provider(m, id);
	/* There is room for one more, which takes all that come. */
	p = map_get(&m->by_provider, METRICS_OTHER);
	return p != NULL ? p : add_provider(m, METRICS_OTHER);
}

static struct metrics_model *add_model(struct metrics *m,
				       struct metrics_provider *p,
				       const struct metrics_names *names,
				       struct str key)
{
	struct metrics_model *s = arena_zalloc(&m->arena, sizeof(*s));
	uint64_t n = m->model_count;

	s->key = arena_str(&m->arena, key);
	s->provider = p->id;
	s->kind = arena_str(&m->arena, str_take(names->kind, LABEL_MAX));
	(void)str_cut(s->key, ' ', &s->operation, &s->model);
	(void)map_put(&p->by_model, s->key, s);
	m->models[n] = s;
	__atomic_store_n(&m->model_count, n + 1, __ATOMIC_RELEASE);
	return s;
}

/* "chat openai/m1" */
static struct str make_key(const struct metrics_names *n, char out[KEY_MAX])
{
	struct str op = str_take(n->operation, OPERATION_MAX);
	struct str model = str_take(n->model, LABEL_MAX);

	if (op.len > 0)
		memcpy(out, op.ptr, op.len);
	out[op.len] = ' ';
	if (model.len > 0)
		memcpy(out + op.len + 1, model.ptr, model.len);
	return (struct str){ out, op.len + 1 + model.len };
}

struct metrics_model *metrics_model(struct metrics *m,
				    const struct metrics_names *n)
{
	static const struct metrics_names other = {
		.kind = STR_INIT("other"),
		.operation = STR_INIT("other"),
		.model = STR_INIT("other"),
	};
	struct metrics_provider *p = metrics_provider(m, n->provider);
	filled_later char text[KEY_MAX];
	struct str key = make_key(n, text);
	struct metrics_model *s = map_get(&p->by_model, key);

	if (s != NULL)
		return s;
	if (m->model_count < METRICS_MODELS_MAX)
		return add_model(m, p, n, key);
	p = metrics_provider(m, METRICS_OTHER);
	key = make_key(&other, text);
	s = map_get(&p->by_model, key);
	return s != NULL ? s : add_model(m, p, &other, key);
}

void metrics_tokens(struct metrics_model *s, enum metrics_token k, int64_t n)
{
	if (n > 0)
		counter_add(&s->tokens[k], (uint64_t)n);
}

static void add_all(uint64_t *to, const uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		counter_add(&to[i], counter_get(&from[i]));
}

static void merge_provider(struct metrics *m,
			   const struct metrics_provider *from)
{
	struct metrics_provider *p = metrics_provider(m, from->id);

	add_all(&p->attempts, &from->attempts, 1);
	add_all(&p->retries, &from->retries, 1);
	add_all(p->errors, from->errors, METRICS_ERRORS);
	add_all(&p->breakers_open, &from->breakers_open, 1);
	add_all(&p->breakers_opened, &from->breakers_opened, 1);
}

static void merge_model(struct metrics *m, const struct metrics_model *from)
{
	struct metrics_model *s =
		metrics_model(m, &(struct metrics_names){
					 .provider = from->provider,
					 .kind = from->kind,
					 .operation = from->operation,
					 .model = from->model });

	add_all(s->tokens, from->tokens, METRICS_TOKENS);
	add_all(&s->failures, &from->failures, 1);
	histogram_merge(&s->duration, &from->duration);
	histogram_merge(&s->first_token, &from->first_token);
	histogram_merge(&s->input, &from->input);
	histogram_merge(&s->output, &from->output);
}

void metrics_merge(struct metrics *m, const struct metrics *from)
{
	uint64_t providers =
		__atomic_load_n(&from->provider_count, __ATOMIC_ACQUIRE);
	uint64_t models = __atomic_load_n(&from->model_count, __ATOMIC_ACQUIRE);

	assert(m->route_count == from->route_count);
	for (size_t i = 0; i <= m->route_count; i++) {
		struct metrics_route *r = &m->routes[i];

		add_all(r->codes, from->routes[i].codes, METRICS_CODES);
		add_all(&r->cut, &from->routes[i].cut, 1);
		histogram_merge(&r->duration, &from->routes[i].duration);
	}
	add_all(&m->streams, &from->streams, 1);
	add_all(&m->store_lost, &from->store_lost, 1);
	add_all(&m->store_waits, &from->store_waits, 1);
	add_all(&m->store_truncated, &from->store_truncated, 1);
	for (uint64_t i = 0; i < providers; i++)
		merge_provider(m, from->providers[i]);
	for (uint64_t i = 0; i < models; i++)
		merge_model(m, from->models[i]);
}
