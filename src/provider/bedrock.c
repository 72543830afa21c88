#include "provider/openai.h"

#include "base/err.h"
#include "provider/aws_source.h"
#include "provider/raw.h"
#include "provider/sigv4.h"
#include "provider/types.h"

/*
 * Bedrock's OpenAI-compatible endpoint.  A bearer token (an API key of Bedrock)
 * goes first; without one the request is signed with an AWS key pair.
 */
struct bedrock {
	struct str region;
	struct str service;
	struct aws_source source;
};

static const struct setting settings[] = {
	TYPES_BASE_URL(NULL, "AWS_BEDROCK_BASE_URL"),
	TYPES_KEY("api_key", "AWS_BEARER_TOKEN_BEDROCK"),
	{ .key = "region_name",
	  .env = "AWS_REGION|AWS_DEFAULT_REGION",
	  .def = "us-east-2",
	  .help = "AWS region" },
	AWS_SOURCE_SETTINGS,
	{ .key = "signing_service",
	  .def = "bedrock",
	  .help = "service name in the signature" },
	TYPES_UNUSED("total_max_attempts"),
	TYPES_UNUSED("retry_mode"),
	TYPES_UNUSED("connect_timeout"),
	TYPES_UNUSED("read_timeout"),
	{ 0 },
};

static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	struct bedrock *b = arena_zalloc(a, sizeof(*b));
	int r;

	b->region = provider_setting(p, "region_name");
	b->service = provider_setting(p, "signing_service");
	if (b->region.len == 0)
		b->region = STR("us-east-2");
	if (b->service.len == 0)
		b->service = STR("bedrock");
	if (provider_setting(p, "base_url").len == 0 &&
	    provider_setting(p, "url").len == 0) {
		struct str url = arena_printf(a,
					      "https://bedrock-runtime." STR_FMT
					      ".amazonaws.com/openai/v1",
					      STR_ARG(b->region));

		r = provider_set_base(p, url, a, e);
		if (r != 0)
			return r;
	}
	p->state = b;
	return aws_source_init(p, b->region, &b->source, a, e);
}

static bool grant(const struct provider *p, const struct provider_request *req,
		  struct grant *out)
{
	const struct bedrock *b = p->state;

	*out = b->source.grant;
	return out->type != NULL && req->key.len == 0;
}

static int no_credentials(const struct provider *p, struct arena *a,
			  struct api_error *e)
{
	(void)api_fail(e, a, 400, NULL, NULL,
		       "Provider '" STR_FMT
		       "' has no AWS credentials. Set AWS_BEARER_TOKEN_BEDROCK "
		       "(a Bedrock API key), or AWS_ACCESS_KEY_ID and "
		       "AWS_SECRET_ACCESS_KEY, or a profile in "
		       "~/.aws/credentials where quipu runs, or send the "
		       "header x-ogx-provider-data: "
		       "{\"aws_bearer_token_bedrock\": \"<API_KEY>\"}.",
		       STR_ARG(p->id));
	e->code = STR("missing_api_key");
	return API_FAIL;
}

/*
 * AWS wants Content-Type and all of its own fields to be signed.  Returns how
 * many there are, with the host.
 */
static size_t raw_signed(const struct provider_raw *raw,
			 struct sigv4_header headers[SIGV4_HEADERS_MAX])
{
	size_t n = 1;

	for (size_t i = 0; i < raw->header_count; i++) {
		const struct http_header *h = &raw->headers[i];
		struct str start = str_take(h->name, strlen("x-amz-"));

		if (n < SIGV4_HEADERS_MAX &&
		    (h->id == HTTP_CONTENT_TYPE ||
		     str_eq_nocase(start, STR("x-amz-"))))
			headers[n++] =
				(struct sigv4_header){ h->name, h->value };
	}
	return n;
}

