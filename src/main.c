/*
 * quipu - an OpenAI-compatible server, gateway and recorder.
 */
#include "cli/config.h"
#include "cli/doctor.h"
#include "cli/recordings.h"
#include "cli/run.h"
#include "cli/serve.h"
#include "cli/store.h"
#include "provider/provider.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2
};

static const char usage[] =
	"quipu " QUIPU_VERSION " - between applications and language models\n"
	"\n"
	"usage:\n"
	"  quipu serve [FILE] [flags]            answer OpenAI-style requests\n"
	"  quipu serve starter                   every provider, by its key\n"
	"  quipu run [--record] -- COMMAND...    a command with recordings\n"
	"  quipu config check FILE               is this configuration right?\n"
	"  quipu config show [flags]             every value and its origin\n"
	"  quipu doctor [FILE]                   would it work here?\n"
	"  quipu recordings show FILE            what was asked and answered\n"
	"  quipu recordings --help               compare, check, clean, convert\n"
	"  quipu store info                      what is kept, and how much\n"
	"  quipu store --help                    check, export, import\n"
	"  quipu serve --help                    all flags of serve\n"
	"  quipu --version\n"
	"\n"
	"With no configuration, quipu serve listens on port 8321 and answers\n"
	"from every provider whose key is in the environment (OPENAI_API_KEY,\n"
	"GROQ_API_KEY, OLLAMA_URL, ...), and from the built-in model echo/echo.\n"
	"\n"
	"first request:\n"
	"  curl localhost:8321/v1/chat/completions \\\n"
	"    -H 'content-type: application/json' \\\n"
	"    -d '{\"model\":\"echo/echo\",\"messages\":"
	"[{\"role\":\"user\",\"content\":\"hi\"}]}'\n";

static const char serve_usage[] =
	"usage: quipu serve [FILE|NAME] [flags]\n"
	"\n"
	"Answers OpenAI-style requests.  Values come from built-in defaults, a\n"
	"YAML file, the environment and flags; the later wins.\n"
	"signals: SIGTERM stops gracefully, SIGHUP reloads providers, models\n"
	"and certificates, SIGUSR1 logs what every task is doing.\n\n";

static bool wants_help(char **argv)
{
	for (; *argv != NULL; argv++) {
		if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
			return true;
	}
	return false;
}

static int run_config(int argc, char **argv)
{
	struct arena a;
	int status;

	arena_init(&a, 1 << 20);
	status = cli_config(argc, argv, environ, provider_config_types(&a));
	arena_fini(&a);
	return status;
}

static int serve(char **argv)
{
	if (!wants_help(argv))
		return cli_serve(argv, environ);
	(void)fputs(serve_usage, stdout);
	config_help(stdout);
	return 0;
}

/* What is behind -- is the command's. */
static int run(char **argv)
{
	for (char **at = argv; *at != NULL && strcmp(*at, "--") != 0; at++) {
		if (strcmp(*at, "--help") != 0 && strcmp(*at, "-h") != 0)
			continue;
		(void)fputs(run_usage, stdout);
		return 0;
	}
	return cli_run(argv, environ);
}

static int unknown_command(const char *command)
{
	static const char *const commands[] = { "serve",      "run",   "config",
						"recordings", "store", "doctor",
						"help" };
	const char *near = NULL;
	size_t best = 3; /* further away is no slip of the fingers */

	for (size_t i = 0; i < countof(commands); i++) {
		size_t d = str_distance(str_of(command), str_of(commands[i]));

		if (d < best) {
			best = d;
			near = commands[i];
		}
	}
	(void)fprintf(stderr, "quipu: unknown command '%s'", command);
	if (near != NULL)
		(void)fprintf(stderr, "; did you mean '%s'?", near);
	(void)fputs("\n\n", stderr);
	(void)fputs(usage, stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (strcmp(command, "serve") == 0)
		return serve(argv + 2);
	if (strcmp(command, "config") == 0)
		return run_config(argc - 2, argv + 2);
	if (strcmp(command, "run") == 0)
		return run(argv + 2);
	if (strcmp(command, "recordings") == 0)
		return cli_recordings(argc - 2, argv + 2);
	if (strcmp(command, "doctor") == 0)
		return cli_doctor(argv + 2, environ);
	if (strcmp(command, "store") == 0)
		return cli_store(argc - 2, argv + 2);
	if (strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0) {
		(void)puts("quipu " QUIPU_VERSION);
		return 0;
	}
	if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
	    strcmp(command, "help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (argc > 1)
		return unknown_command(command);
	(void)fputs(usage, stderr);
	return EXIT_USAGE;
}
