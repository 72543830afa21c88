#include "config/schema.h"

#define IN(member) .offset = offsetof(struct config, member), .stored = true

const struct setting schema_process[] = {
	{ .key = "server.sandbox",
	  .kind = SETTING_ENUM,
	  .def = "auto",
	  .choices = "auto|on|off",
	  .flag = "sandbox",
	  .env = "QUIPU_SANDBOX",
	  .help = "filter system calls: if possible, or do not start, or not",
	  .fixed = true,
	  IN(sandbox) },
	{ .key = "server.core_dumps",
	  .kind = SETTING_BOOL,
	  .def = "false",
	  .flag = "core-dumps",
	  .env = "QUIPU_CORE_DUMPS",
	  .help = "allow core dumps and debuggers: keys are in the memory",
	  .fixed = true,
	  IN(core_dumps) },
	{ 0 },
};
