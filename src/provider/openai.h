/*
 * openai - how OpenAI does it, which is how most others do it.
 *
 * The functions that stand in for a provider type's NULL, and their parts, for
 * the kinds that differ in one of them.
 */
#ifndef PROVIDER_OPENAI_H
#define PROVIDER_OPENAI_H

#include "provider/provider.h"

/* The client's body with the upstream's model; Authorization: Bearer. */
must_check int openai_encode(const struct provider *p,
			     const struct provider_request *req,
			     struct arena *a, struct provider_call *out,
			     struct api_error *e);

/* Method, target and the headers that do not authorize. */
void openai_start(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out);

/* The base URL's path without a /v1 at its end. */
struct str openai_root(const struct provider *p);

/* "/chat/completions", ...: what follows the base URL's path. */
struct str openai_path(enum llm_op op);

/*
 * The client's body with the model replaced and the type's own edits.
 * LLM_MODELS has none.
 */
must_check int openai_body(const struct provider *p,
			   const struct provider_request *req, struct arena *a,
			   struct provider_call *out, struct api_error *e);

/* For edits: set a member of the body's object.  0 or API_FAIL. */
must_check int openai_set(struct splice *s, const struct provider_request *req,
			  const char *name, struct str raw,
			  struct api_error *e);

/* For edits: is a member of the body's object there, and not null. */
bool openai_has(const struct provider_request *req, const char *name);

/* Authorization: Bearer, or API_FAIL when a key is needed and there is none. */
must_check int openai_bearer(const struct provider *p,
			     const struct provider_request *req,
			     struct arena *a, struct provider_call *out,
			     struct api_error *e);

/* There is no key: tells the client how to bring one.  API_FAIL. */
int openai_no_key(const struct provider *p, struct arena *a,
		  struct api_error *e);

/*
 * The most tokens that a model of OpenAI's writes, or 0 when it is not known;
 * and the edit that brings the client's limits down to it, unless the setting
 * clamp_max_tokens is off.
 */
int64_t openai_limit(struct str model);
must_check int openai_clamp(const struct provider *p,
			    const struct provider_request *req, struct arena *a,
			    struct splice *s, struct api_error *e);

/* A setup: servers that live under /v1 may be named by their origin alone. */
must_check int openai_setup_v1(struct provider *p, struct arena *a,
			       struct api_error *e);

void openai_map_error(const struct provider *p, int status, struct str body,
		      struct arena *a, struct api_error *out);

/*
 * {"data":[{"id","created","type"}]}, or a bare array of the same.  "created"
 * or "created_at" is a number of seconds or a date; "type" counts when it is
 * embedding or rerank.  {"has_more":true,"last_id"} is a next page.
 */
must_check int openai_decode_models(const struct provider *p, struct str body,
				    struct arena *a,
				    struct provider_models *out);

/* The same for other names of the array and of the id. */
struct openai_list {
	struct str array;
	struct str id;
};
must_check int openai_decode_list(struct str body, const struct openai_list *l,
				  struct arena *a, struct provider_models *out);

#endif
