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
	bool keeps_repeats; /* also of what a user said last in it */
};

/*
 * The messages of an input, a string or an array of items, appended to out.
 *
 * A function's output comes right behind its call, wherever it stood; one whose
 * call was in an earlier turn comes at the end.  Reasoning goes with the
 * assistant's message or call that follows it.  Of a list, a user's message that
 * says the same as the last of a user in previous is left out, but for
 * keeps_repeats.
 *
 * Returns 0, or API_FAIL with *error.
 */
must_check int convert_input(const struct convert *cv, const struct json *doc,
			     uint32_t input, struct messages *out);

/* A message of the system, unless text is empty. */
void convert_system(const struct convert *cv, struct str text,
		    struct messages *out);

/* A request's "prompt" {id, version, variables}, and the template it names. */
struct convert_prompt {
	const struct json *doc;
	uint32_t value;
	struct str text;             /* the template's */
	const struct str *variables; /* the names that it declares */
	size_t variable_count;
};

/*
 * A message of the system is appended to system, which is empty: the prompt comes
 * before the instructions.  Pictures and files of variables, if any, are appended
 * to tail as one message of the user, which comes last of all.  Returns as
 * convert_input().
 */
must_check int convert_prompt(const struct convert *cv,
			      const struct convert_prompt *p,
			      struct messages *system, struct messages *tail);

#endif
