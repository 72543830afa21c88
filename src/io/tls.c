#include "io/tls.h"

#include "base/map.h"
#include "io/backend.h"
#include "io/tls_roots.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	RECORD_MAX = 16 * 1024,
	SESSIONS_MAX = 1024,
	HOST_MAX = 255
};

struct tls_ctx {
	SSL_CTX *ssl;
	int refs;
	bool needs_roots; /* the system's, before a handshake */
	/* Sessions to resume, by host; used at handshakes only. */
	pthread_mutex_t lock;
	struct map sessions;
};

struct session {
	SSL_SESSION *ssl;
	size_t len;
	char host[];
};

struct tls {
	SSL *ssl;
	struct tls_ctx *ctx;
	struct io *io;
	struct str host; /* owned; client side */
	int error;       /* of the stream below, said by the BIO */
	bool ended;      /* ready() met the end: what the next read says */
	int end;
};

/* What OpenSSL complains about, for people. */
static struct str reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(code);

	ERR_clear_error();
	return str_of(text != NULL ? text : "unknown error");
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *out_n)
{
	struct tls *tls = BIO_get_data(bio);
	struct str piece = { data, len };
	int r = io_raw_write(tls->io, &piece, 1, out_n);

	BIO_clear_retry_flags(bio);
	if (r < 0) {
		tls->error = r;
		return 0;
	}
	if (*out_n == 0)
		BIO_set_retry_write(bio);
	return *out_n > 0;
}

static int bio_read(BIO *bio, char *data, size_t cap, size_t *out_n)
{
	struct tls *tls = BIO_get_data(bio);
	int r = io_raw_read(tls->io, data, cap, out_n);

	BIO_clear_retry_flags(bio);
	if (r == 0)
		return *out_n > 0;
	if (r == -EAGAIN)
		BIO_set_retry_read(bio);
	else
		tls->error = r;
	return 0;
}

static long bio_ctrl(BIO *bio, int cmd, long n, void *ptr)
{
	(void)bio;
	(void)n;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
				  "quipu io");
	if (bio_method == NULL)
		abort();
	(void)BIO_meth_set_write_ex(bio_method, bio_write);
	(void)BIO_meth_set_read_ex(bio_method, bio_read);
	(void)BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

static void session_free(struct session *s)
{
	if (s == NULL)
		return;
	SSL_SESSION_free(s->ssl);
	free(s);
}

/* OpenSSL has a new ticket from a server; 1 keeps the reference. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *tls = SSL_get_app_data(ssl);
	struct session *s;

	if (tls->host.len == 0)
		return 0;
	s = xmalloc(sizeof(*s) + tls->host.len);
	s->ssl = session;
	s->len = tls->host.len;
	memcpy(s->host, tls->host.ptr, tls->host.len);
	(void)pthread_mutex_lock(&tls->ctx->lock);
	session_free(map_drop(&tls->ctx->sessions, tls->host));
	if (tls->ctx->sessions.len < SESSIONS_MAX) {
		(void)map_put(&tls->ctx->sessions,
			      (struct str){ s->host, s->len }, s);
		s = NULL;
	}
	(void)pthread_mutex_unlock(&tls->ctx->lock);
	session_free(s);
	return 1;
}

static void offer_session(struct tls *tls)
{
	struct session *s;

	(void)pthread_mutex_lock(&tls->ctx->lock);
	s = map_get(&tls->ctx->sessions, tls->host);
	if (s != NULL)
		(void)SSL_set_session(tls->ssl, s->ssl);
	(void)pthread_mutex_unlock(&tls->ctx->lock);
}

static struct tls_ctx *ctx_new(const SSL_METHOD *method, bool tls13_only)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct tls_ctx *ctx = xcalloc(1, sizeof(*ctx));

	(void)pthread_once(&once, make_bio_method);
	ctx->refs = 1;
	ctx->ssl = SSL_CTX_new(method);
	if (ctx->ssl == NULL)
		abort();
	(void)pthread_mutex_init(&ctx->lock, NULL);
	(void)SSL_CTX_set_mode(ctx->ssl,
			       SSL_MODE_RELEASE_BUFFERS |
				       SSL_MODE_ENABLE_PARTIAL_WRITE |
				       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_RENEGOTIATION |
						    SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_min_proto_version(ctx->ssl, tls13_only
							      ? TLS1_3_VERSION
							      : TLS1_2_VERSION);
	return ctx;
}

/* Also "out of memory", so that callers have one path. */
static struct tls_ctx *ctx_failed(struct tls_ctx *ctx, const char *file)
{
	(void)err_new(-EINVAL, "%s: " STR_FMT, file, STR_ARG(reason()));
	tls_ctx_unref(ctx);
	return NULL;
}

