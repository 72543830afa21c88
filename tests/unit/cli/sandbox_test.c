#include "cli/sandbox.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DONE = 0,
	NO_SANDBOX = 77,
	KILLED = 1000, /* by SIGSYS */
};

/* What a function of a confined process returns: 0 or an errno. */
static int confined(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter() != 0)
			_exit(NO_SANDBOX);
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return KILLED + WTERMSIG(status) - SIGSYS;
	return WEXITSTATUS(status);
}

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static int starts_a_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	return r != 0 ? r : pthread_join(thread, NULL);
}

static int forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result(pid);
}

/* EINVAL where it is there. */
static int clones_unseen(void)
{
	return result(syscall(SYS_clone3, NULL, 0));
}

static int execs(void)
{
	char name[] = "/bin/true";
	char *argv[] = { name, NULL };

	return result(execv(name, argv));
}

static int traces(void)
{
	return result(syscall(SYS_ptrace, 0, 0, 0, 0));
}

static int mounts(void)
{
	return result(syscall(SYS_mount, "a", "/mnt", "tmpfs", 0, 0));
}

static int loads_bpf(void)
{
	return result(syscall(SYS_bpf, 0, 0, 0));
}

static int unshares(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int asks_for_keys(void)
{
	return result(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int makes_a_device(void)
{
	return result(mknod("/tmp/quipu-sandbox", S_IFCHR, 0));
}

static int opens_raw_packets(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int opens_sockets(void)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX,
					AF_NETLINK };

	for (size_t i = 0; i < countof(families); i++) {
		int type = families[i] == AF_NETLINK ? SOCK_RAW : SOCK_STREAM;
		int fd = socket(families[i], type, 0);

		/* A machine without IPv6 has its own error. */
		if (fd < 0 && errno != EAFNOSUPPORT)
			return errno;
		(void)close(fd);
	}
	return DONE;
}

static int maps(int protection)
{
	void *p = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	return p == MAP_FAILED ? errno : 0;
}

static int maps_data(void)
{
	return maps(PROT_READ | PROT_WRITE);
}

/* As the dynamic linker does. */
static int maps_code(void)
{
	return maps(PROT_READ | PROT_EXEC);
}

static int maps_both(void)
{
	return maps(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int turns_data_to_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int reads_a_file(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return result(fd);
}

static int pushes_into_a_terminal(void)
{
	return result(ioctl(STDIN_FILENO, TIOCSTI, ""));
}

static int signals_itself(void)
{
	(void)signal(SIGUSR1, SIG_IGN);
	return result(kill(getpid(), SIGUSR1)) +
	       pthread_kill(pthread_self(), 0);
}

static int signals_its_parent(void)
{
	return result(kill(getppid(), 0));
}

static int raises_its_limits(void)
{
	struct rlimit limit;

	return result(getrlimit(RLIMIT_NOFILE, &limit)) +
	       result(setrlimit(RLIMIT_NOFILE, &limit));
}

static int gains_by_a_program(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
}

static int enters_again(void)
{
	return sandbox_enter() == 0 ? 0 : EPERM;
}

static void calls_end_as_they_should(void **state)
{
	static const struct {
		const char *name;
		int (*fn)(void);
		int want;
	} cases[] = {
		{ "a thread", starts_a_thread, DONE },
		{ "files", reads_a_file, DONE },
		{ "sockets", opens_sockets, DONE },
		{ "memory", maps_data, DONE },
		{ "libraries", maps_code, DONE },
		{ "signals to itself", signals_itself, DONE },
		{ "limits", raises_its_limits, DONE },
		{ "no new privileges", gains_by_a_program, DONE },
		{ "a process", forks, EPERM },
		{ "a process whose flags are hidden", clones_unseen, ENOSYS },
		{ "memory for both", maps_both, EPERM },
		{ "data that becomes code", turns_data_to_code, EPERM },
		{ "raw packets", opens_raw_packets, EPERM },
		{ "a device", makes_a_device, EPERM },
		{ "the kernel's keys", asks_for_keys, EPERM },
		{ "a terminal's input", pushes_into_a_terminal, EPERM },
		{ "signals to others", signals_its_parent, EPERM },
		{ "a way out", enters_again, EPERM },
		{ "a program", execs, KILLED },
		{ "ptrace", traces, KILLED },
		{ "mount", mounts, KILLED },
		{ "bpf", loads_bpf, KILLED },
		{ "name spaces", unshares, KILLED },
	};

	(void)state;
	if (confined(maps_data) == NO_SANDBOX) {
		print_message("no sandbox here: %s\n",
			      sandbox_reason(-ENOTSUP));
		skip();
	}
	for (size_t i = 0; i < countof(cases); i++)
		check_int(cases[i].name, confined(cases[i].fn), cases[i].want);
}

static int has_no_dumps(void)
{
	struct rlimit limit;

	sandbox_no_dumps();
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 1;
	if (getrlimit(RLIMIT_CORE, &limit) < 0)
		return 2;
	return limit.rlim_cur == 0 && limit.rlim_max == 0 ? 0 : 3;
}

static void dumps_are_off(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(has_no_dumps());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void reasons_are_given(void **state)
{
	static const int errors[] = { -ENOTSUP, -ENOSYS, -EINVAL, -ESRCH,
				      -EPERM };

	(void)state;
	for (size_t i = 0; i < countof(errors); i++)
		assert_true(strlen(sandbox_reason(errors[i])) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_end_as_they_should),
		cmocka_unit_test(dumps_are_off),
		cmocka_unit_test(reasons_are_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
