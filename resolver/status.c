/* The node's counters as text, `.kadns/status`: one `name value` a line, for grep and awk, always
 * in this order. Each has a line in fs/kadns-files.7, and tests/net/test_status.py holds the two
 * together. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dht/dht.h"
#include "resolver/clock.h"
#include "resolver/dns_door.h"
#include "resolver/pkarr.h"
#include "resolver/resolver_inside.h"

static void line(FILE *f, const char *name, uint64_t value)
{
	fprintf(f, "%-34s %llu\n", name, (unsigned long long)value);
}

static void traffic(FILE *f, const char *way, unsigned kind, const struct dht_traffic *t)
{
	char name[64];
	snprintf(name, sizeof(name), "dht.%s.%s.packets", way, dht_kind_name(kind));
	line(f, name, t->packets);
	snprintf(name, sizeof(name), "dht.%s.%s.bytes", way, dht_kind_name(kind));
	line(f, name, t->bytes);
}

/* "-": not known yet. */
static void external_status(FILE *f, const struct dht *dht, unsigned family, const char *name)
{
	char text[DHT_ENDPOINT_TEXT];
	struct dht_endpoint e;
	dht_external(dht, family, &e);
	dht_endpoint_to_text(&e, text);
	fprintf(f, "%-34s %s\n", name, text[0] ? text : "-");
}

static void dht_status(FILE *f, const struct dht *dht)
{
	struct dht_counters c;
	char id[41];
	dht_counters(dht, &c);
	dht_id_to_hex(dht_own_id(dht), id);
	fprintf(f, "%-34s %s\n", "dht.id", id);
	external_status(f, dht, 4, "dht.address4");
	external_status(f, dht, 6, "dht.address6");
	line(f, "dht.read_only", dht_is_read_only(dht));
	line(f, "dht.id_changes", c.id_changes);
	line(f, "dht.nodes", c.nodes);
	line(f, "dht.size4", c.size4);
	line(f, "dht.size6", c.size6);
	line(f, "dht.lookups", c.lookups);
	line(f, "dht.packets_in", c.packets_in);
	line(f, "dht.packets_out", c.packets_out);
	line(f, "dht.bytes_in", c.bytes_in);
	line(f, "dht.bytes_out", c.bytes_out);
	for (unsigned kind = 0; kind < DHT_KINDS; kind++) {
		traffic(f, "in", kind, &c.in[kind]);
		traffic(f, "out", kind, &c.out[kind]);
	}
	line(f, "dht.drop.junk", c.junk);
	line(f, "dht.drop.rate", c.drop_rate);
	line(f, "dht.drop.budget", c.drop_budget);
	line(f, "dht.drop.bytes", c.drop_bytes);
	line(f, "dht.queries_in", c.queries_in);
	line(f, "dht.queries_out", c.queries_out);
	line(f, "dht.replies_in", c.replies_in);
	line(f, "dht.errors_in", c.errors_in);
	line(f, "dht.timeouts", c.timeouts);
	line(f, "dht.gets", c.gets);
	line(f, "dht.puts", c.puts);
	line(f, "dht.searches", c.searches);
	line(f, "dht.ended", c.ended);
	line(f, "dht.hops", c.hops);
	line(f, "dht.wide", c.wide);
	line(f, "dht.suspects", c.suspects);
	line(f, "dht.items_kept", c.items_kept);
	line(f, "dht.values_bad", c.values_bad);
	line(f, "dht.verifications", c.verifications);
	line(f, "store.items", c.store_items);
	line(f, "store.bytes", c.store_bytes);
	line(f, "store.memory", c.store_memory);
	line(f, "store.refreshes", c.store_refreshes);
	line(f, "store.evictions", c.store_evictions);
	line(f, "store.refused_quota", c.store_refused_quota);
	line(f, "store.refused_full", c.store_refused_full);
	line(f, "store.reads", c.store_reads);
	line(f, "store.commits", c.store_commits);
}

