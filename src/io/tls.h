/*
 * tls - TLS on an io stream, by OpenSSL.
 *
 *	ctx = tls_client_ctx_new(&(struct tls_client_cfg){ .ca_file = ca });
 *	r = io_connect(t, &addr, deadline, &io);
 *	r = tls_connect(t, io, ctx, STR("api.openai.com"), deadline);
 *	r = io_write(t, io, ...);
 *
 * Certificates and host names are always verified unless verify_off is set.
 * TLS 1.2 is the least; SSL_MODE_RELEASE_BUFFERS keeps idle streams small.
 * Contexts are immutable after creation and shared by all loops; sessions are
 * kept per context and host, and resumed.
 */
#ifndef IO_TLS_H
#define IO_TLS_H

#include "io/io.h"

struct tls_ctx;

struct tls_client_cfg {
	const char *ca_file;   /* NULL: the system's store */
	const char *cert_file; /* client certificate, with key_file */
	const char *key_file;
	const char *more_ca_file; /* on top of those, or NULL */
	/* Of TLS 1.2 "A:B" and of 1.3; NULL: OpenSSL's default. */
	const char *ciphers, *suites;
	bool verify_off; /* for tests only; logged at start */
	bool tls13_only;
};

struct tls_server_cfg {
	const char *cert_file; /* PEM, leaf first */
	const char *key_file;
	const char *client_ca_file; /* not NULL: clients must show one */
	bool tls13_only;
};

/* NULL when a file cannot be used; err_text() says which and why. */
struct tls_ctx *tls_client_ctx_new(const struct tls_client_cfg *cfg);
struct tls_ctx *tls_server_ctx_new(const struct tls_server_cfg *cfg);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_unref(struct tls_ctx *ctx); /* ctx may be NULL */

/*
 * Handshakes.  After 0 the stream is encrypted; after an error it is fit for
 * io_close() only, and err_text() says why (the certificate's flaw, say).
 */
must_check int tls_connect(struct task *t, struct io *io, struct tls_ctx *ctx,
			   struct str host, int64_t deadline_ns);
must_check int tls_accept(struct task *t, struct io *io, struct tls_ctx *ctx,
			  int64_t deadline_ns);

/* Was the session resumed; for tests and metrics. */
bool tls_is_resumed(const struct io *io);

#endif
