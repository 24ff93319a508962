/* Who may answer: every kind of name, against what the DHT says, what DNS says, and the mode. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/policy.h"

static const char key_name[] = "www.47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy";

static struct name name_of(const char *text)
{
	struct name n;
	assert_int_equal(name_from_text(text, strlen(text), &n), 0);
	return n;
}

static struct question question_of(const char *text)
{
	return (struct question){.name = name_of(text), .type = TYPE_A, .class = CLASS_IN};
}

static struct policy policy_of(enum policy_mode mode)
{
	struct policy p = {.mode = mode, .dht = true, .upstream = true, .lookup_always = true};
	p.tofu.name[0] = (struct name){.len = 1};
	p.tofu.len = 1;
	return p;
}

static void test_kinds(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum policy_kind kind;
	} rows[] = {
		{key_name, NAME_UNDER_KEY},
		{"47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy", NAME_UNDER_KEY},
		/* A key that is not the root-most label is an ordinary label. */
		{"47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy.example.com", NAME_PLAIN},
		{"printer.alt", NAME_ALT},
		{"alt", NAME_ALT},
		{"notalt.example", NAME_PLAIN},
		{"xalt", NAME_PLAIN},
		{"localhost", NAME_LOCAL},
		{"a.b.localhost", NAME_LOCAL},
		{"printer.local", NAME_LOCAL},
		{"x.onion", NAME_LOCAL},
		{"x.invalid", NAME_LOCAL},
		{"x.internal", NAME_LOCAL},
		{"nas.home.arpa", NAME_LOCAL},
		{"home.arpa", NAME_LOCAL},
		{"arpa", NAME_PLAIN},
		{"1.0.0.10.in-addr.arpa", NAME_LOCAL},
		{"1.0.0.110.in-addr.arpa", NAME_PLAIN},
		{"1.2.16.172.in-addr.arpa", NAME_LOCAL},
		{"31.172.in-addr.arpa", NAME_LOCAL},
		{"1.15.172.in-addr.arpa", NAME_PLAIN},
		{"1.32.172.in-addr.arpa", NAME_PLAIN},
		{"1.2.172.in-addr.arpa", NAME_PLAIN},
		{"172.in-addr.arpa", NAME_PLAIN},
		{"1.168.192.in-addr.arpa", NAME_LOCAL},
		{"1.169.192.in-addr.arpa", NAME_PLAIN},
		{"1.0.0.127.in-addr.arpa", NAME_LOCAL},
		{"x.d.f.ip6.arpa", NAME_LOCAL},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", NAME_LOCAL},
		{"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", NAME_PLAIN},
		{"x.test", NAME_LOCAL},
		{"www.example.com", NAME_PLAIN},
		{"com", NAME_PLAIN},
	};
	struct policy p = policy_of(POLICY_GUARDED);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct name n = name_of(rows[i].name);
		if (policy_kind(&p, &n) != rows[i].kind)
			fail_msg("%s is kind %d", rows[i].name, policy_kind(&p, &n));
	}
	struct name test = name_of("x.test"), root = {.len = 1};
	p.test_zones = true;
	assert_int_equal(policy_kind(&p, &test), NAME_PLAIN);
	assert_int_equal(policy_kind(&p, &root), NAME_PLAIN);
}

/* Names that have servers of their own (upstream=ZONE@): strangers neither hear of them nor speak
 * for them, whatever the mode; what their servers say is DNS, private addresses too. */
