#include "cli/recordings.h"

#include "cli/recordings_impl.h"

#include <stdio.h>
#include <stdlib.h>

static void print_usage(FILE *out)
{
	(void)fputs("usage: quipu recordings COMMAND [--json] ...\n\n", out);
	for (const struct recordings_word *w = recordings_words;
	     w->name != NULL; w++)
		(void)fprintf(out, "  %-13s %s\n", w->name, w->summary);
	(void)fputs("\nquipu recordings COMMAND --help says more of each.\n"
		    "Exit codes: 0 fine; 1 something is wrong, or no match;\n"
		    "2 unused recordings; 4 two recordings differ; 5 secrets;\n"
		    "64 the command is not right.\n",
		    out);
}

static void print_help(FILE *out, const struct recordings_word *w)
{
	(void)fprintf(out, "usage: quipu recordings %s %s\n\n%s", w->name,
		      w->arguments, w->help);
}

static const struct recordings_word *find(struct str name)
{
	for (const struct recordings_word *w = recordings_words;
	     w->name != NULL; w++) {
		if (str_eq(name, str_of(w->name)))
			return w;
	}
	return NULL;
}

static int unknown(struct str name)
{
	const char *near = NULL;
	size_t best = 3; /* further away is no slip of the fingers */

	for (const struct recordings_word *w = recordings_words;
	     w->name != NULL; w++) {
		size_t d = str_distance(name, str_of(w->name));

		if (d < best) {
			best = d;
			near = w->name;
		}
	}
	if (name.len > 0) {
		(void)recordings_fail(
			0, "unknown command 'recordings " STR_FMT "'%s%s%s",
			STR_ARG(name), near != NULL ? "; did you mean '" : "",
			near != NULL ? near : "", near != NULL ? "'?" : "");
	}
	print_usage(stderr);
	return RECORDINGS_USAGE;
}

/* Takes an option and its value.  How many words it has; 0: no option. */
static int take_option(struct recordings_cmd *c, char **argv)
{
	struct str word = str_of(argv[0]), name, value;
	bool joined = str_cut(word, '=', &name, &value);

	if (str_eq(word, STR("--json"))) {
		c->json = true;
		return 1;
	}
	for (size_t i = 0; c->word->options[i].name != NULL; i++) {
		const struct recordings_option *o = &c->word->options[i];

		if (!str_eq(name, str_of(o->name)))
			continue;
		if (!o->has_value && joined)
			return 0;
		c->values[i] = !o->has_value ? ""
			       : joined      ? value.ptr
					     : argv[1];
		return c->values[i] == NULL      ? 0
		       : o->has_value && !joined ? 2
						 : 1;
	}
	return 0;
}

static bool parse(struct recordings_cmd *c, int argc, char **argv)
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
			(void)recordings_fail(0, "recordings %s: what is %s?",
					      c->word->name, argv[i]);
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

static int run(const struct recordings_word *word, int argc, char **argv)
{
	struct recordings_cmd c = { .word = word };
	int status = RECORDINGS_USAGE;

	if (wants_help(argc, argv)) {
		print_help(stdout, word);
		return RECORDINGS_OK;
	}
	c.color = print_wants_color();
	c.args = xcalloc((size_t)argc + 1, sizeof(*c.args));
	if (parse(&c, argc, argv)) {
		status = word->run(&c);
	} else {
		print_help(stderr, word);
	}
	free(c.args);
	return status;
}

int cli_recordings(int argc, char **argv)
{
	struct str name = argc > 0 ? str_of(argv[0]) : STR_NULL;
	const struct recordings_word *word = find(name);

	if (word != NULL)
		return run(word, argc - 1, argv + 1);
	if (str_eq(name, STR("--help")) || str_eq(name, STR("-h")) ||
	    str_eq(name, STR("help"))) {
		print_usage(stdout);
		return RECORDINGS_OK;
	}
	return unknown(name);
}
