#include "telemetry/mailbox.h"

#include <stdlib.h>

bool mailbox_put(struct mailbox *m, struct mailbox_text *text)
{
	uint64_t put = counter_get(&m->put);
	uint64_t taken = __atomic_load_n(&m->taken, __ATOMIC_ACQUIRE);

	if (put - taken == MAILBOX_MAX) {
		counter_add(&m->dropped, 1);
		return false;
	}
	m->texts[put % MAILBOX_MAX] = text;
	__atomic_store_n(&m->put, put + 1, __ATOMIC_RELEASE);
	return true;
}

struct mailbox_text *mailbox_take(struct mailbox *m)
{
	uint64_t taken = counter_get(&m->taken);
	uint64_t put = __atomic_load_n(&m->put, __ATOMIC_ACQUIRE);
	struct mailbox_text *text;

	if (put == taken)
		return NULL;
	text = m->texts[taken % MAILBOX_MAX];
	__atomic_store_n(&m->taken, taken + 1, __ATOMIC_RELEASE);
	return text;
}

size_t mailbox_len(const struct mailbox *m)
{
	return (size_t)(counter_get(&m->put) - counter_get(&m->taken));
}

void mailbox_fini(struct mailbox *m)
{
	struct mailbox_text *text;

	while ((text = mailbox_take(m)) != NULL)
		free(text);
}
