#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>

void say(struct buf *messages, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n < 0)
		return;
	if (buf_add(messages, str_take((struct str){ text, (size_t)n },
				       sizeof(text) - 1)) < 0)
		return;
}
