#include "cli/recordings_impl.h"

const struct recordings_word recordings_words[] = {
	{ .name = "ls",
	  .arguments = "[--json] DIR...",
	  .summary = "a line for each recording",
	  .help = "Operation, model, status, events, bytes and file of each\n"
		  "recording below DIR, in either format. Files that cannot be\n"
		  "served are told with the reason, and the exit code is 1.\n"
		  "With --json: an object on each line.\n",
	  .min = 1,
	  .max = SIZE_MAX,
	  .run = recordings_ls },
	{ .name = "show",
	  .arguments = "[--json] FILE...",
	  .summary = "what was asked and answered, as a person reads it",
	  .help = "Roles, texts, tool calls and tokens; the deltas of a stream\n"
		  "are put together, choice by choice. The bar shows when the\n"
		  "events came: dots are the wait for the first one.\n"
		  "\n"
		  "  quipu recordings show recordings/s1/01-*.json\n"
		  "  quipu recordings show --json FILE | jq -r .answers[0].text\n"
		  "\n"
		  "A folder in place of a FILE shows all of it.\n",
	  .min = 1,
	  .max = SIZE_MAX,
	  .run = recordings_show },
	{ .name = "verify-keys",
	  .arguments = "[--json] DIR...",
	  .summary = "do the names of OGX's recordings follow?",
	  .help = "Computes the name of each recording in OGX's format anew,\n"
		  "and says of each that does not follow why: named by older\n"
		  "rules, without its test id, or edited later. The exit code\n"
		  "is then 1.\n",
	  .min = 1,
	  .max = SIZE_MAX,
	  .run = recordings_verify_keys },
	{ .name = "textconv",
	  .arguments = "FILE",
	  .summary = "for git: show diffs of what recordings say",
	  .help = "Prints a recording without what changes each time it is\n"
		  "recorded, so that git diff shows what was said:\n"
		  "\n"
		  "  git config diff.quipu.textconv 'quipu recordings textconv'\n"
		  "  echo 'recordings/** diff=quipu merge=quipu' "
		  ">> .gitattributes\n"
		  "\n"
		  "What is no recording is printed as it is.\n",
	  .min = 1,
	  .max = 1,
	  .run = recordings_textconv },
	{ .name = NULL },
};
