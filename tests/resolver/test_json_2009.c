/* Replies of the HTTP server of 2009, as DNS messages. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/http_views.h"
#include "resolver/json_2009.h"
#include "resolver/packet.h"
#include "tests/resolver/message_text.h"

static uint8_t message[PACKET_MAX];

/* "-EBADMSG", or "RCODE ANSWERS AUTHORITY ADDITIONAL". */
static const char *read_reply(const char *question, long status, const char *text, size_t len)
{
	static char said[64];
	uint8_t asked[512];
	struct packet_writer w;
	struct packet_reader r;
	struct question q = question_of(question);
	struct reply_2009 reply = {status, text, len};
	const char *why = NULL;
	packet_begin(&w, asked, sizeof(asked), false);
	packet_put_question(&w, &q);
	int n = packet_end(&w, 0, FLAG_RD);
	n = json_2009_message(&reply, asked, (size_t)n, message, &why);
	assert_non_null(why);
	if (n < 0)
		return n == -EBADMSG ? "-EBADMSG" : "?";
	assert_int_equal(packet_open(&r, message, (size_t)n), 0);
	assert_int_equal(r.header.flags & ~0xf, FLAG_QR | FLAG_RD | FLAG_RA);
	snprintf(said, sizeof(said), "%d %u %u %u", r.header.flags & 0xf, r.header.count[1],
		r.header.count[2], r.header.count[3]);
	return said;
}
#define READ(question, status, text) read_reply(question, status, text, strlen(text))

#define HEAD                                                                                       \
	"[[{\"__type__\":\"RRHeader\",\"name\":\"www.old.example\",\"type\":\"A\",\"cls\":\"IN\"," \
	"\"ttl\":3600,"
#define A                                                                                          \
	HEAD "\"payload\":{\"__type__\":\"Record_A\",\"address\":\"193.99.144.85\",\"ttl\":3600}," \
	     "\"auth\":false}],[],[]]"
#define ERROR "[[{\"__type__\":\"error\",\"class\":\"DNSNameError\"}]]"

static void test_answers(void **state)
{
	struct packet_reader r;
	struct rr rr;
	(void)state;
	assert_string_equal(READ("www.old.example A", 200, A), "0 1 0 0");
	assert_int_equal(packet_open(&r, message, sizeof(message)), 0);
	assert_int_equal(packet_next(&r, &rr), 1);
	assert_int_equal(rr.ttl, 3600);
	assert_memory_equal(rr.rdata, "\xc1\x63\x90\x55", 4);
	assert_string_equal(READ("www.old.example A", 200, "[[],[],[]]"), "0 0 0 0");
	assert_string_equal(READ("www.old.example A", 200, " [[],[],[]]\r\n"), "0 0 0 0");
	/* Another class is another's. */
	assert_string_equal(
		READ("www.old.example A", 200,
			"[[{\"name\":\"a\",\"type\":\"A\",\"cls\":\"CH\",\"payload\":{}}],[],[]]"),
		"0 0 0 0");
}

/* A type that 2009 could not write: no denial of it. */
static void test_missing(void **state)
{
	static const char mx[] =
		"[[{\"name\":\"a\",\"type\":\"MX\",\"cls\":\"IN\",\"ttl\":1,"
		"\"payload\":{\"__type__\":\"Record_MX\",\"notimplemented\":true}}],[],[]]";
	(void)state;
	assert_string_equal(READ("a MX", 200, mx), "2 0 0 0");
	assert_string_equal(READ("a A", 200, mx), "0 0 0 0");
}

static void test_status(void **state)
{
	static const struct {
		long status;
		const char *said;
	} rows[] = {{400, "1 0 0 0"}, {403, "5 0 0 0"}, {404, "3 0 0 0"}, {408, "2 0 0 0"},
		{500, "2 0 0 0"}, {502, "2 0 0 0"}, {201, "-EBADMSG"}, {301, "-EBADMSG"},
		{503, "-EBADMSG"}, {0, "-EBADMSG"}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(READ("a.b A", rows[i].status, ERROR), rows[i].said);
	/* The page that any server has for what is not there denies no name. */
	assert_string_equal(READ("a.b A", 404, "<html>not here</html>"), "-EBADMSG");
	assert_string_equal(READ("a.b A", 404, ""), "-EBADMSG");
}

static void test_bad(void **state)
{
	static const char *const rows[] = {"", "x", "[", "[]", "[[],[]]", "[[],[],[],[]]", "{}",
		"[[],[],{}]", "[[],[],[]] x", "[[],[],[]][]", "[[1],[],[]]", "[[{}],[],[]]",
		"[[null],[],[]]", "[[{\"name\":\"a..b\",\"type\":\"A\",\"payload\":{}}],[],[]]",
		"[[{\"name\":\"a\",\"type\":\"NONE\",\"payload\":{}}],[],[]]",
		"[[{\"name\":\"a\",\"type\":\"OPT\",\"payload\":{}}],[],[]]",
		"[[{\"name\":\"a\",\"type\":\"A\"}],[],[]]",
		"[[{\"name\":\"a\",\"type\":\"A\",\"payload\":1}],[],[]]",
		HEAD "\"payload\":{\"address\":\"1.2.3\"}}],[],[]]",
		HEAD "\"payload\":{\"address\":\"1.2.3.4\",\"x\":1}}],[],[]]",
		"[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]],[],[]]"};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(READ("www.old.example A", 200, rows[i]), "-EBADMSG");
	for (size_t len = 0; len < strlen(A); len++)
		assert_string_equal(read_reply("www.old.example A", 200, A, len), "-EBADMSG");
}

/* Our own door writes what this reads, of every type that it has a word for. */
static void test_own_door(void **state)
{
	static const uint8_t txt[] = "\3abc\2de", mx[] = "\0\12\2mx\7example",
			     srv[] = "\0\1\0\2\0\65\1a";
	static const struct {
		uint16_t type;
		const uint8_t *rdata;
		size_t len;
	} rows[] = {{TYPE_TXT, txt, 7}, {TYPE_MX, mx, sizeof(mx)}, {TYPE_SRV, srv, sizeof(srv)},
		{65280, txt, 5}};
	char type[TYPE_TEXT_MAX], question[64];
	uint8_t reply[512];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct packet_writer w;
		struct packet_reader r;
		struct rr rr = {.owner = name_of("a.b"),
			.type = rows[i].type,
			.class = CLASS_IN,
			.ttl = 60,
			.rdata = rows[i].rdata,
			.rdata_len = (uint16_t)rows[i].len};
		struct text t = {0};
		snprintf(question, sizeof(question), "a.b %s", type_to_text(rows[i].type, type));
		struct question q = question_of(question);
		packet_begin(&w, reply, sizeof(reply), true);
		packet_put_question(&w, &q);
		packet_put(&w, &rr);
		view_proxy_2009(reply, (size_t)packet_end(&w, 0, FLAG_QR), &t);
		assert_string_equal(read_reply(question, 200, t.bytes, t.len), "0 1 0 0");
		assert_int_equal(packet_open(&r, message, sizeof(message)), 0);
		assert_int_equal(packet_next(&r, &rr), 1);
		assert_int_equal(rr.rdata_len, rows[i].len);
		assert_memory_equal(rr.rdata, rows[i].rdata, rows[i].len);
		text_destroy(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers),
		cmocka_unit_test(test_missing), cmocka_unit_test(test_status),
		cmocka_unit_test(test_bad), cmocka_unit_test(test_own_door)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
