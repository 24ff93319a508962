/* resolver/scrub: what is kept of an upstream's message, and what is not. */
#undef NDEBUG
#include <errno.h>

#include "tests/resolver/message_text.h"

#define RESPONSE (FLAG_QR | FLAG_RD | FLAG_RA)

static int scrub(
	const char *question, uint16_t flags, const char *lines, struct answer **ret_answer)
{
	static uint8_t message[PACKET_MAX];
	struct question q = question_of(question);
	size_t len = message_from_text(&q, flags, lines, message);
	/* Exactly as long as it is, so that a read behind the end is one behind the heap's block.
	 */
	uint8_t *copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, message, len);
	int r = answer_from_message(&q, copy, len, ret_answer);
	free(copy);
	return r;
}

/* One case: what an upstream says, and the answer with its records as DO wants them. */
struct expected {
	int error;
	uint8_t rcode;
	uint32_t ttl;
	const char *records;
};

static void check(const char *question, uint16_t flags, const char *lines, struct expected expected)
{
	struct answer *a;
	assert_int_equal(scrub(question, flags, lines, &a), 0);
	assert_records(a, 1, expected.records);
	assert_int_equal(a->error, expected.error);
	assert_int_equal(a->rcode, expected.rcode);
	assert_int_equal(a->ttl, expected.ttl);
	assert_int_equal(a->source, SOURCE_DNS);
	assert_int_equal(a->trust, TRUST_DNS);
	assert_int_equal(a->refs, 1);
	for (int i = 0; i < 2; i++)
		for (size_t n = 0; n < a->message[i].ttls_len; n++)
			assert_true(a->message[i].ttls[n] + 10u <= a->message[i].len);
	answer_unref(a);
}

static void keeps_the_set_alone(void **state)
{
	(void)state;
	check("www.example A", RESPONSE,
		"an www.example 300 A 192.0.2.1\n"
		"an www.example 300 A 192.0.2.2\n"
		"an www.example 300 TXT other-type\n"
		"an evil.example 300 A 192.0.2.66\n"
		"an example 300 NS ns.evil.example\n"
		"au example 300 NS ns.evil.example\n"
		"au com 300 NS ns.evil.example\n"
		"au www.example 300 A 192.0.2.67\n"
		"ad ns.evil.example 300 A 192.0.2.66\n"
		"ad www.example 300 A 192.0.2.66\n"
		"ad . 0 OPT 0\n",
		(struct expected){0, 0, 300,
			"an www.example 300 A 192.0.2.1\n"
			"an www.example 300 A 192.0.2.2\n"});
}

static void keeps_the_order_and_drops_duplicates(void **state)
{
	(void)state;
	check("www.example A", RESPONSE,
		"an www.example 300 A 192.0.2.9\n"
		"an www.example 300 A 192.0.2.1\n"
		"an www.example 300 A 192.0.2.9\n"
		"an www.example 300 A 192.0.2.5\n",
		(struct expected){0, 0, 300,
			"an www.example 300 A 192.0.2.9\n"
			"an www.example 300 A 192.0.2.1\n"
			"an www.example 300 A 192.0.2.5\n"});
}

static void caps_and_equalises_ttls(void **state)
{
	(void)state;
	check("www.example A", RESPONSE,
		"an www.example 300 A 192.0.2.1\n"
		"an www.example 77 A 192.0.2.2\n"
		"an www.example 900 RRSIG A/2/example\n",
		(struct expected){0, 0, 77,
			"an www.example 77 A 192.0.2.1\n"
			"an www.example 77 A 192.0.2.2\n"
			"an www.example 77 RRSIG A/2/example\n"});
	check("www.example A", RESPONSE, "an www.example 604800 A 192.0.2.1\n",
		(struct expected){0, 0, 86400, "an www.example 86400 A 192.0.2.1\n"});
	check("www.example A", RESPONSE, "an www.example 2147483648 A 192.0.2.1\n",
		(struct expected){0, 0, 0, "an www.example 0 A 192.0.2.1\n"});
	/* The duplicate with the lower TTL is not forgotten with the other. */
	check("www.example A", RESPONSE,
		"an www.example 300 A 192.0.2.1\n"
		"an www.example 5 A 192.0.2.1\n",
		(struct expected){0, 0, 5, "an www.example 5 A 192.0.2.1\n"});
}

