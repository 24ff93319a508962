/* resolver/signer: seeds that come and go, and what is kept of those that were there before. This
 * program is the signer's process too. */
#undef NDEBUG
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resolver/signer_file.h"
#include "resolver/signer_keys.h"
#include "resolver/signer_process.h"
#include "resolver/zone.h"
#include "tests/directory.h"
#include "tests/resolver/claim_fixture.h"

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

static void fill_seed(uint8_t byte, uint8_t ret_seed[SEED_LEN])
{
	memset(ret_seed, byte, SEED_LEN);
}

static void file_is(const char *file, uint8_t byte)
{
	uint8_t got[SEED_LEN + 1], want[SEED_LEN];
	struct stat st;
	int fd = open(path_of(file), O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), SEED_LEN);
	fill_seed(byte, want);
	assert_memory_equal(got, want, SEED_LEN);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
}

static void through_the_process(void **state)
{
	(void)state;
	uint8_t seed[SEED_LEN], got[SEED_LEN], key[32], want[32];
	struct signer *s;
	assert_int_equal(signer_open(dir, &s), 0);
	/* Made on first use, and that is the key. */
	assert_int_equal(signer_secret(s, 1000, got), 0);
	assert_int_equal(signer_key(s, 1000, key), 0);
	assert_int_equal(signer_public(s, got, want), 0);
	assert_memory_equal(key, want, 32);
	assert_int_equal(signer_secret(s, (uid_t)-1, got), -EINVAL);
	/* Another comes; whoever has asked before hears of it, and it signs. */
	fill_seed(5, seed);
	assert_int_equal(key_of_seed(seed, want), 0);
	assert_int_equal(signer_import(s, 1000, seed), 0);
	assert_int_equal(signer_key(s, 1000, key), 0);
	assert_memory_equal(key, want, 32);
	assert_int_equal(signer_secret(s, 1000, got), 0);
	assert_memory_equal(got, seed, SEED_LEN);
	struct rrset *set = addresses(NAME, 300, 1, 1);
	struct claim claim;
	assert_int_equal(signer_claim(s, 1000, set, NOW, NOW + 9, &claim), 0);
	claim_finish(&claim);
	rrset_destroy(set);
	/* For who has none yet: nothing is kept, there is nothing. */
	assert_int_equal(signer_import(s, 7, seed), 0);
	assert_int_equal(access(path_of("7.old.0"), F_OK), -1);
	assert_int_equal(signer_import(s, (uid_t)-1, seed), -EINVAL);
	signer_close(s);
	assert_int_equal(signer_open(dir, &s), 0);
	assert_int_equal(signer_key(s, 7, key), 0);
	assert_memory_equal(key, want, 32);
	signer_close(s);
	file_is("1000", 5);
	file_is("7", 5);
}

static void nothing_is_lost(void **state)
{
	(void)state;
	uint8_t seed[SEED_LEN];
	struct keys *keys;
	char name[32];
	assert_int_equal(keys_open(dir, &keys), 0);
	for (uint8_t i = 1; i <= KEYS_KEPT_MAX + 1; i++) {
		fill_seed(i, seed);
		assert_int_equal(keys_import(keys, 9, seed), 0);
		assert_int_equal(keys_import(keys, 9, seed), 0); /* the same is nothing new */
		file_is("9", i);
	}
	for (uint8_t i = 0; i < KEYS_KEPT_MAX; i++) {
		snprintf(name, sizeof(name), "9.old.%u", i);
		file_is(name, (uint8_t)(i + 1));
	}
	/* No room to keep the one that is there: it stays. */
	fill_seed(99, seed);
	assert_int_equal(keys_import(keys, 9, seed), -EDQUOT);
	file_is("9", KEYS_KEPT_MAX + 1);
	/* One that is kept may come back, when the present one is kept as well. */
	assert_int_equal(unlink(path_of("9.old.3")), 0);
	fill_seed(2, seed);
	assert_int_equal(keys_import(keys, 9, seed), 0);
	file_is("9", 2);
	file_is("9.old.3", KEYS_KEPT_MAX + 1);
	fill_seed(1, seed);
	assert_int_equal(keys_import(keys, 9, seed), 0);
	file_is("9", 1);
	keys_close(keys);
}

/* What is not ours alone is not written over either, nor what nobody can read. */
static void another_s_file_stays(void **state)
{
	(void)state;
	uint8_t seed[SEED_LEN];
	struct keys *keys;
	assert_int_equal(keys_open(dir, &keys), 0);
	fill_seed(1, seed);
	assert_int_equal(keys_import(keys, 9, seed), 0);
	keys_close(keys);
	assert_int_equal(chmod(path_of("9"), 0640), 0);
	assert_int_equal(keys_open(dir, &keys), 0);
	fill_seed(2, seed);
	assert_int_equal(keys_import(keys, 9, seed), -EPERM);
	assert_int_equal(chmod(path_of("9"), 0600), 0);
	file_is("9", 1);
	/* A place for old keys that is taken by what is none. */
	assert_int_equal(symlink("/etc/passwd", path_of("9.old.0")), 0);
	assert_int_equal(keys_import(keys, 9, seed), 0);
	file_is("9", 2);
	file_is("9.old.1", 1);
	keys_close(keys);
}

/* Of a zone that another daemon may have signed too: how far `seq` was is not this key's business.
 */
static void another_key_begins_anew(void **state)
{
	(void)state;
	uint8_t seed[SEED_LEN], sig[64];
	struct keys *keys;
	uint8_t packet[12] = {0, 0, 0x80};
	struct signer_part part = {PAGES_HEAD, packet, sizeof(packet), 1000};
	struct key_owner owner = {.uid = 9};
	assert_int_equal(keys_open(dir, &keys), 0);
	assert_int_equal(keys_of(keys, 9, owner.key), 0);
	assert_int_equal(keys_sign_part(keys, &owner, &part, sig), 0);
	assert_int_equal(keys_sign_part(keys, &owner, &part, sig), -EPERM);
	fill_seed(1, seed);
	assert_int_equal(keys_import(keys, 9, seed), 0);
	assert_int_equal(keys_sign_part(keys, &owner, &part, sig), -EPERM); /* the key before */
	assert_int_equal(keys_of(keys, 9, owner.key), 0);
	assert_int_equal(keys_sign_part(keys, &owner, &part, sig), 0);
	keys_close(keys);
}

int main(int argc, char **argv)
{
	int status;
	if (signer_child(argc, argv, &status))
		return status;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(through_the_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_s_file_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_key_begins_anew, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
