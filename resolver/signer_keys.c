/* Keys in memory, and what is checked before anything is signed with them. */
#include "resolver/signer_keys.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dht/item.h"
#include "resolver/clock.h"
#include "resolver/zone.h"

_Static_assert(DHT_KEY_LEN == NAME_KEY_LEN && DHT_SEED_LEN == SEED_LEN, "one kind of key");

/* Seeds in memory at once: half a page. Who was not seen for longest is read again from disk. */
#define SEEDS_MAX 64
#define PAGE_BYTES (SEEDS_MAX * SEED_LEN)
#define NO_SEED SEEDS_MAX
#define AHEAD_MAX (86400 * INT64_C(1000000))

/* One for each uid that asked; it stays when its seed is dropped, for the sake of `seq`. There are
 * as many as there are key files. */
struct holder {
	uid_t uid;
	uint8_t key[NAME_KEY_LEN];
	/* Of the zone packet signed last, then of each page; 0 none. As long as was needed. */
	int64_t *seq;
	size_t seq_len;
	unsigned seed; /* which, or NO_SEED */
};

struct keys {
	int dir_fd;
	uint8_t (*seeds)[SEED_LEN];
	uint64_t used[SEEDS_MAX]; /* when, by `clock`; 0: free */
	uint64_t clock;
	size_t holders_len;
	struct holder *holders;
};

