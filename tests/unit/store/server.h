/*
 * server - a PostgreSQL for the tests of the store: tests/e2e/postgres.py.
 *
 * It starts when it is first asked for, and goes with this program, however
 * that ends.
 */
#ifndef TESTS_STORE_SERVER_H
#define TESTS_STORE_SERVER_H

#include "base/str.h"

#include <stdbool.h>

/* Is there one?  If not, *out_why says why not. */
bool server_start(const char **out_why);

/* The URI of a new database. */
void server_database(char *out, size_t size);

/* Of any name and password; the right ones when NULL. */
void server_uri(char *out, size_t size, const char *name, const char *password);

/* An order that postgres.py understands, such as "stop immediate". */
void server_order(const char *order);

/* What psql prints for the SQL in the newest database, in one line. */
const char *server_sql(const char *sql);

#endif
