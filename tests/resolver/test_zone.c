/* resolver/zone: pkarr's own bytes, what is left out of a stranger's packet, and answers. */
#undef NDEBUG
#include <errno.h>

#include "dht/item.h"
#include "resolver/zone.h"
#include "tests/resolver/message_text.h"

/* RFC 8032, test 1: the key of the vectors (facts: pkarr, 1.6). */
#define KEY "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"
#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define SEQ 1700000000000000
#define OWNER                                                                                      \
	"343437706a6f79636e7372666d78696b6d39356a6831337938386538716e687a75356b756e676a7078796570" \
	"67"                                                                                       \
	"743761386b727079"
#define D1 "00008000000000010000000003666f6f" OWNER "00000100010000012c0004c0000201"
#define D2 "000080000000000100000000" OWNER "00000100010000012c0004c0000201"
#define D3 "000080000000000000000000"
#define D4                                                                                         \
	"00008000000000020000000003666f6f" OWNER                                                   \
	"00000100010000012c0004c0000201025f74c010001000010000001e00060568656c6c6f"

static size_t unhex(const char *hex, uint8_t *ret_bytes)
{
	size_t n = strlen(hex) / 2;
	for (size_t i = 0; i < n; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		ret_bytes[i] = (uint8_t)byte;
	}
	return n;
}

static void public_key(uint8_t ret_key[NAME_KEY_LEN])
{
	unhex(PUBLIC, ret_key);
}

static struct zone *empty_zone(void)
{
	uint8_t key[NAME_KEY_LEN];
	struct zone *zone;
	public_key(key);
	assert_int_equal(zone_create(key, &zone), 0);
	return zone;
}

/* "www" is www.KEY, "@" the key itself, and a final dot stands for a whole name. */
static struct question at_key(const char *name, const char *type)
{
	char text[600];
	size_t len = strlen(name);
	if (strcmp(name, "@") == 0)
		snprintf(text, sizeof(text), KEY " %s", type);
	else if (name[len - 1] == '.')
		snprintf(text, sizeof(text), "%s %s", name, type);
	else
		snprintf(text, sizeof(text), "%s." KEY " %s", name, type);
	return question_of(text);
}

static struct rrset *set_of(const char *name, const char *type, uint32_t ttl, const char *data)
{
	struct question q = at_key(name, type);
	struct rrset *set = rrset_create(&q, ttl);
	uint8_t rdata[512];
	size_t len = 0;
	char text[512];
	snprintf(text, sizeof(text), "%s", data);
	assert_non_null(set);
	rdata_from_text(q.type, text, rdata, &len);
	assert_int_equal(rrset_add(set, rdata, len), 0);
	return set;
}

static int put(
	struct zone *zone, const char *name, const char *type, uint32_t ttl, const char *data)
{
	struct rrset *set = set_of(name, type, ttl, data);
	int r = zone_set(zone, set);
	rrset_destroy(set);
	return r;
}

static void assert_written(const struct zone *zone, const char *hex)
{
	uint8_t expected[1000], packet[ZONE_BYTES_MAX];
	size_t len = unhex(hex, expected);
	assert_int_equal(zone_write(zone, packet), len);
	assert_memory_equal(packet, expected, len);
}

/* The signature over these bytes, made from the seed where there is one, and verified. */
static void assert_signed(const char *hex, const char *sig_hex, bool sign)
{
	uint8_t bytes[1000], seed[32], sig[64];
	struct dht_item item = {.is_mutable = true, .seq = SEQ};
	size_t len = unhex(hex, bytes);
	unhex(sig_hex, sig);
	unhex(SEED, seed);
	assert_int_equal(dht_item_set_string(&item, bytes, len), 0);
	if (sign) {
		assert_int_equal(dht_item_sign(&item, seed), 0);
		assert_memory_equal(item.sig, sig, sizeof(sig));
	}
	public_key(item.key);
	memcpy(item.sig, sig, sizeof(sig));
	assert_int_equal(dht_item_verify(&item), 0);
	item.sig[5] ^= 1;
	assert_int_equal(dht_item_verify(&item), -EBADMSG);
}

