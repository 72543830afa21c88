/*
 * include - what a client wants to see of an item that is left out otherwise.
 *
 *	unsigned wanted = include_of(STR("message.output_text.logprobs"));
 *
 *	include_write(w, &doc, item, wanted);
 *
 * The words of OpenAI's parameter "include".  Read from the store, an item has
 * null in the place of what nobody asked for: large things that few need
 * (ogx-responses A.22).
 */
#ifndef RESPONSES_INCLUDE_H
#define RESPONSES_INCLUDE_H

#include "json/json.h"
#include "json/writer.h"

enum include {
	INCLUDE_SEARCH_SOURCES = 1,
	INCLUDE_CODE_OUTPUTS = 2,
	INCLUDE_COMPUTER_IMAGE = 4,
	INCLUDE_FILE_RESULTS = 8,
	INCLUDE_INPUT_IMAGE = 16,
	INCLUDE_LOGPROBS = 32,
	INCLUDE_REASONING = 64,
};

/* All words, as a sentence lists them. */
#define INCLUDE_WORDS                          \
	"'message.output_text.logprobs', "     \
	"'message.input_image.image_url', "    \
	"'reasoning.encrypted_content', "      \
	"'file_search_call.results', "         \
	"'web_search_call.action.sources', "   \
	"'code_interpreter_call.outputs' and " \
	"'computer_call_output.output.image_url'"

/* What a word stands for; 0 for one that is none. */
unsigned include_of(struct str word);

/*
 * An item as a value: of a file search the results, of a message the URLs of
 * pictures and the logprobs, and of reasoning its content are null when they are
 * not wanted.
 */
void include_write(struct json_writer *w, const struct json *doc, uint32_t item,
		   unsigned wanted);

#endif
