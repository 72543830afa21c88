/*
 * recordings - the command "quipu recordings".
 */
#ifndef CLI_RECORDINGS_H
#define CLI_RECORDINGS_H

#include "base/str.h"

/*
 *	quipu recordings ls DIR			one line for each recording
 *	quipu recordings verify-keys DIR	does each name follow from its file?
 *
 * argv begins with the word behind "recordings" and ends with NULL.  Returns the
 * exit code: 0, 1 when a file is bad or a name does not follow, 64 when the
 * command is not right.
 */
must_check int cli_recordings(int argc, char **argv);

#endif
