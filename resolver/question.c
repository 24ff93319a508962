/* Types and classes by name, questions, and the DHT key of a question. */
#include "resolver/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/hash.h"

struct mnemonic {
	uint16_t number;
	const char *text;
};

/* IANA's list as it stood at the end of 2023. Frozen: a mnemonic is part of the key under which
 * a record lies on the DHT, so a type that gets its mnemonic later stays TYPEn here. */
/* clang-format off */
static const struct mnemonic types[] = {
	{1, "A"}, {2, "NS"}, {3, "MD"}, {4, "MF"}, {5, "CNAME"}, {6, "SOA"}, {7, "MB"}, {8, "MG"},
	{9, "MR"}, {10, "NULL"}, {11, "WKS"}, {12, "PTR"}, {13, "HINFO"}, {14, "MINFO"},
	{15, "MX"}, {16, "TXT"}, {17, "RP"}, {18, "AFSDB"}, {19, "X25"}, {20, "ISDN"}, {21, "RT"},
	{22, "NSAP"}, {23, "NSAP-PTR"}, {24, "SIG"}, {25, "KEY"}, {26, "PX"}, {27, "GPOS"},
	{28, "AAAA"}, {29, "LOC"}, {30, "NXT"}, {31, "EID"}, {32, "NIMLOC"}, {33, "SRV"},
	{34, "ATMA"}, {35, "NAPTR"}, {36, "KX"}, {37, "CERT"}, {38, "A6"}, {39, "DNAME"},
	{40, "SINK"}, {41, "OPT"}, {42, "APL"}, {43, "DS"}, {44, "SSHFP"}, {45, "IPSECKEY"},
	{46, "RRSIG"}, {47, "NSEC"}, {48, "DNSKEY"}, {49, "DHCID"}, {50, "NSEC3"},
	{51, "NSEC3PARAM"}, {52, "TLSA"}, {53, "SMIMEA"}, {55, "HIP"}, {56, "NINFO"}, {57, "RKEY"},
	{58, "TALINK"}, {59, "CDS"}, {60, "CDNSKEY"}, {61, "OPENPGPKEY"}, {62, "CSYNC"},
	{63, "ZONEMD"}, {64, "SVCB"}, {65, "HTTPS"}, {99, "SPF"}, {100, "UINFO"}, {101, "UID"},
	{102, "GID"}, {103, "UNSPEC"}, {104, "NID"}, {105, "L32"}, {106, "L64"}, {107, "LP"},
	{108, "EUI48"}, {109, "EUI64"}, {249, "TKEY"}, {250, "TSIG"}, {251, "IXFR"}, {252, "AXFR"},
	{253, "MAILB"}, {254, "MAILA"}, {255, "ANY"}, {256, "URI"}, {257, "CAA"}, {258, "AVC"},
	{259, "DOA"}, {260, "AMTRELAY"}, {261, "RESINFO"}, {32768, "TA"}, {32769, "DLV"}, {0, NULL},
};
/* clang-format on */

/* ANY and NONE are no class of data, and CS has had none since 1987. */
static const struct mnemonic classes[] = {
	{CLASS_IN, "IN"}, {CLASS_CH, "CH"}, {CLASS_HS, "HS"}, {0, NULL}};

static const char *find_number(const struct mnemonic *table, uint16_t number)
{
	for (; table->text; table++)
		if (table->number == number)
			return table->text;
	return NULL;
}

static const char *number_to_text(const struct mnemonic *table, const char *generic,
	uint16_t number, char ret_text[TYPE_TEXT_MAX])
{
	const char *text = find_number(table, number);
	if (text)
		snprintf(ret_text, TYPE_TEXT_MAX, "%s", text);
	else
		snprintf(ret_text, TYPE_TEXT_MAX, "%s%u", generic, (unsigned)number);
	return ret_text;
}

static bool number_from_text(const struct mnemonic *table, const char *generic, const char *text,
	size_t len, uint16_t *ret_number)
{
	for (const struct mnemonic *m = table; m->text; m++) {
		if (strlen(m->text) == len && memcmp(m->text, text, len) == 0) {
			*ret_number = m->number;
			return true;
		}
	}
	size_t n = strlen(generic);
	if (len <= n || len > n + 5 || memcmp(text, generic, n) != 0)
		return false;
	unsigned long value = 0;
	for (size_t i = n; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned long)(text[i] - '0');
	}
	/* One spelling for each: no leading zero, and no number where there is a mnemonic. */
	if (value > UINT16_MAX || (text[n] == '0' && len > n + 1) ||
		find_number(table, (uint16_t)value))
		return false;
	*ret_number = (uint16_t)value;
	return true;
}

const char *type_to_text(uint16_t type, char ret_text[TYPE_TEXT_MAX])
{
	return number_to_text(types, "TYPE", type, ret_text);
}

const char *class_to_text(uint16_t class, char ret_text[TYPE_TEXT_MAX])
{
	return number_to_text(classes, "CLASS", class, ret_text);
}

bool type_from_text(const char *text, size_t len, uint16_t *ret_type)
{
	return number_from_text(types, "TYPE", text, len, ret_type);
}

bool class_from_text(const char *text, size_t len, uint16_t *ret_class)
{
	return number_from_text(classes, "CLASS", text, len, ret_class);
}

bool type_is_meta(uint16_t type)
{
	return type == 0 || type == TYPE_OPT || (type >= TYPE_TKEY && type <= TYPE_ANY);
}

bool question_equal(const struct question *a, const struct question *b)
{
	return a->type == b->type && a->class == b->class && name_equal(&a->name, &b->name);
}

uint64_t question_hash(const struct question *q, uint64_t seed)
{
	/* Type and class choose among related keys of a keyed hash, so they need no bytes of
	 * their own in its input. */
	return name_hash(&q->name, seed + ((uint64_t)q->type << 16 | q->class));
}

void question_key(const struct question *q, uint8_t ret_key[QUESTION_KEY_LEN])
{
	char class[TYPE_TEXT_MAX], type[TYPE_TEXT_MAX], name[NAME_TEXT_MAX];
	char url[sizeof("dns:////") + sizeof(class) + sizeof(type) + sizeof(name)];
	name_to_text(&q->name, name);
	int len = snprintf(url, sizeof(url), "dns://%s/%s/%s", class_to_text(q->class, class),
		type_to_text(q->type, type), name);
	hash_sha1(url, (size_t)len, ret_key);
}
