/* resolver/root_keys: which keys are kept, for how long they spare a look-up, and what a file that
 * anybody may have written brings in. Whether a signature holds is the judge's business
 * (tests/net/test_mirror.py). */
#undef NDEBUG
#include "resolver/root_keys.h"

#include <stdio.h>
#include <sys/stat.h>

#include "resolver/claim.h"
#include "resolver/clock.h"
#include "tests/directory.h"
#include "tests/leap.h"
#include "tests/resolver/message_text.h"

#define DAY 86400

static char dir[DIRECTORY_CAP], path[96];
static struct root_keys *keys;

static int set_up(void **state)
{
	(void)state;
	if (directory_make(dir) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/root-keys", dir);
	keys = root_keys_create(path);
	return keys ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	root_keys_destroy(keys);
	return directory_remove(dir);
}

static int64_t now_seconds(void)
{
	return clock_wall() / (int64_t)SECOND;
}

/* "example DS", signed by `signer` for so many seconds from now on. */
struct said {
	const char *question, *signer;
	uint32_t ttl;
	int64_t signed_for;
};

static size_t message_of(const struct said *s, uint8_t message[PACKET_MAX])
{
	struct question q = question_of(s->question);
	char lines[4 * NAME_TEXT_MAX], name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
	name_to_text(&q.name, name);
	snprintf(lines, sizeof(lines),
		"an %s. %u %s rdata.of.a.key\nan %s. %u RRSIG %s/%u/%s/%u/%lld/%lld\n", name,
		s->ttl, type_to_text(q.type, type), name, s->ttl, type, name_labels(&q.name),
		s->signer, s->ttl, (long long)now_seconds() - 3600,
		(long long)now_seconds() + s->signed_for);
	return message_from_text(&q, FLAG_QR, lines, message);
}

static struct answer *answer_of(const struct said *s)
{
	static uint8_t message[PACKET_MAX];
	struct question q = question_of(s->question);
	struct answer *a;
	assert_int_equal(answer_from_message(&q, message, message_of(s, message), &a), 0);
	a->source = SOURCE_DNS;
	a->trust = TRUST_DNSSEC;
	a->validated = true;
	return a;
}

static void hear(const char *question, const char *signer, uint32_t ttl, int64_t signed_for)
{
	struct answer *a = answer_of(&(struct said){question, signer, ttl, signed_for});
	root_keys_hear(keys, a);
	answer_unref(a);
}

/* 'f': kept and fresh; 'k': kept; '-': neither. */
static char state_of(const char *question)
{
	struct question q = question_of(question);
	struct root_key key;
	if (!root_keys_find(keys, &q, &key))
		return '-';
	assert_true(key.len > 0 && key.message);
	return key.fresh ? 'f' : 'k';
}

static size_t kept(void)
{
	struct root_keys_counters c;
	root_keys_counters(keys, &c);
	return c.kept;
}

/* ---- what is kept ---- */

static void only_proven_keys_of_the_top(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct said said;
		char spoil; /* 'v': not validated; 'd': of the DHT; 's': stale; 'e': an error */
		char want;
	} rows[] = {
		{"the root's keys", {". DNSKEY", ".", 3600, DAY}, ' ', 'f'},
		{"keys of a domain", {"example DNSKEY", "example", 3600, DAY}, ' ', 'f'},
		{"what vouches for them", {"example2 DS", ".", 3600, DAY}, ' ', 'f'},
		{"no further down", {"a.example DNSKEY", "a.example", 3600, DAY}, ' ', '-'},
		{"nor DS there", {"a.example DS", "example", 3600, DAY}, ' ', '-'},
		{"no DS of the root", {". DS", ".", 3600, DAY}, ' ', '-'},
		{"no other type", {"example3 TXT", "example3", 3600, DAY}, ' ', '-'},
		{"nothing unproven", {"example4 DNSKEY", "example4", 3600, DAY}, 'v', '-'},
		{"nothing of slots", {"example5 DNSKEY", "example5", 3600, DAY}, 'd', '-'},
		{"nothing stale", {"example6 DNSKEY", "example6", 3600, DAY}, 's', '-'},
		{"no failure", {"example7 DNSKEY", "example7", 3600, DAY}, 'e', '-'},
		{"nothing that has ended", {"example8 DNSKEY", "example8", 3600, -1}, ' ', '-'},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct answer *a = answer_of(&rows[i].said);
		a->validated = rows[i].spoil != 'v';
		a->source = rows[i].spoil == 'd' ? SOURCE_DHT : SOURCE_DNS;
		a->ede = rows[i].spoil == 's' ? EDE_STALE : EDE_NONE;
		a->error = rows[i].spoil == 'e' ? -EBADMSG : 0;
		root_keys_hear(keys, a);
		answer_unref(a);
		if (state_of(rows[i].said.question) != rows[i].want)
			fail_msg("%s", rows[i].what);
	}
	assert_int_equal(kept(), 3);
}

