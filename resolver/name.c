/* DNS names in wire form: reading them out of a message, comparing, cutting, hashing. */
#include "resolver/name.h"

#include <errno.h>
#include <string.h>

#include "resolver/hash.h"

#define LABEL_MAX 63
#define POINTER_BITS 0xc0
#define POINTER_HOPS_MAX 16 /* real messages need two or three */
#define POINTER_LEAST 12    /* no name begins inside the message's header */
/* Steps that one name can need: 127 labels, the root and the hops. */
#define NAME_STEPS_MAX (NAME_WIRE_MAX / 2 + 1 + POINTER_HOPS_MAX)

int name_expand(
	const uint8_t *message, size_t len, size_t *offset, unsigned *budget, struct name *ret_name)
{
	size_t at = *offset, segment = at, behind = 0, out = 0;
	unsigned hops = 0;
	for (;;) {
		if (at >= len || *budget == 0)
			return -EBADMSG;
		--*budget;
		size_t label = message[at];
		if (label >= POINTER_BITS) {
			if (len - at < 2 || ++hops > POINTER_HOPS_MAX)
				return -EBADMSG;
			size_t target = (label & ~(size_t)POINTER_BITS) << 8 | message[at + 1];
			if (!behind)
				behind = at + 2;
			/* Before all that this name has read so far, so no chain can be a loop. */
			if (target >= segment || target < POINTER_LEAST)
				return -EBADMSG;
			segment = at = target;
			continue;
		}
		if (label > LABEL_MAX || label >= len - at || out + 1 + label > NAME_WIRE_MAX)
			return -EBADMSG;
		memcpy(ret_name->wire + out, message + at, 1 + label);
		out += 1 + label;
		at += 1 + label;
		if (!label)
			break;
	}
	ret_name->len = (uint8_t)out;
	*offset = behind ? behind : at;
	return 0;
}

int name_from_wire_cased(const uint8_t *message, size_t len, size_t *offset, struct name *ret_name)
{
	unsigned budget = NAME_STEPS_MAX;
	return name_expand(message, len, offset, &budget, ret_name);
}

int name_from_wire(const uint8_t *message, size_t len, size_t *offset, struct name *ret_name)
{
	int r = name_from_wire_cased(message, len, offset, ret_name);
	if (r == 0)
		name_fold(ret_name);
	return r;
}

void name_fold(struct name *name)
{
	/* Length bytes are 63 at most and letters begin at 65, so no label needs looking at. */
	for (size_t i = 0; i < name->len; i++) {
		uint8_t c = name->wire[i];
		name->wire[i] = (uint8_t)(c + ((uint8_t)(c - 'A') < 26 ? 'a' - 'A' : 0));
	}
}

bool name_equal(const struct name *a, const struct name *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

bool name_under(const struct name *name, const struct name *suffix)
{
	size_t at = 0;
	while ((size_t)name->len - at > suffix->len)
		at += 1u + name->wire[at];
	return (size_t)name->len - at == suffix->len &&
	       memcmp(name->wire + at, suffix->wire, suffix->len) == 0;
}

unsigned name_labels(const struct name *name)
{
	unsigned labels = 0;
	for (size_t at = 0; name->wire[at]; at += 1u + name->wire[at])
		labels++;
	return labels;
}

void name_parent(const struct name *name, unsigned n, struct name *ret_name)
{
	size_t at = 0;
	for (; n > 0 && name->wire[at]; n--)
		at += 1u + name->wire[at];
	size_t len = name->len - at;
	memmove(ret_name->wire, name->wire + at, len); /* ret_name may be name */
	ret_name->len = (uint8_t)len;
}

int name_join(const struct name *name, const struct name *suffix, struct name *ret_name)
{
	size_t head = name->len - 1u;
	if (head + suffix->len > NAME_WIRE_MAX)
		return -ENAMETOOLONG;
	struct name joined;
	memcpy(joined.wire, name->wire, head);
	memcpy(joined.wire + head, suffix->wire, suffix->len);
	joined.len = (uint8_t)(head + suffix->len);
	*ret_name = joined;
	return 0;
}

uint64_t name_hash(const struct name *name, uint64_t seed)
{
	return hash_bytes(name->wire, name->len, seed);
}
