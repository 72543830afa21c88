/*
 * serve - quipu serve: the server, from its flags to its end.
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "cli/load.h"

/*
 * argv: what follows "serve", NULL at the end.  Returns the exit status: 0
 * after a clean shutdown, 1 when it cannot start, 2 for bad flags.
 */
int cli_serve(char **argv, char **environment);

/*
 * The parts of it, for quipu run.  Load the configuration; messages go to
 * standard error, since there is no log yet.  Returns 0 with *out, or -1.
 */
must_check int serve_load(char **argv, char **environment, struct config **out);

/* Limits of the process, and the log. */
void serve_begin(const struct config *config);

/* To the log: what is not as it should be, and keeps nobody from serving. */
void serve_warn(struct str messages);

/* The first of cluster_addresses() in a form that a client can use, in out. */
struct str serve_url(struct str addresses, char *out, size_t size);

#endif
