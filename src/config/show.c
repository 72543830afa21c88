#include "config/secret.h"

#include "base/err.h"
#include "json/writer.h"

#include <errno.h>

/* One listing on its way: as text in two rounds, of which one measures. */
struct show {
	struct buf *out;
	struct json_writer json;
	bool as_json;
	bool measures;
	size_t key_width, value_width;
	int error;
};

enum {
	KEY_WIDTH_MAX = 64,
	VALUE_WIDTH_MAX = 40,
	LINE_MAX_BYTES = 1 << 20,
};

/* What may be seen of a value. */
static struct str visible(const struct config_value *v, struct buf *scratch)
{
	struct str password = secret_password(v->value);
	int r;

	if (v->setting->secret)
		return v->value.len > 0 ? SECRET_MASK : v->value;
	if (password.len == 0)
		return v->value;
	buf_clear(scratch);
	r = buf_add(scratch,
		    str_take(v->value, (size_t)(password.ptr - v->value.ptr)));
	if (r == 0)
		r = buf_add(scratch, SECRET_MASK);
	if (r == 0) {
		r = buf_add(scratch, str_drop(v->value, (size_t)(password.ptr -
								 v->value.ptr) +
								password.len));
	}
	return r == 0 ? buf_str(scratch) : SECRET_MASK;
}

static void add_headers(struct json_writer *w, const struct config_value *v)
{
	json_object(w);
	for (size_t i = 0; i + 1 < v->item_count; i += 2) {
		json_member_str(w, v->items[i],
				v->setting->secret ? SECRET_MASK
						   : v->items[i + 1]);
	}
	json_end(w);
}

static void add_value(struct json_writer *w, const struct config_value *v,
		      struct str text)
{
	enum setting_kind kind = v->setting->kind;
	int64_t n;

	/* A mask is a text, whatever it hides. */
	if (v->setting->secret && kind != SETTING_MAP)
		kind = SETTING_STR;
	if (v->origin.len == 0) {
		json_add_null(w);
	} else if (kind == SETTING_MAP) {
		add_headers(w, v);
	} else if (kind == SETTING_LIST) {
		json_add_raw(w, text);
	} else if (kind == SETTING_BOOL) {
		json_add_bool(w, config_value_bool(v, false));
	} else if (kind == SETTING_INT &&
		   str_to_i64(text, INT64_MIN, INT64_MAX, &n)) {
		json_add_int(w, n);
	} else {
		json_add_str(w, text);
	}
}

static size_t clamp(size_t n, size_t max)
{
	return n < max ? n : max;
}

static void pad(struct show *s, size_t len, size_t width)
{
	if (s->error == 0) {
		s->error = buf_printf(s->out, "%*s",
				      (int)(len < width ? width - len : 0), "");
	}
}

static void line(struct show *s, struct str key, struct str value,
		 struct str origin)
{
	if (s->measures) {
		if (key.len > s->key_width)
			s->key_width = clamp(key.len, KEY_WIDTH_MAX);
		if (value.len > s->value_width)
			s->value_width = clamp(value.len, VALUE_WIDTH_MAX);
		return;
	}
	if (s->error == 0)
		s->error = buf_add(s->out, key);
	pad(s, key.len, s->key_width);
	if (s->error == 0)
		s->error = buf_printf(s->out, "  " STR_FMT, STR_ARG(value));
	pad(s, value.len, s->value_width);
	if (s->error == 0) {
		s->error =
			buf_printf(s->out, "  " STR_FMT "\n", STR_ARG(origin));
	}
}

static void entry(struct show *s, struct str key, const struct config_value *v,
		  struct buf *scratch)
{
	struct str text = visible(v, scratch);

	if (s->as_json) {
		json_member(&s->json, key);
		json_object(&s->json);
		json_member(&s->json, STR("value"));
		add_value(&s->json, v, text);
		if (v->origin.len > 0) {
			json_member_str(&s->json, STR("origin"), v->origin);
		} else {
			json_member_null(&s->json, STR("origin"));
		}
		json_end(&s->json);
		return;
	}
	if (v->origin.len == 0) {
		line(s, key, STR("-"), STR("unset"));
	} else {
		line(s, key, text.len > 0 ? text : STR("\"\""), v->origin);
	}
}

static void table(struct show *s, struct str prefix,
		  const struct config_value *v)
{
	struct buf key, scratch;

	buf_init(&key, LINE_MAX_BYTES);
	buf_init(&scratch, LINE_MAX_BYTES);
	for (; v->setting != NULL && s->error == 0; v++) {
		if (v->setting->sets != NULL)
			continue;
		buf_clear(&key);
		s->error = buf_add(&key, prefix);
		if (s->error == 0)
			s->error = buf_add(&key, str_of(v->setting->key));
		if (s->error == 0)
			entry(s, buf_str(&key), v, &scratch);
	}
	buf_fini(&key);
	buf_fini(&scratch);
}

