#include "io/block.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/err.h"

/* In milliseconds, rounded up: to wake too early would be to spin. */
static int left_ms(int64_t deadline_ns)
{
	int64_t left = deadline_ns - clock_monotonic();

	if (left <= 0)
		return 0;
	if (left >= 60 * CLOCK_S)
		return 60000;
	return (int)((left + CLOCK_MS - 1) / CLOCK_MS);
}

int block_until(int fd, unsigned events, int64_t deadline_ns,
		unsigned *out_ready)
{
	struct pollfd p = { .fd = fd };
	int n;

	if ((events & BLOCK_READ) != 0)
		p.events |= POLLIN;
	if ((events & BLOCK_WRITE) != 0)
		p.events |= POLLOUT;
	do {
		n = poll(&p, 1, left_ms(deadline_ns));
		if (n < 0 && errno != EINTR)
			return err_new(-errno, "poll: %m");
	} while (n <= 0 && clock_monotonic() < deadline_ns);
	if (n <= 0)
		return err_new(-ETIMEDOUT, "poll: not ready in time");
	*out_ready = 0;
	if ((p.revents & ~POLLOUT) != 0)
		*out_ready |= events & BLOCK_READ;
	if ((p.revents & ~POLLIN) != 0)
		*out_ready |= events & BLOCK_WRITE;
	return 0;
}
