/*
 * vertexai_config - a chat's settings and tools in generateContent's words.
 */
#ifndef PROVIDER_VERTEXAI_CONFIG_H
#define PROVIDER_VERTEXAI_CONFIG_H

#include "llm/error.h"
#include "json/json.h"
#include "json/writer.h"

/* Members of the request's object; a chat that was checked. */
void vertexai_write_config(struct json_writer *w, const struct json *doc);

/* The same; API_FAIL for tools that are no functions. */
must_check int vertexai_write_tools(struct json_writer *w,
				    const struct json *doc, struct arena *a,
				    struct api_error *e);

#endif
