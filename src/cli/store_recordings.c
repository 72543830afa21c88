#include "cli/store_impl.h"

int store_cmd_recordings(const struct word_cmd *c, struct store_opened *s,
			 const struct store_query *q)
{
	(void)c;
	(void)s;
	(void)q;
	return words_fail(STORE_EXIT_BAD, "not yet");
}
