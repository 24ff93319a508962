/* resolver/zone under hostile packets: what is read can be asked, written and read again. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/zone_pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* RFC 8032, test 1: the key of the corpus. */
static const uint8_t key[NAME_KEY_LEN] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5,
	0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25,
	0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

static void ask(const struct zone *zone, const struct question *q)
{
	static const struct name label = {.len = 3, .wire = {1, 'x', 0}};
	struct question below = *q;
	struct answer *a = NULL;

	assert(zone_answer(zone, q, &a) == 0 && a && a->source == SOURCE_DHT);
	answer_unref(a);
	if (name_join(&label, &q->name, &below.name) == 0) {
		assert(zone_answer(zone, &below, &a) == 0);
		answer_unref(a);
	}
	below.type = TYPE_TXT;
	assert(zone_answer(zone, &below, &a) == 0);
	answer_unref(a);
}

/* The same packet as the head of a zone of pages: nothing is lost on them, and none stands twice. */
static void lay(const uint8_t *packet, size_t len, size_t sets)
{
	uint8_t written[ZONE_BYTES_MAX];
	struct zone *head;
	struct pages *p;
	size_t laid = 0;

	assert(zone_read(key, packet, len, &head) == 0);
	assert(pages_create(key, head, &p) == 0);
	assert(p->len <= PAGES_MAX && (p->len & (p->len - 1)) == 0);
	sets -= p->marker.pages && sets > zone_sets(p->head);
	for (unsigned i = 0; i < p->len; i++) /* as if they had been read, and nothing was there */
		assert(zone_create(key, &p->page[i]) == 0);
	assert(pages_spread(p, 4) == 0 && pages_whole(p));
	for (unsigned i = 0; i < 4; i++) {
		laid += zone_sets(p->page[i]);
		pages_write(p, i, 0, written);
	}
	assert(laid + zone_sets(p->head) == sets);
	pages_write(p, PAGES_HEAD, INT64_MAX, written);
	pages_destroy(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct zone *zone, *again;
	uint8_t packet[ZONE_BYTES_MAX];
	struct name origin;
	int n;

	if (zone_read(key, data, len, &zone) < 0)
		return 0;
	key_to_name(key, &origin);
	for (size_t i = 0; i < zone_sets(zone); i++) {
		const struct rrset *set = zone_at(zone, i);

		assert(set->count > 0 && set->question.class == CLASS_IN);
		assert(name_under(&set->question.name, &origin));
		assert(zone_find(zone, &set->question) == set);
		ask(zone, &set->question);
	}
	lay(data, len, zone_sets(zone));
	/* Names that were compressed more cleverly than we do may not fit again. */
	n = zone_write(zone, packet);
	if (n > 0) {
		assert(zone_read(key, packet, (size_t)n, &again) == 0);
		assert(zone_sets(again) == zone_sets(zone));
		for (size_t i = 0; i < zone_sets(zone); i++)
			assert(rrset_same_data(zone_at(zone, i), zone_at(again, i)));
		zone_destroy(again);
	}
	zone_destroy(zone);
	return 0;
}
