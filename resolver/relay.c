/* What all relays have. */
#include "resolver/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "resolver/clock.h"
#include "resolver/udp_owner.h"

#define BURST 64 /* datagrams before the others have their turn */
#define RETRY_MIN (SECOND / 4)
#define RETRY_MAX (8 * SECOND) /* failover tries a server that was down each ten seconds */

/* Loopback is open to every user of this machine; this server, under our name, is not. That is no
 * more than a lock on a side door: who is kept out here may ask the same through the DNS door,
 * where he is counted and limited. So a kernel that does not tell keeps nobody out, and so does
 * somebody who takes the port of a question that is under way, at another address: for the
 * milliseconds that it lasts he can have us ask, and the reply goes to the validator, which wants
 * none. Our own user is among them: in a namespace that maps only root the validator cannot become
 * another. */
static bool may_ask(struct relay *r, const struct sockaddr_in *from)
{
	uid_t uid;

	if (r->owners < 0)
		return true;
	int e = udp_owner(r->owners, from, (const struct sockaddr_in *)&r->at.addr, &uid);
	if (e == -EOPNOTSUPP) {
		close(r->owners);
		r->owners = -1;
		return true;
	}
	return e == 0 && (uid == r->asker || uid == geteuid());
}

/* Only who has asked knows the address and the port; what says another is its own problem. */
static bool take_datagram(
	struct relay *r, const uint8_t *message, size_t len, const struct sockaddr_in *from)
{
	int question_len = relay_query_read(message, len);
	struct relay_asked asked = {.from = *from,
		.message = message,
		.len = len,
		.question_len = (size_t)question_len};

	if (question_len < 0)
		return false;
	/* Counted first: what it brings about may be counted, and read, before `take` returns. */
	r->counters.questions++;
	if (r->kind->take(r, &asked))
		return true;
	r->counters.questions--;
	return false;
}

static void on_asked(evutil_socket_t fd, short what, void *ctx)
{
	struct relay *r = ctx;
	uint8_t message[RELAY_QUERY_MAX + 1];

	(void)what;
	r->used = clock_monotonic();
	for (int i = 0; i < BURST; i++) {
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, message, sizeof(message), MSG_DONTWAIT,
			(struct sockaddr *)&from, &from_len);

		if (n < 0)
			break;
		if (!may_ask(r, &from) || !take_datagram(r, message, (size_t)n, &from))
			r->counters.dropped++;
	}
	if (r->kind->taken)
		r->kind->taken(r);
}

/* An address of its own and a port of the kernel's choice: nobody meets it by chance. */
static int listen_somewhere(struct relay *r)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&r->at.addr;
	uint32_t host;

	if (getrandom(&host, sizeof(host), 0) != sizeof(host))
		return -EIO;
	/* Neither 127.0.0.0 nor 127.255.255.255. */
	host = INADDR_LOOPBACK + host % 0xfffffd;
	*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
	r->at.len = sizeof(*in);
	r->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->udp < 0 || bind(r->udp, (struct sockaddr *)in, sizeof(*in)) < 0 ||
		getsockname(r->udp, (struct sockaddr *)in, &r->at.len) < 0)
		return -errno;
	event_assign(&r->asked, r->base, r->udp, EV_READ | EV_PERSIST, on_asked, r);
	return event_add(&r->asked, NULL) < 0 ? -ENOMEM : 0;
}

int relay_open(struct relay *r, struct event_base *base, const struct relay_kind *kind,
	const struct relay_config *config)
{
	r->kind = kind;
	r->base = base;
	r->say = config->say;
	r->say_ctx = config->say_ctx;
	r->udp = -1;
	r->asker = config->asker;
	r->owners = udp_owner_open();
	r->used = clock_monotonic();
	r->text = strdup(config->text);
	return r->text ? listen_somewhere(r) : -ENOMEM;
}

void relay_close(struct relay *r)
{
	if (event_initialized(&r->asked))
		event_del(&r->asked);
	if (r->udp >= 0)
		close(r->udp);
	if (r->owners >= 0)
		close(r->owners);
	free(r->text);
}

/* 65,535 less the headers of UDP and IPv4. */
#define DATAGRAM_MAX 65507

/* What is longer than a datagram can be, 28 bytes short of the longest message there is, could
 * hardly be given to anybody, with an OPT beside it. Its question fails, now and once: lost without
 * a word it would be asked again until the server passes for dead. */
static size_t cut(uint8_t *message, size_t len)
{
	size_t end = PACKET_HEADER;

	if (len <= DATAGRAM_MAX)
		return len;
	while (message[end]) /* the question's own bytes: it was compared with what was asked */
		end += 1u + message[end];
	end += 5;
	relay_servfail(message, end, message);
	return end;
}

void relay_reply(
	struct relay *r, const struct sockaddr_in *to, unsigned id, uint8_t *message, size_t len)
{
	len = cut(message, len);
	message[0] = (uint8_t)(id >> 8);
	message[1] = (uint8_t)id;
	/* What the kernel has no room for is lost. */
	(void)!sendto(r->udp, message, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)to, sizeof(*to));
}

void relay_failed(struct relay *r, const char *why)
{
	char line[RELAY_WHY_MAX + 256];
	bool news = strcmp(r->why, why) != 0;

	r->counters.failures++;
	r->retry_delay = r->retry_delay ? r->retry_delay * 2 : RETRY_MIN;
	if (r->retry_delay > RETRY_MAX)
		r->retry_delay = RETRY_MAX;
	r->retry_at = clock_monotonic() + r->retry_delay;
	snprintf(r->why, sizeof(r->why), "%s", why);
	snprintf(line, sizeof(line), "upstream %s: %s", r->text, r->why);
	if (news)
		r->say(r->say_ctx, line);
}

void relay_works(struct relay *r)
{
	char line[256];

	r->retry_delay = 0;
	if (!r->why[0])
		return;
	r->why[0] = '\0';
	snprintf(line, sizeof(line), "upstream %s works again", r->text);
	r->say(r->say_ctx, line);
}

bool relay_waits(const struct relay *r)
{
	return r->why[0] && clock_monotonic() < r->retry_at;
}

void relay_destroy(struct relay *r)
{
	if (r)
		r->kind->destroy(r);
}

unsigned relay_unused(const struct relay *r)
{
	return (unsigned)((clock_monotonic() - r->used) / SECOND);
}

void relay_count(const struct relay *r, struct relay_counters *sum)
{
	sum->questions += r->counters.questions;
	sum->answers += r->counters.answers;
	sum->connections += r->counters.connections;
	sum->resumed += r->counters.resumed;
	sum->failures += r->counters.failures;
	sum->again += r->counters.again;
	sum->dropped += r->counters.dropped;
}