static void fresh_for_a_ttl_and_kept_while_signed(void **state)
{
	(void)state;
	hear(". DNSKEY", ".", 3600, 10 * DAY);
	hear("long DNSKEY", "long", 7 * DAY, 10 * DAY);
	hear("short DNSKEY", "short", 3600, 60);
	passed += 61 * LEAP_SECOND;
	assert_int_equal(
		state_of("short DNSKEY"), '-'); /* its signature has ended before its TTL */
	assert_int_equal(state_of(". DNSKEY"), 'f');
	passed += 3600 * LEAP_SECOND;
	assert_int_equal(state_of(". DNSKEY"), 'k');
	assert_int_equal(state_of("long DNSKEY"), 'f');
	passed += DAY * LEAP_SECOND;
	assert_int_equal(state_of("long DNSKEY"), 'k'); /* a day at most */
	hear(". DNSKEY", ".", 3600, 10 * DAY);
	assert_int_equal(state_of(". DNSKEY"), 'f');
	struct question q = question_of(". DNSKEY");
	root_keys_doubt(keys, &q);
	assert_int_equal(state_of(". DNSKEY"), 'k');
	passed -= 2 * 3600 *
		  LEAP_SECOND; /* the clock was set back: what came later is no longer fresh */
	hear("long DNSKEY", "long", 3600, 10 * DAY);
	passed -= 2 * 3600 * LEAP_SECOND;
	assert_int_equal(state_of("long DNSKEY"), 'k');
	passed += 4 * 3600 * LEAP_SECOND;
}

/* ---- what is asked for ---- */

static size_t wanted(const char *question, const char *signer, char *ret_text, size_t cap)
{
	struct answer *a = answer_of(&(struct said){question, signer, 300, DAY});
	struct question w[ROOT_KEYS_WANTED];
	size_t len = root_keys_wanted(keys, a, w);
	answer_unref(a);
	*ret_text = '\0';
	for (size_t i = 0; i < len; i++) {
		char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
		size_t at = strlen(ret_text);
		name_to_text(&w[i].name, name);
		snprintf(ret_text + at, cap - at, "%s%s %s", i ? ", " : "", name,
			type_to_text(w[i].type, type));
	}
	return len;
}

static void each_is_asked_for_once_a_minute_until_it_is_here(void **state)
{
	(void)state;
	char text[512], root[NAME_TEXT_MAX], want[NAME_TEXT_MAX + 64];
	struct name name = {.len = 1};
	name_to_text(&name, root);
	snprintf(want, sizeof(want), "%s DNSKEY, example DS, example DNSKEY", root);
	wanted("www.a.b.example TXT", "b.example", text, sizeof(text));
	assert_string_equal(text, want);
	assert_int_equal(wanted("www.a.b.example TXT", "b.example", text, sizeof(text)), 0);
	hear("example DS", ".", 3600, DAY);
	passed += 61 * LEAP_SECOND;
	snprintf(want, sizeof(want), "%s DNSKEY, example DNSKEY", root);
	wanted("www.c.example TXT", "c.example", text, sizeof(text));
	assert_string_equal(text, want);
	hear(". DNSKEY", ".", 3600, DAY);
	hear("example DNSKEY", "example", 3600, DAY);
	passed += 61 * LEAP_SECOND;
	assert_int_equal(wanted("www.c.example TXT", "c.example", text, sizeof(text)), 0);
	passed += 3600 * LEAP_SECOND;
	assert_int_equal(wanted("www.c.example TXT", "c.example", text, sizeof(text)), 3);
	/* Who signs below the root alone wants no domain's. */
	passed += 61 * LEAP_SECOND;
	assert_int_equal(wanted("other DS", ".", text, sizeof(text)), 1);
}

static void the_root_outlives_a_thousand_domains(void **state)
{
	(void)state;
	char text[512], question[64], signer[64];
	hear(". DNSKEY", ".", 3600, DAY);
	hear("mine DNSKEY", "mine", 3600, DAY);
	hear("mine DS", ".", 3600, DAY);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(question, sizeof(question), "www.a.t%u TXT", i);
		snprintf(signer, sizeof(signer), "a.t%u", i);
		wanted(question, signer, text, sizeof(text));
		snprintf(question, sizeof(question), "t%u DS", i);
		hear(question, ".", 3600, DAY);
		if (i % 10 == 0) { /* who is in use stays as well */
			assert_int_equal(state_of("mine DNSKEY"), 'f');
			assert_int_equal(state_of("mine DS"), 'f');
		}
	}
	assert_int_equal(state_of(". DNSKEY"), 'f');
	assert_true(kept() <= 1 + 2 * ROOT_KEYS_DOMAINS);
	assert_int_equal(state_of("t0 DS"), '-');
	assert_int_equal(state_of("t999 DS"), 'f');
}

/* ---- the file ---- */

static void again(void)
{
	root_keys_destroy(keys);
	keys = root_keys_create(path);
	assert_non_null(keys);
}