static int map_seeds(struct keys *s)
{
	void *page = mmap(
		NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	/* Where the limit on locked memory is too low a seed may reach the swap, which its file
	 * is no further from than that: no reason to have no keys at all. */
	mlock(page, PAGE_BYTES);
	madvise(page, PAGE_BYTES, MADV_DONTDUMP);
	s->seeds = page;
	return 0;
}

int keys_open(const char *dir, struct keys **ret_keys)
{
	struct keys *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->dir_fd = -1;
	r = map_seeds(s);
	if (r == 0)
		r = key_dir_open(dir, &s->dir_fd);
	if (r < 0)
		keys_close(s);
	else
		*ret_keys = s;
	return r;
}

int keys_dir(const struct keys *s)
{
	return s->dir_fd;
}

void keys_close(struct keys *s)
{
	if (!s)
		return;
	if (s->seeds) {
		OPENSSL_cleanse(s->seeds, PAGE_BYTES);
		munmap(s->seeds, PAGE_BYTES);
	}
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	for (size_t i = 0; i < s->holders_len; i++)
		free(s->holders[i].seq);
	free(s->holders);
	free(s);
}

static struct holder *find_holder(struct keys *s, uid_t uid)
{
	for (size_t i = 0; i < s->holders_len; i++)
		if (s->holders[i].uid == uid)
			return &s->holders[i];
	return NULL;
}

static struct holder *add_holder(struct keys *s, uid_t uid)
{
	struct holder *grown = reallocarray(s->holders, s->holders_len + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	s->holders = grown;
	grown[s->holders_len] = (struct holder){.uid = uid, .seed = NO_SEED};
	return &grown[s->holders_len++];
}

/* A free place for a seed; the one not used for longest is wiped for it. */
static unsigned free_seed(struct keys *s)
{
	unsigned oldest = 0;

	for (unsigned i = 1; i < SEEDS_MAX; i++)
		if (s->used[i] < s->used[oldest])
			oldest = i;
	for (size_t i = 0; i < s->holders_len; i++)
		if (s->holders[i].seed == oldest)
			s->holders[i].seed = NO_SEED;
	OPENSSL_cleanse(s->seeds[oldest], SEED_LEN);
	s->used[oldest] = 0;
	return oldest;
}

static int load(struct keys *s, uid_t uid, bool make, uint8_t ret_seed[SEED_LEN])
{
	int r = key_file_read(s->dir_fd, uid, ret_seed);

	if (r != -ENOENT || !make)
		return r;
	r = key_file_make(s->dir_fd, uid);
	/* Read back, so that what is used is what lies on the disk. */
	return r < 0 && r != -EEXIST ? r : key_file_read(s->dir_fd, uid, ret_seed);
}

/* The holder with its seed in memory. */
static int hold(struct keys *s, uid_t uid, bool make, struct holder **ret_holder)
{
	struct holder *h = find_holder(s, uid);
	uint8_t key[NAME_KEY_LEN];
	unsigned place;
	int r;

	if (uid == (uid_t)-1)
		return -EINVAL;
	if (!h || h->seed == NO_SEED) {
		place = free_seed(s);
		r = load(s, uid, make, s->seeds[place]);
		if (r == 0)
			r = dht_key_of_seed(s->seeds[place], key);
		/* Another key than before in the same run: someone changed the file. */
		if (r == 0 && h && memcmp(h->key, key, sizeof(key)) != 0)
			r = -EPERM;
		if (r == 0 && !h && !(h = add_holder(s, uid)))
			r = -ENOMEM;
		if (r < 0) {
			OPENSSL_cleanse(s->seeds[place], SEED_LEN);
			return r;
		}
		memcpy(h->key, key, sizeof(key));
		h->seed = place;
	}
	s->used[h->seed] = ++s->clock;
	*ret_holder = h;
	return 0;
}

int keys_of(struct keys *s, uid_t uid, uint8_t ret_key[NAME_KEY_LEN])
{
	struct holder *h;
	int r = hold(s, uid, true, &h);

	if (r == 0)
		memcpy(ret_key, h->key, NAME_KEY_LEN);
	return r;
}

int keys_secret(struct keys *s, uid_t uid, uint8_t ret_seed[SEED_LEN])
{
	struct holder *h;
	int r = hold(s, uid, true, &h);

	if (r == 0)
		memcpy(ret_seed, s->seeds[h->seed], SEED_LEN);
	return r;
}

/* The holder goes, and comes again with what its file has by then: of the key before nothing is
 * left in memory, and `seq` of the new one is asked of those who keep it. */
static void forget_holder(struct keys *s, uid_t uid)
{
	struct holder *h = find_holder(s, uid);

	if (!h)
		return;
	if (h->seed != NO_SEED) {
		OPENSSL_cleanse(s->seeds[h->seed], SEED_LEN);
		s->used[h->seed] = 0;
	}
	free(h->seq);
	*h = s->holders[--s->holders_len];
}

int keys_import(struct keys *s, uid_t uid, const uint8_t seed[SEED_LEN])
{
	struct holder *h;
	int r;

	if (uid == (uid_t)-1)
		return -EINVAL;
	r = hold(s, uid, false, &h);
	if (r == 0 && CRYPTO_memcmp(s->seeds[h->seed], seed, SEED_LEN) == 0)
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	r = key_file_replace(s->dir_fd, uid, seed);
	/* Also where it failed at the last step: what counts is what the file has. */
	forget_holder(s, uid);
	return r;
}

/* Nothing is made here: who has a key by another name than we know it by has none. */
static int hold_known(struct keys *s, const struct key_owner *owner, struct holder **ret_holder)
{
	int r = hold(s, owner->uid, false, ret_holder);

	if (r == 0 && memcmp((*ret_holder)->key, owner->key, NAME_KEY_LEN) != 0)
		r = -EPERM;
	return r;
}

/* Nothing but records of class IN at or below the key. */
static int check_packet(const uint8_t key[NAME_KEY_LEN], const uint8_t *packet, size_t len)
{
	struct packet_reader *reader = malloc(sizeof(*reader));
	const struct packet_header *header;
	struct name origin;
	struct rr rr;
	int n, r = -EBADMSG;

	if (!reader)
		return -ENOMEM;
	key_to_name(key, &origin);
	if (packet_open(reader, packet, len) < 0)
		goto out;
	header = &reader->header;
	if (header->id != 0 || header->flags != FLAG_QR || header->count[0] || header->count[2] ||
		header->count[3])
		goto out;
	while ((n = packet_next(reader, &rr)) > 0) {
		if (rr.class != CLASS_IN || !name_under(&rr.owner, &origin)) {
			r = -EPERM;
			goto out;
		}
	}
	if (n == 0 && packet_at_end(reader))
		r = 0;
out:
	free(reader);
	return r;
}

/* Where the last seq of this part is kept; NULL: no memory. */
static int64_t *last_seq(struct holder *h, unsigned page)
{
	size_t at = page == PAGES_HEAD ? 0 : page + 1u;

	if (at >= h->seq_len) {
		int64_t *grown = reallocarray(h->seq, at + 1, sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + h->seq_len, 0, (at + 1 - h->seq_len) * sizeof(*grown));
		h->seq = grown;
		h->seq_len = at + 1;
	}
	return &h->seq[at];
}

int keys_sign_part(struct keys *s, const struct key_owner *owner, const struct signer_part *part,
	uint8_t ret_sig[64])
{
	struct dht_item item = {.is_mutable = true, .seq = part->seq};
	struct holder *h;
	int64_t *last;
	int r;

	if (part->len > ZONE_BYTES_MAX)
		return -EFBIG;
	if (part->page > PAGES_HEAD)
		return -EINVAL;
	r = hold_known(s, owner, &h);
	if (r == 0)
		r = check_packet(h->key, part->packet, part->len);
	if (r < 0)
		return r;
	last = last_seq(h, part->page);
	if (!last)
		return -ENOMEM;
	if ((part->seq <= *last && !clock_was_wrong(*last)) ||
		part->seq - AHEAD_MAX > clock_signing())
		return -EPERM;
	item.salt_len = (uint8_t)pages_salt(part->page, item.salt);
	r = dht_item_set_string(&item, part->packet, part->len);
	if (r == 0)
		r = dht_item_sign(&item, s->seeds[h->seed]);
	if (r < 0)
		return r;
	*last = part->seq;
	memcpy(ret_sig, item.sig, sizeof(item.sig));
	return 0;
}

static int sign(const uint8_t seed[SEED_LEN], const uint8_t *bytes, size_t len, uint8_t ret_sig[64])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SEED_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t sig_len = 64;
	int r = pkey && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
				EVP_DigestSign(ctx, ret_sig, &sig_len, bytes, len) == 1
			? 0
			: -EIO;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}

int keys_sign_claim(struct keys *s, const struct key_owner *owner,
	const struct claim_request *claim, uint8_t ret_sig[64])
{
	uint8_t *bytes;
	size_t len, rrsig_len;
	struct holder *h;
	int r = hold_known(s, owner, &h);

	if (r == 0)
		r = claim_to_sign(claim->set, h->key, claim->inception, claim->expiration, &bytes,
			&len, &rrsig_len);
	if (r < 0)
		return r;
	r = sign(s->seeds[h->seed], bytes, len, ret_sig);
	free(bytes);
	return r;
}
