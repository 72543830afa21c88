/*
 * secret - which parts of which values nobody may see.
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include "config/config.h"

#define SECRET_MASK STR("********")

/* The password of "scheme://user:password@host", the user alone, or "". */
struct str secret_password(struct str url);

#endif
