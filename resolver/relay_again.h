/* Questions that libunbound asks a relay again while they are under way: it repeats each that gets
 * no answer within half a second, for a datagram may be lost, but none is on the way to a relay;
 * and its contexts with and without validation may want the same at once. The server is asked once
 * (RFC 9520, 3.1), and its answer goes to all who asked.
 *
 * A table by the question's hash. Where two meet, the later one is asked as if nothing were known.
 */
#ifndef RESOLVER_RELAY_AGAIN_H
#define RESOLVER_RELAY_AGAIN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_ASKERS_MAX 4

struct relay_again;
struct relay_asker {
	struct sockaddr_in from;
	uint16_t id;
};

/* The seed is secret and random, so that nobody can choose names that meet. NULL: no memory. */
struct relay_again *relay_again_create(uint64_t seed);
void relay_again_destroy(struct relay_again *again);

/* A question, from its header on. True: it is under way, and who asks is noted. False: it is to be
 * asked, and is under way from now on. */
bool relay_again_ask(struct relay_again *again, const uint8_t *question, size_t len,
	const struct relay_asker *asker);
/* It is answered, or was not asked after all: who else waits for what `asker` was the first to ask.
 * How many. */
size_t relay_again_end(struct relay_again *again, const uint8_t *question, size_t len,
	const struct relay_asker *asker, struct relay_asker ret_others[RELAY_ASKERS_MAX - 1]);

#endif
