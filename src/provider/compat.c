#include "provider/openai.h"
#include "provider/types.h"

/*
 * Kinds that speak OpenAI's dialect.  A row says its name, its instance's name,
 * its address and where the key comes from; the functions are OpenAI's.
 */

#define CHAT       (PROVIDER_CHAT | PROVIDER_LISTS_MODELS)
#define TEXT       (CHAT | PROVIDER_COMPLETIONS)
#define EVERYTHING (TEXT | PROVIDER_EMBEDDINGS)

/* One table of settings: the address and the key. */
#define SETTINGS(table, url, url_env, key, env) \
	static const struct setting table[] = { \
		TYPES_BASE_URL(url, url_env),   \
		TYPES_KEY(key, env),            \
		{ 0 },                          \
	}

static const struct setting ollama[] = {
	TYPES_BASE_URL("http://localhost:11434/v1", "OLLAMA_URL"),
	TYPES_KEY("api_key", "OLLAMA_API_KEY"),
	TYPES_UNUSED("raise_on_connect_error"),
	TYPES_IMAGES,
	{ 0 },
};
static const struct provider_known_model ollama_known[] = {
	{ "all-minilm", "embedding" },
	{ "bge-m3", "embedding" },
	{ "bge-large", "embedding" },
	{ 0 },
};
const struct provider_type compat_ollama = {
	.name = "remote::ollama",
	.id = "ollama",
	.caps = EVERYTHING | PROVIDER_WANTS_IMAGES,
	.base_url = "http://localhost:11434/v1",
	.base_url_env = "OLLAMA_URL",
	.key_env = "OLLAMA_API_KEY",
	.key_field = "ollama_api_key",
	.key_optional = true,
	.settings = ollama,
	.known_models = ollama_known,
	.setup = openai_setup_v1,
};

SETTINGS(tgi, NULL, "TGI_URL", "api_key", "TGI_API_KEY");
const struct provider_type compat_tgi = {
	.name = "remote::tgi",
	.id = "tgi",
	.caps = TEXT,
	.base_url_env = "TGI_URL",
	.key_env = "TGI_API_KEY",
	.key_field = "tgi_api_key",
	.key_optional = true,
	.settings = tgi,
	.setup = openai_setup_v1,
};

SETTINGS(llama_cpp, "http://localhost:8080/v1", "LLAMA_CPP_SERVER_URL",
	 "api_key", "LLAMA_CPP_SERVER_API_KEY");
const struct provider_type compat_llama_cpp = {
	.name = "remote::llama-cpp-server",
	.id = "llama-cpp-server",
	.caps = EVERYTHING | PROVIDER_RERANK,
	.base_url = "http://localhost:8080/v1",
	.base_url_env = "LLAMA_CPP_SERVER_URL",
	.key_env = "LLAMA_CPP_SERVER_API_KEY",
	.key_optional = true,
	.settings = llama_cpp,
	.setup = openai_setup_v1,
};

SETTINGS(together, "https://api.together.xyz/v1", "TOGETHER_BASE_URL",
	 "api_key", "TOGETHER_API_KEY");
static const struct provider_known_model together_known[] = {
	{ "BAAI/bge-base-en-v1.5", "embedding" },
	{ "BAAI/bge-large-en-v1.5", "embedding" },
	{ "Alibaba-NLP/gte-modernbert-base", "embedding" },
	{ "intfloat/multilingual-e5-large-instruct", "embedding" },
	{ "togethercomputer/m2-bert-80M-32k-retrieval", "embedding" },
	{ "Salesforce/Llama-Rank-V1", "rerank" },
	{ 0 },
};
/* Its embeddings have neither, and would leave them out silently. */
static int together_edit(const struct provider *p,
			 const struct provider_request *req, struct arena *a,
			 struct splice *s, struct api_error *e)
{
	static const char *const names[] = { "dimensions", "user" };

	(void)s;
	for (size_t i = 0; i < countof(names); i++) {
		if (req->op != LLM_EMBEDDINGS || !openai_has(req, names[i]))
			continue;
		return api_fail(e, a, 400, NULL, names[i],
				"'%s' is not supported for embeddings of "
				"provider '" STR_FMT "' (%s).",
				names[i], STR_ARG(p->id), p->type->name);
	}
	return 0;
}

const struct provider_type compat_together = {
	.name = "remote::together",
	.id = "together",
	.caps = EVERYTHING | PROVIDER_RERANK,
	.base_url = "https://api.together.xyz/v1",
	.base_url_env = "TOGETHER_BASE_URL",
	.key_env = "TOGETHER_API_KEY",
	.key_field = "together_api_key",
	.settings = together,
	.known_models = together_known,
	.edit = together_edit,
};

SETTINGS(fireworks, "https://api.fireworks.ai/inference/v1",
	 "FIREWORKS_BASE_URL", "api_key", "FIREWORKS_API_KEY");
const struct provider_type compat_fireworks = {
	.name = "remote::fireworks",
	.id = "fireworks",
	.caps = EVERYTHING,
	.base_url = "https://api.fireworks.ai/inference/v1",
	.base_url_env = "FIREWORKS_BASE_URL",
	.key_env = "FIREWORKS_API_KEY",
	.key_field = "fireworks_api_key",
	.settings = fireworks,
};

