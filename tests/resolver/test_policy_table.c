/* The order of section 4, every combination: kind of name, mode, what DNS says, what the DHT says. What
 * is expected stands here as the design has it, written apart from the table that is tested. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/answer_build.h"
#include "resolver/policy.h"

/* What a source says. */
#define SAYS                                                                                       \
	"+" /* a record */                                                                         \
	"0" /* no such name */                                                                     \
	"n" /* the name, but not the type */                                                       \
	"!" /* a failure */                                                                        \
	"b" /* bogus */                                                                            \
	"s" /* a record that has ended, DNS being down */                                          \
	"z" /* that there was no such name, likewise */                                            \
	"?" /* nothing yet */
#define DNS_SAYS (sizeof(SAYS) - 1)
static const char dht_says[] = "+0!?.";	/* `.`: it was not asked so far */
#define DHT_SAYS 5

/* A block: for each of dht_says a line, in it for each of SAYS a letter, which is who wins: d DNS,
 * z the key's zone, s the slot, - nobody; or S, the slot is asked now; or w, all wait. */
struct block {
	const char *kind;  /* k under a key, a under alt, l local, p plain; t plain, not under tofu= */
	const char *modes; /* g guarded, s strict, o open */
	const char *lookup; /* a always, r rescue */
	const char *want[DHT_SAYS];
};

static const struct block blocks[] = {
	/* Under a key: its zone, whatever DNS would say and whatever the mode. */
	{"k", "gso", "ar", {"zzzzzzzz", "zzzzzzzz", "zzzzzzzz", "wwwwwwww", "ZZZZZZZZ"}},
	/* Under alt: the slot, in strict mode nobody. */
	{"a", "go", "ar", {"ssssssss", "ssssssss", "ssssssss", "wwwwwwww", "SSSSSSSS"}},
	{"a", "s", "ar", {"--------", "--------", "--------", "--------", "--------"}},
	/* Local: DNS alone. */
	{"l", "gso", "ar", {"dddddddw", "dddddddw", "dddddddw", "dddddddw", "dddddddw"}},
	/* Plain: DNS is final but for "no such name", said now: then a claim answers. */
	{"p", "g", "ar", {"dsdddddw", "dddddddw", "dddddddw", "dwdddddw", "dSdddddw"}},
	{"t", "gs", "ar", {"dddddddw", "dddddddw", "dddddddw", "dddddddw", "dddddddw"}},
	{"p", "s", "ar", {"dddddddw", "dddddddw", "dddddddw", "dddddddw", "dddddddw"}},
	/* trust=open: the slot first, under tofu= or not. */
	{"pt", "o", "ar", {"ssssssss", "dddddddw", "dddddddw", "wwwwwwww", "SSSSSSSS"}},
};

static struct answer said[CACHE_PARTS];

static struct policy_part part_of(enum cache_part part, char what)
{
	struct answer *a = &said[part];
	*a = (struct answer){.ede = EDE_NONE};
	if (what == '.')
		return (struct policy_part){PART_NOT_ASKED, NULL, NULL};
	if (what == '?')
		return (struct policy_part){PART_ASKED, NULL, NULL};
	a->error = what == '+' || what == 's' ? 0 : what == '!' ? -ETIMEDOUT : what == 'b' ? -EBADMSG : -ENOENT;
	a->bogus = what == 'b';
	a->rcode = what == '0' || what == 'z' ? RCODE_NXDOMAIN : what == '!' || what == 'b' ? RCODE_SERVFAIL : 0;
	if (what == 's' || what == 'z')
		a->ede = answer_stale_code(a);
	return (struct policy_part){PART_ANSWERED, a, NULL};
}

static char decided(const struct policy *p, const struct question *q, const struct policy_part *parts)
{
	enum cache_part part = CACHE_PARTS;
	const struct answer *winner = NULL;
	switch (policy_decide(p, q, parts, &part, &winner)) {
	case VERDICT_WAIT:
		return 'w';
	case VERDICT_ASK:
		return "DZSCAORKF"[part];
	case VERDICT_DONE:
		return winner ? "dzscaorkf"[winner - said] : '-';
	}
	return '?';
}

static struct question question_of(const char *text)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(text, strlen(text), &q.name), 0);
	return q;
}

static const char *name_of(char kind)
{
	switch (kind) {
	case 'k':
		return "www.47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy";
	case 'a':
		return "printer.alt";
	case 'l':
		return "printer.local";
	default:
		return kind == 't' ? "www.example.com" : "www.example.net";
	}
}

