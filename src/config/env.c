#include "config/env.h"

#define ENV_MARK STR("${env.")

struct str env_get(char **env, struct str name)
{
	for (; env != NULL && *env != NULL; env++) {
		struct str key, value;

		if (str_cut(str_of(*env), '=', &key, &value) &&
		    str_eq(key, name))
			return value;
	}
	return STR_NULL;
}

struct str env_get_first(char **env, struct str names, struct str *out_name)
{
	struct str name;

	while (names.len > 0) {
		struct str value;

		str_cut(names, '|', &name, &names);
		value = env_get(env, name);
		if (value.len > 0) {
			*out_name = name;
			return value;
		}
	}
	return STR_NULL;
}

bool env_has_names(struct str text)
{
	return str_find(text, ENV_MARK) < text.len;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '_')
			return false;
	}
	return s.len > 0;
}

/* inner is what stands between "${env." and "}". */
static int expand_one(char **env, struct str inner, struct buf *out,
		      struct str *out_name)
{
	struct str name, rest, value;
	bool has_rest = str_cut(inner, ':', &name, &rest);

	*out_name = inner;
	if (!is_name(name))
		return ENV_BAD_NAME;
	if (has_rest && !str_starts(rest, STR("=")) &&
	    !str_starts(rest, STR("+")))
		return ENV_BAD_NAME;

	value = env_get(env, name);
	if (!has_rest && value.len == 0) {
		*out_name = name;
		return ENV_UNSET;
	}
	if (has_rest && rest.ptr[0] == '+') {
		value = value.len > 0 ? str_drop(rest, 1) : STR_NULL;
	} else if (has_rest && value.len == 0) {
		value = str_drop(rest, 1);
	}
	if (str_eq(value, STR("~")) || str_starts(value, STR("~/"))) {
		struct str home = env_get(env, STR("HOME"));
		int r = buf_add(out, home);

		if (r < 0)
			return r;
		value = str_drop(value, home.len > 0 ? 1 : 0);
	}
	return buf_add(out, value);
}

int env_expand(char **env, struct str text, struct buf *out,
	       struct str *out_name)
{
	int r = 0;

	while (r == 0 && text.len > 0) {
		size_t at = str_find(text, ENV_MARK);
		struct str inner;

		r = buf_add(out, str_take(text, at));
		text = str_drop(text, at);
		if (r < 0 || text.len == 0)
			break;
		text = str_drop(text, ENV_MARK.len);
		*out_name = text;
		if (!str_cut(text, '}', &inner, &text))
			return ENV_BAD_NAME;
		r = expand_one(env, inner, out, out_name);
	}
	return r;
}
