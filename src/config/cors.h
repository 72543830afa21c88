/*
 * cors - which pages of other origins may use the server: "server.cors".
 *
 *	server:
 *	  cors: true
 *
 * or a mapping.  It follows from the settings alone, is made once with the
 * configuration, and is NULL when it is off.
 */
#ifndef CONFIG_CORS_H
#define CONFIG_CORS_H

#include "config/layer.h"

struct config_cors;

/* Sets l->cfg->cors; problems are noted. */
void cors_load(struct load *l, const struct layer *layer);
void cors_free(struct config_cors *c); /* NULL is fine */

enum {
	CORS_ORIGIN_MAX = 256 /* bytes; a longer one is never allowed */
};

/* May a page of this origin ask?  "" is none. */
bool cors_allows_origin(const struct config_cors *c, struct str origin);

/* Is the method, or the header, one that such a page may use? */
bool cors_allows_method(const struct config_cors *c, struct str method);
bool cors_allows_header(const struct config_cors *c, struct str name);

/* Every origin alike: the answers do not depend on who asked. */
bool cors_is_open(const struct config_cors *c);

/* As they are sent, without origin and Vary: of all answers, and preflights. */
struct str cors_lines(const struct config_cors *c);
struct str cors_preflight_lines(const struct config_cors *c);

/* Are all headers allowed, so that those asked for are repeated? */
bool cors_allows_all_headers(const struct config_cors *c);

#endif
