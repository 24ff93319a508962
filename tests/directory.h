/* A directory for a test that keeps files: in memory where the machine has room for it there, as
 * no test cuts the power and each would wait for the disk. */
#ifndef TESTS_DIRECTORY_H
#define TESTS_DIRECTORY_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_CAP 64 /* bytes of its path */

static inline int directory_make(char ret_path[DIRECTORY_CAP])
{
	static const char *const places[] = {"/dev/shm", "/tmp"};
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(ret_path, DIRECTORY_CAP, "%s/kadns-test.XXXXXX", places[i]);
		if (mkdtemp(ret_path))
			return 0;
	}
	return -1;
}

static inline int directory_remove_one(
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

/* With all that is in it. */
static inline int directory_remove(const char *path)
{
	return nftw(path, directory_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A file with this text, in place of what stood there at once. */
static inline int directory_put_file(const char *path, const char *text)
{
	char other[512];
	snprintf(other, sizeof(other), "%s.new", path);
	FILE *f = fopen(other, "w");
	if (!f)
		return -1;
	int r = fputs(text, f) < 0;
	r |= fclose(f) != 0;
	return r ? -1 : rename(other, path);
}

static inline int directory_copy_file(const char *from, const char *to)
{
	struct stat st;
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n = fstat(in, &st) == 0 ? sendfile(out, in, NULL, (size_t)st.st_size) : -1;
	close(in);
	close(out);
	return n == st.st_size ? 0 : -1;
}

/* A database and its log, as a kill would leave them. */
static inline int directory_copy_database(const char *from, const char *to)
{
	char log[512], copy[512];
	snprintf(log, sizeof(log), "%s-wal", from);
	snprintf(copy, sizeof(copy), "%s-wal", to);
	return directory_copy_file(from, to) || directory_copy_file(log, copy) ? -1 : 0;
}

#endif
