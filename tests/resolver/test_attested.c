/* Keys that zones attest: what a TXT record says, which names a key covers, for how long, and what the
 * disk keeps. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/attested.h"
#include "tests/directory.h"

#define KEY_A "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"
#define KEY_B "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"

static char dir[DIRECTORY_CAP];
static struct own *own;

static void open_own(void)
{
	char path[DIRECTORY_CAP + 16];
	snprintf(path, sizeof(path), "%s/own.db", dir);
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
}

static int set_up(void **state)
{
	(void)state;
	if (directory_make(dir))
		return -1;
	open_own();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	own_close(own);
	return directory_remove(dir);
}

static struct name name_of(const char *text)
{
	struct name n = {.len = 1};
	if (*text)
		assert_int_equal(name_from_text(text, strlen(text), &n), 0);
	return n;
}

static struct attestation attestation_of(const char *zone, const char *key, int64_t until)
{
	struct attestation a = {.zone = name_of(zone), .until = until};
	assert_int_equal(key_from_text(key, strlen(key), a.key), 0);
	return a;
}

/* ---- the text ---- */

/* Strings of one record are divided by `|`, records by a newline. */
static int read_txt(const char *text, struct attestation *ret_attestation)
{
	struct question q = {name_of("_dhtkey.example.com"), TYPE_TXT, CLASS_IN};
	struct rrset *set = rrset_create(&q, 60);
	struct answer *a;
	uint8_t rdata[1200];
	for (const char *at = text; *at;) {
		size_t len = 0, line = strcspn(at, "\n");
		const char *end = at + line;
		while (at < end) {
			size_t n = strcspn(at, "|\n");
			rdata[len] = (uint8_t)n;
			memcpy(rdata + len + 1, at, n);
			len += 1 + n;
			at += n + (at[n] == '|');
		}
		at += *at == '\n';
		assert_int_equal(rrset_add(set, rdata, len), 0);
	}
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	*ret_attestation = (struct attestation){.zone = name_of("example.com")};
	int r = attested_read(a, ret_attestation);
	answer_unref(a);
	rrset_destroy(set);
	return r;
}

static void test_text(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t min; /* -1: it attests nothing */
	} rows[] = {
		{"v=1 k=" KEY_A, 0},
		{"v=1 k=" KEY_A " min=17", 17},
		{"k=" KEY_A " min=17 v=1", 17},
		{"v=1  k=" KEY_A "  ", 0},
		{"v=1 new=word k=" KEY_A, 0},
		{"v=1 k=47pjoycnsrfmxikm95jh13|y88e8qnhzu5kungjpxyepgt7a8krpy| min=5", 5},
		{"v=1 k=" KEY_A "\nhello\nv=spf1 -all", 0},
		{"v=1 k=" KEY_A "\nk=" KEY_A " v=1", 0}, /* the same twice */
		{"v=1 k=" KEY_A "\nv=2 k=" KEY_B, 0},	 /* of a version to come */
		{"v=1 k=" KEY_A " min=999999999999999999", 999999999999999999},
		{"k=" KEY_A, -1},
		{"v=1", -1},
		{"v=2 k=" KEY_A, -1},
		{"v=1 k=" KEY_A "x", -1},
		{"v=1 k=short", -1},
		{"v=1\tk=" KEY_A, -1},
		{"v=1 k=" KEY_A " min=", -1}, /* a bound that is not understood */
		{"v=1 k=" KEY_A " min=-1", -1},
		{"v=1 k=" KEY_A " min=9999999999999999999", -1},
		{"v=1 k=" KEY_A "\nv=1 k=" KEY_B, -1}, /* which? */
		{"v=1 k=" KEY_A "\nv=1 k=" KEY_A " min=2", -1},
		{"hello", -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct attestation a, want = attestation_of("example.com", KEY_A, 0);
		int r = read_txt(rows[i].text, &a);
		if (r != (rows[i].min < 0 ? -ENOENT : 0))
			fail_msg("%s: %d", rows[i].text, r);
		if (r == 0) {
			assert_int_equal(a.min, rows[i].min);
			assert_memory_equal(a.key, want.key, sizeof(a.key));
		}
	}
}

static void test_names(void **state)
{
	(void)state;
	struct name zone = name_of("example.com"), root = {.len = 1}, name, back;
	assert_int_equal(attested_name(&zone, &name), 0);
	struct name want = name_of("_dhtkey.example.com");
	assert_true(name_equal(&name, &want));
	assert_true(attested_zone(&name, &back) && name_equal(&back, &zone));
	assert_int_equal(attested_name(&root, &name), 0);
	assert_true(attested_zone(&name, &back) && name_equal(&back, &root));
	assert_false(attested_zone(&zone, &back));
	assert_false(attested_zone(&root, &back));
	name = name_of("_dhtkeys.example.com");
	assert_false(attested_zone(&name, &back));
}

/* ---- the table ---- */

