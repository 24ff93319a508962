/* resolver/answer and answer_build: answers from record sets and without records, read back. */
#undef NDEBUG
#include <errno.h>

#include "tests/resolver/message_text.h"

/* The set in one answer's worth of lines: all of one owner, type and TTL. */
static struct rrset *set_of(const char *question, uint32_t ttl, const char *data)
{
	struct question q = question_of(question);
	struct rrset *set = rrset_create(&q, ttl);
	assert_non_null(set);
	char text[NAME_TEXT_MAX];
	while (sscanf(data, "%1023s", text) == 1) {
		uint8_t rdata[1024];
		size_t len = 0;
		data = strstr(data, text) + strlen(text);
		rdata_from_text(q.type, text, rdata, &len);
		assert_int_equal(rrset_add(set, rdata, len), 0);
	}
	return set;
}

static struct answer *answer_of(const char *question, uint32_t ttl, const char *data)
{
	struct question q = question_of(question);
	struct rrset *set = set_of(question, ttl, data);
	struct answer *a;
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	rrset_destroy(set);
	return a;
}

/* The message is what answer.h promises to the DNS door, byte for byte. */
static void from_a_set(void **state)
{
	(void)state;
	struct answer *a = answer_of("www.example A", 300, "192.0.2.2 192.0.2.1");
	static const uint8_t expected[] = "\0\0\x81\x80\0\1\0\2\0\0\0\0\3www\7example\0\0\1\0\1"
					  "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\300\0\2\1"
					  "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\300\0\2\2";
	assert_int_equal(a->message[0].len, sizeof(expected) - 1);
	assert_memory_equal(a->message[0].bytes, expected, sizeof(expected) - 1);
	assert_int_equal(a->message[0].ttls_len, 2);
	assert_int_equal(a->message[0].ttls[0], 29 + 6);
	assert_int_equal(a->message[0].ttls[1], 29 + 16 + 6);
	assert_ptr_equal(a->message[0].bytes, a->message[1].bytes);
	assert_int_equal(a->error, 0);
	assert_int_equal(a->rcode, 0);
	assert_int_equal(a->ede, EDE_NONE);
	assert_int_equal(a->ttl, 300);
	assert_int_equal(a->source, SOURCE_NONE);
	assert_int_equal(a->trust, TRUST_NONE);
	assert_int_equal(answer_size(a), sizeof(*a) + sizeof(expected) - 1 + 4);

	struct rrset *back, *set = set_of("www.example A", 300, "192.0.2.1 192.0.2.2");
	assert_int_equal(answer_rrset(a, &back), 0);
	assert_true(question_equal(&back->question, &set->question));
	assert_true(rrset_same_data(back, set));
	assert_int_equal(back->ttl, 300);
	assert_int_equal(answer_cnames(a, NULL, 0), 0);
	rrset_destroy(back);
	rrset_destroy(set);
	answer_unref(a);

	a = answer_of("www.example A", 604800, "192.0.2.1"); /* a file shows what was written */
	assert_int_equal(a->ttl, 604800);
	answer_unref(a);
}

static void from_a_wildcard(void **state)
{
	(void)state;
	struct rrset *set = set_of("\\042.example A", 60, "192.0.2.1");
	struct question q = question_of("a.b.example A");
	struct answer *a;
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	assert_records(a, 1, "an a.b.example 60 A 192.0.2.1\n");
	answer_unref(a);
	q = question_of("\\042.example A");
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	assert_records(a, 1, "an \\042.example 60 A 192.0.2.1\n");
	answer_unref(a);
	q = question_of("example A"); /* what it is below of is not below it */
	assert_int_equal(answer_from_rrset(&q, set, &a), -EINVAL);
	q = question_of("b.other A");
	assert_int_equal(answer_from_rrset(&q, set, &a), -EINVAL);
	rrset_destroy(set);
}

static void refuses_a_set_of_another(void **state)
{
	(void)state;
	struct rrset *set = set_of("www.example A", 60, "192.0.2.1");
	struct answer *a;
	const char *others[] = {"ww.example A", "a.www.example A", "example A", "www.example TXT"};
	for (size_t i = 0; i < 4; i++) {
		struct question q = question_of(others[i]);
		assert_int_equal(answer_from_rrset(&q, set, &a), -EINVAL);
	}
	struct question q = question_of("www.example A");
	q.class = CLASS_CH;
	assert_int_equal(answer_from_rrset(&q, set, &a), -EINVAL);
	rrset_destroy(set);
	set = set_of("www.example A", 60, ""); /* no records are no set */
	q.class = CLASS_IN;
	assert_int_equal(answer_from_rrset(&q, set, &a), -EINVAL);
	rrset_destroy(set);
}

