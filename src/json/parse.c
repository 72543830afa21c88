#include "json/json.h"

#include <stdlib.h>

#include "json/fold.h"
#include "json/node.h"
#include "json/scan.h"

enum {
	DEPTH_DEFAULT = 128,
	NODES_DEFAULT = 4 * 1000 * 1000,
	/* As large as malloc() keeps at hand. */
	NODES_FIRST_MAX = 64,
	NODES_SPARE_MAX = 64
};

enum expect {
	EXPECT_VALUE,
	EXPECT_ELEMENT, /* or the end of the array that was just opened */
	EXPECT_MEMBER,  /* or the end of the object that was just opened */
	EXPECT_KEY,
	EXPECT_COMMA, /* or the end of the container */
	EXPECT_NOTHING
};

/*
 * The functions that read return NULL, or what is wrong at at.  That they give
 * a text and not a code keeps each reason where it is found.
 */
struct parser {
	const uint8_t *text, *at, *end;
	struct json_node *nodes;
	uint32_t count, cap, max;
	uint32_t open; /* the innermost open container, or JSON_NONE */
	uint32_t depth, depth_max;
	enum expect expect;
	bool fold;
};

static uint32_t offset(const struct parser *p)
{
	return (uint32_t)(p->at - p->text);
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static void skip_space(struct parser *p)
{
	while (p->at < p->end && *p->at <= ' ' &&
	       (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' ||
		*p->at == '\t'))
		p->at++;
}

static struct json_node *open_node(const struct parser *p)
{
	assert(p->open < p->count);
	return &p->nodes[p->open];
}

static const char too_deep[] = "nested deeper than the limit allows";
static const char too_many[] = "more values than the limit allows";

static const char *add_node(struct parser *p, uint32_t info)
{
	if (p->count == p->max)
		return too_many;
	if (p->count == p->cap) {
		p->cap *= 2;
		p->nodes = xrealloc(p->nodes, p->cap * sizeof(*p->nodes));
	}
	p->nodes[p->count++] = (struct json_node){
		.start = offset(p),
		.next = JSON_NONE,
		.info = info,
	};
	return NULL;
}

/* Add a value and make it the newest child of the open container. */
static const char *add_value(struct parser *p, enum json_type type)
{
	const char *what = add_node(p, type);
	uint32_t v = p->count - 1;
	struct json_node *parent;

	if (what != NULL || p->open == JSON_NONE)
		return what;
	parent = open_node(p);
	if (node_count(parent) > 0)
		p->nodes[parent->end].next = v;
	parent->end = v;
	parent->info += NODE_ONE;
	if (node_type(parent) == JSON_OBJECT)
		p->nodes[v].info |= NODE_MEMBER;
	return NULL;
}

static void value_done(struct parser *p, uint32_t v)
{
	p->nodes[v].end = offset(p);
	p->expect = p->open == JSON_NONE ? EXPECT_NOTHING : EXPECT_COMMA;
}

static const char *open_container(struct parser *p, enum json_type type)
{
	const char *what;

	if (p->depth == p->depth_max)
		return too_deep;
	what = add_value(p, type);
	if (what != NULL)
		return what;
	p->depth++;
	p->nodes[p->count - 1].next = p->open;
	p->open = p->count - 1;
	p->expect = type == JSON_ARRAY ? EXPECT_ELEMENT : EXPECT_MEMBER;
	p->at++;
	return NULL;
}

static const char *close_container(struct parser *p)
{
	struct json_node *n = open_node(p);
	uint32_t v = p->open;

	p->at++;
	p->depth--;
	p->open = n->next;
	n->next = JSON_NONE;
	value_done(p, v);
	return NULL;
}

/* One value when it has only numbers, and may be folded. */
static const char *read_array(struct parser *p)
{
	const uint8_t *next = NULL;
	uint32_t count = 0;
	const char *what;

	if (p->fold)
		next = fold_numbers(p->at + 1, p->end, NODE_COUNT_MAX, &count);
	if (next == NULL)
		return open_container(p, JSON_ARRAY);
	if (p->depth == p->depth_max)
		return too_deep;
	what = add_value(p, JSON_ARRAY);
	if (what != NULL)
		return what;
	p->nodes[p->count - 1].info += NODE_FOLDED + count * NODE_ONE;
	p->at = next;
	value_done(p, p->count - 1);
	return NULL;
}

/* What may stand behind a backslash; 'u' wants digits as well. */
static const bool escapes[256] = {
	['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true,
	['f'] = true, ['n'] = true,  ['r'] = true, ['t'] = true,
};

/* A lone surrogate is text, if not much of one: RFC 8259 section 8.2. */
static bool is_unicode_escape(const uint8_t *at, const uint8_t *end)
{
	return end - at >= 6 && at[1] == 'u' && is_hex(at[2]) &&
	       is_hex(at[3]) && is_hex(at[4]) && is_hex(at[5]);
}

/*
 * Behind the escape or the characters that stand at at, or NULL.  The place is
 * kept in a register here, and why it is NULL asked later: a body is mostly
 * strings.
 */
static const uint8_t *skip_special(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *next = at;

	if (*at >= 0x80) {
		next = scan_utf8(at, end);
		return next > at ? next : NULL;
	}
	/* Often several: a line break, then tabs. */
	while (end - next >= 2 && next[0] == '\\' && escapes[next[1]])
		next += 2;
	if (next > at)
		return next;
	return *at == '\\' && is_unicode_escape(at, end) ? at + 6 : NULL;
}

static const char *why_not_special(const uint8_t *at, const uint8_t *end)
{
	if (*at < 0x20) {
		return "a control character in a string must be escaped (a line "
		       "break is \\n)";
	}
	if (*at >= 0x80)
		return "the string is not valid UTF-8";
	if (end - at < 2)
		return "the text ends inside an escape";
	if (at[1] == 'u')
		return "\\u must be followed by 4 hexadecimal digits";
	return "unknown escape: expected one of \" \\ / b f n r t u after the "
	       "backslash";
}

/* From the opening quote to behind the closing one, into the newest node. */
static const char *read_string(struct parser *p)
{
	const uint8_t *at = p->at + 1, *next;
	struct json_node *n = &p->nodes[p->count - 1];

	for (;;) {
		at = scan_plain(at, p->end);
		if (at == p->end)
			return "the string has no closing quote";
		if (*at == '"')
			break;
		next = skip_special(at, p->end);
		if (next == NULL) {
			p->at = at;
			return why_not_special(at, p->end);
		}
		if (*at == '\\')
			n->info |= NODE_ESCAPED;
		at = next;
	}
	p->at = at + 1;
	n->end = offset(p);
	return NULL;
}

static const char *read_string_value(struct parser *p)
{
	const char *what = add_value(p, JSON_STRING);
	uint32_t v = p->count - 1;

	if (what == NULL)
		what = read_string(p);
	if (what == NULL)
		value_done(p, v);
	return what;
}

static const char *read_word(struct parser *p, struct str word,
			     enum json_type type)
{
	const char *what;

	if ((size_t)(p->end - p->at) < word.len ||
	    memcmp(p->at, word.ptr, word.len) != 0) {
		return "expected a value (the only bare words are true, false "
		       "and null)";
	}
	what = add_value(p, type);
	if (what != NULL)
		return what;
	p->at += word.len;
	value_done(p, p->count - 1);
	return NULL;
}

/* Skip digits; false when there is none. */
static bool skip_digits(struct parser *p)
{
	const uint8_t *from = p->at;

	while (p->at < p->end && is_digit(*p->at))
		p->at++;
	return p->at > from;
}

static bool skip_byte(struct parser *p, uint8_t c)
{
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

/* RFC 8259 section 6. */
static const char *skip_number(struct parser *p)
{
	(void)skip_byte(p, '-');
	if (skip_byte(p, '0')) {
		if (p->at < p->end && is_digit(*p->at))
			return "a number has no leading zeros";
	} else if (!skip_digits(p)) {
		return "expected a digit after the minus sign";
	}
	if (skip_byte(p, '.') && !skip_digits(p))
		return "expected a digit after the decimal point";
	if (skip_byte(p, 'e') || skip_byte(p, 'E')) {
		if (!skip_byte(p, '+'))
			(void)skip_byte(p, '-');
		if (!skip_digits(p))
			return "expected a digit in the exponent";
	}
	return NULL;
}

static const char *read_number(struct parser *p)
{
	const char *what = add_value(p, JSON_NUMBER);

	if (what == NULL)
		what = skip_number(p);
	if (what == NULL)
		value_done(p, p->count - 1);
	return what;
}

/* People write JSON by hand: say what each common slip is. */
static const char *why_no_value(const struct parser *p)
{
	switch (*p->at) {
	case ']':
		return p->open != JSON_NONE &&
				       node_type(open_node(p)) == JSON_ARRAY
			       ? "expected a value (no comma before a ']')"
			       : "expected a value";
	case '\'':
		return "expected a value (strings are in double quotes)";
	case 'T':
	case 'F':
		return "expected a value (true and false are lower case)";
	case 'N':
	case 'I':
		return "expected a value (NaN, Infinity and None are not JSON)";
	case '+':
		return "expected a value (a number has no plus sign)";
	case '.':
		return "expected a value (a number starts with a digit)";
	case '/':
	case '#':
		return "expected a value (JSON has no comments)";
	default:
		return "expected a value";
	}
}

static const char *read_value(struct parser *p)
{
	switch (*p->at) {
	case '"':
		return read_string_value(p);
	case '{':
		return open_container(p, JSON_OBJECT);
	case '[':
		return read_array(p);
	case 't':
		return read_word(p, STR("true"), JSON_TRUE);
	case 'f':
		return read_word(p, STR("false"), JSON_FALSE);
	case 'n':
		return read_word(p, STR("null"), JSON_NULL);
	default:
		return *p->at == '-' || is_digit(*p->at) ? read_number(p)
							 : why_no_value(p);
	}
}

static const char *why_no_key(const struct parser *p)
{
	if (*p->at == '}')
		return "expected a key (no comma before a '}')";
	if (*p->at == '/' || *p->at == '#')
		return "expected a key (JSON has no comments)";
	return p->expect == EXPECT_MEMBER
		       ? "expected a key in double quotes, or '}'"
		       : "expected a key in double quotes";
}

static const char *read_key(struct parser *p)
{
	const char *what;

	if (*p->at != '"')
		return why_no_key(p);
	what = add_node(p, JSON_STRING);
	if (what == NULL)
		what = read_string(p);
	if (what != NULL)
		return what;
	skip_space(p);
	if (!skip_byte(p, ':'))
		return "expected ':' after the key";
	p->expect = EXPECT_VALUE;
	return NULL;
}

static const char *read_comma(struct parser *p)
{
	bool is_object = node_type(open_node(p)) == JSON_OBJECT;

	if (*p->at == (is_object ? '}' : ']'))
		return close_container(p);
	if (!skip_byte(p, ',')) {
		return is_object ? "expected ',' or '}'"
				 : "expected ',' or ']'";
	}
	p->expect = is_object ? EXPECT_KEY : EXPECT_VALUE;
	return NULL;
}

static const char *why_ended(const struct parser *p)
{
	if (p->at == p->text)
		return "the text is empty";
	if (p->open == JSON_NONE)
		return "the text ends where a value is expected";
	return node_type(open_node(p)) == JSON_OBJECT
		       ? "the text ends inside an object"
		       : "the text ends inside an array";
}

static const char *read_next(struct parser *p)
{
	skip_space(p);
	if (p->at == p->end)
		return why_ended(p);

	switch (p->expect) {
	case EXPECT_ELEMENT:
		return *p->at == ']' ? close_container(p) : read_value(p);
	case EXPECT_MEMBER:
		return *p->at == '}' ? close_container(p) : read_key(p);
	case EXPECT_KEY:
		return read_key(p);
	case EXPECT_COMMA:
		return read_comma(p);
	case EXPECT_VALUE:
	case EXPECT_NOTHING:
		break;
	}
	return read_value(p);
}

static const char *read_text(struct parser *p)
{
	const char *what;

	if (p->end - p->at >= UINT32_MAX)
		return "the text is over 4 GB";
	if (p->end - p->at >= 3 && memcmp(p->at, "\xef\xbb\xbf", 3) == 0)
		return "the text starts with a byte order mark";
	do {
		what = read_next(p);
		if (what != NULL)
			return what;
	} while (p->expect != EXPECT_NOTHING);
	skip_space(p);
	return p->at == p->end ? NULL : "expected nothing after the value";
}

/* Most texts have a value or key in sixteen bytes, or more text than that. */
static uint32_t first_cap(size_t len)
{
	size_t n = 16 + len / 16;

	return n < NODES_FIRST_MAX ? (uint32_t)n : NODES_FIRST_MAX;
}

static uint32_t limit_or(uint32_t limit, uint32_t standard)
{
	return limit == 0 ? standard : limit;
}

int json_parse(struct str text, const struct json_limits *limits,
	       struct json *doc, struct json_error *error)
{
	static const struct json_limits none = { 0 };
	const uint8_t *from =
		text.len > 0 ? (const uint8_t *)text.ptr : (const uint8_t *)"";
	struct parser p = { .text = from, .at = from, .end = from + text.len };

	p.open = JSON_NONE;
	if (limits == NULL)
		limits = &none;
	p.depth_max = limit_or(limits->depth, DEPTH_DEFAULT);
	p.max = limit_or(limits->nodes, NODES_DEFAULT);
	if (p.max > NODE_COUNT_MAX)
		p.max = NODE_COUNT_MAX;
	p.fold = limits->fold_numbers;
	p.cap = first_cap(text.len);
	p.nodes = xmalloc(p.cap * sizeof(*p.nodes));

	error->what = read_text(&p);
	if (error->what != NULL) {
		json_locate(text, (size_t)(p.at - from), error);
		error->is_limit =
			error->what == too_deep || error->what == too_many;
		free(p.nodes);
		*doc = (struct json){ 0 };
		return JSON_BAD;
	}
	/* Thousands of requests hold a tape for as long as they stream. */
	if (p.cap - p.count > NODES_SPARE_MAX)
		p.nodes = xrealloc(p.nodes, p.count * sizeof(*p.nodes));
	*doc = (struct json){ .text = text,
			      .nodes = p.nodes,
			      .node_count = p.count,
			      .node_cap = p.count };
	return 0;
}

void json_fini(struct json *doc)
{
	free(doc->nodes);
	*doc = (struct json){ 0 };
}