static void test_split(void **state)
{
	(void)state;
	static const enum policy_mode modes[] = {POLICY_GUARDED, POLICY_OPEN, POLICY_STRICT};
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		struct policy p = policy_of(modes[i]);
		struct question inside = question_of("x.office"), apex = question_of("office"),
				beside = question_of("xoffice"), alt = question_of("x.alt");
		bool asks = modes[i] != POLICY_STRICT;
		p.split.name[p.split.len++] = name_of("lab");
		p.split.name[p.split.len++] = name_of("office");
		p.split.name[p.split.len++] = name_of("alt");
		assert_int_equal(policy_when(&p, &inside, CACHE_SLOT), ASK_NEVER);
		assert_int_equal(policy_when(&p, &apex, CACHE_SLOT), ASK_NEVER);
		assert_int_equal(policy_when(&p, &inside, CACHE_DNS), ASK_NOW);
		assert_int_equal(policy_when(&p, &beside, CACHE_SLOT) != ASK_NEVER, asks);
		assert_int_equal(policy_when(&p, &alt, CACHE_SLOT) != ASK_NEVER, asks);
		assert_false(policy_tells_dht(&p, &inside.name));
		assert_true(policy_tells_dht(&p, &beside.name));
		assert_true(policy_tells_dht(&p, &alt.name));
		/* They are no local names: addresses of this network need private_ok. */
		assert_int_equal(policy_kind(&p, &inside.name), NAME_PLAIN);
		p.split.len = 0;
		assert_int_equal(policy_when(&p, &inside, CACHE_SLOT) != ASK_NEVER, asks);
	}
}

/* What a source can say: + a record, 0 no such name, n the name but not the type, ! a failure,
 * b bogus, . not asked yet, ? under way. */
static struct answer said[CACHE_PARTS];

static struct policy_part part_of(enum cache_part part, char what)
{
	struct policy_part p = {.answer = &said[part]};
	said[part] = (struct answer){0};
	switch (what) {
	case '.':
		return (struct policy_part){PART_NOT_ASKED, NULL};
	case '?':
		return (struct policy_part){PART_ASKED, NULL};
	case '0':
		said[part].error = -ENOENT;
		said[part].rcode = RCODE_NXDOMAIN;
		break;
	case 'n':
		said[part].error = -ENOENT;
		break;
	case '!':
		said[part].error = -ETIMEDOUT;
		break;
	case 'b':
		said[part].error = -EBADMSG;
		break;
	default:
		break;
	}
	p.state = PART_ANSWERED;
	return p;
}

/* Who wins (d z s, c: a copy, o and r: a pin of one's own, of root's), who is to be asked (the same in upper case),
 * w: wait, -: nobody. */
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

/* mode, name, what DNS, zone and slot say; then who wins (d z s), what is asked (D Z S), w for
 * wait, - for nobody. */
