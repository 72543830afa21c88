/*
 * admin - /v1alpha/admin: what only the operator may see and do.
 *
 * server.admin says who that is.  "local" is who connects from this machine,
 * unless the request was plainly made for somebody else: by a proxy that says
 * so, or by a page in a browser.
 */
#include "api/handlers.h"
#include "io/offload.h"
#include "json/writer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

enum {
	ADMIN_MESSAGES_MAX = 256 * 1024
};

#define RELOAD_TIME_NS (60 * CLOCK_S)

static bool is_loopback(const struct io_addr *a)
{
	const void *at = a;
	const struct sockaddr_in6 *in6 = at;
	const struct sockaddr_in *in = at;
	const uint8_t *ip = in6->sin6_addr.s6_addr;

	if (a->sa.sa_family == AF_UNIX)
		return true;
	if (a->sa.sa_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	if (a->sa.sa_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return ip[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static bool is_for_another(const struct http_head *head)
{
	static const struct str names[] = {
		STR_INIT("forwarded"), STR_INIT("x-forwarded-for"),
		STR_INIT("x-real-ip"), STR_INIT("via"),
		STR_INIT("origin"),
	};

	for (size_t i = 0; i < countof(names); i++) {
		if (http_find_name(head, names[i]) != NULL)
			return true;
	}
	return false;
}

/* Answers when not. */
static bool is_allowed(struct api_call *c)
{
	struct str who = c->catalog->registry->config->admin;
	struct io_addr peer;
	struct api_error e;

	if (str_eq(who, STR("all")))
		return true;
	if (str_eq(who, STR("local"))) {
		io_peer_addr(c->req->io, &peer);
		if (is_loopback(&peer) && !is_for_another(&c->req->head))
			return true;
	}
	(void)api_fail(&e, &c->req->arena, 403, "permission_error", NULL,
		       str_eq(who, STR("off"))
			       ? "/v1alpha/admin is switched off (server.admin "
				 "is off)."
			       : "/v1alpha/admin is for direct requests from "
				 "the server's own machine (server.admin is "
				 "local).");
	e.code = STR("admin_not_allowed");
	route_fail(c, &e);
	return false;
}

void admin_providers_list(struct api_call *c)
{
	if (is_allowed(c))
		providers_list(c);
}

void admin_providers_get(struct api_call *c)
{
	if (is_allowed(c))
		providers_get(c);
}

void admin_routes(struct api_call *c)
{
	if (is_allowed(c))
		inspect_routes(c);
}

void admin_health(struct api_call *c)
{
	if (is_allowed(c))
		status_health(c);
}

void admin_version(struct api_call *c)
{
	if (is_allowed(c))
		status_version(c);
}

struct job {
	struct offload_work work;
	const struct worker_team *team;
	struct buf messages;
	int result;
};

static void run_job(struct offload_work *w)
{
	void *at = w; /* the first member */
	struct job *job = at;

	job->result = job->team->reload(job->team->reload_arg, &job->messages);
}

static void free_job(struct offload_work *w)
{
	void *at = w;
	struct job *job = at;

	buf_fini(&job->messages);
	free(job);
}

static void write_lines(struct json_writer *w, struct str text)
{
	struct str line;

	json_array(w);
	while (text.len > 0) {
		(void)str_cut(text, '\n', &line, &text);
		json_add_str(w, line);
	}
	json_end(w);
}

static void reply_done(struct api_call *c, struct str messages)
{
	struct json_writer w;
	struct api_error e;
	struct buf out;

	buf_init(&out, 2 * ADMIN_MESSAGES_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("object"), STR("admin.reload"));
	json_member_str(&w, STR("status"), STR("ok"));
	json_member(&w, STR("messages"));
	write_lines(&w, messages);
	json_end(&w);
	if (json_writer_done(&w) == 0) {
		route_reply(c, 200, buf_str(&out));
	} else {
		(void)api_fail(&e, &c->req->arena, 500, "server_error", NULL,
			       "Reloaded, but there is too much to say.");
		route_fail(c, &e);
	}
	buf_fini(&out);
}

static void fail(struct api_call *c, int status, const char *code,
		 const char *text, struct str messages)
{
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, status, api_error_type(status), NULL,
		       "%s" STR_FMT, text, STR_ARG(str_trim(messages)));
	e.code = str_of(code);
	route_fail(c, &e);
}

static void reply_job(struct api_call *c, const struct job *job)
{
	struct str messages = buf_str(&job->messages);

	switch (job->result) {
	case 0:
		reply_done(c, messages);
		break;
	case WORKER_RELOAD_BUSY:
		fail(c, 409, "reload_in_progress",
		     "A reload is on its way; ask again when it is done.",
		     STR_NULL);
		break;
	default:
		fail(c, 400, "bad_configuration",
		     "The configuration is bad, the old one stays:\n",
		     messages);
	}
}

void admin_reload(struct api_call *c)
{
	const struct worker_team *team = c->worker->team;
	struct job *job;
	int r;

	if (!is_allowed(c))
		return;
	if (team == NULL || team->reload == NULL) {
		fail(c, 501, "not_offered", "This server cannot reload.",
		     STR_NULL);
		return;
	}
	job = xcalloc(1, sizeof(*job));
	job->work = (struct offload_work){ .run = run_job, .free = free_job };
	job->team = team;
	buf_init(&job->messages, ADMIN_MESSAGES_MAX);
	r = offload_run(c->task, &job->work,
			task_now(c->task) + RELOAD_TIME_NS);
	if (r == 0)
		reply_job(c, job);
	if (r == 0 || r == -EAGAIN)
		free_job(&job->work);
	if (r < 0) {
		fail(c, 503, "reload_unknown",
		     "The reload did not end in time; the log says how it "
		     "ends.",
		     STR_NULL);
	}
}
