/* What a hosts file says, as two tables: by name, and by address. */
#include "resolver/hosts_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- growing ---- */

/* Room for one more of `size` bytes. */
static int grow(void **array, size_t *cap, size_t need, size_t size)
{
	size_t wanted = *cap ? *cap : 64;
	void *more;

	if (need <= *cap)
		return 0;
	while (wanted < need)
		wanted *= 2;
	more = realloc(*array, wanted * size);
	if (!more)
		return -ENOMEM;
	*array = more;
	*cap = wanted;
	return 0;
}

static uint64_t address_hash(const struct hosts_table *t, const uint8_t *ip, size_t len)
{
	struct name as_name = {.len = (uint8_t)len};

	memcpy(as_name.wire, ip, len);
	return name_hash(&as_name, t->seed);
}

void hosts_table_name_at(const struct hosts_table *t, uint32_t i, struct name *ret_name)
{
	const uint8_t *at = t->wire + t->names[i].at;

	ret_name->len = *at;
	memcpy(ret_name->wire, at + 1, *at);
}

static void index_put(struct hosts_index *index, uint64_t hash, uint32_t value)
{
	size_t at = hash & (index->len - 1);

	while (index->slots[at] != HOSTS_NONE)
		at = (at + 1) & (index->len - 1);
	index->slots[at] = value;
}

static int index_make(struct hosts_index *index, size_t len)
{
	index->slots = malloc(len * sizeof(*index->slots));
	if (!index->slots)
		return -ENOMEM;
	memset(index->slots, 0xff, len * sizeof(*index->slots)); /* HOSTS_NONE */
	index->len = len;
	return 0;
}

/* Twice as large. */
static int grow_by_name(struct hosts_table *t)
{
	struct hosts_index larger;
	struct name name;

	if (2 * (t->names_len + 1) <= t->by_name.len)
		return 0;
	if (index_make(&larger, 2 * t->by_name.len))
		return -ENOMEM;
	for (uint32_t i = 0; i < t->names_len; i++) {
		hosts_table_name_at(t, i, &name);
		index_put(&larger, name_hash(&name, t->seed), i);
	}
	free(t->by_name.slots);
	t->by_name = larger;
	return 0;
}

static int grow_by_address(struct hosts_table *t)
{
	struct hosts_index larger;

	if (2 * (t->addresses_len + 1) <= t->by_address.len)
		return 0;
	if (index_make(&larger, 2 * t->by_address.len))
		return -ENOMEM;
	for (uint32_t i = 0; i < t->addresses_len; i++)
		if (t->addresses[i].canonical)
			index_put(&larger, address_hash(t, t->addresses[i].ip, t->addresses[i].len),
				i);
	free(t->by_address.slots);
	t->by_address = larger;
	return 0;
}

/* ---- finding ---- */

static uint64_t length_bit(const struct name *name)
{
	return 1ull << name->len % 64;
}

uint32_t hosts_table_name(const struct hosts_table *t, const struct name *name)
{
	size_t at;

	if (!(t->lengths & length_bit(name)))
		return HOSTS_NONE;
	at = name_hash(name, t->seed) & (t->by_name.len - 1);
	for (; t->by_name.slots[at] != HOSTS_NONE; at = (at + 1) & (t->by_name.len - 1)) {
		uint32_t i = t->by_name.slots[at];
		const uint8_t *wire = t->wire + t->names[i].at;

		if (*wire == name->len && memcmp(wire + 1, name->wire, name->len) == 0)
			return i;
	}
	return HOSTS_NONE;
}

uint32_t hosts_table_address(const struct hosts_table *t, const uint8_t *ip, size_t len)
{
	size_t at;

	at = address_hash(t, ip, len) & (t->by_address.len - 1);
	for (; t->by_address.slots[at] != HOSTS_NONE; at = (at + 1) & (t->by_address.len - 1)) {
		const struct host_address *a = &t->addresses[t->by_address.slots[at]];

		if (a->len == len && memcmp(a->ip, ip, len) == 0)
			return t->by_address.slots[at];
	}
	return HOSTS_NONE;
}

