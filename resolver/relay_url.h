/* One word of relay=: a pkarr relay, by its URL. */
#ifndef RESOLVER_RELAY_URL_H
#define RESOLVER_RELAY_URL_H

#include "resolver/name.h"
#include "resolver/server_address.h"

#define RELAY_PATH_MAX 200

struct relay_url {
	bool tls;
	bool has_address;	       /* HOST is one, or one was found since */
	struct server_address address; /* without has_address: only the port of one */
	uint16_t port;
	struct name host;	       /* without has_address: whose address is to be found */
	char name[NAME_TEXT_MAX];      /* what the certificate must say; "": the address */
	char path[RELAY_PATH_MAX + 1]; /* that keys are appended to: "/", "/pkarr/" */
};

/* https://HOST[:PORT][/PATH], where HOST is a name, or an address, behind which #NAME may follow;
 * and http://ADDR[:PORT][/PATH] for a private or loopback address: what is asked for is nobody's
 * business on the way. 0, or -EINVAL with a reason for a user. */
int relay_url_parse(const char *text, struct relay_url *ret_url, const char **ret_why);

#endif
