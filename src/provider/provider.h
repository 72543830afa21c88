/*
 * provider - the contract between quipu and a kind of upstream.
 *
 * A provider translates and never does I/O: it sees no socket, task, store or
 * file, so that two text files test it.  A const struct provider_type per kind
 * is listed in provider/all.c; a NULL function means "as OpenAI does"
 * (provider/openai.c), so that most kinds are one row of a table.
 *
 *	r = provider_encode(p, &request, arena, &call, &error);
 *	(core sends call, reads the answer)
 *	r = provider_map_error(p, status, body, arena, &error);
 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "config/config.h"
#include "http/url.h"
#include "llm/request.h"
#include "provider/call.h"
#include "provider/model.h"
#include "json/json.h"
#include "json/splice.h"

enum provider_caps {
	PROVIDER_CHAT = 1 << 0,
	PROVIDER_COMPLETIONS = 1 << 1,
	PROVIDER_EMBEDDINGS = 1 << 2,
	PROVIDER_LISTS_MODELS = 1 << 3,
	PROVIDER_LOCAL = 1 << 4,        /* answers by itself: see generate */
	PROVIDER_WANTS_IMAGES = 1 << 5, /* as data: it fetches none itself */
	/* Its authorization depends on the body, when there is no key. */
	PROVIDER_SIGNS_BODY = 1 << 6,
	/* Refuses stream_options. */
	PROVIDER_NO_STREAM_USAGE = 1 << 7,
	PROVIDER_MODERATIONS = 1 << 8,
	PROVIDER_RERANK = 1 << 9,
};

struct provider;

struct address; /* provider/address.h */

struct provider_type {
	const char *name; /* "remote::groq" */
	const char *id;   /* of the instance that the environment makes */
	unsigned caps;
	const char *base_url;      /* default; NULL when one must be given */
	const char *base_url_env;  /* or NULL */
	const char *key_env;       /* or NULL; both may be "A|B" */
	const char *key_field;     /* in provider data: "groq_api_key" */
	const char *address_field; /* the same: "azure_api_base", or NULL */
	bool key_optional;
	const struct setting *settings; /* key NULL ends; the schema's rows */

	/* Read settings into p->state, once.  0 or API_FAIL. */
	int (*setup)(struct provider *p, struct arena *a, struct api_error *e);

	/* 0, or API_FAIL (no key, op not supported, ...). */
	int (*encode)(const struct provider *p,
		      const struct provider_request *req, struct arena *a,
		      struct provider_call *out, struct api_error *e);

	/* Edits of the client's body after OpenAI's own.  0 or API_FAIL. */
	int (*edit)(const struct provider *p,
		    const struct provider_request *req, struct arena *a,
		    struct splice *s, struct api_error *e);

	/*
	 * The token from elsewhere that encode needs as req->token: true with
	 * *out, whose slices live as long as p and req do.
	 */
	bool (*grant)(const struct provider *p,
		      const struct provider_request *req, struct grant *out);

	/*
	 * out->provider is p, or a copy with the client's own base: what else
	 * follows from that and from the data, in a copy.  0 or API_FAIL.
	 */
	int (*readdress)(const struct provider *p,
			 const struct provider_request *req, struct arena *a,
			 struct address *out, struct api_error *e);

	/*
	 * An error answer of the upstream in OpenAI's terms.  The default keeps
	 * an OpenAI-shaped body as it is and wraps anything else.
	 */
	void (*map_error)(const struct provider *p, int status, struct str body,
			  struct arena *a, struct api_error *out);

	/*
	 * For kinds whose answers are not in OpenAI's dialect; both or none.
	 * translate_begin returns NULL when they are; translate appends what an object of the answer (the whole, or an
	 * event's) is there, or nothing; doc NULL: a stream has ended.  Returns
	 * 0 or -EMSGSIZE.
	 */
	struct provider_stream *(*translate_begin)(
		const struct provider *p, const struct provider_request *req,
		struct arena *a);
	int (*translate)(struct provider_stream *s, const struct json *doc,
			 struct buf *out);

	/* Read one page of a model list: its models are added to out, in a. */
	int (*decode_models)(const struct provider *p, struct str body,
			     struct arena *a, struct provider_models *out);

	/* What the names of its models do not tell; NULL for none. */
	const struct provider_known_model *known_models;

	/*
	 * PROVIDER_LOCAL only: append the next bytes of the HTTP body (for a
	 * stream, one event) to reply->out.  Returns 1 when there is more, 0 at
	 * the end, or API_FAIL + 1 (2) with *reply->error set, possible on the
	 * first call only.
	 */
	int (*generate)(const struct provider *p,
			const struct provider_request *req,
			struct provider_stream *s,
			struct provider_reply *reply);
	size_t stream_size;
};

/* An instance: immutable, in the snapshot's arena, shared by all workers. */
struct provider {
	const struct provider_type *type;
	struct str id;
	struct url base; /* where to connect; base.path is before the target */
	struct str key;  /* configured secret, "" when none */
	struct url token_base; /* who gives its tokens; host "" for none */
	bool token_direct;     /* never asked by a proxy */
	const struct config_provider *config;
	const struct config_network *network;
	void *state; /* the type's own, from setup */
	/* Further addresses that calls may go to: provider_call.place. */
	const struct url *places;
	size_t place_count;
};

/* NULL ends. */
extern const struct provider_type *const provider_types[];
const struct provider_type *provider_type_find(struct str name);

/*
 * Make an instance from its configuration block.  Returns 0, or API_FAIL with
 * a message for the operator.
 */
must_check int provider_init(struct provider *p,
			     const struct config_provider *config,
			     struct arena *a, struct api_error *e);

/* A setting as the configuration has it, or NULL; and its value, or "". */
const struct config_value *provider_value(const struct provider *p,
					  const char *key);
struct str provider_setting(const struct provider *p, const char *key);

bool provider_offers(const struct provider *p, enum llm_op op);

/* Returns 0, or API_FAIL with a 501 when its kind does not offer op. */
must_check int provider_check_op(const struct provider *p, enum llm_op op,
				 struct arena *a, struct api_error *e);

/* Through the type's functions, or OpenAI's. */
must_check int provider_encode(const struct provider *p,
			       const struct provider_request *req,
			       struct arena *a, struct provider_call *out,
			       struct api_error *e);
void provider_map_error(const struct provider *p, int status, struct str body,
			struct arena *a, struct api_error *out);
must_check int provider_decode_models(const struct provider *p, struct str body,
				      struct arena *a,
				      struct provider_models *out);

/*
 * The providers that the environment asks for when no file does: each kind
 * whose key_env is set, and its base_url_env when it has no base_url; each kind
 * that works without a key and whose base_url_env is set; and the local ones.
 * out lives in a.
 */
void provider_from_environment(const struct config *config, char **environment,
			       struct arena *a,
			       const struct config_provider **out,
			       size_t *out_n);

/* The types as the configuration must know them, in a; name NULL ends. */
const struct config_provider_type *provider_config_types(struct arena *a);

/* What goes out as Bearer: the token, the request's key, the configured one. */
struct str provider_key(const struct provider *p,
			const struct provider_request *req);

/* "A|B" as "A or B", for messages. */
struct str provider_env_text(const char *variables, struct arena *a);

/* The Host that the request will go out with, in a. */
struct str provider_host(const struct provider *p, struct arena *a);

#endif
