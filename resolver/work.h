/* What one question may cost, whatever is said on the way (facts: trust, P20): one counter for all
 * that is asked for its sake, by whichever source, along whatever chain of aliases. It is counted
 * down, and nothing resets it. What is asked behind the answer (resolver/attest) has what is left.
 */
#ifndef RESOLVER_WORK_H
#define RESOLVER_WORK_H

#include "dht/dht.h"

#define WORK_UPSTREAM 2 /* questions to conventional DNS; what recursion takes is the validator's  \
			 */
#define WORK_PACKETS 60 /* queries to nodes of the DHT ... */
#define WORK_CHAIN 150	/* ... and for what proves a signed copy */
#define WORK_CHECKS 16	/* signatures that we check */
#define WORK_CLAIMS 8	/* of these for the claims in a slot, whatever its copies take */

struct work {
	unsigned refs;
	unsigned upstream;
	struct dht_allowance dht; /* packets, and all checks */
	unsigned chain;
	bool is_asked; /* somebody waits for the answer still */
};

struct work *work_create(void); /* NULL: no memory */
struct work *work_ref(struct work *w);
void work_unref(struct work *w); /* NULL is fine */
/* One more question to conventional DNS. False: there have been too many. */
bool work_upstream(struct work *w);

#endif
