#include "io/io.h"

#include <arpa/inet.h>
#include <netinet/in.h>

struct range {
	uint32_t first;
	unsigned bits;
};

#define V4(a, b, c, d)                                                    \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | \
	 (uint32_t)(d))

/* IANA's special-purpose addresses (RFC 6890), and a service of Azure. */
static const struct range reserved[] = {
	{ V4(0, 0, 0, 0), 8 },        { V4(10, 0, 0, 0), 8 },
	{ V4(100, 64, 0, 0), 10 },    { V4(127, 0, 0, 0), 8 },
	{ V4(168, 63, 129, 16), 32 }, { V4(169, 254, 0, 0), 16 },
	{ V4(172, 16, 0, 0), 12 },    { V4(192, 0, 0, 0), 24 },
	{ V4(192, 0, 2, 0), 24 },     { V4(192, 88, 99, 0), 24 },
	{ V4(192, 168, 0, 0), 16 },   { V4(198, 18, 0, 0), 15 },
	{ V4(198, 51, 100, 0), 24 },  { V4(203, 0, 113, 0), 24 },
	{ V4(224, 0, 0, 0), 3 },
};

static bool is_public_v4(uint32_t a)
{
	for (size_t i = 0; i < countof(reserved); i++) {
		unsigned shift = 32 - reserved[i].bits;

		if (a >> shift == reserved[i].first >> shift)
			return false;
	}
	return true;
}

/* The 32 bits of v6 from byte at on. */
static uint32_t bits_at(const struct in6_addr *a, size_t at)
{
	return V4(a->s6_addr[at], a->s6_addr[at + 1], a->s6_addr[at + 2],
		  a->s6_addr[at + 3]);
}

/*
 * Only 2000::/3 is given out; of that, not 2001::/23 (Teredo and other
 * protocols), 2001:db8::/32, 2002::/16 (6to4, with any IPv4 inside) and
 * 3fff::/20.  Of IPv4 in IPv6 only ::ffff:0:0/96 is ever connected to.
 */
static bool is_public_v6(const struct in6_addr *a)
{
	uint32_t top = bits_at(a, 0);

	if (IN6_IS_ADDR_V4MAPPED(a))
		return is_public_v4(bits_at(a, 12));
	return top >> 29 == 1 && top >> 9 != 0x20010000u >> 9 &&
	       top != 0x20010db8u && top >> 16 != 0x2002 &&
	       top >> 12 != 0x3fff0;
}

bool io_addr_is_public(const struct io_addr *a)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (a->sa.sa_family == AF_INET) {
		memcpy(&in, &a->ss, sizeof(in));
		return is_public_v4(ntohl(in.sin_addr.s_addr));
	}
	if (a->sa.sa_family != AF_INET6)
		return false;
	memcpy(&in6, &a->ss, sizeof(in6));
	return is_public_v6(&in6.sin6_addr);
}