static void test_winner(void **state)
{
	(void)state;
	static const struct {
		enum policy_mode mode;
		const char *name;
		char dns, zone, slot, want;
	} rows[] = {
		/* A key's zone, nothing else, in every mode. */
		{POLICY_GUARDED, key_name, '+', '+', '+', 'z'},
		{POLICY_GUARDED, key_name, '+', '0', '+', 'z'},
		{POLICY_GUARDED, key_name, '+', '!', '+', 'z'},
		{POLICY_GUARDED, key_name, '+', '?', '+', 'w'},
		{POLICY_OPEN, key_name, '+', '+', '+', 'z'},
		{POLICY_STRICT, key_name, '+', '0', '+', 'z'},
		/* DNS is final where it answers. */
		{POLICY_GUARDED, "www.example.com", '+', '+', '+', 'd'},
		{POLICY_GUARDED, "www.example.com", '+', '.', '?', 'd'},
		{POLICY_GUARDED, "www.example.com", '?', '.', '+', 'w'},
		{POLICY_GUARDED, "www.example.com", '.', '.', '+', 'D'},
		/* Where it says that there is nothing a claim may answer. */
		{POLICY_GUARDED, "www.example.com", '0', '.', '+', 's'},
		{POLICY_GUARDED, "www.example.com", '0', '.', '?', 'w'},
		{POLICY_GUARDED, "www.example.com", '0', '.', '.', 'S'},
		{POLICY_GUARDED, "www.example.com", '0', '.', '0', 'd'},
		{POLICY_GUARDED, "www.example.com", '0', '.', '!', 'd'},
		/* A name that exists is something: no stranger's AAAA beside its A. */
		{POLICY_GUARDED, "www.example.com", 'n', '.', '+', 'd'},
		{POLICY_OPEN, "www.example.com", 'n', '.', '+', 's'},
		/* DNS that failed or was forged has said nothing: slowing it down wins nothing. */
		{POLICY_GUARDED, "www.example.com", '!', '.', '+', 'd'},
		{POLICY_GUARDED, "www.example.com", 'b', '.', '+', 'd'},
		/* strict knows no claims of strangers. */
		{POLICY_STRICT, "www.example.com", '0', '.', '+', 'd'},
		{POLICY_STRICT, "printer.alt", '+', '.', '+', '-'},
		/* .alt is never upstream. */
		{POLICY_GUARDED, "printer.alt", '+', '.', '+', 's'},
		{POLICY_GUARDED, "printer.alt", '+', '.', '0', 's'},
		{POLICY_GUARDED, "printer.alt", '+', '.', '!', 's'},
		{POLICY_GUARDED, "printer.alt", '+', '.', '?', 'w'},
		/* open: the DHT first, as in 2009; what DNS says counts where there is no claim. */
		{POLICY_OPEN, "www.example.com", '+', '.', '+', 's'},
		{POLICY_OPEN, "www.example.com", '?', '.', '+', 's'},
		{POLICY_OPEN, "www.example.com", '+', '.', '?', 'w'},
		{POLICY_OPEN, "www.example.com", '+', '.', '0', 'd'},
		{POLICY_OPEN, "www.example.com", '+', '.', '!', 'd'},
		{POLICY_OPEN, "www.example.com", '0', '.', '0', 'd'},
		{POLICY_OPEN, "www.example.com", '!', '.', '0', 'd'},
		{POLICY_OPEN, "printer.alt", '+', '.', '0', 's'},
		/* Local names are DNS's alone. */
		{POLICY_GUARDED, "printer.local", '0', '.', '+', 'd'},
		{POLICY_OPEN, "printer.local", '0', '.', '+', 'd'},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy p = policy_of(rows[i].mode);
		struct question q = question_of(rows[i].name);
		struct policy_part parts[CACHE_PARTS] = {0};
		parts[CACHE_DNS] = part_of(CACHE_DNS, rows[i].dns);
		parts[CACHE_ZONE] = part_of(CACHE_ZONE, rows[i].zone);
		parts[PART_ALIAS] = part_of(PART_ALIAS, '0');
		parts[CACHE_SLOT] = part_of(CACHE_SLOT, rows[i].slot);
		char got = decided(&p, &q, parts);
		if (got != rows[i].want)
			fail_msg("row %zu, %s: got %c, want %c", i, rows[i].name, got, rows[i].want);
	}
}

/* Of a copy: + a record, 0 a proof that there is none, m nobody has it, ! a failure. */
static struct policy_part copy_of(char what)
{
	struct policy_part p = part_of(CACHE_COPY, what == 'm' ? 'n' : what);
	said[CACHE_COPY].validated = what == '+' || what == '0';
	return p;
}

