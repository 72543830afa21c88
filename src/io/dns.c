#include "io/dns.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/map.h"
#include "io/internal.h"

enum {
	NAMES_MAX = 1024,
	NAME_LEN_MAX = 253, /* RFC 1035, in text form, without the last dot */
	WORDS_MAX = 96,
	KEEP_S = 30,
	KEEP_FAILED_S = 1,
	/* getaddrinfo() gives up sooner with usual settings. */
	CALL_S = 60
};

/* What a lookup gave. */
struct answer {
	int result;
	size_t addr_count;
	struct io_addr *addrs; /* owned */
	char words[WORDS_MAX]; /* of a failure */
};

struct name {
	struct list link; /* in dns->order */
	struct str text;  /* in lower case; bytes follow the struct */
	struct answer answer;
	int64_t expires_ns;
	struct task *helper; /* is looking it up; NULL: nobody */
	struct task_event done;
	size_t users; /* tasks that look at it */
};

/* Of one loop. */
struct dns {
	struct map names;
	struct list order; /* the one asked for last is last */
};

struct job {
	struct offload_work work;
	const struct loop_backend *backend;
	void *backend_arg;
	struct answer answer;
	size_t len;
	char text[NAME_LEN_MAX + 2];
};

static struct dns *dns_of(struct loop *loop)
{
	if (loop->dns == NULL) {
		loop->dns = xcalloc(1, sizeof(*loop->dns));
		list_init(&loop->dns->order);
	}
	return loop->dns;
}

static void drop_name(struct dns *dns, struct name *n)
{
	assert(n->helper == NULL && n->users == 0);
	(void)map_drop(&dns->names, n->text);
	list_drop(&n->link);
	free(n->answer.addrs);
	free(n);
}

void dns_free(struct dns *dns)
{
	if (dns == NULL)
		return;
	list_for_each_safe(l, &dns->order)
		drop_name(dns, list_entry(l, struct name, link));
	map_fini(&dns->names);
	free(dns);
}

/* Make room by forgetting the name that nobody asked for the longest. */
static bool evict(struct dns *dns)
{
	list_for_each(l, &dns->order) {
		struct name *n = list_entry(l, struct name, link);

		if (n->helper == NULL && n->users == 0) {
			drop_name(dns, n);
			return true;
		}
	}
	return false;
}

/* NULL: all that are known are being looked up. */
static struct name *take_name(struct dns *dns, struct str host)
{
	char text[NAME_LEN_MAX + 1];
	struct name *n;

	for (size_t i = 0; i < host.len; i++)
		text[i] = str_lower(host.ptr[i]);
	n = map_get(&dns->names, (struct str){ text, host.len });
	if (n != NULL) {
		list_drop(&n->link);
		list_add(&dns->order, &n->link);
		return n;
	}
	if (dns->names.len >= NAMES_MAX && !evict(dns))
		return NULL;
	n = xcalloc(1, sizeof(*n) + host.len);
	memcpy(n + 1, text, host.len);
	n->text = (struct str){ (const char *)(n + 1), host.len };
	task_event_init(&n->done);
	list_add(&dns->order, &n->link);
	(void)map_put(&dns->names, n->text, n);
	return n;
}

static void set_words(struct answer *a, const char *words)
{
	struct str s = str_take(str_of(words), WORDS_MAX - 1);

	if (s.len > 0)
		memcpy(a->words, s.ptr, s.len);
	a->words[s.len] = '\0';
}

static void keep_addrs(struct answer *a, const struct addrinfo *list)
{
	for (; list != NULL && a->addr_count < DNS_ADDR_MAX;
	     list = list->ai_next) {
		struct io_addr *addr = &a->addrs[a->addr_count];

		if (list->ai_addrlen > sizeof(addr->ss))
			continue;
		memset(addr, 0, sizeof(*addr));
		memcpy(&addr->ss, list->ai_addr, list->ai_addrlen);
		addr->len = list->ai_addrlen;
		a->addr_count++;
	}
}

static void ask_system(const char *text, struct answer *a)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	int r = getaddrinfo(text, NULL, &hints, &list);

	if (r != 0) {
		a->result = -ENOENT;
		set_words(a, gai_strerror(r));
		return;
	}
	keep_addrs(a, list);
	freeaddrinfo(list);
}

static void run_job(struct offload_work *w)
{
	struct job *job = (struct job *)(void *)w;
	struct answer *a = &job->answer;

	if (offload_is_abandoned(w))
		return;
	a->addrs = xcalloc(DNS_ADDR_MAX, sizeof(*a->addrs));
	if (job->backend->resolve != NULL) {
		a->result = job->backend->resolve(job->backend_arg,
						  (struct str){ job->text,
								job->len },
						  a->addrs, &a->addr_count);
	} else {
		ask_system(job->text, a);
	}
	if (a->result == 0 && a->addr_count == 0)
		a->result = -ENOENT;
	if (a->result < 0 && a->words[0] == '\0')
		set_words(a, "No address");
}