static void set_too_large(void **state)
{
	(void)state;
	struct question q = {.type = 65280, .class = CLASS_IN, .name = name_of("www.example")};
	struct rrset *set = rrset_create(&q, 60);
	static uint8_t rdata[RRSET_BYTES_MAX];
	int r;
	size_t count = 0;
	struct answer *a;
	do {
		rdata[0] = (uint8_t)count;
		r = rrset_add(set, rdata, 400);
		count++;
	} while (r == 0);
	assert_int_equal(r, -EFBIG);
	assert_int_equal(
		answer_from_rrset(&q, set, &a), 0); /* a set that may be is one that fits */
	struct rrset *back;
	assert_int_equal(answer_rrset(a, &back), 0);
	assert_true(rrset_same_data(set, back));
	rrset_destroy(back);
	answer_unref(a);
	rrset_destroy(set);
}

/* Names nested so deep that compressing each onto the last would need more pointers than readers
 * follow: either such an answer is made readable or there is none. */
static void deep_names(void **state)
{
	(void)state;
	struct question q = question_of("www.example NS");
	struct rrset *set = rrset_create(&q, 60), *back;
	struct name target = name_of("example");
	for (int i = 0; i < 60; i++) {
		/* Rising, so that canonical order is that of depth. */
		char label[3] = {(char)('a' + i / 26), (char)('a' + i % 26), '\0'};
		struct name first = name_of(label);
		assert_int_equal(name_join(&first, &target, &target), 0);
		assert_int_equal(rrset_add(set, target.wire, target.len), 0);
	}
	struct answer *a;
	int r = answer_from_rrset(&q, set, &a);
	if (r == 0) {
		assert_int_equal(answer_rrset(a, &back), 0);
		assert_true(rrset_same_data(set, back));
		rrset_destroy(back);
		answer_unref(a);
	} else {
		assert_int_equal(r, -EFBIG);
	}
	rrset_destroy(set);
}

static void behind_a_cname(void **state)
{
	(void)state;
	struct answer *end = answer_of("c.example A", 60, "192.0.2.1"), *middle, *a;
	struct rrset *b_to_c = set_of("b.example CNAME", 50, "c.example");
	struct rrset *a_to_b = set_of("a.example CNAME", 70, "b.example");
	struct question b = question_of("b.example A"), q = question_of("a.example A");
	end->arrived = 77;
	assert_int_equal(answer_from_cname(&b, b_to_c, end, &middle), 0);
	assert_int_equal(answer_from_cname(&q, a_to_b, middle, &a), 0);
	assert_records(a, 1,
		"an a.example 70 CNAME b.example\n"
		"an b.example 50 CNAME c.example\n"
		"an c.example 60 A 192.0.2.1\n");
	assert_true(answer_is_to(a, &q));
	assert_int_equal(a->ttl, 50);
	assert_int_equal(a->arrived, 77);
	assert_int_equal(a->error, 0);

	struct name names[2], expected;
	assert_int_equal(answer_cnames(a, names, 2), 2);
	expected = name_of("b.example");
	assert_true(name_equal(&names[0], &expected));
	expected = name_of("c.example");
	assert_true(name_equal(&names[1], &expected));
	assert_int_equal(answer_cnames(a, names, 1), 2); /* more than fit */

	struct rrset *set;
	assert_int_equal(answer_rrset(a, &set), 0);
	assert_true(name_equal(&set->question.name, &expected));
	assert_int_equal(set->question.type, TYPE_A);
	assert_int_equal(set->ttl, 60);
	rrset_destroy(set);
	rrset_destroy(b_to_c);
	rrset_destroy(a_to_b);
	answer_unref(a);
	answer_unref(middle);
	answer_unref(end);
}