static void follows_a_chain_in_any_order(void **state)
{
	(void)state;
	check("www.example A", RESPONSE,
		"an c.example 60 A 192.0.2.1\n"
		"an b.example 50 CNAME c.example\n"
		"an stray.example 1 CNAME c.example\n"
		"an www.example 70 CNAME b.example\n"
		"an b.example 50 A 192.0.2.9\n",
		/* b has both: the set ends the chain. */
		(struct expected){0, 0, 50,
			"an www.example 70 CNAME b.example\n"
			"an b.example 50 A 192.0.2.9\n"});
	check("www.example A", RESPONSE,
		"an c.example 60 A 192.0.2.1\n"
		"an b.example 50 CNAME c.example\n"
		"an b.example 50 RRSIG CNAME/2/example\n"
		"an b.example 50 RRSIG A/2/example\n"
		"an www.example 70 CNAME b.example\n",
		(struct expected){0, 0, 50,
			"an www.example 70 CNAME b.example\n"
			"an b.example 50 CNAME c.example\n"
			"an b.example 50 RRSIG CNAME/2/example\n"
			"an c.example 60 A 192.0.2.1\n"});
	check("www.example CNAME", RESPONSE,
		"an www.example 70 CNAME b.example\n"
		"an b.example 50 CNAME c.example\n",
		(struct expected){0, 0, 70, "an www.example 70 CNAME b.example\n"});
	/* Two CNAMEs at a name: the first, as everyone does. */
	check("www.example A", RESPONSE,
		"an www.example 70 CNAME b.example\n"
		"an www.example 70 CNAME c.example\n"
		"an c.example 60 A 192.0.2.1\n"
		"an b.example 60 A 192.0.2.2\n",
		(struct expected){0, 0, 60,
			"an www.example 70 CNAME b.example\n"
			"an b.example 60 A 192.0.2.2\n"});
}

static void chain_of(unsigned links, bool closed, char *ret_lines)
{
	for (unsigned i = 0; i < links; i++)
		ret_lines += sprintf(ret_lines, "an n%u.example 60 CNAME n%u.example\n", i,
			closed && i + 1 == links ? 0 : i + 1);
	if (!closed)
		sprintf(ret_lines, "an n%u.example 60 A 192.0.2.1\n", links);
}

static void bounds_a_chain(void **state)
{
	(void)state;
	const struct expected failure = {-EREMOTEIO, 2, 5, ""};
	char lines[4096];
	chain_of(11, false, lines);
	check("n0.example A", RESPONSE, lines, (struct expected){0, 0, 60, lines});
	chain_of(12, false, lines);
	check("n0.example A", RESPONSE, lines, failure);
	for (unsigned links = 1; links < 5; links++) {
		chain_of(links, true, lines);
		check("n0.example A", RESPONSE, lines, failure);
	}
	/* A loop that the question is not part of. */
	check("www.example A", RESPONSE,
		"an www.example 60 CNAME a.example\n"
		"an a.example 60 CNAME b.example\n"
		"an b.example 60 CNAME a.example\n",
		failure);
}

