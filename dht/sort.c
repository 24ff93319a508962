/* Numbers in their order. */
#include "dht/sort.h"

/* Shell's sort, with the gaps of Ciura: a hundred numbers or so are all that is ever sorted, for
 * every eighth packet, and qsort's calls cost six times as much as the comparing. */
void dht_sort(uint64_t *numbers, size_t len)
{
	static const size_t gaps[] = {57, 23, 10, 4, 1};
	for (size_t g = 0; g < sizeof(gaps) / sizeof(*gaps); g++) {
		size_t gap = gaps[g];
		for (size_t i = gap; i < len; i++) {
			uint64_t n = numbers[i];
			size_t at = i;
			for (; at >= gap && numbers[at - gap] > n; at -= gap)
				numbers[at] = numbers[at - gap];
			numbers[at] = n;
		}
	}
}
