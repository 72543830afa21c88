/*
 * view - what a response shows of its request.
 *
 *	view_make(&request, arena, &view);
 *	view.id = id;
 *	view.created_at = now;
 *
 * Members are echoed as the client wrote them, with their numbers as they were.
 * A function tool and a JSON schema have all members that the API reference names,
 * null where the client gave none; line ends between values are gone.
 */
#ifndef RESPONSES_VIEW_H
#define RESPONSES_VIEW_H

#include "responses/object.h"
#include "responses/request.h"

/*
 * Fill *out, but for id and created_at.  Texts are of the request's document or
 * of the arena.
 */
void view_make(const struct response_request *request, struct arena *a,
	       struct response_view *out);

#endif
