#include "provider/aws_credentials.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* "[name]"; the sister file "config" writes "[profile name]". */
static bool section_name(struct str line, struct str *name)
{
	static const struct str prefix = STR_INIT("profile ");

	if (line.len < 2 || line.ptr[0] != '[' || line.ptr[line.len - 1] != ']')
		return false;
	*name = str_trim((struct str){ line.ptr + 1, line.len - 2 });
	if (str_starts(*name, prefix))
		*name = str_trim(str_drop(*name, prefix.len));
	return true;
}

static void read_line(struct str line, struct aws_credentials *out)
{
	struct str key, value;

	(void)str_cut(line, '=', &key, &value);
	key = str_trim(key);
	value = str_trim(value);
	if (str_eq_nocase(key, STR("aws_access_key_id"))) {
		out->access_key = value;
	} else if (str_eq_nocase(key, STR("aws_secret_access_key"))) {
		out->secret_key = value;
	} else if (str_eq_nocase(key, STR("aws_session_token"))) {
		out->token = value;
	}
}

int aws_credentials_parse(struct str text, struct str profile,
			  struct aws_credentials *out)
{
	struct aws_credentials found = { 0 };
	bool inside = false, seen = false;

	while (text.len > 0) {
		struct str line, name;

		(void)str_cut(text, '\n', &line, &text);
		line = str_trim(line);
		if (section_name(line, &name)) {
			inside = str_eq(name, profile);
			seen = seen || inside;
		} else if (inside && line.len > 0 && line.ptr[0] != '#' &&
			   line.ptr[0] != ';') {
			read_line(line, &found);
		}
	}
	if (!seen)
		return AWS_CREDENTIALS_NONE;
	if (found.access_key.len == 0 || found.secret_key.len == 0) {
		return err_new(-EINVAL,
			       "profile '" STR_FMT "' has no "
			       "aws_access_key_id and aws_secret_access_key",
			       STR_ARG(profile));
	}
	*out = found;
	return 0;
}

/* Returns the length, or -errno. */
static ssize_t read_all(int fd, char *out, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, out + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int aws_credentials_load(struct str path, struct str profile, struct arena *a,
			 struct aws_credentials *out)
{
	int fd = open(arena_cz(a, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;
	char *text;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return AWS_CREDENTIALS_NONE;
	if (fd < 0)
		return err_new(-errno, "cannot open " STR_FMT, STR_ARG(path));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > AWS_CREDENTIALS_FILE_MAX) {
		(void)close(fd);
		return err_new(-EINVAL,
			       STR_FMT " is not a file of less than 1 MB",
			       STR_ARG(path));
	}
	text = arena_alloc(a, (size_t)st.st_size);
	n = read_all(fd, text, (size_t)st.st_size);
	(void)close(fd);
	if (n < 0)
		return err_new((int)n, "cannot read " STR_FMT, STR_ARG(path));
	return aws_credentials_parse((struct str){ text, (size_t)n }, profile,
				     out);
}
