#include "store/libpq.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "base/err.h"

struct libpq libpq;

static const char *const names[] = {
#define NAME(name) #name,
	LIBPQ_FUNCTIONS(NAME)
#undef NAME
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *missing; /* NULL: all is there */

_Static_assert(sizeof(libpq) == sizeof(names), "functions have other sizes");

static void load(void)
{
	void *lib = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);

	missing = lib == NULL ? "it" : NULL;
	for (size_t i = 0; i < countof(names) && missing == NULL; i++) {
		void *f = dlsym(lib, names[i]);

		if (f == NULL)
			missing = names[i];
		memcpy((char *)&libpq + i * sizeof(f), &f, sizeof(f));
	}
}

int libpq_load(void)
{
	(void)pthread_once(&once, load);
	if (missing == NULL)
		return 0;
	return err_new(-ENOSYS,
		       "store: PostgreSQL needs libpq 14 or newer, and %s is "
		       "not there: apt-get install libpq5",
		       missing);
}
