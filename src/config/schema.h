/*
 * schema - the tables of all settings that quipu knows.
 *
 * A row whose value has a place in a struct says where; the rest is looked up
 * by key.  Adding a setting is adding a row, a struct member and a line of
 * docs/configuration.md.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "config/config.h"

/* Members are in struct config. */
extern const struct setting schema_settings[];

/* The same, of the store; keys are whole. */
extern const struct setting schema_store[];
extern const struct setting schema_responses[];
extern const struct setting schema_process[];

/* Members are in struct config_network; keys are below "network." */
extern const struct setting schema_network[];

/* A provider's own keys beside those of its type; no members. */
extern const struct setting schema_provider[];

/* An entry of providers.inference; no members. */
extern const struct setting schema_provider_entry[];

/* An entry of passthrough.routes; in struct config_route. */
extern const struct setting schema_route[];

/* An entry of registered_resources.models; in struct config_model. */
extern const struct setting schema_model[];

/* An entry of a model's targets; in struct config_target. */
extern const struct setting schema_target[];

/*
 * Keys that have no row: OGX's, which quipu does not use, and those that other
 * code reads.  One list for each table above, key NULL ends.
 */
struct schema_ignored {
	const char *key;
	bool quiet; /* nothing to warn of */
};

extern const struct schema_ignored schema_settings_ignored[];
extern const struct schema_ignored schema_provider_ignored[];
extern const struct schema_ignored schema_provider_entry_ignored[];
extern const struct schema_ignored schema_model_ignored[];

/* Rows before the one with key NULL; settings may be NULL. */
size_t schema_count(const struct setting *settings);

#endif
