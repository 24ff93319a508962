/* Giving up privileges, for a child process that parses what strangers send. */
#include "resolver/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return -errno;
	/* Who has none may be under a filter that forbids the call, as that of kadns.service. */
	if (syscall(SYS_capget, &header, held) == 0 && memcmp(held, none, sizeof(held)) == 0)
		return 0;
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

/* What no program executed later could gain either. Who may not do that needs no_new_privs for it.
 */
static void empty_bounding_set(void)
{
	for (unsigned long capability = 0; capability <= 63; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
			break;
}

int confine(const char *user, const char **ret_what)
{
	struct rlimit no_core = {0, 0};
	int r;

	if (geteuid() == 0)
		empty_bounding_set();
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

int confine_network(void)
{
	struct ifreq lo = {.ifr_name = "lo"};
	int fd, r;

	/* As root; else as the root of a user namespace, which loses all that with confine(). */
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = ioctl(fd, SIOCGIFFLAGS, &lo) ? -errno : 0;
	lo.ifr_flags |= IFF_UP;
	if (!r && ioctl(fd, SIOCSIFFLAGS, &lo))
		r = -errno;
	close(fd);
	return r;
}
