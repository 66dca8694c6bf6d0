/*
 * fail-malloc - a preload: the allocation number FAIL_AT fails.
 *
 * malloc(), calloc(), realloc() and aligned ones count, of all threads together, from the program's
 * first umask() on, which is the first thing that fotad's main() does once its options are read.
 * FAIL_AT=K: number K fails; K+: all from there on. FAIL_REPORT=FILE: is made when one failed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef void *malloc_function(size_t);
typedef void *calloc_function(size_t, size_t);
typedef void *realloc_function(void *, size_t);
typedef void free_function(void *);

static malloc_function *real_malloc;
static calloc_function *real_calloc;
static realloc_function *real_realloc;
static free_function *real_free;

static atomic_ulong counted, failed;
static unsigned long fail_at;
static bool from_there_on, counting, resolving;

/* dlsym() allocates before the real functions are known. */
static char early[65536];
static size_t early_used;

static void *take_early(size_t size)
{
	void *p = early + early_used;

	early_used += (size + 15) & ~(size_t) 15;
	return early_used <= sizeof(early) ? p : NULL;
}

static bool is_early(const void *p)
{
	return (const char *) p >= early && (const char *) p < early + sizeof(early);
}

static bool resolve(void)
{
	if (real_free)
		return true;
	if (resolving)
		return false;
	resolving = true;
	*(void **) &real_malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **) &real_calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **) &real_realloc = dlsym(RTLD_NEXT, "realloc");
	*(void **) &real_free = dlsym(RTLD_NEXT, "free");
	resolving = false;
	return true;
}

static bool shall_fail(void)
{
	unsigned long n;

	if (!counting)
		return false;
	n = ++counted;
	if (n != fail_at && !(from_there_on && n > fail_at))
		return false;
	failed++;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	if (!resolve())
		return take_early(size);
	return shall_fail() ? NULL : real_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (!resolve())
		return take_early(n * size);
	return shall_fail() ? NULL : real_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	if (!resolve() || is_early(p)) {
		void *q = resolving ? take_early(size) : real_malloc(size);

		if (p && q)
			memcpy(q, p,
				size); /* from the same buffer: reading too much does no harm */
		return q;
	}
	return shall_fail() ? NULL : real_realloc(p, size);
}

void free(void *p)
{
	if (!is_early(p) && resolve())
		real_free(p);
}

mode_t umask(mode_t mask)
{
	const char *at = getenv("FAIL_AT");
	char *end = NULL;

	if (at && !counting) {
		fail_at = strtoul(at, &end, 10);
		from_there_on = *end == '+';
		counting = true;
	}
	return (mode_t) syscall(SYS_umask, mask);
}

/* At the end, not when it happens: opening a file there might fail for the same reason. */
__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("FAIL_REPORT");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		dprintf(fd, "%lu %lu\n", (unsigned long) counted, (unsigned long) failed);
	if (fd >= 0)
		close(fd);
}
