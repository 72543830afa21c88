#include "config/keep.h"

#include "config/env.h"
#include "http/url.h"

static struct str find(const struct config_value *v, const char *key)
{
	while (v->setting != NULL && strcmp(v->setting->key, key) != 0)
		v++;
	return v->setting != NULL ? v->value : STR_NULL;
}

/* "&key=value", or nothing. */
static struct str option(struct arena *a, const char *key, struct str value)
{
	if (value.len == 0)
		return STR_NULL;
	return arena_printf(a, "&%s=" STR_FMT, key,
			    STR_ARG(url_encode(value, true, a)));
}

/* As libpq reads it: PostgreSQL 15, 34.1.1.2. */
static struct str postgres_uri(struct arena *a, const struct config_value *v)
{
	struct str user = url_encode(find(v, "user"), false, a);
	struct str password = url_encode(find(v, "password"), false, a);
	struct str mode = option(a, "sslmode", find(v, "ssl_mode"));
	struct str ca = option(a, "sslrootcert", find(v, "ca_cert_path"));
	struct str options =
		arena_printf(a, STR_FMT STR_FMT, STR_ARG(mode), STR_ARG(ca));

	return arena_printf(a,
			    "postgres://" STR_FMT "%s" STR_FMT "%s" STR_FMT
			    ":" STR_FMT "/" STR_FMT "%s" STR_FMT,
			    STR_ARG(user), password.len > 0 ? ":" : "",
			    STR_ARG(password), user.len > 0 ? "@" : "",
			    STR_ARG(find(v, "host")), STR_ARG(find(v, "port")),
			    STR_ARG(url_encode(find(v, "db"), false, a)),
			    options.len > 0 ? "?" : "",
			    STR_ARG(str_drop(options, 1)));
}

/* Of OGX's stores, the one that chat completions are kept in. */
static struct str storage_uri(struct load *l, struct config_value *v)
{
	const struct config_storage *all = &l->cfg->storage;
	const struct config_store *s = storage_find(all, STR("inference"));

	if (s == NULL)
		s = storage_find(all, STR("responses"));
	if (s == NULL)
		return STR_NULL;
	v->origin = s->origin;
	if (str_eq(s->backend->type, STR("sql_postgres")))
		return postgres_uri(l->arena, s->backend->values);
	return arena_printf(l->arena, "sqlite:" STR_FMT,
			    STR_ARG(find(s->backend->values, "db_path")));
}

/* XDG Base Directory Specification 0.8: a relative path counts as unset. */
static struct str default_uri(struct load *l)
{
	struct str state = env_get(l->env, STR("XDG_STATE_HOME"));
	struct str home = env_get(l->env, STR("HOME"));

	if (str_starts(state, STR("/"))) {
		return arena_printf(l->arena,
				    "sqlite:" STR_FMT "/quipu/quipu.db",
				    STR_ARG(state));
	}
	if (!str_starts(home, STR("/")))
		return STR_NULL;
	return arena_printf(l->arena,
			    "sqlite:" STR_FMT "/.local/state/quipu/quipu.db",
			    STR_ARG(home));
}

/* A shell leaves the "~" of "sqlite:~/x" as it is. */
static struct str expand_home(struct load *l, struct str uri)
{
	struct str home = env_get(l->env, STR("HOME"));
	struct str begin = STR("sqlite:~/");

	if (home.len == 0 || !str_starts(uri, begin))
		return uri;
	return arena_printf(l->arena, "sqlite:" STR_FMT "/" STR_FMT,
			    STR_ARG(home), STR_ARG(str_drop(uri, begin.len)));
}

static bool is_uri(struct str s)
{
	static const struct str schemes[] = { STR_INIT("sqlite:"),
					      STR_INIT("postgres://"),
					      STR_INIT("postgresql://") };

	for (size_t i = 0; i < countof(schemes); i++) {
		if (str_starts(s, schemes[i]) && s.len > schemes[i].len)
			return true;
	}
	return str_eq(s, STR("none"));
}

void keep_load(struct load *l, const struct layer *layer)
{
	struct config_value *v = layer_find(layer, STR("store.uri"));
	struct config *c = l->cfg;

	if (v->value.len > 0 && !is_uri(v->value)) {
		problem_error(&l->problems, layer_place(v),
			      "store.uri: must be sqlite:FILE, postgres://... "
			      "or none");
	}
	v->value = expand_home(l, v->value);
	if (v->value.len == 0)
		v->value = storage_uri(l, v);
	if (v->value.len == 0) {
		v->value = default_uri(l);
		v->origin = v->value.len > 0 ? STR("default") : STR_NULL;
		c->store_is_default = true;
	}
	c->store_uri = v->value;
}
