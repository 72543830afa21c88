#include "tests/unit/net/upstream.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

/*
 * Certificates are made for the run: none that is stored grows too old.  One
 * file holds the certificate and its key.
 */
static void make_cert(const char *path, const char *alt_names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	FILE *file = fopen(path, "w");
	X509_EXTENSION *ext;

	assert_non_null(file);
	assert_int_equal(X509_set_version(cert, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
	assert_int_equal(
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					   (const unsigned char *)"quipu test",
					   -1, -1, 0),
		1);
	assert_int_equal(X509_set_issuer_name(cert, name), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt_names);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(file, cert), 1);
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL,
					      NULL),
			 1);
	(void)fclose(file);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static struct {
	char good[64], other[64];
	struct tls_ctx *server, *client;
} certs;

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(certs.good, sizeof(certs.good), "/tmp/quipu-good-%d.pem",
		       (int)getpid());
	(void)snprintf(certs.other, sizeof(certs.other),
		       "/tmp/quipu-other-%d.pem", (int)getpid());
	make_cert(certs.good, "DNS:localhost,IP:127.0.0.1");
	make_cert(certs.other, "DNS:localhost");
	certs.server = tls_server_ctx_new(&(struct tls_server_cfg){
		.cert_file = certs.good,
		.key_file = certs.good,
	});
	certs.client = tls_client_ctx_new(
		&(struct tls_client_cfg){ .ca_file = certs.good });
	return certs.server == NULL || certs.client == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	tls_ctx_unref(certs.server);
	tls_ctx_unref(certs.client);
	(void)unlink(certs.good);
	(void)unlink(certs.other);
	return 0;
}

static void use_tls(struct world *w)
{
	w->origin.tls = true;
	w->origin.tls_ctx = certs.client;
}

static int fetch(struct task *t, struct world *w,
		 const struct client_request *req, enum client_stage *stage,
		 struct buf *got)
{
	struct client_response *res;
	int r = client_send(t, w->client, req, &res, stage);

	if (r != 0)
		return r;
	r = client_read_all(t, res, got->max, got);
	client_done(res);
	return r;
}

static void get_body(struct task *t, struct world *w, struct str want)
{
	struct client_request req = get(w);
	enum client_stage stage;
	struct buf got;

	req.timeouts.deadline_ns = soon(t, 3000);
	buf_init(&got, 4 << 20);
	world_check_int(w, fetch(t, w, &req, &stage, &got), 0);
	world_check_str(w, buf_str(&got), want);
	buf_fini(&got);
}

static void play_three(struct task *t, struct world *w)
{
	use_tls(w);
	for (size_t i = 0; i < 3; i++)
		get_body(t, w, STR("ok"));
	world_check_int(w, client_stats(w->client).connects, 1);
	world_check_int(w, client_stats(w->client).reuses, 2);
	world_check_int(w, client_stats(w->client).stale_retries, 0);
	world_check_int(w, client_stats(w->client).idle, 1);
}

static void encrypted_connections_are_pooled(void **state)
{
	static const struct step script[] = {
		DO(TLS),           ASKED, ANSWER(OK_LENGTH), ASKED,
		ANSWER(OK_LENGTH), ASKED, ANSWER(OK_LENGTH), DO(STEP_END),
	};

	(void)state;
	for (size_t step = 0; step < 3; step++) {
		struct world w = {
			.scripts = { script },
			.step = step,
			.cfg = plain_cfg,
			.run = play_three,
			.tls = certs.server,
		};

		world_run(&w, "three requests on one connection");
	}
}

/* Records do not end where reads do: nothing may be left unseen in TLS. */
static void play_records(struct task *t, struct world *w)
{
	use_tls(w);
	get_body(t, w, *(const struct str *)w->arg);
}

static void records_of_every_size_are_read(void **state)
{
	static const size_t steps[] = { 0, 1000, 16384, 30001 };
	static const size_t bufs[] = { 64 * 1024, 1000, 16384 };
	static char text[200 * 1000];
	struct str body = { text, sizeof(text) };

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < countof(steps) * countof(bufs); i++) {
		struct step script[] = {
			DO(TLS),
			ASKED,
			ANSWER("HTTP/1.1 200 x\r\ncontent-length: 200000"
			       "\r\n\r\n"),
			{ SEND, body },
			DO(STEP_END),
		};
		struct world w = {
			.scripts = { script },
			.step = steps[i / countof(bufs)],
			.cfg = plain_cfg,
			.run = play_records,
			.arg = &body,
			.tls = certs.server,
		};

		w.cfg.body_buf_size = bufs[i % countof(bufs)];
		world_run(&w, "a body of many records");
	}
}

static void play_upload(struct task *t, struct world *w)
{
	static char text[300 * 1000];
	struct str pieces[3] = { { text, sizeof(text) },
				 { text, 100 },
				 STR("END") };
	struct client_request req = get(w);
	enum client_stage stage;
	struct buf got;

	use_tls(w);
	memset(text, 'x', sizeof(text));
	req.method = STR("POST");
	req.pieces = pieces;
	req.piece_count = 3;
	req.timeouts.deadline_ns = soon(t, 3000);
	buf_init(&got, 100);
	world_check_int(w, fetch(t, w, &req, &stage, &got), 0);
	buf_fini(&got);
	world_check_int(w, client_stats(w->client).idle, 1);
}

static void large_bodies_are_sent_encrypted(void **state)
{
	static const struct step script[] = {
		DO(TLS),           DO(SLEEP),    { EAT, STR_INIT("xEND") },
		ANSWER(OK_LENGTH), DO(STEP_END),
	};
	struct world w = {
		.scripts = { script },
		.cfg = plain_cfg,
		.run = play_upload,
		.tls = certs.server,
	};

	(void)state;
	world_run(&w, "a large body");
}

