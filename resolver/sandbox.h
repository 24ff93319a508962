/* What a process that parses strangers' bytes may still do once it has all that it needs: compute,
 * and talk over the sockets of the Internet.
 *
 * seccomp is the floor: a list of system calls, everything else is EPERM. So no exec, no new
 * process or thread, no ptrace, no other process's memory, no signal to anybody, no memory made
 * executable, no file opened, for reading either, or made, no socket but UDP and TCP over IPv4 and IPv6
 * and pairs of one's own. Landlock forbids files once more, where the kernel has it. */
#ifndef RESOLVER_SANDBOX_H
#define RESOLVER_SANDBOX_H

/* After confine(), for it needs no_new_privs. For good. 0, or -errno and in ret_what what failed: a
 * kernel without seccomp, or an architecture that this was not written for, is no failure. */
int sandbox_enter(const char **ret_what);
/* Instead, for a process that keeps files: no socket at all but those that are open; files, but only
 * through the descriptor `dir_fd` of their directory (and, where there is Landlock, in it alone): opened,
 * made, written, synchronised, renamed and removed. */
int sandbox_enter_files(int dir_fd, const char **ret_what);

#endif
