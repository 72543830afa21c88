/*
 * metrics - what one worker counts.
 *
 *	m = metrics_new(route_count);
 *	s = metrics_model(m, &(struct metrics_names){ ... });
 *	counter_add(&s->tokens[METRICS_PROMPT], n);
 *	...
 *	all = metrics_new(route_count);		(any thread)
 *	metrics_merge(all, m);
 *
 * One thread counts, without locks; others merge.  Series are made when they
 * are first used and live as long as m.  Their number is limited: beyond it
 * everything counts as provider or model "other".
 */
#ifndef TELEMETRY_METRICS_H
#define TELEMETRY_METRICS_H

#include "base/arena.h"
#include "base/map.h"
#include "telemetry/histogram.h"

enum {
	METRICS_MODELS_MAX = 256,
	METRICS_PROVIDERS_MAX = 128,
	METRICS_CODES = 48,
};

/* The series of what did not fit. */
#define METRICS_OTHER STR("other")

enum metrics_token {
	METRICS_PROMPT,
	METRICS_COMPLETION,
	METRICS_CACHED,    /* of the prompt's */
	METRICS_REASONING, /* of the completion's */
	METRICS_TOKENS
};

/* Why an attempt at an upstream failed. */
enum metrics_error {
	METRICS_DNS,
	METRICS_CONNECT,
	METRICS_PROXY,
	METRICS_TLS,
	METRICS_WRITE,
	METRICS_NO_ANSWER,
	METRICS_BAD_ANSWER,
	METRICS_CUT,
	METRICS_TIMEOUT,
	METRICS_HTTP_429,
	METRICS_HTTP_4XX,
	METRICS_HTTP_5XX,
	METRICS_ERROR_OTHER,
	METRICS_ERRORS
};

struct metrics_route {
	uint64_t codes[METRICS_CODES]; /* answers, by metrics_code() */
	uint64_t cut;                  /* of these, not finished */
	struct histogram duration;
};

struct metrics_provider {
	struct str id;
	/* "chat openai/m1" to struct metrics_model; the owner's only */
	struct map by_model;
	uint64_t attempts;
	uint64_t retries; /* attempts that were not a request's first */
	uint64_t errors[METRICS_ERRORS];
	/* Targets of it that are left alone; how often one began to be. */
	uint64_t breakers_open, breakers_opened;
};

struct metrics_model {
	struct str key, provider, kind, operation, model;
	uint64_t tokens[METRICS_TOKENS];
	uint64_t failures;
	struct histogram duration;    /* of requests that reached it */
	struct histogram first_token; /* of streams */
	struct histogram input, output;
};

struct metrics {
	struct metrics_route *routes;
	size_t route_count;
	uint64_t streams; /* open now */
	/* Completions for the store: not kept; that waited; not kept whole. */
	uint64_t store_lost, store_waits, store_truncated;
	/* Appended to; a reader takes the count first. */
	struct metrics_provider *providers[METRICS_PROVIDERS_MAX + 1];
	struct metrics_model *models[METRICS_MODELS_MAX + 1];
	uint64_t provider_count, model_count;
	struct map by_provider; /* the owner's only */
	struct arena arena;
};

struct metrics *metrics_new(size_t route_count);
void metrics_free(struct metrics *m); /* m may be NULL */

/* Where a status is counted, and the label of such a place, or NULL. */
unsigned metrics_code(int status);
const char *metrics_code_text(unsigned code);

/* Labels: "dns", "connect", ...; "prompt", ... */
const char *metrics_error_text(enum metrics_error e);
const char *metrics_token_text(enum metrics_token k);

/* The series, made if need be.  The texts are copied. */
struct metrics_provider *metrics_provider(struct metrics *m, struct str id);

struct metrics_names {
	struct str provider;  /* its id */
	struct str kind;      /* what it is: "azure.ai.openai" */
	struct str operation; /* "chat", ...: no space in it */
	struct str model;
};
struct metrics_model *metrics_model(struct metrics *m,
				    const struct metrics_names *n);

/* Count n tokens; -1, not told, is nothing. */
void metrics_tokens(struct metrics_model *s, enum metrics_token k, int64_t n);

/* Add what another worker counted to what m has. */
void metrics_merge(struct metrics *m, const struct metrics *from);

#endif
