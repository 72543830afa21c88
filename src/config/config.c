#include "config/config.h"

#include "config/cors.h"
#include "config/env.h"
#include "config/env_files.h"
#include "config/flags.h"
#include "config/keep.h"
#include "config/layer.h"
#include "config/logging.h"
#include "config/lookup.h"
#include "config/models.h"
#include "config/network.h"
#include "config/providers.h"
#include "config/routes.h"
#include "config/server.h"
#include "config/spec.h"
#include "config/value.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Returns 0, -EMSGSIZE when text is full, or -errno. */
static int read_all(int fd, struct buf *text)
{
	for (;;) {
		size_t room = text->max - text->len;
		ssize_t n;
		int r = buf_reserve(text,
				    room < 1 || room > 4096 ? 4096 : room);

		if (r < 0)
			return r;
		n = read(fd, text->ptr + text->len, text->cap - text->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		text->len += (size_t)n;
	}
}

static void note_unreadable(struct load *l, int r)
{
	const struct place at = { .name = l->file };
	char why[128];

	if (r == -ENOENT && str_find(l->file, STR("/")) == l->file.len) {
		problem_error(&l->problems, at,
			      "there is no such file, nor a configuration of "
			      "this name (\"starter\" is built in)");
	} else if (r == -EMSGSIZE) {
		problem_error(&l->problems, at,
			      "the file has more than %d bytes", LOAD_FILE_MAX);
	} else {
		problem_error(&l->problems, at, "cannot be read: %s",
			      strerror_r(-r, why, sizeof(why)));
	}
}

/* Returns 0, -EMSGSIZE or -errno. */
static int read_file(struct load *l, const struct config_sources *s,
		     struct buf *text)
{
	int fd, r;

	if (s->text.ptr != NULL)
		return buf_add(text, s->text);
	if (l->builtin.len > 0)
		return buf_add(text, l->builtin);
	fd = open(arena_cz(&l->scratch, l->file), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = read_all(fd, text);
	(void)close(fd);
	return r;
}

/* The file's tree, as far as it can be read, or NULL. */
static const struct tree_node *read_tree(struct load *l,
					 const struct config_sources *s)
{
	struct tree_source source = { .file = l->file,
				      .arena = &l->scratch,
				      .problems = &l->problems };
	struct tree_node *root = NULL;
	struct buf text;
	int r;

	if (l->file.len == 0)
		return NULL;
	/* read_all() wants room for one byte more than there is. */
	buf_init(&text, LOAD_FILE_MAX + 1);
	r = read_file(l, s, &text);
	if (r == 0 && text.len > LOAD_FILE_MAX)
		r = -EMSGSIZE;
	source.text = buf_str(&text);
	if (r != 0) {
		note_unreadable(l, r);
	} else if (text.len > 0) {
		(void)!tree_parse(&source, &root);
	}
	if (text.ptr != NULL)
		explicit_bzero(text.ptr, text.len);
	buf_fini(&text);
	if (root == NULL || tree_is_null(root))
		return NULL;
	if (root->kind == TREE_MAP)
		return root;
	problem_error(&l->problems, root->at, "the file must be a mapping");
	return NULL;
}

static struct str find_file(const struct config_sources *s)
{
	const struct setting *row = &schema_settings[0];
	struct str file = str_of(s->file), name;

	assert(row->outside && str_eq(str_of(row->key), STR("config")));
	if (file.len == 0)
		file = flags_find(s->flags, str_of(row->flag));
	if (file.len == 0)
		file = env_get_first(s->environment, str_of(row->env), &name);
	return file;
}

/* Llama Stack's files before version 2 had other names for everything. */
static void check_age(struct load *l, const struct tree_node *root)
{
	static const struct str keys[] = { STR_INIT("routing_table"),
					   STR_INIT("api_providers") };

	for (size_t i = 0; i < countof(keys); i++) {
		const struct tree_node *n = tree_find(root, keys[i]);

		if (n == NULL)
			continue;
		problem_error(&l->problems, n->key_at,
			      STR_FMT
			      ": this is a file of the format before version "
			      "2; providers belong below providers.inference, "
			      "models below registered_resources.models",
			      STR_ARG(keys[i]));
	}
}

/* The providers of the command line, or NULL. */
static const struct tree_node *find_spec(struct load *l,
					 const struct layer *layer)
{
	const struct config_value *v = layer_find(layer, STR("providers"));

	return v->value.len > 0 ? spec_parse(l, v->value, layer_place(v))
				: NULL;
}

/* Sections that are more than a table; providers come before them. */
static const struct {
	const char *key;
	void (*load)(struct load *l, const struct tree_node *n);
} parts[] = {
	{ "registered_resources", models_load },
	{ "passthrough", routes_load },
	{ "storage", storage_load },
};

static void load_all(struct load *l, const struct config_sources *s)
{
	struct config *cfg = l->cfg;
	struct layer layer = { .ignored = schema_settings_ignored,
			       .tolerant = true };
	const struct tree_node *root, *part;

	cfg->values = layer_add(l, &layer, schema_settings, STR(""),
				LAYER_ENV_BY_ROW);
	cfg->network_values = layer_add(l, &layer, schema_network,
					STR("upstream."), LAYER_ENV_BY_ROW);
	cfg->store_values =
		layer_add(l, &layer, schema_store, STR(""), LAYER_ENV_BY_ROW);
	cfg->responses_values = layer_add(l, &layer, schema_responses, STR(""),
					  LAYER_ENV_BY_ROW);
	cfg->process_values =
		layer_add(l, &layer, schema_process, STR(""), LAYER_ENV_BY_ROW);
	layer_environment(l, &layer, true);
	root = read_tree(l, s);
	if (root != NULL) {
		check_age(l, root);
		logging_load(l, &layer, root);
		layer_walk(l, &layer, root);
	}
	logging_environment(l, &layer);
	layer_environment(l, &layer, false);
	flags_apply(l, &layer, s->flags);
	if (s->file != NULL) {
		cfg->values[0].value = l->file;
		cfg->values[0].origin = STR("argument");
	}

	layer_store(l, &layer.blocks[0], cfg);
	network_store(l, &layer, &layer.blocks[1], NULL, &cfg->network);
	layer_store(l, &layer.blocks[2], cfg);
	layer_store(l, &layer.blocks[3], cfg);
	layer_store(l, &layer.blocks[4], cfg);
	server_check(l, &layer, root);
	cors_load(l, &layer);
	part = root != NULL ? tree_find(root, STR("providers")) : NULL;
	providers_load(l, part, find_spec(l, &layer));
	for (size_t i = 0; root != NULL && i < countof(parts); i++) {
		part = tree_find(root, str_of(parts[i].key));
		if (part != NULL)
			parts[i].load(l, part);
	}
	keep_load(l, &layer);
}

/* What cannot be found is told when it is read. */
static void name_file(struct load *l, const struct config_sources *s)
{
	struct str word = find_file(s);

	l->file = arena_str(l->arena, word);
	if (word.len > 0 && s->text.ptr == NULL)
		(void)!lookup_file(l, word, &l->file, &l->builtin);
}

static struct config *config_new(void)
{
	struct config *cfg = xcalloc(1, sizeof(*cfg));

	arena_init(&cfg->arena, LOAD_ARENA_MAX);
	cfg->refs = 1;
	return cfg;
}

int config_load(const struct config_sources *sources,
		const struct config_provider_type *types, struct config **out,
		struct buf *messages)
{
	struct config *cfg = config_new();
	struct load l = { .cfg = cfg,
			  .arena = &cfg->arena,
			  .env = sources->environment,
			  .types = types };

	arena_init(&l.scratch, LOAD_SCRATCH_MAX);
	problem_init(&l.problems, messages);
	env_files(&l, sources->environment);
	name_file(&l, sources);
	load_all(&l, sources);
	problem_done(&l.problems);
	map_fini(&l.providers);
	arena_wipe(&l.scratch);
	if (l.problems.errors > 0) {
		config_unref(cfg);
		return CONFIG_BAD;
	}
	*out = cfg;
	return 0;
}

struct config *config_ref(struct config *c)
{
	int64_t before = __atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);

	assert(before > 0);
	return c;
}

void config_unref(struct config *c)
{
	int64_t before;

	if (c == NULL)
		return;
	before = __atomic_fetch_sub(&c->refs, 1, __ATOMIC_ACQ_REL);
	assert(before > 0);
	if (before > 1)
		return;
	cors_free(c->cors);
	arena_wipe(&c->arena);
	free(c);
}

struct config_provider *
config_provider_make(struct arena *a, const struct config *c,
		     const struct config_provider_type *type, struct str id,
		     char **environment)
{
	struct config_provider *p = arena_zalloc(a, sizeof(*p));
	struct config view = *c; /* only read */
	struct load l = { .cfg = &view, .arena = a, .env = environment };
	struct buf messages;

	/*
	 * What a variable says wrongly counts as unset: nobody asked for this
	 * provider in a file, so that there is no line to point to.
	 */
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	arena_init(&l.scratch, LOAD_SCRATCH_MAX);
	problem_init(&l.problems, &messages);
	providers_make(&l, type, id, p);
	arena_fini(&l.scratch);
	buf_fini(&messages);
	return p;
}

int64_t config_value_int(const struct config_value *v, int64_t unset)
{
	int64_t n = unset;

	if (v->value.len > 0 && !value_number(v->setting, v->value, &n))
		assert(false && "checked when it was set");
	return n;
}

bool config_value_bool(const struct config_value *v, bool unset)
{
	bool b = unset;

	assert(v->setting->kind == SETTING_BOOL);
	if (v->value.len > 0 && !value_bool(v->value, &b))
		assert(false && "checked when it was set");
	return b;
}

bool config_provider_allows(const struct config_provider *p, struct str model)
{
	if (p->allow_all_models)
		return true;
	for (size_t i = 0; i < p->allowed_model_count; i++) {
		if (str_eq(p->allowed_models[i], model))
			return true;
	}
	return false;
}
