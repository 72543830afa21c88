/*
 * disassemble - the answer of a chat completion, made anew from its parts.
 *
 * The contrary of assemble, as far as that goes: a stream has one chunk with all
 * that a choice says, and one with why it ended.  How it was cut once, nobody
 * knows any more.  Pure.
 */
#ifndef LLM_DISASSEMBLE_H
#define LLM_DISASSEMBLE_H

#include "base/buf.h"

/* Texts are JSON, but id and model; "" is none. */
struct disassemble_parts {
	struct str id, model;
	int64_t created;
	struct str choices; /* an array, as of an answer that is not streamed */
	struct str usage;
	struct str extra; /* an object: members that the object shows, too */
};

enum {
	DISASSEMBLE_BAD = 1
};

/* The object.  0, DISASSEMBLE_BAD for parts that are none, -EMSGSIZE. */
must_check int disassemble_whole(const struct disassemble_parts *parts,
				 struct buf *out);

/*
 * The stream's bytes, to "data: [DONE]"; with an event for the usage when there
 * is one and the client asked for it.  As above.
 */
must_check int disassemble_stream(const struct disassemble_parts *parts,
				  bool with_usage, struct buf *out);

#endif
