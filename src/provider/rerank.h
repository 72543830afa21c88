/*
 * rerank - the forms in which upstreams take a rerank request.
 *
 * Texts only: an image is refused with its path.
 */
#ifndef PROVIDER_RERANK_H
#define PROVIDER_RERANK_H

#include "provider/provider.h"

/*
 * {"model","query","documents","top_n"}: vLLM, llama.cpp and others, after
 * Cohere.  0 or API_FAIL.
 */
must_check int rerank_body(const struct provider_request *req, struct arena *a,
			   struct provider_call *out, struct api_error *e);

/* {"model","query":{"text"},"passages":[{"text"}]}: NVIDIA.  0 or API_FAIL. */
must_check int rerank_nvidia_body(const struct provider_request *req,
				  struct arena *a, struct provider_call *out,
				  struct api_error *e);

#endif