static void behind_a_cname_nothing(void **state)
{
	(void)state;
	struct question q = question_of("a.example A"), t = question_of("b.test A");
	struct rrset *cname = set_of("a.example CNAME", 70, "b.test"), *set;
	struct answer *end = answer_without(&t, -ENOENT, RCODE_NXDOMAIN, 7, 30, true), *a;
	assert_int_equal(answer_from_cname(&q, cname, end, &a), 0);
	assert_records(a, 1,
		"an a.example 70 CNAME b.test\n"
		"au test 30 SOA 30\n");
	assert_int_equal(a->error, -ENOENT);
	assert_int_equal(a->rcode, RCODE_NXDOMAIN);
	assert_int_equal(a->ede, 7);
	assert_int_equal(a->ttl, 30);
	assert_int_equal(answer_rrset(a, &set), -ENOENT);
	assert_int_equal(answer_cnames(a, NULL, 0), 1);
	answer_unref(a);
	answer_unref(end);
	end = answer_without(&t, -ENOENT, RCODE_NOERROR, EDE_NONE, 0, false);
	assert_int_equal(answer_from_cname(&q, cname, end, &a), 0);
	assert_int_equal(a->ttl, 0);
	answer_unref(a);
	answer_unref(end);
	rrset_destroy(cname);
}

static void not_this_chain(void **state)
{
	(void)state;
	struct answer *end = answer_of("b.example A", 60, "192.0.2.1"), *a;
	struct rrset *cname = set_of("a.example CNAME", 70, "b.example");
	struct rrset *elsewhere = set_of("a.example CNAME", 70, "c.example");
	struct rrset *address = set_of("a.example A", 70, "192.0.2.1");
	struct question q = question_of("a.example A"), other = question_of("x.example A"),
			txt = question_of("a.example TXT"), chain = question_of("a.example CNAME");
	assert_int_equal(answer_from_cname(&q, elsewhere, end, &a), -EINVAL);
	assert_int_equal(answer_from_cname(&q, address, end, &a), -EINVAL);
	assert_int_equal(answer_from_cname(&other, cname, end, &a), -EINVAL);
	assert_int_equal(answer_from_cname(&txt, cname, end, &a), -EINVAL);
	assert_int_equal(answer_from_cname(&chain, cname, end, &a), -EINVAL);
	rrset_destroy(address);
	rrset_destroy(elsewhere);
	rrset_destroy(cname);
	answer_unref(end);
}

static void chain_that_is_too_long(void **state)
{
	(void)state;
	struct answer *a = answer_of("n0.example A", 60, "192.0.2.1"), *longer;
	char name[32], target[32], question[32];
	for (int i = 1; i <= 12; i++) {
		snprintf(name, sizeof(name), "n%d.example CNAME", i);
		snprintf(question, sizeof(question), "n%d.example A", i);
		snprintf(target, sizeof(target), "n%d.example", i - 1);
		struct rrset *cname = set_of(name, 60, target);
		struct question q = question_of(question);
		int r = answer_from_cname(&q, cname, a, &longer);
		rrset_destroy(cname);
		assert_int_equal(r, i <= 11 ? 0 : -ELOOP);
		if (r == 0) {
			answer_unref(a);
			a = longer;
		}
	}
	answer_unref(a);

	/* A chain that would come back to its question, and one to itself. */
	struct question x = question_of("x.example A"), y = question_of("y.example A");
	struct rrset *to_x = set_of("y.example CNAME", 60, "x.example");
	struct rrset *to_y = set_of("x.example CNAME", 60, "y.example");
	struct rrset *to_self = set_of("x.example CNAME", 60, "x.example");
	struct answer *end = answer_without(&x, -ENOENT, 0, EDE_NONE, 5, false), *half;
	assert_int_equal(answer_from_cname(&y, to_x, end, &half), 0);
	assert_int_equal(answer_from_cname(&x, to_y, half, &a), -ELOOP);
	assert_int_equal(answer_from_cname(&x, to_self, end, &a), -ELOOP);
	rrset_destroy(to_self);
	rrset_destroy(to_x);
	rrset_destroy(to_y);
	answer_unref(half);
	answer_unref(end);
}