static void republish_status(FILE *f, const struct dht *dht, const struct publisher *p)
{
	struct dht_counters c;
	struct publish_counters counters;
	dht_counters(dht, &c);
	publish_counters(p, &counters);
	line(f, "republish.items", c.published);
	line(f, "republish.turns", counters.turns);
	line(f, "republish.looks", c.refreshes);
	line(f, "republish.puts", c.refresh_puts);
	line(f, "republish.bytes", c.refresh_bytes);
	line(f, "republish.lost", c.refresh_lost);
	line(f, "republish.late", c.refresh_late);
}

static void keep_status(FILE *f, const struct keeper *k)
{
	struct keep_counters c;
	keeper_counters(k, &c);
	line(f, "keep.keys", c.keys);
	line(f, "keep.parts", c.parts);
	line(f, "keep.missing", c.missing);
	line(f, "keep.readings", c.readings);
	line(f, "keep.taken", c.taken);
	line(f, "keep.damaged", c.damaged);
}

static void hosts_status(FILE *f, const struct hosts *hosts)
{
	struct hosts_counters c;
	hosts_counters(hosts, &c);
	line(f, "hosts.names", c.names);
	line(f, "hosts.loads", c.loads);
	line(f, "hosts.answers", c.answers);
}

/* Servers are numbered from 1 in the order in which they are asked. */
static void server_status(void *ctx, size_t i, const struct upstream_server *s)
{
	FILE *f = ctx;
	char prefix[32], name[64];
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {{"asked", s->asked}, {"answered", s->answered}, {"failed", s->failed},
		{"rtt_us", s->rtt}, {"down", s->down}, {"loops", s->loops}};
	snprintf(prefix, sizeof(prefix), "upstream.%zu.", i + 1);
	snprintf(name, sizeof(name), "%sserver", prefix);
	fprintf(f, "%-34s %s\n", name, s->label);
	for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++) {
		snprintf(name, sizeof(name), "%s%s", prefix, numbers[k].name);
		line(f, name, numbers[k].value);
	}
	snprintf(name, sizeof(name), "%sdnssec", prefix);
	fprintf(f, "%-34s %s\n", name, s->dnssec);
}

static void upstream_status(FILE *f, const struct upstream *u)
{
	struct upstream_counters c;
	upstream_counters(u, &c);
	line(f, "upstream.asked", c.asked);
	line(f, "upstream.answered", c.answered);
	line(f, "upstream.failed", c.failed);
	line(f, "upstream.timeouts", c.timeouts);
	line(f, "upstream.bogus", c.bogus);
	line(f, "upstream.in_flight", c.in_flight);
	line(f, "upstream.restarts", c.restarts);
	upstream_each_server(u, server_status, f);
}

static void publish_status(FILE *f, const struct publisher *p)
{
	struct publish_counters c;
	publish_counters(p, &c);
	line(f, "publish.zones_put", c.zones_put);
	line(f, "publish.pages_put", c.pages_put);
	line(f, "publish.slots_put", c.slots_put);
	line(f, "publish.signatures", c.signatures);
	line(f, "publish.signer_restarts", c.signer_restarts);
	line(f, "publish.conflicts", c.conflicts);
	line(f, "publish.yielded", c.yielded);
	line(f, "publish.prevailed", c.prevailed);
	line(f, "publish.outrun", c.outrun);
	line(f, "publish.failures", c.failures);
	line(f, "publish.queued", c.queued);
}

static void relay_status(FILE *f, const struct pkarr *p)
{
	struct pkarr_counters c;
	pkarr_counters(p, &c);
	line(f, "pkarr.held", c.held);
	line(f, "pkarr.gets", c.gets);
	line(f, "pkarr.puts", c.puts);
	line(f, "pkarr.refused", c.refused);
	line(f, "pkarr.limited", c.limited);
}

static void disk_status(FILE *f, const struct own *own)
{
	struct own_disk_counters c;
	own_disk_counters(own, &c);
	line(f, "disk.commits", c.commits);
	line(f, "disk.syncs", c.syncs);
	line(f, "disk.failures", c.failures);
}

