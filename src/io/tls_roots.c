#include "io/tls_roots.h"

#include "io/offload.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static X509_STORE *store; /* until the process ends */
static atomic_bool filled;

static void make_store(void)
{
	store = X509_STORE_new();
	if (store == NULL)
		abort();
}

void tls_roots_use(SSL_CTX *ssl)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_store);
	SSL_CTX_set1_cert_store(ssl, store);
}

/* A system without authorities is told by the handshakes, which then fail. */
static void fill_store(void)
{
	(void)X509_STORE_set_default_paths(store);
	atomic_store(&filled, true);
}

static void run(struct offload_work *w)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)w;
	(void)pthread_once(&once, fill_store);
}

static void free_work(struct offload_work *w)
{
	free(w);
}

int tls_roots_need(struct task *t, int64_t deadline_ns)
{
	struct offload_work *w;
	int r;

	if (atomic_load_explicit(&filled, memory_order_acquire))
		return 0;
	w = xcalloc(1, sizeof(*w));
	w->run = run;
	w->free = free_work;
	r = offload_run(t, w, deadline_ns);
	if (r == -EAGAIN)
		run(w);
	if (r == 0 || r == -EAGAIN)
		free(w);
	return r == -EAGAIN ? 0 : r;
}
