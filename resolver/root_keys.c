/* A short list, and its file: a line that names the format, then for each set when it came (8
 * bytes, seconds since 1970), the length of its message (2), and the message. */
#include "resolver/root_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/signed_copy.h"
#include "resolver/state_file.h"

#define PLACES (1 + 2 * ROOT_KEYS_DOMAINS)
#define FRESH_MAX 86400 /* seconds; as the TTL of any copy */
#define ASK_PAUSE (60 * SECOND)
#define SIGNERS_MAX ((ROOT_KEYS_WANTED - 1) / 2)

static const char magic[] = "kadns root keys 1\n";
#define MAGIC_LEN (sizeof(magic) - 1)
#define ENTRY_HEAD 10
#define FILE_MAX_BYTES (MAGIC_LEN + PLACES * (ENTRY_HEAD + CLAIM_BYTES_MAX))

struct place {
	struct question question;
	uint8_t *message; /* NULL: it is wanted, and has not come */
	size_t len;
	int64_t came, fresh_until, signed_until; /* seconds since 1970 */
	uint64_t asked;				 /* when it was named as wanted; 0: never */
	uint64_t used;				 /* rises with each use */
};

struct root_keys {
	char *path;
	bool changed; /* since the file was written */
	uint64_t uses, spared;
	size_t len;
	struct place places[PLACES];
};

static int64_t wall_seconds(void)
{
	return clock_wall() / (int64_t)SECOND;
}

static bool is_of_top(const struct question *q)
{
	unsigned labels = name_labels(&q->name);

	return q->class == CLASS_IN &&
	       ((q->type == TYPE_DNSKEY && labels <= 1) || (q->type == TYPE_DS && labels == 1));
}

/* ---- places ---- */

static struct place *find(struct root_keys *k, const struct question *q)
{
	for (size_t i = 0; i < k->len; i++)
		if (question_equal(&k->places[i].question, q))
			return &k->places[i];
	return NULL;
}

/* The least lately used, but never the root's: every chain needs that. */
static struct place *oldest(struct root_keys *k)
{
	struct place *out = NULL;

	for (size_t i = 0; i < k->len; i++)
		if (k->places[i].question.name.len > 1 && (!out || k->places[i].used < out->used))
			out = &k->places[i];
	return out;
}

static struct place *place_of(struct root_keys *k, const struct question *q)
{
	struct place *p = find(k, q);

	if (!p) {
		p = k->len < PLACES ? &k->places[k->len++] : oldest(k);
		free(p->message);
		*p = (struct place){.question = *q};
	}
	p->used = ++k->uses;
	return p;
}

/* 0; -EBADMSG: no signed set of these keys; -ENOMEM. */
static int keep(struct root_keys *k, const struct question *q, const struct place *new, int64_t now)
{
	struct signed_copy_facts facts;
	struct place *p;
	uint8_t *copy;

	if (!is_of_top(q) || new->len > CLAIM_BYTES_MAX ||
		signed_copy_examine(q, new->message, new->len, now, &facts) < 0 || facts.denies ||
		facts.until <= now)
		return -EBADMSG;
	copy = malloc(new->len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, new->message, new->len);
	p = place_of(k, q);
	free(p->message);
	p->message = copy;
	p->len = new->len;
	p->came = new->came;
	p->fresh_until = new->fresh_until;
	p->signed_until = facts.until;
	return 0;
}

static bool is_fresh(const struct place *p)
{
	int64_t now = wall_seconds();

	return p->message && p->came <= now && now < p->fresh_until && now < p->signed_until;
}

static int64_t fresh_until(int64_t came, uint32_t ttl)
{
	return came + (ttl < FRESH_MAX ? ttl : FRESH_MAX);
}

/* ---- hearing and asking ---- */

static bool is_proven(const struct answer *a)
{
	return a->source == SOURCE_DNS && a->validated && !a->error && !answer_is_stale(a);
}

void root_keys_hear(struct root_keys *k, const struct answer *a)
{
	const struct question q = answer_question(a);
	const struct answer_message *m = &a->message[1];
	int64_t now = wall_seconds();

	if (is_proven(a) && keep(k, &q,
				    &(struct place){.message = (uint8_t *)(uintptr_t)m->bytes,
					    .len = m->len,
					    .came = now,
					    .fresh_until = fresh_until(now, a->ttl)},
				    now) == 0)
		k->changed = true;
}

static void want(struct root_keys *k, const struct name *zone, uint16_t type,
	struct question *ret_wanted, size_t *len)
{
	struct question q = {.name = *zone, .type = type, .class = CLASS_IN};
	struct place *p = place_of(k, &q);
	uint64_t now = clock_monotonic();

	if (is_fresh(p) || (p->asked && now - p->asked < ASK_PAUSE) || *len == ROOT_KEYS_WANTED)
		return;
	p->asked = now;
	ret_wanted[(*len)++] = q;
}

