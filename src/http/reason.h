/*
 * reason - what the statuses are called (RFC 9110 section 15).
 */
#ifndef HTTP_REASON_H
#define HTTP_REASON_H

#include "base/str.h"

/* "OK"; "Unknown" for a status that has no phrase here. */
struct str http_reason(int status);

#endif