static struct policy policy_of(char mode, char lookup)
{
	struct policy p = {.dht = true, .upstream = true, .lookup_always = lookup == 'a',
		.mode = mode == 'g' ? POLICY_GUARDED : mode == 's' ? POLICY_STRICT : POLICY_OPEN};
	p.tofu.name[p.tofu.len++] = question_of("alt").name;
	p.tofu.name[p.tofu.len++] = question_of("net").name;
	return p;
}

static const struct block *block_of(char kind, char mode, char lookup)
{
	const struct block *found = NULL;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++)
		if (strchr(blocks[i].kind, kind) && strchr(blocks[i].modes, mode) &&
			strchr(blocks[i].lookup, lookup)) {
			assert_null(found);
			found = &blocks[i];
		}
	assert_non_null(found);
	return found;
}

static void test_every_combination(void **state)
{
	(void)state;
	for (const char *kind = "kalpt"; *kind; kind++)
		for (const char *mode = "gso"; *mode; mode++)
			for (const char *lookup = "ar"; *lookup; lookup++)
				for (int dht = 0; dht < DHT_SAYS; dht++)
					for (size_t dns = 0; dns < DNS_SAYS; dns++) {
						const struct block *b = block_of(*kind, *mode, *lookup);
						struct policy p = policy_of(*mode, *lookup);
						struct question q = question_of(name_of(*kind));
						struct policy_part parts[CACHE_PARTS] = {0};
						parts[CACHE_DNS] = part_of(CACHE_DNS, SAYS[dns]);
						parts[PART_ALIAS] = part_of(PART_ALIAS, '0');
		parts[CACHE_SLOT] = part_of(CACHE_SLOT, dht_says[dht]);
						parts[CACHE_ZONE] = part_of(CACHE_ZONE, dht_says[dht]);
						char got = decided(&p, &q, parts);
						if (got != b->want[dht][dns])
							fail_msg("%c %c %c, DNS %c, DHT %c: got %c, want %c",
								*kind, *mode, *lookup, SAYS[dns],
								dht_says[dht], got, b->want[dht][dns]);
					}
}

/* When the slot is asked: at once, or only when it decides. */
static void test_when_the_slot_is_asked(void **state)
{
	(void)state;
	static const struct {
		char kind, mode, lookup;
		enum policy_when want;
	} rows[] = {
		{'k', 'g', 'a', ASK_NEVER}, {'k', 'o', 'r', ASK_NEVER}, {'l', 'g', 'a', ASK_NEVER},
		{'l', 'o', 'a', ASK_NEVER}, {'a', 'g', 'r', ASK_NOW}, {'a', 's', 'a', ASK_NEVER},
		{'a', 'o', 'r', ASK_NOW}, {'p', 'g', 'a', ASK_NOW}, {'p', 'g', 'r', ASK_LATER},
		{'p', 's', 'a', ASK_NEVER}, {'p', 'o', 'r', ASK_NOW}, {'t', 'g', 'a', ASK_NEVER},
		{'t', 'o', 'r', ASK_NOW},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy p = policy_of(rows[i].mode, rows[i].lookup);
		struct question q = question_of(name_of(rows[i].kind));
		if (policy_when(&p, &q, CACHE_SLOT) != rows[i].want)
			fail_msg("row %zu", i);
	}
}

/* ---- attested keys, rule 3; the first signer's zone, rule 6 ---- */

/* An answer that `zone` signed: its first record has this RRSIG, whose signature nobody checks. */
static void sign(struct answer *a, const struct question *q, const char *zone)
{
	static struct answer *made;
	uint8_t rdata[18 + NAME_WIRE_MAX + 8] = {0, TYPE_A, 13, 3};
	bool proven = *zone != '?';
	struct question z = question_of(zone + !proven);
	memcpy(rdata + 18, z.name.wire, z.name.len);
	struct rr sig = {.owner = q->name, .type = TYPE_RRSIG, .class = CLASS_IN, .ttl = 60,
		.section = PACKET_ANSWER, .rdata = rdata, .rdata_len = (uint16_t)(18 + z.name.len + 8)};
	struct answer_build *b = build_begin(q);
	build_put(b, &sig);
	answer_unref(made);
	assert_int_equal(build_end(b, 0, &made), 0);
	a->message[1] = made->message[1];
	a->validated = proven;
}

/* What the key's zone says: + a record, 0 not the name, n the name but not the type, m nobody has the
 * zone, ! it cannot be read, ? nothing yet, . not asked. */
static struct policy_part zone_part(enum cache_part part, char what, const struct pin *pin)
{
	struct policy_part p = part_of(part, what == 'm' ? '0' : what);
	p.pin = pin;
	said[part].has_signer = strchr("+0n", what) != NULL;
	said[part].lacks_name = what == '0';
	return p;
}

