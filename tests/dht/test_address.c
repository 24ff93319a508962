/* Our address by votes: who counts, who wins, and who cannot. */
#undef NDEBUG
#include "dht/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

static struct dht_address a;
static uint64_t now;
static size_t nodes; /* that we know */

static int setup(void **state)
{
	(void)state;
	memset(&a, 0, sizeof(a));
	now = 1000 * SECOND;
	nodes = 0;
	return 0;
}

/* Many say the same, which is not read a million times. */
static struct dht_endpoint at(const char *text)
{
	static char last[DHT_ENDPOINT_TEXT];
	static struct dht_endpoint e;
	if (strcmp(text, last) != 0) {
		assert_int_equal(dht_endpoint_from_text(text, &e), 0);
		snprintf(last, sizeof(last), "%s", text);
	}
	return e;
}

/* The voter of that number, an IP each. */
static struct dht_endpoint voter(unsigned number)
{
	struct dht_endpoint e = {.family = 4, .port = 6881};
	e.ip[0] = 45;
	e.ip[2] = (uint8_t)(number >> 8);
	e.ip[3] = (uint8_t)number;
	return e;
}

static bool vote(unsigned number, const char *said)
{
	struct dht_endpoint from = voter(number), e = at(said);
	return dht_address_vote(&a, &from, &e, nodes, now);
}

static bool known(const char *text)
{
	struct dht_endpoint e = at(text);
	return dht_endpoint_equal(&a.known, &e);
}

#define TRUE "198.51.100.7:4001"
#define FALSE "203.0.113.9:4001"

static void the_first_address_needs_a_lead(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 7; i++)
		assert_false(vote(i, TRUE));
	assert_int_equal(a.known.family, 0);
	assert_false(vote(7, FALSE));
	assert_false(vote(8, TRUE));
	assert_true(vote(9, TRUE)); /* nine to one */
	assert_true(known(TRUE));
}

/* Replies with many ports, or of many answers, are one vote; in IPv6 those of a /64. */
static void a_host_votes_once(void **state)
{
	(void)state;
	struct dht_endpoint from = voter(1), said = at(FALSE);
	for (unsigned i = 0; i < 500; i++) {
		from.port = (uint16_t)(1000 + i);
		now += SECOND;
		assert_false(dht_address_vote(&a, &from, &said, 0, now));
	}
	assert_int_equal(a.known.family, 0);
	memset(&a, 0, sizeof(a));
	from = at("[2001:db8:1:2::1]:6881");
	said = at("[2001:db8:ffff::1]:4001");
	for (unsigned i = 0; i < 500; i++) {
		from.ip[14] = (uint8_t)(i >> 8);
		from.ip[15] = (uint8_t)i;
		from.ip[9] = (uint8_t)i;
		now += SECOND;
		assert_false(dht_address_vote(&a, &from, &said, 0, now));
	}
	assert_int_equal(a.known.family, 0);
	for (unsigned i = 0; i < 10 && !a.known.family; i++) {
		from.ip[7] = (uint8_t)(i + 10);
		dht_address_vote(&a, &from, &said, 0, now);
	}
	assert_true(dht_endpoint_equal(&a.known, &said));
}

static void what_is_no_address_of_the_internet_does_not_count(void **state)
{
	(void)state;
	static const char *const bad[] = {"10.0.0.1:4001", "127.0.0.1:4001", "192.168.1.1:4001",
		"0.0.0.0:4001", "224.0.0.1:4001", "255.255.255.255:1", "[2001:db8::1]:4001",
		"198.51.100.7:0"};
	for (unsigned i = 0; i < 8 * 60; i++)
		assert_false(vote(i, bad[i % 8]));
	struct dht_endpoint none = {0}, from = voter(1);
	assert_false(dht_address_vote(&a, &from, &none, 0, now));
	assert_int_equal(a.voters_len, 0);
}

static void learn(void)
{
	for (unsigned i = 0; i < 8; i++)
		vote(i, TRUE);
	assert_true(known(TRUE));
}

