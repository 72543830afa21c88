/*
 * fixed - settings that a running server keeps until it is started again.
 */
#include "config/problem.h"
#include "config/secret.h"

static bool is_same(const struct config_value *a, const struct config_value *b)
{
	enum setting_kind kind = a->setting->kind;

	/* "60" and "1m" are the same time. */
	if (kind == SETTING_INT || kind == SETTING_SIZE ||
	    kind == SETTING_DURATION)
		return config_value_int(a, -1) == config_value_int(b, -1);
	return str_eq(a->value, b->value);
}

static struct str shown(const struct config_value *v, struct arena *a)
{
	if (v->setting->secret || secret_password(v->value).len > 0)
		return SECRET_MASK;
	return v->value.len > 0 ? problem_quote(a, v->value) : STR("unset");
}

static void note_table(struct problems *p, const struct config_value *was,
		       const struct config_value *v, struct arena *a)
{
	for (; v->setting != NULL; was++, v++) {
		struct place at = { .name = v->origin };
		struct str old = shown(was, a), new = shown(v, a);

		if (!v->setting->fixed || is_same(was, v))
			continue;
		if (at.name.len == 0)
			at.name = STR("configuration");
		problem_warning(p, at,
				"%s: stays " STR_FMT " until a restart makes "
				"it " STR_FMT,
				v->setting->key, STR_ARG(old), STR_ARG(new));
	}
}

void config_note_fixed(const struct config *running, const struct config *next,
		       struct buf *messages)
{
	struct problems p;
	struct arena a;

	problem_init(&p, messages);
	arena_init(&a, 1 << 20);
	note_table(&p, running->values, next->values, &a);
	note_table(&p, running->store_values, next->store_values, &a);
	note_table(&p, running->responses_values, next->responses_values, &a);
	note_table(&p, running->process_values, next->process_values, &a);
	problem_done(&p);
	arena_fini(&a);
}

static bool same_values(const struct config_value *a,
			const struct config_value *b)
{
	for (; a->setting != NULL && b->setting != NULL; a++, b++) {
		if (a->setting != b->setting || !str_eq(a->value, b->value))
			return false;
	}
	return a->setting == b->setting;
}

bool config_provider_is_same(const struct config_provider *a,
			     const struct config_provider *b)
{
	return str_eq(a->id, b->id) && str_eq(a->type, b->type) &&
	       same_values(a->values, b->values) &&
	       same_values(a->common, b->common) &&
	       same_values(a->network_values, b->network_values);
}