static void play_stale(struct task *t, struct world *w)
{
	use_tls(w);
	get_body(t, w, STR("ok"));
	world_check_int(w, task_sleep(t, soon(t, 50)), 0);
	get_body(t, w, STR("ok"));
	world_check_int(w, client_stats(w->client).connects, 2);
	world_check(w, w->resumed >= 1);
}

static void stale_encrypted_connections_are_replaced(void **state)
{
	static const struct step closes[] = { DO(TLS), ASKED, ANSWER(OK_LENGTH),
					      DO(CLOSE) };
	static const struct step serves[] = { DO(TLS), ASKED, ANSWER(OK_LENGTH),
					      DO(STEP_END) };
	static const struct step dies[] = { DO(TLS), ASKED, ANSWER(OK_LENGTH),
					    ASKED, DO(CLOSE) };
	struct world w = {
		.scripts = { closes, serves },
		.cfg = plain_cfg,
		.run = play_stale,
		.tls = certs.server,
	};

	(void)state;
	world_run(&w, "closed while idle");
	w = (struct world){
		.scripts = { dies, serves },
		.cfg = plain_cfg,
		.run = play_stale,
		.tls = certs.server,
	};
	world_run(&w, "closed on the second request");
}

/* names, proxies, errors */

static void play_tunnel(struct task *t, struct world *w)
{
	use_tls(w);
	w->origin.host = STR("localhost");
	w->origin.port = 443;
	w->origin.proxy.host = STR("127.0.0.1");
	w->origin.proxy.port = w->port;
	get_body(t, w, STR("ok"));
	get_body(t, w, STR("ok"));
	world_check_int(w, client_stats(w->client).connects, 1);
}

static void tunnels_carry_tls(void **state)
{
	static const struct step script[] = {
		{ EXPECT, STR_INIT("CONNECT localhost:443 HTTP/1.1\r\n"
				   "host: localhost:443\r\n\r\n") },
		ANSWER("HTTP/1.1 200 Connection established\r\n\r\n"),
		DO(TLS),
		ASKED,
		ANSWER(OK_LENGTH),
		ASKED,
		ANSWER(OK_LENGTH),
		DO(STEP_END),
	};
	struct world w = {
		.scripts = { script },
		.cfg = plain_cfg,
		.run = play_tunnel,
		.tls = certs.server,
	};

	(void)state;
	world_run(&w, "a tunnel");
}

struct refusal {
	const char *name;
	const char *ca; /* of the client; NULL: the system's */
	const char *cert;
	bool plain; /* the upstream does not speak TLS */
	int want;
};

static void play_refusal(struct task *t, struct world *w)
{
	const struct refusal *f = w->arg;
	struct tls_ctx *ctx = tls_client_ctx_new(
		&(struct tls_client_cfg){ .ca_file = f->ca });
	enum client_stage stage = CLIENT_DNS;
	struct client_request req = get(w);
	struct buf got;

	w->origin.tls = true;
	w->origin.tls_ctx = ctx;
	req.timeouts.connect_ns = 5 * CLOCK_S;
	buf_init(&got, 100);
	world_check_int(w, fetch(t, w, &req, &stage, &got), f->want);
	world_check_int(w, stage, CLIENT_TLS);
	world_check(w,
		    str_starts(err_text(), STR("start TLS with 127.0.0.1:")));
	buf_fini(&got);
	tls_ctx_unref(ctx);
}

static void flawed_peers_are_refused(void **state)
{
	const struct refusal rows[] = {
		{ "an unknown authority", NULL, certs.good, false, -EPROTO },
		{ "a certificate of another name", certs.other, certs.other,
		  false, -EPROTO },
		{ "not TLS", certs.good, certs.good, true, -EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct step tls[] = { DO(TLS), DO(STEP_END) };
		struct step plain[] = { ANSWER("220 hello\r\n"), DO(STEP_END) };
		struct world w = {
			.scripts = { rows[i].plain ? plain : tls },
			.cfg = plain_cfg,
			.run = play_refusal,
			.arg = &rows[i],
		};

		w.tls = tls_server_ctx_new(&(struct tls_server_cfg){
			.cert_file = rows[i].cert,
			.key_file = rows[i].cert,
		});
		world_run(&w, rows[i].name);
		tls_ctx_unref(w.tls);
	}
}

static void play_stuck(struct task *t, struct world *w)
{
	struct client_request req = get(w);
	enum client_stage stage = CLIENT_DNS;
	struct buf got;

	use_tls(w);
	req.timeouts.connect_ns = 20 * CLOCK_MS;
	buf_init(&got, 100);
	world_check_int(w, fetch(t, w, &req, &stage, &got), -ETIMEDOUT);
	world_check_int(w, stage, CLIENT_TLS);
	buf_fini(&got);
}

static void handshakes_have_a_timeout(void **state)
{
	static const struct step silent[] = { DO(SLEEP), DO(SLEEP), DO(CLOSE) };
	struct world w = {
		.scripts = { silent },
		.cfg = plain_cfg,
		.run = play_stuck,
	};

	(void)state;
	world_run(&w, "a silent handshake");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encrypted_connections_are_pooled),
		cmocka_unit_test(records_of_every_size_are_read),
		cmocka_unit_test(large_bodies_are_sent_encrypted),
		cmocka_unit_test(stale_encrypted_connections_are_replaced),
		cmocka_unit_test(tunnels_carry_tls),
		cmocka_unit_test(flawed_peers_are_refused),
		cmocka_unit_test(handshakes_have_a_timeout),
	};

	return cmocka_run_group_tests_name("client tls", tests, set_up,
					   tear_down);
}