size_t root_keys_wanted(
	struct root_keys *k, const struct answer *a, struct question ret_wanted[ROOT_KEYS_WANTED])
{
	const struct answer_message *m = &a->message[1];
	struct name signers[SIGNERS_MAX], root = {.len = 1}, top;
	size_t len = 0, signers_len;

	if (!is_proven(a))
		return 0;
	signers_len = signed_copy_signers(m->bytes, m->len, signers, SIGNERS_MAX);
	for (size_t i = 0; i < signers_len; i++) {
		unsigned labels = name_labels(&signers[i]);

		want(k, &root, TYPE_DNSKEY, ret_wanted, &len);
		if (labels == 0)
			continue;
		name_parent(&signers[i], labels - 1, &top);
		want(k, &top, TYPE_DS, ret_wanted, &len);
		want(k, &top, TYPE_DNSKEY, ret_wanted, &len);
	}
	return len;
}

/* ---- giving ---- */

bool root_keys_find(struct root_keys *k, const struct question *q, struct root_key *ret_key)
{
	struct place *p = find(k, q);

	if (!p || !p->message || p->signed_until <= wall_seconds())
		return false;
	p->used = ++k->uses;
	*ret_key = (struct root_key){p->message, p->len, is_fresh(p)};
	k->spared += ret_key->fresh;
	return true;
}

void root_keys_doubt(struct root_keys *k, const struct question *q)
{
	struct place *p = find(k, q);

	if (p)
		p->fresh_until = 0;
}

void root_keys_counters(const struct root_keys *k, struct root_keys_counters *ret_counters)
{
	*ret_counters = (struct root_keys_counters){.spared = k->spared};
	for (size_t i = 0; i < k->len; i++)
		ret_counters->kept += k->places[i].message != NULL;
}

/* ---- the file ---- */

/* 0, or as keep(). */
static int read_entry(
	struct root_keys *k, const uint8_t *message, size_t len, int64_t came, int64_t now)
{
	struct packet_reader reader;
	struct question q;
	struct answer *a;
	uint32_t ttl;

	if (packet_open(&reader, message, len) < 0 || packet_question(&reader, &q, NULL) < 0 ||
		!is_of_top(&q) || answer_from_message(&q, message, len, &a) < 0)
		return -EBADMSG;
	ttl = a->ttl;
	answer_unref(a);
	/* A time of after now is some other clock's. */
	if (came < 0 || came > now)
		came = 0;
	return keep(k, &q,
		&(struct place){.message = (uint8_t *)(uintptr_t)message,
			.len = len,
			.came = came,
			.fresh_until = fresh_until(came, ttl)},
		now);
}

size_t root_keys_parse(struct root_keys *k, const uint8_t *bytes, size_t len, int64_t now)
{
	size_t found = 0, at = MAGIC_LEN;

	if (len < MAGIC_LEN || memcmp(bytes, magic, MAGIC_LEN) != 0)
		return 0;
	/* No more than are written: the rest is somebody else's doing. */
	for (unsigned i = 0; i < PLACES && len - at >= ENTRY_HEAD; i++) {
		int64_t came = (int64_t)state_file_get(bytes + at, 8);
		size_t message_len = state_file_get(bytes + at + 8, 2);

		at += ENTRY_HEAD;
		if (message_len > len - at)
			break;
		found += read_entry(k, bytes + at, message_len, came, now) == 0;
		at += message_len;
	}
	return found;
}

bool root_keys_changed(const struct root_keys *k)
{
	return k->changed;
}

int root_keys_write(struct root_keys *k)
{
	uint8_t *bytes;
	size_t len = MAGIC_LEN;
	int r;

	if (!k->path || !k->changed)
		return 0;
	bytes = malloc(FILE_MAX_BYTES);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, magic, MAGIC_LEN);
	for (size_t i = 0; i < k->len; i++) {
		const struct place *p = &k->places[i];

		if (!p->message)
			continue;
		state_file_put(bytes + len, (uint64_t)p->came, 8);
		state_file_put(bytes + len + 8, p->len, 2);
		memcpy(bytes + len + ENTRY_HEAD, p->message, p->len);
		len += ENTRY_HEAD + p->len;
	}
	r = state_file_write(k->path, bytes, len);
	k->changed = r < 0;
	free(bytes);
	return r;
}

/* ---- life ---- */

struct root_keys *root_keys_create(const char *path)
{
	struct root_keys *k = calloc(1, sizeof(*k));
	uint8_t *bytes;
	size_t len;

	if (!k || !path)
		return k;
	k->path = strdup(path);
	if (!k->path) {
		free(k);
		return NULL;
	}
	if (state_file_read(path, FILE_MAX_BYTES, &bytes, &len) == 0) {
		root_keys_parse(k, bytes, len, wall_seconds());
		free(bytes);
	}
	return k;
}

void root_keys_destroy(struct root_keys *k)
{
	if (!k)
		return;
	root_keys_write(k);
	for (size_t i = 0; i < k->len; i++)
		free(k->places[i].message);
	free(k->path);
	free(k);
}
