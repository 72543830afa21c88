/*
 * table - helpers for table-driven tests under cmocka.
 *
 *	for (size_t i = 0; i < countof(cases); i++)
 *		check_str(cases[i].name, got, cases[i].want);
 */
#ifndef TESTS_TABLE_H
#define TESTS_TABLE_H

#include "base/str.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The row's name is in the message when the slices differ. */
#define check_str(name, got, want)                                            \
	do {                                                                  \
		struct str got_ = (got), want_ = (want);                      \
		if (!str_eq(got_, want_))                                     \
			fail_msg("%s: got '" STR_FMT "', want '" STR_FMT "'", \
				 name, STR_ARG(got_), STR_ARG(want_));        \
	} while (0)

#define check_int(name, got, want)                                      \
	do {                                                            \
		long long got_ = (long long)(got);                      \
		long long want_ = (long long)(want);                    \
		if (got_ != want_)                                      \
			fail_msg("%s: got %lld, want %lld", name, got_, \
				 want_);                                \
	} while (0)

#define check_true(name, cond)                            \
	do {                                              \
		if (!(cond))                              \
			fail_msg("%s: not " #cond, name); \
	} while (0)

#endif