/* Mode; name; what DNS, the copy and the slot say; who wins or is asked. */
static void test_copies(void **state)
{
	(void)state;
	static const struct {
		enum policy_mode mode;
		const char *name;
		char dns, copy, slot, want;
	} rows[] = {
		/* While DNS answers, no copy changes anything. */
		{POLICY_GUARDED, "www.example.com", '+', '+', '+', 'd'},
		{POLICY_GUARDED, "www.example.com", 'n', '+', '+', 'd'},
		{POLICY_GUARDED, "www.example.com", '0', '+', '0', 'd'},
		{POLICY_GUARDED, "www.example.com", '0', '+', '+', 's'},
		{POLICY_GUARDED, "www.example.com", '?', '+', '+', 'w'},
		{POLICY_GUARDED, "www.example.com", '.', '+', '+', 'D'},
		{POLICY_STRICT, "www.example.com", '0', '+', '+', 'd'},
		{POLICY_OPEN, "www.example.com", '0', '+', '0', 'd'},
		/* Where it fails, or lies, what it once said is proven. */
		{POLICY_GUARDED, "www.example.com", '!', '.', '+', 'C'},
		{POLICY_GUARDED, "www.example.com", 'b', '.', '+', 'C'},
		{POLICY_GUARDED, "www.example.com", '!', '?', '+', 'w'},
		{POLICY_GUARDED, "www.example.com", '!', '+', '+', 'c'},
		{POLICY_GUARDED, "www.example.com", 'b', '+', '+', 'c'},
		{POLICY_GUARDED, "www.example.com", '!', '0', '+', 'c'},
		{POLICY_STRICT, "www.example.com", '!', '+', '+', 'c'},
		{POLICY_OPEN, "www.example.com", '!', '+', '0', 'c'},
		{POLICY_OPEN, "www.example.com", '!', '+', '+', 's'},
		/* What nobody can prove is what DNS said; and no claim stands in for that. */
		{POLICY_GUARDED, "www.example.com", '!', 'm', '+', 'd'},
		{POLICY_GUARDED, "www.example.com", 'b', 'm', '+', 'd'},
		{POLICY_GUARDED, "www.example.com", '!', '!', '+', 'd'},
		{POLICY_STRICT, "www.example.com", '!', 'm', '+', 'd'},
		/* Names that DNS does not have. */
		{POLICY_GUARDED, "printer.alt", '.', '+', '+', 's'},
		{POLICY_GUARDED, "printer.local", '!', '+', '+', 'd'},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy p = policy_of(rows[i].mode);
		struct question q = question_of(rows[i].name);
		struct policy_part parts[CACHE_PARTS] = {0};
		p.copies = true;
		parts[CACHE_DNS] = part_of(CACHE_DNS, rows[i].dns);
		parts[CACHE_COPY] = copy_of(rows[i].copy);
		parts[PART_ALIAS] = part_of(PART_ALIAS, '0');
		parts[CACHE_SLOT] = part_of(CACHE_SLOT, rows[i].slot);
		char got = decided(&p, &q, parts);
		if (got != rows[i].want)
			fail_msg("row %zu, %s: got %c, want %c", i, rows[i].name, got, rows[i].want);
	}
	/* Asked for late at the earliest, and never where there is no DNS that could fail. */
	struct policy p = policy_of(POLICY_GUARDED);
	struct question plain = question_of("www.example.com");
	assert_int_equal(policy_when(&p, &plain, CACHE_COPY), ASK_NEVER);
	p.copies = true;
	assert_int_equal(policy_when(&p, &plain, CACHE_COPY), ASK_LATER);
	p.upstream = false;
	assert_int_equal(policy_when(&p, &plain, CACHE_COPY), ASK_NEVER);
	p.upstream = true;
	p.split.name[p.split.len++] = name_of("example.com");
	assert_int_equal(policy_when(&p, &plain, CACHE_COPY), ASK_NEVER);
}

/* What the zone of a pin's key can say: + a record, 0 it does not have the name, m nobody has the
 * zone, n the name but not the type, ! a failure, . not asked yet, ? under way. */
static struct policy_part pinned_part_of(enum cache_part part, char what, const struct pin *pin)
{
	struct policy_part p = part_of(part, what == 'm' ? '0' : what);
	p.pin = pin;
	said[part].has_signer = what == '+' || what == '0' || what == 'n';
	said[part].lacks_name = what == '0';
	return p;
}

/* Mode; name; the user's pin and the one for all: - none, p a pin, s strict, a an alias; what each
 * says, and DNS, and the slot. Then who wins (o the user's, r the one for all, d, s), is asked
 * (O R D S), w for wait. */
