#include "cli/doctor_impl.h"

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SQLITE STR("sqlite:")

enum {
	CONFIG_FILE_MAX = 1 << 20,
	KEY_MIN = 8, /* shorter ones stand in any file */
	CHAIN_MAX = 16,
	SOON_DAYS = 14,
	STORE_READ_MS = 5000,
};

#define CLOSE_NS (5 * CLOCK_S)

struct search {
	struct str text;
	bool found;
};

static void look_for(void *arg, struct str secret)
{
	struct search *s = arg;

	if (secret.len >= KEY_MIN && str_find(s->text, secret) < s->text.len)
		s->found = true;
}

static bool has_keys(const struct doctor *d, const char *path)
{
	char *text = xmalloc(CONFIG_FILE_MAX);
	FILE *file = fopen(path, "re");
	struct search s = { .found = false };

	if (file != NULL) {
		s.text = (struct str){ text,
				       fread(text, 1, CONFIG_FILE_MAX, file) };
		(void)fclose(file);
		config_secrets(d->config, look_for, &s);
	}
	explicit_bzero(text, CONFIG_FILE_MAX);
	free(text);
	return s.found;
}

/* Neither its group's nor the others'. */
static bool is_private(const char *path, mode_t bits)
{
	struct stat st;

	return stat(path, &st) < 0 || (st.st_mode & bits) == 0;
}

static void check_config_file(struct doctor *d)
{
	const char *path = arena_cz(&d->arena, d->config->values[0].value);

	if (path[0] == '\0' || is_private(path, 0007) || !has_keys(d, path))
		return;
	doctor_note(d, DOCTOR_BAD, "files",
		    "chmod o= the file, or put the keys into files of their "
		    "own (docs/credentials.md)",
		    "%s has keys in it, and everybody may read it", path);
}

static void check_key_file(struct doctor *d)
{
	const char *path = arena_cz(&d->arena, d->config->tls_key);

	if (is_private(path, 0007)) {
		doctor_note(d, DOCTOR_OK, "files", NULL,
			    "%s is for its owner and group", path);
	} else {
		doctor_note(d, DOCTOR_BAD, "files", "chmod o= the file",
			    "%s is a private key, and everybody may use it",
			    path);
	}
}

/* Of the leaf: days that it is still good for. */
static void check_dates(struct doctor *d, const X509 *leaf)
{
	int days = 0, seconds = 0;
	enum doctor_level level = DOCTOR_OK;

	if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0) {
		doctor_note(d, DOCTOR_BAD, "certificate",
			    "set the clock, or wait", "it is not valid yet");
		return;
	}
	(void)ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(leaf));
	if (days < 0 || seconds < 0) {
		doctor_note(d, DOCTOR_BAD, "certificate",
			    "renew it, then SIGHUP", "it expired %d days ago",
			    -days);
		return;
	}
	if (days < SOON_DAYS)
		level = DOCTOR_WARN;
	doctor_note(d, level, "certificate", "renew it, then SIGHUP",
		    "good for %d days", days);
}

static size_t read_chain(const char *path, X509 *out[CHAIN_MAX])
{
	FILE *file = fopen(path, "re");
	size_t n = 0;

	if (file == NULL)
		return 0;
	while (n < CHAIN_MAX &&
	       (out[n] = PEM_read_X509(file, NULL, NULL, NULL)) != NULL)
		n++;
	(void)fclose(file);
	return n;
}

/* That its key fits was seen when the configuration was checked. */
static void check_certificate(struct doctor *d)
{
	const char *path = arena_cz(&d->arena, d->config->tls_cert);
	X509 *chain[CHAIN_MAX];
	size_t n = read_chain(path, chain);
	bool linked = true;

	if (n > 0)
		check_dates(d, chain[0]);
	for (size_t i = 0; i + 1 < n; i++)
		linked = linked &&
			 X509_check_issued(chain[i + 1], chain[i]) == X509_V_OK;
	if (!linked) {
		doctor_note(d, DOCTOR_BAD, "certificate",
			    "put them in this order: the server's, who "
			    "signed it, who signed that",
			    "%s is not a chain", path);
	} else if (n == 1 &&
		   X509_check_issued(chain[0], chain[0]) != X509_V_OK) {
		doctor_note(d, DOCTOR_WARN, "certificate",
			    "append the intermediate certificates, if there "
			    "are any",
			    "%s has no certificate of who signed it", path);
	}
	for (size_t i = 0; i < n; i++)
		X509_free(chain[i]);
}

