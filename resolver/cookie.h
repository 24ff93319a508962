/* DNS cookies (RFC 7873), made as RFC 9018 says: SipHash-2-4 over the client's cookie, a time and
 * the client's address, under a secret of ours.
 *
 * Who brings back a cookie that we gave to his address does receive what we send there; one who
 * forges the address of another never sees the cookie. Nothing is kept per client: the cookie is
 * its own record. Time and random bytes come in from outside. */
#ifndef RESOLVER_COOKIE_H
#define RESOLVER_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define COOKIE_CLIENT_LEN 8
#define COOKIE_SERVER_LEN 16
#define COOKIE_LEN (COOKIE_CLIENT_LEN + COOKIE_SERVER_LEN)
#define COOKIE_MAX 40 /* servers of other makes use up to 32 bytes */
#define COOKIE_SECRET_LEN 16

struct cookie_secrets {
	uint8_t now[COOKIE_SECRET_LEN], before[COOKIE_SECRET_LEN];
	bool begun, has_before;
	uint32_t since; /* seconds since 1970, as below: serial numbers, they may wrap */
};

/* The secret in use becomes the former one, whose cookies hold for an hour more. */
void cookie_rotate(struct cookie_secrets *s, const uint8_t secret[COOKIE_SECRET_LEN], uint32_t now);
/* A day old: who tries secrets has that long. */
bool cookie_secret_is_old(const struct cookie_secrets *s, uint32_t now);

/* 8 bytes, or 16 to 40: anything else is a format error. */
bool cookie_len_valid(size_t len);
/* Whether we gave `cookie` to this address within the hour; never so for a client's half alone.
 * ret_cookie is what the reply carries: the same while it is young, else a new one. */
struct cookie_seen {
	const struct sockaddr *peer;
	const uint8_t *cookie;
	size_t len;
};
bool cookie_check(const struct cookie_secrets *s, const struct cookie_seen *seen, uint32_t now,
	uint8_t ret_cookie[COOKIE_LEN]);

#endif
