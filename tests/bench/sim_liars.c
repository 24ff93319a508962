/* Reads among liars, in virtual time: case by case, how many found the newest value, and what that
 * took.
 *
 *   SIM_SEED=N sim_liars [NODES]...          100 and 300 nodes unless said otherwise
 *
 * 50 puts of honest nodes, each read by four others that hold no copy; where the liars are next to
 * one target, 100 puts of that, each read by one other. Round trips 20 to 120 ms.
 * The first line of each network is the same without liars. */
#undef NDEBUG
#include "tests/sim/liars.h"
#include "tests/sim/sybils.h"

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
	{"sparse from birth", SIM_SPARSE, 20, true},
	{"sparse from birth", SIM_SPARSE, 33, true},
	{"sparse from birth", SIM_SPARSE, 50, true},
	{"stale forgers", SIM_STALE, 33, false},
	{"stale forgers", SIM_STALE, 50, false},
	{"ghosts", SIM_GHOSTS, 33, false},
	{"ghosts", SIM_GHOSTS, 50, false},
	{"slanderers", SIM_SLANDER, 10, false},
	{"slanderers", SIM_SLANDER, 33, false},
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

static const struct {
	const char *name;
	unsigned bits;
	bool from_birth;
} sybils[] = {
	{"targeted, 12 bits", 12, false},
	{"targeted, 40 bits", 40, false},
	{"targeted from birth", 12, true},
	{"targeted from birth", 40, true},
};

/* A tenth of the network next to one target. */
static void run_sybils(size_t n, size_t i)
{
	struct sim_sybils_outcome o;
	struct sim_sybils_case c = {.config = {.rtt_min = 20000, .rtt_max = 120000},
		.honest = n - n / 10,
		.sybils = n / 10,
		.family = 4,
		.bits = sybils[i].bits,
		.from_birth = sybils[i].from_birth,
		.rounds = 100};
	sim_sybils_run(&c, &o);
	printf("%6zu  %-20s %3u %%  %6.1f %%  %8.1f %5u  %8.1f\n", n, sybils[i].name, 10,
		100.0 * (double)o.found / (double)c.rounds,
		(double)o.read_queries / (double)c.rounds, o.read_queries_max,
		(double)o.put_queries / (double)c.rounds);
	fflush(stdout);
}

static void run_network(size_t n)
{
	printf("#%5s  %-20s %5s  %8s  %8s %5s  %8s %5s  %9s %4s\n", "nodes", "case", "liars",
		"found", "q/read", "max", "q/put", "max", "read took", "sigs");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(n, i);
	for (size_t i = 0; i < sizeof(sybils) / sizeof(*sybils); i++)
		run_sybils(n, i);
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
