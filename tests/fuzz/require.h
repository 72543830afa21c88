/*
 * require - what a fuzz target demands, in every build.
 *
 *	require(out.len <= in.len);
 *
 * A broken demand is named on standard error and aborts.
 */
#ifndef TESTS_FUZZ_REQUIRE_H
#define TESTS_FUZZ_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

#define explain(...) (void)fprintf(stderr, __VA_ARGS__)

#define require(cond)                                                          \
	do {                                                                   \
		if (!(cond)) {                                                 \
			explain("%s:%d: not " #cond "\n", __FILE__, __LINE__); \
			abort();                                               \
		}                                                              \
	} while (0)

#endif
