/*
 * serve - quipu serve: the server, from its flags to its end.
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

/*
 * argv: what follows "serve", NULL at the end.  Returns the exit status: 0
 * after a clean shutdown, 1 when it cannot start, 2 for bad flags.
 */
int cli_serve(char **argv, char **environment);

#endif
