/* Versions that a version of a zone was built on: a number of each writer. */
#include "resolver/zone_seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

unsigned zone_writer(uint32_t number)
{
	return (number % ZONE_WRITERS) | 1;
}

unsigned zone_seq_writer(int64_t seq)
{
	return (unsigned)((uint64_t)seq % ZONE_WRITERS);
}

int64_t zone_seq(unsigned writer, int64_t seen, int64_t now)
{
	int64_t most = seen < now - ZONE_WRITERS ? now : seen + ZONE_WRITERS;
	return most - (int64_t)zone_seq_writer(most - writer);
}

static unsigned place_of(const struct zone_seen *s, unsigned writer)
{
	unsigned i = 0;
	while (i < s->len && zone_seq_writer(s->seq[i]) != writer)
		i++;
	return i;
}

int64_t zone_seen_of(const struct zone_seen *s, unsigned writer)
{
	unsigned at = place_of(s, writer);
	return at < s->len ? s->seq[at] : 0;
}

static void drop(struct zone_seen *s, unsigned at)
{
	s->len--;
	memmove(&s->seq[at], &s->seq[at + 1], (s->len - at) * sizeof(*s->seq));
}

void zone_seen_add(struct zone_seen *s, int64_t seq)
{
	unsigned at = place_of(s, zone_seq_writer(seq));
	if (at < s->len && s->seq[at] >= seq)
		return;
	if (at < s->len)
		drop(s, at);
	for (at = s->len; at > 0 && s->seq[at - 1] < seq; at--)
		;
	if (at == ZONE_SEEN_MAX + 1)
		return;
	if (s->len == ZONE_SEEN_MAX + 1)
		s->len--;
	memmove(&s->seq[at + 1], &s->seq[at], (s->len - at) * sizeof(*s->seq));
	s->seq[at] = seq;
	s->len++;
}

bool zone_seen_has(const struct zone_seen *s, int64_t dot)
{
	return dot && zone_seen_of(s, zone_seq_writer(dot)) >= dot;
}

void zone_seen_both(struct zone_seen *s, const struct zone_seen *other)
{
	struct zone_seen both = {0};
	for (unsigned i = 0; i < s->len; i++) {
		int64_t theirs = zone_seen_of(other, zone_seq_writer(s->seq[i]));
		if (theirs)
			zone_seen_add(&both, theirs < s->seq[i] ? theirs : s->seq[i]);
	}
	*s = both;
}

size_t zone_seen_text(const struct zone_seen *s, unsigned but, char ret_text[ZONE_SEEN_TEXT_MAX])
{
	size_t at = 0;
	unsigned said = 0;
	ret_text[0] = '\0';
	for (unsigned i = 0; i < s->len && said < ZONE_SEEN_MAX; i++)
		if (zone_seq_writer(s->seq[i]) != but)
			at += (size_t)snprintf(ret_text + at, ZONE_SEEN_TEXT_MAX - at, "%s%" PRId64,
				said++ ? "," : " seen=", s->seq[i]);
	return at;
}

/* A number of digits only, without leading zeros; *text is moved behind it. 0: it is none. */
static int64_t read_seq(const char **text)
{
	int64_t number = 0;
	if (**text == '0')
		return 0;
	for (; **text >= '0' && **text <= '9'; ++*text) {
		int digit = **text - '0';
		if (number > (INT64_MAX - digit) / 10)
			return 0;
		number = number * 10 + digit;
	}
	return number;
}

void zone_seen_read(const char *text, struct zone_seen *ret_seen)
{
	struct zone_seen seen = {0};
	*ret_seen = seen;
	for (unsigned i = 0; i < ZONE_SEEN_MAX; i++) {
		int64_t seq = read_seq(&text);
		if (seq == 0)
			return;
		zone_seen_add(&seen, seq);
		if (*text == '\0') {
			*ret_seen = seen;
			return;
		}
		if (*text++ != ',')
			return;
	}
}