static void a_restart_keeps_them(void **state)
{
	(void)state;
	struct stat st;
	hear(". DNSKEY", ".", 3600, DAY);
	hear("example DS", ".", 60, DAY);
	hear("gone DS", ".", 60, 30);
	assert_true(root_keys_changed(keys));
	assert_int_equal(root_keys_write(keys), 0);
	assert_false(root_keys_changed(keys));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	passed += 61 * LEAP_SECOND;
	again();
	assert_int_equal(kept(), 2);
	assert_int_equal(state_of(". DNSKEY"), 'f');
	assert_int_equal(state_of("example DS"), 'k');
	assert_int_equal(state_of("gone DS"), '-');
	/* Nothing is written where nothing has changed. */
	unlink(path);
	again();
	assert_int_equal(kept(), 0);
	assert_true(stat(path, &st) < 0 && errno == ENOENT);
}

/* One entry behind the first line. */
static size_t put_entry(uint8_t *file, size_t len, int64_t came, const struct said *said)
{
	uint8_t message[PACKET_MAX];
	size_t message_len = message_of(said, message);
	for (unsigned i = 0; i < 8; i++)
		file[len + i] = (uint8_t)((uint64_t)came >> (56 - 8 * i));
	file[len + 8] = (uint8_t)(message_len >> 8);
	file[len + 9] = (uint8_t)message_len;
	memcpy(file + len + 10, message, message_len);
	return len + 10 + message_len;
}

static size_t parse(const uint8_t *file, size_t len)
{
	uint8_t *exact = malloc(len); /* so that a read behind its end is found */
	memcpy(exact, file, len);
	size_t found = root_keys_parse(keys, exact, len, now_seconds());
	free(exact);
	return found;
}

static void a_file_brings_in_no_more_than_dns(void **state)
{
	(void)state;
	static uint8_t file[1 << 16];
	static const char head[] = "kadns root keys 1\n";
	const size_t begin = sizeof(head) - 1;
	int64_t now = now_seconds();
	memcpy(file, head, begin);
	size_t len = put_entry(
		file, begin, now, &(struct said){"a.example DNSKEY", "a.example", 60, DAY});
	len = put_entry(file, len, now, &(struct said){"x TXT", "x", 60, DAY});
	len = put_entry(file, len, now, &(struct said){"old DS", ".", 60, -1});
	assert_int_equal(parse(file, len), 0);
	/* A date of after now, or of before 1970, is no reason to spare a look-up; nor is a TTL of
	 * years. */
	len = put_entry(file, begin, now + DAY, &(struct said){"ahead DS", ".", 3600, DAY});
	len = put_entry(file, len, -1, &(struct said){"before DS", ".", 3600, DAY});
	len = put_entry(file, len, INT64_MIN, &(struct said){"least DS", ".", 3600, DAY});
	len = put_entry(file, len, INT64_MAX, &(struct said){"most DS", ".", 3600, DAY});
	len = put_entry(
		file, len, now - DAY, &(struct said){"years DS", ".", 0x7fffffff, 90 * DAY});
	len = put_entry(file, len, now, &(struct said){"good DS", ".", 3600, DAY});
	assert_int_equal(parse(file, len), 6);
	static const char *const names[] = {
		"ahead DS", "before DS", "least DS", "most DS", "years DS"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(state_of(names[i]), 'k');
	assert_int_equal(state_of("good DS"), 'f');
	/* Cut anywhere, and each byte changed: nothing is read that is not there. */
	len = put_entry(file, begin, now, &(struct said){"good DS", ".", 3600, DAY});
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(parse(file, cut), 0);
	for (size_t i = 0; i < len; i++) {
		file[i] ^= 0xff;
		parse(file, len);
		file[i] ^= 0xff;
	}
	/* A thousand of them: those that there is room for, and no more is read. */
	len = begin;
	for (unsigned i = 0; i < 400; i++) {
		char question[32];
		snprintf(question, sizeof(question), "t%u DS", i);
		len = put_entry(file, len, now, &(struct said){question, ".", 3600, DAY});
	}
	assert_int_equal(parse(file, len), 1 + 2 * ROOT_KEYS_DOMAINS);
	assert_true(kept() <= 1 + 2 * ROOT_KEYS_DOMAINS);
}

static void what_is_no_file_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	again();
	hear(". DNSKEY", ".", 3600, DAY);
	assert_true(root_keys_write(keys) < 0);
	assert_true(root_keys_changed(keys)); /* it is tried again */
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	again(); /* (that has replaced the fifo by a file) */
	assert_int_equal(kept(), 1);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	root_keys_destroy(keys);
	keys = root_keys_create(path); /* waits for nobody */
	assert_int_equal(kept(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_proven_keys_of_the_top, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			fresh_for_a_ttl_and_kept_while_signed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			each_is_asked_for_once_a_minute_until_it_is_here, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_root_outlives_a_thousand_domains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_restart_keeps_them, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_file_brings_in_no_more_than_dns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_left_alone, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