static void writes_the_vectors(void **state)
{
	(void)state;
	struct zone *zone = empty_zone();
	assert_written(zone, D3);
	assert_signed(D3,
		"285e7e24a1c24e74bc4d614fd84b6702b4c32c5130e5582f87bd7385151f8f08"
		"756b57db618351efd7dfbb9905e703d41fd68ec353bad4e719fe9e7d1b757407",
		true);
	assert_int_equal(put(zone, "foo", "A", 300, "192.0.2.1"), 0);
	assert_written(zone, D1);
	assert_signed(D1,
		"de3ece2adf0b8877fb6b1b7dc819dd865a1d06e5dd371a49e1bc6144854a6070"
		"332f3aeb738200bd545d137606cc35266bcdf78d3c05f16aaee8b80275b9940b",
		true);
	assert_int_equal(put(zone, "_t", "TXT", 30, "hello"), 0);
	assert_written(zone, D4);
	zone_destroy(zone);

	zone = empty_zone();
	assert_int_equal(put(zone, "@", "A", 300, "192.0.2.1"), 0);
	assert_written(zone, D2);
	assert_signed(D2,
		"b80940ac062dc550246c60d71aae8911b8a02ff8706ba054f0234151d82127ce"
		"50e4a406adefb5c3c1a3d84854e428c3df3246cc9609ac78771bf05e42f67409",
		true);
	zone_destroy(zone);
}

static int read_hex(const char *hex, struct zone **ret_zone)
{
	uint8_t key[NAME_KEY_LEN], bytes[2000];
	size_t len = unhex(hex, bytes);
	uint8_t *exact = malloc(len ? len : 1); /* a read behind the end is one behind the block */
	assert_non_null(exact);
	memcpy(exact, bytes, len);
	public_key(key);
	int r = zone_read(key, exact, len, ret_zone);
	free(exact);
	return r;
}

static void reads_the_vectors(void **state)
{
	(void)state;
	static const char *const packets[] = {D1, D2, D3, D4};
	struct zone *zone;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(read_hex(packets[i], &zone), 0);
		assert_written(zone, packets[i]);
		zone_destroy(zone);
	}
	assert_signed(D4,
		"5d5284ada244fc58456e02c2f84001139f47ea02552886a0c4667258590e0c79"
		"df6e288a32cc1afda49f870cca13ca67bcc81ca70e48e5f0edb8b9f418f4c40e",
		false);
	assert_int_equal(read_hex(D4, &zone), 0);
	struct question q = at_key("_t", "TXT");
	const struct rrset *set = zone_find(zone, &q);
	assert_non_null(set);
	assert_int_equal(set->ttl, 30);
	assert_int_equal(zone_sets(zone), 2);
	assert_memory_equal(set->data, "\0\6\5hello", 8);
	zone_destroy(zone);
}

