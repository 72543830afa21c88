#include "api/replay.h"

#include "base/map.h"
#include "core/verdict.h"
#include "http/url.h"

#include <stdlib.h>

enum {
	SESSION_MAX = 1000
};

static int bad_header(struct api_call *c, struct str name, const char *why,
		      struct api_error *e)
{
	(void)api_fail(e, &c->req->arena, 400, "invalid_request_error", NULL,
		       "The header " STR_FMT ": %s.", STR_ARG(name), why);
	e->code = STR("invalid_replay_header");
	return API_FAIL;
}

static struct str header(const struct api_call *c, struct str name)
{
	const struct http_header *h = http_find_name(&c->req->head, name);

	return h != NULL ? h->value : STR_NULL;
}

/* "sk-...#SESSION", for clients that can set nothing else. */
static struct str session_of_key(const struct api_call *c)
{
	struct str key, session;

	(void)str_cut(http_value(&c->req->head, HTTP_AUTHORIZATION), '#', &key,
		      &session);
	return session;
}

static struct str session_of_query(const struct api_call *c)
{
	static const struct str name = STR_INIT("replay_session=");
	struct str part, rest = c->req->query, session = STR_NULL;

	while (rest.len > 0 && session.len == 0) {
		(void)str_cut(rest, '&', &part, &rest);
		if (str_starts(part, name) &&
		    url_decode(str_drop(part, name.len), &c->req->arena,
			       &session) < 0)
			session = STR_NULL;
	}
	return session;
}

static struct str find_session(const struct api_call *c,
			       const struct provider_data *data)
{
	static const struct str names[] = {
		STR_INIT("x-replay-session"), STR_INIT("x-test-id"),
		STR_INIT("test-name"),        STR_INIT("x-cassette-name"),
		STR_INIT("x-recording-id"),
	};
	const struct config *config = c->catalog->registry->config;
	struct str session = STR_NULL;

	for (size_t i = 0; i < countof(names) && session.len == 0; i++)
		session = header(c, names[i]);
	if (session.len == 0)
		session = c->session;
	if (session.len == 0)
		session = session_of_query(c);
	if (session.len == 0)
		session = session_of_key(c);
	if (session.len == 0)
		session = provider_data_get(data, STR("__test_id"));
	if (session.len == 0)
		session = config->record_session;
	return session;
}

static const struct {
	struct str name;
	enum playback_option option;
} options[] = {
	{ STR_INIT("x-replay-speed"), PLAYBACK_SPEED },
	{ STR_INIT("x-replay-ttft"), PLAYBACK_TTFT },
	{ STR_INIT("x-replay-max-gap"), PLAYBACK_MAX_GAP },
	{ STR_INIT("x-replay-tps"), PLAYBACK_TPS },
	{ STR_INIT("x-replay-jitter"), PLAYBACK_JITTER },
	{ STR_INIT("x-replay-segment"), PLAYBACK_SEGMENT },
	{ STR_INIT("x-replay-fault"), PLAYBACK_FAULT },
	{ STR_INIT("x-replay-seed"), PLAYBACK_SEED },
	{ STR_INIT("x-replay-hold"), PLAYBACK_HOLD },
	{ STR_INIT("x-replay-occurrence"), PLAYBACK_OCCURRENCE },
};

static int read_options(struct api_call *c, struct edge *edge,
			struct api_error *e)
{
	struct recording_problem problem;

	for (size_t i = 0; i < countof(options); i++) {
		struct str value =
			arena_str(&c->req->arena, header(c, options[i].name));

		if (value.len > 0 &&
		    playback_set(&edge->playback, options[i].option, value,
				 &problem) != 0)
			return bad_header(c, options[i].name, problem.text, e);
	}
	return 0;
}

static int read_flag(struct api_call *c, struct str name, bool *out,
		     struct api_error *e)
{
	struct str value = header(c, name);

	if (value.len == 0)
		return 0;
	*out = str_eq(value, STR("true")) || str_eq(value, STR("1"));
	if (*out || str_eq(value, STR("false")) || str_eq(value, STR("0")))
		return 0;
	return bad_header(c, name, "is true or false", e);
}

static int read_overrides(struct api_call *c, struct edge *edge,
			  struct api_error *e)
{
	struct str name = STR("x-replay-mode");
	struct str mode = header(c, name);
	int r;

	if (mode.len > 0 && !edge_mode_parse(mode, &edge->mode)) {
		return bad_header(c, name,
				  "is off, record, auto, replay, spy, refresh "
				  "or verify",
				  e);
	}
	r = read_options(c, edge, e);
	if (r == 0)
		r = read_flag(c, STR("x-replay-strict"), &edge->strict, e);
	if (r == 0)
		r = read_flag(c, STR("x-replay-skip"), &edge->skip, e);
	return r;
}

/*
 * Where a server only ever plays, a client cannot make it go to the network: a
 * run without keys stays one.
 */
static int check_mode(struct api_call *c, enum edge_mode configured,
		      struct edge *edge, struct api_error *e)
{
	if (edge->mode == EDGE_REPLAY && edge->skip) {
		return bad_header(c, STR("x-replay-skip"),
				  "mode replay has nothing else to ask", e);
	}
	if (configured != EDGE_REPLAY || edge->mode == EDGE_REPLAY)
		return 0;
	return bad_header(c, STR("x-replay-mode"),
			  "this server only replays (recordings.mode)", e);
}

int replay_read(struct api_call *c, const struct provider_data *data,
		struct edge **out, struct api_error *e)
{
	const struct config *config = c->catalog->registry->config;
	struct library *library = c->worker->library;
	struct library_rules rules;
	enum edge_mode configured;
	struct edge *edge;
	int r = 0;

	*out = NULL;
	if (library == NULL)
		return 0;
	edge = arena_zalloc(&c->req->arena, sizeof(*edge));
	edge->library = library;
	edge->strict = config->record_strict;
	edge->playback = *library_playback(library);
	configured = library_mode(library);
	edge->mode = configured;
	edge->age_s = -1;
	edge->session = arena_str(&c->req->arena, find_session(c, data));
	if (edge->session.len > SESSION_MAX) {
		return bad_header(c, STR("x-replay-session"),
				  "names of sessions have at most 1000 bytes",
				  e);
	}
	rules = library_rules(library, edge->session);
	if (rules.has_mode)
		edge->mode = rules.mode;
	if (rules.has_strict)
		edge->strict = rules.strict;
	if (config->record_overrides)
		r = read_overrides(c, edge, e);
	if (r == 0)
		r = check_mode(c, configured, edge, e);
	if (r != 0)
		return r;
	/* By chance, but the same every time. */
	if (edge->playback.seed == 0)
		edge->playback.seed = map_hash(0, edge->session);
	if (edge->mode != EDGE_OFF)
		*out = edge;
	return 0;
}

void replay_strip_path(struct api_call *c)
{
	struct str session, rest;

	if (c->worker->library == NULL || !str_starts(c->req->path, STR("/s/")))
		return;
	if (!str_cut(str_drop(c->req->path, 3), '/', &session, &rest) ||
	    session.len == 0)
		return;
	if (url_decode(session, &c->req->arena, &c->session) < 0)
		return;
	/* The slash before the rest. */
	c->req->path = (struct str){ rest.ptr - 1, rest.len + 1 };
}
