/*
 * convert - items of the Responses API as chat messages.
 *
 *	struct convert cv = { .arena = a, .error = e, .previous = &history };
 *
 *	r = convert_input(&cv, &doc, input, &turn);
 *	convert_system(&cv, request.instructions, &system);
 *
 * Rules: ogx-responses A.5 and A.6.  An input was checked by item.h, and has no
 * references any more.  What needs a file store is refused with a 400.
 */
#ifndef RESPONSES_CONVERT_H
#define RESPONSES_CONVERT_H

#include "llm/error.h"
#include "responses/messages.h"

struct convert {
	struct arena *arena; /* for all that is made */
	struct api_error *error;
	/* What was said before, or NULL. */
	const struct messages *previous;
};

/*
 * The messages of an input, a string or an array of items, appended to out.
 *
 * A function's output comes right behind its call, wherever it stood; one whose
 * call was in an earlier turn comes at the end.  Reasoning goes with the
 * assistant's message or call that follows it.  Of a list, a user's message that
 * says the same as the last of a user in previous is left out.
 *
 * Returns 0, or API_FAIL with *error.
 */
must_check int convert_input(const struct convert *cv, const struct json *doc,
			     uint32_t input, struct messages *out);

/* A message of the system, unless text is empty. */
void convert_system(const struct convert *cv, struct str text,
		    struct messages *out);

/* A stored template. */
struct convert_template {
	struct str text;
	const struct str *variables; /* the declared names */
	size_t variable_count;
};

/*
 * The request's "prompt" {id, version, variables}, with its template: a message
 * of the system is appended to system, which is empty, and pictures and files of
 * variables, if any, as one message of the user to tail, which comes last of all.
 * Returns as convert_input().
 */
must_check int convert_prompt(const struct convert *cv, const struct json *doc,
			      uint32_t prompt, const struct convert_template *t,
			      struct messages *system, struct messages *tail);

#endif