/* (a), (b), (c) of the facts: what is published elsewhere about keys, targets and signatures. */
static void knows_the_published_vectors(void **state)
{
	(void)state;
	uint8_t seed[32], key[32], bytes[64];
	char text[NAME_KEY_TEXT + 1], hex[41];
	struct dht_item item = {.is_mutable = true, .seq = 1};
	struct dht_id target;

	unhex("3077903f62fbcff4bdbae9b5129b01b78ab87f68b8b3e3d332f14ca13ad53464", seed);
	assert_int_equal(dht_item_set_string(&item, "Hello World!", 12), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	unhex("796f7457532cd39697f4fccd1a2d7074e6c1f6c59e6ecf5dc16c8ecd6e3fea6c", key);
	assert_memory_equal(item.key, key, 32);
	unhex("c1dc657a17f54ca51933b17b7370b87faae10c7edd560fd4baad543869e30e81"
	      "54c510f4d0b0d94d1e683891b06a07cecd9f0be325fe8f8a0466fe38011b2d0a",
		bytes);
	assert_memory_equal(item.sig, bytes, 64);
	key_to_text(key, text);
	assert_string_equal(text, "xfzzei4ufuj3pf9w9ugtwmmoquucd7sfu3zc6zqbp18c45t97jsy");
	dht_mutable_target(key, NULL, 0, &target);
	dht_id_to_hex(&target, hex);
	assert_string_equal(hex, "7604a6eac75a7ea431ab9a6f067e51ee9cbfc0ad");

	unhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548", key);
	dht_mutable_target(key, NULL, 0, &target);
	dht_id_to_hex(&target, hex);
	assert_string_equal(hex, "4a533d47ec9c7d95b1ad75f576cffc641853b750");
	dht_mutable_target(key, (const uint8_t *)"foobar", 6, &target);
	dht_id_to_hex(&target, hex);
	assert_string_equal(hex, "411eba73b6f087ca51a3795d9c8c938d365e32c1");
	memcpy(item.key, key, 32);
	unhex("305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
	      "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
		item.sig);
	assert_int_equal(dht_item_verify(&item), 0);
	item.is_mutable = false;
	dht_item_target(&item, &target);
	dht_id_to_hex(&target, hex);
	assert_string_equal(hex, "e5f96f6f38320f0f33959cb4d3d656452117aadb");

	unhex("1992d53c02cdc04566e5c0edb1ce83305cd550297953a047a445ea3264b54b18", key);
	key_to_text(key, text);
	assert_string_equal(text, "dgjpkxyn3zyrk3zfads5duwdgbqpkwbjxfj4yt7rezidr3fijccy");
	assert_int_equal(key_from_text(text, 52, bytes), 0);
	assert_memory_equal(bytes, key, 32);

	public_key(key);
	dht_mutable_target(key, NULL, 0, &target);
	dht_id_to_hex(&target, hex);
	assert_string_equal(hex, "5b27aa5589179770e47575b162a1ded97b8bfc6d");
}

static void sets_are_replaced_and_removed(void **state)
{
	(void)state;
	struct zone *zone = empty_zone();
	struct question q = at_key("www", "A"), gone = at_key("www", "MX");
	assert_int_equal(put(zone, "www", "A", 300, "192.0.2.1"), 0);
	assert_int_equal(put(zone, "www", "TXT", 300, "text"), 0);
	assert_int_equal(put(zone, "www", "A", 60, "192.0.2.9"), 0);
	assert_int_equal(zone_sets(zone), 2);
	assert_int_equal(zone_at(zone, 0)->ttl, 60);
	assert_int_equal(zone_at(zone, 0)->count, 1);
	assert_null(zone_at(zone, 2));
	assert_int_equal(zone_remove(zone, &gone), -ENOENT);
	assert_int_equal(zone_remove(zone, &q), 0);
	assert_int_equal(zone_remove(zone, &q), -ENOENT);
	assert_null(zone_find(zone, &q));
	assert_int_equal(zone_sets(zone), 1);
	zone_destroy(zone);
	zone_destroy(NULL);
}

static void refuses_what_is_not_its_own(void **state)
{
	(void)state;
	struct zone *zone = empty_zone();
	struct question q = at_key("www", "A");
	struct rrset *set;
	assert_int_equal(put(zone, "www.example.", "A", 300, "192.0.2.1"), -EINVAL);
	assert_int_equal(put(zone, "x" KEY ".", "A", 300, "192.0.2.1"), -EINVAL);
	q.class = CLASS_CH;
	set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t *)"abcd", 4), 0);
	assert_int_equal(zone_set(zone, set), -EINVAL);
	set->question.class = CLASS_IN;
	set->question.type = TYPE_ANY;
	assert_int_equal(zone_set(zone, set), -EINVAL);
	rrset_destroy(set);
	set = rrset_create(&q, 300);
	set->question.class = CLASS_IN;
	assert_int_equal(zone_set(zone, set), -EINVAL); /* no record */
	rrset_destroy(set);
	assert_int_equal(zone_sets(zone), 0);
	zone_destroy(zone);
}

/* 996 bytes and not one more. */
static void has_an_end(void **state)
{
	(void)state;
	struct zone *zone = empty_zone();
	uint8_t packet[ZONE_BYTES_MAX], rdata[1000];
	struct question q = at_key("@", "TYPE65280");
	size_t overhead = PACKET_HEADER + NAME_KEY_TEXT + 2 + 10;
	memset(rdata, 'x', sizeof(rdata));
	for (size_t extra = 0; extra < 2; extra++) {
		struct rrset *set = rrset_create(&q, 1);
		assert_int_equal(rrset_add(set, rdata, ZONE_BYTES_MAX - overhead + extra), 0);
		assert_int_equal(zone_set(zone, set), 0);
		assert_int_equal(zone_write(zone, packet), extra ? -EFBIG : ZONE_BYTES_MAX);
		rrset_destroy(set);
	}
	zone_destroy(zone);
}

