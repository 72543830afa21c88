#include "provider/types.h"

/* variables is "A" or "A|B"; NULL has no value. */
static bool is_set(char **environment, const char *variables)
{
	struct str rest = str_of(variables);

	while (rest.len > 0) {
		struct str name, tail;

		(void)str_cut(rest, '|', &name, &tail);
		for (char **v = environment; v != NULL && *v != NULL; v++) {
			struct str key, value;

			if (str_cut(str_of(*v), '=', &key, &value) &&
			    str_eq(key, name) && value.len > 0)
				return true;
		}
		rest = tail;
	}
	return false;
}

/* Recordings are asked before the network: what they know needs no key. */
static bool replays(const struct config *config)
{
	static const struct str live[] = { STR_INIT("off"), STR_INIT("live"),
					   STR_INIT("record") };

	for (size_t i = 0; i < countof(live); i++) {
		if (str_eq(config->record_mode, live[i]))
			return false;
	}
	return true;
}

/* Where there is nobody, for a kind that has no address of its own. */
static void set_nowhere(struct config_provider *p,
			const struct provider_type *type)
{
	for (size_t i = 0; i < p->value_count; i++) {
		struct config_value *v = &p->values[i];

		if (type->base_url != NULL || v->value.len > 0 ||
		    v->setting == NULL ||
		    strcmp(v->setting->key, "base_url") != 0)
			continue;
		v->value = type == &azure_type
				   ? STR("https://nowhere.invalid/openai/v1")
				   : STR("https://nowhere.invalid/v1");
	}
}

static bool is_asked_for(const struct provider_type *type, char **environment)
{
	bool has_url = is_set(environment, type->base_url_env);
	bool has_key = is_set(environment, type->key_env);

	if ((type->caps & PROVIDER_LOCAL) != 0)
		return true;
	if (type->base_url == NULL && !has_url)
		return false;
	/* A key for a server that needs none does not say that it runs. */
	if (type->key_optional)
		return has_url;
	/* OPENAI_BASE_URL alone: some other server, which may need no key. */
	return has_key || (has_url && type->base_url != NULL);
}

void provider_from_environment(const struct config *config, char **environment,
			       struct arena *a,
			       const struct config_provider **out,
			       size_t *out_n)
{
	struct config_provider *list;
	size_t count = 0, n = 0;
	bool all = replays(config);

	while (provider_types[count] != NULL)
		count++;
	list = arena_zalloc(a, count * sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		const struct provider_type *type = provider_types[i];
		struct config_provider_type row = { type->name,
						    type->settings };

		if (!all && !is_asked_for(type, environment))
			continue;
		list[n] = *config_provider_make(a, config, &row,
						str_of(type->id), environment);
		list[n].is_optional = !is_asked_for(type, environment);
		set_nowhere(&list[n++], type);
	}
	*out = list;
	*out_n = n;
}
