/* Allowed networks, cookies and rates, put together. */
#include "resolver/gate.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LATE_MAX UINT64_C(1900000) /* microseconds (CVE-2024-33655) */

static int new_secret(struct gate *g, uint32_t wall)
{
	uint8_t secret[COOKIE_SECRET_LEN];
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return -EIO;
	cookie_rotate(&g->cookies, secret, wall);
	return 0;
}

int gate_init(struct gate *g, const struct allow *allow, const struct gate_time *t)
{
	*g = (struct gate){.allow = allow,
		.rrl = calloc(1, sizeof(*g->rrl)),
		.late = calloc(1, sizeof(*g->late))};
	if (!g->rrl || !g->late)
		return -ENOMEM;
	if (getrandom(g->rrl->key, sizeof(g->rrl->key), 0) != sizeof(g->rrl->key))
		return -EIO;
	memcpy(g->late->key, g->rrl->key, sizeof(g->late->key));
	return new_secret(g, t->wall);
}

void gate_finish(struct gate *g)
{
	free(g->rrl);
	free(g->late);
	g->rrl = g->late = NULL;
}

void gate_tick(struct gate *g, const struct gate_time *t)
{
	if (cookie_secret_is_old(&g->cookies, t->wall))
		new_secret(g, t->wall); /* without random bytes the old one goes on */
}

/* True: a cookie of ours, that only who receives at that address can have. */
static bool shows_cookie(
	struct gate *g, const struct sockaddr *peer, const struct gate_time *t, struct dns_query *q)
{
	q->far = !allow_is_loopback(peer);
	if (!q->cookie_len)
		return false;
	struct cookie_seen seen = {peer, q->cookie, q->cookie_len};
	q->replies_cookie = true;
	q->known = cookie_check(&g->cookies, &seen, t->wall, q->reply_cookie);
	return q->known;
}

enum gate_verdict gate_udp(
	struct gate *g, const struct sockaddr *peer, const struct gate_time *t, struct dns_query *q)
{
	bool known = shows_cookie(g, peer, t, q);
	if (!q->far)
		return GATE_ANSWER;
	bool allowed = allow_permits(g->allow, peer);
	q->replies_cookie &= allowed; /* of no use to others, and the reason takes its room */
	if (allowed && known)
		return GATE_ANSWER;
	if (rrl_take(g->rrl, peer, t->now))
		return allowed ? GATE_ANSWER : GATE_STRANGER;
	if (!allowed)
		return GATE_DROP;
	/* Whoever sent a whole cookie has room for one in the reply. */
	return q->cookie_len >= COOKIE_LEN ? GATE_COOKIE : GATE_CUT;
}

enum gate_verdict gate_late(
	struct gate *g, const struct sockaddr *peer, uint64_t now, const struct dns_query *q)
{
	if (!q->far || q->known)
		return GATE_ANSWER;
	return now - q->asked <= LATE_MAX && rrl_take(g->late, peer, now) ? GATE_ANSWER : GATE_CUT;
}

void gate_tcp(
	struct gate *g, const struct sockaddr *peer, const struct gate_time *t, struct dns_query *q)
{
	shows_cookie(g, peer, t, q);
}

bool gate_same_client(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return memcmp(&a6->sin6_addr, &b6->sin6_addr, 8) == 0;
}