/* Packets of strangers, built record by record. */
static uint8_t built[1200];
static struct packet_writer writer;

static void record(const char *name, uint16_t class, uint16_t type, uint32_t ttl, const void *rdata,
	size_t len, enum packet_section section)
{
	struct rr rr = {.owner = at_key(name, "A").name,
		.type = type,
		.class = class,
		.ttl = ttl,
		.rdata = rdata,
		.rdata_len = (uint16_t)len,
		.section = section};
	packet_put(&writer, &rr);
	assert_false(writer.full);
}

static int read_built(uint16_t flags, struct zone **ret_zone)
{
	uint8_t key[NAME_KEY_LEN];
	int len = packet_end(&writer, 7, flags);
	public_key(key);
	assert_true(len > 0);
	return zone_read(key, built, (size_t)len, ret_zone);
}

static void leaves_out_what_is_foreign(void **state)
{
	(void)state;
	struct zone *zone;
	struct question q = at_key("asked", "A");
	packet_begin(&writer, built, sizeof(built), false);
	packet_put_question(&writer, &q);
	record("www", CLASS_IN, TYPE_A, 300, "\300\0\2\1", 4, PACKET_ANSWER);
	record("evil.example.", CLASS_IN, TYPE_A, 300, "\300\0\2\2", 4, PACKET_ANSWER);
	record("www", CLASS_CH, TYPE_TXT, 300, "\2ch", 3, PACKET_ANSWER);
	record("www", CLASS_CH, TYPE_A, 300, "\0\0\7", 3, PACKET_ANSWER); /* Chaosnet's own form */
	record("bad", CLASS_IN, TYPE_A, 300, "\1\2\3", 3, PACKET_ANSWER);
	record("bad", CLASS_IN, TYPE_MX, 300, "\0", 1, PACKET_ANSWER);
	record("bad", CLASS_IN, TYPE_OPT, 300, "", 0, PACKET_ANSWER);
	record("www", CLASS_IN, TYPE_A, 60, "\300\0\2\3", 4, PACKET_ANSWER);
	record("www", CLASS_IN, TYPE_A, 900, "\300\0\2\1", 4, PACKET_ANSWER);
	record("ttl", CLASS_IN, TYPE_A, 0x80000001, "\300\0\2\1", 4, PACKET_ANSWER);
	record("ns", CLASS_IN, TYPE_A, 300, "\300\0\2\1", 4, PACKET_AUTHORITY);
	record("ns", CLASS_IN, TYPE_A, 300, "\300\0\2", 3, PACKET_ADDITIONAL);
	assert_int_equal(read_built(FLAG_QR | FLAG_AA, &zone), 0);
	assert_int_equal(zone_sets(zone), 2);
	assert_int_equal(zone_at(zone, 0)->count, 2);
	assert_int_equal(zone_at(zone, 0)->ttl, 60);
	assert_int_equal(zone_at(zone, 1)->ttl, 0);
	zone_destroy(zone);
}

static void folds_owners_and_keeps_rdata(void **state)
{
	(void)state;
	struct zone *zone;
	packet_begin(&writer, built, sizeof(built), false);
	record("WWW", CLASS_IN, TYPE_CNAME, 300, "\6FooBar", 8, PACKET_ANSWER);
	built[PACKET_HEADER + 1] = 'W'; /* our writer's names are lower case already */
	assert_int_equal(read_built(0, &zone), 0); /* a signer that forgot QR, as pkarr's readers let it */
	struct question q = at_key("www", "CNAME");
	assert_non_null(zone_find(zone, &q));
	assert_memory_equal(zone_find(zone, &q)->data + 2, "\6FooBar", 8);
	zone_destroy(zone);
}

static void refuses_what_is_no_packet(void **state)
{
	(void)state;
	struct zone *zone = NULL;
	uint8_t key[NAME_KEY_LEN], bytes[1001] = {0, 0, 0x80};
	assert_int_equal(read_hex("", &zone), -EBADMSG);
	assert_int_equal(read_hex("00008000000000000000", &zone), -EBADMSG);
	assert_int_equal(read_hex("000080000001000000000000", &zone), -EBADMSG);
	assert_int_equal(read_hex("000080000000000100000000", &zone), -EBADMSG);
	/* Every cut of a good packet. */
	size_t len = unhex(D4, bytes);
	public_key(key);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut ? cut : 1);
		memcpy(exact, bytes, cut);
		assert_int_equal(zone_read(key, exact, cut, &zone), -EBADMSG);
		free(exact);
	}
	memset(bytes, 0, sizeof(bytes));
	bytes[2] = 0x80;
	assert_int_equal(zone_read(key, bytes, sizeof(bytes), &zone), -EBADMSG);
	assert_null(zone);
}

