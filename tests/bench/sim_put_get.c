/* 200 puts and 200 gets among 100 nodes in virtual time, for tests/bench/sim.sh.
 *
 *   SIM_SEED=N sim_put_get          prints a table; exit 1 when something was not found
 *
 * Half of the items are mutable (signed), half immutable, 100 bytes each; round trips are 20 to
 * 120 ms, the same for a pair of nodes always, and nothing is lost. Each get is asked by
 * another node than the put. The peer is the work that nobody can leave out: the signatures that
 * the nodes verified are verified once more by OpenSSL alone. */
#undef NDEBUG
#include "tests/bench/measure.h"
#include "tests/sim/sim.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES 100
#define ITEMS 200

struct phase {
	const char *name;
	size_t ops, found;
	double seconds;
	uint64_t packets, queries;
	uint64_t took[ITEMS]; /* virtual, microseconds */
};

static void print_phase(struct phase *p)
{
	measure_sort(p->took, p->ops);
	printf("%-22s %4zu %6zu %8.3f %8.1f %8.1f %7.0f %5.0f %5.0f\n", p->name, p->ops, p->found,
		p->seconds, (double)p->packets / (double)p->ops,
		(double)p->queries / (double)p->ops, (double)p->took[p->ops / 2] / 1e3,
		(double)p->took[p->ops * 9 / 10] / 1e3, (double)p->took[p->ops * 99 / 100] / 1e3);
}

static void begin(struct phase *p, const struct sim *sim)
{
	p->seconds = -measure_seconds();
	p->packets = -sim_packets(sim);
}

static void end(struct phase *p, const struct sim *sim)
{
	p->seconds += measure_seconds();
	p->packets += sim_packets(sim);
}

static void put_all(struct sim *sim, const struct dht_item *items, struct phase *p)
{
	struct sim_answer a;
	begin(p, sim);
	for (size_t i = 0; i < p->ops; i++) {
		sim_put(sim, (i * 13) % NODES, &items[i], 0, &a);
		p->took[i] = a.took;
		p->queries += a.result.queries;
		p->found += a.result.stored + a.result.stored_here >= 8;
	}
	end(p, sim);
}

static bool is_value(const struct sim_answer *a, const struct dht_item *item)
{
	return a->values + a->own > 0 && a->best.value_len == item->value_len &&
	       memcmp(a->best.value, item->value, item->value_len) == 0;
}

/* For a mutable item the first value and the end of the look-up are different times. */
static void get_all(struct sim *sim, const struct dht_item *items, struct phase *p, uint64_t *ends)
{
	struct sim_answer a;
	begin(p, sim);
	for (size_t i = 0; i < p->ops; i++) {
		sim_get(sim, (i * 13 + 57) % NODES, &items[i], &a);
		p->took[i] = a.first;
		ends[i] = a.took;
		p->queries += a.result.queries;
		p->found += is_value(&a, &items[i]);
	}
	end(p, sim);
}

static uint64_t verifications(struct sim *sim)
{
	uint64_t all = 0;
	for (size_t i = 0; i < sim_len(sim); i++) {
		struct dht_counters c;
		dht_counters(sim_dht(sim, i), &c);
		all += c.verifications;
	}
	return all;
}

/* The seconds that OpenSSL takes for so many verifications of about such a message. */
static double verify_alone(uint64_t times)
{
	unsigned char message[128] = {0}, signature[64];
	size_t len = sizeof(signature);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	assert(key && md && EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1);
	assert(EVP_DigestSign(md, signature, &len, message, sizeof(message)) == 1);
	double begun = measure_seconds();
	for (uint64_t i = 0; i < times; i++) {
		EVP_MD_CTX_reset(md);
		assert(EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1);
		assert(EVP_DigestVerify(md, signature, len, message, sizeof(message)) == 1);
	}
	double took = measure_seconds() - begun;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return took;
}

static void make_items(struct dht_item *immutable, struct dht_item *mutable, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[101];
		snprintf(text, sizeof(text), "record number %86zu", i);
		sim_immutable(text, &immutable[i]);
		sim_mutable(i, 1750000000000000 + (int64_t)i, text, &mutable[i]);
	}
}

int main(void)
{
	static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};
	static struct dht_item immutable[ITEMS / 2], mutable[ITEMS / 2];
	static uint64_t ignored[ITEMS], ends[ITEMS];
	struct phase phases[] = {{.name = "put, immutable"}, {.name = "put, mutable"},
		{.name = "get, immutable"}, {.name = "get, mutable: first"}};
	double begun = measure_seconds();
	struct sim *sim = sim_network(&wan, NODES);
	double joined = measure_seconds() - begun;
	uint64_t packets = sim_packets(sim), verified = verifications(sim);

	make_items(immutable, mutable, ITEMS / 2);
	for (size_t i = 0; i < 4; i++)
		phases[i].ops = ITEMS / 2;
	put_all(sim, immutable, &phases[0]);
	put_all(sim, mutable, &phases[1]);
	get_all(sim, immutable, &phases[2], ignored);
	get_all(sim, mutable, &phases[3], ends);
	verified = verifications(sim) - verified;

	printf("%-22s %4s %6s %8s %8s %8s %7s %5s %5s\n", "", "ops", "good", "real s", "packets",
		"queries", "p50 ms", "p90", "p99");
	printf("%-22s %4d %6s %8.3f %8.1f\n", "100 nodes join, 10 s", NODES, "-", joined,
		(double)packets / NODES);
	bool all = true;
	double seconds = 0;
	for (size_t i = 0; i < 4; i++) {
		print_phase(&phases[i]);
		all = all && phases[i].found == phases[i].ops;
		seconds += phases[i].seconds;
	}
	struct phase last = phases[3]; /* the same gets, by their other time */
	last.name = "get, mutable: end";
	memcpy(last.took, ends, sizeof(ends));
	print_phase(&last);
	printf("%-22s %4d %6s %8.3f\n", "all puts and gets", 2 * ITEMS, all ? "all" : "NO",
		seconds);
	printf("%-22s %4llu %6s %8.3f\n", "their verifications", (unsigned long long)verified, "-",
		verify_alone(verified));
	sim_destroy(sim);
	return !all;
}
