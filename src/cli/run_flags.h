/*
 * run_flags - the command line of quipu run.
 */
#ifndef CLI_RUN_FLAGS_H
#define CLI_RUN_FLAGS_H

#include "base/arena.h"

struct run_flags {
	char **serve;      /* flags for the server, NULL at the end */
	char **command;    /* of argv */
	const char *junit; /* or NULL */
	bool has_mode;
};

/*
 * Of what follows "run"; texts live in a.  Returns NULL, or what is wrong.
 * out->serve begins with a host and a port, which later flags override.
 */
const char *run_flags_read(char **argv, char **environment, struct arena *a,
			   struct run_flags *out);

/*
 * The environment of the command: the server's address, and a key where there is
 * none, or any one is as good (replay).
 */
char **run_flags_environment(char **environment, const char *url, bool replay,
			     struct arena *a);

#endif
