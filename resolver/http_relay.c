/* A pkarr relay (facts: pkarr, 1.5): GET and PUT of /KEY, and of /pkarr/KEY as iroh has it.
 *
 * Pages of strangers may use it, so it alone has CORS: what it says is public on the DHT, and what
 * it takes is signed. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/http_date.h"
#include "resolver/http_door.h"
#include "resolver/http_url.h"
#include "resolver/name.h"
#include "resolver/pkarr.h"
#include "resolver/private_address.h"
#include "resolver/resolver.h"

/* What a request wants of the packet that comes later. */
struct wish {
	struct http_exchange *exchange;
	struct pkarr_job *job;
	struct pkarr *pkarr;
	uint8_t key[NAME_KEY_LEN];
	bool network_only;
	bool has_since;
	int64_t since; /* microseconds since 1970 */
};

enum relay_policy { CACHE_FIRST, CACHE_ONLY, NETWORK_ONLY, NO_SUCH_POLICY };

static struct http_reply reply_of(unsigned status)
{
	struct http_reply r = {.status = status, .max_age = HTTP_NO_AGE};
	http_reply_add(&r, "access-control-allow-origin", "*");
	http_reply_add(&r, "access-control-expose-headers",
		"pkarr-dht-stored-nodes, pkarr-invalid-signed-packet-seq");
	return r;
}

static void refuse(struct http_exchange *x, unsigned status, const char *why)
{
	struct http_reply r = reply_of(status);
	r.type = "text/plain; charset=utf-8";
	r.body = why;
	r.body_len = strlen(why);
	r.max_age = HTTP_NO_STORE;
	http_reply(x, &r);
}

static void say_options(struct http_exchange *x)
{
	struct http_reply r = reply_of(204);
	http_reply_add(&r, "access-control-allow-methods", "GET, PUT, OPTIONS");
	http_reply_add(&r, "access-control-allow-headers", "content-type, if-modified-since");
	http_reply_add(&r, "access-control-max-age", "86400");
	http_reply(x, &r);
}

/* ---- GET ---- */

/* A date has whole seconds: a packet of later in that second is newer. */
static void say_packet(const struct wish *w, const struct pkarr_held *held)
{
	uint8_t payload[PKARR_PAYLOAD_MAX];
	char modified[HTTP_DATE_MAX], seen[HTTP_DATE_MAX], age[40];
	bool same = w->has_since && held->item.seq <= w->since;
	struct http_reply r = reply_of(same ? 304 : 200);
	http_date(held->item.seq / (int64_t)SECOND, modified);
	http_date(held->seen / (int64_t)SECOND, seen);
	snprintf(age, sizeof(age), "public, max-age=%u", (unsigned)held->max_age);
	http_reply_add(&r, "cache-control", age);
	http_reply_add(&r, "last-modified", modified);
	http_reply_add(&r, "memento-datetime", seen);
	/* The bytes are a stranger's: no browser may take them for a page of ours. */
	http_reply_add(&r, "content-security-policy", "default-src 'none'; sandbox");
	if (!same) {
		r.type = "application/pkarr.org/relays#payload";
		r.body = payload;
		r.body_len = pkarr_write(&held->item, payload);
	}
	http_reply(w->exchange, &r);
}

static void say_nothing(struct http_exchange *x, int64_t invalid)
{
	static const char why[] = "nobody has it\n";
	char seq[24];
	struct http_reply r = reply_of(404);
	r.type = "text/plain; charset=utf-8";
	r.body = why;
	r.body_len = sizeof(why) - 1;
	r.max_age = HTTP_NO_STORE;
	if (invalid >= 0) {
		snprintf(seq, sizeof(seq), "%lld", (long long)invalid);
		http_reply_add(&r, "pkarr-invalid-signed-packet-seq", seq);
	}
	http_reply(x, &r);
}

/* Of what the DHT says and what is held the newer one, but for who wants to hear the DHT itself;
 * and what supersedes both, though it is no packet. */
static void say_found(const struct wish *w, const struct pkarr_result *result)
{
	const struct pkarr_held *held = w->network_only ? NULL : pkarr_held(w->pkarr, w->key);
	if (result->error == 0 && (!held || pkarr_compare(&result->held->item, &held->item) > 0))
		held = result->held;
	if (held && held->item.seq > result->invalid)
		say_packet(w, held);
	else if (result->error == -ENETUNREACH)
		refuse(w->exchange, 503, "no node of the DHT answers\n");
	else if (result->error == -ENOMEM)
		refuse(w->exchange, 500, "no memory\n");
	else
		say_nothing(w->exchange, result->invalid);
}

static void on_found(void *ctx, const struct pkarr_result *result)
{
	struct wish *w = ctx;
	say_found(w, result);
	free(w);
}

static void on_gone(void *ctx)
{
	struct wish *w = ctx;
	pkarr_leave(w->job);
	free(w);
}

/* The wish lives until there is a reply, or the client is gone. False: no memory. */
static bool begin(const struct wish *w, const struct dht_item *put, pkarr_fn *fn)
{
	struct wish *kept = malloc(sizeof(*kept));
	if (!kept)
		return false;
	*kept = *w;
	int r = put ? pkarr_put(w->pkarr, put, fn, kept, &kept->job)
		    : pkarr_get(w->pkarr, w->key, fn, kept, &kept->job);
	if (r == 0) {
		w->exchange->gone = on_gone;
		w->exchange->ctx = kept;
		return true;
	}
	free(kept);
	if (r == -ESTALE)
		refuse(w->exchange, 409, "a newer packet is known\n");
	else if (r == -EINVAL)
		refuse(w->exchange, 400, "it is of a time that has not come yet\n");
	else
		refuse(w->exchange, 503, "too much at once\n");
	return true;
}

