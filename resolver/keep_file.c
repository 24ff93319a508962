/* The control file .kadns/keep: what is kept alive here, for whom, and where it stands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/keep_inside.h"
#include "resolver/resolver_inside.h"
#include "resolver/text.h"

static void tell_next(const struct keep_zone *zone, struct text *t)
{
	uint64_t now = clock_monotonic(), left = zone->due > now ? zone->due - now : 0;
	if (!zone->keeper->config.dht)
		text_puts(t, ", not looked for: dht=off");
	else if (zone->in_line)
		text_puts(t, ", looked for when there are nodes and a turn");
	else {
		text_puts(t, ", looked for again at ");
		text_time(t, (clock_wall() + (int64_t)left) / (int64_t)SECOND);
	}
}

static void tell(const struct keep_zone *zone, struct text *t)
{
	const struct keep_part *head = zone->head;
	if (!head) {
		text_puts(t, "not found");
		tell_next(zone, t);
		return;
	}
	text_puts(t, "zone of ");
	text_time(t, head->seq / (int64_t)SECOND);
	if (zone->marker.pages)
		text_format(t, ", %u of %u pages", keep_zone_pages(zone), zone->marker.pages);
	if (zone->pages_len < zone->marker.pages)
		text_puts(t, ", no room for the others");
	if (head->copies)
		text_format(t, ", %u node%s had its packet", head->copies,
			head->copies == 1 ? "" : "s");
	if (!keep_zone_is_whole(zone))
		tell_next(zone, t);
}

bool keeper_tell(const struct keeper *k, const uint8_t key[NAME_KEY_LEN], struct text *t)
{
	const struct keep_zone *zone = keeper_zone(k, key);
	if (zone)
		tell(zone, t);
	return zone;
}

static void put_list(
	const struct keeper *k, const struct keep_list *list, const char *prefix, struct text *t)
{
	char key[NAME_KEY_TEXT + 1];
	for (size_t i = 0; i < keep_list_len(list); i++) {
		key_to_text(list->keys[i], key);
		text_puts(t, prefix);
		text_puts(t, key);
		text_puts(t, " # ");
		keeper_tell(k, list->keys[i], t);
		text_puts(t, "\n");
	}
}

int keeper_text(const struct keeper *k, uid_t uid, char **ret_text, size_t *ret_len)
{
	static const char *const whose[] = {"Root's", "The daemon owner's"};
	const uid_t others[] = {0, k->config.owner};
	struct text t = {0};
	/* There is always a line to write back, also when the last key has been taken out. */
	text_puts(&t, "# KEY, one a line, whose zone is kept alive here: see kadns-files(7)\n");
	for (size_t i = 0; i < 2 && (i == 0 || others[1] != 0); i++) {
		const struct keep_list *list = keeper_of(k, others[i]);
		if (!list || others[i] == uid)
			continue;
		text_format(&t, "# %s:\n", whose[i]);
		put_list(k, list, "# ", &t);
	}
	put_list(k, keeper_of(k, uid), "", &t);
	if (t.failed) {
		text_destroy(&t);
		return -ENOMEM;
	}
	*ret_text = t.bytes;
	*ret_len = t.len;
	return 0;
}

/* ---- the resolver's ---- */

int resolver_keep(struct resolver *r, uid_t uid, char **ret_text, size_t *ret_len)
{
	return keeper_text(r->keeper, uid, ret_text, ret_len);
}

const struct keep_list *resolver_keep_of(struct resolver *r, uid_t uid)
{
	return keeper_of(r->keeper, uid);
}

int resolver_set_keep(struct resolver *r, uid_t uid, const struct keep_list *list)
{
	return keeper_set(r->keeper, uid, list);
}

int keep_begin(struct resolver *r)
{
	struct keeper_config config = {.base = r->base,
		.own = r->parts.own,
		.dht = r->parts.dht,
		.relays = r->parts.relays,
		.owner = r->config.daemon_owner,
		.pause = r->config.keep_pause};
	return keeper_create(&config, &r->keeper);
}