static bool round_of(unsigned liars, const char *lie, const char *truth)
{
	bool changed = false;
	for (unsigned i = 0; i < 50; i++)
		changed |= vote(100 + i, i < liars ? lie : truth);
	assert_int_equal(a.voters_len, 0);
	return changed;
}

/* Up to 29 of 50 that agree among themselves, also round after round. */
static void a_minority_of_liars_changes_nothing(void **state)
{
	(void)state;
	learn();
	for (unsigned liars = 0; liars < 30; liars++)
		for (unsigned i = 0; i < 3; i++) {
			assert_false(round_of(liars, FALSE, TRUE));
			assert_true(known(TRUE));
		}
}

static void liars_who_disagree_crowd_nobody_out(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		char text[40];
		snprintf(text, sizeof(text), "203.0.%u.1:4001", i);
		vote(i, i < 40 ? text : TRUE);
	}
	assert_true(known(TRUE)); /* ten to one */
}

/* Another provider: two rounds say so. One alone may have been a bad choice of voters. */
static void a_new_address_has_to_win_twice(void **state)
{
	(void)state;
	learn();
	assert_false(round_of(40, FALSE, TRUE));
	assert_true(known(TRUE));
	assert_false(round_of(10, FALSE, TRUE));
	assert_false(round_of(40, FALSE, TRUE));
	assert_false(round_of(25, FALSE, TRUE)); /* undecided */
	assert_false(round_of(40, FALSE, TRUE));
	assert_true(round_of(40, FALSE, TRUE));
	assert_true(known(FALSE));
}

static void few_voters_have_to_agree(void **state)
{
	(void)state;
	vote(1, TRUE);
	now += 6 * MINUTE;
	vote(2, TRUE);
	assert_int_equal(a.known.family, 0); /* two */
	assert_false(vote(3, FALSE));
	assert_int_equal(a.known.family, 0); /* three who do not agree, and a new round */
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(a.known.family, 0);
		now += 3 * MINUTE;
		vote(i, TRUE);
	}
	assert_true(known(TRUE));
}

/* `liars` of `all` nodes, who are all that we know, vote again and again, for so many seconds,
 * the liars first or last. */
static void poll(unsigned all, unsigned liars, bool liars_first, unsigned seconds)
{
	nodes = all;
	for (unsigned second = 0; second < seconds; second++) {
		for (unsigned i = 0; i < all; i++) {
			bool lies = liars_first ? i < liars : i >= all - liars;
			vote(i, lies ? FALSE : TRUE);
		}
		now += SECOND;
	}
}

/* Ten nodes, of whom one lies, never give eight votes more for the truth than against it. */
static void a_small_network_decides_in_seconds(void **state)
{
	for (unsigned all = 8; all <= 12; all++) {
		setup(state);
		poll(all, 1, true, 4);
		assert_int_equal(a.known.family, all >= 10 ? 4 : 0);
		poll(all, 1, true, 4);
		assert_true(known(TRUE));
	}
}

/* Also when they are the first to vote, and nobody is left to vote who has not. */
static void three_of_nine_change_nothing(void **state)
{
	for (unsigned all = 8; all <= 14; all++)
		for (unsigned liars = 1; 3 * liars <= all; liars++)
			for (unsigned first = 0; first < 2; first++) {
				setup(state);
				poll(all, liars, first, 20 * 60);
				assert_true(known(TRUE));
			}
	/* Nor does any minority win, though it may hinder the truth; but if chance has eight of
	 * them vote before anyone else. */
	for (unsigned all = 3; all <= 30; all += all < 14 ? 1 : 4)
		for (unsigned liars = 1; 2 * liars < all; liars++) {
			setup(state);
			poll(all, liars, liars < 8, 20 * 60);
			assert_false(known(FALSE));
		}
}

