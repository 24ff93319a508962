/* libunbound, set up: small caches, strict about glue and DNSSEC, silent, on our event loop. */
#include "resolver/ub_context.h"

#include "resolver/root_text.h"
#include "resolver/udp_relay.h"

#include <errno.h>
#include <stdio.h>
#include <unbound.h>
#include <unbound-event.h>

/* What every context has. libunbound's own values are for a program that asks now and then, or
 * (caches) for a server with memory to spare. */
static const struct {
	const char *name, *value;
} settings[] = {
	/* The resolver has the cache that counts; these hold keys, delegations, and recent sets. */
	{"msg-cache-size:", "512k"},
	{"rrset-cache-size:", "1m"},
	{"key-cache-size:", "512k"},
	{"neg-cache-size:", "256k"},
	{"infra-cache-numhosts:", "1000"},
	/* One thread: slabs would only split the caches. */
	{"msg-cache-slabs:", "1"},
	{"rrset-cache-slabs:", "1"},
	{"key-cache-slabs:", "1"},
	{"infra-cache-slabs:", "1"},
	{"outgoing-num-tcp:", "16"},
	/* A server that was dead is asked again soon: failover, above, needs to see it come back.
	 */
	{"infra-host-ttl:", "60"},
	{"harden-glue:", "yes"},
	{"harden-dnssec-stripped:", "yes"},
	{"harden-below-nxdomain:", "yes"},
	{"qname-minimisation:", "yes"},
	{"ede:", "yes"},
	{"use-syslog:", "no"},
	{"verbosity:", "0"},
};

#define NOBODY "0.0.0.0"
/* Milliseconds. From 5000 on libunbound does not repeat a packet. */
#define PATIENT "6000"
_Static_assert(UDP_RELAY_TIME_MS < 6000, "who waits is answered");

static int apply_fixed(struct ub_ctx *ctx)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (ub_ctx_set_option(ctx, settings[i].name, settings[i].value))
			return -EINVAL;
	return 0;
}

/* Questions on the wire at once, each on a random port of its own. Those beyond that wait inside,
 * the oldest first, behind questions about dead servers; so there are as many as questions may be
 * under way, and where a place is to be had is decided outside (resolver/server). */
static int apply_sockets(struct ub_ctx *ctx, const struct ub_context_config *config)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", config->sockets);
	return ub_ctx_set_option(ctx, "outgoing-range:", number) ? -EINVAL : 0;
}

static int apply_insecure(struct ub_ctx *ctx, const struct ub_context_config *config)
{
	char name[NAME_TEXT_MAX];

	for (size_t i = 0; i < config->insecure_len; i++) {
		name_to_absolute(&config->insecure[i], name);
		if (ub_ctx_set_option(ctx, "domain-insecure:", name))
			return -EINVAL;
	}
	return 0;
}

/* Zones that are for other servers get one that can never be asked, so that what leads there fails
 * at once and in silence. (As local zones they would be refused to us alone, and not to libunbound
 * when it follows an alias.) Not so above our own zone: its names would end there as well. What
 * comes from there is cut off later (resolver/chain). */
static int apply_zones(struct ub_ctx *ctx, const struct ub_context_config *config)
{
	char name[NAME_TEXT_MAX];

	if (config->zones_len && ub_ctx_set_option(ctx, "do-not-query-address:", NOBODY))
		return -EINVAL;
	for (size_t i = 0; i < config->zones_len; i++) {
		if (config->zone && name_under(config->zone, &config->zones[i]))
			continue;
		name_to_absolute(&config->zones[i], name);
		if (ub_ctx_set_stub(ctx, name, NOBODY, 0))
			return -EINVAL;
	}
	return 0;
}

/* What finalises the context, so that all that is set afterwards is refused. As options of the same
 * name these would be accepted and do nothing. */
static int apply_local_zones(struct ub_ctx *ctx, const struct ub_context_config *config)
{
	char name[NAME_TEXT_MAX];

	/* RFC 9462, 6.4: "is there a better way to ask you?" is for us to answer, with no. */
	if (ub_ctx_zone_add(ctx, "resolver.arpa.", "always_nodata") ||
		ub_ctx_data_add(ctx,
			"resolver.arpa. 10800 IN SOA localhost. nobody.invalid. 1 3600 1200 604800 "
			"10800"))
		return -EINVAL;
	/* As "nodefault" its made SOA and NS would go on to stand before the real ones. */
	if (config->test_zones && ub_ctx_zone_remove(ctx, "test."))
		return -EINVAL;
	if (!config->zone)
		return 0;
	name_to_absolute(config->zone, name);
	return ub_ctx_zone_add(ctx, name, "transparent") ? -EINVAL : 0;
}

static int apply_anchors(struct ub_ctx *ctx, const char *text)
{
	char entry[ROOT_TEXT_ENTRY_MAX];
	int r;

	while ((r = root_text_next(&text, entry)) == 1)
		if (ub_ctx_add_ta(ctx, entry))
			return -EINVAL;
	return r;
}

/* As a zone that is primed, which is what libunbound makes of a file of root hints. */
static int apply_hints(struct ub_ctx *ctx, const char *text)
{
	char entry[ROOT_TEXT_ENTRY_MAX];
	const char *address;
	int r;

	while ((r = root_text_next(&text, entry)) == 1)
		if ((address = root_text_address(entry)) && ub_ctx_set_stub(ctx, ".", address, 1))
			return -EINVAL;
	return r;
}

/* What is given for one question may be forged, and the next candidate is given when it is asked for
 * again: so it is, more often than candidates are given (rescue.h). It waits for a look-up in the DHT,
 * and does not repeat itself meanwhile. A message may be as long as any on loopback. No denial speaks
 * for a name that it was not given for. */
