/*
 * rerank - which of several items answer a query best: OGX's endpoint.
 */
#ifndef LLM_RERANK_H
#define LLM_RERANK_H

#include "llm/answer.h"

/*
 * model; query and items as strings, text parts or image parts;
 * max_num_results from 1 on.
 */
must_check llm_check rerank_check;

/*
 * {"data":[{"index","relevance_score"}]}, the best first and no more than asked
 * for.  Understands what is in use: a list results, data or rankings of objects
 * with index and relevance_score, score or logit.  A score keeps its digits.
 */
must_check int rerank_answer(struct llm_answer *a);

#endif
