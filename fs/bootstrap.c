/* SOURCE: where the first nodes come from. */
#include "fs/bootstrap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"

#define HOST_MAX 256
/* Seconds between rounds while nobody is known, doubling. A quarter of a minute at most: a machine
 * that comes home to its network joins by itself before anyone looks why not, and two questions
 * for each name burden no name server. */
#define FIRST_RETRY 2
#define LAST_RETRY 15
/* Joined: how often to look whether that is still so. */
#define WATCH 60

static const char mainline[] = "router.bittorrent.com:6881,dht.transmissionbt.com:6881,"
			       "router.utorrent.com:6881,dht.libtorrent.org:25401,"
			       "relay.pkarr.org:6881";

/* One host name is two questions: its IPv4 and its IPv6 addresses. */
struct look_up {
	struct host *host;
	uint16_t type;
	struct upstream_query *query;
	unsigned addresses; /* usable ones, of the last answer that had any */
};

struct host {
	struct bootstrap *bootstrap;
	char name[HOST_MAX]; /* an address with its port, when `port` is 0; else to be looked up */
	uint16_t port;
	struct look_up look_ups[2];
};

struct bootstrap {
	struct host hosts[BOOTSTRAP_NODES_MAX];
	size_t len;
	struct resolver *resolver;
	struct upstream *upstream;
	struct event timer;
	unsigned retry;	    /* seconds until the next round after this one */
	unsigned in_flight; /* look-ups */
	bool joined;	    /* somebody was known when we last looked */
	bool complained;    /* that no name can be looked up: once, until one can */
};

static bool port_number(const char *text, uint16_t *ret_port)
{
	unsigned long n = 0;
	size_t len = strspn(text, "0123456789");
	if (len == 0 || len > 5 || text[len])
		return false;
	for (; *text; text++)
		n = n * 10 + (unsigned long)(*text - '0');
	*ret_port = (uint16_t)n;
	return n > 0 && n <= 65535;
}

/* HOST:PORT, [IPV6]:PORT. */
static int add(struct bootstrap *b, const char *text)
{
	if (b->len == BOOTSTRAP_NODES_MAX)
		return -E2BIG;
	struct host *h = &b->hosts[b->len];
	memset(h, 0, sizeof(*h));
	h->bootstrap = b;
	h->look_ups[0] = (struct look_up){.host = h, .type = TYPE_A};
	h->look_ups[1] = (struct look_up){.host = h, .type = TYPE_AAAA};
	if (resolver_check_node(text, strlen(text)) == 0) {
		snprintf(h->name, sizeof(h->name), "%s", text);
		b->len++;
		return 0;
	}
	const char *colon = strrchr(text, ':');
	size_t host = colon ? (size_t)(colon - text) : 0;
	struct name name;
	/* An address that is none (1.2.3.400) must not pass for a name. */
	if (host == 0 || host >= sizeof(h->name) || !port_number(colon + 1, &h->port) ||
		strspn(text, "0123456789.[]:") == strlen(text) ||
		name_from_text(text, host, &name) < 0)
		return -EINVAL;
	memcpy(h->name, text, host);
	b->len++;
	return 0;
}

static int add_list(struct bootstrap *b, const char *list)
{
	char *copy = strdup(list), *rest = copy, *word;
	int r = copy ? 0 : -ENOMEM;
	while (r == 0 && (word = strsep(&rest, ",")))
		r = add(b, word);
	free(copy);
	return r;
}

/* A line is `IP PORT` (2009), `HOST:PORT`, or a comment. */
static int add_line(struct bootstrap *b, char *line)
{
	char joined[HOST_MAX + 16];
	line[strcspn(line, "#\r\n")] = 0;
	line += strspn(line, " \t");
	size_t word = strcspn(line, " \t");
	const char *second = line + word + strspn(line + word, " \t");
	size_t second_len = strcspn(second, " \t");
	if (word == 0)
		return 0;
	if (second[second_len + strspn(second + second_len, " \t")])
		return -EINVAL;
	if (!second_len) {
		line[word] = 0;
		return add(b, line);
	}
	bool v6 = memchr(line, ':', word) && line[0] != '[';
	int n = snprintf(joined, sizeof(joined), v6 ? "[%.*s]:%.*s" : "%.*s:%.*s", (int)word, line,
		(int)second_len, second);
	return n > 0 && (size_t)n < sizeof(joined) ? add(b, joined) : -EINVAL;
}

