/* Giving up privileges, for a child process that parses what strangers send. */
#include "resolver/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The order matters: groups while CAP_SETGID is there, the user last. EINVAL is an id that this
 * namespace does not map; any other error is a root that could not stop being root. */
static int become(const char *user, const char **ret_what)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	*ret_what = "no such user";
	if (!pw)
		return errno ? -errno : -ENOENT;
	*ret_what = "setresgid";
	if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid))
		return errno == EINVAL ? 0 : -errno;
	*ret_what = "setgroups";
	if (setgroups(0, NULL))
		return -errno;
	*ret_what = "setresuid";
	if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
		return errno == EINVAL ? 0 : -errno;
	return 0;
}

/* By the system call, which has no wrapper in the C library: one call is no reason for libcap. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

int confine(const char *user, const char **ret_what)
{
	struct rlimit no_core = {0, 0};
	int r;

	if (user && geteuid() == 0) {
		r = become(user, ret_what);
		if (r)
			return r;
	}
	*ret_what = "capset";
	r = drop_capabilities();
	if (r)
		return r;
	*ret_what = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	*ret_what = "dumpable";
	if (setrlimit(RLIMIT_CORE, &no_core) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	/* After the change of user, which clears it. Should the parent be gone already, its end of
	 * the socket is too, and that ends us as well. */
	*ret_what = "pdeathsig";
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return -errno;
	return 0;
}
