/*
 * transcript_draft - turns that grow as their deltas come; private to the
 * transcript.
 */
#ifndef RECORDING_TRANSCRIPT_DRAFT_H
#define RECORDING_TRANSCRIPT_DRAFT_H

#include "recording/transcript.h"
#include "json/json.h"

struct transcript_draft_call {
	int64_t index;
	struct str id, name;
	struct buf arguments;
};

struct transcript_draft_turn {
	int64_t index;
	struct str role, finish, call_id;
	struct buf text, reasoning, refusal;
	struct transcript_draft_call *calls; /* owned */
	size_t call_count;
};

struct transcript_draft {
	struct arena *a;
	struct transcript_draft_turn *turns; /* owned */
	size_t count;
};

void transcript_draft_init(struct transcript_draft *d, struct arena *a);

/* Forget all turns. */
void transcript_draft_clear(struct transcript_draft *d);

/* A new turn, or NULL when there are too many. */
struct transcript_draft_turn *transcript_draft_add(struct transcript_draft *d,
						   struct str role);

/* The turn of that index, made when there is none; NULL as above. */
struct transcript_draft_turn *transcript_draft_at(struct transcript_draft *d,
						  int64_t index);

/* The call of that index; as above. */
struct transcript_draft_call *
transcript_draft_call(struct transcript_draft_turn *turn, int64_t index);

/* Append a string's text; all else is nothing. */
void transcript_draft_text(struct transcript_draft *d, struct buf *to,
			   const struct json *doc, uint32_t v);

/* Set a text to a string's, unless that is missing or empty. */
void transcript_draft_set(struct transcript_draft *d, struct str *to,
			  const struct json *doc, uint32_t v);

/* An integer member, or missing. */
int64_t transcript_draft_int(const struct json *doc, uint32_t object,
			     struct str key, int64_t missing);

/*
 * A message as it stands in a request, a whole answer or a delta: role, content
 * (text, or parts of any dialect), reasoning, refusal, tool calls.
 */
void transcript_draft_message(struct transcript_draft *d,
			      struct transcript_draft_turn *turn,
			      const struct json *doc, uint32_t message);

/* A content: a text, a part, or a list of both. */
void transcript_draft_content(struct transcript_draft *d,
			      struct transcript_draft_turn *turn,
			      const struct json *doc, uint32_t content);

/* A part of a content: text, a call, a result; "[type]" for others. */
void transcript_draft_part(struct transcript_draft *d,
			   struct transcript_draft_turn *turn,
			   const struct json *doc, uint32_t part);

/* transcript_answer.c: the answers, error, note and usage of out. */
void transcript_answer_read(const struct recording *r, struct arena *a,
			    struct transcript *out);

/* The turns, in the arena; d is empty then. */
size_t transcript_draft_done(struct transcript_draft *d,
			     struct transcript_turn **out);

#endif
