/*
 * store - the command "quipu store": look into the store, copy it, check it.
 */
#ifndef CLI_STORE_H
#define CLI_STORE_H

#include "base/str.h"

/*
 * argv begins with the word behind "store" and ends with NULL.  Returns the exit
 * code: 0; 1 when something is wrong; 64 when the command is not right.
 */
must_check int cli_store(int argc, char **argv);

#endif
