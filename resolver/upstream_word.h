/* One word of upstream=: which names it is for, and who is to be asked. */
#ifndef RESOLVER_UPSTREAM_WORD_H
#define RESOLVER_UPSTREAM_WORD_H

#include "resolver/name.h"
#include "resolver/server_address.h"

enum upstream_kind {
	UPSTREAM_SYSTEM,    /* the name servers of resolv.conf */
	UPSTREAM_RECURSIVE, /* from the root servers on */
	UPSTREAM_ADDRESS,   /* a name server */
	UPSTREAM_RELAYED, /* one that is spoken to in another way than plain DNS, through a relay of
			   * ours on loopback: tls://, https://, http:// */
};
/* What is spoken to one that is relayed. */
enum upstream_speech {
	UPSTREAM_DOT,  /* DNS over TLS, RFC 7858 */
	UPSTREAM_DOH,  /* DNS over HTTPS, RFC 8484 */
	UPSTREAM_2009, /* GET /PROXY/IN/TYPE/NAME and its JSON, which has no room for DNSSEC */
};

struct upstream_word {
	struct name zone; /* the names at and below it; the root: those that are of no such zone */
	enum upstream_kind kind;
	struct server_address address; /* UPSTREAM_ADDRESS, UPSTREAM_RELAYED */
	const char *server;	       /* the word behind ZONE@, in the word itself */
	const char *name; /* UPSTREAM_RELAYED: what stands behind '#', likewise; NULL: nothing,
			   * which only HTTP can do without */
	enum upstream_speech speech; /* UPSTREAM_RELAYED */
	bool tls;		     /* likewise */
	const char *path; /* over HTTP, in the word; it begins with '/', and has path_len bytes */
	size_t path_len;
};

/* [ZONE@]system, recursive, ADDR[:PORT], tls://ADDR[:PORT]#NAME, https://ADDR[:PORT]/PATH[#NAME],
 * http://ADDR[:PORT]/PROXY[#NAME]. The address is always a number, so that nobody has to be asked
 * for it, least of all ourselves. 0, or -EINVAL with a reason for a user. */
int upstream_word_parse(const char *text, struct upstream_word *ret_word, const char **ret_why);

#endif
