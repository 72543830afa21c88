#include "provider/types.h"

/* In the order in which they are listed and asked. */
const struct provider_type *const provider_types[] = {
	&openai_type,
	&azure_type,
	&bedrock_type,
	&anthropic_type,
	&gemini_type,
	&compat_ollama,
	&vllm_type,
	&compat_tgi,
	&compat_llama_cpp,
	&compat_together,
	&compat_fireworks,
	&compat_groq,
	&compat_cerebras,
	&compat_sambanova,
	&nvidia_type,
	&databricks_type,
	&watsonx_type,
	&vertexai_type,
	&oci_type,
	&compat_deepseek,
	&compat_mistral,
	&compat_openrouter,
	&compat_xai,
	&compat_runpod,
	&compat_llama_api,
	&passthrough_type,
	&openai_compatible,
	&echo_type,
	NULL,
};

const struct provider_type *provider_type_find(struct str name)
{
	for (size_t i = 0; provider_types[i] != NULL; i++) {
		if (str_eq(str_of(provider_types[i]->name), name))
			return provider_types[i];
	}
	return NULL;
}

const struct config_provider_type *provider_config_types(struct arena *a)
{
	struct config_provider_type *types;
	size_t count = 0;

	while (provider_types[count] != NULL)
		count++;
	types = arena_zalloc(a, (count + 1) * sizeof(*types));
	for (size_t i = 0; i < count; i++) {
		types[i] = (struct config_provider_type){
			.name = provider_types[i]->name,
			.settings = provider_types[i]->settings,
		};
	}
	return types;
}
