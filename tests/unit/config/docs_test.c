#include "config/schema.h"

#include "tests/unit/table.h"

#include <stdlib.h>

static const struct setting named_settings[] = {
	{ .key = "base_url" },
	{ .key = "api_key", .secret = true },
	{ 0 },
};

static const struct config_provider_type named_types[] = {
	{ .name = "remote::openai", .settings = named_settings },
	{ .name = "remote::vllm", .settings = named_settings },
	{ 0 },
};

/* A file of the source tree; the caller frees b. */
static struct str read_source(const char *name, struct buf *b)
{
	const char *root = getenv("QUIPU_SOURCE");
	char path[1024];
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", root != NULL ? root : ".",
		       name);
	file = fopen(path, "re");
	if (file == NULL)
		fail_msg("%s cannot be opened", path);
	buf_init(b, 1 << 20);
	do {
		assert_int_equal(buf_reserve(b, 4096), 0);
		n = fread(b->ptr + b->len, 1, 4096, file);
		b->len += n;
	} while (n > 0);
	(void)fclose(file);
	return buf_str(b);
}

/* The line of a table of the page that begins with the key. */
static struct str find_row(struct str page, const char *prefix, const char *key)
{
	char mark[128];
	struct str row, rest;
	int n = snprintf(mark, sizeof(mark), "\n| `%s%s` |", prefix, key);

	row = str_drop(page, str_find(page, (struct str){ mark, (size_t)n }));
	(void)str_cut(str_drop(row, 1), '\n', &row, &rest);
	return row;
}

static void check_word(struct str row, const char *key, struct str word)
{
	if (str_find(row, word) == row.len) {
		fail_msg("docs/configuration.md: the row of %s has no " STR_FMT,
			 key, STR_ARG(word));
	}
}

static void check_table(struct str page, const char *prefix,
			const struct setting *s)
{
	for (; s->key != NULL; s++) {
		struct str names = str_of(s->env), name;
		struct str row;
		char flag[64];

		if (s->outside)
			continue;
		row = find_row(page, prefix, s->key);
		if (row.len == 0) {
			fail_msg("docs/configuration.md has no row of %s",
				 s->key);
		}
		check_word(row, s->key, str_of(s->help));
		if (s->def != NULL)
			check_word(row, s->key, str_of(s->def));
		if (s->flag != NULL) {
			(void)snprintf(flag, sizeof(flag), "--%s%s`",
				       s->kind == SETTING_BOOL ? "[no-]" : "",
				       s->flag);
			check_word(row, s->key, str_of(flag));
		}
		while (names.len > 0) {
			str_cut(names, '|', &name, &names);
			check_word(row, s->key, name);
		}
	}
}

static void the_page_has_every_key(void **state)
{
	struct buf b;
	struct str page = read_source("docs/configuration.md", &b);

	(void)state;
	/* The first three rows are not of a section. */
	check_table(page, "", schema_settings + 3);
	/* The first is a shorthand. */
	check_table(page, "", schema_store + 1);
	check_table(page, "", schema_network);
	check_table(page, "", schema_provider);
	check_table(page, "", schema_model);
	check_table(page, "", schema_target);
	check_table(page, "passthrough.routes[].", schema_route);
	buf_fini(&b);
}

static void check_flags(struct str page, const struct setting *s)
{
	for (; s->key != NULL; s++) {
		bool is_bool = s->kind == SETTING_BOOL;
		char item[80];

		if (s->flag == NULL)
			continue;
		(void)snprintf(item, sizeof(item), "\n.It Fl Fl %s%s%s",
			       is_bool ? "[no-]" : "", s->flag,
			       is_bool ? "\n" : " ");
		if (str_find(page, str_of(item)) == page.len)
			fail_msg("packaging/quipu.1 has no --%s", s->flag);
	}
}

static void the_manual_has_every_flag(void **state)
{
	struct buf b;
	struct str page = read_source("packaging/quipu.1", &b);

	(void)state;
	check_flags(page, schema_settings);
	check_flags(page, schema_store);
	buf_fini(&b);
}

static void check_reach(const struct setting *s)
{
	for (; s->key != NULL; s++) {
		check_true(s->key, s->help != NULL);
		check_true(s->key, (s->flag == NULL) == (s->env == NULL));
		check_true(s->key, s->kind != SETTING_ENUM || s->choices);
	}
}

static void every_setting_can_be_reached_and_helped(void **state)
{
	(void)state;
	check_reach(schema_settings);
	check_reach(schema_store);
}

/* Take the # from every line that is a setting: see the file's first lines. */
static void uncomment(struct str text, struct buf *out)
{
	struct str line;

	while (text.len > 0) {
		size_t at;

		str_cut(text, '\n', &line, &text);
		at = str_find(line, STR("#"));
		if (at < line.len &&
		    !str_eq(str_trim(str_take(line, at)), STR("")))
			at = line.len;
		if (at + 2 < line.len &&
		    (line.ptr[at + 1] != ' ' || line.ptr[at + 2] == ' ')) {
			assert_int_equal(buf_add(out, str_take(line, at)), 0);
			line = str_drop(line, at + 1);
		}
		assert_int_equal(buf_add(out, line), 0);
		assert_int_equal(buf_add(out, STR("\n")), 0);
	}
}

static struct config *load(const char *file, struct str text, char **env)
{
	struct config_sources sources = { .file = file,
					  .text = text,
					  .environment = env };
	struct config *cfg = NULL;
	struct buf messages;

	buf_init(&messages, CONFIG_MESSAGES_MAX);
	(void)!config_load(&sources, named_types, &cfg, &messages);
	if (cfg == NULL || messages.len > 0)
		fail_msg(STR_FMT, STR_ARG(buf_str(&messages)));
	buf_fini(&messages);
	return cfg;
}

/* Only the origin may differ from what is built in. */
static void check_defaults(const struct config_value *v)
{
	for (; v->setting != NULL; v++) {
		if (v->setting->outside)
			continue;
		if (!str_eq(v->value, str_of(v->setting->def))) {
			fail_msg("packaging/quipu.yaml: %s is " STR_FMT
				 ", the default is %s",
				 v->setting->key, STR_ARG(v->value),
				 v->setting->def);
		}
	}
}

static void the_example_is_right(void **state)
{
	static char key[] = "OPENAI_API_KEY=k", url[] = "VLLM_URL=u";
	char *environment[] = { key, url, NULL };
	struct buf b, plain;
	struct str text = read_source("packaging/quipu.yaml", &b);
	struct config *c;

	(void)state;
	config_unref(load("packaging/quipu.yaml", text, NULL));
	buf_init(&plain, 1 << 20);
	uncomment(text, &plain);
	c = load("packaging/quipu.yaml", buf_str(&plain), environment);
	check_defaults(c->values);
	check_defaults(c->network_values);
	check_defaults(c->store_values);
	check_int("providers", c->provider_count, 2);
	check_int("models", c->model_count, 1);
	config_unref(c);
	c = load("packaging/quipu.yaml", buf_str(&plain), NULL);
	check_int("providers without their variables", c->provider_count, 0);
	check_int("models without their variables", c->model_count, 0);
	config_unref(c);
	buf_fini(&plain);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_has_every_key),
		cmocka_unit_test(the_manual_has_every_flag),
		cmocka_unit_test(every_setting_can_be_reached_and_helped),
		cmocka_unit_test(the_example_is_right),
	};

	return cmocka_run_group_tests_name("config documents", tests, NULL,
					   NULL);
}
