#include "config/tree.h"

#include <assert.h>
#include <yaml.h>

struct tree_parser {
	yaml_parser_t yaml;
	const struct tree_source *source;
	struct tree_node *stack[TREE_DEPTH_MAX];
	size_t depth;
	struct tree_node *root;
	size_t nodes;
	/* the key whose value comes next */
	struct str key;
	struct place key_at;
	bool has_key, key_is_double;
	bool bad;   /* an error was noted */
	bool ended; /* and nothing more can be read */
};

static struct place place_of(const struct tree_parser *p, yaml_mark_t mark)
{
	return (struct place){ p->source->file, mark.line + 1,
			       mark.column + 1 };
}

#define tree_error(p, at, ...)                                         \
	do {                                                           \
		(p)->bad = true;                                       \
		problem_error((p)->source->problems, at, __VA_ARGS__); \
	} while (0)

/* The reader's errors come with a byte offset only. */
static struct place place_of_offset(const struct tree_parser *p, size_t offset)
{
	struct str before = str_take(p->source->text, offset);
	struct place at = { p->source->file, 1, 1 };

	for (size_t i = 0; i < before.len; i++) {
		at.column++;
		if (before.ptr[i] == '\n') {
			at.line++;
			at.column = 1;
		}
	}
	return at;
}

static void note_syntax(struct tree_parser *p)
{
	const yaml_parser_t *y = &p->yaml;
	struct place at = y->error == YAML_READER_ERROR
				  ? place_of_offset(p, y->problem_offset)
				  : place_of(p, y->problem_mark);
	const char *what = y->problem != NULL ? y->problem : "unreadable";

	p->ended = true;
	if (y->context != NULL) {
		tree_error(p, at, "not YAML: %s %s", what, y->context);
	} else {
		tree_error(p, at, "not YAML: %s", what);
	}
}

static struct tree_node *top(struct tree_parser *p)
{
	return p->depth > 0 ? p->stack[p->depth - 1] : NULL;
}

void tree_link(struct tree_node *parent, struct tree_node *n)
{
	if (parent->last != NULL) {
		parent->last->next = n;
	} else {
		parent->first = n;
	}
	parent->last = n;
	parent->count++;
}

static struct tree_node *add_node(struct tree_parser *p, enum tree_kind kind,
				  yaml_mark_t mark)
{
	struct tree_node *parent = top(p), *n;

	if (p->nodes++ == TREE_NODES_MAX) {
		tree_error(p, place_of(p, mark), "more than %d values",
			   TREE_NODES_MAX);
		p->ended = true;
		return NULL;
	}
	n = arena_zalloc(p->source->arena, sizeof(*n));
	n->kind = kind;
	n->at = place_of(p, mark);
	if (parent == NULL) {
		p->root = n;
	} else if (parent->kind == TREE_LIST) {
		tree_link(parent, n);
	} else {
		n->key = p->key;
		n->key_at = p->key_at;
		if (!p->key_is_double)
			tree_link(parent, n);
		p->has_key = false;
	}
	return n;
}

static void add_key(struct tree_parser *p, struct str key, yaml_mark_t mark)
{
	struct tree_node *map = top(p);
	const struct tree_node *other = tree_find(map, key);

	p->key = arena_str(p->source->arena, key);
	p->key_at = place_of(p, mark);
	p->has_key = true;
	p->key_is_double = other != NULL;
	if (other != NULL) {
		struct str name = problem_quote(p->source->arena, key);

		tree_error(p, p->key_at,
			   "key " STR_FMT " stands twice, first in line %zu",
			   STR_ARG(name), other->key_at.line);
	} else if (map->count == TREE_KEYS_MAX) {
		tree_error(p, p->key_at, "more than %d keys", TREE_KEYS_MAX);
		p->ended = true;
	}
}

static bool wants_key(struct tree_parser *p)
{
	return top(p) != NULL && top(p)->kind == TREE_MAP && !p->has_key;
}

