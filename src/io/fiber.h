/*
 * fiber - a stack and the registers to go on with it.
 *
 *	fiber_init(&f, bottom, size, entry, arg);
 *	fiber_switch(&own, &f);
 *
 * The lowest layer under tasks: nothing here knows loops.  A fiber whose entry
 * function is at its end switches away a last time with fiber_leave(); entry
 * must not return.  The sanitizers and valgrind are told about every switch.
 */
#ifndef IO_FIBER_H
#define IO_FIBER_H

#include "base/str.h"

struct fiber {
	void *sp; /* saved registers, while another one runs */
	void *bottom;
	size_t size;
	void *asan_fake; /* sanitizers only */
	void *tsan;
};

/* The fiber of the thread itself; call again when the thread changes. */
void fiber_init_thread(struct fiber *f);

void fiber_init(struct fiber *f, void *bottom, size_t size,
		void (*entry)(void *arg), void *arg);
void fiber_fini(struct fiber *f);

/* The first thing that an entry function does; from is who started it. */
void fiber_arrive(struct fiber *from);

void fiber_switch(struct fiber *from, struct fiber *to);
_Noreturn void fiber_leave(struct fiber *from, struct fiber *to);

#endif