/* What a zone answers: records as test text, or the error with its rcode. */
static struct answer *answer_of(const struct zone *zone, const char *name, const char *type)
{
	struct question q = at_key(name, type);
	struct answer *a = NULL;
	uint8_t key[NAME_KEY_LEN];
	public_key(key);
	assert_int_equal(zone_answer(zone, &q, &a), 0);
	assert_int_equal(a->source, SOURCE_DHT);
	assert_int_equal(a->trust, TRUST_KEY);
	assert_true(a->has_signer);
	assert_memory_equal(a->signer, key, sizeof(key));
	return a;
}

static void assert_set(const struct zone *zone, const char *name, const char *type,
	const char *owner, const char *data)
{
	struct answer *a = answer_of(zone, name, type);
	struct rrset *set, *expected = set_of(owner, type, 0, data);
	assert_int_equal(a->error, 0);
	assert_int_equal(a->rcode, 0);
	assert_int_equal(answer_rrset(a, &set), 0);
	assert_true(name_equal(&set->question.name, &expected->question.name));
	assert_true(rrset_same_data(set, expected));
	rrset_destroy(set);
	rrset_destroy(expected);
	answer_unref(a);
}

static void assert_none(
	const struct zone *zone, const char *name, const char *type, int error, uint8_t rcode)
{
	struct answer *a = answer_of(zone, name, type);
	assert_int_equal(a->error, error);
	assert_int_equal(a->rcode, rcode);
	assert_true(a->ttl <= 60);
	answer_unref(a);
}

static void answers_sets_and_denials(void **state)
{
	(void)state;
	struct zone *zone = empty_zone();
	assert_none(zone, "@", "A", -ENOENT, RCODE_NOERROR);
	assert_int_equal(put(zone, "a.b.c", "A", 300, "192.0.2.1"), 0);
	assert_set(zone, "a.b.c", "A", "a.b.c", "192.0.2.1");
	assert_none(zone, "a.b.c", "TXT", -ENOENT, RCODE_NOERROR);
	assert_none(zone, "b.c", "A", -ENOENT, RCODE_NOERROR); /* empty non-terminal */
	assert_none(zone, "c", "A", -ENOENT, RCODE_NOERROR);
	assert_none(zone, "@", "A", -ENOENT, RCODE_NOERROR);
	assert_none(zone, "x", "A", -ENOENT, RCODE_NXDOMAIN);
	assert_none(zone, "x.a.b.c", "A", -ENOENT, RCODE_NXDOMAIN);
	assert_none(zone, "www.example.", "A", -ENOENT, RCODE_NXDOMAIN);
	assert_none(zone, ".", "A", -ENOENT, RCODE_NXDOMAIN);
	zone_destroy(zone);
}

static void answers_wildcards(void **state)
{
	(void)state;
	struct zone *zone = empty_zone();
	assert_int_equal(put(zone, "*", "A", 300, "192.0.2.1"), 0);
	assert_int_equal(put(zone, "host", "TXT", 300, "text"), 0);
	assert_int_equal(put(zone, "x.y.sub", "A", 300, "192.0.2.2"), 0);
	assert_int_equal(put(zone, "*.alias", "CNAME", 300, "host." KEY), 0);
	assert_set(zone, "any", "A", "any", "192.0.2.1");
	assert_set(zone, "deep.any", "A", "deep.any", "192.0.2.1");
	assert_set(zone, "*", "A", "*", "192.0.2.1");
	assert_none(zone, "any", "TXT", -ENOENT, RCODE_NOERROR);
	/* RFC 4592, 2.2.1: what exists, or has an existing name above it, is not covered. */
	assert_none(zone, "host", "A", -ENOENT, RCODE_NOERROR);
	assert_none(zone, "under.host", "A", -ENOENT, RCODE_NXDOMAIN);
	assert_none(zone, "y.sub", "A", -ENOENT, RCODE_NOERROR);
	assert_none(zone, "z.sub", "A", -ENOENT, RCODE_NXDOMAIN);
	assert_set(zone, "w.alias", "TXT", "host", "text");
	zone_destroy(zone);
}

