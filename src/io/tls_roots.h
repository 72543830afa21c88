/*
 * tls_roots - the system's authorities, in one store for all contexts.
 *
 * Reading them takes 20 ms and some megabytes, and a program that is started
 * may never need them: they are read on a thread when the first handshake does.
 * Private to io.
 */
#ifndef IO_TLS_ROOTS_H
#define IO_TLS_ROOTS_H

#include "io/task.h"

#include <openssl/ssl.h>

/* Let ssl trust what is in the store, which may still be empty. */
void tls_roots_use(SSL_CTX *ssl);

/* See that the store is filled.  Returns 0, -ETIMEDOUT or -ECANCELED. */
must_check int tls_roots_need(struct task *t, int64_t deadline_ns);

#endif
