#include "cli/config.h"

#include "cli/cluster.h"

#include <stdlib.h>

enum {
	EXIT_BAD = 1,
	EXIT_USAGE = 2,
};

static const char usage[] =
	"usage: quipu config check [FILE] [flags]\n"
	"       quipu config show [FILE] [--json] [flags]\n"
	"\n"
	"check says whether the configuration is right, and exits with 1 when\n"
	"it is not. show prints every value with its origin; secrets are\n"
	"masked. The flags are those of quipu serve.\n";

struct command {
	const char *file; /* NULL: as quipu serve would find it */
	char **flags;
	bool as_json;
};

/* The file stands first; --json is not a flag of the configuration. */
static struct command parse(int argc, char **argv)
{
	struct command c = { 0 };
	size_t n = 0;
	int i = 1;

	c.flags = xcalloc((size_t)argc + 1, sizeof(*c.flags));
	if (i < argc && argv[i][0] != '-')
		c.file = argv[i++];
	for (; i < argc; i++) {
		if (str_eq(str_of(argv[i]), STR("--json"))) {
			c.as_json = true;
		} else {
			c.flags[n++] = argv[i];
		}
	}
	return c;
}

static void print(FILE *out, const struct buf *b)
{
	if (b->len > 0)
		(void)fwrite(b->ptr, 1, b->len, out);
}

static int show(const struct config *cfg, bool as_json)
{
	struct buf out;
	int r;

	buf_init(&out, CONFIG_SHOW_MAX);
	r = config_show(cfg, as_json, &out);
	print(stdout, &out);
	if (as_json)
		(void)puts("");
	buf_fini(&out);
	return r == 0 ? 0 : EXIT_BAD;
}

/* What only shows when providers and certificates are made of it, too. */
static int check(struct config *cfg)
{
	struct str file = cfg->values[0].value;
	struct buf messages;
	int r;

	if (file.len == 0)
		file = STR("no file");
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	r = cluster_check(cfg, cfg->environment, &messages);
	if (r == 0) {
		(void)printf(STR_FMT ": ok\n", STR_ARG(file));
	} else {
		(void)fprintf(stderr, STR_FMT ": error: " STR_FMT,
			      STR_ARG(file), STR_ARG(buf_str(&messages)));
	}
	buf_fini(&messages);
	return r == 0 ? 0 : EXIT_BAD;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (str_eq(str_of(argv[i]), STR("--help")) ||
		    str_eq(str_of(argv[i]), STR("-h")))
			return true;
	}
	return false;
}

int cli_config(int argc, char **argv, char **environment,
	       const struct config_provider_type *types)
{
	bool is_show = argc > 0 && str_eq(str_of(argv[0]), STR("show"));
	bool is_check = argc > 0 && str_eq(str_of(argv[0]), STR("check"));
	struct config *cfg = NULL;
	struct command c;
	struct buf messages;
	int r;

	if (wants_help(argc, argv)) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (!is_show && !is_check) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	c = parse(argc, argv);
	buf_init(&messages, CONFIG_MESSAGES_MAX);
	r = config_load(&(struct config_sources){ .file = c.file,
						  .environment = environment,
						  .flags = c.flags },
			types, &cfg, &messages);
	print(stderr, &messages);
	if (r != 0) {
		r = EXIT_BAD;
	} else {
		r = is_show ? show(cfg, c.as_json) : check(cfg);
	}
	config_unref(cfg);
	buf_fini(&messages);
	free(c.flags);
	return r;
}
