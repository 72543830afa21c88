/*
 * chunk - a whole chat completion as the one chunk of a stream.
 *
 * For upstreams that answer with JSON although a stream was asked for: clients
 * would find nothing in it.
 */
#ifndef LLM_CHUNK_H
#define LLM_CHUNK_H

#include "json/json.h"

/*
 * Append the chunk's JSON to out: "message" becomes "delta", tool calls get
 * their index, model (JSON text) replaces the answer's; all else keeps its
 * bytes.  Returns 0 or -EMSGSIZE.
 */
must_check int chunk_write(const struct json *doc, struct str model,
			   struct buf *out);

#endif
