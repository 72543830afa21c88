/*
 * answer - a whole answer of an upstream on its way to the client.
 *
 * For endpoints whose answers differ in more than the model.  Whoever relays
 * fills the first part; a rewriting function the second, and returns 0; or it
 * returns API_FAIL with bad, for a 502: "answered with " and then that text.
 */
#ifndef LLM_ANSWER_H
#define LLM_ANSWER_H

#include "llm/request.h"
#include "json/splice.h"

struct llm_answer {
	const struct json *doc; /* an object; arrays of numbers are folded */
	const struct llm_request *request;
	struct str model; /* the client's, as JSON text; "" keeps what came */
	struct arena *arena;

	/*
	 * What the client gets: slices of the document's text, of out and of
	 * the arena.  out comes empty, with the limit of answers.
	 */
	struct buf out;
	struct str pieces[SPLICE_PIECES_MAX];
	size_t count;
	struct str bad;
};

#endif
