/*
 * embeddings - the request, checked, and the answer in the form asked for.
 *
 * Clients ask for numbers or for base64 of their bytes (OpenAI's own do), and
 * upstreams answer as they like: what differs is converted.
 */
#ifndef LLM_EMBEDDINGS_H
#define LLM_EMBEDDINGS_H

#include "llm/answer.h"

/*
 * As OpenAI documents it: at most 2,048 inputs.  dimensions and user may be
 * absent but not null, as OGX has it.
 */
must_check llm_check embeddings_check;

/*
 * The client's model; each embedding in the form that was asked for; index from
 * 0 on when the upstream's are no such row; usage with both counts.  What is
 * right already keeps its bytes.
 */
must_check int embeddings_answer(struct llm_answer *a);

#endif
