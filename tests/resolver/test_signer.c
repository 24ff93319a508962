/* resolver/signer and its process: key files that are ours alone, what is refused to sign, and a
 * process that dies, hangs or is not let in. This program is the signer's process too. */
#undef NDEBUG
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "resolver/signer_keys.h"
#include "resolver/signer_process.h"
#include "resolver/zone.h"
#include "tests/directory.h"
#include "tests/leap.h"
#include "tests/resolver/claim_fixture.h"
#include "tests/resolver/hung_process.h"

static char top[DIRECTORY_CAP], dir[128];

static char *path_of(const char *file)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return path;
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(directory_make(top), 0);
	snprintf(dir, sizeof(dir), "%s/keys", top);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return directory_remove(top);
}

static struct signer *opened(void)
{
	struct signer *s;
	assert_int_equal(signer_open(dir, &s), 0);
	return s;
}

static void a_key_is_made_once(void **state)
{
	(void)state;
	uint8_t key[32], again[32], other[32], seed[33];
	struct stat st;
	struct keys *inside;
	assert_int_equal(keys_open(dir, &inside), 0);
	mode_t umask_before = umask(0777);
	assert_int_equal(keys_of(inside, 1000, key), 0);
	umask(umask_before);
	keys_close(inside);
	struct signer *s = opened();
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(signer_key(s, 1000, again), 0);
	assert_memory_equal(key, again, 32);
	assert_int_equal(signer_key(s, 0, other), 0);
	assert_memory_not_equal(key, other, 32);
	assert_int_equal(signer_key(s, (uid_t)-1, other), -EINVAL);
	signer_close(s);
	signer_close(NULL);

	assert_int_equal(lstat(path_of("1000"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
	assert_int_equal(access(path_of("1000.new"), F_OK), -1);
	int fd = open(path_of("1000"), O_RDONLY);
	assert_int_equal(read(fd, seed, sizeof(seed)), 32);
	close(fd);
	assert_int_equal(dht_key_of_seed(seed, again), 0);
	assert_memory_equal(key, again, 32);
	s = opened();
	assert_int_equal(signer_key(s, 1000, again), 0);
	assert_memory_equal(key, again, 32);
	signer_close(s);
}

static void a_crash_in_the_making_locks_nobody_out(void **state)
{
	(void)state;
	uint8_t key[32];
	struct signer *s = opened();
	int fd = open(path_of("7.new"), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	assert_int_equal(signer_key(s, 7, key), 0);
	assert_int_equal(access(path_of("7.new"), F_OK), -1);
	signer_close(s);
}

static int try_dir(void)
{
	struct signer *s = NULL;
	int r = signer_open(dir, &s);
	signer_close(s);
	return r;
}

static void the_directory_is_ours_alone(void **state)
{
	(void)state;
	char real[160];
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(try_dir(), 0);
	static const mode_t wrong[] = {0750, 0705, 0710, 0701, 0777};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(chmod(dir, wrong[i]), 0);
		assert_int_equal(try_dir(), -EPERM);
	}
	assert_int_equal(chmod(dir, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(dir, 12345, 0), 0);
		assert_int_equal(try_dir(), -EPERM);
		assert_int_equal(chown(dir, 0, 0), 0);
	}
	snprintf(real, sizeof(real), "%s-real", dir);
	assert_int_equal(rename(dir, real), 0);
	assert_int_equal(symlink(real, dir), 0);
	assert_int_equal(try_dir(), -EPERM);
	assert_int_equal(unlink(dir), 0);
	int fd = open(dir, O_WRONLY | O_CREAT, 0600);
	close(fd);
	assert_int_equal(try_dir(), -EPERM);
	snprintf(dir, sizeof(dir), "%s/absent/keys", top);
	assert_int_equal(try_dir(), -ENOENT);
}

/* A fresh signer each time: one that runs has the key in memory. */
static int try_key(void)
{
	uint8_t key[32];
	struct signer *s = opened();
	int r = signer_key(s, 1000, key);
	signer_close(s);
	return r;
}

static void a_key_file_is_ours_alone(void **state)
{
	(void)state;
	char elsewhere[160];
	assert_int_equal(try_key(), 0);
	static const mode_t wrong[] = {0640, 0604, 0644, 0400, 0700, 04600, 01600};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(chmod(path_of("1000"), wrong[i]), 0);
		assert_int_equal(try_key(), -EPERM);
	}
	assert_int_equal(chmod(path_of("1000"), 0600), 0);
	assert_int_equal(try_key(), 0);
	snprintf(elsewhere, sizeof(elsewhere), "%s/link", top);
	assert_int_equal(link(path_of("1000"), elsewhere), 0);
	assert_int_equal(try_key(), -EPERM);
	assert_int_equal(unlink(path_of("1000")), 0);
	assert_int_equal(symlink(elsewhere, path_of("1000")), 0);
	assert_int_equal(try_key(), -EPERM);
	assert_int_equal(unlink(path_of("1000")), 0);
	assert_int_equal(rename(elsewhere, path_of("1000")), 0);
	assert_int_equal(try_key(), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path_of("1000"), 12345, 0), 0);
		assert_int_equal(try_key(), -EPERM);
		assert_int_equal(chown(path_of("1000"), 0, 0), 0);
	}
	assert_int_equal(truncate(path_of("1000"), 33), 0);
	assert_int_equal(try_key(), -EPERM);
	assert_int_equal(truncate(path_of("1000"), 31), 0);
	assert_int_equal(try_key(), -EPERM);
	assert_int_equal(truncate(path_of("1000"), 0), 0);
	assert_int_equal(try_key(), -EPERM);
	assert_int_equal(unlink(path_of("1000")), 0);
	assert_int_equal(mkdir(path_of("1000"), 0600), 0);
	assert_int_equal(try_key(), -EPERM);
	assert_int_equal(rmdir(path_of("1000")), 0);
	assert_int_equal(mkfifo(path_of("1000"), 0600), 0); /* must not wait for a writer */
	assert_int_equal(try_key(), -EPERM);
}