static void free_job(struct offload_work *w)
{
	struct job *job = (struct job *)(void *)w;

	free(job->answer.addrs);
	free(job);
}

static int64_t keep_until(const struct loop *loop, int result)
{
	if (result == 0)
		return loop->now_ns + KEEP_S * CLOCK_S;
	return result == -ENOENT ? loop->now_ns + KEEP_FAILED_S * CLOCK_S : 0;
}

/* One task per name under way; those that asked wait for the event. */
static void look_up(struct task *t, void *arg)
{
	struct name *n = arg;
	struct loop *loop = task_loop(t);
	struct job *job = xcalloc(1, sizeof(*job));
	int r;

	task_note(t, "looking up", n->text);
	job->work.run = run_job;
	job->work.free = free_job;
	job->backend = loop->backend;
	job->backend_arg = loop->backend_arg;
	job->len = n->text.len;
	memcpy(job->text, n->text.ptr, n->text.len);

	r = offload_run(t, &job->work, loop->now_ns + CALL_S * CLOCK_S);
	free(n->answer.addrs);
	n->answer = (struct answer){ .result = r };
	if (r == 0) {
		n->answer = job->answer;
		job->answer.addrs = NULL;
	}
	if (r == 0 || r == -EAGAIN)
		free_job(&job->work);
	n->expires_ns = keep_until(loop, n->answer.result);
	n->helper = NULL;
	task_event_set(&n->done);
}

static int wait_for(struct task *t, struct name *n, int64_t deadline_ns)
{
	struct task_start start = { task_loop(t), "dns", look_up, n, NULL };
	int r;

	if (n->helper == NULL) {
		task_event_clear(&n->done);
		r = task_begin(&start, &n->helper);
		if (r < 0)
			return err_up(r);
	}
	r = task_event_wait(t, &n->done, deadline_ns);
	/* Nobody else wants to know. */
	if (r < 0 && n->users == 1 && n->helper != NULL)
		task_cancel(n->helper);
	return r;
}

/* n->users is counted, so n stays. */
static int answer(struct task *t, struct name *n, int64_t deadline_ns)
{
	int r;

	if (n->helper == NULL && n->expires_ns > task_now(t))
		return 0;
	do {
		r = wait_for(t, n, deadline_ns);
		if (r < 0)
			return r;
		/* Cancelled because the others left: ask anew. */
	} while (n->helper != NULL || n->answer.result == -ECANCELED);
	return 0;
}

static void set_port(struct io_addr *addr, uint16_t port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (addr->sa.sa_family == AF_INET) {
		memcpy(&in, &addr->ss, sizeof(in));
		in.sin_port = htons(port);
		memcpy(&addr->ss, &in, sizeof(in));
	} else if (addr->sa.sa_family == AF_INET6) {
		memcpy(&in6, &addr->ss, sizeof(in6));
		in6.sin6_port = htons(port);
		memcpy(&addr->ss, &in6, sizeof(in6));
	}
}

static int give(const struct name *n, struct io_addr *out, size_t *out_n)
{
	const struct answer *a = &n->answer;

	if (a->result < 0) {
		return err_new(a->result, "dns: " STR_FMT ": %s",
			       STR_ARG(n->text),
			       a->words[0] != '\0'
				       ? a->words
				       : strerrordesc_np(-a->result));
	}
	memcpy(out, a->addrs, a->addr_count * sizeof(*out));
	*out_n = a->addr_count;
	return 0;
}

static int look_in(struct task *t, struct str host, int64_t deadline_ns,
		   struct io_addr *out, size_t *out_n)
{
	struct name *n;
	int r;

	if (host.len == 0 || host.len > NAME_LEN_MAX + 1 ||
	    memchr(host.ptr, '\0', host.len) != NULL)
		return err_new(-ENOENT, "dns: not a host name");
	n = take_name(dns_of(task_loop(t)), host);
	if (n == NULL)
		return err_new(-EAGAIN, "dns: %d lookups under way", NAMES_MAX);
	n->users++;
	r = answer(t, n, deadline_ns);
	if (r == 0)
		r = give(n, out, out_n);
	n->users--;
	return r;
}

int dns_lookup(struct task *t, struct str host, uint16_t port,
	       int64_t deadline_ns, struct io_addr out[DNS_ADDR_MAX],
	       size_t *out_n)
{
	int r = task_count_op(t);

	if (r < 0)
		return r;
	if (io_addr_parse(host, port, &out[0]) == 0) {
		*out_n = 1;
		return 0;
	}
	if (str_eq_nocase(host, STR("localhost"))) {
		r = io_addr_parse(STR("127.0.0.1"), port, &out[0]);
		assert(r == 0);
		r = io_addr_parse(STR("::1"), port, &out[1]);
		assert(r == 0);
		*out_n = 2;
		return 0;
	}
	r = look_in(t, host, deadline_ns, out, out_n);
	for (size_t i = 0; r == 0 && i < *out_n; i++)
		set_port(&out[i], port);
	return r;
}
