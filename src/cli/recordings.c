#include "cli/recordings.h"

#include "cli/recordings_impl.h"

int cli_recordings(int argc, char **argv)
{
	static const struct words words = {
		.command = "recordings",
		.list = recordings_words,
		.notes = "Exit codes: 0 fine; 1 something is wrong, or no "
			 "match;\n"
			 "2 unused recordings; 4 two recordings differ; 5 "
			 "secrets;\n"
			 "64 the command is not right.\n",
	};

	return words_run(&words, argc, argv);
}
