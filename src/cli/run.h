/*
 * run - quipu run: a command with a server of its own, and a verdict.
 *
 *	quipu run --replay --strict -- pytest -q
 *
 * The server listens on a free port of the loopback interface while the command
 * runs, which is told by OPENAI_BASE_URL and QUIPU_URL.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

enum {
	RUN_USAGE = 64,       /* the command line or configuration is bad */
	RUN_UNAVAILABLE = 69, /* the server cannot start */
	RUN_CANNOT_WRITE = 73,
};

/*
 * argv: what follows "run", NULL at the end.  Returns the exit status: that of
 * the command when it is not 0 (128 and more: killed by a signal; 126, 127: it
 * cannot be run), else verdict_code() of all sessions, or one of the above.
 */
int cli_run(char **argv, char **environment);

/* For --help. */
extern const char run_usage[];

#endif
