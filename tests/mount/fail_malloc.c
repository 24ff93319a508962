/* For LD_PRELOAD: memory that runs out for a moment. The file $FAIL_MALLOC: 8 bytes count of what
 * was asked for since it was written, 8 bytes of which one is refused, 0 for none, 8 bytes count of
 * those refused. One thing is never refused: strdup(3) of json-c 0.16, which hashes the name of a
 * member without a look at whether there is one. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t n, size_t len);
void *__libc_realloc(void *old, size_t len);

static struct {
	_Atomic uint64_t asked, refuse, refused;
} * said;

__attribute__((constructor)) static void find_file(void)
{
	const char *path = getenv("FAIL_MALLOC");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED
			   : mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		said = map;
	if (fd >= 0)
		close(fd);
}

static bool is_refused(void)
{
	if (!said || atomic_fetch_add(&said->asked, 1) + 1 != atomic_load(&said->refuse))
		return false;
	atomic_fetch_add(&said->refused, 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t len)
{
	return is_refused() ? NULL : __libc_malloc(len);
}

void *calloc(size_t n, size_t len)
{
	return is_refused() ? NULL : __libc_calloc(n, len);
}

void *realloc(void *old, size_t len)
{
	return is_refused() ? NULL : __libc_realloc(old, len);
}

void *reallocarray(void *old, size_t n, size_t len)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, len, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, bytes);
}

static bool is_of_jsonc(const void *caller)
{
	Dl_info info;
	return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libjson-c");
}

char *strdup(const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = is_of_jsonc(__builtin_return_address(0)) ? __libc_malloc(len) : malloc(len);
	return copy ? memcpy(copy, text, len) : NULL;
}
