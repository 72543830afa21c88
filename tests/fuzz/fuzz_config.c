/*
 * Bytes as a configuration: a file, then words after NUL bytes.  A word that
 * begins with "-" is a flag, any other is an environment variable.
 *
 * Whatever they are: a configuration that is refused has an error to show, one
 * that is accepted can be listed, the listing is JSON, the same bytes give the
 * same answer, and the key of the environment is in no text.
 */
#include "config/config.h"
#include "json/json.h"

#include <stdint.h>
#include <stdlib.h>

#define SECRET STR("Qz7-correct-horse")

enum {
	WORDS_MAX = 8,
	INPUT_MAX = 64 * 1024
};

static const struct setting settings[] = {
	{ .key = "base_url", .def = "http://u:p@h" },
	{ .key = "api_key", .secret = true, .env = "FUZZ_KEY" },
	{ .key = "pace", .kind = SETTING_DURATION, .secret = true },
	{ .key = "a.b", .kind = SETTING_LIST },
	{ .key = "a.c", .kind = SETTING_MAP },
	{ 0 },
};

static const struct config_provider_type types[] = {
	{ .name = "remote::fuzz", .settings = settings },
	{ 0 },
};

struct input {
	struct arena arena;
	struct str text;
	char *environment[WORDS_MAX + 2];
	char *flags[WORDS_MAX + 1];
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void split(struct input *in, struct str bytes)
{
	size_t variables = 0, flags = 0;
	struct str word;

	arena_init(&in->arena, 1 << 20);
	in->environment[variables++] =
		arena_cz(&in->arena, STR("FUZZ_KEY=Qz7-correct-horse"));
	str_cut(bytes, '\0', &in->text, &bytes);
	if (in->text.ptr == NULL)
		in->text = STR("");
	while (bytes.len > 0) {
		str_cut(bytes, '\0', &word, &bytes);
		/* A file that a flag names is not the input's. */
		if (str_starts(word, STR("--config")))
			continue;
		if (str_starts(word, STR("-")) && flags < WORDS_MAX) {
			in->flags[flags++] = arena_cz(&in->arena, word);
		} else if (variables < WORDS_MAX) {
			in->environment[variables++] =
				arena_cz(&in->arena, word);
		}
	}
}

static bool has(const struct buf *b, struct str s)
{
	return str_find(buf_str(b), s) < b->len;
}

static void check_listing(const struct config *cfg)
{
	struct json_error error;
	struct json doc;
	struct buf out;

	buf_init(&out, CONFIG_SHOW_MAX);
	if (config_show(cfg, true, &out) == 0) {
		must(!has(&out, SECRET));
		must(json_parse(buf_str(&out), &(struct json_limits){ 0 }, &doc,
				&error) == 0);
		json_fini(&doc);
	}
	buf_clear(&out);
	if (config_show(cfg, false, &out) == 0)
		must(!has(&out, SECRET));
	buf_fini(&out);
}

static int load(struct input *in, struct config **out, struct buf *messages)
{
	struct config_sources sources = { .file = "f",
					  .text = in->text,
					  .environment = in->environment,
					  .flags = in->flags };

	buf_init(messages, CONFIG_MESSAGES_MAX);
	return config_load(&sources, types, out, messages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { 0 };
	struct config *cfg = NULL, *again = NULL;
	struct buf messages, same;
	int r;

	/* Who writes the key out, or puts it elsewhere, gets to see it. */
	if (len > INPUT_MAX || memmem(data, len, "Qz7", 3) != NULL ||
	    memmem(data, len, "FUZZ_KEY", 8) != NULL)
		return 0;
	split(&in, (struct str){ (const char *)data, len });
	r = load(&in, &cfg, &messages);
	must(r == load(&in, &again, &same));
	must(str_eq(buf_str(&messages), buf_str(&same)));
	must(!has(&messages, SECRET));
	must(r != CONFIG_BAD || has(&messages, STR("error: ")));
	must((cfg == NULL) == (r == CONFIG_BAD));
	if (cfg != NULL)
		check_listing(cfg);
	config_unref(cfg);
	config_unref(again);
	buf_fini(&messages);
	buf_fini(&same);
	arena_fini(&in.arena);
	return 0;
}
