/* EDNS options, read and written. */
#include "resolver/dns_opt.h"

#include <string.h>

enum { OPTION_COOKIE = 10, OPTION_KEEPALIVE = 11, OPTION_PADDING = 12, OPTION_EDE = 15 };

#define OPT_FIXED 11  /* root, type, size, flags, length */
#define OPTION_HEAD 4 /* code, length */
#define PAD_BLOCK 468 /* RFC 8467, 4.1: what servers pad to */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

/* ---- of a query ---- */

static bool read_option(struct dns_query *q, unsigned code, const uint8_t *data, size_t len)
{
	switch (code) {
	case OPTION_COOKIE:
		if (!cookie_len_valid(len))
			return false;
		if (q->cookie_len) /* only the first counts (RFC 7873, 5.2) */
			return true;
		memcpy(q->cookie, data, len);
		q->cookie_len = (uint8_t)len;
		return true;
	case OPTION_KEEPALIVE: /* a client names no time: one that does is not answered in kind */
		q->asks_keepalive = len == 0;
		return true;
	case OPTION_PADDING:
		q->asks_padding = true;
		return true;
	default:
		return true;
	}
}

bool dns_opt_read(struct dns_query *q, const uint8_t *options, size_t len)
{
	while (len) {
		if (len < OPTION_HEAD || len - OPTION_HEAD < get16(options + 2))
			return false;
		size_t data_len = get16(options + 2);
		if (!read_option(q, get16(options), options + OPTION_HEAD, data_len))
			return false;
		options += OPTION_HEAD + data_len;
		len -= OPTION_HEAD + data_len;
	}
	return true;
}

/* ---- of a reply ---- */

static const char *words_of(int ede)
{
	switch (ede) {
	case EDE_STALE:
	case EDE_STALE_DENIAL:
		return "kadns: from memory, its source does not answer";
	case EDE_BOGUS:
	case EDE_SIGNATURE_EXPIRED:
	case EDE_SIGNATURE_EARLY:
	case EDE_DNSKEY_MISSING:
	case EDE_RRSIGS_MISSING:
	case EDE_NSEC_MISSING:
		return "kadns: DNSSEC validation failed";
	case EDE_FILTERED:
		return "kadns: private address (private_ok=)";
	case EDE_PROHIBITED:
		return "kadns: not in allow=";
	case EDE_NOT_AUTHORITATIVE:
		return "kadns: asked without RD";
	default:
		return NULL;
	}
}

struct dns_outcome dns_outcome_of(unsigned rcode, int ede)
{
	return (struct dns_outcome){rcode, ede, words_of(ede)};
}

static size_t put_option(uint8_t *p, unsigned code, const void *data, size_t len)
{
	put16(p, code);
	put16(p + 2, (unsigned)len);
	memcpy(p + OPTION_HEAD, data, len);
	return OPTION_HEAD + len;
}

static size_t put_ede(uint8_t *p, const struct dns_outcome *outcome)
{
	size_t words_len = outcome->words ? strlen(outcome->words) : 0;
	put16(p, OPTION_EDE);
	put16(p + 2, 2 + (unsigned)words_len);
	put16(p + 4, (unsigned)outcome->ede);
	if (words_len)
		memcpy(p + 6, outcome->words, words_len);
	return 6 + words_len;
}

void dns_opt_write(const struct dns_query *q, struct dns_outcome outcome, struct dns_opt *ret_opt)
{
	uint8_t *p = ret_opt->bytes, *end = p + OPT_FIXED;
	ret_opt->len = 0;
	if (!q->edns)
		return;
	p[0] = 0;
	put16(p + 1, TYPE_OPT);
	put16(p + 3, DNS_UDP_MAX);
	p[5] = (uint8_t)(outcome.rcode >> 4);
	p[6] = 0; /* the version that we speak */
	put16(p + 7, q->dnssec_ok ? DNS_OPT_DO : 0);
	if (q->replies_cookie)
		end += put_option(end, OPTION_COOKIE, q->reply_cookie, COOKIE_LEN);
	if (q->asks_keepalive && q->keepalive) {
		uint8_t time[2];
		put16(time, q->keepalive);
		end += put_option(end, OPTION_KEEPALIVE, time, sizeof(time));
	}
	if (outcome.ede != EDE_NONE)
		end += put_ede(end, &outcome);
	put16(p + 9, (unsigned)(end - p - OPT_FIXED));
	ret_opt->len = (size_t)(end - p);
}

void dns_opt_fit(
	const struct dns_query *q, struct dns_outcome outcome, size_t room, struct dns_opt *ret_opt)
{
	struct dns_query bare = {.edns = q->edns, .dnssec_ok = q->dnssec_ok};
	dns_opt_write(q, outcome, ret_opt);
	outcome.words = NULL;
	if (ret_opt->len > room)
		dns_opt_write(q, outcome, ret_opt);
	outcome.ede = EDE_NONE;
	if (ret_opt->len > room)
		dns_opt_write(q, outcome, ret_opt);
	if (ret_opt->len > room)
		dns_opt_write(&bare, outcome, ret_opt);
	if (ret_opt->len > room)
		ret_opt->len = 0;
}

size_t dns_opt_pad(uint8_t *reply, size_t len, size_t opt_len, size_t limit)
{
	size_t padding = (PAD_BLOCK - (len + OPTION_HEAD) % PAD_BLOCK) % PAD_BLOCK;
	if (opt_len < OPT_FIXED || len + OPTION_HEAD > limit)
		return len;
	if (padding > limit - len - OPTION_HEAD)
		padding = limit - len - OPTION_HEAD;
	uint8_t *opt = reply + len - opt_len;
	put16(reply + len, OPTION_PADDING);
	put16(reply + len + 2, (unsigned)padding);
	memset(reply + len + OPTION_HEAD, 0, padding);
	put16(opt + 9, (unsigned)(opt_len - OPT_FIXED + OPTION_HEAD + padding));
	return len + OPTION_HEAD + padding;
}
