/* Reads among liars, in virtual time: case by case, how many found the newest value, and what that
 * took; over many networks, for tests/bench/liars.sh.
 *
 *   sim_liars SEEDS [NODES]          100 nodes unless said otherwise; exit 1 where too few found it
 *
 * In each network 50 puts of honest nodes, each read by four others that hold no copy; where the
 * liars are next to one target, 50 puts of that, each read by one other. Round trips are 20 to 120
 * ms. What counts as found is all reads, those too of what only liars were to keep: of eight nodes
 * chosen by nobody all are among a half one time in 256. `least` is the network with the fewest. */
#undef NDEBUG
#include "tests/sim/liars.h"
#include "tests/sim/sybils.h"

#include <stdio.h>
#include <stdlib.h>

#define PUTS 50
#define READS 4

/* All networks of a case. */
struct row {
	size_t nodes, reads, found;
	double least; /* of a hundred */
	unsigned read_queries_max;
	uint64_t read_queries, puts, put_queries;
};

static void add(struct row *row, size_t reads, size_t found, uint64_t queries, unsigned queries_max)
{
	double here = 100.0 * (double)found / (double)reads;
	row->least = row->reads == 0 || here < row->least ? here : row->least;
	row->reads += reads;
	row->found += found;
	row->read_queries += queries;
	if (queries_max > row->read_queries_max)
		row->read_queries_max = queries_max;
}

static bool print(const struct row *row, const char *name, unsigned share, double wanted)
{
	double found = 100.0 * (double)row->found / (double)row->reads;
	bool met = found >= wanted && row->read_queries_max <= 60;
	printf("%6zu  %-32s %3u %%  %6zu  %7.2f %% %6.1f %%  %5.0f %%  %7.1f %4u  %7.1f   %s\n",
		row->nodes, name, share, row->reads, found, row->least, wanted,
		(double)row->read_queries / (double)row->reads, row->read_queries_max,
		(double)row->put_queries / (double)row->puts, met ? "met" : "MISSED");
	fflush(stdout);
	return met;
}

static const struct liars_case {
	const char *name;
	enum sim_liar kind;
	unsigned share;
	bool from_birth;
	double wanted; /* found, of a hundred */
} liars_cases[] = {
	{"honest", SIM_SILENT, 0, false, 100},
	{"silent", SIM_SILENT, 50, false, 99},
	{"forgers", SIM_FORGER, 20, false, 99},
	{"forgers", SIM_FORGER, 33, false, 95},
	{"forgers", SIM_FORGER, 50, false, 80},
	{"forgers from birth", SIM_FORGER, 20, true, 99},
	{"forgers from birth", SIM_FORGER, 33, true, 95},
	{"forgers from birth", SIM_FORGER, 50, true, 80},
	{"sparse forgers", SIM_SPARSE, 20, false, 99},
	{"sparse forgers", SIM_SPARSE, 33, false, 95},
	{"sparse forgers", SIM_SPARSE, 50, false, 80},
	{"sparse from birth", SIM_SPARSE, 20, true, 99},
	{"sparse from birth", SIM_SPARSE, 33, true, 95},
	{"sparse from birth", SIM_SPARSE, 50, true, 80},
	{"stale forgers", SIM_STALE, 20, false, 99},
	{"stale forgers", SIM_STALE, 33, false, 95},
	{"stale forgers", SIM_STALE, 50, false, 80},
	{"ghosts", SIM_GHOSTS, 33, false, 99},
	{"ghosts", SIM_GHOSTS, 50, false, 99},
	{"slanderers", SIM_SLANDER, 10, false, 99},
	{"slanderers", SIM_SLANDER, 33, false, 99},
};

static bool run_liars(const struct liars_case *of, size_t nodes, uint64_t seeds)
{
	struct row row = {.nodes = nodes};
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct sim_liars_outcome o;
		struct sim_liars_case c = {
			.config = {.seed = seed, .rtt_min = 20000, .rtt_max = 120000},
			.n = nodes,
			.kind = of->kind,
			.share = of->share,
			.from_birth = of->from_birth,
			.puts = PUTS,
			.reads = READS};
		sim_liars_run(&c, &o);
		add(&row, o.reads, o.found, o.read_queries, o.read_queries_max);
		row.puts += c.kind == SIM_STALE ? 2 * c.puts : c.puts;
		row.put_queries += o.put_queries;
	}
	return print(&row, of->name, of->share, of->wanted);
}

