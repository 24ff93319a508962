/* One pkarr relay: where it is, what it is asked, and what is to be thought of its replies. */
#include "resolver/relay_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "resolver/answer.h"
#include "resolver/clock.h"
#include "resolver/http_client.h"
#include "resolver/pkarr_packet.h"
#include "resolver/upstream.h"

#define PAYLOAD "application/pkarr.org/relays#payload"
#define FRESH "?policy=NetworkOnly"
#define ASKS_MAX 64 /* under way at one relay: each may cost it a look-up */
#define RETRY_MIN SECOND
#define RETRY_MAX (60 * SECOND)
#define AHEAD_MAX (24 * 3600 * (int64_t)SECOND) /* as of every zone (fetch.c) */
#define WHY_MAX 160

struct relay_ask {
	TAILQ_ENTRY(relay_ask) link;
	struct relay_client *client;
	struct http_request *request; /* NULL: it waits for the relay's address */
	relay_said_fn *fn;
	void *ctx;
	uint8_t key[DHT_KEY_LEN];
	bool fresh, again;
	size_t len; /* of what is put; 0: it is a get */
	uint8_t payload[PKARR_PAYLOAD_MAX];
};

struct relay_client {
	struct event_base *base;
	struct relay_client_config config;
	struct relay_url url;
	struct http_client *http;     /* NULL: its address is not known yet */
	struct upstream_query *query; /* for that; of_six: AAAA */
	bool of_six;
	unsigned tries; /* of its addresses the next has its turn */
	bool anew;	/* it cannot be reached: its address is to be found anew */
	bool calling;	/* one of its requests is being ended */
	TAILQ_HEAD(, relay_ask) asks;
	unsigned asks_len;
	uint64_t retry_delay, retry_at;
	char why[WHY_MAX]; /* "": it works, as far as is known */
};

/* ---- how it does ---- */

static void say(struct relay_client *c, const char *what)
{
	char line[WHY_MAX + 320];

	snprintf(line, sizeof(line), "relay %.300s%s", c->config.text, what);
	if (c->config.say)
		c->config.say(c->config.say_ctx, line);
}

/* What ails it is said once. */
static void ail(struct relay_client *c, const char *why)
{
	char what[WHY_MAX + 2];
	bool news = strcmp(c->why, why) != 0;

	snprintf(c->why, sizeof(c->why), "%s", why);
	snprintf(what, sizeof(what), ": %s", c->why);
	if (news)
		say(c, what);
}

/* It is of no use for a while. */
static void fail(struct relay_client *c, const char *why)
{
	c->retry_delay = c->retry_delay ? c->retry_delay * 2 : RETRY_MIN;
	if (c->retry_delay > RETRY_MAX)
		c->retry_delay = RETRY_MAX;
	c->retry_at = clock_monotonic() + c->retry_delay;
	ail(c, why);
}

static void work(struct relay_client *c)
{
	c->retry_delay = c->retry_at = 0;
	if (c->why[0])
		say(c, " works again");
	c->why[0] = '\0';
}

/* ---- asks ---- */

static void ask_free(struct relay_ask *ask)
{
	TAILQ_REMOVE(&ask->client->asks, ask, link);
	ask->client->asks_len--;
	free(ask);
}

static void end(struct relay_ask *ask, const struct relay_said *said)
{
	relay_said_fn *fn = ask->fn;
	void *ctx = ask->ctx;

	ask_free(ask);
	fn(ctx, said);
}

void relay_client_cancel(struct relay_ask *ask)
{
	if (ask->request)
		http_client_cancel(ask->request);
	ask_free(ask);
}

/* ---- replies ---- */

static enum relay_outcome refuse(struct relay_client *c, const char *why)
{
	ail(c, why);
	return RELAY_FORGED;
}

static enum relay_outcome read_packet(
	const struct relay_ask *ask, const struct http_reply *reply, struct dht_item *ret_item)
{
	struct relay_client *c = ask->client;

	switch (pkarr_read(ask->key, reply->body, reply->len, ret_item)) {
	case 0:
		break;
	case -ENOMEM:
		return RELAY_FAILED;
	case -EBADMSG:
		return refuse(c, "it sends what the key has not signed");
	default:
		return refuse(c, "it sends what is no signed packet");
	}
	if (ret_item->seq > clock_wall() + AHEAD_MAX)
		return refuse(c, "it sends a packet of a time that has not come yet");
	work(c);
	return RELAY_FOUND;
}

