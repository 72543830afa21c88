/*
 * image - where a chat's messages point to pictures elsewhere.
 *
 *	n = image_find(&doc, refs, countof(refs));
 */
#ifndef LLM_IMAGE_H
#define LLM_IMAGE_H

#include "json/json.h"

struct image_ref {
	uint32_t url; /* the string on the tape */
	uint32_t message, part;
	bool is_bare; /* "image_url": "https://...", not an object with url */
};

/*
 * The image_url parts whose URL begins with http: or https:, in the order of
 * the text.  Returns how many there are, also beyond max.
 */
size_t image_find(const struct json *doc, struct image_ref *out, size_t max);

/* "messages[1].content[0].image_url.url", in a. */
struct str image_path(const struct image_ref *ref, struct arena *a);

/*
 * What a picture is by its first bytes: "image/png", "image/jpeg", "image/gif",
 * "image/webp", or "" for anything else.
 */
struct str image_type(struct str bytes);

#endif
