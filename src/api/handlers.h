/*
 * handlers - the endpoints, one file per resource.
 *
 * Each answers its call, whatever happens, and returns.
 */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "api/route.h"

/* chat.c: POST /v1/chat/completions */
void chat_create(struct api_call *c);

/* completions.c: POST /v1/completions */
void completions_create(struct api_call *c);

/*
 * completions_stored.c: GET /v1/chat/completions; GET, POST and DELETE of
 * /v1/chat/completions/{id}, and GET of its /messages
 */
void completions_stored_list(struct api_call *c);
void completions_stored_get(struct api_call *c);
void completions_stored_update(struct api_call *c);
void completions_stored_delete(struct api_call *c);
void completions_stored_messages(struct api_call *c);

/* embeddings.c: POST /v1/embeddings */
void embeddings_create(struct api_call *c);

/* moderations.c: POST /v1/moderations */
void moderations_create(struct api_call *c);

/* rerank.c: POST /v1alpha/inference/rerank */
void rerank_create(struct api_call *c);

/* responses.c: POST /v1/responses */
void responses_create(struct api_call *c);

/*
 * responses_native.c: answer by the provider's own Responses API, if that is how
 * the model's provider is used; false: it is not.
 */
bool responses_native(struct api_call *c);

/* responses_cancel.c: POST /v1/responses/{id}/cancel */
void responses_cancel(struct api_call *c);

/*
 * responses_stored.c: GET /v1/responses; GET of /v1/responses/{id} and of its
 * /input_items; responses_delete.c: DELETE
 */
void responses_stored_list(struct api_call *c);
void responses_stored_get(struct api_call *c);
void responses_stored_input(struct api_call *c);
void responses_delete(struct api_call *c);

/* responses_compact.c: POST /v1/responses/compact */
void responses_compact(struct api_call *c);

/* responses_socket.c: GET /v1/responses that asks for WebSocket */
void responses_socket(struct api_call *c);

/*
 * conversations.c: POST /v1/conversations; GET, POST and DELETE of
 * /v1/conversations/{id}; GET and POST of its /items, GET and DELETE of one
 */
void conversations_create(struct api_call *c);
void conversations_get(struct api_call *c);
void conversations_update(struct api_call *c);
void conversations_delete(struct api_call *c);
void conversations_items_list(struct api_call *c);
void conversations_items_create(struct api_call *c);
void conversations_items_get(struct api_call *c);
void conversations_items_delete(struct api_call *c);

/*
 * prompts.c: GET and POST /v1/prompts; GET, PUT and DELETE of /v1/prompts/{id}, GET
 * of its /versions, PUT of its /set-default-version
 */
void prompts_list(struct api_call *c);
void prompts_create(struct api_call *c);
void prompts_get(struct api_call *c);
void prompts_versions(struct api_call *c);
void prompts_update(struct api_call *c);
void prompts_set_default(struct api_call *c);
void prompts_delete(struct api_call *c);

/* models.c: GET /v1/models, GET /v1/models/{id} (ids contain slashes) */
void models_list(struct api_call *c);
void models_get(struct api_call *c);

/* providers.c: GET /v1/providers, GET /v1/providers/{id} */
void providers_list(struct api_call *c);
void providers_get(struct api_call *c);

/*
 * passthrough.c: any method of /v1/passthrough/{provider_id}/... and of a
 * configured path; and is this a path of OpenAI's API that could be one?
 */
void passthrough_any(struct api_call *c);
__attribute__((noinline)) void
passthrough_route(struct api_call *c, const struct config_route *route);
bool passthrough_is_usual(struct str path);

/* status.c: GET /v1/health (liveness only), GET /v1/version */
void status_health(struct api_call *c);
void status_version(struct api_call *c);

/* ready.c: GET /v1/ready */
void ready_get(struct api_call *c);

/* inspect.c: GET /v1/inspect/routes */
void inspect_routes(struct api_call *c);

/* admin.c: POST /v1alpha/admin/reload, and GET of what others may see as well */
void admin_reload(struct api_call *c);
void admin_providers_list(struct api_call *c);
void admin_providers_get(struct api_call *c);
void admin_routes(struct api_call *c);
void admin_health(struct api_call *c);
void admin_version(struct api_call *c);

/*
 * sessions.c: POST /v1alpha/replay/sessions; GET and DELETE of
 * /v1alpha/replay/sessions/{id} and POST of its /release
 */
void sessions_begin(struct api_call *c);
void sessions_get(struct api_call *c);
void sessions_finish(struct api_call *c);
void sessions_release(struct api_call *c);

/* scrape.c: GET /metrics; where it is served, "" for not with the rest */
void scrape_get(struct api_call *c);
struct str scrape_path(const struct worker *w);

/* For a struct server_cfg that serves nothing else; its user is the worker. */
void scrape_request(struct task *t, struct request *req);

#endif
