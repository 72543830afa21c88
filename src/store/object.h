/*
 * object - what has state besides completions: responses, conversations, runs.
 *
 *	struct store_op ops[] = {
 *		{ .what = STORE_PUT, .object = response },
 *		{ .what = STORE_PUT, .object = messages },
 *	};
 *
 *	r = store_post(s, worker, ops, countof(ops));
 *	...
 *	r = store_object_get(s, &key, arena, &response);
 *
 * A row is found by owner, kind and id; the owners are apart.  What its JSON
 * says is its users' affair: the store looks at the members below alone, and
 * keeps bytes as they are.  A kind whose ids are only unique below their parent
 * makes the parent a part of the id ("conv_1/msg_2").
 *
 * Two ways to write: store_post() is store_put() for objects: it copies, does not
 * wait, knows no conditions, and is as safe.  store_apply() blocks, has
 * conditions, comes after all that was posted before, and is on the disk when it
 * returns.  Of both, all ops of a call are done, in their order, or none.  What
 * one producer posts is written in its order.
 *
 * Reads see whatever this process posted before: they wait for its commit.
 */
#ifndef STORE_OBJECT_H
#define STORE_OBJECT_H

#include "store/store.h"

enum {
	STORE_OPS_MAX = 1024,     /* of a batch */
	STORE_OBJECTS_MAX = 1024, /* rows of a list */
	STORE_CHAIN_MAX = 4096,   /* rows of a chain */
	STORE_STATE_MAX = 32,     /* bytes */
};

enum {
	STORE_EXISTS = 16,   /* STORE_INSERT: the id is taken */
	STORE_CONFLICT = 17, /* the row is not as it was expected */
};

/* They are in databases: numbers never change. */
enum store_kind {
	STORE_RESPONSE = 1, /* parent: the previous response */
	STORE_EVENTS = 2,   /* parent: the response */
	STORE_CONVERSATION = 3,
	STORE_ITEM = 4,     /* parent: the conversation */
	STORE_MESSAGES = 5, /* parent: the conversation */
	STORE_PROMPT = 6,
	STORE_PROMPT_VERSION = 7, /* parent: the prompt */
	STORE_RUN = 8,            /* parent: the response */
	STORE_KINDS,
};

/*
 * Texts are at most STORE_TEXT_MAX, state STORE_STATE_MAX.  The JSON may be any
 * bytes, also none.
 */
struct store_object {
	enum store_kind kind;
	struct str owner;
	struct str id;
	struct str parent; /* an id, or ""; need not be there, never changes */
	struct str label;  /* what lists filter by: a model, a name */
	struct str state;  /* a word */
	int64_t created;   /* seconds, as the client is told */
	int64_t due_ms;    /* of the wall clock: see claim.h */
	bool is_root;      /* a chain ends here, whatever its parent is */
	struct str body;   /* what is shown */
	struct str input;  /* what it came from */
	struct str aux;    /* what the next step needs */

	/* Given by the store. */
	int64_t seq;       /* the order of lists; kept when it is replaced */
	int64_t version;   /* 1, and one more with each write and claim */
	int64_t stored_at; /* seconds, of the last write; 0 in it: now */
	int64_t claims;    /* how often it was claimed */
	struct str holder; /* by whom last */
};

struct store_key {
	enum store_kind kind;
	struct str owner;
	struct str id;
};

enum store_what {
	STORE_PUT,             /* new, or in the place of what is there */
	STORE_INSERT,          /* store_apply() only: new, or STORE_EXISTS */
	STORE_REPLACE,         /* store_apply() only: what must be there */
	STORE_EXPECT,          /* store_apply() only: be there, unchanged */
	STORE_DELETE,          /* store_apply(): what must be there */
	STORE_DELETE_CHILDREN, /* all of object's kind, owner and parent */
};

/*
 * The conditions are store_apply()'s.  STORE_UNKNOWN: what must be there is not;
 * STORE_CONFLICT: it has another version, or children.
 */
