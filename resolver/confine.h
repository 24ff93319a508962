/* Giving up what a process that parses strangers' bytes does not need. */
#ifndef RESOLVER_CONFINE_H
#define RESOLVER_CONFINE_H

/* Becomes `user` (NULL: stays who it is) when it is root, loses every capability, and can gain none again; leaves no core
 * and cannot be traced; dies with its parent. In a user namespace that does not map the user it
 * stays who it is: that root is nobody outside. 0, or -errno and in ret_what what failed. */
int confine(const char *user, const char **ret_what);

#endif
