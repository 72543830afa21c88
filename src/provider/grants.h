/*
 * grants - the exchanges there are, and what each is asked with.
 */
#ifndef PROVIDER_GRANTS_H
#define PROVIDER_GRANTS_H

#include "provider/grant.h"

/* IBM Cloud IAM: API key -> bearer token.  args: key, target. */
extern const struct grant_type grant_ibm;

/*
 * AWS: all give access key, secret key and session token.
 *
 * A profile of the shared credentials file.  args: path, profile.
 * AssumeRoleWithWebIdentity.  args: token file, role, session name, seconds.
 * An endpoint of a container (ECS, EKS).  args: target, token, token file.
 * The role of an instance (EC2, IMDSv2).  args: none.
 */
extern const struct grant_type grant_aws_file;
extern const struct grant_type grant_aws_web;
extern const struct grant_type grant_aws_container;
extern const struct grant_type grant_aws_instance;

/*
 * A profile of OCI's configuration file: key id, private key, pass phrase.
 * args: path, profile, home directory.
 */
extern const struct grant_type grant_oci;

/*
 * OAuth 2.0 client credentials (RFC 6749 section 4.4).  args: target, client id,
 * secret, scope; Entra: a file with an assertion (RFC 7523) instead of the
 * secret.  Databricks wants id and secret as Basic, Entra in the form.
 */
extern const struct grant_type grant_oauth_entra;
extern const struct grant_type grant_oauth_databricks;

/*
 * Google: the file of application default credentials, of a service account
 * (RFC 7523) or a user; values[1] is the project that pays, or "".  args: path,
 * target, address of the token service.
 * The metadata server of a machine.  args: none.
 */
extern const struct grant_type grant_google_file;
extern const struct grant_type grant_google_metadata;

#endif