static void provider(struct show *s, const struct config_provider *p)
{
	static const struct setting type = { .key = "provider_type" };
	struct config_value kind[2] = {
		{ .setting = &type, .value = p->type, .origin = p->origin }
	};
	char text[256];
	int n = snprintf(text, sizeof(text), "providers." STR_FMT ".",
			 STR_ARG(str_take(p->id, 200)));
	struct str prefix = { text, (size_t)n };

	table(s, prefix, kind);
	table(s, prefix, p->values);
	table(s, prefix, p->common);
	table(s, prefix, p->network_values);
}

static void target(struct show *s, const struct config_model *m, size_t i)
{
	static const struct setting rows[] = { { .key = "model" },
					       { .key = "weight" },
					       { .key = "priority" } };
	const struct config_target *t = &m->targets[i];
	char weight[24], priority[24];
	struct config_value v[4] = {
		{ .setting = &rows[0], .value = t->model },
		{ .setting = &rows[1], .value = { weight, 0 } },
		{ .setting = &rows[2], .value = { priority, 0 } },
	};
	struct buf prefix;

	v[1].value.len = (size_t)snprintf(weight, sizeof(weight), "%lld",
					  (long long)t->weight);
	v[2].value.len = (size_t)snprintf(priority, sizeof(priority), "%lld",
					  (long long)t->priority);
	for (size_t j = 0; j < 3; j++)
		v[j].origin = m->origin;
	buf_init(&prefix, LINE_MAX_BYTES);
	s->error = buf_printf(&prefix, "models." STR_FMT ".targets[%zu].",
			      STR_ARG(m->id), i);
	if (s->error == 0)
		table(s, buf_str(&prefix), v);
	buf_fini(&prefix);
}

static void model(struct show *s, const struct config_model *m)
{
	static const struct setting rows[] = { { .key = "provider_id" },
					       { .key = "provider_model_id" },
					       { .key = "model_type" } };
	struct config_value v[4] = {
		{ .setting = &rows[0], .value = m->provider_id },
		{ .setting = &rows[1], .value = m->upstream_id },
		{ .setting = &rows[2], .value = m->type },
	};
	struct buf prefix;

	for (size_t i = 0; i < 3; i++)
		v[i].origin = m->origin;
	buf_init(&prefix, LINE_MAX_BYTES);
	s->error = buf_printf(&prefix, "models." STR_FMT ".", STR_ARG(m->id));
	if (s->error == 0)
		table(s, buf_str(&prefix), v);
	buf_fini(&prefix);
	for (size_t i = 0; i < m->target_count && s->error == 0; i++)
		target(s, m, i);
}

/* The values of a backend, or of a store that has no type. */
static void storage(struct show *s, const char *section, struct str name,
		    const struct config_value *values)
{
	struct buf prefix;

	buf_init(&prefix, LINE_MAX_BYTES);
	s->error = buf_printf(&prefix, "storage.%s." STR_FMT ".", section,
			      STR_ARG(name));
	if (s->error == 0)
		table(s, buf_str(&prefix), values);
	buf_fini(&prefix);
}

static void backend(struct show *s, const struct config_backend *b)
{
	static const struct setting type = { .key = "type" };
	struct config_value kind[2] = {
		{ .setting = &type, .value = b->type, .origin = b->origin }
	};

	storage(s, "backends", b->name, kind);
	if (s->error == 0)
		storage(s, "backends", b->name, b->values);
}

static void all(struct show *s, const struct config *c)
{
	table(s, STR(""), c->values);
	table(s, STR("upstream."), c->network_values);
	table(s, STR(""), c->store_values);
	table(s, STR(""), c->responses_values);
	table(s, STR(""), c->process_values);
	for (size_t i = 0; i < c->provider_count && s->error == 0; i++)
		provider(s, &c->providers[i]);
	for (size_t i = 0; i < c->model_count && s->error == 0; i++)
		model(s, &c->models[i]);
	for (size_t i = 0; i < c->storage.backend_count && s->error == 0; i++)
		backend(s, &c->storage.backends[i]);
	for (size_t i = 0; i < c->storage.store_count && s->error == 0; i++)
		storage(s, "stores", c->storage.stores[i].name,
			c->storage.stores[i].values);
}

void config_show_value(const struct config_value *v, struct json_writer *w)
{
	struct buf scratch;

	buf_init(&scratch, LINE_MAX_BYTES);
	add_value(w, v, visible(v, &scratch));
	buf_fini(&scratch);
}

int config_show(const struct config *c, bool as_json, struct buf *out)
{
	struct show s = { .out = out, .as_json = as_json };
	int r;

	if (!as_json) {
		s.measures = true;
		all(&s, c);
		s.measures = false;
		all(&s, c);
		return s.error < 0 ? err_up(s.error) : 0;
	}
	json_writer_init(&s.json, out);
	json_object(&s.json);
	all(&s, c);
	json_end(&s.json);
	r = json_writer_done(&s.json);
	if (r == 0)
		r = s.error;
	return r < 0 ? err_up(r) : 0;
}