static int add_file(struct bootstrap *b, const char *path)
{
	char line[1024];
	FILE *f = fopen(path, "re");
	if (!f) {
		log_line(LOG_ERR, "%s: %s (SOURCE is none, mainline, HOST:PORT or a file)", path,
			strerror(errno));
		return -EINVAL;
	}
	int r = 0;
	unsigned number = 0;
	while (r == 0 && fgets(line, sizeof(line), f)) {
		number++;
		r = strchr(line, '\n') || feof(f) ? add_line(b, line) : -EINVAL;
	}
	if (r < 0)
		log_line(LOG_ERR, "%s:%u: %s", path, number,
			r == -E2BIG ? "too many nodes" : "not a node (IP PORT or HOST:PORT)");
	else if (ferror(f))
		log_line(LOG_ERR, "%s: %s", path, strerror(errno));
	else if (b->len == 0)
		log_line(LOG_ERR, "%s: no node in it", path);
	if (ferror(f) || b->len == 0)
		r = -EINVAL;
	fclose(f);
	return r;
}

int bootstrap_read(const char *source, struct bootstrap **ret_bootstrap)
{
	struct bootstrap *b = calloc(1, sizeof(*b));
	if (!b) {
		log_line(LOG_ERR, "out of memory");
		return -EINVAL;
	}
	int r = 0;
	if (strcmp(source, "none") == 0)
		r = 0;
	else if (strcmp(source, "mainline") == 0)
		r = add_list(b, mainline);
	else if (!strchr(source, '/') && strchr(source, ':')) {
		r = add_list(b, source);
		if (r < 0)
			log_line(LOG_ERR, "%s: not HOST:PORT[,HOST:PORT...]", source);
	} else {
		r = add_file(b, source);
	}
	if (r < 0) {
		bootstrap_free(b);
		return -EINVAL;
	}
	*ret_bootstrap = b;
	return 0;
}

size_t bootstrap_nodes(const struct bootstrap *b)
{
	return b->len;
}

void bootstrap_free(struct bootstrap *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->len; i++)
		for (size_t k = 0; k < 2; k++)
			if (b->hosts[i].look_ups[k].query)
				upstream_cancel(b->hosts[i].look_ups[k].query);
	if (b->resolver) {
		resolver_status_by(b->resolver, NULL, b);
		event_del(&b->timer);
	}
	free(b);
}

/* ---- names ---- */

static size_t names(const struct bootstrap *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->len; i++)
		n += b->hosts[i].port != 0;
	return n;
}

static const char *first_name(const struct bootstrap *b)
{
	size_t i = 0;
	while (!b->hosts[i].port)
		i++;
	return b->hosts[i].name;
}

static unsigned addresses(const struct host *h)
{
	return h->look_ups[0].addresses + h->look_ups[1].addresses;
}

static size_t names_resolved(const struct bootstrap *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->len; i++)
		n += addresses(&b->hosts[i]) > 0;
	return n;
}

/* True when the node may have to do with that address: a name server that answers with a local
 * one, as a portal does before one has paid, does not lead us astray on the public network. */
static bool offer_address(struct host *h, const uint8_t *rdata, size_t len)
{
	char address[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];
	if (len != 4 && len != 16)
		return false;
	inet_ntop(len == 4 ? AF_INET : AF_INET6, rdata, address, sizeof(address));
	int n = snprintf(text, sizeof(text), len == 4 ? "%s:%u" : "[%s]:%u", address, h->port);
	return resolver_add_node(h->bootstrap->resolver, text, (size_t)n) == 0;
}

static void take_addresses(struct look_up *l, const struct rrset *set)
{
	const uint8_t *rdata;
	size_t len, cursor = 0;
	unsigned usable = 0;
	while (rrset_next(set, &cursor, &rdata, &len))
		usable += offer_address(l->host, rdata, len);
	if (usable)
		l->addresses = usable;
}

/* The last answer of a round: is there anything to say? */
static void end_round(struct bootstrap *b)
{
	if (names_resolved(b)) {
		b->complained = false;
	} else if (!b->complained) {
		b->complained = true;
		log_line(LOG_WARNING,
			"none of the %zu host names to join by can be looked up; trying on",
			names(b));
	}
}