static int use_cert(SSL_CTX *ssl, const char *cert, const char *key,
		    const char **out_bad)
{
	*out_bad = cert;
	if (SSL_CTX_use_certificate_chain_file(ssl, cert) != 1)
		return -EINVAL;
	*out_bad = key;
	if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1)
		return -EINVAL;
	return SSL_CTX_check_private_key(ssl) == 1 ? 0 : -EINVAL;
}

/* On failure *out_bad is what cannot be used. */
static int use_authorities(SSL_CTX *ssl, const struct tls_client_cfg *cfg,
			   const char **out_bad)
{
	int ok;

	if (cfg->ca_file != NULL) {
		*out_bad = cfg->ca_file;
		ok = SSL_CTX_load_verify_locations(ssl, cfg->ca_file, NULL);
	} else {
		*out_bad = "system CAs";
		ok = SSL_CTX_set_default_verify_paths(ssl);
	}
	if (ok == 1 && cfg->more_ca_file != NULL) {
		*out_bad = cfg->more_ca_file;
		ok = SSL_CTX_load_verify_locations(ssl, cfg->more_ca_file,
						   NULL);
	}
	return ok == 1 ? 0 : -EINVAL;
}

static int use_ciphers(SSL_CTX *ssl, const struct tls_client_cfg *cfg,
		       const char **out_bad)
{
	*out_bad = cfg->ciphers;
	if (cfg->ciphers != NULL &&
	    SSL_CTX_set_cipher_list(ssl, cfg->ciphers) != 1)
		return -EINVAL;
	*out_bad = cfg->suites;
	if (cfg->suites != NULL &&
	    SSL_CTX_set_ciphersuites(ssl, cfg->suites) != 1)
		return -EINVAL;
	return 0;
}

struct tls_ctx *tls_client_ctx_new(const struct tls_client_cfg *cfg)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	struct tls_ctx *ctx = ctx_new(TLS_client_method(), cfg->tls13_only);
	const char *bad;

	if (cfg->ca_file == NULL && cfg->more_ca_file == NULL) {
		tls_roots_use(ctx->ssl);
		ctx->needs_roots = !cfg->verify_off;
	} else if (use_authorities(ctx->ssl, cfg, &bad) < 0) {
		return ctx_failed(ctx, bad);
	}
	if (cfg->cert_file != NULL &&
	    use_cert(ctx->ssl, cfg->cert_file,
		     cfg->key_file != NULL ? cfg->key_file : cfg->cert_file,
		     &bad) < 0)
		return ctx_failed(ctx, bad);
	if (use_ciphers(ctx->ssl, cfg, &bad) < 0)
		return ctx_failed(ctx, bad);
	SSL_CTX_set_verify(ctx->ssl,
			   cfg->verify_off ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
			   NULL);
	(void)SSL_CTX_set_alpn_protos(ctx->ssl, alpn, sizeof(alpn) - 1);
	(void)SSL_CTX_set_session_cache_mode(
		ctx->ssl,
		SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ctx->ssl, keep_session);
	return ctx;
}

/* HTTP/1.1 is what we speak; a client that offers only others gets none. */
static int select_alpn(SSL *ssl, const unsigned char **out,
		       unsigned char *out_len, const unsigned char *in,
		       unsigned int in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *picked;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&picked, out_len, ours, sizeof(ours) - 1, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = picked;
	return SSL_TLSEXT_ERR_OK;
}

struct tls_ctx *tls_server_ctx_new(const struct tls_server_cfg *cfg)
{
	struct tls_ctx *ctx = ctx_new(TLS_server_method(), cfg->tls13_only);
	const char *ca = cfg->client_ca_file;
	const char *bad;