/* More uids than seeds in memory: each keeps its key, read again from its file. */
static void many_uids_keep_their_keys(void **state)
{
	(void)state;
	static uint8_t key_of_uid[100][32];
	uint8_t again[32];
	struct keys *s;
	assert_int_equal(keys_open(dir, &s), 0);
	for (uid_t uid = 0; uid < 100; uid++)
		assert_int_equal(keys_of(s, uid, key_of_uid[uid]), 0);
	for (uid_t uid = 0; uid < 100; uid++) {
		assert_int_equal(keys_of(s, uid, again), 0);
		assert_memory_equal(key_of_uid[uid], again, 32);
	}
	/* And a file that changed behind our back is no longer that uid's key. */
	char from[256];
	strcpy(from, path_of("99"));
	assert_int_equal(rename(from, path_of("0")), 0);
	assert_int_equal(keys_of(s, 0, again), -EPERM);
	keys_close(s);
}

/* ---- what it signs ---- */

static uint8_t key[32];
static const int64_t seq = NOW * INT64_C(1000000) - INT64_C(400000000000000);

/* A packet with one address at each of these owners ("@" is the key itself). */
static struct packet zone_packet(const char *const *owners, uint16_t class, uint16_t flags)
{
	struct packet p;
	struct packet_writer w;
	struct name origin;
	key_to_name(key, &origin);
	packet_begin(&w, p.bytes, sizeof(p.bytes), true);
	for (; *owners; owners++) {
		size_t len = strlen(*owners);
		struct rr rr = {.type = TYPE_A,
			.class = class,
			.ttl = 300,
			.rdata_len = 4,
			.rdata = (const uint8_t *)"\300\0\2\1",
			.owner = origin};
		if (**owners != '@')
			rr.owner = name_of(*owners);
		if (**owners != '@' && (*owners)[len - 1] != '.')
			assert_int_equal(name_join(&rr.owner, &origin, &rr.owner), 0);
		packet_put(&w, &rr);
	}
	p.len = (size_t)packet_end(&w, 0, flags);
	return p;
}
#define OWNERS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int sign_page(struct signer *s, unsigned page, struct packet p, int64_t at)
{
	uint8_t sig[64];
	struct dht_item item = {.is_mutable = true, .seq = at};
	struct signer_part part = {page, p.bytes, p.len, at};
	int r = signer_zone(s, 1000, &part, sig);
	if (page < PAGES_HEAD)
		item.salt_len = (uint8_t)sprintf((char *)item.salt, "kadns1:%u", page);
	if (r == 0) {
		assert_int_equal(dht_item_set_string(&item, p.bytes, p.len), 0);
		memcpy(item.key, key, 32);
		memcpy(item.sig, sig, 64);
		assert_int_equal(dht_item_verify(&item), 0);
	}
	return r;
}

