/* Internationalized names: libidn2, a label at a time. */
#include "resolver/idn.h"

#include <errno.h>
#include <idn2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LABEL_MAX 63

/* UTS 46 takes them for the dot: IDEOGRAPHIC, FULLWIDTH and HALFWIDTH IDEOGRAPHIC FULL STOP. */
static const char *const wide_dots[] = {"\u3002", "\uff0e", "\uff61"};
#define WIDE_DOT_LEN 3

/* How many bytes of text[at] are a dot; 0: none. */
static size_t dot_at(const char *text, size_t len, size_t at)
{
	if (text[at] == '.')
		return 1;
	for (size_t i = 0; i < sizeof(wide_dots) / sizeof(*wide_dots); i++)
		if (len - at >= WIDE_DOT_LEN && memcmp(text + at, wide_dots[i], WIDE_DOT_LEN) == 0)
			return WIDE_DOT_LEN;
	return 0;
}

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] >= 0x80)
			return false;
	return true;
}

/* Letters, digits and hyphens: libidn2 passes what ASCII it does not know, and what wide forms of
 * it map to, which here must not become a dot or an escape. (Its IDN2_USE_STD3_ASCII_RULES does not
 * refuse such characters but drops them, and so makes one name of two.) */
static bool is_host_label(const char *label, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = label[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return len > 0;
}

static int error_of(int idn2_error)
{
	switch (idn2_error) {
	case IDN2_OK:
		return 0;
	case IDN2_MALLOC:
		return -ENOMEM;
	case IDN2_TOO_BIG_DOMAIN:
	case IDN2_TOO_BIG_LABEL:
	case IDN2_PUNYCODE_BIG_OUTPUT:
		return -ENAMETOOLONG;
	default:
		return -EINVAL;
	}
}

/* `label` ends with a NUL and holds no other. */
static int convert(const char *label, char ret_label[LABEL_MAX], size_t *ret_len)
{
	uint8_t *found = NULL;
	int r = error_of(idn2_lookup_u8(
		(const uint8_t *)label, &found, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT));
	if (r < 0)
		return r;
	*ret_len = strlen((char *)found);
	if (*ret_len > LABEL_MAX)
		r = -ENAMETOOLONG;
	else if (!is_host_label((char *)found, *ret_len))
		r = -EINVAL;
	else
		memcpy(ret_label, found, *ret_len);
	idn2_free(found);
	return r;
}

struct output {
	char *bytes;
	size_t len, cap;
};

static int put(struct output *out, const char *bytes, size_t len)
{
	if (len > out->cap - out->len)
		return -ENAMETOOLONG;
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
	return 0;
}

static int put_label(struct output *out, const char *label, size_t len)
{
	char given[256], converted[LABEL_MAX];
	if (is_ascii(label, len))
		return put(out, label, len);
	/* An A-label is hardly ever shorter than a quarter of what it stands for. */
	if (len >= sizeof(given))
		return -ENAMETOOLONG;
	if (memchr(label, '\0', len))
		return -EINVAL;
	memcpy(given, label, len);
	given[len] = '\0';
	size_t n;
	int r = convert(given, converted, &n);
	return r < 0 ? r : put(out, converted, n);
}

int idn_to_ascii(const char *text, size_t len, char *ret_ascii, size_t cap, size_t *ret_len)
{
	struct output out = {.bytes = ret_ascii, .cap = cap};
	bool dotted = false;
	size_t from = 0;
	for (size_t at = 0; at < len && !dotted; at++)
		dotted = dot_at(text, len, at) > 0;
	int r = dotted ? 0 : -EINVAL;
	for (size_t at = 0; r == 0 && at < len;) {
		size_t dot = dot_at(text, len, at);
		if (dot) {
			r = put_label(&out, text + from, at - from);
			if (r == 0)
				r = put(&out, ".", 1);
			from = at + dot;
		}
		at += dot ? dot : 1;
	}
	if (r == 0)
		r = put_label(&out, text + from, len - from);
	*ret_len = out.len;
	return r;
}
