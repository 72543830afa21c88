#include "provider/aws_source.h"

#include "base/err.h"
#include "provider/grants.h"
#include "provider/types.h"

static int use_web_identity(struct provider *p, struct str region,
			    struct aws_source *out, struct arena *a,
			    struct api_error *e)
{
	struct str url = provider_setting(p, "sts_url");

	if (url.len == 0) {
		url = arena_printf(a, "https://sts." STR_FMT ".amazonaws.com",
				   STR_ARG(region));
	}
	out->grant = (struct grant){
		.type = &grant_aws_web,
		.args = { provider_setting(p, "aws_web_identity_token_file"),
			  provider_setting(p, "aws_role_arn"),
			  provider_setting(p, "aws_role_session_name"),
			  provider_setting(p, "session_ttl") },
	};
	return provider_set_token_base(p, "sts_url", url, a, e);
}

/* The grant reads it again; this is so that a mistake is told at the start. */
static int use_file(const struct provider *p, struct aws_source *out,
		    struct arena *a, struct api_error *e)
{
	struct str file = provider_setting(p, "credentials_file");
	struct str profile = provider_setting(p, "profile_name");
	struct aws_credentials keys;
	int r = AWS_CREDENTIALS_NONE;

	if (file.len > 0)
		r = aws_credentials_load(file, profile, a, &keys);
	if (r < 0)
		return provider_fail(p, a, e, STR_FMT, STR_ARG(err_text()));
	if (r == 0) {
		out->grant = (struct grant){ .type = &grant_aws_file,
					     .args = { file, profile } };
	} else if (!str_eq(profile, STR("default")) && profile.len > 0) {
		return provider_fail(p, a, e,
				     "no profile '" STR_FMT "' in " STR_FMT,
				     STR_ARG(profile), STR_ARG(file));
	}
	return 0;
}

static int use_container(struct provider *p, struct aws_source *out,
			 struct arena *a, struct api_error *e)
{
	struct str path = provider_setting(p, "container_credentials_path");
	struct str url = provider_setting(p, "container_credentials_url");
	struct str target;
	int r;

	if (path.len > 0) {
		url = arena_printf(a, "http://169.254.170.2" STR_FMT,
				   STR_ARG(path));
	}
	r = provider_set_token_base(p, "container_credentials_url", url, a, e);
	if (r != 0)
		return r;
	target = p->token_base.path.len > 0 ? p->token_base.path : STR("/");
	if (p->token_base.query.len > 0) {
		target = arena_printf(a, STR_FMT "?" STR_FMT, STR_ARG(target),
				      STR_ARG(p->token_base.query));
	}
	p->token_direct = true;
	out->grant = (struct grant){
		.type = &grant_aws_container,
		.args = { target,
			  provider_setting(p, "container_authorization_token"),
			  provider_setting(
				  p, "container_authorization_token_file") },
	};
	return 0;
}

static int use_instance(struct provider *p, struct aws_source *out,
			struct arena *a, struct api_error *e)
{
	out->grant.type = &grant_aws_instance;
	p->token_direct = true;
	return provider_set_token_base(p, "metadata_url",
				       provider_setting(p, "metadata_url"), a,
				       e);
}

static bool is_set(const struct provider *p, const char *key)
{
	return provider_setting(p, key).len > 0;
}

/* Sources that the configuration or the environment names. */
static int find_other(struct provider *p, struct aws_source *out,
		      struct arena *a, struct api_error *e)
{
	if (is_set(p, "container_credentials_path") ||
	    is_set(p, "container_credentials_url"))
		return use_container(p, out, a, e);
	if (str_eq(provider_setting(p, "instance_role"), STR("true")))
		return use_instance(p, out, a, e);
	if (is_set(p, "aws_role_arn") ||
	    is_set(p, "aws_web_identity_token_file")) {
		return provider_fail(p, a, e,
				     "a role is assumed with a web identity: "
				     "set aws_role_arn and "
				     "aws_web_identity_token_file; or give "
				     "quipu the role's temporary keys");
	}
	return 0;
}

int aws_source_init(struct provider *p, struct str region,
		    struct aws_source *out, struct arena *a,
		    struct api_error *e)
{
	int r;

	out->keys = (struct aws_credentials){
		provider_setting(p, "aws_access_key_id"),
		provider_setting(p, "aws_secret_access_key"),
		provider_setting(p, "aws_session_token"),
	};
	if (p->key.len > 0 ||
	    (out->keys.access_key.len > 0 && out->keys.secret_key.len > 0))
		return 0;
	if (out->keys.access_key.len > 0 || out->keys.secret_key.len > 0) {
		return provider_fail(p, a, e,
				     "aws_access_key_id and "
				     "aws_secret_access_key go together");
	}
	if (is_set(p, "aws_role_arn") &&
	    is_set(p, "aws_web_identity_token_file"))
		return use_web_identity(p, region, out, a, e);
	r = use_file(p, out, a, e);
	return r == 0 && out->grant.type == NULL ? find_other(p, out, a, e) : r;
}

bool aws_source_keys(const struct aws_source *s,
		     const struct provider_request *req,
		     struct aws_credentials *out)
{
	*out = s->keys;
	if (req->token != NULL) {
		*out = (struct aws_credentials){ req->token->values[0],
						 req->token->values[1],
						 req->token->values[2] };
	}
	return out->access_key.len > 0 && out->secret_key.len > 0;
}
