#include "cli/recordings_impl.h"

const struct word recordings_words[] = {
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
	{ .name = "lint",
	  .arguments = "[--json] DIR...",
	  .summary = "what is wrong with a folder of recordings",
	  .help = "Problems, with which the exit code is 1: files that cannot be\n"
		  "served, edited bodies, names and keys that do not follow from\n"
		  "the request, two recordings of one request with one number,\n"
		  "bodies beside a file that is gone.\n"
		  "Notes: other files, streams that broke, and rules of the\n"
		  "forgiving key that no recording needs.\n"
		  "\n"
		  "  quipu recordings lint recordings\n",
	  .min = 1,
	  .max = SIZE_MAX,
	  .run = recordings_lint },
	{ .name = "scan",
	  .arguments = "[--json] FILE|DIR...",
	  .summary = "are there secrets in recordings?",
	  .help = "Looks for what has the shape of a key, a token or a password\n"
		  "in paths, headers, bodies and the texts that a stream's deltas\n"
		  "make together, and for headers that quipu never keeps. Says\n"
		  "where, never what. The exit code is 5 when something is found:\n"
		  "\n"
		  "  quipu recordings scan recordings || exit 1   (before a commit)\n"
		  "\n"
		  "It is a net, not a proof: read what you commit.\n",
	  .min = 1,
	  .max = SIZE_MAX,
	  .run = recordings_scan },
	{ .name = "redact",
	  .arguments = "[--json] FILE|DIR...",
	  .summary = "overwrite the secrets in recordings",
	  .help = "What scan finds is overwritten with '*', byte for byte, and\n"
		  "headers that are not to be kept are taken out. A file is\n"
		  "replaced as a whole; its sum is made anew. A key that was\n"
		  "committed is known: revoke it all the same.\n",
	  .min = 1,
	  .max = SIZE_MAX,
	  .run = recordings_redact },
	{ .name = "prune",
	  .arguments = "[--delete] [--all] [--json] DIR VERDICT.json...",
	  .summary = "recordings that no run has used",
	  .help = "VERDICT.json is what a session answers when it is finished;\n"
		  "give those of all runs. Recordings that none of them served\n"
		  "are named, and with --delete deleted. Only folders that served\n"
		  "something are looked at; --all looks at all below DIR.\n"
		  "\n"
		  "  quipu recordings prune recordings verdicts/*.json\n"
		  "\n"
		  "The exit code is 2 when some are unused and were not deleted.\n",
	  .min = 2,
	  .max = SIZE_MAX,
	  .options = { { "--delete", false }, { "--all", false } },
	  .run = recordings_prune },
	{ .name = "stats",
	  .arguments = "[--json] DIR...",
	  .summary = "how many, how large, how many tokens",
	  .help = "Counts, events, bytes of answers and of files, and tokens, by\n"
		  "operation and model, and how long the upstreams took.\n",
	  .min = 1,
	  .max = SIZE_MAX,
	  .run = recordings_stats },
	{ .name = "diff",
	  .arguments = "[--json] A B",
	  .summary = "what two recordings say differently",
	  .help = "First what it means: which member of the request differs, what\n"
		  "the answers say in other words, other tool calls, status,\n"
		  "tokens; then both as show prints them, line by line. Ids,\n"
		  "times and how an answer was cut into events do not count.\n"
		  "The exit code is 4 when there is a difference.\n",
	  .min = 2,
	  .max = 2,
	  .run = recordings_diff },
	{ .name = "explain",
	  .arguments = "[--dir DIR] [--session S] [--op OP] [--upstream U]\n"
		       "           [--path P] [--json] REQUEST.json",
	  .summary = "which recording a request would get, and why",
	  .help = "REQUEST.json is the body of a request, or a recording, whose\n"
		  "request is taken. It is looked up as quipu serve does: among\n"
		  "the recordings of DIR (recordings), for a session or test id.\n"
		  "When there is none: the nearest ones, the first difference,\n"
		  "the cause and what to do; the exit code is then 1.\n"
		  "\n"
		  "  quipu recordings explain --session s1 request.json\n"
		  "\n"
		  "What a body does not say is taken from the recordings: all\n"
		  "upstreams and paths are tried that there are, unless U and P\n"
		  "are given. OP is chat.completions, embeddings, ...; it is\n"
		  "guessed from the body.\n",
	  .min = 1,
	  .max = 1,
	  .options = { { "--dir", true },
		       { "--session", true },
		       { "--op", true },
		       { "--upstream", true },
		       { "--path", true } },
	  .run = recordings_explain },
	{ .name = "convert",
	  .arguments = "[--to exact|ogx] [--out DIR] [--session S]\n"
		       "           [--upstream U] [--base-url URL] [--json] "
		       "FILE|DIR...",
	  .summary = "from one format to another; VCR's and HAR's, too",
	  .help = "Reads recordings in either format, cassettes of vcrpy, VCR and\n"
		  "go-vcr, and HAR; writes them below DIR (recordings) in the\n"
		  "exact format or in OGX's. Secrets are redacted on the way.\n"
		  "\n"
		  "  quipu recordings convert tests/cassettes/*.yaml\n"
		  "  quipu recordings convert --to ogx --session T recordings/s1\n"
		  "\n"
		  "S is the session (or test id) they are for; without it that\n"
		  "of the recording, or the cassette's name. U is the upstream's\n"
		  "name in quipu; of a cassette it is guessed from the host\n"
		  "(api.openai.com is openai). URL is what OGX's provider was\n"
		  "given: its path enters OGX's keys. What cannot be converted is\n"
		  "told, and the exit code is then 1.\n",
	  .min = 1,
	  .max = SIZE_MAX,
	  .options = { { "--to", true },
		       { "--out", true },
		       { "--session", true },
		       { "--upstream", true },
		       { "--base-url", true } },
	  .run = recordings_convert },
	{ .name = "merge-driver",
	  .arguments = "BASE OURS THEIRS [NAME]",
	  .summary = "for git: merge recordings",
	  .help = "Of two versions the one that was recorded last is taken. What\n"
		  "was edited by hand on either side is a conflict, with exit\n"
		  "code 1.\n"
		  "\n"
		  "  git config merge.quipu.driver \\\n"
		  "      'quipu recordings merge-driver %O %A %B %P'\n"
		  "  echo 'recordings/** diff=quipu merge=quipu' "
		  ">> .gitattributes\n",
	  .min = 3,
	  .max = 4,
	  .run = recordings_merge_driver },
	{ .name = NULL },
};
