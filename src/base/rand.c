#include "base/rand.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

static _Thread_local uint64_t state;
static _Thread_local bool seeded;

void rand_secret(void *out, size_t size)
{
	char *at = out;

	while (size > 0) {
		ssize_t n = getrandom(at, size, 0);

		if (n <= 0)
			abort(); /* the kernel always has an answer */
		at += n;
		size -= (size_t)n;
	}
}

void rand_seed(uint64_t seed)
{
	state = seed;
	seeded = true;
}

/* SplitMix64: S. Vigna, public domain reference. */
uint64_t rand_u64(void)
{
	uint64_t z;

	if (!seeded) {
		rand_secret(&z, sizeof(z));
		rand_seed(z);
	}
	state += 0x9e3779b97f4a7c15u;
	z = state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t rand_below(uint64_t n)
{
	assert(n > 0);
	return (uint64_t)(((__uint128_t)rand_u64() * n) >> 64);
}

void rand_hex(char *out, size_t len)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < len; i++) {
		if (i % 16 == 0)
			bits = rand_u64();
		out[i] = "0123456789abcdef"[bits & 15];
		bits >>= 4;
	}
}
