/* What a hosts file says to a question. */
#include "resolver/hosts_inside.h"

#include <errno.h>
#include <string.h>

static bool suffix_is(const struct name *name, unsigned labels, const char *wire, size_t wire_len)
{
	struct name zone;

	if (name_labels(name) != labels)
		return false;
	name_parent(name, labels - 2, &zone);
	return zone.len == wire_len && memcmp(zone.wire, wire, wire_len) == 0;
}

/* 4.3.2.1.in-addr.arpa: whole decimal numbers, as they are written. */
static bool read_reverse4(const struct name *name, uint8_t ip[16])
{
	size_t at = 0;

	for (int octet = 3; octet >= 0; octet--) {
		const uint8_t *label = name->wire + at;
		unsigned n = 0;

		if (*label > 3 || (*label > 1 && label[1] == '0'))
			return false;
		for (unsigned i = 1; i <= *label; i++) {
			if (label[i] < '0' || label[i] > '9')
				return false;
			n = n * 10 + (unsigned)(label[i] - '0');
		}
		if (n > 255)
			return false;
		ip[octet] = (uint8_t)n;
		at += 1u + *label;
	}
	return true;
}

/* Thirty-two nibbles, the last first. */
static bool read_reverse6(const struct name *name, uint8_t ip[16])
{
	for (unsigned i = 0; i < 32; i++) {
		uint8_t c = name->wire[2 * i + 1];
		unsigned nibble;

		if (name->wire[2 * i] != 1)
			return false;
		if (c >= '0' && c <= '9')
			nibble = c - '0';
		else if (c >= 'a' && c <= 'f')
			nibble = c - 'a' + 10u;
		else
			return false;
		if (i % 2 == 0)
			ip[15 - i / 2] = (uint8_t)nibble;
		else
			ip[15 - i / 2] |= (uint8_t)(nibble << 4);
	}
	return true;
}

/* The address that a name of PTR stands for: 4 or 16 bytes; 0: none. */
static size_t read_reverse(const struct name *name, uint8_t ip[16])
{
	static const char four[] = "\007in-addr\004arpa", six[] = "\003ip6\004arpa";

	if (suffix_is(name, 6, four, sizeof(four)) && read_reverse4(name, ip))
		return 4;
	if (suffix_is(name, 34, six, sizeof(six)) && read_reverse6(name, ip))
		return 16;
	return 0;
}

static int find_pointer(
	const struct hosts_table *t, const struct question *q, struct rrset **ret_set)
{
	uint8_t ip[16];
	size_t len = read_reverse(&q->name, ip);
	uint32_t i = len ? hosts_table_address(t, ip, len) : HOSTS_NONE;
	struct name name;
	int r;

	if (i == HOSTS_NONE)
		return -ENOENT;
	*ret_set = rrset_create(q, HOSTS_TTL);
	if (!*ret_set)
		return -ENOMEM;
	hosts_table_name_at(t, t->addresses[i].name, &name);
	r = rrset_add(*ret_set, name.wire, name.len);
	if (r)
		rrset_destroy(*ret_set);
	return r;
}

static int find_addresses(const struct hosts_table *t, const struct question *q, uint32_t name,
	struct rrset **ret_set)
{
	size_t len = q->type == TYPE_A ? 4 : 16;
	struct rrset *set = rrset_create(q, HOSTS_TTL);
	int r = set ? 0 : -ENOMEM;

	for (uint32_t i = t->names[name].first; i != HOSTS_NONE && !r; i = t->addresses[i].next)
		if (t->addresses[i].len == len)
			r = rrset_add(set, t->addresses[i].ip, len);
	if (r || set->count == 0) {
		rrset_destroy(set);
		set = NULL;
	}
	*ret_set = set;
	return r;
}

/* Names that are this machine's whatever the file says (RFC 6761): what it leaves out of them, as
 * ::1 where only 127.0.0.1 is named, is known without it. */
static bool is_loopback_name(const struct name *name)
{
	static const struct name localhost = {.len = 11, .wire = "\011localhost"};

	return name_under(name, &localhost);
}

bool hosts_may_have(const struct hosts_table *t, const struct question *q)
{
	switch (q->class == CLASS_IN ? q->type : 0) {
	case TYPE_PTR:
		return true;
	case TYPE_A:
	case TYPE_AAAA:
	case TYPE_HTTPS:
	case TYPE_SVCB:
		return hosts_table_name(t, &q->name) != HOSTS_NONE;
	default:
		return false;
	}
}

int hosts_find(const struct hosts_table *t, const struct question *q, struct rrset **ret_set)
{
	uint32_t name;
	int r;

	*ret_set = NULL;
	if (q->class != CLASS_IN)
		return -ENOENT;
	if (q->type == TYPE_PTR)
		return find_pointer(t, q, ret_set);
	if (q->type != TYPE_A && q->type != TYPE_AAAA && q->type != TYPE_HTTPS &&
		q->type != TYPE_SVCB)
		return -ENOENT;
	name = hosts_table_name(t, &q->name);
	if (name == HOSTS_NONE)
		return -ENOENT;
	if (q->type == TYPE_HTTPS || q->type == TYPE_SVCB)
		return 0;
	r = find_addresses(t, q, name, ret_set);
	return r == 0 && !*ret_set && is_loopback_name(&q->name) ? -ENOENT : r;
}
