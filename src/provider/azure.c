#include "provider/address.h"
#include "provider/grants.h"
#include "provider/openai.h"
#include "provider/raw.h"
#include "provider/types.h"

/*
 * Azure OpenAI has two surfaces.  v1, the default, is OpenAI's own API under
 * /openai/v1, where "model" names the deployment.  The dated one, chosen by an
 * api_version such as 2024-10-21, has the deployment in the path.
 *
 * Keys: v1 takes a key as Bearer, as OpenAI's clients send it; the dated surface
 * wants it as api-key, and there Bearer means a token of Entra ID.
 */
struct azure {
	struct url given; /* the address as it was written */
	bool is_dated;
	struct str auth;     /* a choice of the setting */
	struct str query;    /* "?api-version=...", or "" */
	struct str resource; /* the dated surface's path up to deployments */
};

static const struct setting settings[] = {
	TYPES_BASE_URL(NULL, "AZURE_API_BASE|AZURE_OPENAI_ENDPOINT"),
	{ .key = "api_base", .help = "another name of base_url" },
	TYPES_KEY("api_key", "AZURE_API_KEY|AZURE_OPENAI_API_KEY"),
	{ .key = "api_version",
	  .env = "AZURE_API_VERSION|OPENAI_API_VERSION",
	  .help = "a date chooses the surface before v1; \"preview\" or "
		  "\"latest\" is sent to v1" },
	TYPES_UNUSED("api_type"),
	{ .key = "auth",
	  .kind = SETTING_ENUM,
	  .def = "auto",
	  .choices = "auto|bearer|api-key",
	  .help = "how the key is sent; auto: Bearer to v1 and for tokens, "
		  "else api-key" },
	ADDRESS_SETTING,
	{ .key = "tenant_id",
	  .env = "AZURE_TENANT_ID",
	  .help = "of Entra ID, for tokens instead of a key" },
	{ .key = "client_id",
	  .env = "AZURE_CLIENT_ID",
	  .help = "the application in that tenant" },
	{ .key = "client_secret",
	  .secret = true,
	  .env = "AZURE_CLIENT_SECRET",
	  .help = "its secret" },
	{ .key = "federated_token_file",
	  .kind = SETTING_PATH,
	  .env = "AZURE_FEDERATED_TOKEN_FILE",
	  .help = "a file with an identity of the workload, instead" },
	{ .key = "authority_url",
	  .env = "AZURE_AUTHORITY_HOST",
	  .def = "https://login.microsoftonline.com",
	  .help = "where Entra ID is asked for tokens" },
	{ .key = "token_scope",
	  .def = "https://cognitiveservices.azure.com/.default",
	  .help = "what tokens are for" },
	{ 0 },
};

static bool is_date(struct str version)
{
	return version.len >= 10 && version.ptr[4] == '-' &&
	       version.ptr[7] == '-' && version.ptr[0] >= '0' &&
	       version.ptr[0] <= '9';
}

/* A JSON Web Token: Entra ID's, not a key. */
static bool is_token(struct str key)
{
	return str_starts(key, STR("eyJ")) && str_find(key, STR(".")) < key.len;
}

/*
 * Portals show all of: the resource alone, with /openai, with /openai/v1, and
 * the whole URL of a deployment's call.
 */
static void read_path(struct provider *p, struct azure *az, struct str version,
		      struct arena *a)
{
	struct str path = p->base.path;
	size_t deployments = str_find(path, STR("/deployments"));
	bool names_v1 = str_ends(path, STR("/v1"));

	path = str_take(path, deployments);
	az->is_dated = is_date(version) && !names_v1;
	if (names_v1)
		return;
	if (!str_ends(path, STR("/openai")))
		path = arena_printf(a, STR_FMT "/openai", STR_ARG(path));
	az->resource = path;
	p->base.path = arena_printf(a, STR_FMT "/v1", STR_ARG(path));
}

/* What follows from p->base and the version, which "" leaves to the base. */
static int read_address(struct provider *p, struct str version, struct arena *a,
			struct api_error *e)
{
	struct azure *az = arena_zalloc(a, sizeof(*az));
	int r;

	az->given = p->base;
	if (version.len == 0 && p->base.query.len > 0) {
		r = url_query_get(p->base.query, STR("api-version"), a,
				  &version);
		if (r < 0) {
			return provider_fail(p, a, e,
					     "base_url has a bad api-version");
		}
	}
	read_path(p, az, version, a);
	if (version.len > 0 && !str_eq(version, STR("v1")) &&
	    (az->is_dated || !is_date(version))) {
		version = url_encode(version, false, a);
		az->query = arena_printf(a, "?api-version=" STR_FMT,
					 STR_ARG(version));
	}
	az->auth = provider_setting(p, "auth");
	p->base.query = STR_NULL;
	p->state = az;
	return 0;
}

/* Without a key, and with all that Entra ID wants. */
static int find_tokens(struct provider *p, struct arena *a, struct api_error *e)
{
	struct str tenant = provider_setting(p, "tenant_id");
	bool has_proof = provider_setting(p, "client_secret").len > 0 ||
			 provider_setting(p, "federated_token_file").len > 0;
	int r;

	if (p->key.len > 0 || tenant.len == 0 || !has_proof ||
	    provider_setting(p, "client_id").len == 0)
		return 0;
	r = provider_set_token_base(p, "authority_url",
				    provider_setting(p, "authority_url"), a, e);
	if (r != 0)
		return r;
	while (str_ends(p->token_base.path, STR("/")))
		p->token_base.path.len--;
	p->token_base.path =
		arena_printf(a, STR_FMT "/" STR_FMT "/oauth2/v2.0/token",
			     STR_ARG(p->token_base.path),
			     STR_ARG(url_encode(tenant, false, a)));
	return 0;
}

