/*
 * doctor_impl - what the checks of quipu doctor share.
 *
 *	doctor_note(d, DOCTOR_BAD, "store", "chown it", "%s: %s", path, why);
 */
#ifndef CLI_DOCTOR_IMPL_H
#define CLI_DOCTOR_IMPL_H

#include "base/arena.h"
#include "config/config.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN, /* it works, and could be better */
	DOCTOR_BAD,
};

enum {
	DOCTOR_FINDINGS_MAX = 512 /* further ones are only counted */
};

struct doctor_finding {
	enum doctor_level level;
	const char *area;
	struct str text;
	const char *fix; /* what to do, or NULL */
};

struct doctor {
	struct arena arena;
	struct doctor_finding found[DOCTOR_FINDINGS_MAX];
	size_t count, bad;
	const struct config *config;
	bool offline;
};

/* fix lives at least as long as d; NULL for nothing to do. */
void doctor_note(struct doctor *d, enum doctor_level level, const char *area,
		 const char *fix, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Limits of the process, the kernel, the clock, the port. */
void doctor_machine(struct doctor *d);

/* The configuration's file, keys, certificates, recordings, the store. */
void doctor_files(struct doctor *d);

/* Asks every configured provider for its models. */
void doctor_providers(struct doctor *d, struct config *config);

#endif
