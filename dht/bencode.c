/* Bencode (BEP 3), canonical form only; see bencode.h.
 *
 * All reading goes through one function, `token_length`, which never looks past the end it
 * is given. So the accessors are memory-safe even on text that nobody has opened. */
#include "dht/bencode.h"

#include <errno.h>
#include <string.h>

/* A list or dict that is open while text is being checked. */
struct frame {
	bool dict;
	bool value_due; /* in a dict: a key was read, its value has to follow */
	bool has_key;
	struct bytes last_key;
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Decimal digits at the start; 0: there are none. `lax`: zeros may lead. */
static size_t digits_length(const uint8_t *text, size_t len, bool lax)
{
	size_t n = 0;
	while (n < len && is_digit(text[n]))
		n++;
	return n > 1 && text[0] == '0' && !lax ? 0 : n;
}

/* "i", "-" where the number is negative and not zero, digits, "e". */
static size_t integer_length(const uint8_t *text, size_t len, bool lax)
{
	size_t at = 1;
	bool negative = at < len && text[at] == '-';
	if (negative)
		at++;
	size_t digits = digits_length(text + at, len - at, lax);
	if (digits == 0 || (negative && text[at] == '0' && !lax))
		return 0;
	at += digits;
	return at < len && text[at] == 'e' ? at + 1 : 0;
}

/* Digits, ":", that many bytes. */
static size_t string_length(const uint8_t *text, size_t len, bool lax, struct bytes *ret_string)
{
	size_t at = 0, n = 0;
	for (; at < len && is_digit(text[at]); at++) {
		n = n * 10 + (size_t)(text[at] - '0');
		if (n > len) /* longer than all there is; so it cannot overflow either */
			return 0;
	}
	if (at == 0 || at >= len || text[at] != ':' || (at > 1 && text[0] == '0' && !lax))
		return 0;
	at++;
	if (n > len - at)
		return 0;
	*ret_string = (struct bytes){text + at, n};
	return at + n;
}

/* Length of the token at the start: a whole integer or string, or one of "l", "d", "e".
 * 0 if it does not end within `len`, or, unless `lax`, is not canonical. A string's bytes are
 * returned too. */
static size_t token_length(const uint8_t *text, size_t len, bool lax, struct bytes *ret_string)
{
	*ret_string = (struct bytes){NULL, 0};
	if (len == 0)
		return 0;
	if (is_digit(text[0])) /* as nearly all are */
		return string_length(text, len, lax, ret_string);
	switch (text[0]) {
	case 'l':
	case 'd':
	case 'e':
		return 1;
	case 'i':
		return integer_length(text, len, lax);
	default:
		return 0;
	}
}

static bool key_before(struct bytes a, struct bytes b)
{
	if (a.len > 0 && b.len > 0 && a.data[0] != b.data[0])
		return a.data[0] < b.data[0];
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
	return order < 0 || (order == 0 && a.len < b.len);
}

/* May this token stand here? Keeps the frame's idea of what comes next. */
static bool frame_accepts(struct frame *frame, uint8_t kind, struct bytes string, bool lax)
{
	if (!frame->dict)
		return true;
	if (kind == 'e')
		return !frame->value_due;
	if (frame->value_due) {
		frame->value_due = false;
		return true;
	}
	if (!string.data || (frame->has_key && !lax && !key_before(frame->last_key, string)))
		return false;
	frame->last_key = string;
	frame->has_key = true;
	frame->value_due = true;
	return true;
}

/* Text on its way through the check. */
struct check {
	const uint8_t *text;
	size_t len, at;
	struct frame stack[BENCODE_DEPTH_MAX];
	unsigned depth, tokens;
};

static bool check_token(struct check *c, bool lax)
{
	struct bytes string;
	size_t n = token_length(c->text + c->at, c->len - c->at, lax, &string);
	if (n == 0 || ++c->tokens > BENCODE_TOKENS_MAX)
		return false;
	uint8_t kind = c->text[c->at];
	if (c->depth == 0 ? kind == 'e'
			  : !frame_accepts(&c->stack[c->depth - 1], kind, string, lax))
		return false;
	c->at += n;
	if (kind == 'e') {
		c->depth--;
	} else if (kind == 'd' || kind == 'l') {
		if (c->depth == BENCODE_DEPTH_MAX)
			return false;
		c->stack[c->depth++] = (struct frame){.dict = kind == 'd'};
	}
	return true;
}

/* One whole value. */
static bool check_value(struct check *c, bool lax)
{
	unsigned depth = c->depth;
	do {
		if (!check_token(c, lax))
			return false;
	} while (c->depth > depth);
	return true;
}

int bencode_open_prefix(const uint8_t *text, size_t len, struct bencode *ret_value)
{
	struct check c = {.text = text, .len = len};
	if (!check_value(&c, false))
		return -EBADMSG;
	ret_value->raw = (struct bytes){text, c.at};
	return 0;
}

int bencode_open(const uint8_t *text, size_t len, struct bencode *ret_value)
{
	int r = bencode_open_prefix(text, len, ret_value);
	if (r == 0 && ret_value->raw.len != len)
		r = -EBADMSG;
	return r;
}

static bool last_key_is(const struct frame *frame, uint8_t key)
{
	return frame->dict && frame->last_key.len == 1 && frame->last_key.data[0] == key;
}

/* Is the value of `v` in the dict `a` next? */
static bool at_offer(const struct check *c)
{
	return c->depth == 2 && last_key_is(&c->stack[0], 'a') && last_key_is(&c->stack[1], 'v') &&
	       c->stack[1].value_due;
}

/* What has been checked of a message, and where the values begin whose ends are still to come. */
struct parting {
	struct bencode_message *m;
	size_t top_at, body_at;
};

/* The check has just passed a token of this dict: a key, or the end of the value of the last one.
 */
static void part(const struct check *c, const struct frame *dict, struct bencode_members *members,
	size_t *value_at)
{
	if (!dict->dict || !dict->has_key)
		return;
	if (dict->value_due) {
		*value_at = c->at;
	} else if (members->len < BENCODE_MEMBERS_MAX) {
		members->key[members->len] = dict->last_key;
		members->value[members->len++].raw = (struct bytes){
			c->text + *value_at, c->at - *value_at};
	}
}

static void part_message(const struct check *c, struct parting *p)
{
	const struct frame *top = &c->stack[0];
	struct bencode_message *m = p->m;
	if (c->depth == 1) {
		part(c, top, &m->top, &p->top_at);
	} else if (c->depth == 2 && (last_key_is(top, 'a') || last_key_is(top, 'r'))) {
		if (!c->stack[1].has_key) /* it begins */
			m->body.len = 0;
		/* If nothing comes after this token, the next byte ends it. */
		m->body.dict.raw = (struct bytes){c->text + p->top_at, c->at + 1 - p->top_at};
		part(c, &c->stack[1], &m->body, &p->body_at);
	}
}

int bencode_open_message(const uint8_t *text, size_t len, struct bencode_message *ret_message)
{
	struct check c = {.text = text, .len = len};
	struct parting p = {.m = ret_message};
	ret_message->top.len = ret_message->body.len = 0;
	ret_message->body.dict.raw = (struct bytes){NULL, 0};
	ret_message->canonical = true;
	do {
		struct bencode offer;
		bool lax = at_offer(&c) && bencode_open_prefix(text + c.at, len - c.at, &offer) < 0;
		if (lax ? !check_value(&c, true) : !check_token(&c, false))
			return -EBADMSG;
		ret_message->canonical &= !lax;
		part_message(&c, &p);
	} while (c.depth > 0);
	if (c.at != len)
		return -EBADMSG;
	ret_message->top.dict.raw = (struct bytes){text, c.at};
	return 0;
}

/* Length of the whole value at the start; 0 where there is none. */
static size_t value_length(const uint8_t *text, size_t len)
{
	size_t at = 0, depth = 0;
	do {
		struct bytes string;
		size_t n = token_length(text + at, len - at, true, &string);
		if (n == 0)
			return 0;
		if (text[at] == 'e' && depth-- == 0)
			return 0; /* the end of the container around us */
		if (text[at] == 'd' || text[at] == 'l')
			depth++;
		at += n;
	} while (depth > 0);
	return at;
}

static bool begins_with(struct bencode v, uint8_t kind)
{
	return v.raw.len > 0 && v.raw.data[0] == kind;
}

bool bencode_is_dict(struct bencode v)
{
	return begins_with(v, 'd');
}

bool bencode_is_list(struct bencode v)
{
	return begins_with(v, 'l');
}

/* The next value inside a list or dict; *cursor counts bytes from the container's start. */
static bool next_value(struct bencode container, size_t *cursor, struct bencode *ret_value)
{
	size_t at = *cursor ? *cursor : 1;
	if (at >= container.raw.len)
		return false;
	const uint8_t *text = container.raw.data + at;
	size_t len = container.raw.len - at;
	struct bytes string;
	size_t n = is_digit(text[0]) ? string_length(text, len, true, &string)
				     : value_length(text, len);
	if (n == 0)
		return false;
	ret_value->raw = (struct bytes){text, n};
	*cursor = at + n;
	return true;
}

/* The same of a key, which is to be a canonical string. */
static bool next_key(struct bencode dict, size_t *cursor, struct bytes *ret_key)
{
	size_t at = *cursor ? *cursor : 1;
	if (at >= dict.raw.len)
		return false;
	size_t n = string_length(dict.raw.data + at, dict.raw.len - at, false, ret_key);
	*cursor = at + n;
	return n > 0;
}

bool bencode_next(struct bencode list, size_t *cursor, struct bencode *ret_value)
{
	return bencode_is_list(list) && next_value(list, cursor, ret_value);
}

/* Keys are sorted, so the search ends at the first one that comes after: a stranger's long
 * list behind it is not walked through once more for each member that is not there. */
bool bencode_get(struct bencode v, const char *key, struct bencode *ret_value)
{
	struct bytes wanted = {(const uint8_t *)key, strlen(key)}, found;
	struct bencode value;
	size_t cursor = 0;
	if (!bencode_is_dict(v))
		return false;
	while (next_key(v, &cursor, &found)) {
		bool before = key_before(found, wanted);
		if (!before && key_before(wanted, found))
			return false;
		if (!next_value(v, &cursor, &value))
			return false;
		if (!before) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

void bencode_members(struct bencode v, struct bencode_members *ret_members)
{
	size_t cursor = 0, n = 0;
	ret_members->dict = v;
	while (bencode_is_dict(v) && n < BENCODE_MEMBERS_MAX &&
		next_key(v, &cursor, &ret_members->key[n]) &&
		next_value(v, &cursor, &ret_members->value[n]))
		n++;
	ret_members->len = n;
}

const struct bencode_members *bencode_body(
	const struct bencode_message *message, struct bencode value, struct bencode_members *other)
{
	if (value.raw.data == message->body.dict.raw.data)
		return &message->body;
	bencode_members(value, other);
	return other;
}

bool bencode_member(
	const struct bencode_members *members, const char *key, struct bencode *ret_value)
{
	size_t len = strlen(key);
	for (size_t i = 0; i < members->len; i++) {
		const struct bytes *k = &members->key[i];
		if (k->len == len && k->data[0] == (uint8_t)key[0] && !memcmp(k->data, key, len)) {
			*ret_value = members->value[i];
			return true;
		}
	}
	return members->len == BENCODE_MEMBERS_MAX && bencode_get(members->dict, key, ret_value);
}

bool bencode_string(struct bencode v, struct bytes *ret_string)
{
	return v.raw.len > 0 && is_digit(v.raw.data[0]) &&
	       string_length(v.raw.data, v.raw.len, false, ret_string) > 0;
}

bool bencode_integer(struct bencode v, int64_t *ret_integer)
{
	if (!begins_with(v, 'i') || integer_length(v.raw.data, v.raw.len, false) == 0)
		return false;
	const uint8_t *at = v.raw.data + 1;
	bool negative = *at == '-';
	if (negative)
		at++;
	int64_t n = 0;
	for (; *at != 'e'; at++) { /* downwards, because INT64_MIN has no positive twin */
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, *at - '0', &n))
			return false;
	}
	if (!negative && __builtin_sub_overflow(0, n, &n))
		return false;
	*ret_integer = n;
	return true;
}

void bencode_begin(struct bencode_writer *w, uint8_t *buf, size_t cap)
{
	*w = (struct bencode_writer){.buf = buf, .cap = cap};
}

void bencode_put_raw(struct bencode_writer *w, const void *data, size_t len)
{
	if (w->full || len > w->cap - w->len) {
		w->full = true;
		return;
	}
	if (len > 0) /* memcpy from NULL is undefined even for nothing */
		memcpy(w->buf + w->len, data, len);
	w->len += len;
}

/* The digits of n, ending before text[at]; where they begin. A reply has thirty numbers, and
 * snprintf took a third of its time. */
static size_t decimal_before(char *text, size_t at, uint64_t n)
{
	do
		text[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return at;
}

void bencode_put_string(struct bencode_writer *w, const void *data, size_t len)
{
	char prefix[24];
	size_t at = sizeof(prefix);
	if (len > 0 && len < 10 && !w->full && w->cap - w->len >= len + 2) { /* as keys are */
		w->buf[w->len] = (uint8_t)('0' + len);
		w->buf[w->len + 1] = ':';
		memcpy(w->buf + w->len + 2, data, len);
		w->len += len + 2;
		return;
	}
	prefix[--at] = ':';
	at = decimal_before(prefix, at, len);
	bencode_put_raw(w, prefix + at, sizeof(prefix) - at);
	bencode_put_raw(w, data, len);
}

void bencode_put_integer(struct bencode_writer *w, int64_t n)
{
	char text[24];
	size_t at = sizeof(text);
	text[--at] = 'e';
	at = decimal_before(text, at, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
	if (n < 0)
		text[--at] = '-';
	text[--at] = 'i';
	bencode_put_raw(w, text + at, sizeof(text) - at);
}

void bencode_put_open(struct bencode_writer *w, char kind)
{
	bencode_put_raw(w, &kind, 1);
}

void bencode_put_close(struct bencode_writer *w)
{
	bencode_put_raw(w, "e", 1);
}

int bencode_end(const struct bencode_writer *w)
{
	return w->full ? -ENOBUFS : (int)w->len;
}
