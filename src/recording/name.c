#include "recording/name.h"

#include <stdio.h>

#include "recording/digest.h"

enum {
	SUM_LEN = 8,
	OP_MAX = 30,
	MODEL_MAX = 40,
};

static bool is_plain_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '-';
}

/* Append at most max bytes of s, runs of other characters as one '-'. */
static size_t add_slug(struct str s, size_t max, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < s.len && len < max; i++) {
		char c = str_lower(s.ptr[i]);

		if (!is_plain_char(c))
			c = '-';
		if (len == 0 && (c == '.' || c == '-'))
			continue;
		if (c == '-' && out[len - 1] == '-')
			continue;
		out[len++] = c;
	}
	while (len > 0 && (out[len - 1] == '-' || out[len - 1] == '.'))
		len--;
	return len;
}

struct str name_session(struct str session, char out[RECORDING_NAME_MAX + 1])
{
	char sum[DIGEST_LEN];
	size_t len = add_slug(session, RECORDING_NAME_MAX - SUM_LEN - 1, out);

	if (session.len == 0) {
		memcpy(out, "default", sizeof("default"));
		return str_of(out);
	}
	if (len != session.len || memcmp(out, session.ptr, len) != 0) {
		(void)digest_hex(session, sum);
		if (len > 0)
			out[len++] = '-';
		memcpy(out + len, sum, SUM_LEN);
		len += SUM_LEN;
	}
	out[len] = '\0';
	return (struct str){ out, len };
}

struct str name_file(const struct name_parts *parts,
		     char out[RECORDING_NAME_MAX + 1])
{
	char op[OP_MAX], model[MODEL_MAX];
	size_t op_len = add_slug(parts->op, OP_MAX, op);
	size_t model_len = add_slug(parts->model, MODEL_MAX, model);
	struct str key = str_take(parts->key, SUM_LEN);
	int n = snprintf(out, RECORDING_NAME_MAX + 1,
			 "%02u-%.*s%s%.*s-%.*s.json", parts->number % 1000000,
			 (int)op_len, op, model_len > 0 ? "-" : "",
			 (int)model_len, model, STR_ARG(key));

	return (struct str){ out, (size_t)n };
}

bool name_is_plain(struct str name)
{
	if (name.len == 0 || name.len > 255 || name.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '/' || name.ptr[i] == '\0')
			return false;
	}
	return true;
}
