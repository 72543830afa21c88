#include "config/spec.h"

#include "http/url.h"

static struct tree_node *make(struct load *l, enum tree_kind kind,
			      struct place at)
{
	struct tree_node *n = arena_zalloc(&l->scratch, sizeof(*n));

	n->kind = kind;
	n->at = at;
	n->key_at = at;
	return n;
}

static void add_text(struct load *l, struct tree_node *map, struct str key,
		     struct str text)
{
	struct tree_node *n = make(l, TREE_SCALAR, map->at);

	n->key = key;
	n->text = text;
	n->quoted = true;
	tree_link(map, n);
}

/* "a=b&c=d" into config; a provider_id is taken out. */
static bool take_keys(struct load *l, struct str keys, struct tree_node *config,
		      struct str *id)
{
	while (keys.len > 0) {
		struct str one, key, text;

		(void)str_cut(keys, '&', &one, &keys);
		if (!str_cut(one, '=', &key, &text) || key.len == 0 ||
		    url_decode(text, &l->scratch, &text) < 0)
			return false;
		if (str_eq(key, STR("provider_id"))) {
			*id = text;
		} else {
			add_text(l, config, key, text);
		}
	}
	return true;
}

/* What follows the last ':' of a type. */
static struct str last_part(struct str type)
{
	size_t at = type.len;

	while (at > 0 && type.ptr[at - 1] != ':')
		at--;
	return str_drop(type, at);
}

static bool take_entry(struct load *l, struct str entry, struct tree_node *list)
{
	struct str api, rest, type, keys, id, shown;
	struct tree_node *map, *config;

	if (!str_cut(str_trim(entry), '=', &api, &rest))
		return false;
	(void)str_cut(rest, '?', &type, &keys);
	id = last_part(type);
	if (api.len == 0 || id.len == 0)
		return false;
	if (!str_eq(api, STR("inference"))) {
		shown = problem_printable(&l->scratch, api);
		problem_warning(&l->problems, list->at,
				"providers." STR_FMT ": not used by quipu",
				STR_ARG(shown));
		return true;
	}
	map = make(l, TREE_MAP, list->at);
	config = make(l, TREE_MAP, list->at);
	config->key = STR("config");
	if (!take_keys(l, keys, config, &id))
		return false;
	add_text(l, map, STR("provider_id"), id);
	add_text(l, map, STR("provider_type"), type);
	tree_link(map, config);
	tree_link(list, map);
	return true;
}

const struct tree_node *spec_parse(struct load *l, struct str text,
				   struct place at)
{
	struct tree_node *list = make(l, TREE_LIST, at);
	struct str entry;

	while (text.len > 0) {
		(void)str_cut(text, ',', &entry, &text);
		if (str_trim(entry).len == 0 || take_entry(l, entry, list))
			continue;
		entry = problem_quote(&l->scratch, entry);
		problem_error(&l->problems, at,
			      STR_FMT " is not of the form inference=TYPE or "
				      "inference=TYPE?key=value&key=value",
			      STR_ARG(entry));
	}
	return list;
}
