/* Shares. */
#include "resolver/share.h"

size_t share_limit(size_t total, uid_t uid, uid_t owner, size_t held)
{
	if (uid == 0 || uid == owner)
		return total;
	return held ? total - total / 4 : total - total / 8;
}