static void follows_aliases(void **state)
{
	(void)state;
	struct zone *zone = empty_zone();
	struct name chain[4];
	assert_int_equal(put(zone, "one", "CNAME", 300, "two." KEY), 0);
	assert_int_equal(put(zone, "two", "CNAME", 20, "three." KEY), 0);
	assert_int_equal(put(zone, "three", "A", 300, "192.0.2.3"), 0);
	assert_int_equal(put(zone, "lost", "CNAME", 300, "nowhere." KEY), 0);
	assert_int_equal(put(zone, "out", "CNAME", 300, "www.example"), 0);
	assert_int_equal(put(zone, "self", "CNAME", 300, "self." KEY), 0);
	assert_int_equal(put(zone, "ping", "CNAME", 300, "pong." KEY), 0);
	assert_int_equal(put(zone, "pong", "CNAME", 300, "ping." KEY), 0);
	assert_set(zone, "one", "A", "three", "192.0.2.3");
	assert_set(zone, "one", "CNAME", "one", "two." KEY);
	struct answer *a = answer_of(zone, "one", "A");
	assert_int_equal(answer_cnames(a, chain, 4), 2);
	assert_int_equal(a->ttl, 20);
	answer_unref(a);
	assert_none(zone, "one", "TXT", -ENOENT, RCODE_NOERROR);
	assert_none(zone, "lost", "A", -ENOENT, RCODE_NXDOMAIN);
	assert_none(zone, "self", "A", -EREMOTEIO, RCODE_SERVFAIL);
	assert_none(zone, "ping", "A", -EREMOTEIO, RCODE_SERVFAIL);
	/* The chain as far as the zone has it. */
	assert_none(zone, "out", "A", -ENOENT, RCODE_NOERROR);
	a = answer_of(zone, "out", "A");
	assert_int_equal(answer_cnames(a, chain, 4), 1);
	assert_true(name_equal(&chain[0], &(struct name){13, "\3www\7example"}));
	answer_unref(a);
	zone_destroy(zone);
}

static void two_aliases_at_one_name_answer_nothing(void **state)
{
	(void)state;
	struct zone *zone = empty_zone();
	struct rrset *set = set_of("two", "CNAME", 300, "a." KEY);
	assert_int_equal(rrset_add(set, (const uint8_t *)"\1b", 3), 0);
	assert_int_equal(zone_set(zone, set), 0);
	assert_none(zone, "two", "A", -EREMOTEIO, RCODE_SERVFAIL);
	rrset_destroy(set);
	zone_destroy(zone);
}

static void the_newer_packet_wins(void **state)
{
	(void)state;
	const uint8_t *a = (const uint8_t *)"aab", *b = (const uint8_t *)"aac";
	assert_true(zone_compare(2, a, 3, 1, b, 3) > 0);
	assert_true(zone_compare(INT64_MIN, b, 3, INT64_MAX, a, 3) < 0);
	assert_true(zone_compare(1, a, 3, 1, b, 3) < 0);
	assert_true(zone_compare(1, a, 3, 1, a, 2) > 0);
	assert_true(zone_compare(1, NULL, 0, 1, a, 1) < 0);
	assert_int_equal(zone_compare(1, a, 3, 1, a, 3), 0);
}

static struct answer *ask_zone(const struct zone *zone, const char *name, const char *type)
{
	struct question q = at_key(name, type);
	struct answer *a;
	assert_int_equal(zone_answer(zone, &q, &a), 0);
	return a;
}

static struct zone *zone_to_pin(void)
{
	struct zone *zone = empty_zone();
	put(zone, "www", "A", 60, "192.0.2.1");
	put(zone, "alias", "CNAME", 60, "www." KEY ".");
	put(zone, "out", "CNAME", 60, "www.example.");
	put(zone, "a.b", "A", 60, "192.0.2.2");
	put(zone, "*.w", "A", 60, "192.0.2.3");
	return zone;
}