static int sign(struct signer *s, struct packet p, int64_t at)
{
	return sign_page(s, PAGES_HEAD, p, at);
}

/* Each page has a seq of its own. */
static void signs_pages(void **state)
{
	(void)state;
	struct signer *s = opened();
	assert_int_equal(signer_key(s, 1000, key), 0);
	struct packet p = zone_packet(OWNERS("www"), CLASS_IN, FLAG_QR);
	assert_int_equal(sign(s, p, seq + 5), 0);
	assert_int_equal(sign_page(s, 0, p, seq), 0);
	assert_int_equal(sign_page(s, 0, p, seq), -EPERM);
	assert_int_equal(sign_page(s, PAGES_MAX - 1, p, seq), 0);
	assert_int_equal(sign_page(s, PAGES_MAX - 1, p, seq), -EPERM);
	assert_int_equal(sign_page(s, 0, p, seq + 1), 0);
	assert_int_equal(sign(s, p, seq + 5), -EPERM);
	assert_int_equal(sign_page(s, PAGES_MAX + 1, p, seq + 9), -EINVAL);
	p = zone_packet(OWNERS("www.example."), CLASS_IN, FLAG_QR);
	assert_int_equal(sign_page(s, 1, p, seq), -EPERM);
	signer_close(s);
}

static void signs_zones_of_the_key_only(void **state)
{
	(void)state;
	struct signer *s = opened();
	char others[80] = "x.";
	assert_int_equal(signer_key(s, 1000, key), 0);
	key_to_text(key_of(9), others + 2);
	strcat(others, ".");
	struct packet good = zone_packet(OWNERS("@", "www", "a.b.c"), CLASS_IN, FLAG_QR),
		      bad = good;
	assert_int_equal(sign(s, good, seq), 0);
	assert_int_equal(
		sign(s, zone_packet(OWNERS("www", "www.example."), CLASS_IN, FLAG_QR), seq + 1),
		-EPERM);
	assert_int_equal(
		sign(s, zone_packet(OWNERS("www", others), CLASS_IN, FLAG_QR), seq + 1), -EPERM);
	assert_int_equal(sign(s, zone_packet(OWNERS("."), CLASS_IN, FLAG_QR), seq + 1), -EPERM);
	assert_int_equal(sign(s, zone_packet(OWNERS("www"), CLASS_CH, FLAG_QR), seq + 1), -EPERM);
	assert_int_equal(sign(s, zone_packet(OWNERS("www"), CLASS_IN, FLAG_QR | FLAG_AA), seq + 1),
		-EBADMSG);
	assert_int_equal(sign(s, zone_packet(OWNERS("www"), CLASS_IN, 0), seq + 1), -EBADMSG);
	for (size_t cut = 0; cut < good.len; cut++) {
		bad.len = cut;
		assert_int_equal(sign(s, bad, seq + 1), -EBADMSG);
	}
	bad.len = good.len + 1;
	bad.bytes[good.len] = 0;
	assert_int_equal(sign(s, bad, seq + 1), -EBADMSG);
	for (size_t at = 0; at < 12; at++) {
		bad = good;
		bad.bytes[at] ^= 1;
		assert_int_equal(sign(s, bad, seq + 1), -EBADMSG);
	}
	uint8_t large[ZONE_BYTES_MAX + 1] = {0, 0, 0x80}, sig[64];
	struct signer_part part = {PAGES_HEAD, large, sizeof(large), seq + 1};
	assert_int_equal(signer_zone(s, 1000, &part, sig), -EFBIG);
	part.len = 12;
	assert_int_equal(signer_zone(s, 1000, &part, sig), 0); /* an empty zone */
	signer_close(s);
}