	if (use_cert(ctx->ssl, cfg->cert_file, cfg->key_file, &bad) < 0)
		return ctx_failed(ctx, bad);
	SSL_CTX_set_alpn_select_cb(ctx->ssl, select_alpn, NULL);
	(void)SSL_CTX_set_session_id_context(ctx->ssl,
					     (const unsigned char *)"quipu", 5);
	if (ca == NULL)
		return ctx;
	if (SSL_CTX_load_verify_locations(ctx->ssl, ca, NULL) != 1)
		return ctx_failed(ctx, ca);
	SSL_CTX_set_client_CA_list(ctx->ssl, SSL_load_client_CA_file(ca));
	SSL_CTX_set_verify(ctx->ssl,
			   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   NULL);
	return ctx;
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx)
{
	(void)__atomic_add_fetch(&ctx->refs, 1, __ATOMIC_RELAXED);
	return ctx;
}

void tls_ctx_unref(struct tls_ctx *ctx)
{
	const struct map_entry *e;
	size_t at = 0;

	if (ctx == NULL ||
	    __atomic_sub_fetch(&ctx->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	while ((e = map_next(&ctx->sessions, &at)) != NULL)
		session_free(e->value);
	map_fini(&ctx->sessions);
	SSL_CTX_free(ctx->ssl);
	(void)pthread_mutex_destroy(&ctx->lock);
	free(ctx);
}

/*
 * What a call that did not succeed means: -EAGAIN with *wants, 0 for the
 * peer's clean end, or an error.
 */
static int failed(struct tls *tls, int ret, uint8_t *wants)
{
	int why = SSL_get_error(tls->ssl, ret);

	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		*wants = why == SSL_ERROR_WANT_READ ? IO_READABLE : IO_WRITABLE;
		return -EAGAIN;
	}
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (tls->error != 0) {
		ERR_clear_error();
		return tls->error;
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) ==
		    SSL_R_UNEXPECTED_EOF_WHILE_READING ||
	    why == SSL_ERROR_SYSCALL) {
		ERR_clear_error();
		return err_new(-ECONNRESET,
			       "TLS: the connection was cut without an end");
	}
	return err_new(-EPROTO, "TLS: " STR_FMT, STR_ARG(reason()));
}

static int try_read(struct io *io, void *ptr, size_t cap, size_t *out_n)
{
	struct tls *tls = io->filter_state;
	int ret;

	*out_n = 0;
	if (tls->ended && tls->end < 0)
		return err_new(tls->end, "TLS: %s", strerrordesc_np(-tls->end));
	if (tls->ended)
		return 0;
	ret = SSL_read_ex(tls->ssl, ptr, cap, out_n);
	if (ret == 1)
		return 0;
	*out_n = 0;
	return failed(tls, ret, &io->read_wants);
}

/* Small pieces in a row become one record; the caller's when it is large. */
static struct str gather(const struct str *pieces, size_t count, size_t skip,
			 char room[RECORD_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < count && len < RECORD_MAX; i++) {
		struct str s = str_drop(pieces[i], skip);

		skip -= pieces[i].len - s.len;
		if (len == 0 && s.len >= RECORD_MAX)
			return str_take(s, RECORD_MAX);
		s = str_take(s, RECORD_MAX - len);
		if (s.len > 0)
			memcpy(room + len, s.ptr, s.len);
		len += s.len;
	}
	return (struct str){ room, len };
}

/*
 * OpenSSL wants a write that had to wait to be repeated with the same bytes;
 * io_write() does that, and after a failed one nothing follows.
 */
static int try_write(struct io *io, const struct str *pieces, size_t count,
		     size_t *out_n)
{
	static _Thread_local char room[RECORD_MAX];
	struct tls *tls = io->filter_state;
	struct str next;
	size_t n;
	int r;

	*out_n = 0;
	for (;;) {
		next = gather(pieces, count, *out_n, room);
		if (next.len == 0)
			return 0;
		r = SSL_write_ex(tls->ssl, next.ptr, next.len, &n);
		if (r != 1) {
			r = failed(tls, r, &io->write_wants);
			if (r == 0)
				return -EPIPE;
			return r == -EAGAIN ? 0 : r;
		}
		*out_n += n;
	}
}

/*
 * Bytes of the stream below may be a part of a record, or a ticket: only
 * OpenSSL can tell, by decrypting what is there.  An end or an error that it
 * meets is kept for the next read.
 */
static bool ready(struct io *io)
{
	struct tls *tls = io->filter_state;
	char byte;
	size_t n;
	int ret;

	if (tls->ended || SSL_pending(tls->ssl) > 0)
		return true;
	if (!(io->ready & IO_READABLE))
		return false;
	ret = SSL_peek_ex(tls->ssl, &byte, 1, &n);
	if (ret == 1)
		return true;
	tls->end = failed(tls, ret, &io->read_wants);
	tls->ended = tls->end != -EAGAIN;
	return tls->ended;
}

