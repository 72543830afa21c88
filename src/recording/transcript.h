/*
 * transcript - what an exchange says: who asked what, and what came back.
 *
 *	transcript_make(&recording, arena, &t);
 *	for (i = 0; i < t.answer_count; i++)
 *		say(t.answers[i].role, t.answers[i].text);
 *
 * The dialects of OpenAI (chats, completions, responses, embeddings, lists of
 * models), Anthropic, Gemini, Bedrock and Ollama are read, whole or as a stream;
 * the deltas of a stream are put together.  What is not understood is left out,
 * and never an error: this is for people, nothing is replayed from it.  Pure.
 */
#ifndef RECORDING_TRANSCRIPT_H
#define RECORDING_TRANSCRIPT_H

#include "recording/recording.h"

enum {
	TRANSCRIPT_TURNS_MAX = 10000, /* more are left out */
	TRANSCRIPT_CALLS_MAX = 1000,  /* of a turn */
};

struct transcript_call {
	struct str id, name;
	struct str arguments; /* as they came, mostly JSON */
};

/* A message of the request, or a choice of the answer. */
struct transcript_turn {
	struct str role; /* "user", ...; of an answer mostly "assistant" */
	struct str text; /* "[image]" and the like where it is no text */
	struct str reasoning, refusal;
	struct transcript_call *calls;
	size_t call_count;
	struct str call_id; /* of a tool's result */
	struct str finish;  /* why an answer ended; "" when it does not say */
	int64_t index;      /* of a choice */
};

struct transcript_usage {
	bool known;
	int64_t in, out, cached, reasoning;
};

struct transcript {
	struct str model;       /* that was asked for */
	struct str answered_by; /* the model of the answer */
	struct str tools;       /* names of the functions offered: "a, b" */
	struct str options;     /* the other settings: "n 2, stream true" */
	struct transcript_turn *asked, *answers;
	size_t asked_count, answer_count;
	struct str error; /* what the upstream complained about */
	struct str note;  /* of what is no text: "2 vectors of 3 numbers" */
	struct transcript_usage usage;
};

/* All texts are in a, or slices of the recording. */
void transcript_make(const struct recording *r, struct arena *a,
		     struct transcript *out);

#endif
