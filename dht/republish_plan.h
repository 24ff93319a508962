/* How many copies of each own item are held, and how often they are looked at: what the budget
 * allows, and how fast nodes go.
 *
 * A copy costs a question and a put at every look, 470 bytes where the value has 100. With 10,000
 * items, nodes that forget after two hours, and 5 kB/s, 2,900 bytes are there for a look at each
 * before it is forgotten: six copies of 100 bytes, not eight. So the more there is to be kept, the
 * fewer copies are held for sure. Then a look asks no more nodes than it puts at, but for some that
 * ask all eight; where nodes keep longer than they must, that is seen there, and all eight stand.
 *
 * What that is worth where nodes go: of a tenth an hour 18 % have gone after 110 minutes, and all
 * of six copies of one item in 34,000; of four, as many as 5 kB/s pay for when a look asks all
 * eight each time, of one in 1,000. */
#ifndef DHT_REPUBLISH_PLAN_H
#define DHT_REPUBLISH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "dht/item.h"

struct dht;
struct dht_refresh;
struct dht_republish;
struct dht_republish_limits;

/* A look before copies end leaves this part of their lifetime for waiting in the queue. */
#define DHT_PLAN_MARGIN 12
/* Where the budget does not pay for asking all eight at every look, each so many-th look at an item
 * does. */
#define DHT_PLAN_WIDE 8

/* What one look at an item is to do. */
struct dht_plan {
	bool tight;	 /* the budget does not pay for asking all eight every time */
	unsigned copies; /* held for sure */
	unsigned width;	 /* so many of the nearest are asked */
	unsigned rescue; /* when there are hardly any it is put at so many */
	unsigned bytes;	 /* that will take, about */
};

size_t dht_plan_put_bytes(const struct dht_item *item); /* of one put, about */
/* `late`: its copies may have lapsed while it waited for its turn; `wide`: this is its turn to have
 * all eight asked, whatever that costs. */
struct dht_plan dht_plan_look(
	const struct dht *dht, const struct dht_item *item, bool late, bool wide);

/* A look was so long after the one before, and found so many copies gone. */
void dht_plan_learn(struct dht_republish *r, const struct dht_refresh *f, uint64_t age);
/* The time in which a fifth of all copies falls out. */
uint64_t dht_plan_loss_interval(const struct dht_republish *r);
/* Between the first looks. */
uint64_t dht_plan_first_interval(const struct dht_republish_limits *l);
/* No interval is shorter: the budget allows no more, and others need it too. */
uint64_t dht_plan_least_interval(const struct dht *dht);

#endif