static void follows_dname(void **state)
{
	(void)state;
	check("www.old.example A", RESPONSE,
		"an old.example 40 DNAME new.example\n"
		"an old.example 40 RRSIG DNAME/2/example\n"
		"an www.old.example 30 CNAME www.new.example\n"
		"an www.new.example 60 A 192.0.2.1\n",
		(struct expected){0, 0, 30,
			"an old.example 40 DNAME new.example\n"
			"an old.example 40 RRSIG DNAME/2/example\n"
			"an www.old.example 30 CNAME www.new.example\n"
			"an www.new.example 60 A 192.0.2.1\n"});
	/* Without its CNAME, and nearest first. */
	check("a.b.old.example A", RESPONSE,
		"an example 40 DNAME evil\n"
		"an old.example 40 DNAME new.example\n"
		"an a.b.new.example 60 A 192.0.2.1\n",
		(struct expected){0, 0, 40,
			"an old.example 40 DNAME new.example\n"
			"an a.b.old.example 40 CNAME a.b.new.example\n"
			"an a.b.new.example 60 A 192.0.2.1\n"});
	check("www.old.example CNAME", RESPONSE, "an old.example 604800 DNAME new.example\n",
		(struct expected){0, 0, 86400,
			"an old.example 86400 DNAME new.example\n"
			"an www.old.example 86400 CNAME www.new.example\n"});
	/* A DNAME from which the CNAME does not follow is none of its proof. */
	check("www.old.example A", RESPONSE,
		"an old.example 40 DNAME evil.example\n"
		"an www.old.example 30 CNAME www.new.example\n"
		"an www.new.example 60 A 192.0.2.1\n",
		(struct expected){0, 0, 30,
			"an www.old.example 30 CNAME www.new.example\n"
			"an www.new.example 60 A 192.0.2.1\n"});
	/* At its own owner a DNAME redirects nothing; asked for by type it is the answer. */
	check("old.example A", RESPONSE, "an old.example 40 DNAME new.example\n",
		(struct expected){-ENOENT, 0, 0, ""});
	check("old.example DNAME", RESPONSE, "an old.example 40 DNAME new.example\n",
		(struct expected){0, 0, 40, "an old.example 40 DNAME new.example\n"});
	/* Asked for a CNAME, the one that follows from a DNAME is the answer. */
	const char *follows = "an old.example 40 DNAME new.example\n"
			      "an www.old.example 40 CNAME www.new.example\n";
	check("www.old.example CNAME", RESPONSE, follows, (struct expected){0, 0, 40, follows});
	check("www.old.example CNAME", RESPONSE, "an old.example 40 DNAME new.example\n",
		(struct expected){0, 0, 40, follows});
	check("www.old.example CNAME", RESPONSE | RCODE_NXDOMAIN, follows,
		(struct expected){-ENOENT, 3, 0, ""});
	/* a.a.example -> a.a.a.example -> … never loops by name, but by length. */
	check("a.example A", RESPONSE, "an example 40 DNAME a.example\n",
		(struct expected){-EREMOTEIO, 2, 5, ""});
}

static void denials(void **state)
{
	(void)state;
	check("no.example A", RESPONSE | RCODE_NXDOMAIN,
		"au example 900 SOA 300\n"
		"au example 900 RRSIG SOA/1/example\n"
		"au m.example 7200 NSEC o.example\n"
		"au m.example 7200 RRSIG NSEC/2/example\n"
		"au unsigned.example 7200 NSEC z.example\n"
		"au www.example 60 A 192.0.2.66\n"
		"au example 900 NS ns.example\n",
		(struct expected){-ENOENT, 3, 300,
			"au example 300 SOA 300\n"
			"au example 300 RRSIG SOA/1/example\n"
			"au m.example 300 NSEC o.example\n"
			"au m.example 300 RRSIG NSEC/2/example\n"});
	check("no.example A", RESPONSE, "au example 200 SOA 300\n",
		(struct expected){-ENOENT, 0, 200, "au example 200 SOA 300\n"});
	check("no.example A", RESPONSE, "au example 900000 SOA 900000\n",
		(struct expected){-ENOENT, 0, 10800, "au example 10800 SOA 900000\n"});
	check("no.example A", RESPONSE, "au example 900 SOA 4294967295\n",
		(struct expected){-ENOENT, 0, 0, "au example 0 SOA 4294967295\n"});
	/* No SOA, or that of someone else: nothing to remember it by. */
	check("no.example A", RESPONSE | RCODE_NXDOMAIN, "", (struct expected){-ENOENT, 3, 0, ""});
	check("no.example A", RESPONSE, "au other 900 SOA 300\n",
		(struct expected){-ENOENT, 0, 0, ""});
	check("no.example A", RESPONSE, "au below.no.example 900 SOA 300\n",
		(struct expected){-ENOENT, 0, 0, ""});
	/* Of several, the nearest. */
	check("a.no.example A", RESPONSE,
		"au . 900 SOA 1\n"
		"au example 900 SOA 300\n",
		(struct expected){-ENOENT, 0, 300, "au example 300 SOA 300\n"});
	/* A proof without SOA, as copies of signed data have it. */
	check("no.example A", RESPONSE | RCODE_NXDOMAIN,
		"au 0hash.example 7200 NSEC3 99\n"
		"au 0hash.example 7200 RRSIG NSEC3/2/example\n",
		(struct expected){-ENOENT, 3, 7200,
			"au 0hash.example 7200 NSEC3 99\n"
			"au 0hash.example 7200 RRSIG NSEC3/2/example\n"});
	/* A proof that another zone signed, or one above which nobody signs for us. */
	check("no.example A", RESPONSE,
		"au a.other 7200 NSEC z.other\n"
		"au a.other 7200 RRSIG NSEC/2/other\n"
		"au b.other 7200 NSEC z.other\n"
		"au b.other 7200 RRSIG NSEC/2/example\n",
		(struct expected){-ENOENT, 0, 0, ""});
	/* A referral is no answer, and no denial to remember. */
	check("www.sub.example A", RESPONSE,
		"au sub.example 900 NS ns.sub.example\n"
		"ad ns.sub.example 900 A 192.0.2.1\n",
		(struct expected){-ENOENT, 0, 0, ""});
}