/* YAML's own tags say nothing new here; others ask for a type we do not have */
static void check_mark(struct tree_parser *p, const yaml_event_t *e,
		       const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct str name = str_of((const char *)tag);

	if (anchor != NULL) {
		tree_error(p, place_of(p, e->start_mark),
			   "anchors and aliases are not supported");
	}
	if (name.len > 1 && !str_starts(name, STR("tag:yaml.org,2002:"))) {
		tree_error(p, place_of(p, e->start_mark),
			   "tags are not supported");
	}
}

static void on_scalar(struct tree_parser *p, const yaml_event_t *e)
{
	struct str text = { (const char *)e->data.scalar.value,
			    e->data.scalar.length };
	struct tree_node *n;

	check_mark(p, e, e->data.scalar.anchor, e->data.scalar.tag);
	if (text.len > TREE_TEXT_MAX) {
		tree_error(p, place_of(p, e->start_mark),
			   "value of more than %d bytes", TREE_TEXT_MAX);
		text.len = 0;
	}
	if (wants_key(p)) {
		add_key(p, text, e->start_mark);
		return;
	}
	n = add_node(p, TREE_SCALAR, e->start_mark);
	if (n == NULL)
		return;
	n->text = arena_str(p->source->arena, text);
	n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

static void on_start(struct tree_parser *p, const yaml_event_t *e,
		     enum tree_kind kind)
{
	struct tree_node *n;

	if (wants_key(p) || p->depth == TREE_DEPTH_MAX) {
		tree_error(p, place_of(p, e->start_mark),
			   wants_key(p) ? "a key must be a text"
					: "nested too deep");
		p->ended = true;
		return;
	}
	n = add_node(p, kind, e->start_mark);
	if (n != NULL)
		p->stack[p->depth++] = n;
}

static void on_document(struct tree_parser *p, const yaml_event_t *e)
{
	if (p->root == NULL)
		return;
	tree_error(p, place_of(p, e->start_mark),
		   "a second document; there may be one");
	p->ended = true;
}

static void on_event(struct tree_parser *p, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		on_scalar(p, e);
		break;
	case YAML_SEQUENCE_START_EVENT:
		check_mark(p, e, e->data.sequence_start.anchor,
			   e->data.sequence_start.tag);
		on_start(p, e, TREE_LIST);
		break;
	case YAML_MAPPING_START_EVENT:
		check_mark(p, e, e->data.mapping_start.anchor,
			   e->data.mapping_start.tag);
		on_start(p, e, TREE_MAP);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		assert(p->depth > 0);
		p->depth--;
		break;
	case YAML_ALIAS_EVENT:
		tree_error(p, place_of(p, e->start_mark),
			   "anchors and aliases are not supported");
		p->ended = true;
		break;
	case YAML_DOCUMENT_START_EVENT:
		on_document(p, e);
		break;
	case YAML_STREAM_END_EVENT:
		p->ended = true;
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
}

int tree_parse(const struct tree_source *source, struct tree_node **out)
{
	struct tree_parser p = { .source = source };
	yaml_event_t event;

	/* Fails for want of memory only. */
	if (!yaml_parser_initialize(&p.yaml))
		abort();
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.yaml,
				     (const yaml_char_t *)source->text.ptr,
				     source->text.len);
	while (!p.ended) {
		if (!yaml_parser_parse(&p.yaml, &event)) {
			note_syntax(&p);
			break;
		}
		on_event(&p, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&p.yaml);
	*out = p.root;
	return p.bad ? TREE_BAD : 0;
}

const struct tree_node *tree_find(const struct tree_node *map, struct str key)
{
	assert(map->kind == TREE_MAP);

	for (const struct tree_node *n = map->first; n != NULL; n = n->next) {
		if (str_eq(n->key, key))
			return n;
	}
	return NULL;
}

bool tree_is_null(const struct tree_node *n)
{
	return n->kind == TREE_SCALAR && !n->quoted &&
	       (n->text.len == 0 || str_eq(n->text, STR("~")) ||
		str_eq_nocase(n->text, STR("null")));
}

bool tree_is_empty(const struct tree_node *n)
{
	return n->kind == TREE_SCALAR ? n->text.len == 0 || tree_is_null(n)
				      : n->count == 0;
}