static const char *found(const struct attested *t, const char *name, int64_t now)
{
	static char text[NAME_TEXT_MAX];
	struct name n = name_of(name);
	const struct pin *pin = attested_find(t, &n, now, 0);
	if (!pin)
		return "-";
	assert_false(pin_is_final(pin));
	name_to_absolute(&pin->suffix, text);
	return text;
}

static void set(struct attested *t, const char *zone, int64_t until)
{
	struct attestation a = attestation_of(zone, KEY_A, until);
	assert_int_equal(attested_set(t, &a, 1000), 0);
}

static void test_nearest_zone(void **state)
{
	(void)state;
	struct attested *t;
	assert_int_equal(attested_create(own, 1000, &t), 0);
	assert_string_equal(found(t, "www.example.com", 1000), "-");
	set(t, "example.com", 2000);
	set(t, "sub.example.com", 3000);
	assert_string_equal(found(t, "www.example.com", 1000), "example.com.");
	assert_string_equal(found(t, "example.com", 1000), "example.com.");
	assert_string_equal(found(t, "a.b.sub.example.com", 1000), "sub.example.com.");
	assert_string_equal(found(t, "xsub.example.com", 1000), "example.com.");
	assert_string_equal(found(t, "com", 1000), "-");
	assert_string_equal(found(t, "xexample.com", 1000), "-");
	assert_string_equal(found(t, "www.example.com." KEY_B, 1000), "-");
	/* Each for its own time. */
	assert_string_equal(found(t, "www.example.com", 1999), "example.com.");
	assert_string_equal(found(t, "www.example.com", 2000), "-");
	assert_string_equal(found(t, "www.sub.example.com", 2000), "sub.example.com.");
	/* The root is a zone too. */
	set(t, "", 3000);
	assert_string_equal(found(t, "www.example.com", 2500), ".");
	/* It says nothing for a while where its zone cannot be read, and is not passed over then: what
	 * the zone above attests is not for these names. */
	struct name sub = name_of("sub.example.com"), www = name_of("www.sub.example.com");
	attested_silent(t, &sub, 70);
	assert_null(attested_find(t, &www, 1000, 69));
	assert_non_null(attested_find(t, &www, 1000, 70));
	attested_drop(t, &sub);
	assert_string_equal(found(t, "www.sub.example.com", 1000), "example.com.");
	attested_drop(t, &sub);
	assert_int_equal(attested_len(t), 2);
	attested_destroy(t);
}

static void test_disk(void **state)
{
	(void)state;
	struct attested *t;
	assert_int_equal(attested_create(own, 1000, &t), 0);
	struct attestation a = attestation_of("example.com", KEY_A, 2000);
	a.min = 77;
	assert_int_equal(attested_set(t, &a, 1000), 0);
	set(t, "gone.example", 2000);
	set(t, "over.example", 1500);
	set(t, "far.example", INT64_MAX); /* a proof may say that: a month it is */
	struct name gone = name_of("gone.example"), www = name_of("www.example.com");
	attested_drop(t, &gone);
	attested_destroy(t);
	own_close(own);
	open_own();
	assert_int_equal(attested_create(own, 1500, &t), 0);
	assert_int_equal(attested_len(t), 2);
	const struct pin *pin = attested_find(t, &www, 1500, 0);
	assert_non_null(pin);
	assert_int_equal(pin->min, 77);
	assert_memory_equal(pin->key, a.key, sizeof(a.key));
	assert_string_equal(found(t, "x.far.example", 1000 + ATTESTED_LIFETIME - 1), "far.example.");
	assert_string_equal(found(t, "x.far.example", 1000 + ATTESTED_LIFETIME), "-");
	/* Another key takes the place of the first. */
	a = attestation_of("example.com", KEY_B, 3000);
	assert_int_equal(attested_set(t, &a, 1500), 0);
	assert_int_equal(attested_len(t), 2);
	pin = attested_find(t, &www, 1500, 0);
	assert_memory_equal(pin->key, a.key, sizeof(a.key));
	attested_destroy(t);
}

struct heard {
	unsigned len;
	struct name name;
};

static void hear(void *ctx, const struct pin *pin, const struct name *name)
{
	(void)pin;
	struct heard *h = ctx;
	h->len++;
	h->name = *name;
}

/* Who reads what is under the key: the names of the zone that attests it. */
static void test_readers(void **state)
{
	(void)state;
	struct attested *t;
	struct heard h = {0};
	assert_int_equal(attested_create(own, 1000, &t), 0);
	set(t, "example.com", 2000);
	struct name inside = name_of("www.example.com." KEY_A), outside = name_of("www.example.net." KEY_A),
		    other = name_of("www.example.com." KEY_B), want = name_of("www.example.com");
	attested_readers(t, &inside, hear, &h);
	assert_int_equal(h.len, 1);
	assert_true(name_equal(&h.name, &want));
	attested_readers(t, &outside, hear, &h);
	attested_readers(t, &other, hear, &h);
	attested_readers(t, &want, hear, &h);
	assert_int_equal(h.len, 1);
	attested_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_nearest_zone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_readers, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
