#include "base/clock.h"
#include "base/err.h"
#include "provider/grants.h"
#include "provider/openai.h"
#include "provider/rsa.h"
#include "provider/types.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <time.h>

/*
 * Oracle's Generative AI.  Each request is signed with the key of a profile of
 * OCI's configuration file, after the draft "Signing HTTP Messages" (version 8
 * of draft-cavage-http-signatures) as Oracle uses it:
 * docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm
 */
struct oci {
	struct grant grant;
	struct str compartment;
};

static const struct setting settings[] = {
	TYPES_BASE_URL(NULL, "OCI_BASE_URL"),
	{ .key = "oci_auth_type",
	  .env = "OCI_AUTH_TYPE",
	  .def = "config_file",
	  .help = "config_file; instance_principal is not supported" },
	{ .key = "oci_region",
	  .env = "OCI_REGION",
	  .def = "us-ashburn-1",
	  .help = "OCI region" },
	{ .key = "oci_compartment_id",
	  .env = "OCI_COMPARTMENT_OCID",
	  .help = "the compartment that calls are for" },
	{ .key = "oci_config_file_path",
	  .kind = SETTING_PATH,
	  .env = "OCI_CONFIG_FILE_PATH|OCI_CLI_CONFIG_FILE",
	  .def = "~/.oci/config",
	  .help = "OCI's configuration file, read every minute" },
	{ .key = "oci_config_profile",
	  .env = "OCI_CLI_PROFILE",
	  .def = "DEFAULT",
	  .help = "section of it" },
	{ 0 },
};

static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	struct oci *o = arena_zalloc(a, sizeof(*o));
	struct str region = provider_setting(p, "oci_region");

	p->state = o;
	o->compartment = provider_setting(p, "oci_compartment_id");
	if (o->compartment.len == 0) {
		return provider_fail(p, a, e,
				     "oci_compartment_id is needed (or "
				     "OCI_COMPARTMENT_OCID)");
	}
	if (!str_eq(provider_setting(p, "oci_auth_type"), STR("config_file"))) {
		return provider_fail(
			p, a, e,
			"oci_auth_type '" STR_FMT
			"' is not supported: config_file signs "
			"with a key of OCI's configuration file",
			STR_ARG(provider_setting(p, "oci_auth_type")));
	}
	o->grant = (struct grant){
		.type = &grant_oci,
		.args = { provider_setting(p, "oci_config_file_path"),
			  provider_setting(p, "oci_config_profile"),
			  str_of(getenv("HOME")) },
	};
	if (provider_setting(p, "base_url").len > 0 ||
	    provider_setting(p, "url").len > 0)
		return 0;
	return provider_set_base(
		p,
		arena_printf(a,
			     "https://inference.generativeai." STR_FMT
			     ".oci.oraclecloud.com/20231130/actions/v1",
			     STR_ARG(region)),
		a, e);
}

static bool grant(const struct provider *p, const struct provider_request *req,
		  struct grant *out)
{
	const struct oci *o = p->state;

	(void)req;
	*out = o->grant;
	return true;
}

/* "Thu, 05 Jan 2014 21:31:40 GMT" (RFC 9110 section 5.6.7), in any locale. */
static struct str date_of(int64_t wall_ns, struct arena *a)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed",
					"Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr",
					  "May", "Jun", "Jul", "Aug",
					  "Sep", "Oct", "Nov", "Dec" };
	time_t s = (time_t)(wall_ns / CLOCK_S);
	struct tm tm;

	(void)gmtime_r(&s, &tm);
	return arena_printf(a, "%s, %02d %s %d %02d:%02d:%02d GMT",
			    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
			    tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
			    tm.tm_sec);
}

/* SHA-256 of the body, in base64. */
static struct str digest_of(const struct provider_call *c, struct arena *a)
{
	unsigned char hash[32];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);

	for (size_t i = 0; i < c->piece_count; i++) {
		ok = ok &&
		     EVP_DigestUpdate(ctx, c->pieces[i].ptr, c->pieces[i].len);
	}
	ok = ok && EVP_DigestFinal_ex(ctx, hash, NULL);
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return STR_NULL;
	return rsa_base64((struct str){ (char *)hash, sizeof(hash) }, a);
}

/* Oracle wants of a POST that its body is signed as well. */
static int sign(const struct provider *p, const struct provider_request *req,
		struct arena *a, struct provider_call *out, struct api_error *e)
{
	const struct str *values = req->token->values;
	struct str date = date_of(req->wall_ns, a);
	struct str digest = digest_of(out, a), signature;
	struct str text = arena_printf(
		a,
		"date: " STR_FMT "\n(request-target): post " STR_FMT
		"\nhost: " STR_FMT "\ncontent-length: %llu\n"
		"content-type: application/json\nx-content-sha256: " STR_FMT,
		STR_ARG(date), STR_ARG(out->target),
		STR_ARG(provider_host(p, a)), (unsigned long long)out->body_len,
		STR_ARG(digest));

	if (rsa_sign(values[1], values[2], text, a, &signature) != 0) {
		return api_fail(e, a, 500, NULL, NULL,
				"Provider '" STR_FMT "': " STR_FMT,
				STR_ARG(p->id), STR_ARG(err_text()));
	}
	provider_call_header(out, STR("date"), date);
	provider_call_header(out, STR("x-content-sha256"), digest);
	provider_call_header(
		out, STR("authorization"),
		arena_printf(a,
			     "Signature version=\"1\",headers=\"date "
			     "(request-target) host content-length "
			     "content-type x-content-sha256\",keyId=\"" STR_FMT
			     "\",algorithm=\"rsa-sha256\",signature=\"" STR_FMT
			     "\"",
			     STR_ARG(values[0]),
			     STR_ARG(rsa_base64(signature, a))));
	return 0;
}

static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	const struct oci *o = p->state;
	int r;

	if (req->op == LLM_RAW || req->token == NULL) {
		return api_fail(e, a, 501, NULL, NULL,
				"Provider '" STR_FMT
				"' signs whole requests only: it passes none "
				"on as they are.",
				STR_ARG(p->id));
	}
	openai_start(p, req, a, out);
	provider_call_header(out, STR("CompartmentId"), o->compartment);
	r = openai_body(p, req, a, out, e);
	return r != 0 ? r : sign(p, req, a, out, e);
}

/* Models are listed by another service, at another host. */
const struct provider_type oci_type = {
	.name = "remote::oci",
	.id = "oci",
	.caps = PROVIDER_CHAT | PROVIDER_EMBEDDINGS | PROVIDER_SIGNS_BODY,
	.base_url = "https://inference.generativeai.us-ashburn-1.oci."
		    "oraclecloud.com/20231130/actions/v1",
	.base_url_env = "OCI_BASE_URL",
	.key_env = "OCI_COMPARTMENT_OCID",
	.settings = settings,
	.setup = setup,
	.grant = grant,
	.encode = encode,
};
