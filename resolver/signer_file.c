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
#include <sys/syscall.h>
#include <unistd.h>

#include "dht/item.h"
#include "resolver/give.h"

#define FILE_NAME_MAX 32

int key_of_seed(const uint8_t seed[SEED_LEN], uint8_t ret_key[NAME_KEY_LEN])
{
	return dht_key_of_seed(seed, ret_key);
}

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

/* The node's user could put a directory of his own into this place, but he can nothing else. */
static int check_giver(int fd, uid_t uid)
{
	struct stat st, above;

	if (fstat(fd, &st) < 0 || fstatat(fd, "..", &above, 0) < 0)
		return -errno;
	return (st.st_uid == 0 || st.st_uid == uid || st.st_uid == above.st_uid) &&
			       (st.st_mode & 077) == 0
		       ? 0
		       : -EPERM;
}

static int open_dir(const char *dir, int *ret_fd)
{
	bool made = mkdir(dir, 0700) == 0;
	int r = 0, fd;

	if (!made && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) /* ENOTDIR is what a symbolic link gives here */
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	if (made)
		r = sync_at(fd, "..");
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

int key_dir_open(const char *dir, int *ret_fd)
{
	int fd, r = open_dir(dir, &fd);

	if (r < 0)
		return r;
	r = check_dir(fd);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

int key_dir_give(const char *dir, uid_t uid, gid_t gid, int *ret_fd)
{
	int fd, r = open_dir(dir, &fd);

	if (r < 0)
		return r;
	r = check_giver(fd, uid);
	if (r == 0)
		r = give_directory(fd, uid, gid);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
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

static int read_file(int dir_fd, const char *name, uint8_t ret_seed[SEED_LEN])
{
	ssize_t n;
	int r;
	/* O_NONBLOCK: a FIFO in this place is refused below, and must not hold us up before. */
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

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

int key_file_read(int dir_fd, uid_t uid, uint8_t ret_seed[SEED_LEN])
{
	char name[FILE_NAME_MAX];

	snprintf(name, sizeof(name), "%u", (unsigned)uid);
	return read_file(dir_fd, name, ret_seed);
}

static int fill(int fd, const uint8_t seed[SEED_LEN])
{
	ssize_t n = pwrite(fd, seed, SEED_LEN, 0);
	int r = n == SEED_LEN ? 0 : n < 0 ? -errno : -EIO;

	if (r == 0 && fchmod(fd, 0600) < 0) /* whatever the umask took away */
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* A file under `to`, of mode 0600, beside its place until it is whole: a crash leaves no key file
 * of zero bytes, which would lock its user out for ever. `flags` of renameat2. */
static int put_file(int dir_fd, const char *to, const uint8_t seed[SEED_LEN], unsigned flags)
{
	char fresh[FILE_NAME_MAX];
	int fd, r;

	snprintf(fresh, sizeof(fresh), "%.*s.new", FILE_NAME_MAX - 5, to);
	if (unlinkat(dir_fd, fresh, 0) < 0 && errno != ENOENT) /* of a crash before */
		return -errno;
	fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fill(fd, seed);
	close(fd);
	/* The C library makes renameat(2) of it where there are no flags, which is not allowed
	 * here. */
	if (r == 0 && syscall(SYS_renameat2, dir_fd, fresh, dir_fd, to, flags) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir_fd, fresh, 0);
		return r;
	}
	return sync_at(dir_fd, ".");
}

/* The loop waits for its two syncs, once in a user's life: 8 and 12 ms on the virtual disk that was
 * measured. Nobody may see the key before, for what names it would be worth nothing without it. */
int key_file_make(int dir_fd, uid_t uid)
{
	char name[FILE_NAME_MAX];
	uint8_t seed[SEED_LEN];
	int r = getrandom(seed, sizeof(seed), 0) == SEED_LEN ? 0 : -EIO;

	snprintf(name, sizeof(name), "%u", (unsigned)uid);
	if (r == 0)
		r = put_file(dir_fd, name, seed, RENAME_NOREPLACE);
	OPENSSL_cleanse(seed, sizeof(seed));
	return r;
}

/* In the first place that is free, unless it is kept already. */
static int keep(int dir_fd, uid_t uid, const uint8_t seed[SEED_LEN])
{
	char name[FILE_NAME_MAX];
	uint8_t kept[SEED_LEN];
	int r = 0;

	for (unsigned n = 0; n < KEYS_KEPT_MAX; n++) {
		snprintf(name, sizeof(name), "%u.old.%u", (unsigned)uid, n);
		r = read_file(dir_fd, name, kept);
		if (r == -ENOENT)
			return put_file(dir_fd, name, seed, RENAME_NOREPLACE);
		if (r == 0 && CRYPTO_memcmp(kept, seed, SEED_LEN) == 0) {
			OPENSSL_cleanse(kept, sizeof(kept));
			return 0;
		}
		OPENSSL_cleanse(kept, sizeof(kept));
	}
	return -EDQUOT;
}

int key_file_replace(int dir_fd, uid_t uid, const uint8_t seed[SEED_LEN])
{
	char name[FILE_NAME_MAX];
	uint8_t before[SEED_LEN];
	int r = key_file_read(dir_fd, uid, before);

	if (r == 0)
		r = keep(dir_fd, uid, before);
	else if (r == -ENOENT)
		r = 0;
	OPENSSL_cleanse(before, sizeof(before));
	snprintf(name, sizeof(name), "%u", (unsigned)uid);
	return r < 0 ? r : put_file(dir_fd, name, seed, 0);
}