struct store_op {
	enum store_what what;
	bool childless;  /* DELETE: only without children of its own kind */
	int64_t version; /* REPLACE, EXPECT, DELETE: only this one; 0: any */
	struct store_object object; /* EXPECT, DELETE: kind, owner, id */
};

/* Which of the JSON not to read: they are "" then. */
enum {
	STORE_BODY = 1,
	STORE_INPUT = 2,
	STORE_AUX = 4,
};

struct store_objects_query {
	enum store_kind kind;
	struct str owner;
	struct str parent; /* ... and label, state: "": any */
	struct str label;
	struct str state;
	struct str not_state;     /* rows in it are left out; "": none are */
	struct str after, before; /* ids, as in store_query */
	unsigned limit;           /* 1 to STORE_OBJECTS_MAX */
	bool newest_first;
	bool from_root;   /* with a parent: from its newest root on, if any */
	unsigned without; /* STORE_BODY | ... */
	const struct store_query *walk; /* instead: all kinds but runs */
};

struct store_objects {
	struct store_object *rows;
	size_t count;
	bool has_more; /* of a list: as in store_page */
};

struct store_chain_query {
	struct store_key from;
	unsigned max;     /* 1 to STORE_CHAIN_MAX */
	unsigned without; /* STORE_BODY | ... */
};

struct store_chain {
	struct store_object *rows; /* oldest first; the last is from */
	size_t count;
	/* To a root or a row without parent: not if one is gone, or by max. */
	bool is_whole;
};

/*
 * Hand over copies of the ops, as one.  A producer is used by one thread at a
 * time.  0; STORE_FULL, STORE_DROPPED; -EMSGSIZE when together they are over
 * STORE_ROW_BYTES_MAX or queue_bytes, or there are more than STORE_OPS_MAX;
 * -EINVAL for an op that is store_apply()'s, one that has a condition, or an
 * object without an id.
 */
must_check int store_post(struct store *s, unsigned producer,
			  const struct store_op *ops, size_t count);

/* The same, waiting for room: never STORE_FULL, but -ETIMEDOUT. */
must_check int store_post_wait(struct store *s, unsigned producer,
			       const struct store_op *ops, size_t count,
			       int64_t deadline_ns);

/*
 * Do the ops, each seeing what those before it did.  The first whose condition
 * does not hold says what is returned, and nothing was done: STORE_EXISTS,
 * STORE_UNKNOWN, STORE_CONFLICT.  A row's version tells that nobody wrote it
 * since: INSERT makes it 1, REPLACE of version v makes it v + 1.  -ETIMEDOUT:
 * what was posted before is not written by the deadline; -EMSGSIZE, -EINVAL as
 * above.
 */
must_check int store_apply(struct store *s, const struct store_op *ops,
			   size_t count, int64_t deadline_ns);

/* One row, in a.  0, STORE_UNKNOWN, -EMSGSIZE when a's limit is reached. */
must_check int store_object_get(struct store *s, const struct store_key *key,
				struct arena *a, struct store_object *out);

/*
 * A page, in a, by sequence.  The rest is as store_list() says: cursors,
 * STORE_BAD_CURSOR, -EINVAL, -EMSGSIZE.
 */
must_check int store_object_list(struct store *s,
				 const struct store_objects_query *q,
				 struct arena *a, struct store_objects *out);

/*
 * A row and those above it, by parent, of one kind, to the first root.  What was
 * posted of the row itself is seen, and of those above it what was there when
 * it was posted.  0, STORE_UNKNOWN, -EINVAL for max, -EMSGSIZE.
 */
must_check int store_object_chain(struct store *s,
				  const struct store_chain_query *q,
				  struct arena *a, struct store_chain *out);

/* Has the row, which need not be there, children of its own kind? */
must_check int store_has_children(struct store *s, const struct store_key *key,
				  bool *out);

#endif
