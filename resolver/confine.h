/* Giving up what a process that parses strangers' bytes does not need. */
#ifndef RESOLVER_CONFINE_H
#define RESOLVER_CONFINE_H

/* Becomes `user` (NULL: stays who it is) when it is root, loses every capability, and can gain none again; leaves no core
 * and cannot be traced; dies with its parent. In a user namespace that does not map the user it
 * stays who it is: that root is nobody outside. 0, or -errno and in ret_what what failed. */
int confine(const char *user, const char **ret_what);

/* Leaves the host's network for an empty one: nothing but a loopback of its own, which is nobody
 * else's either. A kernel that does not allow that to us is no failure: then the host's stays. Before
 * confine(). 0, or -errno: the loopback does not come up. */
int confine_network(void);

#endif
