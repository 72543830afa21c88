/*
 * completion - text Completions requests, checked before an upstream is asked.
 *
 * As for chat, what OpenAI accepts is never refused and unknown members pass.
 * logprobs may be OpenAI's number or the boolean of OGX and of older servers.
 */
#ifndef LLM_COMPLETION_H
#define LLM_COMPLETION_H

#include "llm/request.h"

must_check llm_check completion_check;

#endif
