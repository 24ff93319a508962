/* The routing table as text, `.kadns/nodes`, and nodes to join by from text. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dht/dht.h"
#include "resolver/clock.h"
#include "resolver/resolver_inside.h"

struct node_list {
	FILE *f;
	uint64_t now;
};

static bool is_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* `v` (BEP 5): two letters and two bytes of version, as `KD01` or, where these are no characters,
 * `LT-2.15`. It is a stranger's: bytes that could be anything else in a line are \DDD. */
static void print_client(FILE *f, const uint8_t v[4])
{
	static const uint8_t none[4];
	if (memcmp(v, none, sizeof(none)) == 0) {
		fputs("-", f);
		return;
	}
	for (int i = 0; i < 2; i++)
		fprintf(f, is_plain(v[i]) ? "%c" : "\\%03u", v[i]);
	if (is_plain(v[2]) && is_plain(v[3]))
		fprintf(f, "%c%c", v[2], v[3]);
	else
		fprintf(f, "-%u.%u", v[2], v[3]);
}

/* BEP 42: does the address decide the id as it should? */
static const char *id_kind(const struct dht_contact *c)
{
	if (dht_endpoint_local(&c->endpoint))
		return "local";
	return dht_id_fits(&c->id, &c->endpoint) ? "verified" : "unverified";
}

/* ENDPOINT ID AGE RTT FAILURES CLIENT VERIFIED; "-" for what is not known. */
static void print_node(void *ctx, const struct dht_node_info *node)
{
	struct node_list *l = ctx;
	char endpoint[DHT_ENDPOINT_TEXT], id[41];
	dht_endpoint_to_text(&node->contact.endpoint, endpoint);
	dht_id_to_hex(&node->contact.id, id);
	fprintf(l->f, "%s %s ", endpoint, id);
	if (node->heard)
		fprintf(l->f, "%llus ", (unsigned long long)((l->now - node->heard) / SECOND));
	else
		fputs("- ", l->f);
	if (node->rtt)
		fprintf(l->f, "%u.%03ums ", node->rtt / 1000, node->rtt % 1000);
	else
		fputs("- ", l->f);
	fprintf(l->f, "%u ", node->failures);
	print_client(l->f, node->client);
	fprintf(l->f, " %s\n", id_kind(&node->contact));
}

int resolver_nodes(struct resolver *r, char **ret_text, size_t *ret_len)
{
	struct node_list l = {.f = open_memstream(ret_text, ret_len), .now = clock_monotonic()};
	if (!l.f)
		return -ENOMEM;
	if (r->parts.dht)
		dht_each_node(r->parts.dht, print_node, &l);
	return resolver_end_text(l.f, ret_text);
}

/* "ADDRESS PORT" is the form of the node lists of 2009. */
static int parse_node(const char *text, size_t len, struct dht_endpoint *ret_at)
{
	char copy[DHT_ENDPOINT_TEXT];
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	if (len == 0 || len >= sizeof(copy) - 2)
		return -EINVAL;
	const char *space = memchr(text, ' ', len);
	if (space) {
		size_t host = (size_t)(space - text);
		bool v6 = memchr(text, ':', host) && text[0] != '[';
		snprintf(copy, sizeof(copy), v6 ? "[%.*s]:%.*s" : "%.*s:%.*s", (int)host, text,
			(int)(len - host - 1), space + 1);
	} else {
		snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
	}
	int r = dht_endpoint_from_text(copy, ret_at);
	return r == 0 && !dht_endpoint_usable(ret_at) ? -EINVAL : r;
}

int resolver_check_node(const char *text, size_t len)
{
	struct dht_endpoint at;
	return parse_node(text, len, &at);
}

int resolver_add_node(struct resolver *r, const char *text, size_t len)
{
	struct dht_endpoint at;
	if (!r->parts.dht)
		return -EOPNOTSUPP;
	int error = parse_node(text, len, &at);
	return error == 0 ? dht_add_node(r->parts.dht, &at) : error;
}

size_t resolver_nodes_known(const struct resolver *r)
{
	struct dht_counters c = {0};
	if (r->parts.dht)
		dht_counters(r->parts.dht, &c);
	return c.nodes;
}
