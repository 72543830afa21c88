/*
 * The first line is the text of an option, as a client's header brings it; what
 * follows is a stream.  The option is refused with a reason, or the stream is
 * played by it: to its end, and without a fault all of it.
 */
#include "recording/playback.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	MARKS = 64,
	STEPS_MAX = 1 << 20
};

static void play(const struct playback *pb, struct str body)
{
	struct recording_mark marks[MARKS];
	struct recording r = {
		.response = { .status = 200,
			      .framing = RECORDING_SSE,
			      .body = body,
			      .marks = marks },
	};
	struct script_step step;
	struct script s;
	struct arena a;
	size_t sent = 0, steps = 0;

	for (size_t i = 0; i < body.len; i++) {
		if (r.response.mark_count + 1 < MARKS && body.ptr[i] == '\n') {
			marks[r.response.mark_count++] =
				(struct recording_mark){ .end = i + 1,
							 .ms = (uint32_t)i };
		}
	}
	marks[r.response.mark_count++] =
		(struct recording_mark){ .end = body.len, .ms = 1 };
	arena_init(&a, SIZE_MAX / 2);
	script_init(&s, &r, pb, 1, &a);
	while (script_next(&s, &step)) {
		require(step.wait_ns >= 0);
		require(++steps < STEPS_MAX);
		sent += step.bytes.len;
	}
	if (pb->faults.count == 0)
		require(sent == body.len);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len }, option, body;
	struct recording_problem problem;
	struct playback pb;
	struct faults faults;

	(void)str_cut(text, '\n', &option, &body);
	problem.text[0] = '\0';
	if (fault_parse(option, &faults, &problem) != 0)
		require(problem.text[0] != '\0');
	else
		require(faults.count <= FAULTS_MAX);
	for (int i = PLAYBACK_SPEED; i <= PLAYBACK_OCCURRENCE; i++) {
		playback_init(&pb);
		problem.text[0] = '\0';
		if (playback_set(&pb, (enum playback_option)i, option,
				 &problem) == 0)
			play(&pb, body);
		else
			require(problem.text[0] != '\0');
	}
	return 0;
}
