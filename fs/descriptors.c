/* A look at the descriptors of this process. */
#include "fs/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int descriptors_of_others(int but)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	int found = -1;
	while (dir && found < 0 && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name); /* 0 for `.` and `..` */
		if (fd > STDERR_FILENO && fd != but && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			found = fd;
	}
	if (dir)
		closedir(dir);
	return found;
}
