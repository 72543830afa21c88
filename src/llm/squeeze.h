/*
 * squeeze - a stream's events as fewer ones, before they are assembled.
 *
 *	squeeze_init(&s, max);
 *	r = squeeze_add(&s, ev.data);
 *	...
 *	squeeze_close(&s);
 *	while (squeeze_next(&s, &data))
 *		assemble_event(&as, data);
 *	squeeze_release(&s);
 *
 * The chunks of a stream are mostly alike but for the text of one delta: content,
 * reasoning, or a call's arguments.  Such a run becomes one chunk with all of the
 * text, so that it is parsed once and takes the memory of its text.  Strings are
 * joined as they are written in JSON.  Whatever is not certain (other members
 * that add up, logprobs, \u, several choices) is a chunk of its own, as it came.
 *
 * What is assembled is the same.  Padding (obfuscation) is left out.  Pure.
 */
#ifndef LLM_SQUEEZE_H
#define LLM_SQUEEZE_H

#include "base/buf.h"

struct squeeze {
	struct buf out;  /* events, a NUL behind each but the open one */
	struct buf tail; /* what follows the string of the open one */
	size_t begin;    /* of the open one, in out */
	size_t head_len; /* of it, up to its string */
	size_t taken;    /* by squeeze_next() */
	bool is_open;
	bool is_cut; /* padding was cut from the open one */
};

void squeeze_init(struct squeeze *s, size_t max);

/*
 * Returns 0, or -EMSGSIZE at max: the event is left out.  So is one with a NUL,
 * which is no JSON.
 */
must_check int squeeze_add(struct squeeze *s, struct str data);

/* End the run.  Never fails: there was room for its end. */
void squeeze_close(struct squeeze *s);

/* The next event of a closed s, or false.  Valid until the release. */
bool squeeze_next(struct squeeze *s, struct str *out);

/* Empty it and give the memory back. */
void squeeze_release(struct squeeze *s);

/*
 * An event without OpenAI's padding.  When it had some, the "}" behind it is gone
 * with it.
 */
struct str squeeze_unpadded(struct str data);

/* How much of s, from its start on, is the inside of a string without \u. */
size_t squeeze_body_len(struct str s);

/* Bytes that it holds. */
static inline size_t squeeze_bytes(const struct squeeze *s)
{
	return s->out.len;
}

#endif
