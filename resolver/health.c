/* Whether a node can do what it is for. */
#include "resolver/resolver_inside.h"

struct servers {
	size_t all, down;
};

static void count_server(void *ctx, size_t i, const struct upstream_server *s)
{
	struct servers *servers = ctx;
	(void)i;
	servers->all++;
	servers->down += s->down;
}

/* A source that was asked for and does not answer: what needs it fails, though the other may do. */
const char *resolver_ails(const struct resolver *r)
{
	struct servers servers = {0};
	if (r->parts.dht && r->config.joined && resolver_nodes_known(r) == 0)
		return "no node of the DHT answers\n";
	if (r->parts.upstream)
		upstream_each_server(r->parts.upstream, count_server, &servers);
	if (servers.all && servers.down == servers.all)
		return "no server of conventional DNS answers\n";
	return NULL;
}
