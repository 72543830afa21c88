/*
 * request_tools - a request's "tools" and "tool_choice"; private to responses.
 */
#ifndef RESPONSES_REQUEST_TOOLS_H
#define RESPONSES_REQUEST_TOOLS_H

#include "llm/field.h"
#include "responses/request.h"

/* Check the array.  Returns 0 or API_FAIL. */
must_check int request_tools_check(const struct field_checker *c,
				   uint32_t tools);

/* Read the choice of a request whose at[] is set.  Returns 0 or API_FAIL. */
must_check int request_tools_choose(const struct field_checker *c,
				    struct response_request *req);

#endif
