#include "net/session.h"

#include <stdarg.h>
#include <stdio.h>

int session_fault(struct http_fault *fault, int status, const char *fmt, ...)
{
	va_list args;

	fault->status = status;
	va_start(args, fmt);
	(void)vsnprintf(fault->text, sizeof(fault->text), fmt, args);
	va_end(args);
	return HTTP_BAD;
}
