/* Addresses that mean something on this machine or this network only: private, loopback, link-local
 * and shared (RFC 1918, 4193, 6598, 3927, 4291), also where IPv6 carries one of IPv4. */
#ifndef RESOLVER_PRIVATE_ADDRESS_H
#define RESOLVER_PRIVATE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

bool private_ip4(const uint8_t a[4]);
bool private_ip6(const uint8_t a[16]);

#endif