/* Next to one target. Who joined a second ago knows hardly anybody but through them: of those one
 * in thirty does not find it within sixty queries, and no more than that is promised. */
static const struct sybils_case {
	const char *name;
	unsigned share, bits;
	enum sim_sybil_net net;
	uint8_t family;
	bool from_birth, newcomers;
	unsigned ring_from, ring_to; /* tenths, see sybils.h; all of them */
	double wanted;
} sybils_cases[] = {
	{"targeted, 12 bits", 10, 12, SIM_ANY_ID, 4, false, false, 0, 0, 99},
	{"targeted, 40 bits", 10, 40, SIM_ANY_ID, 4, false, false, 0, 0, 99},
	{"targeted, 12 bits", 20, 12, SIM_ANY_ID, 4, false, false, 0, 0, 99},
	{"targeted from birth, 12 bits", 10, 12, SIM_ANY_ID, 4, true, false, 0, 0, 99},
	{"targeted from birth, 40 bits", 10, 40, SIM_ANY_ID, 4, true, false, 0, 0, 99},
	{"targeted from birth, 12 bits", 20, 12, SIM_ANY_ID, 4, true, false, 0, 0, 99},
	{"the same, asked by newcomers", 20, 12, SIM_ANY_ID, 4, true, true, 0, 0, 95},
	{"targeted, of an IPv4 /24", 20, 0, SIM_ONE_NET, 4, false, false, 0, 0, 99},
	{"targeted, of an IPv6 /40", 20, 0, SIM_ONE_NET, 6, false, false, 0, 0, 99},
	{"targeted, of many IPv6 /40", 20, 0, SIM_MANY_NETS, 6, false, false, 0, 0, 99},
	{"a ring of one IPv4 /16", 10, 0, SIM_WIDE_NET, 4, false, false, 22, 32, 99},
};

static bool run_sybils(const struct sybils_case *of, size_t nodes, uint64_t seeds)
{
	struct row row = {.nodes = nodes};
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct sim_sybils_outcome o;
		size_t sybils = nodes * of->share / 100;
		bool public = of->net != SIM_ANY_ID;
		struct sim_sybils_case c = {.config = {.seed = seed,
						    .rtt_min = 20000,
						    .rtt_max = 120000,
						    .mainline = public,
						    .limits = public,
						    .own_nets = public},
			.honest = nodes - sybils,
			.sybils = sybils,
			.family = of->family,
			.net = of->net,
			.bits = of->bits,
			.from_birth = of->from_birth,
			.newcomers = of->newcomers,
			.in_ring = of->ring_to ? sybils : 0,
			.ring_from = of->ring_from,
			.ring_to = of->ring_to,
			.rounds = PUTS};
		sim_sybils_run(&c, &o);
		add(&row, PUTS, o.found, o.read_queries, o.read_queries_max);
		row.puts += PUTS;
		row.put_queries += o.put_queries;
	}
	return print(&row, of->name, of->share, of->wanted);
}

int main(int argc, char **argv)
{
	uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	size_t nodes = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
	bool met = true;
	if (!seeds || nodes < 50) {
		fprintf(stderr, "usage: sim_liars SEEDS [NODES]\n");
		return 2;
	}
	printf("%6s  %-32s %5s  %6s  %9s %8s  %7s  %7s %4s  %7s\n", "nodes", "case", "liars",
		"reads", "found", "least", "wanted", "q/read", "max", "q/put");
	for (size_t i = 0; i < sizeof(liars_cases) / sizeof(*liars_cases); i++)
		met &= run_liars(&liars_cases[i], nodes, seeds);
	for (size_t i = 0; i < sizeof(sybils_cases) / sizeof(*sybils_cases); i++)
		met &= run_sybils(&sybils_cases[i], nodes, seeds);
	return !met;
}
