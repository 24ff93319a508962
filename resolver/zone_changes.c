/* Who changed a record last: the end of a hash, and a seq. */
#include "resolver/zone_changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static unsigned place_of(const struct zone_changes *c, uint32_t hash)
{
	unsigned i = 0;
	while (i < c->len && c->change[i].hash != hash)
		i++;
	return i;
}

int64_t zone_changes_of(const struct zone_changes *c, uint32_t hash)
{
	unsigned at = place_of(c, hash);
	return at < c->len ? c->change[at].seq : 0;
}

static void drop(struct zone_changes *c, unsigned at)
{
	c->len--;
	memmove(&c->change[at], &c->change[at + 1], (c->len - at) * sizeof(*c->change));
}

void zone_changes_add(struct zone_changes *c, uint32_t hash, int64_t seq)
{
	unsigned at = place_of(c, hash);
	if (at < c->len && c->change[at].seq >= seq)
		return;
	if (at < c->len)
		drop(c, at);
	/* Behind those of the same version, so that what is read stays in its order. */
	for (at = c->len; at > 0 && c->change[at - 1].seq < seq; at--)
		;
	if (at == ZONE_CHANGES_MAX)
		return;
	if (c->len == ZONE_CHANGES_MAX)
		c->len--;
	memmove(&c->change[at + 1], &c->change[at], (c->len - at) * sizeof(*c->change));
	c->change[at] = (struct zone_change){hash, seq};
	c->len++;
}

void zone_changes_are_of(struct zone_changes *c, int64_t seq)
{
	for (unsigned i = 0; i < c->len; i++)
		if (c->change[i].seq == ZONE_CHANGES_NOW)
			c->change[i].seq = seq;
}

size_t zone_changes_text(const struct zone_changes *c, char ret_text[ZONE_CHANGES_TEXT_MAX])
{
	size_t at = 0;
	ret_text[0] = '\0';
	for (unsigned i = 0; i < c->len; i++) {
		const struct zone_change *e = &c->change[i];
		char seq[18] = "";
		if (e->seq != ZONE_CHANGES_NOW)
			snprintf(seq, sizeof(seq), ":%" PRIx64, (uint64_t)e->seq);
		at += (size_t)snprintf(ret_text + at, ZONE_CHANGES_TEXT_MAX - at,
			"%s%08" PRIx32 "%s", i ? "," : "changed=", e->hash, seq);
	}
	return at;
}

/* Hexadecimal digits, lower case, at most `max` of them; *text is moved behind them. How many. */
static unsigned read_hex(const char **text, unsigned max, uint64_t *ret_number)
{
	unsigned digits = 0;
	*ret_number = 0;
	for (; digits < max; digits++, ++*text) {
		char c = **text;
		if (c >= '0' && c <= '9')
			*ret_number = *ret_number << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*ret_number = *ret_number << 4 | (unsigned)(c - 'a' + 10);
		else
			break;
	}
	return digits;
}

void zone_changes_read(const char *text, struct zone_changes *ret_changes)
{
	static const char word[] = "changed=";
	struct zone_changes c = {0};
	ret_changes->len = 0;
	if (strncmp(text, word, sizeof(word) - 1) != 0)
		return;
	text += sizeof(word) - 1;
	for (unsigned i = 0; i < ZONE_CHANGES_MAX; i++) {
		uint64_t hash, seq = ZONE_CHANGES_NOW;
		if (read_hex(&text, 8, &hash) != 8)
			return;
		if (*text == ':') {
			text++;
			if (*text == '0' || read_hex(&text, 15, &seq) == 0)
				return;
		}
		zone_changes_add(&c, (uint32_t)hash, (int64_t)seq);
		if (*text == '\0') {
			*ret_changes = c;
			return;
		}
		if (*text++ != ',')
			return;
	}
}