static void denial_at_the_end_of_a_chain(void **state)
{
	(void)state;
	check("www.example A", RESPONSE | RCODE_NXDOMAIN,
		"an www.example 60 CNAME gone.test\n"
		"au test 900 SOA 300\n"
		"au example 900 SOA 30\n",
		(struct expected){-ENOENT, 3, 60,
			"an www.example 60 CNAME gone.test\n"
			"au test 300 SOA 300\n"});
	/* What says that the last name does not exist, and has it: the denial is taken. */
	check("www.example A", RESPONSE | RCODE_NXDOMAIN,
		"an www.example 60 CNAME gone.test\n"
		"an gone.test 60 A 192.0.2.1\n",
		(struct expected){-ENOENT, 3, 0, "an www.example 60 CNAME gone.test\n"});
}

static void wildcard_has_its_proof(void **state)
{
	(void)state;
	check("x.example A", RESPONSE,
		"an x.example 300 A 192.0.2.1\n"
		"an x.example 300 RRSIG A/1/example\n"
		"au a.example 100 NSEC z.example\n"
		"au a.example 100 RRSIG NSEC/2/example\n"
		"au example 900 SOA 300\n",
		(struct expected){0, 0, 100,
			"an x.example 300 A 192.0.2.1\n"
			"an x.example 300 RRSIG A/1/example\n"
			"au a.example 100 NSEC z.example\n"
			"au a.example 100 RRSIG NSEC/2/example\n"});
	/* A link that came from a wildcard counts as well; NSEC3 too. */
	check("x.example A", RESPONSE,
		"an x.example 300 CNAME y.test\n"
		"an x.example 300 RRSIG CNAME/1/example\n"
		"an y.test 300 A 192.0.2.1\n"
		"au 0hash.example 300 NSEC3 7\n"
		"au 0hash.example 300 RRSIG NSEC3/2/example\n",
		(struct expected){0, 0, 300,
			"an x.example 300 CNAME y.test\n"
			"an x.example 300 RRSIG CNAME/1/example\n"
			"an y.test 300 A 192.0.2.1\n"
			"au 0hash.example 300 NSEC3 7\n"
			"au 0hash.example 300 RRSIG NSEC3/2/example\n"});
	/* No wildcard, no proof; `*` asked for by name is none. */
	check("*.example A", RESPONSE,
		"an \\042.example 300 A 192.0.2.1\n"
		"an \\042.example 300 RRSIG A/1/example\n"
		"au a.example 100 NSEC z.example\n"
		"au a.example 100 RRSIG NSEC/2/example\n",
		(struct expected){0, 0, 300,
			"an \\042.example 300 A 192.0.2.1\n"
			"an \\042.example 300 RRSIG A/1/example\n"});
}

static void signatures_that_cover(void **state)
{
	(void)state;
	check("www.example A", RESPONSE,
		"an www.example 300 A 192.0.2.1\n"
		"an www.example 300 RRSIG A/2/example\n"
		"an www.example 1 RRSIG TXT/2/example\n"
		"an www.example 1 RRSIG A/2/www.example.evil\n"
		"an www.example 1 RRSIG A/2/below.www.example\n"
		"an example 1 RRSIG A/1/example\n"
		"au www.example 1 RRSIG A/2/example\n",
		(struct expected){0, 0, 300,
			"an www.example 300 A 192.0.2.1\n"
			"an www.example 300 RRSIG A/2/example\n"});
}

