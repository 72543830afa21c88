/*
 * rand - random numbers.
 *
 * Each thread has a generator of its own, seeded by the kernel, or by
 * rand_seed() where a run must be repeatable.  It is fast and not for secrets;
 * rand_secret() is.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include "base/str.h"

uint64_t rand_u64(void);

/* Evenly below n, which is > 0. */
uint64_t rand_below(uint64_t n);

/* From now on this thread's numbers follow from seed alone. */
void rand_seed(uint64_t seed);

/* Bytes from the kernel's generator. */
void rand_secret(void *out, size_t size);

/* Fill out with len lower-case hexadecimal digits (no NUL). */
void rand_hex(char *out, size_t len);

#endif