/* Six liars vote at once, and two honest nodes; that there are four more is known. */
static void a_majority_of_the_first_to_vote_is_none_of_the_network(void **state)
{
	(void)state;
	nodes = 12;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned voter = 0; voter < 8; voter++)
			vote(voter, voter < 6 ? FALSE : TRUE);
		now += 10 * SECOND;
	}
	assert_int_equal(a.known.family, 0);
}

/* Where all have voted, a vote that does not count anew ends the round. */
static void who_has_voted_ends_the_round(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_false(vote(i, TRUE));
	now += 4 * MINUTE;
	assert_false(vote(0, TRUE));
	now += 2 * MINUTE;
	assert_true(vote(0, FALSE)); /* as it said at first */
	assert_true(known(TRUE));
}

/* Twenty nodes, of whom we ask but eleven in five minutes: eight that lie, and three that do not.
 */
static void eight_of_eleven_are_none_of_twenty(void **state)
{
	for (unsigned knows = 0; knows < 2; knows++) {
		setup(state);
		if (knows)
			learn();
		nodes = 20;
		for (unsigned round = 0; round < 14; round++) {
			for (unsigned i = 0; i < 11; i++)
				vote(i, i % 4 == 2 ? TRUE : FALSE);
			now += 5 * MINUTE;
			vote(0, FALSE);
			assert_false(known(FALSE));
		}
		/* When the others vote as well, the truth is known. */
		poll(20, 7, true, 40 * 60);
		assert_true(known(TRUE));
	}
}

/* Half have voted before our address changed, half after it: they are asked again. */
static void a_round_without_a_majority_ends(void **state)
{
	(void)state;
	learn();
	nodes = 10;
	for (unsigned i = 0; i < 10; i++)
		vote(i, i < 5 ? TRUE : FALSE);
	for (unsigned minute = 0; minute < 60 && !known(FALSE); minute++) {
		for (unsigned i = 0; i < 10; i++)
			vote(i, FALSE);
		now += MINUTE;
	}
	assert_true(known(FALSE));
}

static void ports(void **state)
{
	(void)state;
	/* The address translator has moved us to another port. */
	learn();
	assert_true(round_of(40, "198.51.100.7:5555", TRUE));
	assert_true(known("198.51.100.7:5555"));
	/* And now it takes a new one for each peer. */
	bool changed = false;
	for (unsigned i = 0; i < 50; i++) {
		char text[40];
		snprintf(text, sizeof(text), "198.51.100.7:%u", 2000 + i);
		changed |= vote(i, text);
	}
	assert_true(changed);
	assert_int_equal(a.known.family, 4);
	assert_int_equal(a.known.port, 0);
}

/* Three of ten voters, the first of each round among them, name other ports. */
static void a_minority_does_not_bend_the_port(void **state)
{
	(void)state;
	unsigned changes = 0;
	for (unsigned i = 0; i < 100 * DHT_ADDRESS_VOTES; i++) {
		struct dht_endpoint from = voter(i), said = at(TRUE);
		if (i % 10 < 3)
			said.port = (uint16_t)(2000 + i % 50);
		changes += dht_address_vote(&a, &from, &said, nodes, now);
		assert_true(!a.known.family || known(TRUE));
	}
	assert_int_equal(changes, 1);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_address_needs_a_lead),
		TEST(a_host_votes_once),
		TEST(what_is_no_address_of_the_internet_does_not_count),
		TEST(a_minority_of_liars_changes_nothing),
		TEST(liars_who_disagree_crowd_nobody_out),
		TEST(a_new_address_has_to_win_twice),
		TEST(few_voters_have_to_agree),
		TEST(a_small_network_decides_in_seconds),
		TEST(three_of_nine_change_nothing),
		TEST(a_majority_of_the_first_to_vote_is_none_of_the_network),
		TEST(who_has_voted_ends_the_round),
		TEST(eight_of_eleven_are_none_of_twenty),
		TEST(a_round_without_a_majority_ends),
		TEST(ports),
		TEST(a_minority_does_not_bend_the_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