static void plain_message_has_no_dnssec(void **state)
{
	(void)state;
	struct answer *a;
	assert_int_equal(scrub("no.example A", RESPONSE,
				 "an no.example 60 CNAME b.example\n"
				 "an no.example 60 RRSIG CNAME/2/example\n"
				 "au example 900 SOA 300\n"
				 "au m.example 7200 NSEC o.example\n"
				 "au m.example 7200 RRSIG NSEC/2/example\n",
				 &a),
		0);
	assert_records(a, 0,
		"an no.example 60 CNAME b.example\n"
		"au example 300 SOA 300\n");
	assert_int_equal(a->message[0].ttls_len, 2);
	assert_int_equal(a->message[1].ttls_len, 5);
	answer_unref(a);

	/* Nothing to leave out: one message serves both. */
	assert_int_equal(
		scrub("www.example A", RESPONSE, "an www.example 60 A 192.0.2.1\n", &a), 0);
	assert_ptr_equal(a->message[0].bytes, a->message[1].bytes);
	assert_ptr_equal(a->message[0].ttls, a->message[1].ttls);
	answer_unref(a);

	/* Asked for by type. */
	assert_int_equal(scrub("www.example RRSIG", RESPONSE,
				 "an www.example 60 RRSIG A/2/example\n"
				 "an www.example 60 RRSIG TXT/2/example\n",
				 &a),
		0);
	assert_records(a, 0,
		"an www.example 60 RRSIG A/2/example\n"
		"an www.example 60 RRSIG TXT/2/example\n");
	answer_unref(a);
	assert_int_equal(scrub("www.example NSEC", RESPONSE,
				 "an www.example 60 NSEC x.example\n"
				 "an www.example 60 RRSIG NSEC/2/example\n",
				 &a),
		0);
	assert_records(a, 0, "an www.example 60 NSEC x.example\n");
	answer_unref(a);
	/* The NSEC that denies an NSEC is not what was asked for. */
	assert_int_equal(scrub("www.example NSEC", RESPONSE,
				 "au a.example 60 NSEC x.example\n"
				 "au a.example 60 RRSIG NSEC/2/example\n",
				 &a),
		0);
	assert_records(a, 0, "");
	assert_int_equal(a->error, -ENOENT);
	answer_unref(a);
}

static void failures(void **state)
{
	(void)state;
	const struct expected failure = {-EREMOTEIO, 2, 5, ""};
	struct answer *a;
	for (uint16_t rcode = 1; rcode < 16; rcode++)
		if (rcode != RCODE_NXDOMAIN)
			check("www.example A", RESPONSE | rcode, "an www.example 300 A 192.0.2.1\n",
				failure);
	/* BADVERS: 16, of which the header shows 0. */
	check("www.example A", RESPONSE,
		"an www.example 300 A 192.0.2.1\n"
		"ad . 0 OPT 1\n",
		failure);
	assert_int_equal(scrub("www.example A", RESPONSE | RCODE_SERVFAIL, "", &a), 0);
	assert_int_equal(a->ede, 22);
	answer_unref(a);
	assert_int_equal(scrub("www.example A", RESPONSE | RCODE_REFUSED, "", &a), 0);
	assert_int_equal(a->ede, EDE_NONE);
	answer_unref(a);
}

