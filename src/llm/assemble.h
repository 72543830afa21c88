/*
 * assemble - a stream of chat.completion.chunks as the whole completion.
 *
 *	assemble_init(&as, arena);
 *	while (an event came)
 *		r = assemble_event(&as, ev.data);
 *	if (assemble_is_complete(&as))
 *		r = assemble_write_choices(&as, &out);
 *
 * Deltas are put together as OpenAI's clients do (API reference, "The chat
 * completion chunk object"): strings are joined, arrays appended, of all else the
 * last one counts.  Choices and tool calls are told apart by index; a call that
 * has none, or whose index another id has already (Gemini and Ollama number all
 * of them 0), is a new one when it brings a name.  Ids, names and roles that are
 * repeated are not joined.  reasoning, reasoning_content and members that nobody
 * has heard of keep their names.  Text completions are put together too.
 *
 * Where strings and arrays come under one name (Mistral's content when it
 * thinks), the whole is an array in which the strings are text parts.  Two halves
 * of a surrogate pair in two deltas become two U+FFFD.
 *
 * Pure.  All memory is the arena's: nothing of it may be rewound while the
 * assembly lives, and its limit is the limit of what is kept.  An arena of four
 * times a body's length is enough for it, and of 64 KB for a small one.
 */
#ifndef LLM_ASSEMBLE_H
#define LLM_ASSEMBLE_H

#include "json/json.h"

enum {
	ASSEMBLE_CHOICES_MAX = 128, /* as n may be at most */
	ASSEMBLE_CALLS_MAX = 1024,  /* of a choice */
	ASSEMBLE_MEMBERS_MAX = 128, /* of an object */
};

enum {
	/*
	 * A limit or the arena's end was reached.  What was taken stays, and
	 * may end within an event; nothing is taken any more, but [DONE] and
	 * errors are still seen.
	 */
	ASSEMBLE_FULL = 1,
	ASSEMBLE_BAD = 2, /* no JSON object */
};

struct assembly {
	struct arena *arena;
	struct assemble_object *root;
	struct str choices; /* of a whole answer: as it stands there */
	/* JSON of the first error that came; "{}": no room; "": none */
	struct str error;
	int64_t created;   /* seconds; 0: it did not say */
	size_t events;     /* with data, [DONE] is none */
	size_t bad_events; /* of these, left out: no JSON objects */
	bool is_done;      /* [DONE] came, or the answer was whole */
	bool is_full;
};

/* Takes no memory yet. */
void assemble_init(struct assembly *as, struct arena *a);

/*
 * Take the data of one event: a chunk, an error, or [DONE], after which nothing
 * counts.  Returns 0, also for what is no JSON, or ASSEMBLE_FULL.
 */
must_check int assemble_event(struct assembly *as, struct str data);

/*
 * Take a finished stream's bytes.  An event that was cut off at the end is left
 * out.  Returns 0 or ASSEMBLE_FULL.
 */
must_check int assemble_stream(struct assembly *as, struct str body);

/*
 * Take an answer that was not streamed instead; body outlives the assembly.
 * Its choices are written as they stand in it.  Returns 0, ASSEMBLE_FULL (then
 * the accessors miss something, but not assemble_write_choices()), ASSEMBLE_BAD.
 */
must_check int assemble_whole(struct assembly *as, struct str body);

/*
 * Was it all: no error, and [DONE], or each choice that began says why it ended.
 */
bool assemble_is_complete(const struct assembly *as);

/* "" when it did not say.  Valid until the next event. */
struct str assemble_id(const struct assembly *as);
struct str assemble_model(const struct assembly *as);

/* The last usage object, as JSON; "" when none came.  As above. */
struct str assemble_usage(const struct assembly *as);

/*
 * Append the choices as a JSON array, by index, each as OpenAI's chat.completion
 * has it: index, message with role, content, refusal and what else came,
 * logprobs, finish_reason (null when it was cut).  Returns 0 or -EMSGSIZE.
 */
must_check int assemble_write_choices(const struct assembly *as,
				      struct buf *out);

/*
 * Append a JSON object of what else stood in the chunks: service_tier,
 * system_fingerprint and members of the provider's own; {} when nothing.
 * Padding (obfuscation) is left out.  Returns 0 or -EMSGSIZE.
 */
must_check int assemble_write_extra(const struct assembly *as, struct buf *out);

/* A choice so far.  Slices are valid until the next event. */
struct assemble_choice {
	int64_t index;
	struct str content; /* of a text completion: its text */
	struct str refusal;
	struct str reasoning;     /* or reasoning_content */
	struct str finish_reason; /* "": not yet */
	size_t call_count;
};

struct assemble_call {
	int64_t index;
	struct str id;
	struct str type; /* "function" when it does not say */
	struct str name;
	struct str arguments; /* of a custom tool: its input */
};

size_t assemble_choice_count(const struct assembly *as);

/* The nth by index, from 0; false: there are not so many. */
bool assemble_choice(const struct assembly *as, size_t n,
		     struct assemble_choice *out);
bool assemble_call(const struct assembly *as, size_t choice, size_t n,
		   struct assemble_call *out);

#endif
