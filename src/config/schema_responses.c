#include "config/schema.h"

#include "base/clock.h"

#define IN(member) .offset = offsetof(struct config, member), .stored = true

const struct setting schema_responses[] = {
	{ .key = "responses.background_runs",
	  .kind = SETTING_INT,
	  .def = "16",
	  .min = 1,
	  .max = 10000,
	  .flag = "background-runs",
	  .env = "QUIPU_BACKGROUND_RUNS",
	  .help = "background responses that are made at once",
	  .fixed = true,
	  IN(background_runs) },
	{ .key = "responses.background_queue",
	  .kind = SETTING_INT,
	  .def = "20000",
	  .min = 1,
	  .max = 1000000,
	  .flag = "background-queue",
	  .env = "QUIPU_BACKGROUND_QUEUE",
	  .help = "background responses that may wait; beyond: 429",
	  .fixed = true,
	  IN(background_queue) },
	{ 0 },
};
