#include "io/fiber.h"

#include <assert.h>
#include <stdlib.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define FIBER_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define FIBER_TSAN 1
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/*
 * Saves what the ABI wants kept over a call on the stack, stores the stack
 * pointer and goes on with the other stack.  The floating point control words
 * are left alone: nothing here changes rounding.
 */
void fiber_swap(void **save, void *to);

/* Where a new fiber begins: calls the saved function with the saved argument. */
void fiber_begin(void);

#if defined(__x86_64__)

__asm__(".pushsection .text\n"
	".globl fiber_swap\n"
	".hidden fiber_swap\n"
	".type fiber_swap, @function\n"
	".balign 16\n"
	"fiber_swap:\n"
	"	.cfi_startproc\n"
	"	endbr64\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size fiber_swap, .-fiber_swap\n"
	".globl fiber_begin\n"
	".hidden fiber_begin\n"
	".type fiber_begin, @function\n"
	".balign 16\n"
	"fiber_begin:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined %rip\n"
	"	endbr64\n"
	"	movq %r12, %rdi\n"
	"	callq *%r13\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	".size fiber_begin, .-fiber_begin\n"
	".popsection\n");

enum {
	SAVED_WORDS = 9, /* r15 .. rbp, return address; 2 align the stack */
	SAVED_FN = 2,
	SAVED_ARG = 3,
	SAVED_RETURN = 6
};

#elif defined(__aarch64__)

__asm__(".pushsection .text\n"
	".globl fiber_swap\n"
	".hidden fiber_swap\n"
	".type fiber_swap, %function\n"
	".balign 16\n"
	"fiber_swap:\n"
	"	.cfi_startproc\n"
	"	hint 34\n" /* bti c */
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size fiber_swap, .-fiber_swap\n"
	".globl fiber_begin\n"
	".hidden fiber_begin\n"
	".type fiber_begin, %function\n"
	".balign 16\n"
	"fiber_begin:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined x30\n"
	"	hint 36\n" /* bti j */
	"	mov x0, x19\n"
	"	blr x20\n"
	"	brk #1\n"
	"	.cfi_endproc\n"
	".size fiber_begin, .-fiber_begin\n"
	".popsection\n");

enum {
	SAVED_WORDS = 20, /* x19..x30, d8..d15 */
	SAVED_ARG = 0,
	SAVED_FN = 1,
	SAVED_RETURN = 11
};

#else
#error "fiber: no context switch for this processor"
#endif

/*
 * A function that is called anew after each switch: were the hooks inlined into
 * a caller, a thread-local address could live on in a register.
 */
#ifdef FIBER_ASAN
#define start_asan(save, to) \
	__sanitizer_start_switch_fiber(save, (to)->bottom, (to)->size)
#define finish_asan(fake, other)                                  \
	__sanitizer_finish_switch_fiber(fake, asan_bottom(other), \
					&(other)->size)

static const void **asan_bottom(struct fiber *f)
{
	return (const void **)(void *)&f->bottom;
}
#else
#define start_asan(save, to)     ((void)0)
#define finish_asan(fake, other) ((void)(other))
#endif

/*
 * TSan keeps a call stack per fiber: this must be in the function that swaps,
 * or entries and exits would not match.
 */
#ifdef FIBER_TSAN
#define switch_tsan(to) __tsan_switch_to_fiber((to)->tsan, 0)
#else
#define switch_tsan(to) ((void)0)
#endif

void fiber_init_thread(struct fiber *f)
{
	*f = (struct fiber){ 0 };
#ifdef FIBER_TSAN
	f->tsan = __tsan_get_current_fiber();
#endif
}

void fiber_init(struct fiber *f, void *bottom, size_t size,
		void (*entry)(void *arg), void *arg)
{
	uintptr_t top = (uintptr_t)bottom + size;
	void **frame;

	assert(top % 16 == 0);
	*f = (struct fiber){ .bottom = bottom, .size = size };
#ifdef FIBER_ASAN
	/* The last user of the stack left without unwinding it. */
	__asan_unpoison_memory_region(bottom, size);
#endif
#ifdef FIBER_TSAN
	f->tsan = __tsan_create_fiber(0);
#endif
	frame = (void **)top - SAVED_WORDS;
	memset(frame, 0, SAVED_WORDS * sizeof(*frame));
	frame[SAVED_FN] = (void *)(uintptr_t)entry;
	frame[SAVED_ARG] = arg;
	frame[SAVED_RETURN] = (void *)(uintptr_t)fiber_begin;
	f->sp = frame;
}

void fiber_fini(struct fiber *f)
{
#ifdef FIBER_TSAN
	__tsan_destroy_fiber(f->tsan);
#endif
	f->sp = NULL;
}

void fiber_arrive(struct fiber *from)
{
	finish_asan(NULL, from);
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
	start_asan(&from->asan_fake, to);
	switch_tsan(to);
	fiber_swap(&from->sp, to->sp);
	finish_asan(from->asan_fake, to);
}

void fiber_leave(struct fiber *from, struct fiber *to)
{
	/* NULL: the fake stack of this fiber may be given back. */
	start_asan(NULL, to);
	switch_tsan(to);
	fiber_swap(&from->sp, to->sp);
	abort();
}
