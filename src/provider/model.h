/*
 * model - the models of an upstream, as its list tells them.
 */
#ifndef PROVIDER_MODEL_H
#define PROVIDER_MODEL_H

#include "base/str.h"

/* An entry of an upstream's model list. */
struct provider_model {
	struct str id;     /* the upstream's own name for it */
	struct str type;   /* "llm", "embedding", "rerank", or "": not said */
	int64_t created_s; /* 0 when it did not say */
};

struct provider_models {
	struct provider_model *items;
	size_t count;
	struct str next_page; /* for provider_request.page; "": there is none */
};

/* A row of what is known about the models of a kind. */
struct provider_known_model {
	const char *id; /* with or without the ":tag" of a list; NULL ends */
	const char *type;
};

/*
 * "llm", "embedding" or "rerank": what the list said, else what is known of the
 * kind's models (NULL: nothing), else what the name says ("embed", "rerank").
 */
struct str provider_model_type(const struct provider_known_model *known,
			       const struct provider_model *m);

/* Names of models that neither chat, embed nor rank: speech, images, ... */
bool provider_model_is_other(struct str id);

#endif
