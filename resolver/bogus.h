/* Why DNSSEC refused an answer, as a code for clients (RFC 8914), from libunbound's words. */
#ifndef RESOLVER_BOGUS_H
#define RESOLVER_BOGUS_H

/* EDE 7 to 10 and 12 where the words tell, else 6. "" and NULL are fine. */
int bogus_ede(const char *why);

#endif
