/* Records whose publisher is gone, kept alive by others among a hundred nodes in virtual time, for
 * tests/bench/keep.sh.
 *
 *   SIM_SEED=N sim_keep KEEPERS RECORDS BYTES HOURS CHURN LIFETIME [AWAY]
 *
 * prints one row. CHURN of a hundred nodes are replaced by empty ones every hour; nodes forget
 * LIFETIME hours after a put. With AWAY each keeper is cut off from all others for so many hours,
 * one after the other. Each hour every record is read, each by another node. Exit 1: at the worst
 * hour fewer than 99.9 % were found, or a keeper sent more than 5 kB/s. */
#undef NDEBUG
#include "tests/sim/keepers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NODES 100
#define HOUR (3600 * SIM_SECOND)

static uint64_t sent(struct keepers *k, size_t keeper)
{
	struct dht_counters c;
	dht_counters(sim_dht(k->sim, keeper), &c);
	return c.refresh_bytes;
}

static void copies(struct keepers *k, double *ret_mean, size_t *ret_fewest)
{
	size_t all = 0;
	*ret_fewest = SIZE_MAX;
	for (size_t i = 0; i < k->records; i++) {
		struct dht_id target;
		dht_item_target(&k->items[i], &target);
		size_t n = sim_copies(k->sim, &target);
		all += n;
		*ret_fewest = n < *ret_fewest ? n : *ret_fewest;
	}
	*ret_mean = (double)all / (double)k->records;
}

int main(int argc, char **argv)
{
	size_t n[7] = {0}, worst, fewest, last = 0;
	struct keepers k;
	double mean, most = 0, sum = 0;
	if (argc != 7 && argc != 8)
		return 2;
	for (int i = 0; i < argc - 1; i++)
		n[i] = strtoul(argv[i + 1], NULL, 10);
	size_t keepers = n[0], records = n[1], hours = n[3], churn = n[4], away = n[6];
	const struct sim_config wan = {
		.rtt_min = 20000, .rtt_max = 120000, .loss = 1, .item_lifetime = n[5] * HOUR};
	const struct dht_republish_limits limits = {.lifetime = n[5] * HOUR};
	clock_t begun = clock();
	struct sim *sim = sim_network(&wan, NODES);
	for (size_t i = 1; i <= keepers; i++)
		dht_republish_limits(sim_dht(sim, i), &limits);
	keepers_begin(&k, sim, keepers, records, n[2]);
	worst = records;
	for (size_t hour = 0; hour < hours; hour++) {
		uint64_t before[KEEPERS_MAX + 1] = {0};
		size_t gone = away ? 1 + hour / away : 0;
		for (size_t i = 1; i <= keepers; i++) {
			sim_set_side(sim, i, i == gone);
			before[i] = sent(&k, i);
		}
		keepers_churn(&k, HOUR, churn);
		for (size_t i = 1; i <= keepers; i++) {
			double rate = (double)(sent(&k, i) - before[i]) / 3600;
			most = rate > most ? rate : most;
			sum += rate;
		}
		last = keepers_readable(&k);
		worst = last < worst ? last : worst;
	}
	copies(&k, &mean, &fewest);
	printf("%7zu %7zu %5zu %5zu %4zu%% %6zu %5zu %8.2f%% %8.2f%% %6.1f %6zu %8.0f %8.0f "
	       "%6.0f\n",
		keepers, records, n[2], hours, churn, n[5], away,
		100.0 * (double)worst / (double)records, 100.0 * (double)last / (double)records,
		mean, fewest, keepers ? sum / (double)(keepers * hours) : 0, most,
		(double)(clock() - begun) / CLOCKS_PER_SEC);
	keepers_finish(&k);
	sim_destroy(sim);
	return worst * 1000 < records * 999 || most > 5000;
}