static void on_address(void *ctx, const struct upstream_reply *reply)
{
	struct look_up *l = ctx;
	struct bootstrap *b = l->host->bootstrap;
	struct question q = {.type = l->type, .class = CLASS_IN};
	struct answer *a;
	struct rrset *set;
	l->query = NULL;
	b->in_flight--;
	if (!reply->error && !reply->bogus &&
		name_from_text(l->host->name, strlen(l->host->name), &q.name) == 0 &&
		answer_from_message(&q, reply->message, reply->len, &a) == 0) {
		if (answer_rrset(a, &set) == 0) {
			take_addresses(l, set);
			rrset_destroy(set);
		}
		answer_unref(a);
	}
	if (!b->in_flight)
		end_round(b);
}

static void look_up(struct look_up *l)
{
	struct bootstrap *b = l->host->bootstrap;
	struct question q = {.type = l->type, .class = CLASS_IN};
	if (l->query || name_from_text(l->host->name, strlen(l->host->name), &q.name) < 0)
		return;
	if (upstream_ask(b->upstream, &q, on_address, l, &l->query) == 0)
		b->in_flight++;
	else
		l->query = NULL; /* busy: the next round comes */
}

/* ---- rounds ---- */

static void offer_nodes(struct bootstrap *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (!b->hosts[i].port)
			resolver_add_node(b->resolver, b->hosts[i].name, strlen(b->hosts[i].name));
}

static void look_up_names(struct bootstrap *b)
{
	for (size_t i = 0; i < b->len && b->upstream; i++)
		for (size_t k = 0; k < 2 && b->hosts[i].port; k++)
			look_up(&b->hosts[i].look_ups[k]);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct bootstrap *b = ctx;
	struct timeval t = {.tv_sec = WATCH};
	b->joined = resolver_nodes_known(b->resolver) > 0;
	if (b->joined) {
		b->retry = FIRST_RETRY;
	} else {
		offer_nodes(b);
		look_up_names(b);
		t.tv_sec = b->retry;
		b->retry = b->retry * 2 > LAST_RETRY ? LAST_RETRY : b->retry * 2;
	}
	event_add(&b->timer, &t);
}

static void line(FILE *f, const char *name, size_t value)
{
	fprintf(f, "bootstrap.%-24s %zu\n", name, value);
}

static void status(void *ctx, FILE *f)
{
	const struct bootstrap *b = ctx;
	struct timeval at, now;
	bool known = resolver_nodes_known(b->resolver) > 0;
	size_t usable = 0;
	for (size_t i = 0; i < b->len; i++)
		usable += addresses(&b->hosts[i]);
	fprintf(f, "bootstrap.%-24s %s\n", "state",
		known	 ? "joined"
		: b->len ? "searching"
			 : "alone");
	line(f, "nodes", b->len - names(b));
	line(f, "names", names(b));
	line(f, "names_resolved", names_resolved(b));
	line(f, "addresses", usable);
	bool waits = !known && event_pending(&b->timer, EV_TIMEOUT, &at);
	event_base_gettimeofday_cached(event_get_base(&b->timer), &now);
	line(f, "retry_in", waits && at.tv_sec > now.tv_sec ? (size_t)(at.tv_sec - now.tv_sec) : 0);
}

int bootstrap_start(struct bootstrap *b, struct event_base *base, struct resolver *resolver,
	struct upstream *upstream, bool saved)
{
	struct timeval t = {.tv_sec = FIRST_RETRY};
	b->resolver = resolver;
	b->upstream = upstream;
	b->retry = FIRST_RETRY * 2;
	event_assign(&b->timer, base, -1, 0, on_timer, b);
	resolver_status_by(resolver, status, b);
	if (b->len == 0)
		return 0;
	if (names(b) && !upstream)
		log_line(LOG_WARNING, "%s%s: cannot be looked up with upstream=none", first_name(b),
			names(b) > 1 ? " and others" : "");
	offer_nodes(b);
	if (!saved)
		look_up_names(b);
	return event_add(&b->timer, &t) < 0 ? -ENOMEM : 0;
}