static int apply_copies(struct ub_ctx *ctx)
{
	return ub_ctx_set_option(ctx, "val-max-restart:", "12") ||
			       ub_ctx_set_option(ctx, "aggressive-nsec:", "no") ||
			       ub_ctx_set_option(ctx, "infra-cache-min-rtt:", "4000") ||
			       ub_ctx_set_option(ctx, "edns-buffer-size:", "16384") ||
			       ub_ctx_set_option(ctx, "trust-anchor-signaling:", "no")
		       ? -EINVAL
		       : 0;
}

/* For other forwarders. */
static int apply_forward(struct ub_ctx *ctx, const struct ub_context_config *config)
{
	/* Who asks anew before an answer ends wants another than this one (resolver/prefetch). What
	 * a recursor must remember, delegations, a forwarder has not; keys are in a cache of their
	 * own.
	 */
	if (ub_ctx_set_option(ctx, "msg-cache-size:", "0") ||
		ub_ctx_set_option(ctx, "rrset-cache-size:", "0"))
		return -EINVAL;
	/* A question is asked of a forwarder twice at most: the second time with CD=1, where it
	 * says SERVFAIL to what it holds bogus. Who waits has no need to repeat: resolver/udp_relay
	 * says in time that there was no answer, and so does not pass for dead. To the relays of
	 * the node, which lose what they cannot ask, libunbound repeats each question once, after
	 * 0.5 s first, and ends after 3 s. libunbound's own values, ten packets in 17 s, and six
	 * times as many when bogus, are for the servers of the Internet, of which one may do what
	 * another does not. */
	if (ub_ctx_set_option(ctx, "outbound-msg-retry:", config->trust_anchor ? "2" : "1") ||
		ub_ctx_set_option(ctx, "infra-cache-min-rtt:", config->waits ? PATIENT : "500") ||
		ub_ctx_set_option(ctx, "val-max-restart:", "0"))
		return -EINVAL;
	/* What RFC 8145 tells the root of our keys is for recursors to tell. */
	if (ub_ctx_set_option(ctx, "trust-anchor-signaling:", "no"))
		return -EINVAL;
	/* A forwarder at home knows the names of the home; the root's proof that 10.in-addr.arpa
	 * does not exist would forbid them. One of the Internet is not told what addresses the home
	 * has (RFC 6303): libunbound says itself that they have no names. */
	if (config->lan && (ub_ctx_set_option(ctx, "unblock-lan-zones:", "yes") ||
				   ub_ctx_set_option(ctx, "insecure-lan-zones:", "yes")))
		return -EINVAL;
	return 0;
}

static int apply_config(struct ub_ctx *ctx, const struct ub_context_config *config)
{
	const char *modules = config->trust_anchor ? "validator iterator" : "iterator";
	/* A forwarder may well stand on this host. In recursion a delegation to 127.0.0.1 would
	 * have strangers make us talk to services of this host; libunbound's default is to do so.
	 */
	const char *no_localhost = config->forward || config->loopback_servers ? "no" : "yes";

	if (ub_ctx_set_option(ctx, "module-config:", modules) ||
		ub_ctx_set_option(ctx, "do-not-query-localhost:", no_localhost) ||
		ub_ctx_set_option(ctx, "do-ip6:", config->ip6 ? "yes" : "no"))
		return -EINVAL;
	if (config->trust_anchor && apply_anchors(ctx, config->trust_anchor))
		return -EINVAL;
	if (!config->forward)
		return apply_hints(ctx, config->root_hints);
	if (config->copies ? apply_copies(ctx) : apply_forward(ctx, config))
		return -EINVAL;
	return ub_ctx_set_fwd(ctx, config->forward) ? -EINVAL : 0;
}

int ub_context_create(const struct ub_context_config *config, struct ub_ctx **ret_ctx)
{
	struct ub_ctx *ctx = ub_ctx_create_event(config->base);
	int r;

	if (!ctx)
		return -ENOMEM;
	/* Its messages are about single servers of the Internet; what matters comes by return
	 * codes. */
	ub_ctx_debugout(ctx, NULL);
	r = apply_fixed(ctx);
	if (!r)
		r = apply_config(ctx, config);
	if (!r)
		r = apply_sockets(ctx, config);
	if (!r)
		r = apply_insecure(ctx, config);
	if (!r)
		r = apply_zones(ctx, config);
	if (!r)
		r = apply_local_zones(ctx, config);
	if (r) {
		ub_ctx_delete(ctx);
		return r;
	}
	*ret_ctx = ctx;
	return 0;
}

void ub_context_destroy(struct ub_ctx *ctx)
{
	ub_ctx_delete(ctx);
}

/* The callback's rcode is not 0 only where there is no message to look at; NXDOMAIN and the like
 * stand in the message's own header. */
static void answered(void *arg, int rcode, void *packet, int len, int security, char *why_bogus,
	int was_ratelimited)
{
	struct ub_query *query = arg;
	struct ub_answer answer = {.failed = true};
	const uint8_t *message = packet;

	(void)was_ratelimited;
	if (rcode == 0 && packet && len >= 12 && len <= 65535 &&
		((message[3] & 0xf) != RCODE_SERVFAIL || security == 1)) {
		answer = (struct ub_answer){.secure = security == 2,
			.bogus = security == 1,
			.why = why_bogus,
			.message = message,
			.len = (size_t)len};
	}
	query->fn(query->arg, &answer);
}

int ub_context_ask(struct ub_ctx *ctx, const struct question *q, struct ub_query *query)
{
	char name[NAME_TEXT_MAX];

	name_to_absolute(&q->name, name);
	if (ub_resolve_event(ctx, name, q->type, q->class, query, answered, NULL))
		return -EREMOTEIO;
	return 0;
}
