/* Names that are special wherever they are asked: who knows them is this machine, or this network,
 * or nobody; never the DNS of the Internet, nor the DHT.
 *
 * RFC 6761 (localhost, invalid, test), 6762 (local), 7686 (onion), 8375 (home.arpa), 9462
 * (resolver.arpa), 6303 and 7793 (reverse zones of private addresses), and ICANN's "internal".
 * `alt` (RFC 9476) is none of them: it is the DHT's own (policy). */
#ifndef RESOLVER_SPECIAL_H
#define RESOLVER_SPECIAL_H

#include "resolver/answer.h"

enum special {
	SPECIAL_NOT,
	SPECIAL_HERE, /* nobody but this machine can say anything of it, and it does */
	SPECIAL_LAN,  /* the servers of this network may know it; where none is asked it is as above
		       */
	SPECIAL_PRIVATE, /* the same, and who has no such server has no answer of ours either */
};
/* `test_zones`: there are roots of somebody's own, so "test" is an ordinary name. */
enum special special_of(const struct name *name, bool test_zones, struct name *ret_zone);

/* Does this machine itself answer in place of conventional DNS? `upstream`: there is some. The DS
 * of such a zone is its parent's to say: with it a validator behind us knows that nothing there is
 * signed. */
bool special_answers(const struct question *q, bool test_zones, bool upstream);
/* That answer: loopback addresses for localhost, else what an empty zone says (RFC 6303, section
 * 3); source local, trust self. NULL: no memory. */
#define SPECIAL_TTL 10800
struct answer *special_answer(const struct question *q, bool test_zones);

#endif
