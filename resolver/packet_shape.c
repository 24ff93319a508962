/* The table of RDATA shapes, and the walk over single fields. */
#include "resolver/packet_shape.h"

#include "resolver/packet.h"

#include <errno.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Types that never had a format of their own (EID, NIMLOC, SINK, UINFO …) are left out and pass
 * as they are; so does A6, whose one name starts at a bit count. */
/* clang-format off */
static const char *const shapes[] = {
	[1] = "4", [2] = "d", [3] = "d", [4] = "d", [5] = "d", [6] = "dd44444", [7] = "d",
	[8] = "d", [9] = "d", [10] = "x", [11] = "41x", [12] = "d", [13] = "ss", [14] = "dd",
	[15] = "2d", [16] = "t", [17] = "DD", [18] = "2D", [19] = "s", [20] = "t", [21] = "2D",
	[22] = "X", [23] = "n", [24] = "2114442DX", [25] = "211x", [26] = "2DD", [27] = "sss",
	[28] = "88", [29] = "1111444", [30] = "Dx", [33] = "222D", [35] = "22sssD", [36] = "2D",
	[37] = "221X", [39] = "D", [41] = "o", [42] = "a", [43] = "211X", [44] = "11X",
	[45] = "gx", [46] = "2114442nX", [47] = "nb", [48] = "211X", [49] = "X", [50] = "112ssb",
	[51] = "112s", [52] = "111X", [53] = "111X", [55] = "hN", [56] = "t", [57] = "211x",
	[58] = "nn", [59] = "211X", [60] = "211X", [61] = "X", [62] = "42b", [63] = "411X",
	[64] = "2np", [65] = "2np", [99] = "t", [104] = "28", [105] = "24", [106] = "28",
	[107] = "2n", [108] = "6", [109] = "8",
};
/* clang-format on */

const char *packet_shape(uint16_t type)
{
	if (type < COUNT(shapes))
		return shapes[type];
	switch (type) {
	case 256: /* URI */
		return "22X";
	case 257: /* CAA */
		return "1sx";
	case 258: /* AVC */
	case 261: /* RESINFO */
		return "t";
	case 259: /* DOA */
		return "441sx";
	case 260: /* AMTRELAY */
		return "r";
	case 32768: /* TA */
	case 32769: /* DLV */
		return "211X";
	}
	return NULL;
}

/* A whole, uncompressed name. */
static int name_len(const uint8_t *at, size_t left)
{
	size_t n = 0;
	while (n < left && n < NAME_WIRE_MAX) {
		size_t label = at[n++];
		if (label == 0)
			return (int)n;
		if (label > 63)
			return -EBADMSG;
		n += label;
	}
	return -EBADMSG;
}

static int names_len(const uint8_t *at, size_t left)
{
	for (size_t n = 0; n < left;) {
		int one = name_len(at + n, left - n);
		if (one < 0)
			return one;
		n += (size_t)one;
	}
	return (int)left;
}

static int string_len(const uint8_t *at, size_t left)
{
	return left > 0 && at[0] < left ? 1 + at[0] : -EBADMSG;
}

static int strings_len(const uint8_t *at, size_t left)
{
	size_t n = 0;
	do {
		int one = string_len(at + n, left - n);
		if (one < 0)
			return one;
		n += (size_t)one;
	} while (n < left);
	return (int)left;
}

/* Windows of 1 to 32 bytes in ascending order. */
static int bitmap_len(const uint8_t *at, size_t left)
{
	int last = -1;
	for (size_t n = 0; n < left; n += 2u + at[n + 1]) {
		if (left - n < 2 || at[n] <= last || at[n + 1] < 1 || at[n + 1] > 32 ||
			at[n + 1] > left - n - 2)
			return -EBADMSG;
		last = at[n];
	}
	return (int)left;
}

static int prefixes_len(const uint8_t *at, size_t left)
{
	for (size_t n = 0; n < left; n += 4u + (at[n + 3] & 0x7f))
		if (left - n < 4 || (at[n + 3] & 0x7fu) > left - n - 4)
			return -EBADMSG;
	return (int)left;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* Code, length, value; the codes of service parameters rise, those of options need not. */
static int options_len(const uint8_t *at, size_t left, bool ascending)
{
	int last = -1;
	for (size_t n = 0; n < left; n += 4 + get16(at + n + 2)) {
		if (left - n < 4 || get16(at + n + 2) > left - n - 4)
			return -EBADMSG;
		int code = (int)get16(at + n);
		if (ascending && code <= last)
			return -EBADMSG;
		last = code;
	}
	return (int)left;
}

/* `head` bytes, then a gateway or relay: none, IPv4, IPv6, a name. */
static int gateway_len(const uint8_t *at, size_t left, size_t head, unsigned kind)
{
	int n = kind == 0 ? 0 : kind == 1 ? 4 : kind == 2 ? 16 : -EBADMSG;
	if (kind == 3)
		n = name_len(at + head, left - head);
	if (n < 0 || (size_t)n > left - head)
		return -EBADMSG;
	return (int)head + n;
}

static int host_identity_len(const uint8_t *at, size_t left)
{
	if (left < 4)
		return -EBADMSG;
	size_t n = 4u + at[0] + get16(at + 2);
	return n <= left ? (int)n : -EBADMSG;
}

int packet_field(char field, const uint8_t *at, size_t left)
{
	switch (field) {
	case 's':
		return string_len(at, left);
	case 't':
		return strings_len(at, left);
	case 'x':
		return (int)left;
	case 'X':
		return left ? (int)left : -EBADMSG;
	case 'd':
	case 'D':
	case 'n':
		return name_len(at, left);
	case 'N':
		return names_len(at, left);
	case 'b':
		return bitmap_len(at, left);
	case 'a':
		return prefixes_len(at, left);
	case 'o':
		return options_len(at, left, false);
	case 'p':
		return options_len(at, left, true);
	case 'g':
		return left < 3 ? -EBADMSG : gateway_len(at, left, 3, at[1]);
	case 'r':
		return left < 2 ? -EBADMSG : gateway_len(at, left, 2, at[1] & 0x7f);
	case 'h':
		return host_identity_len(at, left);
	}
	size_t n = (size_t)(field - '0'); /* 1 2 4 6 8 */
	return n <= left ? (int)n : -EBADMSG;
}

bool packet_rdata_valid(uint16_t type, const uint8_t *rdata, size_t len)
{
	const char *field = packet_shape(type);
	if (len > UINT16_MAX)
		return false;
	if (!field)
		return true;
	size_t at = 0;
	for (; *field; field++) {
		int n = packet_field(*field, rdata + at, len - at);
		if (n < 0)
			return false;
		at += (size_t)n;
	}
	return at == len;
}
