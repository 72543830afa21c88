/*
 * part - a text or an image, as rerank and moderations take them.
 *
 * "x", {"type":"text","text":"x"} or {"type":"image_url","image_url":{"url":
 * "x"}}.
 */
#ifndef LLM_PART_H
#define LLM_PART_H

#include "llm/field.h"

/* Returns 0, or API_FAIL with the path of what is wrong. */
must_check int part_check(const struct field_checker *c,
			  const struct field_path *path, uint32_t v);

/* Of a checked one the text's string value; JSON_NONE for an image. */
uint32_t part_text(const struct json *doc, uint32_t v);

#endif
