#include "cli/run.h"

#include "base/log.h"
#include "cli/cluster.h"
#include "cli/run_flags.h"
#include "cli/run_verdict.h"
#include "cli/serve.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	URL_TEXT_MAX = 256,
	CANNOT_RUN = 126,
	NOT_FOUND = 127,
	KILLED = 128,
};

const char run_usage[] =
	"usage: quipu run [flags] -- COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs a command with a server of its own on a free port of this machine,\n"
	"and prints what became of its recordings.  The command gets\n"
	"OPENAI_BASE_URL (and OPENAI_API_BASE), OPENAI_API_KEY and QUIPU_URL;\n"
	"quipu itself uses your own OPENAI_BASE_URL and keys.\n"
	"\n"
	"  --replay            only what was recorded, no network (the default)\n"
	"  --record            record everything anew\n"
	"  --auto              replay what is there, record what is not\n"
	"  --spy --refresh --verify   see docs/recordings.md\n"
	"  --session NAME      of requests that name none\n"
	"  --recordings DIR    where they are: ./recordings\n"
	"  --strict            unused, edited and old ones fail as well\n"
	"  --junit FILE        the verdict as JUnit's XML\n"
	"  and all flags of quipu serve\n"
	"\n"
	"Exit status: the command's, if that is not 0; else 1 a request had no\n"
	"recording, 2 recordings were not used, 3 they are edited or old (2 and 3\n"
	"with --strict), 4 answers differ (--verify), 64 bad usage, 69 no server.\n";

/* Signals that are passed on to the command. */
static void signal_set(sigset_t *set)
{
	static const int signals[] = { SIGINT,  SIGTERM, SIGHUP, SIGQUIT,
				       SIGUSR1, SIGUSR2, SIGCHLD };

	(void)sigemptyset(set);
	for (size_t i = 0; i < countof(signals); i++)
		(void)sigaddset(set, signals[i]);
}

static int start(char **command, char **environment, const sigset_t *mask,
		 pid_t *out)
{
	posix_spawnattr_t attr;
	sigset_t all;
	int r;

	(void)sigfillset(&all);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setsigmask(&attr, mask);
	(void)posix_spawnattr_setsigdefault(&attr, &all);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	r = posix_spawnp(out, command[0], NULL, &attr, command, environment);
	(void)posix_spawnattr_destroy(&attr);
	if (r == 0)
		return 0;
	(void)fprintf(stderr, "quipu run: %s: %s\n", command[0],
		      strerrordesc_np(r));
	return r == ENOENT ? NOT_FOUND : CANNOT_RUN;
}

/* What a terminal sends the command has got by itself. */
static int wait_for(pid_t pid, const sigset_t *set)
{
	int status;

	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(set, &info);

		if (sig > 0 && sig != SIGCHLD && info.si_code != SI_KERNEL)
			(void)kill(pid, sig);
		if (sig != SIGCHLD || waitpid(pid, &status, WNOHANG) != pid)
			continue;
		return WIFEXITED(status) ? WEXITSTATUS(status)
					 : KILLED + WTERMSIG(status);
	}
}

/* The library, as it is configured, has begun the session of the run. */
static void begin(struct cluster *c)
{
	const struct config *config = cluster_catalog(c)->registry->config;

	library_begin(cluster_library(c), config->record_session,
		      &(struct library_rules){ 0 });
}

static int judge(struct cluster *c, const struct run_flags *flags)
{
	struct library *l = cluster_library(c);
	struct run_verdict verdict;
	int code, r;

	run_verdict_init(&verdict);
	library_finish_all(l, run_verdict_add, &verdict);
	log_stop();
	run_verdict_print(&verdict, edge_mode_name(library_mode(l)),
			  isatty(STDERR_FILENO) == 1 &&
				  getenv("NO_COLOR") == NULL);
	code = verdict.code;
	if (flags->junit != NULL) {
		r = run_verdict_save(&verdict, flags->junit);
		if (r < 0) {
			(void)fprintf(stderr, "quipu run: %s: %s\n",
				      flags->junit, strerrordesc_np(-r));
			code = code != 0 ? code : RUN_CANNOT_WRITE;
		}
	}
	run_verdict_fini(&verdict);
	return code;
}

static int run_command(struct cluster *c, const struct run_flags *flags,
		       char **environment, struct arena *a)
{
	struct library *l = cluster_library(c);
	char text[URL_TEXT_MAX];
	sigset_t set, before;
	struct str url;
	pid_t pid;
	int status, code;

	signal_set(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, &before);
	(void)signal(SIGPIPE, SIG_IGN);
	begin(c);
	if (cluster_start(c) < 0) {
		log_error("cannot start threads");
		log_stop();
		_exit(RUN_UNAVAILABLE);
	}
	url = serve_url(cluster_addresses(c), text, sizeof(text));
	status = start(flags->command,
		       run_flags_environment(environment, arena_cz(a, url),
					     library_mode(l) == EDGE_REPLAY, a),
		       &before, &pid);
	if (status == 0)
		status = wait_for(pid, &set);
	cluster_shutdown(c);
	cluster_wait(c);
	code = judge(c, flags);
	return status != 0 ? status : code;
}

/*
 * Without a word about it, a run replays, and keeps nothing: a test's answers do
 * not belong in the user's own store.
 */
static int load(struct run_flags *flags, char **environment, struct arena *a,
		struct config **out)
{
	bool replays, forgets;
	char **argv;
	size_t n = 0;

	if (serve_load(flags->serve, environment, out) < 0)
		return RUN_USAGE;
	replays = !flags->has_mode && str_eq((*out)->record_mode, STR("off"));
	forgets = (*out)->store_is_default;
	if (!replays && !forgets)
		return 0;
	config_unref(*out);
	while (flags->serve[n] != NULL)
		n++;
	argv = arena_zalloc(a, (n + 3) * sizeof(*argv));
	memcpy(argv, flags->serve, n * sizeof(*argv));
	if (replays)
		argv[n++] = arena_cz(a, STR("--record-mode=replay"));
	if (forgets)
		argv[n++] = arena_cz(a, STR("--store=none"));
	return serve_load(argv, environment, out) < 0 ? RUN_USAGE : 0;
}

static int serve_and_run(struct run_flags *flags, char **environment,
			 struct arena *a)
{
	struct cluster *cluster;
	struct config *config;
	struct buf messages;
	int status = load(flags, environment, a, &config);

	if (status != 0)
		return status;
	serve_begin(config);
	buf_init(&messages, LOAD_MESSAGES_MAX);
	if (cluster_new(config, config->environment, &cluster, &messages) < 0) {
		status = RUN_UNAVAILABLE;
		log_error(STR_FMT, STR_ARG(str_trim(buf_str(&messages))));
	} else if (cluster_library(cluster) == NULL) {
		status = RUN_USAGE;
		log_error("quipu run needs a mode: --replay, --record, --auto");
		cluster_free(cluster);
	} else {
		serve_warn(buf_str(&messages));
		status = run_command(cluster, flags, environment, a);
		cluster_free(cluster);
	}
	buf_fini(&messages);
	config_unref(config);
	log_stop();
	return status;
}

int cli_run(char **argv, char **environment)
{
	struct run_flags flags;
	const char *wrong;
	struct arena a;
	int status = RUN_USAGE;

	arena_init(&a, SIZE_MAX / 2);
	wrong = run_flags_read(argv, environment, &a, &flags);
	if (wrong == NULL)
		status = serve_and_run(&flags, environment, &a);
	else
		(void)fprintf(stderr, "quipu run: %s\n\n%s", wrong, run_usage);
	arena_fini(&a);
	return status;
}