static void seq_rises(void **state)
{
	(void)state;
	struct signer *s = opened();
	assert_int_equal(signer_key(s, 1000, key), 0);
	struct packet p = zone_packet(OWNERS("www"), CLASS_IN, FLAG_QR);
	int64_t now = (int64_t)time(NULL) * 1000000, day = INT64_C(86400000000);
	uint8_t other[32];
	assert_int_equal(sign(s, p, 0), -EPERM);
	assert_int_equal(sign(s, p, -1), -EPERM);
	assert_int_equal(sign(s, p, INT64_MIN), -EPERM);
	assert_int_equal(sign(s, p, seq), 0);
	assert_int_equal(sign(s, p, seq), -EPERM);
	assert_int_equal(sign(s, p, seq - 1), -EPERM);
	/* A bad packet does not use up a number. */
	assert_int_equal(sign(s, zone_packet(OWNERS("x."), CLASS_IN, FLAG_QR), seq + 9), -EPERM);
	assert_int_equal(sign(s, p, seq + 1), 0);
	/* Not forgotten when other uids need the memory. */
	for (uid_t uid = 1; uid < 80; uid++)
		assert_int_equal(signer_key(s, uid, other), 0);
	assert_int_equal(sign(s, p, seq + 1), -EPERM);
	assert_int_equal(sign(s, p, now + day + 60000000), -EPERM);
	assert_int_equal(sign(s, p, INT64_MAX), -EPERM);
	assert_int_equal(sign(s, p, now + day - 60000000), 0);
	signer_close(s);
}

static void signs_the_vector(void **state)
{
	(void)state;
	uint8_t seed[32] = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4,
		0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b,
		0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60},
		sig[64];
	assert_int_equal(mkdir(dir, 0700), 0);
	int fd = open(path_of("1000"), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, seed, 32), 32);
	close(fd);
	struct signer *s = opened();
	assert_int_equal(signer_key(s, 1000, key), 0);
	struct packet d2 = zone_packet(OWNERS("@"), CLASS_IN, FLAG_QR);
	struct signer_part part = {PAGES_HEAD, d2.bytes, d2.len, 1700000000000000};
	assert_int_equal(signer_zone(s, 1000, &part, sig), 0);
	assert_memory_equal(
		sig, "\xb8\x09\x40\xac\x06\x2d\xc5\x50\x24\x6c\x60\xd7\x1a\xae\x89\x11", 16);
	signer_close(s);
}

static void signs_claims_that_readers_believe(void **state)
{
	(void)state;
	struct signer *s = opened();
	struct board b;
	struct claim claim;
	struct rrset *set = addresses(NAME, 300, 1, 3);
	assert_int_equal(signer_key(s, 1000, key), 0);
	assert_int_equal(signer_claim(s, 1000, set, NOW - 3600, NOW - 3600 + WEEK, &claim), 0);
	board_init(&b);
	struct packet p = PACKET(claim);
	assert_int_equal(board_add(&b, &p), 0);
	assert_non_null(slot_claim_of(&b.slot, key));
	assert_int_equal(signer_claim(s, 1000, set, NOW, NOW + WEEK + 1, &claim), -EINVAL);
	slot_finish(&b.slot);
	rrset_destroy(set);
	signer_close(s);
}