static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	struct str base = provider_setting(p, "api_base");
	int r;

	if (p->base.host.len == 0 && base.len > 0) {
		r = provider_set_base(p, base, a, e);
		if (r != 0)
			return r;
	}
	if (p->base.host.len == 0)
		return 0;
	r = read_address(p, provider_setting(p, "api_version"), a, e);
	return r != 0 ? r : find_tokens(p, a, e);
}

static bool grant(const struct provider *p, const struct provider_request *req,
		  struct grant *out)
{
	if (p->token_base.host.len == 0 || req->key.len > 0)
		return false;
	*out = (struct grant){
		.type = &grant_oauth_entra,
		.args = { p->token_base.path, provider_setting(p, "client_id"),
			  provider_setting(p, "client_secret"),
			  provider_setting(p, "token_scope"),
			  provider_setting(p, "federated_token_file") },
	};
	return true;
}

/* A client's own resource, or its own version of the API. */
static int readdress(const struct provider *p,
		     const struct provider_request *req, struct arena *a,
		     struct address *out, struct api_error *e)
{
	const struct azure *az = p->state;
	struct provider *own;
	struct str version;
	int r = provider_data_field(req->data, STR("azure_api_version"), a,
				    &version, e);

	if (r != 0 || (version.len == 0 && !out->is_own))
		return r;
	own = arena_zalloc(a, sizeof(*own));
	*own = *out->provider;
	if (!out->is_own)
		own->base = az->given;
	if (version.len == 0)
		version = provider_setting(p, "api_version");
	out->provider = own;
	r = read_address(own, version, a, e);
	if (r != 0) {
		e->status = 400;
		e->type = STR("invalid_request_error");
	}
	return r;
}

static struct str dated_target(const struct azure *az,
			       const struct provider_request *req,
			       struct arena *a)
{
	struct str path = openai_path(req->op), model;

	if (req->op == LLM_MODELS) {
		return arena_printf(a, STR_FMT STR_FMT, STR_ARG(az->resource),
				    STR_ARG(path));
	}
	model = url_encode(req->model, false, a);
	return arena_printf(a, STR_FMT "/deployments/" STR_FMT STR_FMT,
			    STR_ARG(az->resource), STR_ARG(model),
			    STR_ARG(path));
}

static int add_key(const struct provider *p, const struct provider_request *req,
		   struct arena *a, struct provider_call *out,
		   struct api_error *e)
{
	const struct azure *az = p->state;
	struct str key = provider_key(p, req);
	bool as_api_key = str_eq(az->auth, STR("api-key"));

	if (key.len == 0)
		return openai_no_key(p, a, e);
	if (!as_api_key && !str_eq(az->auth, STR("bearer")))
		as_api_key = az->is_dated && !is_token(key);
	/* A token of Entra ID is never a key. */
	as_api_key = as_api_key && req->token == NULL;
	if (!as_api_key)
		return openai_bearer(p, req, a, out, e);
	provider_call_header(out, STR("api-key"), key);
	return 0;
}

/* The configured api-version, unless the client names one. */
static struct str raw_query(const struct azure *az,
			    const struct provider_raw *raw, struct arena *a)
{
	struct str own;

	if (url_query_get(raw->query, STR("api-version"), a, &own) == 1)
		return STR_NULL;
	return str_drop(az->query, 1);
}

static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	const struct azure *az = p->state;
	int r;

	if (req->op == LLM_RAW) {
		raw_start(req->raw, az->is_dated ? az->resource : p->base.path,
			  raw_query(az, req->raw, a), a, out);
		return add_key(p, req, a, out, e);
	}
	openai_start(p, req, a, out);
	if (az->is_dated)
		out->target = dated_target(az, req, a);
	if (az->query.len > 0) {
		out->target =
			arena_printf(a, STR_FMT STR_FMT, STR_ARG(out->target),
				     STR_ARG(az->query));
	}
	r = add_key(p, req, a, out, e);
	if (r == 0)
		r = openai_body(p, req, a, out, e);
	return r;
}

static void map_error(const struct provider *p, int status, struct str body,
		      struct arena *a, struct api_error *out)
{
	openai_map_error(p, status, body, a, out);
	if (str_eq(out->code, STR("DeploymentNotFound"))) {
		out->message = arena_printf(
			a,
			STR_FMT " (The model must be the name of a deployment "
				"of the Azure resource '" STR_FMT "'.)",
			STR_ARG(out->message), STR_ARG(p->base.host));
	}
}

const struct provider_type azure_type = {
	.name = "remote::azure",
	.id = "azure",
	.caps = PROVIDER_CHAT | PROVIDER_COMPLETIONS | PROVIDER_EMBEDDINGS |
		PROVIDER_LISTS_MODELS,
	.base_url_env = "AZURE_API_BASE|AZURE_OPENAI_ENDPOINT",
	.key_env = "AZURE_API_KEY|AZURE_OPENAI_API_KEY|AZURE_CLIENT_ID",
	.key_field = "azure_api_key",
	.address_field = "azure_api_base",
	.settings = settings,
	.setup = setup,
	.grant = grant,
	.readdress = readdress,
	.encode = encode,
	.map_error = map_error,
};
