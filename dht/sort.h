/* Numbers in their order, for medians and quantiles. */
#ifndef DHT_SORT_H
#define DHT_SORT_H

#include <stddef.h>
#include <stdint.h>

void dht_sort(uint64_t *numbers, size_t len); /* the smallest first */

#endif
