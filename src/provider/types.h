/*
 * types - every kind of provider, by the file that defines it.
 */
#ifndef PROVIDER_TYPES_H
#define PROVIDER_TYPES_H

#include "provider/provider.h"

extern const struct provider_type openai_type;
extern const struct provider_type openai_compatible;
extern const struct provider_type passthrough_type;
extern const struct provider_type azure_type;
extern const struct provider_type bedrock_type;
extern const struct provider_type anthropic_type;
extern const struct provider_type gemini_type;
extern const struct provider_type databricks_type;
extern const struct provider_type vllm_type;
extern const struct provider_type vertexai_type;
extern const struct provider_type oci_type;
extern const struct provider_type nvidia_type;
extern const struct provider_type watsonx_type;
extern const struct provider_type echo_type;

/* Kinds that are OpenAI's but for their name, address and key. */
extern const struct provider_type compat_ollama;
extern const struct provider_type compat_tgi;
extern const struct provider_type compat_llama_cpp;
extern const struct provider_type compat_together;
extern const struct provider_type compat_fireworks;
extern const struct provider_type compat_groq;
extern const struct provider_type compat_cerebras;
extern const struct provider_type compat_sambanova;
extern const struct provider_type compat_deepseek;
extern const struct provider_type compat_mistral;
extern const struct provider_type compat_openrouter;
extern const struct provider_type compat_xai;
extern const struct provider_type compat_runpod;
extern const struct provider_type compat_llama_api;

/* For setup functions: read the URL into p->base.  0 or API_FAIL. */
must_check int provider_set_base(struct provider *p, struct str url,
				 struct arena *a, struct api_error *e);

/* For setup functions: the same for p->token_base, called key in messages. */
must_check int provider_set_token_base(struct provider *p, const char *key,
				       struct str url, struct arena *a,
				       struct api_error *e);

/* For setup functions: report what the operator must mend; API_FAIL. */
int provider_fail(const struct provider *p, struct arena *a,
		  struct api_error *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Rows that most tables of settings begin with. */
#define TYPES_BASE_URL(default_url, variables)                             \
	{ .key = "base_url",                                               \
	  .def = (default_url),                                            \
	  .env = (variables),                                              \
	  .help = "where the API is, with its version: https://host/v1" }, \
	{                                                                  \
		.key = "url", .help = "older name of base_url"             \
	}
#define TYPES_KEY(name, variables)                                 \
	{                                                          \
		.key = (name), .secret = true, .env = (variables), \
		.help = "the secret key of the account"            \
	}

/* Rows of the kinds with PROVIDER_WANTS_IMAGES. */
#define TYPES_IMAGES                                                        \
	{ .key = "download_images",                                         \
	  .kind = SETTING_BOOL,                                             \
	  .def = "true",                                                    \
	  .help = "fetch http(s) images of a chat and send them as data" }, \
		{ .key = "image_bytes_max",                                 \
		  .kind = SETTING_SIZE,                                     \
		  .def = "20MB",                                            \
		  .min = 1024,                                              \
		  .max = 64 << 20,                                          \
		  .help = "of one such image" },                            \
		{ .key = "image_timeout",                                   \
		  .kind = SETTING_DURATION,                                 \
		  .def = "10s",                                             \
		  .min = 1000000,                                           \
		  .max = INT64_C(300000000000),                             \
		  .help = "for all images of a request" },                  \
	{                                                                   \
		.key = "image_hosts", .kind = SETTING_LIST,                 \
		.help = "hosts that images may come from although their "   \
			"addresses are not public; \"*\" for all"           \
	}

/* A key of OGX's run configurations that means nothing here. */
#define TYPES_UNUSED(name)                                        \
	{                                                         \
		.key = (name),                                    \
		.help = "not used; for run configurations of OGX" \
	}

#endif
