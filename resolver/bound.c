/* bind(2), or who has been named for it. */
#include "resolver/bound.h"

static bound_fn *binder = bind;

int bound(int fd, const struct sockaddr *address, socklen_t len)
{
	return binder(fd, address, len);
}

void bound_by(bound_fn *fn)
{
	binder = fn;
}
