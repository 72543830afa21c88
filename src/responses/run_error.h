/*
 * run_error - what an upstream's error means for a response; private to run.
 */
#ifndef RESPONSES_RUN_ERROR_H
#define RESPONSES_RUN_ERROR_H

#include "llm/error.h"

/*
 * The code of response.failed: one of OpenAI's ResponseErrorCode, as
 * ogx-responses A.21 maps it; any other is "server_error".
 */
struct str run_error_code(const struct api_error *e);

/* Does it say that the messages are longer than the model can take? */
bool run_error_is_length(const struct api_error *e);

#endif
