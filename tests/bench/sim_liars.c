/* Reads among liars, in virtual time: case by case, how many found the newest value, and what that
 * took.
 *
 *   SIM_SEED=N sim_liars [NODES]...          100 and 300 nodes unless said otherwise
 *
 * 50 puts of honest nodes, each read by four others that hold no copy. Round trips 20 to 120 ms.
 * The first line of each network is the same without liars. */
#undef NDEBUG
#include "tests/sim/liars.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name;
	enum sim_liar kind;
	unsigned share;
	bool from_birth;
} cases[] = {
	{"honest", SIM_SILENT, 0, false},
	{"silent", SIM_SILENT, 50, false},
	{"forgers", SIM_FORGER, 20, false},
	{"forgers", SIM_FORGER, 33, false},
	{"forgers", SIM_FORGER, 50, false},
	{"forgers from birth", SIM_FORGER, 20, true},
	{"forgers from birth", SIM_FORGER, 33, true},
	{"forgers from birth", SIM_FORGER, 50, true},
	{"sparse forgers", SIM_SPARSE, 20, false},
	{"sparse forgers", SIM_SPARSE, 33, false},
	{"sparse forgers", SIM_SPARSE, 50, false},
	{"stale forgers", SIM_STALE, 33, false},
	{"stale forgers", SIM_STALE, 50, false},
	{"ghosts", SIM_GHOSTS, 33, false},
	{"ghosts", SIM_GHOSTS, 50, false},
};

static void run_case(size_t n, size_t i)
{
	struct sim_liars_outcome o;
	struct sim_liars_case c = {.config = {.rtt_min = 20000, .rtt_max = 120000},
		.n = n,
		.kind = cases[i].kind,
		.share = cases[i].share,
		.from_birth = cases[i].from_birth,
		.puts = 50,
		.reads = 4};
	sim_liars_run(&c, &o);
	size_t puts = c.kind == SIM_STALE ? 2 * c.puts : c.puts;
	printf("%6zu  %-20s %3u %%  %6.1f %%  %8.1f %5u  %8.1f %5u  %6.0f ms %4llu\n", n,
		cases[i].name, cases[i].share, 100.0 * (double)o.found / (double)o.reads,
		(double)o.read_queries / (double)o.reads, o.read_queries_max,
		(double)o.put_queries / (double)puts, o.put_queries_max,
		(double)o.took / 1000 / (double)o.reads, (unsigned long long)o.verifications_max);
	fflush(stdout);
}

static void run_network(size_t n)
{
	printf("#%5s  %-20s %5s  %8s  %8s %5s  %8s %5s  %9s %4s\n", "nodes", "case", "liars",
		"found", "q/read", "max", "q/put", "max", "read took", "sigs");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(n, i);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_network(strtoul(argv[i], NULL, 10));
	if (argc == 1) {
		run_network(100);
		run_network(300);
	}
	return 0;
}
