/*
 * aws_source - where the key pair comes from that requests are signed with.
 *
 * The first of: keys in the configuration; a role assumed by a web identity; a
 * profile of the shared credentials file; a container's endpoint; the role of
 * the instance, when the configuration asks for it.  All but the first expire,
 * and are had by a grant.
 */
#ifndef PROVIDER_AWS_SOURCE_H
#define PROVIDER_AWS_SOURCE_H

#include "provider/aws_credentials.h"
#include "provider/provider.h"

struct aws_source {
	struct aws_credentials keys; /* configured */
	struct grant grant;          /* type NULL: there is none */
};

/* Rows of a table of settings; region is of the provider. */
#define AWS_SOURCE_SETTINGS                                                       \
	{ .key = "aws_access_key_id",                                             \
	  .secret = true,                                                         \
	  .env = "AWS_ACCESS_KEY_ID",                                             \
	  .help = "key pair to sign with, when there is no api_key" },            \
		{ .key = "aws_secret_access_key",                                 \
		  .secret = true,                                                 \
		  .env = "AWS_SECRET_ACCESS_KEY",                                 \
		  .help = "the key pair's other half" },                          \
		{ .key = "aws_session_token",                                     \
		  .secret = true,                                                 \
		  .env = "AWS_SESSION_TOKEN",                                     \
		  .help = "of temporary credentials" },                           \
		{ .key = "aws_role_arn",                                          \
		  .env = "AWS_ROLE_ARN",                                          \
		  .help = "role to assume with the web identity" },               \
		{ .key = "aws_web_identity_token_file",                           \
		  .kind = SETTING_PATH,                                           \
		  .env = "AWS_WEB_IDENTITY_TOKEN_FILE",                           \
		  .help = "the web identity: a file with a token" },              \
		{ .key = "aws_role_session_name",                                 \
		  .env = "AWS_ROLE_SESSION_NAME",                                 \
		  .def = "quipu",                                                 \
		  .help = "name of the session of the role" },                    \
		{ .key = "session_ttl",                                           \
		  .kind = SETTING_INT,                                            \
		  .def = "3600",                                                  \
		  .min = 900,                                                     \
		  .max = 43200,                                                   \
		  .help = "seconds that a session of the role lasts" },           \
		{ .key = "sts_url",                                               \
		  .env = "AWS_ENDPOINT_URL_STS",                                  \
		  .help = "where the role is assumed; unset: the region's STS" }, \
		{ .key = "profile_name",                                          \
		  .env = "AWS_PROFILE",                                           \
		  .def = "default",                                               \
		  .help = "section of the shared credentials file" },             \
		{ .key = "credentials_file",                                      \
		  .kind = SETTING_PATH,                                           \
		  .env = "AWS_SHARED_CREDENTIALS_FILE",                           \
		  .def = "~/.aws/credentials",                                    \
		  .help = "the shared credentials file, read every minute" },     \
		{ .key = "container_credentials_url",                             \
		  .env = "AWS_CONTAINER_CREDENTIALS_FULL_URI",                    \
		  .help = "credentials of a container: ECS, EKS" },               \
		{ .key = "container_credentials_path",                            \
		  .env = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",                \
		  .help = "the same, at http://169.254.170.2" },                  \
		{ .key = "container_authorization_token",                         \
		  .secret = true,                                                 \
		  .env = "AWS_CONTAINER_AUTHORIZATION_TOKEN",                     \
		  .help = "what the container's endpoint is asked with" },        \
		{ .key = "container_authorization_token_file",                    \
		  .kind = SETTING_PATH,                                           \
		  .env = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",                \
		  .help = "a file with the same" },                               \
		{ .key = "instance_role",                                         \
		  .kind = SETTING_BOOL,                                           \
		  .def = "false",                                                 \
		  .help = "use the role of the EC2 instance" },                   \
	{                                                                         \
		.key = "metadata_url",                                            \
		.env = "AWS_EC2_METADATA_SERVICE_ENDPOINT",                       \
		.def = "http://169.254.169.254",                                  \
		.help = "where the instance's role is asked for"                  \
	}

/*
 * Find the source; nothing is looked for when the provider has a key.  May set
 * p->token_base.  0 or API_FAIL.
 */
must_check int aws_source_init(struct provider *p, struct str region,
			       struct aws_source *out, struct arena *a,
			       struct api_error *e);

/* The keys to sign this request with; false: there are none. */
bool aws_source_keys(const struct aws_source *s,
		     const struct provider_request *req,
		     struct aws_credentials *out);

#endif
