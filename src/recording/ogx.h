/*
 * ogx - OGX's recordings, of all generations.
 *
 *	r = ogx_read(text, arena, &file, &problem);
 *	ogx_play(&file, arena, &recording);
 *
 * An OGX recording is what its SDK was called with and what that returned: no
 * headers, no times, bodies as dumped objects.  The wire bytes are made of them:
 * each object compact, a stream's as "data: {...}" with [DONE] at the end.  Seen
 * are files with and without test_id, provider_metadata and
 * id_normalization_mapping, of the families inference, model list, tool, HTTP and
 * google-genai, and recorded exceptions.
 */
#ifndef RECORDING_OGX_H
#define RECORDING_OGX_H

#include "recording/ogx_key.h"

/* What a file holds; slices and doc live as long as text and the arena. */
struct ogx_file {
	struct json doc; /* owned: ogx_fini() */
	struct ogx_call call;
	struct str endpoint; /* "/v1/chat/completions"; "" for tool and http */
	struct str model;
	struct str test_id;
	uint32_t response; /* the object */
	bool is_streaming;
	bool is_exception;
};

/* Is there a request and a response as OGX writes them?  0, RECORDING_BAD. */
must_check int ogx_read(struct str text, struct ogx_file *out, struct arena *a,
			struct recording_problem *problem);
void ogx_fini(struct ogx_file *f);

/* What the call is called in quipu: "chat.completions", "models", ... */
struct str ogx_op(const struct ogx_file *f);

/*
 * The exchange, in a: request as the upstream would see it (body as called, path
 * without the doubled /v1), response as bytes.  An exception is its status and
 * {"error": body}; a tool's or genai's result is JSON as it stands.
 */
must_check int ogx_play(const struct ogx_file *f, struct arena *a,
			struct recording *out,
			struct recording_problem *problem);

/*
 * Does the file's name follow from what is in it, and by which rule?  Explains
 * in *why (static) when it does not.  Names of model lists carry a second sum,
 * which is looked at, too.
 */
struct ogx_name {
	bool matches;
	int rule; /* OGX_KEY_..., when it matches */
	char key[RECORDING_KEY_LEN];
	const char *why;
};
must_check int ogx_check_name(const struct ogx_file *f, struct str name,
			      struct ogx_name *out);

/*
 * Append a file as OGX writes it for an exchange of the inference family: call
 * is what ogx_shape() made of the request, key its name.  Members that the SDK's
 * classes have and the answer had not are null; ids become "rec-" and the first
 * twelve digits of the key, times 0; an error is an exception of the OpenAI SDK.
 * Returns 0, -EMSGSIZE, or RECORDING_BAD for what the format cannot hold: no
 * answer at all, an answer that is no JSON, a stream that broke.
 */
struct ogx_output {
	const struct recording *recording;
	const struct ogx_call *call; /* with its URL and arguments */
	struct str endpoint;         /* "/v1/chat/completions" */
	struct str key;
};
must_check int ogx_write(const struct ogx_output *o, struct buf *out);

/*
 * The name of the file: the key and ".json"; of a model list "models-", the key,
 * '-' and eight digits of the sum of its ids.  In out, NUL-terminated.
 */
struct str ogx_file_name(const struct ogx_output *o,
			 char out[RECORDING_NAME_MAX + 1]);

#endif