void resolver_door(struct resolver *r, struct dns_door *old, struct dns_door *now)
{
	for (size_t i = 0; i < RESOLVER_DOORS_MAX; i++)
		if (r->doors[i] == old) {
			r->doors[i] = now;
			return;
		}
}

void resolver_status_by(struct resolver *r, resolver_status_fn *fn, void *ctx)
{
	struct resolver_status_part *part = r->status_parts, *end = part + RESOLVER_STATUS_PARTS;
	while (part < end && part->fn && part->ctx != ctx)
		part++;
	if (part == end)
		return;
	if (fn) {
		*part = (struct resolver_status_part){fn, ctx};
		return;
	}
	memmove(part, part + 1, (size_t)(end - part - 1) * sizeof(*part));
	end[-1].fn = NULL;
}

/* What is counted of each way to a door; all doors together. */
#define COLUMN(name, field)                                                                        \
	{                                                                                          \
		name, offsetof(struct dns_door_counters, field)                                    \
	}
static const struct door_column {
	const char *name;
	size_t at;
} door_columns[] = {
	COLUMN("in", in),
	COLUMN("out", out),
	COLUMN("junk", junk),
	COLUMN("connections", connections),
	COLUMN("displaced", displaced),
	COLUMN("handshakes", handshakes),
	COLUMN("resumed", resumed),
	COLUMN("failed", failed),
	COLUMN("queued", queued),
	COLUMN("not_allowed", not_allowed),
	COLUMN("limited", limited),
	COLUMN("dropped", dropped),
	COLUMN("shed", shed),
	COLUMN("noerror", rcode[RCODE_NOERROR]),
	COLUMN("formerr", rcode[RCODE_FORMERR]),
	COLUMN("servfail", rcode[RCODE_SERVFAIL]),
	COLUMN("nxdomain", rcode[RCODE_NXDOMAIN]),
	COLUMN("notimp", rcode[RCODE_NOTIMP]),
	COLUMN("refused", rcode[RCODE_REFUSED]),
	COLUMN("badvers", rcode[RCODE_BADVERS]),
	COLUMN("badcookie", rcode[RCODE_BADCOOKIE]),
	COLUMN("from.own", source[SOURCE_OWN]),
	COLUMN("from.hosts", source[SOURCE_HOSTS]),
	COLUMN("from.local", source[SOURCE_LOCAL]),
	COLUMN("from.dht", source[SOURCE_DHT]),
	COLUMN("from.dns", source[SOURCE_DNS]),
	COLUMN("from.nowhere", source[SOURCE_NONE]),
	COLUMN("hits", hits),
	COLUMN("stale", stale),
	COLUMN("misses", misses),
};

static uint64_t door_sum(const struct resolver *r, enum dns_via via, size_t at)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < RESOLVER_DOORS_MAX; i++)
		if (r->doors[i])
			sum += *(const uint64_t *)((const char *)dns_door_counters(
							   r->doors[i], via) +
						   at);
	return sum;
}

static void doors_status(FILE *f, const struct resolver *r, enum dns_via via, const char *way)
{
	const size_t took = offsetof(struct dns_door_counters, took);
	char name[64];
	for (size_t i = 0; i < sizeof(door_columns) / sizeof(*door_columns); i++) {
		snprintf(name, sizeof(name), "dns.%s.%s", way, door_columns[i].name);
		line(f, name, door_sum(r, via, door_columns[i].at));
	}
	for (size_t i = 0; i < DNS_TOOK - 1; i++) {
		snprintf(name, sizeof(name), "dns.%s.took.%ums", way, dns_took_ms[i]);
		line(f, name, door_sum(r, via, took + i * sizeof(uint64_t)));
	}
	snprintf(name, sizeof(name), "dns.%s.took.longer", way);
	line(f, name, door_sum(r, via, took + (DNS_TOOK - 1) * sizeof(uint64_t)));
}

int resolver_end_text(FILE *f, char **text)
{
	bool bad = ferror(f) != 0;
	if (fclose(f) == 0 && !bad)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}

