#include "cli/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#ifdef __has_feature
#define HAS(x) __has_feature(x)
#else
#define HAS(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	HAS(address_sanitizer) || HAS(thread_sanitizer) ||           \
	HAS(memory_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0u
#endif

enum {
	PROGRAM_MAX = 600,
	X32_CALLS = 0x40000000, /* numbers of another call table begin here */
};

/* What is left of a call's argument. */
enum test {
	IS,      /* equals value */
	HAS_ALL, /* has all bits of value */
	LACKS,   /* has not all bits of value */
};

struct rule {
	uint32_t call;
	unsigned arg;
	enum test test;
	uint32_t value;
};

/*
 * The most frequent first: kernels before 5.11 go through them one by one.
 * Newer ones remember which numbers are always allowed.
 */
static const uint32_t allowed[] = {
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
	SYS_epoll_pwait2,
	SYS_epoll_pwait,
	SYS_read,
	SYS_write,
	SYS_recvfrom,
	SYS_sendto,
	SYS_recvmsg,
	SYS_sendmsg,
	SYS_readv,
	SYS_writev,
	SYS_futex,
	SYS_epoll_ctl,
	SYS_clock_gettime,
	SYS_accept4,
	SYS_close,
	SYS_setsockopt,
	SYS_getsockopt,
	SYS_connect,
	SYS_shutdown,
	SYS_munmap,
	SYS_madvise,
	SYS_brk,
	SYS_mremap,
	SYS_fcntl,
	SYS_pread64,
	SYS_pwrite64,
	SYS_fsync,
	SYS_fdatasync,
	SYS_lseek,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_openat,
	/* the rest, by topic: sockets */
	SYS_accept,
	SYS_bind,
	SYS_listen,
	SYS_getsockname,
	SYS_getpeername,
	SYS_socketpair,
	SYS_recvmmsg,
	SYS_sendmmsg,
	SYS_ppoll,
	SYS_pselect6,
	SYS_epoll_create1,
	SYS_eventfd2,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_pipe2,
	SYS_dup,
	SYS_dup3,
	/* files */
	SYS_faccessat,
	SYS_faccessat2,
	SYS_readlinkat,
	SYS_getdents64,
	SYS_getcwd,
	SYS_mkdirat,
	SYS_unlinkat,
	SYS_renameat,
	SYS_renameat2,
	SYS_linkat,
	SYS_ftruncate,
	SYS_fallocate,
	SYS_fadvise64,
	SYS_flock,
	SYS_sync_file_range,
	SYS_statfs,
	SYS_fstatfs,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchown,
	SYS_utimensat,
	SYS_umask,
	SYS_preadv,
	SYS_pwritev,
	SYS_sendfile,
	SYS_copy_file_range,
	SYS_memfd_create,
	SYS_inotify_init1,
	SYS_inotify_add_watch,
	SYS_inotify_rm_watch,
	/* memory, threads, signals, time */
	SYS_msync,
	SYS_mlock,
	SYS_munlock,
	SYS_exit,
	SYS_exit_group,
	SYS_set_robust_list,
	SYS_get_robust_list,
	SYS_set_tid_address,
	SYS_rseq,
	SYS_membarrier,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_sched_getparam,
	SYS_sched_getscheduler,
	SYS_getcpu,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_rt_sigtimedwait,
	SYS_rt_sigsuspend,
	SYS_rt_sigpending,
	SYS_sigaltstack,
	SYS_restart_syscall,
	SYS_nanosleep,
	SYS_clock_nanosleep,
	SYS_clock_getres,
	SYS_gettimeofday,
	SYS_times,
	/* what it is and where */
	SYS_getpid,
	SYS_getppid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getresuid,
	SYS_getresgid,
	SYS_getgroups,
	SYS_getpgid,
	SYS_getrandom,
	SYS_getrusage,
	SYS_getrlimit,
	SYS_uname,
	SYS_sysinfo,
#ifdef __x86_64__
	SYS_poll,
	SYS_select,
	SYS_open,
	SYS_stat,
	SYS_lstat,
	SYS_access,
	SYS_readlink,
	SYS_mkdir,
	SYS_rmdir,
	SYS_unlink,
	SYS_rename,
	SYS_link,
	SYS_chmod,
	SYS_dup2,
	SYS_pipe,
	SYS_epoll_create,
	SYS_time,
	SYS_arch_prctl,
	SYS_getpgrp,
	SYS_alarm,
#endif
};

/* With these arguments only. */
static const struct rule conditional[] = {
	{ SYS_mmap, 2, LACKS, PROT_WRITE | PROT_EXEC },
	{ SYS_mprotect, 2, LACKS, PROT_EXEC },
	{ SYS_socket, 0, IS, AF_INET },
	{ SYS_socket, 0, IS, AF_INET6 },
	{ SYS_socket, 0, IS, AF_UNIX },
	/* The C library asks for addresses when it resolves names. */
	{ SYS_socket, 0, IS, AF_NETLINK },
	{ SYS_clone, 0, HAS_ALL, CLONE_THREAD },
	{ SYS_ioctl, 1, IS, FIONREAD },
	{ SYS_ioctl, 1, IS, FIONBIO },
	{ SYS_ioctl, 1, IS, TCGETS },
	{ SYS_ioctl, 1, IS, TIOCGWINSZ },
	{ SYS_prctl, 0, IS, PR_SET_NAME },
	{ SYS_prctl, 0, IS, PR_GET_NAME },
	{ SYS_prctl, 0, IS, PR_GET_DUMPABLE },
	{ SYS_prctl, 0, IS, PR_GET_SECCOMP },
	{ SYS_prctl, 0, IS, PR_GET_NO_NEW_PRIVS },
	{ SYS_prlimit64, 0, IS, 0 },
};

/* Not keyctl(): libpq's Kerberos tries it, and does without. */
static const uint32_t deadly[] = {
	SYS_execve,
	SYS_execveat,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_setns,
	SYS_unshare,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_open_by_handle_at,
	SYS_acct,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_sethostname,
	SYS_setdomainname,
#ifdef __x86_64__
	SYS_iopl,
	SYS_ioperm,
	SYS_kexec_file_load,
	SYS_modify_ldt,
#endif
};

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short len;
};