static void refuses_what_is_no_answer(void **state)
{
	(void)state;
	const char *lines = "an www.example 300 A 192.0.2.1\n";
	struct answer *a = NULL;
	assert_int_equal(scrub("www.example A", FLAG_RD, lines, &a), -EBADMSG);
	assert_int_equal(scrub("www.example A", RESPONSE | FLAG_TC, lines, &a), -EBADMSG);
	assert_int_equal(scrub("www.example A", RESPONSE | 0x2000, lines, &a), -EBADMSG);
	assert_int_equal(scrub("www.example ANY", RESPONSE, lines, &a), -EBADMSG);

	uint8_t message[PACKET_MAX];
	struct question q = question_of("www.example A"), other = question_of("ww.example A");
	size_t len = message_from_text(&q, RESPONSE, lines, message);
	assert_int_equal(answer_from_message(&other, message, len, &a), -EBADMSG);
	other = question_of("www.example AAAA");
	assert_int_equal(answer_from_message(&other, message, len, &a), -EBADMSG);
	other = q;
	other.class = CLASS_CH;
	assert_int_equal(answer_from_message(&other, message, len, &a), -EBADMSG);
	other.class = CLASS_ANY;
	assert_int_equal(answer_from_message(&other, message, len, &a), -EBADMSG);

	other.type = TYPE_A;
	static uint8_t any[PACKET_MAX];
	size_t any_len = message_from_text(&other, RESPONSE, lines, any);
	assert_int_equal(answer_from_message(&other, any, any_len, &a), -EBADMSG);

	message[len] = 0; /* a byte behind the end */
	assert_int_equal(answer_from_message(&q, message, len + 1, &a), -EBADMSG);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		memcpy(copy, message, cut);
		assert_int_equal(answer_from_message(&q, copy, cut, &a), -EBADMSG);
		free(copy);
	}
	for (uint8_t count = 0; count < 4; count++) {
		message[5] = count; /* questions */
		int expected = count == 1 ? 0 : -EBADMSG;
		assert_int_equal(answer_from_message(&q, message, len, &a), expected);
		if (count == 1)
			answer_unref(a);
	}
	struct packet_writer w;
	packet_begin(&w, any, sizeof(any), true);
	packet_put_question(&w, &q);
	packet_put_question(&w, &q); /* RFC 9619 */
	any_len = (size_t)packet_end(&w, 0, RESPONSE);
	assert_int_equal(answer_from_message(&q, any, any_len, &a), -EBADMSG);
	message[5] = 1;
	message[7] = 2; /* a record more than there is */
	assert_int_equal(answer_from_message(&q, message, len, &a), -EBADMSG);
}

static void case_does_not_matter(void **state)
{
	(void)state;
	uint8_t message[PACKET_MAX];
	struct question q = question_of("www.example A");
	size_t len = message_from_text(&q, RESPONSE,
		"an www.example 300 CNAME web.example\n"
		"an web.example 300 A 192.0.2.1\n",
		message);
	for (size_t i = PACKET_HEADER; i < len; i++)
		if (message[i] == 'w' || message[i] == 'x')
			message[i] -= 'a' - 'A';
	struct answer *a;
	assert_int_equal(answer_from_message(&q, message, len, &a), 0);
	assert_records(a, 1,
		"an www.example 300 CNAME web.example\n"
		"an web.example 300 A 192.0.2.1\n");
	assert_memory_equal(a->message[1].bytes + PACKET_HEADER, "\3www\7example", 13);
	answer_unref(a);
}

static void other_classes_are_dropped(void **state)
{
	(void)state;
	uint8_t message[PACKET_MAX];
	struct packet_writer w;
	struct question q = question_of("www.example A");
	struct rr rr = {.owner = q.name,
		.type = TYPE_A,
		.class = CLASS_CH,
		.ttl = 60,
		.rdata = (const uint8_t *)"\300\0\2\1",
		.rdata_len = 4};
	packet_begin(&w, message, sizeof(message), true);
	packet_put_question(&w, &q);
	packet_put(&w, &rr);
	int len = packet_end(&w, 0, RESPONSE);
	struct answer *a;
	assert_int_equal(answer_from_message(&q, message, (size_t)len, &a), 0);
	assert_records(a, 1, "");
	assert_int_equal(a->error, -ENOENT);
	answer_unref(a);
}

/* `count` A records in the least space: 16 bytes each, or 15 under the root. */
static size_t many_records(const struct question *q, unsigned count, uint8_t *message)
{
	struct packet_writer w;
	uint8_t rdata[4];
	struct rr rr = {.owner = q->name,
		.type = TYPE_A,
		.class = CLASS_IN,
		.ttl = 60,
		.rdata = rdata,
		.rdata_len = 4};
	packet_begin(&w, message, PACKET_MAX, true);
	packet_put_question(&w, q);
	for (unsigned i = 0; i < count; i++) {
		uint32_t address = htonl(0x0a000000 + i * 7919 % 65536);
		memcpy(rdata, &address, 4);
		packet_put(&w, &rr);
	}
	int len = packet_end(&w, 0, RESPONSE);
	assert_true(len > 0);
	return (size_t)len;
}

