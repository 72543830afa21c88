#include "io/io.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

static int parse_unix(struct str path, struct io_addr *out)
{
	struct sockaddr_un *un = &out->un;

	if (path.len == 0 || path.len >= sizeof(un->sun_path) ||
	    memchr(path.ptr, '\0', path.len) != NULL)
		return -EINVAL;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path.ptr, path.len);
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			       path.len + 1);
	return 0;
}

/* "fe80::1%eth0": the zone is an interface's name or number. */
static int parse_zone(struct str zone, uint32_t *out)
{
	char name[IF_NAMESIZE];
	int64_t n;

	if (str_to_i64(zone, 1, UINT32_MAX, &n)) {
		*out = (uint32_t)n;
		return 0;
	}
	if (zone.len == 0 || zone.len >= sizeof(name))
		return -EINVAL;
	memcpy(name, zone.ptr, zone.len);
	name[zone.len] = '\0';
	*out = if_nametoindex(name);
	return *out != 0 ? 0 : -EINVAL;
}

static int parse_v6(const char *text, struct str zone, uint16_t port,
		    struct io_addr *out)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port) };

	if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
		return -EINVAL;
	if (zone.ptr != NULL && parse_zone(zone, &in6.sin6_scope_id) < 0)
		return -EINVAL;
	memcpy(&out->ss, &in6, sizeof(in6));
	out->len = sizeof(in6);
	return 0;
}

static int parse_v4(const char *text, uint16_t port, struct io_addr *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(port) };

	if (inet_pton(AF_INET, text, &in.sin_addr) != 1)
		return -EINVAL;
	memcpy(&out->ss, &in, sizeof(in));
	out->len = sizeof(in);
	return 0;
}

int io_addr_parse(struct str host, uint16_t port, struct io_addr *out)
{
	char text[INET6_ADDRSTRLEN];
	struct str head, zone;
	struct io_addr addr;
	int r;

	memset(&addr, 0, sizeof(addr));
	if (str_starts(host, STR("unix:"))) {
		r = parse_unix(str_drop(host, 5), &addr);
		if (r == 0)
			*out = addr;
		return r;
	}
	if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
		host = str_drop(str_take(host, host.len - 1), 1);
	if (!str_cut(host, '%', &head, &zone))
		zone = STR_NULL;
	if (head.len == 0 || head.len >= sizeof(text))
		return -EINVAL;
	memcpy(text, head.ptr, head.len);
	text[head.len] = '\0';
	if (strlen(text) != head.len)
		return -EINVAL;
	if (memchr(text, ':', head.len) != NULL) {
		r = parse_v6(text, zone, port, &addr);
	} else {
		r = zone.ptr == NULL ? parse_v4(text, port, &addr) : -EINVAL;
	}
	if (r == 0)
		*out = addr;
	return r;
}

static int text_in(const struct io_addr *a, char *out)
{
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in in;

	memcpy(&in, &a->ss, sizeof(in));
	(void)inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
	return snprintf(out, IO_ADDR_TEXT_MAX, "%s:%u", host,
			ntohs(in.sin_port));
}

static int text_in6(const struct io_addr *a, char *out)
{
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in6 in6;

	memcpy(&in6, &a->ss, sizeof(in6));
	(void)inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
	if (in6.sin6_scope_id != 0) {
		return snprintf(out, IO_ADDR_TEXT_MAX, "[%s%%%u]:%u", host,
				in6.sin6_scope_id, ntohs(in6.sin6_port));
	}
	return snprintf(out, IO_ADDR_TEXT_MAX, "[%s]:%u", host,
			ntohs(in6.sin6_port));
}

/* A socket pair and a client's end have no name; "@" marks an abstract one. */
static int text_unix(const struct io_addr *a, char *out)
{
	size_t head = offsetof(struct sockaddr_un, sun_path);
	size_t len = a->len > head ? a->len - head : 0;
	const char *path = a->un.sun_path;

	if (len > 0 && path[0] == '\0') {
		return snprintf(out, IO_ADDR_TEXT_MAX, "unix:@%.*s",
				(int)(len - 1), path + 1);
	}
	return snprintf(out, IO_ADDR_TEXT_MAX, "unix:%.*s",
			(int)strnlen(path, len), path);
}

struct str io_addr_text(const struct io_addr *a, char out[IO_ADDR_TEXT_MAX])
{
	int n;

	if (a->len < sizeof(a->sa.sa_family)) {
		n = snprintf(out, IO_ADDR_TEXT_MAX, "unknown");
	} else if (a->sa.sa_family == AF_INET) {
		n = text_in(a, out);
	} else if (a->sa.sa_family == AF_INET6) {
		n = text_in6(a, out);
	} else if (a->sa.sa_family == AF_UNIX) {
		n = text_unix(a, out);
	} else {
		n = snprintf(out, IO_ADDR_TEXT_MAX, "family %d",
			     a->sa.sa_family);
	}
	assert(n >= 0);
	return (struct str){ out, n < IO_ADDR_TEXT_MAX ? (size_t)n
						       : IO_ADDR_TEXT_MAX - 1 };
}
