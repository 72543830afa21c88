/*
 * message - the messages of a chat request, checked and read.
 */
#ifndef LLM_MESSAGE_H
#define LLM_MESSAGE_H

#include "llm/field.h"

/*
 * Check the array of messages: known roles, content of the right shape, what
 * each role needs.  Content parts of any type pass, as do unknown members.
 * Returns 0, or API_FAIL with the path of the first fault as param.
 */
must_check int message_check(const struct field_checker *c, uint32_t messages);

/*
 * The text of one message in a: its content, or its text parts with a newline
 * between.
 */
struct str message_text(const struct json *doc, uint32_t message,
			struct arena *a);

#endif