static void as_many_as_fit(void **state)
{
	(void)state;
	static uint8_t message[PACKET_MAX];
	struct question q = question_of("www.example A");
	size_t len = many_records(&q, 4000, message);
	struct answer *a;
	assert_int_equal(answer_from_message(&q, message, len, &a), 0);
	assert_int_equal(a->error, 0);
	assert_int_equal(a->message[1].ttls_len, 4000);
	answer_unref(a);
	/* One more than fit into a struct rrset: what cannot be looked into is no answer. */
	for (unsigned count = 4062; count <= 4063; count++) {
		struct rrset *set;
		len = many_records(&q, count, message);
		assert_int_equal(answer_from_message(&q, message, len, &a), 0);
		assert_int_equal(a->error, count == 4062 ? 0 : -EREMOTEIO);
		assert_int_equal(answer_rrset(a, &set), count == 4062 ? 0 : -ENOENT);
		if (count == 4062)
			rrset_destroy(set);
		answer_unref(a);
	}
}

static void too_many_records(void **state)
{
	(void)state;
	static uint8_t message[PACKET_MAX];
	struct question q = {.type = 65280, .class = CLASS_IN, .name = {.len = 1}};
	struct rr rr = {.owner = q.name, .type = 65280, .class = CLASS_IN};
	struct answer *a;
	for (unsigned count = 5000; count <= 5001; count++) {
		struct packet_writer w;
		packet_begin(&w, message, sizeof(message), true);
		packet_put_question(&w, &q);
		for (unsigned i = 0; i < count; i++)
			packet_put(&w, &rr);
		int len = packet_end(&w, 0, RESPONSE);
		assert_true(len > 0);
		int r = answer_from_message(&q, message, (size_t)len, &a);
		assert_int_equal(r, count == 5000 ? 0 : -EBADMSG);
		if (r == 0) {
			assert_int_equal(a->message[1].ttls_len, 1); /* they were all the same */
			answer_unref(a);
		}
	}
}

/* An upstream may compress what we may not (RFC 3597): SRV targets. Expanded, they need more than
 * a message has, and the answer is a failure, not a part of the set. */
static void too_large_for_a_message(void **state)
{
	(void)state;
	static uint8_t message[PACKET_MAX];
	struct question q = question_of("www.example SRV");
	size_t len = message_from_text(&q, RESPONSE, "", message);
	struct name target = name_of(
		"a-label-of-sixty-three-bytes-is-as-long-as-a-label-may-ever-be-.example");
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t head[] = {0xc0, 0x0c, 0, 33, 0, 1, 0, 0, 0, 60, 0, 0, (uint8_t)(i >> 8),
			(uint8_t)i, 0, 0, 0, 0};
		static size_t target_at;
		memcpy(message + len, head, sizeof(head));
		len += sizeof(head);
		if (i == 0) {
			target_at = len;
			memcpy(message + len, target.wire, target.len);
			len += target.len;
			message[len - target.len - 7] = (uint8_t)(6 + target.len);
		} else {
			message[len++] = (uint8_t)(0xc0 | target_at >> 8);
			message[len++] = (uint8_t)target_at;
			message[len - 9] = 8;
		}
		message[6] = (uint8_t)((i + 1) >> 8);
		message[7] = (uint8_t)(i + 1);
	}
	struct answer *a;
	assert_int_equal(answer_from_message(&q, message, len, &a), 0);
	assert_int_equal(a->error, -EREMOTEIO);
	assert_int_equal(a->rcode, RCODE_SERVFAIL);
	assert_records(a, 1, "");
	answer_unref(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_set_alone),
		cmocka_unit_test(keeps_the_order_and_drops_duplicates),
		cmocka_unit_test(caps_and_equalises_ttls),
		cmocka_unit_test(follows_a_chain_in_any_order),
		cmocka_unit_test(bounds_a_chain),
		cmocka_unit_test(follows_dname),
		cmocka_unit_test(denials),
		cmocka_unit_test(denial_at_the_end_of_a_chain),
		cmocka_unit_test(wildcard_has_its_proof),
		cmocka_unit_test(signatures_that_cover),
		cmocka_unit_test(plain_message_has_no_dnssec),
		cmocka_unit_test(failures),
		cmocka_unit_test(refuses_what_is_no_answer),
		cmocka_unit_test(case_does_not_matter),
		cmocka_unit_test(other_classes_are_dropped),
		cmocka_unit_test(as_many_as_fit),
		cmocka_unit_test(too_many_records),
		cmocka_unit_test(too_large_for_a_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
