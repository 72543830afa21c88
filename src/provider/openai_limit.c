#include "provider/openai.h"

enum {
	LEAST = 4096 /* of limits: fewer are never too many */
};

/* The most tokens that a model of OpenAI's writes, by the start of its name. */
static const struct limit {
	struct str name;
	int64_t tokens;
} limits[] = {
	{ STR_INIT("gpt-4.1"), 32768 },
	{ STR_INIT("gpt-4.1-mini"), 32768 },
	{ STR_INIT("gpt-4.1-nano"), 32768 },
	{ STR_INIT("gpt-4o"), 16384 },
	{ STR_INIT("gpt-4o-mini"), 16384 },
	{ STR_INIT("gpt-4-turbo"), 4096 },
	{ STR_INIT("gpt-4"), 8192 },
	{ STR_INIT("o1"), 100000 },
	{ STR_INIT("o1-mini"), 65536 },
	{ STR_INIT("o1-pro"), 100000 },
	{ STR_INIT("o3"), 100000 },
	{ STR_INIT("o3-mini"), 100000 },
	{ STR_INIT("o3-pro"), 100000 },
	{ STR_INIT("o4-mini"), 100000 },
};

/* "gpt-4o-2024-08-06" is a gpt-4o, and a gpt-4 is neither. */
static bool is_of(struct str model, struct str name)
{
	struct str rest = str_drop(model, name.len);

	return str_starts(model, name) &&
	       (rest.len == 0 || rest.ptr[0] == '-' || rest.ptr[0] == ':');
}

int64_t openai_limit(struct str model)
{
	const struct limit *best = NULL;

	/* A model tuned by a customer: "ft:gpt-4o-mini:acme::id". */
	if (str_starts(model, STR("ft:")))
		model = str_drop(model, 3);
	for (size_t i = 0; i < countof(limits); i++) {
		if (is_of(model, limits[i].name) &&
		    (best == NULL || limits[i].name.len > best->name.len))
			best = &limits[i];
	}
	return best != NULL ? best->tokens : 0;
}

/* 0: it is not known, or not to be asked for. */
static int64_t most_of(const struct provider *p,
		       const struct provider_request *req)
{
	if (!str_eq(provider_setting(p, "clamp_max_tokens"), STR("true")))
		return 0;
	return openai_limit(req->model);
}

int openai_clamp(const struct provider *p, const struct provider_request *req,
		 struct arena *a, struct splice *s, struct api_error *e)
{
	static const char *const names[] = { "max_tokens",
					     "max_completion_tokens" };
	int64_t most = 0, n;
	int r = 0;

	if (req->op != LLM_CHAT)
		return 0;
	for (size_t i = 0; i < countof(names) && r == 0; i++) {
		uint32_t v = json_get(req->doc, json_root(req->doc),
				      str_of(names[i]));

		if (!json_to_i64(req->doc, v, &n) || n <= LEAST)
			continue;
		most = most_of(p, req);
		if (most > 0 && n > most) {
			r = openai_set(s, req, names[i],
				       arena_printf(a, "%lld", (long long)most),
				       e);
		}
	}
	return r;
}