/* A status of a relay, or one that says nothing of the key. */
static enum relay_outcome read_reply(
	const struct relay_ask *ask, const struct http_reply *reply, struct dht_item *ret_item)
{
	struct relay_client *c = ask->client;
	bool puts = ask->len > 0;
	char why[32];

	switch (reply->status) {
	case 200:
	case 204:
		if (!puts && reply->status == 200)
			return read_packet(ask, reply, ret_item);
		if (!puts)
			break;
		work(c);
		return RELAY_TAKEN;
	case 404:
		if (puts)
			break;
		work(c);
		return RELAY_MISSING;
	case 409: /* facts: pkarr, 1.5 */
	case 412:
	case 428:
		if (!puts)
			break;
		work(c);
		return RELAY_NEWER;
	default:
		break;
	}
	snprintf(why, sizeof(why), "HTTP status %ld", reply->status);
	fail(c, why);
	return RELAY_FAILED;
}

static int post(struct relay_ask *ask);

static void on_reply(void *ctx, const struct http_reply *reply)
{
	struct relay_ask *ask = ctx;
	struct relay_client *c = ask->client;
	struct dht_item item;
	struct relay_said said = {.outcome = RELAY_FAILED, .item = &item};

	ask->request = NULL;
	switch (reply->outcome) {
	case HTTP_REPLIED:
		said.outcome = read_reply(ask, reply, &item);
		break;
	case HTTP_SLOW:
		break; /* a look-up of a minute, for all we know */
	case HTTP_UNFIT:
		said.outcome = refuse(c, reply->why);
		break;
	case HTTP_UNREACHABLE:
		c->anew = true;
		fail(c, reply->why);
		break;
	case HTTP_LOST:
		/* Servers close what was idle, perhaps just now. */
		if (!ask->again && post(ask) == 0) {
			ask->again = true;
			return;
		}
		fail(c, reply->why);
		break;
	case HTTP_SILENT:
		fail(c, reply->why);
		break;
	}
	/* What is told may ask again, of a client that is not to be destroyed under our feet. */
	c->calling = true;
	end(ask, &said);
	c->calling = false;
}

/* ---- requests ---- */

static int post(struct relay_ask *ask)
{
	char key[NAME_KEY_TEXT + 1];
	char path[sizeof(ask->client->url.path) + sizeof(key) + sizeof(FRESH)];
	struct http_ask what = {.path = path,
		.type = PAYLOAD,
		.body = ask->len ? ask->payload : NULL,
		.len = ask->len,
		.puts = ask->len > 0,
		.most = PKARR_PAYLOAD_MAX,
		.fn = on_reply,
		.ctx = ask};

	key_to_text(ask->key, key);
	snprintf(path, sizeof(path), "%s%s%s", ask->client->url.path, key, ask->fresh ? FRESH : "");
	return http_client_ask(ask->client->http, &what, &ask->request);
}

/* Those that waited for its address. */
static void end_waiting(struct relay_client *c, const char *why)
{
	static const struct relay_said failed = {.outcome = RELAY_FAILED};
	struct relay_ask *ask, *next;

	if (why)
		fail(c, why);
	for (ask = TAILQ_FIRST(&c->asks); ask; ask = next) {
		next = TAILQ_NEXT(ask, link);
		if (!ask->request && (why || post(ask) < 0)) {
			end(ask, &failed);
			next = TAILQ_FIRST(&c->asks); /* it may have cancelled others */
		}
	}
}

/* ---- where it is ---- */

static int connect_to(struct relay_client *c, const struct server_address *address)
{
	struct upstream_word word = {.tls = c->url.tls,
		.address = *address,
		.name = c->url.name[0] ? c->url.name : NULL};

	return http_client_create(c->base, &word, &c->http);
}

/* Of several each has its turn. */
static bool pick(
	struct relay_client *c, const struct rrset *set, struct server_address *ret_address)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ret_address->addr;
	struct sockaddr_in *four = (struct sockaddr_in *)&ret_address->addr;
	size_t len = 0, cursor = 0, wanted = set->count ? c->tries % set->count : 0;
	const uint8_t *rdata = NULL;

	for (size_t i = 0; i <= wanted; i++)
		if (!rrset_next(set, &cursor, &rdata, &len))
			return false;
	memset(ret_address, 0, sizeof(*ret_address));
	if (c->of_six && len == sizeof(six->sin6_addr)) {
		*six = (struct sockaddr_in6){
			.sin6_family = AF_INET6, .sin6_port = htons(c->url.port)};
		memcpy(&six->sin6_addr, rdata, len);
		ret_address->len = sizeof(*six);
	} else if (!c->of_six && len == sizeof(four->sin_addr)) {
		*four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(c->url.port)};
		memcpy(&four->sin_addr, rdata, len);
		ret_address->len = sizeof(*four);
	}
	return ret_address->len > 0;
}