/* k: the attested key's zone wins. The name is of the zone that attests it, of one below, or in an
 * unsigned part. */
static void test_attested(void **state)
{
	(void)state;
	static const struct {
		const char *modes;
		char key;
		const char *signer; /* of what DNS says; NULL: not secure */
		char dns, want;
	} rows[] = {
		/* It is the zone's own word, and comes before DNS. */
		{"gso", '+', "example.net", '+', 'k'},
		{"gso", '+', "example.net", '0', 'k'},
		{"gso", '+', "example.net", 'n', 'k'},
		{"gs", 'n', "example.net", '+', 'k'},
		/* The zone lacks the name, or there is none, or it is not to be read. */
		{"gs", '0', "example.net", '+', 'd'},
		{"gs", 'm', "example.net", '+', 'd'},
		{"gs", '!', "example.net", '+', 'd'},
		{"gs", '0', "example.net", '0', 'd'},
		{"gso", '?', "example.net", '+', 'w'},
		{"gso", '.', "example.net", '+', 'K'},
		/* Not what a zone below has signed, nor the zone above, nor what nobody has. */
		{"gs", '+', "www.example.net", '+', 'd'},
		{"gs", '+', "net", '+', 'd'},
		{"gs", '+', NULL, '+', 'd'},
		{"gs", '+', "?example.net", '+', 'd'}, /* signed, but by whom nobody knows */
		{"gs", '+', NULL, '0', 'd'},
		{"gs", '+', NULL, 'n', 'd'},
		/* While DNS may still say whose the name is, it is waited for. */
		{"gso", '+', NULL, '?', 'w'},
		{"gso", '+', NULL, '.', 'D'},
		/* DNS is down, or somebody forges it. */
		{"gso", '+', NULL, '!', 'k'},
		{"gso", '+', NULL, 'b', 'k'},
		{"gso", '+', NULL, 's', 'k'},
		{"gso", '+', NULL, 'z', 'k'},
		{"gs", '0', NULL, '!', 'd'},
		{"gs", 'm', NULL, 's', 'd'},
	};
	struct pin pin = {.suffix = question_of("example.net").name};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (const char *mode = rows[i].modes; *mode; mode++) {
			struct policy p = policy_of(*mode, 'r');
			struct question q = question_of("www.example.net");
			struct policy_part parts[CACHE_PARTS] = {0};
			parts[CACHE_DNS] = part_of(CACHE_DNS, rows[i].dns);
			if (rows[i].signer)
				sign(&said[CACHE_DNS], &q, rows[i].signer);
			parts[PART_ALIAS] = part_of(PART_ALIAS, '0');
		parts[CACHE_SLOT] = part_of(CACHE_SLOT, '0');
			parts[PART_ATTESTED] = zone_part(PART_ATTESTED, rows[i].key, &pin);
			char got = decided(&p, &q, parts);
			if (got != rows[i].want)
				fail_msg("row %zu %c: got %c, want %c", i, *mode, got, rows[i].want);
		}
}

