/* What hosts_table.c, hosts_text.c and hosts_find.c share; nobody else includes it. */
#ifndef RESOLVER_HOSTS_INSIDE_H
#define RESOLVER_HOSTS_INSIDE_H

#include "resolver/hosts.h"

#define HOSTS_NONE UINT32_MAX

struct host_name {
	uint32_t at;	      /* of its wire form in `wire` */
	uint32_t first, last; /* of its addresses */
	uint32_t addresses;
};

struct host_address {
	uint8_t ip[16];
	uint8_t len;	     /* 4 or 16 */
	bool canonical;	     /* the first of this address: its name is the address's */
	uint32_t name, next; /* the name's next address, or HOSTS_NONE */
};

/* Open addressing over `slots`, a power of two, at most half full. */
struct hosts_index {
	uint32_t *slots;
	size_t len;
};

struct hosts_table {
	uint64_t seed;
	uint64_t lengths; /* a bit for each name's, of 64: most names that are asked for have another */
	uint8_t *wire; /* length and wire form of each name */
	size_t wire_len, wire_cap;
	struct host_name *names;
	size_t names_len, names_cap;
	struct host_address *addresses;
	size_t addresses_len, addresses_cap;
	struct hosts_index by_name, by_address;
};

/* Empty, with places for so many names and addresses; more are found room for as they come, by
 * moving all that are there. NULL: no memory. */
struct hosts_table *hosts_table_create(uint64_t seed, size_t expected);
/* A name of this address; `first`: of its line. 0; -E2BIG past a bound; -ENOMEM. */
int hosts_table_add(
	struct hosts_table *t, const struct name *name, const uint8_t *ip, size_t len, bool first);
/* HOSTS_NONE: it is not there. */
uint32_t hosts_table_name(const struct hosts_table *t, const struct name *name);
uint32_t hosts_table_address(const struct hosts_table *t, const uint8_t *ip, size_t len);
void hosts_table_name_at(const struct hosts_table *t, uint32_t i, struct name *ret_name);

#endif