static enum relay_policy policy_of(struct http_piece query)
{
	char text[16];
	int n = http_parameter(query, "policy", text, sizeof(text));
	struct http_piece p = {text, n > 0 ? (size_t)n : 0};
	if (n == -ENOENT || http_is(p, "CacheFirst"))
		return CACHE_FIRST;
	if (http_is(p, "CacheOnly"))
		return CACHE_ONLY;
	return http_is(p, "NetworkOnly") ? NETWORK_ONLY : NO_SUCH_POLICY;
}

/* On this machine, or in its network: of the few whose history it would be. What a public relay
 * holds is what the whole world has asked. */
static bool is_of_this_place(const struct sockaddr *peer)
{
	if (peer->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)peer;
		return private_ip4((const uint8_t *)&in->sin_addr);
	}
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)peer;
	return peer->sa_family == AF_INET6 && private_ip6(in6->sin6_addr.s6_addr);
}

static void get(const struct http_visit *v, struct wish *w)
{
	enum relay_policy policy = policy_of(v->request->query);
	const struct pkarr_held *held = pkarr_held(w->pkarr, w->key);
	int64_t seconds;
	if (http_date_read(v->request->field[HTTP_IF_MODIFIED_SINCE], &seconds) && seconds >= 0 &&
		seconds < INT64_MAX / (int64_t)SECOND) {
		w->has_since = true;
		w->since = seconds * (int64_t)SECOND;
	}
	/* A page of a stranger's could ask what is held, and so what this machine's users have
	 * read. */
	if (policy != NO_SUCH_POLICY && http_is_of_a_strangers_page(v->request) &&
		is_of_this_place((const struct sockaddr *)&v->connection->peer)) {
		policy = policy == CACHE_ONLY ? CACHE_ONLY : NETWORK_ONLY;
		held = NULL;
	}
	w->network_only = policy == NETWORK_ONLY;
	if (policy == NO_SUCH_POLICY)
		refuse(w->exchange, 400, "policy= is CacheOnly, CacheFirst or NetworkOnly\n");
	else if (held && (policy == CACHE_ONLY ||
				 (policy == CACHE_FIRST && pkarr_fresh(held, clock_wall()))))
		say_packet(w, held);
	else if (policy == CACHE_ONLY)
		say_nothing(w->exchange, -1);
	else if (!pkarr_may(w->pkarr, (const struct sockaddr *)&v->connection->peer,
			 v->connection->door->time.now))
		refuse(w->exchange, 429, "too many look-ups\n");
	else if (!begin(w, NULL, on_found))
		refuse(w->exchange, 500, "no memory\n");
}

/* ---- PUT ---- */

static void on_stored(void *ctx, const struct pkarr_result *result)
{
	struct wish *w = ctx;
	struct http_reply r = reply_of(204);
	char stored[16];
	snprintf(stored, sizeof(stored), "%u", result->stored);
	http_reply_add(&r, "pkarr-dht-stored-nodes", stored);
	if (result->error == 0)
		http_reply(w->exchange, &r);
	else if (result->error == -ESTALE)
		refuse(w->exchange, 409, "a newer packet is known\n");
	else
		refuse(w->exchange, 500, "no node of the DHT took it\n");
	free(w);
}

static void put(const struct http_visit *v, const struct wish *w)
{
	struct http_piece body = v->request->body;
	struct dht_item item;
	/* Before the signature is looked at, which is what costs. */
	if (!pkarr_may(w->pkarr, (const struct sockaddr *)&v->connection->peer,
		    v->connection->door->time.now)) {
		refuse(w->exchange, 429, "too many packets\n");
		return;
	}
	switch (pkarr_read(w->key, (const uint8_t *)body.at, body.len, &item)) {
	case 0:
		if (!begin(w, &item, on_stored))
			refuse(w->exchange, 500, "no memory\n");
		break;
	case -EFBIG:
		refuse(w->exchange, 413, "a packet has at most 996 bytes of DNS\n");
		break;
	case -EBADMSG:
		refuse(w->exchange, 400, "the signature does not hold\n");
		break;
	case -EPROTO:
		refuse(w->exchange, 400, "what is signed is no DNS packet\n");
		break;
	case -ENOMEM:
		refuse(w->exchange, 500, "no memory\n");
		break;
	default:
		refuse(w->exchange, 400, "this is no signed packet\n");
	}
}

void http_relay(const struct http_visit *v, struct http_piece rest)
{
	struct wish w = {
		.exchange = v->exchange, .pkarr = resolver_pkarr(v->connection->door->resolver)};
	if (key_from_text(rest.at, rest.len, w.key) < 0)
		refuse(v->exchange, 400, "a key has 52 characters of z-base-32\n");
	else if (v->request->method == HTTP_OPTIONS)
		say_options(v->exchange);
	else if (!w.pkarr)
		refuse(v->exchange, 503, "this node has no DHT\n");
	else if (v->request->method == HTTP_PUT)
		put(v, &w);
	else
		get(v, &w);
}
