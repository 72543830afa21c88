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

#endif
