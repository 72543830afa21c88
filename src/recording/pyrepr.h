/*
 * pyrepr - JSON as Python's repr() prints it: {'a': None, 'b': ['x', 1.0]}.
 *
 *	r = pyrepr_dump(&doc, json_root(&doc), &out);
 *
 * OGX keeps messages of its SDK, which hold error bodies in that form.  Text that
 * is not ASCII counts as printable.
 */
#ifndef RECORDING_PYREPR_H
#define RECORDING_PYREPR_H

#include "base/buf.h"
#include "json/json.h"

/* Append the text of v.  Returns 0, or -EMSGSIZE. */
must_check int pyrepr_dump(const struct json *doc, uint32_t v, struct buf *out);

#endif
