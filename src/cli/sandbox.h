/*
 * sandbox - what a server that has started may no longer do.
 *
 *	r = sandbox_enter();
 *	if (r != 0)
 *		log_warn("sandbox: %s", sandbox_reason(r));
 *
 * A filter of system calls (seccomp(2)) that the whole process, with the
 * threads it already has and those to come, cannot leave again.  Nothing that
 * is started later has more rights than it (PR_SET_NO_NEW_PRIVS).
 *
 *	allowed   what quipu, libc, OpenSSL, SQLite and libpq need; some of it
 *	          with certain arguments only: threads but no processes, signals
 *	          to itself, sockets of IP, UNIX and netlink, memory that is
 *	          writable or executable but not both
 *	EPERM     everything else, so that a library which tries a call that it
 *	          can do without goes on; the kernel's log tells of it
 *	killed    what only an intruder would do: another program, ptrace,
 *	          mount, bpf, modules, other name spaces, a foreign call table
 */
#ifndef CLI_SANDBOX_H
#define CLI_SANDBOX_H

#include "base/str.h"

/*
 * Returns 0; -ENOTSUP where it cannot work: a sanitizer or valgrind needs
 * other calls, or the processor is neither x86-64 nor AArch64; or what the
 * kernel said.
 */
must_check int sandbox_enter(void);

/* Why, as a phrase for an operator; r is what sandbox_enter() returned. */
const char *sandbox_reason(int r);

/*
 * Memory that holds keys never goes to a file: no core dumps, and no debugger
 * of the same user.  Programs that this process starts have no core dumps
 * either.
 */
void sandbox_no_dumps(void);

#endif