static void test_pins(void **state)
{
	(void)state;
	static const struct {
		enum policy_mode mode;
		const char *name, *pins;
		char own, all, dns, slot, want;
	} rows[] = {
		/* A pin comes first, in every mode, and decides without the others. */
		{POLICY_GUARDED, "www.example.com", "p-", '+', '.', '+', '+', 'o'},
		{POLICY_GUARDED, "www.example.com", "p-", '+', '.', '?', '.', 'o'},
		{POLICY_GUARDED, "www.example.com", "-p", '.', '+', '+', '+', 'r'},
		{POLICY_OPEN, "www.example.com", "-p", '.', '+', '+', '+', 'r'},
		{POLICY_STRICT, "www.example.com", "p-", '+', '.', '+', '+', 'o'},
		{POLICY_GUARDED, "printer.local", "p-", '+', '.', '+', '+', 'o'},
		{POLICY_GUARDED, "printer.alt", "p-", '+', '.', '.', '+', 'o'},
		/* DNS that is faster waits for it. */
		{POLICY_GUARDED, "www.example.com", "p-", '?', '.', '+', '+', 'w'},
		{POLICY_GUARDED, "www.example.com", "p-", '.', '.', '+', '+', 'O'},
		{POLICY_GUARDED, "www.example.com", "-p", '.', '.', '+', '+', 'R'},
		/* One's own before the one for all. */
		{POLICY_GUARDED, "www.example.com", "pp", '+', '+', '+', '+', 'o'},
		{POLICY_GUARDED, "www.example.com", "pp", '?', '+', '+', '+', 'w'},
		{POLICY_GUARDED, "www.example.com", "ps", '+', '!', '+', '+', 'o'},
		/* The zone lacks the name, or cannot be read: on to the next rule. */
		{POLICY_GUARDED, "www.example.com", "p-", '0', '.', '+', '+', 'd'},
		{POLICY_GUARDED, "www.example.com", "p-", 'm', '.', '+', '+', 'd'},
		{POLICY_GUARDED, "www.example.com", "p-", '!', '.', '+', '+', 'd'},
		{POLICY_GUARDED, "www.example.com", "p-", '0', '.', '0', '+', 's'},
		{POLICY_GUARDED, "www.example.com", "p-", '0', '.', '0', '0', 'd'},
		{POLICY_GUARDED, "www.example.com", "pp", '0', '+', '+', '+', 'r'},
		{POLICY_GUARDED, "www.example.com", "pp", '0', '0', '+', '+', 'd'},
		{POLICY_OPEN, "www.example.com", "p-", '0', '.', '+', '+', 's'},
		{POLICY_GUARDED, "printer.alt", "p-", '0', '.', '+', '+', 's'},
		/* What the name has, if not of this type, is all that it has. */
		{POLICY_GUARDED, "www.example.com", "p-", 'n', '.', '+', '+', 'o'},
		{POLICY_GUARDED, "www.example.com", "pp", 'n', '+', '+', '+', 'o'},
		/* Strict fails closed, whatever the others have. */
		{POLICY_GUARDED, "www.example.com", "s-", '0', '.', '+', '+', 'o'},
		{POLICY_GUARDED, "www.example.com", "s-", 'm', '.', '+', '+', 'o'},
		{POLICY_GUARDED, "www.example.com", "s-", '!', '.', '+', '+', 'o'},
		{POLICY_GUARDED, "www.example.com", "s-", '?', '.', '+', '+', 'w'},
		{POLICY_OPEN, "www.example.com", "s-", '0', '.', '+', '+', 'o'},
		{POLICY_GUARDED, "www.example.com", "sp", '0', '+', '+', '+', 'o'},
		{POLICY_GUARDED, "www.example.com", "ps", '0', '!', '+', '+', 'r'},
		{POLICY_GUARDED, "www.example.com", "ps", '!', '0', '+', '+', 'r'},
		/* So does a nickname: it is the key's name. */
		{POLICY_GUARDED, "www.alice.alt", "a-", '0', '.', '.', '+', 'o'},
		{POLICY_GUARDED, "www.alice.alt", "a-", '!', '.', '+', '+', 'o'},
		{POLICY_GUARDED, "www.alice.alt", "a-", '+', '.', '+', '+', 'o'},
	};
	static const struct pin plain, strict = {.strict = true}, alias = {.alias = true};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy p = policy_of(rows[i].mode);
		struct question q = question_of(rows[i].name);
		struct policy_part parts[CACHE_PARTS] = {0};
		const struct pin *pins[2];
		for (int k = 0; k < 2; k++)
			pins[k] = rows[i].pins[k] == 's' ? &strict :
				rows[i].pins[k] == 'a'	 ? &alias :
				rows[i].pins[k] == 'p'	 ? &plain :
							   NULL;
		parts[CACHE_DNS] = part_of(CACHE_DNS, rows[i].dns);
		parts[PART_ALIAS] = part_of(PART_ALIAS, '0');
		parts[CACHE_SLOT] = part_of(CACHE_SLOT, rows[i].slot);
		parts[PART_PIN] = pinned_part_of(PART_PIN, rows[i].own, pins[0]);
		parts[PART_PIN_FOR_ALL] = pinned_part_of(PART_PIN_FOR_ALL, rows[i].all, pins[1]);
		char got = decided(&p, &q, parts);
		if (got != rows[i].want)
			fail_msg("row %zu, %s: got %c, want %c", i, rows[i].name, got, rows[i].want);
		/* Nobody is told of a name that only the key may answer for. */
		if (rows[i].pins[0] == 's' || rows[i].pins[0] == 'a')
			for (enum cache_part other = 0; other < CACHE_PARTS; other++)
				assert_int_equal(policy_rule_pinned(&p, &q, parts, other).when,
					other == PART_PIN ? ASK_NOW : ASK_NEVER);
	}
}

