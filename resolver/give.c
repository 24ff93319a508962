/* chown, by descriptors that have been looked at, so that nobody can put another file in between.
 */
#include "resolver/give.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int give_file(int dir_fd, const char *name, uid_t from, const struct stat *to)
{
	struct stat st;
	int r = 0, fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == from &&
		 fchownat(fd, "", to->st_uid, to->st_gid, AT_EMPTY_PATH) < 0)
		r = -errno;
	close(fd);
	return r;
}

int give_directory(int dir_fd, uid_t uid, gid_t gid)
{
	const struct stat to = {.st_uid = uid, .st_gid = gid};
	const struct dirent *entry;
	struct stat st;
	DIR *dir;
	int r = 0, fd;

	if (fstat(dir_fd, &st) < 0)
		return -errno;
	if (st.st_uid == uid)
		return 0;
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = give_file(dir_fd, entry->d_name, st.st_uid, &to);
	closedir(dir);
	/* Last: a crash in between leaves one that is begun again. */
	if (r == 0 && fchown(dir_fd, uid, gid) < 0)
		r = -errno;
	return r;
}
