/* What is configured of the Responses API: rows are in schema_responses.c. */
#ifndef CONFIG_RESPONSES_H
#define CONFIG_RESPONSES_H

#include "base/str.h"

struct config_responses {
	int64_t background_runs;   /* at once */
	int64_t background_queue;  /* how many wait */
	int64_t compact_threshold; /* tokens; 0: never */
	struct str compact_prompt; /* "": the usual one */
	struct str compact_prefix; /* the same */
};

#endif
