/* SOURCE: where the first nodes come from. */
#include "fs/bootstrap.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 256
#define FIRST_RETRY 2   /* seconds; doubles */
#define LAST_RETRY 600

static const char mainline[] = "router.bittorrent.com:6881,dht.transmissionbt.com:6881,"
			       "router.utorrent.com:6881,dht.libtorrent.org:25401,"
			       "relay.pkarr.org:6881";

struct host {
	struct bootstrap *bootstrap;
	char name[HOST_MAX]; /* an address with its port, when `port` is 0; else to be looked up */
	uint16_t port;
	struct upstream_query *query;
};

struct bootstrap {
	struct host hosts[BOOTSTRAP_NODES_MAX];
	size_t len;
	struct resolver *resolver;
	struct upstream *upstream;
	struct event timer;
	unsigned retry;
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
		fprintf(stderr, "kadns: %s: %s (SOURCE is none, mainline, HOST:PORT or a file)\n", path,
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
		fprintf(stderr, "kadns: %s:%u: %s\n", path, number,
			r == -E2BIG ? "too many nodes" : "not a node (IP PORT or HOST:PORT)");
	else if (ferror(f))
		fprintf(stderr, "kadns: %s: %s\n", path, strerror(errno));
	else if (b->len == 0)
		fprintf(stderr, "kadns: %s: no node in it\n", path);
	if (ferror(f) || b->len == 0)
		r = -EINVAL;
	fclose(f);
	return r;
}

int bootstrap_read(const char *source, struct bootstrap **ret_bootstrap)
{
	struct bootstrap *b = calloc(1, sizeof(*b));
	if (!b) {
		fputs("kadns: out of memory\n", stderr);
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
			fprintf(stderr, "kadns: %s: not HOST:PORT[,HOST:PORT...]\n", source);
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
		if (b->hosts[i].query)
			upstream_cancel(b->hosts[i].query);
	if (b->resolver)
		event_del(&b->timer);
	free(b);
}

/* ---- names ---- */

static void on_address(void *ctx, const struct upstream_reply *reply)
{
	struct host *h = ctx;
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	struct answer *a;
	struct rrset *set;
	h->query = NULL;
	if (reply->error || reply->bogus || name_from_text(h->name, strlen(h->name), &q.name) < 0 ||
		answer_from_message(&q, reply->message, reply->len, &a) < 0)
		return;
	if (answer_rrset(a, &set) == 0) {
		const uint8_t *rdata;
		size_t len, cursor = 0;
		while (rrset_next(set, &cursor, &rdata, &len)) {
			char text[32];
			/* One that is no address to send to is refused there. */
			int n = snprintf(text, sizeof(text), "%u.%u.%u.%u:%u", rdata[0], rdata[1],
				rdata[2], rdata[3], h->port);
			resolver_add_node(h->bootstrap->resolver, text, (size_t)n);
		}
		rrset_destroy(set);
	}
	answer_unref(a);
}

static void look_up(struct host *h)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	if (h->query || !h->bootstrap->upstream ||
		name_from_text(h->name, strlen(h->name), &q.name) < 0)
		return;
	if (upstream_ask(h->bootstrap->upstream, &q, on_address, h, &h->query) < 0)
		h->query = NULL; /* busy: the next round comes */
}

static void offer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct bootstrap *b = ctx;
	if (resolver_nodes_known(b->resolver))
		return; /* joined; the node keeps its table itself from here on */
	for (size_t i = 0; i < b->len; i++) {
		struct host *h = &b->hosts[i];
		if (h->port)
			look_up(h);
		else
			resolver_add_node(b->resolver, h->name, strlen(h->name));
	}
	struct timeval t = {.tv_sec = b->retry};
	event_add(&b->timer, &t);
	b->retry = b->retry * 2 > LAST_RETRY ? LAST_RETRY : b->retry * 2;
}

int bootstrap_start(struct bootstrap *b, struct event_base *base, struct resolver *resolver,
	struct upstream *upstream)
{
	b->resolver = resolver;
	b->upstream = upstream;
	b->retry = FIRST_RETRY;
	event_assign(&b->timer, base, -1, 0, offer, b);
	if (b->len)
		offer(-1, 0, b);
	if (!upstream)
		for (size_t i = 0; i < b->len; i++)
			if (b->hosts[i].port)
				fprintf(stderr, "kadns: %s: cannot be looked up with upstream=none\n",
					b->hosts[i].name);
	return 0;
}