static void shut_down(struct io *io)
{
	struct tls *tls = io->filter_state;

	(void)SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

static void close_filter(struct io *io, bool reset)
{
	struct tls *tls = io->filter_state;

	/* Not after a failure: OpenSSL forbids it, and nobody listens. */
	if (!reset && tls->error == 0 && SSL_is_init_finished(tls->ssl))
		shut_down(io);
	/* Otherwise OpenSSL takes the session for spoilt: a cut is not that. */
	SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(tls->ssl);
	tls_ctx_unref(tls->ctx);
	free((void *)(uintptr_t)tls->host.ptr);
	free(tls);
	ERR_clear_error();
}

static const struct io_filter filter = {
	.try_read = try_read,
	.try_write = try_write,
	.ready = ready,
	.shutdown = shut_down,
	.close = close_filter,
};

static struct tls *attach(struct io *io, struct tls_ctx *ctx)
{
	struct tls *tls = xcalloc(1, sizeof(*tls));
	BIO *bio = BIO_new(bio_method);

	assert(io->filter == NULL);
	tls->ssl = SSL_new(ctx->ssl);
	if (bio == NULL || tls->ssl == NULL)
		abort();
	tls->ctx = tls_ctx_ref(ctx);
	tls->io = io;
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	io->filter = &filter;
	io->filter_state = tls;
	return tls;
}

static int handshake_failed(struct tls *tls, int r)
{
	long verify = SSL_get_verify_result(tls->ssl);

	if (verify != X509_V_OK) {
		return err_new(-EPROTO,
			       "TLS: the certificate of " STR_FMT
			       " is not accepted: %s",
			       STR_ARG(tls->host.len > 0 ? tls->host
							 : STR("the client")),
			       X509_verify_cert_error_string(verify));
	}
	return r == 0 ? err_new(-ECONNRESET, "TLS: closed in the handshake")
		      : r;
}

static int handshake(struct task *t, struct tls *tls, int64_t deadline_ns)
{
	uint8_t wants = 0;
	int ret, r;

	for (;;) {
		ret = SSL_do_handshake(tls->ssl);
		if (ret == 1)
			return 0;
		r = failed(tls, ret, &wants);
		if (r != -EAGAIN)
			return handshake_failed(tls, r);
		r = io_raw_wait(t, tls->io, wants, deadline_ns,
				"TLS handshake");
		if (r == -ETIMEDOUT)
			return err_new(r, "TLS: the handshake timed out");
		if (r < 0)
			return r;
	}
}

/* The name is checked against the certificate, and sent unless numeric. */
static void set_host(struct tls *tls, struct str host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
	char *copy = xmalloc(host.len + 1);
	unsigned char ip[16];

	memcpy(copy, host.ptr, host.len);
	copy[host.len] = '\0';
	tls->host = (struct str){ copy, host.len };
	if (inet_pton(AF_INET, copy, ip) == 1 ||
	    inet_pton(AF_INET6, copy, ip) == 1) {
		(void)X509_VERIFY_PARAM_set1_ip_asc(param, copy);
		return;
	}
	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	(void)SSL_set1_host(tls->ssl, copy);
	(void)SSL_set_tlsext_host_name(tls->ssl, copy);
}

int tls_connect(struct task *t, struct io *io, struct tls_ctx *ctx,
		struct str host, int64_t deadline_ns)
{
	struct tls *tls;
	int r;

	if (host.len == 0 || host.len > HOST_MAX)
		return err_new(-EINVAL, "TLS: bad host name");
	if (ctx->needs_roots) {
		r = tls_roots_need(t, deadline_ns);
		if (r < 0)
			return err_up(r);
	}
	tls = attach(io, ctx);
	set_host(tls, host);
	offer_session(tls);
	SSL_set_connect_state(tls->ssl);
	return handshake(t, tls, deadline_ns);
}

int tls_accept(struct task *t, struct io *io, struct tls_ctx *ctx,
	       int64_t deadline_ns)
{
	struct tls *tls = attach(io, ctx);

	SSL_set_accept_state(tls->ssl);
	return handshake(t, tls, deadline_ns);
}

bool tls_is_resumed(const struct io *io)
{
	const struct tls *tls = io->filter_state;

	return io->filter == &filter && SSL_session_reused(tls->ssl) == 1;
}
