/*
 * prompt - stored templates.
 *
 * Rows: STORE_PROMPT, whose body is {"prompt_id", "default_version", "latest"} and
 * whose aux is the body of the default version; and below it one
 * STORE_PROMPT_VERSION for each version, "ID/VERSION", whose body is {"prompt_id",
 * "version", "prompt", "variables": [names]}.
 */
#ifndef RESPONSES_PROMPT_H
#define RESPONSES_PROMPT_H

#include "responses/convert.h"
#include "responses/request.h"

/*
 * A request's "prompt" by a version's body: as convert_prompt().
 */
must_check int prompt_apply(const struct convert *cv,
			    const struct response_request *req, struct str body,
			    struct messages *system, struct messages *tail);

/*
 * The first name in the text, as {{ name }}, that is not among the declared ones, a
 * JSON array of strings or JSON_NONE.  A name is letters, digits and underscores.
 * Returns false when there is none.
 */
bool prompt_undeclared(struct str text, const struct json *doc,
		       uint32_t declared, struct str *out);

#endif