static void withdraws(void **state)
{
	(void)state;
	struct signer *s = opened();
	struct board mine, theirs;
	struct claim claim;
	struct packet p;
	uint32_t last = 0;
	struct rrset *set = addresses(NAME, 300, 1, 400);
	assert_int_equal(signer_key(s, 1000, key), 0);
	board_init(&mine);
	assert_int_equal(signer_withdraw(s, 1000, &mine.slot, 0, &last), -ENOENT);
	assert_int_equal(signer_claim(s, 1000, set, NOW, NOW + 9, &claim), 0);
	assert_int_equal(slot_add(&mine.slot, &claim), 0);
	assert_int_equal(signer_withdraw(s, 1000, &mine.slot, NOW + 6, &last), 0);
	assert_int_equal(last, NOW + 7);
	assert_null(slot_claim_of(&mine.slot, key));
	int len = slot_write(&mine.slot, key, p.bytes);
	assert_true(len > PACKET_HEADER);
	p.len = (size_t)len;
	/* Who holds the claim believes the withdrawal. */
	board_init(&theirs);
	assert_int_equal(signer_claim(s, 1000, set, NOW, NOW + 9, &claim), 0);
	assert_int_equal(slot_add(&theirs.slot, &claim), 0);
	assert_int_equal(board_add(&theirs, &p), 0);
	assert_null(slot_claim_of(&theirs.slot, key));
	assert_int_equal(theirs.slot.withdrawn_len, 1);
	slot_finish(&mine.slot);
	slot_finish(&theirs.slot);
	rrset_destroy(set);
	signer_close(s);
}

static void planted(uid_t uid, uint8_t with)
{
	uint8_t seed[32];
	char name[16];
	memset(seed, with, sizeof(seed));
	snprintf(name, sizeof(name), "%u", (unsigned)uid);
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, seed, sizeof(seed)), sizeof(seed));
	close(fd);
}

static struct signer_counters counted(const struct signer *s)
{
	struct signer_counters c;
	signer_counters(s, &c);
	return c;
}