/* f: the zone of the first signer wins. */
static void test_first_signer(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		char mode, zone, dns, slot, want;
	} rows[] = {
		{"www.example.net", 'g', '+', '0', '+', 'f'},
		{"printer.alt", 'g', '+', '+', '+', 'f'},
		{"www.example.net", 'g', '?', '0', '+', 'w'},
		{"www.example.net", 'g', '.', '0', '+', 'F'},
		/* What DNS has, or may have, nobody else says. */
		{"www.example.net", 'g', '+', '+', '+', 'd'},
		{"www.example.net", 'g', '+', 'n', '+', 'd'},
		{"www.example.net", 'g', '+', '!', '+', 'd'},
		{"www.example.net", 'g', '+', 'b', '+', 'd'},
		{"www.example.net", 'g', '+', 'z', '+', 'd'},
		{"www.example.net", 'g', '+', '?', '+', 'w'},
		/* He has taken the name out of it: then no claim counts, not his own either. */
		{"www.example.net", 'g', '0', '0', '+', 'd'},
		{"printer.alt", 'g', '0', '+', '+', 'f'},
		{"www.example.net", 'g', 'n', '0', '+', 'd'},
		/* His zone is not to be had: his claim, which slot_choose knows from others'. */
		{"www.example.net", 'g', 'm', '0', '+', 's'},
		{"www.example.net", 'g', '!', '0', '+', 's'},
		{"www.example.net", 'g', '!', '0', '.', 'S'},
		{"www.example.net", 'g', '!', '0', '0', 'd'},
		{"printer.alt", 'g', '!', '+', '+', 's'},
		/* What was read of his claim, by which he was met, spares the look-up; nobody else's. */
		{"www.example.net", 'g', '.', '0', '*', 's'},
		{"printer.alt", 'g', '.', '+', '*', 's'},
		{"printer.alt", 'g', '+', '+', '*', 'f'},
		{"printer.alt", 'g', '0', '+', '*', 'f'},
		{"printer.alt", 'g', '?', '+', '*', 'w'},
		/* Other modes know no signers, other names neither. */
		{"www.example.net", 's', '+', '0', '+', 'd'},
		{"www.example.net", 'o', '+', '0', '0', 'd'},
		{"www.example.com", 'g', '+', '0', '+', 'd'},
		{"printer.local", 'g', '+', '0', '+', 'd'},
	};
	static const struct pin pin = {.suffix = {.len = 1}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy p = policy_of(rows[i].mode, 'a');
		struct question q = question_of(rows[i].name);
		struct policy_part parts[CACHE_PARTS] = {0};
		parts[CACHE_DNS] = part_of(CACHE_DNS, rows[i].dns);
		parts[PART_ALIAS] = part_of(PART_ALIAS, '0');
		parts[CACHE_SLOT] = part_of(CACHE_SLOT, rows[i].slot);
		parts[PART_SIGNER] = zone_part(PART_SIGNER, rows[i].zone, &pin);
		if (rows[i].slot == '*') { /* a claim of his */
			parts[PART_ALIAS] = part_of(PART_ALIAS, '0');
		parts[CACHE_SLOT] = part_of(CACHE_SLOT, '+');
			said[CACHE_SLOT].has_signer = true;
		} else if (rows[i].slot == '+') {
			said[CACHE_SLOT].has_signer = true;
			said[CACHE_SLOT].signer[0] = 1;
		}
		char got = decided(&p, &q, parts);
		if (got != rows[i].want)
			fail_msg("row %zu, %s: got %c, want %c", i, rows[i].name, got, rows[i].want);
		/* The slot is not asked beside his zone. */
		if (policy_rule_pinned(&p, &q, parts, CACHE_SLOT).when == ASK_NOW)
			assert_int_equal(p.mode, POLICY_OPEN);
	}
}

/* Of a slot without a claim, and only of that, an alias is looked for; it wins as it leads on. */
static void test_alias(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		char mode, dns, slot, alias, want;
	} rows[] = {
		{"printer.alt", 'g', '+', '0', '.', 'A'},
		{"printer.alt", 'g', '+', '0', '?', 'w'},
		{"printer.alt", 'g', '+', '0', '+', 'a'},
		{"printer.alt", 'g', '+', '0', '0', 's'},
		{"printer.alt", 'g', '+', '!', '.', 's'},
		{"printer.alt", 'g', '+', '+', '+', 's'},
		{"www.example.net", 'g', '0', '0', '+', 'a'},
		{"www.example.net", 'g', '0', '0', '.', 'A'},
		{"www.example.net", 'g', '0', '!', '+', 'd'},
		{"www.example.net", 'g', '+', '0', '+', 'd'},
		{"www.example.net", 'g', 'n', '0', '+', 'd'},
		{"www.example.net", 'g', '!', '0', '+', 'd'},
		{"www.example.net", 's', '0', '0', '+', 'd'},
		{"www.example.net", 'o', '+', '0', '+', 'd'},
		{"www.example.net", 'o', '0', '0', '+', 'a'},
		{"www.example.com", 'g', '0', '0', '+', 'd'},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy p = policy_of(rows[i].mode, 'a');
		struct question q = question_of(rows[i].name);
		struct policy_part parts[CACHE_PARTS] = {0};
		parts[CACHE_DNS] = part_of(CACHE_DNS, rows[i].dns);
		parts[CACHE_SLOT] = part_of(CACHE_SLOT, rows[i].slot);
		parts[PART_ALIAS] = part_of(PART_ALIAS, rows[i].alias);
		char got = decided(&p, &q, parts);
		if (got != rows[i].want)
			fail_msg("row %zu, %s: got %c, want %c", i, rows[i].name, got, rows[i].want);
		assert_int_not_equal(policy_rule_pinned(&p, &q, parts, PART_ALIAS).when, ASK_NOW);
		q.type = TYPE_CNAME;
		assert_int_equal(policy_rule_pinned(&p, &q, parts, PART_ALIAS).when, ASK_NEVER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_when_the_slot_is_asked),
		cmocka_unit_test(test_attested),
		cmocka_unit_test(test_first_signer),
		cmocka_unit_test(test_alias),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
