#include "cli/run_flags.h"

#include <string.h>

/* Words of run's own, and what they are to the server. */
static const struct {
	const char *flag, *first, *second;
} words[] = {
	{ "--record", "--record-mode=record", NULL },
	{ "--replay", "--record-mode=replay", NULL },
	{ "--auto", "--record-mode=auto", NULL },
	{ "--spy", "--record-mode=spy", NULL },
	{ "--refresh", "--record-mode=refresh", NULL },
	{ "--verify", "--record-mode=verify", NULL },
	{ "--strict", "--record-strict", "--on-exhausted=error" },
};

static const char *value_of(char **environment, const char *name)
{
	size_t n = strlen(name);

	for (; *environment != NULL; environment++) {
		if (strncmp(*environment, name, n) == 0 &&
		    (*environment)[n] == '=')
			return *environment + n + 1;
	}
	return NULL;
}

/* "--name value" and "--name=value"; advances at. */
static const char *take_value(char ***at, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(**at, name, n) != 0)
		return NULL;
	if ((**at)[n] == '=')
		return **at + n + 1;
	if ((**at)[n] != '\0' || (*at)[1] == NULL ||
	    strcmp((*at)[1], "--") == 0)
		return NULL;
	return *++*at;
}

struct list {
	char **at;
	size_t count;
	struct arena *arena;
};

static void add(struct list *l, const char *text)
{
	l->at[l->count++] = arena_cz(l->arena, str_of(text));
	l->at[l->count] = NULL;
}

/* Is it one of run's own? */
static bool take_word(struct list *l, const char *flag, struct run_flags *out)
{
	for (size_t i = 0; i < countof(words); i++) {
		if (strcmp(flag, words[i].flag) != 0)
			continue;
		add(l, words[i].first);
		if (words[i].second != NULL)
			add(l, words[i].second);
		out->has_mode |= words[i].second == NULL;
		return true;
	}
	return false;
}

static void take_flag(struct list *l, char ***at, struct run_flags *out)
{
	const char *value;

	if (take_word(l, **at, out))
		return;
	value = take_value(at, "--session");
	if (value != NULL) {
		add(l, "--record-session");
		add(l, value);
		return;
	}
	value = take_value(at, "--junit");
	if (value != NULL) {
		out->junit = value;
		return;
	}
	out->has_mode |= strncmp(**at, "--record-mode", 13) == 0;
	add(l, **at);
}

const char *run_flags_read(char **argv, char **environment, struct arena *a,
			   struct run_flags *out)
{
	struct list l = { .arena = a };
	size_t n = 0;

	*out = (struct run_flags){ 0 };
	while (argv[n] != NULL)
		n++;
	/* Two for each at most, and the first ones. */
	l.at = arena_alloc(a, (2 * n + 8) * sizeof(*l.at));
	add(&l, "--host=127.0.0.1");
	add(&l, "--port=0");
	/* An application says "gpt-4o" and knows no prefix. */
	if (value_of(environment, "QUIPU_DEFAULT_PROVIDER") == NULL)
		add(&l, "--default-provider=openai");
	if (value_of(environment, "QUIPU_LOG_LEVEL") == NULL)
		add(&l, "--log-level=warn");
	while (*argv != NULL && strcmp(*argv, "--") != 0) {
		if (**argv != '-')
			return "flags come first, then -- and the command";
		take_flag(&l, &argv, out);
		/* A value that the server's flag wants. */
		if (*++argv != NULL && **argv != '-')
			add(&l, *argv++);
	}
	if (*argv == NULL || argv[1] == NULL)
		return "no command: it comes behind --";
	out->serve = l.at;
	out->command = argv + 1;
	return NULL;
}

static bool is_named(const char *variable, const char *name)
{
	size_t n = strlen(name);

	return strncmp(variable, name, n) == 0 && variable[n] == '=';
}

char **run_flags_environment(char **environment, const char *url, bool replay,
			     struct arena *a)
{
	const char *key = value_of(environment, "OPENAI_API_KEY");
	const char *given = key != NULL && *key != '\0' && !replay
				    ? key
				    : "quipu-needs-no-key";
	const struct {
		const char *name;
		struct str value;
	} rows[] = {
		{ "QUIPU_URL", str_of(url) },
		{ "OPENAI_BASE_URL", arena_printf(a, "%s/v1", url) },
		{ "OPENAI_API_BASE", arena_printf(a, "%s/v1", url) },
		{ "OPENAI_API_KEY", str_of(given) },
	};
	size_t n = 0;
	char **out;

	while (environment[n] != NULL)
		n++;
	out = arena_alloc(a, (n + countof(rows) + 1) * sizeof(*out));
	n = 0;
	for (; *environment != NULL; environment++) {
		bool ours = false;

		for (size_t i = 0; i < countof(rows); i++)
			ours |= is_named(*environment, rows[i].name);
		if (!ours)
			out[n++] = *environment;
	}
	for (size_t i = 0; i < countof(rows); i++) {
		out[n++] =
			arena_cz(a, arena_printf(a, "%s=" STR_FMT, rows[i].name,
						 STR_ARG(rows[i].value)));
	}
	out[n] = NULL;
	return out;
}
