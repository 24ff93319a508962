/* Runs one scenario: a text file that says what befalls a network, and what must hold.
 *
 *   SIM_SEED=N run_scenario FILE      0: all held; 1: something did not; 2: it is not understood
 *
 * One command a line; # begins a comment. WHO is a choice among the living nodes:
 *   all  any  node 3  nodes 1-5  10 nodes  20%  side 1  new  nat  open  ipv4  ipv6  both
 * (new: of the last `nodes`; open: behind no NAT; both: of both families).
 *
 *   rtt MIN MAX          round trips, fixed for each pair of nodes; before the first nodes
 *   mainline             public addresses and what goes with them; before the first nodes
 *   limits               limits by rate and subnet, a /24 or /64 for each node; before the first
 *                        nodes
 *   loss 1%              of all packets, from now on
 *   nodes N [ipv4|ipv6|both] [nat] [read-only] [by WHO]
 *                        come one by one and are told of one of WHO, else of the first of all
 *   wait 10min           virtual time goes by
 *   kill WHO [refusing]  without a word, or with hosts that say so (ICMP)
 *   restart WHO          of the dead ones: same id, same items, and the table that it had
 *   churn 30min|off      so long a node lives on average; another comes in its place
 *   partition WHO        they become side 2, whom side 1 cannot reach
 *   heal                 all reach all again
 *   clock WHO +10y|-10y|1970|right
 *   put NAME [N] [immutable] [kept] [by WHO]
 *                        N new records, or the next version; kept: looked after by their writers
 *   keep NAME [older] [by WHO]
 *                        the same version again, or that before it
 *   get NAME [by WHO]    each once
 *   miss N [by WHO]      what nobody has written
 *   expect put|get|miss success|older|time|first|sixth|queries|copies [STATISTIC] <=|>=|= VALUE
 *   expect tables size|good|dead|nat|read-only [STATISTIC] ...    entries of each living node
 *   expect copies NAME [STATISTIC] ...                            living nodes that keep each
 *   expect traffic ...   packets a second and node since the last wait began
 *
 * STATISTIC: min mean p50 p90 p99 max; without one the mean. A get is a success if it finds nothing
 * older than what was acknowledged; `older` are those that find only something older. */
#undef NDEBUG
#include "tests/sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What must be said before there are nodes. */
static void only_at_first(const struct scenario *s)
{
	if (s->sim)
		words_fail(&s->words, "this comes before the first nodes");
}

static void set_rtt(struct scenario *s)
{
	only_at_first(s);
	s->config.rtt_min = (uint32_t)words_of_unit(&s->words, "the least time", UNIT_TIME);
	s->config.rtt_max = (uint32_t)words_of_unit(&s->words, "the greatest time", UNIT_TIME);
	words_end(&s->words);
	if (s->config.rtt_max < s->config.rtt_min)
		words_fail(&s->words, "the greatest time is less than the least");
}

static void set_mainline(struct scenario *s)
{
	only_at_first(s);
	words_end(&s->words);
	s->config.mainline = true;
}

static void set_limits(struct scenario *s)
{
	only_at_first(s);
	words_end(&s->words);
	s->config.limits = s->config.own_nets = true;
}

static void set_loss(struct scenario *s)
{
	double share = words_of_unit(&s->words, "a share such as 1%", UNIT_PERCENT);
	words_end(&s->words);
	if (share < 0 || share > 1)
		words_fail(&s->words, "not a share");
	s->config.loss = (unsigned)(share * 1000 + 0.5);
	if (s->sim)
		sim_set_loss(s->sim, s->config.loss);
}

static void wait(struct scenario *s)
{
	double time = words_of_unit(&s->words, "a time", UNIT_TIME);
	words_end(&s->words);
	if (!s->sim || time < 0)
		words_fail(&s->words, "nobody is there to wait");
	s->waited_from = sim_now(s->sim);
	s->waited_packets = sim_packets(s->sim);
	scenario_wait(s, (uint64_t)time);
}

static const struct {
	const char *name;
	void (*run)(struct scenario *s);
} commands[] = {
	{"churn", scenario_churn},
	{"clock", scenario_clock},
	{"expect", scenario_expect},
	{"get", scenario_get},
	{"heal", scenario_heal},
	{"keep", scenario_keep},
	{"kill", scenario_kill},
	{"limits", set_limits},
	{"loss", set_loss},
	{"mainline", set_mainline},
	{"miss", scenario_miss},
	{"nodes", scenario_nodes},
	{"partition", scenario_partition},
	{"put", scenario_put},
	{"restart", scenario_restart},
	{"rtt", set_rtt},
	{"wait", wait},
};

static void run_line(struct scenario *s, char *line)
{
	words_cut(&s->words, line);
	if (words_over(&s->words))
		return;
	const char *name = words_next(&s->words, "a command");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(name, commands[i].name)) {
			commands[i].run(s);
			return;
		}
	words_fail(&s->words, "\"%s\" is not a command", name);
}

static void run_file(struct scenario *s, FILE *file)
{
	char *line = NULL;
	size_t cap = 0;
	while (getline(&line, &cap, file) >= 0) {
		s->words.line++;
		run_line(s, line);
	}
	free(line);
}

int main(int argc, char **argv)
{
	struct scenario s = {.config = {.rtt_min = 20000, .rtt_max = 120000}};
	FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;
	if (!file) {
		fprintf(stderr, "usage: run_scenario FILE\n");
		return 2;
	}
	s.words.file = argv[1];
	run_file(&s, file);
	fclose(file);
	if (!s.sim)
		words_fail(&s.words, "the scenario has no nodes");
	sim_destroy(s.sim);
	records_finish(&s);
	free(s.ends);
	return s.failures != 0;
}