static void check_recordings(struct doctor *d)
{
	const char *path = arena_cz(&d->arena, d->config->record_dir);
	bool reads = str_eq(d->config->record_mode, STR("replay"));
	int need = R_OK | X_OK | (reads ? 0 : W_OK);

	if (str_eq(d->config->record_mode, STR("off")) || path[0] == '\0')
		return;
	if (access(path, need) == 0) {
		doctor_note(d, DOCTOR_OK, "recordings", NULL, "%s", path);
	} else if (errno != ENOENT || reads) {
		doctor_note(d, DOCTOR_BAD, "recordings",
			    "make it, or let the server's user have it "
			    "(chown), or name another with --recordings",
			    "%s: %s", path, strerrordesc_np(errno));
	}
}

/* The nearest folder that is there must take the others. */
static void check_place(struct doctor *d, const char *path)
{
	char *at = arena_cz(&d->arena, str_of(path));
	char *slash;

	do {
		slash = strrchr(at, '/');
		if (slash == NULL)
			at[0] = '\0';
		else
			slash[slash == at ? 1 : 0] = '\0';
	} while (slash != NULL && strcmp(at, "/") != 0 &&
		 access(at, F_OK) != 0);
	if (access(at[0] != '\0' ? at : ".", W_OK | X_OK) == 0) {
		doctor_note(d, DOCTOR_OK, "store", NULL, "%s will be made",
			    path);
		return;
	}
	doctor_note(d, DOCTOR_BAD, "store",
		    "let the server's user write there (chown), or name "
		    "another with --store",
		    "%s cannot be made: %s", path, strerrordesc_np(errno));
}

static void check_sqlite(struct doctor *d, const char *path)
{
	sqlite3 *db = NULL;
	int r;

	if (access(path, F_OK) != 0) {
		check_place(d, path);
		return;
	}
	if (access(path, R_OK | W_OK) != 0) {
		doctor_note(d, DOCTOR_BAD, "store",
			    "let the server's user have it (chown)", "%s: %s",
			    path, strerrordesc_np(errno));
		return;
	}
	r = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL,
				 NULL, NULL);
	doctor_note(d, r == SQLITE_OK ? DOCTOR_OK : DOCTOR_BAD, "store",
		    "quipu store check says more; else move it away", "%s: %s",
		    path, r == SQLITE_OK ? "opens" : sqlite3_errstr(r));
	(void)sqlite3_close(db);
	if (!is_private(path, 0007)) {
		doctor_note(d, DOCTOR_WARN, "files", "chmod o= the file",
			    "%s has what was said in it, and everybody may "
			    "read it",
			    path);
	}
}

static void check_postgres(struct doctor *d)
{
	struct store *store;
	int r;

	if (d->offline)
		return;
	r = store_open(&(struct store_cfg){ .uri = d->config->store_uri,
					    .read_ms = STORE_READ_MS },
		       &store);
	if (r < 0) {
		doctor_note(d, DOCTOR_BAD, "store",
			    "psql with the same address tells whether it is "
			    "the network, the password or the rights",
			    STR_FMT, STR_ARG(err_text()));
		return;
	}
	(void)store_close(store, clock_monotonic() + CLOSE_NS);
	doctor_note(d, DOCTOR_OK, "store", NULL, "PostgreSQL answers");
}

static void check_store(struct doctor *d)
{
	struct str uri = d->config->store_uri;

	if (str_starts(uri, SQLITE)) {
		check_sqlite(d, arena_cz(&d->arena, str_drop(uri, SQLITE.len)));
	} else if (str_starts(uri, STR("postgres"))) {
		check_postgres(d);
	} else if (!str_eq(uri, STR("none"))) {
		doctor_note(d, DOCTOR_WARN, "store",
			    "set HOME, XDG_STATE_HOME or store.uri",
			    "there is no place for one: nothing is kept");
	}
}

void doctor_files(struct doctor *d)
{
	check_config_file(d);
	if (d->config->tls_cert.len > 0) {
		check_key_file(d);
		check_certificate(d);
	}
	check_recordings(d);
	check_store(d);
}
