/* Finding out whether an upstream asks us what we ask it. */
#include "resolver/upstream_inside.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "resolver/packet.h"

/* An upstream that answers sooner is none that asks us: the way round takes no longer than one of
 * its answers, and then it waits for ours. */
#define SUSPICION (300 * (SECOND / 1000))
/* A server that is asked beside another has been asked for that long (resolver/ask). */
#define HEDGE (1200 * (SECOND / 1000))
#define PROBE_TIME SECOND

static bool is_out(const struct upstream_loop_probe *p)
{
	return p->upstream != NULL;
}

static void end_probe(struct upstream_loop_probe *p)
{
	event_del(&p->event);
	close(p->fd);
	*p = (struct upstream_loop_probe){.fd = -1};
}

static void conclude(struct upstream_loop_probe *p, bool answered)
{
	struct upstream *u = p->upstream;
	bool loops = p->came_back && !answered;
	struct name domain = p->domain;
	uint32_t server = p->server;

	end_probe(p);
	if (!loops)
		return;
	if (domain.len > 1) {
		upstream_list_loops_below(u->list, server, &domain);
		return;
	}
	upstream_list_loops(u->list, server);
	u->list_unsent = true;
	upstream_child_flush(u);
}

/* An answer from anywhere, that there is no such name, say: then it is no loop, or not only one. */
static bool is_answer(const uint8_t *message)
{
	unsigned rcode = message[3] & 0xf;

	return rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN;
}

static void on_reply(evutil_socket_t fd, short what, void *arg)
{
	struct upstream_loop_probe *p = arg;
	uint8_t message[PACKET_HEADER];

	if (what & EV_TIMEOUT) {
		conclude(p, false);
		return;
	}
	/* What is longer is cut; that there is a socket error says that nobody is there. */
	ssize_t n = recv(fd, message, sizeof(message), MSG_DONTWAIT);

	if (n == (ssize_t)sizeof(message) && (message[2] & 0x80) &&
		memcmp(message, p->id, sizeof(p->id)) == 0)
		conclude(p, is_answer(message));
}

/* loop-RANDOM, below `above`. */
static int make_question(const struct name *above, struct question *ret_question)
{
	uint8_t random[8];
	struct name label;
	char text[64];
	int len;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	len = snprintf(text, sizeof(text), "loop-%02x%02x%02x%02x%02x%02x%02x%02x.", random[0],
		random[1], random[2], random[3], random[4], random[5], random[6], random[7]);
	*ret_question = (struct question){.type = TYPE_A, .class = CLASS_IN};
	if (name_from_text(text, (size_t)len, &label) < 0)
		return -EINVAL;
	return name_join(&label, above, &ret_question->name);
}

static int send_question(struct upstream_loop_probe *p)
{
	const struct name *name = &p->question.name;
	uint8_t message[PACKET_HEADER + NAME_WIRE_MAX + 4] = {0};
	const uint8_t rest[4] = {0, TYPE_A, 0, CLASS_IN};

	if (getrandom(p->id, sizeof(p->id), 0) != sizeof(p->id))
		return -EIO;
	memcpy(message, p->id, sizeof(p->id));
	message[2] = 0x01; /* RD */
	message[5] = 1;
	memcpy(message + PACKET_HEADER, name->wire, name->len);
	memcpy(message + PACKET_HEADER + name->len, rest, sizeof(rest));
	return send(p->fd, message, PACKET_HEADER + name->len + sizeof(rest), MSG_NOSIGNAL) < 0
		       ? -errno
		       : 0;
}

/* `domain`: as upstream_loop_probe has it. */
static void probe(struct upstream *u, const struct server_entry *server, const struct name *above,
	const struct name *domain)
{
	static const struct timeval patience = {.tv_sec = PROBE_TIME / SECOND};
	const struct sockaddr *to = (const struct sockaddr *)&server->address.addr;
	struct upstream_loop_probe *p = u->loop.probes, *end = p + UPSTREAM_LOOP_PROBES;

	while (p < end && is_out(p))
		p++;
	if (p == end || make_question(above, &p->question))
		return;
	p->domain = *domain;
	p->fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		return;
	p->upstream = u;
	p->server = server->id;
	event_assign(&p->event, u->base, p->fd, EV_READ | EV_PERSIST, on_reply, p);
	if (connect(p->fd, to, server->address.len) || send_question(p) ||
		event_add(&p->event, &patience))
		end_probe(p);
}

/* What is above the name, or itself where that is a top-level domain: of those the root's servers
 * would be asked. */
static void domain_of(const struct name *name, struct name *ret_domain)
{
	name_parent(name, name_labels(name) > 2 ? 1 : 0, ret_domain);
}

static void probe_server(
	struct upstream *u, const struct server_entry *server, const struct name *name)
{
	static const struct name root = {.len = 1}, arpa = {.len = 6, .wire = "\4arpa"};
	struct name domain;

	if (server->zone.len > 1) {
		probe(u, server, &server->zone, &root);
		return;
	}
	probe(u, server, &arpa, &root);
	domain_of(name, &domain);
	if (domain.len > 1)
		probe(u, server, &domain, &domain);
}

static const struct upstream_query *find_query(const struct upstream *u, const struct question *q)
{
	const struct upstream_query *query;

	TAILQ_FOREACH(query, &u->sent, entry)
	if (query->fn && question_equal(&query->question, q))
		return query;
	return NULL;
}

/* The first server, and each that has been asked beside it by now. */
static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;
	const struct upstream_query *query = find_query(u, &u->loop.suspect);
	const struct server_entry *server;

	(void)fd;
	(void)what;
	if (!query)
		return;
	for (uint64_t i = 0; i <= (clock_monotonic() - query->since) / HEDGE; i++)
		if ((server = upstream_list_suspect(u->list, &query->question.name, i)))
			probe_server(u, server, &query->question.name);
}

void upstream_suspect(struct upstream *u, const struct question *q)
{
	struct timeval t = clock_timeval(SUSPICION);

	if (event_pending(&u->loop.due, EV_TIMEOUT, NULL))
		return;
	u->loop.suspect = *q;
	event_add(&u->loop.due, &t);
}

bool upstream_came_back(struct upstream *u, const struct question *q)
{
	for (struct upstream_loop_probe *p = u->loop.probes;
		p < u->loop.probes + UPSTREAM_LOOP_PROBES; p++) {
		if (!is_out(p) || !question_equal(&p->question, q))
			continue;
		p->came_back = true;
		return true;
	}
	return false;
}

void upstream_loop_init(struct upstream *u)
{
	evtimer_assign(&u->loop.due, u->base, on_due, u);
}

void upstream_loop_finish(struct upstream *u)
{
	if (event_initialized(&u->loop.due))
		event_del(&u->loop.due);
	for (struct upstream_loop_probe *p = u->loop.probes;
		p < u->loop.probes + UPSTREAM_LOOP_PROBES; p++)
		if (is_out(p))
			end_probe(p);
}