static void without_records(void **state)
{
	(void)state;
	struct question q = question_of("a.www.example A");
	struct answer *a = answer_without(&q, -ETIMEDOUT, RCODE_SERVFAIL, 22, 5, false);
	struct rrset *set;
	assert_records(a, 0, "");
	assert_int_equal(a->message[0].bytes[3], 0x80 | RCODE_SERVFAIL);
	assert_int_equal(a->message[0].ttls_len, 0);
	assert_int_equal(a->error, -ETIMEDOUT);
	assert_int_equal(a->rcode, RCODE_SERVFAIL);
	assert_int_equal(a->ede, 22);
	assert_int_equal(a->ttl, 5);
	assert_int_equal(answer_rrset(a, &set), -ENOENT);
	answer_unref(a);

	a = answer_without(&q, -ENOENT, RCODE_NOERROR, EDE_NONE, 60, true);
	assert_records(a, 0, "au example 60 SOA 60\n");
	assert_int_equal(a->message[0].ttls_len, 1);
	assert_int_equal(a->ttl, 60);
	answer_unref(a);
	q = question_of("com A");
	a = answer_without(&q, -ENOENT, RCODE_NOERROR, EDE_NONE, 60, true);
	assert_records(a, 0, "au com 60 SOA 60\n");
	answer_unref(a);
	q.name = (struct name){.len = 1};
	a = answer_without(&q, -ENOENT, RCODE_NOERROR, EDE_NONE, 60, true);
	assert_records(a, 0, "au . 60 SOA 60\n");
	answer_unref(a);
}

static void longest_name(void **state)
{
	(void)state;
	char text[NAME_TEXT_MAX];
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	for (int i = 0; i < 127; i++)
		memcpy(text + 2 * i, "a.", 2);
	assert_int_equal(name_from_text(text, 254, &q.name), 0);
	assert_int_equal(q.name.len, 255);
	struct answer *a = answer_without(&q, -ENOENT, 0, EDE_NONE, 60, true);
	assert_records(a, 0, "au a 60 SOA 60\n");
	answer_unref(a);
	memset(text, 'k', 63);
	text[63] = '.';
	memcpy(text + 64, text, 64);
	memcpy(text + 128, text, 64);
	memset(text + 192, 'k', 61);
	assert_int_equal(name_from_text(text, 253, &q.name), 0);
	a = answer_without(&q, -ENOENT, 0, EDE_NONE, 60, true);
	assert_int_equal(a->message[1].ttls_len, 1);
	answer_unref(a);
}

static void references(void **state)
{
	(void)state;
	struct question q = question_of("www.example A");
	struct answer *a = answer_without(&q, -ENOENT, 0, EDE_NONE, 60, false);
	assert_ptr_equal(answer_ref(a), a);
	assert_int_equal(a->refs, 2);
	answer_unref(a);
	assert_int_equal(a->refs, 1);
	answer_unref(a);
	answer_unref(NULL);
}

static void ttl_counts_down(void **state)
{
	(void)state;
	struct answer *a = answer_of("www.example A", 300, "192.0.2.1");
	a->arrived = 5000000;
	assert_int_equal(answer_ttl_left(a, 5000000), 300);
	assert_int_equal(answer_ttl_left(a, 5999999), 300);
	assert_int_equal(answer_ttl_left(a, 6000000), 299);
	assert_int_equal(answer_ttl_left(a, 304999999), 1);
	assert_int_equal(answer_ttl_left(a, 305000000), 0);
	assert_int_equal(answer_ttl_left(a, UINT64_MAX), 0);
	assert_int_equal(answer_ttl_left(a, 0), 300); /* it has not arrived yet: not over either */
	answer_unref(a);
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(answer_source_text(SOURCE_OWN), "own");
	assert_string_equal(answer_source_text(SOURCE_DHT), "dht");
	assert_string_equal(answer_source_text(SOURCE_DNS), "dns");
	assert_string_equal(answer_source_text(SOURCE_NONE), "none");
	static const char *const trusts[] = {
		"none", "self", "pin", "dnssec-key", "dnssec", "key", "tofu", "dns", "open"};
	for (int t = TRUST_NONE; t <= TRUST_OPEN; t++)
		assert_string_equal(answer_trust_text((enum answer_trust)t), trusts[t]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_a_set),
		cmocka_unit_test(from_a_wildcard),
		cmocka_unit_test(refuses_a_set_of_another),
		cmocka_unit_test(set_too_large),
		cmocka_unit_test(deep_names),
		cmocka_unit_test(behind_a_cname),
		cmocka_unit_test(behind_a_cname_nothing),
		cmocka_unit_test(not_this_chain),
		cmocka_unit_test(chain_that_is_too_long),
		cmocka_unit_test(without_records),
		cmocka_unit_test(longest_name),
		cmocka_unit_test(references),
		cmocka_unit_test(ttl_counts_down),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