/* What is left on the DHT for others, and what of theirs stood in for DNS. */
static void copies_status(FILE *f, struct resolver *r)
{
	if (r->mirror) {
		struct mirror_counters c;
		mirror_counters(r->mirror, &c);
		line(f, "mirror.put", c.put);
		line(f, "mirror.alive", c.alive);
		line(f, "mirror.failed", c.failed);
		line(f, "mirror.dropped", c.dropped);
		line(f, "mirror.waiting", c.waiting);
	}
	if (r->parts.judge) {
		struct judge_counters c;
		judge_counters(r->parts.judge, &c);
		line(f, "judge.asked", c.asked);
		line(f, "judge.secure", c.secure);
		line(f, "judge.wanted", c.wanted);
		line(f, "judge.restarts", c.restarts);
		line(f, "judge.running", c.running);
	}
	if (r->root_keys) {
		struct root_keys_counters c;
		root_keys_counters(r->root_keys, &c);
		line(f, "judge.keys", c.kept);
		line(f, "judge.keys_used", c.spared);
	}
}

int resolver_status(struct resolver *r, char **ret_text, size_t *ret_len)
{
	static const char *const ways[DNS_VIAS] = {[DNS_UDP] = "udp",
		[DNS_TCP] = "tcp",
		[DNS_TLS] = "tls",
		[DNS_HTTP] = "http",
		[DNS_HTTPS] = "https"};
	FILE *f = open_memstream(ret_text, ret_len);
	if (!f)
		return -ENOMEM;
	fprintf(f, "%-34s %s\n", "version", KADNS_VERSION);
	fprintf(f, "%-34s %s\n", "trust", policy_mode_text(r->config.policy.mode));
	fprintf(f, "%-34s %s\n", "dht", r->parts.dht ? "on" : "off");
	line(f, "records.own", own_records(r->parts.own));
	disk_status(f, r->parts.own);
	line(f, "pins", pins_len(r->pins));
	line(f, "cache.entries", cache_entries(r->cache));
	line(f, "cache.bytes", cache_bytes(r->cache));
	line(f, "cache.traces", cache_traces(r->cache));
	line(f, "cache.stale", r->counters.stale);
	line(f, "cache.prefetched", prefetch_begun(r->prefetch));
	line(f, "cache.prefetch_dropped", prefetch_dropped(r->prefetch));
	line(f, "asks.total", r->counters.asked);
	line(f, "asks.waiting", r->asks_len);
	line(f, "asks.failed", r->counters.failed);
	line(f, "asks.deadlines", r->counters.deadlines);
	line(f, "asks.filtered", r->counters.filtered);
	line(f, "asks.explained", r->counters.explained);
	line(f, "asks.pinned", r->counters.pinned);
	struct attest_counters attest;
	attest_counters(r->attest, &attest);
	line(f, "attested.keys", attested_len(attest_keys(r->attest)));
	line(f, "attested.asked", attest.asked);
	line(f, "attested.learnt", attest.learnt);
	line(f, "attested.ended", attest.ended);
	copies_status(f, r);
	for (enum dns_via via = 0; via < DNS_VIAS; via++)
		doors_status(f, r, via, ways[via]);
	if (r->parts.publisher)
		publish_status(f, r->parts.publisher);
	if (r->parts.publisher && r->parts.dht)
		republish_status(f, r->parts.dht, r->parts.publisher);
	keep_status(f, r->keeper);
	if (r->parts.dht)
		dht_status(f, r->parts.dht);
	if (r->pkarr)
		relay_status(f, r->pkarr);
	if (r->parts.hosts)
		hosts_status(f, r->parts.hosts);
	if (r->parts.upstream)
		upstream_status(f, r->parts.upstream);
	for (size_t i = 0; i < RESOLVER_STATUS_PARTS && r->status_parts[i].fn; i++)
		r->status_parts[i].fn(r->status_parts[i].ctx, f);
	return resolver_end_text(f, ret_text);
}
