/* The text of a hosts file, made into two tables: by name, and by address. */
#include "resolver/hosts.h"
#include "resolver/word.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define LINE_MAX_BYTES 4096 /* a line of a real one has some dozen names */

struct host_name {
	uint32_t at;	      /* of its wire form in `wire` */
	uint32_t first, last; /* of its addresses */
	uint32_t addresses;
};

struct host_address {
	uint8_t ip[16];
	uint8_t len;	     /* 4 or 16 */
	bool canonical;	     /* the first of this address: its name is the address's */
	uint32_t name, next; /* the name's next address, or NONE */
};

/* Open addressing over `slots`, a power of two, at most half full. */
struct index {
	uint32_t *slots;
	size_t len;
};

struct hosts_table {
	uint64_t seed;
	uint8_t *wire; /* length and wire form of each name */
	size_t wire_len, wire_cap;
	struct host_name *names;
	size_t names_len, names_cap;
	struct host_address *addresses;
	size_t addresses_len, addresses_cap;
	struct index by_name, by_address;
};

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

static void name_at(const struct hosts_table *t, uint32_t i, struct name *ret_name)
{
	const uint8_t *at = t->wire + t->names[i].at;

	ret_name->len = *at;
	memcpy(ret_name->wire, at + 1, *at);
}

static void index_put(struct index *index, uint64_t hash, uint32_t value)
{
	size_t at = hash & (index->len - 1);

	while (index->slots[at] != NONE)
		at = (at + 1) & (index->len - 1);
	index->slots[at] = value;
}

static int index_make(struct index *index, size_t len)
{
	index->slots = malloc(len * sizeof(*index->slots));
	if (!index->slots)
		return -ENOMEM;
	memset(index->slots, 0xff, len * sizeof(*index->slots)); /* NONE */
	index->len = len;
	return 0;
}

/* Twice as large, or the first. */
static int grow_by_name(struct hosts_table *t)
{
	struct index larger;
	struct name name;

	if (2 * (t->names_len + 1) <= t->by_name.len)
		return 0;
	if (index_make(&larger, t->by_name.len ? 2 * t->by_name.len : 64))
		return -ENOMEM;
	for (uint32_t i = 0; i < t->names_len; i++) {
		name_at(t, i, &name);
		index_put(&larger, name_hash(&name, t->seed), i);
	}
	free(t->by_name.slots);
	t->by_name = larger;
	return 0;
}

static int grow_by_address(struct hosts_table *t)
{
	struct index larger;

	if (2 * (t->addresses_len + 1) <= t->by_address.len)
		return 0;
	if (index_make(&larger, t->by_address.len ? 2 * t->by_address.len : 64))
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

static uint32_t find_name(const struct hosts_table *t, const struct name *name)
{
	size_t at;

	if (t->by_name.len == 0)
		return NONE;
	at = name_hash(name, t->seed) & (t->by_name.len - 1);
	for (; t->by_name.slots[at] != NONE; at = (at + 1) & (t->by_name.len - 1)) {
		uint32_t i = t->by_name.slots[at];
		const uint8_t *wire = t->wire + t->names[i].at;

		if (*wire == name->len && memcmp(wire + 1, name->wire, name->len) == 0)
			return i;
	}
	return NONE;
}

static uint32_t find_address(const struct hosts_table *t, const uint8_t *ip, size_t len)
{
	size_t at;

	if (t->by_address.len == 0)
		return NONE;
	at = address_hash(t, ip, len) & (t->by_address.len - 1);
	for (; t->by_address.slots[at] != NONE; at = (at + 1) & (t->by_address.len - 1)) {
		const struct host_address *a = &t->addresses[t->by_address.slots[at]];

		if (a->len == len && memcmp(a->ip, ip, len) == 0)
			return t->by_address.slots[at];
	}
	return NONE;
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
		.at = (uint32_t)t->wire_len, .first = NONE, .last = NONE};
	t->wire[t->wire_len] = name->len;
	memcpy(t->wire + t->wire_len + 1, name->wire, name->len);
	t->wire_len += 1u + name->len;
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
	for (uint32_t i = t->names[name].first; i != NONE; i = t->addresses[i].next)
		if (t->addresses[i].len == len && memcmp(t->addresses[i].ip, ip, len) == 0)
			return true;
	return false;
}

/* 0; -E2BIG past a bound; -ENOMEM. */
static int add_pair(
	struct hosts_table *t, const struct name *name, const uint8_t *ip, size_t len, bool first)
{
	uint32_t n = find_name(t, name), i = (uint32_t)t->addresses_len;
	struct host_address *a;