/* Pins and DNS are asked at once, so that a pin costs no round trip more. */
static void test_pin_in_parallel(void **state)
{
	(void)state;
	static const struct pin plain;
	struct policy p = policy_of(POLICY_GUARDED);
	struct question q = question_of("www.example.com");
	struct policy_part parts[CACHE_PARTS] = {[PART_PIN_FOR_ALL] = {.pin = &plain}};
	assert_int_equal(policy_rule_pinned(&p, &q, parts, PART_PIN).when, ASK_NEVER);
	assert_int_equal(policy_rule_pinned(&p, &q, parts, PART_PIN_FOR_ALL).when, ASK_NOW);
	assert_int_equal(policy_rule_pinned(&p, &q, parts, CACHE_DNS).when, ASK_NOW);
	p.dht = false;
	struct question alt = question_of("www.alice.alt");
	static const struct pin alias = {.alias = true};
	struct policy_part alice[CACHE_PARTS] = {[PART_PIN] = {.pin = &alias}};
	assert_int_equal(policy_rule(&p, &alt, CACHE_DNS).when, ASK_NOW);
	assert_int_equal(policy_rule_pinned(&p, &alt, alice, CACHE_DNS).when, ASK_NEVER);
}

static void test_when(void **state)
{
	(void)state;
	struct policy p = policy_of(POLICY_GUARDED);
	struct question plain = question_of("www.example.com"), alt = question_of("x.alt");
	struct question key = question_of(key_name);
	assert_int_equal(policy_when(&p, &plain, CACHE_SLOT), ASK_NOW);
	p.lookup_always = false; /* a public network: names are not told to strangers unasked */
	assert_int_equal(policy_when(&p, &plain, CACHE_SLOT), ASK_LATER);
	assert_int_equal(policy_when(&p, &alt, CACHE_SLOT), ASK_NOW);
	p.upstream = false;
	assert_int_equal(policy_when(&p, &plain, CACHE_SLOT), ASK_NOW);
	assert_int_equal(policy_when(&p, &plain, CACHE_DNS), ASK_NEVER);
	p.tofu.name[0] = name_of("alt");
	assert_int_equal(policy_when(&p, &plain, CACHE_SLOT), ASK_NEVER);
	assert_int_equal(policy_when(&p, &alt, CACHE_SLOT), ASK_NOW);
	p.upstream = true;
	assert_int_equal(policy_when(&p, &alt, CACHE_DNS), ASK_NEVER);
	assert_int_equal(policy_when(&p, &key, CACHE_DNS), ASK_NEVER);
	p.dht = false; /* then the upstream may be another kadns */
	assert_int_equal(policy_when(&p, &alt, CACHE_DNS), ASK_NOW);
	assert_int_equal(policy_when(&p, &key, CACHE_DNS), ASK_NOW);
	assert_int_equal(policy_when(&p, &key, CACHE_ZONE), ASK_NEVER);
	p.dht = true;
	key.class = alt.class = CLASS_CH;
	assert_int_equal(policy_when(&p, &key, CACHE_ZONE), ASK_NEVER);
	assert_int_equal(policy_when(&p, &alt, CACHE_SLOT), ASK_NEVER);
	alt.class = CLASS_IN;
	alt.type = TYPE_RRSIG;
	assert_int_equal(policy_when(&p, &alt, CACHE_SLOT), ASK_NEVER);
}

