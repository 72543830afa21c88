/*
 * genai - what OpenTelemetry's conventions call operations and providers.
 *
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/
 */
#ifndef TELEMETRY_GENAI_H
#define TELEMETRY_GENAI_H

#include "llm/request.h"

/* gen_ai.operation.name: "chat", "text_completion", "embeddings", ... */
struct str genai_operation(enum llm_op op);

/*
 * gen_ai.provider.name of a kind of provider: "openai" of "remote::openai",
 * "azure.ai.openai" of "remote::azure", ...; of others what follows the "::".
 */
struct str genai_provider(struct str type);

#endif
