/*
 * say - lines for the operator, gathered while starting.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include "base/buf.h"

/* Append text as printf() would; what the buffer cannot take is left out. */
void say(struct buf *messages, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
