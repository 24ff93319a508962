/* Forged values by the million, in virtual time: what of them is delivered to who gets, or kept of
 * who puts; for tests/bench/forgeries.sh.
 *
 *   sim_forgeries VALUES [ANSWERS]     exit 1 where one was accepted
 *
 * VALUES in all of each way: of each kind an equal part. Then ANSWERS to nothing that was asked. */
#undef NDEBUG
#include "tests/sim/forgeries.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NODES 30

static uint64_t sum, accepted;

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print(const char *way, const char *kind, const struct sim_forged *f, double began)
{
	printf("%-8s %-18s %10" PRIu64 " %9" PRIu64 " %9" PRIu64 " %4" PRIu64 " %7.1f\n", way, kind,
		f->met, f->accepted, f->checked, f->most, seconds() - began);
	fflush(stdout);
	sum += f->met;
	accepted += f->accepted;
}

typedef void way_fn(
	struct sim *sim, enum sim_forgery kind, uint64_t values, struct sim_forged *ret_forged);

static void run(struct sim *sim, const char *way, way_fn *fn, uint64_t values)
{
	for (enum sim_forgery kind = 0; kind < SIM_FORGERIES; kind++) {
		struct sim_forged f;
		double began = seconds();
		fn(sim, kind, (values + SIM_FORGERIES - 1) / SIM_FORGERIES, &f);
		print(way, sim_forgery_name(kind), &f, began);
	}
}

int main(int argc, char **argv)
{
	static const struct sim_config config = {.rtt_min = 20000, .rtt_max = 120000};
	if (argc < 2) {
		fprintf(stderr, "usage: sim_forgeries VALUES [ANSWERS]\n");
		return 2;
	}
	uint64_t values = strtoull(argv[1], NULL, 10);
	uint64_t answers = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	struct sim *sim = sim_forgers(&config, NODES);
	struct sim_forged f;
	printf("%-8s %-18s %10s %9s %9s %4s %7s\n", "way", "forgery", "came", "accepted", "checked",
		"most", "CPU s");
	run(sim, "returned", sim_forged_gets, values);
	run(sim, "put", sim_forged_puts, values);
	double began = seconds();
	sim_spoofed_answers(sim, answers, &f);
	print("spoofed", "answers", &f, began);
	printf("%" PRIu64 " came, %" PRIu64 " accepted\n", sum, accepted);
	sim_destroy(sim);
	return accepted > 0;
}
