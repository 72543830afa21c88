/*
 * recordings - the command "quipu recordings": look at recordings, compare,
 * check, clean and convert them.
 */
#ifndef CLI_RECORDINGS_H
#define CLI_RECORDINGS_H

#include "base/str.h"

/*
 * argv begins with the word behind "recordings" and ends with NULL.  Returns the
 * exit code: 0; 1 when something is wrong or nothing matches, 2 when recordings
 * are unused, 4 when two differ, 5 when there are secrets, 64 when the command
 * is not right.
 */
must_check int cli_recordings(int argc, char **argv);

#endif