static bool read_address(struct relay_client *c, const struct question *q,
	const struct upstream_reply *reply, struct server_address *ret_address)
{
	struct answer *a;
	struct rrset *set;
	bool found = false;

	if (reply->error || reply->bogus ||
		answer_from_message(q, reply->message, reply->len, &a) < 0)
		return false;
	if (answer_rrset(a, &set) == 0) {
		found = pick(c, set, ret_address);
		rrset_destroy(set);
	}
	answer_unref(a);
	return found;
}

static int look_up(struct relay_client *c, bool of_six);

static void on_address(void *ctx, const struct upstream_reply *reply)
{
	struct relay_client *c = ctx;
	struct question q = {
		.name = c->url.host, .type = c->of_six ? TYPE_AAAA : TYPE_A, .class = CLASS_IN};
	struct server_address address;

	c->query = NULL;
	if (read_address(c, &q, reply, &address))
		end_waiting(c, connect_to(c, &address) < 0 ? "no memory" : NULL);
	else if (c->of_six || look_up(c, true) < 0)
		end_waiting(c, "DNS has no address of it");
}

static int look_up(struct relay_client *c, bool of_six)
{
	struct question q = {
		.name = c->url.host, .type = of_six ? TYPE_AAAA : TYPE_A, .class = CLASS_IN};

	if (!c->config.upstream)
		return -ENETUNREACH;
	c->of_six = of_six;
	return upstream_ask(c->config.upstream, &q, on_address, c, &c->query);
}

/* The name may have moved: nothing is under way there any more, so it is looked up anew. */
static void forget_address(struct relay_client *c)
{
	if (!c->anew || c->calling || c->asks_len || c->url.has_address)
		return;
	http_client_destroy(c->http);
	c->http = NULL;
	c->anew = false;
	c->tries++;
}

static int reach(struct relay_client *c)
{
	forget_address(c);
	if (c->http || c->query)
		return 0;
	return c->url.has_address ? connect_to(c, &c->url.address) : look_up(c, false);
}

/* ---- the interface ---- */

static int begin(struct relay_client *c, relay_said_fn *fn, void *ctx, struct relay_ask **ret_ask)
{
	if (clock_monotonic() < c->retry_at)
		return -EAGAIN;
	if (c->asks_len == ASKS_MAX)
		return -EBUSY;
	int r = reach(c);
	if (r < 0) {
		fail(c, c->config.upstream ? "it cannot be reached"
					   : "no upstream= knows its address");
		return -EAGAIN;
	}
	struct relay_ask *ask = calloc(1, sizeof(*ask));
	if (!ask)
		return -ENOMEM;
	ask->client = c;
	ask->fn = fn;
	ask->ctx = ctx;
	TAILQ_INSERT_TAIL(&c->asks, ask, link);
	c->asks_len++;
	*ret_ask = ask;
	return 0;
}

static int go(struct relay_ask *ask)
{
	int r = ask->client->http ? post(ask) : 0;

	if (r < 0)
		ask_free(ask);
	return r;
}

int relay_client_get(struct relay_client *c, const uint8_t key[DHT_KEY_LEN], bool fresh,
	relay_said_fn *fn, void *ctx, struct relay_ask **ret_ask)
{
	int r = begin(c, fn, ctx, ret_ask);

	if (r < 0)
		return r;
	memcpy((*ret_ask)->key, key, DHT_KEY_LEN);
	(*ret_ask)->fresh = fresh;
	return go(*ret_ask);
}

int relay_client_put(struct relay_client *c, const struct dht_item *item, relay_said_fn *fn,
	void *ctx, struct relay_ask **ret_ask)
{
	int r = begin(c, fn, ctx, ret_ask);

	if (r < 0)
		return r;
	memcpy((*ret_ask)->key, item->key, DHT_KEY_LEN);
	(*ret_ask)->len = pkarr_write(item, (*ret_ask)->payload);
	return go(*ret_ask);
}

const char *relay_client_text(const struct relay_client *c)
{
	return c->config.text;
}

int relay_client_create(struct event_base *base, const struct relay_client_config *config,
	struct relay_client **ret_client)
{
	struct relay_client *c = calloc(1, sizeof(*c));
	const char *why;

	if (!c)
		return -ENOMEM;
	c->base = base;
	c->config = *config;
	TAILQ_INIT(&c->asks);
	int r = relay_url_parse(config->text, &c->url, &why);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret_client = c;
	return 0;
}

void relay_client_destroy(struct relay_client *c)
{
	if (!c)
		return;
	while (!TAILQ_EMPTY(&c->asks))
		relay_client_cancel(TAILQ_FIRST(&c->asks));
	if (c->query)
		upstream_cancel(c->query);
	http_client_destroy(c->http);
	free(c);
}