/* ---- adding ---- */

static int add_name(struct hosts_table *t, const struct name *name, uint32_t *ret_i)
{
	if (grow_by_name(t) ||
		grow((void **)&t->wire, &t->wire_cap, t->wire_len + 1 + name->len, 1) ||
		grow((void **)&t->names, &t->names_cap, t->names_len + 1, sizeof(*t->names)))
		return -ENOMEM;
	*ret_i = (uint32_t)t->names_len++;
	t->names[*ret_i] = (struct host_name){
		.at = (uint32_t)t->wire_len, .first = HOSTS_NONE, .last = HOSTS_NONE};
	t->wire[t->wire_len] = name->len;
	memcpy(t->wire + t->wire_len + 1, name->wire, name->len);
	t->wire_len += 1u + name->len;
	t->lengths |= length_bit(name);
	index_put(&t->by_name, name_hash(name, t->seed), *ret_i);
	return 0;
}

/* Does the name of this address tell anything? What blocks names is no machine. */
static bool has_name(const uint8_t *ip, size_t len)
{
	static const uint8_t unspecified[16];

	if (memcmp(ip, unspecified, len) == 0)
		return false;
	return len == 4 ? ip[0] < 224 : ip[0] != 0xff;
}

static bool has_address(const struct hosts_table *t, uint32_t name, const uint8_t *ip, size_t len)
{
	for (uint32_t i = t->names[name].first; i != HOSTS_NONE; i = t->addresses[i].next)
		if (t->addresses[i].len == len && memcmp(t->addresses[i].ip, ip, len) == 0)
			return true;
	return false;
}

int hosts_table_add(
	struct hosts_table *t, const struct name *name, const uint8_t *ip, size_t len, bool first)
{
	uint32_t n = hosts_table_name(t, name), i = (uint32_t)t->addresses_len;
	struct host_address *a;

	if (n != HOSTS_NONE && has_address(t, n, ip, len))
		return 0;
	if (i == HOSTS_PAIRS_MAX ||
		(n != HOSTS_NONE && t->names[n].addresses == HOSTS_ADDRESSES_MAX))
		return -E2BIG;
	if (grow_by_address(t) || grow((void **)&t->addresses, &t->addresses_cap,
					  t->addresses_len + 1, sizeof(*t->addresses)))
		return -ENOMEM;
	if (n == HOSTS_NONE && add_name(t, name, &n))
		return -ENOMEM;
	a = &t->addresses[i];
	*a = (struct host_address){.len = (uint8_t)len, .name = n, .next = HOSTS_NONE};
	memcpy(a->ip, ip, len);
	t->addresses_len++;
	if (t->names[n].last == HOSTS_NONE)
		t->names[n].first = i;
	else
		t->addresses[t->names[n].last].next = i;
	t->names[n].last = i;
	t->names[n].addresses++;
	if (first && has_name(ip, len) && hosts_table_address(t, ip, len) == HOSTS_NONE) {
		a->canonical = true;
		index_put(&t->by_address, address_hash(t, ip, len), i);
	}
	return 0;
}

/* ---- life ---- */

struct hosts_table *hosts_table_create(uint64_t seed, size_t expected)
{
	struct hosts_table *t = calloc(1, sizeof(*t));
	size_t slots = 64;

	if (!t)
		return NULL;
	t->seed = seed;
	while (slots / 2 < expected)
		slots *= 2;
	if (index_make(&t->by_name, slots) || index_make(&t->by_address, slots)) {
		hosts_table_destroy(t);
		return NULL;
	}
	return t;
}

void hosts_table_destroy(struct hosts_table *t)
{
	if (!t)
		return;
	free(t->wire);
	free(t->names);
	free(t->addresses);
	free(t->by_name.slots);
	free(t->by_address.slots);
	free(t);
}

size_t hosts_names(const struct hosts_table *t)
{
	return t->names_len;
}
