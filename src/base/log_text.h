/*
 * log_text - what a record looks like as a line.
 *
 * Private to log.  Control characters and all that could move a terminal's
 * cursor, start a line or turn its direction are escaped: no line is forged.
 */
#ifndef BASE_LOG_TEXT_H
#define BASE_LOG_TEXT_H

#include "base/log_ring.h"

enum {
	/* Masked text may be longer than the text, and each byte be \u00XX. */
	LOG_MASKED_MAX = 2 * LOG_LINE_MAX,
	LOG_TEXT_MAX = 6 * (LOG_MASKED_MAX + REQUEST_ID_MAX) + 256
};

struct log_format {
	bool json;
	bool colour;
};

/* Too much for a task's stack. */
struct log_page {
	struct log_record rec;
	char masked[LOG_MASKED_MAX];
	char text[LOG_TEXT_MAX];
};

/* The line of page->rec, masked, with its line feed; in page->text. */
struct str log_text(struct log_page *page, struct log_format format);

#endif
