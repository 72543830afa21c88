#include "cli/store.h"

#include "cli/store_impl.h"

#define PLACE                    \
	{ "--store", true },     \
	{                        \
		"--config", true \
	}

#define FILTERS                                                        \
	{ "--model", true }, { "--since", true }, { "--until", true }, \
		{ "--metadata", true },                                \
	{                                                              \
		"--owner", true                                        \
	}

static const struct word list[] = {
	{ .name = "info",
	  .arguments = "[--store URI] [--json]",
	  .summary = "how many rows, how large, how old",
	  .help = "The store is the one that quipu serve would use: of --store,\n"
		  "QUIPU_STORE, the file of --config, or the default place.\n"
		  "\n"
		  "  quipu store info\n"
		  "  quipu store info --store sqlite:/var/lib/quipu/quipu.db\n"
		  "\n"
		  "bytes are those of what is kept; \"on disk\" is what the\n"
		  "database takes for it, with its log.\n",
	  .options = { PLACE },
	  .run = store_cmd_info },
	{ .name = "check",
	  .arguments = "[--store URI] [--json]",
	  .summary = "is anything damaged?",
	  .help = "The database's own check, the counts, sequences, blobs and\n"
		  "their sums, and the JSON of each row. Reads everything once;\n"
		  "a server may run beside it. What is wrong is told line by\n"
		  "line, and the exit code is then 1.\n",
	  .options = { PLACE },
	  .run = store_cmd_check },
	{ .name = "vacuum",
	  .arguments = "[--store URI] [--json]",
	  .summary = "give the room of deleted rows back to the disk",
	  .help = "Room that deleted rows leave is used again by new ones, so\n"
		  "this is only needed when many were deleted for good. A server\n"
		  "may run beside it: what it has to write waits meanwhile, and\n"
		  "SQLite needs as much room again as the rows take.\n",
	  .options = { PLACE },
	  .run = store_cmd_vacuum },
	{ .name = "export",
	  .arguments =
		  "[FILTER...] [FILE]\n"
		  "       quipu store export --as-recordings [FILTER...] DIR",
	  .summary = "rows as JSON lines, or as recordings",
	  .help = "One completion on each line, in the order they were written,\n"
		  "then responses, conversations and prompts with all that is\n"
		  "below them, to FILE or standard output. All is in it, byte\n"
		  "for byte, but work that is under way; import reads it.\n"
		  "\n"
		  "  quipu store export --since 2026-11-01 november.jsonl\n"
		  "  quipu store export --metadata team=red | jq .choices\n"
		  "\n"
		  "Filters, of which all must match:\n"
		  "  --model M         the model that was asked for; completions\n"
		  "  --since T         created at T or later\n"
		  "  --until T         created before T\n"
		  "  --metadata K=V    may be given again; completions\n"
		  "  --owner O         only this owner's; \"\" are those of nobody\n"
		  "T is 2026-11-01, 2026-11-01T08:00:00Z or seconds since 1970.\n"
		  "\n"
		  "--as-recordings writes files below DIR that quipu serve\n"
		  "--record replay answers from, as for a test:\n"
		  "\n"
		  "  quipu store export --as-recordings --metadata t=7 recordings\n"
		  "\n"
		  "They are approximate: how an answer was cut into events, and\n"
		  "when these came, is not kept. A stream is played as chunks\n"
		  "that are made anew from the answer. Rows that ended badly, and\n"
		  "those whose request was not kept whole, are left out and told.\n",
	  .max = 1,
	  .options = { PLACE, FILTERS, { "--as-recordings", false } },
	  .run = store_cmd_export },
	{ .name = "import",
	  .arguments = "[--store URI] [--json] [FILE]",
	  .summary = "rows from what export wrote",
	  .help = "Reads lines from FILE or standard input. A row whose owner\n"
		  "and id are there takes the older one's place, so that doing\n"
		  "it twice is doing it once. A line that is not right ends it,\n"
		  "with its number; the rows before it are then in the store.\n"
		  "\n"
		  "  quipu store export --store sqlite:a.db |\n"
		  "      quipu store import --store postgres:///quipu\n",
	  .max = 1,
	  .options = { PLACE },
	  .run = store_cmd_import },
	{ .name = NULL },
};

int cli_store(int argc, char **argv)
{
	static const struct words words = {
		.command = "store",
		.list = list,
		.notes = "Exit codes: 0 fine; 1 something is wrong;\n"
			 "64 the command is not right.\n",
	};

	return words_run(&words, argc, argv);
}