SETTINGS(groq, "https://api.groq.com/openai/v1", NULL, "api_key",
	 "GROQ_API_KEY");
const struct provider_type compat_groq = {
	.name = "remote::groq",
	.id = "groq",
	.caps = EVERYTHING,
	.base_url = "https://api.groq.com/openai/v1",
	.key_env = "GROQ_API_KEY",
	.key_field = "groq_api_key",
	.settings = groq,
};

SETTINGS(cerebras, "https://api.cerebras.ai/v1", "CEREBRAS_BASE_URL", "api_key",
	 "CEREBRAS_API_KEY");
const struct provider_type compat_cerebras = {
	.name = "remote::cerebras",
	.id = "cerebras",
	.caps = TEXT,
	.base_url = "https://api.cerebras.ai/v1",
	.base_url_env = "CEREBRAS_BASE_URL",
	.key_env = "CEREBRAS_API_KEY",
	.key_field = "cerebras_api_key",
	.settings = cerebras,
};

static const struct setting sambanova[] = {
	TYPES_BASE_URL("https://api.sambanova.ai/v1", "SAMBANOVA_URL"),
	TYPES_KEY("api_key", "SAMBANOVA_API_KEY"),
	TYPES_IMAGES,
	{ 0 },
};
const struct provider_type compat_sambanova = {
	.name = "remote::sambanova",
	.id = "sambanova",
	.caps = EVERYTHING | PROVIDER_WANTS_IMAGES,
	.base_url = "https://api.sambanova.ai/v1",
	.base_url_env = "SAMBANOVA_URL",
	.key_env = "SAMBANOVA_API_KEY",
	.key_field = "sambanova_api_key",
	.settings = sambanova,
};

SETTINGS(deepseek, "https://api.deepseek.com/v1", "DEEPSEEK_BASE_URL",
	 "api_key", "DEEPSEEK_API_KEY");
const struct provider_type compat_deepseek = {
	.name = "remote::deepseek",
	.id = "deepseek",
	.caps = TEXT,
	.base_url = "https://api.deepseek.com/v1",
	.base_url_env = "DEEPSEEK_BASE_URL",
	.key_env = "DEEPSEEK_API_KEY",
	.key_field = "deepseek_api_key",
	.settings = deepseek,
};

SETTINGS(mistral, "https://api.mistral.ai/v1", "MISTRAL_BASE_URL", "api_key",
	 "MISTRAL_API_KEY");
const struct provider_type compat_mistral = {
	.name = "remote::mistral",
	.id = "mistral",
	.caps = CHAT | PROVIDER_EMBEDDINGS | PROVIDER_MODERATIONS,
	.base_url = "https://api.mistral.ai/v1",
	.base_url_env = "MISTRAL_BASE_URL",
	.key_env = "MISTRAL_API_KEY",
	.key_field = "mistral_api_key",
	.settings = mistral,
};

SETTINGS(openrouter, "https://openrouter.ai/api/v1", "OPENROUTER_BASE_URL",
	 "api_key", "OPENROUTER_API_KEY");
const struct provider_type compat_openrouter = {
	.name = "remote::openrouter",
	.id = "openrouter",
	.caps = EVERYTHING,
	.base_url = "https://openrouter.ai/api/v1",
	.base_url_env = "OPENROUTER_BASE_URL",
	.key_env = "OPENROUTER_API_KEY",
	.key_field = "openrouter_api_key",
	.settings = openrouter,
};

SETTINGS(xai, "https://api.x.ai/v1", "XAI_BASE_URL", "api_key", "XAI_API_KEY");
const struct provider_type compat_xai = {
	.name = "remote::xai",
	.id = "xai",
	.caps = TEXT,
	.base_url = "https://api.x.ai/v1",
	.base_url_env = "XAI_BASE_URL",
	.key_env = "XAI_API_KEY",
	.key_field = "xai_api_key",
	.settings = xai,
};

/* Of one endpoint: https://api.runpod.ai/v2/ENDPOINT/openai/v1 */
static const struct setting runpod[] = {
	TYPES_BASE_URL(NULL, "RUNPOD_URL"),
	TYPES_KEY("api_token", "RUNPOD_API_TOKEN"),
	TYPES_KEY("api_key", NULL),
	{ 0 },
};
const struct provider_type compat_runpod = {
	.name = "remote::runpod",
	.id = "runpod",
	.caps = EVERYTHING,
	.base_url_env = "RUNPOD_URL",
	.key_env = "RUNPOD_API_TOKEN",
	.key_field = "runpod_api_token",
	.settings = runpod,
};

SETTINGS(llama_api, "https://api.llama.com/compat/v1", NULL, "api_key",
	 "LLAMA_API_KEY");
const struct provider_type compat_llama_api = {
	.name = "remote::llama-openai-compat",
	.id = "llama-openai-compat",
	.caps = CHAT,
	.base_url = "https://api.llama.com/compat/v1",
	.key_env = "LLAMA_API_KEY",
	.key_field = "llama_api_key",
	.settings = llama_api,
};
