/*
 * libpq - PostgreSQL's client library, loaded when a database asks for it.
 *
 *	r = libpq_load();
 *	conn = libpq.PQconnectStartParams(words, values, 1);
 *
 * Private to store/.  It is not linked: it brings twenty libraries along, which
 * would cost every start 7 ms and every process 3 MB, and most have no
 * PostgreSQL.  So a quipu also runs where it is not installed.
 */
#ifndef STORE_LIBPQ_H
#define STORE_LIBPQ_H

#include <libpq-fe.h>

#include "base/str.h"

#define LIBPQ_FUNCTIONS(X)      \
	X(PQclear)              \
	X(PQconnectPoll)        \
	X(PQconnectStartParams) \
	X(PQconninfo)           \
	X(PQconninfoFree)       \
	X(PQconninfoParse)      \
	X(PQconsumeInput)       \
	X(PQenterPipelineMode)  \
	X(PQerrorMessage)       \
	X(PQfinish)             \
	X(PQflush)              \
	X(PQfreemem)            \
	X(PQgetisnull)          \
	X(PQgetlength)          \
	X(PQgetResult)          \
	X(PQgetvalue)           \
	X(PQisBusy)             \
	X(PQntuples)            \
	X(PQpipelineSync)       \
	X(PQresultErrorField)   \
	X(PQresultStatus)       \
	X(PQsendPrepare)        \
	X(PQsendQuery)          \
	X(PQsendQueryParams)    \
	X(PQsendQueryPrepared)  \
	X(PQserverVersion)      \
	X(PQsetnonblocking)     \
	X(PQsetNoticeProcessor) \
	X(PQsetSingleRowMode)   \
	X(PQsocket)             \
	X(PQstatus)

#define LIBPQ_MEMBER(name) __typeof__ (&(name))(name);

/* The functions, by their own names. */
struct libpq {
	LIBPQ_FUNCTIONS(LIBPQ_MEMBER)
};

extern struct libpq libpq;

/* Fill libpq, once for all threads.  0, or -ENOSYS with what to install. */
must_check int libpq_load(void);

#endif
