/*
 * ogx_schema - the classes of OGX's SDKs, as far as their dumps go.
 *
 *	type = ogx_schema_of(STR("/v1/chat/completions"), true);
 *	for (f = type->fields; f->name != NULL; f++) ...
 *
 * A dump has every field of its class in the class's order, null when it was not
 * there, and then what the class does not know in the order it came.
 */
#ifndef RECORDING_OGX_SCHEMA_H
#define RECORDING_OGX_SCHEMA_H

#include "base/str.h"

struct ogx_schema_field {
	const char *name; /* NULL ends */
	/* Of the object, or of a list's elements; NULL: as it is. */
	const struct ogx_schema_field *inner;
};

struct ogx_schema {
	const char *endpoint;
	bool streamed;
	const char *type; /* the Python class */
	const struct ogx_schema_field *fields;
};

/* NULL for an endpoint whose answers have no class. */
const struct ogx_schema *ogx_schema_of(struct str endpoint, bool streamed);

#endif
