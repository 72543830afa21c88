#include "cli/load.h"

#include "provider/provider.h"

int load_config(char **argv, char **environment, struct config **out,
		struct buf *messages)
{
	struct config_sources sources = { .environment = environment,
					  .flags = argv };
	struct arena a;
	int r;

	if (argv[0] != NULL && argv[0][0] != '-') {
		sources.file = argv[0];
		sources.flags = argv + 1;
	}
	arena_init(&a, 1 << 20);
	r = config_load(&sources, provider_config_types(&a), out, messages);
	arena_fini(&a);
	return r == 0 ? 0 : -1;
}

enum log_level load_log_level(const struct config *config)
{
	static const char *const levels[] = { "debug", "info", "warn",
					      "error" };
	enum log_level level = LOG_INFO;

	for (size_t i = 0; i < countof(levels); i++) {
		if (str_eq(config->log_level, str_of(levels[i])))
			level = (enum log_level)i;
	}
	return level;
}

static void mask(void *arg, struct str secret)
{
	(void)arg;
	log_secret(secret);
}

void load_secrets(const struct config *config)
{
	config_secrets(config, mask, NULL);
}