/* The one child of ours; its pid is nobody's business but this test's. */
static pid_t process(void)
{
	char path[64], text[16] = "";
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	int fd = open(path, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return (pid_t)atoi(text);
}

static void kill_it(void)
{
	assert_int_equal(kill(process(), SIGKILL), 0);
}

static unsigned words;
static void hear(void *ctx, const char *line)
{
	(void)ctx;
	assert_non_null(strstr(line, "signer: "));
	words++;
}

/* The key is known to who asks: only signing goes to the process. */
static void one_that_dies_is_replaced(void **state)
{
	(void)state;
	struct signer *s = opened();
	struct packet p;
	words = 0;
	signer_say_to(s, NULL, hear, NULL);
	assert_int_equal(signer_key(s, 1000, key), 0);
	p = zone_packet(OWNERS("www"), CLASS_IN, FLAG_QR);
	assert_int_equal(sign(s, p, seq), 0);
	kill_it();
	assert_int_equal(sign(s, p, seq + 1), 0);
	assert_int_equal(counted(s).restarts, 1);
	assert_int_equal(counted(s).signatures, 2);
	assert_int_equal(words, 1);
	/* Again and again: not at once, but after a while. */
	kill_it();
	assert_int_equal(sign(s, p, seq + 2), -EIO);
	assert_int_equal(sign(s, p, seq + 2), -EIO);
	assert_int_equal(counted(s).restarts, 1);
	passed += LEAP_SECOND / 10;
	assert_int_equal(sign(s, p, seq + 2), 0);
	assert_int_equal(counted(s).restarts, 2);
	assert_int_equal(sign(s, p, seq + 3), 0);
	signer_close(s);
}

/* Waited for once, and killed. */
static void one_that_hangs_is_replaced(void **state)
{
	(void)state;
	struct signer *s = opened();
	struct packet p;
	int64_t before;
	assert_int_equal(signer_key(s, 1000, key), 0);
	p = zone_packet(OWNERS("www"), CLASS_IN, FLAG_QR);
	pid_t stopped = process();
	assert_int_equal(kill(stopped, SIGSTOP), 0);
	before = passed;
	hangs = true;
	assert_int_equal(sign(s, p, seq), -EIO);
	hangs = false;
	assert_in_range(passed - before, 1, SIGNER_PATIENCE + 1000);
	assert_int_equal(sign(s, p, seq), 0);
	assert_int_not_equal(process(), stopped);
	assert_int_equal(counted(s).restarts, 1);
	signer_close(s);
}

/* A file that was replaced meanwhile is found out by the next process: what it would sign is not
 * what is being published. One that was removed is not made again under the same name. */
static void another_key_than_before_signs_nothing(void **state)
{
	(void)state;
	struct rrset *set = addresses(NAME, 300, 1, 1);
	struct claim claim;
	assert_int_equal(mkdir(dir, 0700), 0);
	planted(1000, 1);
	planted(1001, 2);
	struct signer *s = opened();
	assert_int_equal(signer_key(s, 1000, key), 0);
	struct packet p = zone_packet(OWNERS("www"), CLASS_IN, FLAG_QR);
	planted(1000, 3);
	assert_int_equal(sign(s, p, seq), 0); /* from memory */
	kill_it();
	assert_int_equal(sign(s, p, seq + 1), -EPERM);
	assert_int_equal(signer_claim(s, 1000, set, NOW, NOW + 9, &claim), -EPERM);
	planted(1000, 1);
	assert_int_equal(signer_claim(s, 1000, set, NOW, NOW + 9, &claim), -EPERM);
	signer_close(s);
	s = opened();
	assert_int_equal(signer_key(s, 1000, key), 0);
	assert_int_equal(unlink(path_of("1000")), 0);
	kill_it();
	assert_int_equal(sign(s, p, seq + 2), -ENOENT);
	assert_int_equal(access(path_of("1000"), F_OK), -1);
	rrset_destroy(set);
	signer_close(s);
}

/* What is not there, in the process: each is a line of /proc/PID/status. */
static void it_holds_nothing_else(void **state)
{
	(void)state;
	struct signer *s = opened();
	char path[64], text[4096], fd_path[80], target[256];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)process());
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	close(fd);
	static const char *const lines[] = {"Name:\tkadns-signer\n", "NoNewPrivs:\t1\n",
		"Seccomp:\t2\n", "CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n"};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_non_null(strstr(text, lines[i]));
	/* Not dumpable: to everybody but root even its descriptors are closed. */
	snprintf(path, sizeof(path), "/proc/%d/fd/4", (int)process());
	n = readlink(path, target, sizeof(target) - 1);
	assert_true(geteuid() == 0 ? n > 0 : n < 0);
	snprintf(fd_path, sizeof(fd_path), "/proc/%d/fd/5", (int)process());
	assert_true(readlink(fd_path, target, sizeof(target) - 1) < 0);
	signer_close(s);
}

int main(int argc, char **argv)
{
	int status;
	if (signer_child(argc, argv, &status))
		return status;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_is_made_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_crash_in_the_making_locks_nobody_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_directory_is_ours_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_file_is_ours_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_uids_keep_their_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signs_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signs_zones_of_the_key_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(seq_rises, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signs_the_vector, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			signs_claims_that_readers_believe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(withdraws, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_dies_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_hangs_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			another_key_than_before_signs_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_holds_nothing_else, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
