#include "cli/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/print.h"

int words_fail(int code, const char *fmt, ...)
{
	struct print p;
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	print_init(&p, false);
	print_add(&p, str_of(text));
	(void)fprintf(stderr, "quipu: " STR_FMT "\n", STR_ARG(buf_str(&p.out)));
	print_fini(&p);
	return code;
}

const char *words_next(const struct word_cmd *c, const char *name, size_t *at)
{
	while (*at < c->given_count) {
		size_t i = (*at)++;

		if (str_eq(str_of(c->given[i].name), str_of(name)))
			return c->given[i].value;
	}
	return NULL;
}

const char *words_option(const struct word_cmd *c, const char *name)
{
	const char *last = NULL, *value;
	size_t at = 0;

	while ((value = words_next(c, name, &at)) != NULL)
		last = value;
	return last;
}

static void print_usage(FILE *out, const struct words *words)
{
	(void)fprintf(out, "usage: quipu %s COMMAND [--json] ...\n\n",
		      words->command);
	for (const struct word *w = words->list; w->name != NULL; w++)
		(void)fprintf(out, "  %-13s %s\n", w->name, w->summary);
	(void)fprintf(out,
		      "\nquipu %s COMMAND --help says more of each.\n"
		      "%s",
		      words->command, words->notes);
}

static void print_help(FILE *out, const struct words *words,
		       const struct word *w)
{
	(void)fprintf(out, "usage: quipu %s %s %s\n\n%s", words->command,
		      w->name, w->arguments, w->help);
}

static const struct word *find(const struct words *words, struct str name)
{
	for (const struct word *w = words->list; w->name != NULL; w++) {
		if (str_eq(name, str_of(w->name)))
			return w;
	}
	return NULL;
}

static int unknown(const struct words *words, struct str name)
{
	const char *near = NULL;
	size_t best = 3; /* further away is no slip of the fingers */

	for (const struct word *w = words->list; w->name != NULL; w++) {
		size_t d = str_distance(name, str_of(w->name));

		if (d < best) {
			best = d;
			near = w->name;
		}
	}
	if (name.len > 0) {
		(void)words_fail(0, "unknown command '%s " STR_FMT "'%s%s%s",
				 words->command, STR_ARG(name),
				 near != NULL ? "; did you mean '" : "",
				 near != NULL ? near : "",
				 near != NULL ? "'?" : "");
	}
	print_usage(stderr, words);
	return WORDS_USAGE;
}

static int give(struct word_cmd *c, const char *name, const char *value)
{
	if (c->given_count == WORDS_GIVEN_MAX)
		return -1;
	c->given[c->given_count].name = name;
	c->given[c->given_count++].value = value;
	return 0;
}

/* Takes an option and its value.  How many words it has; 0: no option. */
static int take_option(struct word_cmd *c, char **argv)
{
	struct str word = str_of(argv[0]), name, value;
	bool joined = str_cut(word, '=', &name, &value);

	if (str_eq(word, STR("--json"))) {
		c->json = true;
		return 1;
	}
	for (const struct word_option *o = c->word->options; o->name != NULL;
	     o++) {
		const char *given = joined ? value.ptr : argv[1];

		if (!str_eq(name, str_of(o->name)))
			continue;
		if ((!o->has_value && joined) ||
		    (o->has_value && given == NULL) ||
		    give(c, o->name, o->has_value ? given : "") < 0)
			return 0;
		return o->has_value && !joined ? 2 : 1;
	}
	return 0;
}

static bool parse(struct word_cmd *c, int argc, char **argv)
{
	bool only_args = false;

	for (int i = 0; i < argc;) {
		int n = 1;

		if (only_args || argv[i][0] != '-' || argv[i][1] == '\0') {
			c->args[c->count++] = argv[i];
		} else if (str_eq(str_of(argv[i]), STR("--"))) {
			only_args = true;
		} else {
			n = take_option(c, argv + i);
		}
		if (n == 0) {
			(void)words_fail(0, "%s %s: what is %s?",
					 c->words->command, c->word->name,
					 argv[i]);
			return false;
		}
		i += n;
	}
	return c->count >= c->word->min && c->count <= c->word->max;
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

static int run(const struct words *words, const struct word *word, int argc,
	       char **argv)
{
	struct word_cmd c = { .words = words, .word = word };
	int status = WORDS_USAGE;

	if (wants_help(argc, argv)) {
		print_help(stdout, words, word);
		return 0;
	}
	c.color = print_wants_color();
	c.args = xcalloc((size_t)argc + 1, sizeof(*c.args));
	if (parse(&c, argc, argv)) {
		status = word->run(&c);
	} else {
		print_help(stderr, words, word);
	}
	free(c.args);
	return status;
}

int words_run(const struct words *words, int argc, char **argv)
{
	struct str name = argc > 0 ? str_of(argv[0]) : STR_NULL;
	const struct word *word = find(words, name);

	if (word != NULL)
		return run(words, word, argc - 1, argv + 1);
	if (str_eq(name, STR("--help")) || str_eq(name, STR("-h")) ||
	    str_eq(name, STR("help"))) {
		print_usage(stdout, words);
		return 0;
	}
	return unknown(words, name);
}
