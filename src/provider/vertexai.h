/*
 * vertexai - chat as Google's generateContent has it, there and back.
 *
 * The two halves of provider/vertexai.c: what a request becomes, and what is made
 * of an answer.
 */
#ifndef PROVIDER_VERTEXAI_H
#define PROVIDER_VERTEXAI_H

#include "provider/provider.h"

/*
 * The body of generateContent for a chat that was checked, appended to out.
 * Returns 0, or API_FAIL with *e for what cannot be said there.
 */
must_check int vertexai_write(const struct json *doc, struct arena *a,
			      struct buf *out, struct api_error *e);

/* The state of an answer, and translate of struct provider_type. */
struct provider_stream *vertexai_begin(const struct provider_request *req,
				       struct arena *a);
must_check int vertexai_translate(struct provider_stream *s,
				  const struct json *doc, struct buf *out);

#endif
