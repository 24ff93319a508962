/* Which addresses are of this machine or this network only. */
#include "resolver/private_address.h"

#include <string.h>

bool private_ip4(const uint8_t a[4])
{
	return a[0] == 0 || a[0] == 10 || a[0] == 127 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
	       (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254) ||
	       (a[0] == 100 && (a[1] & 0xc0) == 64);
}

bool private_ip6(const uint8_t a[16])
{
	static const uint8_t zero[12], nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (memcmp(a, mapped, 12) == 0)
		return private_ip4(a + 12);
	if (memcmp(a, nat64, 12) == 0 || memcmp(a, zero, 12) == 0) /* ::1 is ::0.0.0.1 */
		return private_ip4(a + 12);
	return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && a[1] & 0x80);
}
