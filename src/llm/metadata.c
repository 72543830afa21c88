#include "llm/metadata.h"

enum {
	SHOWN_MAX = 64 /* bytes of a key that a message repeats */
};

size_t metadata_chars(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

/* "metadata.KEY": cut between characters. */
static struct str param_of(const struct field_checker *c, struct str key)
{
	size_t n = key.len < SHOWN_MAX ? key.len : SHOWN_MAX;

	while (n < key.len && n > 0 &&
	       ((unsigned char)key.ptr[n] & 0xc0) == 0x80)
		n--;
	return arena_printf(c->arena, "metadata." STR_FMT,
			    STR_ARG(str_take(key, n)));
}

static int refuse(const struct field_checker *c, struct str param,
		  const char *why, const char *code)
{
	(void)api_fail(c->error, c->arena, 400, "invalid_request_error", NULL,
		       "Invalid '" STR_FMT "': %s.", STR_ARG(param), why);
	c->error->param = param;
	c->error->code = str_of(code);
	return API_FAIL;
}

static bool has_nul(struct str s)
{
	return s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL;
}

static int check_pair(const struct field_checker *c, uint32_t v)
{
	struct str key = json_string(c->doc, json_key(c->doc, v), c->arena);
	struct str param = param_of(c, key);
	struct str value;

	if (json_type(c->doc, v) != JSON_STRING) {
		return refuse(c, param, "the values of metadata are strings",
			      "invalid_type");
	}
	value = json_string(c->doc, v, c->arena);
	if (metadata_chars(key) > METADATA_KEY_MAX) {
		return refuse(c, param,
			      "a key of metadata has at most 64 characters",
			      "string_above_max_length");
	}
	if (metadata_chars(value) > METADATA_VALUE_MAX) {
		return refuse(c, param,
			      "a value of metadata has at most 512 characters",
			      "string_above_max_length");
	}
	if (has_nul(key) || has_nul(value)) {
		return refuse(c, STR("metadata"), "a NUL cannot be kept",
			      "invalid_value");
	}
	return 0;
}

int metadata_check(const struct field_checker *c, uint32_t v)
{
	int r = 0;

	if (json_type(c->doc, v) != JSON_OBJECT) {
		return field_wrong_type(c, FIELD_PATH(NULL, "metadata"), v,
					"an object");
	}
	if (json_count(c->doc, v) > METADATA_PAIRS_MAX) {
		return refuse(c, STR("metadata"),
			      "metadata has at most 16 pairs",
			      "object_above_max_properties");
	}
	if (json_has_duplicates(c->doc, v)) {
		return refuse(c, STR("metadata"), "a key is there twice",
			      "invalid_value");
	}
	for (uint32_t e = json_first(c->doc, v); e != JSON_NONE && r == 0;
	     e = json_next(c->doc, e))
		r = check_pair(c, e);
	return r;
}
