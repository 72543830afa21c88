#include "recording/textdiff.h"

#include "base/buf.h"

#include <stdlib.h>

struct tokens {
	struct str *items; /* owned */
	size_t count;
};

struct diff {
	struct tokens was, now;
	uint16_t *lengths; /* of the common rest from [i][j] on; owned */
	size_t from;       /* so many tokens are the same in front */
	size_t rows, columns;
	textdiff_say *say;
	void *arg;
	/* What is gathered and not said yet. */
	enum textdiff_kind kind;
	struct str text;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static size_t token_len(struct str s, enum textdiff_unit unit)
{
	size_t n = 1;

	if (unit == TEXTDIFF_LINES) {
		n = str_find(s, STR("\n"));
		return n < s.len ? n + 1 : s.len;
	}
	while (n < s.len && is_space(s.ptr[n]) == is_space(s.ptr[0]))
		n++;
	return n;
}

static struct tokens cut(struct str s, enum textdiff_unit unit)
{
	struct tokens t = { 0 };
	size_t cap = 0;

	while (s.len > 0) {
		size_t n = token_len(s, unit);

		if (t.count == cap) {
			cap = cap == 0 ? 64 : 2 * cap;
			t.items = xrealloc(t.items, cap * sizeof(*t.items));
		}
		t.items[t.count++] = str_take(s, n);
		s = str_drop(s, n);
	}
	return t;
}

static void flush(struct diff *d)
{
	if (d->text.len > 0)
		d->say(d->arg, d->kind, d->text);
	d->text = STR_NULL;
}

/* Tokens of one side stand in a row: they are joined by their ends. */
static void emit(struct diff *d, enum textdiff_kind kind, struct str token)
{
	if (kind == d->kind && d->text.len > 0 &&
	    d->text.ptr + d->text.len == token.ptr) {
		d->text.len += token.len;
		return;
	}
	flush(d);
	d->kind = kind;
	d->text = token;
}

static uint16_t *cell(const struct diff *d, size_t i, size_t j)
{
	return &d->lengths[i * (d->columns + 1) + j];
}

static bool is_same(const struct diff *d, size_t i, size_t j)
{
	return str_eq(d->was.items[d->from + i], d->now.items[d->from + j]);
}

static void measure(struct diff *d)
{
	d->lengths =
		xcalloc((d->rows + 1) * (d->columns + 1), sizeof(*d->lengths));
	for (size_t i = d->rows; i-- > 0;) {
		for (size_t j = d->columns; j-- > 0;) {
			uint16_t down = *cell(d, i + 1, j);
			uint16_t right = *cell(d, i, j + 1);
			uint16_t best = down > right ? down : right;

			if (is_same(d, i, j))
				best = (uint16_t)(*cell(d, i + 1, j + 1) + 1);
			*cell(d, i, j) = best;
		}
	}
}

static void walk(struct diff *d)
{
	bool measured = d->lengths != NULL;
	size_t i = 0, j = 0;

	while (i < d->rows || j < d->columns) {
		bool more = i < d->rows && j < d->columns;

		if (more && measured && is_same(d, i, j)) {
			emit(d, TEXTDIFF_SAME, d->now.items[d->from + j]);
			i++;
			j++;
		} else if (j == d->columns ||
			   (more &&
			    (!measured ||
			     *cell(d, i + 1, j) >= *cell(d, i, j + 1)))) {
			emit(d, TEXTDIFF_GONE, d->was.items[d->from + i++]);
		} else {
			emit(d, TEXTDIFF_NEW, d->now.items[d->from + j++]);
		}
	}
}

/* What both begin and end with needs no table. */
static size_t trim(struct diff *d)
{
	size_t n = d->was.count < d->now.count ? d->was.count : d->now.count;
	size_t end = 0;

	while (d->from < n &&
	       str_eq(d->was.items[d->from], d->now.items[d->from]))
		d->from++;
	while (end < n - d->from &&
	       str_eq(d->was.items[d->was.count - 1 - end],
		      d->now.items[d->now.count - 1 - end]))
		end++;
	d->rows = d->was.count - d->from - end;
	d->columns = d->now.count - d->from - end;
	return end;
}

void textdiff(struct str was, struct str now, enum textdiff_unit unit,
	      textdiff_say *say, void *arg)
{
	struct diff d = { .say = say, .arg = arg };
	size_t end;

	d.was = cut(was, unit);
	d.now = cut(now, unit);
	end = trim(&d);
	for (size_t i = 0; i < d.from; i++)
		emit(&d, TEXTDIFF_SAME, d.now.items[i]);
	/* Lengths are 16 bits; a row may be as long as that. */
	if (d.rows < UINT16_MAX && d.columns < UINT16_MAX &&
	    (d.rows + 1) * (d.columns + 1) <= TEXTDIFF_CELLS)
		measure(&d);
	walk(&d);
	for (size_t i = d.now.count - end; i < d.now.count; i++)
		emit(&d, TEXTDIFF_SAME, d.now.items[i]);
	flush(&d);
	free(d.lengths);
	free(d.was.items);
	free(d.now.items);
}
