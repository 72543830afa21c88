#include "config/env_files.h"

#include "config/env.h"
#include "config/schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SUFFIX STR("_FILE")

struct environment {
	struct load *load;
	char **list;
	size_t count, room;
};

static bool has_name(const char *names, struct str name)
{
	struct str rest = str_of(names), one;

	while (rest.len > 0) {
		(void)str_cut(rest, '|', &one, &rest);
		if (str_eq(one, name))
			return true;
	}
	return false;
}

static const struct setting *find_in(const struct setting *rows,
				     struct str name)
{
	for (; rows != NULL && rows->key != NULL; rows++) {
		if (rows->env != NULL && has_name(rows->env, name))
			return rows;
	}
	return NULL;
}

static const struct setting *find(const struct load *l, struct str name)
{
	static const struct setting *const tables[] = {
		schema_settings,  schema_network, schema_store,
		schema_responses, schema_process, NULL,
	};
	const struct config_provider_type *type = l->types;
	const struct setting *found = NULL;

	for (size_t i = 0; tables[i] != NULL && found == NULL; i++)
		found = find_in(tables[i], name);
	for (; type != NULL && type->name != NULL && found == NULL; type++)
		found = find_in(type->settings, name);
	return found;
}

/* Returns the bytes of the value, 0 for none, or -errno. */
static ssize_t read_value(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	if (len == size)
		return -EMSGSIZE;
	if (memchr(text, '\0', len) != NULL)
		return -EILSEQ;
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	return (ssize_t)len;
}

/* A FIFO that nobody writes to does not hold up the start. */
static ssize_t read_path(int dir, const char *path, char *text, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read_value(fd, text, size);
	(void)close(fd);
	return len;
}

/* Where it is, maybe empty, or would be. */
static size_t find_variable(const struct environment *e, struct str name)
{
	struct str key, value;
	size_t i = 0;

	while (i < e->count &&
	       !(str_cut(str_of(e->list[i]), '=', &key, &value) &&
		 str_eq(key, name)))
		i++;
	return i;
}

/* who is what the file was named by, for a message. */
static void add_file(struct environment *e, struct str name, int dir,
		     const char *path, struct str who)
{
	char *text = arena_alloc(&e->load->scratch, ENV_FILE_MAX + 1);
	ssize_t len = read_path(dir, path, text, ENV_FILE_MAX + 1);
	const char *why = len == 0           ? "is empty"
			  : len == -EMSGSIZE ? "is longer than 64 KB"
			  : len == -EILSEQ   ? "has a NUL in it"
			  : len < 0          ? strerrordesc_np((int)-len)
					     : NULL;
	struct str parts[] = { name, STR("="), STR_NULL };
	size_t at;

	if (why != NULL) {
		problem_error(&e->load->problems, (struct place){ .name = who },
			      "%s: %s", path, why);
		return;
	}
	parts[2] = (struct str){ text, (size_t)len };
	at = find_variable(e, name);
	if (at == e->room)
		return;
	e->count += at == e->count;
	e->list[at] =
		arena_cz(e->load->arena,
			 arena_join(&e->load->scratch, parts, countof(parts)));
}

static bool is_set(const struct environment *e, struct str name)
{
	return env_get(e->list, name).len > 0;
}

static void add_named(struct environment *e, char *variable)
{
	struct str key, path, name;
	const struct setting *s;

	if (!str_cut(str_of(variable), '=', &key, &path) || path.len == 0 ||
	    key.len <= SUFFIX.len || !str_ends(key, SUFFIX))
		return;
	name = str_take(key, key.len - SUFFIX.len);
	s = find(e->load, name);
	if (s == NULL || s->kind == SETTING_PATH || is_set(e, name) ||
	    find(e->load, key) != NULL)
		return;
	add_file(e, name, AT_FDCWD, path.ptr, key);
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '_')
			return false;
	}
	return s.len > 0;
}

static void add_credentials(struct environment *e)
{
	struct str who = STR("CREDENTIALS_DIRECTORY");
	struct str path = env_get(e->list, who);
	const struct dirent *entry;
	DIR *dir;

	if (path.len == 0)
		return;
	dir = opendir(path.ptr);
	if (dir == NULL) {
		problem_error(&e->load->problems, (struct place){ .name = who },
			      STR_FMT ": %s", STR_ARG(path),
			      strerrordesc_np(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		struct str name =
			arena_str(&e->load->scratch, str_of(entry->d_name));

		if (is_name(name) && !is_set(e, name))
			add_file(e, name, dirfd(dir), entry->d_name, who);
	}
	(void)closedir(dir);
}

void env_files(struct load *l, char **environment)
{
	struct environment e = { .load = l };
	size_t n = 0;

	while (environment != NULL && environment[n] != NULL)
		n++;
	/* A variable may name one file, and one more is for the end. */
	e.room = n * 2 + ENV_FILES_MAX;
	e.list = arena_zalloc(l->arena, (e.room + 1) * sizeof(*e.list));
	for (; e.count < n; e.count++)
		e.list[e.count] = environment[e.count];
	add_credentials(&e);
	for (size_t i = 0; i < n; i++)
		add_named(&e, environment[i]);
	l->env = e.list;
	l->cfg->environment = e.list;
}
