#include "provider/model.h"

static bool contains(struct str id, struct str part)
{
	return str_find(id, part) < id.len;
}

/* "nomic-embed-text:v1.5" is a tag of "nomic-embed-text". */
static bool is_known_as(struct str id, struct str known)
{
	struct str tag = str_drop(id, known.len);

	return id.len >= known.len &&
	       str_eq_nocase(str_take(id, known.len), known) &&
	       (tag.len == 0 || tag.ptr[0] == ':');
}

struct str provider_model_type(const struct provider_known_model *known,
			       const struct provider_model *m)
{
	if (m->type.len > 0)
		return m->type;
	for (; known != NULL && known->id != NULL; known++) {
		if (is_known_as(m->id, str_of(known->id)))
			return str_of(known->type);
	}
	if (contains(m->id, STR("rerank")))
		return STR("rerank");
	if (contains(m->id, STR("embed")))
		return STR("embedding");
	return STR("llm");
}

bool provider_model_is_other(struct str id)
{
	static const struct str parts[] = {
		STR_INIT("whisper"),    STR_INIT("tts"),
		STR_INIT("dall-e"),     STR_INIT("gpt-image"),
		STR_INIT("moderation"), STR_INIT("transcribe"),
		STR_INIT("realtime"),   STR_INIT("sora"),
		STR_INIT("imagen"),     STR_INIT("veo-"),
		STR_INIT("guard"),      STR_INIT("stable-diffusion"),
		STR_INIT("flux"),       STR_INIT("-audio"),
		STR_INIT("babbage-"),   STR_INIT("davinci-"),
	};

	for (size_t i = 0; i < countof(parts); i++) {
		if (contains(id, parts[i]))
			return true;
	}
	return false;
}
