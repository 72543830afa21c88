/*
 * world_worker - the program's own part of a simulated world.
 */
#ifndef TESTS_SIM_WORLD_WORKER_H
#define TESTS_SIM_WORLD_WORKER_H

#include "api/route.h"

/* routed: a model with two targets; else OpenAI by the environment. */
struct config *world_config(bool routed);

/* Fill w: its catalog, its client and its server, which listens nowhere yet. */
void world_worker(struct worker *w, struct loop *loop, struct config *config);

#endif
