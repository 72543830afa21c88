#include "config/secret.h"

/* libpq also takes it as a parameter. */
static struct str query_password(struct str url)
{
	struct str key = STR("password=");
	struct str rest = str_drop(url, str_find(url, key));

	rest = str_drop(rest, key.len);
	return str_take(rest, str_find(rest, STR("&")));
}

struct str secret_password(struct str url)
{
	bool is_database = str_starts(url, STR("postgres"));
	struct str rest = str_drop(url, str_find(url, STR("://")));
	struct str user, password;
	size_t end = 0, at;

	rest = str_drop(rest, 3);
	while (end < rest.len && strchr("/?#", rest.ptr[end]) == NULL)
		end++;
	rest = str_take(rest, end);
	/* A password may have an @ in it, a host may not. */
	for (at = rest.len; at > 0 && rest.ptr[at - 1] != '@'; at--)
		;
	if (at > 0 && str_cut(str_take(rest, at - 1), ':', &user, &password))
		return password;
	if (is_database)
		return query_password(url);
	/* Without a colon it may be a token. */
	return at > 0 ? user : STR_NULL;
}

struct visitor {
	void (*fn)(void *arg, struct str secret);
	void *arg;
};

static void visit(const struct visitor *v, struct str secret)
{
	if (secret.len > 0)
		v->fn(v->arg, secret);
}

static void visit_value(const struct visitor *v,
			const struct config_value *value)
{
	bool is_map = value->setting->kind == SETTING_MAP;

	if (!value->setting->secret) {
		visit(v, secret_password(value->value));
		return;
	}
	for (size_t i = is_map ? 1 : 0; i < value->item_count;
	     i += is_map ? 2 : 1)
		visit(v, value->items[i]);
	if (value->items == NULL)
		visit(v, value->value);
}

/* A value without a setting ends a table: layer_add() makes one more. */
static void visit_table(const struct visitor *v,
			const struct config_value *values)
{
	for (; values->setting != NULL; values++)
		visit_value(v, values);
}

void config_secrets(const struct config *c,
		    void (*fn)(void *arg, struct str secret), void *arg)
{
	const struct visitor v = { fn, arg };

	visit_table(&v, c->values);
	visit_table(&v, c->network_values);
	visit_table(&v, c->store_values);
	visit_table(&v, c->responses_values);
	visit_table(&v, c->process_values);
	for (size_t i = 0; i < c->provider_count; i++) {
		visit_table(&v, c->providers[i].values);
		visit_table(&v, c->providers[i].network_values);
	}
	for (size_t i = 0; i < c->storage.backend_count; i++)
		visit_table(&v, c->storage.backends[i].values);
}
