#include "cli/serve.h"

#include "base/log.h"
#include "cli/load.h"
#include "cli/reload.h"
#include "cli/sandbox.h"
#include "cli/systemd.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

int serve_load(char **argv, char **environment, struct config **out)
{
	struct buf messages;
	int r;

	buf_init(&messages, LOAD_MESSAGES_MAX);
	r = load_config(argv, environment, out, &messages);
	if (messages.len > 0)
		(void)fprintf(stderr, STR_FMT, STR_ARG(buf_str(&messages)));
	buf_fini(&messages);
	return r;
}

static void start_log(const struct config *config)
{
	bool tty = isatty(STDERR_FILENO) == 1;
	struct log_cfg cfg = {
		.level = load_log_level(config),
		.json = str_eq(config->log_format, STR("json")),
		.colour = tty && getenv("NO_COLOR") == NULL,
		.fd = STDERR_FILENO,
	};

	log_start(&cfg);
}

/* Ten thousand streams are two descriptors each. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * What one request gives back the next one takes: returning it to the kernel in
 * between costs page faults.
 */
static void tune_malloc(void)
{
	(void)mallopt(M_TRIM_THRESHOLD, 16 << 20);
	(void)mallopt(M_TOP_PAD, 256 << 10);
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

static const char *key_text(const struct provider *p)
{
	struct provider_request req = { 0 };
	struct grant grant;

	if (p->key.len > 0)
		return "set";
	if (p->type->grant != NULL && p->type->grant(p, &req, &grant))
		return "fetched";
	return "none";
}

static void say_models(const struct catalog *catalog)
{
	const struct registry *reg = catalog->registry;
	size_t optional = 0;

	for (size_t i = 0; i < reg->upstream_count; i++) {
		const struct upstream *u = &reg->upstreams[i];

		if (u->is_optional) {
			optional++;
		} else if (u->origin == NULL) {
			log_info("provider=" STR_FMT " built in",
				 STR_ARG(u->provider.id));
		} else {
			log_info("provider=" STR_FMT " host=" STR_FMT " key=%s",
				 STR_ARG(u->provider.id),
				 STR_ARG(u->origin->host_header),
				 key_text(&u->provider));
		}
	}
	if (optional > 0) {
		log_info("%zu more providers answer what was recorded of them",
			 optional);
	}
}

/* On a terminal, what to try first. */
static void say_first_request(struct str address)
{
	if (isatty(STDERR_FILENO) != 1)
		return;
	(void)fprintf(
		stderr,
		"\nTry:\n"
		"  curl " STR_FMT "/v1/chat/completions -H "
		"'content-type: application/json' \\\n"
		"    -d '{\"model\":\"echo/echo\",\"messages\":[{\"role\":"
		"\"user\",\"content\":\"Hello, quipu\"}]}'\n"
		"  curl " STR_FMT "/v1/models\n"
		"Point an OpenAI client here: OPENAI_BASE_URL=" STR_FMT
		"/v1\nStop with Ctrl-C; quipu --help says more.\n\n",
		STR_ARG(address), STR_ARG(address), STR_ARG(address));
}

struct str serve_url(struct str addresses, char *out, size_t size)
{
	struct str line, rest, scheme, port;
	int n;

	(void)str_cut(addresses, '\n', &line, &rest);
	for (size_t i = 0; i + 4 < line.len; i++) {
		struct str at = str_drop(line, i);

		if (!str_starts(at, STR("[::]:")) &&
		    !str_starts(at, STR("0.0.0.0:")))
			continue;
		scheme = str_take(line, i);
		port = str_drop(line, i + (at.ptr[0] == '[' ? 5 : 8));
		n = snprintf(out, size, STR_FMT "localhost:" STR_FMT,
			     STR_ARG(scheme), STR_ARG(port));
		return (struct str){ out, (size_t)n };
	}
	return line;
}

static void announce(const struct cluster *c)
{
	struct str addresses = cluster_addresses(c), rest = addresses, line;
	char text[256];

	while (rest.len > 0) {
		(void)str_cut(rest, '\n', &line, &rest);
		log_info("quipu " QUIPU_VERSION " listening on " STR_FMT
			 " workers=%zu",
			 STR_ARG(line), cluster_worker_count(c));
	}
	say_models(cluster_catalog(c));
	say_first_request(serve_url(addresses, text, sizeof(text)));
	systemd_notify("READY=1");
}

struct signals {
	struct cluster *cluster;
	struct reload *reload;
	sigset_t set;
	bool ended; /* all workers; atomic */
};

/* Ends the program on the second request to stop. */
static void *handle_signals(void *arg)
{
	struct signals *s = arg;
	bool ending = false;
	int sig;

	for (;;) {
		if (sigwait(&s->set, &sig) != 0)
			continue;
		if (sig == SIGUSR1) {
			cluster_dump(s->cluster);
		} else if (sig == SIGHUP) {
			reload_run(s->reload);
		} else if (sig == SIGUSR2) {
			/* Ours to wake this thread; anyone may send one. */
			if (__atomic_load_n(&s->ended, __ATOMIC_ACQUIRE))
				return NULL;
		} else if (!ending) {
			ending = true;
			log_info("stopping: running requests may finish; "
				 "again to stop at once");
			systemd_notify("STOPPING=1");
			cluster_shutdown(s->cluster);
		} else {
			log_stop();
			_exit(130);
		}
	}
}

static void block_signals(struct signals *s)
{
	(void)sigemptyset(&s->set);
	(void)sigaddset(&s->set, SIGTERM);
	(void)sigaddset(&s->set, SIGINT);
	(void)sigaddset(&s->set, SIGHUP);
	(void)sigaddset(&s->set, SIGUSR1);
	(void)sigaddset(&s->set, SIGUSR2);
	(void)pthread_sigmask(SIG_BLOCK, &s->set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/*
 * After everything is open and before any request is read.  quipu run has none:
 * its command would inherit it.
 */
static int confine(const struct config *config)
{
	bool must = str_eq(config->sandbox, STR("on"));
	int r;

	if (str_eq(config->sandbox, STR("off")))
		return 0;
	r = sandbox_enter();
	if (r == 0) {
		log_debug("sandbox: on");
	} else if (must) {
		log_error("server.sandbox is on, and %s", sandbox_reason(r));
	} else if (r != -ENOTSUP) {
		log_warn("no sandbox: %s", sandbox_reason(r));
	}
	return must ? r : 0;
}

static int run(struct cluster *c, char **argv, char **environment)
{
	struct reload reload;
	struct signals s = { .cluster = c, .reload = &reload };
	pthread_t thread;
	int r;

	reload_init(&reload, c, argv, environment);
	block_signals(&s);
	r = cluster_start(c);
	if (r == 0)
		r = -pthread_create(&thread, NULL, handle_signals, &s);
	if (r != 0) {
		log_error("cannot start: %s", strerrordesc_np(-r));
		log_stop();
		_exit(1);
	}
	announce(c);
	cluster_wait(c);
	__atomic_store_n(&s.ended, true, __ATOMIC_RELEASE);
	(void)pthread_kill(thread, SIGUSR2);
	(void)pthread_join(thread, NULL);
	if (!reload_close(&reload)) {
		log_error("stopped while a reload hangs: it cannot read the "
			  "configuration");
		log_stop();
		_exit(1);
	}
	log_info("stopped");
	return 0;
}

void serve_warn(struct str messages)
{
	struct str line;

	while (messages.len > 0) {
		(void)str_cut(messages, '\n', &line, &messages);
		log_warn(STR_FMT, STR_ARG(line));
	}
}

void serve_begin(const struct config *config)
{
	raise_descriptor_limit();
	tune_malloc();
	start_log(config);
	load_secrets(config);
}

int cli_serve(char **argv, char **environment)
{
	struct cluster *cluster;
	struct config *config;
	struct buf messages;
	int status = 1;

	if (serve_load(argv, environment, &config) < 0)
		return 2;
	serve_begin(config);
	if (!config->core_dumps)
		sandbox_no_dumps();
	buf_init(&messages, LOAD_MESSAGES_MAX);
	if (cluster_new(config, config->environment, &cluster, &messages) ==
	    0) {
		serve_warn(buf_str(&messages));
		if (confine(config) == 0)
			status = run(cluster, argv, environment);
		cluster_free(cluster);
	} else {
		log_error(STR_FMT, STR_ARG(str_trim(buf_str(&messages))));
	}
	buf_fini(&messages);
	config_unref(config);
	log_stop();
	return status;
}
