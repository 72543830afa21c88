/*
 * translate - an answer in another dialect, read as if it were OpenAI's;
 * private to core.
 *
 * A source around a source: what goes out are the events or the JSON that
 * provider_type.translate makes.  What it cannot read (no JSON, an error) passes
 * as it came, for those to judge who judge OpenAI's.
 */
#ifndef CORE_TRANSLATE_H
#define CORE_TRANSLATE_H

#include "core/source.h"

/* inner itself when its answer is OpenAI's.  Takes over inner.  Lives in x->arena until it is closed. */
struct source *translate_source(const struct exchange *x, struct source *inner)
	__attribute__((noinline));

#endif