static bool rebinds(const struct policy *p, const char *name, uint16_t type, const char *rdata,
	enum answer_trust trust)
{
	struct question q = question_of(name);
	struct answer *a;
	q.type = type;
	struct rrset *set = rrset_create(&q, 60);
	size_t len = type == TYPE_A ? 4 : type == TYPE_AAAA ? 16 : 18;
	assert_int_equal(rrset_add(set, (const uint8_t *)rdata, len), 0);
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	a->trust = trust;
	bool r = policy_rebinds(p, a);
	answer_unref(a);
	rrset_destroy(set);
	return r;
}

static void test_rebinding(void **state)
{
	(void)state;
	struct policy p = policy_of(POLICY_GUARDED);
	static const char *const private4[] = {"\x0a\1\2\3", "\x7f\0\0\1", "\xc0\xa8\1\1", "\xac\x10\0\1",
		"\xac\x1f\xff\1", "\xa9\xfe\1\1", "\0\0\0\0", "\x64\x40\0\1"};
	static const char *const public4[] = {"\xc0\0\2\1", "\xac\x20\0\1", "\x08\x08\x08\x08",
		"\x64\x80\0\1", "\xc0\xa9\1\1"};
	static const char *const private6[] = {"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
		"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
		"\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"};
	for (size_t i = 0; i < sizeof(private4) / sizeof(*private4); i++)
		assert_true(rebinds(&p, "a.example", TYPE_A, private4[i], TRUST_DNS));
	for (size_t i = 0; i < sizeof(public4) / sizeof(*public4); i++)
		assert_false(rebinds(&p, "a.example", TYPE_A, public4[i], TRUST_DNS));
	for (size_t i = 0; i < sizeof(private6) / sizeof(*private6); i++)
		assert_true(rebinds(&p, "a.example", TYPE_AAAA, private6[i], TRUST_TOFU));
	assert_false(rebinds(&p, "a.example", TYPE_AAAA, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", TRUST_DNS));
	/* Own records, keys and pins are asked for by name. */
	assert_false(rebinds(&p, "a.example", TYPE_A, private4[0], TRUST_SELF));
	assert_false(rebinds(&p, "a.example", TYPE_A, private4[0], TRUST_KEY));
	/* A key that a zone attests is a stranger's: else the way around this would be a TXT record. */
	assert_true(rebinds(&p, "a.example", TYPE_A, private4[0], TRUST_DNSSEC_KEY));
	assert_true(rebinds(&p, "a.example", TYPE_A, private4[0], TRUST_DNSSEC));
	assert_false(rebinds(&p, "a.example", TYPE_A, private4[0], TRUST_PIN));
	assert_false(rebinds(&p, "localhost", TYPE_A, private4[1], TRUST_DNS));
	/* IPv4 in IPv6 clothes, and the hints of HTTPS. */
	assert_true(rebinds(&p, "a.example", TYPE_AAAA, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0\x0a\0\0\1", TRUST_DNS));
	assert_false(rebinds(&p, "a.example", TYPE_AAAA, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0\x08\x08\x08\x08", TRUST_DNS));
	assert_true(rebinds(&p, "a.example", TYPE_HTTPS, "\0\1\0\0\1\0\3\2h2\0\4\0\4\x0a\0\0\1", TRUST_DNS));
	assert_false(rebinds(&p, "a.example", TYPE_HTTPS, "\0\1\0\0\1\0\3\2h2\0\4\0\4\x08\0\0\1", TRUST_DNS));
	p.private_ok.name[p.private_ok.len++] = name_of("example");
	assert_false(rebinds(&p, "a.example", TYPE_A, private4[0], TRUST_DNS));
	assert_true(rebinds(&p, "a.example2", TYPE_A, private4[0], TRUST_DNS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_winner),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_pin_in_parallel),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_rebinding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