/* To lack a name is to have no record of it, of whatever type: a pin goes on then. */
static void names_that_it_lacks(void **state)
{
	(void)state;
	static const struct {
		const char *name, *type;
		bool lacks;
	} rows[] = {
		{"www", "A", false},
		{"www", "TXT", false},
		{"alias", "TXT", false},
		{"out", "A", false},
		{"x.w", "TXT", false},
		{"w", "A", true},
		{"b", "A", true},
		{"@", "A", true},
		{"nope", "A", true},
		{"x.www", "A", true},
	};
	struct zone *zone = zone_to_pin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct answer *a = ask_zone(zone, rows[i].name, rows[i].type);
		if (a->lacks_name != rows[i].lacks)
			fail_msg("%s %s", rows[i].name, rows[i].type);
		answer_unref(a);
	}
	zone_destroy(zone);
}

static struct answer *renamed(const struct zone *zone, const char *name, const char *question)
{
	struct question q = question_of(question);
	char text[16], type[16];
	assert_int_equal(sscanf(question, "%15s %15s", text, type), 2);
	struct answer *from = ask_zone(zone, name, type), *a;
	from->seq = 5;
	from->time = 6;
	from->expires = 7;
	from->arrived = 8;
	assert_int_equal(answer_from_renamed(&q, from, &a), 0);
	assert_true(answer_is_to(a, &q));
	assert_int_equal(a->error, from->error);
	assert_int_equal(a->rcode, from->rcode);
	assert_int_equal(a->ttl, from->ttl);
	assert_int_equal(a->lacks_name, from->lacks_name);
	assert_int_equal(a->source, SOURCE_DHT);
	assert_int_equal(a->trust, TRUST_NONE); /* the caller's */
	assert_true(a->has_signer);
	assert_memory_equal(a->signer, from->signer, sizeof(a->signer));
	assert_int_equal(a->seq + a->time + a->expires + (int64_t)a->arrived, 26);
	answer_unref(from);
	return a;
}

/* As a pin reads it: the same records, under the name that was asked for. */
static void read_under_another_name(void **state)
{
	(void)state;
	struct zone *zone = zone_to_pin();
	struct name chain[2], target = at_key("www", "A").name, own = question_of("w.example A").name;
	struct rrset *set;
	struct answer *a = renamed(zone, "www", "w.example A");
	assert_int_equal(answer_rrset(a, &set), 0);
	assert_true(name_equal(&set->question.name, &own));
	assert_int_equal(set->data[5], 1);
	rrset_destroy(set);
	answer_unref(a);
	a = renamed(zone, "alias", "w.example A");
	assert_int_equal(answer_cnames(a, chain, 2), 1);
	assert_true(name_equal(&chain[0], &target));
	assert_int_equal(answer_rrset(a, &set), 0);
	assert_int_equal(set->data[5], 1);
	rrset_destroy(set);
	answer_unref(a);
	a = renamed(zone, "out", "w.example A");
	assert_int_equal(a->error, -ENOENT);
	assert_int_equal(answer_cnames(a, chain, 2), 1);
	answer_unref(a);
	/* A denial has an SOA of the name that was asked for, not of the key. */
	static const uint8_t owner[] = "\7example";
	a = renamed(zone, "nope", "w.example A");
	assert_int_equal(a->rcode, RCODE_NXDOMAIN);
	assert_non_null(memmem(a->message[0].bytes, a->message[0].len, owner, sizeof(owner) - 1));
	assert_null(memmem(a->message[0].bytes, a->message[0].len, KEY, NAME_KEY_TEXT));
	answer_unref(a);
	zone_destroy(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_vectors),
		cmocka_unit_test(names_that_it_lacks),
		cmocka_unit_test(read_under_another_name),
		cmocka_unit_test(reads_the_vectors),
		cmocka_unit_test(knows_the_published_vectors),
		cmocka_unit_test(sets_are_replaced_and_removed),
		cmocka_unit_test(refuses_what_is_not_its_own),
		cmocka_unit_test(has_an_end),
		cmocka_unit_test(leaves_out_what_is_foreign),
		cmocka_unit_test(folds_owners_and_keeps_rdata),
		cmocka_unit_test(refuses_what_is_no_packet),
		cmocka_unit_test(answers_sets_and_denials),
		cmocka_unit_test(answers_wildcards),
		cmocka_unit_test(follows_aliases),
		cmocka_unit_test(two_aliases_at_one_name_answer_nothing),
		cmocka_unit_test(the_newer_packet_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