static int sign(const struct provider *p, const struct provider_request *req,
		struct arena *a, struct provider_call *out, struct api_error *e)
{
	const struct bedrock *b = p->state;
	struct aws_credentials keys;
	bool has_keys = aws_source_keys(&b->source, req, &keys);
	struct sigv4 signer = {
		.access_key = keys.access_key,
		.secret_key = keys.secret_key,
		.token = keys.token,
		.region = b->region,
		.service = b->service,
		.wall_ns = req->wall_ns,
	};
	/* Only what no proxy on the way may change. */
	struct sigv4_header headers[SIGV4_HEADERS_MAX] = {
		{ STR("host"), provider_host(p, a) },
		{ STR("content-type"), STR("application/json") },
	};
	struct sigv4_request signed_part = {
		.method = out->method,
		.headers = headers,
		.header_count = 2,
		.pieces = out->pieces,
		.piece_count = out->piece_count,
	};
	struct sigv4_result result;

	if (!has_keys)
		return no_credentials(p, a, e);
	if (req->op == LLM_RAW)
		signed_part.header_count = raw_signed(req->raw, headers);
	(void)str_cut(out->target, '?', &signed_part.path, &signed_part.query);
	if (sigv4_sign(&signer, &signed_part, a, &result) < 0) {
		return api_fail(e, a, 500, NULL, NULL,
				"Provider '" STR_FMT "': " STR_FMT,
				STR_ARG(p->id), STR_ARG(err_text()));
	}
	provider_call_header(out, STR("x-amz-date"), result.date);
	if (keys.token.len > 0) {
		provider_call_header(out, STR("x-amz-security-token"),
				     keys.token);
	}
	provider_call_header(out, STR("authorization"), result.authorization);
	return 0;
}

static int encode(const struct provider *p, const struct provider_request *req,
		  struct arena *a, struct provider_call *out,
		  struct api_error *e)
{
	int r;

	openai_start(p, req, a, out);
	r = openai_body(p, req, a, out, e);
	if (r != 0)
		return r;
	if (req->key.len > 0 || p->key.len > 0)
		return openai_bearer(p, req, a, out, e);
	return sign(p, req, a, out, e);
}

/* What AWS says of a refused key rarely says what to do. */
static void map_error(const struct provider *p, int status, struct str body,
		      struct arena *a, struct api_error *out)
{
	const struct bedrock *b = p->state;
	const char *hint;

	openai_map_error(p, status, body, a, out);
	if (status != 401 && status != 403)
		return;
	out->type = str_of(api_error_type(status));
	if (p->key.len > 0) {
		hint = "check that AWS_BEARER_TOKEN_BEDROCK has not expired";
	} else {
		hint = "check the AWS key pair, that a session token has not "
		       "expired, that this machine's clock is right, and that "
		       "the account may call bedrock:InvokeModel";
	}
	out->message = arena_printf(a,
				    "AWS refused the request of provider "
				    "'" STR_FMT "' in " STR_FMT ": " STR_FMT
				    " (%s; the model must be enabled in that "
				    "region)",
				    STR_ARG(p->id), STR_ARG(b->region),
				    STR_ARG(out->message), hint);
}

/* The endpoint has no list of models: they are asked for by name. */
const struct provider_type bedrock_type = {
	.name = "remote::bedrock",
	.id = "bedrock",
	.caps = PROVIDER_CHAT | PROVIDER_SIGNS_BODY,
	.base_url = "https://bedrock-runtime.us-east-2.amazonaws.com/openai/v1",
	.base_url_env = "AWS_BEDROCK_BASE_URL",
	.key_env = "AWS_BEARER_TOKEN_BEDROCK|AWS_ACCESS_KEY_ID|"
		   "AWS_WEB_IDENTITY_TOKEN_FILE",
	.key_field = "aws_bearer_token_bedrock",
	.settings = settings,
	.setup = setup,
	.grant = grant,
	.encode = encode,
	.map_error = map_error,
};
