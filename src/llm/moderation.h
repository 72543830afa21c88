/*
 * moderation - Moderations requests, checked.
 *
 * The model may be left out: the provider has one of its own.
 */
#ifndef LLM_MODERATION_H
#define LLM_MODERATION_H

#include "llm/request.h"

must_check llm_check moderation_check;

#endif
