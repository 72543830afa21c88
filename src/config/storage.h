/*
 * storage - the section "storage" of the file: where state is to be kept.
 *
 * Backends are databases; stores say which one keeps what, and under which name.
 * A store of a kind of database that it cannot use, or of one that is not there,
 * is an error.
 */
#ifndef CONFIG_STORAGE_H
#define CONFIG_STORAGE_H

#include "config/upstream.h"

struct config_backend {
	struct str name; /* of the file's choice: "kv_default" */
	struct str type; /* "kv_sqlite", ...: a row of schema_storage_types */
	bool is_sql;     /* else it keeps keys and values */
	/* One per row of the type's table; one without a setting ends them. */
	struct config_value *values;
	struct str origin;
};

struct config_store {
	struct str name; /* "metadata", "inference", ... */
	const struct config_backend *backend;
	struct config_value *values; /* as above, of schema_storage_store */
	struct str origin;
};

struct config_storage {
	struct config_backend *backends;
	size_t backend_count;
	struct config_store *stores;
	size_t store_count;
};

struct storage_type {
	const char *name;
	bool is_sql;
	const struct setting *settings;
};

/* Name NULL ends. */
extern const struct storage_type schema_storage_types[];

/* The keys of every store: backend, namespace, table_name, ... */
extern const struct setting schema_storage_store[];

struct load;
struct tree_node;

/* Fill the configuration's storage from the mapping. */
void storage_load(struct load *l, const struct tree_node *map);

/* The store of that name, or NULL. */
const struct config_store *storage_find(const struct config_storage *s,
					struct str name);

#endif