static void add(struct program *p, struct sock_filter instruction)
{
	if (p->len < PROGRAM_MAX)
		p->code[p->len] = instruction;
	p->len++;
}

static void load(struct program *p, size_t offset)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					    (uint32_t)offset));
}

static void give(struct program *p, uint32_t action)
{
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* The next instruction only if what was loaded is the value. */
static void if_equal(struct program *p, uint32_t value)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0,
					    1));
}

static void add_call(struct program *p, uint32_t call, uint32_t action)
{
	if_equal(p, call);
	give(p, action);
}

/*
 * The lower half of an argument is compared: all that are tested are ints, or
 * flags below 2^32.
 */
static void add_rule(struct program *p, const struct rule *r)
{
	bool is = r->test == IS;

	/* Past what follows, with the number still loaded. */
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->call,
					    0, is ? 4 : 5));
	load(p, offsetof(struct seccomp_data, args) + r->arg * 8);
	if (!is) {
		add(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K,
						    r->value));
	}
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->value,
					    r->test == LACKS ? 1 : 0,
					    r->test == LACKS ? 0 : 1));
	give(p, SECCOMP_RET_ALLOW);
	load(p, offsetof(struct seccomp_data, nr));
}

static void add_foreign(struct program *p)
{
	load(p, offsetof(struct seccomp_data, arch));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
					    ARCHITECTURE, 1, 0));
	give(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
					    X32_CALLS, 0, 1));
	give(p, SECCOMP_RET_KILL_PROCESS);
}

static void write_program(struct program *p)
{
	const struct rule self[] = {
		{ SYS_tgkill, 0, IS, (uint32_t)getpid() },
		{ SYS_kill, 0, IS, (uint32_t)getpid() },
	};

	add_foreign(p);
	for (size_t i = 0; i < countof(allowed); i++)
		add_call(p, allowed[i], SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < countof(conditional); i++)
		add_rule(p, &conditional[i]);
	for (size_t i = 0; i < countof(self); i++)
		add_rule(p, &self[i]);
	for (size_t i = 0; i < countof(deadly); i++)
		add_call(p, deadly[i], SECCOMP_RET_KILL_PROCESS);
	add_call(p, SYS_clone3, SECCOMP_RET_ALLOW);
	give(p, SECCOMP_RET_ERRNO | EPERM);
}

/*
 * clone3()'s flags cannot be seen, and the C library uses clone() without it.
 * A filter of its own, for this happens with every thread, and what the other
 * refuses goes to the kernel's log.
 */
static void write_quiet_program(struct program *p)
{
	load(p, offsetof(struct seccomp_data, nr));
	add_call(p, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	give(p, SECCOMP_RET_ALLOW);
}

static int install(void (*write)(struct program *p), unsigned flags)
{
	static struct program program; /* too large for a stack */
	struct sock_fprog prog = { .filter = program.code };
	long r;

	program.len = 0;
	write(&program);
	assert(program.len <= PROGRAM_MAX);
	prog.len = program.len;
	/* What runs here is ours: no protection from ourselves is paid for. */
	flags |= SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (r < 0)
		return -errno;
	/* A thread that another filter keeps from having this one. */
	return r == 0 ? 0 : -ESRCH;
}

int sandbox_enter(void)
{
	int r;

	if (SANITIZED || RUNNING_ON_VALGRIND || ARCHITECTURE == 0)
		return -ENOTSUP;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = install(write_quiet_program, 0);
	if (r == 0)
		r = install(write_program, SECCOMP_FILTER_FLAG_LOG);
	return r;
}

const char *sandbox_reason(int r)
{
	if (r == -ENOTSUP) {
		return "this build or processor cannot have one (sanitizer, "
		       "valgrind, or neither x86-64 nor AArch64)";
	}
	if (r == -ENOSYS || r == -EINVAL)
		return "the kernel has no seccomp filters";
	return strerrordesc_np(-r);
}

void sandbox_no_dumps(void)
{
	const struct rlimit none = { 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
