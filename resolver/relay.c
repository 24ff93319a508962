/* What all relays have. */
#include "resolver/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "resolver/clock.h"
#include "resolver/relay_again.h"
#include "resolver/udp_owner.h"

#define BURST UDP_OWNERS_MAX /* datagrams before the others have their turn */
#define RETRY_MIN (SECOND / 4)
#define RETRY_MAX (8 * SECOND) /* failover tries a server that was down each ten seconds */

/* Loopback is open to every user of this machine; this server, under our name, is not. That is no
 * more than a lock on a side door: who is kept out here may ask the same through the DNS door,
 * where he is counted and limited. So a kernel that does not tell keeps nobody out, and so does
 * somebody who takes the port of a question that is under way, at another address: for the
 * milliseconds that it lasts he can have us ask, and the reply goes to the validator, which wants
 * none. Our own user is among them: in a namespace that maps only root the validator cannot become
 * another. */
static bool may_ask(struct relay *r, const struct udp_owner *owner)
{
	if (r->owners >= 0 && owner->error == -EOPNOTSUPP) {
		close(r->owners);
		r->owners = -1;
	}
	return r->owners < 0 ||
	       (owner->error == 0 && (owner->uid == r->asker || owner->uid == geteuid()));
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
	const struct relay_asker asker = {*from, (uint16_t)(message[0] << 8 | message[1])};
	struct relay_asker others[RELAY_ASKERS_MAX - 1];
	if (r->again && relay_again_ask(r->again, message, asked.question_len, &asker))
		return true;
	/* Counted first: what it brings about may be counted, and read, before `take` returns. */
	r->counters.questions++;
	if (r->kind->take(r, &asked))
		return true;
	r->counters.questions--;
	if (r->again)
		relay_again_end(r->again, message, asked.question_len, &asker, others);
	return false;
}

/* What has come, BURST datagrams at most. */
struct datagrams {
	struct mmsghdr heads[BURST];
	struct iovec parts[BURST];
	struct udp_owner owners[BURST];
	uint8_t bytes[BURST][RELAY_QUERY_MAX + 1];
};

static unsigned receive(struct relay *r, struct datagrams *d)
{
	for (unsigned i = 0; i < BURST; i++) {
		d->parts[i] = (struct iovec){d->bytes[i], sizeof(d->bytes[i])};
		d->heads[i].msg_hdr = (struct msghdr){.msg_name = &d->owners[i].from,
			.msg_namelen = sizeof(d->owners[i].from),
			.msg_iov = &d->parts[i],
			.msg_iovlen = 1};
	}
	int n = recvmmsg(r->udp, d->heads, BURST, MSG_DONTWAIT, NULL);
	if (n > 0 && r->owners >= 0)
		udp_owners(
			r->owners, (const struct sockaddr_in *)&r->at.addr, d->owners, (size_t)n);
	return n > 0 ? (unsigned)n : 0;
}

void relay_read(struct relay *r)
{
	static struct datagrams d; /* there is one thread, and `take` does not read */
	unsigned n = receive(r, &d);

	r->used = clock_monotonic();
	for (unsigned i = 0; i < n; i++)
		if (!may_ask(r, &d.owners[i]) ||
			!take_datagram(r, d.bytes[i], d.heads[i].msg_len, &d.owners[i].from))
			r->counters.dropped++;
	if (r->kind->taken)
		r->kind->taken(r);
}

static void on_asked(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	relay_read(ctx);
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
	r->owners = config->owners > 0 ? fcntl(config->owners, F_DUPFD_CLOEXEC, 0)
				       : udp_owner_open();
	r->used = clock_monotonic();
	r->text = strdup(config->text);
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	r->again = kind->repeated ? relay_again_create(seed) : NULL;
	return r->text && (r->again || !kind->repeated) ? listen_somewhere(r) : -ENOMEM;
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
	relay_again_destroy(r->again);
}

/* 65,535 less the headers of UDP and IPv4. */
#define DATAGRAM_MAX 65507

/* The question's own bytes: it was compared with what was asked. */
static size_t question_end(const uint8_t *message)
{
	size_t end = PACKET_HEADER;

	while (message[end])
		end += 1u + message[end];
	return end + 5;
}

/* What is longer than a datagram can be, 28 bytes short of the longest message there is, could
 * hardly be given to anybody, with an OPT beside it. Its question fails, now and once: lost without
 * a word it would be asked again until the server passes for dead. */
static size_t cut(uint8_t *message, size_t len)
{
	size_t end = question_end(message);

	if (len <= DATAGRAM_MAX)
		return len;
	relay_servfail(message, end, message);
	return end;
}

static void send_reply(
	const struct relay *r, const struct relay_asker *to, uint8_t *message, size_t len)
{
	message[0] = (uint8_t)(to->id >> 8);
	message[1] = (uint8_t)to->id;
	/* What the kernel has no room for is lost. */
	(void)!sendto(r->udp, message, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)&to->from, sizeof(to->from));
}

void relay_reply(
	struct relay *r, const struct sockaddr_in *to, unsigned id, uint8_t *message, size_t len)
{
	const struct relay_asker asker = {*to, (uint16_t)id};
	struct relay_asker others[RELAY_ASKERS_MAX - 1];
	size_t n = r->again ? relay_again_end(
				      r->again, message, question_end(message), &asker, others)
			    : 0;

	len = cut(message, len);
	send_reply(r, &asker, message, len);
	for (size_t i = 0; i < n; i++)
		send_reply(r, &others[i], message, len);
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
