/* Key files, reached by openat from one descriptor of their directory, so that nobody can put
 * another directory under the path while we work. */
#include "resolver/signer_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME_MAX 32

/* fsync of a directory, which may be open for reading only. */
static int sync_at(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int check_dir(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

int key_dir_open(const char *dir, int *ret_fd)
{
	bool made = mkdir(dir, 0700) == 0;
	int fd, r;

	if (!made && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) /* ENOTDIR is what a symbolic link gives here */
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	r = check_dir(fd);
	if (r == 0 && made)
		r = sync_at(fd, "..");
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* A second link would be a second place where the seed can be read or changed. */
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 07777) == 0600 &&
			       st.st_nlink == 1 && st.st_size == SEED_LEN
		       ? 0
		       : -EPERM;
}

int key_file_read(int dir_fd, uid_t uid, uint8_t ret_seed[SEED_LEN])
{
	char name[FILE_NAME_MAX];
	ssize_t n;
	int fd, r;

	snprintf(name, sizeof(name), "%u", (unsigned)uid);
	/* O_NONBLOCK: a FIFO in this place is refused below, and must not hold us up before. */
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	/* EACCES: another's, for whom root is nobody without the capability to read all. */
	if (fd < 0)
		return errno == ELOOP || errno == EACCES ? -EPERM : -errno;
	r = check_file(fd);
	if (r < 0)
		goto out;
	n = pread(fd, ret_seed, SEED_LEN, 0);
	if (n != SEED_LEN) {
		r = n < 0 ? -errno : -EIO;
		OPENSSL_cleanse(ret_seed, SEED_LEN);
	}
out:
	close(fd);
	return r;
}

static int fill(int fd)
{
	uint8_t seed[SEED_LEN];
	ssize_t n = getrandom(seed, sizeof(seed), 0);
	int r = n == SEED_LEN ? 0 : -EIO;

	if (r == 0) {
		n = pwrite(fd, seed, sizeof(seed), 0);
		r = n == SEED_LEN ? 0 : n < 0 ? -errno : -EIO;
	}
	OPENSSL_cleanse(seed, sizeof(seed));
	if (r == 0 && fchmod(fd, 0600) < 0) /* whatever the umask took away */
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* Written beside its place and moved there whole: a crash leaves no key file of zero bytes, which
 * would lock its user out for ever. The loop waits for its two syncs, once in a user's life: 8 and
 * 12 ms on the virtual disk that was measured. Nobody may see the key before, for what names it
 * would be worth nothing without it. */
int key_file_make(int dir_fd, uid_t uid)
{
	char name[FILE_NAME_MAX], fresh[FILE_NAME_MAX];
	int fd, r;

	snprintf(name, sizeof(name), "%u", (unsigned)uid);
	snprintf(fresh, sizeof(fresh), "%u.new", (unsigned)uid);
	if (unlinkat(dir_fd, fresh, 0) < 0 && errno != ENOENT) /* of a crash before */
		return -errno;
	fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fill(fd);
	close(fd);
	if (r == 0 && renameat2(dir_fd, fresh, dir_fd, name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir_fd, fresh, 0);
		return r;
	}
	return sync_at(dir_fd, ".");
}
