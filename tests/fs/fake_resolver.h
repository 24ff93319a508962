/* A resolver and a publisher in memory, in the place of resolver/resolver.c and publish.c, for
 * tests of fs/: what they answer follows from the name, so a test needs no set-up.
 *
 *   HOST.example.com          A 192.0.2.1, or TXT, from elsewhere; everything else is -ENOENT
 *   e110.example.com          fails with errno 110; any number
 *   set5.example.com          is answered, but publishing it fails with errno 5
 *                             (so does, under any name, a set with a TTL of 4,000,005)
 *   keep5.example.com         can be published, but withdrawing it fails with errno 5
 *   ttl0.example.com          has a TTL of 0, or any number, and is not kept
 *   slow2000.example.com      takes 2,000 ms, alone or as a label before the others
 *   turn1.example.com         A 192.0.2.1, and after each fake_turn the next; a TTL of 1
 *   n17.many.example.com      A, in memory from the start for each number below fake.many, but
 *                             where fake.gone says that it has gone
 */
#ifndef TESTS_FS_FAKE_RESOLVER_H
#define TESTS_FS_FAKE_RESOLVER_H

#include "resolver/publish.h"
#include "resolver/resolver.h"

struct fake {
	unsigned delay_ms;	/* of every look-up */
	unsigned asks, cancels; /* so far */
	unsigned sets, removes, pushes;
	unsigned nodes; /* added by .kadns/nodes */
	unsigned forgotten; /* by .kadns/signers */
	unsigned looked_at; /* names, by walks that may want them */
	unsigned pin_sets;
	int pins_error; /* that writing pins ends with */
	unsigned imports;    /* of seeds, tried */
	int import_error;    /* that they end with */
	enum ask_for wanted; /* by the last that said so */
	bool expired;	/* what is kept is past its TTL */
	unsigned turn;
	int64_t later; /* by so many seconds do answers expire later */
	bool receipts_wait;			 /* else they are there at once */
	struct publish_receipt *receipt; /* the last that waits */
	void (*settling)(void *ctx); /* by publish_settle; NULL: nothing */
	void *settling_ctx;
	unsigned many;
	bool (*gone)(unsigned number); /* NULL: none has */
};
extern struct fake fake;

struct resolver *fake_resolver(struct event_base *base);
struct publisher *fake_publisher(void);
/* What is kept of names that turn is over, as after their TTL: the next question gives the new. */
void fake_turn(void);
void fake_destroy(void); /* everything that is in memory */

#endif
