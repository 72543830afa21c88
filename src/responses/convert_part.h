/*
 * convert_part - parts of a content in the chat's form; private to responses.
 *
 * Parts were checked by item.h.
 */
#ifndef RESPONSES_CONVERT_PART_H
#define RESPONSES_CONVERT_PART_H

#include "json/json.h"
#include "json/writer.h"

/* A part as it is said by somebody. */
void convert_part(struct json_writer *w, const struct json *doc, uint32_t part,
		  struct arena *a);

/*
 * Parts of a function's output, an array, as parts of text: pictures are left out,
 * of a file comes its text if it is one, else its URL.
 */
void convert_part_texts(struct json_writer *w, const struct json *doc,
			uint32_t parts, struct arena *a);

bool convert_part_is_image(const struct json *doc, uint32_t part);

#endif