	if (n != NONE && has_address(t, n, ip, len))
		return 0;
	if (i == HOSTS_PAIRS_MAX || (n != NONE && t->names[n].addresses == HOSTS_ADDRESSES_MAX))
		return -E2BIG;
	if (grow_by_address(t) || grow((void **)&t->addresses, &t->addresses_cap,
					  t->addresses_len + 1, sizeof(*t->addresses)))
		return -ENOMEM;
	if (n == NONE && add_name(t, name, &n))
		return -ENOMEM;
	a = &t->addresses[i];
	*a = (struct host_address){.len = (uint8_t)len, .name = n, .next = NONE};
	memcpy(a->ip, ip, len);
	t->addresses_len++;
	if (t->names[n].last == NONE)
		t->names[n].first = i;
	else
		t->addresses[t->names[n].last].next = i;
	t->names[n].last = i;
	t->names[n].addresses++;
	if (first && has_name(ip, len) && find_address(t, ip, len) == NONE) {
		a->canonical = true;
		index_put(&t->by_address, address_hash(t, ip, len), i);
	}
	return 0;
}

/* ---- reading ---- */

/* An address of 4 or 16 bytes; 0: none. One with a scope means an interface, which DNS cannot say.
 */
static size_t read_address(const char *word, size_t len, uint8_t ret_ip[16])
{
	char text[INET6_ADDRSTRLEN];

	if (len >= sizeof(text))
		return 0;
	memcpy(text, word, len);
	text[len] = '\0';
	if (strlen(text) != len)
		return 0;
	if (inet_pton(AF_INET, text, ret_ip) == 1)
		return 4;
	return inet_pton(AF_INET6, text, ret_ip) == 1 ? 16 : 0;
}

/* A host name as hosts(5) has it, and '_', which some have: no escapes. */
static bool read_name(const char *word, size_t len, struct name *ret_name)
{
	uint8_t key[NAME_KEY_LEN];

	for (size_t i = 0; i < len; i++) {
		char c = word[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '_' || c == '.'))
			return false;
	}
	return name_from_text(word, len, ret_name) == 0 && ret_name->len > 1 &&
	       !name_key(ret_name, key);
}

struct reading {
	struct hosts_table *table;
	struct hosts_passed *passed;
	size_t line;
};

static void pass_over(struct reading *r)
{
	r->passed->lines++;
	if (r->passed->first == 0)
		r->passed->first = r->line;
}

/* 0, or -ENOMEM. */
static int read_line(struct reading *r, const char *line, const char *end)
{
	const char *comment = memchr(line, '#', (size_t)(end - line)), *word;
	uint8_t ip[16];
	size_t len, ip_len;
	bool first = true, good = true;

	if (comment)
		end = comment;
	word = word_next(line, end, &len);
	if (len == 0)
		return 0;
	ip_len = read_address(word, len, ip);
	good = ip_len > 0 && end - line <= LINE_MAX_BYTES;
	for (word = word_next(word + len, end, &len); good && len;
		word = word_next(word + len, end, &len)) {
		struct name name;
		int e;

		good = read_name(word, len, &name);
		e = good ? add_pair(r->table, &name, ip, ip_len, first) : 0;
		if (e == -ENOMEM)
			return e;
		if (e == -E2BIG)
			r->passed->left_out++;
		first = false;
	}
	if (!good || first)
		pass_over(r);
	return 0;
}

int hosts_parse(const char *text, size_t len, uint64_t seed, struct hosts_table **ret_table,
	struct hosts_passed *ret_passed)
{
	struct reading r = {.table = calloc(1, sizeof(*r.table)), .passed = ret_passed};
	const char *end = text + len;
	int e = r.table ? 0 : -ENOMEM;

	*ret_passed = (struct hosts_passed){0};
	if (r.table)
		r.table->seed = seed;
	while (!e && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;

		r.line++;
		e = read_line(&r, text, line_end);
		text = newline ? newline + 1 : end;
	}
	if (e) {
		hosts_table_destroy(r.table);
		return e;
	}
	*ret_table = r.table;
	return 0;
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

/* ---- answering ---- */

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
	uint32_t i = len ? find_address(t, ip, len) : NONE;
	struct name name;
	int r;

	if (i == NONE)
		return -ENOENT;
	*ret_set = rrset_create(q, HOSTS_TTL);
	if (!*ret_set)
		return -ENOMEM;
	name_at(t, t->addresses[i].name, &name);
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

	for (uint32_t i = t->names[name].first; i != NONE && !r; i = t->addresses[i].next)
		if (t->addresses[i].len == len)
			r = rrset_add(set, t->addresses[i].ip, len);
	if (r || set->count == 0) {
		rrset_destroy(set);
		set = NULL;
	}
	*ret_set = set;
	return r;
}

/* Names that are this machine's whatever the file says (RFC 6761): what it leaves out of them, as ::1
 * where only 127.0.0.1 is named, is known without it. */
static bool is_loopback_name(const struct name *name)
{
	static const struct name localhost = {.len = 11, .wire = "\011localhost"};

	return name_under(name, &localhost);
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
	name = find_name(t, &q->name);
	if (name == NONE)
		return -ENOENT;
	if (q->type == TYPE_HTTPS || q->type == TYPE_SVCB)
		return 0;
	r = find_addresses(t, q, name, ret_set);
	return r == 0 && !*ret_set && is_loopback_name(&q->name) ? -ENOENT : r;
}
